//! A table of claims and their results, and tokens that cannot be parsed.

use super::*;
use serde_json::json;
use std::collections::BTreeSet;

const NOW: i64 = 1_700_000_000;
const ISSUER: &str = "https://idp.example/pool";
const RESOURCE: &str = "https://load.example/mcp";

fn set(words: &[&str]) -> BTreeSet<String> {
    words.iter().map(|word| (*word).to_owned()).collect()
}

fn settings() -> Settings {
    Settings {
        issuer: ISSUER.to_owned(),
        jwks_url: format!("{ISSUER}/.well-known/jwks.json").parse().unwrap(),
        resource: RESOURCE.to_owned(),
        clients: set(&["console", "machine"]),
        scopes: vec!["load/read".to_owned(), "load/more".to_owned()],
        scope_exempt: set(&["console"]),
        write_scope: None,
        groups: BTreeSet::new(),
        require_audience: false,
        oauth_facade: false,
        hosts: Vec::new(),
    }
}

fn claims(changes: Value) -> Claims {
    let mut all = json!({
        "iss": ISSUER, "exp": NOW + 600, "iat": NOW - 600, "token_use": "access",
        "client_id": "console", "sub": "somebody", "scope": "openid email profile",
    });
    for (name, value) in changes.as_object().unwrap() {
        all[name] = value.clone();
    }
    serde_json::from_value(all).unwrap()
}

fn judged(settings: &Settings, changes: Value) -> u16 {
    match authorize(&claims(changes), settings, NOW) {
        Ok(_) => 200,
        Err(Denial::NoToken | Denial::Invalid(_)) => 401,
        Err(Denial::Unavailable) => 503,
        Err(Denial::Malformed(_)) => 400,
        Err(Denial::Insufficient(_) | Denial::ReadOnly) => 403,
    }
}

#[test]
fn a_read_scope_does_not_allow_writes() {
    let reader = json!({"client_id": "machine", "scope": "load/read load/more"});
    let writer = json!({"client_id": "machine", "scope": "load/read load/more load/write"});
    let mut settings = settings();
    let mut writes = |scope: Option<&str>, changes: &Value| {
        settings.write_scope = scope.map(str::to_owned);
        let principal = authorize(&claims(changes.clone()), &settings, NOW);
        principal.unwrap().writes
    };
    assert!(writes(None, &json!({})), "people's app");
    assert!(!writes(None, &reader) && !writes(None, &writer));
    assert!(!writes(Some("load/write"), &reader));
    assert!(writes(Some("load/write"), &writer));
}

#[test]
fn every_claim_is_checked() {
    for (changes, wanted) in [
        (json!({}), 200),
        (json!({"aud": RESOURCE}), 200),
        (json!({"exp": NOW - 59}), 200),
        (json!({"iat": NOW + 60, "nbf": NOW + 60}), 200),
        (
            json!({"client_id": "machine", "scope": "load/more load/read"}),
            200,
        ),
        (json!({"iss": null}), 401),
        (json!({"iss": "https://idp.example/pool/"}), 401),
        (json!({"iss": "https://idp.example/other"}), 401),
        (json!({"exp": null}), 401),
        (json!({"exp": NOW - 60}), 401),
        (json!({"exp": i64::MIN}), 401),
        (json!({"iat": null}), 401),
        (json!({"iat": NOW + 61}), 401),
        (json!({"nbf": NOW + 61}), 401),
        (json!({"token_use": null}), 401),
        (json!({"token_use": "id"}), 401),
        (json!({"client_id": null}), 401),
        (json!({"client_id": "stranger"}), 401),
        (json!({"aud": "https://other.example/mcp"}), 401),
        (json!({"aud": [RESOURCE, "https://other.example"]}), 401),
        (json!({"sub": null}), 401),
        (json!({"sub": ""}), 401),
        (json!({"client_id": "machine"}), 403),
        (json!({"client_id": "machine", "scope": null}), 403),
        (json!({"client_id": "machine", "scope": "load/read"}), 403),
        (
            json!({"client_id": "machine", "scope": "load/read load/more2"}),
            403,
        ),
    ] {
        assert_eq!(judged(&settings(), changes.clone()), wanted, "{changes}");
    }
}

#[test]
fn groups_and_audience_are_checked_if_configured() {
    let mut strict = settings();
    strict.groups = set(&["testers"]);
    strict.require_audience = true;
    for (changes, wanted) in [
        (
            json!({"aud": RESOURCE, "cognito:groups": ["a", "testers"]}),
            200,
        ),
        (json!({"cognito:groups": ["testers"]}), 401),
        (json!({"aud": RESOURCE}), 403),
        (json!({"aud": RESOURCE, "cognito:groups": []}), 403),
        (json!({"aud": RESOURCE, "cognito:groups": ["Testers"]}), 403),
    ] {
        assert_eq!(judged(&strict, changes.clone()), wanted, "{changes}");
    }
}

#[test]
fn only_rs256_jwts_are_parsed() {
    let of = |header: &str| format!("{}.e30.AAAA", URL_SAFE_NO_PAD.encode(header));
    assert!(
        parse(&of(
            r#"{"alg":"RS256","kid":"a","jku":"https://evil.example"}"#
        ))
        .is_ok()
    );
    for bad in [
        of(r#"{"alg":"none","kid":"a"}"#),
        of(r#"{"alg":"HS256","kid":"a"}"#),
        of(r#"{"alg":"rs256","kid":"a"}"#),
        of(r#"{"alg":"RS256"}"#),
        of(r#"{"alg":"RS256","kid":"a","crit":["b64"]}"#),
        of(r#"{"alg":"none","alg":"RS256","kid":"a"}"#),
        of(r#"["RS256"]"#),
        "a.b".to_owned(),
        "a.b.c.d".to_owned(),
        "...".to_owned(),
        String::new(),
        format!("{}=", of(r#"{"alg":"RS256","kid":"a"}"#)),
    ] {
        assert!(matches!(parse(&bad), Err(Denial::Invalid(_))), "{bad}");
    }
    let long = "a".repeat(LONGEST_TOKEN_BYTES + 1);
    assert!(matches!(parse(&long), Err(Denial::Malformed(_))));
}

#[test]
fn a_duplicate_claim_is_refused() {
    let twice = r#"{"client_id":"console","client_id":"stranger"}"#;
    assert!(serde_json::from_str::<Claims>(twice).is_err());
}
