//! Transactions, and the requests that are made once per run.

use super::super::fixtures::{CannedBackend, HOSTILE, record};
use super::answer_of;
use serde_json::{Value, json};

fn results(record: Value, more: &Value) -> Value {
    let mut canned = CannedBackend::new();
    canned.put("/scenarios/Xk29QmWz7B/testruns/p4TqL8vN2c", record);
    let mut arguments = json!({"test_id": "Xk29QmWz7B", "test_run_id": "p4TqL8vN2c"});
    for (key, value) in more.as_object().into_iter().flatten() {
        arguments[key] = value.clone();
    }
    answer_of(&canned, "get_results", arguments)
}

fn transaction(name: &str, unfinished: u64) -> Value {
    json!({"label": name, "kind": "transaction", "unfinished": unfinished, "count": 600, "ok": 594,
        "failed": 6, "bytes_received": 1, "bytes_sent": 1, "mean_us": 20_050, "p50_us": 20_015,
        "p95_us": 31_007, "p99_us": 40_063, "max_us": 51_000})
}

#[test]
fn transactions_are_told_apart_from_requests() {
    let mut record = record(true);
    record["summary"]["transactions"] =
        json!([transaction("checkout", 3), transaction(HOSTILE, 0)]);
    let answer = results(record.clone(), &json!({}));
    assert_eq!(
        answer["transactions"][0],
        json!({"label": "checkout", "requests": 600, "unfinished": 3, "rps": 2.0, "error_pct": 1.0, "avg_ms": 20.05,
            "p50_ms": 20.015, "p95_ms": 31.007, "p99_ms": 40.063, "max_ms": 51.0})
    );
    let shown = answer["transactions"][1]["label"].as_str().unwrap();
    assert!(
        !shown.contains(['\u{1b}', '\n', '\u{202e}']) && !shown.contains("hunter2"),
        "{shown}"
    );
    let named = results(record.clone(), &json!({"label_contains": "CHECK"}));
    assert_eq!(named["transactions"].as_array().map(Vec::len), Some(1));
    // Records have them over all regions only.
    let of_region = results(record.clone(), &json!({"region": "eu-west-1"}));
    assert_eq!(of_region.get("transactions"), None);
    let warnings = of_region["warnings"].to_string();
    assert!(warnings.contains("leave region out"), "{warnings}");

    let many: Vec<Value> = (0..30).map(|n| transaction(&format!("t{n}"), 0)).collect();
    record["summary"]["transactions"] = json!(many);
    for (arguments, listed) in [
        (json!({}), 5),
        (json!({"limit": 3}), 3),
        (json!({"limit": 100}), 20),
    ] {
        let answer = results(record.clone(), &arguments);
        assert_eq!(
            answer["transactions"].as_array().map(Vec::len),
            Some(listed)
        );
        let warnings = answer["warnings"].to_string();
        assert!(
            warnings.contains(&format!("{listed} of 30 transactions")),
            "{warnings}"
        );
    }
}

#[test]
fn what_is_requested_once_is_told() {
    let mut record = record(true);
    record["setup"] = json!({"requests": 2, "took_us": 7_500});
    record["teardown"] = json!({"requests": 1, "took_us": 900, "failure": "DELETE /cart: 503"});
    let answer = results(record, &json!({}));
    assert_eq!(
        answer["once_per_run"],
        json!({"setup": {"requests": 2, "took_ms": 7.5},
            "teardown": {"requests": 1, "took_ms": 0.9, "failure": "DELETE /cart: 503"}})
    );
}
