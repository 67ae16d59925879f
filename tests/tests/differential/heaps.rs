//! Random programs over shared heaps: guests that allocate blocks, hand them on, wait for them and end.

use memctl_core::Quotas;
use memctl_model::{Campaign, HeapLockstep, HeapSetting, Meanwhile, heap_campaign};
use memctl_tests::GRANULE;

use crate::BOARD;
use crate::heap_house::{HeapBackend, HeapHouse, ROOM};

/// How many steps CI makes on every backend, and the longest program.
const STEPS: u64 = 20_000;
const LENGTH: usize = 300;

/// Bytes of the smallest block.
const UNIT: u64 = 16;

fn setting(granule: u64, unit: u64) -> HeapSetting {
    let guest = Quotas { blocks: 5, block_bytes: 5 * granule, leases: 2, waiters: 1, ..Quotas::GUEST };
    let domain = Quotas { blocks: 9, block_bytes: 7 * granule, leases: 4, waiters: 2, ..Quotas::DOMAIN };
    let (memory, scale) = (ROOM * granule, (granule / 64).max(1));
    HeapSetting { granule, unit, memory, guest, domain, scale, meanwhile: Meanwhile::Stays }
}

fn agree(name: &str, backends: &[HeapBackend], setting: HeapSetting, steps: u64) {
    heap_campaign(name, Campaign::from_env(steps, LENGTH), |ops| {
        let worlds = backends.iter().map(|backend| HeapHouse::new(*backend, &setting)).collect();
        let mut lockstep = HeapLockstep::new(worlds, setting);
        ops.iter().try_for_each(|op| lockstep.run(op))?;
        lockstep.finish()
    });
}

#[test]
fn a_program_over_heaps_has_one_behaviour_on_every_backend() {
    let backends = [HeapBackend::Alias, HeapBackend::Copy];
    agree("a_program_over_heaps_has_one_behaviour_on_every_backend", &backends, setting(GRANULE, UNIT), STEPS);
}

#[test]
fn a_program_over_heaps_has_one_behaviour_wherever_whole_granules_are_apart() {
    let backends = [HeapBackend::Audited, HeapBackend::ParallelAlias, HeapBackend::ParallelCopy];
    let name = "a_program_over_heaps_has_one_behaviour_wherever_whole_granules_are_apart";
    agree(name, &backends, setting(GRANULE, GRANULE), STEPS / 4);
}

#[test]
fn a_program_over_heaps_has_the_model_s_behaviour_with_a_board_s_granule() {
    let name = "a_program_over_heaps_has_the_model_s_behaviour_with_a_board_s_granule";
    agree(name, &[HeapBackend::Copy], setting(BOARD, UNIT), STEPS / 2);
}
