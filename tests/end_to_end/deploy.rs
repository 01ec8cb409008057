//! `dlt deploy`, `destroy` and `doctor --aws` as an account's user runs them, against an
//! emulator of AWS: whatever a deployment finds, it goes on, or says why not.

mod broken_off;
mod kept;

use dlt_tests::behaviour::ok;
use dlt_tests::command::{Ended, Home};
use dlt_tests::deployed::{Deployed, HUB};
use dlt_tests::emulator::Emulator;
use dlt_tests::patience::{alone, until};
use dlt_tests::target::everywhere;
use serde_json::{Value, json};
use std::time::Duration;

/// Another region than the hub's.
const SECOND: &str = "eu-west-1";

fn said(ended: &Ended, what: &str) {
    assert!(ended.stderr.contains(what), "{what:?} is not in {ended:#?}");
}

/// The parameters of a stack, as CloudFormation has them.
fn stack(aws: &Deployed, region: &str, name: &str) -> Option<Value> {
    let answer = aws.emulator.rest(
        region,
        "cloudformation",
        "GET",
        &format!("/?Action=DescribeStacks&StackName={name}&Version=2010-05-15"),
        b"",
    );
    let text = String::from_utf8_lossy(&answer.body).into_owned();
    (answer.status == 200).then(|| json!(text))
}

/// What `dlt doctor --aws` says of a thing.
fn finding(aws: &Deployed, args: &[&str], what: &str) -> Value {
    let mut all = vec!["doctor", "--aws", "--json"];
    all.extend(args);
    let ended = aws.dlt(&all);
    let findings: Vec<Value> = serde_json::from_str(&ended.stdout)
        .unwrap_or_else(|error| panic!("{error}: {ended:#?}\n{}", aws.output()));
    let mut found = findings.iter().filter(|row| row["what"] == what);
    found
        .next()
        .unwrap_or_else(|| panic!("no {what}: {findings:#?}"))
        .clone()
}

#[test]
#[ignore = "needs an emulator of AWS, which cargo xtask test installs"]
fn a_deployment_goes_on_or_says_why_not() {
    let _alone = alone();
    let aws = Deployed::hub();
    what_is_not_ours_is_left_alone(&aws);
    nothing_changes_twice(&aws);
    what_would_change_is_shown_first(&aws);
    aws.add_region(SECOND);
    let refused = aws.dlt(&["deploy", "region", HUB, "--yes"]);
    assert_eq!(refused.code, Some(2), "{refused:#?}");
    said(&refused, "the hub's own region");
    all_is_well(&aws);
    left_over_runners_are_found_and_ended(&aws);
    a_failed_region_is_told_and_cleared_away(&aws);
    nothing_is_left(&aws);
}

/// A stack of somebody else's is neither changed nor removed.
fn what_is_not_ours_is_left_alone(aws: &Deployed) {
    let template = r#"{"Resources":{"Queue":{"Type":"AWS::SQS::Queue"}}}"#;
    aws.emulator.query(
        HUB,
        "cloudformation",
        &[
            ("Action", "CreateStack"),
            ("StackName", "shop"),
            ("TemplateBody", template),
        ],
    );
    let args = ["--stack", "shop", "--yes"];
    let deploy = ["deploy", "hub", "--admin-email", "a@example.com"];
    let worker = ["--worker-image", "dlt-worker:test"];
    let deployed = aws.dlt(&[&deploy[..], &worker, &args].concat());
    assert_eq!(deployed.code, Some(2), "{deployed:#?}");
    said(&deployed, "is not dlt's");
    let destroyed = aws.dlt(&[&["destroy", "hub"][..], &args].concat());
    assert_eq!(destroyed.code, Some(2), "{destroyed:#?}");
    assert!(stack(aws, HUB, "shop").is_some());
    let by_name = [("Action", "DeleteStack"), ("StackName", "shop")];
    aws.emulator.query(HUB, "cloudformation", &by_name);
}

fn nothing_changes_twice(aws: &Deployed) {
    let again = aws.dlt(
        &[
            "deploy",
            "hub",
            "--worker-image",
            "dlt-worker:test",
            "--console",
        ]
        .iter()
        .copied()
        .chain([&*aws.console, "--yes"])
        .collect::<Vec<_>>(),
    );
    assert_eq!(again.code, Some(0), "{again:#?}\n{}", aws.output());
    said(&again, "stack dlt is up to date");
    said(&again, "functions: there already");
    assert!(!again.stderr.contains("functions: sent"), "{again:#?}");
}

fn what_would_change_is_shown_first(aws: &Deployed) {
    let base = [
        "deploy",
        "hub",
        "--worker-image",
        "dlt-worker:test",
        "--console",
        &*aws.console,
    ];
    let with = |more: &[&str]| {
        let args: Vec<&str> = base.iter().chain(more).copied().collect();
        aws.dlt(&args)
    };
    let unknown = with(&["-p", "Nonsense=1", "--yes"]);
    assert_eq!(unknown.code, Some(2), "{unknown:#?}");
    said(&unknown, "no parameter Nonsense");
    let asked = with(&["-p", "LogRetentionDays=7"]);
    assert_eq!(asked.code, Some(2), "{asked:#?}");
    said(&asked, "ApiLogs");
    said(&asked, "--yes");
    let unchanged = stack(aws, HUB, "dlt").unwrap().to_string();
    assert!(
        unchanged.contains("<ParameterValue>30</ParameterValue>"),
        "{unchanged}"
    );
    let changed = with(&["-p", "LogRetentionDays=7", "--yes"]);
    assert_eq!(changed.code, Some(0), "{changed:#?}\n{}", aws.output());
    let text = stack(aws, HUB, "dlt").unwrap().to_string();
    assert!(
        text.contains("<ParameterValue>7</ParameterValue>"),
        "{text}"
    );
    // Given at the first deployment, and kept.
    assert!(
        text.contains("<ParameterValue>256</ParameterValue>"),
        "{text}"
    );
}

fn all_is_well(aws: &Deployed) {
    for what in [
        "credentials",
        "API",
        "hub dlt in us-east-1",
        "region eu-west-1",
    ] {
        let found = finding(aws, &[], what);
        assert_eq!(found["state"], "well", "{found:#}\n{}", aws.output());
    }
    for region in [HUB, SECOND] {
        let found = finding(aws, &[], &format!("network in {region}"));
        assert_eq!(found["state"], "well", "{found:#}");
        let found = finding(aws, &[], &format!("runners in {region}"));
        assert_eq!(found["seen"], "0 in progress, none left over", "{found:#}");
    }
}

fn left_over_runners_are_found_and_ended(aws: &Deployed) {
    let target = everywhere(ok());
    let body = crate::deployed::scenario(aws, &target.url("/"), &[(HUB, 1)], 5, "120s");
    let test = crate::deployed::start(aws, &body);
    until("the run loads", Duration::from_secs(90), || {
        (crate::deployed::status(aws, &test) == "running").then_some(())
    });
    let what = format!("runners in {HUB}");
    assert_eq!(
        finding(aws, &[], &what)["seen"],
        "1 in progress, none left over"
    );
    // As if its run were over, or had never been.
    let runs = aws
        .api("GET", &format!("/scenarios/{test}/testruns"), None)
        .json();
    let run = runs["testRuns"][0]["testRunId"].as_str().unwrap();
    aws.emulator.json(
        HUB,
        "dynamodb",
        "DynamoDB_20120810.DeleteItem",
        &json!({
            "TableName": aws.outputs["HistoryTable"],
            "Key": { "testId": { "S": test }, "testRunId": { "S": run } },
        }),
    );
    let left = finding(aws, &[], &what);
    assert_eq!(left["state"], "broken", "{left:#}");
    assert!(left["seen"].as_str().unwrap().contains(run), "{left:#}");
    let ended = finding(aws, &["--stop-orphans"], &what);
    assert_eq!(ended["state"], "well", "{ended:#}");
    until("the runner's end", Duration::from_secs(90), || {
        (aws.engine.running() == 0).then_some(())
    });
}

/// A region that cannot register fails with AWS's reason; the next try begins anew.
fn a_failed_region_is_told_and_cleared_away(aws: &Deployed) {
    aws.emulator.json(
        HUB,
        "dynamodb",
        "DynamoDB_20120810.DeleteTable",
        &json!({ "TableName": aws.outputs["ScenariosTable"] }),
    );
    let deploy = [
        "deploy",
        "region",
        "us-west-2",
        "--worker-image",
        "dlt-worker:test",
        "--yes",
    ];
    let failed = aws.dlt(&deploy);
    assert_eq!(failed.code, Some(3), "{failed:#?}\n{}", aws.output());
    said(&failed, "Registration (Custom::Region): ");
    said(&failed, "ROLLBACK_COMPLETE");
    let again = aws.dlt(&deploy);
    assert_eq!(again.code, Some(3), "{again:#?}");
    said(&again, "it cannot be updated, and is removed first");
    let removed = aws.dlt(&["destroy", "region", "us-west-2", "--yes"]);
    assert_eq!(removed.code, Some(0), "{removed:#?}");
}

fn nothing_is_left(aws: &Deployed) {
    // It lets the policy go a moment after nobody has it any more.
    aws.emulator.hold_policies(1);
    // The hub's table is gone, and with it the list of regions.
    let ended = aws.dlt(&["destroy", "hub", "--yes"]);
    assert_eq!(ended.code, Some(0), "{ended:#?}\n{}", aws.output());
    said(
        &ended,
        &format!("stack dlt-region is removed from {SECOND}"),
    );
    said(&ended, &aws.outputs["BucketName"]);
    said(&ended, "IoT Core still counts a policy as attached");
    for region in [HUB, SECOND, "us-west-2"] {
        for name in ["dlt", "dlt-region", "dlt-artifacts"] {
            assert_eq!(stack(aws, region, name), None, "{name} in {region}");
        }
    }
    assert!(buckets(aws).contains(&aws.outputs["BucketName"]));
    // What stayed is still known.
    let results = aws.dlt(&["destroy", "hub", "--yes", "--with-results"]);
    assert_eq!(results.code, Some(0), "{results:#?}\n{}", aws.output());
    assert!(!buckets(aws).contains("<Bucket>"), "{}", buckets(aws));
    let tables = aws
        .emulator
        .json(HUB, "dynamodb", "DynamoDB_20120810.ListTables", &json!({}));
    assert_eq!(tables["TableNames"], json!([]), "{tables}");
    // And once more: there is nothing to do.
    let again = aws.dlt(&["destroy", "hub", "--yes"]);
    assert_eq!(again.code, Some(0), "{again:#?}");
}

fn buckets(aws: &Deployed) -> String {
    let buckets = aws.emulator.rest(HUB, "s3", "GET", "/", b"");
    String::from_utf8(buckets.body).unwrap()
}

#[test]
#[ignore = "needs an emulator of AWS, which cargo xtask test installs"]
fn what_is_missing_is_said_before_anything_is_made() {
    let emulator = Emulator::start();
    let mut environment = emulator.environment();
    environment.push(("AWS_REGION", HUB.to_owned()));
    let rows: Vec<(&str, &str)> = environment
        .iter()
        .map(|(name, value)| (*name, &**value))
        .collect();
    let home = Home::new().with(&rows);
    let run = |args: &[&str]| home.run(Duration::from_secs(60), args);
    let nobody = run(&["deploy", "hub", "--yes"]);
    assert_eq!(nobody.code, Some(2), "{nobody:#?}");
    assert!(nobody.stderr.contains("--admin-email"), "{nobody:#?}");
    let no_hub = run(&["deploy", "region", SECOND, "--yes"]);
    assert_eq!(no_hub.code, Some(2), "{no_hub:#?}");
    said(&no_hub, "there is no stack dlt in us-east-1");
    let wrong = run(&["deploy", "hub", "--stack", "no name", "--yes"]);
    assert_eq!(wrong.code, Some(2), "{wrong:#?}");
    let missing = run(&["doctor", "--aws"]);
    assert_eq!(missing.code, Some(3), "{missing:#?}");
    assert!(
        missing.stdout.contains("dlt deploy hub makes"),
        "{missing:#?}"
    );
    assert_eq!(run(&["destroy", "hub", "--yes"]).code, Some(0));
}

#[test]
fn without_credentials_the_way_to_log_in_is_told() {
    let home = Home::new().with(&[
        ("AWS_REGION", HUB),
        ("AWS_EC2_METADATA_DISABLED", "true"),
        ("AWS_CONFIG_FILE", "/nonexistent"),
        ("AWS_SHARED_CREDENTIALS_FILE", "/nonexistent"),
    ]);
    let ended = home.run(
        Duration::from_secs(60),
        ["deploy", "hub", "--admin-email", "a@b.c", "--yes"],
    );
    assert_eq!(ended.code, Some(3), "{ended:#?}");
    said(&ended, "aws sso login");
}
