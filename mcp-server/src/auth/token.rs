//! One access token: parsed, its signature verified, its claims checked, in this
//! order. Only RS256 is supported, so a token's header cannot choose another
//! algorithm. Knows no HTTP and no clock.

use super::jwks::Key;
use super::{Denial, LONGEST_TOKEN_BYTES, Principal, Settings};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::Deserialize;
use serde_json::Value;

/// How far the issuer's clock and ours may differ, seconds.
const LEEWAY_S: i64 = 60;

/// The header fields that are used; `jku`, `x5u` and `jwk` never are.
#[derive(Deserialize)]
struct Header {
    alg: String,
    kid: String,
    crit: Option<Value>,
}

/// A parsed token whose signature was not verified yet.
pub(super) struct Unverified<'a> {
    kid: String,
    signed: &'a str,
    payload: Vec<u8>,
    signature: Vec<u8>,
}

/// A token's claims. A claim that occurs twice is a parse error.
#[derive(Debug, Clone, Deserialize)]
pub(super) struct Claims {
    iss: Option<String>,
    exp: Option<i64>,
    iat: Option<i64>,
    nbf: Option<i64>,
    token_use: Option<String>,
    client_id: Option<String>,
    sub: Option<String>,
    aud: Option<Value>,
    scope: Option<String>,
    #[serde(rename = "cognito:groups")]
    groups: Option<Vec<String>>,
}

fn decoded(part: &str) -> Result<Vec<u8>, Denial> {
    let bytes = URL_SAFE_NO_PAD.decode(part);
    bytes.map_err(|_| Denial::Invalid("the token is no JWT"))
}

/// Splits and decodes a token.
pub(super) fn parse(token: &str) -> Result<Unverified<'_>, Denial> {
    if token.len() > LONGEST_TOKEN_BYTES {
        return Err(Denial::Malformed("the token is too long"));
    }
    let no_jwt = Denial::Invalid("the token is no JWT");
    let (signed, signature) = token.rsplit_once('.').ok_or(no_jwt)?;
    let (header, payload) = signed.split_once('.').ok_or(no_jwt)?;
    let header: Header = serde_json::from_slice(&decoded(header)?)
        .map_err(|_| Denial::Invalid("the token's header must have alg and kid"))?;
    if header.alg != "RS256" {
        return Err(Denial::Invalid("the token is not signed with RS256"));
    }
    if header.crit.is_some() {
        return Err(Denial::Invalid("the token has critical extensions"));
    }
    Ok(Unverified {
        kid: header.kid,
        signed,
        payload: decoded(payload)?,
        signature: decoded(signature)?,
    })
}

impl Unverified<'_> {
    /// The id of the key in its header.
    pub(super) fn kid(&self) -> &str {
        &self.kid
    }

    /// The claims, if this key verifies the signature.
    pub(super) fn verify(self, key: &Key) -> Result<Claims, Denial> {
        if !key.verifies(self.signed.as_bytes(), &self.signature) {
            return Err(Denial::Invalid("the token's signature is wrong"));
        }
        serde_json::from_slice(&self.payload)
            .map_err(|_| Denial::Invalid("the token's claims cannot be read"))
    }
}

/// Checks the claims against the settings. A missing claim fails its check.
pub(super) fn authorize(
    claims: &Claims,
    settings: &Settings,
    now: i64,
) -> Result<Principal, Denial> {
    let invalid = |why| Err(Denial::Invalid(why));
    if claims.iss.as_deref() != Some(&settings.issuer) {
        return invalid("the token is of another issuer");
    }
    check_times(claims, now)?;
    if claims.token_use.as_deref() != Some("access") {
        return invalid("the token is no access token");
    }
    let client = match &claims.client_id {
        Some(client) if settings.clients.contains(client) => client,
        _ => return invalid("the token is of a client that is not allowed here"),
    };
    match &claims.aud {
        None if !settings.require_audience => {}
        Some(Value::String(audience)) if *audience == settings.resource => {}
        _ => return invalid("the token is not for this server"),
    }
    let subject = match claims.sub.as_deref() {
        Some(subject) if !subject.is_empty() => subject,
        _ => return invalid("the token has no subject"),
    };
    let scopes: Vec<&str> = claims.scope.iter().flat_map(|all| all.split(' ')).collect();
    let has = |scope: &String| scopes.contains(&scope.as_str());
    let exempt = settings.scope_exempt.contains(client);
    if !exempt && !settings.scopes.iter().all(has) {
        return Err(Denial::Insufficient("the token lacks a scope"));
    }
    let mut groups = claims.groups.iter().flatten();
    if !settings.groups.is_empty() && !groups.any(|group| settings.groups.contains(group)) {
        return Err(Denial::Insufficient("the token is of no allowed group"));
    }
    Ok(Principal {
        subject: subject.to_owned(),
        client: client.clone(),
        until: claims.exp.unwrap_or_default().saturating_add(LEEWAY_S),
        writes: exempt || settings.write_scope.as_ref().is_some_and(has),
    })
}

/// Checks `exp`, `iat` and `nbf`. Additions saturate: a token may contain any number.
fn check_times(claims: &Claims, now: i64) -> Result<(), Denial> {
    let invalid = |why| Err(Denial::Invalid(why));
    let latest = now.saturating_add(LEEWAY_S);
    match claims.exp {
        None => return invalid("the token has no end"),
        Some(end) if end.saturating_add(LEEWAY_S) <= now => {
            return invalid("the token has expired");
        }
        Some(_) => {}
    }
    match claims.iat {
        None => return invalid("the token does not say when it was issued"),
        Some(issued) if issued > latest => return invalid("the token is from the future"),
        Some(_) => {}
    }
    match claims.nbf {
        Some(start) if start > latest => invalid("the token is not valid yet"),
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests;
