//! The AWS home while AWS's own services are busy, fail or lose answers: a proxy does
//! to calls of functions and tasks what they must survive. Calls inside the emulator,
//! as Step Functions' of Lambda, do not pass it.

use super::{LONGEST_RUN, record, scenario, start, status};
use crate::common::{account, accounts_agree};
use dlt_tests::behaviour::ok;
use dlt_tests::deployed::{Deployed, HUB};
use dlt_tests::fault_proxy::{Call, Fault, FaultProxy};
use dlt_tests::patience::{alone, until};
use dlt_tests::target::everywhere;
use serde_json::json;
use std::collections::BTreeSet;
use std::time::Duration;

/// Every kind of call that functions and tasks make here: an answer of each is lost
/// once. One that is new has to be added.
const KINDS: [&str; 56] = [
    "dynamodb:DeleteItem History",
    "dynamodb:DeleteItem Scenarios",
    "dynamodb:GetItem History",
    "dynamodb:GetItem Scenarios",
    "dynamodb:PutItem History",
    "dynamodb:PutItem Scenarios",
    "dynamodb:Query History",
    "dynamodb:Scan Scenarios",
    "ec2:DescribeNetworkInterfaces",
    "ecs:DescribeTasks",
    "ecs:ListClusters",
    "ecs:ListTasks",
    "ecs:RunTask",
    "ecs:StopTask",
    "iotdata:Publish",
    "s3:DeleteObject launched.json",
    "s3:DeleteObject leader-ready.json",
    "s3:DeleteObject secret",
    "s3:DeleteObject start.json",
    "s3:DeleteObject workers.json",
    "s3:GetObject *.json",
    "s3:GetObject *.timeline",
    "s3:GetObject *.xml",
    "s3:GetObject changes.json",
    "s3:GetObject dealt.json",
    "s3:GetObject labels.json.gz",
    "s3:GetObject launched.json",
    "s3:GetObject leader-ready.json",
    "s3:GetObject public-addresses.json",
    "s3:GetObject record.json.gz",
    "s3:GetObject runners.json.gz",
    "s3:GetObject scenario.json.gz",
    "s3:GetObject secret",
    "s3:GetObject start.json",
    "s3:GetObject workers.json",
    "s3:ListObjectsV2",
    "s3:PutObject *.json",
    "s3:PutObject *.timeline",
    "s3:PutObject *.xml",
    "s3:PutObject dealt.json",
    "s3:PutObject histograms.json.gz",
    "s3:PutObject labels.json.gz",
    "s3:PutObject launched.json",
    "s3:PutObject leader-ready.json",
    "s3:PutObject public-addresses.json",
    "s3:PutObject record.json.gz",
    "s3:PutObject runners.json.gz",
    "s3:PutObject scenario.json.gz",
    "s3:PutObject secret",
    "s3:PutObject start.json",
    "s3:PutObject timeline.json.gz",
    "s3:PutObject workers.json",
    "scheduler:CreateSchedule",
    "scheduler:DeleteSchedule",
    "scheduler:UpdateSchedule",
    "states:StartExecution",
];

/// Kinds of calls, their tables by the names of the template.
fn kinds<'a>(calls: impl Iterator<Item = &'a Call>) -> BTreeSet<String> {
    let kinds = calls.map(|call| {
        let (service, name) = (&call.operation.service, &call.operation.name);
        // `hub-History-X1Y2`: CloudFormation's own.
        let about = match service.as_str() {
            "dynamodb" => call.operation.about.split('-').nth(1),
            _ => Some(call.operation.about.as_str()),
        };
        format!("{service}:{name} {}", about.unwrap_or_default())
    });
    kinds.map(|kind| kind.trim().to_owned()).collect()
}

#[test]
#[ignore = "needs an emulator of AWS, which cargo xtask test installs"]
fn every_kind_of_call_may_lose_an_answer() {
    let _alone = alone();
    let target = everywhere(ok().after(Duration::from_millis(5)));
    let proxy = FaultProxy::start();
    let aws = Deployed::behind(&proxy, &[]);
    proxy.take_calls();
    proxy.drop_one_answer_of_each();

    // A run to its end.
    let body = scenario(&aws, &target.url("/"), &[(HUB, 3)], 100, "5s");
    let test = start(&aws, &body);
    let record = record(&aws, &test);
    let story = || format!("{record:#?}\n{}", aws.output());
    assert_eq!(record.status.name(), "complete", "{}", story());
    accounts_agree(&record, &target).unwrap();
    assert_eq!(account(&record).sent, 500, "{}", story());
    let coverage = record.coverage.as_ref().unwrap();
    assert_eq!(coverage.runners_reported, 3, "{}", story());
    assert_eq!(aws.engine.running(), 0, "no task is left");

    // One that is cancelled.
    let before = target.log.count();
    let long = scenario(&aws, &target.url("/"), &[(HUB, 2)], 50, "10m");
    let cancelled = start(&aws, &long);
    until("load", LONGEST_RUN, || {
        (target.log.count() > before + 50).then_some(())
    });
    let reply = aws.api("POST", &format!("/scenarios/{cancelled}"), None);
    assert_eq!(reply.status, 200, "{}", aws.output());
    until("the end of the cancelled run", LONGEST_RUN, || {
        (status(&aws, &cancelled) == "cancelled").then_some(())
    });
    assert_eq!(aws.engine.running(), 0, "no task is left");

    // A schedule, and the removal of all.
    let mut scheduled = body.clone();
    scheduled["scheduleStep"] = json!("create");
    scheduled["cronValue"] = json!("0 3 1 1 *");
    scheduled["cronExpiryDate"] = json!("2099-01-01");
    let planned = start(&aws, &scheduled);
    for id in [&test, &cancelled, &planned] {
        let reply = aws.api("DELETE", &format!("/scenarios/{id}"), None);
        let text = String::from_utf8_lossy(&reply.body).into_owned();
        assert_eq!(reply.status, 200, "{text}\n{}", aws.output());
    }

    let calls = proxy.take_calls();
    let dropped = calls
        .iter()
        .filter(|call| call.fault == Some(Fault::DropAnswer));
    let dropped = kinds(dropped);
    assert_eq!(dropped, kinds(calls.iter()));
    assert_eq!(
        dropped,
        KINDS.iter().map(|kind| (*kind).to_owned()).collect()
    );
}

#[test]
#[ignore = "needs an emulator of AWS, which cargo xtask test installs"]
fn busy_services_make_a_run_late_and_nothing_else() {
    let _alone = alone();
    let target = everywhere(ok().after(Duration::from_millis(5)));
    let proxy = FaultProxy::start();
    let aws = Deployed::behind(&proxy, &[]);
    proxy.take_calls();
    // More than the attempts of two calls.
    proxy.fault("ecs", "RunTask", 9, Fault::Throttle);
    // More than those of one: the workflow tries again.
    proxy.fault("ecs", "DescribeTasks", 5, Fault::Unavailable);
    proxy.fault("dynamodb", "PutItem", 5, Fault::Throttle);
    proxy.fault("s3", "GetObject", 5, Fault::Unavailable);
    // A runner's attempts are five.
    proxy.fault_about("s3", "PutObject", "*.xml", 3, Fault::Throttle);
    proxy.fault("ecs", "ListTasks", 2, Fault::Delay(Duration::from_secs(3)));

    let mut body = scenario(&aws, &target.url("/"), &[(HUB, 3)], 100, "3s");
    let test = "busy1".to_owned();
    body["testId"] = json!(test);
    until("a start", LONGEST_RUN, || {
        // The call itself may be refused, even after it has started the run: the
        // client tries again, and with the scenario's id it starts no second one.
        let reply = aws.api("POST", "/scenarios", Some(&body));
        let text = String::from_utf8_lossy(&reply.body).into_owned();
        (reply.status == 200 || text.contains("TEST_RUNNING")).then_some(())
    });
    let record = record(&aws, &test);
    let story = || format!("{record:#?}\n{}", aws.output());
    assert_eq!(record.status.name(), "complete", "{}", story());
    accounts_agree(&record, &target).unwrap();
    assert_eq!(account(&record).sent, 300, "{}", story());
    assert_eq!(aws.engine.running(), 0, "no task is left");
    let told = record.warnings.join("\n");
    assert!(told.contains("launches in us-east-1 had to wait"), "{told}");
    assert!(told.contains("Rate exceeded"), "{told}");
    let calls = proxy.take_calls();
    for (service, name, times) in [
        ("ecs", "RunTask", 9),
        ("ecs", "DescribeTasks", 5),
        ("dynamodb", "PutItem", 5),
        ("s3", "GetObject", 5),
        ("s3", "PutObject", 3),
        ("ecs", "ListTasks", 2),
    ] {
        let faulted = calls.iter().filter(|call| {
            call.fault.is_some()
                && (
                    call.operation.service.as_str(),
                    call.operation.name.as_str(),
                ) == (service, name)
        });
        assert_eq!(faulted.count(), times, "{service}:{name}");
    }
}
