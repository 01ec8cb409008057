//! The rights of functions and tasks, judged by the emulator: the whole flow passes
//! with those of the templates, and with one of them gone its call fails. The emulator
//! does not judge the workflow's role, nor who may call a function.

use super::{record, scenario, start};
use crate::common::{account, accounts_agree};
use dlt_core::record::RunRecord;
use dlt_tests::behaviour::ok;
use dlt_tests::deployed::{Deployed, HUB};
use dlt_tests::fault_proxy::FaultProxy;
use dlt_tests::patience::alone;
use dlt_tests::target::{Target, everywhere};
use serde_json::{Value, json};
use std::time::Duration;

/// The roles and what each may do with tasks: the emulator judges these calls by the
/// cluster's ARN and has no `ecs:cluster`, so that the statements of the templates
/// never hold there.
const WITH_TASKS: [(&str, &[&str]); 5] = [
    ("ApiRoleName", &["ecs:StopTask"]),
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

fn iam(aws: &Deployed, parameters: &[(&str, &str)]) -> String {
    aws.emulator.query(HUB, "iam", parameters)
}

/// Gives the roles what the emulator's judgement of ECS lacks.
fn give_tasks(aws: &Deployed) {
    for (output, actions) in WITH_TASKS {
        let policy = json!({
            "Version": "2012-10-17",
            "Statement": [{ "Effect": "Allow", "Action": actions, "Resource": "*" }],
        });
        let put = [
            ("Action", "PutRolePolicy"),
            ("RoleName", aws.outputs[output].as_str()),
            ("PolicyName", "tasks-of-the-emulator"),
            ("PolicyDocument", &policy.to_string()),
        ];
        iam(aws, &put);
    }
}

fn between<'a>(text: &'a str, name: &str) -> &'a str {
    let (_, rest) = text.split_once(&format!("<{name}>")).expect(name);
    rest.split_once(&format!("</{name}>")).expect(name).0
}

/// The task role's ARN.
fn task_role(aws: &Deployed) -> String {
    let action = "AmazonEC2ContainerServiceV20141113.DescribeTaskDefinition";
    let body = json!({ "taskDefinition": "dlt-worker" });
    let described = aws.emulator.json(HUB, "ecs", action, &body);
    let arn = &described["taskDefinition"]["taskRoleArn"];
    arn.as_str().expect("a role").to_owned()
}

/// Tasks get the credentials of their role from here: the emulator refuses those that
/// it gives them itself.
fn give_credentials(aws: &Deployed, role: &str) {
    // ECS assumes it there; here it is the test.
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
        ("RoleName", role.rsplit('/').next().expect("a name")),
        ("PolicyDocument", &trust.to_string()),
    ];
    iam(aws, &trusts);
    let assume = [
        ("Action", "AssumeRole"),
        ("RoleArn", role),
        ("RoleSessionName", "runner"),
    ];
    let text = aws.emulator.query(HUB, "sts", &assume);
    for (variable, name) in [
        ("AWS_ACCESS_KEY_ID", "AccessKeyId"),
        ("AWS_SECRET_ACCESS_KEY", "SecretAccessKey"),
        ("AWS_SESSION_TOKEN", "SessionToken"),
    ] {
        aws.engine.set(variable, between(&text, name));
    }
}

fn run(aws: &Deployed, target: &Target) -> RunRecord {
    let body: Value = scenario(aws, &target.url("/"), &[(HUB, 3)], 50, "2s");
    let test = start(aws, &body);
    record(aws, &test)
}

#[test]
#[ignore = "needs an emulator of AWS, and minutes: cargo xtask test --full"]
fn rights_are_enough_and_are_needed() {
    let _alone = alone();
    let target = everywhere(ok().after(Duration::from_millis(5)));
    let proxy = FaultProxy::start();
    proxy.say_tls();
    let aws = Deployed::behind(&proxy, &[("AUTH", "true")]);
    give_tasks(&aws);
    let role = task_role(&aws);
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
