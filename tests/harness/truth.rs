//! Arithmetic on the target's log that is independent of the histograms under
//! test: sorted lists and nearest ranks.

/// The value at or below which the share `q` of the values lies.
///
/// # Panics
/// When there is no value.
pub fn quantile(sorted: &[u64], q: f64) -> u64 {
    let rank = ((q * sorted.len() as f64).ceil() as usize).clamp(1, sorted.len());
    sorted[rank - 1]
}

/// The smallest and largest value within `slack` ranks of the quantile: near a
/// jump of a mixture one request more or less moves the rank across it.
///
/// # Panics
/// When there is no value.
pub fn quantile_bounds(sorted: &[u64], q: f64, slack: usize) -> (u64, u64) {
    let rank = ((q * sorted.len() as f64).ceil() as usize).clamp(1, sorted.len()) - 1;
    let last = sorted.len() - 1;
    (
        sorted[rank.saturating_sub(slack)],
        sorted[(rank + slack).min(last)],
    )
}

/// The mean.
pub fn mean(values: &[u64]) -> f64 {
    values.iter().sum::<u64>() as f64 / values.len().max(1) as f64
}

/// Response times of an open load of which only the target's log is known:
/// the n-th request to arrive was the n-th to be due, so its response time is
/// its answer less that due time. Sorted, µs.
pub fn response_times(due_us: &[u64], seen: &[crate::log::Seen]) -> Vec<u64> {
    let mut times: Vec<u64> = due_us
        .iter()
        .zip(seen)
        .filter_map(|(&due, seen)| Some(seen.answered_us?.saturating_sub(due)))
        .collect();
    times.sort_unstable();
    times
}

/// Relative difference of two values.
pub fn apart(told: u64, truth: u64) -> f64 {
    told.abs_diff(truth) as f64 / truth.max(1) as f64
}
