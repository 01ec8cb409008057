//! Whether two runs may be compared: the same load from the same regions with the
//! same requests, both whole and trusted. What differs becomes a sentence each;
//! the numbers are computed all the same, by the module above.

use super::Side;
use crate::ids::Region;
use crate::judge::summary::Blocks;
use crate::judge::summary::LoadSummary;
use crate::judge::summary::many_failed;
use crate::judge::verdict::Trust;
use crate::measure::tally::TimesOver;
use crate::record::RunRecord;
use crate::run::Status;
use crate::value::Value as Written;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// How far what was sent may differ under open load before the load was not
/// the same, as a share.
const MOST_SENT_DIFFERENCE: f64 = 0.05;

/// What was asked before the numbers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Comparability {
    /// Users or arrivals over time are the same, and were reached.
    pub same_load: bool,
    /// The same regions.
    pub same_regions: bool,
    /// As many runners in each.
    pub same_tasks: bool,
    /// The same requests.
    pub same_plan: bool,
    /// Neither run is untrusted.
    pub trusted: bool,
    /// Both ran to their end, all runners in all regions reported every second, and
    /// nearly all requests were answered: else less was measured than was planned.
    #[serde(default)]
    pub complete: bool,
    /// Response times are of the same kind of samples: a run of an older dlt has
    /// those of failed requests in them.
    #[serde(default = "yes")]
    pub same_times: bool,
}

/// An older dlt has times of one kind only.
fn yes() -> bool {
    true
}

impl Comparability {
    /// Whether the runs may be compared.
    pub fn holds(&self) -> bool {
        self.same_load
            && self.same_regions
            && self.same_tasks
            && self.same_plan
            && self.trusted
            && self.complete
            && self.same_times
    }
}

/// Checks each condition, with a sentence for each that fails.
pub(super) fn judge(
    base: &Side<'_>,
    candidate: &Side<'_>,
    region: Option<&Region>,
) -> (Comparability, Vec<String>) {
    let (a, b) = (base.record, candidate.record);
    let mut reasons = Vec::new();
    let mut ask = |same: bool, reason: &str| {
        if !same {
            reasons.push(reason.to_owned());
        }
        same
    };
    let regions = |record: &RunRecord| -> Vec<String> {
        let mut names: Vec<String> = configs(record).into_iter().map(|row| row.0).collect();
        names.sort();
        names
    };
    let tasks = |record: &RunRecord| {
        let mut rows = configs(record);
        rows.sort();
        rows
    };
    let same_regions = ask(regions(a) == regions(b), "the runs used different regions");
    let same_tasks = !same_regions
        || ask(
            tasks(a) == tasks(b),
            "the runs used different numbers of runners",
        );
    let same_plan = ask(
        plan(a).is_some_and(|requests| Some(requests) == plan(b)),
        "the runs sent different requests",
    );
    let changed = [a, b].map(|record| {
        let load = record.load.as_ref();
        load.is_some_and(|load| !load.changes.is_empty())
    });
    let planned = ask(
        same_load(a.load.as_ref(), b.load.as_ref()),
        match changed {
            [false, false] => "the planned loads differ",
            [true, false] => "people changed the load of the base run while it went on",
            [false, true] => "people changed the load of the candidate run while it went on",
            [true, true] => "people changed the loads of both runs while they went on",
        },
    );
    let reached = !planned || ask(reached(a, b), "one run sent less of the planned arrivals");
    let untrusted = |record: &RunRecord| {
        let verdict = record.verdict.as_ref();
        verdict.is_none_or(|verdict| verdict.trust == Trust::Untrusted)
    };
    let untold = "untrusted or has no verdict: its numbers cannot be believed";
    let trusted = ask(!untrusted(a), &format!("the base run is {untold}"))
        & ask(!untrusted(b), &format!("the candidate run is {untold}"));
    let missing = incomplete(base, candidate, region);
    let complete = missing.is_empty();
    missing.iter().for_each(|why| {
        ask(false, why);
    });
    let same_times = ask(
        same_times(a.summary.as_ref(), b.summary.as_ref()),
        "cannot be compared: the response times of one run are over all requests, failed ones \
         too, as an older dlt measured them, those of the other over ok answers alone; repeat \
         the older run",
    );
    let comparability = Comparability {
        same_load: planned && reached,
        same_regions,
        same_tasks,
        same_plan,
        trusted,
        complete,
        same_times,
    };
    (comparability, reasons)
}

/// What is sent, in the order of executions and without the names of plans, which
/// follow the scenario's own; None if the stored plan has another form.
fn plan(record: &RunRecord) -> Option<Vec<&Written>> {
    let plans = record.test_scenario.get("scenarios")?.as_object()?;
    let executions = record.test_scenario.get("execution")?.as_array()?;
    let of = |execution: &Written| plans.get(execution.get("scenario")?.as_str()?);
    executions.iter().map(of).collect()
}

/// Whether both runs' times are of ok answers, or both of all requests, as they
/// are in an older run; in one without failures they are either.
fn same_times(a: Option<&Blocks>, b: Option<&Blocks>) -> bool {
    let (Some(a), Some(b)) = (a, b) else {
        return true;
    };
    let apart = |it: &Blocks| it.times_over == TimesOver::Ok;
    !(a.is_mixed() && apart(b) || b.is_mixed() && apart(a))
}

/// What to keep in mind of runs that may be compared.
pub(super) fn notes(base: &Side<'_>, candidate: &Side<'_>) -> Vec<String> {
    let mut notes = Vec::new();
    for (side, name) in [(base, "base"), (candidate, "candidate")] {
        let verdict = side.record.verdict.as_ref();
        if let Some(verdict) = verdict.filter(|it| it.trust == Trust::Degraded) {
            let reasons = verdict.reasons.iter().map(|reason| reason.message.as_str());
            let reasons: Vec<&str> = reasons.collect();
            notes.push(format!(
                "the {name} run is degraded: {}",
                reasons.join("; ")
            ));
        }
    }
    // Intervals are made of seconds, and those of transactions are not kept.
    let has_transactions = |side: &Side<'_>| {
        let summary = side.record.summary.as_ref();
        summary.is_some_and(|summary| !summary.transactions.is_empty())
    };
    if has_transactions(base) || has_transactions(candidate) {
        notes.push(
            "transactions are not compared: the result of each run has their times".to_owned(),
        );
    }
    notes
}

/// What keeps the runs from having been measured as they were planned.
fn incomplete(base: &Side<'_>, candidate: &Side<'_>, region: Option<&Region>) -> Vec<String> {
    let mut reasons = Vec::new();
    for (side, name) in [(base, "base"), (candidate, "candidate")] {
        let record = side.record;
        if record.status != Status::Complete {
            let status = record.status;
            reasons.push(format!(
                "the {name} run did not end as planned: it is {status}"
            ));
        }
        if let Some(reason) = lost(record) {
            reasons.push(format!("the {name} run is incomplete: {reason}"));
        }
        for lost in lost_regions(side, region) {
            reasons.push(format!(
                "the {name} run is incomplete: nothing was measured in region {lost}"
            ));
        }
        if !answered(record) {
            reasons.push(format!(
                "more than a tenth of the {name} run's requests had no answer when it ended"
            ));
        }
    }
    reasons
}

/// What of a run's load was not made or not measured.
fn lost(record: &RunRecord) -> Option<String> {
    let Some(coverage) = &record.coverage else {
        return Some("how many of its runners reported is not known".to_owned());
    };
    let asked = configs(record).iter().map(|row| row.1).sum::<u64>();
    let expected = coverage.runners_expected.max(asked);
    let reported = coverage.runners_reported;
    let silent = coverage.missing_intervals;
    if reported < expected || !coverage.missing.is_empty() {
        Some(format!("{reported} of {expected} runners reported"))
    } else if silent > 0 {
        Some(format!("{silent} seconds of its runners were not measured"))
    } else if !coverage.complete {
        Some("it was cut short".to_owned())
    } else {
        None
    }
}

/// Regions that load was asked from and that measured nothing, or whose seconds
/// are not kept; of them only one where only that one is compared.
fn lost_regions(side: &Side<'_>, region: Option<&Region>) -> Vec<String> {
    let mut names: Vec<String> = configs(side.record).into_iter().map(|row| row.0).collect();
    if let Some(region) = region {
        names.retain(|name| name == region.as_str());
    }
    names.retain(|name| {
        let summary = side.record.summary.as_ref();
        let block = summary.and_then(|summary| summary.regions.get(name));
        let seconds = side.timeline.map(|timeline| {
            let mut kept = timeline.regions.iter().filter(|row| !row.1.is_empty());
            kept.any(|row| row.0.as_str() == name)
        });
        block.is_none_or(|block| block.count == 0) || seconds == Some(false)
    });
    names
}

/// Whether nearly all requests ended, ok or failed: the others are in no number.
fn answered(record: &RunRecord) -> bool {
    let requests = record.account.map(|account| account.requests);
    requests.is_none_or(|account| !many_failed(account.unfinished, account.begun()))
}

fn configs(record: &RunRecord) -> Vec<(String, u64)> {
    let items = record.test_task_configs.as_array();
    let items = items.map(Vec::as_slice).unwrap_or_default();
    let text =
        |item: &serde_json::Value, key: &str| item[key].as_str().unwrap_or_default().to_owned();
    items
        .iter()
        .map(|item| {
            (
                text(item, "region"),
                item["taskCount"].as_u64().unwrap_or(0),
            )
        })
        .collect()
}

fn same_load(a: Option<&LoadSummary>, b: Option<&LoadSummary>) -> bool {
    match (a, b) {
        (Some(a), Some(b)) => a == b,
        _ => false,
    }
}

/// Under open load what was sent is the load; closed load sends what the target
/// lets it.
fn reached(a: &RunRecord, b: &RunRecord) -> bool {
    let open = |record: &RunRecord| {
        let load = record.load.as_ref();
        load.is_some_and(|load| load.model == "open")
    };
    let (Some(first), Some(second)) = (a.account, b.account) else {
        return false;
    };
    if !open(a) {
        return true;
    }
    let (first, second) = (first.requests.begun(), second.requests.begun());
    let most = first.max(second).max(1) as f64;
    first.abs_diff(second) as f64 / most <= MOST_SENT_DIFFERENCE
}
