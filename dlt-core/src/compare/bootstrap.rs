//! How far the numbers of a run may be off: a moving-block bootstrap over its
//! seconds (Künsch 1989), since neighbouring seconds are alike and single
//! requests are not independent. Seconds are added into at most [`MOST_CELLS`]
//! cells; stretches of neighbouring cells are drawn with replacement until there
//! are as many cells as before; the spread of what comes of it is the error.
//! Draws follow a seed, so the same runs give the same answer.

use crate::measure::coarse::{BUCKETS, Coarse, PER_OCTAVE};
use crate::messages::timeline::{LabelSeries, RunTimeline};

/// Most cells of a run: it bounds the work.
const MOST_CELLS: usize = 120;
/// From fewer seconds the spread between seconds cannot be estimated.
const LEAST_CELLS: usize = 15;
/// Draws of each run.
const DRAWS: usize = 200;
/// Two numbers of one system are never known better than this, as the
/// logarithm of their ratio: runs are repeated minutes apart, not at once.
const LEAST_SPREAD: f64 = 0.004;
/// The same where all values lie in two buckets of the seconds' histograms: how
/// they move inside of one (9 %) cannot be seen.
const UNSEEN_SPREAD: f64 = 0.02;
/// Highest autocorrelation of neighbouring cells that is assumed.
const MOST_ALIKE: f64 = 0.95;
/// Quantiles that are estimated.
const QUANTILES: [f64; 3] = [0.5, 0.95, 0.99];

/// A run's, or label's, seconds in cells.
#[derive(Debug)]
struct Cells {
    rows: Vec<Row>,
}

#[derive(Debug, Clone, Default)]
struct Row {
    latency: Coarse,
    ok: u64,
    failed: u64,
}

/// How far a run's, or label's, numbers may be off.
#[derive(Debug)]
pub(super) struct Spread {
    /// Length of the run.
    pub(super) seconds: u64,
    /// Variance of the logarithm of each of [`QUANTILES`].
    quantiles: [Option<f64>; 3],
    /// What their spread is at least.
    least: f64,
    error_rate: f64,
    /// Variance of the logarithm of the rate.
    rate: Option<f64>,
    finished: u64,
    failed: u64,
    /// Independent stretches, less one.
    freedom: f64,
}

/// A number whose difference is tested.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum Statistic {
    /// A quantile of response times, by its index in [`QUANTILES`].
    Quantile(usize),
    /// Failed of finished.
    ErrorRate,
    /// Finished per second.
    Rate,
}

/// How sure a difference is.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Estimate {
    /// Chance of a difference like this, or larger, if there were none.
    pub(super) p_value: f64,
    /// 95 % interval of the logarithm of candidate / base; None for shares of
    /// failures.
    pub(super) interval: Option<(f64, f64)>,
}

impl Spread {
    /// Of a run's seconds, all regions added; None if they are too few.
    pub(super) fn of_run(timeline: Option<&RunTimeline>, seed: u64) -> Option<Self> {
        let timeline = timeline?;
        let all = || timeline.regions.values().flatten();
        // The seconds after the plan's end hold stragglers only.
        let length = all()
            .filter(|second| second.scheduled > 0)
            .map(|second| second.second + 1)
            .max()?;
        let seconds =
            all().map(|second| (second.second, &second.latency, second.ok, second.failed));
        Self::of(seconds, length, seed)
    }

    /// Of a label's seconds, in a run of this length.
    pub(super) fn of_label(series: &LabelSeries, length: u64, seed: u64) -> Option<Self> {
        let seconds = series
            .seconds
            .iter()
            .map(|second| (second.second, &second.latency, second.ok, second.failed));
        Self::of(seconds, length, seed)
    }

    fn of<'a>(
        seconds: impl Iterator<Item = (u64, &'a Coarse, u64, u64)>,
        length: u64,
        seed: u64,
    ) -> Option<Self> {
        let count = MOST_CELLS.min(usize::try_from(length).ok()?);
        if count < LEAST_CELLS {
            return None;
        }
        let mut rows = vec![Row::default(); count];
        for (second, latency, ok, failed) in seconds {
            // Cells of equal length; stragglers belong to the last one.
            let at = (second.min(length - 1) * count as u64 / length) as usize;
            let row = &mut rows[at];
            row.latency.merge(latency);
            row.ok += ok;
            row.failed += failed;
        }
        let cells = Cells { rows };
        let stretch = cells.stretch();
        let draws = cells.draws(stretch, &mut SplitMix(seed));
        // Autocorrelation beyond a stretch's length, and the ends, which fewer
        // stretches cover, make the spread look smaller than it is.
        let short = count as f64 / (count - stretch) as f64;
        let of = |number: fn(&Draw) -> Option<f64>, cell: Option<&[f64]>| {
            let values: Vec<f64> = draws.iter().filter_map(number).collect();
            let long = cell.map_or(1.0, |cells| beyond(cells, stretch));
            (values.len() > DRAWS / 2).then(|| variance(&values) * short * long)
        };
        let by_cell = QUANTILES.map(|q| cells.quantiles(q));
        let errors: Vec<f64> = cells.rows.iter().filter_map(Row::error_rate).collect();
        let finished: Vec<f64> = cells.rows.iter().filter_map(Row::rate).collect();
        Some(Self {
            seconds: length,
            quantiles: [
                of(|draw| draw.quantiles[0], Some(&by_cell[0])),
                of(|draw| draw.quantiles[1], Some(&by_cell[1])),
                of(|draw| draw.quantiles[2], Some(&by_cell[2])),
            ],
            least: cells.least(),
            error_rate: of(|draw| draw.error_rate, Some(&errors)).unwrap_or(0.0),
            rate: of(|draw| draw.rate, Some(&finished)),
            finished: cells.rows.iter().map(|row| row.ok + row.failed).sum(),
            failed: cells.rows.iter().map(|row| row.failed).sum(),
            freedom: count as f64 / stretch as f64 - 1.0,
        })
    }
}

/// The numbers of one draw.
struct Draw {
    quantiles: [Option<f64>; 3],
    error_rate: Option<f64>,
    rate: Option<f64>,
}

impl Row {
    fn error_rate(&self) -> Option<f64> {
        let finished = self.ok + self.failed;
        (finished > 0).then(|| self.failed as f64 / finished as f64)
    }

    fn rate(&self) -> Option<f64> {
        let finished = self.ok + self.failed;
        (finished > 0).then(|| (finished as f64).ln())
    }
}

/// By how much a variance is too small when cells further apart than a stretch
/// are still correlated: the series is taken for an autoregression of first order,
/// whose coefficient is estimated without its bias (Marriott and Pope 1954).
fn beyond(series: &[f64], stretch: usize) -> f64 {
    let count = series.len();
    if count < LEAST_CELLS {
        return 1.0;
    }
    let n = count as f64;
    let mean = series.iter().sum::<f64>() / n;
    let square: f64 = series.iter().map(|x| (x - mean).powi(2)).sum();
    if square <= 0.0 {
        return 1.0;
    }
    let product: f64 = series
        .windows(2)
        .map(|two| (two[0] - mean) * (two[1] - mean))
        .sum();
    let likeness = ((product / square + 1.0 / n) / (1.0 - 4.0 / n)).clamp(0.0, MOST_ALIKE);
    // The variance of a mean of so many neighbours, in that of one.
    let of_mean = |length: usize| {
        let far = (1..length).map(|k| {
            let weight = 1.0 - k as f64 / length as f64;
            weight * likeness.powi(i32::try_from(k).unwrap_or(i32::MAX))
        });
        1.0 + 2.0 * far.sum::<f64>()
    };
    of_mean(count) / of_mean(stretch)
}

impl Cells {
    /// A quantile's logarithm in each cell that has any.
    fn quantiles(&self, q: f64) -> Vec<f64> {
        let of = |row: &Row| {
            let mut buckets = [0u64; BUCKETS];
            row.latency
                .rows()
                .for_each(|(bucket, count)| buckets[bucket] = count);
            log_quantile(&buckets, q)
        };
        self.rows.iter().filter_map(of).collect()
    }

    /// What the spread of any quantile is at least: values that lie in two buckets
    /// move as far as these are wide without being seen.
    fn least(&self) -> f64 {
        let mut all = [0u64; BUCKETS + 1];
        for row in &self.rows {
            for (bucket, count) in row.latency.rows() {
                all[bucket] += count;
            }
        }
        let total: u64 = all.iter().sum();
        let two = all.windows(2).map(|two| two[0] + two[1]).max();
        let share = two.unwrap_or(0) as f64 / total.max(1) as f64;
        LEAST_SPREAD.max(UNSEEN_SPREAD * share * share)
    }

    /// Cells that are drawn together: longer than neighbours stay correlated in
    /// most systems, growing with the third root as theory requires.
    fn stretch(&self) -> usize {
        (2.0 * (self.rows.len() as f64).cbrt()).ceil() as usize
    }

    fn draws(&self, stretch: usize, random: &mut SplitMix) -> Vec<Draw> {
        let count = self.rows.len();
        let mut buckets = [0u64; BUCKETS];
        let mut draws = Vec::with_capacity(DRAWS);
        for _ in 0..DRAWS {
            buckets.fill(0);
            let (mut ok, mut failed, mut drawn) = (0, 0, 0);
            while drawn < count {
                let from = random.below(count - stretch + 1);
                let length = stretch.min(count - drawn);
                for row in &self.rows[from..from + length] {
                    ok += row.ok;
                    failed += row.failed;
                    for (bucket, count) in row.latency.rows() {
                        buckets[bucket] += count;
                    }
                }
                drawn += length;
            }
            let finished = (ok + failed) as f64;
            let some = |value: f64| (finished > 0.0).then_some(value);
            draws.push(Draw {
                quantiles: QUANTILES.map(|q| log_quantile(&buckets, q)),
                error_rate: some(failed as f64 / finished),
                rate: some(finished.ln()),
            });
        }
        draws
    }
}

/// How sure the difference between two exact values is. None if there is too
/// little data.
pub(super) fn estimate(
    base: &Spread,
    candidate: &Spread,
    statistic: Statistic,
    base_value: f64,
    candidate_value: f64,
) -> Option<Estimate> {
    let freedom = base.freedom + candidate.freedom;
    if statistic == Statistic::ErrorRate {
        let variance = base.error_rate + candidate.error_rate;
        // Never surer than that many requests can make it.
        let finished = [base.finished, candidate.finished].map(|count| count.max(1) as f64);
        let share = (base.failed + candidate.failed) as f64 / (finished[0] + finished[1]);
        let binomial = share * (1.0 - share) * (1.0 / finished[0] + 1.0 / finished[1]);
        let spread = variance.max(binomial).sqrt();
        let difference = candidate_value - base_value;
        let p_value = match spread > 0.0 {
            true => two_sided(difference / spread, freedom),
            false => 1.0,
        };
        return Some(Estimate {
            p_value,
            interval: None,
        });
    }
    if base_value <= 0.0 || candidate_value <= 0.0 {
        return None;
    }
    let (variance, least) = match statistic {
        Statistic::Quantile(n) => (
            base.quantiles[n]? + candidate.quantiles[n]?,
            base.least.max(candidate.least),
        ),
        _ => (base.rate? + candidate.rate?, LEAST_SPREAD),
    };
    let spread = variance.sqrt().max(least);
    let difference = (candidate_value / base_value).ln();
    // Student's 97.5 % point, to the first order in 1 / freedom.
    let width = 1.96 * (1.0 + (1.96f64.powi(2) + 1.0) / (4.0 * freedom)) * spread;
    Some(Estimate {
        p_value: two_sided(difference / spread, freedom),
        interval: Some((difference - width, difference + width)),
    })
}

/// The natural logarithm of a quantile, µs: within its bucket as if values were
/// spread evenly over it, so that a small shift shows.
fn log_quantile(counts: &[u64; BUCKETS], q: f64) -> Option<f64> {
    let total: u64 = counts.iter().sum();
    let rank = q * total as f64;
    let mut before = 0.0;
    counts.iter().enumerate().find_map(|(bucket, &count)| {
        let after = before + count as f64;
        let found = (count > 0 && after >= rank).then(|| {
            let within = (rank - before) / count as f64;
            (bucket as f64 + within) / f64::from(PER_OCTAVE) * std::f64::consts::LN_2
        });
        before = after;
        found
    })
}

fn variance(values: &[f64]) -> f64 {
    let mean = values.iter().sum::<f64>() / values.len() as f64;
    values
        .iter()
        .map(|value| (value - mean).powi(2))
        .sum::<f64>()
        / (values.len() - 1) as f64
}

/// The chance of a value at least as far from 0 as `t` in Student's
/// distribution: brought to the normal one (Wallace 1959), then Abramowitz and
/// Stegun 7.1.26, whose error is below 1.5e-7.
fn two_sided(t: f64, freedom: f64) -> f64 {
    let z = (freedom * (t * t / freedom).ln_1p()).sqrt() * (1.0 - 2.0 / (8.0 * freedom + 3.0));
    let x = z / std::f64::consts::SQRT_2;
    let t = 1.0 / (1.0 + 0.327_591_1 * x);
    let poly = t
        * (0.254_829_592
            + t * (-0.284_496_736
                + t * (1.421_413_741 + t * (-1.453_152_027 + t * 1.061_405_429))));
    (poly * (-x * x).exp()).clamp(0.0, 1.0)
}

/// Steele, Lea and Flood 2014: small, fast, and the same everywhere.
#[derive(Debug)]
pub(super) struct SplitMix(pub(super) u64);

impl SplitMix {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    /// A number below `bound`; the bias towards some numbers is below 2^-50.
    fn below(&mut self, bound: usize) -> usize {
        ((u128::from(self.next()) * bound as u128) >> 64) as usize
    }

    /// From 0 to 1.
    #[cfg(test)]
    pub(super) fn unit(&mut self) -> f64 {
        (self.next() >> 11) as f64 / (1u64 << 53) as f64
    }
}
