//! Who may use the HTTP servers: holders of access tokens of one Cognito user pool,
//! or of another issuer whose tokens have the same claims. [`Settings`] say which
//! tokens are accepted, [`Guard`] holds what checking them needs, and [`protect`]
//! puts the checks in front of a router, in this order: `admission` (Host, Origin,
//! sizes), `rate_limit`, `token` with the keys of `jwks`. `challenge` writes
//! refusals, `metadata` the documents that OAuth clients look up.

mod admission;
mod challenge;
mod fetch;
pub mod flags;
mod guard;
mod issuer_metadata;
mod jwks;
mod layer;
mod metadata;
pub(crate) mod rate_limit;
mod settings;
mod token;

pub use challenge::Protocol;
pub use guard::{Guard, usable_keys};
pub(crate) use layer::only_this_machine;
pub use layer::protect;
pub use metadata::metadata_routes;
pub use settings::{Settings, SettingsError};

use std::time::Duration;

/// Longest token that is parsed, bytes: Cognito's are about 1 KiB.
const LONGEST_TOKEN_BYTES: usize = 8 * 1024;

/// How long a fetched document (keys, issuer metadata) is used without fetching it
/// again.
const REFRESH: Duration = Duration::from_secs(3_600);

/// The holder of an accepted token.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Principal {
    /// Claim `sub`: a person, or an app acting for itself.
    pub subject: String,
    /// Claim `client_id`: the app.
    pub client: String,
    /// Whether requests other than reads are allowed.
    pub writes: bool,
    /// When the token ends, leeway included, seconds since 1970.
    pub until: i64,
}

/// Why a request was not authorized. No variant contains any part of a token.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Denial {
    /// No bearer token was sent.
    #[error("a bearer token is needed")]
    NoToken,
    /// More than one token, or a token in the wrong place.
    #[error("{0}")]
    Malformed(&'static str),
    /// The token is not valid for this server, or no longer.
    #[error("{0}")]
    Invalid(&'static str),
    /// The keys that the token would be checked with cannot be had.
    #[error(
        "the issuer of tokens does not answer, so the token cannot be checked; try again in a moment"
    )]
    Unavailable,
    /// The token is valid but lacks a scope or group.
    #[error("{0}")]
    Insufficient(&'static str),
    /// The token is valid but allows reads only.
    #[error("the token may read, but change nothing")]
    ReadOnly,
}
