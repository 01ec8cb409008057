//! The account of a run: every request is somewhere, which is checked
//! (decision 13). Counting the requests is left to the engine.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Requests by what became of them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
pub struct Account {
    /// Requests that were due: sent + unconnected + dropped.
    pub scheduled: u64,
    /// Due but never begun: the connection cap was reached, or time was over.
    pub dropped: u64,
    /// Begun, and ended before a connection (TLS included) stood: refused,
    /// unresolved, no free port. The target saw nothing of them.
    #[serde(default)]
    pub unconnected: u64,
    /// Handed to a connection: what a target can have seen.
    pub sent: u64,
    /// Sent a second time, on a fresh connection, since the first had ended
    /// before a byte of the answer came. In no other sum.
    #[serde(default)]
    pub resent: u64,
    /// Answered as the scenario wants. sent + unconnected = ok + failed + unfinished.
    pub ok: u64,
    /// Failed, for whatever cause.
    pub failed: u64,
    /// Still under way when the graceful stop ended.
    pub unfinished: u64,
}

impl Account {
    /// scheduled = sent + unconnected + dropped, and
    /// sent + unconnected = ok + failed + unfinished.
    pub fn balanced(&self) -> bool {
        self.scheduled == self.begun() + self.dropped
            && self.begun() == self.ok + self.failed + self.unfinished
    }

    /// Requests that were begun, with or without a connection.
    pub fn begun(&self) -> u64 {
        self.sent + self.unconnected
    }

    /// Adds another account.
    pub fn merge(&mut self, other: &Self) {
        self.scheduled += other.scheduled;
        self.dropped += other.dropped;
        self.unconnected += other.unconnected;
        self.sent += other.sent;
        self.resent += other.resent;
        self.ok += other.ok;
        self.failed += other.failed;
        self.unfinished += other.unfinished;
    }
}
