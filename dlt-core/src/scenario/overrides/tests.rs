//! What flags change of a file, what is refused, and what of it is told.

mod ways;

use crate::scenario::overrides::Overrides;
use crate::scenario::plan::{HttpChoice, Pacing};
use crate::scenario::quick::Quick;
use crate::scenario::tests::{defaults, files};
use crate::scenario::{Format, Outside, Purpose, Scenario};
use crate::value::Value;
use proptest::prelude::*;
use serde_json::json;

const SHOP: &str = r#"
testName: shop
testDescription: the shop on a Saturday
testTaskConfigs: [{ region: lo-home-1, taskCount: 2 }]
testScenario:
  execution: [{ users: 10, ramp-up: 5s, hold-for: 30s, throughput: 100 }]
  scenarios:
    shop:
      default-address: "${base}"
      variables: { base: "http://127.0.0.1:8080", my_token: none }
      headers: { X-Kind: load, Accept: text/html }
      requests:
        - /
        - { url: /cart, method: POST, headers: { accept: application/json, X-Own: "1" }, timeout: 9s, body: "${my_token}" }
thresholds: ["p(95)<200ms", "error_rate<1%", "rate>5/s"]
"#;
const TWO: &str = r#"
testScenario:
  execution:
    - { users: 10, hold-for: 30s, scenario: browse }
    - { arrivals: 5, hold-for: 30s, scenario: buy }
  scenarios:
    browse: { requests: ["http://127.0.0.1:8080/"] }
    buy: { requests: ["http://127.0.0.1:8080/buy"] }
"#;

pub(super) fn read(text: &str, overrides: &Overrides) -> Result<Scenario, Vec<String>> {
    let known = defaults();
    let read = Scenario::from_file(
        text.as_bytes(),
        Format::Yaml,
        overrides,
        (&known, Outside::files(&files)),
        Purpose::Run,
    );
    read.map_err(|faults| {
        let faults = faults.0.into_iter();
        faults
            .map(|it| format!("{}: {}", it.path, it.reason))
            .collect()
    })
}

pub(super) fn good(text: &str, overrides: &Overrides) -> Scenario {
    read(text, overrides).unwrap_or_else(|faults| panic!("{faults:#?}"))
}

fn flags(flags: Quick) -> Overrides {
    Overrides {
        flags,
        ..Overrides::default()
    }
}

fn texts(texts: &[&str]) -> Vec<String> {
    texts.iter().map(|&text| text.to_owned()).collect()
}

#[test]
fn one_file_serves_a_laptop_and_production() {
    let overrides = Overrides {
        flags: Quick {
            users: Some(500),
            duration: Some("5m".to_owned()),
            ramp_up: Some("1m".to_owned()),
            headers: texts(&["Accept: */*", "Authorization: Bearer t0ps3cret"]),
            timeout: Some("3s".to_owned()),
            thresholds: texts(&["p(95)<1s", "login: p(95)<1s"]),
            ca_file: Some("/ca.pem".to_owned()),
            ..Quick::default()
        },
        tasks: Some(4),
        variables: vec![
            ("base".to_owned(), "https://shop.example".to_owned()),
            ("my_token".to_owned(), "t0ps3cret".to_owned()),
        ],
        ..Overrides::default()
    };
    // A label that no request has is a fault with the flag that it came from.
    let faults = read(SHOP, &overrides).unwrap_err();
    assert_eq!(faults.len(), 1, "{faults:?}");
    assert!(faults[0].ends_with("(--threshold)"), "{faults:?}");
    let mut overrides = overrides;
    overrides.flags.thresholds.pop();
    let scenario = good(SHOP, &overrides);
    let group = &scenario.plan.groups[0];
    assert_eq!(group.load.model.curve().peak(), 500.0);
    assert_eq!(scenario.plan.end_us(), 360_000_000);
    assert_eq!(group.load.throughput, Some(100.0));
    assert_eq!(scenario.tasks[0].task_count, 4);
    let steps = &group.steps;
    assert_eq!(steps[1].url.as_str(), "https://shop.example/cart");
    assert_eq!(steps[1].timeouts.total_us, 3_000_000);
    let headers = |at: usize| -> Vec<String> {
        let headers = steps[at].headers.iter();
        headers
            .map(|(name, value)| format!("{name}: {value}"))
            .collect()
    };
    let all = [
        "X-Kind: load",
        "Accept: */*",
        "Authorization: Bearer t0ps3cret",
    ];
    assert_eq!(headers(0), all);
    assert_eq!(headers(1), [&all[..], &["X-Own: 1"]].concat());
    assert_eq!(group.tls.ca_file.as_deref(), Some("/ca.pem"));
    let thresholds: Vec<_> = scenario
        .thresholds
        .iter()
        .map(|it| &it.expression)
        .collect();
    assert_eq!(thresholds, ["error_rate<1%", "rate>5/s", "p(95)<1s"]);
    insta::assert_snapshot!(scenario.changes.join("\n"));
    assert!(
        scenario
            .description
            .starts_with("the shop on a Saturday (Changed by flags: -c: ")
    );
    let told = format!("{}{}", scenario.description, scenario.changes.join(""));
    assert!(!told.contains("t0ps3cret"), "{told}");
    assert_eq!(good(SHOP, &Overrides::default()).changes, texts(&[]));
}

#[test]
fn users_arrivals_and_stages_take_each_other_s_place() {
    let arrivals = Quick {
        arrivals: Some(50.0),
        ..Quick::default()
    };
    let load = |overrides: Quick| good(SHOP, &flags(overrides)).plan.groups[0].load.clone();
    let open = load(arrivals.clone());
    assert!(open.model.is_open() && open.throughput.is_none());
    assert_eq!(open.model.curve().peak(), 50.0);
    let precise = |arrivals| Quick {
        arrivals,
        pacing: Some("precise".to_owned()),
        ..Quick::default()
    };
    assert_eq!(load(precise(Some(50.0))).pacing, Pacing::Precise);
    let faults = read(SHOP, &flags(precise(None))).unwrap_err();
    assert!(
        faults[0].starts_with("--pacing: cannot be meant for execution[0]"),
        "{faults:?}"
    );
    let stages = Quick {
        stages: texts(&["5:10s", "20:1m"]),
        ..Quick::default()
    };
    let closed = load(stages.clone());
    assert!(!closed.model.is_open());
    assert_eq!(closed.model.curve().peak(), 20.0);
    let open = load(Quick {
        arrivals: Some(0.0),
        ..stages.clone()
    });
    assert!(open.model.is_open());
    let staged = SHOP.replace(
        "users: 10, ramp-up: 5s, hold-for: 30s",
        "stages: [{ target: 5, duration: 9s }]",
    );
    let faults = read(&staged, &flags(arrivals.clone())).unwrap_err();
    assert!(
        faults[0].starts_with("--arrivals: the file's load is in stages"),
        "{faults:?}"
    );
    let faults = read(
        &staged,
        &flags(Quick {
            duration: Some("1m".to_owned()),
            ..Quick::default()
        }),
    )
    .unwrap_err();
    assert!(
        faults[0].starts_with("-d: cannot be meant for execution[0]"),
        "{faults:?}"
    );
    let both = Quick {
        duration: Some("1m".to_owned()),
        ..arrivals
    };
    let held = good(&staged, &flags(both));
    assert_eq!(held.plan.end_us(), 60_000_000);
}

#[test]
fn what_cannot_be_meant_for_all_items_names_them() {
    let one = |quick: Quick| read(TWO, &flags(quick));
    let held = one(Quick {
        duration: Some("7s".to_owned()),
        ..Quick::default()
    })
    .unwrap();
    assert!(
        held.plan
            .groups
            .iter()
            .all(|group| group.load.model.curve().end_us() == 7_000_000)
    );
    for (flag, quick) in [
        (
            "-c",
            Quick {
                users: Some(5),
                ..Quick::default()
            },
        ),
        (
            "--arrivals",
            Quick {
                arrivals: Some(5.0),
                ..Quick::default()
            },
        ),
        (
            "--stages",
            Quick {
                stages: texts(&["5:9s"]),
                ..Quick::default()
            },
        ),
        (
            "--throughput",
            Quick {
                throughput: Some(5.0),
                ..Quick::default()
            },
        ),
        (
            "--connections",
            Quick {
                connections: Some(5),
                ..Quick::default()
            },
        ),
    ] {
        let faults = one(quick).unwrap_err();
        assert_eq!(faults.len(), 1, "{faults:?}");
        let begin = format!(
            "{flag}: says the load of one execution item, and this file has 2: execution[0] (browse), execution[1] (buy)"
        );
        assert!(faults[0].starts_with(&begin), "{faults:?}");
    }
    let faults = one(Quick {
        iterations: Some(3),
        ..Quick::default()
    })
    .unwrap_err();
    assert!(
        faults[0].starts_with("--iterations: cannot be meant for execution[1] (buy), which is"),
        "{faults:?}"
    );
}

#[test]
fn rounds_and_requests_take_each_other_s_place() {
    let rounds = SHOP.replace("throughput: 100", "iterations: 3");
    let counted = good(
        &rounds,
        &flags(Quick {
            requests: Some(500),
            no_keepalive: true,
            http: Some(HttpChoice::Http2),
            ..Quick::default()
        }),
    );
    assert_eq!(counted.plan.groups[0].http, HttpChoice::Http2);
    let load = &counted.plan.groups[0].load;
    assert_eq!((load.total_requests, load.iterations), (Some(500), None));
    // The file's time stays: whichever comes first.
    assert_eq!(counted.plan.end_us(), 35_000_000);
    assert!(!counted.plan.groups[0].connection_policy.keeps());
    assert_eq!(
        counted.changes,
        [
            "-n: total-requests 500",
            "-n: no iterations; the file has 3",
            "--no-keepalive: keepalive false",
            "--http2: http 2"
        ]
    );
    let totals = SHOP.replace("throughput: 100", "total-requests: 500");
    let rounds = good(
        &totals,
        &flags(Quick {
            iterations: Some(3),
            ..Quick::default()
        }),
    );
    let load = &rounds.plan.groups[0].load;
    assert_eq!((load.total_requests, load.iterations), (None, Some(3)));
    let faults = read(
        TWO,
        &flags(Quick {
            requests: Some(5),
            ..Quick::default()
        }),
    );
    let begin = "-n: says the load of one execution item, and this file has 2:";
    assert!(faults.unwrap_err()[0].starts_with(begin));
    // Of arrivals each makes all requests of the file.
    let faults = read(
        &totals,
        &flags(Quick {
            arrivals: Some(5.0),
            ..Quick::default()
        }),
    );
    let faults = faults.unwrap_err();
    assert!(
        faults[0].contains("an arrival makes all 2 of \"shop\""),
        "{faults:?}"
    );
}

#[test]
fn runners_are_put_where_flags_say() {
    let two = SHOP.replace(
        "taskCount: 2 }",
        "taskCount: 2, concurrency: 3 }, { region: lo-home-2, taskCount: 1, concurrency: 3 }",
    );
    let tasks = |count, rows: &[(&str, u64)]| Overrides {
        tasks: Some(count),
        ..flags(Quick {
            tasks: rows
                .iter()
                .map(|(name, n)| ((*name).to_owned(), *n))
                .collect(),
            ..Quick::default()
        })
    };
    let faults = read(&two, &tasks(4, &[])).unwrap_err();
    assert!(
        faults[0].starts_with(
            "--tasks: does not say in which of the file's regions: lo-home-1, lo-home-2;"
        ),
        "{faults:?}"
    );
    let spread = good(&two, &tasks(4, &[("lo-home-2", 4)]));
    assert_eq!(spread.tasks.len(), 1);
    assert_eq!(
        (spread.tasks[0].region.as_str(), spread.tasks[0].task_count),
        ("lo-home-2", 4)
    );
    assert_eq!(spread.tasks[0].concurrency, 3);
}

/// What was changed stands in the description, which everybody may read.
#[test]
fn no_secret_of_a_flag_is_told() {
    for value in [
        "https://u:S3@h.example/?api_key=S3",
        "{\"password\": \"S3\"}",
        "token=S3",
    ] {
        let set = Overrides {
            variables: vec![("base".to_owned(), value.to_owned())],
            ..Overrides::default()
        };
        let mut raw = Value::from(json!({
            "testScenario": { "scenarios": { "a": {
                "variables": { "base": "http://h/?access_token=S3" }, "requests": ["http://h/"],
            } } },
        }));
        let told = set.apply(&mut raw, super::Changes::default()).sentences();
        assert!(!told.is_empty());
        assert!(!told.concat().contains("S3"), "{told:?}");
        let description = raw["testDescription"].as_str().unwrap_or_default();
        assert!(!description.contains("S3"), "{description}");
    }
}

#[test]
fn two_flags_that_say_the_same_are_refused() {
    let mut both = flags(Quick {
        headers: texts(&["authorization: Bearer x"]),
        ..Quick::default()
    });
    both.user = Some(("ann".to_owned(), "pw".to_owned()));
    let faults = read(SHOP, &both).unwrap_err();
    assert!(faults[0].contains("keep one"), "{faults:?}");
}

#[test]
fn a_variable_that_the_file_has_not_is_refused() {
    let set = |name: &str| Overrides {
        variables: vec![(name.to_owned(), "x".to_owned())],
        ..Overrides::default()
    };
    let faults = read(SHOP, &set("bas")).unwrap_err();
    assert_eq!(
        faults,
        ["--set: \"bas\" is no variable that the file has or uses; did you mean base?"]
    );
    let faults = read(TWO, &set("base")).unwrap_err();
    assert!(faults[0].ends_with("it has no variables"), "{faults:?}");
    let used = TWO.replace("8080/buy", "8080/${what}");
    assert!(read(&used, &Overrides::default()).is_err());
    assert_eq!(
        good(&used, &set("what")).plan.groups[1].steps[0].url.path(),
        "/x"
    );
}

#[test]
fn what_is_no_scenario_is_refused_for_what_it_is() {
    let all = Overrides {
        flags: Quick {
            users: Some(1),
            duration: Some("1s".to_owned()),
            headers: texts(&["A: b"]),
            thresholds: texts(&["p(95)<1s"]),
            insecure: true,
            timeout: Some("1s".to_owned()),
            ..Quick::default()
        },
        tasks: Some(2),
        user: Some(("a".to_owned(), "b".to_owned())),
        ..Overrides::default()
    };
    for text in [
        "[1]",
        "a",
        "testScenario: 1",
        "testScenario: { execution: 1, scenarios: [] }",
        "testScenario: { execution: [1], scenarios: { a: 1, b: { requests: 5, headers: 1, tls: 1 } } }",
        "testTaskConfigs: [1]\nthresholds: 5",
    ] {
        assert!(read(text, &all).is_err(), "{text}");
    }
}

proptest! {
    /// The same flags again change nothing, whatever they are.
    #[test]
    fn flags_mean_the_same_twice(
        users in prop::option::of(1u64..1_000),
        arrivals in prop::option::of(1u32..1_000),
        duration in prop::option::of(1u64..100),
        name in "[A-Za-z-]{1,8}",
        value in "[a-z0-9]{0,8}",
        threshold in 1u32..5_000,
        tasks in prop::option::of(1u64..8),
    ) {
        let overrides = Overrides {
            flags: Quick {
                users,
                arrivals: arrivals.filter(|_| users.is_none()).map(f64::from),
                duration: duration.map(|s| format!("{s}s")),
                headers: vec![format!("{name}: {value}"), "A: 1".to_owned(), "a: 2".to_owned()],
                thresholds: vec![format!("p(95)<{threshold}ms")],
                insecure: value.len() > 4,
                ..Quick::default()
            },
            tasks,
            user: Some((name.clone(), value.clone())),
            ..Overrides::default()
        };
        let (mut once, _) = crate::scenario::document::raw::read(SHOP.as_bytes(), Format::Yaml).unwrap();
        overrides.apply(&mut once, super::Changes::default());
        once["testDescription"] = Value::Null;
        let mut twice = once.clone();
        overrides.apply(&mut twice, super::Changes::default());
        twice["testDescription"] = Value::Null;
        prop_assert_eq!(once.to_string(), twice.to_string());
    }
}
