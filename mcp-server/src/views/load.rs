//! The load of a run: how it started, what was asked for, what was started, and where each request
//! went.

use crate::clean::Text;
use crate::seen::run::Run;
use crate::units::{instant, ms_signed, rounded};
use crate::views::{is_false, is_none_or_zero, is_zero};
use dlt_core::calls::answers::RunnerItem;
use dlt_core::judge::summary::{AccountSummary, StartSummary};
use dlt_core::load::changes::changed_load;
use schemars::JsonSchema;
use serde::Serialize;

/// How evenly a run started.
#[derive(Debug, Serialize, JsonSchema)]
pub(crate) struct StartView {
    #[serde(skip_serializing_if = "Option::is_none")]
    at: Option<Text>,
    /// how late runners' first requests left
    skew_p50_ms: f64,
    skew_p99_ms: f64,
    skew_max_ms: f64,
    clock_error_ms: f64,
}

impl StartView {
    /// None of a run that never started.
    pub(crate) fn of(start: &StartSummary) -> Option<Self> {
        (start.start_at > 0).then(|| Self {
            at: instant(start.start_at / 1_000),
            skew_p50_ms: ms_signed(start.skew_p50_us),
            skew_p99_ms: ms_signed(start.skew_p99_us),
            skew_max_ms: ms_signed(start.skew_max_us),
            clock_error_ms: rounded(start.clock_error_us as f64 / 1e3),
        })
    }
}

/// What was asked for and what came of it.
#[derive(Debug, Serialize, JsonSchema)]
pub(crate) struct LoadView {
    /// closed: users; open: arrivals
    model: Text,
    /// at the peak
    #[serde(skip_serializing_if = "Option::is_none")]
    users: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    arrivals_rps: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    asked_journeys: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    asked_requests: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    started: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    dropped: Option<u64>,
    /// estimate
    #[serde(skip_serializing_if = "Option::is_none")]
    lost: Option<u64>,
    /// by people
    #[serde(skip_serializing_if = "Option::is_none")]
    changed: Option<Text>,
    #[serde(skip_serializing_if = "Option::is_none")]
    per_runner: Option<PerRunner>,
}

/// The least and the most of any runner that reported.
#[derive(Debug, Serialize, JsonSchema)]
struct PerRunner {
    runners: usize,
    #[serde(skip_serializing_if = "Option::is_none")]
    share_pct: Option<[f64; 2]>,
    #[serde(skip_serializing_if = "Option::is_none")]
    asked_journeys: Option<[f64; 2]>,
    #[serde(skip_serializing_if = "Option::is_none")]
    asked_requests: Option<[f64; 2]>,
    #[serde(skip_serializing_if = "Option::is_none")]
    started: Option<[f64; 2]>,
    #[serde(skip_serializing_if = "Option::is_none")]
    dropped: Option<[f64; 2]>,
}

/// The least and the most; None where there are none.
fn range(values: impl Iterator<Item = f64>) -> Option<[f64; 2]> {
    values.fold(None, |range, value| {
        let [least, most] = range.unwrap_or([value; 2]);
        Some([least.min(value), most.max(value)])
    })
}

impl PerRunner {
    fn of(run: &Run, runners: &[RunnerItem]) -> Option<Self> {
        let reported = || runners.iter().filter(|row| row.scheduled.is_some());
        let load = run.load.as_ref()?;
        let part = |whole: Option<u64>| {
            let shares = reported().filter_map(|row| row.share_pct);
            let parts = shares.filter_map(|share| Some(whole? as f64 * share / 100.0));
            range(parts.map(f64::round))
        };
        let count = reported().count();
        (count > 0).then(|| Self {
            runners: count,
            share_pct: range(reported().filter_map(|row| row.share_pct)),
            asked_journeys: part(load.journeys),
            asked_requests: part(load.planned_requests),
            started: range(reported().filter_map(|row| Some(row.scheduled? as f64))),
            dropped: range(reported().filter_map(|row| Some(row.dropped? as f64))),
        })
    }
}

impl LoadView {
    /// None where the server does not tell its plan.
    pub(crate) fn of(run: &Run, runners: &[RunnerItem]) -> Option<Self> {
        let load = run.load.as_ref()?;
        let requests = run.account.as_ref().map(|account| account.requests);
        Some(Self {
            model: Text::of(&load.model),
            users: load.users,
            arrivals_rps: load.arrivals.map(rounded),
            asked_journeys: load.journeys,
            asked_requests: load.planned_requests,
            started: requests.map(|requests| requests.scheduled),
            dropped: requests.map(|requests| requests.dropped),
            lost: run.account.and_then(|account| account.lost),
            changed: changed_load(&load.changes).map(|changed| Text::of(&changed)),
            per_runner: PerRunner::of(run, runners),
        })
    }
}

/// Where each request went.
#[derive(Debug, Serialize, JsonSchema)]
pub(crate) struct Account {
    scheduled: u64,
    sent: u64,
    ok: u64,
    failed: u64,
    dropped: u64,
    unfinished: u64,
    #[serde(skip_serializing_if = "is_zero")]
    unconnected: u64,
    #[serde(skip_serializing_if = "is_zero")]
    resent: u64,
    #[serde(skip_serializing_if = "is_none_or_zero")]
    lost: Option<u64>,
    #[serde(skip_serializing_if = "is_false")]
    unbalanced: bool,
}

impl From<AccountSummary> for Account {
    fn from(account: AccountSummary) -> Self {
        let requests = account.requests;
        Self {
            scheduled: requests.scheduled,
            sent: requests.sent,
            ok: requests.ok,
            failed: requests.failed,
            dropped: requests.dropped,
            unfinished: requests.unfinished,
            unconnected: requests.unconnected,
            resent: requests.resent,
            lost: account.lost,
            unbalanced: !account.balanced,
        }
    }
}
