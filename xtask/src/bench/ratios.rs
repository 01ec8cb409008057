//! Ratios of interleaved pairs: their median, and how high the true one may be. No shape of their
//! distribution is assumed.

/// How sure the upper bound is.
const CONFIDENCE: f64 = 0.95;

fn sorted(ratios: &[f64]) -> Vec<f64> {
    let mut sorted = ratios.to_vec();
    sorted.sort_by(f64::total_cmp);
    sorted
}

/// The median; of an even number the mean of the two in the middle.
pub fn median(ratios: &[f64]) -> f64 {
    let sorted = sorted(ratios);
    let half = sorted.len() / 2;
    match sorted.len() {
        0 => f64::NAN,
        count if count % 2 == 1 => sorted[half],
        _ => f64::midpoint(sorted[half - 1], sorted[half]),
    }
}

/// The smallest of the ratios below which the true median is with [`CONFIDENCE`]: each lies above it
/// in one of two cases, so that how many do is binomial. None where even the largest is not enough.
pub fn upper_bound(ratios: &[f64]) -> Option<f64> {
    let sorted = sorted(ratios);
    let count = sorted.len();
    let mut ways = 1.0;
    let mut below = 0.0;
    for (at, ratio) in sorted.iter().enumerate() {
        // At most `at` of them are below the true median.
        below += ways / 2f64.powi(count as i32);
        ways *= (count - at) as f64 / (at + 1) as f64;
        if below >= CONFIDENCE {
            return Some(*ratio);
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_bound_is_that_of_the_binomial_table() {
        let of = |count: i32| upper_bound(&(1..=count).rev().map(f64::from).collect::<Vec<_>>());
        // Of the sign test, one-sided, 5 %: 5 of 5, 7 of 7, 9 of 10, 15 of 20.
        for (count, bound) in [
            (1, None),
            (4, None),
            (5, Some(5.0)),
            (7, Some(7.0)),
            (10, Some(9.0)),
            (20, Some(15.0)),
        ] {
            assert_eq!(of(count), bound, "{count}");
        }
        assert_eq!(median(&[3.0, 1.0, 2.0]), 2.0);
        assert_eq!(median(&[4.0, 1.0, 2.0, 3.0]), 2.5);
    }
}
