//! Tokens that must not open the door, and the status that each gets: wrong in
//! themselves, or good ones in a wrong place.

use super::{RESOURCE, call, claims, good, header, machine};
use dlt_tests::http::{self, Reply};
use dlt_tests::issuer::{ISSUER, KID, Signer, by_secret, forged, now, token};
use dlt_tests::mcp::HttpServer;
use serde_json::json;

/// A name, a token and the status that it gets.
pub type Case = (&'static str, String, u16);

/// Tokens that are wrong by their claims, their header or their signature.
pub fn tokens() -> Vec<Case> {
    let mut all = by_claims();
    all.extend(by_header());
    all.extend(by_parts());
    all.push(("no scope", machine(json!({"scope": null})), 403));
    let near = machine(json!({"scope": "dlt-mcp-gateway/reader"}));
    all.push(("another scope", near, 403));
    all
}

fn by_claims() -> Vec<Case> {
    [
        ("expired", json!({"exp": now() - 120})),
        ("expired long ago", json!({"exp": -1})),
        ("without end", json!({"exp": null})),
        ("an end in words", json!({"exp": "never"})),
        ("issued tomorrow", json!({"iat": now() + 86_400})),
        ("issued never", json!({"iat": null})),
        ("not yet valid", json!({"nbf": now() + 300})),
        ("another issuer", json!({"iss": "https://evil.example"})),
        ("issuer with a slash", json!({"iss": format!("{ISSUER}/")})),
        ("no issuer", json!({"iss": null})),
        ("an ID token", json!({"token_use": "id"})),
        ("of no use", json!({"token_use": null})),
        ("another client", json!({"client_id": "stranger"})),
        ("no client", json!({"client_id": null})),
        (
            "another audience",
            json!({"aud": "https://other.example/mcp"}),
        ),
        ("two audiences", json!({"aud": [RESOURCE, "x"]})),
        ("nobody's", json!({"sub": null})),
    ]
    .map(|(name, changes)| (name, good(changes), 401))
    .to_vec()
}

fn by_header() -> Vec<Case> {
    let fine = claims(&json!({}));
    let none = json!({"alg": "none", "kid": KID});
    let its_own = json!({"alg": "RS256", "kid": KID, "jwk": Signer::Stranger.jwk(KID),
        "jku": "https://evil.example/jwks.json"});
    let mut all = [
        ("alg none, signed", none.clone()),
        ("RS512", json!({"alg": "RS512", "kid": KID})),
        ("no alg", json!({"kid": KID})),
        ("no kid", json!({"alg": "RS256"})),
        ("unknown kid", json!({"alg": "RS256", "kid": "gone"})),
        (
            "a long kid",
            json!({"alg": "RS256", "kid": "k".repeat(900)}),
        ),
        (
            "critical",
            json!({"alg": "RS256", "kid": KID, "crit": ["x"]}),
        ),
    ]
    .map(|(name, header)| (name, token(Signer::Pool, &header, &fine), 401))
    .to_vec();
    all.push(("alg none", forged(&none, &fine, b""), 401));
    // The public key, which everybody knows, as the secret.
    let public = Signer::Pool.jwk(KID).to_string();
    all.push(("HS256", by_secret(public.as_bytes(), KID, &fine), 401));
    all.push(("its own key", token(Signer::Stranger, &its_own, &fine), 401));
    all
}

fn by_parts() -> Vec<Case> {
    let fine = good(json!({}));
    let (signed, signature) = fine.rsplit_once('.').unwrap();
    let other = good(json!({"sub": "another"}));
    let (other_signed, _) = other.rsplit_once('.').unwrap();
    let strangers = token(Signer::Stranger, &header(), &claims(&json!({})));
    vec![
        ("a stranger's signature", strangers, 401),
        ("no signature", format!("{signed}."), 401),
        (
            "half of one",
            format!("{signed}.{}", &signature[..100]),
            401,
        ),
        (
            "another's claims",
            format!("{other_signed}.{signature}"),
            401,
        ),
        ("no JWT", "abc".to_owned(), 401),
        ("two parts", "abc.def".to_owned(), 401),
        ("four parts", format!("{fine}.x"), 401),
        ("oversized", format!("{fine}{}", "x".repeat(9_000)), 400),
    ]
}

/// Tokens that are good, in wrong places or company.
pub fn places(server: &HttpServer) -> Vec<(&'static str, Reply, u16)> {
    let fine = format!("Bearer {}", good(json!({})));
    let token = &fine[7..];
    let send = |target: &str, headers: &[(&str, &str)]| {
        let mut all = vec![
            ("content-type", "application/json"),
            ("accept", "application/json, text/event-stream"),
        ];
        all.extend_from_slice(headers);
        let body = call().to_string();
        http::send(&server.address, "POST", target, &all, body.as_bytes())
    };
    let query = format!("/mcp?access_token={token}");
    let both = format!("{fine}, {fine}");
    vec![
        ("in the query", send(&query, &[]), 400),
        (
            "in the query too",
            send(&query, &[("authorization", &fine)]),
            400,
        ),
        (
            "in a disguised query",
            send(&query.replace("access", "%61ccess"), &[]),
            400,
        ),
        (
            "two headers",
            send(
                "/mcp",
                &[("authorization", &fine), ("authorization", &fine)],
            ),
            400,
        ),
        ("two in one", send("/mcp", &[("authorization", &both)]), 400),
        (
            "an empty one",
            send("/mcp", &[("authorization", "Bearer")]),
            400,
        ),
    ]
}
