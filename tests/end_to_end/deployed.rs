//! The AWS home, from its templates to a result: CloudFormation, API Gateway, Lambda,
//! Step Functions, ECS, S3 and DynamoDB of an emulator, our functions and our worker
//! as they were built, real load on a server of this machine.

mod faults;
mod once;
mod scripts;
mod slow;
mod slow_neighbours;
mod slow_rights;
mod tasks;

use crate::common::{account, accounts_agree};
use dlt_core::record::RunRecord;
use dlt_tests::behaviour::ok;
use dlt_tests::deployed::{Deployed, HUB};
use dlt_tests::patience::{alone, until};
use dlt_tests::target::{Target, everywhere};
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::time::{Duration, Instant};

/// Another region than the hub's.
const SECOND: &str = "eu-west-1";
/// How long a run of a few seconds may take there.
const LONGEST_RUN: Duration = Duration::from_secs(180);

/// What DLT's clients make of the capacity.
fn capacity(aws: &Deployed) -> Value {
    let mut rows = aws.api("GET", "/vCPUDetails", None).json();
    for row in rows.as_object_mut().unwrap().values_mut() {
        let number = |name: &str| row[name].as_u64().unwrap();
        let free = number("vCPULimit") - number("vCPUsInUse");
        row["dltAvailableTasks"] = json!(free / number("vCPUsPerTask"));
    }
    rows
}

pub fn scenario(
    aws: &Deployed,
    url: &str,
    tasks: &[(&str, u64)],
    arrivals: u64,
    hold_for: &str,
) -> Value {
    let tasks: Vec<Value> = tasks
        .iter()
        .map(|(region, count)| json!({ "region": region, "taskCount": count, "concurrency": 1 }))
        .collect();
    json!({
        "testName": "checkout",
        "testDescription": "the AWS home",
        "testType": "simple",
        "fileType": "none",
        "showLive": true,
        "regionalTaskDetails": capacity(aws),
        "testTaskConfigs": tasks,
        "testScenario": {
            "execution": [{ "scenario": "shop", "arrivals": arrivals, "hold-for": hold_for }],
            "scenarios": { "shop": { "requests": [{ "url": url, "method": "GET", "label": "home" }] } },
        },
        "thresholds": ["error_rate<1%"],
    })
}

/// Saves and starts a scenario; its id.
pub fn start(aws: &Deployed, body: &Value) -> String {
    let reply = aws.api("POST", "/scenarios", Some(body));
    let said = String::from_utf8_lossy(&reply.body).into_owned();
    assert_eq!(reply.status, 200, "{said}\n{}", aws.output());
    reply.json()["testId"].as_str().unwrap().to_owned()
}

pub fn status(aws: &Deployed, test: &str) -> String {
    let reply = aws.api("GET", &format!("/scenarios/{test}"), None);
    assert_eq!(reply.status, 200, "{}", aws.output());
    reply.json()["status"].as_str().unwrap().to_owned()
}

/// The record of the scenario's only run, once that is over.
fn record(aws: &Deployed, test: &str) -> RunRecord {
    until("the end of the run", LONGEST_RUN, || {
        let status = status(aws, test);
        matches!(status.as_str(), "complete" | "failed" | "cancelled").then_some(())
    });
    let runs = format!("/scenarios/{test}/testruns");
    let page = aws.api("GET", &runs, None).json();
    let run = page["testRuns"][0]["testRunId"].as_str().unwrap();
    let reply = aws.api("GET", &format!("{runs}/{run}"), None);
    serde_json::from_value(reply.json()).unwrap()
}

/// Requests sent by the ticks of a scenario's topic, and their seconds by region.
fn ticks(messages: &[(String, Value)], test: &str) -> (u64, BTreeMap<String, Vec<u64>>) {
    let (mut sent, mut seconds) = (0, BTreeMap::<String, Vec<u64>>::new());
    let topic = format!("dlt/{test}");
    for (from, message) in messages {
        if *from != topic {
            continue;
        }
        for (region, rows) in message.as_object().unwrap() {
            for row in rows.as_array().unwrap() {
                // What DLT's own console needs of each.
                assert!(
                    row["avgRt"].is_number() && row["timestamp"].is_u64(),
                    "{row}"
                );
                sent += row["tick"]["sent"].as_u64().unwrap();
                let second = row["tick"]["second"].as_u64().unwrap();
                seconds.entry(region.clone()).or_default().push(second);
            }
        }
    }
    seconds
        .values_mut()
        .for_each(|seconds| seconds.sort_unstable());
    (sent, seconds)
}

#[test]
#[ignore = "needs an emulator of AWS, which cargo xtask test installs"]
fn a_scenario_runs_in_two_regions() {
    let _alone = alone();
    let target = everywhere(ok().after(Duration::from_millis(5)));
    let aws = Deployed::hub();
    aws.add_region(SECOND);
    let regions = aws.api("GET", "/regions", None).json();
    let known: Vec<&str> = regions["regions"]
        .as_array()
        .unwrap()
        .iter()
        .filter(|region| region["compatible"] == true)
        .filter_map(|region| region["region"].as_str())
        .collect();
    assert_eq!(known, [SECOND, HUB]);

    // Eleven workers are two batches of RunTask; the leader is the twelfth.
    let tasks = [(HUB, 12), (SECOND, 2)];
    let body = scenario(&aws, &target.url("/"), &tasks, 140, "5s");
    let test = start(&aws, &body);
    let watcher = aws.watch(&test);
    let record = record(&aws, &test);
    let story = || format!("{record:#?}\n{}", aws.output());
    assert_eq!(record.status.name(), "complete", "{}", story());
    accounts_agree(&record, &target).unwrap();
    assert_eq!(account(&record).sent, 700, "{}", story());
    let outcome = record.outcome.as_ref().unwrap();
    assert!(outcome.passed == Some(true), "{}", story());
    let coverage = record.coverage.as_ref().unwrap();
    let reported = (coverage.runners_reported, coverage.runners_expected);
    assert_eq!(reported, (14, 14), "{}", story());
    let summary = record.summary.as_ref().unwrap();
    // Twelve of fourteen equal parts.
    assert_eq!(summary.regions[HUB].count, 600, "{}", story());
    assert_eq!(summary.regions[SECOND].count, 100, "{}", story());
    assert_eq!(aws.engine.running(), 0, "no task is left");

    // One tick a second and region; together they are all that was sent.
    let mut messages = Vec::new();
    let seconds = until("the ticks of all requests", Duration::from_secs(30), || {
        messages.extend(watcher.messages());
        let (sent, seconds) = ticks(&messages, &test);
        (sent >= 700).then_some(seconds)
    });
    assert_eq!(ticks(&messages, &test).0, 700);
    for region in [HUB, SECOND] {
        let expected: Vec<u64> = (0..seconds[region].len() as u64).collect();
        assert_eq!(seconds[region], expected, "{region}");
        assert!(expected.len() >= 5, "{region}");
    }
    let stack = aws.api("GET", "/stack-info", None).json();
    assert_eq!(stack["region"], HUB, "{stack}");

    once::all_tasks_are_set_up_once(&aws);
    once::a_setup_that_fails_ends_the_run(&aws);
}

/// Asks for three times the load of a run of 100 a second, until the target sees it.
fn three_times_the_load(aws: &Deployed, test: &str, target: &Target) {
    let runs = format!("/scenarios/{test}/testruns");
    let page = aws.api("GET", &runs, None).json();
    let run = page["testRuns"][0]["testRunId"].as_str().unwrap();
    let wish = json!({ "factor": 3 });
    let reply = aws.api("POST", &format!("{runs}/{run}/load"), Some(&wish));
    assert_eq!(reply.status, 200, "{}", aws.output());
    let (mut since, mut count) = (Instant::now(), target.log.count());
    until("three times the load", LONGEST_RUN, || {
        if since.elapsed() < Duration::from_secs(2) {
            return None;
        }
        let rate = (target.log.count() - count) as f64 / since.elapsed().as_secs_f64();
        (since, count) = (Instant::now(), target.log.count());
        (rate > 250.0).then_some(())
    });
}

#[test]
#[ignore = "needs an emulator of AWS, which cargo xtask test installs"]
fn a_cancelled_run_keeps_what_it_measured_and_leaves_no_task() {
    let _alone = alone();
    let target = everywhere(ok().after(Duration::from_millis(5)));
    let aws = Deployed::hub();
    let body = scenario(&aws, &target.url("/"), &[(HUB, 3)], 100, "10m");
    let test = start(&aws, &body);
    until("a second of load", LONGEST_RUN, || {
        (target.log.count() > 100).then_some(())
    });
    let tasks = aws.api("GET", "/tasks", None).json();
    let addresses: BTreeMap<String, String> =
        serde_json::from_value(tasks[0]["publicAddresses"].clone()).unwrap();
    let arns = tasks[0]["taskArns"].as_array().unwrap();
    assert_eq!(arns.len(), 3, "{tasks}");
    assert!(
        arns.iter()
            .all(|arn| addresses.contains_key(arn.as_str().unwrap())),
        "{tasks}"
    );
    three_times_the_load(&aws, &test, &target);
    let reply = aws.api("POST", &format!("/scenarios/{test}"), None);
    assert_eq!(reply.status, 200, "{}", aws.output());
    let record = record(&aws, &test);
    let changes = &record.load.as_ref().unwrap().changes;
    assert_eq!(
        changes
            .iter()
            .map(|change| change.factor)
            .collect::<Vec<_>>(),
        [3.0]
    );
    assert_eq!(record.status.name(), "cancelled", "{}", aws.output());
    // A task that has ended has no address any more: these were asked for before the start.
    let mut seen: Vec<String> = addresses.into_values().collect();
    seen.sort_unstable();
    assert_eq!(record.generator.as_ref().unwrap().public_addresses, seen);
    accounts_agree(&record, &target).unwrap();
    assert_eq!(record.coverage.unwrap().runners_reported, 3);
    assert_eq!(aws.engine.running(), 0, "no task is left");
}
