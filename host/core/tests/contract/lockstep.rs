//! Random programs, in lockstep in every mode and on the naive model.

use memctl_core::{Code, Quotas};
use proptest::collection::vec;
use proptest::prelude::ProptestConfig;
use proptest::test_runner::TestRunner;

use crate::common::{GRANULE as G, MODES, Mode, World};
use crate::model::Model;
use crate::program::{Gave, Op, Step, op, perform};

/// Tight enough that programs meet them.
const GUEST: Quotas = Quotas { objects: 4, object_bytes: 4 * G, mappings: 5, mapped_bytes: 8 * G, leases: 4 };
const DOMAIN: Quotas = Quotas { objects: 9, object_bytes: 7 * G, mappings: 11, mapped_bytes: 18 * G, leases: 7 };

/// How many random programs each test runs: fewer, and shorter ones, under Miri, which is a thousand times slower.
const CASES: u32 = if cfg!(miri) { 2 } else { 2_000 };

struct Lockstep {
    worlds: Vec<World>,
    model: Model,
}

impl Lockstep {
    fn new(modes: &[Mode], aliasing: bool) -> Self {
        let mut worlds: Vec<_> = modes.iter().map(|mode| World::with_quotas(*mode, GUEST, DOMAIN)).collect();
        let mut objects = None;
        for world in &mut worlds {
            world.ram.aliasing = aliasing;
            let (shared, file) = (world.shared_object(2 * G + 7), world.shared_file(3 * G));
            objects = Some([(shared.0, 2 * G + 7, shared.1), (file.0, 3 * G, file.1)]);
        }
        Self { worlds, model: Model::new(objects.expect("at least one world")) }
    }

    fn run(&mut self, op: &Op) {
        if let Some(step) = self.model.resolve(op) {
            self.step(&step);
        }
    }

    fn step(&mut self, step: &Step) {
        let answers: Vec<_> = self.worlds.iter_mut().map(|world| perform(world, step)).collect();
        let first = &answers[0];
        match (step, first) {
            (Step::Load(guest, addresses), Ok(_)) => {
                let expected: Vec<_> = addresses.iter().filter_map(|at| self.model.loads(*guest, *at)).collect();
                assert!(
                    answers.iter().all(|answer| *answer == Ok(Gave::Bytes(expected.clone()))),
                    "{answers:?} {expected:?}"
                );
            }
            (Step::Stored(object), Ok(_)) => {
                for answer in &answers {
                    let Ok(Gave::Bytes(bytes)) = answer else { panic!("{answer:?}") };
                    let agrees =
                        |(byte, expected): (&u8, Option<u8>)| expected.is_none_or(|expected| *byte == expected);
                    assert!(bytes.iter().zip(self.model.stored(*object)).all(agrees), "{bytes:?}");
                }
            }
            _ => assert!(answers.iter().all(|answer| answer == first), "{answers:?}"),
        }
        assert_ne!(*first, Err(Code::Io), "nothing was made to fail");
        self.model.apply(step, first);
        self.check();
    }

    /// Quotas in use are what is there.
    fn check(&self) {
        for world in &self.worlds {
            world.check_books();
            for (guest, instance) in world.guests.into_iter().enumerate() {
                let usage = world.domain.usage(instance).expect("live");
                assert_eq!([usage.objects, usage.leases, usage.mappings].map(|n| n as usize), self.model.counts(guest));
            }
            let totals = (world.domain.total_usage().object_bytes, world.ram.objects());
            assert_eq!(totals, self.model.object_totals());
        }
    }

    /// Every lease is released and every byte compared.
    fn finish(mut self) {
        for release in self.model.releases() {
            self.step(&release);
        }
        for object in self.model.objects() {
            self.step(&Step::Stored(object));
        }
        for guest in 0..3 {
            self.step(&Step::End(guest));
        }
    }
}

/// Runs a test on random programs, each with a random small number.
fn programs(cases: u32, length: usize, test: impl Fn(Vec<Op>, u64)) {
    let cases = cases.max(1);
    let config =
        ProptestConfig { cases, failure_persistence: None, max_shrink_iters: 20_000, ..ProptestConfig::default() };
    let length = if cfg!(miri) { length / 10 } else { length };
    let programs = (vec(op(), 1..length), 0..40_u64);
    TestRunner::new(config)
        .run(&programs, |(ops, number)| {
            test(ops, number);
            Ok(())
        })
        .unwrap_or_else(|failure| panic!("{failure}"));
}

fn agree(modes: &[Mode], aliasing: bool, ops: &[Op]) {
    let mut lockstep = Lockstep::new(modes, aliasing);
    ops.iter().for_each(|op| lockstep.run(op));
    lockstep.finish();
}

#[test]
fn a_program_has_one_behaviour_in_every_mode() {
    programs(CASES, 200, |ops, _| agree(&MODES, false, &ops));
}

#[test]
fn a_program_that_aliases_has_the_model_s_behaviour() {
    programs(CASES / 2, 200, |ops, _| {
        agree(&[Mode::Alias], true, &ops);
        agree(&[Mode::Mixed], true, &ops);
    });
}

#[test]
fn a_domain_that_was_written_out_and_read_back_goes_on_as_before() {
    programs(CASES / 4, 200, |ops, number| {
        for mode in MODES {
            let mut lockstep = Lockstep::new(&[mode, mode], true);
            for (op, at) in ops.iter().zip(0..) {
                lockstep.run(op);
                if at % (number + 1) == 0 {
                    lockstep.worlds[1].reload();
                }
            }
            lockstep.finish();
        }
    });
}

#[test]
fn the_books_stay_right_whatever_the_backend_fails() {
    programs(CASES / 2, 120, |ops, number| {
        for (mode, fails_on) in [(Mode::Copy, false), (Mode::Alias, false), (Mode::Mixed, true)] {
            let mut lockstep = Lockstep::new(&[mode], true);
            let world = &mut lockstep.worlds[0];
            (world.ram.fails_at, world.ram.fails_on) = (Some(world.ram.calls + number), fails_on);
            for op in &ops {
                let Some(step) = lockstep.model.resolve(op) else { continue };
                let world = &mut lockstep.worlds[0];
                let answer = perform(world, &step);
                world.check_books();
                // Some calls do what they are for even if they fail; none is made if the guest can't be let in.
                let gone = match step {
                    Step::Unmap(guest, id) | Step::DropMapping(guest, id) => {
                        world.domain.view(world.guests[guest], id).is_err()
                    }
                    Step::Release(guest, id) => world.domain.leased(world.guests[guest], id).is_err(),
                    _ => false,
                };
                lockstep.model.apply(&step, &if gone { Ok(Gave::Nothing) } else { answer });
                lockstep.check();
            }
            (0..3).for_each(|guest| lockstep.model.apply(&Step::End(guest), &Ok(Gave::Nothing)));
            let world = &mut lockstep.worlds[0];
            (0..3).for_each(|guest| world.end(guest));
            // Only what is published is left, and what guests added to it.
            let (added, published) = lockstep.model.object_totals();
            let left = Quotas { object_bytes: added, ..Quotas::NONE };
            assert_eq!((world.domain.total_usage(), world.ram.objects()), (left, published));
            assert_eq!(published, 2);
        }
    });
}
