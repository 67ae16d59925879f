//! What was given up, revoked or never given: `stale`.

use memctl_tests::probe::{Access, ErrorCode};
use memctl_tests::{Answer, GRANULE, Guest, LEASED, Mapped, on_every_backend};

use crate::scene::{refused, refused_after};

#[test]
fn an_unmapped_mapping_is_stale_for_every_call() {
    type Call = fn(&mut Guest, Mapped) -> Answer<()>;
    let calls: [Call; 6] = [
        Guest::publish,
        Guest::refresh,
        Guest::sync,
        Guest::unmap,
        |guest, mapped| guest.acquire(mapped, Access::Read).map(drop),
        |guest, mapped| guest.acquire(mapped, Access::Write).map(drop),
    ];
    for call in calls {
        refused_after(
            |scene| {
                let other = scene.guest.open("other");
                let mapped = scene.guest.try_map(scene.free, GRANULE, other, LEASED).expect("maps");
                scene.guest.unmap(mapped).expect("unmaps");
                mapped
            },
            ErrorCode::Stale,
            |scene, mapped| call(&mut scene.guest, mapped),
        );
    }
}

#[test]
fn a_mapping_that_took_an_unmapped_ones_window_is_not_reached_through_it() {
    refused_after(
        |scene| {
            let other = scene.guest.open("other");
            let mapped = scene.guest.try_map(scene.free + GRANULE, GRANULE, other, LEASED).expect("maps");
            scene.guest.unmap(mapped).expect("unmaps");
            let now = scene.guest.try_map(scene.free + GRANULE, GRANULE, other, LEASED).expect("maps");
            scene.guest.write(scene.free + GRANULE, b"stored");
            (mapped, now)
        },
        ErrorCode::Stale,
        |scene, (before, now)| {
            let answer = scene.guest.publish(before);
            assert_eq!(scene.guest.refresh(before), Err(ErrorCode::Stale));
            assert_eq!(scene.guest.unmap(before), Err(ErrorCode::Stale));
            assert_eq!(scene.guest.read(now.start, 6), b"stored");
            answer
        },
    );
}

#[test]
fn a_mapping_with_a_lease_is_not_unmapped() {
    refused_after(
        |scene| {
            let other = scene.guest.open("other");
            let mapped = scene.guest.try_map(scene.free + GRANULE, GRANULE, other, LEASED).expect("maps");
            scene.guest.acquire(mapped, Access::Read).expect("leased");
            mapped
        },
        ErrorCode::Busy,
        |scene, mapped| scene.guest.unmap(mapped),
    );
}

#[test]
fn a_lease_whose_mapping_was_dropped_is_stale() {
    refused_after(
        |scene| {
            let other = scene.guest.open("other");
            let mapped = scene.guest.try_map(scene.free, GRANULE, other, LEASED).expect("maps");
            let lease = scene.guest.acquire(mapped, Access::Write).expect("leased");
            scene.guest.drop_mapping(mapped);
            (mapped, lease)
        },
        ErrorCode::Stale,
        |scene, (mapped, lease)| scene.guest.release(lease, mapped),
    );
}

#[test]
fn a_lease_is_released_for_what_it_was_acquired_for() {
    on_every_backend(|world| {
        world.publish("object", 2 * GRANULE);
        let mut guest = world.guest();
        let mapped = guest.mapped_by_name("object", 2 * GRANULE, LEASED);
        let lease = guest.acquire(mapped, Access::Write).expect("leased");
        let part = Mapped { len: GRANULE, ..mapped };
        assert_eq!(guest.release(lease, part), Err(ErrorCode::Bounds));
        assert_eq!(guest.usage().leases, 0, "the lease is gone in any case");
        guest.acquire(mapped, Access::Write).expect("it can be leased again");
    });
}

#[test]
fn a_forged_ticket_is_stale() {
    for ticket in [0, 1, 1 << 61, i64::MAX.cast_unsigned(), u64::MAX] {
        refused(ErrorCode::Stale, |scene| scene.guest.call(|probe, store| probe.call_ticket_redeem(store, ticket)));
    }
    refused_after(
        |scene| scene.guest.call(|probe, store| probe.call_ticket_issue(store)).expect("issued"),
        ErrorCode::Stale,
        |scene, ticket| scene.guest.call(|probe, store| probe.call_ticket_redeem(store, ticket + 1)),
    );
}

#[test]
fn a_ticket_that_no_file_was_advised_with_is_stale() {
    refused_after(
        |scene| scene.guest.call(|probe, store| probe.call_ticket_issue(store)).expect("issued"),
        ErrorCode::Stale,
        |scene, ticket| scene.guest.call(|probe, store| probe.call_ticket_redeem(store, ticket)),
    );
}

#[test]
fn a_ticket_is_redeemed_once() {
    refused_after(
        |scene| {
            let ticket = scene.guest.call(|probe, store| probe.call_ticket_issue(store)).expect("issued");
            scene.guest.call(|probe, store| probe.call_ticket_advise(store, ticket, "/file")).expect("advised");
            scene.guest.call(|probe, store| probe.call_ticket_redeem(store, ticket)).expect("redeemed");
            ticket
        },
        ErrorCode::Stale,
        |scene, ticket| scene.guest.call(|probe, store| probe.call_ticket_redeem(store, ticket)),
    );
}

#[test]
fn a_ticket_of_another_guest_is_stale() {
    refused_after(
        |scene| {
            let mut other = scene.world.guest();
            let ticket = other.call(|probe, store| probe.call_ticket_issue(store)).expect("issued");
            other.call(|probe, store| probe.call_ticket_advise(store, ticket, "/file")).expect("advised");
            // Advised by the wrong guest too: that is an advice like any other.
            let _errno = scene.guest.call(|probe, store| probe.call_ticket_advise(store, ticket, "/file"));
            (other, ticket)
        },
        ErrorCode::Stale,
        |scene, (mut other, ticket)| {
            let answer = scene.guest.call(|probe, store| probe.call_ticket_redeem(store, ticket));
            other.call(|probe, store| probe.call_ticket_redeem(store, ticket)).expect("it is still good for its owner");
            drop(other);
            answer
        },
    );
}

#[test]
fn an_object_of_a_ticket_is_the_advised_file_with_its_rights() {
    on_every_backend(|world| {
        world.file("file", b"what it says");
        let mut guest = world.guest();
        let object = guest.open_file("/file", false);
        let rights = guest.call(|probe, store| probe.call_object_rights(store, object));
        assert_eq!(rights, memctl_tests::probe::Rights::READ);
        assert_eq!(guest.call(|probe, store| probe.call_object_len(store, object)), Ok(12));
    });
}
