//! Two runs of a scenario: what changed, by how much, and whether one may call
//! it a change (decision 20). First it is checked whether they can be compared at
//! all: the same load, from the same regions, both trusted (`comparability`). Times
//! are those of ok answers; what failed counts in the error rate. Point values
//! are those of the merged exact histograms; how far they may be off comes from
//! a block bootstrap over the runs' seconds (`bootstrap`); what is called
//! significant is corrected for the number of tests made (Benjamini and
//! Hochberg 1995). The same two runs always give the same result.

mod bootstrap;
mod comparability;
mod labels;

pub use comparability::Comparability;

use crate::ids::Region;
use crate::judge::summary::Block;
use crate::measure::tally::TimesOver;
use crate::messages::timeline::{LabelSeries, RunTimeline};
use crate::record::RunRecord;
use bootstrap::{Estimate, Spread, Statistic};
use labels::Labels;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Share of false alarms among what is called a change, at most.
const FALSE_DISCOVERY_RATE: f64 = 0.01;
/// Changes of a time or a rate below this are none, however sure: two runs of
/// one system differ by as much.
const LEAST_EFFECT: f64 = 0.02;
/// Changes of the share of failures below this are none.
const LEAST_ERROR_EFFECT: f64 = 0.001;
/// A p99 of fewer timed requests is shown and not judged.
const LEAST_REQUESTS_P99: u64 = 2_000;
/// Times of fewer ok answers are not judged where other requests failed: they
/// are those that happened to be answered.
const LEAST_ANSWERS: u64 = 100;
/// A run in a comparison.
#[derive(Debug, Clone, Copy)]
pub struct Side<'a> {
    /// Its record.
    pub record: &'a RunRecord,
    /// Its seconds; without them nothing can be called significant.
    pub timeline: Option<&'a RunTimeline>,
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
    /// What was asked first.
    pub comparability: Comparability,
    /// The runs as a whole.
    pub totals: Vec<MetricChange>,
    /// Labels of both runs, busiest first.
    pub labels: Vec<LabelChange>,
    /// Labels of the candidate alone.
    pub added: Vec<String>,
    /// Labels of the base alone.
    pub removed: Vec<String>,
    /// Labels that were not judged: too few requests, no seconds of theirs are
    /// kept (a run keeps those of its first 100), or many others are busier.
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
    /// Something improved, nothing got worse.
    Better,
    /// No change that is large and sure enough.
    Same,
    /// Something got worse.
    Worse,
    /// The runs cannot be held against each other.
    Incomparable,
}

/// What became of one number.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Change {
    /// It improved.
    Better,
    /// No change that is large and sure enough.
    Same,
    /// It got worse.
    Worse,
    /// Too little is known, or it is shown and not judged.
    Inconclusive,
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
    /// The same in percent of the base; absent where that is 0.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub delta_pct: Option<f64>,
    /// 95 % interval of `delta_pct`; absent where it is not known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub low_pct: Option<f64>,
    /// Its upper end.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub high_pct: Option<f64>,
    /// Whether it counts, all questions that were asked considered.
    pub significant: bool,
    /// What became of it.
    pub change: Change,
}

/// A label of both runs.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct LabelChange {
    /// Its name.
    pub label: String,
    /// Worse if any of its numbers is, else better if any is.
    pub change: Change,
    /// Finished requests in the base.
    pub requests_base: u64,
    /// Finished requests in the candidate.
    pub requests_candidate: u64,
    /// Its numbers.
    pub metrics: Vec<MetricChange>,
}

/// Compares two runs; `seed` chooses the bootstrap's draws.
pub fn compare(base: Side<'_>, candidate: Side<'_>, seed: u64) -> Comparison {
    let (comparability, mut reasons) = comparability::judge(&base, &candidate);
    let seconds = [&base, &candidate].map(|side| Spread::of_run(side.timeline, seed));
    let mut questions = Questions::of([&base, &candidate], comparability.same_times);
    let open = base
        .record
        .load
        .as_ref()
        .is_some_and(|load| load.model == "open");
    let total = |side: &Side<'_>| side.record.summary.as_ref().map(|s| s.total.clone());
    let mut totals = Vec::new();
    if let (Some(a), Some(b)) = (total(&base), total(&candidate)) {
        let blocks = [seconds[0].as_ref(), seconds[1].as_ref()];
        questions.ask(&a, &b, blocks, !open, &mut totals);
    }
    let named = Labels::of(&base, &candidate);
    let mut labels: Vec<LabelChange> = named
        .both
        .iter()
        .map(|(label, a, b)| {
            let series = [(&base, &seconds[0]), (&candidate, &seconds[1])].map(|(side, whole)| {
                let length = whole.as_ref()?.seconds;
                Spread::of_label(series_of(side, label)?, length, seed)
            });
            let mut metrics = Vec::new();
            questions.ask(
                a,
                b,
                [series[0].as_ref(), series[1].as_ref()],
                false,
                &mut metrics,
            );
            LabelChange {
                label: label.clone(),
                change: Change::Inconclusive,
                requests_base: a.count,
                requests_candidate: b.count,
                metrics,
            }
        })
        .collect();
    questions.decide(
        totals
            .iter_mut()
            .chain(labels.iter_mut().flat_map(|label| &mut label.metrics)),
    );
    for label in &mut labels {
        label.change = worst(&label.metrics);
    }
    let unjudged = labels.iter().filter(|it| it.change == Change::Inconclusive);
    let mut inconclusive = named.few;
    inconclusive.extend(unjudged.map(|it| it.label.clone()));
    inconclusive.extend(named.rest);
    let verdict = sum_up(&comparability, &totals, &labels, &mut reasons);
    Comparison {
        base: reference(base.record),
        candidate: reference(candidate.record),
        verdict,
        reasons,
        comparability,
        totals,
        labels,
        added: named.added,
        removed: named.removed,
        inconclusive,
    }
}

/// Keeps of a run only what was measured from one region; false if there is
/// nothing. Labels are removed: their seconds are kept over all regions only.
pub fn in_region(
    record: &mut RunRecord,
    timeline: Option<&mut RunTimeline>,
    region: &Region,
) -> bool {
    let Some(summary) = &mut record.summary else {
        return false;
    };
    let Some(block) = summary.regions.remove(region.as_str()) else {
        return false;
    };
    summary.total = block;
    summary.labels.clear();
    if let Some(timeline) = timeline {
        timeline.regions.retain(|name, _| name == region);
        timeline.labels.clear();
    }
    true
}

fn reference(record: &RunRecord) -> RunRef {
    RunRef {
        test_id: record.test_id.clone(),
        test_run_id: record.test_run_id.clone(),
        start_time: record.start_time.clone(),
    }
}

fn series_of<'a>(side: &Side<'a>, label: &str) -> Option<&'a LabelSeries> {
    let timeline = side.timeline?;
    timeline.labels.iter().find(|series| series.label == label)
}

/// The tests made on two runs, each with its p-value, in the order of the rows.
struct Questions {
    /// Times of both runs are of the same kind of samples: else they are shown and
    /// not judged.
    same_times: bool,
    /// Which samples the times of each run are of.
    over: [TimesOver; 2],
    asked: Vec<Option<Estimate>>,
}

impl Questions {
    fn of(sides: [&Side<'_>; 2], same_times: bool) -> Self {
        Self {
            same_times,
            over: sides.map(|side| {
                let summary = side.record.summary.as_ref();
                summary.map_or(TimesOver::Ok, |summary| summary.times_over)
            }),
            asked: Vec::new(),
        }
    }

    /// Adds the rows of one pair of blocks.
    fn ask(
        &mut self,
        a: &Block,
        b: &Block,
        seconds: [Option<&Spread>; 2],
        with_rate: bool,
        rows: &mut Vec<MetricChange>,
    ) {
        let few = a.timed(self.over[0]).min(b.timed(self.over[1]));
        let enough = few >= LEAST_ANSWERS || few == a.count.min(b.count);
        let judged = |n| (self.same_times && enough).then_some(Statistic::Quantile(n));
        let error_rate = |block: &Block| block.failed as f64 / block.count.max(1) as f64;
        let time = |us: Option<u64>| us.map(|us| us as f64);
        let mut wanted = vec![
            ("p50_us", time(a.p50_us), time(b.p50_us), judged(0)),
            ("p95_us", time(a.p95_us), time(b.p95_us), judged(1)),
            (
                "p99_us",
                time(a.p99_us),
                time(b.p99_us),
                judged(2).filter(|_| few >= LEAST_REQUESTS_P99),
            ),
            // Shown, not judged: the percentiles show what a mean hides.
            ("mean_us", time(a.mean_us), time(b.mean_us), None),
            (
                "error_rate",
                Some(error_rate(a)),
                Some(error_rate(b)),
                Some(Statistic::ErrorRate),
            ),
        ];
        if let (Some(before), Some(after)) = (seconds[0], seconds[1]) {
            let rate = |block: &Block, s: u64| block.count as f64 / s.max(1) as f64;
            wanted.push((
                "rate",
                Some(rate(a, before.seconds)),
                Some(rate(b, after.seconds)),
                // In open load the plan sets the rate, not the target.
                with_rate.then_some(Statistic::Rate),
            ));
        }
        for (metric, base, candidate, statistic) in wanted {
            let (Some(base), Some(candidate)) = (base, candidate) else {
                continue;
            };
            let estimate = statistic.and_then(|statistic| {
                bootstrap::estimate(seconds[0]?, seconds[1]?, statistic, base, candidate)
            });
            let delta = candidate - base;
            let percent = |ratio: f64| (ratio.exp() - 1.0) * 100.0;
            let interval = estimate.as_ref().and_then(|estimate| estimate.interval);
            rows.push(MetricChange {
                metric: metric.to_owned(),
                base,
                candidate,
                delta,
                delta_pct: (base > 0.0).then(|| delta / base * 100.0),
                low_pct: interval.map(|(low, _)| percent(low)),
                high_pct: interval.map(|(_, high)| percent(high)),
                significant: false,
                change: match estimate {
                    None => Change::Inconclusive,
                    Some(_) => Change::Same,
                },
            });
            self.asked.push(estimate);
        }
    }

    /// Decides which rows are significant (Benjamini and Hochberg), and their change.
    fn decide<'a>(self, rows: impl Iterator<Item = &'a mut MetricChange>) {
        let mut values: Vec<f64> = self.asked.iter().flatten().map(|e| e.p_value).collect();
        values.sort_by(f64::total_cmp);
        let of = values.len() as f64;
        let limit = values
            .iter()
            .zip(1u32..)
            .filter(|(p, rank)| **p <= f64::from(*rank) / of * FALSE_DISCOVERY_RATE)
            .map(|(p, _)| *p)
            .last();
        for (row, estimate) in rows.zip(&self.asked) {
            let Some(estimate) = estimate else { continue };
            row.significant = limit.is_some_and(|limit| estimate.p_value <= limit) && is_large(row);
            if row.significant {
                let grew = row.delta > 0.0;
                row.change = match grew == (row.metric == "rate") {
                    true => Change::Better,
                    false => Change::Worse,
                };
            }
        }
    }
}

fn is_large(row: &MetricChange) -> bool {
    match row.metric.as_str() {
        "error_rate" => row.delta.abs() >= LEAST_ERROR_EFFECT,
        _ => row
            .delta_pct
            .is_some_and(|pct| pct.abs() >= LEAST_EFFECT * 100.0),
    }
}

fn worst(rows: &[MetricChange]) -> Change {
    let any = |change: Change| rows.iter().any(|row| row.change == change);
    if any(Change::Worse) {
        Change::Worse
    } else if any(Change::Better) {
        Change::Better
    } else if rows.iter().all(|row| row.change == Change::Inconclusive) {
        Change::Inconclusive
    } else {
        Change::Same
    }
}

fn sum_up(
    comparability: &Comparability,
    totals: &[MetricChange],
    labels: &[LabelChange],
    reasons: &mut Vec<String>,
) -> Verdict {
    let changed = |wanted: Change| {
        let whole = totals
            .iter()
            .filter(move |row| row.change == wanted)
            .map(|row| sentence("all requests", row));
        let parts = labels.iter().flat_map(move |label| {
            label
                .metrics
                .iter()
                .filter(move |row| row.change == wanted)
                .map(|row| sentence(&label.label, row))
        });
        whole.chain(parts).take(10).collect::<Vec<String>>()
    };
    // Every reason at once, so that users need not find them one after the other.
    let too_little = worst(totals) == Change::Inconclusive;
    if too_little {
        reasons.push(
            "the runs are too short to tell change from chance: both need at least 15 seconds \
             of load, and the timeline that is kept of them"
                .to_owned(),
        );
    }
    if too_little || !comparability.holds() {
        return Verdict::Incomparable;
    }
    let (worse, better) = (changed(Change::Worse), changed(Change::Better));
    let verdict = match (worse.is_empty(), better.is_empty()) {
        (false, _) => Verdict::Worse,
        (true, false) => Verdict::Better,
        (true, true) => Verdict::Same,
    };
    reasons.extend(worse);
    reasons.extend(better);
    if verdict == Verdict::Same {
        reasons.push(format!(
            "no change of {:.0} % or more that is not chance",
            LEAST_EFFECT * 100.0
        ));
    }
    verdict
}

/// `checkout: p95 rose by 12.3 % (10.1 to 14.8)`.
fn sentence(what: &str, row: &MetricChange) -> String {
    let name = row.metric.trim_end_matches("_us").replace('_', " ");
    let verb = if row.delta > 0.0 { "rose" } else { "fell" };
    match (
        row.metric.as_str(),
        row.delta_pct,
        row.low_pct,
        row.high_pct,
    ) {
        ("error_rate", ..) => format!(
            "{what}: {name} {verb} from {:.2} % to {:.2} %",
            row.base * 100.0,
            row.candidate * 100.0
        ),
        (_, Some(delta), Some(low), Some(high)) => format!(
            "{what}: {name} {verb} by {:.1} % (95 % interval {low:.1} to {high:.1})",
            delta.abs()
        ),
        _ => format!("{what}: {name} {verb}"),
    }
}

#[cfg(test)]
mod tests;
