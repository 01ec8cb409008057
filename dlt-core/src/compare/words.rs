//! The words for a difference: which are real, all tests considered, which are
//! large enough to matter, and which numbers are known well enough to be called
//! the same.

use super::interval::Estimate;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Share of false alarms among what is called a change, at most, in each of two
/// families: the error rate and p95 of the whole run, on which the verdict hangs,
/// and all other numbers. If nothing changed, that is the chance of any alarm at
/// all (Benjamini and Hochberg, JRSS B 57, 1995). Both together are half of the 5 %
/// that are promised: what a system remembers for a large part of a run makes
/// intervals too narrow.
const FALSE_DISCOVERY_RATE: f64 = 0.0125;

/// What became of one number.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Change {
    /// It got worse: really, all tests considered, and by as much as matters.
    Worse,
    /// It improved: really, and by as much as matters.
    Better,
    /// It changed: its interval holds no 0, and lies within what does not matter.
    ChangedButSmall,
    /// Its whole interval lies within what does not matter, and holds 0.
    Same,
    /// Too little is known to say any of these, or the runs are not comparable.
    #[serde(alias = "inconclusive")]
    CannotTell,
}

impl Change {
    /// How it is told to people.
    pub fn words(self) -> &'static str {
        match self {
            Self::Worse => "worse",
            Self::Better => "better",
            Self::ChangedButSmall => "changed, but small",
            Self::Same => "same",
            Self::CannotTell => "cannot tell",
        }
    }
}

/// Which changes are large enough to matter.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Thresholds {
    /// Of times and rates, in percent: upwards; downwards it is that much of the
    /// smaller value, so that swapped runs are judged alike.
    pub relative_pct: f64,
    /// Of error rates, in percentage points.
    pub error_points: f64,
}

impl Default for Thresholds {
    fn default() -> Self {
        Self {
            relative_pct: 2.0,
            error_points: 0.5,
        }
    }
}

/// What a number is, to be judged.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    /// Higher is worse; differences are of logarithms.
    Time,
    /// Higher is worse; differences are of shares.
    ErrorRate,
    /// Higher is better; differences are of logarithms.
    Rate,
}

impl Kind {
    /// The least difference that matters, on the scale of its estimate.
    pub(super) fn threshold(self, thresholds: &Thresholds) -> f64 {
        match self {
            Self::Time | Self::Rate => (thresholds.relative_pct / 100.0).ln_1p(),
            Self::ErrorRate => thresholds.error_points / 100.0,
        }
    }
}

/// Which of these are real (Benjamini and Hochberg): the highest p-value that is.
pub(super) fn limit_of(p_values: impl Iterator<Item = f64>) -> Option<f64> {
    let mut values: Vec<f64> = p_values.collect();
    values.sort_by(f64::total_cmp);
    let of = values.len() as f64;
    let real = |row: &(f64, u32)| row.0 <= f64::from(row.1) / of * FALSE_DISCOVERY_RATE;
    values
        .into_iter()
        .zip(1u32..)
        .filter(real)
        .map(|row| row.0)
        .last()
}

/// The word for an estimate; `real` is what [`limit_of`] said of it.
pub(super) fn word(estimate: &Estimate, kind: Kind, threshold: f64, real: bool) -> Change {
    let (low, high) = estimate.interval;
    let excludes_none = low > 0.0 || high < 0.0;
    let within = -threshold <= low && high <= threshold;
    if real && excludes_none && estimate.difference.abs() >= threshold {
        let grew = estimate.difference > 0.0;
        return match grew == (kind == Kind::Rate) {
            true => Change::Better,
            false => Change::Worse,
        };
    }
    match (within, excludes_none && real) {
        (true, true) => Change::ChangedButSmall,
        (true, false) => Change::Same,
        (false, _) => Change::CannotTell,
    }
}
