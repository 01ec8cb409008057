//! Whether two runs may be compared: the same load from the same regions with the
//! same requests, and both trusted. What differs becomes a sentence each; the
//! numbers are computed all the same, by the module above.

use super::Side;
use crate::judge::summary::Blocks;
use crate::judge::summary::LoadSummary;
use crate::judge::summary::many_failed;
use crate::judge::verdict::Trust;
use crate::measure::tally::TimesOver;
use crate::record::RunRecord;
use crate::run::Status;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;

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
    /// Both ran to their end, all runners reported and nearly all requests were
    /// answered: else less was measured than was planned.
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
pub(super) fn judge(base: &Side<'_>, candidate: &Side<'_>) -> (Comparability, Vec<String>) {
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
    let planned = ask(
        same_load(a.load.as_ref(), b.load.as_ref()),
        "the planned loads differ",
    );
    let reached = !planned || ask(reached(a, b), "one run sent less of the planned arrivals");
    let untrusted = |record: &RunRecord| {
        let verdict = record.verdict.as_ref();
        verdict.is_none_or(|verdict| verdict.trust == Trust::Untrusted)
    };
    let trusted = ask(
        !untrusted(a),
        "the base run is untrusted or has no verdict: its numbers cannot be believed",
    ) & ask(
        !untrusted(b),
        "the candidate run is untrusted or has no verdict: its numbers cannot be believed",
    );
    let missing = incomplete(a, b);
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
fn plan(record: &RunRecord) -> Option<Vec<&Value>> {
    let plans = record.test_scenario.get("scenarios")?.as_object()?;
    let executions = record.test_scenario.get("execution")?.as_array()?;
    let of = |execution: &Value| plans.get(execution.get("scenario")?.as_str()?);
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

/// What keeps the runs from having been measured as they were planned.
fn incomplete(base: &RunRecord, candidate: &RunRecord) -> Vec<String> {
    let mut reasons = Vec::new();
    for (record, name) in [(base, "base"), (candidate, "candidate")] {
        if !whole(record) {
            let reason = "did not end as planned, or lost runners";
            reasons.push(format!("the {name} run {reason}"));
        }
        if !answered(record) {
            reasons.push(format!(
                "more than a tenth of the {name} run's requests had no answer when it ended"
            ));
        }
    }
    reasons
}

/// Whether all of a run's load was made and measured.
fn whole(record: &RunRecord) -> bool {
    let coverage = record.coverage.as_ref();
    // Missing seconds are left to the verdict.
    let all = coverage.is_none_or(|it| it.runners_reported >= it.runners_expected);
    record.status == Status::Complete && all
}

/// Whether nearly all requests ended, ok or failed: the others are in no number.
fn answered(record: &RunRecord) -> bool {
    let requests = record.account.map(|account| account.requests);
    requests.is_none_or(|account| !many_failed(account.unfinished, account.begun()))
}

fn configs(record: &RunRecord) -> Vec<(String, u64)> {
    let items = record.test_task_configs.as_array();
    let items = items.map(Vec::as_slice).unwrap_or_default();
    let text = |item: &Value, key: &str| item[key].as_str().unwrap_or_default().to_owned();
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
