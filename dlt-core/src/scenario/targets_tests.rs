//! Targets that must not be hit, as faults of a scenario: where they stand in it, and what
//! is left to whoever looks names up.

use crate::refusal::Faults;
use crate::scenario::tests::{defaults, files};
use crate::scenario::{Format, Outside, Purpose, Scenario};
use crate::target_policy::TargetPolicy;
use serde_json::{Value, json};

fn policy(allow: &[&str], only: &[&str]) -> TargetPolicy {
    TargetPolicy::parse(allow, only, ("--allow-target", "--only-target")).unwrap()
}

/// The faults of a scenario with this content, as (path below the scenario, reason).
fn faults(scenario: &Value, targets: Option<&TargetPolicy>) -> Vec<(String, String)> {
    let body = json!({ "testScenario": {
        "execution": [{ "users": 1, "hold-for": "1s", "scenario": "s" }],
        "scenarios": { "s": scenario },
    } });
    let mut outside = Outside::files(&files);
    if let Some(targets) = targets {
        outside = outside.with_targets(targets);
    }
    let text = body.to_string();
    for purpose in [Purpose::Keep, Purpose::Run] {
        let read =
            Scenario::from_text(text.as_bytes(), Format::Json, &defaults(), outside, purpose);
        let Err(Faults(faults)) = read else {
            continue;
        };
        let below = |path: &str| path.replace("testScenario.scenarios.s.", "");
        let rows = faults.iter().map(|it| (below(&it.path), it.reason.clone()));
        return rows.collect();
    }
    Vec::new()
}

fn paths(scenario: &Value, targets: &TargetPolicy) -> Vec<String> {
    let told = faults(scenario, Some(targets)).into_iter();
    told.map(|(path, reason)| {
        assert!(
            reason.starts_with("is no allowed target: "),
            "{path}: {reason}"
        );
        path
    })
    .collect()
}

#[test]
fn literal_targets_are_faults_where_they_stand_all_at_once() {
    let usual = TargetPolicy::default();
    let scenario = json!({
        "default-address": "http://[fe80::1]:8080/v1",
        "variables": { "host": "0xa9fea9fe", "user": "me", "other": "x" },
        "requests": [
            "/below-the-default-address",
            "http://169.254.169.254/latest/",
            { "url": "https://${host}/", "label": "by a variable that never changes" },
            { "url": "http://${user}:${other}@0:9/", "label": "behind a user" },
            "http://127.0.0.1:8080/",
            "http://shop.example/",
            "http://10.0.0.1/",
            { "url": "http://[::ffff:a9fe:aa02]/${user}" },
        ],
    });
    assert_eq!(
        paths(&scenario, &usual),
        [
            "default-address",
            "requests[1]",
            "requests[2].url",
            "requests[3].url",
            "requests[7].url"
        ]
    );
    // Who reads it later does not judge it again.
    assert_eq!(faults(&scenario, None), []);
    let opened = policy(&["fe80::/10", "169.254.0.0/16"], &[]);
    let told = faults(&scenario, Some(&opened));
    assert_eq!(
        told,
        [(
            "requests[3].url".to_owned(),
            "is no allowed target: 0.0.0.0 is the address of no host; use 127.0.0.1 for this machine"
                .to_owned()
        )]
    );
}

#[test]
fn hosts_that_vary_are_judged_when_they_are_known() {
    let scenario = json!({
        "requests": [
            { "url": "http://127.0.0.1/", "extract-regexp": { "where": { "regexp": "(.*)", "default": "169.254.169.254" } } },
            { "url": "http://${where}/", "label": "a" },
            { "url": "${where}", "label": "b" },
            { "url": "http://127.0.0.1/${where}", "label": "c" },
        ],
    });
    assert_eq!(paths(&scenario, &TargetPolicy::default()), [""; 0]);
    let only = policy(&[], &["shop.example"]);
    assert_eq!(
        paths(&scenario, &only),
        ["requests[0].url", "requests[3].url"]
    );
}

#[test]
fn what_is_not_among_the_only_targets_is_a_fault() {
    let scenario = json!({
        "default-address": "https://shop.example/v1",
        "requests": ["/cart", "https://api.shop.example/", "https://other.example/", "http://10.1.2.3/"],
    });
    let of = |only: &[&str]| paths(&scenario, &policy(&[], only));
    assert_eq!(
        of(&["shop.example", "*.shop.example"]),
        ["requests[2]", "requests[3]"]
    );
    // A name may lead into a range: that is known once it is looked up.
    assert_eq!(of(&["shop.example", "10.0.0.0/8"]), [""; 0]);
    assert_eq!(of(&["*.shop.example", "11.0.0.0/8"]), ["requests[3]"]);
    assert_eq!(
        of(&["other.example", "api.shop.example"]),
        ["default-address", "requests[3]"]
    );
}

#[test]
fn a_body_of_the_api_is_refused_with_400() {
    use crate::scenario::post::Post;
    let body = |save: bool| {
        json!({
            "testName": "shop", "testDescription": "a shop", "testType": "simple", "saveOnly": save,
            "testTaskConfigs": [{ "region": "lo-home-1", "taskCount": 1, "concurrency": 1 }],
            "regionalTaskDetails": { "lo-home-1": { "dltAvailableTasks": 4 } },
            "testScenario": {
                "execution": [{ "ramp-up": "0s", "hold-for": "1s", "scenario": "s" }],
                "scenarios": { "s": { "requests": [{ "url": "http://2852039166/", "method": "GET" }] } },
            },
        })
    };
    for save in [true, false] {
        let outside = Outside::files(&files);
        let read = |outside| Post::read(&body(save).into(), outside);
        assert!(read(outside).is_ok(), "{:?}", read(outside).err());
        let usual = TargetPolicy::default();
        let refusal = read(outside.with_targets(&usual)).unwrap_err();
        assert_eq!(
            (refusal.status, refusal.code),
            (400, "INVALID_REQUEST_BODY")
        );
        let told = refusal.text;
        assert!(
            told.starts_with("testScenario.scenarios.s.requests[0].url: is no allowed target: 169.254.169.254 is "),
            "{told}"
        );
    }
}
