//! How a number went over a scenario's runs. Which runs count is the tool's: a trend of runs that
//! may not be believed is none.

use crate::clean::Text;
use crate::units::rounded;
use schemars::JsonSchema;
use serde::Serialize;

/// Fewest runs of which a trend is told: with four, even rising each time happens by chance.
const LEAST_RUNS: usize = 5;
/// A direction is told where chance alone shows one as clear in less than 5 % of cases (two-sided).
const LEAST_Z: f64 = 1.96;

/// How one number went.
#[derive(Debug, PartialEq, Serialize, JsonSchema)]
pub(crate) struct TrendRow {
    metric: Text,
    runs: usize,
    oldest: f64,
    newest: f64,
    median: f64,
    /// median change from run to run
    per_run: f64,
    direction: Direction,
}

/// Where a number went.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
enum Direction {
    Rising,
    Falling,
    /// What chance does as well.
    Unclear,
}

impl TrendRow {
    /// Of these values, oldest first; None if they are too few.
    pub(crate) fn of(metric: &'static str, values: &[f64]) -> Option<Self> {
        let (oldest, newest) = (*values.first()?, *values.last()?);
        if values.len() < LEAST_RUNS {
            return None;
        }
        Some(Self {
            metric: metric.into(),
            runs: values.len(),
            oldest: rounded(oldest),
            newest: rounded(newest),
            median: rounded(median(values.to_vec())?),
            per_run: rounded(median(slopes(values))?),
            direction: direction(values),
        })
    }
}

fn median(mut values: Vec<f64>) -> Option<f64> {
    values.sort_by(f64::total_cmp);
    let middle = values.len() / 2;
    match values.len() % 2 {
        0 if middle > 0 => Some(f64::midpoint(values[middle - 1], values[middle])),
        _ => values.get(middle).copied(),
    }
}

/// Each pair.
fn pairs(values: &[f64]) -> impl Iterator<Item = (usize, f64)> {
    let later = move |at: usize| values.iter().enumerate().skip(at + 1);
    let of = move |(at, first): (usize, &f64)| {
        let first = *first;
        later(at).map(move |(other, value)| (other - at, value - first))
    };
    values.iter().enumerate().flat_map(of)
}

/// From each pair; their median is Theil and Sen's slope, which single runs do not move.
fn slopes(values: &[f64]) -> Vec<f64> {
    let rows = pairs(values).map(|(apart, change)| change / apart as f64);
    rows.collect()
}

/// Mann and Kendall's test, with ties.
fn direction(values: &[f64]) -> Direction {
    let sign = |change: f64| match change {
        _ if change > 0.0 => 1.0,
        _ if change < 0.0 => -1.0,
        _ => 0.0,
    };
    let sum: f64 = pairs(values).map(|(_, change)| sign(change)).sum();
    let term = |n: f64| n * (n - 1.0) * (2.0 * n + 5.0);
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    let ties: f64 = sorted
        .chunk_by(|a, b| a == b)
        .map(|same| term(same.len() as f64))
        .sum();
    let variance = (term(values.len() as f64) - ties) / 18.0;
    let clear = variance > 0.0 && (sum.abs() - 1.0) / variance.sqrt() > LEAST_Z;
    match (clear, sum > 0.0) {
        (true, true) => Direction::Rising,
        (true, false) => Direction::Falling,
        (false, _) => Direction::Unclear,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_direction_is_told_where_chance_rarely_shows_one() {
        for (values, wanted) in [
            (vec![1.0, 2.0, 3.0, 4.0, 5.0], Direction::Rising),
            (vec![5.0, 4.0, 3.0, 2.0, 1.0], Direction::Falling),
            (vec![1.0, 2.0, 1.0, 2.0, 1.0, 2.0], Direction::Unclear),
            (vec![3.0; 9], Direction::Unclear),
            // One run that fell out of line turns nothing.
            (
                vec![1.0, 2.0, 3.0, 99.0, 4.0, 5.0, 6.0, 7.0],
                Direction::Rising,
            ),
            // Numbers without a trend.
            (
                vec![4.0, 1.0, 3.0, 5.0, 2.0, 4.5, 1.5, 3.5],
                Direction::Unclear,
            ),
        ] {
            let row = TrendRow::of("p95_ms", &values).unwrap();
            assert_eq!(row.direction, wanted, "{values:?}");
        }
        assert_eq!(TrendRow::of("p95_ms", &[1.0, 2.0, 3.0, 4.0]), None);
    }

    #[test]
    fn the_slope_is_that_of_most_pairs() {
        let row = TrendRow::of("p95_ms", &[10.0, 12.0, 14.0, 900.0, 18.0, 20.0]).unwrap();
        assert_eq!((row.oldest, row.newest, row.per_run), (10.0, 20.0, 2.0));
        assert_eq!(row.median, 16.0);
    }
}
