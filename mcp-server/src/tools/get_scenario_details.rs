//! How a scenario is set up: its load, requests and schedule, without the secrets in its
//! headers and bodies.

use super::list_scenarios::schedule;
use super::{CallContext, Question, parse_test_id};
use crate::backend::{Ask, BackendError};
use crate::clean::{self, Text};
use crate::refusal::Refusal;
use crate::seen::scenario::Scenario;
use crate::units::{local_time, utc_time};
use crate::views::answer::{ToolAnswer, Warning};
use async_trait::async_trait;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

/// Most requests that are listed.
const MOST_REQUESTS: usize = 12;
/// Depth to which the plan is shown.
const SCRIPT_DEPTH: usize = 8;
/// Longest plan that is shown, characters.
const LONGEST_SCRIPT: usize = 20_000;

pub(super) struct GetScenarioDetails;

#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Input {
    #[schemars(length(min = 1, max = 128))]
    test_id: String,
    /// Also the whole plan, secrets redacted
    #[serde(default)]
    include_script: bool,
}

#[derive(Debug, Serialize, JsonSchema)]
pub(super) struct Output {
    scenario: Head,
    load: Load,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    requests: Vec<RequestRow>,
    #[serde(skip_serializing_if = "Option::is_none")]
    requests_total: Option<usize>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    thresholds: Vec<Text>,
    #[serde(skip_serializing_if = "Option::is_none")]
    schedule: Option<Text>,
    #[serde(skip_serializing_if = "Option::is_none")]
    next_run: Option<Text>,
    #[serde(skip_serializing_if = "Option::is_none")]
    baseline_run_id: Option<Text>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    tasks_per_region: Vec<TaskRow>,
    #[serde(skip_serializing_if = "Option::is_none")]
    script: Option<Map<String, Value>>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    warnings: Vec<Warning>,
    next: Text,
}

#[derive(Debug, Serialize, JsonSchema)]
struct Head {
    test_id: Text,
    name: Text,
    #[serde(skip_serializing_if = "Option::is_none")]
    description: Option<Text>,
    test_type: Text,
    status: Text,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    tags: Vec<Text>,
    #[serde(skip_serializing_if = "Option::is_none")]
    last_start: Option<Text>,
    total_runs: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    healthy_threshold_pct: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    error_reason: Option<Text>,
}

/// The first execution's load; several are in `script`.
#[derive(Debug, Serialize, JsonSchema)]
struct Load {
    regions: Vec<RegionLoad>,
    #[serde(skip_serializing_if = "Option::is_none")]
    users: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    arrivals_rps: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    throughput_cap_rps: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    ramp_up: Option<Text>,
    #[serde(skip_serializing_if = "Option::is_none")]
    hold_for: Option<Text>,
    #[serde(skip_serializing_if = "Option::is_none")]
    stages: Option<Text>,
    executions: usize,
}

#[derive(Debug, Serialize, JsonSchema)]
struct RegionLoad {
    region: Text,
    tasks: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    users_per_task: Option<u64>,
}

#[derive(Debug, Serialize, JsonSchema)]
struct RequestRow {
    #[serde(skip_serializing_if = "Option::is_none")]
    label: Option<Text>,
    method: Text,
    url: Text,
    #[serde(skip_serializing_if = "Option::is_none")]
    once: Option<&'static str>,
}

#[derive(Debug, Serialize, JsonSchema)]
struct TaskRow {
    region: Text,
    running: u64,
    pending: u64,
    desired: u64,
}

fn text(value: &Value) -> Option<Text> {
    match value {
        Value::Null => None,
        Value::String(text) => Text::some(text),
        other => Text::some(&other.to_string()),
    }
}

fn number(value: &Value) -> Option<f64> {
    match value {
        Value::String(text) => text.parse().ok(),
        other => other.as_f64(),
    }
}

fn load(scenario: &Scenario, plan: &Value) -> Load {
    let executions = plan["execution"].as_array().map_or(0, Vec::len);
    let first = &plan["execution"][0];
    let whole = |value: &Value| number(value).map(|number| number.max(0.0) as u64);
    let configs = scenario.test_task_configs.as_array();
    let stages = first["stages"].as_array().map(|stages| {
        let rows = stages.iter().map(|stage| {
            let part = |key: &str| text(&stage[key]).unwrap_or_default();
            format!(
                "{} in {}",
                part("target").as_str(),
                part("duration").as_str()
            )
        });
        Text::of(&rows.collect::<Vec<_>>().join(", "))
    });
    Load {
        regions: configs
            .into_iter()
            .flatten()
            .map(|config| RegionLoad {
                region: text(&config["region"]).unwrap_or_default(),
                tasks: whole(&config["taskCount"]).unwrap_or(0),
                users_per_task: whole(&config["concurrency"])
                    .filter(|_| first["users"].is_null() && first["arrivals"].is_null()),
            })
            .collect(),
        users: number(&first["users"]),
        arrivals_rps: number(&first["arrivals"]),
        throughput_cap_rps: number(&first["throughput"]),
        ramp_up: text(&first["ramp-up"]).filter(|_| stages.is_none()),
        hold_for: text(&first["hold-for"]).filter(|_| stages.is_none()),
        stages,
        executions,
    }
}

/// The requests of a list, those in its blocks, too. Whoever stored it bounded its depth.
fn listed(list: &Value) -> Vec<&Value> {
    let mut found = Vec::new();
    for entry in list.as_array().into_iter().flatten() {
        let inside = ["then", "else", "do", "once"].map(|key| &entry[key]);
        let choices = entry["choose"].as_array().into_iter().flatten();
        let inside = inside
            .into_iter()
            .chain(choices.map(|choice| &choice["do"]));
        let lists: Vec<&Value> = inside.filter(|list| list.is_array()).collect();
        match lists.is_empty() {
            true if entry.is_string() || entry["url"].is_string() => found.push(entry),
            true => {}
            false => found.extend(lists.into_iter().flat_map(listed)),
        }
    }
    found
}

/// The requests of the scenarios that are executed: DLT's clients keep a second copy of one under
/// the test's name.
fn requests(plan: &Value) -> Vec<RequestRow> {
    let items = plan["execution"].as_array();
    let names: Vec<&str> = items
        .into_iter()
        .flatten()
        .filter_map(|item| item["scenario"].as_str())
        .collect();
    let scenarios = plan["scenarios"].as_object();
    let all = scenarios
        .into_iter()
        .flatten()
        .filter(|(name, _)| names.is_empty() || names.contains(&name.as_str()))
        .map(|row| row.1);
    // Those in blocks, too.
    let lists = [
        ("setup", Some("setup")),
        ("requests", None),
        ("teardown", Some("teardown")),
    ];
    all.flat_map(|scenario| {
        let lists = lists.into_iter();
        lists.flat_map(|(key, once)| {
            let found = listed(&scenario[key]).into_iter();
            found.map(move |request| (request, once))
        })
    })
    .map(|(request, once)| match request {
        Value::String(url) => RequestRow {
            label: None,
            method: "GET".into(),
            url: Text::of(url),
            once,
        },
        request => RequestRow {
            label: text(&request["label"]),
            method: text(&request["method"]).unwrap_or_else(|| "GET".into()),
            url: text(&request["url"]).unwrap_or_default(),
            once,
        },
    })
    .collect()
}

#[async_trait]
impl Question for GetScenarioDetails {
    const NAME: &'static str = "get_scenario_details";
    const TITLE: &'static str = "Scenario details";
    const DESCRIPTION: &'static str = "How a scenario is set up: regions, tasks, load, requests, thresholds, \
        schedule, baseline. Secrets are redacted. For numbers call get_results.";
    type Input = Input;
    type Output = Output;

    async fn answer(
        context: &CallContext<'_>,
        input: Input,
    ) -> Result<ToolAnswer<Output>, Refusal> {
        let test = parse_test_id(&input.test_id)?;
        let record = context.backend.get(&Ask::Scenario { test }).await?;
        let scenario: Scenario = serde_json::from_value(record)
            .map_err(|error| BackendError::unreadable("scenario", &error))?;
        let plan = scenario.plan();
        let mut requests = requests(&plan);
        let total = requests.len();
        requests.truncate(MOST_REQUESTS);
        let mut warnings = Vec::new();
        let script = input
            .include_script
            .then(|| clean::plan(&plan, SCRIPT_DEPTH));
        let script = script.and_then(|script| match script {
            Value::Object(fields) if is_short(&fields) => Some(fields),
            _ => {
                let text = "the plan is too long to be shown, or not kept here";
                warnings.push(Warning::new("script_unavailable", text));
                None
            }
        });
        Ok(ToolAnswer::whole(Output {
            load: load(&scenario, &plan),
            requests,
            requests_total: (total > MOST_REQUESTS).then_some(total),
            thresholds: scenario
                .thresholds
                .iter()
                .take(20)
                .map(|text| Text::of(text))
                .collect(),
            schedule: schedule(
                &scenario.schedule_recurrence,
                &scenario.cron_value,
                &scenario.schedule_timezone,
            ),
            next_run: local_time(&scenario.next_run, &scenario.schedule_timezone),
            baseline_run_id: scenario.baseline_id.as_deref().and_then(Text::some),
            tasks_per_region: tasks(&scenario),
            script,
            warnings,
            next: match scenario.total_test_runs {
                0 => "it has not run yet".into(),
                _ => "call get_results for its newest run, list_test_runs for all".into(),
            },
            scenario: head(&scenario),
        }))
    }
}

fn is_short(fields: &Map<String, Value>) -> bool {
    serde_json::to_string(fields).is_ok_and(|text| text.chars().count() <= LONGEST_SCRIPT)
}

fn tasks(scenario: &Scenario) -> Vec<TaskRow> {
    let rows = scenario.tasks_per_region.iter().take(20);
    rows.map(|row| TaskRow {
        region: Text::of(&row.region),
        running: row.running,
        pending: row.pending,
        desired: row.desired,
    })
    .collect()
}

fn head(scenario: &Scenario) -> Head {
    Head {
        test_id: Text::of(&scenario.test_id),
        name: Text::of(&scenario.test_name),
        description: Text::some(&scenario.test_description),
        test_type: Text::of(&scenario.test_type),
        status: Text::of(&scenario.status),
        tags: scenario.tags.iter().map(|tag| Text::of(tag)).collect(),
        last_start: utc_time(&scenario.start_time),
        total_runs: scenario.total_test_runs,
        healthy_threshold_pct: scenario.healthy_threshold.filter(|percent| *percent > 0),
        error_reason: scenario.error_reason.as_deref().and_then(Text::some),
    }
}
