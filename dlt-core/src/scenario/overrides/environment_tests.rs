//! Values of the environment in a file: where they stand, and where secrets may.

use super::tests::{good, read};
use crate::scenario::overrides::Overrides;
use crate::scenario::plan::{Auth, Body};
use crate::value::Value;
use proptest::prelude::*;

fn given(rows: &[(&str, &str)]) -> Overrides {
    let row = |(name, value): &(&str, &str)| ((*name).to_owned(), Some((*value).to_owned()));
    Overrides {
        environment: rows.iter().map(row).collect(),
        ..Overrides::default()
    }
}

const OF_ENVIRONMENT: &str = r#"
testName: "shop at ${env.PLACE}"
testScenario:
  execution: [{ arrivals: "${env.RATE}", hold-for: "${env.LONG}" }]
  scenarios:
    shop:
      default-address: "${env.BASE}"
      variables: { my_password: "${env.PASSWORD}", place: "in ${env.PLACE}" }
      auth: { bearer: "${env.API_TOKEN}" }
      requests: [{ url: /, method: POST, body: "${place}, ${my_password}" }]
thresholds: ["p(95)<${env.LIMIT}"]
"#;

fn whole_environment() -> Overrides {
    given(&[
        ("PLACE", "staging"),
        ("RATE", "12.5"),
        ("LONG", "20s"),
        ("BASE", "https://shop.example/v1"),
        ("PASSWORD", "hunter2"),
        ("API_TOKEN", "t0ps3cret"),
        ("LIMIT", "300ms"),
        ("UNUSED", "1"),
    ])
}

#[test]
fn values_come_from_the_environment() {
    let scenario = good(OF_ENVIRONMENT, &whole_environment());
    assert_eq!(scenario.name, "shop at staging");
    let group = &scenario.plan.groups[0];
    assert_eq!(group.load.model.curve().peak(), 12.5);
    let step = &group.steps[0];
    assert_eq!(step.url.as_str(), "https://shop.example/v1/");
    assert_eq!(step.auth, Some(Auth::Bearer("${env.API_TOKEN}".to_owned())));
    assert_eq!(step.body, Body::Text("${place}, ${my_password}".to_owned()));
    // Secrets are values of variables whose names are those of secrets, and nothing else.
    let variables = |name: &str| {
        group
            .variables
            .iter()
            .find(|row| row.0 == name)
            .unwrap()
            .1
            .clone()
    };
    assert_eq!(variables("env.API_TOKEN"), "t0ps3cret");
    assert_eq!(variables("my_password"), "hunter2");
    assert_eq!(variables("place"), "in staging");
    assert_eq!(scenario.thresholds[0].expression, "p(95)<300ms");
    insta::assert_snapshot!(scenario.changes.join("\n"));
    assert!(
        scenario
            .warnings
            .iter()
            .any(|it| it.starts_with("-e UNUSED is not used"))
    );
    let body = &scenario.body["testScenario"]["scenarios"]["shop"];
    assert_eq!(body["auth"]["bearer"], "${env.API_TOKEN}");
}

#[test]
fn what_is_missing_in_the_environment_is_named() {
    let mut overrides = whole_environment();
    overrides.environment.retain(|row| row.0 != "BASE");
    overrides.environment[1].1 = None;
    let faults = read(OF_ENVIRONMENT, &overrides).unwrap_err();
    assert!(
        faults
            .iter()
            .any(|it| it.starts_with("-e RATE: is not set in the environment: export RATE=…")),
        "{faults:?}"
    );
    let base = "testScenario.scenarios.shop.default-address: has ${env.BASE}, and the environment is read only where a flag names it: add -e BASE";
    assert!(faults.iter().any(|it| it == base), "{faults:?}");
}

#[test]
fn a_secret_stands_only_where_it_is_hidden() {
    for (from, to) in [
        ("\"shop at ${env.PLACE}\"", "\"shop at ${env.API_TOKEN}\""),
        (
            "place: \"in ${env.PLACE}\"",
            "place: \"in ${env.API_TOKEN}\"",
        ),
        ("p(95)<${env.LIMIT}", "p(95)<${env.API_TOKEN}"),
        (
            "hold-for: \"${env.LONG}\"",
            "hold-for: \"${env.API_TOKEN}\"",
        ),
    ] {
        let text = OF_ENVIRONMENT.replace(from, to);
        assert_ne!(text, OF_ENVIRONMENT);
        let faults = read(&text, &whole_environment()).unwrap_err();
        let says =
            |it: &String| it.contains("would show the value of API_TOKEN, a secret by its name");
        assert!(faults.iter().any(says), "{to}: {faults:?}");
        assert!(!faults.concat().contains("t0ps3cret"), "{faults:?}");
    }
    let faults = read(OF_ENVIRONMENT, &given(&[("PLACE", "${x}")])).unwrap_err();
    assert!(
        faults
            .iter()
            .any(|it| it.contains("the value of PLACE holds ${")),
        "{faults:?}"
    );
}

proptest! {
    /// Values are put in as they are, and nothing else changes.
    #[test]
    fn values_are_put_in_as_they_are(
        before in "[a-z $]{0,9}",
        value in "[a-z{}$\"' é]{0,9}",
        after in "[a-z {]{0,9}",
    ) {
        prop_assume!(!value.contains("${") && !before.ends_with('$'));
        let mut raw = Value::Null;
        raw["testName"] = Value::from(format!("{before}${{env.A}}{after}"));
        let changes = given(&[("A", &value)]).apply(&mut raw, super::Changes::default());
        prop_assert_eq!(changes.faults, vec![]);
        let put = format!("{before}{value}{after}");
        prop_assert_eq!(raw["testName"].as_str(), Some(put.as_str()));
    }
}
