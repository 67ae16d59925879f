//! One random program after another, each from its own seed, until enough steps were done.

use std::fmt::Debug;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::time::Instant;

use proptest::prelude::ProptestConfig;
use proptest::strategy::{Strategy, ValueTree};
use proptest::test_runner::{RngAlgorithm, TestRng, TestRunner};

use crate::{Disagreement, Op, Setting, program};

/// How much is run, and from where on.
#[derive(Clone, Copy, Debug)]
pub struct Campaign {
    /// At least so many steps.
    pub steps: u64,
    /// The first program's seed; the others' follow.
    pub seed: u64,
    /// Programs have fewer ops than this.
    pub length: usize,
}

impl Campaign {
    /// `steps` steps from seed 0 on, unless the environment says otherwise: `MEMCTL_STEPS=10000000` for more of them, `MEMCTL_SEED=17` to
    /// begin with another program. Both, the first being 1, run one program again.
    ///
    /// # Panics
    /// If the environment says something that is no number.
    #[must_use]
    pub fn from_env(steps: u64, length: usize) -> Self {
        let number = |name: &str| {
            let text = std::env::var(name).ok()?;
            Some(text.replace('_', "").parse().unwrap_or_else(|error| panic!("{name}={text}: {error}")))
        };
        Self { steps: number("MEMCTL_STEPS").unwrap_or(steps), seed: number("MEMCTL_SEED").unwrap_or(0), length }
    }
}

/// Runs programs with `run`, which says how many steps they were.
///
/// # Panics
/// If one fails: with its seed, and what is left of it when everything that doesn't matter is left out.
pub fn campaign(name: &str, campaign: Campaign, setting: &Setting, run: impl Fn(&[Op]) -> Result<u64, Disagreement>) {
    campaign_of(name, campaign, &program::program(setting, campaign.length), run);
}

/// [`campaign`](fn@campaign), of any programs.
pub(crate) fn campaign_of<O: Clone + Debug>(
    name: &str,
    campaign: Campaign,
    programs: &impl Strategy<Value = Vec<O>>,
    run: impl Fn(&[O]) -> Result<u64, Disagreement>,
) {
    // A panic is a disagreement too; its text is on the screen.
    let run = |ops: &[O]| match catch_unwind(AssertUnwindSafe(|| run(ops))) {
        Ok(result) => result.map_err(|disagreement| disagreement.to_string()),
        Err(_) => Err("it panicked".to_owned()),
    };
    let (start, mut steps, mut seed) = (Instant::now(), 0, campaign.seed);
    while steps < campaign.steps {
        let ops = program(programs, seed);
        match run(&ops) {
            Ok(done) => steps += done,
            Err(reason) => {
                let (ops, reason) = shrink(ops, reason, run);
                let ops: String = ops.iter().map(|op| format!("\n    {op:?}")).collect();
                panic!(
                    "{name}: after {steps} steps the program of seed {seed} fails\n{reason}\nall that it takes:{ops}\n\
                     again: MEMCTL_SEED={seed} MEMCTL_STEPS=1 cargo test {name}"
                )
            }
        }
        seed += 1;
    }
    let (programs, seconds) = (seed - campaign.seed, start.elapsed().as_secs_f64());
    eprintln!("{name}: {steps} steps of {programs} programs agree, in {seconds:.1} s");
}

/// The program that a seed stands for.
fn program<O: Debug>(programs: &impl Strategy<Value = Vec<O>>, seed: u64) -> Vec<O> {
    let mut bytes = [0; 32];
    bytes[..8].copy_from_slice(&seed.to_le_bytes());
    let rng = TestRng::from_seed(RngAlgorithm::ChaCha, &bytes);
    let mut runner = TestRunner::new_with_rng(ProptestConfig::default(), rng);
    programs.new_tree(&mut runner).expect("nothing is filtered").current()
}

/// Leaves out of a program that fails for `reason` all ops without which it still fails, for whatever reason.
fn shrink<O: Clone>(
    mut ops: Vec<O>,
    mut reason: String,
    run: impl Fn(&[O]) -> Result<u64, String>,
) -> (Vec<O>, String) {
    let mut size = ops.len().div_ceil(2);
    loop {
        let (mut start, before) = (0, ops.len());
        while start < ops.len() {
            let end = (start + size).min(ops.len());
            let fewer: Vec<O> = ops[..start].iter().chain(&ops[end..]).cloned().collect();
            match run(&fewer) {
                Ok(_) => start = end,
                Err(other) => (ops, reason) = (fewer, other),
            }
        }
        if size == 1 && ops.len() == before {
            return (ops, reason);
        }
        size = (size / 2).max(1);
    }
}
