//! `websocket` and `events` among requests: the operations that they become, and what is refused.

use crate::scenario::plan::{Message, Operation, StepKind, StreamKind};
use crate::scenario::tests::{defaults, files};
use crate::scenario::{Format, Outside, Purpose, Scenario};
use serde_json::json;

fn read_scenario(scenario: serde_json::Value) -> Result<Scenario, Vec<String>> {
    let body = json!({ "testScenario": {
        "execution": [{ "users": 2, "hold-for": "9s" }],
        "scenarios": { "s": scenario },
    } });
    let outside = Outside::files(&files);
    let text = body.to_string();
    let read = Scenario::from_text(
        text.as_bytes(),
        Format::Json,
        &defaults(),
        outside,
        Purpose::Run,
    );
    read.map_err(|faults| {
        let faults = faults.0.into_iter();
        let told = faults.map(|fault| format!("{}: {}", fault.path, fault.reason));
        told.map(|told| told.replace("testScenario.scenarios.s.requests", "r"))
            .collect()
    })
}

fn read(requests: serde_json::Value) -> Result<Scenario, Vec<String>> {
    read_scenario(json!({
        "default-address": "https://h", "variables": { "a": "1" }, "requests": requests,
    }))
}

#[test]
fn a_stream_becomes_operations() {
    use Operation::*;
    let scenario = read(json!([
        { "websocket": [
            { "url": "/chat", "label": "chat" },
            { "send": "a=${a}", "holding": "b" },
            { "receive": 3, "label": "push" },
            { "send": "bye", "receive": 0, "think-time": "1s" },
        ] },
        "/after",
    ]))
    .unwrap();
    let group = &scenario.plan.groups[0];
    assert_eq!(
        group.flow.operations,
        [
            Request(0),
            UnlessOpen(12),
            Request(1),
            UnlessOpen(12),
            Count {
                counter: 0,
                times: 3
            },
            Counted { counter: 0, end: 9 },
            Request(2),
            UnlessOpen(12),
            Again(5),
            Request(3),
            UnlessOpen(12),
            Close(0),
            Request(4),
        ]
    );
    assert_eq!(group.flow.requests, None);
    let kinds: Vec<&StepKind> = group.steps.iter().map(|step| &step.kind).collect();
    let message = |sends, awaits, holding: Option<&str>| {
        StepKind::Message(Message {
            opening: 0,
            sends,
            awaits,
            holding: holding.map(str::to_owned),
        })
    };
    assert_eq!(
        kinds,
        [
            &StepKind::Opening(StreamKind::WebSocket),
            &message(true, true, Some("b")),
            &message(false, true, None),
            &message(true, false, None),
            &StepKind::Request,
        ]
    );
    let labels: Vec<&str> = group.steps.iter().map(|step| step.label.as_str()).collect();
    assert_eq!(
        labels,
        ["chat", "chat send", "push", "chat send", "GET /after"]
    );
    let header = |name: &str| {
        let headers = group.steps[0].headers.iter();
        headers
            .clone()
            .find(|row| row.0 == name)
            .map(|row| row.1.as_str())
    };
    assert_eq!(header("Upgrade"), Some("websocket"));
    assert_eq!(group.steps[0].url.as_str(), "https://h/chat");
}

#[test]
fn its_url_may_have_the_scheme_of_websockets() {
    for (url, read_as) in [
        ("ws://h:1/a", "http://h:1/a"),
        ("wss://h/a", "https://h/a"),
        ("http://h/a", "http://h/a"),
    ] {
        let scenario = read(json!([{ "websocket": [url, { "receive": 1 }] }])).unwrap();
        assert_eq!(scenario.plan.groups[0].steps[0].url.as_str(), read_as);
    }
    let told = read(json!([{ "events": ["wss://h/a", { "receive": 1 }] }])).unwrap_err();
    assert!(
        told[0].starts_with("r[0].events[0]: must start with http://"),
        "{told:?}"
    );
}

fn refused(requests: &serde_json::Value, told: &str) {
    let faults = read(requests.clone()).unwrap_err();
    let is_told = faults.iter().any(|fault| fault.starts_with(told));
    assert!(is_told, "{requests}: {faults:?}");
}

#[test]
fn what_cannot_be_is_refused_with_its_path() {
    let ws = |entries: serde_json::Value| json!([{ "websocket": entries }]);
    for (requests, told) in [
        (ws(json!([])), "r[0].websocket: must have at least 1 item"),
        (
            ws(json!([{ "send": "a" }])),
            "r[0].websocket[0]: must be the request that opens the WebSocket",
        ),
        (
            ws(json!(["/", {}])),
            "r[0].websocket[1]: neither sends nor receives",
        ),
        (
            ws(json!(["/", { "url": "/a" }])),
            "r[0].websocket[1]: is a request inside of a WebSocket",
        ),
        (
            ws(json!(["/", { "send": "a", "receive": 2 }])),
            "r[0].websocket[1].receive: is more than one answer",
        ),
        (
            ws(json!(["/", { "receive": 0 }])),
            "r[0].websocket[1].receive: is 0",
        ),
        (
            ws(json!(["/", { "send": "a", "send-file": "b" }])),
            "r[0].websocket[1].send-file: says the same as send",
        ),
        (
            ws(json!(["/", { "send": "a", "receive": 0, "holding": "b" }])),
            "r[0].websocket[1]: looks at a message that it does not wait for",
        ),
        (
            ws(
                json!(["/", { "receive": 1, "assert": [{ "contains": ["2"], "subject": "http-code" }] }]),
            ),
            "r[0].websocket[1]: looks at headers or a status",
        ),
        (
            ws(json!(["/", { "send": "${b}" }])),
            "r[0].websocket[1].send: ",
        ),
        (
            ws(json!(["/", { "sned": "a", "receive": 1 }])),
            "r[0].websocket[1].sned: unknown key",
        ),
    ] {
        refused(&requests, told);
    }
}

#[test]
fn what_cannot_open_a_stream_is_refused() {
    let ws = |entries: serde_json::Value| json!([{ "websocket": entries }]);
    let events = |entries: serde_json::Value| json!([{ "events": entries }]);
    for (requests, told) in [
        (
            ws(json!([{ "url": "/", "method": "POST" }, { "receive": 1 }])),
            "r[0].websocket[0]: opens a WebSocket, which is done by GET",
        ),
        (
            ws(json!([{ "url": "/", "assert": ["a"] }, { "receive": 1 }])),
            "r[0].websocket[0].assert: does not go with the request that opens",
        ),
        (
            ws(json!([{ "url": "/", "headers": { "Sec-WebSocket-Key": "x" } }, { "receive": 1 }])),
            "r[0].websocket[0]: has the header Sec-WebSocket-Key",
        ),
        (
            ws(json!(["/", { "websocket": ["/", { "receive": 1 }] }])),
            "r[0].websocket[1].websocket: is inside of another WebSocket",
        ),
        (
            events(json!(["/", { "send": "a" }])),
            "r[0].events[1].send: is not possible",
        ),
        (
            events(json!(["/", {}])),
            "r[0].events[1]: waits for nothing",
        ),
        (json!([{ "send": "a" }]), "r[0].send: unknown key"),
    ] {
        refused(&requests, told);
    }
    let told = read_scenario(json!({
        "http": 2, "requests": [{ "events": ["http://h/", { "receive": 1 }] }],
    }))
    .unwrap_err();
    assert!(
        told[0].contains("http: is 2, and streams of messages"),
        "{told:?}"
    );
}

#[test]
fn a_websocket_outside_of_its_block_is_told_where_it_belongs() {
    let told = read(json!(["wss://h/chat"])).unwrap_err();
    assert!(
        told[0].contains("opened by the block websocket"),
        "{told:?}"
    );
}

/// What holds of requests holds of messages in blocks.
#[test]
fn messages_stand_in_blocks_and_extract_values() {
    let scenario = read(json!([{ "websocket": [
        "/",
        { "transaction": "t", "do": [
            { "send": "x", "extract-regexp": { "found": "(.)" } },
            { "if": "${found} == 'x'", "then": [{ "send": "${found}" }] },
        ] },
    ] }]))
    .unwrap();
    let flow = &scenario.plan.groups[0].flow;
    assert_eq!(flow.transactions.len(), 1);
    assert!(matches!(flow.operations.last(), Some(Operation::Close(0))));
}

/// A key that another makes idle is told, and one that is for another kind of scenario is refused.
#[test]
fn keys_without_effect_are_told() {
    let read = |execution: serde_json::Value, scenario: serde_json::Value| {
        let body =
            json!({ "testScenario": { "execution": [execution], "scenarios": { "s": scenario } } });
        let outside = Outside::files(&files);
        let text = body.to_string();
        Scenario::from_text(
            text.as_bytes(),
            Format::Json,
            &defaults(),
            outside,
            Purpose::Run,
        )
    };
    let load = json!({ "users": 2, "hold-for": "9s" });
    let plain = json!({ "requests": ["http://h/"] });
    let with = |key: &str, value: serde_json::Value| {
        let mut scenario = plain.clone();
        scenario[key] = value;
        scenario
    };
    for (execution, scenario, words) in [
        (
            load.clone(),
            with("streams", json!(10)),
            "streams: has no effect",
        ),
        (
            load.clone(),
            with(
                "connection-policy",
                json!({ "reuse": "request", "max-age": "9s" }),
            ),
            "max-age: has no effect",
        ),
        (
            json!({ "users": 3, "concurrency": 7, "hold-for": "9s" }),
            plain.clone(),
            "concurrency: has no effect",
        ),
    ] {
        let scenario = read(execution, scenario).unwrap();
        assert!(
            scenario.warnings[0].contains(words),
            "{:?}",
            scenario.warnings
        );
    }
    for quiet in [
        json!({ "requests": ["https://h/"], "streams": 10 }),
        json!({ "requests": ["http://h/", "https://h/"], "streams": 10 }),
        json!({ "requests": ["http://h/"], "streams": 10, "http": 2 }),
        json!({ "requests": ["http://h/"], "streams": 1 }),
    ] {
        let scenario = read(load.clone(), quiet).unwrap();
        assert!(scenario.warnings.is_empty(), "{:?}", scenario.warnings);
    }
    let ended = json!({ "users": 2, "hold-for": "9s", "end-after": "1s" });
    let faults = read(ended, plain.clone()).unwrap_err().to_string();
    assert!(
        faults.contains("end-after") && faults.contains("hold-for"),
        "{faults}"
    );
}
