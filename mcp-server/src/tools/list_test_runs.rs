//! The runs of a scenario, newest first.

use super::{Asked, Question, test};
use crate::answer::{Answer, LONGEST_DEFAULT, instant, ms, percent, rounded};
use crate::backend::{Ask, BackendError};
use crate::clean::Text;
use crate::cursor::Cursor;
use crate::refusal::Refusal;
use async_trait::async_trait;
use dlt_core::calls::PageToken;
use dlt_core::calls::answers::{ShortOutcome, ShortVerdict};
use dlt_core::ids::{TestId, TestRunId};
use dlt_core::judge::summary::Distribution;
use dlt_core::judge::verdict::Trust;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// Rows without `limit`.
const DEFAULT_LIMIT: u64 = 20;

pub(super) struct ListTestRuns;

/// Its arguments.
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

/// Its answer.
#[derive(Debug, Serialize, JsonSchema)]
pub(super) struct Output {
    total: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    next: Option<Text>,
    #[serde(skip_serializing_if = "Option::is_none")]
    next_cursor: Option<String>,
    runs: Vec<Row>,
}

#[derive(Debug, Serialize, JsonSchema)]
struct Row {
    test_run_id: Text,
    #[serde(skip_serializing_if = "Option::is_none")]
    start: Option<Text>,
    #[serde(skip_serializing_if = "Option::is_none")]
    end: Option<Text>,
    status: Text,
    #[serde(skip_serializing_if = "Option::is_none")]
    passed: Option<bool>,
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
    #[serde(skip_serializing_if = "super::is_false")]
    is_baseline: bool,
}

/// The API's page, as far as it is shown. Its times are ms already.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Page {
    test_runs: Vec<Seen>,
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
struct Seen {
    test_run_id: String,
    start_time: String,
    end_time: String,
    status: String,
    requests: Option<f64>,
    errors: Option<f64>,
    requests_per_second: Option<f64>,
    avg_response_time: Option<f64>,
    percentiles: BTreeMap<String, Option<f64>>,
    /// Of ok answers, where the times above are not.
    #[serde(rename = "ok_times")]
    ok_times: Option<Distribution>,
    outcome: Option<ShortOutcome>,
    verdict: Option<ShortVerdict>,
}

impl Row {
    fn of(seen: &Seen, baseline: Option<&str>) -> Self {
        let count = |number: f64| number.max(0.0) as u64;
        let requests = seen.requests.map(count);
        let percentile = |key: &str, of: fn(&Distribution) -> Option<u64>| match &seen.ok_times {
            Some(times) => of(times).map(ms),
            None => seen.percentiles.get(key).copied().flatten().map(rounded),
        };
        // Figures that are 0 are left out of the API's rows.
        let errors = requests.map(|_| seen.errors.map_or(0, count));
        Self {
            test_run_id: Text::of(&seen.test_run_id),
            start: instant(&seen.start_time),
            end: instant(&seen.end_time),
            status: Text::of(&seen.status),
            passed: seen.outcome.as_ref().map(|outcome| outcome.passed),
            trust: seen.verdict.as_ref().map(|verdict| match verdict.trust {
                Trust::Trusted => "trusted".into(),
                Trust::Degraded => "degraded".into(),
                Trust::Untrusted => "untrusted".into(),
            }),
            requests,
            errors,
            error_pct: errors
                .zip(requests)
                .and_then(|(part, whole)| percent(part, whole)),
            rps: seen.requests_per_second.map(rounded),
            avg_ms: match &seen.ok_times {
                Some(times) => times.mean_us.map(ms),
                None => seen.avg_response_time.map(rounded),
            },
            p50_ms: percentile("p50", |times| times.p50_us),
            p95_ms: percentile("p95", |times| times.p95_us),
            p99_ms: percentile("p99", |times| times.p99_us),
            is_baseline: baseline == Some(seen.test_run_id.as_str()),
        }
    }
}

/// A time that the API understands.
fn time(text: Option<&str>, field: &str) -> Result<Option<String>, Refusal> {
    let Some(text) = text else { return Ok(None) };
    let civil = || text.parse::<jiff::civil::DateTime>().is_ok();
    match text.parse::<jiff::Timestamp>().is_ok() || civil() {
        true => Ok(Some(text.to_owned())),
        false => Err(Refusal::argument(
            field,
            "must be a date-time like 2026-03-01T00:00:00Z",
        )),
    }
}

#[async_trait]
impl Question for ListTestRuns {
    const NAME: &'static str = "list_test_runs";
    const TITLE: &'static str = "List test runs";
    const TEXT: &'static str = "The runs of a scenario, newest first: status, passed, trust, requests, \
        errors, rate and response times; which one is the baseline.";
    type Input = Input;
    type Output = Output;

    async fn answer(asked: &Asked<'_>, input: Input) -> Result<Answer<Output>, Refusal> {
        let test = test(&input.test_id)?;
        let ask = Ask::Runs {
            test: test.clone(),
            limit: input.limit.unwrap_or(DEFAULT_LIMIT),
            from: time(input.start_timestamp.as_deref(), "start_timestamp")?,
            to: time(input.end_timestamp.as_deref(), "end_timestamp")?,
            after: Cursor::api(input.cursor.as_deref(), &asked.question)?,
        };
        let page: Page = serde_json::from_value(asked.backend.get(&ask).await?)
            .map_err(|error| BackendError::unreadable("runs", &error))?;
        // Which one is the baseline is worth a word, not a failure.
        let baseline = asked
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
        let (kept, token) = fitting(page.test_runs, page.pagination.next_token, &input, &test);
        let runs: Vec<Row> = kept.iter().map(|seen| Row::of(seen, baseline)).collect();
        Ok(Answer::whole(Output {
            total: page.pagination.total_count.unwrap_or(runs.len() as u64),
            next: Some(match runs.len() {
                0 => "no run matches; call get_scenario_details for the plan".into(),
                1 => "call get_results with test_run_id for its numbers".into(),
                _ => "call get_results with test_run_id, or compare_test_runs with two".into(),
            }),
            next_cursor: token.map(|token| Cursor::token(&asked.question, &token).text()),
            runs,
        }))
    }
}

/// As many rows as an agent should get that named no number, and the API's
/// token of the last one: it is made of the row itself.
fn fitting(
    mut rows: Vec<Seen>,
    token: Option<String>,
    input: &Input,
    test: &TestId,
) -> (Vec<Seen>, Option<String>) {
    // A row takes up to 290 characters.
    let most = LONGEST_DEFAULT / 290;
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
