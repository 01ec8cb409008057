//! The coarse histogram of ticks and timelines: fixed bounds, 8 buckets an
//! octave, so that a browser adds them with integers alone (dlt.md 3).
//!
//! Bucket b covers [2^(b/8), 2^((b+1)/8)) µs. Final numbers never come from
//! here: they come from `latencies`.

use super::counts;
use serde::de::Error;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// Buckets an octave.
pub const PER_OCTAVE: u32 = 8;
/// One more than the highest bucket: 1 h lies in bucket 253.
pub const BUCKETS: usize = 256;

/// Lower bounds of the eighths of an octave, as 2^(k/8) in 1/2^32.
const EIGHTHS: [u64; 8] = [
    0x1_0000_0000,
    0x1_172B_83C8,
    0x1_306F_E0A3,
    0x1_4BFD_AD53,
    0x1_6A09_E668,
    0x1_8ACE_5423,
    0x1_AE89_F996,
    0x1_D581_8DCF,
];

/// The bucket of a value in µs; 0 counts as 1, beyond the last as the last.
#[inline]
pub fn bucket(value_us: u64) -> usize {
    let value = value_us.max(1);
    let octave = 63 - value.leading_zeros();
    // The value's mantissa in 1/2^32, compared with the eighths' bounds.
    let mantissa = if octave <= 32 {
        value << (32 - octave)
    } else {
        value >> (octave - 32)
    };
    let eighth = EIGHTHS[1..]
        .iter()
        .filter(|&&bound| mantissa >= bound)
        .count();
    ((octave * PER_OCTAVE) as usize + eighth).min(BUCKETS - 1)
}

/// The middle of a bucket in µs (geometric), for drawing and live percentiles.
pub fn middle_us(bucket: usize) -> f64 {
    2f64.powf((bucket as f64 + 0.5) / f64::from(PER_OCTAVE))
}

/// Counts by bucket. On the wire `[[bucket, count]…]`, rising, zeros left out.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Coarse {
    /// The bucket of the first count; 0 while there is none.
    first: usize,
    /// From the first bucket that is not empty to the last: response times of
    /// a second lie close together, and timelines keep many seconds.
    counts: Vec<u64>,
}

impl Coarse {
    /// Counts one value in µs.
    #[inline]
    pub fn record(&mut self, value_us: u64) {
        self.add_at(bucket(value_us), 1);
    }

    /// Adds `count` to a bucket; beyond the last bucket counts as the last.
    #[inline]
    pub fn add_at(&mut self, bucket: usize, count: u64) {
        let bucket = bucket.min(BUCKETS - 1);
        match self.counts.get_mut(bucket.wrapping_sub(self.first)) {
            Some(known) => *known = known.saturating_add(count),
            None => self.reach(bucket, count),
        }
    }

    /// Adds to a bucket outside of those that are held.
    #[cold]
    fn reach(&mut self, bucket: usize, count: u64) {
        // Both ends stay non-empty, so that equal histograms look alike.
        if count == 0 {
            return;
        }
        if self.counts.is_empty() {
            self.first = bucket;
        } else if bucket < self.first {
            let missing = self.first - bucket;
            self.counts.splice(0..0, std::iter::repeat_n(0, missing));
            self.first = bucket;
        } else {
            self.counts.resize(bucket - self.first, 0);
        }
        match self.counts.first_mut() {
            Some(first) if self.first == bucket => *first = count,
            _ => self.counts.push(count),
        }
    }

    /// Frees unused capacity; worth it for a histogram that is kept.
    pub fn shrink_to_fit(&mut self) {
        self.counts.shrink_to_fit();
    }

    /// Adds another histogram.
    pub fn merge(&mut self, other: &Self) {
        for (bucket, count) in other.rows() {
            self.add_at(bucket, count);
        }
    }

    /// Whether nothing was counted.
    pub fn is_empty(&self) -> bool {
        self.counts.is_empty()
    }

    /// All values counted.
    pub fn count(&self) -> u64 {
        self.counts
            .iter()
            .fold(0, |sum, count| sum.saturating_add(*count))
    }

    /// The non-empty (bucket, count) rows, rising.
    pub fn rows(&self) -> impl Iterator<Item = (usize, u64)> + '_ {
        (self.first..)
            .zip(self.counts.iter().copied())
            .filter(|row| row.1 > 0)
    }

    /// The mean, µs, each value taken as its bucket's middle: within 4.5 %; None
    /// if there are no values.
    pub fn mean_us(&self) -> Option<f64> {
        let count = self.count();
        let sum: f64 = self
            .rows()
            .map(|(bucket, count)| middle_us(bucket) * count as f64)
            .sum();
        (count > 0).then(|| sum / count as f64)
    }

    /// The value in µs below which the share `q` (0 to 1) lies, to the middle of its bucket.
    pub fn quantile_us(&self, q: f64) -> Option<f64> {
        let total = self.count();
        let rank = ((q * total as f64).ceil() as u64).max(1);
        let mut seen = 0;
        self.rows().find_map(|(bucket, count)| {
            seen = u64::saturating_add(seen, count);
            (seen >= rank).then(|| middle_us(bucket))
        })
    }
}

impl Serialize for Coarse {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_seq(self.rows())
    }
}

impl<'de> Deserialize<'de> for Coarse {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let rows = Vec::<(usize, u64)>::deserialize(deserializer)?;
        if !rows.is_sorted_by(|one, next| one.0 < next.0) {
            return Err(D::Error::custom("the buckets do not rise"));
        }
        let mut coarse = Self::default();
        for (bucket, count) in rows {
            if bucket >= BUCKETS {
                let most = BUCKETS - 1;
                return Err(D::Error::custom(format!(
                    "bucket {bucket} is beyond {most}"
                )));
            }
            coarse.add_at(bucket, count);
            counts::bounded::<D::Error>(coarse.count())?;
        }
        Ok(coarse)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn bounds_are_the_documented_ones() {
        for value in 1u64..200_000 {
            let exact = ((value as f64).log2() * 8.0).floor() as usize;
            // Only on a bound itself may the logarithm's rounding differ.
            let off = bucket(value).abs_diff(exact);
            assert!(
                off == 0 || value.is_power_of_two(),
                "{value}: {} {exact}",
                bucket(value)
            );
        }
        assert_eq!(bucket(0), 0);
        assert_eq!(bucket(3_600_000_000), 253);
        assert_eq!(bucket(u64::MAX), BUCKETS - 1);
    }

    #[test]
    fn only_the_buckets_between_the_ends_are_held() {
        let mut coarse = Coarse::default();
        for value_us in [3_000_000, 2_500_000, 2_000_000, 2_200_000] {
            coarse.record(value_us);
        }
        coarse.add_at(0, 0);
        coarse.add_at(BUCKETS - 1, 0);
        let ends = (bucket(2_000_000), bucket(3_000_000));
        assert_eq!(coarse.counts.len(), ends.1 - ends.0 + 1);
        coarse.shrink_to_fit();
        assert_eq!(coarse.counts.capacity(), coarse.counts.len());
        assert_eq!(coarse.count(), 4);
    }

    #[test]
    fn what_does_not_rise_or_fit_is_refused() {
        let most = counts::MOST_IN_A_STRETCH;
        let read = |text: &str| serde_json::from_str::<Coarse>(text);
        assert_eq!(read(&format!("[[3,{most}]]")).unwrap().count(), most);
        for (text, why) in [
            (format!("[[3,{}]]", most + 1), "more than one number"),
            (format!("[[3,{}]]", u64::MAX), "more than one number"),
            ("[[3,1],[3,1]]".to_owned(), "do not rise"),
            ("[[4,1],[3,1]]".to_owned(), "do not rise"),
            ("[[256,1]]".to_owned(), "beyond 255"),
        ] {
            let error = read(&text).unwrap_err().to_string();
            assert!(error.contains(why), "{text}: {error}");
        }
    }

    proptest! {
        /// Whatever the order: the same rows, and equal means equal.
        #[test]
        fn counts_are_those_of_a_plain_array(
            adds in prop::collection::vec((0usize..300, 0u64..3), 0..60),
            cut in 0usize..60,
        ) {
            let mut plain = [0u64; BUCKETS];
            let (mut all, mut head, mut tail) =
                (Coarse::default(), Coarse::default(), Coarse::default());
            for (n, &(bucket, count)) in adds.iter().enumerate() {
                plain[bucket.min(BUCKETS - 1)] += count;
                all.add_at(bucket, count);
                if n < cut { &mut head } else { &mut tail }.add_at(bucket, count);
            }
            tail.merge(&head);
            prop_assert_eq!(&tail, &all);
            let expected: Vec<_> = plain.into_iter().enumerate().filter(|row| row.1 > 0).collect();
            prop_assert_eq!(all.rows().collect::<Vec<_>>(), expected);
        }

        #[test]
        fn wire_form_reads_back(values in prop::collection::vec(0u64..4_000_000_000, 0..200)) {
            let mut coarse = Coarse::default();
            values.iter().for_each(|&v| coarse.record(v));
            let text = serde_json::to_string(&coarse).unwrap();
            let back: Coarse = serde_json::from_str(&text).unwrap();
            prop_assert_eq!(back.rows().collect::<Vec<_>>(), coarse.rows().collect::<Vec<_>>());
            prop_assert_eq!(back.count(), values.len() as u64);
        }
    }
}
