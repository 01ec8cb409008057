//! Who we are at AWS: the credentials that AWS's own tools would use, kept as
//! long as they are good. Without the feature `login` those of the environment
//! alone, which is what a Lambda and most containers have.

use super::BackendError;
use aws_credential_types::Credentials;
use std::time::{Duration, SystemTime};
use tokio::sync::Mutex;

/// Those without an end are looked for again after this.
const LONGEST_KEPT: Duration = Duration::from_secs(300);
/// They are replaced so long before their end.
const BEFORE_END: Duration = Duration::from_secs(60);

/// A failure is not looked for again before this.
const BETWEEN_FAILURES: Duration = Duration::from_secs(30);

/// Where credentials come from. Shows nothing of them.
#[derive(Default)]
pub struct Login {
    /// With when to look again; held while somebody looks, so that one does.
    kept: Mutex<Option<(Result<Credentials, BackendError>, SystemTime)>>,
}

impl std::fmt::Debug for Login {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Login")
    }
}

/// When to look for others.
fn until(credentials: &Credentials, now: SystemTime) -> SystemTime {
    let end = credentials.expiry();
    let end = end.and_then(|end| end.checked_sub(BEFORE_END));
    end.unwrap_or(now + LONGEST_KEPT)
}

impl Login {
    /// These, as long as they are good; then those of the environment.
    pub fn of(credentials: Credentials) -> Self {
        let until = until(&credentials, SystemTime::now());
        Self {
            kept: Mutex::new(Some((Ok(credentials), until))),
        }
    }

    /// Good ones.
    pub async fn credentials(&self) -> Result<Credentials, BackendError> {
        let mut kept = self.kept.lock().await;
        let now = SystemTime::now();
        if let Some((found, until)) = kept.as_ref()
            && *until > now
        {
            return found.clone();
        }
        let found = find().await;
        let until = match &found {
            Ok(credentials) => until(credentials, now),
            Err(_) => now + BETWEEN_FAILURES,
        };
        *kept = Some((found.clone(), until));
        found
    }
}

#[cfg(feature = "login")]
pub use chain::config;
#[cfg(feature = "login")]
use chain::find;

/// The whole chain: environment, profiles, SSO, a process, a container, the
/// machine.
#[cfg(feature = "login")]
mod chain {
    use super::BackendError;
    use aws_config::{BehaviorVersion, Region, SdkConfig};
    use aws_credential_types::Credentials;
    use aws_credential_types::provider::ProvideCredentials as _;
    use aws_smithy_http_client::tls::{Provider, rustls_provider::CryptoMode};
    use std::time::Duration;
    use tokio::time::timeout;

    /// How long they may take: a login may be looked up over the network.
    const DEADLINE: Duration = Duration::from_secs(15);
    /// Said when they cannot be had.
    const HINT: &str =
        "log in as for other AWS tools (aws sso login, AWS_PROFILE, AWS_ACCESS_KEY_ID …)";

    /// What AWS's own tools would use, for this region or the environment's.
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
        let asked = timeout(DEADLINE, provider.provide_credentials()).await;
        let found = asked.map_err(|_| none("they did not come in time"))?;
        found.map_err(|error| none(&innermost(&error)))
    }

    /// The innermost cause: what is around it only names layers. Its first line:
    /// the chain lists every place it looked at.
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
    of_environment(|name| std::env::var(name).ok())
}

/// The credentials of the environment.
#[cfg(any(test, not(feature = "login")))]
fn of_environment(get: impl Fn(&str) -> Option<String>) -> Result<Credentials, BackendError> {
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
    fn credentials_of_the_environment_are_missed_by_name() {
        let error = of_environment(|_| None).unwrap_err();
        assert!(error.to_string().contains("AWS_ACCESS_KEY_ID"));
        assert!(of_environment(|name| Some(name.to_owned())).is_ok());
    }

    #[test]
    fn credentials_are_replaced_before_they_end() {
        let now = SystemTime::UNIX_EPOCH + Duration::from_secs(1_700_000_000);
        let with = |end| Credentials::new("a", "b", None, end, "test");
        let after = |seconds| Some(now + Duration::from_secs(seconds));
        assert_eq!(Some(until(&with(None), now)), after(300));
        assert_eq!(Some(until(&with(after(3_600)), now)), after(3_540));
        assert!(until(&with(after(30)), now) < now);
    }
}
