//! Two components composed in one store: they call each other without the host seeing it.

use memctl_tests::hostile::{Hostile, Lowered, MEMORY_CONTROL, RESULT, inside, map_arguments, part_arguments};
use memctl_tests::probe::ErrorCode;
use memctl_tests::{AUTOMATIC, Ask, GRANULE, LEASED, World};
use wasmtime::component::Component;

use crate::the_same_on_every_backend;

const WINDOW: u32 = 0x4_0000;

/// What the front component calls in the back one, and what the host calls in either: name, parameters, result.
const EXPORTS: [(&str, &str, &str); 9] = [
    ("store8", "i32 i32", ""),
    ("load8", "i32", "i32"),
    ("open", "i32 i32 i32", ""),
    ("map", "i32 i32 i64 i64 i32 i64 i32 i32 i32 i32 i32", ""),
    ("acquire", "i32 i32 i32 i64 i64 i32 i32", ""),
    ("release", "i32 i32 i32 i64 i64 i32", ""),
    ("refresh", "i32 i32 i32 i64 i64 i32", ""),
    ("drop-object", "i32", ""),
    ("grow", "i32", "i32"),
];

fn signature(params: &str, result: &str) -> String {
    let params: String = params
        .split_whitespace()
        .enumerate()
        .map(|(at, ty)| format!(r#"(param "p{at}" {})"#, ty.replace('i', "u")))
        .collect();
    if result.is_empty() { params } else { format!("{params} (result {})", result.replace('i', "u")) }
}

/// A component of two: `front`, whose exports are the whole's, and `back`, whose exports the front calls as `back-NAME`.
fn guest(world: &World) -> Hostile {
    world.publish("object", 4 * GRANULE);
    let peers: Vec<_> = EXPORTS
        .iter()
        .map(|&(name, params, result)| Lowered::of("back", name, &format!("back-{name}"), (params, result)))
        .collect();
    let peer: String = EXPORTS
        .iter()
        .map(|(name, params, result)| format!(r#"(export "{name}" (func {}))"#, signature(params, result)))
        .collect();
    let own = Lowered::memory_control();
    let with = r#"(with "wasi:memory-control/object@0.1.0-draft" (instance $object))
        (with "wasi:memory-control/mapping@0.1.0-draft" (instance $mapping))"#;
    let back = inside(&own, "", "");
    let front = inside(&[own, peers].concat(), "", "");
    let mut exports = String::new();
    for (name, ..) in EXPORTS {
        for name in [name.to_owned(), format!("back-{name}")] {
            exports += &format!(r#"(export "{name}" (func $front "{name}"))"#);
        }
    }
    let wat = format!(
        r#"(component {MEMORY_CONTROL}
            (component $back {MEMORY_CONTROL} {back})
            (component $front {MEMORY_CONTROL} (import "back" (instance $back {peer})) {front})
            (instance $back (instantiate $back {with}))
            (instance $front (instantiate $front {with} (with "back" (instance $back))))
            {exports})"#
    );
    let component = Component::new(world.engine(), &wat).unwrap_or_else(|error| panic!("{error:?}\n{wat}"));
    Hostile::component(world.store(), &component, world.linker())
}

/// The front itself, and what it reaches in the back.
const SIDES: [&str; 2] = ["", "back-"];

#[track_caller]
fn write(guest: &mut Hostile, side: &str, at: u32, bytes: &[u8]) {
    for (at, byte) in (at..).zip(bytes) {
        guest.call(&format!("{side}store8"), &[at.into(), (*byte).into()]);
    }
}

#[track_caller]
fn read(guest: &mut Hostile, side: &str, at: u32, len: u32) -> Vec<u8> {
    (at..at + len).map(|at| guest.call(&format!("{side}load8"), &[at.into()]).to_le_bytes()[0]).collect()
}

#[track_caller]
fn ask(guest: &mut Hostile, side: &str, name: &str, numbers: &[u64]) -> Result<u32, u8> {
    guest.call(&format!("{side}{name}"), numbers);
    let bytes = read(guest, side, RESULT, 8);
    match bytes[0] {
        0 => Ok(u32::from_le_bytes([bytes[4], bytes[5], bytes[6], bytes[7]])),
        _ => Err(if matches!(name, "release" | "refresh") { bytes[1] } else { bytes[4] }),
    }
}

#[track_caller]
fn map(guest: &mut Hostile, side: &str, how: Ask) -> Result<u32, u8> {
    write(guest, side, 0, b"object");
    let object = ask(guest, side, "open", &[0, 6, RESULT.into()]).expect("published");
    ask(guest, side, "map", &map_arguments(WINDOW, 2 * GRANULE, object, how, RESULT))
}

#[track_caller]
fn on_window(guest: &mut Hostile, side: &str, name: &str, handle: u32, more: &[u64]) -> Result<u32, u8> {
    ask(guest, side, name, &[&part_arguments(handle, WINDOW, 2 * GRANULE)[..], more, &[RESULT.into()]].concat())
}

#[test]
fn a_second_automatic_window_in_the_other_component_is_refused() {
    the_same_on_every_backend(|world| {
        let mut guest = guest(world);
        map(&mut guest, SIDES[0], AUTOMATIC).expect("maps");
        assert_eq!(map(&mut guest, SIDES[1], AUTOMATIC), Err(ErrorCode::Overlap as u8));
        map(&mut guest, SIDES[1], AUTOMATIC.at(2 * GRANULE)).expect("other bytes are nobody's");
        for side in SIDES {
            write(&mut guest, side, WINDOW + 5, b"stored");
        }
        let object = world.object("object");
        assert_eq!((&object[5..11], &object[8192 + 5..8192 + 11]), (&b"stored"[..], &b"stored"[..]));
        object
    });
}

#[test]
fn components_share_under_leases() {
    the_same_on_every_backend(|world| {
        let mut guest = guest(world);
        let windows = SIDES.map(|side| map(&mut guest, side, LEASED).expect("maps"));
        let mut told = Vec::new();
        for round in 0..6_u8 {
            let (from, to) = (usize::from(round % 2), usize::from((round + 1) % 2));
            let lease = on_window(&mut guest, SIDES[from], "acquire", windows[from], &[1]).expect("free");
            for access in [0, 1] {
                let busy = on_window(&mut guest, SIDES[to], "acquire", windows[to], &[access]);
                assert_eq!(busy, Err(ErrorCode::Busy as u8));
            }
            write(&mut guest, SIDES[from], WINDOW + 5000 + u32::from(round), &[round + 1]);
            on_window(&mut guest, SIDES[from], "release", lease, &[]).expect("releases");
            let lease = on_window(&mut guest, SIDES[to], "acquire", windows[to], &[0]).expect("free");
            told.push(read(&mut guest, SIDES[to], WINDOW + 5000, 6));
            on_window(&mut guest, SIDES[to], "release", lease, &[]).expect("releases");
        }
        assert_eq!(told[5], [1, 2, 3, 4, 5, 6]);
        (told, world.object("object"))
    });
}

#[test]
fn a_window_that_both_would_need_is_seen_by_other_stores() {
    the_same_on_every_backend(|world| {
        let mut guest = guest(world);
        let back = map(&mut guest, SIDES[1], AUTOMATIC).expect("maps");
        let mut other = world.guest();
        let seen = other.mapped_by_name("object", 2 * GRANULE, AUTOMATIC);
        write(&mut guest, SIDES[1], WINDOW, b"from the back");
        assert_eq!(other.read(seen.start, 13), b"from the back");
        other.write(seen.start, b"FROM");
        assert_eq!(read(&mut guest, SIDES[1], WINDOW, 13), b"FROM the back");
        on_window(&mut guest, SIDES[1], "refresh", back, &[]).expect("refreshes");
        world.object("object")
    });
}
