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

/// Every operation but the stream of live data was answered with success.
pub fn all_seen(recorder: &Recorder) {
    for document in recorder.documents() {
        let mut left = recorder.not_seen(document);
        left.retain(|operation: &Operation| !operation.template.ends_with("/live"));
        assert_eq!(left, Vec::new(), "{}", document.name);
    }
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
