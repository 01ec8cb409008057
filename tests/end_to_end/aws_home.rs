//! The AWS home, from its templates to a result: CloudFormation, API Gateway, Lambda,
//! Step Functions, ECS, S3 and DynamoDB of an emulator, our functions and our worker
//! as they were built, real load on a server of this machine.

use dlt_tests::behaviour::ok;
use dlt_tests::deployed::{Deployed, HUB};
use dlt_tests::patience::{alone, until};
use dlt_tests::target::everywhere;
use serde_json::{Value, json};
use std::time::Duration;

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

fn scenario(aws: &Deployed, url: &str, tasks: &[(&str, u64)], arrivals: u64) -> Value {
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
            "execution": [{ "scenario": "shop", "arrivals": arrivals, "hold-for": "5s" }],
            "scenarios": { "shop": { "requests": [{ "url": url, "method": "GET", "label": "home" }] } },
        },
        "thresholds": ["error_rate<1%"],
    })
}

fn finished(aws: &Deployed, test: &str) -> Value {
    let over = until("the end of the run", LONGEST_RUN, || {
        let reply = aws.api("GET", &format!("/scenarios/{test}"), None);
        assert_eq!(reply.status, 200, "{}", aws.story());
        let item = reply.json();
        let status = item["status"].as_str().unwrap_or_default().to_owned();
        matches!(status.as_str(), "complete" | "failed" | "cancelled").then_some(item)
    });
    let run = over["testRunId"].as_str().unwrap_or_default();
    aws.api("GET", &format!("/scenarios/{test}/testruns/{run}"), None)
        .json()
}

#[test]
#[ignore = "needs an emulator of AWS; cargo xtask test --full installs it"]
fn a_scenario_runs_in_two_regions() {
    let _alone = alone();
    let target = everywhere(ok().after(Duration::from_millis(5)));
    let aws = Deployed::hub();
    aws.add_region("eu-west-1");
    let regions = aws.api("GET", "/regions", None).json();
    eprintln!("{regions}");
    let body = scenario(&aws, &target.url("/"), &[(HUB, 3), ("eu-west-1", 2)], 100);
    let reply = aws.api("POST", "/scenarios", Some(&body));
    assert_eq!(
        reply.status,
        200,
        "{}\n{}",
        String::from_utf8_lossy(&reply.body),
        aws.story()
    );
    let test = reply.json()["testId"].as_str().unwrap().to_owned();
    let record = finished(&aws, &test);
    eprintln!("{}", serde_json::to_string_pretty(&record).unwrap());
    eprintln!("{}", aws.engine.printed());
    assert_eq!(record["status"], "complete", "{}", aws.story());
    assert_eq!(record["account"]["sent"], target.log.count() as u64);
}
