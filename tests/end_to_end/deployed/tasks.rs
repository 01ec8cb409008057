//! Tasks that fail, tasks that are missing, tasks of somebody else, and runs that
//! outlast an execution: one deployment for all, since none minds the others.

use super::{LONGEST_RUN, record, scenario, start};
use crate::common::{account, accounts_agree};
use dlt_core::record::RunRecord;
use dlt_tests::behaviour::ok;
use dlt_tests::deployed::{Deployed, HUB, IMAGE, worker};
use dlt_tests::patience::{alone, until};
use dlt_tests::target::{Target, everywhere};
use serde_json::{Value, json};
use std::fs::Permissions;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// An executable script.
fn script(folder: &Path, name: &str, text: &str) -> PathBuf {
    let path = folder.join(name);
    std::fs::write(&path, format!("#!/bin/sh\n{text}\n")).unwrap();
    std::fs::set_permissions(&path, Permissions::from_mode(0o755)).unwrap();
    path
}

fn target() -> Target {
    everywhere(ok().after(Duration::from_millis(5)))
}

/// The reason of a run that must have failed and left nothing.
#[track_caller]
fn failed(aws: &Deployed, record: &RunRecord) -> String {
    let story = format!("{record:#?}\n{}", aws.output());
    assert_eq!(record.status.name(), "failed", "{story}");
    until("no task is left", Duration::from_secs(10), || {
        (aws.engine.running() == 0).then_some(())
    });
    record.error_reason.clone().unwrap_or_default()
}

#[test]
#[ignore = "needs an emulator of AWS, which cargo xtask test installs"]
fn what_happens_to_tasks_is_told() {
    let _alone = alone();
    let aws = Deployed::hub();
    let folder = tempfile::tempdir().unwrap();
    tasks_that_exit_at_once(&aws);
    an_image_that_is_not_there(&aws);
    tasks_that_run_already(&aws, folder.path());
    a_start_with_fewer(&aws, folder.path());
    a_run_that_nobody_watches(&aws);
    a_run_longer_than_an_execution(&aws);
}

fn tasks_that_exit_at_once(aws: &Deployed) {
    let target = target();
    aws.engine.set_image(IMAGE, Some("/bin/false".into()));
    let body = scenario(aws, &target.url("/"), &[(HUB, 2)], 10, "2s");
    let test = start(aws, &body);
    let reason = failed(aws, &record(aws, &test));
    assert!(reason.contains("ended with exit code 1"), "{reason}");
    assert_eq!(target.log.count(), 0);
}

fn an_image_that_is_not_there(aws: &Deployed) {
    let target = target();
    aws.engine.set_image(IMAGE, None);
    let body = scenario(aws, &target.url("/"), &[(HUB, 2)], 10, "2s");
    let test = start(aws, &body);
    let reason = failed(aws, &record(aws, &test));
    // ECS's own words.
    assert!(reason.contains("ResourceInitializationError"), "{reason}");
    assert!(reason.contains("no image"), "{reason}");
    assert!(reason.contains("only 0 of 2 runners came up"), "{reason}");
}

/// A call of ECS, as somebody else makes it.
fn ecs(aws: &Deployed, name: &str, body: &Value) -> Value {
    let action = format!("AmazonEC2ContainerServiceV20141113.{name}");
    aws.emulator.json(HUB, "ecs", &action, body)
}

fn tasks_that_run_already(aws: &Deployed, folder: &Path) {
    let target = target();
    let sleep = script(folder, "sleep", "exec sleep 600");
    aws.engine.set_image(IMAGE, Some(sleep));
    let cluster = &aws.outputs["RunnerClusterName"];
    let run = json!({
        "cluster": cluster,
        "taskDefinition": "dlt-worker",
        "launchType": "FARGATE",
        "startedBy": "occupied",
        "tags": [
            { "key": "dlt:run", "value": "earlier001" },
            { "key": "dlt:role", "value": "worker" },
        ],
    });
    let began = ecs(aws, "RunTask", &run);
    let task = began["tasks"][0]["taskArn"].as_str().unwrap();
    until("the other task runs", LONGEST_RUN, || {
        (aws.engine.running() == 1).then_some(())
    });
    aws.engine.set_image(IMAGE, Some(worker()));

    let mut body = scenario(aws, &target.url("/"), &[(HUB, 2)], 10, "1s");
    body["testId"] = json!("occupied");
    assert_eq!(start(aws, &body), "occupied");
    let refused = record(aws, "occupied");
    assert_eq!(refused.status.name(), "failed", "{}", aws.output());
    let reason = refused.error_reason.unwrap_or_default();
    assert!(reason.contains("is running already"), "{reason}");
    assert!(reason.contains("run earlier001"), "{reason}");
    // What is not this run's is left alone.
    assert_eq!(aws.engine.running(), 1);

    ecs(
        aws,
        "StopTask",
        &json!({ "cluster": cluster, "task": task }),
    );
    until("the other task ends", LONGEST_RUN, || {
        (aws.engine.running() == 0).then_some(())
    });
    start(aws, &body);
    let free = record(aws, "occupied");
    assert_eq!(free.status.name(), "complete", "{free:#?}");
    accounts_agree(&free, &target).unwrap();
}

fn a_start_with_fewer(aws: &Deployed, folder: &Path) {
    let target = target();
    let (here, worker) = (folder.display(), worker());
    // Of all workers that are launched the first two live.
    let first_two = script(
        folder,
        "first-two",
        &format!(
            "[ \"$DLT_ROLE\" = leader ] || mkdir {here}/1 2>/dev/null || \
             mkdir {here}/2 2>/dev/null || exit 1\nexec {}",
            worker.display()
        ),
    );
    aws.engine.set_image(IMAGE, Some(first_two));
    let mut body = scenario(aws, &target.url("/"), &[(HUB, 4)], 100, "3s");
    body["healthyThreshold"] = json!(70);
    let test = start(aws, &body);
    let watcher = aws.watch(&test);
    let record = record(aws, &test);
    let story = || format!("{record:#?}\n{}", aws.output());
    assert_eq!(record.status.name(), "complete", "{}", story());
    accounts_agree(&record, &target).unwrap();
    let coverage = record.coverage.as_ref().unwrap();
    let runners = (coverage.runners_reported, coverage.runners_expected);
    assert_eq!(runners, (3, 4), "{}", story());
    assert!(!coverage.complete, "{}", story());
    // Whoever watches learns that runners were lost, and how.
    let told = until("a note", Duration::from_secs(30), || {
        let messages = watcher.messages();
        let text = serde_json::to_string(&messages).unwrap();
        text.contains("was lost: ended with exit code 1")
            .then_some(text)
    });
    assert!(
        told.contains("provisioning") || told.contains("running"),
        "{told}"
    );
    aws.engine.set_image(IMAGE, Some(worker));
}

fn a_run_that_nobody_watches(aws: &Deployed) {
    let target = target();
    let mut body = scenario(aws, &target.url("/"), &[(HUB, 2)], 50, "2s");
    body["showLive"] = json!(false);
    let hidden = start(aws, &body);
    let watcher = aws.watch(&hidden);
    let record = record(aws, &hidden);
    assert_eq!(record.status.name(), "complete", "{record:#?}");
    assert_eq!(account(&record).sent, 100);
    assert_eq!(watcher.messages(), []);
}

/// The name of the function that the guide calls so.
fn function(aws: &Deployed, name: &str) -> (String, Value) {
    let reply = aws
        .emulator
        .rest(HUB, "lambda", "GET", "/2015-03-31/functions/", b"");
    let all = reply.json();
    let all = all["Functions"].as_array().unwrap().iter();
    let mut found = all.filter_map(|function| {
        let variables = &function["Environment"]["Variables"];
        (variables["DLT_FUNCTION"] == name).then(|| {
            let name = function["FunctionName"].as_str().unwrap();
            (name.to_owned(), variables.clone())
        })
    });
    found.next().expect("a function of this name")
}

fn a_run_longer_than_an_execution(aws: &Deployed) {
    let target = target();
    let (name, mut variables) = function(aws, "task-status-checker");
    variables["DLT_LOOKS"] = json!("4");
    let settings = json!({ "Environment": { "Variables": variables } }).to_string();
    let place = format!("/2015-03-31/functions/{name}/configuration");
    let reply = aws
        .emulator
        .rest(HUB, "lambda", "PUT", &place, settings.as_bytes());
    assert_eq!(reply.status, 200);

    let body = scenario(aws, &target.url("/"), &[(HUB, 2)], 50, "8s");
    let test = start(aws, &body);
    let record = record(aws, &test);
    let story = || format!("{record:#?}\n{}", aws.output());
    assert_eq!(record.status.name(), "complete", "{}", story());
    accounts_agree(&record, &target).unwrap();
    assert_eq!(account(&record).sent, 400, "{}", story());
    let machine = json!({ "stateMachineArn": aws.outputs["StateMachineArn"] });
    let list = "AWSStepFunctions.ListExecutions";
    let all = aws.emulator.json(HUB, "states", list, &machine);
    let all = all["executions"].as_array().unwrap().iter();
    let mine = all.filter(|it| it["name"].as_str().unwrap().contains(&record.test_run_id));
    let mine: Vec<&Value> = mine.collect();
    assert!(mine.len() >= 3, "{mine:?}");
    assert!(
        mine.iter().all(|it| it["status"] == "SUCCEEDED"),
        "{mine:?}"
    );
}
