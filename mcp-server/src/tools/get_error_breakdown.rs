//! Why requests failed: by cause, label, region, or label × cause × region; of one run or of a
//! scenario's newest runs together. Where a run's failures come from is `seen::failures`'.

use super::{CallContext, Question, parse_run_id, parse_test_id};
use crate::asked::cursor::Cursor;
use crate::clean::Text;
use crate::refusal::Refusal;
use crate::seen::failures::{Failures, of_newest, of_run};
use crate::units::{instant, percent, utc_time};
use crate::views::answer::{Rows, ToolAnswer, Warning};
use crate::views::failures::{Kind, Sum, sums};
use async_trait::async_trait;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// Groups without `limit`.
const DEFAULT_LIMIT: usize = 20;
/// Runs without `runs`.
const DEFAULT_RUNS: u64 = 10;
/// Most labels and most regions that are named in a group.
const MOST_NAMED: usize = 3;

pub(super) struct GetErrorBreakdown;

#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Input {
    #[schemars(length(min = 1, max = 128))]
    test_id: String,
    /// Default: the newest runs together
    #[serde(default)]
    #[schemars(length(max = 128))]
    test_run_id: Option<String>,
    /// How many of these; default 10
    #[serde(default)]
    #[schemars(range(min = 1, max = 30))]
    runs: Option<u64>,
    /// all: label × cause × region
    #[serde(default)]
    group_by: GroupBy,
    /// Default 20
    #[serde(default)]
    #[schemars(range(min = 1, max = 100))]
    limit: Option<usize>,
    /// next_cursor of the page before
    #[serde(default)]
    cursor: Option<String>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
enum GroupBy {
    #[default]
    Code,
    Label,
    Region,
    All,
}

#[derive(Debug, Serialize, JsonSchema)]
pub(super) struct Output {
    total_errors: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    error_pct: Option<f64>,
    /// of several runs
    #[serde(skip_serializing_if = "Vec::is_empty")]
    runs: Vec<RunRow>,
    #[serde(skip_serializing_if = "Option::is_none")]
    error_reason: Option<Text>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    warnings: Vec<Warning>,
    next: Text,
    groups_total: usize,
    #[serde(skip_serializing_if = "Option::is_none")]
    next_cursor: Option<String>,
    groups: Vec<Group>,
}

#[derive(Debug, Serialize, JsonSchema)]
struct RunRow {
    test_run_id: Text,
    #[serde(skip_serializing_if = "Option::is_none")]
    start: Option<Text>,
    requests: u64,
    errors: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    error_pct: Option<f64>,
}

#[derive(Debug, Clone, Serialize, JsonSchema)]
struct Group {
    /// cause and code; else the label or region
    key: Text,
    #[serde(skip_serializing_if = "Option::is_none")]
    label: Option<Text>,
    #[serde(skip_serializing_if = "Option::is_none")]
    region: Option<Text>,
    #[serde(skip_serializing_if = "Option::is_none")]
    kind: Option<Kind>,
    count: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    share_pct: Option<f64>,
    /// runs that have it
    #[serde(skip_serializing_if = "Option::is_none")]
    in_runs: Option<usize>,
    #[serde(skip_serializing_if = "Option::is_none")]
    message: Option<Text>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    top_labels: Vec<Count>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    regions: Vec<Count>,
    #[serde(skip_serializing_if = "Option::is_none")]
    first_at: Option<Text>,
    #[serde(skip_serializing_if = "Option::is_none")]
    last_at: Option<Text>,
    /// One saved exchange
    #[serde(skip_serializing_if = "Option::is_none")]
    example: Option<Text>,
}

#[derive(Debug, Clone, Serialize, JsonSchema)]
struct Count {
    name: Text,
    count: u64,
}

#[async_trait]
impl Question for GetErrorBreakdown {
    const NAME: &'static str = "get_error_breakdown";
    const TITLE: &'static str = "Error breakdown";
    const DESCRIPTION: &'static str = "Why requests failed, in one run (of an active one so far) or in a scenario's \
        newest runs together: causes with counts, shares, labels, regions, first and last time, one \
        example. kind generator is the load generator's fault, not the target's.";
    type Input = Input;
    type Output = Output;

    async fn answer(
        context: &CallContext<'_>,
        input: Input,
    ) -> Result<ToolAnswer<Output>, Refusal> {
        let offset = Cursor::offset(input.cursor.as_deref(), &context.question_hash)?;
        let test = parse_test_id(&input.test_id)?;
        let run = input.test_run_id.as_deref();
        let run = run.map(|id| parse_run_id(id, "test_run_id")).transpose()?;
        let runs = match &run {
            Some(run) => vec![of_run(context.backend, &test, run).await?],
            None => {
                let most = input.runs.unwrap_or(DEFAULT_RUNS);
                of_newest(context.backend, &test, most).await?
            }
        };
        let total_errors: u64 = runs.iter().map(|run| run.failed).sum();
        let requests = runs.iter().map(|run| run.requests).sum();
        let several = run.is_none();
        let mut groups = groups(&runs, input.group_by, several);
        groups.retain(|group| group.count > 0);
        groups.sort_by(|a, b| {
            let names = |row: &Group| (row.key.clone(), row.label.clone(), row.region.clone());
            b.count.cmp(&a.count).then_with(|| names(a).cmp(&names(b)))
        });
        for group in &mut groups {
            group.share_pct = percent(group.count, total_errors);
        }
        let limit = input.limit.unwrap_or(DEFAULT_LIMIT);
        let groups_total = groups.len();
        let mut warnings: Vec<Warning> = Vec::new();
        for warning in runs.iter().flat_map(|run| &run.warnings) {
            let warning = Warning::new(warning.0, &warning.1);
            if !warnings.contains(&warning) {
                warnings.push(warning);
            }
        }
        let reason = runs.first().filter(|_| !several);
        let reason = reason.and_then(|run| run.error_reason.as_deref());
        Ok(ToolAnswer {
            rows: Some(Rows {
                field: "groups",
                offset,
                total: groups_total,
                question_hash: context.question_hash.clone(),
                has_limit: input.limit.is_some(),
            }),
            body: Output {
                total_errors,
                error_pct: percent(total_errors, requests),
                runs: runs.iter().filter(|_| several).map(RunRow::of).collect(),
                error_reason: reason.and_then(Text::some),
                warnings,
                next: match (total_errors, input.group_by) {
                    (0, _) => "nothing failed; call get_results for response times".into(),
                    (_, GroupBy::All) => "call get_results for the labels' times".into(),
                    _ => "call with group_by=all for label × cause × region".into(),
                },
                groups_total,
                next_cursor: None,
                groups: groups.into_iter().skip(offset).take(limit).collect(),
            },
        })
    }
}

impl RunRow {
    fn of(run: &Failures) -> Self {
        Self {
            test_run_id: Text::of(&run.test_run_id),
            start: utc_time(&run.start),
            requests: run.requests,
            errors: run.failed,
            error_pct: percent(run.failed, run.requests),
        }
    }
}

fn groups(runs: &[Failures], group_by: GroupBy, several: bool) -> Vec<Group> {
    let sums = sums(runs);
    match group_by {
        GroupBy::Code => sums.iter().map(|sum| of_cause(sum, several)).collect(),
        GroupBy::All => sums.iter().flat_map(|sum| of_cells(sum, several)).collect(),
        GroupBy::Label => named(runs.iter().flat_map(Failures::by_label)),
        GroupBy::Region => named(runs.iter().flat_map(Failures::by_region)),
    }
}

/// Counts of the same name, added.
fn named(rows: impl Iterator<Item = (String, u64)>) -> Vec<Group> {
    let mut sums: BTreeMap<String, u64> = BTreeMap::new();
    for (name, count) in rows {
        *sums.entry(name).or_default() += count;
    }
    let rows = sums.into_iter();
    rows.map(|(name, count)| group(Text::of(&name), count))
        .collect()
}

fn group(key: Text, count: u64) -> Group {
    Group {
        key,
        label: None,
        region: None,
        kind: None,
        count,
        share_pct: None,
        in_runs: None,
        message: None,
        top_labels: Vec::new(),
        regions: Vec::new(),
        first_at: None,
        last_at: None,
        example: None,
    }
}

fn of_cause(sum: &Sum, several: bool) -> Group {
    Group {
        kind: Some(Kind::of(&sum.cause)),
        in_runs: several.then_some(sum.runs),
        message: Text::some(&sum.message),
        top_labels: most(&sum.by_label()),
        regions: most(&sum.by_region()),
        first_at: instant(sum.first_at),
        last_at: instant(sum.last_at),
        example: sum.example.as_ref().and_then(|(request, response)| {
            let line = |text: &str| Text::of(text.lines().next().unwrap_or_default());
            let (request, response) = (line(request), line(response));
            Text::some(&format!("{} → {}", request.as_str(), response.as_str()))
        }),
        ..group(sum.key(), sum.count)
    }
}

fn of_cells(sum: &Sum, several: bool) -> Vec<Group> {
    let rows = sum.cells.iter();
    rows.map(|((label, region), count)| Group {
        label: label.as_deref().map(Text::of),
        region: region.as_deref().map(Text::of),
        kind: Some(Kind::of(&sum.cause)),
        in_runs: several.then_some(sum.runs),
        ..group(sum.key(), *count)
    })
    .collect()
}

/// The names with most errors.
fn most(counts: &BTreeMap<&str, u64>) -> Vec<Count> {
    let mut rows: Vec<(&&str, &u64)> = counts.iter().collect();
    rows.sort_by(|a, b| b.1.cmp(a.1).then_with(|| a.0.cmp(b.0)));
    let rows = rows.iter().take(MOST_NAMED);
    rows.map(|(name, count)| Count {
        name: Text::of(name),
        count: **count,
    })
    .collect()
}
