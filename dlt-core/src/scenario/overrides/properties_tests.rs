//! Properties of JMeter in scenario files of either form.

use super::*;
use crate::value::json;

fn put_in(given: &[(&str, &str)], raw: Value) -> (Value, Changes) {
    let overrides = Overrides {
        variables: given
            .iter()
            .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
            .collect(),
        ..Overrides::default()
    };
    let mut raw = raw;
    let changes = overrides.put_in_properties(&mut raw, &Properties::default());
    (raw, changes)
}

#[test]
fn values_stand_where_they_were_asked_for() {
    let (raw, changes) = put_in(
        &[("users", "7"), ("keep", "false")],
        json!({
            "testName": "${__P(what,the shop)} at ${__P(users,1)}",
            "testScenario": {
                "execution": [{ "users": "${__P(users,1)}", "hold-for": "${__property(time,,30s)}" }],
                "scenarios": { "a": {
                    "keepalive": "${__P(keep,true)}",
                    "requests": [
                        "http://${__P(host,h\\,h)}/${__UUID}/${id}",
                        { "url": "/", "headers": { "Authorization": "Bearer ${__P(api_token,t0p)}" } },
                        "${__P(a",
                        "${__P(a,${b})}",
                    ],
                } },
            },
        }),
    );
    assert!(changes.faults.is_empty(), "{:?}", changes.faults);
    let expected = json!({
        "testName": "the shop at 7",
        "testScenario": {
            "execution": [{ "users": 7, "hold-for": "30s" }],
            "scenarios": { "a": {
                "keepalive": false,
                "requests": [
                    "http://h,h/${__UUID}/${id}",
                    { "url": "/", "headers": { "Authorization": "Bearer ${api_token}" } },
                    "${__P(a",
                    "${__P(a,${b})}",
                ],
                "variables": { "api_token": "t0p" },
            } },
        },
    });
    assert_eq!(raw, expected);
    assert_eq!(
        changes.sentences(),
        [
            "--set: property keep false; the file has true",
            "--set: property users 7; the file has 1"
        ]
    );
}

#[test]
fn a_property_without_a_value_is_a_fault() {
    let (_, changes) = put_in(
        &[],
        json!({ "testScenario": { "execution": [{ "users": "${__P(users)}" }] } }),
    );
    let [fault] = &changes.faults[..] else {
        panic!("{:?}", changes.faults);
    };
    assert_eq!(fault.path, "testScenario.execution[0].users");
    assert!(fault.reason.contains("--set users=…"), "{}", fault.reason);
}

#[test]
fn a_secret_is_never_put_into_what_is_shown() {
    let secret = "hunter2";
    let (raw, changes) = put_in(
        &[("db_password", secret)],
        json!({
            "testName": "with ${__P(db_password)}",
            "testScenario": { "scenarios": { "a": {
                "variables": { "my_password": "${__P(db_password)}", "plain": "${__P(db_password)}" },
                "requests": [{ "url": "/", "body": "${__P(db_password)}" }],
            } } },
        }),
    );
    let faults: Vec<&str> = changes
        .faults
        .iter()
        .map(|fault| fault.path.as_str())
        .collect();
    assert_eq!(
        faults,
        ["testName", "testScenario.scenarios.a.variables.plain"]
    );
    let told = format!("{:?}{:?}", changes.faults, changes.sentences());
    assert!(!told.contains(secret), "{told}");
    let own = &raw["testScenario"]["scenarios"]["a"]["variables"];
    assert_eq!(own["my_password"], secret);
    assert_eq!(own["db_password"], secret);
    assert_eq!(
        raw["testScenario"]["scenarios"]["a"]["requests"][0]["body"],
        "${db_password}"
    );
}

/// A secret becomes a variable of its own name, which must have one meaning.
#[test]
fn a_secret_that_would_be_another_variable_is_a_fault() {
    let token = "http://h/${__P(api_token)}";
    for (scenario, word) in [
        (
            json!({ "variables": { "api_token": "other" }, "requests": [token] }),
            "another name",
        ),
        (
            json!({ "requests": [token, { "url": "http://h/", "extract-jsonpath": { "api_token": "$.t" } }] }),
            "another name",
        ),
        (
            json!({ "requests": ["http://h/${__P(my_token,a)}", "http://h/${__P(my_token,b)}"] }),
            "two values",
        ),
    ] {
        let raw = json!({ "testScenario": { "scenarios": { "a": scenario } } });
        let (_, changes) = put_in(&[("api_token", "t0ps3cret")], raw);
        let [fault] = &changes.faults[..] else {
            panic!("{:?}", changes.faults);
        };
        assert!(fault.reason.contains(word), "{}", fault.reason);
        assert!(!fault.reason.contains("t0ps3cret"));
    }
    // The same value in both is one meaning.
    let raw = json!({ "testScenario": { "scenarios": { "a": { "variables": { "api_token": "t0ps3cret" }, "requests": [token] } } } });
    let (_, changes) = put_in(&[("api_token", "t0ps3cret")], raw);
    assert!(changes.faults.is_empty(), "{:?}", changes.faults);
}

/// It would be another variable, which nobody wrote.
#[test]
fn a_value_that_begins_a_variable_is_a_fault() {
    let raw = json!({ "testScenario": { "scenarios": { "a": { "requests": ["http://h/${__P(path)}"] } } } });
    let (_, changes) = put_in(&[("path", "x${id}")], raw);
    let [fault] = &changes.faults[..] else {
        panic!("{:?}", changes.faults);
    };
    assert!(
        fault.reason.contains("begins a variable"),
        "{}",
        fault.reason
    );
}

/// A small file must not become a large one.
#[test]
fn what_is_put_in_has_a_bound() {
    let text = "${__P(big)}".repeat(20_000);
    let raw = json!({ "testScenario": { "scenarios": { "a": { "requests": [text.as_str(), text.as_str()] } } } });
    let big = "x".repeat(200_000);
    let (_, changes) = put_in(&[("big", &big)], raw);
    let [fault] = &changes.faults[..] else {
        panic!("{} faults", changes.faults.len());
    };
    assert!(
        fault.reason.contains("longer than 6 MiB"),
        "{}",
        fault.reason
    );
}
