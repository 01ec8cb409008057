//! The numbers that are compared, each with an interval of its own kind.
//!
//! *Quantiles*: the share of times below the quantile has limits, and the exact
//! distribution, read backwards, turns them into limits of the quantile (Woodruff,
//! JASA 47, 1952). *Error rates*: Wilson's limits (JASA 22, 1927), wider where
//! failures come in bursts. *Mean, rate*: from the variance of their sums. All
//! variances are of sums over seconds, which are not independent (`long_run`).

use super::cells::{Below, Cells};
use super::distribution::Distribution;
use super::interval::{Estimate, Limits, difference, estimate, root_of_squares};
use super::long_run::{Residuals, Variances, paired, variances};
use super::normal::{Z_95, normal, student, two_sided};
use super::words::Kind;

/// Samples that must lie beyond a quantile, on either side.
const LEAST_BEYOND: f64 = 10.0;
/// Times of fewer ok answers are not told where other requests failed: they are
/// those that happened to be answered.
const LEAST_ANSWERS: u64 = 100;
/// Where all times lie in two buckets of the seconds' histograms, logarithms of
/// quantiles are never known better: how times move inside of a bucket is unseen.
const UNSEEN: f64 = 0.02;
/// Share of times in two buckets from which on they hide a part of it.
const CROWDED: f64 = 0.5;
/// Share of a variance that seconds must show, for the rest to be told from it.
const LEAST_SEEN: f64 = 0.02;
/// Error rates of one system differ by chance by no more than this (standard
/// error): a longer failure is a change, not a burst of many that come and go.
const MOST_ERROR_SPREAD: f64 = 0.05;

/// A number that is compared.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum Number {
    /// A quantile of times, from 0 to 1.
    Quantile(f64),
    /// Of times.
    Mean,
    /// Failed of finished.
    ErrorRate,
    /// Finished per second.
    Rate,
}

impl Number {
    pub(super) fn kind(self) -> Kind {
        match self {
            Self::Quantile(_) | Self::Mean => Kind::Time,
            Self::ErrorRate => Kind::ErrorRate,
            Self::Rate => Kind::Rate,
        }
    }
}

/// Why nothing can be said about a number.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Unknown {
    /// Fewer than [`LEAST_BEYOND`] samples beyond the quantile, or none at all.
    FewSamples,
    /// No seconds are kept of it, or fewer than 15.
    NoSeconds,
    /// Fewer than [`LEAST_ANSWERS`] ok answers beside failures.
    FewAnswers,
    /// No exact times are stored.
    NoTimes,
    /// One run's times are of other samples than the other's.
    OtherTimes,
}

/// One side of a comparison: a run, a region of it, or a label.
#[derive(Debug, Clone, Copy)]
pub(super) struct Part<'a> {
    pub(super) cells: &'a Cells,
    /// Exact times; None where none are stored.
    pub(super) times: Option<&'a Distribution>,
    pub(super) finished: u64,
    pub(super) failed: u64,
}

/// Both sides.
#[derive(Debug, Clone, Copy)]
pub(super) struct Pair<'a> {
    pub(super) base: Part<'a>,
    pub(super) candidate: Part<'a>,
    /// The load changes on purpose: see [`paired`].
    pub(super) shaped: bool,
}

impl Pair<'_> {
    /// The difference of a number, on the scale of its kind.
    pub(super) fn estimate(&self, number: Number) -> Result<Estimate, Unknown> {
        match number {
            Number::Quantile(q) => self.quantile(q),
            Number::Mean => self.mean(),
            Number::ErrorRate => self.error_rate(),
            Number::Rate => self.rate(),
        }
    }

    fn variances(&self, residuals: [&[f64]; 2], counts: [f64; 2]) -> Variances {
        let of = |at: usize, part: &Part<'_>| Residuals {
            cells: residuals[at],
            seconds: part.cells.seconds,
        };
        let (a, b) = (of(0, &self.base), of(1, &self.candidate));
        match self.shaped && a.seconds == b.seconds && counts[0] > 0.0 && counts[1] > 0.0 {
            true => paired(a, b, counts),
            false => variances(a, b),
        }
    }

    fn times(&self) -> Result<[&Distribution; 2], Unknown> {
        let few = |part: &Part<'_>| part.finished - part.failed < LEAST_ANSWERS && part.failed > 0;
        match (self.base.times, self.candidate.times) {
            _ if few(&self.base) || few(&self.candidate) => Err(Unknown::FewAnswers),
            (Some(a), Some(b)) => Ok([a, b]),
            _ => Err(Unknown::NoTimes),
        }
    }

    /// The logarithm of the ratio of a quantile, `q` from 0 to 1.
    fn quantile(&self, q: f64) -> Result<Estimate, Unknown> {
        let times = self.times()?;
        let sides = [self.base, self.candidate];
        let mut parts = Vec::with_capacity(2);
        for (side, times) in sides.iter().zip(times) {
            if times.count() * q.min(1.0 - q) < LEAST_BEYOND {
                return Err(Unknown::FewSamples);
            }
            parts.push(side.cells.below(q).ok_or(Unknown::NoSeconds)?);
        }
        let [a, b] = [&parts[0], &parts[1]];
        let sums = self.variances([&a.residuals, &b.residuals], [a.total, b.total]);
        // The part that buckets hide varies as the part that they show.
        let share = |at: usize| {
            let part: &Below = &parts[at];
            let shown = sums.of[at] / part.total.powi(2);
            match part.seen > LEAST_SEEN && shown > 0.0 {
                true => shown / part.seen,
                false => q * (1.0 - q) / part.total,
            }
        };
        let spread = [share(0), share(1)];
        let freedom = sums.freedom_of(spread);
        let crowded = sides.map(|side| {
            let crowded = side.cells.crowded();
            UNSEEN * ((crowded - CROWDED) / (1.0 - CROWDED)).max(0.0).powi(2)
        });
        let limits = |z: f64, at: usize| {
            let width = student(z, freedom) * spread[at].sqrt();
            let value = times[at].log_quantile(q);
            let unseen = z * crowded[at];
            let low = times[at].log_quantile(q - width);
            let high = times[at].log_quantile(q + width);
            Limits {
                value,
                low: value - root_of_squares(value - low, unseen),
                high: value + root_of_squares(high - value, unseen),
            }
        };
        let ends = [0, 1].map(|at| times[at].log_quantile(q));
        let apart = shares_apart(times, ends, q, spread) / (spread[0] + spread[1]).sqrt();
        let mut p_value = two_sided(normal(apart, freedom));
        // Shares end at 0 and 1: of times with next to none in common they say no more than
        // that. There, if the means differ, so do the quantiles.
        if are_disjoint(times, q) {
            p_value = p_value.min(self.mean()?.p_value);
        }
        Ok(Estimate {
            difference: ends[1] - ends[0],
            interval: difference(limits(Z_95, 0), limits(Z_95, 1)),
            p_value,
        })
    }

    /// The logarithm of the ratio of mean times.
    fn mean(&self) -> Result<Estimate, Unknown> {
        let times = self.times()?;
        let sides = [self.base, self.candidate];
        let mut seen = Vec::with_capacity(2);
        for (side, times) in sides.iter().zip(times) {
            if times.count() < 2.0 * LEAST_BEYOND {
                return Err(Unknown::FewSamples);
            }
            seen.push(side.cells.times().ok_or(Unknown::NoSeconds)?);
        }
        let counts = [times[0].count(), times[1].count()];
        let sums = self.variances([&seen[0].0, &seen[1].0], counts);
        // Single times vary as the exact ones do; sums of them by so much more.
        let spread = [0, 1].map(|at| {
            let (exact, shown) = (times[at].variance(), seen[at].1);
            let by = match shown > 0.0 {
                true => sums.of[at] / (counts[at] * shown),
                false => 1.0,
            };
            let crowded = (sides[at].cells.crowded() - CROWDED) / (1.0 - CROWDED);
            let unseen = UNSEEN * crowded.max(0.0).powi(2);
            by * exact / counts[at] / times[at].mean().powi(2) + unseen * unseen
        });
        let freedom = sums.freedom_of(spread);
        let between = (times[1].mean() / times[0].mean()).ln();
        let width = (spread[0] + spread[1]).sqrt();
        Ok(symmetric(between, width, freedom))
    }

    /// The logarithm of the ratio of finished requests per second.
    fn rate(&self) -> Result<Estimate, Unknown> {
        let sides = [self.base, self.candidate];
        let counts = sides.map(|side| side.finished as f64);
        if counts[0] <= 0.0 || counts[1] <= 0.0 {
            return Err(Unknown::FewSamples);
        }
        let residuals = sides.map(|side| side.cells.finished());
        let sums = self.variances([&residuals[0], &residuals[1]], counts);
        // A count is off by one at either end of a run.
        let spread = [0, 1].map(|at| sums.of[at].max(1.0) / counts[at].powi(2));
        let freedom = sums.freedom_of(spread);
        let per_second = |at: usize| counts[at] / sides[at].cells.seconds as f64;
        let between = (per_second(1) / per_second(0)).ln();
        Ok(symmetric(between, (spread[0] + spread[1]).sqrt(), freedom))
    }

    /// The difference of error rates, each 0 to 1.
    fn error_rate(&self) -> Result<Estimate, Unknown> {
        let sides = [self.base, self.candidate];
        let counts = sides.map(|side| side.finished as f64);
        if counts[0] <= 0.0 || counts[1] <= 0.0 {
            return Err(Unknown::FewSamples);
        }
        let rates = [0, 1].map(|at| sides[at].failed as f64 / counts[at]);
        let residuals = [0, 1].map(|at| sides[at].cells.failures(rates[at]));
        let sums = self.variances([&residuals[0], &residuals[1]], counts);
        let single = [0, 1].map(|at| counts[at] * rates[at] * (1.0 - rates[at]));
        let sum = |two: [f64; 2]| two[0] + two[1];
        // By how much failures vary more than independent ones: of both runs
        // together, for a run without failures says nothing of their bursts.
        let bursts = match sum(single) > 0.0 {
            true => sum(sums.of) / sum(single),
            false => 0.0,
        };
        let freedom = sums.freedom_of(sums.of);
        let overall = rates[0].max(rates[1]);
        let most = |count: f64| {
            let chance = overall * (1.0 - overall) / count;
            match chance > 0.0 {
                true => (MOST_ERROR_SPREAD.powi(2) / chance).max(1.0),
                false => 1.0,
            }
        };
        let interval = |z: f64| {
            let wide = student(z, freedom).powi(2) * bursts;
            let limits = [0, 1].map(|at| {
                let square = wide.min(z * z * most(counts[at])).max(z * z);
                wilson(rates[at], counts[at], square)
            });
            difference(limits[0], limits[1])
        };
        Ok(estimate(rates[1] - rates[0], interval))
    }
}

/// How far apart the shares of times below a quantile are: were there no difference,
/// both were `q`. (Limits at a higher confidence than 95 % would read a distribution far
/// from its quantile, where another mode may lie.) Each run's own quantile is looked at, and
/// one between them: of runs whose times hardly overlap, all but one of these points leave
/// only the few times beyond the quantile to tell them apart.
fn shares_apart(times: [&Distribution; 2], ends: [f64; 2], q: f64, spread: [f64; 2]) -> f64 {
    let apart = |at: f64| (times[0].share_below(at) - times[1].share_below(at)).abs();
    let common = common_quantile(times, ends, q, spread);
    [ends[0], ends[1], common]
        .map(apart)
        .into_iter()
        .fold(0.0, f64::max)
}

/// Whether the times of one run are above those of the other but for half of what lies
/// beyond the quantile.
fn are_disjoint(times: [&Distribution; 2], q: f64) -> bool {
    let beyond = q.min(1.0 - q) / 2.0;
    let below = |at: usize, other: usize| {
        times[at].log_quantile(1.0 - beyond) < times[other].log_quantile(beyond)
    };
    below(0, 1) || below(1, 0)
}

/// The quantile of both runs, weighted by how well each one's is known.
fn common_quantile(times: [&Distribution; 2], ends: [f64; 2], q: f64, spread: [f64; 2]) -> f64 {
    let weight = spread[1] / (spread[0] + spread[1]);
    let (mut low, mut high) = (ends[0].min(ends[1]), ends[0].max(ends[1]));
    for _ in 0..40 {
        let middle = f64::midpoint(low, high);
        let [a, b] = times.map(|times| times.share_below(middle));
        match weight * a + (1.0 - weight) * b < q {
            true => low = middle,
            false => high = middle,
        }
    }
    f64::midpoint(low, high)
}

fn symmetric(between: f64, width: f64, freedom: f64) -> Estimate {
    estimate(between, |z| {
        let width = width * student(z, freedom);
        (between - width, between + width)
    })
}

/// Wilson's limits of a share of `count`, at a squared deviate.
fn wilson(share: f64, count: f64, square: f64) -> Limits {
    let by = 1.0 + square / count;
    let middle = (share + square / (2.0 * count)) / by;
    let inner = share * (1.0 - share) / count + square / (4.0 * count * count);
    let width = (square * inner).sqrt() / by;
    Limits {
        value: share,
        low: (middle - width).clamp(0.0, share),
        high: (middle + width).clamp(share, 1.0),
    }
}
