//! A run's, or a part's, seconds as equally long cells: what tells how far its
//! numbers may be off. Estimating that is left to `long_run`.

use crate::measure::coarse::{BUCKETS, Coarse, middle_us};
use crate::messages::timeline::{LabelSeries, RunTimeline};

/// Most cells of a run; longer runs have cells of several seconds. What chance adds
/// to each second would hide that levels of neighbours are alike.
const MOST_CELLS: u64 = 30;
/// From fewer seconds the spread between seconds cannot be estimated.
pub(super) const LEAST_SECONDS: u64 = 15;

/// What ended in one cell.
#[derive(Debug, Clone, Default)]
struct Cell {
    /// Response times that quantiles are of.
    latency: Coarse,
    ok: u64,
    failed: u64,
}

/// Seconds of a run or of a part of it.
#[derive(Debug)]
pub(super) struct Cells {
    /// Length of the run's load.
    pub(super) seconds: u64,
    /// Seconds of each cell but the last, which has what is left, too.
    width: u64,
    cells: Vec<Cell>,
}

impl Cells {
    /// Of a run's seconds, all its regions added; None if they are too few.
    pub(super) fn of_run(timeline: Option<&RunTimeline>) -> Option<Self> {
        let timeline = timeline?;
        let all = || timeline.regions.values().flatten();
        // The seconds after the plan's end hold stragglers only.
        let length = all()
            .filter(|second| second.scheduled > 0)
            .map(|second| second.second + 1)
            .max()?;
        let rows = all().map(|it| (it.second, &it.latency, it.ok, it.failed));
        Self::of(rows, length)
    }

    /// Of a label's seconds, in a run of this length.
    pub(super) fn of_label(series: &LabelSeries, length: u64) -> Option<Self> {
        let seconds = series.seconds.iter();
        let rows = seconds.map(|it| (it.second, &it.latency, it.ok, it.failed));
        Self::of(rows, length)
    }

    fn of<'a>(
        rows: impl Iterator<Item = (u64, &'a Coarse, u64, u64)>,
        length: u64,
    ) -> Option<Self> {
        if length < LEAST_SECONDS {
            return None;
        }
        let width = length.div_ceil(MOST_CELLS);
        // What is left at the end, and stragglers, belong to the last cell.
        let count = length / width;
        let mut cells = vec![Cell::default(); usize::try_from(count).ok()?];
        for (second, latency, ok, failed) in rows {
            let at = (second / width).min(count - 1);
            let cell = &mut cells[usize::try_from(at).ok()?];
            cell.latency.merge(latency);
            cell.ok += ok;
            cell.failed += failed;
        }
        Some(Self {
            seconds: length,
            width,
            cells,
        })
    }

    /// Failures less those expected at this error rate, by cell.
    pub(super) fn failures(&self, rate: f64) -> Vec<f64> {
        let of = |cell: &Cell| cell.failed as f64 - rate * (cell.ok + cell.failed) as f64;
        self.cells.iter().map(of).collect()
    }

    /// Finished requests less those expected at the mean rate, by cell.
    pub(super) fn finished(&self) -> Vec<f64> {
        let counts = self.cells.iter().map(|it| (it.ok + it.failed) as f64);
        let rate = counts.clone().sum::<f64>() / self.seconds as f64;
        let last = self.cells.len().saturating_sub(1);
        let before = self.width * last as u64;
        let seconds = |at| match at == last {
            true => self.seconds - before,
            false => self.width,
        };
        let rows = counts.enumerate();
        rows.map(|(at, count)| count - rate * seconds(at) as f64)
            .collect()
    }

    /// Times by bucket, all cells added.
    fn buckets(&self) -> [u64; BUCKETS] {
        let mut all = [0; BUCKETS];
        for (bucket, count) in self.cells.iter().flat_map(|cell| cell.latency.rows()) {
            all[bucket] += count;
        }
        all
    }

    /// Which times fall below the quantile `q` (0 to 1); None without any.
    pub(super) fn below(&self, q: f64) -> Option<Below> {
        let all = self.buckets();
        let total = all.iter().sum::<u64>() as f64;
        let mut under = 0.0;
        let (at, inside) = all.iter().enumerate().find_map(|(bucket, &count)| {
            let count = count as f64;
            if count > 0.0 && under + count >= q * total {
                return Some((bucket, count));
            }
            under += count;
            None
        })?;
        // Of the bucket that holds the quantile the same share everywhere.
        let share = (q * total - under) / inside;
        let residuals = self.cells.iter().map(|cell| {
            let (mut below, mut finished) = (0.0, 0.0);
            for (bucket, count) in cell.latency.rows() {
                let count = count as f64;
                finished += count;
                below += match bucket.cmp(&at) {
                    std::cmp::Ordering::Less => count,
                    std::cmp::Ordering::Equal => share * count,
                    std::cmp::Ordering::Greater => 0.0,
                };
            }
            below - q * finished
        });
        Some(Below {
            residuals: residuals.collect(),
            total,
            seen: 1.0 - inside * share * (1.0 - share) / (total * q * (1.0 - q)),
        })
    }

    /// Sums of times less those expected at the mean, µs, by cell, as far as
    /// buckets show; with the mean, µs, and the variance of single times, µs².
    pub(super) fn times(&self) -> Option<(Vec<f64>, f64)> {
        let (mut count, mut sum, mut squares) = (0.0, 0.0, 0.0);
        for (bucket, n) in self.cells.iter().flat_map(|cell| cell.latency.rows()) {
            let (us, n) = (middle_us(bucket), n as f64);
            count += n;
            sum += us * n;
            squares += us * us * n;
        }
        if count == 0.0 {
            return None;
        }
        let mean = sum / count;
        let of = |cell: &Cell| {
            let rows = cell.latency.rows();
            rows.map(|(bucket, n)| (middle_us(bucket) - mean) * n as f64)
                .sum()
        };
        let residuals = self.cells.iter().map(of).collect();
        Some((residuals, (squares / count - mean * mean).max(0.0)))
    }

    /// The share of all times in the two fullest neighbouring buckets: how they
    /// move inside of one (9 %) cannot be seen.
    pub(super) fn crowded(&self) -> f64 {
        let all = self.buckets();
        let total: u64 = all.iter().sum();
        let two = all.windows(2).map(|two| two[0] + two[1]).max();
        two.unwrap_or(0) as f64 / total.max(1) as f64
    }
}

/// The indicator of times below a quantile, cell by cell.
#[derive(Debug)]
pub(super) struct Below {
    /// Times below less those expected, by cell.
    pub(super) residuals: Vec<f64>,
    /// All times.
    pub(super) total: f64,
    /// The share of the indicator's variance that whole buckets show.
    pub(super) seen: f64,
}

#[cfg(test)]
mod tests {
    use super::*;

    /// However many seconds the last cell has.
    #[test]
    fn a_constant_rate_does_not_vary() {
        for length in [15, 30, 31, 45, 59, 60, 61, 200, 3_599] {
            let none = Coarse::default();
            let rows = (0..length).map(|second| (second, &none, 90, 10));
            let cells = Cells::of(rows, length).unwrap();
            for residual in cells.finished() {
                assert!(residual.abs() < 1e-6, "{length}: {residual}");
            }
        }
    }
}
