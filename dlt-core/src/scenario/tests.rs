//! Scenarios as a whole: what is filled in, what regions get, what comes back.

use super::*;
use crate::load::{Curve, Model};
use crate::scenario::plan::{Body, Pacing, StatusSet, ThinkTime};
use serde_json::{Value, json};

pub(super) fn defaults() -> Defaults {
    Defaults {
        regions: vec![
            (Region::parse("lo-home-1").unwrap(), 8),
            (Region::parse("lo-home-2").unwrap(), 4),
        ],
        tasks: 1,
        name: "shop".to_owned(),
        show_live: true,
    }
}

/// Files whose name begins with `missing` are not there.
pub(super) fn files(name: &str) -> Result<String, String> {
    if name.starts_with("missing") {
        Err(format!("cannot be read: no file {name:?}"))
    } else if name.starts_with('/') {
        Ok(name.to_owned())
    } else {
        Ok(format!("/data/{name}"))
    }
}

fn yaml(text: &str) -> Scenario {
    match Scenario::from_text(
        text.as_bytes(),
        Format::Yaml,
        &defaults(),
        Outside::files(&files),
        Purpose::Run,
    ) {
        Ok(scenario) => scenario,
        Err(faults) => panic!("{faults}"),
    }
}

fn value(body: &Value) -> Scenario {
    let text = body.to_string();
    match Scenario::from_text(
        text.as_bytes(),
        Format::Json,
        &defaults(),
        Outside::files(&files),
        Purpose::Run,
    ) {
        Ok(scenario) => scenario,
        Err(faults) => panic!("{faults}\n{body:#}"),
    }
}

const SHORTEST: &str = "
testScenario:
  execution: [{ users: 10, hold-for: 30s }]
  scenarios: { shop: { requests: [\"http://127.0.0.1:8080/\"] } }
";

const FULL: &str = r#"
testId: Xk29QmWz7B
testName: shop under load
testDescription: the shop on a Saturday
testTaskConfigs:
  - { region: lo-home-1, taskCount: 2, concurrency: 25 }
  - { region: lo-home-2, taskCount: "3", concurrency: "10", x-note: mine }
testScenario:
  execution:
    - { ramp-up: 1m30s, hold-for: 5m, iterations: 7, throughput: 120.5, graceful-stop: 10s, scenario: shop }
    - { arrivals: 50, stages: [{ target: 50, duration: 10s }, { target: 50, duration: 1m }], connections: 500, pacing: precise, dns: { refresh: 1m, policy: v6 }, scenario: api }
    - { concurrency: 3, hold-for: 60, scenario: shop }
  scenarios:
    shop:
      default-address: https://shop.example:8443/v1/
      headers: { Accept: text/html, X-Kind: load }
      timeout: 20s
      think-time: 250ms
      keepalive: false
      max-redirects: 3
      tls: { ca-file: ca.pem, cert-file: me.pem, key-file: me.key }
      expect-status: ["2xx", 304]
      requests:
        - /
        - { url: "/orders/4711?x=1", method: POST, headers: { accept: application/json }, body: '{"a":1}', think-time: 1s, timeout: 90s, follow-redirects: false, expect-status: 201 }
        - { url: /upload, method: PUT, body-file: big.bin, label: upload }
    api:
      timeouts: { connect: 2s, first-byte: 5s }
      requests: ["http://api.example/items/3F2504E0-4f89-11d3-9a0c-0305e82c3301"]
thresholds: ["p(95)<200ms", "error_rate<1%"]
tags: [Big Sale, big-sale, "2026"]
healthyThreshold: 75
x-mine: kept
"#;

#[test]
fn the_shortest_file_gets_every_default() {
    let scenario = yaml(SHORTEST);
    assert_eq!(scenario.warnings, Vec::<String>::new());
    insta::assert_json_snapshot!("shortest_body", scenario.body);
    let group = &scenario.plan.groups[0];
    assert_eq!(
        group.load.model,
        Model::Users(Curve::ramp_hold(10.0, 0, 30_000_000))
    );
    assert!(!group.load.per_task && group.connection_policy.keeps());
    assert_eq!(group.load.graceful_stop_us, 5_000_000);
    assert_eq!(scenario.plan.give_up_after_us(), Some(5_000_000));
    let step = &group.steps[0];
    assert_eq!(
        (step.label.as_str(), step.method.as_str()),
        ("GET /", "GET")
    );
    assert_eq!((step.max_redirects, step.follow_redirects), (10, true));
    assert_eq!(step.timeouts, plan::Timeouts::default());
    assert_eq!(step.expect_status, StatusSet::default());
}

#[test]
fn a_full_file_is_read_to_the_last_key() {
    let scenario = yaml(FULL);
    insta::assert_json_snapshot!("full_body", scenario.body);
    assert_eq!(scenario.warnings, Vec::<String>::new());
    assert_eq!(scenario.healthy_threshold, 75);
    assert_eq!(scenario.thresholds.len(), 2);
    let [first, second, third] = &scenario.plan.groups[..] else {
        panic!("three groups");
    };
    let Model::Users(curve) = &first.load.model else {
        panic!("users");
    };
    assert_eq!(*curve, Curve::ramp_hold(25.0, 90_000_000, 300_000_000));
    assert_eq!(
        (first.load.per_task, first.load.iterations),
        (true, Some(7))
    );
    assert_eq!(first.load.throughput, Some(120.5));
    assert_eq!(first.load.graceful_stop_us, 10_000_000);
    assert_eq!(first.tls.cert_file.as_deref(), Some("/data/me.pem"));
    let [home, order, upload] = &first.steps[..] else {
        panic!("three steps");
    };
    assert_eq!(home.url.as_str(), "https://shop.example:8443/v1/");
    assert_eq!(home.timeouts.total_us, 20_000_000);
    assert_eq!(home.timeouts.first_byte_us, 20_000_000);
    assert_eq!(home.timeouts.connect_us, 10_000_000);
    assert!(home.expect_status.contains(304) && !home.expect_status.contains(404));
    // Two hosts, so labels name theirs.
    assert_eq!(order.label, "POST shop.example:8443/v1/orders/{id}");
    assert_eq!(
        order.headers,
        [
            ("X-Kind".to_owned(), "load".to_owned()),
            ("accept".to_owned(), "application/json".to_owned()),
        ]
    );
    assert_eq!(order.body, Body::Text("{\"a\":1}".to_owned()));
    assert_eq!(
        (order.think_time, order.timeouts.first_byte_us),
        (ThinkTime::Fixed(1_000_000), 90_000_000)
    );
    assert!(!order.follow_redirects && order.expect_status.contains(201));
    assert_eq!(
        (upload.label.as_str(), &upload.body),
        ("upload", &Body::File("/data/big.bin".to_owned()))
    );
    let curve = Curve::stages(0.0, &[(50.0, 10_000_000), (50.0, 60_000_000)]);
    assert_eq!(second.load.model, Model::Arrivals(curve));
    assert_eq!(
        (second.load.connections, second.load.pacing),
        (500, Pacing::Precise)
    );
    let dns = plan::Dns {
        refresh_us: 60_000_000,
        policy: plan::DnsPolicy::V6,
    };
    assert_eq!(
        (second.dns, third.dns),
        (dns, plan::Dns::default()),
        "each item has its own"
    );
    assert_eq!(second.steps[0].label, "GET api.example/items/{id}");
    assert_eq!(second.steps[0].timeouts.connect_us, 2_000_000);
    assert_eq!(third.load.model.curve().peak(), 3.0);
}

#[test]
fn spare_capacity_is_the_workers_of_all_items() {
    let items = |second: &str| {
        SHORTEST.replace(
            "[{ users: 10, hold-for: 30s }]",
            &format!(
                "[{{ users: 4, hold-for: 9s, spot: 40 }}, {{ users: 1, hold-for: 9s{second} }}]"
            ),
        )
    };
    assert_eq!(yaml(&items("")).spot, 40);
    assert_eq!(yaml(&items(", spot: 40")).spot, 40);
    let text = items(", spot: 60");
    let read = Scenario::from_text(
        text.as_bytes(),
        Format::Yaml,
        &defaults(),
        Outside::files(&files),
        Purpose::Run,
    );
    let faults = read.unwrap_err().to_string();
    assert!(
        faults.contains(
            "testScenario.execution[1].spot: is 60, and testScenario.execution[0] says 40"
        ),
        "{faults}"
    );
}

const DEEP: &str = r#"
testScenario:
  execution: [{ users: 10, hold-for: 30s }]
  scenarios:
    shop:
      default-address: "${base}/v1"
      variables: { base: https://shop.example, retries: 3, live: true }
      data-sources:
        - { path: users.csv, delimiter: tab, quoted: false, loop: false, variable-names: "name, pin" }
      headers: { Authorization: own, X-Try: "${retries}" }
      store-cookie: false
      requests:
        - "/users/${name}/orders/4711"
        - { url: /login, method: POST, auth: { basic: { username: "${name}", password: "${pin}" } }, form: { live: "${live}", n: 5 }, extract-jsonpath: { token: $.token, next: { jsonpath: $.next, default: "" } } }
        - { url: "${next}", label: "next of ${name}", auth: { bearer: "${token}" }, assert: [ok, { contains: 2.., subject: http-code }] }
        - { url: "http://${name}.example:80/", auth: none, upload-files: [{ param: f, path: f.png }], method: PUT, assert-jsonpath: [{ jsonpath: $.a, expected-value: null, invert: true }] }
        - { url: "/${retries}", extract-regexp: { id: "id=(.)(.)", all: { regexp: x, match-no: 2, subject: headers, default: 0 } } }
"#;

#[test]
fn variables_and_what_uses_them_are_read() {
    let scenario = yaml(DEEP);
    assert_eq!(scenario.warnings, Vec::<String>::new());
    insta::assert_json_snapshot!("deep_body", scenario.body["testScenario"]["scenarios"]);
    let region = &scenario.tasks[0].region;
    let read = Plan::from_document(&scenario.region_document(region)).unwrap();
    assert_eq!(read, scenario.region_plan(region));
    let group = &scenario.plan.groups[0];
    assert!(!group.store_cookies && !group.data[0].recycled && !group.data[0].quoted);
    assert_eq!(group.data[0].path, "/data/users.csv");
    assert_eq!(group.data[0].columns.as_deref().unwrap(), ["name", "pin"]);
    assert_eq!(group.variables[2], ("live".to_owned(), "true".to_owned()));
    let labels: Vec<_> = group.steps.iter().map(|step| step.label.as_str()).collect();
    assert_eq!(
        labels,
        [
            "GET shop.example/v1/users/{name}/orders/{id}",
            "POST shop.example/v1/login",
            "next of ${name}",
            "PUT 1.example/",
            "GET shop.example/v1/{retries}",
        ]
    );
    let [orders, login, next, host, _] = &group.steps[..] else {
        panic!("five steps");
    };
    let text = orders.url_text.as_ref().unwrap();
    assert_eq!(text.text, "${base}/v1/users/${name}/orders/4711");
    let fixed: Vec<_> = group.steps.iter().map(plan::Step::host_is_fixed).collect();
    assert_eq!(fixed, [true, true, false, false, true]);
    // A request's auth wins over its scenario's header, `none` leaves it.
    assert_eq!(login.headers.len(), 1);
    assert!(matches!(login.auth, Some(plan::Auth::Basic { .. })));
    assert_eq!((host.headers.len(), &host.auth), (2, &None));
    assert_eq!(next.url_text.as_ref().unwrap().base, "${base}/v1");
    assert_eq!((next.checks.len(), login.extractions.len()), (2, 2));
}

#[test]
fn a_region_gets_its_own_users_and_reads_them_back() {
    let scenario = yaml(FULL);
    let (one, two) = (&scenario.tasks[0].region, &scenario.tasks[1].region);
    insta::assert_json_snapshot!("region_document", scenario.region_document(two));
    for region in [one, two] {
        let read = Plan::from_document(&scenario.region_document(region)).unwrap();
        assert_eq!(read, scenario.region_plan(region));
    }
    assert_eq!(scenario.region_plan(one), scenario.plan);
    let peaks: Vec<_> = scenario
        .region_plan(two)
        .groups
        .iter()
        .map(|group| group.load.model.curve().peak())
        .collect();
    assert_eq!(peaks, [10.0, 50.0, 3.0]);
    let faults = Plan::from_document(&json!({}).into()).unwrap_err();
    assert_eq!(faults.0.len(), 2);
}

#[test]
fn a_quick_run_may_count_its_requests() {
    let url = "http://127.0.0.1:9/".to_owned();
    let counted = value(&quick(&Quick {
        url,
        requests: Some(500),
        no_keepalive: true,
        ..Quick::default()
    }));
    let group = &counted.plan.groups[0];
    assert_eq!(
        (group.load.total_requests, group.connection_policy.keeps()),
        (Some(500), false)
    );
    assert_eq!(group.load.model.curve().peak(), 10.0);
}

#[test]
fn quick_runs_are_scenarios() {
    let url = "http://127.0.0.1:9/".to_owned();
    let scenario = value(&quick(&Quick {
        url: url.clone(),
        ..Quick::default()
    }));
    let load = &scenario.plan.groups[0].load;
    assert_eq!(
        load.model,
        Model::Users(Curve::ramp_hold(10.0, 0, 10_000_000))
    );
    let full = value(&quick(&Quick {
        url: url.clone(),
        method: Some("POST".to_owned()),
        headers: vec!["X-A: b: c".to_owned()],
        body: Some("x".to_owned()),
        arrivals: Some(500.0),
        stages: vec!["500:30s".to_owned(), "0:5s".to_owned()],
        tasks: vec![("lo-home-2".to_owned(), 4)],
        thresholds: vec!["p(99)<1s".to_owned()],
        timeout: Some("2s".to_owned()),
        ca_file: Some("ca.pem".to_owned()),
        connections: Some(50),
        think_time: Some("1s".to_owned()),
        name: Some("my run".to_owned()),
        no_follow: true,
        ..Quick::default()
    }));
    assert_eq!(full.warnings, Vec::<String>::new());
    assert_eq!(
        (full.name.as_str(), full.tasks[0].task_count),
        ("my run", 4)
    );
    let step = &full.plan.groups[0].steps[0];
    assert_eq!(step.headers, [("X-A".to_owned(), "b: c".to_owned())]);
    assert_eq!(step.body, Body::Text("x".to_owned()));
    assert!(!step.follow_redirects && full.plan.groups[0].load.model.is_open());

    let wrong = quick(&Quick {
        url: "example.com".to_owned(),
        headers: vec!["nocolon".to_owned()],
        stages: vec!["many:30s".to_owned(), "5".to_owned()],
        ..Quick::default()
    });
    let faults = Scenario::from_text(
        wrong.to_string().as_bytes(),
        Format::Json,
        &defaults(),
        Outside::files(&files),
        Purpose::Run,
    )
    .unwrap_err();
    let paths: Vec<_> = faults.0.iter().map(|fault| fault.path.as_str()).collect();
    assert_eq!(
        paths,
        [
            "testScenario.execution[0].stages[0].target",
            "testScenario.execution[0].stages[1]",
            "testScenario.scenarios.quick run.requests[0].url",
            "testScenario.scenarios.quick run.requests[0].headers.nocolon",
        ]
    );
}

/// A run ends as a whole: the most patient of its groups decides.
#[test]
fn how_long_a_target_may_be_out_of_reach() {
    let plan = |first: &str, second: &str| {
        let item = |after: &str| format!("{{ users: 1, hold-for: 5s, scenario: a{after} }}");
        let text = format!(
            "testScenario:\n  execution: [{}, {}]\n  scenarios: {{ a: {{ requests: ['http://127.0.0.1/'] }} }}\n",
            item(first),
            item(second)
        );
        let text = text.as_bytes();
        Scenario::from_text(
            text,
            Format::Yaml,
            &defaults(),
            Outside::files(&files),
            Purpose::Run,
        )
        .map(|read| read.plan.give_up_after_us())
    };
    for (first, second, expected) in [
        ("", "", Some(5_000_000)),
        ("", ", give-up-after: 1s", Some(5_000_000)),
        (
            ", give-up-after: 1s",
            ", give-up-after: 2s",
            Some(2_000_000),
        ),
        (", give-up-after: 1m30s", "", Some(90_000_000)),
        (", give-up-after: 30", "", Some(30_000_000)),
        (", give-up-after: never", ", give-up-after: 7s", None),
    ] {
        assert_eq!(plan(first, second).unwrap(), expected, "{first} {second}");
    }
    for (wrong, said) in [
        (
            "nie",
            "must be never, or a duration like 5s or 1m, not \"nie\"",
        ),
        ("0s", "must be from 1s to 31d, not 0s"),
        ("[]", "must be a duration"),
    ] {
        let faults = plan(&format!(", give-up-after: {wrong}"), "").unwrap_err();
        assert!(faults.to_string().contains(said), "{faults}");
    }
}
