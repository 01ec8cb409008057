//! Which access tokens are accepted, checked as a whole before a server starts. What
//! the flags are called and where they come from is `flags`' part.

use dlt_core::safety;
use std::collections::BTreeSet;
use url::Url;

/// Path of a protected resource's metadata below its origin (RFC 9728, 3.1).
pub(super) const RESOURCE_METADATA: &str = "/.well-known/oauth-protected-resource";

/// Why the settings are not usable.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SettingsError {
    /// Not an https URL.
    #[error("{0}: {1:?} must be an https URL (or http to this machine) that ends with its path")]
    Url(&'static str, String),
    /// Without allowed clients, every app of the user pool would be accepted.
    #[error("--allowed-client is missing: say whose tokens are for this server")]
    NoClient,
    /// An exempt client must also be an allowed one.
    #[error("--scope-exempt-client {0:?} is not among the allowed clients")]
    UnknownExemptClient(String),
    /// The value could not be quoted in a challenge or in metadata.
    #[error("{0}: {1:?} has characters that it cannot have")]
    Characters(&'static str, String),
    /// Other settings were given, but no issuer.
    #[error("settings of tokens without --issuer: say who issues them")]
    NoIssuer,
    /// The HTTP client for the issuer's documents cannot be built.
    #[error("cannot fetch keys: {0}")]
    Fetch(String),
}

/// Which tokens are accepted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Settings {
    /// The exact value of a token's `iss`.
    pub issuer: String,
    /// URL of the issuer's key set.
    pub jwks_url: Url,
    /// This server's URI without a trailing slash: the `aud` of tokens.
    pub resource: String,
    /// App clients whose tokens are accepted.
    pub clients: BTreeSet<String>,
    /// Scopes that a token needs, all of them.
    pub scopes: Vec<String>,
    /// App clients whose tokens need no scope: apps that people use.
    pub scope_exempt: BTreeSet<String>,
    /// Scope that allows writes; without it, only exempt clients may write.
    pub write_scope: Option<String>,
    /// Groups of which a token needs one; empty for no such check.
    pub groups: BTreeSet<String>,
    /// Whether a token without `aud` is refused.
    pub require_audience: bool,
    /// Whether this server publishes issuer metadata under its own origin.
    pub oauth_facade: bool,
    /// Host names of this server, in addition to loopback names.
    pub hosts: Vec<String>,
}

/// Parses an https URL, or an http URL of this machine, without query, credentials or
/// trailing slash.
pub(super) fn checked_url(name: &'static str, text: &str) -> Result<Url, SettingsError> {
    let error = || SettingsError::Url(name, text.to_owned());
    let url = Url::parse(text).map_err(|_| error())?;
    let loopback = safety::leads_to_loopback(&url) == Some(true);
    let is_secure = url.scheme() == "https" || (url.scheme() == "http" && loopback);
    let ends_with_path = url.query().is_none() && url.fragment().is_none();
    let has_no_user = url.username().is_empty() && url.password().is_none();
    let is_quotable = !text.ends_with('/') && text.bytes().all(is_quotable);
    if is_secure && ends_with_path && has_no_user && is_quotable {
        Ok(url)
    } else {
        Err(error())
    }
}

/// Whether a byte is allowed in a scope (RFC 6749, 3.3) and between the quotes of a
/// challenge.
fn is_quotable(byte: u8) -> bool {
    byte.is_ascii_graphic() && byte != b'"' && byte != b'\\'
}

impl Settings {
    /// The settings, if they are usable together.
    pub(super) fn checked(self) -> Result<Self, SettingsError> {
        checked_url("--issuer", &self.issuer)?;
        checked_url("--jwks-url", self.jwks_url.as_str())?;
        checked_url("--resource", &self.resource)?;
        if self.clients.is_empty() {
            return Err(SettingsError::NoClient);
        }
        if let Some(unknown) = self.scope_exempt.difference(&self.clients).next() {
            return Err(SettingsError::UnknownExemptClient(unknown.clone()));
        }
        // Names only: ports of Host headers are ignored, and a URL would never match.
        let in_name = |b: u8| b.is_ascii_alphanumeric() || b == b'-' || b == b'.';
        if let Some(host) = self.hosts.iter().find(|host| !host.bytes().all(in_name)) {
            return Err(SettingsError::Characters("--allowed-host", host.clone()));
        }
        let is_malformed = |scope: &&String| !scope.bytes().all(is_quotable);
        if let Some(scope) = self.scopes.iter().find(is_malformed) {
            return Err(SettingsError::Characters("--required-scope", scope.clone()));
        }
        if let Some(scope) = self.write_scope.iter().find(is_malformed) {
            return Err(SettingsError::Characters("--write-scope", scope.clone()));
        }
        Ok(self)
    }

    /// The resource's origin, without a trailing slash.
    pub(super) fn origin(&self) -> String {
        let url = Url::parse(&self.resource);
        url.map(|url| url.origin().ascii_serialization())
            .unwrap_or_default()
    }

    /// The resource's path: empty, or beginning with a slash.
    pub(super) fn path(&self) -> String {
        let url = Url::parse(&self.resource);
        let path = url.map(|url| url.path().to_owned()).unwrap_or_default();
        path.trim_end_matches('/').to_owned()
    }

    /// Where this server's metadata is, for challenges.
    pub(super) fn resource_metadata_url(&self) -> String {
        format!("{}{RESOURCE_METADATA}{}", self.origin(), self.path())
    }
}
