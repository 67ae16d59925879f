//! A guest and what it is trapped for.

use memctl_tests::probe::Protection;
use memctl_tests::{Answer, GRANULE, Guest, World};
use memctl_wasmtime::FaultKind;

/// Tests a claim wherever memory can be protected.
pub(crate) fn wherever_it_is_enforced(claim: impl Fn(&World)) {
    memctl_tests::on_every_protector(claim);
}

pub(crate) fn address(start: u64) -> u32 {
    u32::try_from(start).expect("a 32-bit address")
}

/// The guest's protection calls.
pub(crate) trait Protects {
    fn seal(&mut self, no_access: u64, read_only: u64) -> Answer<(u64, u64)>;
    fn sealed(&mut self) -> (u64, u64);
    fn protect(&mut self, range: (u64, u64), protection: Protection) -> Answer<()>;
    fn discard(&mut self, range: (u64, u64)) -> Answer<()>;
    /// Some granules of plain memory, filled with ones.
    fn granules(&mut self, count: u32) -> u64;
    fn load(&mut self, at: u64) -> wasmtime::Result<u8>;
    fn store(&mut self, at: u64) -> wasmtime::Result<()>;
}

impl Protects for Guest {
    fn seal(&mut self, no_access: u64, read_only: u64) -> Answer<(u64, u64)> {
        self.call(|probe, store| probe.call_seal(store, no_access, read_only))
    }

    fn sealed(&mut self) -> (u64, u64) {
        self.call(|probe, store| probe.call_sealed(store))
    }

    fn protect(&mut self, (start, len): (u64, u64), protection: Protection) -> Answer<()> {
        self.call(|probe, store| probe.call_protect(store, start, len, protection))
    }

    fn discard(&mut self, (start, len): (u64, u64)) -> Answer<()> {
        self.call(|probe, store| probe.call_discard(store, start, len))
    }

    fn granules(&mut self, count: u32) -> u64 {
        let len = count * address(GRANULE);
        let start = self.alloc(len);
        self.call(|probe, store| probe.call_fill(store, address(start), len, 1));
        start
    }

    fn load(&mut self, at: u64) -> wasmtime::Result<u8> {
        self.try_call(|probe, store| probe.call_load_u8(store, address(at)))
    }

    fn store(&mut self, at: u64) -> wasmtime::Result<()> {
        self.try_call(|probe, store| probe.call_store_u8(store, address(at), 2))
    }
}

/// The guest is trapped when it does this, for touching `at` of its memory.
#[track_caller]
pub(crate) fn trapped<R>(mut guest: Guest, at: u64, write: bool, act: impl FnOnce(&mut Guest) -> wasmtime::Result<R>) {
    assert!(act(&mut guest).is_err(), "it traps");
    let fault = guest.state().memctl.last_fault().expect("for a fault");
    assert_eq!((fault.address, fault.kind, fault.write), (at, FaultKind::Protection, Some(write)));
}
