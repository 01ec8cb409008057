//! The seconds of a label, one after the other: folded where they become many, and packed, since a
//! runner holds them to the end of the run. Six hours of a hundred labels come to less than 100 MB
//! a thread; as [`LabelSecond`]s they would take seven times as much.

use dlt_core::measure::coarse::Coarse;
use dlt_core::measure::packed::{put, put_times, take, take_times};
use dlt_core::measure::second::LabelSecond;
use dlt_core::messages::timeline::{LabelSeries, stretch_of};
use std::collections::BTreeMap;

/// A block of packed rows is full with so many bytes; the next row begins another. One vector would
/// be copied as it grows, and have up to twice its size.
const BLOCK_BYTES: usize = 16 * 1024;
/// A label's rows by one thread, rising.
///
/// Packed, a row is the seconds since the row before, ok, failed, and for each of the two that is not 0
/// the histogram.
#[derive(Debug, Clone, Default)]
pub(crate) struct Series {
    blocks: Vec<Vec<u8>>,
    /// Where the last packed row begins, s.
    packed_s: u64,
    /// The row that may still grow.
    last: Option<LabelSecond>,
}

impl Series {
    /// Adds what ended in a second, at the timeline's resolution; seconds rise.
    pub(crate) fn push(&mut self, second: u64, row: LabelSecond) {
        if row.ok + row.failed == 0 {
            return;
        }
        let stretch = stretch_of(second);
        match &mut self.last {
            Some(last) if last.second == stretch => last.merge(&row),
            _ => {
                let row = LabelSecond {
                    second: stretch,
                    ..row
                };
                if let Some(last) = self.last.replace(row) {
                    self.pack(&last);
                }
            }
        }
    }

    fn pack(&mut self, row: &LabelSecond) {
        if self
            .blocks
            .last()
            .is_none_or(|block| block.len() >= BLOCK_BYTES)
        {
            if let Some(full) = self.blocks.last_mut() {
                full.shrink_to_fit();
            }
            self.blocks.push(Vec::new());
        }
        let Some(block) = self.blocks.last_mut() else {
            return;
        };
        put(block, row.second - self.packed_s);
        self.packed_s = row.second;
        put(block, row.ok);
        put(block, row.failed);
        for (count, times) in [(row.ok, &row.latency), (row.failed, &row.latency_failed)] {
            if count > 0 {
                put_times(block, times);
            }
        }
    }

    /// Its rows, unpacked one by one.
    pub(crate) fn rows(&self) -> impl Iterator<Item = LabelSecond> {
        let mut second = 0;
        let packed = self.blocks.iter().flat_map(|block| {
            let mut bytes = block.iter();
            std::iter::from_fn(move || unpack(&mut bytes))
        });
        let packed = packed.map(move |mut row| {
            second += row.second;
            row.second = second;
            row
        });
        packed.chain(self.last.clone())
    }

    /// Whether it has no row.
    fn is_empty(&self) -> bool {
        self.last.is_none()
    }
}

/// The next row, whose second counts from the row before; None at the end.
fn unpack(bytes: &mut std::slice::Iter<'_, u8>) -> Option<LabelSecond> {
    let second = take(bytes)?;
    let (ok, failed) = (take(bytes)?, take(bytes)?);
    let mut times = |count| {
        if count > 0 {
            take_times(bytes)
        } else {
            Coarse::default()
        }
    };
    Some(LabelSecond {
        second,
        ok,
        failed,
        latency: times(ok),
        latency_failed: times(failed),
    })
}

/// A label's rows by all threads of a runner.
#[derive(Debug, Clone)]
pub struct LabelRows {
    label: String,
    parts: Vec<Series>,
}

impl LabelRows {
    pub(crate) fn new(label: String) -> Self {
        Self {
            label,
            parts: Vec::new(),
        }
    }

    /// Of a load that one thread recorded.
    pub(crate) fn of(label: String, series: Series) -> Self {
        Self {
            label,
            parts: vec![series],
        }
    }

    pub(crate) fn add(&mut self, series: Series) {
        if !series.is_empty() {
            self.parts.push(series);
        }
    }

    /// Whether nobody has a row.
    pub(crate) fn is_empty(&self) -> bool {
        self.parts.iter().all(Series::is_empty)
    }

    /// The rows of all threads together, unpacked: large, and to be let go before the next label's.
    pub fn merged(&self) -> LabelSeries {
        let mut rows: BTreeMap<u64, LabelSecond> = BTreeMap::new();
        for row in self.parts.iter().flat_map(Series::rows) {
            match rows.get_mut(&row.second) {
                Some(known) => known.merge(&row),
                None => {
                    rows.insert(row.second, row);
                }
            }
        }
        LabelSeries {
            label: self.label.clone(),
            seconds: rows.into_values().collect(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn times() -> impl Strategy<Value = Vec<(usize, u64)>> {
        let count = prop_oneof![1u64..200, Just(u64::MAX / 4), 1u64..1_000_000];
        prop::collection::vec((0usize..256, count), 1..12)
    }

    fn coarse(rows: &[(usize, u64)]) -> Coarse {
        let mut times = Coarse::default();
        // Sums stay below the largest number.
        for (bucket, count) in rows {
            times.add_at(*bucket, count / 16 + 1);
        }
        times
    }

    fn row(ok: &[(usize, u64)], failed: &[(usize, u64)]) -> LabelSecond {
        LabelSecond {
            second: 0,
            ok: ok.len() as u64,
            failed: failed.len() as u64,
            latency: coarse(ok),
            latency_failed: coarse(failed),
        }
    }

    proptest! {
        /// What is packed comes out as it went in, whatever gaps seconds and buckets have.
        #[test]
        fn rows_come_back(
            steps in prop::collection::vec((1u64..90_000, times(), times(), any::<[bool; 2]>()), 0..60),
        ) {
            let (mut series, mut expected) = (Series::default(), Vec::new());
            let mut second = 0;
            for (step, ok, failed, [some_ok, some_failed]) in steps {
                second += step;
                let ok = if some_ok { ok } else { Vec::new() };
                let failed = if some_failed { failed } else { Vec::new() };
                let row = row(&ok, &failed);
                series.push(second, row.clone());
                if row.ok + row.failed == 0 {
                    continue;
                }
                let stretch = stretch_of(second);
                match expected.last_mut() {
                    Some(LabelSecond { second, .. }) if *second == stretch => {
                        let last: &mut LabelSecond = expected.last_mut().unwrap();
                        last.merge(&row);
                    }
                    _ => expected.push(LabelSecond { second: stretch, ..row }),
                }
            }
            prop_assert_eq!(series.is_empty(), expected.is_empty());
            prop_assert_eq!(series.rows().collect::<Vec<_>>(), expected);
        }
    }

    #[test]
    fn seconds_fold_into_stretches_and_threads_into_one() {
        let some = |ok| LabelSecond {
            ok,
            latency: coarse(&vec![(80, 1); ok as usize]),
            ..LabelSecond::default()
        };
        let mut rows = LabelRows::new("x".to_owned());
        assert!(rows.is_empty());
        for seconds in [
            &[(21_599, 1), (21_600, 2), (21_609, 3)][..],
            &[],
            &[(21_605, 4)],
        ] {
            let mut series = Series::default();
            for (second, ok) in seconds {
                series.push(*second, some(*ok));
            }
            rows.add(series);
        }
        let merged = rows.merged();
        let told: Vec<_> = merged
            .seconds
            .iter()
            .map(|row| (row.second, row.ok))
            .collect();
        assert_eq!(
            (merged.label.as_str(), told),
            ("x", vec![(21_599, 1), (21_600, 9)])
        );
        assert!(
            merged
                .seconds
                .iter()
                .all(|row| row.latency.count() == row.ok)
        );
    }

    /// So many rows fill several blocks.
    #[test]
    fn six_hours_of_rows_take_a_few_bytes_each() {
        let mut series = Series::default();
        for second in 0..21_600 {
            let ok: Vec<_> = (0..20)
                .map(|n| (100 + (second as usize + n) % 20, 1))
                .collect();
            series.push(second, row(&ok, &[]));
        }
        assert_eq!(series.rows().count(), 21_600);
        let bytes: usize = series.blocks.iter().map(Vec::capacity).sum();
        assert!(bytes / 21_600 < 40, "{bytes}");
    }
}
