//! Taurus files as they are found: what runs, what is told, and by which paths.

use crate::load::Model;
use crate::scenario::plan::{Body, Check};
use crate::scenario::tests::{defaults, files};
use crate::scenario::*;
use crate::value::Value;

pub(super) fn read(text: &str) -> Result<Scenario, Faults> {
    read_with(text, &Overrides::default())
}

fn read_with(text: &str, overrides: &Overrides) -> Result<Scenario, Faults> {
    Scenario::from_file(
        text.as_bytes(),
        Format::Yaml,
        overrides,
        (&defaults(), Outside::files(&files)),
        Purpose::Run,
    )
}

pub(super) fn scenario(text: &str) -> Scenario {
    read(text).unwrap_or_else(|faults| panic!("{faults}\n{text}"))
}

pub(super) fn faults(text: &str) -> Vec<String> {
    match read(text) {
        Ok(scenario) => panic!("not refused: {:#?}", scenario.warnings),
        Err(Faults(faults)) => faults
            .into_iter()
            .map(|fault| format!("{}: {}", fault.path, fault.reason))
            .collect(),
    }
}

/// A file with most of what is found in published ones, each a little otherwise.
const SHOP: &str = r##"---
execution:
  concurrency: ${__P(users,20)}
  ramp-up: 30
  hold-for: 2m
  scenario: shop
scenarios:
  log-in:
    default-address: https://accounts.example.com/
    headers: { X-From: shop }
    variables: { currency: EUR }
    requests:
    - url: /token
      method: post
      body: { user: "${name}", password: "${password}", remember: 1 }
      extract-jsonpath:
        token: { jsonpath: $.token, default: none, match-no: 1 }
  shop:
    default-address: https://${__P(host,shop.example.com)}
    think-time: 500ms
    headers: { Content-Type: application/json, X-Version: 2 }
    data-sources: customers.csv
    retrieve-resources: false
    store-cache: false
    follow-redirects: false
    assert: { contains: [2.., 3..], subject: http-code }
    properties: { host: test.example.com, users: 30 }
    requests:
    - include-scenario: log-in
    - /
    - action: pause
      target: current-thread
      pause-duration: 2s
    - transaction: order
      do:
      - url: /orders
        method: POST
        label: 7
        body: { items: [{ id: "${__UUID}", price: 12.50 }], note: null }
        extract-regexp: { id: { regexp: 'id=(\d+)', template: $1$, default: 0 } }
        assert: paid
        assert-jsonpath: { jsonpath: $.error, expect-null: true, validate: true }
      - loop: 2
        do:
        - url: /orders/${id}
          upload-files: [{ param: photo, path: p.jpg }]
reporting:
- final-stats
- module: passfail
  criteria:
    Too slow: avg-rt of 7>2s500ms, continue as failed
modules:
  jmeter: { properties: { users: 10 }, version: 5.5 }
  console: { disable: true }
"##;

#[test]
fn a_taurus_file_is_run_as_it_is() {
    let scenario = scenario(SHOP);
    let told = format!("{}\n", scenario.warnings.join("\n"));
    let body = serde_json::to_string_pretty(&scenario.body["testScenario"].to_serde()).unwrap();
    insta::assert_snapshot!(told + &body);
    let thresholds: Vec<&str> = scenario
        .thresholds
        .iter()
        .map(|it| it.expression.as_str())
        .collect();
    assert_eq!(thresholds, ["7: all.avg<=2500000us"]);
}

#[test]
fn flags_change_properties_as_they_change_variables() {
    let overrides = Overrides {
        variables: vec![
            ("users".to_owned(), "7".to_owned()),
            ("currency".to_owned(), "USD".to_owned()),
        ],
        ..Overrides::default()
    };
    let scenario = read_with(SHOP, &overrides).unwrap();
    assert_eq!(scenario.tasks[0].concurrency, 7);
    assert_eq!(
        scenario.changes,
        [
            "--set: property users 7; the file has 30",
            "--set: currency USD; the file has EUR"
        ]
    );
    let other = Overrides {
        variables: vec![("user".to_owned(), "7".to_owned())],
        ..Overrides::default()
    };
    let told = read_with(SHOP, &other).unwrap_err().to_string();
    assert!(told.contains("\"user\" is no variable"), "{told}");
}

/// A scenario in an item of `execution`, with this load.
fn with_load(load: &str) -> String {
    format!("execution:\n- scenario: {{ requests: [\"http://h/\"] }}\n  {load}\n")
}

#[test]
fn loads_end_as_taurus_ends_them() {
    const SECOND: u64 = 1_000_000;
    const HOUR: u64 = 3_600 * SECOND;
    // What is written, the most users, the rounds of each, when it ends.
    for (load, users, rounds, end) in [
        ("", 1.0, Some(1), HOUR),
        ("concurrency: 5", 5.0, Some(1), HOUR),
        ("{ concurrency: 5, ramp-up: 10s }", 5.0, None, 10 * SECOND),
        ("{ concurrency: 0, hold-for: 10 }", 1.0, None, 10 * SECOND),
        ("{ iterations: 3, ramp-up: 0 }", 1.0, Some(3), HOUR),
        (
            "{ iterations: 0, hold-for: 1m, throughput: 0 }",
            1.0,
            None,
            60 * SECOND,
        ),
        (
            "{ concurrency: \"4\", ramp-up: 10s, hold-for: 5s, executor: gatling }",
            4.0,
            None,
            15 * SECOND,
        ),
        (
            "{ concurrency: { local: 3, cloud: 100 }, hold-for: 5s, locations: }",
            3.0,
            None,
            5 * SECOND,
        ),
        (
            "{ concurrency: 10, steps: 4, ramp-up: 8s, hold-for: 5s }",
            10.0,
            None,
            13 * SECOND,
        ),
    ] {
        let load = load.trim_matches(['{', '}', ' ']);
        let load = load.replace(", cloud: 100 }", ", cloud: 100}");
        let item = format!("execution: {{ scenario: {{ requests: [\"http://h/\"] }}, {load} }}\n");
        let scenario = scenario(&item);
        let load = &scenario.plan.groups[0].load;
        let Model::Users(curve) = &load.model else {
            panic!("{item}");
        };
        assert_eq!(
            (curve.peak(), load.iterations, curve.end_us()),
            (users, rounds, end),
            "{item}"
        );
    }
    let stepped = scenario(
        "execution: { scenario: { requests: [\"http://h/\"] }, concurrency: 10, steps: 4, ramp-up: 8s }",
    );
    let load = &stepped.plan.groups[0].load;
    let at = |second: u64| {
        (0..10).filter(move |user| {
            let spans = load.model.curve().user_spans(*user);
            spans
                .iter()
                .any(|span| (span.0..span.1).contains(&(second * SECOND)))
        })
    };
    let users: Vec<usize> = [0, 1, 2, 4, 7].map(|second| at(second).count()).to_vec();
    assert_eq!(users, [3, 3, 5, 8, 10]);
}

#[test]
fn bodies_are_what_their_type_says() {
    let body = |request: &str| {
        let text = format!(
            "execution: {{ scenario: {{ requests: [{{ url: \"http://h/\", {request} }}] }} }}"
        );
        scenario(&text).plan.groups[0].steps[0].body.clone()
    };
    let fields = |pairs: &[(&str, &str)]| -> Vec<(String, String)> {
        pairs
            .iter()
            .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
            .collect()
    };
    for (request, expected) in [
        (
            "method: POST, body: { a: 1.50, b: true, c: , d: x y }",
            Body::Form(fields(&[
                ("a", "1.50"),
                ("b", "true"),
                ("c", ""),
                ("d", "x y"),
            ])),
        ),
        (
            "method: POST, headers: { content-type: application/vnd.shop+json }, body: { a: 1.50, b: [null] }",
            Body::Text("{\"a\":1.50,\"b\":[null]}".to_owned()),
        ),
        (
            "method: PUT, headers: { Content-Type: application/json; charset=utf-8 }, body: [1, { b: é }]",
            Body::Text("[1,{\"b\":\"é\"}]".to_owned()),
        ),
        ("method: POST, body: 15", Body::Text("15".to_owned())),
        ("body: {}", Body::None),
    ] {
        assert_eq!(body(request), expected, "{request}");
    }
}

#[test]
fn what_a_scenario_checks_is_checked_of_each_request() {
    let text = "execution: { scenario: a }
scenarios:
  a:
    assert: [one]
    extract-regexp: { id: { regexp: x, default: 1 } }
    requests:
    - http://h/
    - { url: \"http://h/\", assert: two, extract-regexp: { id: { regexp: y, default: 2 } } }
";
    let scenario = scenario(text);
    let steps = &scenario.plan.groups[0].steps;
    let counts: Vec<(usize, usize)> = steps
        .iter()
        .map(|step| (step.checks.len(), step.extractions.len()))
        .collect();
    assert_eq!(counts, [(1, 1), (2, 1)]);
    assert_eq!(steps[1].extractions[0].default.as_deref(), Some("2"));
    let Check::Contains { wanted, .. } = &steps[1].checks[0] else {
        panic!("{steps:?}")
    };
    assert!(format!("{wanted:?}").contains("two"));
    // A fault of it is told once, where it stands.
    let told = faults(&text.replace("[one]", "[{ contains: [\"(\"] }]"));
    assert_eq!(told.len(), 1, "{told:#?}");
    assert!(
        told[0].starts_with("scenarios.a.assert[0].contains[0]: "),
        "{told:#?}"
    );
}

/// What would not happen is told with the nearest way: all at once, each kind once, by the
/// paths of the file.
#[test]
fn what_is_not_done_is_told_at_once() {
    let text = r##"
provisioning: cloud
execution:
- { scenario: a, delay: 10s, executor: selenium, hold-for: 1:30 }
- { scenario: a, start-at: tomorrow, hold-for: 10 }
- { scenario: { script: test.jmx }, concurrency: 5 }
scenarios:
  a:
    cookies: [{ name: a, value: b }]
    authorization: { url: http://h/, name: n, password: p, mechanism: digest }
    random-source-ip: true
    requests:
    - include-scenario: b
    - include-scenario: nowhere
    - { url: "http://h/", body: { a: b } }
    - { url: "http://h/", method: POST, body: { a: { b: 1 } } }
    - { url: "http://h/", think-time: "uniform(1s, 3s)" }
    - { url: "http://h/", think-time: "poisson(2s, 1s)" }
    - { url: "http://h/${__groovy(1+1)}" }
    - { url: "http://h/${__P(nobody)}" }
    - { once: [http://h/] }
    - { action: stop, target: all-threads }
  b:
    requests:
    - { if: "${x} == 1", then: [http://h/], else: [http://h/] }
    - { if: "${x} == 2", then: [http://h/] }
    - { while: "true", do: [http://h/] }
    - { foreach: a in b, do: [http://h/] }
    - { loop: forever, do: [http://h/] }
    - include-scenario: a
services:
- { module: shellexec, prepare: [make] }
- monitoring
modules: { local: { sequential: true } }
settings: { env: { A: b }, artifacts-dir: out }
included-configs: [more.yml]
reporting:
- { module: passfail, criteria: ["fail>10% for 5s, stop as failed"] }
"##;
    insta::assert_snapshot!(faults(text).join("\n"));
}

#[test]
fn loops_are_bounded() {
    let text = |inside: &str| {
        format!(
            "execution: {{ scenario: a }}\nscenarios:\n  a: {{ requests: [{inside}] }}\n  b: {{ requests: [] }}\n"
        )
    };
    let many = text("{ loop: 1000, do: [\"http://h/\", \"http://h/\"] }");
    let group = &scenario(&many).plan.groups[0];
    assert_eq!((group.steps.len(), group.flow.requests), (2, Some(2_000)));
    for (inside, told) in [
        (
            "{ loop: 18446744073709551615, do: [\"http://h/\"] }",
            "loop: must be a whole number",
        ),
        (
            "{ loop: 0, do: [\"http://h/\"] }",
            "loop: must be a whole number",
        ),
        (
            "{ loop: 2.5, do: [\"http://h/\"] }",
            "loop: must be a whole number",
        ),
        (
            "{ loop: -1, do: [\"http://h/\"] }",
            "loop: must be a whole number",
        ),
        (
            "{ loop: often, do: [\"http://h/\"] }",
            "or forever, not \"often\"",
        ),
        ("{ loop: 2 }", "do: is missing"),
    ] {
        let all = faults(&text(inside)).join("\n");
        assert!(all.contains(told), "{inside}: {all}");
    }
    let deep = (0..12).fold("{ include-scenario: b }".to_owned(), |inside, _| {
        format!("{{ loop: 100, do: [{inside}] }}")
    });
    let all = faults(&text(&deep)).join("\n");
    assert!(all.contains("one block too many"), "{all}");
}

#[test]
fn a_name_and_a_password_are_basic_auth() {
    let of = |authorization: &str| {
        read(&format!(
            "execution: {{ scenario: a }}\nscenarios:\n  a: {{ default-address: \"http://h\", authorization: {authorization}, requests: [/] }}\n"
        ))
    };
    for good in [
        "{ name: ann, password: x }",
        "[{ url: \"http://h/\", name: ann, password: x, mechanism: BASIC, realm: \"\" }]",
    ] {
        let scenario = of(good).unwrap();
        let auth = &scenario.plan.groups[0].steps[0].auth;
        assert!(format!("{auth:?}").contains("ann"), "{auth:?}");
    }
    for bad in [
        "{ name: ann, password: x, mechanism: kerberos }",
        "[{ name: ann, password: x }, { name: bob, password: y }]",
        "{ url: \"http://other/\", name: ann, password: x }",
    ] {
        let told = of(bad).unwrap_err().to_string();
        assert!(
            told.contains("scenarios.a.authorization") && told.contains("write auth"),
            "{told}"
        );
    }
}

/// YAML's own traps are answered as in any scenario file.
#[test]
fn traps_of_yaml_are_told() {
    let told = faults(&with_load("hold-for: 1:30"));
    assert!(
        told[0].contains("execution[0].hold-for") && told[0].contains("1m30s"),
        "{told:?}"
    );
    let told = faults("execution: { scenario: { keepalive: off, requests: [\"http://h/\"] } }");
    assert!(
        told[0].starts_with("execution.scenario.keepalive: must be true or false"),
        "{told:?}"
    );
    let told = faults(
        "x-a: &a { concurrency: 5 }\nexecution: { <<: *a, scenario: { requests: [\"http://h/\"] } }",
    );
    assert!(
        told[0].contains("is not YAML") || told[0].contains("<<"),
        "{told:?}"
    );
    let told = faults(
        "execution: { concurrency: 1, concurrency: 2, scenario: { requests: [\"http://h/\"] } }",
    );
    assert!(
        told[0].contains("concurrency") && told[0].contains("twice"),
        "{told:?}"
    );
    let anchored = "x-a: &a [\"http://h/\"]\nexecution: { scenario: { requests: *a } }";
    assert_eq!(scenario(anchored).plan.groups[0].steps.len(), 1);
}

/// How requests connect is one thing for a whole scenario: an included one neither loses its way nor
/// gives it to the requests around it.
#[test]
fn an_included_scenario_connects_like_the_one_around_it() {
    let text = |outer: &str, inner: &str| {
        format!(
            "execution: {{ scenario: a }}\nscenarios:\n  a: {{ {outer}requests: [{{ include-scenario: b }}] }}\n  b: {{ {inner}requests: [\"http://h/\"] }}\n"
        )
    };
    let (proxy, other) = ("proxy: \"http://p:3128\", ", "proxy: \"http://q:3128\", ");
    for (outer, inner) in [
        ("", proxy),
        (other, proxy),
        ("", "resolve: [\"h:80:127.0.0.1\"], "),
    ] {
        let told = faults(&text(outer, inner)).join("\n");
        assert!(told.contains("write both alike"), "{told}");
    }
    for outer in ["", proxy] {
        scenario(&text(outer, outer));
        scenario(&text(outer, ""));
    }
}

/// A property that nobody asks for is most often one whose name was mistyped.
#[test]
fn properties_without_a_use_are_told() {
    let text = "execution: { scenario: a }\nscenarios:\n  a: { properties: { mine: 1 }, requests: [\"http://h/${__P(used)}\"] }\n\
        modules: { jmeter: { properties: { used: 1, usde: 2 } } }\n";
    let told = scenario(text).warnings.join("\n");
    for (name, is_told) in [("usde", true), ("mine", true), ("used", false)] {
        let wanted = format!("the property {name} is not used");
        assert_eq!(told.contains(&wanted), is_told, "{name}: {told}");
    }
}

/// Files that are scenario files already are not touched.
#[test]
fn a_scenario_file_is_not_rewritten() {
    let text = "testScenario:\n  execution: [{ users: 5, hold-for: 5s, executor: gatling }]\n  scenarios: { a: { requests: [{ url: \"http://h/\", method: post }] } }\n";
    let told = faults(text).join("\n");
    assert!(
        told.contains("testScenario.execution[0].executor"),
        "{told}"
    );
    assert!(
        told.contains("testScenario.scenarios.a.requests[0].method"),
        "{told}"
    );
    let both = format!("{text}execution: []\n");
    let told = faults(&both).join("\n");
    assert!(told.contains("execution: unknown key"), "{told}");
}

#[test]
fn unused_scenarios_and_empty_files_are_told() {
    let two = "execution: { scenario: a }\nscenarios: { a: { requests: [\"http://h/\"] }, b: { requests: [oops] } }";
    assert_eq!(
        scenario(two).warnings,
        ["scenarios.b: is not run by any execution item"]
    );
    let told = faults("scenarios: { a: { requests: [\"http://h/\"] } }").join("\n");
    assert!(told.starts_with("execution: is missing"), "{told}");
    let told = faults("execution: { scenario: nowhere }").join("\n");
    assert!(
        told.contains("scenarios: is missing") || told.contains("nowhere"),
        "{told}"
    );
    assert_eq!(
        scenario(&with_load("")).body["testScenario"]["scenarios"]["scenario 1"]["requests"][0]["method"],
        "GET"
    );
    assert_eq!(Value::Null, scenario(two).body["execution"]);
}
