//! The API without a socket: a world of real local adapters in a folder of its
//! own, whose clock stands still and in which no workflow is driven.

use dlt_core::calls::request::{Call, Request};
use dlt_core::ids::{Region, RunPrefix, TestId, TestRunId};
use dlt_core::routing::EnvironmentProxies;
use dlt_core::run::Status;
use dlt_core::scenario::plan::FileType;
use dlt_core::target_policy::TargetPolicy;
use dlt_pipeline::api::{self, Answer};
use dlt_pipeline::clock::{Clock, stamp};
use dlt_pipeline::error::PipelineError;
use dlt_pipeline::executions::sqlite::SqliteExecutions;
use dlt_pipeline::fleet::{process::Lifetime, processes::Processes};
use dlt_pipeline::live::broadcast::Broadcast;
use dlt_pipeline::objects::{self, files::FileObjects};
use dlt_pipeline::regions::home::HomeRegions;
use dlt_pipeline::runs::{Beside, RegionTasks, Run, Spare, sqlite::SqliteRuns};
use dlt_pipeline::scenarios::sqlite::SqliteScenarios;
use dlt_pipeline::schedules::timers::Timers;
use dlt_pipeline::store::sqlite::Database;
use dlt_pipeline::world::{Pace, Scripts, World};
use serde_json::{Value, json};
use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use tokio_stream::StreamExt as _;

/// 2026-03-04 09:15:02 UTC.
const NOW_US: u64 = 1_772_615_702_000_000;

/// A clock that stands, and chance that is the same in each run of the tests.
#[derive(Debug, Default)]
struct Still {
    drawn: AtomicU64,
}

impl Clock for Still {
    fn now_us(&self) -> u64 {
        NOW_US
    }

    fn random(&self, bytes: &mut [u8]) -> Result<(), PipelineError> {
        let mut state = self.drawn.fetch_add(1, Ordering::Relaxed) + 1;
        for byte in bytes {
            state = state
                .wrapping_mul(6_364_136_223_846_793_005)
                .wrapping_add(1);
            *byte = (state >> 33) as u8;
        }
        Ok(())
    }
}

/// A world and what holds it.
pub struct Stand {
    /// The ports; a test may replace one.
    pub world: World,
    runtime: tokio::runtime::Runtime,
    folder: tempfile::TempDir,
}

impl Default for Stand {
    fn default() -> Self {
        Self::new()
    }
}

impl Stand {
    /// An empty one, with the regions lo-home-1 and lo-home-2 of four runners.
    ///
    /// # Panics
    /// When it cannot be made.
    pub fn new() -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build();
        let world = world(folder.path());
        Self {
            world,
            runtime: runtime.expect("a runtime"),
            folder,
        }
    }

    /// Where its data lies.
    pub fn path(&self) -> &Path {
        self.folder.path()
    }

    /// What the API answers: status and body, as a server would write them.
    pub fn ask(&self, method: &str, target: &str, body: &[u8]) -> (u16, Vec<u8>) {
        let (path, query) = match target.split_once('?') {
            Some((path, query)) => (path, Some(query)),
            None => (target, None),
        };
        let request = Request {
            method,
            path,
            query,
            body,
        };
        let answered = match Call::read(&request) {
            None => return (403, json!({"message": "no such path"}).to_string().into()),
            Some(Err(refusal)) => Err(refusal),
            Some(Ok(call)) => self.runtime.block_on(api::answer(
                &self.world,
                call,
                objects::body_of(body.to_vec()),
            )),
        };
        match answered {
            Ok(Answer::Json(value)) => (200, value.to_string().into_bytes()),
            Ok(Answer::Stream(mut stored)) => {
                let mut bytes = Vec::new();
                while let Some(piece) = self.runtime.block_on(stored.body.next()) {
                    bytes.extend_from_slice(&piece.expect("an object's bytes"));
                }
                (200, bytes)
            }
            Ok(Answer::Link(link)) => (307, link.into_bytes()),
            Err(refusal) => {
                let text = Value::String(refusal.text_on_the_wire());
                (refusal.status, text.to_string().into_bytes())
            }
        }
    }

    /// The JSON of a request that must succeed.
    ///
    /// # Panics
    /// When it does not.
    #[track_caller]
    pub fn done(&self, method: &str, target: &str, body: &Value) -> Value {
        let text = match body {
            Value::Null => String::new(),
            body => body.to_string(),
        };
        let (status, answer) = self.ask(method, target, text.as_bytes());
        let said = String::from_utf8_lossy(&answer).into_owned();
        assert_eq!(status, 200, "{method} {target}: {said}");
        serde_json::from_str(&said).expect("JSON")
    }

    /// Stores a run of a scenario, as if it had been made.
    ///
    /// # Panics
    /// When it cannot be stored.
    pub fn store_run(&self, test: &str, run: &str, status: Status, start_time: &str) {
        let run = run_of(test, run, status, start_time);
        self.runtime
            .block_on(self.world.runs.put(&run))
            .expect("a stored run");
    }

    /// Takes a run out of the store, whatever still points to it.
    ///
    /// # Panics
    /// When it was not there.
    pub fn lose_run(&self, test: &str, run: &str) {
        let test = TestId::parse(test).expect("a test id");
        let runs = [TestRunId::parse(run).expect("a run id")];
        let lost = self.world.runs.delete(&test, &runs);
        assert_eq!(self.runtime.block_on(lost), Ok(1));
    }
}

/// A run with nothing measured.
fn run_of(test: &str, run: &str, status: Status, start_time: &str) -> Run {
    let run = TestRunId::parse(run).expect("a run id");
    let record = json!({
        "testId": test, "testRunId": run, "testName": "a stored run",
        "testDescription": "made by a test", "testType": "simple", "status": status,
        "startTime": start_time, "endTime": stamp(NOW_US), "testTaskConfigs": [],
        "testScenario": {}, "results": {}, "completeTasks": {},
    });
    Run {
        version: 0,
        test: TestId::parse(test).expect("a test id"),
        prefix: RunPrefix::of(start_time, &run).expect("a prefix"),
        run,
        record: serde_json::from_value(record).expect("a record"),
        file_type: FileType::None,
        regions: vec![RegionTasks {
            region: Region::parse("lo-home-1").expect("a region"),
            tasks: 1,
        }],
        live: false,
        keep_exchanges: false,
        healthy_threshold: 90,
        document: json!({}).into(),
        beside: Beside::default(),
        thresholds: Vec::new(),
        planned_us: 1,
        graceful_stop_us: 1,
        setup_us: 0,
        teardown_us: 0,
        clock: None,
        late: dlt_pipeline::runs::Late::default(),
        workers_began_us: None,
        leaders_began_us: None,
        start_at_us: None,
        changes: Vec::new(),
        stop_began_us: None,
        cancel_reason: None,
        lost_driver: false,
        failure: None,
        launch_trouble: None,
        refused_launches: 0,
        parts: 0,
        spare: Spare::default(),
        lost: BTreeMap::new(),
        beside_runs: BTreeSet::new(),
    }
}

fn world(folder: &Path) -> World {
    let database = Database::open(folder, &[]).expect("a database");
    let clock = Arc::new(Still::default());
    let runs = SqliteRuns(database.clone());
    let regions = ["lo-home-1", "lo-home-2"]
        .map(|name| (Region::parse(name).expect("a region"), 4))
        .to_vec();
    let created = "2026-01-12T10:00:00.000Z".to_owned();
    World {
        scenarios: Arc::new(SqliteScenarios(database.clone())),
        schedules: Arc::new(Timers::default()),
        runs: Arc::new(runs.clone()),
        objects: Arc::new(FileObjects::new(folder.join("objects"))),
        regions: Arc::new(HomeRegions::new(regions, runs, created)),
        fleet: Arc::new(Processes::new(
            ("/bin/false".into(), Vec::new()),
            folder.join("runs"),
            Lifetime::OfParent,
            Arc::clone(&clock),
            Arc::new(()),
        )),
        live: Arc::new(Broadcast::default()),
        executions: Arc::new(SqliteExecutions(database)),
        clock,
        pace: Pace::home(),
        depot: folder.join("objects").display().to_string(),
        cores: Some(2),
        targets: TargetPolicy::default(),
        scripts: Scripts::Allowed,
        proxies: EnvironmentProxies::default(),
    }
}
