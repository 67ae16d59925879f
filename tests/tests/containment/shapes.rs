//! Values of many shapes, as arguments and results of functions that the test defines.

use memctl_tests::State;
use memctl_tests::hostile::{Lowered, hostile_component};
use wasmtime::component::{ComponentNamedList, Lift, Linker, LinkerInstance, Lower};

use crate::scene::{Maker, Scene};

/// A shape as the component writes it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Shape {
    pub(crate) name: &'static str,
    wit: &'static str,
    /// Flattened, as a parameter.
    flat: &'static str,
    /// As a function whose parameter it is takes its arguments, if its bytes are at `at`: `len` is in elements.
    pub(crate) arguments: fn(at: u32, len: u32) -> Vec<u64>,
    /// Bytes of one element of what is pointed to, and of the value itself where a result is put.
    pub(crate) element: u32,
    pub(crate) size: u32,
    pub(crate) align: u32,
}

fn pointed(at: u32, len: u32) -> Vec<u64> {
    vec![at.into(), len.into()]
}

const fn list(name: &'static str, wit: &'static str, element: u32) -> Shape {
    Shape { name, wit, flat: "i32 i32", arguments: pointed, element, size: 8, align: 4 }
}

pub(crate) const SHAPES: [Shape; 12] = [
    list("string", "string", 1),
    list("bytes", "(list u8)", 1),
    list("shorts", "(list u16)", 2),
    list("words", "(list u32)", 4),
    list("longs", "(list u64)", 8),
    list("flags", "(list bool)", 1),
    list("pairs", "(list (tuple u8 u64))", 16),
    list("strings", "(list string)", 8),
    list("lists", "(list (list u8))", 8),
    Shape {
        name: "option",
        wit: "(option string)",
        flat: "i32 i32 i32",
        arguments: |at, len| vec![1, at.into(), len.into()],
        element: 1,
        size: 12,
        align: 4,
    },
    Shape {
        name: "answer",
        wit: "(result string (error u64))",
        flat: "i32 i64 i32",
        arguments: |at, len| vec![0, at.into(), len.into()],
        element: 1,
        size: 24,
        align: 8,
    },
    // Too many to be passed one by one: the argument is a pointer.
    Shape {
        name: "many",
        wit: "(tuple u64 u64 u64 u64 u64 u64 u64 u64 u64 u64 u64 u64 u64 u64 u64 u64 u8)",
        flat: "i32",
        arguments: |at, _| vec![at.into()],
        element: 136,
        size: 136,
        align: 8,
    },
];

type Many = (u64, u64, u64, u64, u64, u64, u64, u64, u64, u64, u64, u64, u64, u64, u64, u64, u8);

/// How long what is given out is, in elements: over many host pages, or a few bytes.
pub(crate) const LONG: u32 = 5000;

/// A component that passes each shape to the host (`take-SHAPE`), is given it by the host (`give-SHAPE`, whose last argument is where the result
/// goes), takes it from the host (`in-SHAPE`) and gives it to the host (`out-SHAPE`, from where `put` said; `post-SHAPE` has a post-return too).
pub(crate) fn maker(scene: &Scene) -> Maker {
    let [mut imports, mut lifts] = [const { String::new() }; 2];
    let mut lowered = Vec::new();
    let mut core = String::from(
        r#"(global $put (mut i32) (i32.const 0))
        (func (export "put") (param i32) local.get 0 global.set $put)
        (func (export "out") (result i32) global.get $put)
        (func (export "post") (param i32))"#,
    );
    lifts += r#"(func (export "put") (param "p" u32) (canon lift (core func $g "put")))"#;
    for Shape { name, wit, flat, .. } in SHAPES {
        imports += &format!(r#"(export "take-{name}" (func (param "it" {wit}))) "#);
        imports += &format!(r#"(export "give-{name}" (func (result {wit}))) "#);
        lowered.push(Lowered::of("shapes", &format!("take-{name}"), &format!("take-{name}"), (flat, "")));
        lowered.push(Lowered::of("shapes", &format!("give-{name}"), &format!("give-{name}"), ("i32", "")));
        let options = r#"(memory (core memory $m "memory")) (realloc (core func $m "realloc"))"#;
        core += &format!(r#"(func (export "in-{name}") (param {flat}))"#);
        lifts += &format!(
            r#"(func (export "in-{name}") (param "it" {wit}) (canon lift (core func $g "in-{name}") {options}))
            (func (export "out-{name}") (result {wit}) (canon lift (core func $g "out") {options}))
            (func (export "post-{name}") (result {wit})
                (canon lift (core func $g "out") {options} (post-return (core func $g "post"))))"#
        );
    }
    let imports = format!(r#"(import "test:host/shapes" (instance $shapes {imports}))"#);
    let component = hostile_component(scene.world.engine(), &imports, &lowered, &core, &lifts);
    let mut linker = scene.world.linker().clone();
    define(&mut linker).expect("the test's functions link");
    Maker::Component(component, Box::new(linker))
}

fn define(linker: &mut Linker<State>) -> wasmtime::Result<()> {
    let mut shapes = linker.instance("test:host/shapes")?;
    let long = LONG as usize;
    one(&mut shapes, "string", "s".repeat(long))?;
    one(&mut shapes, "bytes", vec![1_u8; long])?;
    one(&mut shapes, "shorts", vec![1_u16; long])?;
    one(&mut shapes, "words", vec![1_u32; long])?;
    one(&mut shapes, "longs", vec![1_u64; long])?;
    one(&mut shapes, "flags", vec![true; long])?;
    one(&mut shapes, "pairs", vec![(1_u8, 1_u64); long])?;
    one(&mut shapes, "strings", vec!["some".to_owned(); long])?;
    one(&mut shapes, "lists", vec![vec![1_u8; 5]; long])?;
    one(&mut shapes, "option", Some("s".repeat(long)))?;
    one(&mut shapes, "answer", Ok::<_, u64>("s".repeat(long)))?;
    let many: Many = (1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1);
    one(&mut shapes, "many", many)
}

/// Functions that take and give one shape.
fn one<V>(shapes: &mut LinkerInstance<'_, State>, name: &str, value: V) -> wasmtime::Result<()>
where
    V: Lift + Lower + Clone + Send + Sync + 'static,
    (V,): ComponentNamedList + Lift + Lower,
{
    shapes.func_wrap(&format!("take-{name}"), |_, (taken,): (V,)| {
        // Whatever nobody uses need not be read.
        std::hint::black_box(taken);
        Ok(())
    })?;
    shapes.func_wrap(&format!("give-{name}"), move |_, ()| Ok((value.clone(),)))
}
