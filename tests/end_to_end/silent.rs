//! Nothing is dropped without a word, and nothing is green by silence (decisions 41, 42).

use crate::common::{AROUND, run_json};
use dlt_core::judge::outcome::Word;
use dlt_tests::behaviour::{body, ok};
use dlt_tests::command::{Home, binary};
use dlt_tests::patience::shared;
use dlt_tests::target::{Target, everywhere};
use dlt_tests::up::Service;
use serde_json::{Value, json};
use std::process::{Command, Output};
use std::time::Duration;

const QUICK: Duration = Duration::from_secs(20);
const SECOND: Duration = Duration::from_secs(1);

/// A file with one scenario, `{}` standing where keys of the request go, and more lines after it.
fn scenario(target: &Target, request: &str, rest: &str) -> String {
    format!(
        "testName: quiet\ntestScenario:\n  execution:\n  - users: 2\n    hold-for: 1s\n  scenarios:\n    shop:\n      \
         requests:\n      - url: {}\n        {request}\n{rest}",
        target.url("/")
    )
}

#[test]
fn a_key_that_would_do_nothing_is_a_fault_of_a_file() {
    let _shared = shared();
    let target = everywhere(ok());
    let home = Home::new();
    for (request, rest, said) in [
        (
            "",
            "threshold: [p(95)<1ms]\n",
            "threshold: unknown key; did you mean \"thresholds\"?",
        ),
        (
            "thinktime: 1s",
            "",
            "requests[0].thinktime: unknown key; did you mean \"think-time\"?",
        ),
        (
            "assert-json-path: [$.id]",
            "",
            "did you mean \"assert-jsonpath\"?",
        ),
        ("timout: 1s", "", "did you mean \"timeout\"?"),
        (
            "",
            "owner: me\n",
            "owner: unknown key; remove it, or call it x-",
        ),
        ("if: \"${a} == 1\"", "", "requests[0].if: stands beside url"),
        ("jsr223: x", "", "requests[0].jsr223: is not supported"),
        (
            "",
            "services: [{ module: shellexec }]\n",
            "services: is not supported",
        ),
        (
            "",
            "  reporting: [{ module: junit-xml }]\n",
            "reporting[0].module: is a reporter that dlt has not",
        ),
        (
            "",
            "  reporting: [{ module: passfail, criteria: [\"avg-rt>1ms for 10s\"] }]\n",
            "criteria[0]: \"for 10s\" is not supported",
        ),
    ] {
        let file = home.file("quiet.yaml", scenario(&target, request, rest));
        let ended = home.run(QUICK, ["run".as_ref(), file.as_os_str()]);
        ended.expect_code(2);
        assert!(ended.stderr.contains(said), "{said}\n{}", ended.told());
        // Once, and nothing that only follows from it.
        assert!(
            ended.stderr.contains("the input has 1 fault;"),
            "{}",
            ended.told()
        );
    }
    assert_eq!(target.log.count(), 0);
    home.assert_empty();
}

#[test]
fn notes_and_what_is_done_anyway_are_fine() {
    let _shared = shared();
    let target = everywhere(ok());
    let home = Home::new();
    let text = scenario(
        &target,
        "x-why: the front page",
        "      retrieve-resources: false\n      store-cache: false\n  services: []\nx-owner: { team: shop }\n",
    );
    let file = home.file("notes.yaml", text);
    let file = file.to_str().unwrap();
    let (record, ended) = run_json(&home, SECOND, 0, &[file]);
    assert_eq!(record.outcome.unwrap().word, Word::Finished);
    assert!(!ended.stderr.contains("warning"), "{}", ended.told());
}

#[test]
fn taurus_criteria_decide_as_thresholds() {
    let _shared = shared();
    let target = everywhere(ok().after(Duration::from_millis(30)));
    let home = Home::new();
    let text = |limit: &str| {
        scenario(
            &target,
            "",
            &format!(
                "  reporting:\n  - module: passfail\n    criteria:\n    - avg-rt>{limit}, stop as failed\n    - fail>50%\n"
            ),
        )
    };
    for (limit, code, word) in [("10ms", 1, Word::Failed), ("9s", 0, Word::Passed)] {
        let file = home.file("criteria.yaml", text(limit));
        let (record, ended) = run_json(&home, SECOND, code, &[file.to_str().unwrap()]);
        let outcome = record.outcome.unwrap();
        assert_eq!(outcome.word, word, "{}", ended.told());
        let expressions: Vec<&str> = outcome
            .thresholds
            .iter()
            .map(|row| row.expression.as_str())
            .collect();
        assert_eq!(
            expressions,
            [format!("all.avg<={limit}").as_str(), "error_rate<=50%"]
        );
        assert!(
            ended.stderr.contains("is judged as the threshold"),
            "{}",
            ended.told()
        );
    }
}

#[test]
fn nothing_that_succeeded_is_a_failure_and_nothing_judged_no_pass() {
    let _shared = shared();
    let home = Home::new();
    let down = everywhere(body(503, "down"));
    let (record, ended) = run_json(&home, SECOND, 1, &[&down.url("/"), "-c", "2", "-d", "1s"]);
    let outcome = record.outcome.unwrap();
    assert_eq!((outcome.word, outcome.passed), (Word::Failed, Some(false)));
    assert!(
        outcome.reason.unwrap().contains("succeeded"),
        "{}",
        ended.told()
    );
    let up = everywhere(ok());
    let url = up.url("/");
    let args = ["run", &url, "-c", "2", "-d", "1s"];
    let ended = home.run(SECOND + AROUND, args);
    ended.expect_code(0);
    assert!(ended.stdout.contains("FINISHED"), "{}", ended.told());
    assert!(!ended.stdout.contains("PASSED"), "{}", ended.told());
    let list = home.run(QUICK, ["runs", "list"]);
    list.expect_code(0);
    for word in ["finished", "failed"] {
        assert!(list.stdout.contains(word), "{}", list.told());
    }
    let list = home.run(QUICK, ["runs", "list", "--json"]);
    let rows: Value = serde_json::from_str(&list.stdout).unwrap();
    let text = rows.to_string();
    assert!(
        text.contains("\"word\":\"finished\"") && text.contains("\"complete\":true"),
        "{text}"
    );
}

/// `dlt` started by a shell, which says where its output goes.
fn through_shell(home: &Home, command: &str) -> Output {
    let program = binary();
    let patience = (SECOND + AROUND).as_secs().to_string();
    Command::new("timeout")
        .args([&patience, "sh", "-c"])
        .arg(command.replace("dlt", program.to_str().unwrap()))
        .env("DLT_HOME", home.path())
        .env("NO_COLOR", "1")
        .output()
        .unwrap()
}

#[test]
fn output_that_cannot_be_written_is_an_error_of_its_own() {
    let _shared = shared();
    let target = everywhere(ok());
    let home = Home::new();
    let url = target.url("/");
    for command in [
        &format!("dlt run {url} -c 1 -d 1s --json > /dev/full"),
        &format!("dlt run {url} -c 1 -d 1s >&-"),
        "dlt runs list > /dev/full",
        "dlt runs list --json >&-",
        "dlt scenarios list --json > /dev/full",
        "dlt completions bash > /dev/full",
        "dlt --help > /dev/full",
        "dlt --version >&-",
    ] {
        let output = through_shell(&home, command);
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        assert_eq!(output.status.code(), Some(74), "{command}: {said}");
        assert!(
            said.contains("stdout cannot be written"),
            "{command}: {said}"
        );
    }
    // The runs were stored all the same.
    let list = home.run(QUICK, ["runs", "list", "--json"]);
    let rows: Value = serde_json::from_str(&list.stdout).unwrap();
    assert_eq!(rows["testRuns"].as_array().map(Vec::len), Some(2), "{rows}");
    // A reader that has enough is no error.
    for command in [
        "dlt --help | true",
        "dlt runs list --json | head -c 1",
        "dlt runs list > /dev/null",
    ] {
        let output = through_shell(&home, command);
        assert_eq!(String::from_utf8_lossy(&output.stderr), "", "{command}");
        assert_eq!(output.status.code(), Some(0), "{command}");
    }
    // What was wrong comes first only where it is a bug of ours; a file is output, too.
    let output = through_shell(&home, "dlt runs download latest -o /proc/no-such-folder");
    assert_eq!(output.status.code(), Some(74), "{output:?}");
}

#[test]
fn a_record_of_the_api_is_a_file_that_runs() {
    let _shared = shared();
    let target = everywhere(ok());
    let home = Home::new();
    let file = home.file("shop.yaml", scenario(&target, "", ""));
    let file = file.to_str().unwrap();
    home.run(QUICK, ["scenarios", "create", file, "--id", "kept"])
        .expect_code(0);
    let record = home.run(QUICK, ["scenarios", "get", "kept", "--json"]);
    let again = home.file("record.json", record.stdout);
    let (record, ended) = run_json(&home, SECOND, 0, &[again.to_str().unwrap()]);
    assert_eq!(record.test_name, "quiet");
    assert!(!ended.stderr.contains("warning"), "{}", ended.told());
}

#[test]
fn numbers_of_a_plan_keep_their_text_in_the_record() {
    let _shared = shared();
    let target = everywhere(ok());
    let home = Home::new();
    let form = "method: POST\n        form: { price: 1.50, big: 98765432109876543210 }";
    let file = home.file("numbers.yaml", scenario(&target, form, ""));
    let (_, ended) = run_json(&home, SECOND, 0, &[file.to_str().unwrap()]);
    for stdout in [
        ended.stdout,
        home.run(QUICK, ["runs", "get", "latest", "--json"]).stdout,
    ] {
        let kept = stdout.contains("1.50") && stdout.contains("98765432109876543210");
        assert!(kept, "{stdout}");
    }
}

/// As a client of DLT posts it, which knows none of our fields.
fn plain(target: &Target) -> Value {
    json!({
        "testId": "kept000001", "testName": "kept", "testDescription": "a test",
        "testType": "simple", "fileType": "none", "saveOnly": true,
        "testTaskConfigs": [{ "region": "lo-home-1", "taskCount": "1", "concurrency": "2" }],
        "regionalTaskDetails": { "lo-home-1": { "dltAvailableTasks": 9 } },
        "testScenario": {
            "execution": [{ "scenario": "shop", "ramp-up": "0s", "hold-for": "1s" }],
            "scenarios": { "shop": { "requests": [{ "url": target.url("/"), "method": "GET" }] } },
        },
    })
}

#[test]
fn a_client_that_does_not_know_a_field_does_not_erase_it() {
    let _shared = shared();
    let target = everywhere(ok());
    let home = Home::new();
    let service = Service::start(&home, &[]);
    let mut ours = plain(&target);
    ours["thresholds"] = json!(["p(95)<9s"]);
    ours["testScenario"]["scenarios"]["shop"]["expect-status"] = json!([200, 204]);
    ours["colour"] = json!("blue");
    let saved = service.post(&ours);
    assert_eq!(saved["warnings"], json!(["colour: unknown key, not used"]));

    let answer = service.post(&plain(&target));
    assert_eq!(
        answer["warnings"].as_array().map_or(0, Vec::len),
        0,
        "{answer}"
    );
    let stored = service.get("/scenarios/kept000001");
    assert_eq!(stored["thresholds"], json!(["p(95)<9s"]));
    let shop = &stored["testScenario"]["scenarios"]["shop"];
    assert_eq!(shop["expect-status"], json!([200, 204]), "{stored}");

    let mut changed = plain(&target);
    changed["testScenario"]["execution"][0]["hold-for"] = json!("2s");
    let answer = service.post(&changed);
    let told = answer["warnings"][0].as_str().unwrap();
    assert!(
        told.contains("expect-status") && told.contains("gone"),
        "{told}"
    );
    let stored = service.get("/scenarios/kept000001");
    assert_eq!(
        stored["testScenario"]["scenarios"]["shop"]["expect-status"],
        Value::Null
    );
    assert_eq!(stored["thresholds"], json!(["p(95)<9s"]));

    let mut erased = plain(&target);
    erased["thresholds"] = Value::Null;
    service.post(&erased);
    let stored = service.get("/scenarios/kept000001");
    assert_eq!(
        stored["thresholds"].as_array().map_or(0, Vec::len),
        0,
        "{stored}"
    );
    service.stop();
}
