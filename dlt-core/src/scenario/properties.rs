//! What holds for every scenario: JSON and YAML mean the same, the body that
//! is stored means what was sent, a runner reads back its region's plan, and
//! each limit lets in what is just inside.

use crate::scenario::limits::*;
use crate::scenario::tests::{defaults, files};
use crate::scenario::{Format, Outside, Plan, Purpose, Scenario};
use proptest::prelude::*;
use serde_json::{Value, json};

fn read(body: &Value) -> Result<Scenario, String> {
    Scenario::from_text(
        body.to_string().as_bytes(),
        Format::Json,
        &defaults(),
        Outside::files(&files),
        Purpose::Run,
    )
    .map_err(|faults| faults.to_string())
}

fn duration() -> impl Strategy<Value = Value> {
    prop_oneof![
        (1u64..90).prop_map(|n| json!(n)),
        (1u64..90).prop_map(|n| json!(format!("{n}s"))),
        (1u64..90, 0u64..60).prop_map(|(m, s)| json!(format!("{m}m{s}s"))),
        (1000u64..9000).prop_map(|n| json!(format!("{n}ms"))),
    ]
}

/// An `execution` item of any kind.
fn item() -> impl Strategy<Value = Value> {
    let users = (1u64..500, duration(), duration())
        .prop_map(|(n, ramp, hold)| json!({ "users": n, "ramp-up": ramp, "hold-for": hold }));
    let per_task =
        (1u64..500, duration(), 1u64..9, any::<bool>()).prop_map(|(n, hold, rounds, text)| {
            let n = if text { json!(n.to_string()) } else { json!(n) };
            json!({ "concurrency": n, "hold-for": hold, "iterations": rounds })
        });
    let arrivals = (1u32..4000, duration(), 1u64..900).prop_map(|(n, hold, most)| {
        json!({ "arrivals": f64::from(n) / 4.0 + 1.0, "hold-for": hold, "connections": most, "pacing": "spin" })
    });
    let stages = (
        any::<bool>(),
        prop::collection::vec((1u64..300, duration()), 1..5),
    )
        .prop_map(|(open, stages)| {
            let stages: Vec<_> = stages
                .into_iter()
                .map(|(target, duration)| json!({ "target": target, "duration": duration }))
                .collect();
            let mut item = json!({ "stages": stages, "graceful-stop": "2s", "give-up-after": "never", "dns": { "policy": "first", "refresh": "5s" } });
            if open {
                item["arrivals"] = json!(0);
            }
            item
        });
    let counted = (1u64..500, 1u64..100_000, any::<bool>()).prop_map(|(n, total, per_task)| {
        let of = if per_task { "concurrency" } else { "users" };
        json!({ of: n, "total-requests": total })
    });
    prop_oneof![users, per_task, arrivals, stages, counted]
}

fn request() -> impl Strategy<Value = Value> {
    let url = prop_oneof![
        "/([a-z0-9][a-z0-9/]{0,20})?",
        "http://[a-z]{1,9}(:80[0-9]{2})?/[a-z0-9/?=&%]{0,20}"
            .prop_filter("percent", |url| !url.contains('%')),
    ];
    let method = prop::sample::select(vec![
        "GET", "POST", "PUT", "DELETE", "PATCH", "HEAD", "OPTIONS",
    ]);
    let full = (
        url.clone(),
        method,
        "[ -#%-~é\n]{0,20}",
        duration(),
        any::<bool>(),
    )
        .prop_map(|(url, method, body, pause, follow)| {
            json!({
                "url": url, "method": method, "body": body, "think-time": pause,
                "headers": { "X-Kind": body.replace('\n', " ") }, "follow-redirects": follow,
            })
        });
    let request = prop_oneof![
        url.prop_map(Value::from),
        full,
        crate::scenario::deep::deep_request()
    ];
    request.prop_recursive(2, 12, 3, |inside| block(inside.boxed()))
}

/// A block of any kind around requests.
fn block(inside: BoxedStrategy<Value>) -> impl Strategy<Value = Value> {
    let list = prop::collection::vec(inside, 1..3);
    (list.clone(), list, 0usize..7, 1u64..9).prop_map(|(one, other, kind, n)| match kind {
        0 => json!({ "if": "${who} == 'me' or ${id} > 4", "then": one, "else": other }),
        1 => json!({ "while": "not ${who} matches '^m'", "do": one }),
        2 => json!({ "loop": n, "do": one }),
        3 => json!({ "once": one }),
        4 => json!({ "choose": [{ "weight": n, "do": one }, { "do": other }, { "do": [] }] }),
        5 => json!({ "transaction": format!("all of {n}"), "do": [
            { "action": "pause", "pause-duration": "uniform(1s, 2s)" },
            { "loop": 2, "do": ["/in"] },
        ] }),
        _ => json!({ "once": [{ "if": "true", "then": one }] }),
    })
}

/// A scenario file without a fault.
fn body() -> impl Strategy<Value = Value> {
    (
        prop::collection::vec(item(), 1..4),
        prop::collection::vec(request(), 1..4),
        prop::option::of((1u64..9, 1u64..300, 1u64..5, 1u64..300)),
        any::<bool>(),
        any::<bool>(),
    )
        .prop_map(|(mut execution, requests, tasks, live, named)| {
            for item in &mut execution {
                item["scenario"] = json!("the shop");
            }
            let source = match named {
                true => json!({ "path": "users.csv", "delimiter": "tab", "loop": false, "variable-names": "who, age" }),
                false => json!("users.csv"),
            };
            let shop = json!({
                "default-address": "https://shop.example/v1", "requests": requests, "timeout": "7s", "store-cookie": live,
                "variables": { "who": "me", "base": "https://other.example", "id": "/4", "token": "" },
                "data-sources": [source],
            });
            let mut body = json!({
                "testScenario": { "execution": execution, "scenarios": { "the shop": shop } },
                "showLive": live,
            });
            if let Some((one, users, two, others)) = tasks {
                body["testTaskConfigs"] = json!([
                    { "region": "lo-home-1", "taskCount": one, "concurrency": users },
                    { "region": "lo-home-2", "taskCount": two, "concurrency": others },
                ]);
            }
            body
        })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn yaml_and_json_mean_the_same(body in body()) {
        let yaml = serde_saphyr::to_string(&body).unwrap();
        let from_yaml = Scenario::from_text(yaml.as_bytes(), Format::Yaml, &defaults(), Outside::files(&files), Purpose::Run);
        prop_assert_eq!(from_yaml.map_err(|faults| faults.to_string()), read(&body));
    }

    /// The filled body is a scenario that means the same and has no more gaps.
    #[test]
    fn the_filled_body_is_filled(body in body()) {
        let first = read(&body).unwrap();
        let again = read(&first.body.to_serde()).unwrap();
        prop_assert_eq!(&again.body, &first.body);
        prop_assert_eq!(&again.plan, &first.plan);
        prop_assert_eq!(&again.tasks, &first.tasks);
    }

    #[test]
    fn a_runner_reads_back_its_regions_plan(body in body()) {
        let scenario = read(&body).unwrap();
        for task in &scenario.tasks {
            let document = scenario.region_document(&task.region);
            prop_assert_eq!(Plan::from_document(&document).unwrap(), scenario.region_plan(&task.region));
        }
    }

    /// Whatever stands where, there is an answer and each fault has a path.
    #[test]
    fn anything_anywhere_is_answered(
        body in body(),
        at in any::<prop::sample::Index>(),
        strange in prop::sample::select(vec![
            json!(null), json!(true), json!(-1), json!(1e300), json!(""), json!("\u{0}"), json!([]), json!([[]]), json!({}),
            json!({ "a.b": [null] }), json!("${x}"), json!(u64::MAX),
        ]),
    ) {
        let mut body = body;
        let mut pointers = Vec::new();
        collect_pointers(&body, String::new(), &mut pointers);
        *body.pointer_mut(at.get::<String>(&pointers)).unwrap() = strange;
        let read = Scenario::from_text(body.to_string().as_bytes(), Format::Json, &defaults(), Outside::files(&files), Purpose::Run);
        if let Err(faults) = read {
            prop_assert!(!faults.0.is_empty());
            prop_assert!(faults.0.iter().all(|fault| !fault.path.is_empty() && !fault.reason.is_empty()));
        }
    }
}

fn collect_pointers(value: &Value, at: String, into: &mut Vec<String>) {
    match value {
        Value::Object(map) => {
            for (key, value) in map {
                collect_pointers(value, format!("{at}/{key}"), into);
            }
        }
        Value::Array(list) => {
            for (key, value) in list.iter().enumerate() {
                collect_pointers(value, format!("{at}/{key}"), into);
            }
        }
        _ => {}
    }
    into.push(at);
}

/// A scenario with `value` put at `pointer`, keys on the way made.
fn with(item: &Value, pointer: &str, value: Value) -> Value {
    let mut body = json!({
        "testScenario": {
            "execution": [item],
            "scenarios": { "shop": { "requests": [{ "url": "http://h/" }] } },
        },
    });
    let pointer = pointer
        .replace("E/", "testScenario/execution/0/")
        .replace("R/", "S/requests/0/")
        .replace("S/", "testScenario/scenarios/shop/");
    let mut place = &mut body;
    for key in pointer.split('/') {
        place = match (key.parse::<usize>(), place.is_array()) {
            (Ok(at), true) => &mut place[at],
            _ => &mut place[key],
        };
    }
    *place = value;
    body
}

/// (where, just inside, just outside), of the body.
fn body_limits() -> Vec<(&'static str, Value, Value)> {
    let x = |n: usize| json!("x".repeat(n));
    let many = |n: usize, value: Value| Value::Array(vec![value; n]);
    vec![
        ("testId", x(128), x(129)),
        ("testName", x(3), x(2)),
        ("testName", x(255), x(256)),
        ("testDescription", x(3), x(2)),
        (
            "testDescription",
            x(LONGEST_DESCRIPTION),
            x(LONGEST_DESCRIPTION + 1),
        ),
        ("healthyThreshold", json!(0), json!(-1)),
        ("healthyThreshold", json!(100), json!(101)),
        (
            "tags",
            many(MOST_TAGS, json!("a")),
            many(MOST_TAGS + 1, json!("a")),
        ),
        (
            "thresholds",
            many(MOST_THRESHOLDS, json!("error_rate<1%")),
            many(MOST_THRESHOLDS + 1, json!("error_rate<1%")),
        ),
        ("scheduleTimezone", x(64), x(65)),
        (
            "testTaskConfigs",
            json!([{ "taskCount": 8 }]),
            json!([{ "taskCount": 9 }]),
        ),
        (
            "testTaskConfigs",
            json!([{ "taskCount": "1" }]),
            json!([{ "taskCount": "0" }]),
        ),
        (
            "testTaskConfigs",
            json!([{ "concurrency": 25000 }]),
            json!([{ "concurrency": 25001 }]),
        ),
        (
            "testTaskConfigs",
            json!([{ "concurrency": "1" }]),
            json!([{ "concurrency": "0" }]),
        ),
    ]
}

/// (where, just inside, just outside), of the plan.
fn plan_limits() -> Vec<(&'static str, Value, Value)> {
    let x = |n: usize| json!("x".repeat(n));
    let url = |n: usize| json!(format!("http://h/{}", "x".repeat(n - 9)));
    let many = |n: usize, value: Value| Value::Array(vec![value; n]);
    let headers = |n: usize| {
        (0..n)
            .map(|n| (format!("X-{n}"), json!("a")))
            .collect::<Value>()
    };
    vec![
        ("E/users", json!(1), json!(0)),
        ("E/users", json!(MOST_USERS), json!(MOST_USERS + 1)),
        ("E/hold-for", json!("1s"), json!("999ms")),
        ("E/hold-for", json!("31d"), json!("31d1ms")),
        ("E/ramp-up", json!("30d"), json!("31d")),
        (
            "E/iterations",
            json!(MOST_ITERATIONS),
            json!(MOST_ITERATIONS + 1),
        ),
        ("E/throughput", json!(0.001), json!(0)),
        ("E/throughput", json!(1e7), json!(10_000_001)),
        ("E/graceful-stop", json!("0s"), json!("-1s")),
        ("E/graceful-stop", json!("10m"), json!("10m1ms")),
        ("E/give-up-after", json!("1s"), json!("999ms")),
        ("E/give-up-after", json!("31d"), json!("31d1ms")),
        ("E/give-up-after", json!("never"), json!("Never")),
        ("E/give-up-after", json!(90), json!(true)),
        ("S/timeout", json!("1ms"), json!("0.5ms")),
        ("S/timeout", json!("1h"), json!("1h1ms")),
        (
            "S/timeouts",
            json!({ "connect": "1h" }),
            json!({ "connect": "1h1ms" }),
        ),
        ("S/think-time", json!("24h"), json!("24h1ms")),
        (
            "S/max-redirects",
            json!(MOST_REDIRECTS),
            json!(MOST_REDIRECTS + 1),
        ),
        ("S/expect-status", json!([100, 599]), json!([100, 600])),
        (
            "S/expect-status",
            many(MOST_STATUSES, json!(200)),
            many(MOST_STATUSES + 1, json!(200)),
        ),
        (
            "S/headers",
            headers(MOST_HEADERS),
            headers(MOST_HEADERS + 1),
        ),
        (
            "S/headers",
            json!({ "X": "x".repeat(LONGEST_HEADER_BYTES) }),
            json!({ "X": "x".repeat(LONGEST_HEADER_BYTES + 1) }),
        ),
        (
            "S/requests",
            many(MOST_REQUESTS, json!("http://h/")),
            many(MOST_REQUESTS + 1, json!("http://h/")),
        ),
        ("R/url", url(LONGEST_URL), url(LONGEST_URL + 1)),
        ("R/url", json!("http://h:65535/"), json!("http://h:65536/")),
        ("R/body", x(LONGEST_BODY), x(LONGEST_BODY + 1)),
        ("R/label", x(1), x(0)),
        ("R/body-file", x(LONGEST_PATH), x(LONGEST_PATH + 1)),
    ]
}

#[test]
fn limits_let_in_what_is_just_inside() {
    let item = json!({ "users": 8, "hold-for": "1s" });
    let limits = body_limits().into_iter().chain(plan_limits());
    for (at, inside, outside) in limits.chain(crate::scenario::deep::limits()) {
        read(&with(&item, at, inside)).unwrap_or_else(|fault| panic!("{at}: {fault}"));
        assert!(read(&with(&item, at, outside)).is_err(), "{at}");
    }
    let item = json!({ "arrivals": 8, "hold-for": "1s" });
    for (at, inside, outside) in [
        ("E/arrivals", json!(1), json!(0)),
        (
            "E/arrivals",
            json!(MOST_ARRIVALS),
            json!(MOST_ARRIVALS + 1.0),
        ),
        ("E/connections", json!(1), json!(0)),
        (
            "E/connections",
            json!(MOST_CONNECTIONS),
            json!(MOST_CONNECTIONS + 1),
        ),
    ] {
        read(&with(&item, at, inside)).unwrap_or_else(|fault| panic!("{at}: {fault}"));
        assert!(read(&with(&item, at, outside)).is_err(), "{at}");
    }
    let stage = json!({ "target": 5, "duration": "1s" });
    let stages = |n: usize| json!({ "stages": vec![stage.clone(); n] });
    let executions = |n: usize| json!(vec![item.clone(); n]);
    read(&with(&stages(MOST_STAGES), "showLive", json!(true))).unwrap();
    assert!(read(&with(&stages(MOST_STAGES + 1), "showLive", json!(true))).is_err());
    read(&with(
        &item,
        "testScenario/execution",
        executions(MOST_EXECUTIONS),
    ))
    .unwrap();
    assert!(
        read(&with(
            &item,
            "testScenario/execution",
            executions(MOST_EXECUTIONS + 1)
        ))
        .is_err()
    );
}

#[test]
fn what_is_odd_but_measurable_is_warned_about() {
    let item = json!({ "users": 3, "hold-for": "1s", "pacing": "spin" });
    let mut body = with(&item, "S/tls", json!({ "insecure": true }));
    body["testTaskConfigs"] = json!([{ "region": "lo-home-1", "taskCount": 4 }]);
    body["testScenario"]["scenarios"]["shop"]["headers"] =
        json!({ "Connection": "close", "X-A": "b" });
    body["testScenario"]["scenarios"]["idle"] = json!({ "requests": ["http://h/"] });
    body["testScenario"]["execution"][0]["scenario"] = json!("shop");
    let scenario = read(&body).unwrap();
    assert_eq!(
        scenario.warnings,
        [
            "testScenario.execution[0].pacing: is not used, since it belongs to arrivals",
            "testScenario.scenarios.shop.headers.Connection: is written by dlt itself and not sent as given here",
            "testScenario.scenarios.shop.tls.insecure: no certificate is verified: anyone on the way can answer for the target",
            "testScenario.scenarios.idle: is not run by any execution item",
            "testScenario.execution[0]: 3 users over 4 runners leave some without any; ask for fewer runners",
        ]
    );
    assert_eq!(
        scenario.plan.groups[0].steps[0].headers,
        [("X-A".to_owned(), "b".to_owned())]
    );
}
