//! Times of ok, failed and all requests, in a run with many failures.

use super::super::fixtures::{CannedBackend, record, required_arguments};
use super::answer_of;
use serde_json::{Value, json};

/// A run with 50 answers of 20 ms and 135 refused connections.
fn many_failures(times_over: &str) -> CannedBackend {
    let mut canned = CannedBackend::new();
    let mut record = record(true);
    let times =
        |count: u64, p50: u64, p95: u64| json!({"count": count, "p50_us": p50, "p95_us": p95});
    let mut block = json!({"count": 185, "ok": 50, "failed": 135, "bytes_received": 1, "bytes_sent": 1,
        "mean_us": 20_050, "p50_us": 20_015, "p95_us": 20_111});
    if times_over == "ok" {
        block["failed_times"] = times(135, 100, 200);
        block["all_times"] = times(185, 120, 20_095);
    }
    let mut label = block.clone();
    label["label"] = json!("home");
    record["summary"] = json!({"times_over": times_over, "total": block,
        "regions": {"eu-west-1": block}, "labels": [label]});
    record["errors"] = json!([{"cause": "refused", "message": "refused", "count": 135,
        "labels": {"home": 135}, "runners": {}, "first_at": 0, "last_at": 0}]);
    record["outcome"] = json!({"passed": false, "thresholds": [{"expression": "p(95)<1s",
        "observed": null, "passed": false, "reason": "none of 135 requests was answered ok"}]});
    canned.put("/scenarios/Xk29QmWz7B/testruns/p4TqL8vN2c", record);
    canned
}

fn warning<'a>(answer: &'a Value, code: &str) -> Option<&'a str> {
    let warnings = answer["warnings"].as_array()?;
    let found = warnings.iter().find(|warning| warning["code"] == code)?;
    found["message"].as_str()
}

#[test]
fn answers_say_which_requests_their_times_are_of() {
    let sentence = "response times of the 50 ok answers; 135 of 185 requests failed (refused) and \
        took p50 0.1 ms, p95 0.2 ms";
    let run = json!({"test_id": "Xk29QmWz7B", "test_run_id": "p4TqL8vN2c"});
    let canned = many_failures("ok");
    let results = answer_of(&canned, "get_results", run.clone());
    assert_eq!(warning(&results, "many_failures"), Some(sentence));
    for row in [&results["totals"], &results["labels"][0]] {
        assert_eq!(row["p50_ms"], 20.015);
        assert_eq!(
            (&row["failed_p50_ms"], &row["failed_p95_ms"]),
            (&json!(0.1), &json!(0.2))
        );
    }
    let reason = &results["outcome"]["thresholds"][0]["reason"];
    assert_eq!(reason, "none of 135 requests was answered ok");
    // Labels of one region exist in the compatible form only.
    let mut of_region = run.clone();
    of_region["region"] = json!("eu-west-1");
    let answer = answer_of(&canned, "get_results", of_region);
    assert!(
        warning(&answer, "label_times_over_all").is_some(),
        "{answer}"
    );
    // An older dlt measured all requests together.
    let older = answer_of(&many_failures("all"), "get_results", run.clone());
    let message = warning(&older, "times_over_all").unwrap();
    assert!(
        message.starts_with("response times of all 185 requests"),
        "{message}"
    );
    assert_eq!(older["totals"].get("failed_p50_ms"), None);
    // No warning about few failures.
    let few = answer_of(&CannedBackend::new(), "get_results", run.clone());
    assert_eq!(warning(&few, "many_failures"), None);
}

#[test]
fn latency_can_be_queried_of_ok_failed_or_all_requests() {
    let histogram = |of: &str, count: u64, us: u64| {
        json!({"of": of, "distribution": {"count": count, "min_us": us, "max_us": us, "p50_us": us},
            "buckets": [[us, us, count]], "over_hour": 0})
    };
    let path = "/scenarios/Xk29QmWz7B/testruns/p4TqL8vN2c/histogram";
    let mut canned = many_failures("ok");
    canned.put(path, histogram("ok", 50, 20_000));
    canned.put(&format!("{path}?of=failed"), histogram("failed", 135, 100));
    canned.put(&format!("{path}?of=all"), histogram("all", 185, 100));
    let ask = |canned: &CannedBackend, of: Option<&str>, region: Option<&str>| {
        let mut arguments = required_arguments("query_latency");
        arguments.extend(of.map(|of| ("of".to_owned(), json!(of))));
        arguments.extend(region.map(|region| ("region".to_owned(), json!(region))));
        answer_of(canned, "query_latency", Value::Object(arguments))
    };
    for (of, answered, requests, ms) in [
        (None, "ok", 50, 20.0),
        (Some("ok"), "ok", 50, 20.0),
        (Some("failed"), "failed", 135, 0.1),
        (Some("all"), "all", 185, 0.1),
    ] {
        let answer = ask(&canned, of, None);
        let row = (
            &answer["of"],
            &answer["requests"],
            &answer["percentiles"][0]["ms"],
        );
        assert_eq!(row, (&json!(answered), &json!(requests), &json!(ms)));
        assert_eq!(warning(&answer, "times_over_all"), None);
        let is_warned = warning(&answer, "many_failures").is_some();
        assert_eq!(is_warned, answered == "ok", "{answer}");
    }
    // Of a region, from stored percentiles where nothing exact is known.
    canned.fail(
        &format!("{path}?region=eu-west-1&of=failed"),
        crate::backend::BackendError::NoRoute,
    );
    let failed = ask(&canned, Some("failed"), Some("eu-west-1"));
    assert_eq!(
        (&failed["of"], &failed["requests"]),
        (&json!("failed"), &json!(135))
    );
    assert_eq!(failed["percentiles"][0], json!({"p": 50.0, "ms": 0.1}));
    // No ok answer at all.
    canned.put(path, histogram("ok", 0, 0));
    let none = ask(&canned, None, None);
    assert_eq!(
        (&none["requests"], &none["percentiles"]),
        (&json!(0), &json!([]))
    );
    assert!(warning(&none, "no_times").is_some(), "{none}");
    // A run of an older dlt has times of all requests only.
    let mut canned = many_failures("all");
    canned.put(path, histogram("all", 185, 100));
    for of in [None, Some("failed")] {
        let answer = ask(&canned, of, None);
        assert_eq!(answer["of"], "all");
        assert!(warning(&answer, "times_over_all").is_some(), "{answer}");
    }
}

#[test]
fn runs_are_listed_with_the_times_of_ok_answers() {
    let mut canned = CannedBackend::new();
    let row = json!({"testRunId": "p4TqL8vN2c", "startTime": "2026-03-01 12:00:05", "endTime": "",
        "status": "complete", "requests": 185, "errors": 135, "avgResponseTime": 5.5,
        "percentiles": {"p50": 0.12, "p95": 20.095},
        "ok_times": {"count": 50, "mean_us": 20_050, "p50_us": 20_015, "p95_us": 20_111}});
    let page = json!({"testRuns": [row], "pagination": {"limit": 20, "total_count": 1}});
    canned.put("/scenarios/Xk29QmWz7B/testruns", page);
    let answer = answer_of(&canned, "list_test_runs", json!({"test_id": "Xk29QmWz7B"}));
    let row = &answer["runs"][0];
    assert_eq!(row["avg_ms"], 20.05);
    assert_eq!(
        (&row["p50_ms"], &row["p95_ms"]),
        (&json!(20.015), &json!(20.111))
    );
}
