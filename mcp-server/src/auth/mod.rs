//! Who may ask: access tokens of one Cognito user pool, or of another issuer
//! that writes them alike. Here are the settings, what a refusal may be, and
//! the order of the checks; `token` reads and judges, `jwks` keeps keys,
//! `challenge` says no in HTTP's words, `layer` stands before a router.

mod challenge;
mod door;
mod facade;
mod fetch;
pub mod flags;
mod jwks;
mod layer;
mod rate;
mod token;

pub use challenge::metadata;
pub use layer::{Manner, protect};

use dlt_core::safety;
use jwks::Jwks;
use rate::Rates;
use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime};
use url::Url;

/// Longest token that is looked at, bytes: Cognito's are about 1 KiB.
const LONGEST_TOKEN_BYTES: usize = 8 * 1024;

/// What is wrong with the settings.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SettingsError {
    /// Not a URL that may be asked.
    #[error("{0}: {1:?} must be an https URL (or http to this machine) that ends with its path")]
    Url(&'static str, String),
    /// Anybody who may register with the user pool would be let in.
    #[error("--allowed-client is missing: say whose tokens are for this server")]
    NoClient,
    /// A spelling mistake, probably.
    #[error("--scope-exempt-client {0:?} is not among the allowed clients")]
    StrangeExempt(String),
    /// Would break out of a challenge or metadata.
    #[error("{0}: {1:?} has characters that it cannot have")]
    Characters(&'static str, String),
    /// Settings of something that is off.
    #[error("settings of tokens without --issuer: say who issues them")]
    NoIssuer,
    /// No way to fetch keys.
    #[error("cannot fetch keys: {0}")]
    Fetch(String),
}

/// Which tokens open the door.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Settings {
    /// Exactly the `iss` of tokens.
    pub issuer: String,
    /// Where the issuer's keys are.
    pub jwks_url: Url,
    /// This server's URI, without a slash at its end: the `aud` of tokens.
    pub resource: String,
    /// Apps whose tokens are for this server.
    pub clients: BTreeSet<String>,
    /// Scopes that a token needs, all of them.
    pub scopes: Vec<String>,
    /// Apps whose tokens need no scope: those of people, not of machines.
    pub scope_exempt: BTreeSet<String>,
    /// Scope with which other apps may change things; without it they only read.
    pub write_scope: Option<String>,
    /// Groups of which a token needs one, if there are any.
    pub groups: BTreeSet<String>,
    /// Whether a token without `aud` is refused.
    pub require_audience: bool,
    /// Whether to describe the issuer in the way that MCP clients want.
    pub facade: bool,
    /// Names, beside those of this machine, under which the server is known.
    pub hosts: Vec<String>,
}

/// An https URL, or http to this machine, without a query.
fn place(name: &'static str, text: &str) -> Result<Url, SettingsError> {
    let wrong = || SettingsError::Url(name, text.to_owned());
    let url = Url::parse(text).map_err(|_| wrong())?;
    let loopback = safety::leads_to_loopback(&url) == Some(true);
    let secure = url.scheme() == "https" || (url.scheme() == "http" && loopback);
    let bare = url.query().is_none() && url.fragment().is_none();
    let nobody = url.username().is_empty() && url.password().is_none();
    // It will stand between quotes in a header.
    let letter = |b: u8| b.is_ascii_graphic() && b != b'"' && b != b'\\';
    let end = !text.ends_with('/') && text.bytes().all(letter);
    match secure && bare && nobody && end {
        true => Ok(url),
        false => Err(wrong()),
    }
}

impl Settings {
    /// Settings that make sense together.
    fn checked(self) -> Result<Self, SettingsError> {
        place("--issuer", &self.issuer)?;
        place("--jwks-url", self.jwks_url.as_str())?;
        place("--resource", &self.resource)?;
        if self.clients.is_empty() {
            return Err(SettingsError::NoClient);
        }
        if let Some(strange) = self.scope_exempt.difference(&self.clients).next() {
            return Err(SettingsError::StrangeExempt(strange.clone()));
        }
        // RFC 6749, 3.3: what a scope is made of.
        let letter = |b: u8| b.is_ascii_graphic() && b != b'"' && b != b'\\';
        // A Host header's port is not looked at, and a URL is no name.
        let name = |b: u8| b.is_ascii_alphanumeric() || b == b'-' || b == b'.';
        if let Some(host) = self.hosts.iter().find(|host| !host.bytes().all(name)) {
            return Err(SettingsError::Characters("--allowed-host", host.clone()));
        }
        let wrong = |scope: &&String| !scope.bytes().all(letter);
        if let Some(scope) = self.scopes.iter().find(wrong) {
            return Err(SettingsError::Characters("--required-scope", scope.clone()));
        }
        if let Some(scope) = self.write_scope.iter().find(wrong) {
            return Err(SettingsError::Characters("--write-scope", scope.clone()));
        }
        Ok(self)
    }

    /// The resource's origin, without a slash at its end.
    fn origin(&self) -> String {
        let url = Url::parse(&self.resource);
        url.map(|url| url.origin().ascii_serialization())
            .unwrap_or_default()
    }

    /// The resource's path, which is empty or begins with a slash.
    fn path(&self) -> String {
        let url = Url::parse(&self.resource);
        let path = url.map(|url| url.path().to_owned()).unwrap_or_default();
        path.trim_end_matches('/').to_owned()
    }
}

/// Who was let in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Principal {
    /// `sub`: a person, or an app for itself.
    pub subject: String,
    /// `client_id`: the app.
    pub client: String,
    /// Whether more than reading is allowed.
    pub writes: bool,
    /// Until when, seconds since 1970.
    pub until: i64,
}

/// Why somebody was not. None of these holds anything of a token.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Denial {
    /// No token of ours was sent.
    #[error("a bearer token is needed")]
    NoToken,
    /// More than one, or one in the wrong place.
    #[error("{0}")]
    Malformed(&'static str),
    /// Not a token for this server, or not any more.
    #[error("{0}")]
    Invalid(&'static str),
    /// A good token that may not do this.
    #[error("{0}")]
    Insufficient(&'static str),
    /// A good token that may only read.
    #[error("the token may read, but change nothing")]
    ReadOnly,
}

/// Seconds since 1970.
type WallClock = Box<dyn Fn() -> i64 + Send + Sync>;

/// Everything that the door needs: shared by the routers behind it.
pub struct Guard {
    settings: Settings,
    keys: Arc<Jwks>,
    facade: Option<facade::Facade>,
    rates: Rates,
    now: WallClock,
}

impl std::fmt::Debug for Guard {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Guard")
            .field("settings", &self.settings)
            .finish_non_exhaustive()
    }
}

impl Guard {
    /// A guard that fetches keys now, if it can, and again each hour.
    pub async fn start(settings: Settings) -> Result<Arc<Self>, SettingsError> {
        let get = |url: Url| fetch::Http::new(url).map_err(SettingsError::Fetch);
        let keys = Jwks::new(
            Box::new(get(settings.jwks_url.clone())?),
            Box::new(Instant::now),
        );
        let keys = Arc::new(keys);
        keys.refresh().await;
        jwks::keep_fresh(&keys);
        let facade = match settings.facade {
            false => None,
            true => {
                let source = get(facade::source(&settings)?)?;
                Some(facade::Facade::new(Box::new(source)))
            }
        };
        let now = || {
            let since = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH);
            // A clock before 1970 must not make old tokens young.
            since.map_or(i64::MAX, |since| since.as_secs().cast_signed())
        };
        Ok(Arc::new(Self {
            settings,
            keys,
            facade,
            rates: Rates::default(),
            now: Box::new(now),
        }))
    }

    /// The server's own URI.
    pub fn resource(&self) -> &str {
        &self.settings.resource
    }

    /// Names of the server beside those of its machine.
    pub fn hosts(&self) -> &[String] {
        &self.settings.hosts
    }

    /// Who sent this token, by the contract's checks in the contract's order.
    async fn principal(&self, bearer: &str) -> Result<Principal, Denial> {
        let unverified = token::read(bearer)?;
        let key = self.keys.key(unverified.kid()).await;
        let key = key.ok_or(Denial::Invalid("the token's key is not known"))?;
        let claims = unverified.verified(&key)?;
        token::judge(&claims, &self.settings, (self.now)())
    }
}

/// How many keys of the issuer can be used: one look, for whoever wonders.
pub async fn keys(settings: &Settings) -> Result<usize, String> {
    let source = fetch::Http::new(settings.jwks_url.clone())?;
    jwks::count(&source).await
}

/// How long something fetched may be used without asking again.
const REFRESH: Duration = Duration::from_secs(3_600);
