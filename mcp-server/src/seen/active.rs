//! The runs that go on now, each with its runners by region.

use crate::backend::{Ask, Backend, BackendError};
use crate::seen::run::is_active;
use crate::seen::scenario::{Scenario, Scenarios};
use dlt_core::ids::TestId;
use futures_util::stream::{self, StreamExt as _};
use serde_json::Value;

/// Most active scenarios of which runs are asked for.
const MOST_ACTIVE: usize = 10;
/// How many at the same time.
const AT_ONCE: usize = 5;

/// An active run; what cannot be had is None.
#[derive(Debug)]
pub(crate) struct ActiveRun {
    pub scenario: Scenario,
    pub test_run_id: Option<String>,
    pub status: String,
    pub start: String,
}

/// The active runs, those of one scenario only if it is named; and how many there are.
pub(crate) async fn active_runs(
    backend: &dyn Backend,
    test: Option<&str>,
) -> Result<(Vec<ActiveRun>, usize), BackendError> {
    let ask = Ask::Scenarios {
        tags: Vec::new(),
        one_off: true,
    };
    let list: Scenarios = serde_json::from_value(backend.get(&ask).await?)
        .map_err(|error| BackendError::unreadable("scenarios", &error))?;
    let wanted = |item: &Scenario| test.is_none_or(|test| item.test_id == test);
    let active: Vec<Scenario> = list
        .items
        .into_iter()
        .filter(|item| item.is_active() && wanted(item))
        .collect();
    let total = active.len();
    let asked = stream::iter(active.into_iter().take(MOST_ACTIVE))
        .map(|item| async move { of_scenario(backend, item).await });
    Ok((asked.buffered(AT_ONCE).collect().await, total))
}

async fn of_scenario(backend: &dyn Backend, listed: Scenario) -> ActiveRun {
    let (mut scenario, mut row) = (None, Value::Null);
    if let Ok(test) = TestId::parse(&listed.test_id) {
        let ask = Ask::Scenario { test: test.clone() };
        let found = backend.get(&ask).await.ok();
        scenario = found.and_then(|found| serde_json::from_value(found).ok());
        let ask = Ask::Runs {
            test,
            limit: 1,
            from: None,
            to: None,
            after: None,
        };
        // The newest run may have ended since, or that in progress be one that cannot be read.
        if let Ok(page) = backend.get(&ask).await
            && is_active(page["testRuns"][0]["status"].as_str().unwrap_or_default())
        {
            row = page["testRuns"][0].clone();
        }
    }
    let text = |key: &str| row[key].as_str().map(str::to_owned);
    ActiveRun {
        test_run_id: text("testRunId"),
        status: text("status").unwrap_or_else(|| listed.status.clone()),
        start: text("startTime").unwrap_or_else(|| listed.start_time.clone()),
        scenario: scenario.unwrap_or(listed),
    }
}
