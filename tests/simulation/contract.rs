//! One suite for each port, run against the real adapters and their simulated
//! twins: what holds in the simulation must hold at home.

use crate::ports::{Bucket, RunTable, Sim};
use crate::state::{Faults, State};
use dlt_core::calls::{PageToken, RunsQuery};
use dlt_core::ids::{Region, RunPrefix, TestId, TestRunId};
use dlt_core::record::RunRecord;
use dlt_core::run::Status;
use dlt_core::scenario::plan::FileType;
use dlt_pipeline::error::PipelineError;
use dlt_pipeline::executions::{Executions, sqlite::SqliteExecutions};
use dlt_pipeline::objects::{Access, Body, Objects, files::FileObjects};
use dlt_pipeline::runs::{self, Beside, RegionTasks, Run, Runs, Spare, sqlite::SqliteRuns};
use dlt_pipeline::scenarios::{self, ScenarioItem, Scenarios, sqlite::SqliteScenarios};
use dlt_pipeline::store::sqlite::Database;
use serde_json::json;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex};
use tokio_stream::StreamExt as _;

pub fn sim() -> Sim {
    Sim(Arc::new(Mutex::new(State::new(1, Faults::default()))))
}

pub fn run(name: &str) -> Run {
    let run = TestRunId::parse(name).unwrap();
    let record = json!({
        "testId": "t", "testRunId": run, "testName": "n", "testDescription": "",
        "testType": "simple", "status": "queued", "startTime": "2026-03-04 09:15:02",
        "endTime": "", "testTaskConfigs": [], "testScenario": {}, "results": {},
        "completeTasks": {},
    });
    Run {
        version: 0,
        test: TestId::parse("t").unwrap(),
        prefix: RunPrefix::of("2026-03-04 09:15:02", &run).unwrap(),
        run,
        record: serde_json::from_value::<RunRecord>(record).unwrap(),
        file_type: FileType::None,
        regions: vec![RegionTasks {
            region: Region::parse("lo-home-1").unwrap(),
            tasks: 1,
        }],
        live: false,
        keep_exchanges: false,
        healthy_threshold: 90,
        document: json!({"a": [1, 2.5, "x"]}).into(),
        beside: Beside::default(),
        thresholds: vec!["p(95)<1s".to_owned()],
        planned_us: 1,
        graceful_stop_us: 1,
        setup_us: 0,
        teardown_us: 0,
        clock: None,
        late: dlt_pipeline::runs::Late::default(),
        workers_began_us: None,
        leaders_began_us: None,
        start_at_us: Some(5),
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

async fn keys_of(objects: &dyn Objects, prefix: &str) -> Vec<String> {
    let listed = objects.list(prefix).await.unwrap();
    listed.into_iter().map(|object| object.key).collect()
}

pub async fn objects_suite(objects: &dyn Objects) {
    assert_eq!(objects.get("a/b/c.json").await.unwrap(), None);
    assert_eq!(keys_of(objects, "a/").await, Vec::<String>::new());
    objects.delete("a/b/c.json").await.unwrap();
    for (key, bytes) in [
        ("a/b/c.json", "1"),
        ("a/b/d", ""),
        ("a/bc", "3"),
        ("z", "4"),
    ] {
        objects
            .put(key, bytes.as_bytes(), Access::Home)
            .await
            .unwrap();
    }
    objects
        .put("a/b/c.json", b"two", Access::Secret)
        .await
        .unwrap();
    assert_eq!(objects.get("a/b/c.json").await.unwrap().unwrap(), b"two");
    assert_eq!(objects.get("a/b/d").await.unwrap().unwrap(), b"");
    assert_eq!(keys_of(objects, "a/b/").await, ["a/b/c.json", "a/b/d"]);
    let sizes = objects.list("a/b/").await.unwrap();
    assert_eq!(
        sizes.iter().map(|row| row.bytes).collect::<Vec<_>>(),
        [3, 0]
    );
    assert_eq!(objects.list("a/b").await.unwrap().len(), 3);
    objects_streams_suite(objects).await;
    objects.delete("a/b/d").await.unwrap();
    assert_eq!(keys_of(objects, "a/b/").await, ["a/b/c.json"]);
    for bad in ["../x", "/etc/passwd", "a/../../x", "", "a//b", "a/."] {
        let refused = objects.put(bad, b"x", Access::Home).await;
        assert!(matches!(refused, Err(PipelineError::Input(_))), "{bad:?}");
        assert!(objects.get(bad).await.is_err(), "{bad:?}");
        assert!(objects.delete(bad).await.is_err(), "{bad:?}");
    }
}

/// Bodies come in pieces, end at their limit, and break without a trace.
async fn objects_streams_suite(objects: &dyn Objects) {
    let pieces = |pieces: Vec<Result<Vec<u8>, PipelineError>>| -> Body {
        Box::pin(tokio_stream::iter(pieces))
    };
    let whole = || {
        pieces(vec![
            Ok(vec![b'x'; 300_000]),
            Ok(Vec::new()),
            Ok(b"yz".to_vec()),
        ])
    };
    let written = objects.write("s/one", whole(), 300_002, Access::Home).await;
    assert_eq!(written.unwrap(), 300_002);
    let mut stored = objects.read("s/one").await.unwrap().unwrap();
    assert_eq!(stored.bytes, 300_002);
    let mut bytes = Vec::new();
    while let Some(piece) = stored.body.next().await {
        bytes.extend_from_slice(&piece.unwrap());
    }
    assert!(bytes.len() == 300_002 && bytes.ends_with(b"xyz"));
    let longer = objects.write("s/one", whole(), 300_001, Access::Home).await;
    assert!(matches!(longer, Err(PipelineError::Input(_))), "{longer:?}");
    for key in ["s/one", "s/two"] {
        let broken = match key {
            "s/one" => pieces(vec![Err(PipelineError::Transient("gone".to_owned()))]),
            _ => pieces(vec![
                Ok(b"half".to_vec()),
                Err(PipelineError::Transient("gone".to_owned())),
            ]),
        };
        assert!(objects.write(key, broken, 9, Access::Home).await.is_err());
    }
    assert_eq!(keys_of(objects, "s/").await, ["s/one"]);
    assert_eq!(objects.get("s/one").await.unwrap().unwrap().len(), 300_002);
    assert!(objects.read("s/none").await.unwrap().is_none());
}

pub async fn runs_suite(table: &dyn Runs) {
    let first = run("r1");
    assert_eq!(table.get(&first.test, &first.run).await.unwrap(), None);
    let unknown = Run {
        version: 3,
        ..first.clone()
    };
    assert!(matches!(
        table.put(&unknown).await,
        Err(PipelineError::Conflict(_))
    ));
    table.put(&first).await.unwrap();
    let stranger = TestId::parse("stranger").unwrap();
    let found = table.get(&stranger, &first.run).await.unwrap();
    assert_eq!(found, None, "a run is its scenario's");
    assert!(matches!(
        table.put(&first).await,
        Err(PipelineError::Conflict(_))
    ));
    let stored = Run {
        version: 1,
        ..first.clone()
    };
    assert_eq!(
        table.get(&first.test, &first.run).await.unwrap(),
        Some(stored.clone())
    );
    let (_, after) = runs::update(table, &first.test, &first.run, &|run| {
        run.advance(Status::Provisioning)
    })
    .await
    .unwrap();
    assert_eq!(
        (after.version, after.record.status),
        (2, Status::Provisioning)
    );
    assert_eq!(
        table.get(&first.test, &first.run).await.unwrap(),
        Some(after)
    );
    // Who read the older version changes nothing.
    assert!(matches!(
        table.put(&stored).await,
        Err(PipelineError::Conflict(_))
    ));
    let missing = runs::need(table, &first.test, &TestRunId::parse("none").unwrap()).await;
    assert!(matches!(missing, Err(PipelineError::NoRun(_))));
    runs_pages_suite(table, &first).await;
}

/// Pages of a scenario: newest first, bounds inclusive, each run once.
async fn runs_pages_suite(table: &dyn Runs, first: &Run) {
    let test = TestId::parse("paged").unwrap();
    for n in 0..7 {
        let mut run = run(&format!("p{n}"));
        run.test = test.clone();
        run.record.test_run_id = format!("p{n}");
        run.record.start_time = format!("2026-03-04 09:15:0{n}");
        table.put(&run).await.unwrap();
    }
    let ids = |found: &runs::RunsFound| -> Vec<String> {
        found
            .rows
            .iter()
            .map(|row| row.test_run_id.clone())
            .collect()
    };
    let mut query = RunsQuery::first(3);
    let mut seen = Vec::new();
    loop {
        let page = table.page(&test, &query).await.unwrap();
        assert_eq!(page.total, 7);
        let Some(last) = page.rows.last() else { break };
        query.after = Some(PageToken {
            test_id: test.clone(),
            test_run_id: TestRunId::parse(&last.test_run_id).unwrap(),
            start_time: last.start_time.clone(),
        });
        seen.extend(ids(&page));
    }
    assert_eq!(seen, ["p6", "p5", "p4", "p3", "p2", "p1", "p0"]);
    let bounded = RunsQuery {
        from: Some("2026-03-04 09:15:02".to_owned()),
        to: Some("2026-03-04 09:15:04".to_owned()),
        ..RunsQuery::first(10)
    };
    let page = table.page(&test, &bounded).await.unwrap();
    assert_eq!(
        (ids(&page), page.total),
        (vec!["p4".into(), "p3".into(), "p2".into()], 3)
    );
    let gone = ["p1", "none"].map(|id| TestRunId::parse(id).unwrap());
    assert_eq!(table.delete(&test, &gone).await.unwrap(), 1);
    // Of another scenario nothing is deleted.
    let other = std::slice::from_ref(&first.run);
    assert_eq!(table.delete(&test, other).await.unwrap(), 0);
    let all = table.page(&test, &RunsQuery::first(10)).await.unwrap();
    assert_eq!(all.total, 6);
}

/// The ends of runs on their scenario, whose run is `one`.
async fn mirrored(table: &dyn Scenarios, test: &TestId) -> ScenarioItem {
    // An older run that was found to have ended changes no more than what is said of the last one.
    let ended = |name: &str, status, at: &str| {
        let mut run = run(name);
        run.test = test.clone();
        run.record.status = status;
        at.clone_into(&mut run.record.end_time);
        run
    };
    let other = ended("other", Status::Failed, "2026-03-04 09:10:00");
    scenarios::mirror(table, &other).await.unwrap();
    let stored = table.get(test).await.unwrap().unwrap();
    assert_eq!(
        (stored.status, stored.failures_in_a_row),
        (Status::Queued, 1)
    );
    let one = ended("one", Status::Complete, "2026-03-04 09:16:00");
    for _ in 0..2 {
        scenarios::mirror(table, &one).await.unwrap();
    }
    let stored = table.get(test).await.unwrap().unwrap();
    let last = stored.row().last_run.map(|last| (last.run_id, last.at));
    let expected = ("one".to_owned(), "2026-03-04 09:16:00".to_owned());
    assert_eq!((last, stored.failures_in_a_row), (Some(expected), 0));
    stored
}

pub async fn scenarios_suite(table: &dyn Scenarios, runs: &dyn Runs) {
    let test = TestId::parse("s1").unwrap();
    let id = |name: &str| TestRunId::parse(name).unwrap();
    let body = dlt_core::value::Value::from(json!({"testName": "shop"}));
    assert_eq!(table.get(&test).await.unwrap(), None);
    let mut first = run("one");
    first.test = test.clone();
    let start = "2026-03-04 09:15:02";
    scenarios::claim(table, runs, &test, body.clone(), &first.run, start)
        .await
        .unwrap();
    runs.put(&first).await.unwrap();
    let busy = scenarios::claim(table, runs, &test, body.clone(), &id("two"), start).await;
    assert!(matches!(busy, Err(PipelineError::Busy { .. })), "{busy:?}");
    let stored = mirrored(table, &test).await;
    assert_eq!(
        (stored.status, stored.body.clone()),
        (Status::Complete, body.clone())
    );
    let older = ScenarioItem {
        version: stored.version - 1,
        ..stored
    };
    assert!(matches!(
        table.put(&older).await,
        Err(PipelineError::Conflict(_))
    ));
    scenarios::claim(table, runs, &test, body.clone(), &id("two"), start)
        .await
        .unwrap();
    // A claim without a run was left by a start that broke off.
    let three = scenarios::claim(
        table,
        runs,
        &test,
        body,
        &id("three"),
        "2026-03-05 00:00:00",
    )
    .await
    .unwrap();
    let stored = table.get(&test).await.unwrap().unwrap();
    assert_eq!((&stored.run, stored.total_runs), (&Some(id("three")), 3));
    assert_eq!(table.list().await.unwrap(), [stored.row()]);
    // A start that fails gives back what it took.
    three.release(table).await;
    let stored = table.get(&test).await.unwrap().unwrap();
    assert_eq!((&stored.run, stored.total_runs), (&Some(id("two")), 2));
    assert_eq!(stored.start_time, start);
    let older = ScenarioItem {
        version: stored.version - 1,
        ..stored.clone()
    };
    assert!(matches!(
        table.delete(&older).await,
        Err(PipelineError::Conflict(_))
    ));
    table.delete(&stored).await.unwrap();
    // Sent again, since the answer was lost.
    table.delete(&stored).await.unwrap();
    assert_eq!(table.get(&test).await.unwrap(), None);
    assert_eq!(table.list().await.unwrap(), []);
}

pub async fn executions_suite(executions: &dyn Executions, begun: &dyn Fn() -> usize) {
    let test = TestId::parse("t").unwrap();
    let run = TestRunId::parse("r1").unwrap();
    let input = json!({"part": 1});
    executions
        .start("scenario-t-run-r1", &test, &run, input.clone())
        .await
        .unwrap();
    executions
        .start("scenario-t-run-r1", &test, &run, input.clone())
        .await
        .unwrap();
    assert_eq!(begun(), 1, "a repeated start begins nothing");
    let goes_on = executions.goes_on("scenario-t-run-r1").await.unwrap();
    assert!(goes_on.is_some(), "it was begun");
    let never = executions.goes_on("scenario-t-run-r2").await.unwrap();
    assert_eq!(never, None);
    executions
        .start("scenario-t-run-r1-part-2", &test, &run, input)
        .await
        .unwrap();
    assert_eq!(begun(), 2);
}

#[tokio::test]
async fn objects_agree() {
    objects_suite(&Bucket(sim())).await;
    let folder = tempfile::tempdir().unwrap();
    let files = FileObjects::new(folder.path().join("objects"));
    objects_suite(&files).await;
    // The home alone knows modes and leaves no half-written files.
    use std::os::unix::fs::PermissionsExt;
    let secret = std::fs::metadata(folder.path().join("objects/a/b/c.json")).unwrap();
    assert_eq!(secret.permissions().mode() & 0o777, 0o600);
    let left = std::fs::read_dir(folder.path().join("objects/a/b")).unwrap();
    assert_eq!(left.count(), 1);
    assert!(!folder.path().join("x").exists());
}

#[tokio::test]
async fn runs_agree() {
    runs_suite(&RunTable(sim())).await;
    let folder = tempfile::tempdir().unwrap();
    let table = SqliteRuns(Database::open(folder.path(), &[]).unwrap());
    runs_suite(&table).await;
    assert_eq!(table.newest(50).unwrap().0.len(), 7);
    assert_eq!(table.unfinished().unwrap().len(), 7);
}

#[tokio::test]
async fn scenarios_agree() {
    let simulated = sim();
    scenarios_suite(&simulated, &RunTable(simulated.clone())).await;
    let folder = tempfile::tempdir().unwrap();
    let database = Database::open(folder.path(), &[]).unwrap();
    scenarios_suite(&SqliteScenarios(database.clone()), &SqliteRuns(database)).await;
}

#[tokio::test]
async fn executions_agree() {
    let simulated = sim();
    let names = || crate::state::lock(&simulated.0).execution_names.len();
    executions_suite(&simulated, &names).await;
    let folder = tempfile::tempdir().unwrap();
    let database = Database::open(folder.path(), &[]).unwrap();
    let stored = SqliteExecutions(database.clone());
    let rows = || {
        let count: i64 = database
            .with(|c| c.query_row("SELECT count(*) FROM executions", [], |row| row.get(0)))
            .unwrap();
        usize::try_from(count).unwrap()
    };
    executions_suite(&stored, &rows).await;
}
