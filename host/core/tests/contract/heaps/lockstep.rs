//! Random programs over heaps, in lockstep in every mode and on the naive model.

use memctl_model::{Campaign, Disagreement, HeapLockstep, HeapOp, heap_campaign};

use super::named::{Named, setting};
use super::scene::Run;
use crate::common::{MODES, Mode};

/// How many steps each test makes, and the longest program: fewer under Miri, which is a thousand times slower.
const STEPS: u64 = if cfg!(miri) { 40 } else { 50_000 };
const LENGTH: usize = if cfg!(miri) { 20 } else { 300 };

fn programs(name: &str, steps: u64, run: impl Fn(&[HeapOp]) -> Result<u64, Disagreement>) {
    heap_campaign(name, Campaign::from_env(steps, LENGTH), run);
}

fn agree(run: Run, ops: &[HeapOp]) -> Result<u64, Disagreement> {
    let mut lockstep = HeapLockstep::new(MODES.map(|mode| Named::new(mode, run)).into(), setting(run));
    ops.iter().try_for_each(|op| lockstep.run(op))?;
    lockstep.finish()
}

#[test]
fn a_program_over_heaps_has_one_behaviour_in_every_mode() {
    programs("a_program_over_heaps_has_one_behaviour_in_every_mode", STEPS, |ops| agree(Run::OneAtATime, ops));
}

#[test]
fn a_program_over_heaps_has_the_model_s_behaviour_and_access_where_pages_keep_guests_apart() {
    programs("a_program_over_heaps_has_the_model_s_behaviour_and_access_where_pages_keep_guests_apart", STEPS, |ops| {
        agree(Run::AtTheSameTime, ops)
    });
}

#[test]
fn heaps_that_were_written_out_and_read_back_go_on_as_before() {
    programs("heaps_that_were_written_out_and_read_back_go_on_as_before", STEPS / 4, |ops| {
        let mut steps = 0;
        for run in [Run::OneAtATime, Run::AtTheSameTime] {
            let mut lockstep = HeapLockstep::new(MODES.map(|mode| Named::new(mode, run)).into(), setting(run));
            for op in ops {
                lockstep.run(op)?;
                lockstep.worlds[0].world.reload();
            }
            steps += lockstep.finish()?;
        }
        Ok(steps)
    });
}

#[test]
fn what_is_counted_of_heaps_stays_right_whatever_the_backend_fails() {
    programs("what_is_counted_of_heaps_stays_right_whatever_the_backend_fails", STEPS / 2, |ops| {
        let mut steps = 0;
        for mode in MODES {
            for run in [Run::OneAtATime, Run::AtTheSameTime] {
                let mut lockstep = HeapLockstep::new(vec![Named::new(mode, run)], setting(run));
                // Every so many calls one fails; all of them from some call on where one guest copies and others alias.
                let every = ops.len() as u64 % 13 + 1;
                lockstep.worlds[0].world.ram.fails_on = mode == Mode::Mixed && ops.len() % 2 == 0;
                for op in ops {
                    let ram = &mut lockstep.worlds[0].world.ram;
                    if ram.fails_at.is_none_or(|call| call < ram.calls && !ram.fails_on) {
                        ram.fails_at = Some(ram.calls + every);
                    }
                    lockstep.run_failing(op)?;
                }
                lockstep.worlds[0].world.ram.fails_at = None;
                for guest in 0..3 {
                    lockstep.run_failing(&HeapOp::End(guest))?;
                }
                steps += lockstep.steps();
            }
        }
        Ok(steps)
    });
}
