//! What dlt answers beyond the contract, against its own document.

use dlt_tests::documents::{Document, Operation};
use dlt_tests::recorder::Recorder;
use dlt_tests::up::Service;
use serde_json::{Value, json};

/// Asks for the parts of a run, for files and for the document itself, and
/// expects that with what was asked before nothing of it is left out.
pub fn asked_for(recorder: &Recorder, server: &Service<'_>, test: &str, run: &str) {
    parts(
        recorder,
        server,
        &format!("/scenarios/{test}/testruns/{run}"),
    );
    files(recorder, server, &format!("/scenarios/{test}/files"));
    for empty in [
        "/agent-spaces",
        &format!("/scenarios/{test}/testruns/{run}/investigations"),
    ] {
        assert_eq!(recorder.get(server, empty), json!([]), "{empty}");
    }
    let served = recorder.get(server, "/openapi.json");
    assert!(
        served == Document::ours().root,
        "the document that is served is another"
    );
}

/// Two runs held against each other: too short for more than that.
pub fn compared(recorder: &Recorder, server: &Service<'_>, test: &str, base: &str, run: &str) {
    let path = format!("/scenarios/{test}/testruns/{run}/compare?with={base}");
    let comparison = recorder.get(server, &path);
    assert_eq!(comparison["base"]["test_run_id"], base);
    assert_eq!(comparison["candidate"]["test_run_id"], run);
    assert_eq!(comparison["verdict"], "incomparable");
}

/// A load is told to end as soon as there is one, long before its plan.
pub fn load_ended(recorder: &Recorder, server: &Service<'_>, test: &str, started: &Value) {
    let run = started["testRunId"].as_str().unwrap_or_default();
    let path = format!("/scenarios/{test}/testruns/{run}/load");
    let patience = std::time::Duration::from_secs(60);
    let changes = dlt_tests::patience::until("there is a load", patience, || {
        let reply = recorder.ask(server, "POST", &path, Some(&json!({ "end": true })));
        (reply.status == 200).then(|| reply.json())
    });
    assert_eq!(changes["changes"][0]["end"], true, "{changes}");
}

/// Every operation but the stream of live data was answered with success.
pub fn all_seen(recorder: &Recorder) {
    for document in recorder.documents() {
        let mut left = recorder.not_seen(document);
        left.retain(|operation: &Operation| !operation.template.ends_with("/live"));
        assert_eq!(left, Vec::new(), "{}", document.name);
    }
}

/// A row says what the run's own results say, by DLT's formulas (openapi, `TestRunSummary`).
pub fn agrees_with_results(recorder: &Recorder, server: &Service<'_>, row: &Value) {
    let run = row["testRunId"].as_str().unwrap_or_default();
    let record = recorder.get(server, &format!("/scenarios/life1/testruns/{run}"));
    let total = &record["results"]["total"];
    let seconds = crate::service::number(&total["testDuration"]).max(1.0);
    let same = |shown: &Value, expected: f64| {
        let shown = shown.as_f64().unwrap_or(0.0);
        assert!(
            (shown - expected).abs() < 1e-6,
            "{shown} is not {expected}: {row}"
        );
    };
    let requests = total["throughput"].as_f64().unwrap_or(f64::NAN);
    same(&row["requestsPerSecond"], requests / seconds);
    same(
        &row["avgBandwidth"],
        crate::service::number(&total["bytes"]) / seconds,
    );
    same(
        &row["avgResponseTime"],
        crate::service::number(&total["avg_rt"]) * 1e3,
    );
    for (name, key) in [
        ("p0", "p0_0"),
        ("p50", "p50_0"),
        ("p95", "p95_0"),
        ("p100", "p100_0"),
    ] {
        same(
            &row["percentiles"][name],
            crate::service::number(&total[key]) * 1e3,
        );
    }
    let exact = &record["summary"]["total"];
    assert_eq!(row["ok_times"]["p95_us"], exact["p95_us"]);
    assert_eq!(row["coverage"]["complete"], true);
    assert_eq!(row["outcome"]["word"], record["outcome"]["word"]);
}

/// Run once, later.
pub fn scheduled(recorder: &Recorder, server: &Service<'_>, mut body: Value) {
    body["scheduleStep"] = json!("start");
    body["scheduleDate"] = json!("2099-01-02");
    body["scheduleTime"] = json!("22:30");
    body["scheduleTimezone"] = json!("Europe/Berlin");
    let posted = recorder.ask(server, "POST", "/scenarios", Some(&body));
    assert_eq!(posted.status, 200, "{}", posted.json());
    let scenario = recorder.get(server, "/scenarios/life1");
    let shown =
        ["status", "scheduleDate", "scheduleTime", "scheduleTimezone"].map(|key| &scenario[key]);
    assert_eq!(shown, ["scheduled", "2099-01-02", "22:30", "Europe/Berlin"]);
}

fn parts(recorder: &Recorder, server: &Service<'_>, run: &str) {
    let record = recorder.get(server, run);
    let sent = &record["account"]["sent"];
    let timeline = recorder.get(server, &format!("{run}/timeline"));
    let seconds = timeline["regions"].as_object().into_iter().flatten();
    let told: u64 = seconds
        .flat_map(|(_, seconds)| seconds.as_array().into_iter().flatten())
        .filter_map(|second| second["sent"].as_u64())
        .sum();
    assert_eq!(*sent, told, "the timeline adds up to the account");
    parts_of_timeline(recorder, server, run, &timeline, &record);
    runners(recorder, server, run, &record);
    note(recorder, server, run);
    let histogram = recorder.get(server, &format!("{run}/histogram"));
    assert_eq!(
        histogram["distribution"]["count"],
        record["summary"]["total"]["count"]
    );
    let label = record["summary"]["labels"][0]["label"]
        .as_str()
        .unwrap_or_default();
    let label = label.replace('/', "%2F").replace(' ', "%20");
    recorder.get(server, &format!("{run}/histogram?label={label}"));
    assert_eq!(
        recorder.get(server, &format!("{run}/errors")),
        json!({"errors": []})
    );
    let artifacts = recorder.get(server, &format!("{run}/artifacts"));
    let name = artifacts["artifacts"][0]["name"]
        .as_str()
        .unwrap_or_default();
    let bytes = server.ask("GET", &format!("{run}/artifacts?name={name}"), None);
    assert_eq!(
        bytes.header("content-type"),
        Some("application/octet-stream")
    );
    assert_eq!(artifacts["artifacts"][0]["bytes"], bytes.body.len());
}

fn files(recorder: &Recorder, server: &Service<'_>, files: &str) {
    assert_eq!(recorder.get(server, files), json!({"files": []}));
    let ask = |method: &str, path: &str, body: Value| {
        let body = Some(body).filter(|body| !body.is_null());
        let reply = recorder.ask(server, method, path, body.as_ref());
        assert_eq!(reply.status, 200, "{method} {path}: {}", reply.json());
        reply.json()
    };
    let place = ask("POST", files, json!({"name": "body one.json"}));
    assert_eq!(
        (&place["method"], &place["name"]),
        (&json!("PUT"), &json!("body one.json"))
    );
    let one = format!("{files}/body%20one.json");
    let sent = ask("PUT", &one, json!({"sku": "A-17"}));
    assert_eq!(sent["bytes"], r#"{"sku":"A-17"}"#.len());
    assert_eq!(recorder.get(server, files)["files"], json!([sent]));
    assert_eq!(ask("DELETE", &one, Value::Null), json!("success"));
    assert_eq!(recorder.get(server, files), json!({"files": []}));
}

/// A row of a scenario tells how its last run went.
pub fn last_run(recorder: &Recorder, server: &Service<'_>, test: &str, run: &str) {
    let record = recorder.get(server, &format!("/scenarios/{test}/testruns/{run}"));
    let rows = recorder.get(server, "/scenarios");
    let rows = rows["Items"].as_array().cloned().unwrap_or_default();
    let row = rows.iter().find(|row| row["testId"] == test);
    let row = row.unwrap_or_else(|| panic!("{test} is not listed"));
    let last = &row["last_run"];
    assert_eq!(last["run_id"], run, "{row}");
    assert_eq!(last["word"], record["outcome"]["word"]);
    assert_eq!(last["trust"], record["verdict"]["trust"]);
    assert_eq!(last["p95_us"], record["summary"]["total"]["p95_us"]);
    assert_eq!(last["at"], record["endTime"]);
    assert_eq!(row["failures_in_a_row"], 0);
}

/// Windows and steps of the timeline add up to the whole of it.
fn parts_of_timeline(
    recorder: &Recorder,
    server: &Service<'_>,
    run: &str,
    whole: &Value,
    record: &Value,
) {
    let count = |timeline: &Value, key: &str| -> u64 {
        let rows = timeline["total"].as_array().into_iter().flatten();
        rows.filter_map(|row| row[key].as_u64()).sum()
    };
    let sent = record["account"]["sent"].as_u64().unwrap_or(0);
    assert_eq!(count(whole, "sent"), sent);
    assert_eq!(whole["labels"], json!([]), "labels are asked for");
    let ask = |query: &str| recorder.get(server, &format!("{run}/timeline?{query}"));
    let parts = [ask("to_s=1"), ask("from_s=1&step_s=60")];
    let of_parts: u64 = parts.iter().map(|part| count(part, "sent")).sum();
    assert_eq!(of_parts, sent);
    assert!(
        parts[1]["total"]
            .as_array()
            .is_some_and(|rows| rows.len() == 1)
    );
    let label = record["summary"]["labels"][0]["label"]
        .as_str()
        .unwrap_or_default();
    let label = label.replace('/', "%2F").replace(' ', "%20");
    let labelled = ask(&format!("label={label}&step_s=3600"));
    assert_eq!(
        labelled["labels"][0]["seconds"][0]["ok"],
        record["summary"]["labels"][0]["ok"]
    );
    let refused = |query: &str| {
        server
            .ask("GET", &format!("{run}/timeline?{query}"), None)
            .status
    };
    assert_eq!(refused("label=nobody"), 404);
    assert_eq!(refused("step_s=0"), 400);
}

/// The runners of a run that is over, each with what it reported.
fn runners(recorder: &Recorder, server: &Service<'_>, run: &str, record: &Value) {
    let answer = recorder.get(server, &format!("{run}/runners"));
    let rows = answer["runners"].as_array().cloned().unwrap_or_default();
    assert_eq!(record["coverage"]["runners_reported"], rows.len());
    for row in &rows {
        assert_eq!(row["state"], "finished", "{row}");
        assert!(row["memory_bytes"].as_u64() > Some(0), "{row}");
        assert!(row["cpu_pct"].as_f64() > Some(0.0), "{row}");
        assert!(row["skew_us"].is_i64(), "{row}");
    }
    let leaders = rows.iter().filter(|row| row["role"] == "leader");
    let regions: Vec<&Value> = leaders.map(|row| &row["region"]).collect();
    assert_eq!(regions, ["lo-home-1", "lo-home-2"], "one leader a region");
}

/// A note is kept as it was written, shown with the run, and taken back.
fn note(recorder: &Recorder, server: &Service<'_>, run: &str) {
    let put = |note: &Value| recorder.ask(server, "PUT", &format!("{run}/note"), Some(note));
    let hostile = "<img onerror=alert(1)> \u{202e}after the new index\nsecond line";
    let kept = put(&json!({ "note": format!("  {hostile}\r\n") }));
    assert_eq!((kept.status, &kept.json()["note"]), (200, &json!(hostile)));
    assert_eq!(recorder.get(server, run)["note"], hostile);
    let runs = recorder.get(server, run.rsplit_once('/').map_or("", |parts| parts.0));
    let rows = runs["testRuns"].as_array().into_iter().flatten();
    let noted = rows.filter(|row| row["note"] == hostile).count();
    assert_eq!(noted, 1, "its row has it, and no other");
    for bad in [
        json!({}),
        json!({ "note": 7 }),
        json!({ "note": "a\u{1b}[31m" }),
        json!({ "note": "a".repeat(4_001) }),
        json!({ "note": "é".repeat(2_001) }),
        json!({ "note": "a", "author": "b" }),
    ] {
        let refused = server.ask("PUT", &format!("{run}/note"), Some(&bad));
        assert_eq!(refused.status, 400, "{bad}");
    }
    assert_eq!(recorder.get(server, run)["note"], hostile);
    assert_eq!(put(&json!({ "note": "" })).json(), json!({ "note": "" }));
    assert_eq!(recorder.get(server, run).get("note"), None);
}
