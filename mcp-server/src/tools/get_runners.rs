//! The runners that run now, and the capacity left for more.

use super::{CallContext, Question, parse_test_id};
use crate::asked::cursor::Cursor;
use crate::backend::{Ask, BackendError};
use crate::clean::Text;
use crate::refusal::{Code, Refusal};
use crate::seen::scenario::Scenario;
use crate::views::answer::{RegionError, Rows, ToolAnswer, Warning};
use crate::views::tasks::{self, DescribeFailures, TaskRow};
use async_trait::async_trait;
use dlt_core::calls::answers::RegionTaskIds;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;

/// Runners without `limit`.
const DEFAULT_LIMIT: usize = 50;

pub(super) struct GetRunners;

#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Input {
    /// Only this region
    #[serde(default)]
    region: Option<String>,
    /// Only this scenario's
    #[serde(default)]
    #[schemars(length(max = 128))]
    test_id: Option<String>,
    /// tasks: also list their ids
    #[serde(default)]
    detail: Detail,
    /// Runners listed; default 50
    #[serde(default)]
    #[schemars(range(min = 1, max = 100))]
    limit: Option<usize>,
    /// next_cursor of the page before
    #[serde(default)]
    cursor: Option<String>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
enum Detail {
    #[default]
    Counts,
    Tasks,
}

#[derive(Debug, Serialize, JsonSchema)]
pub(super) struct Output {
    total_running: u64,
    regions: Vec<RegionRow>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    region_errors: Vec<RegionError>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    warnings: Vec<Warning>,
    #[serde(skip_serializing_if = "Option::is_none")]
    next: Option<Text>,
    #[serde(skip_serializing_if = "Option::is_none")]
    next_cursor: Option<String>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    tasks: Vec<TaskRow>,
}

#[derive(Debug, Serialize, JsonSchema)]
struct RegionRow {
    region: Text,
    running: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    pending: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    desired: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    vcpu_limit: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    vcpu_in_use: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    vcpu_per_task: Option<u64>,
}

/// The API's answers.
struct Answers {
    tasks: Vec<RegionTaskIds>,
    capacity: Value,
    scenario: Option<Scenario>,
    /// The scenario's newest run, if it has not ended.
    run: Option<String>,
    warnings: Vec<Warning>,
}

#[async_trait]
impl Question for GetRunners {
    const NAME: &'static str = "get_runners";
    const TITLE: &'static str = "Load-test runners";
    const DESCRIPTION: &'static str = "How many load-test runners run now in each region, starting ones included, \
        and the vCPU room left for more; with test_id also pending and desired ones of that scenario.";
    type Input = Input;
    type Output = Output;

    async fn answer(
        context: &CallContext<'_>,
        input: Input,
    ) -> Result<ToolAnswer<Output>, Refusal> {
        let offset = Cursor::offset(input.cursor.as_deref(), &context.question_hash)?;
        let answers = request(context, &input).await?;
        let mut known: Vec<&str> = answers
            .tasks
            .iter()
            .map(|row| row.region.as_str())
            .collect();
        known.sort_unstable();
        if input
            .region
            .as_deref()
            .is_some_and(|region| !known.contains(&region))
        {
            let shown: Vec<&str> = known.iter().take(10).copied().collect();
            return Err(Refusal::new(
                Code::UnknownRegion,
                format!("no such region; there are {}", shown.join(", ")),
            )
            .about("region")
            .hint("call get_regional_stacks for all regions"));
        }
        known.retain(|name| input.region.as_ref().is_none_or(|region| region == name));
        let regions: Vec<RegionRow> = known.iter().map(|name| answers.region(name)).collect();
        let mut rows = match input.detail {
            Detail::Counts => Vec::new(),
            Detail::Tasks => known.iter().flat_map(|name| answers.tasks(name)).collect(),
        };
        let mut failures = DescribeFailures::default();
        if let Some(test) = &input.test_id {
            // An ARN contains no scenario: all tasks must be described before filtering.
            failures = tasks::describe(context.backend, &mut rows).await;
            rows.retain(|row| row.may_be_of(test, answers.run.as_deref()));
        }
        rows.sort_by(|a, b| a.task_id.cmp(&b.task_id));
        let total = rows.len();
        let limit = input.limit.unwrap_or(DEFAULT_LIMIT);
        let mut page: Vec<TaskRow> = rows.into_iter().skip(offset).take(limit).collect();
        if input.test_id.is_none() {
            failures = tasks::describe(context.backend, &mut page).await;
        }
        let mut warnings = answers.warnings;
        warnings.extend(failures.warning);
        let total_running = regions.iter().map(|row| row.running).sum();
        Ok(ToolAnswer {
            rows: Some(Rows {
                field: "tasks",
                offset,
                total,
                question_hash: context.question_hash.clone(),
                has_limit: input.limit.is_some(),
            })
            .filter(|_| total > 0),
            body: Output {
                total_running,
                regions,
                region_errors: failures.errors,
                warnings,
                next: Some(match total_running {
                    0 => "nothing runs; call list_scenarios for what ran".into(),
                    _ => "call list_scenarios with status=active for what runs".into(),
                }),
                next_cursor: None,
                tasks: page,
            },
        })
    }
}

async fn request(context: &CallContext<'_>, input: &Input) -> Result<Answers, Refusal> {
    let mut warnings = Vec::new();
    let tasks = context.backend.get(&Ask::Tasks).await?;
    let tasks: Vec<RegionTaskIds> =
        serde_json::from_value(tasks).map_err(|error| BackendError::unreadable("tasks", &error))?;
    let capacity = match context.backend.get(&Ask::Capacity).await {
        Ok(capacity) => capacity,
        Err(error) => {
            let text = format!("vCPU figures are missing: {error}");
            warnings.push(Warning::new("capacity_unavailable", &text));
            Value::Null
        }
    };
    let mut scenario = None;
    let mut run = None;
    if let Some(id) = &input.test_id {
        let test = parse_test_id(id)?;
        let found = context
            .backend
            .get(&Ask::Scenario { test: test.clone() })
            .await?;
        let found: Scenario = serde_json::from_value(found)
            .map_err(|error| BackendError::unreadable("scenario", &error))?;
        if found.is_active() {
            let ask = Ask::Runs {
                test,
                limit: 1,
                from: None,
                to: None,
                after: None,
            };
            let page = context.backend.get(&ask).await?;
            run = page["testRuns"][0]["testRunId"].as_str().map(str::to_owned);
        }
        scenario = Some(found);
    }
    Ok(Answers {
        tasks,
        capacity,
        scenario,
        run,
        warnings,
    })
}

impl Answers {
    fn region(&self, name: &str) -> RegionRow {
        let ids = self.tasks.iter().filter(|row| row.region == name);
        let existing = ids.map(|row| row.task_arns.len() as u64).sum();
        let figure = |key: &str| self.capacity[name][key].as_u64();
        let of_scenario = self.scenario.as_ref().map(|scenario| {
            let row = scenario
                .tasks_per_region
                .iter()
                .find(|row| row.region == name);
            row.cloned().unwrap_or_default()
        });
        RegionRow {
            region: Text::of(name),
            running: of_scenario.as_ref().map_or(existing, |row| row.running),
            pending: of_scenario.as_ref().map(|row| row.pending),
            desired: of_scenario.as_ref().map(|row| row.desired),
            vcpu_limit: figure("vCPULimit"),
            vcpu_in_use: figure("vCPUsInUse"),
            vcpu_per_task: figure("vCPUsPerTask"),
        }
    }

    fn tasks(&self, name: &str) -> impl Iterator<Item = TaskRow> {
        let rows = self.tasks.iter().filter(move |row| row.region == name);
        let ids = rows.flat_map(|row| &row.task_arns);
        ids.map(move |id| TaskRow::of(id, name))
    }
}
