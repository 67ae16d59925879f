//! Protection of plain memory, at run time.

use memctl_tests::GRANULE;
use memctl_tests::probe::{ErrorCode, Protection};
use memctl_wasmtime::Quotas;

use crate::scene::{Protects, address, trapped, wherever_it_is_enforced};

#[test]
fn a_read_only_range_can_be_loaded_only() {
    wherever_it_is_enforced(|world| {
        for at in [GRANULE, 2 * GRANULE - 1] {
            let mut guest = world.guest();
            let start = guest.granules(3);
            guest.protect((start + GRANULE, GRANULE), Protection::Read).expect("plain memory");
            assert_eq!(guest.load(start + at).expect("it can be read"), 1);
            guest.store(start + GRANULE - 1).expect("before it");
            guest.store(start + 2 * GRANULE).expect("behind it");
            trapped(guest, start + at, true, |guest| guest.store(start + at));
        }
    });
}

#[test]
fn a_range_without_access_cannot_be_touched() {
    wherever_it_is_enforced(|world| {
        for write in [false, true] {
            let mut guest = world.guest();
            let start = guest.granules(3);
            guest.protect((start + GRANULE, GRANULE), Protection::None).expect("plain memory");
            let at = start + GRANULE;
            trapped(guest, at, write, |guest| if write { guest.store(at) } else { guest.load(at).map(drop) });
        }
    });
}

#[test]
fn an_access_that_reaches_into_a_range_is_reported_where_it_enters() {
    wherever_it_is_enforced(|world| {
        let mut guest = world.guest();
        let start = guest.granules(3);
        guest.protect((start + GRANULE, GRANULE), Protection::None).expect("plain memory");
        let at = address(start + GRANULE - 3);
        trapped(guest, start + GRANULE, false, |guest| guest.try_call(|probe, store| probe.call_load_u64(store, at)));
        let mut guest = world.guest();
        let start = guest.granules(3);
        guest.protect((start + GRANULE, GRANULE), Protection::Read).expect("plain memory");
        let at = start + 2 * GRANULE - 3;
        trapped(guest, at, true, |guest| guest.try_call(|probe, store| probe.call_store_u64(store, address(at), 0)));
    });
}

#[test]
fn protection_comes_and_goes_with_the_bytes_kept() {
    wherever_it_is_enforced(|world| {
        let mut guest = world.guest();
        let start = guest.granules(4);
        let all = (start, 4 * GRANULE);
        for protection in [Protection::None, Protection::Read, Protection::ReadWrite] {
            guest.protect((start + GRANULE, 2 * GRANULE), protection).expect("plain memory");
        }
        guest.protect(all, Protection::None).expect("plain memory");
        guest.protect((start + GRANULE, GRANULE), Protection::ReadWrite).expect("plain memory");
        guest.store(start + GRANULE).expect("opened");
        assert_eq!(guest.load(start + 2 * GRANULE - 1).expect("opened"), 1, "the bytes are as they were");
        assert_eq!(guest.state().memctl.usage().protected_ranges, 2);
        guest.protect(all, Protection::ReadWrite).expect("plain memory");
        assert_eq!(guest.state().memctl.usage().protected_ranges, 0);
        guest.store(start).expect("opened");
    });
}

#[test]
fn a_quota_bounds_the_ranges_of_a_guest() {
    memctl_tests::on_every_protector_with(
        |builder| builder.guest_quotas(Quotas { protected_ranges: 2, ..Quotas::GUEST }),
        |world| {
            let mut guest = world.guest();
            let start = guest.granules(8);
            let one = |at: u64| (start + at * GRANULE, GRANULE);
            guest.protect(one(0), Protection::Read).expect("the first");
            guest.protect(one(2), Protection::Read).expect("the second");
            assert_eq!(guest.protect(one(4), Protection::Read), Err(ErrorCode::Quota));
            guest.store(start + 4 * GRANULE).expect("nothing changed");
            guest.protect(one(1), Protection::Read).expect("now it is one range");
            guest.protect(one(4), Protection::None).expect("the second again");
            assert_eq!(guest.protect(one(1), Protection::ReadWrite), Err(ErrorCode::Quota), "a hole makes two of one");
            assert_eq!(guest.call(|probe, store| probe.call_usage(store)).protected_ranges, 2);
            guest.protect((start, 8 * GRANULE), Protection::ReadWrite).expect("it is given back");
            assert_eq!(world.domain.usage(), Quotas::NONE);
        },
    );
}

#[test]
fn ranges_go_with_their_guest() {
    wherever_it_is_enforced(|world| {
        let mut guest = world.guest();
        let start = guest.granules(3);
        guest.seal(4096, 8192).expect("nothing is in the way");
        guest.protect((start, GRANULE), Protection::Read).expect("plain memory");
        assert_eq!(world.domain.usage().protected_ranges, 3);
        drop(guest);
        assert_eq!(world.domain.usage(), Quotas::NONE);
    });
}
