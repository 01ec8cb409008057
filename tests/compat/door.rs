//! The server's door: prefixes, preflights, methods and paths that are not
//! there, and callers that have no business here.

use dlt_tests::command::Home;
use dlt_tests::documents::Document;
use dlt_tests::http::{self, Reply};
use dlt_tests::recorder::Recorder;
use dlt_tests::up::Service;
use serde_json::{Value, json};

fn send(server: &Service<'_>, method: &str, target: &str, headers: &[(&str, &str)]) -> Reply {
    http::send(&server.address, method, target, headers, b"")
}

/// A refusal in front of the application: an object with a message.
#[track_caller]
fn at_the_gateway(reply: &Reply, status: u16) {
    assert_eq!(reply.status, status, "{reply:?}");
    assert!(reply.json()["message"].is_string(), "{reply:?}");
}

#[test]
fn what_is_not_there_is_refused_in_the_contract_s_form() {
    let home = Home::new();
    let server = Service::start(&home, &[]);
    let recorder = Recorder::new(vec![Document::contract()]);
    for prefix in ["/api", "/prod"] {
        let reply = send(&server, "GET", &format!("{prefix}/scenarios"), &[]);
        assert_eq!(reply.json(), json!({"Items": []}), "{prefix}");
        assert_eq!(reply.header("access-control-allow-origin"), Some("*"));
        assert_eq!(reply.header("content-type"), Some("application/json"));
        at_the_gateway(
            &send(&server, "GET", &format!("{prefix}/nothing"), &[]),
            403,
        );
        at_the_gateway(
            &send(&server, "GET", &format!("{prefix}x/scenarios"), &[]),
            403,
        );
    }
    at_the_gateway(&send(&server, "GET", "/scenarios", &[]), 403);
    for (method, path) in [
        ("PATCH", "/scenarios"),
        ("DELETE", "/scenarios"),
        ("PUT", "/scenarios/a"),
        ("POST", "/scenarios/a/testruns"),
        ("DELETE", "/scenarios/a/testruns/b"),
        ("POST", "/scenarios/a/baseline"),
        ("POST", "/tasks"),
        ("PUT", "/regions"),
        ("DELETE", "/vCPUDetails"),
        ("PATCH", "/stack-info"),
    ] {
        let reply = recorder.ask(&server, method, path, None);
        assert_eq!(reply.status, 405, "{method} {path}");
        let said = format!("METHOD_NOT_ALLOWED: {method} is not supported on {path}");
        assert_eq!(reply.json(), Value::String(said));
    }
    // The order of checks: JSON, path, query, method.
    let broken = http::send(
        &server.address,
        "PATCH",
        "/prod/scenarios/a_b?x=1",
        &[],
        b"{",
    );
    let said = broken.json();
    let text = said.as_str().unwrap_or_default();
    assert_eq!(broken.status, 400);
    // Text that is no JSON has no code.
    assert!(text.starts_with("value: is not JSON"), "{said}");
    for (target, code) in [
        ("/scenarios/a_b?x=1", "INVALID_PATH_PARAMETER: "),
        ("/scenarios/a?x=1", "INVALID_QUERY_PARAMETER: x: "),
    ] {
        let reply = send(&server, "PATCH", &format!("/prod{target}"), &[]);
        let said = reply.json();
        assert_eq!(reply.status, 400);
        assert!(
            said.as_str().is_some_and(|text| text.starts_with(code)),
            "{said}"
        );
    }
}

#[test]
fn a_preflight_is_told_what_the_clients_send() {
    let home = Home::new();
    let server = Service::start(&home, &[]);
    for path in [
        "/prod/scenarios",
        "/api/scenarios/a/testruns",
        "/api/nothing/here",
    ] {
        let reply = send(&server, "OPTIONS", path, &[]);
        assert_eq!(reply.status, 200, "{path}");
        let told = |name: &str| reply.header(name).unwrap_or_default().to_owned();
        assert_eq!(
            told("access-control-allow-headers"),
            "Authorization,Content-Type,X-Amz-Date,X-Amz-Security-Token,X-Api-Key"
        );
        assert_eq!(
            told("access-control-allow-methods"),
            "DELETE,GET,HEAD,OPTIONS,PATCH,POST,PUT"
        );
        assert_eq!(told("access-control-allow-origin"), "*");
    }
}

#[test]
fn strangers_are_not_let_in() {
    let home = Home::new();
    let server = Service::start(&home, &[]);
    let port = server.address.rsplit(':').next().unwrap().to_owned();
    let ask = |headers: &[(&str, &str)]| send(&server, "GET", "/prod/scenarios", headers);
    for host in ["127.0.0.1", "localhost", &format!("localhost:{port}")] {
        assert_eq!(ask(&[("host", host)]).status, 200, "{host}");
    }
    for host in [
        "evil.example",
        &format!("evil.example:{port}"),
        "localhost:1",
        "0.0.0.0",
    ] {
        at_the_gateway(&ask(&[("host", host)]), 403);
    }
    let own = format!("http://localhost:{port}");
    assert_eq!(ask(&[("origin", &own)]).status, 200);
    let other = format!("http://evil.example:{port}");
    for origin in ["null", "http://localhost", "https://evil.example", &other] {
        at_the_gateway(&ask(&[("origin", origin)]), 403);
        let preflight = send(&server, "OPTIONS", "/prod/scenarios", &[("origin", origin)]);
        at_the_gateway(&preflight, 403);
    }
}
