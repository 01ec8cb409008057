//! What a stored scenario keeps when it is posted again by a client that does not know dlt's own
//! fields (decision 41; dlt.md, first paragraph). DLT's console posts a fixed list of fields on "Run":
//! what it leaves out it never saw, and does not mean to remove.

use crate::scenario::requests::lists;
use crate::value::{Map, Value};
use std::borrow::Cow;

/// Fields of ours beside DLT's, in a body.
const OF_BODY: [&str; 2] = ["thresholds", "oneOff"];
/// In an item of `execution`.
const OF_EXECUTION: [&str; 13] = [
    "users",
    "arrivals",
    "connections",
    "stages",
    "total-requests",
    "graceful-stop",
    "pacing",
    "spot",
    "seed",
    "retry",
    "dns",
    "give-up-after",
    "end-after",
];
/// In a scenario of `scenarios`.
const OF_SCENARIO: [&str; 18] = [
    "auth",
    "setup",
    "teardown",
    "setup-timeout",
    "teardown-timeout",
    "timeouts",
    "connection-policy",
    "http",
    "streams",
    "max-redirects",
    "tls",
    "resolve",
    "connect-to",
    "proxy",
    "no-proxy",
    "expect-status",
    "entry",
    "files",
];
/// In one of its requests.
const OF_REQUEST: [&str; 3] = ["auth", "form", "expect-status"];
/// What the API itself writes into a stored plan.
const OF_THE_ANSWER: [&str; 2] = ["taskCount", "concurrency"];

/// A body with what the stored one keeps, and sentences on what it loses. `null` erases; a plan
/// in which any field of ours is written, be it `null`, is taken as it is.
pub fn with_kept(posted: &Value, stored: Option<&Value>) -> (Value, Vec<String>) {
    let (mut body, mut told) = (without_entry(posted).into_owned(), Vec::new());
    // What is saved or scheduled is there to be found again.
    let is_run =
        posted["saveOnly"] != true && posted["scheduleStep"].as_str().is_none_or(str::is_empty);
    if let Some(map) = body.as_object_mut() {
        for key in OF_BODY {
            match map.get(key) {
                Some(Value::Null) => drop(map.shift_remove(key)),
                Some(_) => {}
                None if key == "oneOff" && !is_run => {}
                None => {
                    let kept = stored.and_then(|stored| stored.get(key));
                    map.extend(kept.map(|value| (key.to_owned(), value.clone())));
                }
            }
        }
    }
    let Some(plan) = body.get_mut("testScenario").filter(|plan| plan.is_object()) else {
        return (body, told);
    };
    let knows_ours = !fields(plan).is_empty();
    if let Some(stored) = stored.map(|stored| &stored["testScenario"])
        && !knows_ours
    {
        let kept = fields(stored);
        if !kept.is_empty() {
            if without_ours(plan) == without_ours(stored) {
                give(plan, stored);
            } else {
                told.push(format!(
                    "testScenario: {} of the stored scenario are gone, since another part of it was changed and \
                     they were not sent; send them again to keep them",
                    kept.join(", ")
                ));
            }
        }
    }
    each_part(plan, &mut |_, map, ours| {
        map.retain(|key, value| !(value.is_null() && ours.contains(&key.as_str())));
    });
    (body, told)
}

/// The body as `dlt` sends it: `null` for each field of ours that it lacks, so that none of a
/// stored scenario is kept.
pub fn with_nulls(body: &mut Value) {
    if let Some(map) = body.as_object_mut() {
        for key in OF_BODY {
            let is_empty = map
                .get(key)
                .is_none_or(|value| value == &Value::Array(Vec::new()));
            if is_empty {
                map.insert(key.to_owned(), Value::Null);
            }
        }
    }
    each_part(&mut body["testScenario"], &mut |_, map, ours| {
        for key in ours {
            if !map.contains_key(*key) {
                map.insert((*key).to_owned(), Value::Null);
            }
        }
    });
}

/// A plan as DLT's console has to see it, whose page of a scenario looks for an entry of `scenarios`
/// with the scenario's own name (api-behaviour.md 7): the one that is run first, once more.
pub fn with_entry(plan: &Value, test_name: &str) -> Value {
    let mut plan = plan.clone();
    let first = plan["execution"][0]["scenario"].as_str().map(str::to_owned);
    let scenarios = plan.get_mut("scenarios").and_then(Value::as_object_mut);
    if let (Some(scenarios), Some(first)) = (scenarios, first)
        && !scenarios.contains_key(test_name)
        && let Some(entry) = scenarios.get(&first).cloned()
    {
        scenarios.insert(test_name.to_owned(), entry);
    }
    plan
}

/// A body without that entry, which a client sends back as it got it.
pub(super) fn without_entry(body: &Value) -> Cow<'_, Value> {
    let plan = &body["testScenario"];
    let name = body["testName"].as_str().unwrap_or_default();
    let items = plan["execution"].as_array().map_or(&[][..], Vec::as_slice);
    let runs = |name: &str| items.iter().any(|item| item["scenario"] == name);
    let scenarios = plan["scenarios"].as_object();
    let entry = scenarios.and_then(|scenarios| scenarios.get(name));
    let first = items.first().and_then(|item| item["scenario"].as_str());
    let original = scenarios
        .zip(first)
        .and_then(|(scenarios, first)| scenarios.get(first));
    let (Some(entry), Some(original)) = (entry, original) else {
        return Cow::Borrowed(body);
    };
    let alone = |scenario: &Value| {
        without_ours(&Value::Object(Map::from_iter([(
            "scenarios".to_owned(),
            Value::Object(Map::from_iter([(String::new(), scenario.clone())])),
        )])))
    };
    if runs(name) || alone(entry) != alone(original) {
        return Cow::Borrowed(body);
    }
    let mut body = body.clone();
    if let Some(scenarios) = body["testScenario"]["scenarios"].as_object_mut() {
        scenarios.shift_remove(name);
    }
    Cow::Owned(body)
}

/// Calls `visit` with each object of a plan that may have fields of ours: its path, itself, and the
/// names of those fields.
fn each_part(plan: &mut Value, visit: &mut dyn FnMut(&str, &mut Map, &[&str])) {
    let items = plan.get_mut("execution").and_then(Value::as_array_mut);
    for (at, item) in items.into_iter().flatten().enumerate() {
        if let Some(map) = item.as_object_mut() {
            visit(&format!("execution[{at}]"), map, &OF_EXECUTION);
        }
    }
    let scenarios = plan.get_mut("scenarios").and_then(Value::as_object_mut);
    for (name, scenario) in scenarios.into_iter().flatten() {
        let Some(map) = scenario.as_object_mut() else {
            continue;
        };
        visit(&format!("scenarios.{name}"), map, &OF_SCENARIO);
        let Some(requests) = map.get_mut("requests") else {
            continue;
        };
        let path = format!("scenarios.{name}.requests");
        for (path, request) in lists::requests_mut(requests, &path) {
            if let Some(map) = request.as_object_mut() {
                visit(&path, map, &OF_REQUEST);
            }
        }
    }
}

/// The paths of fields of ours in a plan, `null` or not.
fn fields(plan: &Value) -> Vec<String> {
    let mut found = Vec::new();
    each_part(&mut plan.clone(), &mut |path, map, ours| {
        let here = map.keys().filter(|key| ours.contains(&key.as_str()));
        found.extend(here.map(|key| format!("{path}.{key}")));
    });
    found
}

/// A plan as a client that does not know ours sees it, to be compared.
fn without_ours(plan: &Value) -> Value {
    let mut plan = plan.clone();
    each_part(&mut plan, &mut |_, map, ours| {
        map.retain(|key, _| {
            !ours.contains(&key.as_str()) && !OF_THE_ANSWER.contains(&key.as_str())
        });
    });
    if let Some(map) = plan.as_object_mut() {
        map.shift_remove("reporting");
    }
    plan
}

/// Gives a plan the fields of ours that the stored one has at the same places.
fn give(plan: &mut Value, stored: &Value) {
    let mut kept = Vec::new();
    each_part(&mut stored.clone(), &mut |path, map, ours| {
        for (key, value) in map.iter().filter(|row| ours.contains(&row.0.as_str())) {
            kept.push((path.to_owned(), key.clone(), value.clone()));
        }
    });
    each_part(plan, &mut |path, map, _| {
        let here = kept.iter().filter(|row| row.0 == path);
        map.extend(here.map(|(_, key, value)| (key.clone(), value.clone())));
    });
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::value::json;

    fn stored() -> Value {
        json!({
            "testName": "shop", "thresholds": ["p(95)<1s"],
            "testScenario": {
                "execution": [{ "scenario": "shop", "ramp-up": "0s", "hold-for": "5s", "taskCount": 2,
                                "arrivals": 20, "retry": "never" }],
                "scenarios": { "shop": {
                    "max-redirects": 0,
                    "requests": [{ "url": "http://h/", "method": "GET", "expect-status": [200, 404] },
                                 { "url": "http://h/b", "method": "GET" }] } },
                "reporting": [{ "module": "final-stats" }],
            },
        })
    }

    /// What DLT's console knows of it.
    fn reposted() -> Value {
        json!({
            "testName": "shop",
            "testScenario": {
                "execution": [{ "scenario": "shop", "ramp-up": "0s", "hold-for": "5s", "taskCount": "2",
                                "concurrency": "1" }],
                "scenarios": { "shop": {
                    "requests": [{ "url": "http://h/", "method": "GET" }, { "url": "http://h/b", "method": "GET" }] } },
            },
        })
    }

    #[test]
    fn what_a_client_does_not_know_it_does_not_remove() {
        let (body, told) = with_kept(&reposted(), Some(&stored()));
        assert_eq!(told, Vec::<String>::new());
        assert_eq!(body["thresholds"], json!(["p(95)<1s"]));
        let plan = &body["testScenario"];
        assert_eq!(plan["execution"][0]["arrivals"], 20);
        assert_eq!(plan["execution"][0]["retry"], "never");
        assert_eq!(plan["execution"][0]["taskCount"], "2");
        let shop = &plan["scenarios"]["shop"];
        assert_eq!(shop["max-redirects"], 0);
        assert_eq!(shop["requests"][0]["expect-status"], json!([200, 404]));
        assert_eq!(
            shop["requests"][1],
            json!({ "url": "http://h/b", "method": "GET" })
        );
    }

    #[test]
    fn what_stood_in_a_plan_that_was_changed_goes_with_words() {
        type Change = fn(&mut Value);
        let changes: [(&str, Change); 3] = [
            ("hold-for", |plan| {
                plan["execution"][0]["hold-for"] = json!("6s");
            }),
            ("url", |plan| {
                plan["scenarios"]["shop"]["requests"][0]["url"] = json!("http://h/c");
            }),
            ("requests", |plan| {
                plan["scenarios"]["shop"]["requests"] = json!([]);
            }),
        ];
        for (path, change) in changes {
            let mut changed = reposted();
            change(&mut changed["testScenario"]);
            let (body, told) = with_kept(&changed, Some(&stored()));
            assert_eq!(body["testScenario"], changed["testScenario"], "{path}");
            assert_eq!(body["thresholds"], json!(["p(95)<1s"]), "{path}");
            let [told] = &told[..] else {
                panic!("{told:?}");
            };
            assert!(told.contains("execution[0].arrivals"), "{told}");
            assert!(
                told.contains("scenarios.shop.requests[0].expect-status"),
                "{told}"
            );
        }
    }

    #[test]
    fn null_erases_and_a_plan_with_ours_is_taken_as_it_is() {
        let mut body = reposted();
        with_nulls(&mut body);
        assert_eq!(body["thresholds"], Value::Null);
        assert_eq!(body["testScenario"]["execution"][0]["users"], Value::Null);
        let (read, told) = with_kept(&body, Some(&stored()));
        assert_eq!((read, told), (reposted(), Vec::new()));
        // One that is written: the others were left out on purpose.
        let mut body = reposted();
        body["testScenario"]["execution"][0]["arrivals"] = json!(7);
        let (read, told) = with_kept(&body, Some(&stored()));
        assert_eq!(read["testScenario"], body["testScenario"]);
        assert_eq!(told, Vec::<String>::new());
    }

    #[test]
    fn the_entry_for_dlts_console_is_in_answers_only() {
        let mut shown = stored();
        shown["testName"] = json!("Checkout smoke");
        let plan = with_entry(&shown["testScenario"], "Checkout smoke");
        assert_eq!(
            plan["scenarios"]["Checkout smoke"],
            plan["scenarios"]["shop"]
        );
        let before = shown.clone();
        shown["testScenario"] = plan;
        assert_eq!(*without_entry(&shown), before);
        // As a client that knows no field of ours sends it.
        shown["testScenario"]["scenarios"]["Checkout smoke"] =
            reposted()["testScenario"]["scenarios"]["shop"].clone();
        assert_eq!(*without_entry(&shown), before);
        // One that says something else, or is run, is the user's.
        let mut other = shown.clone();
        other["testScenario"]["scenarios"]["Checkout smoke"]["requests"][0]["url"] =
            json!("http://h/x");
        assert_eq!(*without_entry(&other), other);
        let mut run = shown;
        run["testScenario"]["execution"][0]["scenario"] = json!("Checkout smoke");
        assert_eq!(*without_entry(&run), run);
    }

    #[test]
    fn a_one_off_stays_one_until_it_is_saved() {
        let stored = json!({ "testName": "shop", "oneOff": true });
        let read = |posted: Value| with_kept(&posted, Some(&stored)).0.get("oneOff").cloned();
        assert_eq!(read(json!({ "testName": "shop" })), Some(json!(true)));
        assert_eq!(read(json!({ "oneOff": null })), None);
        assert_eq!(read(json!({ "oneOff": false })), Some(json!(false)));
        // Nobody would find its schedule.
        assert_eq!(read(json!({ "saveOnly": true })), None);
        assert_eq!(read(json!({ "scheduleStep": "create" })), None);
    }

    #[test]
    fn a_new_scenario_has_nothing_to_keep() {
        let (body, told) = with_kept(&reposted(), None);
        assert_eq!((body, told), (reposted(), Vec::new()));
    }

    #[test]
    fn every_key_is_ours_or_dlts() {
        use crate::scenario::{execution, requests};
        let dlts = |known: &[&'static str], ours: &[&str]| -> Vec<&'static str> {
            let rest = known.iter().filter(|key| !ours.contains(key));
            rest.copied().collect()
        };
        // A new key belongs into a list above, or here.
        assert_eq!(
            dlts(&execution::KEYS, &OF_EXECUTION),
            [
                "concurrency",
                "ramp-up",
                "hold-for",
                "iterations",
                "throughput",
                "scenario",
                "executor",
                "taskCount"
            ]
        );
        assert_eq!(
            dlts(&requests::SCENARIO_KEYS, &OF_SCENARIO),
            [
                "requests",
                "default-address",
                "headers",
                "variables",
                "data-sources",
                "timeout",
                "think-time",
                "keepalive",
                "store-cookie"
            ]
        );
        assert_eq!(
            dlts(&requests::REQUEST_KEYS, &OF_REQUEST),
            [
                "url",
                "method",
                "label",
                "headers",
                "body",
                "body-file",
                "upload-files",
                "think-time",
                "timeout",
                "follow-redirects",
                "assert",
                "assert-jsonpath",
                "extract-jsonpath",
                "extract-regexp"
            ]
        );
    }
}
