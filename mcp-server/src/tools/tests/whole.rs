//! What an agent need not ask for a second time: load and start, missing runners, numbers of an
//! active run, failures of many runs, pages of a raw record.

use super::super::fixtures::{CannedBackend, label, record, required_arguments, timeline};
use super::{answer_of, call};
use crate::refusal::Code;
use serde_json::{Value, json};

const RUN: &str = "/scenarios/Xk29QmWz7B/testruns/p4TqL8vN2c";

#[test]
fn results_tell_the_load_that_was_asked_and_how_it_started() {
    let canned = CannedBackend::new();
    let results = answer_of(&canned, "get_results", json!({"test_id": "Xk29QmWz7B"}));
    assert_eq!(
        results["start"],
        json!({"at": "2026-03-01T12:00:05Z", "skew_p50_ms": 0.001, "skew_p99_ms": 0.002,
            "skew_max_ms": 0.003, "clock_error_ms": 0.004})
    );
    let load = &results["load"];
    assert_eq!(
        (
            &load["model"],
            &load["arrivals_rps"],
            &load["asked_journeys"]
        ),
        (&json!("open"), &json!(500.0), &json!(18_241))
    );
    assert_eq!(
        (&load["asked_requests"], &load["started"]),
        (&json!(1_824_100), &json!(1_824_100))
    );
    let each = &load["per_runner"];
    assert_eq!(
        (&each["runners"], &each["started"]),
        (&json!(59), &json!([30_000.0, 30_019.0]))
    );
    assert_eq!(each["dropped"], json!([0.0, 19.0]));
    assert_eq!(each["asked_requests"], json!([30_408.0, 30_408.0]));
    assert_eq!(results["times_of"], "ok");
    // An older server keeps ok and failed together.
    let older = CannedBackend::older();
    let results = answer_of(&older, "get_results", json!({"test_id": "Xk29QmWz7B"}));
    assert_eq!(results["times_of"], "all");
    assert_eq!(results.get("load"), None);
}

#[test]
fn a_missing_runner_has_its_part_of_the_load_and_its_last_second() {
    let canned = CannedBackend::new();
    let results = answer_of(&canned, "get_results", json!({"test_id": "Xk29QmWz7B"}));
    let missing = &results["coverage"]["missing"][0];
    assert_eq!(missing["runner"], "us-east-1-7");
    assert_eq!(
        (&missing["region"], &missing["share_pct"]),
        (&json!("us-east-1"), &json!(1.667))
    );
    assert_eq!(missing["planned_arrivals_rps"], 8.335);
    // Its second 41 is the last that was heard: it ended 42 s after the start.
    assert_eq!(
        (&missing["last_heard_s"], &missing["lost_at"]),
        (&json!(41), &json!("2026-03-01T12:00:47Z"))
    );
    assert!(missing["how"].as_str().unwrap().starts_with("home"));
    let arguments = json!({"test_id": "Xk29QmWz7B", "test_run_id": "p4TqL8vN2c", "limit": 100});
    let runners = answer_of(&canned, "get_runners", arguments);
    let rows = runners["runners"].as_array().unwrap();
    assert_eq!((rows.len(), &rows[0]["state"]), (60, &json!("lost")));
    assert_eq!(rows[1]["skew_ms"], -0.12);
    // Without a server that tells, what is known stays.
    let mut canned = CannedBackend::new();
    canned.fail(
        &format!("{RUN}/runners"),
        crate::backend::BackendError::NoRoute,
    );
    let results = answer_of(&canned, "get_results", json!({"test_id": "Xk29QmWz7B"}));
    assert_eq!(
        results["coverage"]["missing"][0],
        json!({"runner": "us-east-1-7"})
    );
}

fn active() -> CannedBackend {
    let mut canned = CannedBackend::new();
    let running = json!({"testId": "Xk29QmWz7B", "testRunId": "p4TqL8vN2c", "status": "running", "results": {},
        "load": {"model": "open", "arrivals": 5.0, "planned": [[0, 5.0], [60, 5.0]]}});
    canned.put(RUN, running);
    canned.put(&format!("{RUN}/timeline"), timeline(190));
    canned.put(
        &format!("{RUN}/timeline?from_s=0&step_s=1"),
        json!({"format": 2, "start_at_us": 0, "end_s": 40, "regions": {}, "labels": [],
            "total": [{"second": 38, "users": 9, "scheduled": 5, "dropped": 0, "sent": 5, "ok": 5, "failed": 0,
                "unfinished": 0, "bytes": 1, "causes": [], "latency": [[120, 5]], "lag": []},
                {"second": 39, "users": 7, "scheduled": 5, "dropped": 0, "sent": 5, "ok": 3, "failed": 2,
                "unfinished": 0, "bytes": 1, "causes": [["reset", 2]], "latency": [[100, 3]], "lag": []}]}),
    );
    canned
}

#[test]
fn an_active_run_has_numbers_so_far() {
    let canned = active();
    let arguments = json!({"test_id": "Xk29QmWz7B", "test_run_id": "p4TqL8vN2c"});
    let results = answer_of(&canned, "get_results", arguments.clone());
    assert_eq!(
        (&results["run"]["active"], &results["percentile_method"]),
        (&json!(true), &json!("coarse_merge"))
    );
    let totals = &results["totals"];
    assert_eq!(
        (&totals["requests"], &totals["rps"], &totals["error_pct"]),
        (&json!(200), &json!(5.0), &json!(5.0))
    );
    // Bucket 100 lies around 6 ms, bucket 120 around 34 ms.
    let ms = |row: &Value, key: &str| row[key].as_f64().unwrap();
    assert!(
        (5.0..7.0).contains(&ms(totals, "p95_ms")) && (32.0..36.0).contains(&ms(totals, "p99_ms"))
    );
    let live = &results["live"];
    assert_eq!(
        (&live["as_of"], &live["at_s"]),
        (&json!("2026-03-01T12:00:45Z"), &json!(40))
    );
    assert_eq!(
        (&live["planned_s"], &live["started"], &live["users"]),
        (&json!(120), &json!(210), &json!(150))
    );
    assert_eq!(
        live["causes"][0],
        json!({"cause": "status-5xx", "count": 7})
    );
    // Two seconds that were told: ten requests.
    assert_eq!(
        (&live["recent_s"], &live["recent"]["rps"]),
        (&json!(2), &json!(5.0))
    );
    assert!((32.0..36.0).contains(&ms(&live["recent"], "p95_ms")));
    let region = json!({"test_id": "Xk29QmWz7B", "test_run_id": "p4TqL8vN2c", "region": "mars-1"});
    assert_eq!(
        call(&canned, "get_results", region).unwrap_err().code,
        Code::UnknownRegion
    );

    let errors = answer_of(&canned, "get_error_breakdown", arguments.clone());
    assert_eq!(
        (&errors["total_errors"], &errors["groups"][0]["key"]),
        (&json!(10), &json!("status-5xx"))
    );
    assert_eq!(
        errors["groups"][0]["regions"],
        json!([{"name": "eu-west-1", "count": 7}])
    );
    assert_eq!(errors["warnings"][0]["code"], "so_far");

    let mut latency = arguments.as_object().cloned().unwrap();
    latency.insert("percentiles".to_owned(), json!([50, 100]));
    latency.insert("thresholds_ms".to_owned(), json!([20]));
    let latency = answer_of(&canned, "query_latency", Value::Object(latency));
    assert_eq!(
        (&latency["method"], &latency["requests"]),
        (&json!("coarse_merge"), &json!(190))
    );
    assert_eq!(latency["over"][0]["requests"], 5);
    assert!(latency["percentiles"][1]["ms"].as_f64().unwrap() < 40.0);
}

#[test]
fn a_newer_active_run_is_named_where_an_older_one_answers() {
    let mut canned = CannedBackend::new();
    canned.put(
        "/scenarios/Xk29QmWz7B/testruns",
        json!({"testRuns": [{"testRunId": "n3wer00000", "status": "running"},
            {"testRunId": "p4TqL8vN2c", "status": "complete", "requests": 7}]}),
    );
    let results = answer_of(&canned, "get_results", json!({"test_id": "Xk29QmWz7B"}));
    let warnings = results["warnings"].as_array().unwrap();
    let newer = warnings
        .iter()
        .find(|row| row["code"] == "newer_run")
        .unwrap();
    assert!(newer["message"].as_str().unwrap().contains("n3wer00000"));
}

#[test]
fn failures_are_told_by_label_cause_and_region() {
    let canned = CannedBackend::new();
    let mut arguments = required_arguments("get_error_breakdown");
    arguments.insert("group_by".to_owned(), json!("all"));
    arguments.insert("limit".to_owned(), json!(100));
    let answer = answer_of(
        &canned,
        "get_error_breakdown",
        Value::Object(arguments.clone()),
    );
    let mut rows = answer["groups"].as_array().unwrap().clone();
    arguments.insert("cursor".to_owned(), answer["next_cursor"].clone());
    let rest = answer_of(&canned, "get_error_breakdown", Value::Object(arguments));
    rows.extend(rest["groups"].as_array().unwrap().clone());
    let of = |key: &str, label: &str, region: &str| {
        let found = rows
            .iter()
            .find(|row| row["key"] == key && row["label"] == label && row["region"] == region);
        found.map(|row| row["count"].as_u64().unwrap())
    };
    assert_eq!(of("status-5xx 502", &label(2), "eu-west-1"), Some(450));
    assert_eq!(of("status-5xx 502", &label(2), "us-east-1"), Some(50));
    assert_eq!(of("status-5xx 502", &label(2), "ap-south-1"), None);
    // 39 causes with two labels and one with one, in two regions.
    assert_eq!(answer["groups_total"], 39 * 4 + 2);
}

#[test]
fn failures_of_a_scenario_s_runs_are_added() {
    let mut canned = CannedBackend::new();
    canned.put(
        "/scenarios/Xk29QmWz7B/testruns",
        json!({"testRuns": [
            {"testRunId": "p4TqL8vN2c", "status": "complete", "startTime": "2026-03-02 12:00:05", "requests": 1_824_000, "errors": 4_950},
            {"testRunId": "fine000000", "status": "complete", "startTime": "2026-03-01 12:00:05", "requests": 1_000},
            {"testRunId": "gone000000", "status": "complete", "requests": 1_000, "errors": 50},
            {"testRunId": "dead000000", "status": "failed"}]}),
    );
    let answer = answer_of(
        &canned,
        "get_error_breakdown",
        json!({"test_id": "Xk29QmWz7B"}),
    );
    assert_eq!(answer["total_errors"], 5_000);
    let runs = answer["runs"].as_array().unwrap();
    assert_eq!(runs.len(), 3);
    assert_eq!(
        (&runs[1]["test_run_id"], &runs[1]["errors"]),
        (&json!("fine000000"), &json!(0))
    );
    // What cannot be had is told, and takes nothing along.
    assert!(answer["warnings"].to_string().contains("gone000000"));
    assert_eq!(answer["groups"][0]["in_runs"], 1);
}

#[test]
fn a_raw_record_comes_in_pages() {
    let canned = CannedBackend::new();
    let mut arguments = required_arguments("get_test_run");
    arguments.insert("view".to_owned(), json!("raw"));
    let whole = crate::clean::record(&record(true), 12);
    let (mut labels, mut pages) = (Vec::new(), 0);
    loop {
        let page = answer_of(&canned, "get_test_run", Value::Object(arguments.clone()));
        pages += 1;
        let rows = page["raw"]["results"]["us-east-1"]["labels"].as_array();
        labels.extend(rows.into_iter().flatten().cloned());
        assert!(!page.to_string().contains("hunter2"));
        match page.get("next_cursor") {
            Some(cursor) => drop(arguments.insert("cursor".to_owned(), cursor.clone())),
            None => break,
        }
        assert!(pages < 30);
    }
    assert!(pages > 1);
    assert_eq!(
        Value::Array(labels),
        whole["results"]["us-east-1"]["labels"]
    );
}

#[test]
fn files_lie_in_a_folder_at_home() {
    let canned = CannedBackend::new();
    let answer = answer_of(
        &canned,
        "get_test_run_artifacts",
        Value::Object(required_arguments("get_test_run_artifacts")),
    );
    assert_eq!(answer["bucket"], "none at home");
    let folder = answer["folder"].as_str().unwrap();
    assert_eq!(
        folder,
        "/var/lib/dlt/objects/results/Xk29QmWz7B/2026-03-01T12-00-05_p4TqL8vN2c"
    );
    let mut on_aws = CannedBackend::new();
    on_aws.put(
        &format!("{RUN}/artifacts"),
        json!({"artifacts": [], "depot": "s3://load-1"}),
    );
    let answer = answer_of(
        &on_aws,
        "get_test_run_artifacts",
        Value::Object(required_arguments("get_test_run_artifacts")),
    );
    assert_eq!(
        (&answer["bucket"], answer.get("folder")),
        (&json!("load-1"), None)
    );
}

#[test]
fn what_is_active_is_told_with_the_room_that_is_left() {
    let mut canned = CannedBackend::new();
    // The newest run has ended: that in progress cannot be read, and none is told in its place.
    let answer = answer_of(&canned, "get_runners", json!({}));
    assert_eq!(answer["active_runs"][0].get("test_run_id"), None);
    // Every seventh of 120 goes on.
    assert_eq!(answer["active_runs_total"], 18);
    let told = canned.answers["/scenarios/Xk29QmWz7B/testruns"].clone();
    let mut runs = told.unwrap();
    runs["testRuns"][0]["status"] = json!("running");
    canned.put("/scenarios/Xk29QmWz7B/testruns", runs);
    let answer = answer_of(&canned, "get_runners", json!({}));
    let run = &answer["active_runs"][0];
    assert_eq!(
        (&run["test_id"], &run["test_run_id"]),
        (&json!("Xk29QmWz7B"), &json!("p4TqL8vN2c"))
    );
    assert_eq!(
        (&run["start"], &run["regions"][0]["running"]),
        (&json!("2026-03-01T12:00:05Z"), &json!(20))
    );
    assert!(answer["as_of"].as_str().unwrap().ends_with('Z'));
    let region = &answer["regions"][0];
    assert_eq!(
        (&region["vcpu_free"], &region["runners_free"]),
        (&json!(3_960), &json!(1_980))
    );
    let scenarios = answer_of(&canned, "list_scenarios", json!({"status": "active"}));
    assert_eq!(scenarios["scenarios"][0]["active"], true);
    assert_eq!(scenarios["total"], answer["active_runs_total"]);
}

#[test]
fn a_change_that_is_real_stands_apart_from_one_that_is_large() {
    let mut canned = CannedBackend::new();
    let metric = |name: &str, base: f64, candidate: f64, real: bool, change: &str| {
        json!({"metric": name, "base": base, "candidate": candidate, "delta": candidate - base,
            "delta_pct": (candidate - base) / base * 100.0, "low_pct": -1.0, "high_pct": 1.0,
            "significant": real, "change": change})
    };
    let totals = json!([
        metric("p50_us", 100_000.0, 101_000.0, true, "changed_but_small"),
        metric("p95_us", 100_000.0, 150_000.0, false, "cannot_tell"),
        metric("p99_us", 100_000.0, 150_000.0, true, "worse"),
        // Downwards two percent are of the smaller value.
        metric("mean_us", 102_000.0, 100_000.0, true, "better"),
        metric("error_rate", 0.01, 0.0151, true, "worse"),
    ]);
    let compared = json!({"base": {}, "candidate": {}, "verdict": "worse", "totals": totals,
        "thresholds": {"relative_pct": 2.0, "error_points": 0.5},
        "labels": [{"label": "pay", "change": "worse", "metrics": totals}]});
    canned.put(&format!("{RUN}/compare"), compared);
    let arguments = required_arguments("compare_test_runs");
    let answer = answer_of(
        &canned,
        "compare_test_runs",
        Value::Object(arguments.clone()),
    );
    let told: Vec<_> = answer["totals"]
        .as_array()
        .unwrap()
        .iter()
        .map(|row| (row["real"].as_bool(), row["large"].as_bool()))
        .collect();
    let (yes, no) = (Some(true), Some(false));
    assert_eq!(
        told,
        [(yes, no), (no, yes), (yes, yes), (yes, yes), (yes, yes)]
    );
    assert_eq!(answer["large_from_pct"], 2.0);
    // Every number of a label that changed, with its values; the largest leads.
    let row = &answer["regressed"][0];
    assert_eq!(
        (&row["metric"], &row["base"]),
        (&json!("error_pct"), &json!(1.0))
    );
    let also: Vec<_> = row["also"]
        .as_array()
        .unwrap()
        .iter()
        .map(|row| &row["metric"])
        .collect();
    assert_eq!(also, ["p50_ms", "p99_ms", "avg_ms"]);
    assert_eq!(row["also"][1]["candidate"], 150.0);

    // Labels of one region have values alone.
    let untested = json!([{"metric": "p95_us", "base": 10_000.0, "candidate": 20_000.0, "delta": 10_000.0,
        "delta_pct": 100.0, "significant": false, "change": "cannot_tell", "why": "no seconds"}]);
    canned.put(
        &format!("{RUN}/compare"),
        json!({"base": {}, "candidate": {}, "verdict": "same", "totals": totals, "inconclusive": ["pay"],
            "labels": [{"label": "pay", "change": "cannot_tell", "metrics": untested}]}),
    );
    let mut of_region = arguments;
    of_region.insert("region".to_owned(), json!("eu-west-1"));
    let answer = answer_of(&canned, "compare_test_runs", Value::Object(of_region));
    let row = &answer["unjudged"][0];
    assert_eq!(
        (&row["label"], &row["candidate"]),
        (&json!("pay"), &json!(20.0))
    );
    assert_eq!(answer.get("inconclusive"), None);
}

#[test]
fn the_trend_is_of_runs_that_may_be_believed() {
    let mut canned = CannedBackend::new();
    let row = |n: u64, p95: u64, trust: &str, complete: bool| {
        json!({"testRunId": format!("run{n}"), "status": "complete", "startTime": "2026-03-01 12:00:05",
            "requests": 1_000, "ok_times": {"count": 1_000, "p95_us": p95}, "verdict": {"trust": trust},
            "coverage": {"complete": complete}})
    };
    let mut rows: Vec<Value> = (0..6)
        .map(|n| row(n, 100_000 - 1_000 * n, "trusted", true))
        .collect();
    rows.insert(2, row(8, 900_000, "untrusted", true));
    rows.insert(4, row(9, 1, "trusted", false));
    canned.put("/scenarios/Xk29QmWz7B/testruns", json!({"testRuns": rows}));
    let answer = answer_of(&canned, "list_test_runs", json!({"test_id": "Xk29QmWz7B"}));
    let trend = &answer["trend"][0];
    assert_eq!(
        (&trend["metric"], &trend["runs"], &trend["direction"]),
        (&json!("p95_ms"), &json!(6), &json!("rising"))
    );
    assert_eq!(
        (&trend["oldest"], &trend["newest"], &trend["per_run"]),
        (&json!(95.0), &json!(100.0), &json!(1.0))
    );
}
