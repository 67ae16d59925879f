//! Objects live as long as somebody holds them, and handles travel between the components of a store.

use memctl_tests::probe::{Access, ErrorCode, Rights};
use memctl_tests::{AUTOMATIC, GRANULE, LEASED, on_every_backend};
use memctl_wasmtime::Quotas;

#[test]
fn a_new_object_is_zero_and_has_all_rights() {
    on_every_backend(|world| {
        let mut guest = world.guest();
        let object = guest.anonymous(GRANULE + 1).expect("made");
        assert_eq!(guest.call(|p, s| p.call_object_rights(s, object)), Rights::READ | Rights::WRITE | Rights::RESIZE);
        assert_eq!(guest.call(|p, s| p.call_object_len(s, object)), Ok(GRANULE + 1));
        let mapped = guest.mapped(object, 2 * GRANULE, AUTOMATIC);
        assert!(guest.read(mapped.start, 2 * GRANULE as u32).iter().all(|byte| *byte == 0));
    });
}

#[test]
fn a_mapping_outlives_its_handle() {
    on_every_backend(|world| {
        let mut guest = world.guest();
        let object = guest.anonymous(GRANULE).expect("made");
        let mapped = guest.mapped(object, GRANULE, LEASED);
        guest.call(|p, s| p.call_drop_object(s, object));
        let lease = guest.acquire(mapped, Access::Write).expect("free");
        guest.write(mapped.start, b"still");
        guest.release(lease, mapped).expect("releases");
        guest.refresh(mapped).expect("refreshes");
        assert_eq!(guest.read(mapped.start, 5), b"still");
        assert_eq!(guest.usage().object_bytes, GRANULE, "and its bytes count");
        guest.unmap(mapped).expect("unmaps");
        assert_eq!(guest.usage(), Quotas::NONE);
    });
}

#[test]
fn a_published_object_outlives_every_guest() {
    on_every_backend(|world| {
        world.publish("object", GRANULE);
        let mut guest = world.guest();
        let mapped = guest.mapped_by_name("object", GRANULE, AUTOMATIC);
        guest.write(mapped.start, b"left behind");
        drop(guest);
        assert_eq!(world.object("object")[..11], *b"left behind");
        assert_eq!(world.domain.usage(), Quotas::NONE);
    });
}

#[test]
fn a_handle_travels_to_another_component_of_the_store() {
    on_every_backend(|world| {
        let mut guest = world.guest();
        let other = world.instantiate(&mut guest.store);
        let other = other.memctl_probe_probe();
        let object = guest.anonymous(2 * GRANULE).expect("made");
        let handle = guest.call(|p, s| p.call_take_object(s, object));
        let there = other.call_put_object(&mut guest.store, handle).expect("taken in");
        assert_eq!(other.call_object_len(&mut guest.store, there).expect("runs"), Ok(2 * GRANULE));
        assert_eq!(guest.usage().objects, 1, "it is the same handle");
        other.call_drop_object(&mut guest.store, there).expect("runs");
        assert_eq!(guest.usage(), Quotas::NONE);
    });
}

#[test]
fn two_components_of_one_store_share_under_leases_only() {
    on_every_backend(|world| {
        let mut guest = world.guest();
        let other = world.instantiate(&mut guest.store);
        let other = other.memctl_probe_probe();
        world.publish("object", GRANULE);
        let mapped = guest.mapped_by_name("object", GRANULE, AUTOMATIC);

        let store = &mut guest.store;
        let object = other.call_open(&mut *store, "object").expect("runs").expect("opens");
        let start: u64 = other.call_alloc(&mut *store, 4096, 4096).expect("runs").into();
        let map = |store: &mut _, ask: memctl_tests::Ask| {
            let flags = memctl_tests::probe::MapFlags::empty();
            let (protection, sharing, coherence) = (ask.protection, ask.sharing, ask.coherence);
            other.call_map(store, start, GRANULE, object, 0, protection, sharing, coherence, flags).expect("runs")
        };
        assert_eq!(map(store, AUTOMATIC), Err(ErrorCode::Overlap), "they may call each other past the host");
        let leased = map(store, LEASED).expect("maps");

        guest.write(mapped.start, b"across");
        let store = &mut guest.store;
        other.call_refresh(&mut *store, leased, start, GRANULE).expect("runs").expect("refreshes");
        let seen = other.call_read_bytes(store, u32::try_from(start).expect("small"), 6).expect("runs");
        assert_eq!(seen, b"across");
    });
}
