//! Runners that end before their load, and what they check beforehand.

use super::under_load::time_of_load;
use super::*;
use crate::output::tests::CapturedOutput;
use crate::tests::{order, runner};
use serde_json::json;
use std::path::Path;
use tokio::sync::watch;

fn document(requests: &serde_json::Value, tls: &serde_json::Value) -> serde_json::Value {
    json!({
        "execution": [{ "scenario": "shop", "users": 1, "hold-for": "1s", "taskCount": 1 }],
        "scenarios": { "shop": { "requests": requests, "tls": tls } },
    })
}

fn plan(document: &serde_json::Value) -> Plan {
    Plan::from_document(&document.clone().into()).unwrap()
}

/// Runs a runner against a depot with a plan; returns its exit code and lines.
async fn run(folder: &Path, role: Role, document: &serde_json::Value) -> (i32, Vec<RunnerLine>) {
    let order = order(folder, role);
    let depot = Depot::folder(&order.depot).unwrap();
    let text = serde_json::to_vec(document).unwrap();
    let key = keys::scenario(&order.test, &order.region);
    depot.store(&key, text).await.unwrap();
    let key = keys::secret(&order.test, &order.prefix);
    depot.store(&key, b"0123456789".to_vec()).await.unwrap();
    let key = keys::workers(&order.test, &order.prefix, &order.region);
    let workers = json!({ "slice": { "first": 0, "count": 1, "of": 1 }, "workers": [] });
    depot
        .store(&key, workers.to_string().into_bytes())
        .await
        .unwrap();
    let output = CapturedOutput::default();
    let (_request_stop, stop) = watch::channel(None);
    let far = Instant::now() + Duration::from_secs(600);
    let runner = Runner {
        order,
        task: None,
        process_start: Instant::now(),
        start_deadline_s: 1,
        stop,
        lines: LineWriter::to(Box::new(output.clone())),
        watchdog: Watchdog::new(far, || panic!("it hangs")),
    };
    (runner.run().await, output.lines())
}

#[tokio::test]
async fn a_runner_whose_files_are_missing_never_says_that_it_is_ready() {
    let requests = json!([{ "url": "http://127.0.0.1:9/", "method": "PUT", "body-file": "/no/such/body.bin" }]);
    for role in [Role::Worker, Role::Leader] {
        let folder = tempfile::tempdir().unwrap();
        let (exit, lines) = run(folder.path(), role, &document(&requests, &json!({}))).await;
        assert_eq!(exit, crate::EXIT_COULD_NOT_RUN);
        assert!(
            matches!(
                lines.as_slice(),
                [RunnerLine::Finished {
                    exit: 3,
                    report: None,
                    ..
                }]
            ),
            "{lines:?}"
        );
        let order = order(folder.path(), role);
        let ready = keys::leader_ready(&order.test, &order.prefix, &order.region);
        assert!(!folder.path().join(ready).exists());
    }
}

/// The counterpart of the test above: with the file there, both say so.
#[tokio::test]
async fn a_runner_whose_files_are_there_is_ready() {
    let folder = tempfile::tempdir().unwrap();
    let body = folder.path().join("body.bin");
    std::fs::write(&body, b"x").unwrap();
    let requests = json!([{ "url": "http://127.0.0.1:9/", "method": "PUT", "body-file": body }]);
    let document = document(&requests, &json!({}));
    let (_, lines) = run(folder.path(), Role::Worker, &document).await;
    assert!(matches!(&lines[0], RunnerLine::Ready { runner: who, .. } if *who == runner(1)));
    run(folder.path(), Role::Leader, &document).await;
    let order = order(folder.path(), Role::Leader);
    let ready = keys::leader_ready(&order.test, &order.prefix, &order.region);
    assert!(folder.path().join(ready).exists());
}

#[tokio::test]
async fn the_error_says_which_file_and_why() {
    let folder = tempfile::tempdir().unwrap();
    let there = folder.path().join("there.pem");
    std::fs::write(&there, b"x").unwrap();
    let requests = json!([{ "url": "https://127.0.0.1:9/" }]);
    let files = |key: &Path| json!({ "ca-file": there, "cert-file": there, "key-file": key });
    let good = plan(&document(&requests, &files(&there)));
    let depot = Depot::folder(folder.path().to_str().unwrap()).unwrap();
    let test = order(folder.path(), Role::Worker).test;
    preflight::read_files(&good, &depot, &test).await.unwrap();

    let missing = folder.path().join("missing.pem");
    for (path, why) in [
        (missing.as_path(), "No such file"),
        (folder.path(), "is a directory"),
    ] {
        let bad = plan(&document(&requests, &files(path)));
        let read = preflight::read_files(&bad, &depot, &test).await;
        let text = read.unwrap_err().to_string();
        let begin = format!("tls.key-file {} of scenario \"shop\"", path.display());
        assert!(text.starts_with(&begin) && text.contains(why), "{text}");
    }
}

#[tokio::test]
async fn a_relative_name_is_a_file_of_the_scenario_in_the_depot() {
    let folder = tempfile::tempdir().unwrap();
    let order = order(folder.path(), Role::Worker);
    let depot = Depot::folder(&order.depot).unwrap();
    let requests =
        json!([{ "url": "http://127.0.0.1:9/", "method": "PUT", "body-file": "up/body.bin" }]);
    let plan = plan(&document(&requests, &json!({})));
    let read = preflight::read_files(&plan, &depot, &order.test).await;
    let text = read.unwrap_err().to_string();
    assert!(
        text.starts_with("body-file up/body.bin of scenario"),
        "{text}"
    );
    let key = keys::scenario_file(&order.test, "up/body.bin");
    assert!(key.starts_with("public/test-scenarios/simple/"), "{key}");
    depot.store(&key, b"x".to_vec()).await.unwrap();
    preflight::read_files(&plan, &depot, &order.test)
        .await
        .unwrap();
}

#[tokio::test]
async fn names_are_resolved_once_and_their_failure_is_none() {
    // The last is too long for any resolver.
    let requests = json!([
        { "url": "http://localhost:9/a" },
        { "url": "https://localhost/b" },
        { "url": "http://127.0.0.1/c" },
        { "url": "http://[::1]/d" },
        { "url": format!("http://{}.invalid/e", "a".repeat(64)) },
    ]);
    let names = preflight::resolve_names(
        &plan(&document(&requests, &json!({}))),
        &dlt_core::routing::EnvironmentProxies::default(),
    )
    .await;
    assert!(names.iter().eq(["localhost"]), "{names:?}");
}

#[test]
fn load_lasts_until_its_planned_end_or_its_stop() {
    let s = Duration::from_secs;
    let result = |unfinished, last_done_us| {
        let mut result = engine::LoadResult {
            last_done_us,
            ..engine::LoadResult::default()
        };
        result.tally.account.unfinished = unfinished;
        result
    };
    let time = |unfinished, last_done_s: u64, stopped: Option<u64>, wall_s| {
        let result = result(unfinished, last_done_s * 1_000_000);
        time_of_load(&result, 10_000_000, stopped.map(s), s(wall_s))
    };
    assert_eq!(time(0, 9, None, 11), s(10), "answers come after the end");
    assert_eq!(
        time(20, 1, None, 15),
        s(10),
        "users hang from the first second on"
    );
    assert_eq!(time(0, 3, None, 3), s(3), "users are through");
    assert_eq!(time(0, 5, Some(4), 5), s(4), "answers come after a stop");
    assert_eq!(time(0, 12, Some(12), 12), s(10), "a stop of what was over");
    let without_end = |unfinished| time_of_load(&result(unfinished, 7_000_000), 0, None, s(8));
    assert_eq!((without_end(0), without_end(1)), (s(7), s(8)));
}
