//! How runners meet: the start connection of dlt.md 4. The leader calls each
//! worker of its region, proves that it knows the run's secret, compares
//! clocks, and tells all of them their share and the one start instant.
//!
//! `worker` waits and answers, `leader` calls and insists. What happens after
//! the start is `conduct`'s affair.

pub mod leader;
pub mod worker;

use crate::depot::DepotError;
use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;
use std::fmt::Write;
use std::time::Duration;

/// How long each step of a handshake may take.
const HANDSHAKE: Duration = Duration::from_secs(10);
/// Random bytes in a challenge.
const CHALLENGE_BYTES: usize = 32;
/// How long before the start shares are final, so that the engine can prepare.
const PREPARATION: Duration = Duration::from_millis(600);
/// A start further ahead than this is refused: no wait without an end.
const FARTHEST_START_US: u64 = 600_000_000;

/// Why runners did not meet.
#[derive(Debug, thiserror::Error)]
pub enum MeetError {
    /// The depot failed.
    #[error(transparent)]
    Depot(#[from] DepotError),
    /// An object that must be there is not, or makes no sense.
    #[error("object {key} {what}; the run was not prepared as a worker needs it")]
    Object {
        /// Which.
        key: String,
        /// What is wrong with it.
        what: String,
    },
    /// No port, no randomness.
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
    /// Too many strangers.
    #[error("{0} callers failed to prove that they are the leader; giving up")]
    Strangers(u32),
}

/// How long to wait for the start.
#[derive(Debug, Clone, Copy)]
pub struct Deadline {
    at: tokio::time::Instant,
    seconds: u64,
}

impl Deadline {
    /// So many seconds from now.
    pub fn in_seconds(seconds: u64) -> Self {
        Self {
            at: tokio::time::Instant::now() + Duration::from_secs(seconds),
            seconds,
        }
    }

    fn missed(self, waited_for: &'static str) -> MeetError {
        MeetError::Deadline {
            waited_for,
            seconds: self.seconds,
        }
    }
}

/// The proof that its sender knows the secret: HMAC-SHA256 over the challenge.
fn prove(secret: &[u8], challenge: &str) -> String {
    hex(&mac(secret, challenge).finalize().into_bytes())
}

/// Whether a proof is right, in time that does not depend on where it is wrong.
fn is_proof(secret: &[u8], challenge: &str, proof: &str) -> bool {
    unhex(proof).is_some_and(|bytes| mac(secret, challenge).verify_slice(&bytes).is_ok())
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
