//! The commands against a stack on AWS, as a user types them: the very file that ran at
//! home runs there, its live view comes by topics and its files go by links. AWS is an
//! emulator's, and for what it never answers a server here plays it.

use crate::common::{AROUND, account, accounts_agree};
use dlt_core::record::RunRecord;
use dlt_tests::behaviour::{Framing, Reply, body, made, ok, redirect};
use dlt_tests::command::{Ended, Home, binary};
use dlt_tests::deployed::{Deployed, HUB};
use dlt_tests::mcp::Client;
use dlt_tests::patience::{alone, shared, until};
use dlt_tests::processes::Signal;
use dlt_tests::target::{Target, everywhere, plan};
use serde_json::{Value, json};
use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

/// How long a run of seconds may take on the emulator, beyond its load.
const LONGEST: Duration = Duration::from_secs(240);

/// A data folder whose commands ask this emulator.
fn home_of(aws: &Deployed) -> Home {
    let rows = aws.emulator.environment();
    let rows: Vec<(&str, &str)> = rows
        .iter()
        .map(|(name, value)| (*name, value.as_str()))
        .collect();
    Home::new().with(&rows)
}

fn stack() -> String {
    format!("dlt@{HUB}")
}

/// A command that ends well; its JSON.
#[track_caller]
fn json_of(home: &Home, args: &[&str]) -> Value {
    let ended = home.run(AROUND, args);
    ended.expect_code(0);
    serde_json::from_str(&ended.stdout)
        .unwrap_or_else(|error| panic!("stdout is no JSON: {error}\n{}", ended.told()))
}

/// A shop of which one page is missing, with a table of names: twelve seconds of load.
fn shop(home: &Home, target: &Target) -> String {
    home.file("names.csv", "name\nada\nbob\n");
    let text = format!(
        "testName: shop\nthresholds: ['error_rate<60%', 'p(95)<1ms', 'p(95)<30s']\ntestScenario:\n  \
         execution: [{{ scenario: shop, arrivals: 20, hold-for: 12s }}]\n  scenarios:\n    shop:\n      \
         default-address: '{}'\n      data-sources: [{{ path: names.csv }}]\n      requests:\n      \
         - {{ url: '/?name=${{name}}', label: home }}\n      - {{ url: /gone, label: gone }}\n",
        target.url("").trim_end_matches('/')
    );
    home.file("shop.yaml", text).to_string_lossy().into_owned()
}

fn target() -> Target {
    plan()
        .keeping_text()
        .route("/gone", body(404, "gone"))
        .otherwise(ok().after(Duration::from_millis(5)))
        .start()
}

/// All fields of a value, by their paths; names of regions and of runners are no fields.
fn fields(value: &Value, path: &str, found: &mut BTreeSet<String>) {
    match value {
        Value::Object(object) => {
            for (name, inner) in object {
                let name = match name.as_str() {
                    "lo-home-1" | HUB => "REGION",
                    _ if path.ends_with(".errors[].runners") => "RUNNER",
                    name => name,
                };
                let path = format!("{path}.{name}");
                fields(inner, &path, found);
                found.insert(path);
            }
        }
        Value::Array(rows) => {
            rows.iter()
                .for_each(|row| fields(row, &format!("{path}[]"), found));
        }
        _ => {}
    }
}

fn fields_of(ended: &Ended) -> BTreeSet<String> {
    let mut found = BTreeSet::new();
    let record: Value = serde_json::from_str(&ended.stdout).unwrap();
    fields(&record, "", &mut found);
    found
}

/// Failures by cause and code.
fn causes(record: &RunRecord) -> BTreeMap<String, u64> {
    let record = serde_json::to_value(record).unwrap();
    let rows = record["errors"].as_array().unwrap().iter();
    rows.map(|row| {
        let name = format!("{} {}", row["cause"], row["code"]);
        (name, row["count"].as_u64().unwrap())
    })
    .collect()
}

/// The plan as it was run: files are named by their path at home, and by their name there.
fn planned(record: &RunRecord, home: &Home) -> String {
    let folder = home.path().with_extension("files");
    let plan = record.test_scenario.to_string();
    plan.replace(&format!("{}/", folder.display()), "")
}

#[test]
#[ignore = "needs an emulator of AWS, which cargo xtask test installs"]
fn the_file_that_ran_at_home_runs_there() {
    let _alone = alone();
    let aws = Deployed::hub();
    let (home, stack) = (home_of(&aws), stack());
    let at_home = target();
    let file = shop(&home, &at_home);
    let run = ["run", file.as_str(), "--tasks", "2", "--json"];
    let here = home.run(LONGEST, run);
    here.expect_code(1);

    let there_target = target();
    let file = shop(&home, &there_target);
    let there = home.run(LONGEST, [&run[..], &["--stack", &stack]].concat());
    let story = || format!("{}\n{}", there.told(), aws.output());
    assert_eq!(there.code, Some(1), "{}", story());
    let (record_here, record_there) = (here.record(), there.record());
    accounts_agree(&record_here, &at_home).unwrap();
    accounts_agree(&record_there, &there_target).unwrap();
    assert_eq!(account(&record_there), account(&record_here));
    assert_eq!(account(&record_there).sent, 480);
    assert_eq!(causes(&record_there), causes(&record_here));
    assert_eq!(causes(&record_there).values().sum::<u64>(), 240);
    assert_eq!(record_there.load, record_here.load);
    let plans = [&record_there, &record_here].map(|record| planned(record, &home));
    let [there_port, here_port] = [&there_target, &at_home].map(|target| target.url(""));
    assert_eq!(plans[0].replace(&there_port, &here_port), plans[1]);
    let judged = |record: &RunRecord| -> Vec<(String, bool)> {
        let outcome = serde_json::to_value(&record.outcome).unwrap();
        let rows = outcome["thresholds"].as_array().unwrap().iter();
        rows.map(|row| {
            let expression = row["expression"].as_str().unwrap().to_owned();
            (expression, row["passed"] == true)
        })
        .collect()
    };
    assert_eq!(judged(&record_there), judged(&record_here));
    let (fields_there, fields_here) = (fields_of(&there), fields_of(&here));
    // How busy the machine was in one of them is no difference of the homes.
    let apart = fields_there.symmetric_difference(&fields_here);
    let apart = apart.filter(|field| !field.starts_with(".verdict.reasons[]"));
    let apart: Vec<&String> = apart.collect();
    assert!(fields_here.len() > 100 && apart.is_empty(), "{apart:?}");
    // Both rows of the table were used, so the file arrived.
    for name in ["ada", "bob"] {
        let asked = there_target.log.seen();
        assert!(asked.iter().any(|row| row.path.contains(name)), "{name}");
    }
    // Ticks came by topics while it ran, and nothing was wrong with that.
    assert!(there.stderr.contains("\n   10 s  "), "{}", story());
    assert!(!there.stderr.contains("live"), "{}", story());
    assert_eq!(aws.engine.running(), 0, "no task is left");
    commands(&home, &stack, &record_there, &file);
    for args in [&["runners"][..], &["regions"], &["scenarios", "list"]] {
        home.run(AROUND, [args, &["--stack", &stack]].concat())
            .expect_code(0);
    }
    agents(&home, &aws, &stack);
}

/// All other commands, of the run that was.
fn commands(home: &Home, stack: &str, record: &RunRecord, file: &str) {
    let there = |args: &[&str]| json_of(home, &[args, &["--json", "--stack", stack]].concat());
    let run = record.test_run_id.as_str();
    let listed = there(&["runs", "list"]);
    assert_eq!(listed["testRuns"][0]["testRunId"], run, "{listed}");
    let shown = there(&["runs", "get", "latest"]);
    assert_eq!(shown["testRunId"], run);
    assert_eq!(shown["outcome"]["passed"], false, "{}", shown["outcome"]);
    let folder = home.path().with_extension("files").join("results");
    let into = folder.to_string_lossy().into_owned();
    let saved = there(&["runs", "download", run, "-o", &into]);
    let names: Vec<&str> = saved["artifacts"]
        .as_array()
        .unwrap()
        .iter()
        .filter_map(|row| row["name"].as_str())
        .collect();
    assert!(
        names.iter().any(|name| name.ends_with(".xml")),
        "reports come by links: {names:?}"
    );
    for name in names {
        let bytes = std::fs::read(folder.join(name)).unwrap();
        assert!(!bytes.is_empty(), "{name}");
    }
    let regions = there(&["regions"]);
    assert_eq!(regions["regions"]["regions"][0]["region"], HUB, "{regions}");
    assert!(there(&["runners"])["scenarios"].is_array());
    let kept = there(&["scenarios", "create", file, "--id", "kept"]);
    assert_eq!(kept["testId"], "kept", "{kept}");
    let listed = there(&["scenarios", "list"]).to_string();
    assert!(listed.contains("\"kept\""), "{listed}");
    there(&["scenarios", "delete", "kept"]);
}

/// The MCP server of the same stack.
fn agents(home: &Home, aws: &Deployed, stack: &str) {
    let rows = aws.emulator.environment();
    let rows: Vec<(&str, &str)> = rows
        .iter()
        .map(|(name, value)| (*name, value.as_str()))
        .collect();
    let mut client = Client::start(home, binary(), &["mcp", "--stack", stack], &rows);
    // dlt run makes one-off runs: the answer without them says how to ask for them.
    let asked = json!({ "name": "list_scenarios", "arguments": {} });
    let answer = client.ask("tools/call", asked).to_string();
    assert!(answer.contains("one_off true"), "{answer}");
    let asked = json!({ "name": "list_scenarios", "arguments": { "one_off": true } });
    let answer = client.ask("tools/call", asked).to_string();
    assert!(answer.contains("shop"), "{answer}");
}

#[test]
#[ignore = "needs an emulator of AWS, which cargo xtask test installs"]
fn ctrl_c_stops_the_run_there_and_keeps_what_it_measured() {
    let _alone = alone();
    let target = everywhere(ok().after(Duration::from_millis(5)));
    let aws = Deployed::hub();
    let home = home_of(&aws).with(&[("DLT_STACK_NAME", &stack())]);
    let url = target.url("/");
    let args = ["run", &url, "--arrivals", "50", "-d", "10m", "--tasks", "2"];
    let running = home.start([&args[..], &["--json"]].concat());
    until("two seconds of load", LONGEST, || {
        (target.log.count() > 100).then_some(())
    });
    running.signal(Signal::Interrupt);
    let ended = running.wait(LONGEST);
    assert_eq!(ended.code, Some(130), "{}\n{}", ended.told(), aws.output());
    let record = ended.record();
    assert_eq!(record.status.name(), "cancelled");
    accounts_agree(&record, &target).unwrap();
    assert_eq!(record.coverage.as_ref().unwrap().runners_reported, 2);
    assert_eq!(aws.engine.running(), 0, "no task is left");
}

/// CloudFormation that answers each stack by its name.
fn cloudformation() -> Target {
    let xml = |status: u16, text: &str| {
        let headers = [("content-type", "text/xml")];
        Reply::new(status, &headers, text.as_bytes(), Framing::Length)
    };
    let refused = move |status: u16, code: &str| {
        let inside = format!("<Type>Sender</Type><Code>{code}</Code><Message>arn:x</Message>");
        xml(
            status,
            &format!("<ErrorResponse><Error>{inside}</Error></ErrorResponse>"),
        )
    };
    let stack = move |status: &str, inside: &str| {
        let inside = format!(
            "<StackName>load</StackName><CreationTime>2026-01-12T10:00:00Z</CreationTime>\
             <StackStatus>{status}</StackStatus>{inside}"
        );
        xml(
            200,
            &format!(
                "<DescribeStacksResponse><DescribeStacksResult><Stacks><member>{inside}</member>\
                 </Stacks></DescribeStacksResult></DescribeStacksResponse>"
            ),
        )
    };
    let row = |list: &str, key: &str, value: &str| {
        format!(
            "<{list}s><member><{list}Key>{key}</{list}Key><{list}Value>{value}</{list}Value>\
             </member></{list}s>"
        )
    };
    let answer = made(move |asked| {
        let name = asked.body().rsplit("StackName=").next().unwrap_or_default();
        match name.split('&').next().unwrap_or_default() {
            "region" => stack("CREATE_COMPLETE", &row("Parameter", "HubRegion", HUB)),
            "coming" => stack("CREATE_IN_PROGRESS", ""),
            "other" => stack("CREATE_COMPLETE", &row("Output", "Bucket", "b")),
            "plain" => {
                let url = "http://dlt.example.com/prod";
                stack("CREATE_COMPLETE", &row("Output", "DLTApiEndpoint", url))
            }
            "secret" => refused(403, "AccessDenied"),
            "old" => refused(403, "ExpiredToken"),
            _ => refused(400, "ValidationError"),
        }
    });
    plan().keeping_text().otherwise(answer).start()
}

#[test]
fn a_stack_that_cannot_be_asked_says_why_and_what_to_do() {
    let _shared = shared();
    let aws = cloudformation();
    let endpoint = aws.url("");
    let nowhere = [
        ("AWS_ENDPOINT_URL", endpoint.trim_end_matches('/')),
        ("AWS_EC2_METADATA_DISABLED", "true"),
        ("AWS_CONFIG_FILE", "/nonexistent"),
        ("AWS_SHARED_CREDENTIALS_FILE", "/nonexistent"),
    ];
    let keys = [
        ("AWS_ACCESS_KEY_ID", "AKIDEXAMPLE"),
        ("AWS_SECRET_ACCESS_KEY", "wJalrXUtnFEMI"),
    ];
    let home = Home::new().with(&nowhere).with(&keys);
    let refused = |home: &Home, code: i32, says: &str, args: &[&str]| {
        let ended = home.run(AROUND, args);
        ended.expect_code(code);
        assert!(ended.stderr.contains(says), "{says:?}\n{}", ended.told());
        assert!(!ended.stderr.contains("wJalr"), "{}", ended.told());
        assert_eq!(ended.stdout, "");
    };
    for (stack, code, says) in [
        ("nope@eu-west-1", 2, "no stack \"nope\" in eu-west-1"),
        ("region@eu-west-1", 2, "NAME@us-east-1"),
        ("coming@eu-west-1", 3, "CREATE_IN_PROGRESS"),
        ("other@eu-west-1", 2, "not dlt's"),
        ("plain@eu-west-1", 3, "use https"),
        ("secret@eu-west-1", 3, "cloudformation:DescribeStacks"),
        ("old@eu-west-1", 3, "aws sso login"),
        ("nope", 2, "AWS_REGION"),
        ("no stack", 2, "NAME@AWS-REGION"),
        ("load@here", 2, "no AWS region"),
    ] {
        refused(&home, code, says, &["runs", "list", "--stack", stack]);
    }
    let (run, load) = (
        ["run", "http://127.0.0.1:1/"],
        ["--stack", "load@eu-west-1"],
    );
    let with = |more: &[&'static str]| [&run[..], &load, more].concat();
    refused(&home, 2, "--api", &with(&["--api", "https://a.example"]));
    refused(&home, 2, "--home", &with(&["--home", "elsewhere"]));
    for local in [&["up"][..], &["demo"]] {
        refused(&home, 2, "leave --stack out", &[local, &load].concat());
    }
    let home = Home::new().with(&nowhere);
    let args = ["runs", "list", "--stack", "load@eu-west-1"];
    refused(&home, 3, "no AWS credentials", &args);
    home.assert_empty();
}

#[test]
fn a_link_is_followed_once_and_gets_no_credentials() {
    let _shared = shared();
    let bucket = plan()
        .keeping_text()
        .route("/list", body(200, r#"{"Items":[]}"#))
        .otherwise(body(403, "<Error><Code>AccessDenied</Code></Error>"))
        .start();
    let list = |to: &str| {
        let api = plan().keeping_text().otherwise(redirect(307, to)).start();
        let home = Home::new().with(&[("DLT_API_TOKEN", "secret-token")]);
        let args = ["scenarios", "list", "--json", "--api", &api.url("/api")];
        let ended = home.run(AROUND, args);
        let asked = api.log.seen();
        let signed = |row: &dlt_tests::log::Seen| row.text.contains("secret-token");
        assert!(asked.iter().any(signed), "the API gets the token");
        assert!(
            !ended.stderr.contains("X-Amz-Signature"),
            "{}",
            ended.told()
        );
        ended
    };
    list(&bucket.url("/list?X-Amz-Signature=0f")).expect_code(0);
    let asked = bucket.log.seen();
    assert_eq!(asked.len(), 1);
    assert!(!asked[0].text.contains("secret-token"), "{}", asked[0].text);
    let denied = list(&bucket.url("/other?X-Amz-Signature=0f"));
    denied.expect_code(3);
    assert!(denied.stderr.contains("403"), "{}", denied.told());
    let elsewhere = list("http://dlt.example.com/list?X-Amz-Signature=0f");
    elsewhere.expect_code(3);
    assert!(
        elsewhere.stderr.contains("plain http"),
        "{}",
        elsewhere.told()
    );
    // A link to a link is none.
    let second = plan()
        .otherwise(redirect(307, "/again?X-Amz-Signature=0f"))
        .start();
    let twice = list(&second.url("/?X-Amz-Signature=0f"));
    twice.expect_code(3);
    assert_eq!(second.log.count(), 1, "{}", twice.told());
}
