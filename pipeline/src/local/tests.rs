//! A home with programs that cannot load: locked, full, busy, left and picked
//! up. Runs that do load are tested end to end, elsewhere.

use super::*;
use dlt_core::calls::live::{LiveEvent, LiveStatus};
use dlt_core::record::RunRecord;
use dlt_core::run::Status;
use dlt_core::scenario::{Defaults, Format, Outside, Purpose};
use std::path::Path;
use std::time::Duration;
use tokio_stream::StreamExt as _;

/// Longest wait of these tests.
const PATIENCE: Duration = Duration::from_secs(60);

fn options(dir: &Path, script: &str) -> HomeOptions {
    HomeOptions {
        dir: dir.to_owned(),
        regions: vec![(Region::parse("lo-home-1").unwrap(), 3)],
        worker: (
            PathBuf::from("/bin/sh"),
            vec!["-c".to_owned(), script.to_owned()],
        ),
        service: false,
        mcp: None,
        targets: TargetPolicy::default(),
        scripts: false,
        proxies: dlt_core::routing::EnvironmentProxies::default(),
    }
}

/// The stored runs, as another process reads them.
fn stored(dir: &Path) -> Vec<RunRecord> {
    let database = Database::open_to_read(dir, &[]).unwrap();
    let (runs, unreadable) = database.map_or((Vec::new(), 0), |database| {
        SqliteRuns(database).newest(10).unwrap()
    });
    assert_eq!(unreadable, 0);
    runs.into_iter().map(|run| run.record).collect()
}

fn scenario(tasks: u64) -> Scenario {
    let defaults = Defaults {
        regions: vec![(Region::parse("lo-home-1").unwrap(), 1_000)],
        tasks,
        name: "shop".to_owned(),
        show_live: true,
    };
    let text = r#"{"testId": "shop1", "testScenario": {
        "execution": [{"concurrency": 1, "hold-for": "1s", "scenario": "shop"}],
        "scenarios": {"shop": {"requests": [{"url": "http://127.0.0.1:9/"}]}}}}"#;
    let files = |_: &str| Err("no files here".to_owned());
    Scenario::from_text(
        text.as_bytes(),
        Format::Json,
        &defaults,
        Outside::files(&files),
        Purpose::Run,
    )
    .unwrap()
}

async fn over(home: &Home, started: &Started) -> RunRecord {
    tokio::time::timeout(PATIENCE, home.wait(started))
        .await
        .expect("the run never ends")
        .unwrap()
        .record
}

#[tokio::test]
async fn one_service_holds_a_home_whatever_is_deleted() {
    let folder = tempfile::tempdir().unwrap();
    let service = || HomeOptions {
        service: true,
        ..options(folder.path(), "exit 1")
    };
    let first = Home::open(service()).await.unwrap();
    for deleted in ["", "lock", "server.json"] {
        let _ = std::fs::remove_file(folder.path().join(deleted));
        let error = Home::open(service()).await.unwrap_err();
        let PipelineError::HomeLocked { pid, .. } = &error else {
            panic!("{error}");
        };
        assert_eq!(*pid, Some(std::process::id()), "{deleted}");
        assert_eq!(error.exit_code(), 3);
    }
    // Commands use the folder beside it.
    Home::open(options(folder.path(), "exit 1")).await.unwrap();
    drop(first);
    Home::open(service()).await.unwrap();
}

#[tokio::test]
async fn a_database_that_is_removed_is_noticed() {
    let folder = tempfile::tempdir().unwrap();
    let home = Home::open(options(folder.path(), "exit 1")).await.unwrap();
    let mut gone = std::pin::pin!(home.database_gone());
    tokio::select! { biased;
        path = &mut gone => panic!("{} is there", path.display()),
        () = std::future::ready(()) => {}
    }
    let path = folder.path().canonicalize().unwrap().join("dlt.sqlite");
    std::fs::remove_file(&path).unwrap();
    let noticed = tokio::time::timeout(PATIENCE, gone).await;
    assert_eq!(noticed.expect("it is never noticed"), path);
}

#[tokio::test]
async fn runs_of_two_commands_are_side_by_side_and_each_ends_its_own() {
    let folder = tempfile::tempdir().unwrap();
    let open = || Home::open(options(folder.path(), "exec sleep 60"));
    let named = |test: &str| Scenario {
        test_id: Some(TestId::parse(test).unwrap()),
        ..scenario(1)
    };
    let one = open().await.unwrap();
    let first = one.start(&named("shop1")).await.unwrap();
    let two = open().await.unwrap();
    let second = two.start(&named("shop2")).await.unwrap();
    let other = two.start(&named("shop3")).await.unwrap();
    assert_eq!(
        (one.unfinished().unwrap(), two.unfinished().unwrap()),
        (1, 2)
    );
    // All of one command: the other's goes on.
    two.cancel_all("enough").await.unwrap();
    for run in [&second, &other] {
        assert_eq!(over(&two, run).await.status, Status::Cancelled);
    }
    assert_eq!(
        (one.unfinished().unwrap(), two.unfinished().unwrap()),
        (1, 0)
    );
    let stored_first = || {
        let all = stored(folder.path());
        all.into_iter()
            .find(|run| run.test_run_id == first.run.as_str())
            .unwrap()
    };
    assert!(!stored_first().status.is_terminal());
    // A third one picks nothing up while its driver lives, and all once it does not.
    drop(open().await.unwrap());
    assert!(!stored_first().status.is_terminal());
    drop(one);
    let later = open().await.unwrap();
    let record = over(&later, &first).await;
    assert_eq!(record.status, Status::Failed);
    let reason = record.error_reason.unwrap();
    assert!(reason.contains("ended before the test did"), "{reason}");
}

#[tokio::test]
async fn runners_that_cannot_run_fail_the_run_with_their_last_words() {
    let folder = tempfile::tempdir().unwrap();
    let script = "echo 'the engine is cold' >&2; exit 3";
    let home = Home::open(options(folder.path(), script)).await.unwrap();
    let started = home.start(&scenario(3)).await.unwrap();
    let mut events = home.watch(&started.run).unwrap();
    let busy = home.start(&scenario(1)).await.unwrap_err();
    assert!(matches!(busy, PipelineError::Busy { .. }), "{busy}");
    let record = over(&home, &started).await;
    assert_eq!(record.status, Status::Failed);
    let reason = record.error_reason.unwrap();
    assert!(
        reason.contains("0 of 3 runners came up"),
        "what happened: {reason}"
    );
    assert!(
        reason.contains("ended with exit code 3; it said: the engine is cold"),
        "{reason}"
    );
    assert!(!record.end_time.is_empty());
    let mut statuses = Vec::new();
    while let Some(event) = events.next().await {
        if let LiveEvent::Status(LiveStatus { status, .. }) = event {
            statuses.push(status);
        }
    }
    assert_eq!(statuses.last(), Some(&Status::Failed));
    let stored = stored(folder.path());
    assert_eq!(stored.len(), 1);
    assert_eq!(stored[0].test_run_id, started.run.as_str());
    assert_eq!(stored[0].status, Status::Failed);
    // No secret and no start object is left.
    let left = folder.path().join("objects/start-signal/shop1");
    let files = std::fs::read_dir(left).into_iter().flatten().flatten();
    for run in files {
        assert_eq!(std::fs::read_dir(run.path()).unwrap().count(), 0);
    }
}

#[tokio::test]
async fn a_scenario_has_one_run_at_a_time_and_a_cancel_ends_it() {
    let folder = tempfile::tempdir().unwrap();
    let home = Home::open(options(folder.path(), "exec sleep 60"))
        .await
        .unwrap();
    let started = home.start(&scenario(1)).await.unwrap();
    let busy = home.start(&scenario(1)).await.unwrap_err();
    assert!(matches!(busy, PipelineError::Busy { .. }), "{busy}");
    home.cancel(&started.test, "enough").await.unwrap();
    let record = over(&home, &started).await;
    assert_eq!(record.status, Status::Cancelled);
    let none = home.cancel(&started.test, "again").await.unwrap_err();
    assert!(
        matches!(
            none,
            PipelineError::NoScenario(_) | PipelineError::NothingRuns(_)
        ),
        "{none}"
    );
    // Free again.
    let next = home.start(&scenario(1)).await.unwrap();
    home.cancel(&next.test, "enough").await.unwrap();
    assert_eq!(over(&home, &next).await.status, Status::Cancelled);
}

#[tokio::test]
async fn a_region_holds_no_more_than_it_can() {
    let folder = tempfile::tempdir().unwrap();
    let home = Home::open(options(folder.path(), "exit 1")).await.unwrap();
    let error = home.start(&scenario(4)).await.unwrap_err();
    assert!(
        error
            .to_string()
            .contains("region lo-home-1 holds 3 runners"),
        "{error}"
    );
    assert_eq!(error.exit_code(), 2);
    assert_eq!(stored(folder.path()), []);
}

#[tokio::test]
async fn a_run_that_was_left_is_picked_up_and_ends() {
    let folder = tempfile::tempdir().unwrap();
    let home = Home::open(options(folder.path(), "exec sleep 60"))
        .await
        .unwrap();
    let started = home.start(&scenario(2)).await.unwrap();
    drop(home);
    assert!(!stored(folder.path())[0].status.is_terminal());
    let home = Home::open(options(folder.path(), "exec sleep 60"))
        .await
        .unwrap();
    let record = over(&home, &started).await;
    assert_eq!(record.status, Status::Failed);
    assert!(
        record
            .error_reason
            .unwrap()
            .contains("ended before the test did")
    );
    // The scenario is free again.
    let next = home.start(&scenario(1)).await.unwrap();
    home.cancel(&next.test, "enough").await.unwrap();
    over(&home, &next).await;
}
