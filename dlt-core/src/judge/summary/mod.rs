//! A run's one result, made of its runners' reports: total, by region, by
//! label. Percentiles are read from merged histograms, means from exact sums.
//!
//! Here are the types; `merger` adds reports up, the other files each make one
//! part of the result from the sums. Judging the numbers is left to `verdict`
//! and `outcome`.

mod blocks;
pub(super) mod coverage;
pub(super) mod errors;
pub(super) mod load;
pub(super) mod results;
pub(super) mod runner;
mod times;
pub(super) mod warnings;

pub use runner::RunnerFacts;
pub use times::{MANY_FAILURES, TimesOf, many_failed};

use crate::ids::{Region, RunnerId};
use crate::load::changes::LoadChange;
use crate::measure::account::Account;
use crate::measure::http_version::VersionCounts;
use crate::measure::kept::KeptExchange;
use crate::measure::tally::TimesOver;
use crate::scenario::plan::Plan;
use crate::thresholds::Threshold;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// Numbers of one distribution: integers in µs, None when nothing was counted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
pub struct Distribution {
    /// Samples.
    pub count: u64,
    /// Exact minimum.
    pub min_us: Option<u64>,
    /// Exact maximum.
    pub max_us: Option<u64>,
    /// Mean, from the exact sum, rounded.
    pub mean_us: Option<u64>,
    /// Standard deviation, from exact sums, rounded.
    pub stdev_us: Option<u64>,
    /// Percentiles from the merged histogram.
    pub p50_us: Option<u64>,
    /// 75 %.
    pub p75_us: Option<u64>,
    /// 90 %.
    pub p90_us: Option<u64>,
    /// 95 %.
    pub p95_us: Option<u64>,
    /// 99 %.
    pub p99_us: Option<u64>,
    /// 99.9 %.
    pub p99_9_us: Option<u64>,
    /// 99.99 %.
    pub p99_99_us: Option<u64>,
}

/// A block of the summary: the run, a region or a label. Counts and bytes are of
/// all samples, times of ok ones; of older runs see `times_over`.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize, JsonSchema)]
pub struct Block {
    /// The label; only in `labels` and `transactions`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub label: Option<String>,
    /// `transaction`, where it is one and no request.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub kind: Option<String>,
    /// Transactions that were begun and not ended.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub unfinished: Option<u64>,
    /// Finished samples: ok + failed.
    pub count: u64,
    /// Ended ok.
    pub ok: u64,
    /// Failed.
    pub failed: u64,
    /// Bytes read.
    pub bytes_received: u64,
    /// Bytes written.
    pub bytes_sent: u64,
    /// Response time of ok samples: the fields of [`Distribution`] but `count`.
    pub min_us: Option<u64>,
    /// See [`Distribution`]; so for all that follow.
    pub max_us: Option<u64>,
    /// Mean.
    pub mean_us: Option<u64>,
    /// Standard deviation.
    pub stdev_us: Option<u64>,
    /// 50 %.
    pub p50_us: Option<u64>,
    /// 75 %.
    pub p75_us: Option<u64>,
    /// 90 %.
    pub p90_us: Option<u64>,
    /// 95 %.
    pub p95_us: Option<u64>,
    /// 99 %.
    pub p99_us: Option<u64>,
    /// 99.9 %.
    pub p99_9_us: Option<u64>,
    /// 99.99 %.
    pub p99_99_us: Option<u64>,
    /// Response time of failed samples; only where some failed and are kept apart.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub failed_times: Option<Distribution>,
    /// Response time of all samples; only where some failed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub all_times: Option<Distribution>,
    /// Service time of ok samples; total and regions only.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub service: Option<Distribution>,
    /// Time to connect, of all connections; total and regions only.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub connect: Option<Distribution>,
    /// Time to first byte of ok samples; total and regions only. An upper bound:
    /// the kernel stamps the last byte of a read, and a first byte that came with
    /// others in one read may have come earlier.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub first_byte: Option<Distribution>,
    /// Generator lag of all samples; total and regions only.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub lag: Option<Distribution>,
    /// Samples that connected, ok or not; labels only.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub connect_count: Option<u64>,
    /// Their exact sum, µs; labels only.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub connect_sum_us: Option<u64>,
    /// Samples with a first byte, ok or not; labels only.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub first_byte_count: Option<u64>,
    /// The sum of their times to the first byte, µs, an upper bound as
    /// `first_byte` is; labels only.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub first_byte_sum_us: Option<u64>,
    /// Answers by their version of HTTP, those whose head was read; only where it is known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub versions: Option<VersionCounts>,
}

/// The blocks of a run.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize, JsonSchema)]
pub struct Blocks {
    /// How long load was made, µs: what rates are over. The last answer may
    /// have come later.
    #[serde(default)]
    pub loaded_us: u64,
    /// Which samples the times of the blocks are of. Runs stored before there was
    /// a choice lack it and have those of all.
    #[serde(default = "TimesOver::before")]
    pub times_over: TimesOver,
    /// All runners.
    pub total: Block,
    /// By region.
    pub regions: BTreeMap<String, Block>,
    /// By label, over all runners, busiest first.
    pub labels: Vec<Block>,
    /// Transactions by name, over all runners: groups of requests that are timed as one. They are
    /// in no other number.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub transactions: Vec<Block>,
}

/// Who reported.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
pub struct Coverage {
    /// Every runner reported and no second is missing.
    pub complete: bool,
    /// Runners asked for.
    pub runners_expected: u64,
    /// Reports merged.
    pub runners_reported: u64,
    /// Runners without a report, by id.
    pub missing: Vec<String>,
    /// (runner, second) pairs without data.
    pub missing_intervals: u64,
}

/// When the run started, and how evenly.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
pub struct StartSummary {
    /// The start instant, µs since the Unix epoch.
    pub start_at: u64,
    /// Median over runners of how late the first request left.
    pub skew_p50_us: i64,
    /// 99 % over runners.
    pub skew_p99_us: i64,
    /// Largest.
    pub skew_max_us: i64,
    /// How far clocks may differ beyond what was corrected.
    pub clock_error_us: u64,
}

/// One row of the run's errors.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct ErrorRow {
    /// The cause's wire name; `tool:<class>` for script engines.
    pub cause: String,
    /// A status, or a script engine's class.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub code: Option<String>,
    /// A sentence.
    pub message: String,
    /// How many samples.
    pub count: u64,
    /// Samples by label.
    pub labels: BTreeMap<String, u64>,
    /// Samples by runner.
    pub runners: BTreeMap<String, u64>,
    /// Samples by region; empty in records of an older dlt.
    #[serde(default)]
    pub regions: BTreeMap<String, u64>,
    /// Samples by label and region; left out where one region has them all, as `labels` tells them
    /// then, and in records of an older dlt.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub label_regions: BTreeMap<String, BTreeMap<String, u64>>,
    /// First met, ms since the Unix epoch.
    pub first_at: u64,
    /// Last met, ms since the Unix epoch.
    pub last_at: u64,
    /// Up to three.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub exchanges: Vec<crate::measure::tally::Exchange>,
}

/// One request of a run that was tried once (`keep_exchanges: all`), with its answer: for people,
/// bounded, without secrets.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct ExchangeRow {
    /// The label that it was counted under.
    pub label: String,
    /// As it was requested; each hop of a redirect is a request of its own.
    pub url: String,
    /// When it was sent, ms since the Unix epoch.
    pub at: u64,
    /// Its response time, µs.
    pub response_us: u64,
    /// The answer's status, if there was an answer.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub status: Option<u16>,
    /// Why it failed, as in `errors`; left out where it is ok.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cause: Option<String>,
    /// The same as a sentence: of a check, what was expected.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub message: Option<String>,
    /// Head and body as sent; empty without a connection.
    pub request: String,
    /// Head and body as received, the body decoded; empty without an answer.
    pub response: String,
    /// Whether a side was longer than what is kept, 16 KiB.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub cut: bool,
    /// Variables that were extracted from the answer, in the scenario's order.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub values: Vec<ExtractedValue>,
}

/// A variable and its value.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct ExtractedValue {
    /// The variable's name.
    pub name: String,
    /// Its value; `[redacted]` if its name says that it is a secret.
    pub value: String,
}

impl ExchangeRow {
    /// A row; instants become wall clock.
    pub(crate) fn of(kept: KeptExchange, start_at_us: u64) -> Self {
        let values = kept.values.into_iter();
        Self {
            label: kept.label,
            url: kept.url,
            at: start_at_us.saturating_add(kept.sent_us) / 1_000,
            response_us: kept.response_us,
            status: kept.status,
            cause: kept.cause.map(|cause| cause.name().to_owned()),
            message: kept.message,
            request: kept.request,
            response: kept.response,
            cut: kept.cut,
            values: values
                .map(|(name, value)| ExtractedValue { name, value })
                .collect(),
        }
    }
}

/// The account as the run record shows it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
pub struct AccountSummary {
    /// Every request of the reports.
    #[serde(flatten)]
    pub requests: Account,
    /// Planned requests of runners without a report, over the whole run: an
    /// estimate, outside of the balance. None where the plan names no number
    /// of requests (closed load without `iterations` or `total-requests`).
    #[serde(default)]
    pub lost: Option<u64>,
    /// The account adds up.
    pub balanced: bool,
}

impl AccountSummary {
    /// The account of all reports, with what those without one had planned.
    pub fn new(requests: Account, lost: Option<u64>) -> Self {
        Self {
            requests,
            lost,
            balanced: requests.balanced(),
        }
    }
}

/// What is known of a run beside its reports.
#[derive(Debug, Clone, Copy)]
pub struct RunFacts<'a> {
    /// Every runner that was dealt a part of the load: one of them without a
    /// report is missing.
    pub dealt: &'a [(RunnerId, Region)],
    /// What was planned, with the changes.
    pub plan: &'a Plan,
    /// Changes that people made of the load while it went on.
    pub changes: &'a [LoadChange],
    /// Runners asked for, over all regions: turns per-task users into the run's.
    pub tasks: u64,
    /// The scenario's thresholds.
    pub thresholds: &'a [Threshold],
    /// The start instant, µs since the Unix epoch; None if none was given.
    pub start_at_us: Option<u64>,
    /// Why the run could not be run or ended `failed`, if so.
    pub failure: Option<&'a str>,
    /// It was cancelled: results are partial.
    pub cancelled: bool,
}

/// What was planned.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct LoadSummary {
    /// `closed` or `open`.
    pub model: String,
    /// Peak users over the whole run (closed).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub users: Option<u64>,
    /// Peak arrivals per second over the whole run (open).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub arrivals: Option<f64>,
    /// Requests over the whole run, where every execution item counts them
    /// (`total-requests`): a closed load is over when they are made, however long
    /// `planned` is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub requests: Option<u64>,
    /// Walks through the steps that were asked for, over the whole run; left out where users go
    /// round until time is over.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub journeys: Option<u64>,
    /// Requests of these walks if each goes through all its steps; left out likewise.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub planned_requests: Option<u64>,
    /// The seed of random numbers, where some of what users do is drawn: with it in `seed` of
    /// the scenario the draws are repeated.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub seed: Option<u64>,
    /// `[second, value]` rows of the planned curve, with the changes.
    pub planned: Vec<(u64, f64)>,
    /// Changes that people made while it went on; absent without any.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub changes: Vec<LoadChange>,
}
