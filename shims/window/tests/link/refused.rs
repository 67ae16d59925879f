//! What can't be linked, and what the error tells the user to do.

use memctl_window::{Error, Windows, libraries, link};

const TWO: Windows = Windows::new().memory32(2, 65536);

fn error(wat: &str, windows: Windows) -> Error {
    let module = wat::parse_str(wat).unwrap();
    let error = link(&module, &windows).unwrap_err();
    // A library may be what helps; then it isn't refused.
    if !matches!(error, Error::TooManyMemories { .. }) {
        assert_eq!(libraries(&module, &windows).unwrap_err(), error);
    }
    error
}

#[test]
fn a_linked_module_is_not_linked_again() {
    let module = wat::parse_str("(module (memory 1))").unwrap();
    let linked = link(&module, &TWO).unwrap();
    assert_eq!(link(&linked.wasm, &TWO), Err(Error::AlreadyLinked));
}

#[test]
fn what_is_no_core_module_with_a_memory_of_its_own_says_so() {
    assert_eq!(error("(component)", TWO), Error::Component);
    assert_eq!(error("(module)", TWO), Error::NoMemory);
    let imported = error(r#"(module (import "env" "memory" (memory 1)))"#, TWO);
    assert_eq!(imported, Error::ImportedMemory { module: "env".into(), field: "memory".into() });
    assert!(imported.to_string().contains("--import-memory"), "{imported}");
    let object = error(r#"(module (@custom "linking" "") (memory 1))"#, TWO);
    assert_eq!(object, Error::Object { section: "linking".into() });
    assert_eq!(error(r#"(module (@custom "memctl.instrumented" "") (memory 1))"#, TWO), Error::Instrumented);
    assert!(matches!(link(b"\0asm\x01\0\0\0\x05", &TWO), Err(Error::Invalid { .. })));
    assert!(matches!(error("(module (memory 1) (func (drop)))", TWO), Error::Invalid { .. }));
}

#[test]
fn counts_and_sizes_that_no_module_can_have_say_what_they_can_be() {
    let of = |windows| error("(module (memory 1))", windows);
    assert_eq!(of(Windows::new()), Error::NoWindows);
    assert_eq!(of(Windows::new().memory32(20, 1).memory64(9, 1)), Error::TooManyWindows { count: 29 });
    assert_eq!(of(Windows::new().memory32(u32::MAX, 1).memory64(2, 1)), Error::TooManyWindows { count: u32::MAX });
    let large = of(Windows::new().memory32(1, (1 << 32) + 1));
    assert_eq!(large, Error::WindowSize { size: (1 << 32) + 1, memory64: false, most: 1 << 32 });
    assert!(large.to_string().contains("--count64"), "{large}");
    assert!(matches!(of(Windows::new().memory32(1, 0)), Error::WindowSize { .. }));
    assert!(matches!(of(Windows::new().memory64(1, 0)), Error::WindowSize { .. }));
    let many = format!("(module {})", "(memory 0)".repeat(98));
    assert_eq!(error(&many, TWO), Error::TooManyMemories { count: 101 });
    let small = error("(module (memory 1 (pagesize 1)))", Windows::new().memory32(1, 1 << 32));
    assert!(matches!(small, Error::WindowSize { most: 0xffff_ffff, .. }), "{small}");
}

#[test]
fn the_largest_windows_are_linked() {
    for memory in ["(memory 1)", "(memory 1 (pagesize 1))"] {
        let module = wat::parse_str(format!("(module {memory})")).unwrap();
        link(&module, &Windows::new().memory32(1, u32::MAX.into()).memory64(27, 1 << 47)).unwrap();
    }
    let module = wat::parse_str("(module (memory 1))").unwrap();
    let linked = link(&module, &Windows::new().memory32(28, 1 << 32)).unwrap();
    assert_eq!(linked.report.windows[27].bytes, 1 << 32);
}

#[test]
fn a_function_that_there_is_not_is_named_with_one_that_there_is() {
    let unknown = |module: &str, field: &str| {
        let wat = format!("(module (import \"{module}\" \"{field}\" (func (param i32 i32) (result i32))) (memory 1))");
        error(&wat, TWO).to_string()
    };
    let typo = unknown("memctl:window", "i32.laod");
    assert!(typo.contains("i32.laod") && typo.contains("did you mean \"i32.load\"?"), "{typo}");
    let other = unknown("memctl:window64", "brk");
    assert!(other.contains("\"memctl:window64\" \"brk\"") && !other.contains("did you mean"), "{other}");
    let ty = unknown("memctl:window64", "i32.load");
    assert!(ty.contains("is declared as (i32 i32) -> (i32), and is (i64 i32) -> (i32)"), "{ty}");
    let global = error(r#"(module (import "memctl:window" "count" (global i32)) (memory 1))"#, TWO);
    assert!(matches!(global, Error::UnknownFunction { .. }), "{global}");
}
