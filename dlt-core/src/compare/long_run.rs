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
//! estimated without its bias (Marriott and Pope, Biometrika 41, 1954).

use std::f64::consts::PI;

/// Highest autocorrelation of neighbouring seconds that is assumed.
const MOST_ALIKE: f64 = 0.95;
/// Least number of coefficients.
const LEAST_COEFFICIENTS: usize = 3;

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

/// Variances of the sums of residuals of two runs, each cell by cell.
pub(super) fn variances(base: &[f64], candidate: &[f64]) -> Variances {
    let alike = alike(&[base, candidate]);
    let of = [base, candidate].map(|cells| {
        let k = coefficients(cells.len());
        spectrum(cells, k) * cells.len() as f64 * hidden(cells.len(), k, alike)
    });
    let freedom = [base, candidate].map(|cells| coefficients(cells.len()) as f64);
    Variances { of, freedom }
}

/// The same for runs whose load changes on purpose, second by second alike: what
/// both have in common says nothing about chance. The variance is that of the
/// difference of residuals, each divided by its run's `counts`.
pub(super) fn paired(base: &[f64], candidate: &[f64], counts: [f64; 2]) -> Variances {
    let differences: Vec<f64> = base
        .iter()
        .zip(candidate)
        .map(|(a, b)| b / counts[1] - a / counts[0])
        .collect();
    let k = coefficients(differences.len());
    let length = differences.len();
    let whole =
        spectrum(&differences, k) * length as f64 * hidden(length, k, alike(&[&differences]));
    // Each run's part is as large as its share of the other's requests.
    let both = counts[0] + counts[1];
    let of = [
        whole * counts[1] / both * counts[0] * counts[0],
        whole * counts[0] / both * counts[1] * counts[1],
    ];
    // One estimate, told of both: its degrees of freedom count once.
    let freedom = [k as f64 / 2.0; 2];
    Variances { of, freedom }
}

/// How many coefficients are used of so many cells.
fn coefficients(cells: usize) -> usize {
    LEAST_COEFFICIENTS.max((0.75 * (cells as f64).sqrt()) as usize)
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
/// short ones.
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
    ((products / squares + 1.0 / cells) / (1.0 - 3.0 / cells)).clamp(0.0, MOST_ALIKE)
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
