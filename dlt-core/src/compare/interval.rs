//! From the limits of two runs' numbers to the interval of their difference, and
//! to the chance that it is none.

use super::normal::{Z_95, two_sided};

/// Confidence beyond which nothing is told apart any more.
const MOST_Z: f64 = 8.0;

/// A number of one run with its limits at some confidence.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Limits {
    pub(super) value: f64,
    pub(super) low: f64,
    pub(super) high: f64,
}

/// The interval of candidate less base from the limits of each: the method of
/// variance estimates recovery (MOVER: Zou and Donner, Statistics in Medicine 27,
/// 2008; for shares of Wilson's limits it is Newcombe's method 10, Statistics in
/// Medicine 17, 1998). Limits need not be symmetric.
pub(super) fn difference(base: Limits, candidate: Limits) -> (f64, f64) {
    let between = candidate.value - base.value;
    let down = root_of_squares(candidate.value - candidate.low, base.high - base.value);
    let up = root_of_squares(candidate.high - candidate.value, base.value - base.low);
    (between - down, between + up)
}

/// The root of the sum of two squares. The C library's `hypot` is one of glibc 2.35, and
/// the functions run where 2.34 is (xtask's `glibc`).
pub(super) fn root_of_squares(a: f64, b: f64) -> f64 {
    (a * a + b * b).sqrt()
}

/// How sure a difference is.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Estimate {
    /// Candidate less base.
    pub(super) difference: f64,
    /// Its 95 % interval; infinite where a side is not bounded by what was
    /// measured.
    pub(super) interval: (f64, f64),
    /// Chance of a difference like this, or larger, if there were none.
    pub(super) p_value: f64,
}

/// The estimate of a family of intervals that widen with the confidence, given as
/// a normal deviate: the p-value is that at which the interval reaches 0.
pub(super) fn estimate(difference: f64, interval: impl Fn(f64) -> (f64, f64)) -> Estimate {
    let holds_none = |z: f64| {
        let (low, high) = interval(z);
        low <= 0.0 && 0.0 <= high
    };
    let (mut apart, mut reached) = (0.0, MOST_Z);
    if !holds_none(MOST_Z) {
        apart = MOST_Z;
    } else if difference != 0.0 {
        for _ in 0..40 {
            let middle = f64::midpoint(apart, reached);
            match holds_none(middle) {
                true => reached = middle,
                false => apart = middle,
            }
        }
    }
    Estimate {
        difference,
        interval: interval(Z_95),
        p_value: two_sided(apart),
    }
}
