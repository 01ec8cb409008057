//! How runners meet: the start connection of dlt.md 4. The leader connects to
//! each worker of its region, proves that it knows the run's secret, measures
//! clock offsets, and sends every worker its share and the one start instant.
//!
//! `worker` waits and answers, `leader` connects and requires an answer. What
//! happens after the start is up to the coordinator.

pub mod leader;
pub mod worker;

use crate::depot::DepotError;
use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;
use std::fmt::Write;
use std::time::Duration;

/// How long each step of a handshake may take.
const HANDSHAKE_LIMIT: Duration = Duration::from_secs(10);
/// Random bytes in a challenge.
const CHALLENGE_BYTES: usize = 32;
/// How long before the start shares become final: the engine prepares in this time.
const PREPARATION: Duration = Duration::from_millis(600);
/// A start further ahead than this is refused, so that no runner waits without an end.
const FARTHEST_START_US: u64 = 600_000_000;

/// Why runners did not meet.
#[derive(Debug, thiserror::Error)]
pub enum RendezvousError {
    /// The depot failed.
    #[error(transparent)]
    Depot(#[from] DepotError),
    /// An object that must be there is missing or not understood.
    #[error("object {key} {what}; the run was not prepared as a worker needs it")]
    Object {
        /// Which.
        key: String,
        /// What is wrong with it.
        what: String,
    },
    /// The system has no port or no random bytes.
    #[error("cannot {what}: {source}")]
    Io {
        /// What was tried.
        what: &'static str,
        /// What the system said.
        source: std::io::Error,
    },
    /// The deadline has passed.
    #[error(
        "{waited_for} did not come within {seconds} s (DLT_START_DEADLINE_S); the run was not started"
    )]
    Deadline {
        /// What did not come.
        waited_for: &'static str,
        /// How long it was waited for.
        seconds: u64,
    },
    /// Too many callers failed the challenge.
    #[error("{0} callers failed to prove that they are the leader; giving up")]
    TooManyFailedCallers(u32),
}

/// How long to wait for the start.
#[derive(Debug, Clone, Copy)]
pub struct StartDeadline {
    at: tokio::time::Instant,
    seconds: u64,
}

impl StartDeadline {
    /// So many seconds from now.
    pub fn in_seconds(seconds: u64) -> Self {
        Self {
            at: tokio::time::Instant::now() + Duration::from_secs(seconds),
            seconds,
        }
    }

    /// When it has passed.
    pub fn at(self) -> tokio::time::Instant {
        self.at
    }

    fn missed(self, waited_for: &'static str) -> RendezvousError {
        RendezvousError::Deadline {
            waited_for,
            seconds: self.seconds,
        }
    }
}

/// Answers a challenge: HMAC-SHA256 over it, keyed with the run's secret.
fn sign_challenge(secret: &[u8], challenge: &str) -> String {
    hex(&mac(secret, challenge).finalize().into_bytes())
}

/// Whether the answer to a challenge is right. Takes the same time wherever the
/// answer is wrong.
fn is_signature(secret: &[u8], challenge: &str, signature: &str) -> bool {
    unhex(signature).is_some_and(|bytes| mac(secret, challenge).verify_slice(&bytes).is_ok())
}

#[expect(clippy::expect_used, reason = "HMAC takes keys of any length")]
fn mac(secret: &[u8], challenge: &str) -> Hmac<Sha256> {
    let mut mac = Hmac::<Sha256>::new_from_slice(secret).expect("any key length is allowed");
    mac.update(challenge.as_bytes());
    mac
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |mut text, byte| {
        // Writing to a String cannot fail.
        let _ = write!(text, "{byte:02x}");
        text
    })
}

fn unhex(text: &str) -> Option<Vec<u8>> {
    let digits = text.as_bytes();
    if !digits.len().is_multiple_of(2) {
        return None;
    }
    digits
        .chunks_exact(2)
        .map(|pair| {
            let pair = std::str::from_utf8(pair).ok()?;
            u8::from_str_radix(pair, 16).ok()
        })
        .collect()
}

#[cfg(test)]
mod tests;
