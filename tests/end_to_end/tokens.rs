//! Who is let in: `dlt-mcp http` and `dlt up --auth` before tokens of a pool
//! of our own. Each wrong one gets its status and its challenge, and nothing
//! behind the door is asked.

use dlt_tests::behaviour::body;
use dlt_tests::http::{self, Reply};
use dlt_tests::issuer::{ISSUER, Issuer, KID, Signer, now, token};
use dlt_tests::mcp::{HttpServer, post};
use dlt_tests::patience;
use dlt_tests::target::{Target, everywhere};
use serde_json::{Value, json};
use std::process::Command;
use std::time::Duration;

mod emulator;
mod up;
mod wrong;

const RESOURCE: &str = "https://load.example/mcp";
const SCOPE: &str = "dlt-mcp-gateway/read";
const METADATA: &str = "https://load.example/.well-known/oauth-protected-resource/mcp";

fn header() -> Value {
    json!({"alg": "RS256", "kid": KID})
}

/// What a token of the console holds, with changes; null takes away.
fn claims(changes: &Value) -> Value {
    let mut all = json!({
        "iss": ISSUER, "exp": now() + 600, "iat": now() - 10, "auth_time": now() - 10,
        "token_use": "access", "client_id": "console", "sub": "11111111-aaaa",
        "username": "somebody", "scope": "openid email profile", "jti": "j", "version": 2,
    });
    for (name, value) in changes.as_object().unwrap() {
        match value {
            Value::Null => all.as_object_mut().unwrap().remove(name),
            value => all
                .as_object_mut()
                .unwrap()
                .insert(name.clone(), value.clone()),
        };
    }
    all
}

fn good(changes: Value) -> String {
    token(Signer::Pool, &header(), &claims(&changes))
}

/// A token of an app for itself.
fn machine(changes: Value) -> String {
    let mut all = json!({"client_id": "machine", "sub": "machine", "username": null,
        "scope": SCOPE});
    for (name, value) in changes.as_object().unwrap() {
        all[name] = value.clone();
    }
    good(all)
}

fn pool() -> Issuer {
    Issuer::start(&[Signer::Pool.jwk(KID)])
}

fn flags(issuer: &Issuer) -> Vec<String> {
    let keys = issuer.jwks_url();
    [
        "--issuer",
        ISSUER,
        "--jwks-url",
        &keys,
        "--allowed-client",
        "console",
        "--allowed-client",
        "machine",
        "--scope-exempt-client",
        "console",
        "--resource",
        RESOURCE,
        "--allowed-host",
        "load.example",
    ]
    .map(str::to_owned)
    .to_vec()
}

fn started(issuer: &Issuer, more: &[&str], api: &Target) -> HttpServer {
    let flags = flags(issuer);
    let mut args: Vec<&str> = flags.iter().map(String::as_str).collect();
    args.extend_from_slice(more);
    HttpServer::start(&args, &[("DLT_API_URL", &api.url("/api"))])
}

fn api() -> Target {
    everywhere(body(200, "{\"regions\":{}}"))
}

fn call() -> Value {
    json!({"jsonrpc": "2.0", "id": 1, "method": "tools/call",
        "params": {"name": "get_runners", "arguments": {}}})
}

fn with(server: &HttpServer, token: &str) -> Reply {
    let value = format!("Bearer {token}");
    post(&server.address, &call(), &[("authorization", &value)])
}

/// What a challenge must hold for a status.
fn check(name: &str, reply: &Reply, status: u16) {
    let text = String::from_utf8_lossy(&reply.body).into_owned();
    assert_eq!(reply.status, status, "{name}: {text}");
    let challenge = reply
        .header("www-authenticate")
        .unwrap_or_else(|| panic!("{name}: no challenge"));
    assert!(challenge.starts_with("Bearer "), "{name}: {challenge}");
    let metadata = format!("resource_metadata=\"{METADATA}\"");
    assert!(challenge.contains(&metadata), "{name}: {challenge}");
    let error = match status {
        400 => "error=\"invalid_request\"",
        403 => "error=\"insufficient_scope\"",
        _ => "error=\"invalid_token\"",
    };
    assert!(challenge.contains(error), "{name}: {challenge}");
    let scope = format!("scope=\"{SCOPE}\"");
    assert_eq!(
        challenge.contains(&scope),
        status != 400,
        "{name}: {challenge}"
    );
    assert!(
        !text.contains("eyJ") && !challenge.contains("eyJ"),
        "{name}: a token is told"
    );
}

#[test]
fn no_wrong_token_reaches_a_tool() {
    let _shared = patience::shared();
    let (issuer, api) = (pool(), api());
    let server = started(&issuer, &[], &api);
    let cases = wrong::tokens();
    let several = wrong::places(&server);
    assert!(cases.len() + several.len() >= 40);
    for (name, token, status) in cases {
        check(name, &with(&server, &token), status);
    }
    for (name, reply, status) in several {
        check(name, &reply, status);
    }
    for (name, headers) in [
        ("nothing", vec![]),
        ("basic", vec![("authorization", "Basic eDp5")]),
    ] {
        let reply = post(&server.address, &call(), &headers);
        assert_eq!(reply.status, 401, "{name}");
        let wanted = format!("Bearer scope=\"{SCOPE}\", resource_metadata=\"{METADATA}\"");
        assert_eq!(
            reply.header("www-authenticate"),
            Some(wanted.as_str()),
            "{name}"
        );
    }
    assert_eq!(api.log.count(), 0, "nothing behind the door was asked");
    // Once at the start, once for the first unknown key, and no more.
    assert_eq!(issuer.asked().len(), 2);
    assert_eq!(with(&server, &good(json!({}))).status, 200);
    assert!(api.log.count() > 0);
}

#[test]
fn names_pages_and_sizes_are_looked_at_before_tokens() {
    let _shared = patience::shared();
    let (issuer, api) = (pool(), api());
    let server = started(&issuer, &[], &api);
    let fine = format!("Bearer {}", good(json!({})));
    let long = "x".repeat(40_000);
    for (name, value, status) in [
        ("host", "evil.example", 403),
        ("host", "load.example.evil.example", 403),
        ("origin", "https://evil.example", 403),
        ("origin", "null", 403),
        ("x-long", long.as_str(), 431),
        ("host", "load.example", 200),
        ("origin", "https://load.example", 200),
        ("origin", "http://localhost:3000", 200),
    ] {
        let before = api.log.count();
        let headers = [("authorization", fine.as_str()), (name, value)];
        let reply = post(&server.address, &call(), &headers);
        assert_eq!(
            reply.status,
            status,
            "{name}: {}",
            &value[..20.min(value.len())]
        );
        assert_eq!(api.log.count() > before, status == 200, "{name}: {status}");
    }
    let headers = [
        ("authorization", fine.as_str()),
        ("content-length", "300000"),
    ];
    let reply = http::send(&server.address, "POST", "/mcp", &headers, b"");
    assert_eq!(reply.status, 413);
    // Neither wants a token.
    for open in ["/healthz", "/.well-known/oauth-protected-resource"] {
        assert_eq!(
            http::send(&server.address, "GET", open, &[], b"").status,
            200
        );
    }
}

#[test]
fn scopes_groups_and_audience_open_the_door() {
    let _shared = patience::shared();
    let (issuer, api) = (pool(), api());
    let server = started(&issuer, &[], &api);
    for (name, token) in [
        ("console", good(json!({}))),
        ("machine", machine(json!({}))),
        (
            "two scopes",
            machine(json!({"scope": format!("a/b {SCOPE}")})),
        ),
        ("audience", good(json!({"aud": RESOURCE}))),
        (
            "clocks apart",
            good(json!({"exp": now() - 20, "iat": now() + 20})),
        ),
    ] {
        assert_eq!(with(&server, &token).status, 200, "{name}");
    }
    let strict = ["--allowed-group", "testers,admins", "--require-audience"];
    let server = started(&issuer, &strict, &api);
    let of = |changes: Value| with(&server, &good(changes));
    let reply = of(json!({"aud": RESOURCE, "cognito:groups": ["x", "admins"]}));
    assert_eq!(reply.status, 200);
    for (changes, status) in [
        (json!({"cognito:groups": ["admins"]}), 401),
        (json!({"aud": RESOURCE}), 403),
        (json!({"aud": RESOURCE, "cognito:groups": ["Admins"]}), 403),
    ] {
        check("strict", &of(changes), status);
    }
}

#[test]
fn keys_change_and_issuers_fail() {
    let _shared = patience::shared();
    let (issuer, api) = (pool(), api());
    let server = started(&issuer, &[], &api);
    let next = token(
        Signer::Next,
        &json!({"alg": "RS256", "kid": "access-2"}),
        &claims(&json!({})),
    );
    let old = good(json!({}));
    assert_eq!(with(&server, &old).status, 200);
    issuer.show(&[Signer::Next.jwk("access-2")]);
    assert_eq!(
        with(&server, &next).status,
        200,
        "a new key is found at once"
    );
    check("rotated", &with(&server, &old), 401);
    // The issuer may go: known keys stay.
    issuer.say("/jwks.json", None);
    assert_eq!(with(&server, &next).status, 200);
    // It may come late, too.
    let late = started(&issuer, &[], &api);
    // That is no fault of the token.
    assert_eq!(with(&late, &next).status, 503, "no keys");
    issuer.show(&[Signer::Next.jwk("access-2")]);
    patience::until("the issuer is asked again", Duration::from_secs(30), || {
        (with(&late, &next).status == 200).then_some(())
    });
}

#[test]
fn clients_are_told_where_tokens_come_from() {
    let _shared = patience::shared();
    let (issuer, api) = (pool(), api());
    let get = |server: &HttpServer, path: &str| http::send(&server.address, "GET", path, &[], b"");
    let plain = started(&issuer, &[], &api);
    for path in ["", "/mcp"] {
        let told = get(
            &plain,
            &format!("/.well-known/oauth-protected-resource{path}"),
        );
        let wanted = json!({"resource": RESOURCE, "authorization_servers": [ISSUER],
            "scopes_supported": [SCOPE], "bearer_methods_supported": ["header"],
            "resource_name": "Distributed load testing"});
        assert_eq!(told.json(), wanted);
    }
    let facade = "/.well-known/oauth-authorization-server";
    assert_eq!(get(&plain, facade).status, 404);
    let server = started(&issuer, &["--oauth-facade"], &api);
    assert_eq!(get(&server, facade).status, 503);
    let discovery = json!({"issuer": ISSUER,
        "authorization_endpoint": "https://pool.example/oauth2/authorize",
        "token_endpoint": "https://pool.example/oauth2/token"});
    issuer.say("/openid-configuration", Some(discovery.to_string()));
    let told = patience::until("the issuer is asked again", Duration::from_secs(30), || {
        let told = get(&server, facade);
        (told.status == 200).then(|| told.json())
    });
    assert_eq!(told["issuer"], "https://load.example");
    assert_eq!(told["token_endpoint"], discovery["token_endpoint"]);
    assert_eq!(told["code_challenge_methods_supported"], json!(["S256"]));
    let resource = get(&server, "/.well-known/oauth-protected-resource/mcp").json();
    assert_eq!(
        resource["authorization_servers"],
        json!(["https://load.example"])
    );
    assert_eq!(with(&server, &good(json!({}))).status, 200);
}

#[test]
fn who_asks_too_often_is_told_to_wait() {
    let _shared = patience::shared();
    let (issuer, api) = (pool(), api());
    let server = started(&issuer, &[], &api);
    let many = (0..3_000).map(|_| with(&server, "abc"));
    let told = many.take(3_000).find(|reply| reply.status == 429);
    let told = told.expect("a limit");
    assert_eq!(told.header("retry-after"), Some("1"));
    assert_eq!(api.log.count(), 0);
}

/// Behind a proxy all clients have one address: those without a good token use up nothing of the others'.
#[test]
fn calls_without_a_good_token_take_nothing_from_those_with_one() {
    let _shared = patience::shared();
    let (issuer, api) = (pool(), api());
    let server = started(&issuer, &[], &api);
    let refused = (0..3_000).map(|_| with(&server, "abc").status);
    assert!(refused.into_iter().any(|status| status == 429), "a limit");
    for _ in 0..20 {
        assert_eq!(with(&server, &good(json!({}))).status, 200);
        // Theirs is still used up, or nearly.
        with(&server, "abc");
    }
}

#[test]
fn strangers_are_served_only_behind_a_guard() {
    let refused = |args: &[&str]| {
        let mut command = Command::new(dlt_tests::mcp::mcp_binary());
        let ended = command.args(["http", "--listen"]).args(args).output();
        let ended = ended.unwrap();
        assert_eq!(ended.status.code(), Some(2), "{args:?}");
        String::from_utf8(ended.stderr).unwrap()
    };
    assert!(refused(&["0.0.0.0:0"]).contains("not a loopback address"));
    assert!(refused(&["0.0.0.0:0", "--issuer", ISSUER]).contains("--resource"));
    let named = ["0.0.0.0:0", "--issuer", ISSUER, "--resource", RESOURCE];
    assert!(refused(&named).contains("--allowed-client"));
    assert!(refused(&["127.0.0.1:0", "--allowed-client", "a"]).contains("--issuer"));
}
