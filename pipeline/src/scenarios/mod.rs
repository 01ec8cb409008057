//! Scenarios: the stored bodies, which run each has, when it runs next. A
//! scenario has one run at a time; the claim is a conditional write, so two
//! starts at once cannot both win.

#[cfg(feature = "aws")]
pub mod dynamodb;
#[cfg(feature = "local")]
pub mod sqlite;

use crate::error::PipelineError;
use crate::runs::{self, Run, Runs};
use async_trait::async_trait;
use dlt_core::calls::answers::{LastRun, ScenarioListItem, TestRunSummary};
use dlt_core::ids::{TestId, TestRunId};
use dlt_core::run::Status;
use dlt_core::scenario::post::When;
use dlt_core::value::Value;
use serde::{Deserialize, Serialize};

/// How often a change is tried when others change the same scenario.
const MOST_CONFLICTS: usize = 10;

/// A scenario, as it is stored.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ScenarioItem {
    /// Rises with each change; 0 is not stored yet.
    pub version: u64,
    /// Which.
    pub test: TestId,
    /// The API body, as `Post::read` keeps it.
    pub body: Value,
    /// Where it stands: its last run's status, if it had one.
    pub status: Status,
    /// Its last run.
    pub run: Option<TestRunId>,
    /// When that started, `YYYY-MM-DD HH:MM:SS` UTC; empty if it never ran.
    #[serde(default)]
    pub start_time: String,
    /// Runs kept.
    #[serde(default)]
    pub total_runs: u64,
    /// The run that others are compared with.
    #[serde(default)]
    pub baseline: Option<TestRunId>,
    /// When it runs by itself.
    #[serde(default)]
    pub plan: Option<Planned>,
    /// The last run that has ended; nothing of those that an older dlt stored.
    #[serde(default)]
    pub last_run: Option<LastRun>,
    /// How many runs up to that one failed in a row.
    #[serde(default)]
    pub failures_in_a_row: u64,
}

/// A scenario's schedule, as it is stored.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Planned {
    /// The rule.
    pub when: When,
    /// The next occurrence, µs since the Unix epoch; None when it is over.
    pub next_us: Option<u64>,
    /// The same on the wall clock of its zone, `YYYY-MM-DD HH:MM:SS`; or empty.
    pub next_run: String,
    /// The run that the next occurrence starts: chosen before it is started, so
    /// that an occurrence never starts two.
    #[serde(default)]
    pub starting: Option<TestRunId>,
    /// What became of an occurrence that did not run as planned.
    #[serde(default)]
    pub note: Option<String>,
}

impl ScenarioItem {
    /// A scenario that is not stored yet and never ran.
    pub fn new(test: TestId, body: impl Into<Value>) -> Self {
        Self {
            version: 0,
            test,
            body: body.into(),
            status: Status::Created,
            run: None,
            start_time: String::new(),
            total_runs: 0,
            baseline: None,
            plan: None,
            last_run: None,
            failures_in_a_row: 0,
        }
    }

    /// Shows this run as the last one; None if there is none left. A schedule stays.
    pub fn show(&mut self, run: Option<&Run>) {
        self.run = run.map(|run| run.run.clone());
        self.start_time = run.map_or_else(String::new, |run| run.record.start_time.clone());
        if self.status != Status::Scheduled {
            self.status = run.map_or(Status::Created, |run| run.record.status);
        }
    }

    /// Remembers how a run ended; whether that was new. Told again, it is the same.
    fn ended(&mut self, row: &TestRunSummary) -> bool {
        let Some(ended) = LastRun::of(row) else {
            return false;
        };
        // A repeated word of an older run takes nothing back.
        let is_known = self
            .last_run
            .as_ref()
            .is_some_and(|last| last.run_id == ended.run_id || last.at > ended.at);
        if !is_known {
            self.failures_in_a_row = ended.failures_in_a_row(self.failures_in_a_row);
            self.last_run = Some(ended);
        }
        !is_known
    }

    /// Remembers how the runs ended that are left, newest first.
    pub fn ended_as(&mut self, rows: &[TestRunSummary]) {
        (self.last_run, self.failures_in_a_row) = (None, 0);
        for row in rows.iter().rev() {
            self.ended(row);
        }
    }

    /// A text of the body, or empty.
    pub fn text(&self, key: &str) -> String {
        self.body[key].as_str().unwrap_or_default().to_owned()
    }

    /// Whether it was made by a one-off run, so that lists leave it out.
    pub fn is_one_off(&self) -> bool {
        self.body["oneOff"] == true
    }

    /// The zone that `nextRun` is in.
    pub fn zone(&self) -> String {
        let zone = self.plan.as_ref().map(|plan| plan.when.zone_name());
        zone.unwrap_or("UTC").to_owned()
    }

    /// Its row in the list.
    pub fn row(&self) -> ScenarioListItem {
        let when = self.plan.as_ref().map(|plan| plan.when.clone());
        let when = when.unwrap_or_default();
        ScenarioListItem {
            test_id: self.test.to_string(),
            test_name: self.text("testName"),
            test_description: self.text("testDescription"),
            status: self.status,
            start_time: self.start_time.clone(),
            next_run: self
                .plan
                .as_ref()
                .map(|plan| plan.next_run.clone())
                .unwrap_or_default(),
            schedule_recurrence: when.recurrence,
            cron_value: when.cron,
            schedule_timezone: self.zone(),
            tags: self.body["tags"]
                .as_array()
                .into_iter()
                .flatten()
                .filter_map(|tag| tag.as_str().map(str::to_owned))
                .collect(),
            total_test_runs: self.total_runs,
            last_run: self.last_run.clone(),
            failures_in_a_row: Some(self.failures_in_a_row),
            one_off: self.is_one_off(),
            unreadable: None,
        }
    }
}

/// Where scenarios are kept.
#[async_trait]
pub trait Scenarios: Send + Sync {
    /// A scenario.
    async fn get(&self, test: &TestId) -> Result<Option<ScenarioItem>, PipelineError>;
    /// The version that is stored; None if there is no such scenario. For who asks often: where the
    /// store can, without reading the scenario.
    async fn version(&self, test: &TestId) -> Result<Option<u64>, PipelineError> {
        Ok(self.get(test).await?.map(|item| item.version))
    }
    /// Stores a scenario whose stored version is still `item.version` (0: there
    /// is none), and raises the version; else [`PipelineError::Conflict`].
    async fn put(&self, item: &ScenarioItem) -> Result<(), PipelineError>;
    /// Every scenario's row: latest start first, those that never ran last.
    async fn list(&self) -> Result<Vec<ScenarioListItem>, PipelineError>;
    /// Removes a scenario whose stored version is still `item.version`, else
    /// [`PipelineError::Conflict`]; one that is gone already does not matter.
    async fn delete(&self, item: &ScenarioItem) -> Result<(), PipelineError>;
}

/// A scenario that must exist.
pub async fn need(scenarios: &dyn Scenarios, test: &TestId) -> Result<ScenarioItem, PipelineError> {
    scenarios
        .get(test)
        .await?
        .ok_or_else(|| PipelineError::NoScenario(test.to_string()))
}

/// Changes a scenario; again when somebody else was faster. `change` answers
/// false to leave it as it is.
pub async fn update(
    scenarios: &dyn Scenarios,
    test: &TestId,
    change: &(dyn Fn(&mut ScenarioItem) -> bool + Send + Sync),
) -> Result<ScenarioItem, PipelineError> {
    for _ in 0..MOST_CONFLICTS {
        let mut item = need(scenarios, test).await?;
        if !change(&mut item) {
            return Ok(item);
        }
        match scenarios.put(&item).await {
            Ok(()) => {
                item.version += 1;
                return Ok(item);
            }
            Err(PipelineError::Conflict(_)) => {}
            Err(error) => return Err(error),
        }
    }
    Err(too_many(test))
}

/// Changes a scenario, or makes it, unless a run of it is in progress and
/// `at_rest` is asked for ([`PipelineError::Busy`]); again when somebody else
/// was faster.
pub async fn keep(
    scenarios: &dyn Scenarios,
    runs: &dyn Runs,
    test: &TestId,
    at_rest: bool,
    change: &(dyn Fn(&mut ScenarioItem) + Send + Sync),
) -> Result<(), PipelineError> {
    for _ in 0..MOST_CONFLICTS {
        let stored = scenarios.get(test).await?;
        if let Some(item) = stored.as_ref().filter(|_| at_rest) {
            need_rest(item, runs).await?;
        }
        let mut item = stored.unwrap_or_else(|| ScenarioItem::new(test.clone(), Value::Null));
        change(&mut item);
        match scenarios.put(&item).await {
            Err(PipelineError::Conflict(_)) => {}
            other => return other,
        }
    }
    Err(too_many(test))
}

fn too_many(test: &TestId) -> PipelineError {
    PipelineError::Conflict(format!("scenario {test} is changed by too many at once"))
}

/// The run in progress, if there is one.
pub async fn active_run(
    item: &ScenarioItem,
    runs: &dyn Runs,
) -> Result<Option<TestRunId>, PipelineError> {
    let Some(run) = item.run.as_ref().filter(|_| !item.status.is_resting()) else {
        return Ok(None);
    };
    // A start that broke off half-way left a claim without a run.
    // With a damaged run nobody can go on, and it must not hold its scenario for ever.
    let stored = runs::readable(runs, &item.test, run).await?;
    let active = stored.is_some_and(|run| !run.record.status.is_terminal());
    Ok(active.then(|| run.clone()))
}

/// [`PipelineError::Busy`] if a run is in progress.
pub async fn need_rest(item: &ScenarioItem, runs: &dyn Runs) -> Result<(), PipelineError> {
    match active_run(item, runs).await? {
        None => Ok(()),
        Some(run) => Err(PipelineError::Busy {
            test: item.test.to_string(),
            run: run.to_string(),
        }),
    }
}

/// A scenario that was taken for a run.
#[derive(Debug, Clone)]
pub struct Claim {
    /// As it was before, if it existed.
    before: Option<ScenarioItem>,
    /// As it is stored now.
    pub item: ScenarioItem,
}

/// Takes the scenario for a new run; [`PipelineError::Busy`] if it has one.
/// `body` replaces the stored one.
pub async fn claim(
    scenarios: &dyn Scenarios,
    runs: &dyn Runs,
    test: &TestId,
    body: Value,
    run: &TestRunId,
    start_time: &str,
) -> Result<Claim, PipelineError> {
    for _ in 0..MOST_CONFLICTS {
        let before = scenarios.get(test).await?;
        if let Some(item) = &before {
            need_rest(item, runs).await?;
        }
        let mut item = before
            .clone()
            .unwrap_or_else(|| ScenarioItem::new(test.clone(), Value::Null));
        item.body = body.clone();
        item.status = Status::Queued;
        item.run = Some(run.clone());
        start_time.clone_into(&mut item.start_time);
        item.total_runs += 1;
        match scenarios.put(&item).await {
            Ok(()) => {
                item.version += 1;
                return Ok(Claim { before, item });
            }
            // Another start won, or something else of it was changed: look again.
            Err(PipelineError::Conflict(_)) => {}
            Err(error) => return Err(error),
        }
    }
    Err(too_many(test))
}

impl Claim {
    /// Gives the scenario back as it was: its run did not come about. Should
    /// even that fail, the next start sees that there is no such run.
    pub async fn release(self, scenarios: &dyn Scenarios) {
        let _ = match self.before {
            Some(mut before) => {
                before.version = self.item.version;
                scenarios.put(&before).await
            }
            None => scenarios.delete(&self.item).await,
        };
    }
}

/// Shows a run's status on its scenario, unless that has a newer run or is gone, and how the run
/// ended.
pub async fn mirror(scenarios: &dyn Scenarios, run: &Run) -> Result<(), PipelineError> {
    let (status, row) = (run.record.status, run.record.row());
    let change = |item: &mut ScenarioItem| {
        let moved = item.run.as_ref() == Some(&run.run) && item.status != status;
        if moved {
            item.status = status;
        }
        item.ended(&row) || moved
    };
    match update(scenarios, &run.test, &change).await {
        Err(PipelineError::NoScenario(_)) => Ok(()),
        other => other.map(drop),
    }
}

#[cfg(test)]
mod tests;
