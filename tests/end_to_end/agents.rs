//! An agent's working day: ten runs of all kinds, twenty-two questions, and nothing but the server to
//! answer them, in few calls. What an answer leads to is taken from that answer.

use dlt_tests::behaviour::{body, ok};
use dlt_tests::command::{Home, binary};
use dlt_tests::mcp::Client;
use dlt_tests::patience::{shared, until};
use dlt_tests::processes::{Signal, runners, signal};
use dlt_tests::target::{Target, plan};
use dlt_tests::up::Service;
use serde_json::{Value, json};
use std::time::Duration;

/// Most calls for all questions.
const MOST_CALLS: usize = 25;
/// Longest answer to a call without `limit`, characters: about 2,000 tokens.
const LONGEST_DEFAULT: usize = 4_600;
const REGIONS: [&str; 3] = ["lo-home-1", "lo-home-2", "lo-home-3"];
const LABELS: usize = 100;
/// Failing label of the wide scenario.
const BROKEN: &str = "label 42";
const PATIENCE: Duration = Duration::from_secs(90);

fn target() -> Target {
    plan()
        .route("/broken", body(503, "no"))
        .route("/slow", ok().after(Duration::from_millis(100)))
        .otherwise(ok())
        .start()
}

/// A scenario's body; `tasks` are by region.
fn scenario(id: &str, tasks: &[u64], execution: Value, requests: Value, more: Value) -> Value {
    let regions = REGIONS.iter().zip(tasks);
    let configs: Vec<Value> = regions
        .map(|(region, tasks)| json!({"region": region, "taskCount": tasks, "concurrency": 2}))
        .collect();
    let room: serde_json::Map<String, Value> = REGIONS
        .iter()
        .map(|region| ((*region).to_owned(), json!({"dltAvailableTasks": 4})))
        .collect();
    let mut execution = execution;
    execution["scenario"] = json!("one");
    let mut body = json!({
        "testId": id, "testName": id, "testDescription": "asked by an agent", "testType": "simple",
        "fileType": "none", "showLive": true, "testTaskConfigs": configs, "regionalTaskDetails": room,
        "testScenario": {"execution": [execution], "scenarios": {"one": {"requests": requests}}},
    });
    for (key, value) in more.as_object().into_iter().flatten() {
        body[key] = value.clone();
    }
    body
}

fn started(service: &Service<'_>, scenario: &Value) -> String {
    service.post(scenario)["testRunId"]
        .as_str()
        .unwrap()
        .to_owned()
}

/// The ids of what was made.
struct World {
    wide: String,
    steady: Vec<String>,
    cancelled: String,
    half_dead: String,
    killed: String,
    untrusted: String,
    running: String,
}

/// Ten runs: one goes on, one is cancelled, of one a runner dies, one's generator is the limit, one has
/// a hundred labels in three regions, five are alike.
fn world(home: &Home, service: &Service<'_>, target: &Target) -> World {
    let get = |path: &str| json!([{"url": target.url(path), "method": "GET", "label": "get"}]);
    let users = |hold: &str| json!({"ramp-up": "0s", "hold-for": hold});
    let running = scenario(
        "running",
        &[1, 1],
        json!({"arrivals": 20, "hold-for": "10m"}),
        json!([{"url": target.url("/"), "method": "GET", "label": "get"},
            {"url": target.url("/broken"), "method": "GET", "label": "broken"}]),
        json!({}),
    );
    let running = started(service, &running);
    let half_dead = scenario(
        "half-dead",
        &[2],
        json!({"arrivals": 40, "hold-for": "8s"}),
        get("/half"),
        json!({"healthyThreshold": 50}),
    );
    let half_dead = started(service, &half_dead);
    let untrusted = untrusted(service, target);
    let cancelled = scenario("cancelled", &[1], users("10m"), get("/"), json!({}));
    let cancelled = started(service, &cancelled);
    let killed = kill_worker(home, service, target, &half_dead);
    until("the third second of load", PATIENCE, || {
        has_load("cancelled", service, &cancelled)
    });
    service.ask("POST", "/scenarios/cancelled", Some(&json!({})));
    for (test, wanted) in [
        ("cancelled", "cancelled"),
        ("half-dead", "complete"),
        ("untrusted", "complete"),
    ] {
        service.until(test, wanted, PATIENCE);
    }
    let wide = wide(service, target);
    let steady = (0..5).map(|n| {
        let path = if n == 3 { "/broken" } else { "/" };
        let body = scenario(
            "steady",
            &[1],
            json!({"arrivals": 30, "hold-for": "2s"}),
            get(path),
            json!({}),
        );
        let run = started(service, &body);
        service.until_any("steady", &["complete", "failed"], PATIENCE);
        run
    });
    World {
        steady: steady.collect(),
        wide,
        cancelled,
        half_dead,
        killed,
        untrusted,
        running,
    }
}

/// Its generator is the limit: one connection for five times what it can carry.
fn untrusted(service: &Service<'_>, target: &Target) -> String {
    let mut untrusted = scenario(
        "untrusted",
        &[0, 1],
        json!({"arrivals": 50, "connections": 1, "hold-for": "4s"}),
        json!([{"url": target.url("/slow"), "method": "GET", "label": "get"}]),
        json!({}),
    );
    let configs = untrusted["testTaskConfigs"].as_array_mut();
    configs.unwrap().remove(0);
    started(service, &untrusted)
}

/// A hundred labels in three regions, one of which fails.
fn wide(service: &Service<'_>, target: &Target) -> String {
    let requests: Vec<Value> = (0..LABELS)
        .map(|n| {
            let path = if n == 42 { "/broken" } else { "/" };
            json!({"url": target.url(path), "method": "GET", "label": format!("label {n}")})
        })
        .collect();
    let wide = scenario(
        "wide",
        &[1, 1, 1],
        json!({"concurrency": 2, "iterations": 3, "hold-for": "30s"}),
        json!(requests),
        json!({"thresholds": ["error_rate<5%", "p(95)<10s"]}),
    );
    let wide = started(service, &wide);
    service.until("wide", "complete", PATIENCE);
    wide
}

fn has_load(test: &str, service: &Service<'_>, run: &str) -> Option<()> {
    let runners = service.get(&format!("/scenarios/{test}/testruns/{run}/runners"));
    let runners = runners["runners"].as_array()?.clone();
    let loading = |row: &Value| row["state"] == "loading" || row["state"] == "lagging";
    (!runners.is_empty() && runners.iter().all(loading)).then_some(())
}

/// Kills the run's worker under load, once its leader has told of it; its id.
fn kill_worker(home: &Home, service: &Service<'_>, target: &Target, run: &str) -> String {
    until("two seconds of its load", PATIENCE, || {
        (target.log.count_of("/half") >= 90).then_some(())
    });
    let told = service.get(&format!("/scenarios/half-dead/testruns/{run}/runners"));
    let rows = told["runners"].as_array().unwrap();
    let worker = rows.iter().find(|row| row["role"] == "worker").unwrap();
    let id = worker["runner"].as_str().unwrap().to_owned();
    let all = runners(home.path());
    let found = all.iter().find(|it| it.run == run && it.id == id);
    signal(found.expect("it runs").pid, Signal::Kill);
    id
}

/// An agent that has the server and nothing else.
struct Agent {
    client: Client,
    calls: usize,
    characters: usize,
}

impl Agent {
    fn call(&mut self, tool: &str, arguments: Value) -> Value {
        self.calls += 1;
        let has_limit = arguments.get("limit").is_some();
        let asked = json!({"name": tool, "arguments": arguments});
        let answer = self.client.ask("tools/call", asked);
        let answer = answer["result"]["structuredContent"].clone();
        assert!(answer.is_object(), "{tool} {arguments}: no answer");
        let length = answer.to_string().chars().count();
        assert!(
            has_limit || length <= LONGEST_DEFAULT,
            "{tool}: {length} characters"
        );
        self.characters += length;
        answer
    }
}

/// The row of a list whose field has this value.
#[track_caller]
fn row<'a>(answer: &'a Value, list: &str, field: &str, value: &str) -> &'a Value {
    let rows = answer[list]
        .as_array()
        .unwrap_or_else(|| panic!("no {list} in {answer}"));
    let found = rows.iter().find(|row| row[field] == value);
    found.unwrap_or_else(|| panic!("no {field} {value} in {answer}"))
}

#[test]
fn an_agent_answers_what_comes_up_with_few_calls() {
    let _shared = shared();
    let (home, target) = (Home::new(), target());
    let pools = REGIONS.map(|region| format!("{region}=4"));
    let flags: Vec<&str> = pools.iter().flat_map(|pool| ["--region", pool]).collect();
    let service = Service::start(&home, &flags);
    let world = world(&home, &service, &target);
    let run = &world.running;
    let timeline = format!("/scenarios/running/testruns/{run}/timeline?step_s=1000");
    until("numbers of the running run", PATIENCE, || {
        service.get(&timeline)["end_s"]
            .as_u64()
            .filter(|end| *end > 0)
    });
    let mut agent = Agent {
        client: Client::start(&home, binary(), &["mcp"], &[]),
        calls: 0,
        characters: 0,
    };
    what_there_is(&mut agent, &world);
    what_goes_on(&mut agent, &world);
    what_went_wrong(&mut agent, &world, &service);
    how_the_wide_run_was(&mut agent, &world, &service);
    how_it_went_over_time(&mut agent, &world, &service);
    println!("{} calls, {} characters", agent.calls, agent.characters);
    assert!(agent.calls <= MOST_CALLS, "{} calls", agent.calls);
    assert_eq!(agent.client.close(), Some(0));
    assert_eq!(service.stop().code, Some(0));
}

/// Which scenarios are there, which is active, how did each last run end, whose numbers are not to be
/// believed?
fn what_there_is(agent: &mut Agent, world: &World) {
    let list = agent.call("list_scenarios", json!({}));
    assert_eq!(list["total"], 6);
    let of = |id: &str| row(&list, "scenarios", "test_id", id);
    assert_eq!(of("running")["active"], true);
    assert_eq!(of("wide").get("active"), None);
    assert_eq!(of("cancelled")["last_word"], "cancelled");
    assert_eq!(of("half-dead")["last_word"], "incomplete");
    assert_eq!(of("untrusted")["last_trust"], "untrusted");
    assert_eq!(of("wide")["last_word"], "passed");
    assert_eq!(of("steady")["total_runs"], world.steady.len());
}

/// What runs, since when, with how many runners where; how much room is left? How fast is it, what
/// fails, how far is it?
fn what_goes_on(agent: &mut Agent, world: &World) {
    let now = agent.call("get_runners", json!({}));
    assert_eq!(now["active_runs_total"], 1);
    let run = &now["active_runs"][0];
    assert_eq!(
        (&run["test_id"], &run["test_run_id"]),
        (&json!("running"), &json!(world.running))
    );
    assert!(run["start"].as_str().unwrap() < now["as_of"].as_str().unwrap());
    let there = row(run, "regions", "region", "lo-home-2");
    assert_eq!(
        (&there["running"], &there["desired"]),
        (&json!(1), &json!(1))
    );
    assert_eq!(
        row(&now, "regions", "region", "lo-home-1")["runners_free"],
        3
    );
    assert_eq!(
        row(&now, "regions", "region", "lo-home-3")["runners_free"],
        4
    );

    let so_far = agent.call(
        "get_results",
        json!({"test_id": run["test_id"], "test_run_id": run["test_run_id"]}),
    );
    let (live, totals) = (&so_far["live"], &so_far["totals"]);
    let requests = totals["requests"].as_u64().unwrap();
    assert!(
        requests > 0 && totals["p95_ms"].as_f64().unwrap() > 0.0,
        "{so_far}"
    );
    assert_eq!(so_far["percentile_method"], "coarse_merge");
    // Each walk has one request that fails: half of all, but for those under way.
    let failed = row(live, "causes", "cause", "status-5xx")["count"]
        .as_u64()
        .unwrap();
    assert_eq!(live["failed"], failed);
    assert!(failed.abs_diff(requests / 2) <= 3, "{failed} of {requests}");
    assert_eq!(
        (&live["planned_s"], &live["runners"]["loading"]),
        (&json!(600), &json!(2))
    );
    assert!(live["at_s"].as_u64().unwrap() < 600 && live["recent"]["rps"].as_f64().unwrap() > 0.0);
    assert_eq!(so_far["regions"].as_array().unwrap().len(), 2);
    assert_eq!(so_far["load"]["arrivals_rps"], 20.0);
}

/// Who is missing, with which part of the load, lost when and how, and how much was not made? Why is a
/// run not to be believed, what was asked and what was started? How far did the cancelled one get?
fn what_went_wrong(agent: &mut Agent, world: &World, service: &Service<'_>) {
    let half = agent.call(
        "get_results",
        json!({"test_id": "half-dead", "test_run_id": world.half_dead}),
    );
    assert_eq!(half["coverage"]["runners_reported"], 1);
    let missing = &half["coverage"]["missing"][0];
    assert_eq!(
        (&missing["runner"], &missing["region"]),
        (&json!(world.killed), &json!("lo-home-1"))
    );
    assert_eq!(
        (&missing["share_pct"], &missing["planned_requests"]),
        (&json!(50.0), &json!(160.0))
    );
    let (started, lost) = (half["start"]["at"].as_str(), missing["lost_at"].as_str());
    assert!(
        lost > started && lost < half["run"]["end"].as_str(),
        "{half}"
    );
    assert!(
        missing["how"].as_str().unwrap().contains("signal 9"),
        "{missing}"
    );
    assert_eq!(
        (&half["outcome"]["word"], &half["load"]["lost"]),
        (&json!("incomplete"), &json!(160))
    );

    let untrusted = agent.call("get_results", json!({"test_id": "untrusted"}));
    assert_eq!(untrusted["verdict"]["trust"], "untrusted");
    let load = &untrusted["load"];
    let count = |value: &Value| value.as_u64().unwrap();
    assert_eq!(
        (&load["asked_journeys"], &load["started"]),
        (&json!(200), &json!(200))
    );
    assert!(count(&load["dropped"]) > 100, "{load}");
    let reasons = untrusted["verdict"]["reasons"].to_string();
    assert!(reasons.contains("dropped"), "{reasons}");
    assert_eq!(load["per_runner"]["runners"], 1);
    assert_eq!(untrusted["run"]["test_run_id"], world.untrusted);

    let cancelled = agent.call("get_results", json!({"test_id": "cancelled"}));
    assert_eq!(cancelled["run"]["test_run_id"], world.cancelled);
    assert_eq!(
        (&cancelled["run"]["status"], &cancelled["outcome"]["word"]),
        (&json!("cancelled"), &json!("cancelled"))
    );
    let record = service.get(&format!(
        "/scenarios/cancelled/testruns/{}",
        world.cancelled
    ));
    assert_eq!(
        cancelled["totals"]["requests"],
        record["summary"]["total"]["count"]
    );
    assert!(cancelled["run"]["duration_s"].as_f64().unwrap() < 600.0);
    assert_eq!(
        row(&cancelled, "warnings", "code", "partial")["code"],
        "partial"
    );
}

/// Which label fails most; how often where; did it pass, and what was asked of it; how evenly did it
/// start; how many requests of one label in one region took longer; where are its files?
fn how_the_wide_run_was(agent: &mut Agent, world: &World, service: &Service<'_>) {
    let wide = agent.call(
        "get_results",
        json!({"test_id": "wide", "sort_by": "error_pct"}),
    );
    assert_eq!(wide["labels_total"], LABELS);
    assert_eq!(
        (&wide["labels"][0]["label"], &wide["labels"][0]["error_pct"]),
        (&json!(BROKEN), &json!(100.0))
    );
    assert_eq!(wide["labels"][1]["error_pct"], 0.0);
    assert_eq!(
        (
            &wide["outcome"]["passed"],
            wide["outcome"]["thresholds"].as_array().unwrap().len()
        ),
        (&json!(true), 2)
    );
    let record = service.get(&format!("/scenarios/wide/testruns/{}", world.wide));
    let skew = record["start"]["skew_p99_us"].as_f64().unwrap() / 1e3;
    assert_eq!(wide["start"]["skew_p99_ms"], skew);
    // Two users a runner, three rounds of a hundred requests, three runners.
    assert_eq!(
        (&wide["load"]["asked_requests"], &wide["load"]["started"]),
        (&json!(1_800), &json!(1_800))
    );
    assert_eq!(
        wide["load"]["per_runner"]["asked_requests"],
        json!([600.0, 600.0])
    );
    assert_eq!(wide["times_of"], "ok");

    let run = json!({"test_id": "wide", "test_run_id": world.wide});
    let mut asked = run.clone();
    asked["group_by"] = json!("all");
    let errors = agent.call("get_error_breakdown", asked);
    assert_eq!(errors["groups_total"], 3);
    for region in REGIONS {
        let cell = row(&errors, "groups", "region", region);
        assert_eq!(
            (&cell["label"], &cell["key"], &cell["count"]),
            (&json!(BROKEN), &json!("status-5xx 503"), &json!(6))
        );
    }

    let mut asked = run.clone();
    asked["label"] = json!("label 7");
    asked["region"] = json!("lo-home-2");
    asked["thresholds_ms"] = json!([60_000]);
    let latency = agent.call("query_latency", asked);
    assert_eq!(
        (&latency["method"], &latency["requests"]),
        (&json!("hdr_merge"), &json!(6))
    );
    assert_eq!(latency["over"][0]["requests"], 0);

    let files = agent.call("get_test_run_artifacts", run);
    assert_eq!(files["bucket"], "none at home");
    let folder = std::path::PathBuf::from(files["folder"].as_str().unwrap());
    let there = std::fs::read_dir(&folder).unwrap_or_else(|error| panic!("{folder:?}: {error}"));
    assert_eq!(files["files_total"], there.count());
}

/// How did the runs of a scenario go, which of them failed, what failed in all of them together? Is the
/// last one slower than the one before, and may one say so? What is the newest run's setup?
fn how_it_went_over_time(agent: &mut Agent, world: &World, service: &Service<'_>) {
    let history = agent.call("list_test_runs", json!({"test_id": "steady"}));
    assert_eq!(history["total"], 5);
    let trend = row(&history, "trend", "metric", "error_pct");
    // One run of five failed: no trend.
    assert_eq!(
        (&trend["runs"], &trend["median"], &trend["direction"]),
        (&json!(5), &json!(0.0), &json!("unclear"))
    );
    let failed = row(&history, "runs", "test_run_id", &world.steady[3]);
    assert_eq!(
        (&failed["error_pct"], &failed["word"]),
        (&json!(100.0), &json!("failed"))
    );
    let fine = row(&history, "runs", "test_run_id", &world.steady[4]);
    // Nothing was judged: no word of passing.
    assert_eq!(
        (&fine["word"], fine.get("passed")),
        (&json!("finished"), None)
    );

    let errors = agent.call("get_error_breakdown", json!({"test_id": "steady"}));
    let record = service.get(&format!("/scenarios/steady/testruns/{}", world.steady[3]));
    assert_eq!(errors["total_errors"], record["account"]["failed"]);
    assert_eq!(
        (&errors["groups_total"], &errors["groups"][0]["in_runs"]),
        (&json!(1), &json!(1))
    );
    assert_eq!(errors["runs"].as_array().unwrap().len(), 5);

    let compared = agent.call(
        "compare_test_runs",
        json!({"test_id": "steady", "base": world.steady[2], "candidate": world.steady[4]}),
    );
    // Two seconds are too short for a word; the values are there, and why.
    assert_eq!(compared["verdict"], "cannot be compared");
    assert!(!compared["reasons"].as_array().unwrap().is_empty());
    let p95 = row(&compared, "totals", "metric", "p95_ms");
    assert_eq!(p95["candidate"], fine["p95_ms"]);
    assert_eq!((p95.get("real"), p95["large"].is_boolean()), (None, true));

    let details = agent.call("get_scenario_details", json!({"test_id": "wide"}));
    assert_eq!(details["thresholds"], json!(["error_rate<5%", "p(95)<10s"]));
    assert_eq!(details["load"]["regions"].as_array().unwrap().len(), 3);
}
