//! Random programs through real guests: every backend and the naive model do the same steps, and everything that can be seen is compared
//! after each.
//!
//! A guest looks at all of its memory before control leaves it, so that looking is no crossing of its own; bytes that a lease or the end of
//! an object leaves open are left out. The host compares answers, quotas and, in steps of their own, objects.
//!
//! `MEMCTL_STEPS=10000000` runs more, `MEMCTL_SEED=1000000` begins with another program.

mod guest;
mod heap_guest;
mod heap_house;
mod heaps;
mod house;
mod wire;

use memctl_model::{Aliasing, Campaign, Disagreement, GUESTS, Lockstep, Op, Setting, Surface, campaign};
use memctl_tests::GRANULE;

use house::{Backend, House};

/// How many steps CI makes on every backend.
const STEPS: u64 = 100_000;

/// Programs have fewer ops than this. Some ops find nothing to be done on.
const LENGTH: usize = 500;

/// A granule as small as on an MPU board, in bytes: on `copy` only, as is asking for what it refuses.
const BOARD: u64 = 32;

const WASM_PAGE: u64 = 65536;

/// What backends may differ in, by design. All else is compared:
/// - `coherence.aliasing` works on `alias`, and is `unsupported` on `copy`. Programs for both ask for it only where something else refuses it first;
/// - `domain.capabilities-of` says so. Programs don't ask;
/// - bytes past an object's end, stored but not lost yet, and bytes of leased windows without a lease: nobody looks.
fn setting(granule: u64, aliasing: Aliasing) -> Setting {
    let (guest, domain) = Setting::tight(granule);
    Setting {
        granule,
        start: house::start(),
        len: WASM_PAGE,
        growth: WASM_PAGE,
        guest,
        domain,
        aliasing: [aliasing; GUESTS],
        surface: Surface::Guest,
    }
}

fn agree(name: &str, backends: &[Backend], setting: Setting, steps: u64) {
    let run = |ops: &[Op]| -> Result<u64, Disagreement> {
        let worlds = backends.iter().map(|backend| House::new(*backend, &setting)).collect();
        let mut lockstep = Lockstep::new(worlds, setting)?;
        ops.iter().try_for_each(|op| lockstep.run(op))?;
        lockstep.finish()
    };
    campaign(name, Campaign::from_env(steps, LENGTH), &setting, run);
}

#[test]
fn a_program_has_one_behaviour_on_every_backend() {
    let backends = [Backend::Alias, Backend::Audited, Backend::Copy];
    let setting = setting(GRANULE, Aliasing::NotAsked);
    agree("a_program_has_one_behaviour_on_every_backend", &backends, setting, STEPS);
}

#[test]
fn a_program_that_aliases_has_the_model_s_behaviour() {
    let setting = setting(GRANULE, Aliasing::Works);
    agree("a_program_that_aliases_has_the_model_s_behaviour", &[Backend::Alias], setting, STEPS / 5);
}

#[test]
fn an_instrumented_program_has_one_behaviour_with_the_others() {
    let backends = [Backend::Alias, Backend::Instrumented];
    let setting = setting(GRANULE, Aliasing::NotAsked);
    agree("an_instrumented_program_has_one_behaviour_with_the_others", &backends, setting, STEPS / 5);
}

#[test]
fn a_program_has_the_model_s_behaviour_with_a_board_s_granule() {
    let setting = setting(BOARD, Aliasing::Refused);
    agree("a_program_has_the_model_s_behaviour_with_a_board_s_granule", &[Backend::Copy], setting, STEPS / 5);
}
