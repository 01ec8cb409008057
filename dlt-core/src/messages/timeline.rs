//! A run second by second: what ticks carry and what the timeline objects keep
//! (decision 17). Seconds are added over runners and regions; a percentile of
//! a second is read from its added coarse histogram. Storing timelines is left
//! to worker and pipeline.

use crate::ids::{Region, RunnerId};
use crate::measure::second::{LabelSecond, Second};
use crate::messages::runner_line::RunnerRow;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// Labels that a timeline keeps apart (decision 17).
pub const MOST_TIMELINE_LABELS: usize = 100;
/// Version of the timeline object. Since 2 `latency` is of ok samples and
/// `latency_failed` stands beside; in 1 it is of all samples.
pub const TIMELINE_FORMAT: u32 = 2;

/// A label's stretches, rising.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct LabelSeries {
    /// The label.
    pub label: String,
    /// Its stretches; those without samples are left out.
    pub seconds: Vec<LabelSecond>,
}

/// A runner's timeline object (JSON).
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Timeline {
    /// [`TIMELINE_FORMAT`].
    pub format: u32,
    /// The runner's id.
    pub runner: RunnerId,
    /// The region that it ran in.
    pub region: Region,
    /// The stretches, rising; a runner that did nothing in one still lists it.
    pub seconds: Vec<Second>,
    /// At most [`MOST_TIMELINE_LABELS`] labels; empty when there are more.
    pub labels: Vec<LabelSeries>,
}

/// How long the stretch is that begins at `second`: 1 s, after 6 h 10 s,
/// after 3 days 60 s (decision 17).
pub fn resolution_s(second: u64) -> u64 {
    const HOUR: u64 = 3_600;
    match second {
        0..21_600 => 1,
        _ if second < 72 * HOUR => 10,
        _ => 60,
    }
}

/// The start of the stretch that `second` belongs to.
pub fn stretch_of(second: u64) -> u64 {
    second - second % resolution_s(second)
}

/// A run's merged timeline (`timeline.json.gz`): by region, and labels over all.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct RunTimeline {
    /// [`TIMELINE_FORMAT`], or that of the oldest timeline in it.
    pub format: u32,
    /// The start instant, µs since the Unix epoch.
    pub start_at_us: u64,
    /// By region, its stretches rising.
    pub regions: BTreeMap<Region, Vec<Second>>,
    /// Labels over all regions; empty when there are more than
    /// [`MOST_TIMELINE_LABELS`].
    pub labels: Vec<LabelSeries>,
    /// In a timeline so far: where the region's runners stood when it was stored.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub runners: Vec<RunnerRow>,
}

impl RunTimeline {
    /// Merges runners' timelines.
    pub fn of(start_at_us: u64, timelines: &[Timeline]) -> Self {
        let mut merger = TimelineMerger::default();
        timelines.iter().for_each(|timeline| merger.add(timeline));
        merger.finish(start_at_us)
    }
}

/// Merges timelines one by one, so a thousand need not be held at once.
#[derive(Debug, Default)]
pub struct TimelineMerger {
    regions: BTreeMap<Region, BTreeMap<u64, Second>>,
    labels: BTreeMap<String, BTreeMap<u64, LabelSecond>>,
    /// The oldest format that was added.
    oldest: Option<u32>,
    /// Some runner had too many labels to keep them apart: the others' rows
    /// alone would be too low, so none are shown.
    labels_lost: bool,
}

impl TimelineMerger {
    /// Adds a runner's timeline.
    pub fn add(&mut self, timeline: &Timeline) {
        let oldest = self.oldest.unwrap_or(TIMELINE_FORMAT);
        self.oldest = Some(oldest.min(timeline.format));
        let rows = self.regions.entry(timeline.region.clone()).or_default();
        for second in &timeline.seconds {
            let row = rows.entry(second.second).or_insert_with(|| Second {
                second: second.second,
                ..Second::default()
            });
            row.merge(second);
            row.runners += 1;
        }
        let finished = |second: &Second| second.ok + second.failed > 0;
        self.labels_lost |= timeline.labels.is_empty() && timeline.seconds.iter().any(finished);
        for series in &timeline.labels {
            if self.labels_lost {
                break;
            }
            self.add_label(series);
        }
        if self.labels_lost {
            self.labels.clear();
        }
    }

    fn add_label(&mut self, series: &LabelSeries) {
        if !self.labels.contains_key(&series.label) {
            if self.labels.len() == MOST_TIMELINE_LABELS {
                self.labels_lost = true;
                return;
            }
            self.labels.insert(series.label.clone(), BTreeMap::new());
        }
        let Some(rows) = self.labels.get_mut(&series.label) else {
            return;
        };
        for second in &series.seconds {
            let row = rows.entry(second.second).or_insert_with(|| LabelSecond {
                second: second.second,
                ..LabelSecond::default()
            });
            row.merge(second);
        }
    }

    /// The run's timeline.
    pub fn finish(self, start_at_us: u64) -> RunTimeline {
        RunTimeline {
            format: self.oldest.unwrap_or(TIMELINE_FORMAT),
            start_at_us,
            runners: Vec::new(),
            regions: self
                .regions
                .into_iter()
                .map(|(region, rows)| (region, rows.into_values().collect()))
                .collect(),
            labels: self
                .labels
                .into_iter()
                .map(|(label, rows)| LabelSeries {
                    label,
                    seconds: rows.into_values().collect(),
                })
                .collect(),
        }
    }
}

pub mod window;

#[cfg(test)]
mod shared_tests;
#[cfg(test)]
mod tests;
