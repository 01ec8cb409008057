//! A run's merged histograms as they are stored at its end: by region and label,
//! exact, so that reports need not be read again. Storing them is left to the
//! pipeline.

use crate::ids::Region;
use crate::measure::latencies::{DecodeError, Exact, Latencies};
use crate::measure::tally::LabelTally;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// Version of the object.
pub const HISTOGRAMS_FORMAT: u32 = 1;

/// `histograms.json.gz` of a run.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RunHistograms {
    /// [`HISTOGRAMS_FORMAT`].
    pub format: u32,
    /// By region, its labels in the order of their names.
    pub regions: BTreeMap<Region, Vec<LabelHistograms>>,
}

/// The response times of one label in one region.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LabelHistograms {
    /// The label.
    pub label: String,
    /// Those of ok samples; of all samples where `mixed` is true.
    pub ok: StoredHistogram,
    /// An older dlt measured some of it, which did not keep failed samples apart.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub mixed: bool,
    /// Those of failed samples; absent without failures.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub failed: Option<StoredHistogram>,
}

/// One histogram with its exact sums.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct StoredHistogram {
    /// HDR V2, deflated, base64 (decision 17).
    pub counts: String,
    /// Values, those above 1 h included.
    pub count: u64,
    /// Smallest, µs.
    pub min_us: u64,
    /// Largest, µs.
    pub max_us: u64,
    /// Sum, µs; text, for it may be larger than numbers of JSON are.
    pub sum_us: String,
    /// Sum of squares, µs²; text as well.
    pub sum_squares_us: String,
    /// Values above 1 h.
    pub beyond: u64,
}

impl StoredHistogram {
    fn of(times: &Latencies) -> Self {
        let exact = times.exact();
        Self {
            counts: times.to_base64(),
            count: exact.count,
            min_us: exact.min_us,
            max_us: exact.max_us,
            sum_us: exact.sum_us.to_string(),
            sum_squares_us: exact.sum_squares_us.to_string(),
            beyond: exact.beyond,
        }
    }

    fn merge_into(&self, times: &mut Latencies) -> Result<(), DecodeError> {
        let exact = Exact {
            count: self.count,
            min_us: self.min_us,
            max_us: self.max_us,
            sum_us: number(&self.sum_us)?,
            sum_squares_us: number(&self.sum_squares_us)?,
            beyond: self.beyond,
        };
        times.merge_base64(&self.counts, &exact)
    }
}

fn number<T: std::str::FromStr>(text: &str) -> Result<T, DecodeError> {
    text.parse()
        .map_err(|_| DecodeError("a sum is not a whole number"))
}

impl LabelHistograms {
    /// Those of a tally.
    pub fn of(label: &str, tally: &LabelTally) -> Self {
        let failed = &tally.response_failed;
        Self {
            label: label.to_owned(),
            ok: StoredHistogram::of(&tally.response),
            mixed: !tally.is_apart(),
            failed: (failed.count() > 0).then(|| StoredHistogram::of(failed)),
        }
    }

    /// Its times.
    pub fn times(&self) -> Result<Times, DecodeError> {
        let mut times = Times::default();
        self.merge_into(&mut times)?;
        Ok(times)
    }

    fn merge_into(&self, times: &mut Times) -> Result<(), DecodeError> {
        times.mixed |= self.mixed;
        self.ok.merge_into(&mut times.ok)?;
        if let Some(failed) = &self.failed {
            failed.merge_into(&mut times.failed)?;
        }
        Ok(())
    }
}

/// Response times of ok and of failed samples.
#[derive(Debug, Clone, Default)]
pub struct Times {
    /// Of ok ones; of all where these were not kept apart.
    pub ok: Latencies,
    /// Of failed ones.
    pub failed: Latencies,
    /// `ok` holds failed ones too.
    pub mixed: bool,
}

impl RunHistograms {
    /// The times of one label or all, from one region or all; None if there is
    /// no such label or region.
    pub fn times(
        &self,
        label: Option<&str>,
        region: Option<&Region>,
    ) -> Result<Option<Times>, DecodeError> {
        let mut found = None;
        for (name, labels) in &self.regions {
            if region.is_some_and(|region| region != name) {
                continue;
            }
            for row in labels {
                if label.is_some_and(|label| label != row.label) {
                    continue;
                }
                row.merge_into(found.get_or_insert_with(Times::default))?;
            }
        }
        Ok(found)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn tally(ok: &[u64], failed: &[u64]) -> LabelTally {
        let mut tally = LabelTally {
            ok: ok.len() as u64,
            failed: failed.len() as u64,
            ..LabelTally::default()
        };
        ok.iter().for_each(|us| tally.response.record(*us));
        failed
            .iter()
            .for_each(|us| tally.response_failed.record(*us));
        tally
    }

    #[test]
    fn a_sum_that_is_no_number_makes_the_histogram_unreadable() {
        let good = StoredHistogram::of(&tally(&[5], &[]).response);
        for bad in ["", "-1", "1e3", "x"] {
            let mut first = good.clone();
            first.sum_us = bad.to_owned();
            let mut second = good.clone();
            second.sum_squares_us = bad.to_owned();
            for stored in [first, second] {
                let read = stored.merge_into(&mut Latencies::default());
                assert!(read.is_err(), "{bad:?}");
            }
        }
    }

    proptest! {
        /// What is stored and read back is what was merged, label by label and
        /// region by region.
        #[test]
        fn stored_histograms_are_the_merged_ones(
            parts in prop::collection::vec(
                (0usize..2, 0usize..3, prop::collection::vec(1u64..5_000_000_000, 0..20), prop::collection::vec(1u64..9_000, 0..5)),
                0..8,
            )
        ) {
            let regions = ["lo-home-1", "lo-home-2"].map(|name| Region::parse(name).unwrap());
            let names = ["a", "b", "[other]"];
            let mut merged: BTreeMap<(usize, usize), LabelTally> = BTreeMap::new();
            for (region, label, ok, failed) in &parts {
                merged.entry((*region, *label)).or_default().merge(&tally(ok, failed));
            }
            let mut stored = RunHistograms {
                format: HISTOGRAMS_FORMAT,
                regions: BTreeMap::new(),
            };
            for ((region, label), tally) in &merged {
                let rows = stored.regions.entry(regions[*region].clone()).or_default();
                rows.push(LabelHistograms::of(names[*label], tally));
            }
            let text = serde_json::to_string(&stored).unwrap();
            let stored: RunHistograms = serde_json::from_str(&text).unwrap();
            for region in [None, Some(0), Some(1)] {
                for label in [None, Some(0), Some(1), Some(2)] {
                    let mut expected: Option<LabelTally> = None;
                    for ((r, l), tally) in &merged {
                        if region.is_none_or(|want| want == *r) && label.is_none_or(|want| want == *l) {
                            expected.get_or_insert_with(LabelTally::default).merge(tally);
                        }
                    }
                    let found = stored
                        .times(label.map(|l| names[l]), region.map(|r| &regions[r]))
                        .unwrap();
                    prop_assert_eq!(found.is_some(), expected.is_some());
                    if let (Some(found), Some(expected)) = (found, expected) {
                        prop_assert!(!found.mixed);
                        prop_assert_eq!(found.ok.exact(), expected.response.exact());
                        let buckets: Vec<_> = found.ok.buckets().collect();
                        prop_assert_eq!(buckets, expected.response.buckets().collect::<Vec<_>>());
                        prop_assert_eq!(found.failed.exact(), expected.response_failed.exact());
                    }
                }
            }
        }
    }
}
