//! The variance of a sum over the seconds of a run whose neighbours are alike:
//! T times the long-run variance of the seconds.
//!
//! It is estimated as the mean of K squared cosine coefficients of lowest
//! frequency (EWC: Müller, Econometrica 75, 2007; Lazarus, Lewis, Stock and
//! Watson, "HAR Inference: Recommendations for Practice", JBES 36, 2018), which
//! for independent seconds gives Student's distribution with K degrees of freedom
//! exactly. K is kept lower than that paper's, for runs are short and what they
//! test remembers for seconds. What a spectrum that falls over these K frequencies
//! hides is added as for a first-order autoregression, whose coefficient is
//! estimated without its bias (Marriott and Pope, Biometrika 41, 1954) and taken
//! one standard error higher, since what is hidden grows faster than it.
//! Independent seconds are hardly touched by that.

use std::f64::consts::PI;

/// Highest autocorrelation of neighbouring cells that is assumed.
const MOST_ALIKE: f64 = 0.97;
/// Least number of coefficients.
const LEAST_COEFFICIENTS: usize = 5;

/// Variances of the sums of two runs' residuals.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Variances {
    /// Of base and candidate.
    pub(super) of: [f64; 2],
    /// Degrees of freedom of each.
    pub(super) freedom: [f64; 2],
}

impl Variances {
    /// Degrees of freedom of the variance of a difference to which the two runs
    /// contribute `parts` (Welch, Biometrika 34, 1947, and Satterthwaite).
    pub(super) fn freedom_of(&self, parts: [f64; 2]) -> f64 {
        let sum = parts[0] + parts[1];
        let squares = parts[0] * parts[0] / self.freedom[0] + parts[1] * parts[1] / self.freedom[1];
        match squares > 0.0 {
            true => sum * sum / squares,
            false => self.freedom[0] + self.freedom[1],
        }
    }
}

/// Residuals of a run of so many seconds, cell by cell.
#[derive(Debug, Clone, Copy)]
pub(super) struct Residuals<'a> {
    pub(super) cells: &'a [f64],
    pub(super) seconds: u64,
}

/// Variances of the sums of residuals of two runs.
pub(super) fn variances(base: Residuals<'_>, candidate: Residuals<'_>) -> Variances {
    let alike = alike(&[base.cells, candidate.cells]);
    let both = [base, candidate];
    let of = both.map(|one| one.variance(alike));
    let freedom = both.map(|one| one.coefficients() as f64);
    Variances { of, freedom }
}

/// The same for runs whose load changes on purpose, second by second alike: what
/// both have in common says nothing about chance. The variance is that of the
/// difference of residuals, each divided by its run's `counts`.
pub(super) fn paired(base: Residuals<'_>, candidate: Residuals<'_>, counts: [f64; 2]) -> Variances {
    let pairs = base.cells.iter().zip(candidate.cells);
    let differences: Vec<f64> = pairs.map(|(a, b)| b / counts[1] - a / counts[0]).collect();
    let differences = Residuals {
        cells: &differences,
        seconds: base.seconds,
    };
    let whole = differences.variance(alike(&[differences.cells]));
    // Each run's part is as large as its share of the other's requests.
    let both = counts[0] + counts[1];
    let of = [
        whole * counts[1] / both * counts[0] * counts[0],
        whole * counts[0] / both * counts[1] * counts[1],
    ];
    // One estimate, told of both: its degrees of freedom count once.
    let freedom = [differences.coefficients() as f64 / 2.0; 2];
    Variances { of, freedom }
}

impl Residuals<'_> {
    /// Of their sum.
    fn variance(&self, alike: f64) -> f64 {
        let (length, k) = (self.cells.len(), self.coefficients());
        spectrum(self.cells, k) * length as f64 * hidden(length, k, alike)
    }

    /// How many coefficients are used.
    fn coefficients(&self) -> usize {
        let most = LEAST_COEFFICIENTS.max(self.cells.len() / 3);
        let wanted = 0.6 * (self.seconds as f64).sqrt();
        (wanted as usize).clamp(LEAST_COEFFICIENTS, most)
    }
}

/// The mean square of the `k` lowest coefficients of the cosine transform.
fn spectrum(cells: &[f64], k: usize) -> f64 {
    let length = cells.len() as f64;
    let square = |j: usize| {
        let step = PI * j as f64 / length;
        let sum: f64 = (0..)
            .zip(cells)
            .map(|(t, cell)| cell * (step * (f64::from(t) + 0.5)).cos())
            .sum();
        sum * sum * 2.0 / length
    };
    (1..=k).map(square).sum::<f64>() / k as f64
}

/// Autocorrelation of neighbouring cells, over all series, without the bias of
/// short ones, and one standard error more.
fn alike(series: &[&[f64]]) -> f64 {
    let (mut products, mut squares, mut cells) = (0.0, 0.0, 0.0);
    for one in series {
        let mean = one.iter().sum::<f64>() / one.len() as f64;
        squares += one.iter().map(|x| (x - mean).powi(2)).sum::<f64>();
        let two = one.windows(2);
        products += two
            .map(|two| (two[0] - mean) * (two[1] - mean))
            .sum::<f64>();
        cells += one.len() as f64 / series.len() as f64;
    }
    if squares <= 0.0 {
        return 0.0;
    }
    let unbiased = (products / squares + 1.0 / cells) / (1.0 - 3.0 / cells);
    let rest = 1.0 - unbiased.clamp(0.0, MOST_ALIKE).powi(2);
    let error = (rest / (cells * series.len() as f64)).sqrt();
    (unbiased + error).clamp(0.0, MOST_ALIKE)
}

/// How much larger than the mean of the lowest `k` coefficients the variance of
/// the mean is, in an autoregression of first order.
fn hidden(cells: usize, k: usize, alike: f64) -> f64 {
    if alike <= 0.0 {
        return 1.0;
    }
    let length = cells as f64;
    let mut power = 1.0;
    let mut of_mean = 1.0;
    for lag in 1..cells {
        power *= alike;
        of_mean += 2.0 * (1.0 - lag as f64 / length) * power;
    }
    let at = |j: usize| {
        let cosine = (PI * j as f64 / length).cos();
        (1.0 - alike * alike) / (1.0 - 2.0 * alike * cosine + alike * alike)
    };
    let seen = (1..=k).map(at).sum::<f64>() / k as f64;
    of_mean / seen
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn of(cells: &[f64]) -> Residuals<'_> {
        Residuals {
            cells,
            seconds: cells.len() as u64,
        }
    }

    /// What changes once and stays is more than what changes each second.
    #[test]
    fn what_stays_counts_more_than_what_comes_and_goes() {
        let each: Vec<f64> = (0..30).map(|n| f64::from(n % 2) - 0.5).collect();
        let once: Vec<f64> = (0..30).map(|n| f64::from(n / 15) - 0.5).collect();
        let [each, once] = [&each, &once].map(|cells| variances(of(cells), of(cells)).of[0]);
        assert!(once > 100.0 * each, "{once} {each}");
    }

    /// Of an autoregression the coefficients see less the more of them there are.
    #[test]
    fn what_is_hidden_grows_with_likeness_and_coefficients() {
        assert!((hidden(30, 3, 0.0) - 1.0).abs() < 1e-12);
        for k in 3..10 {
            assert!(hidden(30, k, 0.8) > hidden(30, k, 0.4));
            assert!(hidden(30, k + 1, 0.8) > hidden(30, k, 0.8));
        }
    }

    proptest! {
        /// Scale squares, order of the runs does not matter, and what both runs have
        /// in common is no chance where they are paired.
        #[test]
        fn variances_scale_and_pairs_cancel(
            cells in prop::collection::vec(-9.0f64..9.0, 15..31),
            by in 0.1f64..9.0,
        ) {
            let scaled: Vec<f64> = cells.iter().map(|x| x * by).collect();
            let (a, b) = (of(&cells), of(&scaled));
            let there = variances(a, b);
            let back = variances(b, a);
            prop_assert!((there.of[0] - back.of[1]).abs() <= 1e-9 * there.of[0].abs());
            let [one, other] = [variances(a, a).of[0], variances(b, b).of[0]];
            prop_assert!((other - one * by * by).abs() <= 1e-6 * other.abs());
            let same = paired(a, b, [1.0, by]);
            prop_assert!(same.of[0].abs() < 1e-9 && same.of[1].abs() < 1e-9 * by * by);
        }
    }
}
