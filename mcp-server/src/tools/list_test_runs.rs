//! The runs of a scenario, newest first, and how their numbers went.

use super::{CallContext, Question, parse_test_id};
use crate::asked::cursor::Cursor;
use crate::backend::{Ask, BackendError};
use crate::clean::Text;
use crate::refusal::Refusal;
use crate::seen::run::is_active;
use crate::units::{ms, percent, rounded, utc_time};
use crate::views::answer::{LONGEST_DEFAULT, ToolAnswer};
use crate::views::trend::TrendRow;
use crate::views::trust_word;
use async_trait::async_trait;
use dlt_core::calls::PageToken;
use dlt_core::calls::answers::{ShortCoverage, ShortOutcome, ShortVerdict};
use dlt_core::ids::{TestId, TestRunId};
use dlt_core::judge::summary::Distribution;
use dlt_core::judge::verdict::Trust;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// Rows without `limit`.
const DEFAULT_LIMIT: u64 = 20;
/// Longest row, characters.
const LONGEST_ROW: usize = 290;
/// Longest trend, characters.
const LONGEST_TREND: usize = 640;

pub(super) struct ListTestRuns;

#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Input {
    #[schemars(length(min = 1, max = 128))]
    test_id: String,
    /// Default 20, fewer where rows are long
    #[serde(default)]
    #[schemars(range(min = 1, max = 30))]
    limit: Option<u64>,
    /// Not before, like 2026-03-01T00:00:00Z
    #[serde(default)]
    start_timestamp: Option<String>,
    /// Not after
    #[serde(default)]
    end_timestamp: Option<String>,
    /// next_cursor of the page before
    #[serde(default)]
    cursor: Option<String>,
}

#[derive(Debug, Serialize, JsonSchema)]
pub(super) struct Output {
    total: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    next: Option<Text>,
    #[serde(skip_serializing_if = "Option::is_none")]
    next_cursor: Option<String>,
    /// over the believable ones of the runs asked for, oldest to newest; loads may differ
    #[serde(skip_serializing_if = "Vec::is_empty")]
    trend: Vec<TrendRow>,
    runs: Vec<RunRow>,
}

#[derive(Debug, Serialize, JsonSchema)]
struct RunRow {
    test_run_id: Text,
    #[serde(skip_serializing_if = "Option::is_none")]
    start: Option<Text>,
    #[serde(skip_serializing_if = "Option::is_none")]
    end: Option<Text>,
    status: Text,
    #[serde(skip_serializing_if = "crate::views::is_false")]
    active: bool,
    /// finished: no thresholds, so nothing was judged
    #[serde(skip_serializing_if = "Option::is_none")]
    word: Option<Text>,
    #[serde(skip_serializing_if = "Option::is_none")]
    passed: Option<bool>,
    /// Whether all runners reported; left out if they did.
    #[serde(skip_serializing_if = "Option::is_none")]
    complete: Option<bool>,
    #[serde(skip_serializing_if = "Option::is_none")]
    trust: Option<Text>,
    #[serde(skip_serializing_if = "Option::is_none")]
    requests: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    errors: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    error_pct: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    rps: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    avg_ms: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    p50_ms: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    p95_ms: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    p99_ms: Option<f64>,
    /// all: times hold failed requests, too
    #[serde(skip_serializing_if = "Option::is_none")]
    times_of: Option<Text>,
    #[serde(skip_serializing_if = "crate::views::is_false")]
    is_baseline: bool,
}

/// The API's page. Its times are in ms.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct ApiPage {
    test_runs: Vec<ApiRun>,
    #[serde(default)]
    pagination: Pagination,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Pagination {
    next_token: Option<String>,
    total_count: Option<u64>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct ApiRun {
    test_run_id: String,
    start_time: String,
    end_time: String,
    status: String,
    requests: Option<f64>,
    errors: Option<f64>,
    requests_per_second: Option<f64>,
    avg_response_time: Option<f64>,
    percentiles: BTreeMap<String, Option<f64>>,
    #[serde(rename = "rate_per_s")]
    rate_per_s: Option<f64>,
    /// Times of ok answers; those above are of all requests, in whole ms.
    #[serde(rename = "ok_times")]
    ok_times: Option<Distribution>,
    /// Of all requests, where a server does not keep those of ok answers apart.
    #[serde(rename = "all_times")]
    all_times: Option<Distribution>,
    outcome: Option<ShortOutcome>,
    verdict: Option<ShortVerdict>,
    coverage: Option<ShortCoverage>,
}

impl RunRow {
    fn of(run: &ApiRun, baseline: Option<&str>) -> Self {
        let count = |number: f64| number.max(0.0) as u64;
        let requests = run.requests.map(count);
        let percentile = |key: &str, of: fn(&Distribution) -> Option<u64>| match run
            .ok_times
            .as_ref()
            .or(run.all_times.as_ref())
        {
            Some(times) => of(times).map(ms),
            None => run.percentiles.get(key).copied().flatten().map(rounded),
        };
        // The API leaves out counts of 0.
        let errors = requests.map(|_| run.errors.map_or(0, count));
        Self {
            test_run_id: Text::of(&run.test_run_id),
            start: utc_time(&run.start_time),
            end: utc_time(&run.end_time),
            status: Text::of(&run.status),
            active: is_active(&run.status),
            word: run
                .outcome
                .as_ref()
                .and_then(|outcome| outcome.word)
                .map(|word| word.name().into()),
            passed: run.outcome.as_ref().and_then(|outcome| outcome.passed),
            complete: run
                .coverage
                .map(|coverage| coverage.complete)
                .filter(|complete| !complete),
            trust: run
                .verdict
                .as_ref()
                .map(|verdict| trust_word(verdict.trust)),
            requests,
            errors,
            error_pct: errors
                .zip(requests)
                .and_then(|(part, whole)| percent(part, whole)),
            rps: run.rate_per_s.or(run.requests_per_second).map(rounded),
            avg_ms: match run.ok_times.as_ref().or(run.all_times.as_ref()) {
                Some(times) => times.mean_us.map(ms),
                None => run.avg_response_time.map(rounded),
            },
            p50_ms: percentile("p50", |times| times.p50_us),
            p95_ms: percentile("p95", |times| times.p95_us),
            p99_ms: percentile("p99", |times| times.p99_us),
            // Where nothing failed, all are ok.
            times_of: (run.ok_times.is_none() && errors.unwrap_or(0) > 0).then(|| "all".into()),
            is_baseline: baseline == Some(run.test_run_id.as_str()),
        }
    }
}

/// Checks a time of the arguments; the API accepts both forms.
fn checked_time(text: Option<&str>, field: &str) -> Result<Option<String>, Refusal> {
    let Some(text) = text else { return Ok(None) };
    let is_local = || text.parse::<jiff::civil::DateTime>().is_ok();
    if text.parse::<jiff::Timestamp>().is_ok() || is_local() {
        return Ok(Some(text.to_owned()));
    }
    Err(Refusal::argument(
        field,
        "must be a date-time like 2026-03-01T00:00:00Z",
    ))
}

#[async_trait]
impl Question for ListTestRuns {
    const NAME: &'static str = "list_test_runs";
    const TITLE: &'static str = "List test runs";
    const DESCRIPTION: &'static str = "The runs of a scenario, newest first: status, word for the end, trust, requests, \
        errors, rate and response times; which one is the baseline; the trend over them.";
    type Input = Input;
    type Output = Output;

    async fn answer(
        context: &CallContext<'_>,
        input: Input,
    ) -> Result<ToolAnswer<Output>, Refusal> {
        let test = parse_test_id(&input.test_id)?;
        let ask = Ask::Runs {
            test: test.clone(),
            limit: input.limit.unwrap_or(DEFAULT_LIMIT),
            from: checked_time(input.start_timestamp.as_deref(), "start_timestamp")?,
            to: checked_time(input.end_timestamp.as_deref(), "end_timestamp")?,
            after: Cursor::api_token(input.cursor.as_deref(), &context.question_hash)?,
        };
        let page: ApiPage = serde_json::from_value(context.backend.get(&ask).await?)
            .map_err(|error| BackendError::unreadable("runs", &error))?;
        // If the baseline cannot be read, only `is_baseline` is missing.
        let baseline = context
            .backend
            .get(&Ask::Baseline {
                test: test.clone(),
                data: false,
            })
            .await
            .ok();
        let baseline = baseline
            .as_ref()
            .and_then(|answer| answer["baselineId"].as_str());
        let trend = trend(&page.test_runs);
        let (rows, token) = shortened(page.test_runs, page.pagination.next_token, &input, &test);
        let runs: Vec<RunRow> = rows.iter().map(|run| RunRow::of(run, baseline)).collect();
        Ok(ToolAnswer::whole(Output {
            total: page.pagination.total_count.unwrap_or(runs.len() as u64),
            next: Some(match runs.len() {
                0 => "no run matches; call get_scenario_details for the plan".into(),
                1 => "call get_results with test_run_id for its numbers".into(),
                _ => "call get_results with test_run_id, or compare_test_runs with two".into(),
            }),
            next_cursor: token.map(|token| Cursor::at_token(&context.question_hash, &token).text()),
            trend,
            runs,
        }))
    }
}

/// How the numbers went over runs that ended whole, and whose generator was not the limit.
fn trend(runs: &[ApiRun]) -> Vec<TrendRow> {
    let counts = |run: &&ApiRun| {
        let whole = run.coverage.is_none_or(|coverage| coverage.complete);
        let verdict = run.verdict.as_ref();
        let trusted = verdict.is_none_or(|verdict| verdict.trust != Trust::Untrusted);
        run.status == "complete" && whole && trusted
    };
    let rows: Vec<RunRow> = runs
        .iter()
        .rev()
        .filter(counts)
        .map(|run| RunRow::of(run, None))
        .collect();
    let of = |metric, value: fn(&RunRow) -> Option<f64>| {
        let values: Vec<f64> = rows.iter().filter_map(value).collect();
        TrendRow::of(metric, &values)
    };
    let rows = [
        of("p50_ms", |row| row.p50_ms),
        of("p95_ms", |row| row.p95_ms),
        of("error_pct", |row| row.error_pct),
        of("rps", |row| row.rps),
    ];
    rows.into_iter().flatten().collect()
}

/// Without `limit`, as many rows as fit into a default answer. The API's page token is
/// made of a row, so that it can be computed for the last one that is kept.
fn shortened(
    mut rows: Vec<ApiRun>,
    token: Option<String>,
    input: &Input,
    test: &TestId,
) -> (Vec<ApiRun>, Option<String>) {
    let most = (LONGEST_DEFAULT - LONGEST_TREND) / LONGEST_ROW;
    if input.limit.is_some() || rows.len() <= most {
        return (rows, token);
    }
    let last = rows.get(most - 1).and_then(|row| {
        let token = PageToken {
            test_id: test.clone(),
            test_run_id: TestRunId::parse(&row.test_run_id).ok()?,
            start_time: row.start_time.clone(),
        };
        Some(token.encode())
    });
    if last.is_some() {
        rows.truncate(most);
        return (rows, last);
    }
    (rows, token)
}
