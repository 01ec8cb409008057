//! Why requests failed: by cause, label or region.

use super::{CallContext, Question, parse_run_id, parse_test_id};
use crate::backend::{Ask, BackendError};
use crate::clean::Text;
use crate::refusal::{Code, Refusal};
use crate::seen::run::Run;
use crate::units::percent;
use crate::views::answer::{Rows, ToolAnswer, Warning};
use async_trait::async_trait;
use dlt_core::calls::answers::ErrorsAnswer;
use dlt_core::judge::summary::ErrorRow;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// Groups without `limit`.
const DEFAULT_LIMIT: usize = 20;
/// Most labels that are named in a group.
const TOP_LABELS: usize = 3;
/// The latest time that jiff can format, milliseconds since 1970.
const LATEST_MS: u64 = 253_402_300_799_000;

pub(super) struct GetErrorBreakdown;

#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Input {
    #[schemars(length(min = 1, max = 128))]
    test_id: String,
    #[schemars(length(min = 1, max = 128))]
    test_run_id: String,
    #[serde(default)]
    group_by: GroupBy,
    /// Default 20
    #[serde(default)]
    #[schemars(range(min = 1, max = 100))]
    limit: Option<usize>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
enum GroupBy {
    #[default]
    Code,
    Label,
    Region,
}

#[derive(Debug, Serialize, JsonSchema)]
pub(super) struct Output {
    total_errors: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    error_pct: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    error_reason: Option<Text>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    warnings: Vec<Warning>,
    next: Text,
    groups_total: usize,
    groups: Vec<Group>,
}

#[derive(Debug, Clone, Serialize, JsonSchema)]
struct Group {
    key: Text,
    #[serde(skip_serializing_if = "Option::is_none")]
    kind: Option<Kind>,
    count: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    share_pct: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    message: Option<Text>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    top_labels: Vec<Text>,
    #[serde(skip_serializing_if = "Option::is_none")]
    first_at: Option<Text>,
    #[serde(skip_serializing_if = "Option::is_none")]
    last_at: Option<Text>,
    /// One saved exchange
    #[serde(skip_serializing_if = "Option::is_none")]
    example: Option<Text>,
}

/// Where an error comes from; `generator` is not the target's fault.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
enum Kind {
    Http,
    Transport,
    Assertion,
    Tool,
    Generator,
}

impl Kind {
    fn of(cause: &str) -> Self {
        match cause {
            "status-4xx" | "status-5xx" | "too-many-redirects" => Self::Http,
            "check" | "extraction" => Self::Assertion,
            // Nothing was sent: the policy of targets, and no target, said no.
            "generator" | "target-forbidden" => Self::Generator,
            other if other.starts_with("tool:") => Self::Tool,
            _ => Self::Transport,
        }
    }
}

#[async_trait]
impl Question for GetErrorBreakdown {
    const NAME: &'static str = "get_error_breakdown";
    const TITLE: &'static str = "Error breakdown";
    const DESCRIPTION: &'static str = "Why requests of a run failed: causes with counts, shares, labels, first \
        and last time, one example. kind generator is the load generator's fault, not the target's.";
    type Input = Input;
    type Output = Output;

    async fn answer(
        context: &CallContext<'_>,
        input: Input,
    ) -> Result<ToolAnswer<Output>, Refusal> {
        let (test, run) = (
            parse_test_id(&input.test_id)?,
            parse_run_id(&input.test_run_id, "test_run_id")?,
        );
        let record = Run::find(context.backend, &test, Some(&run)).await?;
        let Some(total) = record.total() else {
            let text = format!("the run is {} and has no results", record.status);
            return Err(Refusal::new(Code::NoResults, text).hint("call get_results for its state"));
        };
        let mut warnings = Vec::new();
        let ask = Ask::Errors { test, run };
        let rows = match (record.errors.clone(), context.backend.get(&ask).await) {
            (_, Ok(value)) => {
                let answer: ErrorsAnswer = serde_json::from_value(value)
                    .map_err(|error| BackendError::unreadable("errors", &error))?;
                Some(answer.errors)
            }
            (rows, Err(BackendError::NoRoute)) => rows,
            (Some(rows), Err(error)) => {
                let text = format!("these are the causes in the run's record: {error}");
                warnings.push(Warning::new("errors_unavailable", &text));
                Some(rows)
            }
            (None, Err(error)) => return Err(error.into()),
        };
        let mut groups = match (input.group_by, rows) {
            (GroupBy::Region, _) => by_region(&record),
            (GroupBy::Code, Some(rows)) => rows.iter().map(of_cause).collect(),
            (GroupBy::Label, Some(rows)) => by_label(&rows),
            (GroupBy::Label, None) => by_label_of_record(&record),
            (GroupBy::Code, None) => by_code_of_record(&record, total.failed, &mut warnings),
        };
        groups.retain(|group| group.count > 0);
        groups.sort_by(|a, b| b.count.cmp(&a.count).then_with(|| a.key.cmp(&b.key)));
        for group in &mut groups {
            group.share_pct = percent(group.count, total.failed);
        }
        let limit = input.limit.unwrap_or(DEFAULT_LIMIT);
        let groups_total = groups.len();
        groups.truncate(limit);
        Ok(ToolAnswer {
            rows: Some(Rows {
                field: "groups",
                offset: 0,
                // There are no further pages; `groups_total` says how many there are.
                total: 0,
                question_hash: context.question_hash.clone(),
                has_limit: input.limit.is_some(),
            }),
            body: Output {
                total_errors: total.failed,
                error_pct: percent(total.failed, total.requests),
                error_reason: record.error_reason.as_deref().and_then(Text::some),
                warnings,
                next: match total.failed {
                    0 => "nothing failed; call get_results for response times".into(),
                    _ => "call get_results with sort_by=error_pct for the labels concerned".into(),
                },
                groups_total,
                groups,
            },
        })
    }
}

fn group(key: &str, kind: Option<Kind>, count: u64) -> Group {
    Group {
        key: Text::of(key),
        kind,
        count,
        share_pct: None,
        message: None,
        top_labels: Vec::new(),
        first_at: None,
        last_at: None,
        example: None,
    }
}

fn of_cause(row: &ErrorRow) -> Group {
    let key = match &row.code {
        Some(code) => format!("{} {code}", row.cause),
        None => row.cause.clone(),
    };
    let time = |ms: u64| {
        let ms = i64::try_from(ms.min(LATEST_MS)).ok()?;
        let instant = jiff::Timestamp::from_millisecond(ms).ok()?;
        Text::some(&instant.to_string())
    };
    Group {
        message: Text::some(&row.message),
        top_labels: top_labels(&row.labels),
        first_at: time(row.first_at),
        last_at: time(row.last_at),
        example: row.exchanges.first().and_then(|exchange| {
            let line = |text: &str| Text::of(text.lines().next().unwrap_or_default());
            let (request, response) = (line(&exchange.request), line(&exchange.response));
            Text::some(&format!("{} → {}", request.as_str(), response.as_str()))
        }),
        ..group(&key, Some(Kind::of(&row.cause)), row.count)
    }
}

/// The labels with most errors.
fn top_labels(labels: &BTreeMap<String, u64>) -> Vec<Text> {
    let mut rows: Vec<(&String, &u64)> = labels.iter().collect();
    rows.sort_by(|a, b| b.1.cmp(a.1).then_with(|| a.0.cmp(b.0)));
    rows.iter()
        .take(TOP_LABELS)
        .map(|row| Text::of(row.0))
        .collect()
}

fn by_label(rows: &[ErrorRow]) -> Vec<Group> {
    let mut sums: BTreeMap<&str, u64> = BTreeMap::new();
    for (label, count) in rows.iter().flat_map(|row| &row.labels) {
        *sums.entry(label).or_default() += count;
    }
    sums.into_iter()
        .map(|(label, count)| group(label, None, count))
        .collect()
}

fn by_label_of_record(run: &Run) -> Vec<Group> {
    let rows = run.labels(None);
    rows.iter()
        .map(|(label, numbers)| group(label, None, numbers.failed))
        .collect()
}

fn by_region(run: &Run) -> Vec<Group> {
    let rows = run.regions();
    rows.iter()
        .map(|(region, numbers)| group(region, None, numbers.failed))
        .collect()
}

/// From the response codes in an older server's record. These are all codes outside of a
/// fixed list, successful ones like 206 included; failed checks are not among them.
fn by_code_of_record(run: &Run, failed: u64, warnings: &mut Vec<Warning>) -> Vec<Group> {
    let mut groups = Vec::new();
    let mut known = 0;
    let mut successful = 0;
    let codes = run.results["total"]["rc"].as_array();
    for row in codes.into_iter().flatten() {
        let code = match &row["code"] {
            serde_json::Value::String(code) => code.clone(),
            other => other.to_string(),
        };
        let count = row["count"]
            .as_u64()
            .or_else(|| row["count"].as_str()?.parse().ok());
        let count = count.unwrap_or(0);
        match code.parse::<u16>() {
            Ok(200..=399) => successful += count,
            Ok(_) => groups.push(group(&code, Some(Kind::Http), count)),
            Err(_) => groups.push(group(&code, Some(Kind::of(&code)), count)),
        }
        if !matches!(code.parse::<u16>(), Ok(200..=399)) {
            known += count;
        }
    }
    if successful > 0 {
        let text = format!("{successful} answers with codes 2xx or 3xx are not counted as errors");
        warnings.push(Warning::new("good_codes", &text));
    }
    groups.push(group(
        "check",
        Some(Kind::Assertion),
        failed.saturating_sub(known),
    ));
    groups
}
