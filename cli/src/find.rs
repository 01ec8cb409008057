//! Finds runs by what users type: an id, its beginning, `latest`, a scenario. The API
//! lists runs by scenario, so a search over all runs goes through the scenarios, newest
//! first, and stops when the remaining ones cannot contain newer runs.

use crate::client::{Client, ClientError, understood};
use dlt_core::calls::MOST_RUNS;
use dlt_core::calls::answers::{ScenarioList, ScenarioListItem, TestRunSummary, TestRunsPage};
use dlt_core::ids::{TestId, TestRunId};
use serde_json::{Value, json};
use std::cmp::Reverse;

/// Most runs that are searched for the beginning of an id, newest first.
const MOST_SEARCHED: usize = 10_000;
/// Most candidates named when a beginning is ambiguous.
const MOST_CANDIDATES: usize = 5;

/// A run in a list, with its scenario.
#[derive(Debug, Clone, PartialEq)]
pub struct RunRow {
    /// The scenario's id.
    pub test: String,
    /// The scenario's name.
    pub name: String,
    /// The API's row.
    pub run: TestRunSummary,
}

impl RunRow {
    /// The run's id and that of its scenario.
    pub fn location(&self) -> RunLocation {
        RunLocation {
            test: self.test.clone(),
            run: self.run.test_run_id.clone(),
        }
    }

    /// The API's row, with the scenario's id and name.
    pub fn to_json(&self) -> Value {
        let mut row = json!({ "testId": self.test, "testName": self.name });
        if let (Some(row), Ok(Value::Object(run))) =
            (row.as_object_mut(), serde_json::to_value(&self.run))
        {
            row.extend(run);
        }
        row
    }
}

/// A run's id and that of its scenario: both are in its path.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RunLocation {
    /// The scenario's id.
    pub test: String,
    /// The run's id.
    pub run: String,
}

impl RunLocation {
    /// The path of its record in the API.
    pub fn path(&self) -> String {
        format!("/scenarios/{}/testruns/{}", self.test, self.run)
    }
}

/// The newest runs of a scenario.
pub async fn of_scenario(
    client: &Client,
    scenario: &str,
    limit: usize,
) -> Result<Vec<RunRow>, ClientError> {
    let test = test_id(scenario)?;
    let path = format!("/scenarios/{test}");
    let query = [("history", "false"), ("latest", "false")];
    let name = client.get(&path, &query).await?["testName"]
        .as_str()
        .unwrap_or_default()
        .to_owned();
    all_pages(client, test.as_str(), &name, limit).await
}

/// The newest runs of a scenario in the list.
pub async fn of_listed(
    client: &Client,
    item: &ScenarioListItem,
    limit: usize,
) -> Result<Vec<RunRow>, ClientError> {
    all_pages(client, &item.test_id, &item.test_name, limit).await
}

/// Parses a scenario's id, which becomes part of a path.
pub fn test_id(text: &str) -> Result<TestId, ClientError> {
    TestId::parse(text).map_err(|error| ClientError::Input(error.to_string()))
}

async fn all_pages(
    client: &Client,
    test: &str,
    name: &str,
    limit: usize,
) -> Result<Vec<RunRow>, ClientError> {
    let path = format!("/scenarios/{test}/testruns");
    let mut rows: Vec<RunRow> = Vec::new();
    let mut token: Option<String> = None;
    loop {
        let page = limit.saturating_sub(rows.len()).min(MOST_RUNS).to_string();
        let mut query = vec![("limit", page.as_str())];
        if let Some(token) = &token {
            query.push(("next_token", token));
        }
        let answer = client.get(&path, &query).await?;
        let answer: TestRunsPage = understood(&path, answer)?;
        let empty = answer.test_runs.is_empty();
        rows.extend(answer.test_runs.into_iter().map(|run| RunRow {
            test: test.to_owned(),
            name: name.to_owned(),
            run,
        }));
        token = answer.pagination.next_token;
        if token.is_none() || empty || rows.len() >= limit {
            rows.truncate(limit);
            return Ok(rows);
        }
    }
}

/// The newest runs of all scenarios.
pub async fn newest(client: &Client, limit: usize) -> Result<Vec<RunRow>, ClientError> {
    let mut rows: Vec<RunRow> = Vec::new();
    for scenario in by_last_run(client).await? {
        if rows.len() >= limit && !may_have_newer(&scenario, &rows) {
            continue;
        }
        let more = all_pages(client, &scenario.test_id, &scenario.test_name, limit).await;
        match more {
            // It was deleted since the list was read.
            Err(error) if error.is_not_found() => {}
            more => rows.extend(more?),
        }
        rows.sort_by_key(|row| Reverse(row.run.start_time.clone()));
        rows.truncate(limit);
    }
    Ok(rows)
}

/// Scenarios that have run, latest start first. A rescheduled scenario has no start time;
/// such scenarios come last.
pub async fn by_last_run(client: &Client) -> Result<Vec<ScenarioListItem>, ClientError> {
    let list: ScenarioList = client.read("/scenarios", &[("oneOff", "true")]).await?;
    let mut items = list.items;
    items.retain(|item| item.total_test_runs > 0 || !item.start_time.is_empty());
    items.sort_by_key(|item| Reverse(item.start_time.clone()));
    Ok(items)
}

/// Whether a scenario may have a run that is newer than the oldest of `rows`.
fn may_have_newer(scenario: &ScenarioListItem, rows: &[RunRow]) -> bool {
    let oldest = rows.last().map(|row| row.run.start_time.as_str());
    scenario.start_time.is_empty()
        || oldest.is_none_or(|oldest| scenario.start_time.as_str() > oldest)
}

/// The newest run, of all scenarios or of one.
pub async fn latest(client: &Client, scenario: Option<&str>) -> Result<RunLocation, ClientError> {
    let rows = match scenario {
        Some(scenario) => of_scenario(client, scenario, 1).await?,
        None => newest(client, 1).await?,
    };
    match rows.into_iter().next() {
        Some(row) => Ok(row.location()),
        None => Err(ClientError::Input(match scenario {
            Some(scenario) => format!(
                "scenario {scenario} has not run yet; try dlt scenarios start {scenario} --wait"
            ),
            None => "there is no run: nothing has run yet; try dlt demo".to_owned(),
        })),
    }
}

/// A run by its id, by the beginning of its id, or `latest`.
pub async fn run(client: &Client, name: &str) -> Result<RunLocation, ClientError> {
    if name == "latest" {
        return latest(client, None).await;
    }
    let none = || {
        ClientError::Input(format!(
            "there is no run {name:?}; dlt runs list names them"
        ))
    };
    if TestRunId::parse(name).is_err() {
        return Err(none());
    }
    let mut candidates: Vec<RunLocation> = Vec::new();
    let mut left = MOST_SEARCHED;
    for scenario in by_last_run(client).await? {
        let rows = match all_pages(client, &scenario.test_id, &scenario.test_name, left).await {
            Err(error) if error.is_not_found() => continue,
            rows => rows?,
        };
        left -= rows.len();
        for row in rows {
            if row.run.test_run_id == name {
                return Ok(row.location());
            }
            if row.run.test_run_id.starts_with(name) {
                candidates.push(row.location());
            }
        }
        if left == 0 {
            break;
        }
    }
    match candidates.len() {
        0 | 1 => candidates.pop().ok_or_else(none),
        n => Err(ClientError::Input(format!(
            "{name:?} is the beginning of {n} runs: {}{}",
            candidates
                .iter()
                .take(MOST_CANDIDATES)
                .map(|candidate| candidate.run.as_str())
                .collect::<Vec<_>>()
                .join(", "),
            if n > MOST_CANDIDATES { ", …" } else { "" }
        ))),
    }
}

/// A run by its id, the beginning of its id, `latest`, or its scenario's id (the newest
/// run); without any, the newest run of all.
pub async fn run_or_scenario(
    client: &Client,
    what: Option<&str>,
) -> Result<RunLocation, ClientError> {
    let Some(what) = what.filter(|what| *what != "latest") else {
        return latest(client, None).await;
    };
    match of_scenario(client, what, 1).await {
        Ok(rows) => match rows.first() {
            Some(row) => Ok(row.location()),
            None => latest(client, Some(what)).await,
        },
        Err(error) if error.is_not_found() => match run(client, what).await {
            Err(ClientError::Input(text)) if text.starts_with("there is no run") => {
                Err(ClientError::Input(format!(
                    "{what:?} is neither a run nor a scenario; dlt runs list and dlt scenarios list name them"
                )))
            }
            found => found,
        },
        Err(error) => Err(error),
    }
}

/// A scenario's baseline, as its path has it.
pub async fn baseline_of(
    client: &Client,
    scenario: &str,
) -> Result<Option<RunLocation>, ClientError> {
    let test = test_id(scenario)?;
    let path = format!("/scenarios/{test}/baseline");
    let answer = client.get(&path, &[("data", "false")]).await?;
    Ok(answer["baselineId"].as_str().map(|run| RunLocation {
        test: test.to_string(),
        run: run.to_owned(),
    }))
}
