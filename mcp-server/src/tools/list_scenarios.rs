//! The list of scenarios, with the ids that other tools need.

use super::{CallContext, Question};
use crate::asked::cursor::Cursor;
use crate::backend::{Ask, BackendError};
use crate::clean::Text;
use crate::refusal::Refusal;
use crate::seen::scenario::{Scenario, Scenarios};
use crate::units::{local_time, ms, utc_time};
use crate::views::answer::{Rows, ToolAnswer};
use crate::views::trust_word;
use async_trait::async_trait;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Rows without `limit`.
const DEFAULT_LIMIT: usize = 25;

pub(super) struct ListScenarios;

#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Input {
    /// Only this status
    #[serde(default)]
    status: Option<StatusFilter>,
    /// With any of these tags
    #[serde(default)]
    #[schemars(length(max = 5), inner(length(max = 100)))]
    tags: Vec<String>,
    /// Part of the name, any case
    #[serde(default)]
    #[schemars(length(max = 200))]
    name_contains: Option<String>,
    /// true: also one-off runs, as `dlt run` makes them
    #[serde(default)]
    one_off: bool,
    /// Default 25
    #[serde(default)]
    #[schemars(range(min = 1, max = 100))]
    limit: Option<usize>,
    /// next_cursor of the page before
    #[serde(default)]
    cursor: Option<String>,
}

/// Statuses as the API has them, and `active` for all that run.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
enum StatusFilter {
    Active,
    Created,
    Scheduled,
    Complete,
    Cancelled,
    Failed,
}

#[derive(Debug, Serialize, JsonSchema)]
pub(super) struct Output {
    total: usize,
    #[serde(skip_serializing_if = "Option::is_none")]
    next: Option<Text>,
    #[serde(skip_serializing_if = "Option::is_none")]
    next_cursor: Option<String>,
    scenarios: Vec<ScenarioRow>,
}

#[derive(Debug, Serialize, JsonSchema)]
struct ScenarioRow {
    test_id: Text,
    name: Text,
    status: Text,
    /// a run of it goes on
    #[serde(skip_serializing_if = "crate::views::is_false")]
    active: bool,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    tags: Vec<Text>,
    #[serde(skip_serializing_if = "Option::is_none")]
    last_start: Option<Text>,
    #[serde(skip_serializing_if = "Option::is_none")]
    next_run: Option<Text>,
    #[serde(skip_serializing_if = "Option::is_none")]
    schedule: Option<Text>,
    total_runs: u64,
    /// of the last run that ended
    #[serde(skip_serializing_if = "Option::is_none")]
    last_word: Option<Text>,
    #[serde(skip_serializing_if = "Option::is_none")]
    last_trust: Option<Text>,
    #[serde(skip_serializing_if = "Option::is_none")]
    last_p95_ms: Option<f64>,
    #[serde(skip_serializing_if = "crate::views::is_none_or_zero")]
    failures_in_a_row: Option<u64>,
}

impl ScenarioRow {
    fn of(item: &Scenario) -> Self {
        let last = item.last_run.as_ref();
        Self {
            test_id: Text::of(&item.test_id),
            name: Text::of(&item.test_name),
            status: Text::of(&item.status),
            active: item.is_active(),
            tags: item.tags.iter().map(|tag| Text::of(tag)).collect(),
            last_start: utc_time(&item.start_time),
            next_run: local_time(&item.next_run, &item.schedule_timezone),
            schedule: schedule(
                &item.schedule_recurrence,
                &item.cron_value,
                &item.schedule_timezone,
            ),
            total_runs: item.total_test_runs,
            last_word: last.map(|last| last.word.name().into()),
            last_trust: last.and_then(|last| last.trust).map(trust_word),
            last_p95_ms: last.and_then(|last| last.p95_us).map(ms),
            failures_in_a_row: item.failures_in_a_row,
        }
    }
}

/// A schedule in words; None without one.
pub(super) fn schedule(recurrence: &str, cron: &str, zone: &str) -> Option<Text> {
    let rule = if cron.is_empty() {
        recurrence.to_owned()
    } else {
        format!("cron {cron}")
    };
    if rule.is_empty() {
        return None;
    }
    let zone = if zone.is_empty() { "UTC" } else { zone };
    Text::some(&format!("{rule} ({zone})"))
}

#[async_trait]
impl Question for ListScenarios {
    const NAME: &'static str = "list_scenarios";
    const TITLE: &'static str = "List scenarios";
    const DESCRIPTION: &'static str = "Find load-test scenarios and their test_id: status, whether active, tags, \
        schedule, number of runs, how the last one ended. Begin here.";
    type Input = Input;
    type Output = Output;

    async fn answer(
        context: &CallContext<'_>,
        input: Input,
    ) -> Result<ToolAnswer<Output>, Refusal> {
        let offset = Cursor::offset(input.cursor.as_deref(), &context.question_hash)?;
        let ask = Ask::Scenarios {
            tags: input.tags.clone(),
            one_off: input.one_off,
        };
        let list: Scenarios = serde_json::from_value(context.backend.get(&ask).await?)
            .map_err(|error| BackendError::unreadable("scenarios", &error))?;
        let needle = input.name_contains.as_deref().map(str::to_lowercase);
        let matches = |item: &&Scenario| {
            let name = item.test_name.to_lowercase();
            needle.as_ref().is_none_or(|needle| name.contains(needle))
        };
        let found: Vec<&Scenario> = list
            .items
            .iter()
            .filter(matches)
            .filter(|item| input.status.is_none_or(|status| status.matches(item)))
            .collect();
        let limit = input.limit.unwrap_or(DEFAULT_LIMIT);
        let rows = found.iter().skip(offset).take(limit);
        let next = match (found.len(), found.first()) {
            (0, _) if !list.items.is_empty() || !input.tags.is_empty() => {
                Some("no scenario matches: call again with fewer filters".into())
            }
            (0, _) if !input.one_off => Some(
                "there is no scenario yet; runs of dlt run are listed with one_off true".into(),
            ),
            (0, _) => Some("there is no scenario yet; the user can run one with dlt run".into()),
            (_, Some(first)) if first.total_test_runs > 0 => Some(
                "call get_results with a test_id for its newest run, list_test_runs for others"
                    .into(),
            ),
            _ => Some("call get_scenario_details with a test_id".into()),
        };
        Ok(ToolAnswer {
            rows: Some(Rows {
                field: "scenarios",
                offset,
                total: found.len(),
                question_hash: context.question_hash.clone(),
                has_limit: input.limit.is_some(),
            }),
            body: Output {
                total: found.len(),
                next,
                next_cursor: None,
                scenarios: rows.map(|item| ScenarioRow::of(item)).collect(),
            },
        })
    }
}

impl StatusFilter {
    fn matches(self, item: &Scenario) -> bool {
        let name = match self {
            Self::Active => return item.is_active(),
            Self::Created => "created",
            Self::Scheduled => "scheduled",
            Self::Complete => "complete",
            Self::Cancelled => "cancelled",
            Self::Failed => "failed",
        };
        item.status == name
    }
}
