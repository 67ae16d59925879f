//! Handles that a component makes up, uses too late or for something else, or lends to another component of its store.

use memctl_tests::hostile::{
    Hostile, Lowered, MEMORY_CONTROL, RESULT, hostile_component, inside, map_arguments, part_arguments,
};
use memctl_tests::{AUTOMATIC, GRANULE, LEASED, World, on_every_backend};
use wasmtime::component::Component;

const WINDOW: u32 = 0x4_0000;

/// A component's handles: an object, a mapping of it and a lease on that, and what the test made of them.
struct Handles {
    guest: Hostile,
    object: u64,
    mapping: u64,
    lease: u64,
}

fn handles(world: &World) -> Handles {
    let component = hostile_component(world.engine(), "", &[], "", "");
    let mut guest = Hostile::component(world.store(), &component, world.linker());
    let object = guest.open("object");
    let mapping = guest.map(WINDOW, GRANULE, object, LEASED).expect("maps");
    guest.call("acquire", &[&part_arguments(mapping, WINDOW, GRANULE)[..], &[1, RESULT.into()]].concat());
    let lease = guest.handle().expect("free");
    guest.write(WINDOW, b"mine");
    Handles { guest, object: object.into(), mapping: mapping.into(), lease: lease.into() }
}

/// A call with a bad handle.
type Misuse = fn(&mut Handles) -> wasmtime::Result<u64>;

/// The call traps, and somebody else's objects, mappings and leases are as they were.
#[track_caller]
fn traps(misuses: &[Misuse], why: &str) {
    on_every_backend(|world| {
        world.publish("object", GRANULE);
        world.publish("other", GRANULE);
        let (mut one, mut two) = (world.guest(), world.guest());
        let in_one = one.mapped_by_name("other", GRANULE, AUTOMATIC);
        let in_two = two.mapped_by_name("other", GRANULE, AUTOMATIC);
        for (round, misuse) in misuses.iter().enumerate() {
            let before = world.domain.usage();
            let mut handles = handles(world);
            let trap = misuse(&mut handles).expect_err("traps");
            assert!(format!("{trap:?}").contains(why), "{round}: {trap:?}");
            drop(handles);
            assert_eq!(world.domain.usage(), before, "{round}: what it had is given back");
            let byte = u8::try_from(round + 1).expect("a byte");
            one.write(in_one.start, &[byte]);
            assert_eq!(two.read(in_two.start, 1), [byte], "{round}");
            assert_eq!(world.object("object")[..4], *b"mine", "{round}: what was stored under its lease stays");
        }
    });
}

fn on_part(handle: u64, more: &[u64]) -> Vec<u64> {
    let handle = u32::try_from(handle).expect("small");
    [&part_arguments(handle, WINDOW, GRANULE)[..], more, &[RESULT.into()]].concat()
}

#[test]
fn a_forged_handle_traps() {
    traps(
        &[
            |with| with.guest.try_call("len", &[99, RESULT.into()]),
            |with| with.guest.try_call("len", &[0, RESULT.into()]),
            |with| with.guest.try_call("len", &[u32::MAX.into(), RESULT.into()]),
            |with| with.guest.try_call("map", &map_arguments(WINDOW + 0x1000, GRANULE, 77, LEASED, RESULT)),
            |with| with.guest.try_call("publish", &on_part(1000, &[])),
            |with| with.guest.try_call("acquire", &on_part(1 << 20, &[0])),
            |with| with.guest.try_call("release", &on_part(50, &[])),
            |with| with.guest.try_call("drop-object", &[50]),
            |with| with.guest.try_call("drop-lease", &[1 << 28]),
        ],
        "unknown handle index",
    );
}

#[test]
fn a_handle_of_another_type_traps() {
    traps(
        &[
            |with| with.guest.try_call("len", &[with.mapping, RESULT.into()]),
            |with| with.guest.try_call("len", &[with.lease, RESULT.into()]),
            |with| with.guest.try_call("publish", &on_part(with.object, &[])),
            |with| with.guest.try_call("unmap", &on_part(with.lease, &[])),
            |with| with.guest.try_call("acquire", &on_part(with.object, &[0])),
            |with| with.guest.try_call("release", &on_part(with.mapping, &[])),
            |with| with.guest.try_call("drop-object", &[with.lease]),
            |with| with.guest.try_call("drop-mapping", &[with.object]),
            |with| with.guest.try_call("drop-lease", &[with.mapping]),
        ],
        "used with the wrong type",
    );
}

#[test]
fn a_handle_that_was_dropped_or_given_away_traps() {
    traps(
        &[
            |with| {
                with.guest.call("drop-object", &[with.object]);
                with.guest.try_call("len", &[with.object, RESULT.into()])
            },
            |with| {
                with.guest.call("drop-object", &[with.object]);
                with.guest.try_call("drop-object", &[with.object])
            },
            |with| {
                with.guest.call("drop-mapping", &[with.mapping]);
                with.guest.try_call("publish", &on_part(with.mapping, &[]))
            },
            |with| {
                with.guest.call("release", &on_part(with.lease, &[]));
                with.guest.try_call("release", &on_part(with.lease, &[]))
            },
            |with| {
                with.guest.call("release", &on_part(with.lease, &[]));
                with.guest.try_call("drop-lease", &[with.lease])
            },
        ],
        "unknown handle index",
    );
}

#[test]
fn an_index_that_was_dropped_and_is_somebody_elses_now_is_theirs() {
    traps(
        &[|with| {
            with.guest.call("drop-lease", &[with.lease]);
            with.guest.call("acquire", &on_part(with.mapping, &[1]));
            assert_eq!(with.guest.handle(), Ok(u32::try_from(with.lease).expect("small")), "indexes are used again");
            with.guest.call("drop-lease", &[with.lease]);
            // An object takes the lease's index.
            with.guest.call("anonymous", &[GRANULE, RESULT.into()]);
            assert_eq!(with.guest.handle(), Ok(u32::try_from(with.lease).expect("small")));
            with.guest.try_call("release", &on_part(with.lease, &[]))
        }],
        "used with the wrong type",
    );
}

/// A component of two. The back one takes objects: `keep` for good, `look` for a call, `hold` for a call after which it doesn't give it back.
fn composed(world: &World) -> Hostile {
    let take = |name: &str, how: &str| {
        format!(
            r#"(func (export "{name}") (param "it" ({how} $object-type)) (result u64)
            (canon lift (core func $g "{name}")))"#
        )
    };
    let back = inside(
        &Lowered::memory_control(),
        r#"(func $measure (param i32) (result i64)
            (call $len (local.get 0) (i32.const 64)) (i64.load (i32.const 72)))
        (func (export "keep") (param i32) (result i64) (call $measure (local.get 0)))
        (func (export "look") (param i32) (result i64)
            (call $measure (local.get 0)) (call $drop-object (local.get 0)))
        (func (export "hold") (param i32) (result i64) (call $measure (local.get 0)))"#,
        &[take("keep", "own"), take("look", "borrow"), take("hold", "borrow")].concat(),
    );
    let peer =
        |name: &str, how: &str| format!(r#"(export "{name}" (func (param "it" ({how} $object-type)) (result u64)))"#);
    let peers = [peer("keep", "own"), peer("look", "borrow"), peer("hold", "borrow")].concat();
    let calls = ["keep", "look", "hold"].map(|name| Lowered::of("back", name, name, ("i32", "i64")));
    let front = inside(&[Lowered::memory_control(), calls.to_vec()].concat(), "", "");
    let exports: String = ["open", "len", "keep", "look", "hold", "load8", "load64", "store8", "drop-object"]
        .map(|name| format!(r#"(export "{name}" (func $front "{name}"))"#))
        .concat();
    let with = r#"(with "wasi:memory-control/object@0.1.0-draft" (instance $object))
        (with "wasi:memory-control/mapping@0.1.0-draft" (instance $mapping))"#;
    let wat = format!(
        r#"(component {MEMORY_CONTROL}
            (component $back {MEMORY_CONTROL} {back})
            (component $front {MEMORY_CONTROL}
                (import "back" (instance $back (alias outer 1 $object-type (type $object-type)) {peers}))
                {front})
            (instance $back (instantiate $back {with}))
            (instance $front (instantiate $front {with} (with "back" (instance $back))))
            {exports})"#
    );
    let component = Component::new(world.engine(), &wat).unwrap_or_else(|error| panic!("{error:?}\n{wat}"));
    Hostile::component(world.store(), &component, world.linker())
}

#[test]
fn an_object_given_to_another_component_is_that_ones_alone() {
    on_every_backend(|world| {
        world.publish("object", 3 * GRANULE);
        let mut guest = composed(world);
        let object = guest.open("object").into();
        assert_eq!(guest.call("keep", &[object]), 3 * GRANULE, "it is the same object there");
        assert_eq!(guest.usage().objects, 1);
        let trap = guest.try_call("len", &[object, RESULT.into()]).expect_err("it is given away");
        assert!(format!("{trap:?}").contains("unknown handle index"), "{trap:?}");
        drop(guest);
        assert_eq!(world.domain.usage().objects, 0);
    });
}

#[test]
fn an_object_lent_to_another_component_comes_back() {
    on_every_backend(|world| {
        world.publish("object", 3 * GRANULE);
        let mut guest = composed(world);
        let object = guest.open("object").into();
        for _ in 0..3 {
            assert_eq!(guest.call("look", &[object]), 3 * GRANULE);
        }
        guest.call("len", &[object, RESULT.into()]);
        assert_eq!(guest.call("load64", &[u64::from(RESULT) + 8]), 3 * GRANULE);
        guest.call("drop-object", &[object]);
        assert_eq!(guest.usage().objects, 0);
    });
}

#[test]
fn an_object_that_was_lent_and_is_not_given_back_traps() {
    on_every_backend(|world| {
        world.publish("object", 3 * GRANULE);
        let mut guest = composed(world);
        let object = guest.open("object").into();
        let trap = guest.try_call("hold", &[object]).expect_err("a loan ends with the call");
        assert!(format!("{trap:?}").contains("borrow"), "{trap:?}");
        drop(guest);
        assert_eq!(world.domain.usage().objects, 0);
    });
}

#[test]
fn the_same_index_in_two_stores_is_two_objects() {
    on_every_backend(|world| {
        world.publish("object", GRANULE);
        world.publish("longer", 5 * GRANULE);
        let component = hostile_component(world.engine(), "", &[], "", "");
        let mut guests = [(); 2].map(|()| Hostile::component(world.store(), &component, world.linker()));
        let handles = [guests[0].open("object"), guests[1].open("longer")];
        assert_eq!(handles[0], handles[1], "numbers alike");
        for (guest, len) in guests.iter_mut().zip([1, 5]) {
            guest.call("len", &[handles[0].into(), RESULT.into()]);
            assert_eq!(guest.call("load64", &[u64::from(RESULT) + 8]), len * GRANULE);
        }
        guests[0].call("drop-object", &[handles[0].into()]);
        guests[1].call("len", &[handles[1].into(), RESULT.into()]);
        assert_eq!(guests[1].call("load64", &[u64::from(RESULT) + 8]), 5 * GRANULE);
    });
}
