//! What is written is what is meant, sent and kept: numbers as text, URLs byte for
//! byte, passwords out of URLs, and no fault that follows from another.

use crate::scenario::plan::{Auth, Body, Check, Wanted};
use crate::scenario::tests::{defaults, files};
use crate::scenario::{Format, Outside, Plan, Purpose, Scenario};
use crate::value::Value;

fn read(text: &str) -> Result<Scenario, String> {
    Scenario::from_text(
        text.as_bytes(),
        Format::Yaml,
        &defaults(),
        Outside::files(&files),
        Purpose::Run,
    )
    .map_err(|faults| faults.to_string())
}

/// A scenario of these requests, with more keys of its own.
fn shop(requests: &str, more: &str) -> String {
    format!(
        "testScenario:\n  execution: [{{ users: 1, hold-for: 5s, scenario: s }}]\n  scenarios:\n    s: {{ requests: [{requests}]{more} }}\n"
    )
}

/// The same scenario, stored and read back as the API and runners do.
fn again(scenario: &Scenario) -> Vec<Plan> {
    let stored = scenario.body.to_string();
    let body: Value = serde_json::from_str(&stored).unwrap();
    let of_body = Scenario::from_stored(&body, Outside::files(&files), Purpose::Run)
        .unwrap()
        .plan;
    let region = &scenario.tasks[0].region;
    let document = serde_json::to_vec(&scenario.region_document(region)).unwrap();
    let document: Value = serde_json::from_slice(&document).unwrap();
    vec![of_body, Plan::from_document(&document).unwrap()]
}

const NUMBERS: &str = "{ url: \"http://h/${v}\", method: POST, form: { a: 1.50, b: 12e5, c: 0x1F, d: -0.0, e: .5 }, assert-jsonpath: [{ jsonpath: $.p, expected-value: 100.00 }], extract-jsonpath: { w: { jsonpath: $.w, default: 7.10 } } }";

#[test]
fn numbers_keep_their_text_where_they_are_texts() {
    let text = shop(
        NUMBERS,
        ", variables: { v: 1.10, big: 123456789012345678901234 }",
    );
    let scenario = read(&text).unwrap();
    let mut plans = again(&scenario);
    plans.push(scenario.plan.clone());
    for plan in plans {
        let group = &plan.groups[0];
        let step = &group.steps[0];
        let pairs = |pairs: &[(String, String)]| {
            let pairs = pairs.iter().map(|(name, value)| format!("{name}={value}"));
            pairs.collect::<Vec<_>>().join(" ")
        };
        assert_eq!(
            pairs(&group.variables),
            "v=1.10 big=123456789012345678901234"
        );
        let Body::Form(fields) = &step.body else {
            panic!("no form: {:?}", step.body);
        };
        assert_eq!(pairs(fields), "a=1.50 b=12e5 c=0x1F d=-0.0 e=.5");
        assert_eq!(step.extractions[0].default.as_deref(), Some("7.10"));
        let Check::Json {
            expected: Some(Wanted::Number(number)),
            ..
        } = &step.checks[0]
        else {
            panic!("no number: {:?}", step.checks);
        };
        assert_eq!(number.text(), "100.00");
    }
    // Clients see numbers as numbers.
    let variables = &scenario.body["testScenario"]["scenarios"]["s"]["variables"];
    assert_eq!(
        variables.to_string(),
        r#"{"v":1.10,"big":123456789012345678901234}"#
    );
}

#[test]
fn numbers_that_are_computed_with_are_numbers() {
    let text = "testScenario:\n  execution: [{ arrivals: .5e1, ramp-up: +2, hold-for: 0x5, scenario: s }]\n  scenarios: { s: { requests: [\"http://h/\"], timeout: 1.50 } }\n";
    let scenario = read(text).unwrap();
    let group = &scenario.plan.groups[0];
    assert_eq!(group.load.model.curve().peak(), 5.0);
    assert_eq!(group.load.model.curve().end_us(), 7_000_000);
    assert_eq!(group.steps[0].timeouts.total_us, 1_500_000);
    for plan in again(&scenario) {
        assert_eq!(plan, scenario.plan);
    }
}

#[test]
fn a_url_is_kept_as_written_and_its_label_says_what_is_sent() {
    for (url, label) in [
        ("http://h/a/../b/./c", "GET /a/../b/./c"),
        ("http://h/%2E%2e/x", "GET /%2E%2e/x"),
        ("http://h/a\\b;v=1?x='y'", "GET /a\\b;v=1"),
        ("http://h/a/7/../b", "GET /a/{id}/../b"),
        ("http://h/plain?x=1", "GET /plain"),
    ] {
        let scenario = read(&shop(&format!("'{}'", url.replace('\'', "''")), "")).unwrap();
        let step = &scenario.plan.groups[0].steps[0];
        assert_eq!(step.label, label, "{url}");
        let sent = step
            .url_text
            .as_ref()
            .map_or(step.url.as_str(), |text| &text.text);
        assert_eq!(sent, url);
        for plan in again(&scenario) {
            assert_eq!(plan, scenario.plan);
        }
    }
    for (url, fault) in [
        ("http://h/a b", "has a space"),
        ("http://h\\a", "backslash"),
    ] {
        let fault_told = read(&shop(&format!("'{url}'"), "")).unwrap_err();
        assert!(fault_told.contains(fault), "{fault_told}");
    }
}

#[test]
fn a_value_that_leads_out_of_its_path_is_a_fault() {
    let text = |value: &str| {
        shop(
            "\"http://h/u/${v}/x\"",
            &format!(", variables: {{ v: '{value}' }}"),
        )
    };
    for value in ["..", "a/../..", "%2e%2e", "..\\x"] {
        let told = read(&text(value)).unwrap_err();
        assert!(told.contains("leads out of its path"), "{value}: {told}");
    }
    let scenario = read(&text("a?b#c")).unwrap();
    assert_eq!(scenario.plan.groups[0].steps[0].label, "GET /u/{v}/x");
    assert_eq!(
        scenario.plan.groups[0].steps[0].url.path(),
        "/u/a%3Fb%23c/x"
    );
}

#[test]
fn a_path_may_begin_in_a_variable_behind_host_or_port() {
    let more =
        ", variables: { p: /from/variables }, data-sources: [{ path: a.csv, variable-names: [q] }]";
    for (url, label, varies) in [
        ("http://h:8080${p}", "GET /{p}", false),
        ("http://h${p}?x", "GET /{p}", false),
        ("http://h:8080${q}", "GET /{q}", true),
    ] {
        let scenario = read(&shop(&format!("\"{url}\""), more)).unwrap();
        let step = &scenario.plan.groups[0].steps[0];
        assert_eq!(step.label, label, "{url}");
        assert_eq!(step.host_is_fixed(), !varies, "{url}");
        assert_eq!(step.url.host_str(), Some("h"));
    }
}

#[test]
fn a_password_in_a_url_is_basic_auth_and_stands_nowhere_else() {
    let basic = |name: &str, password: &str| {
        Some(Auth::Basic {
            username: name.to_owned(),
            password: password.to_owned(),
        })
    };
    for (requests, more, auth) in [
        ("\"http://me:s%40cret@h:81/a\"", "", basic("me", "s@cret")),
        (
            "/a",
            ", default-address: \"http://me:s%40cret@h:81\"",
            basic("me", "s@cret"),
        ),
        (
            "\"http://me:${pw}@h/${pw}\"",
            ", variables: { pw: s%40cret }",
            basic("me", "${pw}"),
        ),
        (
            "{ url: /a, auth: { bearer: t } }",
            ", default-address: \"http://me:s%40cret@h:81\"",
            Some(Auth::Bearer("t".to_owned())),
        ),
    ] {
        let scenario = read(&shop(requests, more)).unwrap();
        let step = &scenario.plan.groups[0].steps[0];
        assert_eq!(step.auth, auth, "{requests}");
        assert!(!step.label.contains("cret") && !step.url.as_str().contains("me:"));
        for plan in again(&scenario) {
            assert_eq!(plan, scenario.plan, "{requests}");
        }
        let plan = &scenario.body["testScenario"]["scenarios"]["s"];
        let url = plan["requests"][0]["url"].text().into_owned();
        assert!(!url.contains('@'), "{url}");
        assert!(!plan["default-address"].to_string().contains('@'));
    }
    let told = read(&shop("\"me:s3cret@h/a\"", "")).unwrap_err();
    assert!(!told.contains("s3cret"), "{told}");
}

#[test]
fn a_missing_file_causes_no_second_fault() {
    let text = shop(
        "\"http://h/${user}\", { url: \"http://h/\", body-file: missing.bin, method: POST }",
        ", data-sources: [missing.csv], tls: { cert-file: missing.pem, key-file: missing.key }",
    );
    let told = read(&text).unwrap_err();
    assert_eq!(told.matches("cannot be read").count(), 4, "{told}");
    assert!(!told.contains("names no variable"), "{told}");
    // One that is there does not hide a wrong name.
    let text = shop(
        "\"http://h/${nobody}\"",
        ", data-sources: [{ path: a.csv, variable-names: [user] }]",
    );
    assert!(read(&text).unwrap_err().contains("names no variable"));
}

#[test]
fn a_scenario_may_have_a_name_of_one_letter() {
    let scenario = read(&shop("\"http://h/\"", "")).unwrap();
    assert_eq!(scenario.plan.groups[0].name, "s");
}

#[test]
fn headers_may_be_a_list() {
    let text = shop(
        "{ url: \"http://h/\", headers: [{ X-A: \"1\" }, { X-B: \"2\" }, { x-a: \"3.0\" }] }",
        ", headers: [{ X-A: \"0\" }, { X-C: a }, { X-C: b }]",
    );
    let scenario = read(&text).unwrap();
    let headers = &scenario.plan.groups[0].steps[0].headers;
    let lines: Vec<_> = headers
        .iter()
        .map(|(name, value)| format!("{name}: {value}"))
        .collect();
    assert_eq!(lines, ["X-C: a", "X-C: b", "X-A: 1", "X-B: 2", "x-a: 3.0"]);
    for plan in again(&scenario) {
        assert_eq!(plan, scenario.plan);
    }
}
