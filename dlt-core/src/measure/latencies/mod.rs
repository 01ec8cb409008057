//! The mergeable latency histogram: HDR layout, 3 significant digits, 1 µs to
//! 1 h, with exact count, minimum, maximum, sum and sum of squares beside it.
//! Merging is addition, so any number of parts in any order gives the same
//! counts; every percentile anywhere is read from a merged histogram.
//!
//! Layout: Gil Tene's HdrHistogram with lowest 1, highest 3.6e9, 3 digits:
//! 2,048 linear sub-buckets, then 1,024 an octave. Counts lie in pages that are
//! made when first touched, so 2,000 labels of a run fit in memory while
//! recording stays two additions. The wire form is `codec`'s.

mod codec;

pub use codec::DecodeError;

/// Values above are counted apart in `beyond` (decision 10).
pub const HIGHEST_US: u64 = 3_600_000_000;
/// Linear sub-buckets: the power of two at or above 2 · 10^3.
const SUB_BUCKETS: u64 = 2048;
const HALF: u64 = SUB_BUCKETS / 2;
/// Counters a page: fine enough that a label with few latencies stays small.
const PAGE: usize = 256;

/// A latency histogram in µs with exact moments.
#[derive(Clone, Default)]
pub struct Latencies {
    pages: Vec<Option<Box<[u32; PAGE]>>>,
    /// What no longer fits a u32 counter: (index, count), rare.
    spill: Vec<(u32, u64)>,
    count: u64,
    min_us: u64,
    max_us: u64,
    sum_us: u128,
    sum_squares_us: u128,
    beyond: u64,
}

/// The exact integers beside the histogram.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Exact {
    /// Values recorded, those beyond 1 h included.
    pub count: u64,
    /// Smallest value, µs; 0 when there is none.
    pub min_us: u64,
    /// Largest value, µs.
    pub max_us: u64,
    /// Sum of the values, µs.
    pub sum_us: u128,
    /// Sum of their squares, µs².
    pub sum_squares_us: u128,
    /// Values above 1 h, which the histogram holds at 1 h.
    pub beyond: u64,
}

#[inline]
fn index_of(value_us: u64) -> usize {
    let octave = 63 - (value_us | (SUB_BUCKETS - 1)).leading_zeros() as u64 - 10;
    // Octave 0 is the linear part: index is the value itself.
    (octave * HALF + (value_us >> octave)) as usize
}

/// The largest value that shares an index, which is what HDR reports.
fn highest_equivalent(index: usize) -> u64 {
    let index = index as u64;
    if index < SUB_BUCKETS {
        return index;
    }
    let octave = index / HALF - 1;
    ((index - octave * HALF + 1) << octave) - 1
}

/// Whether two pages can be added without a full counter; no branches, so that
/// it runs as vector instructions.
fn fits(own: &[u32; PAGE], other: &[u32; PAGE]) -> bool {
    !own.iter()
        .zip(other)
        .fold(false, |full, (a, b)| full | (*a > u32::MAX - b))
}

impl Latencies {
    /// Counts one value in µs.
    #[inline]
    pub fn record(&mut self, value_us: u64) {
        if self.count == 0 || value_us < self.min_us {
            self.min_us = value_us;
        }
        self.max_us = self.max_us.max(value_us);
        self.count += 1;
        self.sum_us += u128::from(value_us);
        self.sum_squares_us += u128::from(value_us) * u128::from(value_us);
        let held = if value_us > HIGHEST_US {
            self.beyond += 1;
            HIGHEST_US
        } else {
            value_us
        };
        self.bump(index_of(held), 1);
    }

    #[inline]
    fn bump(&mut self, index: usize, by: u64) {
        let page = index / PAGE;
        if page >= self.pages.len() {
            self.pages.resize(page + 1, None);
        }
        let slot = &mut self.pages[page].get_or_insert_with(|| Box::new([0; PAGE]))[index % PAGE];
        match u32::try_from(by).ok().and_then(|by| slot.checked_add(by)) {
            Some(sum) => *slot = sum,
            None => self.spill(index, by),
        }
    }

    #[cold]
    fn spill(&mut self, index: usize, by: u64) {
        match self.spill.iter_mut().find(|row| row.0 as usize == index) {
            Some(row) => row.1 += by,
            None => self.spill.push((index as u32, by)),
        }
    }

    /// Adds another histogram; order and number of parts do not matter.
    pub fn merge(&mut self, other: &Self) {
        if other.count == 0 {
            return;
        }
        for (page, counts) in other.pages.iter().enumerate() {
            let Some(counts) = counts else { continue };
            if page >= self.pages.len() {
                self.pages.resize(page + 1, None);
            }
            match &mut self.pages[page] {
                None => self.pages[page] = Some(counts.clone()),
                Some(own) if fits(own, counts) => {
                    own.iter_mut().zip(&**counts).for_each(|(a, b)| *a += b);
                }
                // A counter is full: one by one, what does not fit spills.
                Some(_) => {
                    for (at, &count) in counts.iter().enumerate() {
                        self.bump(page * PAGE + at, u64::from(count));
                    }
                }
            }
        }
        for &(index, count) in &other.spill {
            self.bump(index as usize, count);
        }
        self.add_exact(&other.exact());
    }

    fn add_exact(&mut self, other: &Exact) {
        self.min_us = match self.count {
            0 => other.min_us,
            _ => self.min_us.min(other.min_us),
        };
        self.max_us = self.max_us.max(other.max_us);
        self.count += other.count;
        self.sum_us += other.sum_us;
        // Sums read from a thousand reports may reach the end of 128 bits only
        // if they are false; then the deviation is wrong, nothing panics.
        self.sum_squares_us = self.sum_squares_us.saturating_add(other.sum_squares_us);
        self.beyond += other.beyond;
    }

    /// The exact integers.
    pub fn exact(&self) -> Exact {
        Exact {
            count: self.count,
            min_us: self.min_us,
            max_us: self.max_us,
            sum_us: self.sum_us,
            sum_squares_us: self.sum_squares_us,
            beyond: self.beyond,
        }
    }

    /// Values recorded.
    pub fn count(&self) -> u64 {
        self.count
    }

    /// Occupied buckets, rising: lowest and highest value, µs, and count.
    pub fn buckets(&self) -> impl Iterator<Item = (u64, u64, u64)> + '_ {
        self.rows().map(|(index, count)| {
            let lowest = match index {
                0 => 0,
                index => highest_equivalent(index - 1) + 1,
            };
            (lowest, highest_equivalent(index), count)
        })
    }

    /// Non-empty (index, count) rows, rising by index.
    fn rows(&self) -> impl Iterator<Item = (usize, u64)> + '_ {
        let spilled = |index: usize| {
            self.spill
                .iter()
                .find(|row| row.0 as usize == index)
                .map_or(0, |row| row.1)
        };
        self.pages
            .iter()
            .enumerate()
            .filter_map(|(page, counts)| counts.as_ref().map(|counts| (page * PAGE, counts)))
            .flat_map(|(base, counts)| {
                counts
                    .iter()
                    .enumerate()
                    .map(move |(at, &count)| (base + at, u64::from(count)))
            })
            .map(move |(index, count)| (index, count + spilled(index)))
            .filter(|row| row.1 > 0)
    }

    /// The value in µs at or below which the share `q` (0 to 1) of the samples
    /// lies, within 0.1 % of the true one; the exact minimum and maximum at the
    /// ends. None when nothing was recorded.
    pub fn quantile_us(&self, q: f64) -> Option<u64> {
        if self.count == 0 {
            return None;
        }
        if q <= 0.0 {
            return Some(self.min_us);
        }
        let rank = ((q * self.count as f64).ceil() as u64).clamp(1, self.count);
        // The last rank is the maximum, which is known exactly (also beyond 1 h).
        if rank == self.count {
            return Some(self.max_us);
        }
        let mut seen = 0;
        let index = self.rows().find_map(|(index, count)| {
            seen += count;
            (seen >= rank).then_some(index)
        })?;
        Some(highest_equivalent(index).clamp(self.min_us, self.max_us))
    }

    /// The mean in µs, from the exact sum.
    pub fn mean_us(&self) -> Option<f64> {
        (self.count > 0).then(|| self.sum_us as f64 / self.count as f64)
    }

    /// The population standard deviation in µs, from the exact sums.
    pub fn stdev_us(&self) -> Option<f64> {
        if self.count == 0 {
            return None;
        }
        // n·Σx² − (Σx)² in integers: no cancellation. It fits u128 while the
        // sum is below 1.8e19 µs (584,000 years of latency).
        let n = u128::from(self.count);
        let spread = n
            .checked_mul(self.sum_squares_us)
            .zip(self.sum_us.checked_mul(self.sum_us))
            .map_or(0.0, |(a, b)| a.saturating_sub(b) as f64);
        Some(spread.sqrt() / self.count as f64)
    }
}

/// The exact integers and the non-empty rows, not thousands of zeros.
impl std::fmt::Debug for Latencies {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{:?} ", self.exact())?;
        f.debug_list().entries(self.rows()).finish()
    }
}

/// Equal when counts and exact integers are equal, however they came about.
impl PartialEq for Latencies {
    fn eq(&self, other: &Self) -> bool {
        self.exact() == other.exact() && self.rows().eq(other.rows())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn of(values: &[u64]) -> Latencies {
        let mut latencies = Latencies::default();
        values.iter().for_each(|&value| latencies.record(value));
        latencies
    }

    fn values() -> impl Strategy<Value = Vec<u64>> {
        let value = prop_oneof![0u64..3000, 0u64..5_000_000, 0u64..5_000_000_000];
        prop::collection::vec(value, 0..400)
    }

    #[test]
    fn layout_fits_the_highest_value() {
        assert!(index_of(HIGHEST_US) < 23 * HALF as usize);
        assert_eq!(index_of(0), 0);
        assert_eq!(index_of(2047), 2047);
        assert_eq!(index_of(2048), 2048);
        assert_eq!(index_of(2049), 2048);
    }

    #[test]
    fn a_full_counter_spills_and_loses_nothing() {
        let mut latencies = of(&[7]);
        latencies.bump(7, u64::from(u32::MAX));
        latencies.bump(7, 5);
        assert_eq!(
            latencies.rows().collect::<Vec<_>>(),
            vec![(7, u64::from(u32::MAX) + 6)]
        );
    }

    #[test]
    fn full_counters_merge_and_lose_nothing() {
        let half = || {
            let mut latencies = of(&[7, 9]);
            latencies.bump(7, u64::from(u32::MAX) - 2);
            latencies
        };
        let mut merged = half();
        merged.merge(&half());
        merged.merge(&half());
        let full = 3 * (u64::from(u32::MAX) - 1);
        assert_eq!(merged.rows().collect::<Vec<_>>(), vec![(7, full), (9, 3)]);
    }

    proptest! {
        #[test]
        fn merging_any_split_in_any_order_gives_the_whole(
            values in values(),
            parts in prop_oneof![Just(1usize), 2usize..20, Just(1000usize)],
            backwards: bool,
        ) {
            let whole = of(&values);
            let mut pieces: Vec<Latencies> = (0..parts)
                .map(|part| of(&values.iter().copied().skip(part).step_by(parts).collect::<Vec<_>>()))
                .collect();
            if backwards {
                pieces.reverse();
            }
            let mut merged = Latencies::default();
            pieces.iter().for_each(|piece| merged.merge(piece));
            prop_assert_eq!(&merged, &whole);
        }

        #[test]
        fn quantiles_are_within_a_thousandth_of_the_sorted_truth(
            mut values in prop::collection::vec(0u64..HIGHEST_US, 1..300),
            q in 0.0f64..=1.0,
        ) {
            let latencies = of(&values);
            values.sort_unstable();
            let rank = ((q * values.len() as f64).ceil() as usize).clamp(1, values.len());
            let truth = values[rank - 1];
            let told = latencies.quantile_us(q).unwrap();
            prop_assert!(told.abs_diff(truth) <= truth / 1000 + 1, "{told} for {truth}");
        }

        #[test]
        fn exact_integers_are_exact(values in values()) {
            let latencies = of(&values);
            let exact = latencies.exact();
            prop_assert_eq!(exact.count, values.len() as u64);
            prop_assert_eq!(exact.sum_us, values.iter().map(|&v| u128::from(v)).sum::<u128>());
            prop_assert_eq!(exact.max_us, values.iter().copied().max().unwrap_or(0));
            prop_assert_eq!(exact.min_us, values.iter().copied().min().unwrap_or(0));
            prop_assert_eq!(exact.beyond, values.iter().filter(|&&v| v > HIGHEST_US).count() as u64);
        }
    }
}
