//! Cognito as MCP clients want an issuer to be: its discovery says nothing of
//! PKCE, though it can do it, and clients must then refuse. Here our origin
//! stands in as the issuer whose endpoints are Cognito's. Tokens do not pass
//! through.

use super::jwks::Fetch;
use super::{REFRESH, Settings, SettingsError, place};
use serde::Deserialize;
use serde_json::{Value, json};
use std::time::Instant;
use tokio::sync::Mutex;
use url::Url;

/// What of Cognito's discovery is passed on.
#[derive(Debug, Clone, Deserialize)]
struct Endpoints {
    authorization_endpoint: String,
    token_endpoint: String,
}

/// The issuer's own description, kept for an hour.
pub(super) struct Facade {
    source: Box<dyn Fetch>,
    known: Mutex<Option<(Endpoints, Instant)>>,
    /// When it was last asked for: strangers may want it, so not each time.
    tried: Mutex<Option<Instant>>,
}

/// Seconds between two tries, if the first found nothing.
const PAUSE_S: u64 = 5;

/// Where the issuer describes itself: beside its keys.
pub(super) fn source(settings: &Settings) -> Result<Url, SettingsError> {
    let keys = settings.jwks_url.as_str();
    let folder = keys.rsplit_once('/').map_or(keys, |parts| parts.0);
    place("--jwks-url", &format!("{folder}/openid-configuration"))
}

fn read(bytes: &[u8]) -> Option<Endpoints> {
    let endpoints: Endpoints = serde_json::from_slice(bytes).ok()?;
    for url in [&endpoints.authorization_endpoint, &endpoints.token_endpoint] {
        place("endpoint", url).ok()?;
    }
    Some(endpoints)
}

impl Facade {
    pub(super) fn new(source: Box<dyn Fetch>) -> Self {
        Self {
            source,
            known: Mutex::default(),
            tried: Mutex::default(),
        }
    }

    /// The document, if the issuer's own can be had.
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
        let mut known = self.known.lock().await;
        match &*known {
            Some((endpoints, since)) if since.elapsed() < REFRESH => {
                return Some(endpoints.clone());
            }
            _ => {}
        }
        let mut tried = self.tried.lock().await;
        let soon = tried.is_some_and(|at| at.elapsed().as_secs() < PAUSE_S);
        if !soon {
            // Before the answer: whoever hangs up has asked, too.
            *tried = Some(Instant::now());
            let bytes = self.source.fetch().await.unwrap_or_default();
            if let Some(endpoints) = read(&bytes) {
                *known = Some((endpoints.clone(), Instant::now()));
                return Some(endpoints);
            }
        }
        // Yesterday's are better than none.
        known.as_ref().map(|(endpoints, _)| endpoints.clone())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn endpoints_elsewhere_than_on_https_are_not_passed_on() {
        let of = |authorize: &str, token: &str| {
            let text = json!({"authorization_endpoint": authorize, "token_endpoint": token});
            read(text.to_string().as_bytes()).is_some()
        };
        assert!(of("https://a.example/authorize", "https://a.example/token"));
        assert!(!of("http://a.example/authorize", "https://a.example/token"));
        assert!(!of("https://a.example/authorize", "javascript:alert(1)"));
        assert!(read(b"{}").is_none());
    }
}
