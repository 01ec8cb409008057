//! `dlt up --auth`: the same guard before the API and before `/mcp`.

use super::{call, check, claims, flags, good, header, machine, pool};
use dlt_tests::command::Home;
use dlt_tests::http;
use dlt_tests::issuer::{ISSUER, Issuer, Signer, now, token};
use dlt_tests::mcp::post;
use dlt_tests::patience;
use dlt_tests::up::Service;
use serde_json::json;
use std::time::Duration;

fn started<'a>(home: &'a Home, issuer: &Issuer) -> Service<'a> {
    let mut args = vec!["--auth".to_owned()];
    args.extend(flags(issuer));
    let args: Vec<&str> = args.iter().map(String::as_str).collect();
    Service::start(home, &args)
}

#[test]
fn it_asks_for_tokens_at_every_door() {
    let _shared = patience::shared();
    let (home, issuer) = (Home::new(), pool());
    let service = started(&home, &issuer);
    let fine = format!("Bearer {}", good(json!({})));
    let scenario = json!({"testId": "kept", "testName": "kept out"}).to_string();
    let api = |method: &str, path: &str, headers: &[(&str, &str)]| {
        let path = format!("/api{path}");
        http::send(
            &service.address,
            method,
            &path,
            headers,
            scenario.as_bytes(),
        )
    };
    let bad = [
        ("expired", good(json!({"exp": now() - 120})), 401),
        ("ID", good(json!({"token_use": "id"})), 401),
        (
            "stranger",
            token(Signer::Stranger, &header(), &claims(&json!({}))),
            401,
        ),
        ("scope", machine(json!({"scope": "openid"})), 403),
    ];
    for (name, token, status) in bad {
        let value = format!("Bearer {token}");
        let headers = [("authorization", value.as_str())];
        for (method, path) in [
            ("GET", "/scenarios"),
            ("POST", "/scenarios"),
            ("GET", "/none"),
        ] {
            let reply = api(method, path, &headers);
            check(name, &reply, status);
            assert!(
                reply.json()["message"].is_string(),
                "{name}: as API Gateway refuses"
            );
        }
        check(name, &post(&service.address, &call(), &headers), status);
    }
    let one = [("authorization", fine.as_str())];
    let list = http::send(&service.address, "GET", "/api/scenarios", &one, b"");
    assert_eq!(list.json(), json!({"Items": []}), "none was stored");
}

#[test]
fn a_scope_for_reading_starts_nothing() {
    let _shared = patience::shared();
    let (home, issuer) = (Home::new(), pool());
    let mut args = vec!["--auth".to_owned()];
    args.extend(flags(&issuer));
    args.extend(["--write-scope", "dlt/write"].map(str::to_owned));
    let args: Vec<&str> = args.iter().map(String::as_str).collect();
    let service = Service::start(&home, &args);
    let send = |token: &str, method: &str, path: &str| {
        let value = format!("Bearer {token}");
        let headers = [("authorization", value.as_str())];
        http::send(&service.address, method, path, &headers, b"{}")
    };
    let reader = machine(json!({}));
    assert_eq!(send(&reader, "GET", "/api/scenarios").status, 200);
    for (method, path) in [
        ("POST", "/api/scenarios"),
        ("POST", "/api/scenarios/abc"),
        ("DELETE", "/api/scenarios/abc"),
        ("PUT", "/api/scenarios/abc/baseline"),
    ] {
        let reply = send(&reader, method, path);
        assert_eq!(reply.status, 403, "{method} {path}");
        let challenge = reply.header("www-authenticate").unwrap();
        for part in [
            "error=\"insufficient_scope\"",
            "scope=\"dlt-mcp-gateway/read dlt/write\"",
        ] {
            assert!(challenge.contains(part), "{method} {path}: {challenge}");
        }
    }
    // Past the door: what is wrong now is the body.
    let writer = machine(json!({"scope": "dlt-mcp-gateway/read dlt/write"}));
    assert_eq!(send(&writer, "POST", "/api/scenarios").status, 400);
    let console = good(json!({}));
    assert_eq!(send(&console, "POST", "/api/scenarios").status, 400);
    // What a page asks, to show which buttons do something.
    for (token, may_write) in [(&reader, false), (&writer, true), (&console, true)] {
        let told = send(token, "GET", "/api/stack-info").json();
        assert_eq!(told["may_write"], may_write, "{told}");
    }
}

/// A browser has no token before it has a page, and the pages hold nothing of anybody.
#[test]
fn pages_need_no_token_and_open_nothing_else() {
    let _shared = patience::shared();
    let (home, issuer) = (Home::new(), pool());
    let service = started(&home, &issuer);
    let send = |method: &str, path: &str, headers: &[(&str, &str)]| {
        http::send(&service.address, method, path, headers, b"")
    };
    for (method, path) in [("GET", "/"), ("HEAD", "/"), ("GET", "/index.html")] {
        let reply = send(method, path, &[]);
        assert_eq!(reply.status, 200, "{method} {path}");
        let kind = reply.header("content-type").unwrap();
        assert!(kind.starts_with("text/html"), "{kind}");
        assert!(reply.header("content-security-policy").is_some());
        // Nor do they look at one.
        let refused = good(json!({"exp": now() - 120}));
        let value = format!("Bearer {refused}");
        assert_eq!(send(method, path, &[("authorization", &value)]).status, 200);
    }
    for path in [
        "/no-such-page",
        "//api/scenarios",
        "/x/../api/scenarios",
        "/./api/scenarios",
        "/%61pi/scenarios",
        "/API/scenarios",
        "/api",
        "/index.html/api/scenarios",
    ] {
        let reply = send("GET", path, &[]);
        assert_eq!(reply.status, 403, "{path}");
        assert!(
            !reply.json().to_string().contains("Items"),
            "{path}: {}",
            reply.json()
        );
    }
    for method in ["POST", "PUT", "DELETE", "PATCH"] {
        assert_eq!(send(method, "/", &[]).status, 401, "{method}");
    }
    for (headers, why) in [
        ([("host", "evil.example")], "another name"),
        ([("origin", "https://evil.example")], "another page"),
    ] {
        assert_eq!(send("GET", "/", &headers).status, 403, "{why}");
    }
    assert_eq!(service.stop().code, Some(0));
}

#[test]
fn a_reader_is_shown_no_secrets() {
    let _shared = patience::shared();
    let (home, issuer) = (Home::new(), pool());
    let mut args = vec!["--auth".to_owned()];
    args.extend(flags(&issuer));
    args.extend(["--write-scope", "dlt/write"].map(str::to_owned));
    let args: Vec<&str> = args.iter().map(String::as_str).collect();
    let service = Service::start(&home, &args);
    let send = |token: &str, method: &str, path: &str, body: &str| {
        let value = format!("Bearer {token}");
        let headers = [("authorization", value.as_str())];
        http::send(&service.address, method, path, &headers, body.as_bytes())
    };
    let reader = machine(json!({}));
    let writer = machine(json!({"scope": "dlt-mcp-gateway/read dlt/write"}));
    let saved = send(&writer, "POST", "/api/scenarios", &secret().to_string());
    let text = |reply: &http::Reply| String::from_utf8_lossy(&reply.body).into_owned();
    assert_eq!(saved.status, 200, "{}", text(&saved));
    let path = "/api/scenarios/kept";
    for (token, query, status, seen) in [
        (&reader, "", 200, false),
        (&writer, "", 200, false),
        (&reader, "?secrets=false", 200, false),
        (&reader, "?secrets=true", 403, false),
        (&writer, "?secrets=true", 200, true),
    ] {
        let reply = send(token, "GET", &format!("{path}{query}"), "");
        assert_eq!(reply.status, status, "{query}: {}", text(&reply));
        assert_eq!(
            text(&reply).contains("S3cr3t"),
            seen,
            "{query}: {}",
            text(&reply)
        );
    }
    let refused = send(
        &reader,
        "GET",
        "/api/scenarios/kept/testruns/none?secrets=true",
        "",
    );
    assert_eq!(refused.status, 403);
    assert!(
        refused.json()["message"].is_string(),
        "as API Gateway refuses"
    );
    // An agent is a reader, whoever it speaks for.
    let asked = json!({"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": {
        "name": "get_scenario_details", "arguments": {"test_id": "kept", "include_script": true}}});
    let bearer = format!("Bearer {writer}");
    let answer = post(
        &service.address,
        &asked,
        &[("authorization", bearer.as_str())],
    );
    let told = answer.json().to_string();
    assert!(
        told.contains("[redacted]") && !told.contains("S3cr3t"),
        "{told}"
    );
}

/// A scenario with a secret, to be saved.
fn secret() -> serde_json::Value {
    json!({
        "testId": "kept", "testName": "kept", "testDescription": "kept", "saveOnly": true,
        "testType": "simple", "fileType": "none", "showLive": false,
        "testTaskConfigs": [{"region": "lo-home-1", "taskCount": 1, "concurrency": 1}],
        "testScenario": {
            "execution": [{"ramp-up": "0s", "hold-for": "1s", "scenario": "one"}],
            "scenarios": {"one": {"requests": [{"url": "http://127.0.0.1:9/", "method": "GET",
                "headers": {"X-Api-Key": "S3cr3t"}}]}},
        },
        "regionalTaskDetails": {"lo-home-1": {"dltAvailableTasks": 4}},
    })
}

#[test]
fn live_events_end_with_the_token() {
    let _shared = patience::shared();
    let (home, issuer) = (Home::new(), pool());
    let service = started(&home, &issuer);
    let send = |token: &str, method: &str, path: &str, body: &str| {
        let value = format!("Bearer {token}");
        let headers = [("authorization", value.as_str())];
        http::send(&service.address, method, path, &headers, body.as_bytes())
    };
    let kept = json!({
        "testId": "kept", "testName": "kept", "testDescription": "kept", "saveOnly": true,
        "testType": "simple", "fileType": "none", "showLive": true,
        "testTaskConfigs": [{"region": "lo-home-1", "taskCount": 1, "concurrency": 1}],
        "testScenario": {
            "execution": [{"ramp-up": "0s", "hold-for": "1s", "scenario": "one"}],
            "scenarios": {"one": {"requests": [{"url": "http://127.0.0.1:9/", "method": "GET"}]}},
        },
        "regionalTaskDetails": {"lo-home-1": {"dltAvailableTasks": 4}},
    });
    let saved = send(
        &good(json!({})),
        "POST",
        "/api/scenarios",
        &kept.to_string(),
    );
    assert_eq!(
        saved.status,
        200,
        "{}",
        String::from_utf8_lossy(&saved.body)
    );
    // Good for two more seconds: a minute is forgiven to clocks that differ.
    let ending = good(json!({"exp": now() - 58}));
    let events = send(&ending, "GET", "/api/scenarios/kept/live", "");
    assert_eq!(events.status, 200);
    let text = String::from_utf8_lossy(&events.body);
    assert!(text.contains("event: status"), "{text}");
    assert_eq!(send(&ending, "GET", "/api/scenarios", "").status, 401);
}

#[test]
fn a_good_token_opens_both_doors() {
    let _shared = patience::shared();
    let (home, issuer) = (Home::new(), pool());
    let service = started(&home, &issuer);
    let fine = format!("Bearer {}", good(json!({})));
    let api = |method: &str, headers: &[(&str, &str)]| {
        http::send(&service.address, method, "/api/scenarios", headers, b"")
    };
    for path in ["/api/scenarios", "/prod/scenarios", "/api/openapi.json"] {
        let reply = http::send(&service.address, "GET", path, &[], b"");
        assert_eq!(reply.status, 401, "{path}");
        assert_eq!(reply.json(), json!({"message": "a bearer token is needed"}));
    }
    let two = [
        ("authorization", fine.as_str()),
        ("authorization", fine.as_str()),
    ];
    check("two", &api("GET", &two), 400);
    let evil = [("authorization", fine.as_str()), ("host", "evil.example")];
    assert_eq!(api("GET", &evil).status, 403);

    // With a token both doors open, under the other name too.
    let one = [("authorization", fine.as_str()), ("host", "load.example")];
    let list = api("GET", &one);
    assert_eq!(
        (list.status, list.json()),
        (200, json!({"Items": []})),
        "none was stored"
    );
    assert_eq!(api("OPTIONS", &[]).status, 200);
    let answer = post(&service.address, &call(), &one);
    assert_eq!(answer.status, 200);
    // What is behind the door answers agents without their token.
    assert_eq!(
        answer.json()["result"]["isError"],
        false,
        "{}",
        answer.json()
    );
    assert_eq!(service.stop().code, Some(0));
}

#[test]
fn it_refuses_settings_that_would_not_guard() {
    for args in [
        &["up", "--listen", "0.0.0.0:0"][..],
        &["up", "--auth"],
        &[
            "up",
            "--issuer",
            ISSUER,
            "--allowed-client",
            "a",
            "--listen",
            "127.0.0.1:0",
        ],
        &[
            "up",
            "--auth",
            "--issuer",
            ISSUER,
            "--listen",
            "127.0.0.1:0",
        ],
        &[
            "up",
            "--auth",
            "--issuer",
            ISSUER,
            "--allowed-client",
            "a",
            "--listen",
            "0.0.0.0:0",
        ],
    ] {
        let home = Home::new();
        let ended = home.run(Duration::from_secs(30), args);
        assert!(
            matches!(ended.code, Some(2 | 3)),
            "{args:?}: {}",
            ended.told()
        );
    }
}
