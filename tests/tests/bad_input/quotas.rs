//! Quotas of a guest and of its domain: past them is `quota`, and what is given back can be had again.

use memctl_tests::probe::{Access, ErrorCode};
use memctl_tests::{Answer, GRANULE, Guest, LEASED, PRIVATE, World, on_every_backend_with};
use memctl_wasmtime::{DomainBuilder, Quotas};

/// Limits one guest, and all guests of a domain together.
const SCOPES: [fn(DomainBuilder, Quotas) -> DomainBuilder; 2] = [DomainBuilder::guest_quotas, DomainBuilder::quotas];

/// With `limit` the guest can do `most` rounds of `take`, and after a round of `give` one more.
#[track_caller]
fn bounded<T>(limit: Quotas, most: usize, take: impl Fn(&mut Guest) -> Answer<T>, give: impl Fn(&mut Guest, T)) {
    for limit_to in SCOPES {
        on_every_backend_with(
            |builder| limit_to(builder, limit),
            |world: &World| {
                world.publish("object", 8 * GRANULE);
                let mut guest = world.guest();
                let before = (guest.usage(), world.domain.usage());
                let mut taken: Vec<T> = (0..most).map(|_| take(&mut guest).expect("within the quota")).collect();
                let full = (guest.usage(), world.domain.usage());
                assert_eq!(take(&mut guest).err(), Some(ErrorCode::Quota));
                assert_eq!((guest.usage(), world.domain.usage()), full, "a refused call takes nothing");
                give(&mut guest, taken.pop().expect("one was taken"));
                taken.push(take(&mut guest).expect("what was given back can be had again"));
                taken.drain(..).for_each(|one| give(&mut guest, one));
                assert_eq!((guest.usage(), world.domain.usage()), before, "all is given back");
            },
        );
    }
}

fn drop_object(guest: &mut Guest, object: u32) {
    guest.call(|probe, store| probe.call_drop_object(store, object));
}

#[test]
fn handles_are_bounded() {
    let limit = Quotas { objects: 3, ..Quotas::GUEST };
    bounded(limit, 3, |guest| guest.call(|probe, store| probe.call_open(store, "object")), drop_object);
    bounded(limit, 3, |guest| guest.anonymous(1), drop_object);
}

#[test]
fn handles_to_files_are_bounded() {
    let limit = Quotas { objects: 2, ..Quotas::GUEST };
    for limit_to in SCOPES {
        on_every_backend_with(
            |builder| limit_to(builder, limit),
            |world| {
                world.file("file", b"bytes");
                let mut guest = world.guest();
                guest.open_file("/file", false);
                let object = guest.open_file("/file", true);
                for writable in [false, true] {
                    let quota = Err("Quota".to_owned());
                    assert_eq!(guest.call(|probe, store| probe.call_from_path(store, "/file", writable)), quota);
                    assert_eq!(guest.call(|probe, store| probe.call_from_descriptor(store, "/file", writable)), quota);
                }
                drop_object(&mut guest, object);
                guest.open_file("/file", true);
            },
        );
    }
}

#[test]
fn bytes_of_objects_are_bounded() {
    let limit = Quotas { object_bytes: 3 * GRANULE + 1, ..Quotas::GUEST };
    bounded(limit, 3, |guest| guest.anonymous(GRANULE), drop_object);
}

#[test]
fn growing_an_object_is_bounded() {
    for limit_to in SCOPES {
        on_every_backend_with(
            |builder| limit_to(builder, Quotas { object_bytes: 3 * GRANULE, ..Quotas::GUEST }),
            |world| {
                let mut guest = world.guest();
                let object = guest.anonymous(GRANULE).expect("within the quota");
                assert_eq!(guest.resize(object, 3 * GRANULE + 1), Err(ErrorCode::Quota));
                assert_eq!(guest.call(|probe, store| probe.call_object_len(store, object)), Ok(GRANULE));
                guest.resize(object, 3 * GRANULE).expect("within the quota");
                guest.resize(object, 1).expect("gives back");
                assert_eq!(guest.usage().object_bytes, 1);
                guest.anonymous(3 * GRANULE - 1).expect("within the quota");
            },
        );
    }
}

#[test]
fn mappings_are_bounded() {
    let limit = Quotas { mappings: 3, ..Quotas::GUEST };
    for ask in [LEASED, PRIVATE] {
        bounded(limit, 3, |guest| map(guest, GRANULE, ask), unmap);
    }
}

#[test]
fn mapped_bytes_are_bounded() {
    let limit = Quotas { mapped_bytes: 7 * GRANULE, ..Quotas::GUEST };
    for ask in [LEASED, PRIVATE] {
        bounded(limit, 3, |guest| map(guest, 2 * GRANULE, ask), unmap);
    }
}

#[test]
fn leases_are_bounded() {
    let limit = Quotas { leases: 2, ..Quotas::GUEST };
    let take = |guest: &mut Guest| {
        let mapped = map(guest, GRANULE, LEASED)?;
        let lease = guest.acquire(mapped.mapped, Access::Read);
        if lease.is_err() {
            unmap(guest, mapped);
        }
        lease.map(|lease| (mapped, lease))
    };
    bounded(limit, 2, take, |guest, (mapped, lease)| {
        guest.release(lease, mapped.mapped).expect("releases");
        unmap(guest, mapped);
    });
}

#[test]
fn outstanding_tickets_are_bounded() {
    memctl_tests::on_every_backend(|world| {
        let mut guest = world.guest();
        let issue = |guest: &mut Guest| guest.call(|probe, store| probe.call_ticket_issue(store));
        let tickets: Vec<u64> = std::iter::from_fn(|| issue(&mut guest).ok()).take(1000).collect();
        assert!(tickets.len() < 1000, "a guest can't have any number of them");
        assert_eq!(issue(&mut guest), Err(ErrorCode::Quota));
        let used_up = guest.call(|probe, store| probe.call_ticket_redeem(store, tickets[0]));
        assert_eq!(used_up, Err(ErrorCode::Stale));
        issue(&mut guest).expect("one was used up");
    });
}

#[test]
fn the_limits_in_force_are_those_of_the_context() {
    memctl_tests::on_every_backend(|world| {
        let limit = Quotas { objects: 1, ..Quotas::GUEST };
        let state = world.state(wasmtime_wasi::FsPerms::ReadWrite, |context| context.quotas(limit));
        let mut guest = world.guest_with(wasmtime_wasi::FsPerms::ReadWrite, |store| *store.data_mut() = state);
        assert_eq!(guest.call(|probe, store| probe.call_limits(store)).objects, 1);
        guest.anonymous(10).expect("within the quota");
        let used = guest.call(|probe, store| probe.call_usage(store));
        assert_eq!((used.objects, used.object_bytes, used.mappings, used.mapped_bytes, used.leases), (1, 10, 0, 0, 0));
        assert_eq!(guest.anonymous(10), Err(ErrorCode::Quota));
    });
}

/// A mapping with the handle and the memory that go with it.
#[derive(Clone, Copy)]
struct Held {
    object: u32,
    mapped: memctl_tests::Mapped,
}

fn map(guest: &mut Guest, len: u64, ask: memctl_tests::Ask) -> Answer<Held> {
    let object = guest.open("object");
    let start = guest.alloc(u32::try_from(len).expect("small"));
    let mapped = guest.try_map(start, len, object, ask);
    if mapped.is_err() {
        drop_object(guest, object);
    }
    Ok(Held { object, mapped: mapped? })
}

fn unmap(guest: &mut Guest, held: Held) {
    guest.unmap(held.mapped).expect("unmaps");
    drop_object(guest, held.object);
}
