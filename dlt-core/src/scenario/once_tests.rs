//! `setup` and `teardown` of scenarios: what they become, which variables they give, and what is refused.

use crate::scenario::plan::{Phase, ScenarioValues};
use crate::scenario::tests::{defaults, files};
use crate::scenario::{Format, Outside, Purpose, Scenario};
use serde_json::{Value, json};
use std::collections::BTreeMap;

fn read_body(plan: Value) -> Result<Scenario, Vec<String>> {
    let text = json!({ "testScenario": plan }).to_string();
    let read = Scenario::from_text(
        text.as_bytes(),
        Format::Json,
        &defaults(),
        Outside::files(&files),
        Purpose::Run,
    );
    read.map_err(|faults| {
        let faults = faults.0.into_iter();
        let told = faults.map(|fault| format!("{}: {}", fault.path, fault.reason));
        told.map(|told| told.replace("testScenario.scenarios.s.", ""))
            .collect()
    })
}

fn read(scenario: Value) -> Result<Scenario, Vec<String>> {
    read_body(json!({
        "execution": [{ "users": 2, "hold-for": "9s" }],
        "scenarios": { "s": scenario },
    }))
}

/// The one fault of a scenario.
#[track_caller]
fn fault(scenario: Value) -> String {
    match read(scenario) {
        Ok(_) => panic!("nothing is refused"),
        Err(faults) => {
            assert_eq!(faults.len(), 1, "{faults:#?}");
            faults.into_iter().next().unwrap()
        }
    }
}

#[test]
fn what_setup_extracts_is_a_variable_of_all_users() {
    let scenario = read(json!({
        "default-address": "https://h",
        "variables": { "name": "ann", "tenant": "none" },
        "think-time": "9s",
        "setup": [
            { "url": "/login", "method": "POST", "form": { "user": "${name}" }, "extract-jsonpath": { "token": "$.t" } },
            { "if": "${token} != ''", "then": [
                { "url": "/tenants", "auth": { "bearer": "${token}" }, "think-time": "1s", "extract-jsonpath": { "tenant": "$.id" } },
            ] },
        ],
        "requests": [{ "url": "/of/${tenant}", "auth": { "bearer": "${token}" }, "label": "with ${token}" }],
        "teardown": [{ "url": "/tenants/${tenant}", "method": "DELETE", "headers": { "X-T": "${token}" } }],
        "teardown-timeout": "5s",
    }))
    .unwrap();
    let group = &scenario.plan.groups[0];
    let (setup, teardown) = (
        group.setup.as_ref().unwrap(),
        group.teardown.as_ref().unwrap(),
    );
    assert_eq!((setup.limit_us, teardown.limit_us), (60_000_000, 5_000_000));
    let labels: Vec<&str> = setup.steps.iter().map(|step| step.label.as_str()).collect();
    assert_eq!(labels, ["POST /login", "GET /tenants"]);
    assert_eq!(teardown.steps[0].label, "DELETE /tenants/{tenant}");
    // The scenario's think time is for users.
    let pauses: Vec<String> = setup
        .steps
        .iter()
        .map(|step| step.think_time.to_string())
        .collect();
    assert_eq!(pauses, ["0s", "1s"]);
    assert_eq!(group.steps[0].think_time.to_string(), "9s");
    // No result shows a value of setup, and nothing of it is load.
    assert_eq!(group.steps[0].label, "with {token}");
    assert!(
        scenario.warnings[0].contains("label"),
        "{:?}",
        scenario.warnings
    );
    assert_eq!((group.steps.len(), group.flow.requests), (1, Some(1)));

    let [once] = &scenario.plan.alone(Phase::Setup)[..] else {
        panic!("one scenario has a setup")
    };
    let alone = &once.groups[0];
    assert_eq!((alone.steps.len(), alone.load.iterations), (2, Some(1)));
    assert_eq!(
        alone.hidden().into_iter().collect::<Vec<_>>(),
        ["tenant", "token"]
    );
    let given = [
        ScenarioValues {
            scenario: "s".to_owned(),
            values: BTreeMap::from(
                [("tenant", "7"), ("token", "t")].map(|(a, b)| (a.into(), b.into())),
            ),
        },
        ScenarioValues {
            scenario: "other".to_owned(),
            values: BTreeMap::from([("name".to_owned(), "eve".to_owned())]),
        },
    ];
    let plan = scenario.plan.clone().with_values(&given);
    let variables = plan.groups[0].variables.iter();
    let variables: BTreeMap<&str, &str> =
        variables.map(|(a, b)| (a.as_str(), b.as_str())).collect();
    let expected = [("name", "ann"), ("tenant", "7"), ("token", "t")];
    assert_eq!(variables, BTreeMap::from(expected));
    // Runners read the same from their region's document.
    let region = scenario.tasks[0].region.clone();
    let again =
        crate::scenario::plan::Plan::from_document(&scenario.region_document(&region)).unwrap();
    assert_eq!(again.groups[0].setup, group.setup);
    assert_eq!(again.groups[0].teardown, group.teardown);
}

/// Items that run the same scenario have one setup, others have theirs, in their order.
#[test]
fn each_scenario_that_is_run_has_its_own_once() {
    let of =
        |path: &str| json!({ "setup": [path], "requests": ["http://h/"], "setup-timeout": "2s" });
    let scenario = read_body(json!({
        "execution": [
            { "scenario": "b", "users": 1, "hold-for": "9s" },
            { "scenario": "a", "users": 1, "hold-for": "9s" },
            { "scenario": "b", "users": 1, "hold-for": "9s" },
            { "scenario": "plain", "users": 1, "hold-for": "9s" },
        ],
        "scenarios": {
            "a": of("http://h/a"), "b": of("http://h/b"), "idle": of("http://h/idle"),
            "plain": { "requests": ["http://h/"] },
        },
    }))
    .unwrap();
    let plan = &scenario.plan;
    let names: Vec<&str> = plan
        .once(Phase::Setup)
        .iter()
        .map(|row| row.0.name.as_str())
        .collect();
    assert_eq!(names, ["b", "a"]);
    assert_eq!(plan.once_us(Phase::Setup), 4_000_000);
    assert_eq!(plan.once_us(Phase::Teardown), 0);
    assert!(plan.alone(Phase::Teardown).is_empty());
}

#[test]
fn blocks_that_make_no_sense_once_are_refused() {
    for (entry, path, why) in [
        (
            json!({ "websocket": ["wss://h/"] }),
            "setup[0].websocket",
            "is load",
        ),
        (
            json!({ "events": ["http://h/"] }),
            "setup[0].events",
            "is load",
        ),
        (
            json!({ "choose": [{ "do": ["http://h/"] }] }),
            "setup[0].choose",
            "left to chance",
        ),
        (
            json!({ "transaction": "t", "do": ["http://h/"] }),
            "setup[0].transaction",
            "is timed",
        ),
        (
            json!({ "once": ["http://h/"] }),
            "setup[0].once",
            "once per run",
        ),
        (
            json!({ "loop": "forever", "do": ["http://h/"] }),
            "setup[0].loop",
            "has to end",
        ),
        (
            json!({ "loop": 2, "do": [{ "if": "1 == 1", "then": [{ "once": ["http://h/"] }] }] }),
            "setup[0].do[0].then[0].once",
            "once per run",
        ),
    ] {
        let told = fault(json!({ "setup": [entry], "requests": ["http://h/"] }));
        assert!(told.starts_with(path) && told.contains(why), "{told}");
    }
}

#[test]
fn variables_without_a_value_are_refused_where_they_have_none() {
    let rows = json!([{ "path": "rows.csv", "variable-names": "name" }]);
    for (scenario, path, why) in [
        // Rows are users'.
        (
            json!({ "data-sources": rows, "setup": ["http://h/${name}"], "requests": ["http://h/"] }),
            "setup[0]",
            "no rows of data",
        ),
        // What users extract is theirs.
        (
            json!({
                "requests": [{ "url": "http://h/", "extract-jsonpath": { "id": "$.id" } }],
                "teardown": ["http://h/${id}"],
            }),
            "teardown[0]",
            "has no value here",
        ),
        // What teardown extracts comes too late.
        (
            json!({
                "requests": ["http://h/${id}"],
                "teardown": [{ "url": "http://h/", "extract-jsonpath": { "id": "$.id" } }],
            }),
            "requests[0]",
            "names no variable",
        ),
        // The request that fetches the token.
        (
            json!({
                "auth": { "bearer": "${token}" },
                "setup": [{ "url": "http://h/", "extract-jsonpath": { "token": "$.t" } }],
                "requests": ["http://h/"],
            }),
            "setup[0]",
            "auth: none",
        ),
        (
            json!({
                "headers": { "X-Token": "${token}" },
                "setup": [
                    { "url": "http://h/", "headers": { "X-Token": "" } },
                    { "url": "http://h/", "extract-jsonpath": { "token": "$.t" } },
                ],
                "requests": ["http://h/"],
            }),
            "setup[1]",
            "the header X-Token",
        ),
    ] {
        let told = fault(scenario);
        assert!(told.starts_with(path) && told.contains(why), "{told}");
    }
}

#[test]
fn limits_and_lists_are_judged() {
    for (scenario, path, why) in [
        (
            json!({ "setup": [], "requests": ["http://h/"] }),
            "setup",
            "1",
        ),
        (
            json!({ "setup": ["http://h/"], "setup-timeout": "11m", "requests": ["http://h/"] }),
            "setup-timeout",
            "10m",
        ),
        (
            json!({ "teardown-timeout": "1m", "requests": ["http://h/"] }),
            "teardown-timeout",
            "which this scenario has not",
        ),
    ] {
        let told = fault(scenario);
        assert!(told.starts_with(path) && told.contains(why), "{told}");
    }
    let scripted = read(json!({ "script": "a.js", "setup": ["http://h/"] })).unwrap_err();
    assert!(
        scripted
            .iter()
            .any(|told| told.starts_with("setup: is not for a script")),
        "{scripted:?}"
    );
}
