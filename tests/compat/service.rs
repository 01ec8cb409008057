//! The API over HTTP as DLT's clients use it: every answer fits the contract's
//! schema for its path, method and status, and the numbers are the target's.

use crate::ours;
use anyhow::{Result, ensure};
use dlt_tests::behaviour::ok;
use dlt_tests::command::Home;
use dlt_tests::documents::Document;
use dlt_tests::patience::twice;
use dlt_tests::recorder::Recorder;
use dlt_tests::target::{Target, everywhere};
use dlt_tests::truth;
use dlt_tests::up::Service;
use serde_json::{Value, json};
use std::time::Duration;

const REGIONS: [&str; 4] = ["--region", "lo-home-1=4", "--region", "lo-home-2=4"];
/// Longest wait for a run.
const LONGEST_RUN: Duration = Duration::from_secs(90);
/// What the network and the client's own work may add to the server's stamps,
/// and what is lost when a percentile becomes text in ms.
const BESIDE_S: f64 = 0.005;
const RESTING: [&str; 5] = ["complete", "cancelled", "failed", "scheduled", "created"];

fn recorder() -> Recorder {
    Recorder::new(vec![Document::contract(), Document::ours()])
}

/// What DLT's console posts: two regions with two runners each.
fn body(test: &str, target: &Target, hold_for: &str) -> Value {
    json!({
        "testId": test, "testName": "Two regions", "testDescription": "two by two runners",
        "testType": "simple", "fileType": "none", "showLive": true,
        "testTaskConfigs": [
            {"region": "lo-home-1", "taskCount": "2", "concurrency": "1"},
            {"region": "lo-home-2", "taskCount": "2", "concurrency": "1"},
        ],
        "testScenario": {
            "execution": [{"ramp-up": "0s", "hold-for": hold_for, "scenario": "Two regions"}],
            "scenarios": {"Two regions": {"requests": [
                {"url": target.url("/basket"), "method": "POST",
                 "headers": {"Content-Type": "application/json"}, "body": "{\"sku\":\"A-17\"}"},
            ]}},
        },
        "regionalTaskDetails": {
            "lo-home-1": {"vCPULimit": 8, "vCPUsPerTask": 2, "vCPUsInUse": 0, "dltTaskLimit": 4,
                          "dltAvailableTasks": 4},
            "lo-home-2": {"vCPULimit": 8, "vCPUsPerTask": 2, "vCPUsInUse": 0, "dltTaskLimit": 4,
                          "dltAvailableTasks": 4},
        },
        "tags": ["Nightly", "Check out"], "healthyThreshold": 80,
    })
}

/// Waits, as the clients do, until a scenario rests; how it ended.
fn ended(recorder: &Recorder, server: &Service<'_>, test: &str) -> String {
    let path = format!("/scenarios/{test}?history=false&latest=false");
    dlt_tests::patience::until("the scenario rests", LONGEST_RUN, || {
        let status = recorder.get(server, &path)["status"].clone();
        let status = status.as_str().unwrap_or_default().to_owned();
        RESTING.contains(&status.as_str()).then_some(status)
    })
}

/// Starts a run and waits for its end; the run's id.
fn run(recorder: &Recorder, server: &Service<'_>, body: &Value) -> String {
    let reply = recorder.ask(server, "POST", "/scenarios", Some(body));
    let stored = reply.json();
    assert_eq!(
        (reply.status, &stored["status"]),
        (200, &json!("queued")),
        "{stored}"
    );
    // The plan is text here and an object elsewhere.
    assert!(stored["testScenario"].is_string(), "{stored}");
    let test = body["testId"].as_str().unwrap_or_default();
    assert_eq!(ended(recorder, server, test), "complete");
    let path = format!("/scenarios/{test}/testruns?limit=1&latest=true");
    let page = recorder.get(server, &path);
    page["testRuns"][0]["testRunId"]
        .as_str()
        .unwrap_or_default()
        .to_owned()
}

/// What a refusal says, which is a JSON string.
#[track_caller]
fn refused(
    recorder: &Recorder,
    server: &Service<'_>,
    (method, path, body): (&str, &str, Option<&Value>),
    (status, code): (u16, &str),
) {
    let reply = recorder.ask(server, method, path, body);
    let said = reply.json();
    let text = said.as_str().unwrap_or_default();
    assert_eq!(reply.status, status, "{method} {path}: {said}");
    assert!(
        text.starts_with(&format!("{code}: ")),
        "{method} {path}: {said}"
    );
}

pub fn number(value: &Value) -> f64 {
    value
        .as_str()
        .and_then(|text| text.parse().ok())
        .unwrap_or(f64::NAN)
}

/// The results in the compatible form against the target's own log.
fn true_results(run: &Value, target: &Target) -> Result<()> {
    target.settle();
    let results = &run["results"];
    let counted = target.log.count();
    let keys: Vec<&String> = results
        .as_object()
        .into_iter()
        .flatten()
        .map(|row| row.0)
        .collect();
    ensure!(keys == ["lo-home-1", "lo-home-2", "total"], "{keys:?}");
    let total = &results["total"];
    ensure!(total["succ"] == counted, "{total} against {counted}");
    ensure!(
        total["throughput"] == counted && total["fail"] == 0,
        "{total}"
    );
    for key in ["succ", "fail", "throughput"] {
        let of = |region: &str| results[region][key].as_u64().unwrap_or(0);
        let sum = of("lo-home-1") + of("lo-home-2");
        ensure!(total[key] == sum, "{key}: the regions have {sum}: {total}");
    }
    for key in ["bytes", "concurrency"] {
        let of = |region: &str| number(&results[region][key]);
        let sum = of("lo-home-1") + of("lo-home-2");
        ensure!(number(&total[key]) == sum, "{key}: the regions have {sum}");
    }
    let label = &total["labels"][0];
    ensure!(total["labels"].as_array().is_some_and(|all| all.len() == 1));
    ensure!(label["throughput"] == counted && label["p99_0"] == total["p99_0"]);
    ensure!(total["rc"] == json!([]), "{}", total["rc"]);
    let mut took: Vec<u64> = target
        .log
        .seen()
        .iter()
        .filter_map(|seen| seen.took_us())
        .collect();
    took.sort_unstable();
    let mean = truth::mean(&took) / 1e6;
    let told = number(&total["avg_rt"]);
    ensure!(
        (mean..mean + BESIDE_S).contains(&told),
        "mean {told}, truly {mean}"
    );
    for (key, q) in [
        ("p0_0", 0.0),
        ("p50_0", 0.5),
        ("p90_0", 0.9),
        ("p95_0", 0.95),
        ("p99_0", 0.99),
        ("p100_0", 1.0),
    ] {
        let (low, high) = truth::quantile_bounds(&took, q, 2);
        // Down by what rounding to a ms may take away.
        let bounds = low as f64 / 1e6 - 0.0005..=high as f64 * 1.001 / 1e6 + BESIDE_S;
        let told = number(&total[key]);
        ensure!(
            bounds.contains(&told),
            "{key} is {told}, truly in {bounds:?}"
        );
    }
    Ok(())
}

#[test]
fn results_are_the_target_s_own_numbers() {
    twice(|| {
        let delays = [20, 50, 110, 200].map(Duration::from_millis);
        let target = everywhere(ok().by_connection(&delays));
        let home = Home::new();
        let (recorder, server) = (recorder(), Service::start(&home, &REGIONS));
        let id = run(&recorder, &server, &body("truth1", &target, "4s"));
        let record = recorder.get(&server, &format!("/scenarios/truth1/testruns/{id}"));
        true_results(&record, &target)?;
        ensure!(record["completeTasks"] == json!({"lo-home-1": 2, "lo-home-2": 2}));
        ensure!(record["succPercent"] == "100.00");
        // The scenario shows the same, and the list of runs the same in ms.
        let scenario = recorder.get(&server, "/scenarios/truth1");
        ensure!(scenario["results"] == record["results"]);
        ensure!(scenario["history"][0]["testRunId"] == id.as_str());
        let page = recorder.get(&server, "/scenarios/truth1/testruns?limit=20");
        let (row, total) = (&page["testRuns"][0], &record["results"]["total"]);
        ensure!(row["requests"] == total["throughput"]);
        let p95_ms = row["percentiles"]["p95"].as_f64().unwrap_or(0.0);
        // DLT's form has whole milliseconds; what was measured stands beside.
        ensure!((p95_ms - number(&total["p95_0"]) * 1e3).abs() < 1e-6);
        ensure!(row["ok_times"]["p95_us"] == record["summary"]["total"]["p95_us"]);
        Ok(())
    });
}

/// One scenario's life, call by call.
#[test]
fn a_scenario_s_life_as_the_clients_lead_it() {
    let (home, target) = (
        Home::new(),
        everywhere(ok().after(Duration::from_millis(5))),
    );
    let (recorder, server) = (recorder(), Service::start(&home, &REGIONS));
    platform(&recorder, &server);
    let kept = kept_only(&recorder, &server, &target);
    let runs: Vec<String> = (0..3).map(|_| run(&recorder, &server, &kept)).collect();
    pages(&recorder, &server, &runs);
    ours::last_run(&recorder, &server, "life1", &runs[2]);
    ours::asked_for(&recorder, &server, "life1", &runs[2]);
    ours::compared(&recorder, &server, "life1", &runs[1], &runs[2]);
    baseline(&recorder, &server, &runs);
    while_it_runs(&recorder, &server, &body("life1", &target, "60s"));
    let reply = recorder.ask(
        &server,
        "POST",
        "/scenarios",
        Some(&body("life1", &target, "60s")),
    );
    ours::load_ended(&recorder, &server, "life1", &reply.json());
    assert_eq!(ended(&recorder, &server, "life1"), "complete");
    ours::scheduled(&recorder, &server, body("life1", &target, "1s"));
    gone(&recorder, &server);
    ours::all_seen(&recorder);
}

fn platform(recorder: &Recorder, server: &Service<'_>) {
    let get = |path: &str| recorder.get(server, path);
    let regions = get("/regions");
    assert_eq!(regions, get("/scenarios?op=listRegions"));
    assert_eq!(regions["regions"][1]["testId"], "region-lo-home-2");
    assert_eq!(regions["regions"][1]["compatible"], true);
    let idle = json!({"vCPULimit": 8, "vCPUsPerTask": 2, "vCPUsInUse": 0});
    assert_eq!(
        get("/vCPUDetails"),
        json!({"lo-home-1": idle, "lo-home-2": idle})
    );
    let tasks = json!([
        {"region": "lo-home-1", "taskArns": []}, {"region": "lo-home-2", "taskArns": []},
    ]);
    assert_eq!(get("/tasks"), tasks);
    let stack = get("/stack-info");
    assert_eq!(stack["region"], "lo-home-1");
    let agents = stack["mcp_endpoint"].as_str().unwrap_or_default();
    assert!(
        agents.starts_with("http://127.0.0.1:") && agents.ends_with("/mcp"),
        "{agents}"
    );
    assert_eq!(get("/scenarios"), json!({"Items": []}));
}

/// Kept without a run, filtered by tags, and the body that runs it.
fn kept_only(recorder: &Recorder, server: &Service<'_>, target: &Target) -> Value {
    let mut kept = body("life1", target, "1s");
    kept["saveOnly"] = json!(true);
    let stored = recorder
        .ask(server, "POST", "/scenarios", Some(&kept))
        .json();
    assert_eq!(
        (&stored["status"], &stored["startTime"]),
        (&json!("created"), &json!(""))
    );
    assert_eq!(stored["tags"], json!(["nightly", "check-out"]));
    assert_eq!(stored["testTaskConfigs"][0]["taskCount"], 2);
    let listed = |query: &str| {
        let list = recorder.get(server, &format!("/scenarios{query}"));
        list["Items"].as_array().map_or(0, Vec::len)
    };
    assert_eq!(listed(""), 1);
    assert_eq!(listed("?tags=other,Check%20Out"), 1);
    assert_eq!(listed("?tags=other"), 0);
    assert_eq!(listed("?tags=%21"), 0);
    let nobody = ("GET", "/scenarios/life1/baseline", None);
    let reply = recorder.ask(server, nobody.0, nobody.1, nobody.2).json();
    assert_eq!(reply["baselineId"], Value::Null);
    refused(
        recorder,
        server,
        ("DELETE", nobody.1, None),
        (400, "NO_BASELINE_SET"),
    );
    kept["saveOnly"] = json!(false);
    kept
}

fn pages(recorder: &Recorder, server: &Service<'_>, runs: &[String]) {
    let base = "/scenarios/life1/testruns";
    let page = |query: &str| recorder.get(server, &format!("{base}{query}"));
    let ids = |page: &Value| -> Vec<String> {
        let rows = page["testRuns"].as_array().into_iter().flatten();
        rows.filter_map(|row| row["testRunId"].as_str().map(str::to_owned))
            .collect()
    };
    let newest_first: Vec<String> = runs.iter().rev().cloned().collect();
    let all = page("?limit=20");
    assert_eq!(ids(&all), newest_first);
    let whole = json!({"limit": 20, "next_token": null, "total_count": 3});
    assert_eq!(all["pagination"], whole);
    assert_eq!(page("")["pagination"]["limit"], 20);
    let first = page("?limit=2");
    let token = first["pagination"]["next_token"]
        .as_str()
        .unwrap_or_default();
    let token = token
        .replace('+', "%2B")
        .replace('/', "%2F")
        .replace('=', "%3D");
    let second = page(&format!("?limit=2&next_token={token}"));
    assert_eq!([ids(&first), ids(&second)].concat(), newest_first);
    assert_eq!(second["pagination"]["next_token"], Value::Null);
    let latest = page("?latest=true&limit=50");
    assert_eq!(ids(&latest), newest_first[..1]);
    let one = json!({"limit": 1, "next_token": null, "total_count": 1});
    assert_eq!(latest["pagination"], one);
    // Both bounds are inclusive.
    let start = all["testRuns"][1]["startTime"]
        .as_str()
        .unwrap_or_default()
        .replace(' ', "T");
    let bounded = page(&format!(
        "?start_timestamp={start}.000Z&end_timestamp={start}.000Z"
    ));
    assert!(ids(&bounded).contains(&runs[1]), "{bounded}");
    assert_eq!(
        ids(&page("?end_timestamp=2020-01-01")),
        Vec::<String>::new()
    );
    ours::agrees_with_results(recorder, server, &all["testRuns"][0]);
    not_there(recorder, server, base);
    let whole = recorder.get(server, &format!("{base}/{}", runs[2]));
    assert_eq!(
        (&whole["status"], &whole["testName"]),
        (&json!("complete"), &json!("Two regions"))
    );
}

fn not_there(recorder: &Recorder, server: &Service<'_>, base: &str) {
    let wrong = format!("{base}?next_token=nonsense");
    refused(
        recorder,
        server,
        ("GET", &wrong, None),
        (400, "BAD_REQUEST"),
    );
    refused(
        recorder,
        server,
        ("GET", "/scenarios/nope/testruns", None),
        (404, "TEST_NOT_FOUND"),
    );
    let nobody = format!("{base}/nope");
    refused(
        recorder,
        server,
        ("GET", &nobody, None),
        (404, "TESTRUN_NOT_FOUND"),
    );
    refused(
        recorder,
        server,
        ("DELETE", &nobody, None),
        (405, "METHOD_NOT_ALLOWED"),
    );
}

fn baseline(recorder: &Recorder, server: &Service<'_>, runs: &[String]) {
    let path = "/scenarios/life1/baseline";
    let set = |run: &str| {
        let body = json!({ "testRunId": run });
        recorder.ask(server, "PUT", path, Some(&body)).json()
    };
    assert_eq!(set(&runs[0]).get("previousBaselineId"), None);
    assert_eq!(set(&runs[1])["previousBaselineId"], runs[0].as_str());
    let unknown = json!({"testRunId": "nope"});
    refused(
        recorder,
        server,
        ("PUT", path, Some(&unknown)),
        (404, "TESTRUN_NOT_FOUND"),
    );
    let found = recorder.get(server, path);
    assert_eq!(found["testRunDetails"]["testRunId"], runs[1].as_str());
    assert_eq!(
        recorder
            .get(server, &format!("{path}?data=false"))
            .get("testRunDetails"),
        None
    );
    let scenario = recorder.get(server, "/scenarios/life1?history=false");
    assert_eq!(
        (&scenario["baselineId"], &scenario["history"]),
        (&json!(runs[1]), &json!([]))
    );
    // Runs are deleted, but not together with the baseline.
    let both = json!([runs[0], runs[1]]);
    let delete = "/scenarios/life1/testruns";
    refused(
        recorder,
        server,
        ("DELETE", delete, Some(&both)),
        (409, "BASELINE_CONFLICT"),
    );
    let deleted = json!([runs[0], "nope"]);
    let reply = recorder
        .ask(server, "DELETE", delete, Some(&deleted))
        .json();
    assert_eq!(reply, json!({"deletedCount": 1}));
    let scenario = recorder.get(server, "/scenarios/life1");
    assert_eq!(scenario["totalTestRuns"], 2);
    assert_eq!(scenario["history"].as_array().map(Vec::len), Some(2));
    let cleared = recorder.ask(server, "DELETE", path, None);
    assert_eq!(cleared.status, 200);
    assert_eq!(recorder.get(server, path)["baselineId"], Value::Null);
    // Without the newest run, the one before is the last.
    let before = recorder.get(server, &format!("{delete}/{}", runs[1]));
    recorder.ask(server, "DELETE", delete, Some(&json!([runs[2]])));
    let scenario = recorder.get(server, "/scenarios/life1");
    assert_eq!(scenario["totalTestRuns"], 1);
    for key in ["startTime", "endTime", "status", "results"] {
        assert_eq!(scenario[key], before[key], "{key}");
    }
    // DLT's console looks for an entry of this name, and posts what it got.
    let plan = &scenario["testScenario"];
    let entry = &plan["scenarios"]["Two regions"];
    assert!(entry["requests"][0]["url"].is_string(), "{plan}");
}

fn while_it_runs(recorder: &Recorder, server: &Service<'_>, long: &Value) {
    let started = recorder.ask(server, "POST", "/scenarios", Some(long));
    assert_eq!(started.status, 200);
    dlt_tests::patience::until("the run loads", LONGEST_RUN, || {
        let scenario = recorder.get(server, "/scenarios/life1?history=false");
        (scenario["status"] == "running").then_some(scenario["tasksPerRegion"].as_array()?.len())
    });
    refused(
        recorder,
        server,
        ("POST", "/scenarios", Some(long)),
        (409, "TEST_RUNNING"),
    );
    let mut keep = long.clone();
    keep["saveOnly"] = json!(true);
    refused(
        recorder,
        server,
        ("POST", "/scenarios", Some(&keep)),
        (409, "TEST_RUNNING"),
    );
    refused(
        recorder,
        server,
        ("DELETE", "/scenarios/life1", None),
        (409, "TEST_RUNNING"),
    );
    let tasks = recorder.get(server, "/tasks");
    assert_eq!(tasks[0]["taskArns"].as_array().map(Vec::len), Some(2));
    assert_eq!(
        recorder.get(server, "/vCPUDetails")["lo-home-2"]["vCPUsInUse"],
        4
    );
    let stop = json!({"action": "stop"});
    let cancel = recorder.ask(server, "POST", "/scenarios/life1", Some(&stop));
    assert_eq!(
        (cancel.status, cancel.json()),
        (200, json!("test cancelling"))
    );
    assert_eq!(ended(recorder, server, "life1"), "cancelled");
    refused(
        recorder,
        server,
        ("POST", "/scenarios/nope", Some(&stop)),
        (404, "TEST_NOT_FOUND"),
    );
}

fn gone(recorder: &Recorder, server: &Service<'_>) {
    let reply = recorder.ask(server, "DELETE", "/scenarios/life1", None);
    assert_eq!((reply.status, reply.json()), (200, json!("success")));
    for path in [
        "/scenarios/life1",
        "/scenarios/life1/testruns",
        "/scenarios/life1/baseline",
    ] {
        refused(
            recorder,
            server,
            ("GET", path, None),
            (404, "TEST_NOT_FOUND"),
        );
    }
    assert_eq!(recorder.get(server, "/scenarios"), json!({"Items": []}));
}
