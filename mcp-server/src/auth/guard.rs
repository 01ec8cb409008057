//! What checking a request's token needs: settings, the issuer's keys, rate limits
//! and a clock. One guard is shared by all routers of a process.

use super::fetch::HttpFetch;
use super::issuer_metadata::{self, IssuerMetadata};
use super::jwks::{self, Jwks, NoKey};
use super::rate_limit::RateLimits;
use super::{Denial, Principal, Settings, SettingsError, token};
use std::sync::Arc;
use std::time::{Instant, SystemTime};
use url::Url;

/// Seconds since 1970.
type WallClock = Box<dyn Fn() -> i64 + Send + Sync>;

/// Checks tokens for the routers behind it.
pub struct Guard {
    pub(super) settings: Settings,
    keys: Arc<Jwks>,
    pub(super) issuer_metadata: Option<IssuerMetadata>,
    pub(super) rates: RateLimits,
    now: WallClock,
}

impl std::fmt::Debug for Guard {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Guard")
            .field("settings", &self.settings)
            .finish_non_exhaustive()
    }
}

fn fetch(url: Url) -> Result<HttpFetch, SettingsError> {
    HttpFetch::new(url).map_err(SettingsError::Fetch)
}

impl Guard {
    /// A guard whose keys are fetched now, if the issuer answers, and again each hour.
    pub async fn start(settings: Settings) -> Result<Arc<Self>, SettingsError> {
        let source = fetch(settings.jwks_url.clone())?;
        let keys = Arc::new(Jwks::new(Box::new(source), Box::new(Instant::now)));
        keys.refresh().await;
        jwks::refresh_hourly(&keys);
        let issuer_metadata = if settings.oauth_facade {
            let source = fetch(issuer_metadata::source(&settings)?)?;
            Some(IssuerMetadata::new(Box::new(source)))
        } else {
            None
        };
        let now = || {
            let since = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH);
            // A clock before 1970 must not make expired tokens valid.
            since.map_or(i64::MAX, |since| since.as_secs().cast_signed())
        };
        Ok(Arc::new(Self {
            settings,
            keys,
            issuer_metadata,
            rates: RateLimits::default(),
            now: Box::new(now),
        }))
    }

    /// This server's URI.
    pub fn resource(&self) -> &str {
        &self.settings.resource
    }

    /// Host names of this server, in addition to loopback names.
    pub fn hosts(&self) -> &[String] {
        &self.settings.hosts
    }

    pub(super) fn now(&self) -> i64 {
        (self.now)()
    }

    /// The holder of this token.
    pub(super) async fn principal(&self, bearer: &str) -> Result<Principal, Denial> {
        let unverified = token::parse(bearer)?;
        let key = self.keys.key(unverified.kid()).await;
        let key = key.map_err(|why| match why {
            NoKey::Unknown => Denial::Invalid("the token's key is not known"),
            NoKey::Unavailable => Denial::Unavailable,
        })?;
        let claims = unverified.verify(&key)?;
        token::authorize(&claims, &self.settings, self.now())
    }
}

/// How many usable keys the issuer has, fetched once.
pub async fn usable_keys(settings: &Settings) -> Result<usize, String> {
    let source = HttpFetch::new(settings.jwks_url.clone())?;
    jwks::count(&source).await
}
