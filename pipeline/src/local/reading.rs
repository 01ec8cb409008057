//! A data folder opened for reading alone: the ports that answer GET calls as
//! the service would, while another process may hold the folder's lock. Nothing
//! is picked up or launched, and nothing written but what an older dlt did not.

use crate::error::PipelineError;
use crate::executions::Executions;
use crate::fleet::{Fleet, Launch, Launched, Place, RunnerStatus, Stop};
use crate::live::{Drained, Live, Subscription};
use crate::local::migration::FILL;
use crate::local::{SystemClock, created};
use crate::objects::files::FileObjects;
use crate::regions::home::HomeRegions;
use crate::runs::Run;
use crate::runs::sqlite::SqliteRuns;
use crate::scenarios::sqlite::SqliteScenarios;
use crate::schedules::timers::Timers;
use crate::store::sqlite::Database;
use crate::world::{Pace, Scripts, World};
use async_trait::async_trait;
use dlt_core::calls::live::LiveEvent;
use dlt_core::ids::{Region, RunnerId, TestId, TestRunId};
use dlt_core::routing::EnvironmentProxies;
use dlt_core::target_policy::TargetPolicy;
use serde_json::Value;
use std::path::Path;
use std::sync::Arc;

/// The world of a folder at rest, for GET calls. A folder that does not exist
/// is an empty one, and is not made.
pub fn to_read(dir: &Path, regions: &[(Region, u64)]) -> Result<World, PipelineError> {
    let database = match Database::open_to_read(dir, &FILL)? {
        Some(database) => database,
        None => Database::empty()?,
    };
    let regions = and_those_stored(&database, regions)?;
    let runs = SqliteRuns(database.clone());
    let depot = dir.join("objects");
    Ok(World {
        scenarios: Arc::new(SqliteScenarios(database)),
        schedules: Arc::new(Timers::default()),
        runs: Arc::new(runs.clone()),
        objects: Arc::new(FileObjects::new(depot.clone())),
        regions: Arc::new(HomeRegions::new(regions, runs, created(dir, &SystemClock))),
        fleet: Arc::new(AtRest),
        live: Arc::new(AtRest),
        executions: Arc::new(AtRest),
        clock: Arc::new(SystemClock),
        pace: Pace::home(),
        depot: depot.display().to_string(),
        cores: None,
        targets: TargetPolicy::default(),
        scripts: Scripts::Refused,
        proxies: EnvironmentProxies::default(),
    })
}

/// These regions and, of the size of the first, those that stored scenarios
/// name: at rest nobody has said which regions the next service will have.
pub fn regions_at_rest(
    dir: &Path,
    regions: &[(Region, u64)],
) -> Result<Vec<(Region, u64)>, PipelineError> {
    match Database::open_to_read(dir, &FILL)? {
        Some(database) => and_those_stored(&database, regions),
        None => Ok(regions.to_vec()),
    }
}

fn and_those_stored(
    database: &Database,
    regions: &[(Region, u64)],
) -> Result<Vec<(Region, u64)>, PipelineError> {
    let mut all = regions.to_vec();
    let size = regions.first().map_or(1, |row| row.1);
    for region in SqliteScenarios(database.clone()).regions()? {
        if !all.iter().any(|row| row.0 == region) {
            all.push((region, size));
        }
    }
    Ok(all)
}

/// Where nothing runs.
#[derive(Debug)]
struct AtRest;

impl AtRest {
    fn refuse<T>() -> Result<T, PipelineError> {
        Err(PipelineError::Other(
            "this data folder was opened for reading".to_owned(),
        ))
    }
}

#[async_trait]
impl Fleet for AtRest {
    async fn launch(&self, _: &Launch) -> Result<Launched, PipelineError> {
        Self::refuse()
    }

    async fn list(&self, _: &TestId, _: Place<'_>) -> Result<Vec<RunnerStatus>, PipelineError> {
        Ok(Vec::new())
    }

    async fn alive(&self, _: Place<'_>) -> Result<Vec<RunnerStatus>, PipelineError> {
        Ok(Vec::new())
    }

    async fn stop(
        &self,
        _: &TestRunId,
        _: &Region,
        _: &[RunnerId],
        _: Stop,
    ) -> Result<(), PipelineError> {
        Self::refuse()
    }
}

#[async_trait]
impl Live for AtRest {
    async fn publish(&self, _: &Run, _: LiveEvent) {}

    async fn subscribe(
        &self,
        _: &TestId,
        _: &TestRunId,
    ) -> Result<Option<Subscription>, PipelineError> {
        Ok(None)
    }

    async fn drain(&self, _: &TestRunId) -> Result<Drained, PipelineError> {
        Self::refuse()
    }
}

#[async_trait]
impl Executions for AtRest {
    async fn start(
        &self,
        _: &str,
        _: &TestId,
        _: &TestRunId,
        _: Value,
    ) -> Result<(), PipelineError> {
        Self::refuse()
    }

    async fn goes_on(&self, _: &str) -> Result<Option<bool>, PipelineError> {
        Self::refuse()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::api::{Answer, answer};
    use crate::objects::body_of;
    use crate::scenarios::{ScenarioItem, Scenarios as _};
    use dlt_core::calls::request::{Call, Request};
    use serde_json::json;

    async fn ask(world: &World, path: &str) -> Result<Value, u16> {
        let request = Request {
            method: "GET",
            path,
            query: None,
            body: b"",
        };
        let call = Call::read(&request).unwrap().unwrap();
        match answer(world, call, body_of(Vec::new())).await {
            Ok(Answer::Json(value)) => Ok(value.to_serde()),
            Ok(_) => panic!("bytes"),
            Err(refusal) => Err(refusal.status),
        }
    }

    fn home_1() -> Vec<(Region, u64)> {
        vec![(Region::parse("lo-home-1").unwrap(), 8)]
    }

    #[tokio::test]
    async fn a_folder_that_is_not_there_reads_as_empty_and_is_not_made() {
        let folder = tempfile::tempdir().unwrap();
        let dir = folder.path().join("none");
        let world = to_read(&dir, &home_1()).unwrap();
        assert_eq!(ask(&world, "/scenarios").await, Ok(json!({ "Items": [] })));
        assert_eq!(ask(&world, "/scenarios/x").await, Err(404));
        assert!(!dir.exists());
    }

    #[tokio::test]
    async fn what_is_stored_is_answered_whatever_regions_it_names() {
        let folder = tempfile::tempdir().unwrap();
        let database = Database::open(folder.path(), &[]).unwrap();
        let test = TestId::parse("Xk29QmWz7B").unwrap();
        let body = json!({
            "testName": "far", "testTaskConfigs": [{ "region": "lo-far-3", "taskCount": 1 }],
        });
        let item = ScenarioItem::new(test, body);
        SqliteScenarios(database).put(&item).await.unwrap();
        let world = to_read(folder.path(), &home_1()).unwrap();
        let got = ask(&world, "/scenarios/Xk29QmWz7B").await.unwrap();
        assert_eq!(got["testTaskConfigs"][0]["taskCluster"], "home");
        let capacity = ask(&world, "/vCPUDetails").await.unwrap();
        assert_eq!(capacity["lo-far-3"]["vCPULimit"], 16);
        // Reading leaves the folder to whoever locks it.
        assert!(crate::local::lock::ServiceLock::take(folder.path()).is_ok());
    }

    #[tokio::test]
    async fn numbers_are_stored_and_answered_as_they_were_written() {
        let folder = tempfile::tempdir().unwrap();
        let database = Database::open(folder.path(), &[]).unwrap();
        let test = TestId::parse("Xk29QmWz7B").unwrap();
        let variables = r#"{"p":1.50,"n":12e5,"id":123456789012345678901234,"k":7}"#;
        let body = format!(
            r#"{{"testName":"far","testTaskConfigs":[],"testScenario":{{"scenarios":{{"s":{{"variables":{variables}}}}}}}}}"#
        );
        let body = dlt_core::value::Value::from_json(&body).unwrap();
        let item = ScenarioItem::new(test, body);
        SqliteScenarios(database).put(&item).await.unwrap();
        let world = to_read(folder.path(), &home_1()).unwrap();
        let request = Request {
            method: "GET",
            path: "/scenarios/Xk29QmWz7B",
            query: None,
            body: b"",
        };
        let call = Call::read(&request).unwrap().unwrap();
        let Ok(Answer::Json(got)) = answer(&world, call, body_of(Vec::new())).await else {
            panic!("no JSON");
        };
        let kept = &got["testScenario"]["scenarios"]["s"]["variables"];
        assert_eq!(kept.to_string(), variables);
    }
}
