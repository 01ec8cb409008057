//! What takes its time on AWS: schedules, runs that stand still, regions of another
//! version, and the removal of it all. `cargo xtask test --full` runs these.

use super::{LONGEST_RUN, SECOND, record, scenario, start, status};
use crate::common::{account, accounts_agree};
use dlt_tests::behaviour::ok;
use dlt_tests::deployed::{Deployed, HUB};
use dlt_tests::fault_proxy::{Fault, FaultProxy};
use dlt_tests::patience::{alone, until};
use dlt_tests::target::{Target, everywhere};
use jiff::{Timestamp, ToSpan as _};
use serde_json::{Value, json};
use std::time::Duration;

fn target() -> Target {
    everywhere(ok().after(Duration::from_millis(5)))
}

/// The table of runs, by a call about it.
fn history(aws: &Deployed, proxy: &FaultProxy) -> String {
    let body = scenario(aws, "http://127.0.0.1:9/", &[(HUB, 1)], 1, "1s");
    let mut saved = body.clone();
    saved["saveOnly"] = json!(true);
    let test = start(aws, &saved);
    proxy.take_calls();
    let runs = format!("/scenarios/{test}/testruns");
    assert_eq!(aws.api("GET", &runs, None).status, 200);
    let calls = proxy.take_calls();
    let query = calls.iter().find(|call| call.operation.name == "Query");
    query.unwrap().operation.about.clone()
}

/// The schedule of a scenario: when it is next woken.
fn next(aws: &Deployed, test: &str) -> Option<Timestamp> {
    let path = format!("/schedules/{test}?groupName=dlt");
    let reply = aws.emulator.rest(HUB, "scheduler", "GET", &path, b"");
    if reply.status != 200 {
        return None;
    }
    let found = reply.json();
    let at = found["ScheduleExpression"].as_str()?;
    let at = at.strip_prefix("at(")?.strip_suffix(")")?;
    format!("{at}Z").parse().ok()
}

#[test]
#[ignore = "needs an emulator of AWS, and minutes: cargo xtask test --full"]
fn a_schedule_fires_and_survives_a_firing_that_fails() {
    let _alone = alone();
    let target = target();
    let proxy = FaultProxy::start();
    let aws = Deployed::behind(&proxy, &[]);
    let mut body = scenario(&aws, &target.url("/"), &[(HUB, 2)], 50, "2s");
    let due = Timestamp::now() + 20.seconds();
    body["scheduleStep"] = json!("start");
    body["scheduleDate"] = json!(due.strftime("%Y-%m-%d").to_string());
    body["scheduleTime"] = json!(due.strftime("%H:%M:%S").to_string());
    body["scheduleTimezone"] = json!("UTC");
    body["recurrence"] = json!("daily");
    let test = start(&aws, &body);
    let planned = next(&aws, &test).expect("a schedule");
    assert_eq!(planned.as_second(), due.as_second());
    assert_eq!(status(&aws, &test), "scheduled");

    // The first firing finds the table refusing everybody.
    proxy.take_calls();
    for name in ["GetItem", "Scan"] {
        proxy.fault("dynamodb", name, 1_000, Fault::Throttle);
    }
    let again = until("a later wake-up", LONGEST_RUN, || {
        next(&aws, &test).filter(|next| *next > planned)
    });
    let ahead = again - Timestamp::now();
    assert!(ahead.total(jiff::Unit::Second).unwrap() > 60.0, "{again}");
    until("a call that was refused", LONGEST_RUN, || {
        let calls = proxy.take_calls();
        let refused = calls.iter().filter(|call| call.fault.is_some());
        (refused.count() > 0).then_some(())
    });
    proxy.clear();
    assert_eq!(target.log.count(), 0);

    // Woken again it runs once, and is then planned for tomorrow. Five minutes pass
    // by the schedule's own expression.
    let path = format!("/schedules/{test}");
    let found = aws.emulator.rest(
        HUB,
        "scheduler",
        "GET",
        &format!("{path}?groupName=dlt"),
        b"",
    );
    let mut found = found.json();
    let soon = Timestamp::now() + 2.seconds();
    found["ScheduleExpression"] = json!(soon.strftime("at(%Y-%m-%dT%H:%M:%S)").to_string());
    let text = found.to_string();
    let reply = aws
        .emulator
        .rest(HUB, "scheduler", "PUT", &path, text.as_bytes());
    assert_eq!(reply.status, 200);
    until("the run", LONGEST_RUN, || {
        (target.log.count() > 0).then_some(())
    });
    let record = record(&aws, &test);
    assert_eq!(record.status.name(), "complete", "{}", aws.output());
    accounts_agree(&record, &target).unwrap();
    assert_eq!(account(&record).sent, 100);
    let tomorrow = due + 24.hours();
    let next = next(&aws, &test).expect("a schedule");
    assert_eq!(next.as_second(), tomorrow.as_second());
    let runs = aws.api("GET", &format!("/scenarios/{test}/testruns"), None);
    assert_eq!(runs.json()["testRuns"].as_array().map(Vec::len), Some(1));
}

#[test]
#[ignore = "needs an emulator of AWS, and minutes: cargo xtask test --full"]
fn a_run_that_never_began_is_begun_only_by_a_start() {
    let _alone = alone();
    let target = target();
    let proxy = FaultProxy::start();
    let aws = Deployed::behind(&proxy, &[]);
    let history = history(&aws, &proxy);
    let body = scenario(&aws, &target.url("/"), &[(HUB, 2)], 50, "2s");

    // It cannot be started: it ends, and says so.
    proxy.fault("states", "StartExecution", 100, Fault::Throttle);
    let mut told = body.clone();
    told["testId"] = json!("refused1");
    assert_ne!(aws.api("POST", "/scenarios", Some(&told)).status, 200);
    let refused = record(&aws, "refused1");
    assert_eq!(refused.status.name(), "failed");
    let reason = refused.error_reason.unwrap_or_default();
    assert!(reason.contains("could not be started"), "{reason}");

    // Not even that can be stored: both stand still.
    proxy.fault_after(1, "dynamodb", "PutItem", &history, 100, Fault::Unavailable);
    let mut read = body.clone();
    read["testId"] = json!("read1");
    assert_ne!(aws.api("POST", "/scenarios", Some(&read)).status, 200);
    assert_eq!(status(&aws, "read1"), "queued");
    proxy.clear();
    proxy.fault("states", "StartExecution", 100, Fault::Throttle);
    proxy.fault_after(1, "dynamodb", "PutItem", &history, 100, Fault::Unavailable);
    let mut posted = body.clone();
    posted["testId"] = json!("posted1");
    assert_ne!(aws.api("POST", "/scenarios", Some(&posted)).status, 200);
    proxy.clear();

    // Whoever reads it ends it, without load.
    let ended = record(&aws, "read1");
    assert_eq!(ended.status.name(), "failed", "{}", aws.output());
    let reason = ended.error_reason.unwrap_or_default();
    assert!(reason.contains("never began"), "{reason}");
    assert_eq!(target.log.count(), 0);

    // Whoever posts it again soon begins it: that run, and no second one.
    proxy.take_calls();
    until("the run that stood still", LONGEST_RUN, || {
        let reply = aws.api("POST", "/scenarios", Some(&posted));
        assert_ne!(reply.status, 200);
        let calls = proxy.take_calls();
        let begins = calls
            .iter()
            .any(|call| call.operation.name == "StartExecution");
        begins.then_some(())
    });
    let record = record(&aws, "posted1");
    assert_eq!(record.status.name(), "complete", "{}", aws.output());
    accounts_agree(&record, &target).unwrap();
    assert_eq!(account(&record).sent, 100);
}

fn dynamodb(aws: &Deployed, name: &str, body: &Value) -> Value {
    let action = format!("DynamoDB_20120810.{name}");
    aws.emulator.json(HUB, "dynamodb", &action, body)
}

/// The row of a region; None if there is none.
fn row(aws: &Deployed, region: &str) -> Option<Value> {
    let key = json!({ "testId": { "S": format!("region-{region}") } });
    let get = json!({ "TableName": aws.outputs["ScenariosTable"], "Key": key });
    dynamodb(aws, "GetItem", &get).get("Item").cloned()
}

/// Deletes a stack and waits for its end.
fn delete(aws: &Deployed, region: &str, name: &str) {
    let ask = [("Action", "DeleteStack"), ("StackName", name)];
    aws.emulator.query(region, "cloudformation", &ask);
    until("the stack's end", Duration::from_secs(60), || {
        let list = [("Action", "ListStacks")];
        let text = aws.emulator.query(region, "cloudformation", &list);
        assert!(!text.contains("DELETE_FAILED"), "{text}");
        text.contains("DELETE_COMPLETE").then_some(())
    });
}

/// The hub's log groups, as CloudFormation names them, and as the emulator does.
fn log_groups(aws: &Deployed) -> Vec<String> {
    let list = "Logs_20140328.DescribeLogGroups";
    let logs = aws.emulator.json(HUB, "logs", list, &json!({}));
    let logs = logs["logGroups"].as_array().unwrap().iter();
    let names = logs.map(|group| group["logGroupName"].as_str().unwrap().to_owned());
    names
        .filter(|name| name.starts_with("dlt-") || name.contains("/dlt/"))
        .collect()
}

#[test]
#[ignore = "needs an emulator of AWS, and minutes: cargo xtask test --full"]
fn regions_come_and_go_and_a_hub_leaves_what_is_retained() {
    let _alone = alone();
    let aws = Deployed::hub();
    aws.add_region(SECOND);
    assert!(row(&aws, SECOND).is_some());

    // A region of an older version.
    let mut older = row(&aws, SECOND).unwrap();
    older["version"] = json!({ "S": "v4.0.9" });
    let put = json!({ "TableName": aws.outputs["ScenariosTable"], "Item": older });
    dynamodb(&aws, "PutItem", &put);
    let told = until("the region's version", Duration::from_secs(60), || {
        let regions = aws.api("GET", "/regions", None).json();
        let rows = regions["regions"].as_array().unwrap().clone();
        let row = rows.into_iter().find(|row| row["region"] == SECOND)?;
        (row["compatible"] == false).then_some(row)
    });
    let why = told["incompatibilityReason"].as_str().unwrap_or_default();
    assert!(why.contains("4.0.9 is older than"), "{told}");
    let body = scenario(&aws, "http://127.0.0.1:9/", &[(SECOND, 1)], 1, "1s");
    let reply = aws.api("POST", "/scenarios", Some(&body));
    let text = String::from_utf8_lossy(&reply.body).into_owned();
    assert_eq!(reply.status, 400, "{text}");
    assert!(text.contains("INCOMPATIBLE_REGIONAL_STACKS"), "{text}");
    // One that can be used, but is of an older dlt.
    older["version"] = json!({ "S": "v4.2.3" });
    older["dltVersion"] = json!({ "S": "0.0.0" });
    let put = json!({ "TableName": aws.outputs["ScenariosTable"], "Item": older });
    dynamodb(&aws, "PutItem", &put);
    let mut saved = body.clone();
    saved["saveOnly"] = json!(true);
    let warnings = until("its dlt's version", Duration::from_secs(60), || {
        let reply = aws.api("POST", "/scenarios", Some(&saved));
        (reply.status == 200).then(|| reply.json()["warnings"].to_string())
    });
    assert!(warnings.contains("its stack is of dlt 0.0.0"), "{warnings}");

    delete(&aws, SECOND, "dlt-region");
    assert_eq!(row(&aws, SECOND), None);

    let tables = || dynamodb(&aws, "ListTables", &json!({}))["TableNames"].clone();
    let before = tables();
    assert_ne!(log_groups(&aws), Vec::<String>::new(), "the stack has logs");
    delete(&aws, HUB, "dlt");
    assert_eq!(tables(), before, "results are kept");
    let bucket = format!("/{}?list-type=2", aws.outputs["BucketName"]);
    let reply = aws.emulator.rest(HUB, "s3", "GET", &bucket, b"");
    assert_eq!(reply.status, 200, "objects are kept");
    let functions = aws
        .emulator
        .rest(HUB, "lambda", "GET", "/2015-03-31/functions/", b"");
    assert_eq!(functions.json()["Functions"], json!([]));
    let machines = aws.emulator.json(
        HUB,
        "states",
        "AWSStepFunctions.ListStateMachines",
        &json!({}),
    );
    assert_eq!(machines["stateMachines"], json!([]));
    assert_eq!(log_groups(&aws), Vec::<String>::new());
}
