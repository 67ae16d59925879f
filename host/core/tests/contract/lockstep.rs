//! Random programs, in lockstep in every mode and on the naive model.

use memctl_model::{
    Act, Answer, Campaign, Disagreement, GUESTS, How, Lockstep, Op, Outcome, Step, World as _, campaign,
};

use crate::common::{MODES, Mode};
use crate::program::{Named, setting};

/// How many steps each test makes, and the longest program: fewer under Miri, which is a thousand times slower. Nothing here is slow; what is slow is
/// looking at each step.
const STEPS: u64 = if cfg!(miri) { 40 } else { 100_000 };
const LENGTH: usize = if cfg!(miri) { 20 } else { 400 };

fn programs(name: &str, steps: u64, run: impl Fn(&[Op]) -> Result<u64, Disagreement>) {
    campaign(name, Campaign::from_env(steps, LENGTH), &setting(Mode::Copy, false), run);
}

fn agree(modes: &[Mode], aliasing: bool, ops: &[Op]) -> Result<u64, Disagreement> {
    let worlds = modes.iter().map(|mode| Named::new(*mode, aliasing)).collect();
    let mut lockstep = Lockstep::new(worlds, setting(modes[0], aliasing))?;
    ops.iter().try_for_each(|op| lockstep.run(op))?;
    lockstep.finish()
}

#[test]
fn a_program_has_one_behaviour_in_every_mode() {
    programs("a_program_has_one_behaviour_in_every_mode", 2 * STEPS, |ops| agree(&MODES, false, ops));
}

#[test]
fn a_program_that_aliases_has_the_model_s_behaviour() {
    programs("a_program_that_aliases_has_the_model_s_behaviour", STEPS, |ops| {
        agree(&[Mode::Alias], true, ops)?;
        agree(&[Mode::Mixed], true, ops)
    });
}

#[test]
fn a_domain_that_was_written_out_and_read_back_goes_on_as_before() {
    programs("a_domain_that_was_written_out_and_read_back_goes_on_as_before", STEPS / 4, |ops| {
        let mut steps = 0;
        for mode in MODES {
            let worlds = vec![Named::new(mode, true), Named::new(mode, true)];
            let mut lockstep = Lockstep::new(worlds, setting(mode, true))?;
            let every = number(ops) + 1;
            for (op, at) in ops.iter().zip(0..) {
                lockstep.run(op)?;
                if at % every == 0 {
                    lockstep.worlds[1].world.reload();
                }
            }
            steps = lockstep.finish()?;
        }
        Ok(steps)
    });
}

/// A small number that depends on the program only.
fn number(ops: &[Op]) -> u64 {
    ops.len() as u64 * 7 % 40
}

#[test]
fn the_books_stay_right_whatever_the_backend_fails() {
    programs("the_books_stay_right_whatever_the_backend_fails", STEPS / 2, |ops| {
        let mut steps = 0;
        for (mode, fails_on) in [(Mode::Copy, false), (Mode::Alias, false), (Mode::Mixed, true)] {
            let mut lockstep = Lockstep::new(vec![Named::new(mode, true)], setting(mode, true))?;
            let ram = &mut lockstep.worlds[0].world.ram;
            (ram.fails_at, ram.fails_on) = (Some(ram.calls + number(ops)), fails_on);
            for op in ops {
                let Some(step) = lockstep.model.resolve(op) else { continue };
                // What was done meanwhile can't be told from what failed.
                if matches!(step, Step::Guest(_, Act::Cross { .. } | Act::Trap { .. })) {
                    continue;
                }
                follow(&mut lockstep, &step)?;
                steps += 1;
            }
            let world = &mut lockstep.worlds[0].world;
            (0..GUESTS).for_each(|guest| world.end(guest));
            (0..GUESTS).for_each(|guest| {
                lockstep.model.apply(&Step::End(guest, How::Dropped));
            });
            // Only what is published is left, and what guests added to it.
            let world = &lockstep.worlds[0].world;
            assert_eq!(world.domain.total_usage(), lockstep.model.total_usage());
            assert_eq!((world.ram.objects(), lockstep.model.objects()), (3, 3));
        }
        Ok(steps)
    });
}

/// Does a step that may fail: the model does what was done.
fn follow(lockstep: &mut Lockstep<Named>, step: &Step) -> Result<(), Disagreement> {
    let world = &mut lockstep.worlds[0];
    let Outcome { answer, .. } = world.perform(step, &Default::default());
    // Some calls do what they are for even if they fail; none is made if the guest can't be let in.
    if matches!(answer, Answer::Gave(_)) || world.is_done(step) {
        lockstep.model.apply(step);
    }
    lockstep.check(step)
}
