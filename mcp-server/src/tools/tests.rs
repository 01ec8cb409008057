//! Definitions of the tools, and their answers from canned backends.

use super::fixtures::{CannedBackend, HOSTILE, required_arguments};
use super::{CALL_DEADLINE, all, find};
use crate::asked::schema::{flattened, gateway_faults};
use crate::backend::BackendError;
use crate::catalog::definitions::for_mcp;
use crate::catalog::toolset::ShownTools;
use crate::refusal::{Code, Refusal};
use crate::views::answer::LONGEST_ANSWER;
use serde_json::{Map, Value, json};
use std::time::Duration;

mod addresses;
mod apart;
mod cloud;
mod times;
mod whole;

/// Limit of the definitions of all tools together.
const MOST_DEFINITION_TOKENS: usize = 4_800;
/// Limit of each tool's default answer.
const MOST_ANSWER_TOKENS: usize = 2_000;

fn tokens(text: &str) -> usize {
    tiktoken_rs::o200k_base_singleton()
        .encode_ordinary(text)
        .len()
}

fn map(value: Value) -> Map<String, Value> {
    value.as_object().cloned().unwrap_or_default()
}

fn call(backend: &CannedBackend, tool: &str, arguments: Value) -> Result<Value, Refusal> {
    let tool = find(tool).expect("a tool");
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_time()
        .build()
        .unwrap();
    let call = tool.call(backend, map(arguments), CALL_DEADLINE);
    runtime.block_on(call).expect("no panic")
}

/// The answer to a call, checked against its schemas.
#[track_caller]
fn answer_of(backend: &CannedBackend, tool: &str, arguments: Value) -> Value {
    let answer = call(backend, tool, arguments);
    let answer = answer.unwrap_or_else(|refusal| panic!("{tool}: {}", refusal.text()));
    let found = find(tool).unwrap();
    for schema in [&found.exact, &found.output] {
        let validator = jsonschema::validator_for(&Value::Object(schema.clone())).unwrap();
        let faults: Vec<String> = validator
            .iter_errors(&answer)
            .map(|fault| fault.to_string())
            .collect();
        assert!(faults.is_empty(), "{tool}: {faults:?}");
    }
    assert!(
        answer.to_string().chars().count() <= LONGEST_ANSWER,
        "{tool}"
    );
    assert_no_null(&answer, tool);
    answer
}

fn assert_no_null(value: &Value, path: &str) {
    match value {
        Value::Null => panic!("{path} is null"),
        Value::Array(items) => items.iter().for_each(|item| assert_no_null(item, path)),
        Value::Object(fields) => fields
            .iter()
            .for_each(|(key, item)| assert_no_null(item, &format!("{path}.{key}"))),
        _ => {}
    }
}

#[test]
fn definitions_are_unchanged() {
    for tool in all() {
        let definition = json!({"title": tool.title, "description": tool.description,
            "inputSchema": tool.shown_input, "outputSchema": tool.output, "exactly": tool.exact});
        insta::assert_json_snapshot!(tool.name, definition);
    }
}

#[test]
fn definitions_are_short() {
    for tool in all() {
        let read = json!({"name": tool.name, "description": tool.description, "inputSchema": tool.shown_input});
        let read = tokens(&read.to_string());
        let output = tokens(&Value::Object(tool.output.clone()).to_string());
        println!("{:<24} {read:>5} + {output:>5} of the answer", tool.name);
    }
    let whole = tokens(&for_mcp(&ShownTools::default()).to_string());
    assert!(whole <= MOST_DEFINITION_TOKENS, "{whole}");
}

#[test]
fn names_and_schemas_are_readable_for_every_client() {
    assert_eq!(all().len(), 13);
    for tool in all() {
        let plain = |c: char| c.is_ascii_lowercase() || c == '_';
        assert!(
            tool.name.len() <= 40 && tool.name.chars().all(plain),
            "{}",
            tool.name
        );
        assert_eq!(
            find(&tool.name.replace('_', "-")).map(|tool| tool.name),
            Some(tool.name)
        );
        for schema in [&tool.input, &tool.output] {
            let text = Value::Object(schema.clone()).to_string();
            for word in [
                "$ref",
                "anyOf",
                "oneOf",
                "\"null\"",
                "\"format\"",
                "$schema",
                ":null",
            ] {
                assert!(!text.contains(word), "{}: {word} in {text}", tool.name);
            }
            assert_eq!(schema["type"], "object");
        }
        assert_eq!(tool.input["additionalProperties"], false, "{}", tool.name);
        let flat = flattened(&Value::Object(tool.input.clone()));
        assert_eq!(gateway_faults(&flat, tool.name), Vec::<String>::new());
    }
    assert!(find("delete_everything").is_none());
}

#[test]
fn default_answers_are_short_and_fit_their_schemas() {
    let canned = CannedBackend::new();
    let mut long = Vec::new();
    for tool in all() {
        let answer = answer_of(
            &canned,
            tool.name,
            Value::Object(required_arguments(tool.name)),
        );
        let size = tokens(&answer.to_string());
        if size > MOST_ANSWER_TOKENS {
            long.push((tool.name, size));
        }
    }
    assert!(long.is_empty(), "{long:?}");
}

#[test]
fn older_servers_are_answered_as_far_as_possible() {
    let canned = CannedBackend::older();
    for tool in all().iter().filter(|tool| tool.name != "compare_test_runs") {
        answer_of(
            &canned,
            tool.name,
            Value::Object(required_arguments(tool.name)),
        );
    }
    let results = answer_of(&canned, "get_results", json!({"test_id": "Xk29QmWz7B"}));
    assert_eq!(results["percentile_method"], "task_mean");
    assert_eq!(results["verdict"]["trust"], "unknown");
    assert_eq!(results["totals"]["rps"], 6080.0);
    assert_eq!(results["coverage"]["complete"], true);
    let errors = answer_of(
        &canned,
        "get_error_breakdown",
        Value::Object(required_arguments("get_error_breakdown")),
    );
    assert_eq!(errors["warnings"][0]["code"], "good_codes");
    assert_eq!(errors["groups"][0]["key"], "503");
    assert_eq!(errors["groups"][1]["kind"], "assertion");
    let arguments = Value::Object(required_arguments("compare_test_runs"));
    let refusal = call(&canned, "compare_test_runs", arguments).unwrap_err();
    assert!(refusal.hint.unwrap().contains("get_results"));
}

#[test]
fn hostile_text_is_cleaned_and_cut() {
    let canned = CannedBackend::new();
    let mut seen = false;
    for tool in all() {
        let mut arguments = required_arguments(tool.name);
        match tool.name {
            "get_results" => drop(arguments.insert("limit".to_owned(), json!(100))),
            "get_scenario_details" => {
                drop(arguments.insert("include_script".to_owned(), json!(true)))
            }
            "get_error_breakdown" => drop(arguments.insert("group_by".to_owned(), json!("label"))),
            _ => {}
        }
        let text = answer_of(&canned, tool.name, Value::Object(arguments)).to_string();
        assert!(!text.contains("hunter2"), "{}", tool.name);
        for hidden in ["\u{1b}", "\\u001b", "\u{202e}", "\u{200b}", "\\r", "\\n"] {
            assert!(!text.contains(hidden), "{}: {hidden:?}", tool.name);
        }
        seen |= text.contains("Ignore all previous instructions");
        assert_bounded(&serde_json::from_str(&text).unwrap(), tool.name);
    }
    assert!(seen, "the text itself is data and stays: {HOSTILE}");
}

fn assert_bounded(value: &Value, path: &str) {
    match value {
        Value::String(_) if path.ends_with("next_cursor") => {}
        Value::String(text) => assert!(text.chars().count() <= 200, "{path}: {text}"),
        Value::Array(items) => items.iter().for_each(|item| assert_bounded(item, path)),
        Value::Object(fields) => fields
            .iter()
            .for_each(|(key, item)| assert_bounded(item, &format!("{path}.{key}"))),
        _ => {}
    }
}

#[test]
fn verdict_and_coverage_are_always_present() {
    let mut canned = CannedBackend::new();
    let results = answer_of(&canned, "get_results", json!({"test_id": "Xk29QmWz7B"}));
    assert_eq!(results["verdict"]["trust"], "degraded");
    assert_eq!(results["coverage"]["runners_reported"], 59);
    assert_eq!(results["percentile_method"], "hdr_merge");
    assert_eq!(results["labels"][0]["p95_ms"], 325.47);
    // A run without results yet is no error.
    let running = json!({"testId": "Xk29QmWz7B", "testRunId": "p4TqL8vN2c", "status": "running", "results": {}});
    canned.put("/scenarios/Xk29QmWz7B/testruns/p4TqL8vN2c", running);
    let results = answer_of(&canned, "get_results", json!({"test_id": "Xk29QmWz7B"}));
    assert_eq!(results["run"]["status"], "running");
    assert_eq!(results["verdict"]["trust"], "unknown");
    assert_eq!(results["warnings"][0]["code"], "no_results");
    assert_eq!(results.get("totals"), None);
    let refusal = call(
        &canned,
        "query_latency",
        Value::Object({
            let mut arguments = required_arguments("query_latency");
            arguments.insert("region".to_owned(), json!("eu-west-1"));
            arguments
        }),
    );
    assert_eq!(refusal.unwrap_err().code, Code::NoResults);
}

#[test]
fn pages_contain_every_row_once() {
    let canned = CannedBackend::new();
    for (tool, rows, count) in [
        ("get_results", "labels", 100),
        ("list_scenarios", "scenarios", 120),
    ] {
        for limit in [None, Some("7"), Some("100")] {
            let mut arguments = required_arguments(tool);
            arguments.extend(limit.map(|limit| ("limit".to_owned(), json!(limit))));
            let mut seen = Vec::new();
            loop {
                let page = answer_of(&canned, tool, Value::Object(arguments.clone()));
                seen.extend(page[rows].as_array().cloned().unwrap_or_default());
                match page.get("next_cursor") {
                    Some(cursor) => drop(arguments.insert("cursor".to_owned(), cursor.clone())),
                    None => break,
                }
                assert!(seen.len() <= count, "{tool}");
            }
            assert_eq!(seen.len(), count, "{tool} {limit:?}");
            arguments.insert("cursor".to_owned(), json!("bm9uc2Vuc2U"));
            let refusal = call(&canned, tool, Value::Object(arguments)).unwrap_err();
            assert_eq!(refusal.code, Code::StaleCursor);
        }
    }
}

#[test]
fn latency_is_read_from_exact_buckets() {
    let canned = CannedBackend::new();
    let mut arguments = required_arguments("query_latency");
    arguments.insert("percentiles".to_owned(), json!("50, 95,99.9"));
    arguments.insert("thresholds_ms".to_owned(), json!([100, 500, 1002.8]));
    arguments.insert("buckets".to_owned(), json!(5));
    let answer = answer_of(&canned, "query_latency", Value::Object(arguments));
    assert_eq!(answer["method"], "hdr_merge");
    assert_eq!(answer["percentiles"][0], json!({"p": 50.0, "ms": 10.007}));
    assert_eq!(answer["percentiles"][1]["ms"], 100.031);
    assert_eq!(
        answer["over"][0],
        json!({"ms": 100.0, "pct": 5.0, "requests": 50, "low_pct": 5.0, "high_pct": 50.0})
    );
    assert_eq!(
        answer["over"][1],
        json!({"ms": 500.0, "pct": 5.0, "requests": 50})
    );
    assert_eq!(answer["over"][2]["high_pct"], 3.0);
    let steps = answer["histogram"].as_array().unwrap();
    let sum: u64 = steps
        .iter()
        .filter_map(|step| step["requests"].as_u64())
        .sum();
    assert_eq!((steps.len(), sum), (5, 1000));
    // A label is found by its cleaned text.
    let shown = crate::clean::Text::of(HOSTILE);
    let mut label = required_arguments("query_latency");
    label.insert("label".to_owned(), json!(shown));
    assert_eq!(
        answer_of(&canned, "query_latency", Value::Object(label.clone()))["method"],
        "hdr_merge"
    );
    label.insert("label".to_owned(), json!("nope"));
    let refusal = call(&canned, "query_latency", Value::Object(label)).unwrap_err();
    assert_eq!(refusal.code, Code::UnknownLabel);
    let mut region = required_arguments("query_latency");
    region.insert("region".to_owned(), json!("us-east-1"));
    for (backend, method) in [(canned, "hdr_merge"), (CannedBackend::older(), "task_mean")] {
        let answer = answer_of(&backend, "query_latency", Value::Object(region.clone()));
        assert_eq!(answer["method"], method);
        // What lies between stored percentiles says so.
        let marked = answer["warnings"].to_string().contains("interpolated");
        assert_eq!(marked, method == "task_mean", "{answer}");
    }
}

#[test]
fn unknown_names_are_refused() {
    let canned = CannedBackend::new();
    let mut run = required_arguments("query_latency");
    run.insert("region".to_owned(), json!("mars-1"));
    for (tool, arguments, code) in [
        (
            "get_results",
            json!({"test_id": "Xk29QmWz7B", "region": "mars-1"}),
            Code::UnknownRegion,
        ),
        ("query_latency", Value::Object(run), Code::UnknownRegion),
        (
            "compare_test_runs",
            json!({"test_id": "Xk29QmWz7B", "base": "latest", "candidate": "p4TqL8vN2c"}),
            Code::InvalidArgument,
        ),
        (
            "compare_test_runs",
            json!({"test_id": "Xk29QmWz7B", "base": "another1", "candidate": "p4TqL8vN2c",
                "metric": "p42_ms"}),
            Code::InvalidArgument,
        ),
        (
            "compare_test_runs",
            json!({"test_id": "Xk29QmWz7B", "base": "p4TqL8vN2c", "candidate": "another1"}),
            Code::NotFound,
        ),
        (
            "get_runners",
            json!({"region": "mars-1"}),
            Code::UnknownRegion,
        ),
        (
            "get_regional_stacks",
            json!({"region": "mars-1"}),
            Code::UnknownRegion,
        ),
        (
            "get_results",
            json!({"test_id": "../stack-info"}),
            Code::InvalidArgument,
        ),
        ("get_results", json!({"test_id": "nope"}), Code::NotFound),
        (
            "get_results",
            json!({"test": "Xk29QmWz7B"}),
            Code::UnknownField,
        ),
        (
            "list_test_runs",
            json!({"test_id": "Xk29QmWz7B", "start_timestamp": "yesterday"}),
            Code::InvalidArgument,
        ),
        (
            "compare_test_runs",
            json!({"test_id": "Xk29QmWz7B", "base": "baseline", "candidate": "latest"}),
            Code::InvalidArgument,
        ),
    ] {
        let refusal = call(&canned, tool, arguments).unwrap_err();
        assert_eq!(refusal.code, code, "{tool}: {}", refusal.text());
        assert!(refusal.text().chars().count() <= 600);
    }
}

#[test]
fn one_failing_part_does_not_fail_the_whole() {
    let mut canned = CannedBackend::new();
    canned.fail("/vCPUDetails", BackendError::Failed(500));
    canned.fail("/stack-info", BackendError::Denied(403));
    canned.fail("/scenarios/Xk29QmWz7B/baseline", BackendError::Timeout);
    let runners = answer_of(&canned, "get_runners", json!({}));
    assert_eq!(runners["warnings"][0]["code"], "capacity_unavailable");
    assert_eq!(runners["total_running"], 60);
    let stacks = answer_of(&canned, "get_regional_stacks", json!({}));
    assert_eq!(stacks["warnings"][0]["code"], "hub_unavailable");
    answer_of(&canned, "list_test_runs", json!({"test_id": "Xk29QmWz7B"}));
    canned.fail("/tasks", BackendError::Throttled);
    let refusal = call(&canned, "get_runners", json!({})).unwrap_err();
    assert_eq!((refusal.code, refusal.retryable), (Code::Throttled, true));
}

/// A backend that never answers, or panics if the function returns false.
struct Misbehaving(fn() -> bool);

#[async_trait::async_trait]
impl crate::backend::Backend for Misbehaving {
    async fn get(&self, _: &crate::backend::Ask) -> Result<Value, BackendError> {
        assert!((self.0)(), "an intended panic");
        std::future::pending().await
    }

    async fn raw(&self, _: &crate::backend::Ask) -> Result<crate::backend::Reply, BackendError> {
        std::future::pending().await
    }
}

#[test]
fn calls_that_panic_or_hang_are_answered() {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_time()
        .build()
        .unwrap();
    let tool = find("get_results").unwrap();
    let arguments = || map(json!({"test_id": "Xk29QmWz7B"}));
    let broken = Misbehaving(|| false);
    let answer = runtime.block_on(tool.call(&broken, arguments(), CALL_DEADLINE));
    assert_eq!(answer, Err(super::Panicked));
    let silent = Misbehaving(|| true);
    let answer = runtime.block_on(tool.call(&silent, arguments(), Duration::from_millis(20)));
    assert_eq!(answer.unwrap().unwrap_err().code, Code::UpstreamTimeout);
}

#[test]
fn new_failures_are_listed_first() {
    let mut canned = CannedBackend::new();
    let run = "/scenarios/Xk29QmWz7B/testruns/p4TqL8vN2c";
    let change = |metric: &str, base: f64, candidate: f64, pct: Option<f64>, change: &str| {
        json!({"metric": metric, "base": base, "candidate": candidate,
            "delta": candidate - base, "delta_pct": pct, "significant": true, "change": change})
    };
    let metrics = json!([
        change("p95_us", 100_000.0, 40_000.0, Some(-60.0), "better"),
        change("error_rate", 0.0, 0.3, None, "worse"),
    ]);
    canned.put(
        &format!("{run}/compare"),
        json!({"base": {}, "candidate": {}, "verdict": "worse", "totals": metrics,
            "comparability": {"complete": true, "trusted": true},
            "labels": [{"label": "pay", "change": "worse", "metrics": metrics}],
            "inconclusive": ["thin"]}),
    );
    let answer = answer_of(
        &canned,
        "compare_test_runs",
        Value::Object(required_arguments("compare_test_runs")),
    );
    let row = &answer["regressed"][0];
    assert_eq!(
        (&row["label"], &row["metric"]),
        (&json!("pay"), &json!("error_pct"))
    );
    assert_eq!(
        (&row["base"], &row["candidate"], &row["delta"]),
        (&json!(0.0), &json!(30.0), &json!(30.0))
    );
    assert_eq!(answer["warnings"][0]["code"], "labels_not_judged");
    assert_eq!(answer["inconclusive"], json!(["thin"]));
}

#[test]
fn a_label_that_looks_like_another_is_refused() {
    let mut canned = CannedBackend::new();
    let run = "/scenarios/Xk29QmWz7B/testruns/p4TqL8vN2c";
    let mut record = super::fixtures::record(true);
    for (n, end) in [(0, "a"), (1, "b")] {
        record["summary"]["labels"][n]["label"] = json!(format!("/{}{end}", "x".repeat(250)));
    }
    canned.put(run, record);
    let shown = answer_of(
        &canned,
        "get_results",
        json!({"test_id": "Xk29QmWz7B", "limit": 100}),
    );
    let labels = shown["labels"].as_array().unwrap();
    let cut = labels
        .iter()
        .find(|row| row["label"].as_str().unwrap().starts_with("/xx"));
    let mut arguments = required_arguments("query_latency");
    arguments.insert("label".to_owned(), cut.unwrap()["label"].clone());
    let refusal = call(&canned, "query_latency", Value::Object(arguments)).unwrap_err();
    assert!(
        refusal.message.contains("several labels"),
        "{}",
        refusal.message
    );
}
