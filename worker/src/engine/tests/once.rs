//! Requests that are made once per run: what they give, how they end, and what is told of it.

use super::target::{Act, Target, answer};
use super::*;
use crate::engine::walk::once::{OnceResult, OnceSpec, make_once};
use dlt_core::scenario::plan::Phase;
use serde_json::{Value, json};

/// The plans of a phase of a scenario with these requests.
fn once(target: &Target, phase: Phase, requests: Value) -> Plan {
    let document = json!({
        "execution": [{ "scenario": "s", "users": 1, "hold-for": "9s" }],
        "scenarios": { "s": {
            "default-address": format!("http://{}", target.address),
            "requests": ["/load"],
            phase.name(): requests,
            phase.limit_key(): "2s",
        } },
    });
    let plan = Plan::from_document(&document.into()).unwrap_or_else(|faults| panic!("{faults}"));
    plan.alone(phase).remove(0)
}

fn make(plan: Plan, phase: Phase, limit: Duration) -> OnceResult {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap();
    runtime.block_on(make_once(OnceSpec {
        plan,
        phase,
        inputs: Arc::new(Inputs::default()),
        seed: 1,
        limit,
        targets: TargetPolicy::default(),
        proxies: EnvironmentProxies::default(),
    }))
}

const LONG: Duration = Duration::from_secs(30);

/// A target that gives a token, and says to whom it listens.
fn shop() -> Target {
    Target::new(|request, earlier| match request.path() {
        "/login" => answer("200 OK", "", r#"{"t": "t0k3n-of-setup"}"#),
        "/job" if earlier < 2 => answer("200 OK", "", r#"{"state": "open"}"#),
        "/job" => answer("200 OK", "", r#"{"state": "done"}"#),
        "/moved" => answer("302 Found", "Location: /there\r\n", ""),
        "/slow" => vec![Act::Pause(LONG)],
        path if path.contains("t0k3n-of-setup") => answer("409 Conflict", "", "no"),
        _ => answer("200 OK", "", "{}"),
    })
}

#[test]
fn what_answers_give_is_returned_and_redirects_are_counted() {
    let target = shop();
    let requests = json!([
        { "url": "/login", "extract-jsonpath": { "token": "$.t", "absent": { "jsonpath": "$.x", "default": "none" } } },
        { "url": "/job", "extract-jsonpath": { "state": "$.state" } },
        { "while": "${state} != 'done'", "do": [
            { "action": "pause", "pause-duration": "1ms" },
            { "url": "/job", "extract-jsonpath": { "state": "$.state" } },
        ] },
        "/moved",
    ]);
    let made = make(once(&target, Phase::Setup, requests), Phase::Setup, LONG);
    assert_eq!(made.facts.failure, None);
    assert_eq!(made.facts.requests, 6);
    let values: Vec<(&str, &str)> = made
        .values
        .iter()
        .map(|(name, value)| (name.as_str(), value.as_str()))
        .collect();
    let expected = [
        ("absent", "none"),
        ("state", "done"),
        ("token", "t0k3n-of-setup"),
    ];
    assert_eq!(values, expected);
    assert_eq!((target.count("/job"), target.count("/there")), (3, 1));
    assert_eq!(target.count("/load"), 0);
}

/// Setup ends with its first failure, teardown goes on; neither tells a value.
#[test]
fn a_failure_names_its_request_and_no_value() {
    for (phase, sent) in [(Phase::Setup, 2), (Phase::Teardown, 3)] {
        let target = shop();
        let requests = json!([
            { "url": "/login", "extract-jsonpath": { "token": "$.t" } },
            { "url": "/as/${token}", "label": "as ${token}", "assert": ["yes"] },
            "/after",
        ]);
        let made = make(once(&target, phase, requests), phase, LONG);
        let told = made.facts.failure.clone().unwrap();
        let name = phase.name();
        assert!(told.starts_with("request 2 (as {token})"), "{told}");
        assert!(
            told.contains(&format!("{name} of scenario s")) && told.contains("409"),
            "{told}"
        );
        assert!(!told.contains("t0k3n"), "{told}");
        assert_eq!(made.facts.requests, sent);
        assert_eq!(target.count("/after"), u64::from(phase == Phase::Teardown));
    }
}

#[test]
fn a_check_or_a_value_that_is_not_there_is_a_failure() {
    for (request, word) in [
        (json!({ "url": "/x", "assert": ["never"] }), "never"),
        (
            json!({ "url": "/x", "extract-jsonpath": { "id": "$.id" } }),
            "id",
        ),
        (
            json!({ "url": "http://127.0.0.1:1/", "label": "nobody" }),
            "refuse",
        ),
    ] {
        let target = shop();
        let made = make(
            once(&target, Phase::Setup, json!([request])),
            Phase::Setup,
            LONG,
        );
        let told = made.facts.failure.unwrap();
        assert!(told.contains("request 1") && told.contains(word), "{told}");
    }
}

#[test]
fn a_walk_ends_with_its_limit() {
    let target = shop();
    let requests = json!(["/x", "/slow", "/after"]);
    let limit = Duration::from_millis(300);
    let made = make(
        once(&target, Phase::Teardown, requests),
        Phase::Teardown,
        limit,
    );
    let told = made.facts.failure.unwrap();
    assert!(
        told.contains("was not over after 300ms (teardown-timeout)"),
        "{told}"
    );
    assert!(told.contains("request 2 (GET /slow)"), "{told}");
    assert_eq!(target.count("/after"), 0);
}
