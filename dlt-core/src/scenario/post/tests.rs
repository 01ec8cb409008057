//! Bodies of POST /scenarios: what is to be done, what is kept of them, and
//! which codes refuse them.

use super::*;
use crate::scenario::plan::Tool;

/// A body that clients send, with some fields replaced (null: left out).
pub(crate) fn body(changes: &Value) -> Value {
    let mut body = json!({
        "testId": "Xk29QmWz7B",
        "testName": "Checkout smoke",
        "testDescription": "Basket and payment pages",
        "testType": "simple",
        "fileType": "none",
        "showLive": true,
        "testTaskConfigs": [{"region": "eu-west-1", "taskCount": 2, "concurrency": 25}],
        "testScenario": {
            "execution": [{"ramp-up": "30s", "hold-for": "5m", "scenario": "Checkout smoke"}],
            "scenarios": {"Checkout smoke": {"requests": [
                {"url": "https://shop.example.com/", "method": "GET", "headers": {}},
            ]}},
        },
        "regionalTaskDetails": {"eu-west-1": {"dltAvailableTasks": 197}},
    });
    for (key, value) in changes.as_object().unwrap() {
        match value {
            Value::Null => drop(body.as_object_mut().unwrap().shift_remove(key)),
            value => body[key.as_str()] = value.clone(),
        }
    }
    body
}

fn read(changes: &Value) -> Result<Post, Refusal> {
    let files = |name: &str| Err(format!("{name}: no files here"));
    Post::read(&body(changes), Outside::files(&files))
}

fn at(text: &str) -> Timestamp {
    text.parse().unwrap()
}

/// What comes of a schedule now, in March 2026.
fn schedule(changes: &Value) -> Result<String, String> {
    let mut all = json!({"scheduleStep": "create"});
    for (key, value) in changes.as_object().unwrap() {
        all[key.as_str()] = value.clone();
    }
    let said = |refusal: Refusal| format!("{} {refusal}", refusal.status);
    let post = read(&all).map_err(said)?;
    let Action::Schedule(when) = &post.action else {
        panic!("no schedule: {:?}", post.action);
    };
    let now = at("2026-03-04T09:15:02Z");
    post.check_schedule(when, now)
        .map(|schedule| schedule.next_run(now))
        .map_err(said)
}

#[test]
fn a_body_says_what_is_to_be_done() {
    assert_eq!(read(&json!({})).unwrap().action, Action::Run);
    let save = read(&json!({"saveOnly": true})).unwrap();
    assert_eq!(save.action, Action::Save);
    // A schedule wins over saveOnly, and a cron value over its recurrence.
    let cron = json!({"scheduleStep": "create", "saveOnly": true, "recurrence": "daily",
        "cronValue": "15 9 * * 1-5", "scheduleTimezone": "Europe/Paris"});
    let Action::Schedule(when) = read(&cron).unwrap().action else {
        panic!("a schedule");
    };
    assert_eq!(
        (when.recurrence.as_str(), when.zone_name()),
        ("", "Europe/Paris")
    );
}

#[test]
fn what_is_kept_is_the_scenario_and_nothing_of_the_request_or_record() {
    let post = read(&json!({
        "tags": ["Nightly", "  Check  out "], "status": "complete", "totalTestRuns": 7,
        "colour": "blue",
        "testTaskConfigs": [{"region": "eu-west-1", "taskCount": "2", "concurrency": "25",
            "taskCluster": "load-cluster"}],
    }))
    .unwrap();
    let kept = &post.body;
    for key in ["regionalTaskDetails", "status", "totalTestRuns"] {
        assert_eq!(kept.get(key), None, "{key}");
    }
    assert_eq!(kept["colour"], "blue");
    assert_eq!(post.warnings, ["colour: unknown key, not used"]);
    assert_eq!(kept["tags"], json!(["nightly", "check-out"]));
    assert_eq!(
        kept["testTaskConfigs"],
        json!([{"region": "eu-west-1", "taskCount": 2, "concurrency": 25}])
    );
    let plan = &kept["testScenario"];
    assert_eq!(plan["execution"][0]["concurrency"], 25);
    assert_eq!(plan["reporting"][0]["module"], "final-stats");
    // What is kept reads as the same scenario again, and posts again.
    let files = |_: &str| Err("none".to_owned());
    let again = Scenario::from_stored(kept, Outside::files(&files), Purpose::Run).unwrap();
    assert_eq!(Some(&again.plan), post.scenario.as_ref().map(|s| &s.plan));
    let reposted = read(kept).unwrap();
    assert_eq!(reposted.body, *kept);
}

/// A plan of one request.
fn plan(url: &str, more: Value) -> Value {
    let mut request = json!({"url": url, "method": "POST", "headers": {}});
    for (key, value) in more.as_object().unwrap() {
        request[key.as_str()] = value.clone();
    }
    json!({
        "execution": [{"ramp-up": "30s", "hold-for": "5m", "scenario": "s"}],
        "scenarios": {"s": {"requests": [request]}},
    })
}

fn with_variables(mut plan: Value, variables: Value) -> Value {
    plan["scenarios"]["s"]["variables"] = variables;
    plan
}

/// Plans that cannot run, and what is said of each.
fn without_values() -> Vec<(Value, &'static str)> {
    vec![
        (
            plan("https://h.example/${__P(part)}", json!({})),
            "\"__P\" is a function of JMeter",
        ),
        (
            plan("https://${__property(host)}/a", json!({})),
            "\"__property\" is a function",
        ),
        (
            plan("https://h.example/${order}", json!({})),
            "${order} names no variable",
        ),
        (
            plan(
                "https://h.example/",
                json!({"body": "n=${__Random(1,${n})}"}),
            ),
            "functions inside",
        ),
        (
            plan(
                "https://h.example/",
                json!({"headers": {"X-Id": "${__Random(1,6,id)}"}}),
            ),
            "stores no variable",
        ),
        (
            plan(
                "https://h.example/",
                json!({"label": "${__javaScript(1+1)}"}),
            ),
            "__javaScript",
        ),
        (
            plan("https://h.example/${open", json!({})),
            "has ${ without }",
        ),
        (
            with_variables(
                plan("${base}/x", json!({})),
                json!({"base": "${__P(base,http://h)}"}),
            ),
            "holds ${",
        ),
        (
            with_variables(
                plan("http://h:${port}/", json!({})),
                json!({"port": "${__P(port,80)}"}),
            ),
            "holds ${",
        ),
    ]
}

/// A scenario may be saved before it can run, and is stored as it was sent.
#[test]
fn what_has_no_value_is_saved_and_not_run() {
    for (plan, said) in without_values() {
        let saved = read(&json!({"saveOnly": true, "testScenario": plan})).unwrap();
        assert_eq!(saved.action, Action::Save);
        let [warning] = saved.warnings.as_slice() else {
            panic!("{said}: {:?}", saved.warnings);
        };
        assert!(
            warning.contains(said) && warning.contains("cannot be run until"),
            "{warning}"
        );
        let url = |plan: &Value| plan["scenarios"]["s"]["requests"][0].clone();
        assert_eq!(url(&saved.body["testScenario"]), url(&plan));
        let scheduled = json!({
            "scheduleStep": "create", "cronValue": "0 3 * * *", "testScenario": plan,
        });
        for body in [json!({"testScenario": plan}), scheduled] {
            let refused = read(&body).unwrap_err();
            assert_eq!(
                (refused.status, refused.code),
                (400, "INVALID_REQUEST_BODY")
            );
            assert!(refused.to_string().contains(said), "{refused}");
        }
    }
}

#[test]
fn functions_have_values() {
    let plan = plan(
        "https://h.example/${__UUID}?t=${__time(/1000)}",
        json!({"body": "${__Random(1,6)} ${__threadNum} ${__counter(FALSE,)}"}),
    );
    let post = read(&json!({"testScenario": plan})).unwrap();
    assert_eq!((post.action, post.warnings.len()), (Action::Run, 0));
    let step = &post.scenario.unwrap().plan.groups[0].steps[0];
    assert_eq!(step.label, "POST /{__UUID}");
}

#[test]
fn scripts_are_kept_as_they_are() {
    let post = read(&json!({
        "testType": "k6", "fileType": null, "saveOnly": true, "healthyThreshold": null,
        "testScenario": {
            "execution": [{"ramp-up": "0s", "hold-for": "120s", "scenario": "Search script", "executor": "k6"}],
            "scenarios": {"Search script": {"script": "aa11BB22cc.ts"}},
        },
    }))
    .unwrap();
    let scenario = post.scenario.as_ref().unwrap();
    let group = &scenario.plan.groups[0];
    assert_eq!(group.script.as_ref().unwrap().tool, Tool::K6);
    assert!(!group.load.own_shape);
    assert_eq!(group.load.model.curve().peak(), 25.0);
    assert_eq!(post.body["fileType"], "script");
    assert_eq!(post.body["healthyThreshold"], 90);
    let first = &post.body["testScenario"]["execution"][0];
    assert_eq!(
        (&first["taskCount"], &first["concurrency"]),
        (&json!(2), &json!(25))
    );
}

#[test]
fn regions_are_held_against_their_details() {
    for (details, says) in [
        (
            json!({}),
            "InvalidRegionalStack: regionalTaskDetails has no entry for eu-west-1",
        ),
        (
            json!({"eu-west-1": {"dltAvailableTasks": "1"}}),
            "InvalidParameter: taskCount must lie between 1 and 1 in eu-west-1",
        ),
    ] {
        let refused = read(&json!({"regionalTaskDetails": details})).unwrap_err();
        assert_eq!(refused.to_string(), says);
    }
    // "0" passes the schema; what runs needs one.
    let none = json!([{"region": "eu-west-1", "taskCount": "0", "concurrency": 1}]);
    let refused = read(&json!({ "testTaskConfigs": none })).unwrap_err();
    assert_eq!(
        refused.to_string(),
        "InvalidParameter: taskCount must lie between 1 and 197 in eu-west-1"
    );
}

#[test]
fn schedules_are_refused_with_their_codes() {
    let paris = "Europe/Paris";
    for (fields, expected) in [
        (
            json!({"cronValue": "15 9 * * 1-5", "scheduleTimezone": paris}),
            Ok("2026-03-05 09:15:00"),
        ),
        (
            json!({"scheduleDate": "2026-03-09", "scheduleTime": "22:30", "scheduleTimezone": paris}),
            Ok("2026-03-09 22:30:00"),
        ),
        (
            json!({"scheduleDate": "2026-03-05", "scheduleTime": "01:00", "recurrence": "weekly"}),
            Ok("2026-03-05 01:00:00"),
        ),
        (json!({}), Err("400 InvalidParameter: a schedule needs")),
        (
            json!({"scheduleTime": "22:30"}),
            Err("400 InvalidParameter: a schedule needs"),
        ),
        (
            json!({"scheduleDate": "2026-03-04", "scheduleTime": "09:15"}),
            Err("400 InvalidParameter: 2026-03-04 09:15 in UTC is over"),
        ),
        (
            json!({"scheduleDate": "2026-02-31", "scheduleTime": "09:15"}),
            Err("400 InvalidParameter: scheduleDate"),
        ),
        (
            json!({"cronValue": "0 0 31 2 *"}),
            Err("400 Invalid Linux cron expression: "),
        ),
        (
            json!({"cronValue": "0 8 * * *", "cronExpiryDate": "2026-03-04"}),
            Err("400 Invalid Parameter: cronValue has no time left"),
        ),
        (
            json!({"cronValue": "0 8 * * *", "scheduleTimezone": "Mars/Base"}),
            Err("400 InvalidParameter: scheduleTimezone"),
        ),
        // 30 s + 5 min of load need 2 · 600.5 s before and after.
        (json!({"cronValue": "0 * * * *"}), Ok("2026-03-04 10:00:00")),
    ] {
        match (schedule(&fields), expected) {
            (Ok(next), Ok(wanted)) => assert_eq!(next, wanted, "{fields}"),
            (Err(said), Err(wanted)) => {
                assert!(said.starts_with(wanted), "{fields}: {said}");
            }
            (came, wanted) => panic!("{fields}: {came:?}, not {wanted:?}"),
        }
    }
    let long = json!({
        "cronValue": "0 * * * *",
        "testScenario": {
            "execution": [{"ramp-up": "1m", "hold-for": "40m", "scenario": "long one"}],
            "scenarios": {"long one": {"requests": [{"url": "http://a/", "method": "GET"}]}},
        },
    });
    let said = schedule(&long).unwrap_err();
    assert!(
        said.starts_with("400 Invalid Parameter: runs would follow"),
        "{said}"
    );
}

/// A body whose load is this, in so many tasks.
fn once(tasks: u64, execution: &Value, more: &Value) -> Value {
    let mut all = body(&json!({
        "testTaskConfigs": [{"region": "eu-west-1", "taskCount": tasks, "concurrency": 1}],
        "oneOff": true,
        "keep_exchanges": "all",
    }));
    all["testScenario"]["execution"] = execution.clone();
    for (key, value) in more.as_object().unwrap() {
        all[key.as_str()] = value.clone();
    }
    all
}

fn posted(body: &Value) -> Result<Post, Refusal> {
    let files = |name: &str| Err(format!("{name}: no files here"));
    Post::read(body, Outside::files(&files))
}

#[test]
fn a_one_off_run_of_one_iteration_keeps_its_exchanges() {
    let one = json!([{"concurrency": 1, "ramp-up": "0s", "hold-for": "1m", "iterations": 1}]);
    let post = posted(&once(1, &one, &json!({}))).unwrap();
    let scenario = post.scenario.unwrap();
    assert!(scenario.one_off && scenario.keep_exchanges);
    // Kept with the scenario is what it is, not what was asked of one run.
    assert_eq!(post.body["oneOff"], true);
    assert_eq!(post.body.get("keep_exchanges"), None);
    for none in [
        json!({"oneOff": false, "keep_exchanges": null}),
        json!({"oneOff": null, "keep_exchanges": null}),
    ] {
        let post = posted(&once(1, &one, &none)).unwrap();
        assert_eq!(post.body.get("oneOff"), None);
        assert!(!post.scenario.unwrap().one_off);
    }
}

#[test]
#[expect(clippy::too_many_lines, reason = "a table: one row a refusal")]
fn exchanges_of_a_larger_run_are_refused_with_what_is_larger() {
    let item = |more: Value| {
        let mut item = json!({"ramp-up": "0s", "hold-for": "1m", "iterations": 1});
        for (key, value) in more.as_object().unwrap() {
            match value {
                Value::Null => drop(item.as_object_mut().unwrap().shift_remove(key)),
                value => item[key.as_str()] = value.clone(),
            }
        }
        item
    };
    let one = json!([item(json!({}))]);
    let none = json!({});
    let cases = [
        (
            2,
            one.clone(),
            none.clone(),
            "keep_exchanges",
            "has 2 tasks",
        ),
        (
            1,
            json!([item(json!({"iterations": 2}))]),
            none.clone(),
            "keep_exchanges",
            "has 2 iterations",
        ),
        (
            1,
            json!([item(json!({"iterations": null}))]),
            none.clone(),
            "keep_exchanges",
            "does not say iterations: 1",
        ),
        (
            1,
            json!([item(json!({"users": 7}))]),
            none.clone(),
            "keep_exchanges",
            "has 7 users",
        ),
        (
            1,
            json!([item(json!({"iterations": null, "arrivals": 3}))]),
            none.clone(),
            "keep_exchanges",
            "has arrivals",
        ),
        (
            1,
            json!([item(json!({})), item(json!({}))]),
            none.clone(),
            "keep_exchanges",
            "has 2 execution items",
        ),
        (
            1,
            one.clone(),
            json!({"keep_exchanges": "some"}),
            "keep_exchanges",
            "must be one of all",
        ),
        (
            1,
            one.clone(),
            json!({"oneOff": false}),
            "keep_exchanges",
            "send oneOff: true",
        ),
        (
            1,
            one.clone(),
            json!({"saveOnly": true}),
            "oneOff",
            "starts at once",
        ),
        (
            1,
            one.clone(),
            json!({"scheduleStep": "create", "cronValue": "1 2 * * *"}),
            "oneOff",
            "starts at once",
        ),
        (1, one, json!({"oneOff": "yes"}), "oneOff", ""),
    ];
    for (tasks, execution, more, path, why) in cases {
        let refusal = posted(&once(tasks, &execution, &more)).unwrap_err();
        let told = refusal.to_string();
        assert_eq!(refusal.status, 400, "{told}");
        assert!(told.contains(path) && told.contains(why), "{told}");
    }
}
