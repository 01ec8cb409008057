//! What a run requests once, on the AWS home: one task of two regions makes it, all tasks have its
//! values, and a request that fails keeps the load from being made.

use super::{SECOND, record, scenario, start};
use crate::setup::{TOKEN, came_once, is_told_apart, shop};
use dlt_core::record::RunRecord;
use dlt_tests::behaviour::{body, ok};
use dlt_tests::deployed::{Deployed, HUB};
use dlt_tests::target::plan;
use serde_json::{Value, json};

/// A scenario of two regions that logs in once and leaves once; the load is a transaction of one request.
fn set_up(aws: &Deployed, address: &str) -> Value {
    let tasks = [(HUB, 2), (SECOND, 1)];
    let mut scenario = scenario(aws, address, &tasks, 30, "3s");
    scenario["testScenario"]["scenarios"]["shop"] = json!({
        "default-address": address,
        "auth": { "bearer": "${given}" },
        "setup": [{ "url": "/login", "method": "POST", "auth": "none",
            "extract-jsonpath": { "given": "$.given" } }],
        "requests": [{ "transaction": "visit", "do": [{ "url": "/load", "method": "GET" }] }],
        "teardown": [{ "url": "/end", "method": "DELETE" }],
    });
    scenario
}

fn ended(aws: &Deployed, record: &RunRecord, status: &str) {
    let story = || format!("{record:#?}\n{}", aws.output());
    assert_eq!(record.status.name(), status, "{}", story());
    assert_eq!(aws.engine.running(), 0, "no task is left");
    let told = serde_json::to_string(record).unwrap();
    assert!(!told.contains(TOKEN) && !aws.output().contains(TOKEN));
}

/// Once before the load of both regions, once behind it.
pub fn all_tasks_are_set_up_once(aws: &Deployed) {
    let target = shop(ok());
    let test = start(aws, &set_up(aws, &target.url("")));
    let record = record(aws, &test);
    ended(aws, &record, "complete");
    came_once(&target, 1);
    is_told_apart(&record, &target);
    let teardown = record.teardown.as_ref().unwrap();
    assert_eq!((teardown.requests, teardown.failure.as_deref()), (1, None));
    let transactions = &record.summary.as_ref().unwrap().transactions;
    let (name, count) = (transactions[0].label.as_deref(), transactions[0].count);
    assert_eq!((transactions.len(), name, count), (1, Some("visit"), 90));
}

/// The load is not made, the reason names the request, and nothing is torn down.
pub fn a_setup_that_fails_ends_the_run(aws: &Deployed) {
    let target = plan().route("/login", body(503, "not now")).otherwise(ok());
    let target = target.start();
    let test = start(aws, &set_up(aws, &target.url("")));
    let record = record(aws, &test);
    ended(aws, &record, "failed");
    let reason = record.error_reason.as_deref().unwrap_or_default();
    assert!(
        reason.contains("/login") && reason.contains("503"),
        "{reason}"
    );
    target.settle();
    let paths: Vec<String> = target.log.seen().into_iter().map(|row| row.path).collect();
    assert_eq!(paths, ["/login"]);
}
