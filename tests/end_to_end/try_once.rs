//! One-off runs: in no list of scenarios, and with all exchanges where one iteration was tried.

use crate::common::run_json;
use dlt_core::record::RunRecord;
use dlt_tests::behaviour::{Framing, Reply, made, ok, redirect};
use dlt_tests::command::Home;
use dlt_tests::patience::shared;
use dlt_tests::target::{Target, everywhere, plan};
use dlt_tests::up::Service;
use serde_json::{Value, json};
use std::time::Duration;

const AROUND: Duration = Duration::from_secs(60);
const TOKEN: &str = "t0k3n-of-the-session";

/// A shop that lets in whoever asks, and has one item.
fn shop() -> Target {
    let json = [("Content-Type", "application/json")];
    let answer =
        move |status, text: String| Reply::new(status, &json, text.as_bytes(), Framing::Chunked(7));
    plan()
        .route(
            "/login",
            made(move |_| answer(200, format!("{{\"ticket\": \"{TOKEN}\", \"id\": \"i-7\"}}"))),
        )
        .route("/old", redirect(302, "/item/i-7"))
        .otherwise(made(move |asked| {
            answer(200, format!("{{\"path\": {:?}, \"price\": 3}}", asked.path))
        }))
        .start()
}

/// As a page posts it that tries a scenario out.
fn once(target: &Target) -> Value {
    json!({
        "testName": "tried", "testDescription": "tried once", "testType": "simple", "oneOff": true,
        "keep_exchanges": "all",
        "testTaskConfigs": [{"region": "lo-home-1", "taskCount": 1, "concurrency": 1}],
        "testScenario": {
            "execution": [{"ramp-up": "0s", "hold-for": "1m", "iterations": 1, "scenario": "shop"}],
            "scenarios": {"shop": {"requests": [
                {"url": target.url("/login"), "method": "POST", "label": "login", "body": "user=ada&password=hunter2",
                    "extract-jsonpath": {"id": "$.id", "token": "$.ticket"}},
                {"url": target.url("/item/${id}?key=${token}"), "method": "GET", "label": "item",
                    "headers": {"X-Echo": "${token}"}, "assert": ["no such text"]},
                {"url": target.url("/old"), "method": "GET", "label": "old"},
            ]}},
        },
        "regionalTaskDetails": {"lo-home-1": {"dltAvailableTasks": 4}},
    })
}

fn ids(list: &Value) -> Vec<&str> {
    let items = list["Items"].as_array().unwrap().iter();
    items.map(|item| item["testId"].as_str().unwrap()).collect()
}

/// What people see of the four exchanges.
fn shown_without_secrets(rows: &[Value]) {
    let login = &rows[0];
    let request = login["request"].as_str().unwrap();
    assert!(
        request.starts_with("POST /login HTTP/1.1\n")
            && request.ends_with("\n\nuser=ada&password=[redacted]"),
        "{request}"
    );
    // Without the chunks in which it came.
    let response = login["response"].as_str().unwrap();
    assert!(
        response.ends_with("{\"ticket\": \"[redacted]\", \"id\": \"i-7\"}"),
        "{response}"
    );
    let values = json!([{"name": "id", "value": "i-7"}, {"name": "token", "value": "[redacted]"}]);
    assert_eq!(login["values"], values);
    let message = rows[1]["message"].as_str().unwrap();
    assert!(message.contains("no such text"), "{message}");
    assert!(rows[3]["url"].as_str().unwrap().ends_with("/item/i-7"));
    assert!(
        rows.iter()
            .all(|row| row["response_us"].as_u64().is_some() && row.get("cut").is_none())
    );
    for text in [TOKEN, "hunter2"] {
        assert!(
            !Value::from(rows.to_vec()).to_string().contains(text),
            "{text}"
        );
    }
}

#[test]
fn a_scenario_tried_once_shows_every_exchange_without_secrets_and_is_in_no_list() {
    let _shared = shared();
    let (home, target) = (Home::new(), shop());
    let service = Service::start(&home, &["--region", "lo-home-1=4"]);
    let started = service.post(&once(&target));
    let (test, run) = (
        started["testId"].as_str().unwrap(),
        started["testRunId"].as_str().unwrap(),
    );
    assert_eq!(started["oneOff"], true, "{started}");
    service.until_any(test, &["complete", "failed"], AROUND);
    let record = service.get(&format!("/scenarios/{test}/testruns/{run}"));
    let rows = record["exchanges"]
        .as_array()
        .unwrap_or_else(|| panic!("{record}"));
    let seen: Vec<(&str, u64, &str)> = rows
        .iter()
        .map(|row| {
            (
                row["label"].as_str().unwrap(),
                row["status"].as_u64().unwrap(),
                row["cause"].as_str().unwrap_or("ok"),
            )
        })
        .collect();
    assert_eq!(
        seen,
        [
            ("login", 200, "ok"),
            ("item", 200, "check"),
            ("old", 302, "ok"),
            ("old", 200, "ok")
        ]
    );
    assert_eq!(target.log.count(), 4);

    shown_without_secrets(rows);
    assert_eq!(ids(&service.get("/scenarios")), Vec::<&str>::new());
    let all = service.get("/scenarios?oneOff=true");
    assert_eq!(ids(&all), [test]);
    assert_eq!(all["Items"][0]["oneOff"], true);
    // Its run is found all the same, and takes its scenario with it.
    let files = home.path().join("objects/results").join(test);
    assert!(
        std::fs::read_dir(&files)
            .unwrap()
            .flatten()
            .any(|folder| std::fs::read_dir(folder.path()).unwrap().count() > 0)
    );
    home.run(AROUND, ["runs", "delete", "latest"])
        .expect_code(0);
    assert_eq!(
        ids(&service.get("/scenarios?oneOff=true")),
        Vec::<&str>::new()
    );
    assert!(
        std::fs::read_dir(&files)
            .unwrap()
            .flatten()
            .all(|folder| std::fs::read_dir(folder.path()).unwrap().count() == 0)
    );
    assert!(!home.path().join("runs").join(run).exists());
    assert_eq!(service.stop().code, Some(0));
}

#[test]
fn what_is_larger_is_refused_and_a_scenario_of_the_list_is_no_one_off() {
    let _shared = shared();
    let (home, target) = (Home::new(), everywhere(ok()));
    let service = Service::start(&home, &["--region", "lo-home-1=4"]);
    let refused = |change: &dyn Fn(&mut Value)| {
        let mut body = once(&target);
        change(&mut body);
        let reply = service.ask("POST", "/scenarios", Some(&body));
        assert_eq!(reply.status, 400);
        reply.json().to_string()
    };
    let told = refused(&|body| body["testScenario"]["execution"][0]["users"] = json!(3));
    assert!(
        told.contains("keep_exchanges") && told.contains("has 3 users"),
        "{told}"
    );
    let told = refused(&|body| body["oneOff"] = json!(false));
    assert!(told.contains("oneOff: true"), "{told}");
    let mut kept = once(&target);
    for (key, value) in [
        ("testId", json!("kept")),
        ("saveOnly", json!(true)),
        ("oneOff", Value::Null),
        ("keep_exchanges", Value::Null),
    ] {
        kept[key] = value;
    }
    service.post(&kept);
    let told = refused(&|body| body["testId"] = json!("kept"));
    assert!(told.contains("oneOff"), "{told}");
    assert_eq!(ids(&service.get("/scenarios")), ["kept"]);
    assert_eq!(target.log.count(), 0);
    assert_eq!(service.stop().code, Some(0));
}

#[test]
fn dlt_run_makes_runs_and_no_scenarios_and_old_ones_are_pruned() {
    let _shared = shared();
    let (home, target) = (Home::new(), everywhere(ok()));
    let url = target.url("/");
    let args = [url.as_str(), "-c", "1", "-d", "1s"];
    let runs: Vec<String> = (0..3)
        .map(|_| {
            run_json(&home, Duration::from_secs(1), 0, &args)
                .0
                .test_run_id
        })
        .collect();
    let list = |args: &[&str]| -> Value {
        let ended = home.run(AROUND, [&["scenarios", "list", "--json"], args].concat());
        ended.expect_code(0);
        serde_json::from_str(&ended.stdout).unwrap()
    };
    assert_eq!(ids(&list(&[])).len(), 0);
    assert_eq!(ids(&list(&["--one-off"])).len(), 3);
    let kept = |args: &[&str]| -> Vec<String> {
        home.run(AROUND, args).expect_code(0);
        let ended = home.run(AROUND, ["runs", "list", "--json"]);
        let rows: Value = serde_json::from_str(&ended.stdout).unwrap();
        let rows = rows["testRuns"].as_array().unwrap().iter();
        rows.map(|row| row["testRunId"].as_str().unwrap().to_owned())
            .collect()
    };
    // One-off runs count together.
    assert_eq!(
        kept(&["runs", "prune", "--keep", "2", "--dry-run"]).len(),
        3
    );
    assert_eq!(
        kept(&["runs", "prune", "--older-than", "1h", "--keep", "0"]).len(),
        3
    );
    assert_eq!(
        kept(&["runs", "prune", "--keep", "2"]),
        [runs[2].clone(), runs[1].clone()]
    );
    home.run(AROUND, ["runs", "baseline", "set", &runs[1]])
        .expect_code(0);
    let refused = home.run(AROUND, ["runs", "delete", &runs[1], &runs[2]]);
    refused.expect_code(2);
    assert!(
        refused.stderr.contains("is the baseline"),
        "{}",
        refused.told()
    );
    assert_eq!(kept(&["runs", "prune", "--keep", "0"]), [runs[1].clone()]);
    let unsaid = home.run(AROUND, ["runs", "prune"]);
    unsaid.expect_code(2);
    assert!(unsaid.stderr.contains("--older-than"), "{}", unsaid.told());
    let record: RunRecord = home
        .run(AROUND, ["runs", "get", "latest", "--json"])
        .record();
    assert_eq!(
        (record.test_run_id, record.exchanges),
        (runs[1].clone(), None)
    );
}
