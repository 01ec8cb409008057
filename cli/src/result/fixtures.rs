//! Run records of several kinds, for tests of what is shown.

use dlt_core::record::RunRecord;
use serde_json::{Value, json};

/// A block with percentiles spread around `p50_us`.
fn block(label: Option<&str>, ok: u64, failed: u64, p50_us: u64) -> Value {
    let mut block = json!({
        "count": ok + failed, "ok": ok, "failed": failed,
        "bytes_received": (ok + failed) * 214, "bytes_sent": (ok + failed) * 96,
        "min_us": p50_us / 3, "max_us": p50_us * 9, "mean_us": p50_us * 5 / 4, "stdev_us": p50_us,
        "p50_us": p50_us, "p75_us": p50_us * 3 / 2, "p90_us": p50_us * 2, "p95_us": p50_us * 3,
        "p99_us": p50_us * 4, "p99_9_us": p50_us * 6, "p99_99_us": p50_us * 8,
    });
    if failed > 0 {
        // Refused connections are fast.
        let times = |count: u64, us: u64| {
            json!({
                "count": count, "min_us": us / 3, "max_us": us * 9, "mean_us": us * 5 / 4,
                "stdev_us": us, "p50_us": us, "p75_us": us * 3 / 2, "p90_us": us * 2,
                "p95_us": us * 3, "p99_us": us * 4, "p99_9_us": us * 6, "p99_99_us": us * 8,
            })
        };
        block["failed_times"] = times(failed, 100);
        block["all_times"] = times(ok + failed, p50_us / 2);
    }
    if ok == 0 {
        let fields = block.as_object_mut().into_iter().flatten();
        let times = fields.filter(|field| field.0.ends_with("_us"));
        times.for_each(|field| *field.1 = json!(null));
    }
    if let Some(label) = label {
        block["label"] = json!(label);
    }
    block
}

/// A demo-like run: trusted, passed.
pub fn passed() -> Value {
    let mut total = block(None, 1_975, 25, 5_900);
    total["lag"] = json!({
        "count": 2_000, "min_us": 2, "max_us": 2_410, "mean_us": 90, "stdev_us": 80,
        "p50_us": 81, "p75_us": 130, "p90_us": 220, "p95_us": 260, "p99_us": 640,
        "p99_9_us": 1_900, "p99_99_us": 2_410,
    });
    json!({
        "testId": "Xk29QmWz7B", "testRunId": "p4TqL8vN2c",
        "testName": "demo shop", "testDescription": "A walk through the shop",
        "testType": "simple", "status": "complete",
        "startTime": "2026-03-04 09:15:02", "endTime": "2026-03-04 09:15:14",
        "testTaskConfigs": [{ "region": "lo-home-1", "taskCount": 4 }],
        "testScenario": { "scenarios": { "walk": { "requests": [
            { "url": "http://127.0.0.1:8080/" },
        ] } } },
        "results": { "total": { "testDuration": "10" } },
        "completeTasks": { "lo-home-1": 4 },
        "outcome": { "passed": true, "thresholds": [
            { "expression": "p(95)<250ms", "observed": "171.2ms", "passed": true },
            { "expression": "error_rate<3%", "observed": "1.25%", "passed": true },
        ] },
        "verdict": { "trust": "trusted", "reasons": [] },
        "account": {
            "scheduled": 2_000, "dropped": 0, "sent": 2_000, "ok": 1_975, "failed": 25,
            "unfinished": 0, "balanced": true,
        },
        "coverage": {
            "complete": true, "runners_expected": 4, "runners_reported": 4,
            "missing": [], "missing_intervals": 0,
        },
        "start": {
            "start_at": 1_772_615_703_000_000_u64, "skew_p50_us": 310, "skew_p99_us": 1_180,
            "skew_max_us": 1_180, "clock_error_us": 45,
        },
        "load": { "model": "open", "arrivals": 40.0, "planned": [[0, 40.0]] },
        "summary": {
            "times_over": "ok",
            "total": total,
            "regions": { "lo-home-1": block(None, 1_975, 25, 5_900) },
            "labels": [
                block(Some("/products/{id}"), 800, 0, 5_400),
                block(Some("/"), 400, 0, 2_300),
                block(Some("/cart"), 400, 0, 150_000),
                block(Some("/checkout"), 375, 25, 25_800),
            ],
        },
        "errors": [{
            "cause": "status-5xx", "code": "503",
            "message": "the target answered 503 Service Unavailable", "count": 25,
            "labels": { "/checkout": 25 }, "runners": { "lo-home-1-1": 7, "lo-home-1-2": 18 },
            "first_at": 1_772_615_703_200_u64, "last_at": 1_772_615_712_900_u64,
            "exchanges": [{
                "request": "POST /checkout HTTP/1.1\r\nhost: 127.0.0.1\r\n\r\n",
                "response": "HTTP/1.1 503 Service Unavailable\r\ncontent-length: 45\r\n\r\n<h1>",
            }],
        }],
    })
}

/// A host name with several addresses.
pub fn several_addresses() -> Value {
    let mut record = passed();
    record["generator"] = json!({
        "addresses": [
            ["192.0.2.7:443", 667], ["192.0.2.8:443", 667], ["[2001:db8::7]:443", 666],
        ],
        "http_versions": [["1.1", 2_000]],
    });
    record
}

/// A host name with more addresses than are shown.
pub fn many_addresses() -> Value {
    let mut record = passed();
    let mut addresses: Vec<(String, u64)> = (0..64)
        .map(|n| (format!("198.51.100.{n}:80"), 20))
        .collect();
    addresses.push(("other".to_owned(), 720));
    record["generator"] = json!({ "addresses": addresses, "http_versions": [["1.1", 2_000]] });
    record
}

/// The same with a threshold that does not hold.
pub fn threshold_failed() -> Value {
    let mut record = passed();
    record["outcome"]["passed"] = json!(false);
    record["outcome"]["thresholds"][0] =
        json!({ "expression": "p(95)<100ms", "observed": "171.2ms", "passed": false });
    record
}

/// Two regions, one runner late.
pub fn degraded() -> Value {
    let mut record = passed();
    record["outcome"]["thresholds"] = json!([]);
    record["summary"]["regions"] = json!({
        "lo-home-1": block(None, 990, 10, 5_700), "lo-home-2": block(None, 985, 15, 6_100),
    });
    record["verdict"] = json!({ "trust": "degraded", "reasons": [{
        "code": "lag", "trust": "degraded",
        "message": "requests left late: lag p99 is 12.4 ms, over the limit of 5 ms; give this runner more CPU or lower the load",
        "runners": ["lo-home-2-1"], "from_s": 3, "to_s": 5,
    }] });
    record["warnings"] =
        json!(["testScenario.execution[0].hold-fro: unknown key, kept but not used"]);
    record
}

/// A runner was killed.
pub fn incomplete() -> Value {
    let mut record = passed();
    record["status"] = json!("failed");
    record["errorReason"] =
        json!("1 of 4 runners was lost and the healthy threshold is 90 %: lo-home-1-3");
    record["outcome"]["passed"] = json!(false);
    record["outcome"]["reason"] = record["errorReason"].clone();
    record["coverage"] = json!({
        "complete": false, "runners_expected": 4, "runners_reported": 3,
        "missing": ["lo-home-1-3"], "missing_intervals": 10,
    });
    record["verdict"] = json!({ "trust": "degraded", "reasons": [{
        "code": "intervals", "trust": "degraded",
        "message": "10 seconds of 1 runner are missing", "runners": ["lo-home-1-3"],
    }] });
    record
}

/// Nothing listens.
pub fn refused() -> Value {
    let mut record = passed();
    record["status"] = json!("failed");
    let reason =
        "the target answered nothing for the first 5 s of load: connection refused (refused)";
    record["errorReason"] = json!(reason);
    record["outcome"] =
        json!({ "passed": false, "reason": reason, "could_not_run": true, "thresholds": [] });
    record["account"] = json!({
        "scheduled": 250, "dropped": 0, "sent": 250, "ok": 0, "failed": 250,
        "unfinished": 0, "balanced": true,
    });
    record["summary"] = json!({
        "times_over": "ok", "total": block(None, 0, 250, 120), "regions": {}, "labels": [block(Some("/"), 0, 250, 120)],
    });
    record["errors"] = json!([{
        "cause": "refused", "message": "127.0.0.1:9 refused the connection", "count": 250,
        "labels": { "/": 250 }, "runners": { "lo-home-1-1": 250 },
        "first_at": 1_772_615_703_200_u64, "last_at": 1_772_615_707_900_u64,
    }]);
    record["results"] = json!({ "total": { "testDuration": "5" } });
    record
}

/// A target that refuses most connections: 50 answers, 135 refusals, three thresholds.
pub fn many_failures() -> Value {
    let mut record = passed();
    record["load"] = json!({ "model": "closed", "users": 5, "planned": [[0, 5.0]] });
    record["outcome"] = json!({ "passed": false, "thresholds": [
        { "expression": "p(50)<10ms", "observed": "20.1ms", "passed": false },
        { "expression": "all.p(50)<10ms", "observed": "0.1ms", "passed": true },
        { "expression": "pay: avg<1s", "observed": null, "passed": false,
          "reason": "none of 35 requests was answered ok, and times are of ok answers" },
    ] });
    record["account"] = json!({
        "scheduled": 185, "dropped": 0, "sent": 185, "ok": 50, "failed": 135,
        "unfinished": 0, "balanced": true,
    });
    record["summary"] = json!({
        "times_over": "ok", "loaded_us": 10_000_000, "total": block(None, 50, 135, 20_100),
        "regions": {},
        "labels": [block(Some("home"), 50, 100, 20_100), block(Some("pay"), 0, 35, 100)],
    });
    record["errors"] = json!([{
        "cause": "refused", "message": "127.0.0.1:9 refused the connection", "count": 135,
        "labels": { "home": 100, "pay": 35 }, "runners": { "lo-home-1-1": 135 },
        "first_at": 1_772_615_703_200_u64, "last_at": 1_772_615_707_900_u64,
    }]);
    record
}

/// The same, from a dlt that measured all requests together.
pub fn many_failures_of_older_dlt() -> Value {
    let mut record = many_failures();
    record["summary"] = json!({
        "loaded_us": 10_000_000, "total": block(None, 50, 135, 140), "regions": {}, "labels": [],
    });
    if let Some(total) = record["summary"]["total"].as_object_mut() {
        total.retain(|name, _| name != "failed_times" && name != "all_times");
    }
    record
}

/// Stopped by Ctrl-C after four seconds.
pub fn cancelled() -> Value {
    let mut record = passed();
    record["status"] = json!("cancelled");
    record["outcome"] = json!({ "passed": false, "reason": "stopped by Ctrl-C", "thresholds": [] });
    record["account"] = json!({
        "scheduled": 806, "dropped": 0, "sent": 806, "ok": 798, "failed": 6,
        "unfinished": 2, "balanced": true,
    });
    record["results"] = json!({ "total": { "testDuration": "4" } });
    record["summary"]["total"] = block(None, 798, 6, 5_800);
    record
}

/// A target whose texts contain control characters.
pub fn hostile() -> Value {
    let mut record = passed();
    let evil = "\u{1b}[2J\u{1b}]0;owned\u{7}\r\n\u{202e}rtl\u{9b}31m";
    record["testName"] = json!(evil);
    record["warnings"] = json!([evil]);
    record["summary"]["labels"][0]["label"] = json!(format!("/{evil}{}", "x".repeat(10_000)));
    record["errors"][0]["message"] = json!(evil.repeat(40));
    record["generator"] = json!({ "addresses": [[evil, 1], [evil.repeat(9), 1]] });
    record["errors"][0]["labels"] = json!({ evil: 25 });
    record["errors"][0]["exchanges"][0]["response"] = json!(evil);
    record["outcome"]["thresholds"][0]["expression"] = json!(evil);
    record
}

/// The value as a record.
pub fn record(value: Value) -> RunRecord {
    serde_json::from_value(value).expect("a run record")
}
