//! Measuring things in turn, so that what disturbs one disturbs all.

use std::time::{Duration, Instant};

use anyhow::Result;

use crate::allocations;

/// What does a thing as many times as asked.
type Run<'a, W> = dyn FnMut(&mut W, u32) -> Result<()> + 'a;

/// Something to measure: does it as many times as asked.
pub(crate) struct Thing<'a, W> {
    pub(crate) name: &'static str,
    pub(crate) run: Box<Run<'a, W>>,
}

impl<'a, W> Thing<'a, W> {
    pub(crate) fn new(name: &'static str, run: impl FnMut(&mut W, u32) -> Result<()> + 'a) -> Self {
        Self { name, run: Box::new(run) }
    }

    fn time(&mut self, world: &mut W, times: u32) -> Result<Duration> {
        let start = Instant::now();
        (self.run)(world, times)?;
        Ok(start.elapsed())
    }

    /// How many times take about as long as `batch`. Runs it, so that the caches are warm afterwards.
    fn calibrate(&mut self, world: &mut W, batch: Duration) -> Result<u32> {
        let mut times = 1;
        loop {
            let took = self.time(world, times)?;
            if took >= batch / 2 || times >= 1 << 20 {
                return Ok(times);
            }
            times *= 2;
        }
    }
}

/// How much to measure.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Effort {
    /// How often each thing has its turn.
    pub(crate) rounds: usize,
    /// How long a turn is, about. One that takes longer is done once.
    pub(crate) batch: Duration,
}

impl Effort {
    pub(crate) const FULL: Self = Self { rounds: 101, batch: Duration::from_millis(2) };
    pub(crate) const QUICK: Self = Self { rounds: 11, batch: Duration::from_micros(500) };

    /// For things that take tens of milliseconds.
    pub(crate) fn long(self) -> Self {
        Self { rounds: self.rounds.div_ceil(4), ..self }
    }
}

/// What one thing cost each time it had its turn.
#[derive(Clone, Debug)]
pub(crate) struct Cost {
    pub(crate) name: &'static str,
    /// Nanoseconds for doing it once, by round.
    pub(crate) times: Vec<f64>,
    /// Allocations of the host for doing it once.
    pub(crate) allocations: f64,
}

impl Cost {
    pub(crate) fn median(&self) -> f64 {
        quantile(&self.times, 0.5)
    }
}

/// Measures the things, one after the other in every round, and forwards and backwards by turns.
pub(crate) fn in_turn<W>(world: &mut W, things: &mut [Thing<'_, W>], effort: Effort) -> Result<Vec<Cost>> {
    let mut times = Vec::new();
    for thing in things.iter_mut() {
        times.push(thing.calibrate(world, effort.batch)?);
    }
    let mut costs: Vec<Cost> =
        things.iter().map(|thing| Cost { name: thing.name, times: Vec::new(), allocations: 0.0 }).collect();
    for round in 0..effort.rounds {
        for turn in 0..things.len() {
            let at = if round % 2 == 0 { turn } else { things.len() - 1 - turn };
            let before = allocations::count();
            let took = things[at].time(world, times[at])?;
            let allocated = allocations::count() - before;
            #[expect(clippy::cast_precision_loss, reason = "counts far below 2^53")]
            let allocated = allocated as f64;
            costs[at].times.push(took.as_secs_f64() * 1e9 / f64::from(times[at]));
            costs[at].allocations = allocated / f64::from(times[at]);
        }
    }
    Ok(costs)
}

/// The value that a share `at` of the values is below.
pub(crate) fn quantile(values: &[f64], at: f64) -> f64 {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    #[expect(clippy::cast_precision_loss, reason = "a number of rounds")]
    let last = sorted.len().saturating_sub(1) as f64;
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "between 0 and the number of rounds")]
    let index = (last * at).round() as usize;
    sorted.get(index).copied().unwrap_or(f64::NAN)
}
