//! Issuer metadata (RFC 8414) for MCP clients. Cognito supports PKCE but its own
//! metadata does not say so, and MCP clients must then refuse it. This server's
//! origin is therefore published as the issuer, with Cognito's endpoints. Tokens do
//! not pass through it.

use super::fetch::Fetch;
use super::settings::checked_url;
use super::{REFRESH, Settings, SettingsError};
use serde::Deserialize;
use serde_json::{Value, json};
use std::time::Instant;
use tokio::sync::Mutex;
use url::Url;

/// The part of Cognito's metadata that is passed on.
#[derive(Debug, Clone, Deserialize)]
struct Endpoints {
    authorization_endpoint: String,
    token_endpoint: String,
}

/// The issuer's endpoints, cached for an hour.
pub(super) struct IssuerMetadata {
    source: Box<dyn Fetch>,
    cached: Mutex<Option<(Endpoints, Instant)>>,
    /// When the issuer was last asked. Requests for this document need no token, so
    /// they must not cause one fetch each.
    tried: Mutex<Option<Instant>>,
}

/// Shortest pause between two fetches, seconds.
const PAUSE_S: u64 = 5;

/// URL of the issuer's own metadata: beside its key set.
pub(super) fn source(settings: &Settings) -> Result<Url, SettingsError> {
    let keys = settings.jwks_url.as_str();
    let folder = keys.rsplit_once('/').map_or(keys, |parts| parts.0);
    checked_url("--jwks-url", &format!("{folder}/openid-configuration"))
}

fn parse(bytes: &[u8]) -> Option<Endpoints> {
    let endpoints: Endpoints = serde_json::from_slice(bytes).ok()?;
    for url in [&endpoints.authorization_endpoint, &endpoints.token_endpoint] {
        checked_url("endpoint", url).ok()?;
    }
    Some(endpoints)
}

impl IssuerMetadata {
    pub(super) fn new(source: Box<dyn Fetch>) -> Self {
        Self {
            source,
            cached: Mutex::default(),
            tried: Mutex::default(),
        }
    }

    /// The document to publish; None if the issuer's own cannot be fetched.
    pub(super) async fn document(&self, settings: &Settings) -> Option<Value> {
        let endpoints = self.endpoints().await?;
        Some(json!({
            "issuer": settings.origin(),
            "authorization_endpoint": endpoints.authorization_endpoint,
            "token_endpoint": endpoints.token_endpoint,
            "jwks_uri": settings.jwks_url.as_str(),
            "scopes_supported": settings.scopes,
            "response_types_supported": ["code"],
            "grant_types_supported": ["authorization_code", "refresh_token"],
            "token_endpoint_auth_methods_supported":
                ["none", "client_secret_basic", "client_secret_post"],
            "code_challenge_methods_supported": ["S256"],
        }))
    }

    async fn endpoints(&self) -> Option<Endpoints> {
        let mut cached = self.cached.lock().await;
        match &*cached {
            Some((endpoints, since)) if since.elapsed() < REFRESH => {
                return Some(endpoints.clone());
            }
            _ => {}
        }
        let mut tried = self.tried.lock().await;
        let too_soon = tried.is_some_and(|at| at.elapsed().as_secs() < PAUSE_S);
        if !too_soon {
            // Set before the fetch: a client that disconnects cancels it here.
            *tried = Some(Instant::now());
            let bytes = self.source.fetch().await.unwrap_or_default();
            if let Some(endpoints) = parse(&bytes) {
                *cached = Some((endpoints.clone(), Instant::now()));
                return Some(endpoints);
            }
        }
        // While the issuer does not answer, the expired entry is still used.
        cached.as_ref().map(|(endpoints, _)| endpoints.clone())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn endpoints_elsewhere_than_on_https_are_not_passed_on() {
        let of = |authorize: &str, token: &str| {
            let text = json!({"authorization_endpoint": authorize, "token_endpoint": token});
            parse(text.to_string().as_bytes()).is_some()
        };
        assert!(of("https://a.example/authorize", "https://a.example/token"));
        assert!(!of("http://a.example/authorize", "https://a.example/token"));
        assert!(!of("https://a.example/authorize", "javascript:alert(1)"));
        assert!(parse(b"{}").is_none());
    }
}
