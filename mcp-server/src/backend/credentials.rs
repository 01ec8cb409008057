//! AWS credentials: those that AWS's own tools would use, cached until they expire.
//! Without the feature `login`, only those in the environment's variables, which is
//! what a Lambda and most containers have.

use super::BackendError;
pub use aws_credential_types::Credentials;

use std::time::{Duration, SystemTime};
use tokio::sync::Mutex;

/// How long credentials without an expiry are cached.
const LONGEST_CACHED: Duration = Duration::from_secs(300);
/// How long before their expiry they are replaced.
const BEFORE_EXPIRY: Duration = Duration::from_secs(60);
/// How long a failed lookup is cached.
const FAILURE_CACHED: Duration = Duration::from_secs(30);

/// A result and when to look it up again.
type Cached = (Result<Credentials, BackendError>, SystemTime);

/// Valid credentials. `Debug` shows nothing of them.
#[derive(Default)]
pub struct CredentialCache {
    /// Locked during a lookup, so that there is one at a time.
    cached: Mutex<Option<Cached>>,
}

impl std::fmt::Debug for CredentialCache {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("CredentialCache")
    }
}

/// When to look for new credentials.
fn refresh_at(credentials: &Credentials, now: SystemTime) -> SystemTime {
    let expiry = credentials.expiry();
    let before = expiry.and_then(|expiry| expiry.checked_sub(BEFORE_EXPIRY));
    before.unwrap_or(now + LONGEST_CACHED)
}

impl CredentialCache {
    /// A cache that begins with these credentials.
    pub fn with(credentials: Credentials) -> Self {
        let refresh_at = refresh_at(&credentials, SystemTime::now());
        Self {
            cached: Mutex::new(Some((Ok(credentials), refresh_at))),
        }
    }

    /// Valid credentials, or what is missing.
    pub async fn get(&self) -> Result<Credentials, BackendError> {
        let mut cached = self.cached.lock().await;
        let now = SystemTime::now();
        if let Some((found, refresh_at)) = cached.as_ref()
            && *refresh_at > now
        {
            return found.clone();
        }
        let found = find().await;
        let refresh_at = match &found {
            Ok(credentials) => refresh_at(credentials, now),
            Err(_) => now + FAILURE_CACHED,
        };
        *cached = Some((found.clone(), refresh_at));
        found
    }
}

#[cfg(feature = "login")]
pub use chain::config;
#[cfg(feature = "login")]
use chain::find;

/// AWS's default chain: environment, profiles, SSO, a process, a container, the
/// instance.
#[cfg(feature = "login")]
mod chain {
    use super::BackendError;
    use aws_config::{BehaviorVersion, Region, SdkConfig};
    use aws_credential_types::Credentials;
    use aws_credential_types::provider::ProvideCredentials as _;
    use aws_smithy_http_client::tls::{Provider, rustls_provider::CryptoMode};
    use std::time::Duration;
    use tokio::time::timeout;

    /// Deadline of a lookup, which may go over the network.
    const DEADLINE: Duration = Duration::from_secs(15);
    const HINT: &str =
        "log in as for other AWS tools (aws sso login, AWS_PROFILE, AWS_ACCESS_KEY_ID …)";

    /// The configuration of AWS's own tools, for this region or the configured one.
    pub async fn config(region: Option<String>) -> Result<SdkConfig, BackendError> {
        let https = aws_smithy_http_client::Builder::new()
            .tls_provider(Provider::Rustls(CryptoMode::Ring))
            .build_https();
        let mut loader = aws_config::defaults(BehaviorVersion::latest()).http_client(https);
        if let Some(region) = region {
            loader = loader.region(Region::new(region));
        }
        let loaded = timeout(DEADLINE, loader.load()).await;
        loaded.map_err(|_| {
            BackendError::NotConfigured(format!("AWS settings were not found in time; {HINT}"))
        })
    }

    pub(super) async fn find() -> Result<Credentials, BackendError> {
        let none = |why: &str| {
            BackendError::NotConfigured(format!("there are no AWS credentials: {why}; {HINT}"))
        };
        let config = config(None).await?;
        let provider = config.credentials_provider();
        let provider = provider.ok_or_else(|| none("no place to look for them"))?;
        let found = timeout(DEADLINE, provider.provide_credentials()).await;
        let found = found.map_err(|_| none("they did not come in time"))?;
        found.map_err(|error| none(&innermost(&error)))
    }

    /// The innermost cause, as the outer ones only name layers; without the list of all
    /// places where the chain looked.
    fn innermost(error: &dyn std::error::Error) -> String {
        let mut cause = error;
        while let Some(next) = cause.source() {
            cause = next;
        }
        let text = cause.to_string();
        let first = text.lines().next().unwrap_or_default();
        let end = first.find(". Attempted").unwrap_or(first.len());
        first[..end].to_owned()
    }
}

#[cfg(not(feature = "login"))]
async fn find() -> Result<Credentials, BackendError> {
    from_variables(|name| std::env::var(name).ok())
}

#[cfg(any(test, not(feature = "login")))]
fn from_variables(get: impl Fn(&str) -> Option<String>) -> Result<Credentials, BackendError> {
    let get = |name: &str| get(name).filter(|value| !value.is_empty());
    match (get("AWS_ACCESS_KEY_ID"), get("AWS_SECRET_ACCESS_KEY")) {
        (Some(id), Some(secret)) => Ok(Credentials::new(
            id,
            secret,
            get("AWS_SESSION_TOKEN"),
            None,
            "environment",
        )),
        _ => Err(BackendError::NotConfigured(
            "AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY are not set; \
             aws configure export-credentials --format env prints them"
                .to_owned(),
        )),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn missing_variables_are_named() {
        let error = from_variables(|_| None).unwrap_err();
        assert!(error.to_string().contains("AWS_ACCESS_KEY_ID"));
        assert!(from_variables(|name| Some(name.to_owned())).is_ok());
    }

    #[test]
    fn credentials_are_replaced_before_they_expire() {
        let now = SystemTime::UNIX_EPOCH + Duration::from_secs(1_700_000_000);
        let with = |expiry| Credentials::new("a", "b", None, expiry, "test");
        let after = |seconds| Some(now + Duration::from_secs(seconds));
        assert_eq!(Some(refresh_at(&with(None), now)), after(300));
        assert_eq!(Some(refresh_at(&with(after(3_600)), now)), after(3_540));
        assert!(refresh_at(&with(after(30)), now) < now);
    }
}
