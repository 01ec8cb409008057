//! Two runs of a scenario: what changed, by how much, and what one may call it
//! (decision 20). First it is checked whether they can be compared at all: the
//! same load, from the same regions, both whole and trusted (`comparability`).
//! Times are those of ok answers; what failed counts in the error rate. Values
//! come from the merged exact histograms; how far they may be off comes from the
//! runs' seconds (`cells`, `long_run`), for a whole run, a region and a label
//! alike (`metrics`); `words` has the words. The same two runs always give the
//! same result.

mod cells;
mod comparability;
mod distribution;
mod interval;
mod labels;
mod long_run;
mod metrics;
mod normal;
mod rows;
mod sentences;
mod words;

pub use comparability::Comparability;
pub use words::{Change, Thresholds};

use crate::ids::Region;
use crate::messages::histograms::RunHistograms;
use crate::messages::timeline::RunTimeline;
use crate::record::RunRecord;
use labels::Labels;
use rows::{Measured, Rows};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// A run in a comparison.
#[derive(Debug, Clone, Copy)]
pub struct Side<'a> {
    /// Its record.
    pub record: &'a RunRecord,
    /// Its seconds; without them nothing can be told from chance.
    pub timeline: Option<&'a RunTimeline>,
    /// Its exact times; without them no time can be told from chance.
    pub histograms: Option<&'a RunHistograms>,
}

/// What changed from `base` to `candidate`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Comparison {
    /// The run compared with.
    pub base: RunRef,
    /// The run that is judged.
    pub candidate: RunRef,
    /// The sum of it.
    pub verdict: Verdict,
    /// Why, as sentences.
    pub reasons: Vec<String>,
    /// What to keep in mind, as sentences: nothing that forbids a comparison.
    #[serde(default)]
    pub notes: Vec<String>,
    /// What was asked first.
    pub comparability: Comparability,
    /// Which changes matter.
    #[serde(default)]
    pub thresholds: Thresholds,
    /// The runs as a whole.
    pub totals: Vec<MetricChange>,
    /// Labels of both runs, busiest first; of one region with their values alone.
    pub labels: Vec<LabelChange>,
    /// Labels of the candidate alone.
    pub added: Vec<String>,
    /// Labels of the base alone.
    pub removed: Vec<String>,
    /// Labels of which nothing can be told: too few requests, no seconds of theirs
    /// are kept (a run keeps those of its first 100, over all regions), or many others
    /// are busier.
    pub inconclusive: Vec<String>,
}

/// Which run.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct RunRef {
    /// Its scenario.
    pub test_id: String,
    /// The run.
    pub test_run_id: String,
    /// `YYYY-MM-DD HH:MM:SS`, UTC.
    pub start_time: String,
}

/// The sum of a comparison.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
#[schemars(rename = "ComparisonVerdict")]
pub enum Verdict {
    /// Something got worse.
    Worse,
    /// Something improved, nothing got worse.
    Better,
    /// Something changed, by less than matters.
    ChangedButSmall,
    /// Error rate and p95 are the same, and no other number is known to have
    /// changed.
    Same,
    /// The error rate or the p95 of the whole run is not known well enough.
    CannotTell,
    /// The runs cannot be held against each other.
    Incomparable,
}

impl Verdict {
    /// How it is told to people.
    pub fn words(self) -> &'static str {
        match self {
            Self::Worse => Change::Worse.words(),
            Self::Better => Change::Better.words(),
            Self::ChangedButSmall => Change::ChangedButSmall.words(),
            Self::Same => Change::Same.words(),
            Self::CannotTell => Change::CannotTell.words(),
            Self::Incomparable => "cannot be compared",
        }
    }
}

/// One number of both runs.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct MetricChange {
    /// `p50_us`, `p95_us`, `p99_us`, `mean_us` (of ok answers), `error_rate`
    /// (0 to 1), or `rate` (finished requests per second).
    pub metric: String,
    /// In the base.
    pub base: f64,
    /// In the candidate.
    pub candidate: f64,
    /// Candidate less base.
    pub delta: f64,
    /// Lower end of the 95 % interval of `delta`; absent where nothing was measured
    /// that bounds it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub low: Option<f64>,
    /// Its upper end.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub high: Option<f64>,
    /// `delta` in percent of the base; absent where that is 0.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub delta_pct: Option<f64>,
    /// The interval in percent of the base; absent for error rates.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub low_pct: Option<f64>,
    /// Its upper end.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub high_pct: Option<f64>,
    /// Whether the change is real, all numbers that were tested considered.
    pub significant: bool,
    /// What became of it.
    pub change: Change,
    /// Why nothing can be told.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub why: Option<String>,
}

/// A label of both runs.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct LabelChange {
    /// Its name.
    pub label: String,
    /// The most important word of its numbers, in the order of the words.
    pub change: Change,
    /// Finished requests in the base.
    pub requests_base: u64,
    /// Finished requests in the candidate.
    pub requests_candidate: u64,
    /// Its numbers.
    pub metrics: Vec<MetricChange>,
}

/// Compares two runs, or what one region measured of each.
pub fn compare(
    base: Side<'_>,
    candidate: Side<'_>,
    region: Option<&Region>,
    thresholds: Thresholds,
) -> Comparison {
    let (comparability, mut reasons) = comparability::judge(&base, &candidate, region);
    let sides = [&base, &candidate];
    let measured = sides.map(|side| Measured::of(side, region));
    let shaped = sides.iter().any(|side| is_shaped(side.record));
    // Every reason at once, so that users need not find them one after the other.
    let long_enough = measured.iter().all(|it| it.seconds.is_known());
    if !long_enough {
        reasons.push(sentences::TOO_SHORT.to_owned());
    }
    let may_judge = comparability.holds() && long_enough;
    let mut rows = Rows::new(comparability.same_times, shaped);
    let seconds = measured.each_ref().map(|it| &it.seconds);
    rows.add(
        measured.each_ref().map(|it| it.total.as_ref()),
        seconds,
        true,
    );
    let named = Labels::of(&base, &candidate, region);
    for (label, a, b) in &named.both {
        // Seconds of labels are kept over all regions only: of one, values alone are told.
        let seconds = measured.each_ref().map(|it| match region {
            None => it.label(label),
            Some(_) => rows::Seconds::default(),
        });
        rows.add([Some(a), Some(b)], seconds.each_ref(), false);
    }
    let mut numbers = rows.decide(&thresholds, may_judge).into_iter();
    let totals = numbers.next().unwrap_or_default();
    let labels: Vec<LabelChange> = named
        .both
        .iter()
        .zip(numbers)
        .map(|((label, a, b), metrics)| LabelChange {
            label: label.clone(),
            change: rows::foremost(&metrics),
            requests_base: a.count,
            requests_candidate: b.count,
            metrics,
        })
        .collect();
    let unjudged = labels.iter().filter(|it| it.change == Change::CannotTell);
    let mut inconclusive = named.few;
    inconclusive.extend(unjudged.map(|it| it.label.clone()));
    inconclusive.extend(named.rest);
    let verdict = rows::sum_up(may_judge, &totals, &labels);
    reasons.extend(sentences::of(verdict, &thresholds, &totals, &labels));
    Comparison {
        base: reference(base.record),
        candidate: reference(candidate.record),
        verdict,
        reasons,
        notes: comparability::notes(&base, &candidate),
        comparability,
        thresholds,
        totals,
        labels,
        added: named.added,
        removed: named.removed,
        inconclusive,
    }
}

/// Whether a run's load changes on purpose, as it does in a ramp-up.
fn is_shaped(record: &RunRecord) -> bool {
    let planned = record.load.iter().flat_map(|load| &load.planned);
    let mut values = planned.map(|row| row.1);
    let first = values.next();
    values.any(|value| Some(value) != first)
}

fn reference(record: &RunRecord) -> RunRef {
    RunRef {
        test_id: record.test_id.clone(),
        test_run_id: record.test_run_id.clone(),
        start_time: record.start_time.clone(),
    }
}

#[cfg(test)]
mod tests;
