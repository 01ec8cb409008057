//! The answer of every tool that shows one run: what it was, whether its numbers can be
//! trusted, whether it passed, and its numbers in total, by region and by label. Which
//! run and which part of it is shown is decided in the tools.

use super::{is_false, is_none_or_zero, is_zero, warnings};
use crate::clean::Text;
use crate::refusal::Refusal;
use crate::seen::numbers::Numbers;
use crate::seen::run::{Method, Run};
use crate::units::{ms, percent, rounded, utc_time};
use crate::views::answer::{Rows, ToolAnswer, Warning};
use dlt_core::judge::summary::{AccountSummary, many_failed};
use dlt_core::judge::verdict::Trust;
use dlt_core::measure::generator::OTHER_ADDRESSES;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

/// Labels without `limit`.
const DEFAULT_LIMIT: usize = 10;
/// Most regions, reasons and thresholds that are listed: a run has few.
const MOST_REGIONS: usize = 20;
const MOST_REASONS: usize = 6;
const MOST_THRESHOLDS: usize = 15;
/// Most addresses that are listed, those with most requests.
const MOST_ADDRESSES: usize = 8;

/// How labels are sorted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub(crate) enum SortBy {
    #[default]
    P95,
    P99,
    ErrorPct,
    Rps,
    Requests,
    Label,
}

/// Which part of a run is shown.
#[derive(Debug, Default)]
pub(crate) struct Slice {
    pub region: Option<String>,
    pub label_contains: Option<String>,
    pub sort_by: SortBy,
    pub limit: Option<usize>,
    pub offset: usize,
    pub question_hash: String,
}

/// The answer.
#[derive(Debug, Serialize, JsonSchema)]
pub(crate) struct Output {
    run: Head,
    verdict: VerdictView,
    coverage: CoverageView,
    #[serde(skip_serializing_if = "Option::is_none")]
    outcome: Option<OutcomeView>,
    #[serde(skip_serializing_if = "Option::is_none")]
    account: Option<Account>,
    #[serde(skip_serializing_if = "Option::is_none")]
    totals: Option<NumbersRow>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    regions: Vec<NumbersRow>,
    /// Requests by address, if there were several; other: those not listed
    #[serde(skip_serializing_if = "Vec::is_empty")]
    addresses: Vec<AddressRow>,
    percentile_method: Method,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    warnings: Vec<Warning>,
    #[serde(skip_serializing_if = "Option::is_none")]
    next: Option<Text>,
    labels_total: usize,
    #[serde(skip_serializing_if = "Option::is_none")]
    raw: Option<Map<String, Value>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    next_cursor: Option<String>,
    labels: Vec<NumbersRow>,
}

#[derive(Debug, Serialize, JsonSchema)]
struct Head {
    test_id: Text,
    test_run_id: Text,
    name: Text,
    status: Text,
    #[serde(skip_serializing_if = "Option::is_none")]
    start: Option<Text>,
    #[serde(skip_serializing_if = "Option::is_none")]
    end: Option<Text>,
    #[serde(skip_serializing_if = "Option::is_none")]
    duration_s: Option<f64>,
    /// open: arrivals, closed: users
    #[serde(skip_serializing_if = "Option::is_none")]
    load: Option<Text>,
    #[serde(skip_serializing_if = "Option::is_none")]
    error_reason: Option<Text>,
}

#[derive(Debug, Serialize, JsonSchema)]
struct AddressRow {
    address: Text,
    requests: u64,
}

impl Output {
    /// Replaces labels and regions by the API's record.
    pub(crate) fn show_raw(&mut self, raw: Map<String, Value>) {
        self.raw = Some(raw);
        self.labels.clear();
        self.regions.clear();
    }
}

/// May the numbers be believed.
#[derive(Debug, Serialize, JsonSchema)]
struct VerdictView {
    trust: TrustView,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    reasons: Vec<Text>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
enum TrustView {
    Trusted,
    Degraded,
    Untrusted,
    Unknown,
}

#[derive(Debug, Default, Serialize, JsonSchema)]
struct CoverageView {
    #[serde(skip_serializing_if = "Option::is_none")]
    complete: Option<bool>,
    #[serde(skip_serializing_if = "Option::is_none")]
    runners_expected: Option<u64>,
    runners_reported: u64,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    missing: Vec<Text>,
    #[serde(skip_serializing_if = "Option::is_none")]
    missing_intervals: Option<u64>,
}

#[derive(Debug, Serialize, JsonSchema)]
struct OutcomeView {
    word: Text,
    #[serde(skip_serializing_if = "Option::is_none")]
    passed: Option<bool>,
    #[serde(skip_serializing_if = "Option::is_none")]
    reason: Option<Text>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    thresholds: Vec<ThresholdRow>,
}

#[derive(Debug, Serialize, JsonSchema)]
struct ThresholdRow {
    expression: Text,
    #[serde(skip_serializing_if = "Option::is_none")]
    observed: Option<Text>,
    passed: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    reason: Option<Text>,
}

#[derive(Debug, Serialize, JsonSchema)]
struct Account {
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

/// Numbers of the run, a region or a label.
#[derive(Debug, Clone, Serialize, JsonSchema)]
struct NumbersRow {
    #[serde(skip_serializing_if = "Option::is_none")]
    region: Option<Text>,
    #[serde(skip_serializing_if = "Option::is_none")]
    label: Option<Text>,
    requests: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    rps: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    error_pct: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    avg_ms: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    p50_ms: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    p90_ms: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    p95_ms: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    p99_ms: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    p99_9_ms: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    max_ms: Option<f64>,
    /// failed requests; the times above are of ok ones
    #[serde(skip_serializing_if = "Option::is_none")]
    failed_p50_ms: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    failed_p95_ms: Option<f64>,
}

impl NumbersRow {
    fn of(numbers: &Numbers, seconds: Option<f64>) -> Self {
        Self {
            region: None,
            label: None,
            requests: numbers.requests,
            rps: seconds.map(|seconds| rounded(numbers.requests as f64 / seconds)),
            error_pct: percent(numbers.failed, numbers.requests),
            avg_ms: numbers.avg_ms,
            p50_ms: numbers.p50_ms,
            p90_ms: numbers.p90_ms,
            p95_ms: numbers.p95_ms,
            p99_ms: numbers.p99_ms,
            p99_9_ms: numbers.p99_9_ms,
            max_ms: numbers.max_ms,
            failed_p50_ms: numbers
                .failed_times
                .and_then(|times| Some(ms(times.p50_us?))),
            failed_p95_ms: numbers
                .failed_times
                .and_then(|times| Some(ms(times.p95_us?))),
        }
    }
}

impl VerdictView {
    fn of(run: &Run) -> Self {
        let Some(verdict) = &run.verdict else {
            let why = if run.is_active() {
                "it is judged when the run ends"
            } else {
                "this server does not judge its load generator"
            };
            return Self {
                trust: TrustView::Unknown,
                reasons: vec![Text::from(why)],
            };
        };
        let reasons = verdict.reasons.iter().take(MOST_REASONS);
        Self {
            trust: match verdict.trust {
                Trust::Trusted => TrustView::Trusted,
                Trust::Degraded => TrustView::Degraded,
                Trust::Untrusted => TrustView::Untrusted,
            },
            reasons: reasons.map(|reason| Text::of(&reason.message)).collect(),
        }
    }
}

impl CoverageView {
    fn of(run: &Run) -> Self {
        match &run.coverage {
            Some(coverage) => Self {
                complete: Some(coverage.complete),
                runners_expected: Some(coverage.runners_expected),
                runners_reported: coverage.runners_reported,
                missing: coverage
                    .missing
                    .iter()
                    .take(10)
                    .map(|id| Text::of(id))
                    .collect(),
                missing_intervals: Some(coverage.missing_intervals).filter(|count| *count > 0),
            },
            None => {
                let configs = run.test_task_configs.as_array();
                let counts = configs.into_iter().flatten();
                let expected: u64 = counts
                    .filter_map(|config| config["taskCount"].as_u64())
                    .sum();
                let reported = run.complete_tasks.values().sum();
                Self {
                    complete: (expected > 0 && !run.is_active()).then_some(reported >= expected),
                    runners_expected: Some(expected).filter(|count| *count > 0),
                    runners_reported: reported,
                    ..Self::default()
                }
            }
        }
    }
}

fn head(run: &Run) -> Head {
    let load = run.load.as_ref().and_then(|load| {
        let peak = match (load.users, load.arrivals) {
            (Some(users), _) => format!("up to {users} users"),
            (_, Some(arrivals)) => format!("up to {} arrivals/s", rounded(arrivals)),
            _ => return Text::some(&load.model),
        };
        Text::some(&format!("{}, {peak}", load.model))
    });
    Head {
        test_id: Text::of(&run.test_id),
        test_run_id: Text::of(&run.test_run_id),
        name: Text::of(&run.test_name),
        status: Text::of(&run.status),
        start: utc_time(&run.start_time),
        end: utc_time(&run.end_time),
        duration_s: run.seconds().map(rounded),
        load,
        error_reason: run.error_reason.as_deref().and_then(Text::some),
    }
}

/// The labels of the slice, sorted.
fn labels(run: &Run, slice: &Slice) -> Vec<NumbersRow> {
    let needle = slice.label_contains.as_deref().map(str::to_lowercase);
    let seconds = run.seconds();
    let mut rows: Vec<(String, Numbers)> = run
        .labels(slice.region.as_deref())
        .into_iter()
        .filter(|(label, _)| {
            let label = label.to_lowercase();
            needle.as_ref().is_none_or(|needle| label.contains(needle))
        })
        .collect();
    let key = |numbers: &Numbers| match slice.sort_by {
        SortBy::P95 => numbers.p95_ms.unwrap_or(-1.0),
        SortBy::P99 => numbers.p99_ms.unwrap_or(-1.0),
        SortBy::ErrorPct => numbers.failed as f64 / numbers.requests.max(1) as f64,
        SortBy::Rps | SortBy::Requests => numbers.requests as f64,
        SortBy::Label => 0.0,
    };
    rows.sort_by(|a, b| key(&b.1).total_cmp(&key(&a.1)).then_with(|| a.0.cmp(&b.0)));
    let row = |(label, mut numbers): (String, Numbers)| {
        // To save tokens, a label's times of failed requests are shown only if many failed.
        let many = many_failed(numbers.failed, numbers.requests);
        numbers.failed_times = numbers.failed_times.filter(|_| many);
        NumbersRow {
            label: Some(Text::of(&label)),
            ..NumbersRow::of(&numbers, seconds)
        }
    };
    rows.into_iter().map(row).collect()
}

/// The answer for this part of a run.
pub(crate) fn answer(run: &Run, slice: &Slice) -> Result<ToolAnswer<Output>, Refusal> {
    let seconds = run.seconds();
    let total = match &slice.region {
        Some(region) if run.total().is_some() => Some(run.region(region)?),
        _ => run.total(),
    };
    let regions = match slice.region {
        Some(_) => Vec::new(),
        None => run.regions(),
    };
    let row = |(name, numbers): &(String, Numbers)| NumbersRow {
        region: Some(Text::of(name)),
        ..NumbersRow::of(numbers, seconds)
    };
    let all = labels(run, slice);
    let limit = slice.limit.unwrap_or(DEFAULT_LIMIT);
    let outcome = run.outcome.as_ref().map(|outcome| OutcomeView {
        word: outcome.word.name().into(),
        passed: outcome.passed,
        reason: outcome.reason.as_deref().and_then(Text::some),
        thresholds: outcome
            .thresholds
            .iter()
            .take(MOST_THRESHOLDS)
            .map(|row| ThresholdRow {
                expression: Text::of(&row.expression),
                observed: row.observed.as_deref().map(Text::of),
                passed: row.passed,
                reason: row.reason.as_deref().map(Text::of),
            })
            .collect(),
    });
    Ok(ToolAnswer {
        rows: Some(Rows {
            field: "labels",
            offset: slice.offset,
            total: all.len(),
            question_hash: slice.question_hash.clone(),
            has_limit: slice.limit.is_some(),
        }),
        body: Output {
            run: head(run),
            verdict: VerdictView::of(run),
            coverage: CoverageView::of(run),
            outcome,
            account: run.account.map(Account::from),
            totals: total
                .as_ref()
                .map(|numbers| NumbersRow::of(numbers, seconds)),
            // A single region's numbers are the totals.
            regions: match regions.len() {
                1 => Vec::new(),
                _ => regions.iter().take(MOST_REGIONS).map(row).collect(),
            },
            addresses: addresses(run),
            percentile_method: run.method(),
            warnings: warnings::of_run(run, total.as_ref(), slice.region.as_deref()),
            next: next_call(run, total.as_ref()),
            labels_total: all.len(),
            raw: None,
            next_cursor: None,
            labels: all.into_iter().skip(slice.offset).take(limit).collect(),
        },
    })
}

/// Requests by address, if there were several; a single one is in the scenario.
fn addresses(run: &Run) -> Vec<AddressRow> {
    let rows = match &run.generator {
        Some(generator) if generator.has_several_addresses() => &generator.addresses,
        _ => return Vec::new(),
    };
    let (known, mut other): (Vec<_>, Vec<_>) =
        rows.iter().partition(|row| row.0 != OTHER_ADDRESSES);
    other.extend(known.iter().skip(MOST_ADDRESSES));
    let other: u64 = other.iter().map(|row| row.1).sum();
    let row = |address: &str, requests| AddressRow {
        address: Text::of(address),
        requests,
    };
    let known = known.iter().take(MOST_ADDRESSES);
    let mut rows: Vec<AddressRow> = known
        .map(|(address, requests)| row(address, *requests))
        .collect();
    rows.extend((other > 0).then(|| row(OTHER_ADDRESSES, other)));
    rows
}

/// The most useful next call.
fn next_call(run: &Run, total: Option<&Numbers>) -> Option<Text> {
    let Some(total) = total else {
        return Some(if run.is_active() {
            "call get_runners to see it run".into()
        } else {
            "call list_test_runs for other runs, get_scenario_details for the target".into()
        });
    };
    Some(match total.failed {
        0 => "call compare_test_runs for regressions, query_latency for a label's distribution"
            .into(),
        _ => "call get_error_breakdown for why requests failed".into(),
    })
}
