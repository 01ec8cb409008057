//! The rights of functions and tasks, judged by the emulator: the whole flow passes
//! with those of the templates, and with one of them gone its call fails. The emulator
//! does not judge the workflow's role, nor who may call a function.

use super::{LONGEST_RUN, SECOND, record, scenario, start, status};
use crate::common::{account, accounts_agree};
use dlt_core::record::RunRecord;
use dlt_tests::behaviour::ok;
use dlt_tests::deployed::{ADMIN, Deployed, HUB};
use dlt_tests::fault_proxy::{Call, FaultProxy};
use dlt_tests::patience::{alone, until};
use dlt_tests::signature::Credentials;
use dlt_tests::target::{Target, everywhere};
use jiff::{Timestamp, ToSpan as _};
use serde_json::{Value, json};
use std::time::Duration;

/// What the first user chooses.
const CHOSEN: &str = "Correct-Horse-7-Staple";

/// What the roles may do and the emulator does not see that they may. It judges calls of
/// ECS by the cluster's ARN and has no `ecs:cluster`, and those about schedules as if they
/// were all in the group `default`: the statements of the templates never hold there.
const LENT: [(&str, &[&str]); 5] = [
    (
        "ApiRoleName",
        &[
            "ecs:StopTask",
            "scheduler:CreateSchedule",
            "scheduler:UpdateSchedule",
            "scheduler:GetSchedule",
            "scheduler:DeleteSchedule",
        ],
    ),
    (
        "TaskStatusCheckerRoleName",
        &["ecs:ListTasks", "ecs:DescribeTasks", "ecs:StopTask"],
    ),
    (
        "TaskRunnerRoleName",
        &[
            "ecs:RunTask",
            "ecs:TagResource",
            "ecs:ListTasks",
            "ecs:DescribeTasks",
            "ecs:StopTask",
        ],
    ),
    (
        "TaskCancelerRoleName",
        &["ecs:ListTasks", "ecs:DescribeTasks", "ecs:StopTask"],
    ),
    (
        "ResultsParserRoleName",
        &["ecs:ListTasks", "ecs:DescribeTasks"],
    ),
];

pub(super) fn iam(aws: &Deployed, parameters: &[(&str, &str)]) -> String {
    aws.emulator.query(HUB, "iam", parameters)
}

/// Gives the roles what the emulator does not see in the templates.
pub(super) fn lend_rights(aws: &Deployed) {
    for (output, actions) in LENT {
        let policy = json!({
            "Version": "2012-10-17",
            "Statement": [{ "Effect": "Allow", "Action": actions, "Resource": "*" }],
        });
        let put = [
            ("Action", "PutRolePolicy"),
            ("RoleName", aws.outputs[output].as_str()),
            ("PolicyName", "lent-by-the-tests"),
            ("PolicyDocument", &policy.to_string()),
        ];
        iam(aws, &put);
    }
}

pub(super) fn between<'a>(text: &'a str, name: &str) -> &'a str {
    let (_, rest) = text.split_once(&format!("<{name}>")).expect(name);
    rest.split_once(&format!("</{name}>")).expect(name).0
}

/// The ARN of the role of a region's tasks.
fn task_role(aws: &Deployed, region: &str, definition: &str) -> String {
    let action = "AmazonEC2ContainerServiceV20141113.DescribeTaskDefinition";
    let body = json!({ "taskDefinition": definition });
    let described = aws.emulator.json(region, "ecs", action, &body);
    let arn = &described["taskDefinition"]["taskRoleArn"];
    arn.as_str().expect("a role").to_owned()
}

/// Credentials of a role, by its name: the test assumes what a service does on AWS.
pub(super) fn credentials_of(aws: &Deployed, name: &str) -> Credentials {
    let trust = json!({
        "Version": "2012-10-17",
        "Statement": [{
            "Effect": "Allow",
            "Principal": { "AWS": "arn:aws:iam::000000000000:root" },
            "Action": "sts:AssumeRole",
        }],
    });
    let trusts = [
        ("Action", "UpdateAssumeRolePolicy"),
        ("RoleName", name),
        ("PolicyDocument", &trust.to_string()),
    ];
    iam(aws, &trusts);
    let role = format!("arn:aws:iam::000000000000:role/{name}");
    let assume = [
        ("Action", "AssumeRole"),
        ("RoleArn", &role),
        ("RoleSessionName", "test"),
    ];
    let text = aws.emulator.query(HUB, "sts", &assume);
    Credentials {
        id: between(&text, "AccessKeyId").to_owned(),
        secret: between(&text, "SecretAccessKey").to_owned(),
        session: between(&text, "SessionToken").to_owned(),
    }
}

/// Tasks get the credentials of their role from here: the emulator refuses those that
/// it gives them itself.
fn give_credentials(aws: &Deployed, role: &str) {
    let given = credentials_of(aws, role.rsplit('/').next().expect("a name"));
    aws.engine.set("AWS_ACCESS_KEY_ID", &given.id);
    aws.engine.set("AWS_SECRET_ACCESS_KEY", &given.secret);
    aws.engine.set("AWS_SESSION_TOKEN", &given.session);
}

fn run(aws: &Deployed, target: &Target) -> RunRecord {
    let body: Value = scenario(aws, &target.url("/"), &[(HUB, 3)], 50, "2s");
    let test = start(aws, &body);
    record(aws, &test)
}

/// Live data and a cancel, a schedule that is made and fires, and the removal of them:
/// each by somebody who signed in.
fn all_that_users_ask(aws: &Deployed, proxy: &FaultProxy, target: &Target) {
    let first = crate::signed_in::mailed(&aws.emulator, ADMIN);
    let client = aws.outputs["UserPoolClientId"].as_str();
    let admin = aws.users().sign_in(client, ADMIN, &first, CHOSEN);
    let (_, user) = aws.users().credentials(&admin).expect("a role");
    let ask = |method: &str, path: &str, body: Option<&Value>| {
        let reply = aws.api_as(&user, method, path, body);
        let text = String::from_utf8_lossy(&reply.body).into_owned();
        assert_eq!(
            reply.status,
            200,
            "{method} {path}: {text}\n{}",
            aws.output()
        );
        serde_json::from_str(&text).unwrap_or(Value::Null)
    };
    let id = |answer: &Value| answer["testId"].as_str().expect("an id").to_owned();

    let long = scenario(aws, &target.url("/"), &[(HUB, 2)], 50, "10m");
    let cancelled = id(&ask("POST", "/scenarios", Some(&long)));
    let live = ask("GET", &format!("/scenarios/{cancelled}/live"), None);
    assert!(live["topics"].is_array(), "{live}");
    let watcher = aws.watch(&cancelled);
    until("live data", LONGEST_RUN, || {
        (!watcher.messages().is_empty()).then_some(())
    });
    let before = target.log.count();
    until("load", LONGEST_RUN, || {
        (target.log.count() > before + 50).then_some(())
    });
    ask("POST", &format!("/scenarios/{cancelled}"), None);
    until("the end of the cancelled run", LONGEST_RUN, || {
        (status(aws, &cancelled) == "cancelled").then_some(())
    });

    let mut planned = scenario(aws, &target.url("/"), &[(HUB, 2)], 50, "2s");
    let due = Timestamp::now() + 15.seconds();
    planned["scheduleStep"] = json!("start");
    planned["scheduleDate"] = json!(due.strftime("%Y-%m-%d").to_string());
    planned["scheduleTime"] = json!(due.strftime("%H:%M:%S").to_string());
    planned["scheduleTimezone"] = json!("UTC");
    let planned = id(&ask("POST", "/scenarios", Some(&planned)));
    assert_eq!(status(aws, &planned), "scheduled");
    let fired = record(aws, &planned);
    assert_eq!(fired.status.name(), "complete", "{fired:#?}");
    for test in [&cancelled, &planned] {
        let run = format!("/scenarios/{test}/testruns");
        ask("GET", &run, None);
        ask("DELETE", &format!("/scenarios/{test}"), None);
    }
    let calls = proxy.calls();
    for (service, name) in [
        ("iot", "AttachPolicy"),
        ("iotdata", "Publish"),
        ("ecs", "StopTask"),
        ("scheduler", "CreateSchedule"),
        ("scheduler", "DeleteSchedule"),
        ("dynamodb", "DeleteItem"),
    ] {
        let of_kind = |call: &Call| {
            (
                call.operation.service.as_str(),
                call.operation.name.as_str(),
            ) == (service, name)
        };
        assert!(calls.iter().any(of_kind), "no {service}:{name}");
    }
}

fn in_a_further_region(aws: &Deployed, target: &Target) {
    aws.add_region(SECOND);
    let role = task_role(aws, SECOND, "dlt-region-worker");
    give_credentials(aws, &role);
    // A function keeps the list of regions for a while.
    until("the region is known", LONGEST_RUN, || {
        let rows = aws.api("GET", "/vCPUDetails", None).json();
        rows[SECOND].is_object().then_some(())
    });
    let body = scenario(aws, &target.url("/"), &[(SECOND, 3)], 50, "2s");
    let there = record(aws, &start(aws, &body));
    let story = || format!("{there:#?}\n{}", aws.output());
    assert_eq!(there.status.name(), "complete", "{}", story());
    assert_eq!(account(&there).sent, 100, "{}", story());
}

#[test]
#[ignore = "needs an emulator of AWS, and minutes: cargo xtask test --full"]
fn rights_are_enough_and_are_needed() {
    let _alone = alone();
    let target = everywhere(ok().after(Duration::from_millis(5)));
    let proxy = FaultProxy::start();
    proxy.say_tls();
    let aws = Deployed::behind(&proxy, &[("AUTH", "true")]);
    lend_rights(&aws);
    let role = task_role(&aws, HUB, "dlt-worker");
    give_credentials(&aws, &role);
    let whole = run(&aws, &target);
    let story = || format!("{whole:#?}\n{}", aws.output());
    assert_eq!(whole.status.name(), "complete", "{}", story());
    accounts_agree(&whole, &target).unwrap();
    assert_eq!(account(&whole).sent, 100, "{}", story());
    let denied = |aws: &Deployed| {
        let calls = proxy.take_calls();
        let denied = calls.iter().filter(|call| call.status == Some(403));
        let denied: Vec<String> = denied.map(|call| call.operation.to_string()).collect();
        assert_eq!(aws.engine.running(), 0, "no task is left");
        denied
    };
    assert_eq!(denied(&aws), Vec::<String>::new(), "nobody asks for more");
    all_that_users_ask(&aws, &proxy, &target);
    in_a_further_region(&aws, &target);
    assert_eq!(denied(&aws), Vec::<String>::new(), "nobody asks for more");
    give_credentials(&aws, &role);

    // Without a right of its own the parser says so.
    let parser = aws.outputs["ResultsParserRoleName"].as_str();
    let take = [
        ("Action", "DeleteRolePolicy"),
        ("RoleName", parser),
        ("PolicyName", "resultsParserRights"),
    ];
    iam(&aws, &take);
    let broken = run(&aws, &target);
    assert_eq!(broken.status.name(), "failed", "{broken:#?}");
    let reason = broken.error_reason.clone().unwrap_or_default();
    assert!(reason.contains("AccessDenied"), "{reason}");
    assert!(!denied(&aws).is_empty());

    // Without its own a runner cannot even read its plan.
    let name = role.rsplit('/').next().expect("a name");
    let take = [
        ("Action", "DeleteRolePolicy"),
        ("RoleName", name),
        ("PolicyName", "objects"),
    ];
    iam(&aws, &take);
    let before = target.log.count();
    let broken = run(&aws, &target);
    assert_eq!(broken.status.name(), "failed", "{broken:#?}");
    assert_eq!(target.log.count(), before, "no load was made");
    let refused = denied(&aws);
    assert!(
        refused.iter().any(|call| call.starts_with("s3:")),
        "{refused:?}"
    );
}
