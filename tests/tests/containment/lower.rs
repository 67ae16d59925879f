//! Host code writes what the guest is given: results of imported functions, arguments of exported ones, where the guest's `realloc` says.

use memctl_tests::hostile::{Hostile, RESULT};
use wasmtime::component::{Type, Val};

use crate::scene::{BAD, Maker, PAGE, Scene};
use crate::shapes::{LONG, SHAPES, Shape, maker};

/// Where what is written first goes.
fn aims() -> Vec<(Shape, u32)> {
    // What is good behind the file's end takes what comes before the edge, so that the file stays as it is.
    let places = [BAD.start, BAD.end - PAGE, BAD.end - 8, BAD.start - 3000, BAD.start - 16];
    let at = |shape: &Shape| places.map(|at| (*shape, at));
    SHAPES.iter().filter(|shape| shape.name != "many").flat_map(at).collect()
}

#[test]
fn a_result_that_realloc_puts_there_traps() {
    let mut scene = Scene::new();
    let maker = maker(&scene);
    maker.contains(&mut scene, &aims(), |guest, (shape, at)| {
        guest.call("aim", &[(*at).into()]);
        guest.try_call(&format!("give-{}", shape.name), &[RESULT.into()])
    });
}

#[test]
fn a_result_whose_place_is_there_traps() {
    let mut scene = Scene::new();
    let maker = maker(&scene);
    let at = |shape: &Shape| [BAD.start, BAD.end - 8, BAD.start - 8].map(|at| (*shape, at));
    let cases = SHAPES.iter().flat_map(at).filter(|(shape, at)| at + shape.size > BAD.start);
    let cases: Vec<_> = cases.collect();
    maker.contains(&mut scene, &cases, |guest, (shape, at)| {
        guest.call("aim", &[0x10_8000]);
        guest.try_call(&format!("give-{}", shape.name), &[(*at).into()])
    });
}

/// Something of that type, as long as what the test's functions give.
fn sample(ty: &Type) -> Val {
    let many = |value: Val| Val::List(vec![value; LONG as usize]);
    match ty {
        Type::Bool => Val::Bool(true),
        Type::U8 => Val::U8(1),
        Type::U16 => Val::U16(1),
        Type::U32 => Val::U32(1),
        Type::U64 => Val::U64(1),
        Type::String => Val::String("s".repeat(LONG as usize)),
        Type::List(list) if matches!(list.ty(), Type::String) => many(Val::String("some".to_owned())),
        Type::List(list) if matches!(list.ty(), Type::List(_)) => many(Val::List(vec![Val::U8(1); 5])),
        Type::List(list) => many(sample(&list.ty())),
        Type::Tuple(tuple) => Val::Tuple(tuple.types().map(|ty| sample(&ty)).collect()),
        Type::Option(option) => Val::Option(Some(Box::new(sample(&option.ty())))),
        Type::Result(result) => Val::Result(Ok(result.ok().map(|ty| Box::new(sample(&ty))))),
        other => panic!("no shape has {other:?}"),
    }
}

fn take_in(guest: &mut Hostile, shape: &Shape) -> wasmtime::Result<u64> {
    let func = guest.instance().get_func(&mut guest.store, format!("in-{}", shape.name)).expect("exported");
    let (_, ty) = func.ty(&guest.store).params().next().expect("one parameter");
    func.call(&mut guest.store, &[sample(&ty)], &mut []).map(|()| 0)
}

#[test]
fn an_argument_of_an_export_that_realloc_puts_there_traps() {
    let mut scene = Scene::new();
    let maker = maker(&scene);
    let mut cases = aims();
    cases.extend(SHAPES.iter().filter(|shape| shape.name == "many").map(|shape| (*shape, BAD.start)));
    maker.contains(&mut scene, &cases, |guest, (shape, at)| {
        guest.call("aim", &[(*at).into()]);
        take_in(guest, shape)
    });
}

#[test]
fn all_of_it_works_where_nothing_is_bad() {
    let mut scene = Scene::new();
    let maker: Maker = maker(&scene);
    let mut guest = maker.guest(&scene);
    for shape in SHAPES {
        guest.call("aim", &[0x10_8000]);
        guest.call(&format!("give-{}", shape.name), &[RESULT.into()]);
        guest.call("aim", &[0x10_8000]);
        take_in(&mut guest, &shape).expect("takes it");
        let mut zeros = maker.guest(&scene);
        zeros.call(&format!("take-{}", shape.name), &(shape.arguments)(0x8_0000, 1));
    }
    assert_eq!(guest.store.data().memctl.last_fault(), None);
    scene.assert_others_go_on("nothing happened");
}
