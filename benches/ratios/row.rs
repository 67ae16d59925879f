//! What is reported of a measurement.

use crate::measure::{Cost, quantile};

/// What a row's figure should be.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Aim {
    AtMost(f64),
    AtLeast(f64),
    /// The figure explains others.
    None,
}

/// What a row's figure is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Unit {
    Ratio,
    Nanoseconds,
}

/// One figure.
#[derive(Clone, Debug)]
pub(crate) struct Row {
    pub(crate) what: String,
    pub(crate) against: String,
    pub(crate) unit: Unit,
    pub(crate) aim: Aim,
    /// Of the medians.
    pub(crate) p50: f64,
    /// Of the rounds.
    pub(crate) p10: f64,
    pub(crate) p90: f64,
    /// What the figure is made of.
    pub(crate) costs: Vec<Cost>,
}

impl Row {
    /// The figure that `figure` makes of what each thing cost.
    pub(crate) fn new(
        (what, against): (impl Into<String>, impl Into<String>),
        (unit, aim): (Unit, Aim),
        costs: &[&Cost],
        figure: impl Fn(&[f64]) -> f64,
    ) -> Self {
        let medians: Vec<f64> = costs.iter().map(|cost| cost.median()).collect();
        let rounds = costs.iter().map(|cost| cost.times.len()).min().unwrap_or(0);
        let by_round: Vec<f64> =
            (0..rounds).map(|round| figure(&costs.iter().map(|cost| cost.times[round]).collect::<Vec<_>>())).collect();
        Self {
            what: what.into(),
            against: against.into(),
            unit,
            aim,
            p50: figure(&medians),
            // What isn't measured, like a size, has no rounds.
            p10: if rounds == 0 { figure(&medians) } else { quantile(&by_round, 0.1) },
            p90: if rounds == 0 { figure(&medians) } else { quantile(&by_round, 0.9) },
            costs: costs.iter().map(|&cost| cost.clone()).collect(),
        }
    }

    /// How many times the second is what the first is.
    pub(crate) fn ratio(names: (impl Into<String>, impl Into<String>), aim: Aim, first: &Cost, second: &Cost) -> Self {
        Self::new(names, (Unit::Ratio, aim), &[first, second], |costs| costs[0] / costs[1])
    }

    /// How many nanoseconds more the first is.
    pub(crate) fn extra(names: (impl Into<String>, impl Into<String>), aim: Aim, first: &Cost, second: &Cost) -> Self {
        Self::new(names, (Unit::Nanoseconds, aim), &[first, second], |costs| costs[0] - costs[1])
    }

    /// Whether the figure is what it should be, if it should be anything.
    pub(crate) fn is_met(&self) -> Option<bool> {
        match self.aim {
            Aim::AtMost(most) => Some(self.p50 <= most),
            Aim::AtLeast(least) => Some(self.p50 >= least),
            Aim::None => None,
        }
    }
}
