//! Host code reads what the guest passes: arguments of imported functions, results of exported ones.

use memctl_tests::hostile::Hostile;
use memctl_tests::{AUTOMATIC, LEASED, PRIVATE};
use wasmtime::component::Val;

use crate::scene::{BAD, Bad, PAGE, Scene};
use crate::shapes::{SHAPES, Shape, maker};

/// Where `len` elements touch a bad byte: the first, the last, over each edge.
fn places(shape: &Shape) -> Vec<(Shape, u32, u32)> {
    let element = shape.element;
    let most = if shape.size == element { 1 } else { 2 * PAGE / element };
    let mut places = Vec::new();
    for len in [1, 2.min(most), most] {
        let bytes = len * element;
        // Over the edge into what is bad, and out of it, as far as the alignment lets it.
        let step = shape.align.max(element.min(8)).min(bytes);
        places.extend([BAD.start, BAD.end - bytes, BAD.start + step - bytes, BAD.end - step]);
    }
    places.sort_unstable();
    places.dedup();
    let aligned = |at: &u32| at.is_multiple_of(element.min(8).next_power_of_two().min(8));
    let touching = |at: &u32| *at < BAD.end;
    let lens = |at: u32| [1, most].map(|len| (*shape, at, len));
    let places: Vec<_> = places.into_iter().filter(aligned).filter(touching).flat_map(lens).collect();
    places.into_iter().filter(|(_, at, len)| at + len * element > BAD.start).collect()
}

fn all_places() -> Vec<(Shape, u32, u32)> {
    SHAPES.iter().flat_map(places).collect()
}

#[test]
fn an_argument_there_traps_its_caller() {
    let mut scene = Scene::new();
    let maker = maker(&scene);
    maker.contains(&mut scene, &all_places(), |guest, (shape, at, len)| {
        guest.try_call(&format!("take-{}", shape.name), &(shape.arguments)(*at, *len))
    });
}

#[test]
fn an_element_that_points_there_traps_its_caller() {
    const OUTER: u32 = 0x8_0000;
    let mut scene = Scene::new();
    let maker = maker(&scene);
    let cases: Vec<_> = ["strings", "lists"]
        .into_iter()
        .flat_map(|name| {
            [(BAD.start, 1), (BAD.start - 10, 11), (BAD.end - 1, 1), (BAD.end - 1, 10)].map(|at| (name, at))
        })
        .collect();
    maker.contains(&mut scene, &cases, |guest, &(name, (at, len))| {
        for (word, value) in [at, len].into_iter().enumerate() {
            guest.write(OUTER + 8 * 3 + 4 * u32::try_from(word).expect("small"), &value.to_le_bytes());
        }
        guest.try_call(&format!("take-{name}"), &[OUTER.into(), 5])
    });
}

/// Calls an export that gives a value, and gives 0.
fn give(guest: &mut Hostile, name: &str) -> wasmtime::Result<u64> {
    let func = guest.instance().get_func(&mut guest.store, name).expect("exported");
    func.call(&mut guest.store, &[], &mut [Val::Bool(false)]).map(|()| 0)
}

/// Puts the result's own bytes at `to`, and lets them say that it is at `at`.
fn put(guest: &mut Hostile, shape: &Shape, to: u32, at: u32, len: u32) {
    guest.call("put", &[to.into()]);
    let words: &[u32] = match shape.name {
        "option" => &[1, at, len],
        "answer" => &[0, 0, at, len],
        _ => &[at, len],
    };
    for (word, value) in words.iter().enumerate() {
        guest.write(to + 4 * u32::try_from(word).expect("small"), &value.to_le_bytes());
    }
}

#[test]
fn a_result_that_points_there_traps_before_the_host_has_it() {
    let mut scene = Scene::new();
    let maker = maker(&scene);
    let cases: Vec<_> = all_places().into_iter().filter(|(shape, ..)| shape.name != "many").collect();
    maker.contains(&mut scene, &cases, |guest, (shape, at, len)| {
        put(guest, shape, 0x8_0000, *at, *len);
        give(guest, &format!("post-{}", shape.name))
    });
}

/// Where a result's own bytes are bad.
fn result_places() -> Vec<(Shape, u32)> {
    let at =
        |shape: &Shape| [BAD.start, BAD.end - shape.size.next_multiple_of(8), BAD.start - 8].map(|at| (*shape, at));
    let places = SHAPES.iter().flat_map(at);
    // One that begins before the edge has to have all its bytes read: an option says so with its first.
    places.filter(|(shape, at)| *at >= BAD.start || shape.name == "many").collect()
}

#[test]
fn a_result_whose_own_bytes_are_there_traps_before_the_host_has_it() {
    let mut scene = Scene::new();
    let maker = maker(&scene);
    maker.contains(&mut scene, &result_places(), |guest, (shape, at)| {
        guest.call("put", &[(*at).into()]);
        give(guest, &format!("post-{}", shape.name))
    });
}

#[test]
fn a_result_without_a_post_return_is_found_by_who_asks_and_at_the_next_entry() {
    let mut scene = Scene::new();
    let maker = maker(&scene);
    for ask in [AUTOMATIC, LEASED, PRIVATE] {
        for (shape, at) in result_places() {
            let mut guest = maker.guest(&scene);
            scene.spoil(&mut guest, ask, Bad::Gone);
            guest.call("put", &[at.into()]);
            // Control went back to the host before the host looked: no crossing comes after it.
            give(&mut guest, &format!("out-{}", shape.name)).expect("zeros are a value of any shape");
            let checked = guest.store.data().memctl.check().map_err(wasmtime::Error::from);
            scene.assert_contained(guest, Bad::Gone, shape.name, checked);
        }
    }
}
