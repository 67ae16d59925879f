//! Static protection, sealed at run time. The probe's stack begins at address 0 and never gets so deep.

use memctl_tests::probe::{ErrorCode, Protection};
use memctl_tests::{AUTOMATIC, GRANULE, Guest, World};

use crate::scene::{Protects, address, trapped, wherever_it_is_enforced};

const NO_ACCESS: u64 = 4096;
const READ_ONLY: u64 = 3 * 4096;

fn sealed(world: &World) -> Guest {
    let mut guest = world.guest();
    assert_eq!(guest.seal(NO_ACCESS, READ_ONLY), Ok((NO_ACCESS, READ_ONLY)));
    guest
}

#[test]
fn a_null_pointer_traps() {
    wherever_it_is_enforced(|world| {
        for at in [0, 8, NO_ACCESS - 1] {
            trapped(sealed(world), at, false, |guest| guest.load(at));
            trapped(sealed(world), at, true, |guest| guest.store(at));
        }
    });
}

#[test]
fn constants_can_be_loaded_only() {
    wherever_it_is_enforced(|world| {
        for at in [NO_ACCESS, READ_ONLY - 1] {
            let mut guest = sealed(world);
            guest.load(at).expect("it can be read");
            trapped(guest, at, true, |guest| guest.store(at));
        }
        let mut guest = sealed(world);
        guest.store(READ_ONLY).expect("read-write from here on");
        assert_eq!(guest.load(READ_ONLY).expect("read-write from here on"), 2);
    });
}

#[test]
fn an_access_that_reaches_over_the_boundary_traps() {
    wherever_it_is_enforced(|world| {
        let at = NO_ACCESS - 3;
        trapped(sealed(world), at, false, |guest| {
            guest.try_call(|probe, store| probe.call_load_u64(store, address(at)))
        });
        let at = READ_ONLY - 3;
        let store =
            |guest: &mut Guest| guest.try_call(|probe, store| probe.call_store_u64(store, address(at), u64::MAX));
        trapped(sealed(world), at, true, store);
    });
}

#[test]
fn bounds_are_rounded_down() {
    wherever_it_is_enforced(|world| {
        let mut guest = world.guest();
        assert_eq!(guest.sealed(), (0, 0));
        assert_eq!(guest.seal(GRANULE + 1, 3 * GRANULE - 1), Ok((GRANULE, 2 * GRANULE)));
        assert_eq!(guest.sealed(), (GRANULE, 2 * GRANULE));
        guest.store(2 * GRANULE).expect("was not asked for");
    });
}

#[test]
fn sealing_is_for_good() {
    wherever_it_is_enforced(|world| {
        let mut guest = sealed(world);
        assert_eq!(guest.seal(NO_ACCESS, READ_ONLY), Err(ErrorCode::Access));
        assert_eq!(guest.seal(0, 0), Err(ErrorCode::Access));
        for protection in [Protection::None, Protection::Read, Protection::ReadWrite] {
            assert_eq!(guest.protect((0, GRANULE), protection), Err(ErrorCode::Access));
            assert_eq!(guest.protect((READ_ONLY - GRANULE, 2 * GRANULE), protection), Err(ErrorCode::Access));
        }
        assert_eq!(guest.discard((GRANULE, GRANULE)), Err(ErrorCode::Access));
        let object = guest.anonymous(GRANULE).expect("room");
        assert_eq!(guest.try_map(GRANULE, GRANULE, object, AUTOMATIC).map(drop), Err(ErrorCode::Overlap));
        guest.unmap_is_still_possible();
        trapped(guest, 0, true, |guest| guest.store(0));

        let mut nothing = world.guest();
        assert_eq!(nothing.seal(1, 2), Ok((0, 0)), "nothing is left of that, for good");
        assert_eq!(nothing.seal(NO_ACCESS, READ_ONLY), Err(ErrorCode::Access));
    });
}

trait StillWorks {
    fn unmap_is_still_possible(&mut self);
}

impl StillWorks for Guest {
    fn unmap_is_still_possible(&mut self) {
        let object = self.anonymous(GRANULE).expect("room");
        let mapped = self.mapped(object, GRANULE, AUTOMATIC);
        self.write(mapped.start, b"works");
        self.unmap(mapped).expect("works");
    }
}

#[test]
fn only_the_read_write_part_grows() {
    wherever_it_is_enforced(|world| {
        let mut guest = sealed(world);
        let pages = guest.call(|probe, store| probe.call_memory_size(store));
        guest.call(|probe, store| probe.call_grow(store, 2));
        let end = (u64::from(pages) + 2) * 65536;
        guest.store(end - 1).expect("grown");
        trapped(guest, READ_ONLY - 1, true, |guest| guest.store(READ_ONLY - 1));
    });
}

#[test]
fn what_cannot_be_sealed_is_refused_and_changes_nothing() {
    wherever_it_is_enforced(|world| {
        let mut guest = world.guest();
        assert_eq!(guest.seal(2 * GRANULE, GRANULE), Err(ErrorCode::Bounds), "read-only before no-access");
        assert_eq!(guest.seal(0, 1 << 40), Err(ErrorCode::Bounds), "past the memory");
        assert_eq!(guest.seal(u64::MAX, u64::MAX), Err(ErrorCode::Bounds));
        let object = guest.anonymous(GRANULE).expect("room");
        let mapped = guest.mapped(object, GRANULE, AUTOMATIC);
        assert_eq!(guest.seal(0, mapped.start + GRANULE), Err(ErrorCode::Overlap), "a window is there");
        guest.unmap(mapped).expect("works");
        guest.protect((mapped.start, GRANULE), Protection::Read).expect("plain memory");
        assert_eq!(guest.seal(0, mapped.start + GRANULE), Err(ErrorCode::Overlap), "something is protected there");
        assert_eq!(guest.sealed(), (0, 0));
        guest.store(0).expect("not sealed");
        guest.seal(NO_ACCESS, READ_ONLY).expect("nothing is in the way there");
    });
}

#[test]
fn bulk_instructions_trap_too() {
    wherever_it_is_enforced(|world| {
        let mut guest = sealed(world);
        let fill = |guest: &mut Guest, at: u64, len: u32| {
            guest.try_call(|probe, store| probe.call_fill(store, address(at), len, 7))
        };
        fill(&mut guest, READ_ONLY, 500).expect("read-write");
        assert!(fill(&mut guest, READ_ONLY - 400, 500).is_err());
        let fault = guest.state().memctl.last_fault().expect("for a fault");
        assert!((READ_ONLY - 400..READ_ONLY).contains(&fault.address) && fault.write == Some(true), "{fault:?}");

        let mut guest = sealed(world);
        let to = guest.alloc(1000);
        let copy = |guest: &mut Guest, from: u64| {
            guest.try_call(|probe, store| probe.call_copy(store, address(to), address(from), 1000))
        };
        copy(&mut guest, NO_ACCESS).expect("constants can be read");
        assert!(copy(&mut guest, NO_ACCESS - 1000).is_err());
        let fault = guest.state().memctl.last_fault().expect("for a fault");
        assert!((NO_ACCESS - 1000..NO_ACCESS).contains(&fault.address) && fault.write == Some(false), "{fault:?}");
    });
}

#[test]
fn host_code_that_acts_for_the_guest_is_held_to_it() {
    wherever_it_is_enforced(|world| {
        world.file("data", &[5; 100]);
        let mut guest = sealed(world);
        let read = |guest: &mut Guest, to: u64| {
            guest.try_call(|probe, store| probe.call_read_into(store, "data", 0, address(to), 100))
        };
        read(&mut guest, READ_ONLY).expect("the guest runs").expect("read-write");
        let before = guest.read(READ_ONLY - 100, 100);
        assert!(read(&mut guest, READ_ONLY - 100).is_err(), "read(2) to constants");
        let fault = guest.state().memctl.last_fault().expect("for a fault");
        assert!((READ_ONLY - 100..READ_ONLY).contains(&fault.address) && fault.write == Some(true), "{fault:?}");
        drop(before);
    });
}
