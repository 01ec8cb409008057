//! The active runs and their runners, and the capacity left for more; or the runners of one run.

use super::{CallContext, Question, parse_run_id, parse_test_id};
use crate::asked::cursor::Cursor;
use crate::backend::{Ask, BackendError};
use crate::clean::Text;
use crate::refusal::{Code, Refusal};
use crate::seen::active::{ActiveRun, active_runs};
use crate::seen::beside::runners;
use crate::seen::run::Run;
use crate::seen::scenario::Scenario;
use crate::units::{instant, utc_time};
use crate::views::answer::{RegionError, Rows, ToolAnswer, Warning};
use crate::views::runners::RunnerRow;
use crate::views::tasks::{self, DescribeFailures, TaskRow};
use async_trait::async_trait;
use dlt_core::calls::answers::{RegionTaskIds, RunnerItem};
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
    /// The runners of this run, also if it has ended; with test_id
    #[serde(default)]
    #[schemars(length(max = 128))]
    test_run_id: Option<String>,
    /// tasks: also each runner
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
    as_of: Text,
    total_running: u64,
    active_runs_total: usize,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    active_runs: Vec<ActiveRow>,
    regions: Vec<RegionRow>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    region_errors: Vec<RegionError>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    warnings: Vec<Warning>,
    #[serde(skip_serializing_if = "Option::is_none")]
    next: Option<Text>,
    #[serde(skip_serializing_if = "Option::is_none")]
    next_cursor: Option<String>,
    /// Of one run, lost ones first
    #[serde(skip_serializing_if = "Vec::is_empty")]
    runners: Vec<RunnerRow>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    tasks: Vec<TaskRow>,
}

#[derive(Debug, Serialize, JsonSchema)]
struct ActiveRow {
    test_id: Text,
    name: Text,
    #[serde(skip_serializing_if = "Option::is_none")]
    test_run_id: Option<Text>,
    status: Text,
    #[serde(skip_serializing_if = "Option::is_none")]
    start: Option<Text>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    regions: Vec<ActiveRegion>,
}

#[derive(Debug, Serialize, JsonSchema)]
struct ActiveRegion {
    region: Text,
    running: u64,
    pending: u64,
    desired: u64,
}

impl ActiveRow {
    fn of(run: &ActiveRun) -> Self {
        let regions = run.scenario.tasks_per_region.iter();
        Self {
            test_id: Text::of(&run.scenario.test_id),
            name: Text::of(&run.scenario.test_name),
            test_run_id: run.test_run_id.as_deref().and_then(Text::some),
            status: Text::of(&run.status),
            start: utc_time(&run.start),
            regions: regions
                .map(|row| ActiveRegion {
                    region: Text::of(&row.region),
                    running: row.running,
                    pending: row.pending,
                    desired: row.desired,
                })
                .collect(),
        }
    }
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
    #[serde(skip_serializing_if = "Option::is_none")]
    vcpu_free: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    runners_free: Option<u64>,
}

/// The API's answers.
struct Answers {
    tasks: Vec<RegionTaskIds>,
    capacity: Value,
    scenario: Option<Scenario>,
    active: Vec<ActiveRun>,
    active_total: usize,
    /// Of the run that was named, or of the scenario's active one; None where none is asked for or
    /// a server tells nothing of them.
    runners: Option<Vec<RunnerItem>>,
    warnings: Vec<Warning>,
}

#[async_trait]
impl Question for GetRunners {
    const NAME: &'static str = "get_runners";
    const TITLE: &'static str = "Load-test runners";
    const DESCRIPTION: &'static str = "The active runs with their start and runners by region, starting ones included, \
        and the room left for more; with test_run_id the runners of one run: state, share of the load, \
        requests, lag, how one was lost.";
    type Input = Input;
    type Output = Output;

    async fn answer(
        context: &CallContext<'_>,
        input: Input,
    ) -> Result<ToolAnswer<Output>, Refusal> {
        let offset = Cursor::offset(input.cursor.as_deref(), &context.question_hash)?;
        let answers = request(context, &input).await?;
        let known = answers.regions(input.region.as_deref())?;
        let regions: Vec<RegionRow> = known.iter().map(|name| answers.region(name)).collect();
        let mut rows = match input.detail {
            _ if answers.runners.is_some() => Vec::new(),
            Detail::Counts => Vec::new(),
            Detail::Tasks => known.iter().flat_map(|name| answers.tasks(name)).collect(),
        };
        let mut failures = DescribeFailures::default();
        if let Some(test) = &input.test_id {
            // An ARN contains no scenario: all tasks must be described before filtering.
            failures = tasks::describe(context.backend, &mut rows).await;
            let run = answers
                .active
                .first()
                .and_then(|run| run.test_run_id.as_deref());
            rows.retain(|row| row.may_be_of(test, run));
        }
        let runners = runner_rows(&answers, input.region.as_deref());
        rows.sort_by(|a, b| a.task_id.cmp(&b.task_id));
        let total = rows.len().max(runners.len());
        let limit = input.limit.unwrap_or(DEFAULT_LIMIT);
        let mut page: Vec<TaskRow> = rows.into_iter().skip(offset).take(limit).collect();
        if input.test_id.is_none() {
            failures = tasks::describe(context.backend, &mut page).await;
        }
        let of_run = answers.runners.is_some();
        let active_runs = answers.active.iter().map(ActiveRow::of).collect();
        let active_runs_total = answers.active_total;
        let mut warnings = answers.warnings;
        let active_unknown = warnings
            .iter()
            .any(|warning| warning.is("active_runs_unavailable"));
        warnings.extend(failures.warning);
        let total_running = regions.iter().map(|row| row.running).sum();
        Ok(ToolAnswer {
            rows: Some(Rows {
                field: if of_run { "runners" } else { "tasks" },
                offset,
                total,
                question_hash: context.question_hash.clone(),
                has_limit: input.limit.is_some(),
            })
            .filter(|_| total > 0),
            body: Output {
                as_of: now(),
                active_runs_total,
                active_runs,
                runners: runners.into_iter().skip(offset).take(limit).collect(),
                total_running,
                regions,
                region_errors: failures.errors,
                warnings,
                next: Some(match (total_running, active_runs_total) {
                    (0, 0) if !active_unknown => {
                        "nothing is active; call list_scenarios for what ran".into()
                    }
                    _ => "call get_results with a test_run_id for its numbers so far".into(),
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
    let mut test = None;
    if let Some(id) = &input.test_id {
        let parsed = parse_test_id(id)?;
        let ask = Ask::Scenario {
            test: parsed.clone(),
        };
        let found = context.backend.get(&ask).await?;
        let found: Scenario = serde_json::from_value(found)
            .map_err(|error| BackendError::unreadable("scenario", &error))?;
        scenario = Some(found);
        test = Some(parsed);
    }
    let active = active_runs(context.backend, input.test_id.as_deref()).await;
    let (active, active_total) = active.unwrap_or_else(|error| {
        let text = format!("active runs cannot be listed: {error}");
        warnings.push(Warning::new("active_runs_unavailable", &text));
        Default::default()
    });
    let runners = match (&input.test_run_id, test) {
        (Some(_), None) => {
            return Err(Refusal::argument("test_run_id", "needs test_id beside it")
                .hint("call list_scenarios for ids of scenarios"));
        }
        (Some(run), Some(test)) => {
            let run = parse_run_id(run, "test_run_id")?;
            let ask = Ask::Run { test, run };
            let run = Run::parse(context.backend.get(&ask).await?)?;
            let told = runners(context.backend, &run).await;
            let text = "the server tells nothing of this run's runners";
            let untold = || Warning::new("runners_unavailable", text);
            warnings.extend(told.is_none().then(untold));
            Some(told.unwrap_or_default())
        }
        (None, Some(_)) if input.detail == Detail::Tasks => match active.first() {
            Some(run) => {
                let run = Run {
                    test_id: run.scenario.test_id.clone(),
                    test_run_id: run.test_run_id.clone().unwrap_or_default(),
                    ..Run::default()
                };
                runners(context.backend, &run).await
            }
            None => None,
        },
        _ => None,
    };
    Ok(Answers {
        tasks,
        capacity,
        scenario,
        active,
        active_total,
        runners,
        warnings,
    })
}

/// Now, to the second.
fn now() -> Text {
    let now = jiff::Timestamp::now().as_second();
    let now = u64::try_from(now).unwrap_or_default();
    instant(now * 1_000).unwrap_or_default()
}

/// Lost ones first.
fn runner_rows(answers: &Answers, region: Option<&str>) -> Vec<RunnerRow> {
    let rows = answers.runners.iter().flatten();
    let rows = rows.filter(|item| region.is_none_or(|region| item.region == region));
    let (lost, others): (Vec<_>, Vec<_>) = rows.partition(|item| RunnerRow::is_lost(item));
    lost.into_iter().chain(others).map(RunnerRow::of).collect()
}

impl Answers {
    /// The names of the regions, or of the one that was named.
    fn regions(&self, wanted: Option<&str>) -> Result<Vec<&str>, Refusal> {
        let rows = self.tasks.iter();
        let mut known: Vec<&str> = rows.map(|row| row.region.as_str()).collect();
        known.sort_unstable();
        if wanted.is_some_and(|region| !known.contains(&region)) {
            let shown: Vec<&str> = known.iter().take(10).copied().collect();
            return Err(Refusal::new(
                Code::UnknownRegion,
                format!("no such region; there are {}", shown.join(", ")),
            )
            .about("region")
            .hint("call get_regional_stacks for all regions"));
        }
        known.retain(|name| wanted.is_none_or(|region| region == *name));
        Ok(known)
    }

    fn region(&self, name: &str) -> RegionRow {
        let ids = self.tasks.iter().filter(|row| row.region == name);
        let existing = ids.map(|row| row.task_arns.len() as u64).sum();
        let figure = |key: &str| self.capacity[name][key].as_u64();
        let free = figure("vCPULimit").zip(figure("vCPUsInUse"));
        let free = free.map(|(limit, used)| limit.saturating_sub(used));
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
            vcpu_free: free,
            runners_free: free
                .zip(figure("vCPUsPerTask").filter(|per_task| *per_task > 0))
                .map(|(free, per_task)| free / per_task),
        }
    }

    fn tasks(&self, name: &str) -> impl Iterator<Item = TaskRow> {
        let rows = self.tasks.iter().filter(move |row| row.region == name);
        let ids = rows.flat_map(|row| &row.task_arns);
        ids.map(move |id| TaskRow::of(id, name))
    }
}
