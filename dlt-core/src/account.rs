//! The account of a run: every request is somewhere. Checked, not hoped
//! (decision 13). Where the numbers come from is the tally's affair.

use serde::{Deserialize, Serialize};

/// Requests by what became of them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Account {
    /// Requests that were due.
    pub scheduled: u64,
    /// Due but never sent: the connection cap was reached.
    pub dropped: u64,
    /// Begun: a connection was opened or bytes were written for it.
    pub sent: u64,
    /// Answered as the scenario wants.
    pub ok: u64,
    /// Failed, for whatever cause.
    pub failed: u64,
    /// Still in flight when the graceful stop ended.
    pub unfinished: u64,
}

impl Account {
    /// scheduled = sent + dropped, and sent = ok + failed + unfinished.
    pub fn balanced(&self) -> bool {
        self.scheduled == self.sent + self.dropped
            && self.sent == self.ok + self.failed + self.unfinished
    }

    /// Adds another account.
    pub fn merge(&mut self, other: &Self) {
        self.scheduled += other.scheduled;
        self.dropped += other.dropped;
        self.sent += other.sent;
        self.ok += other.ok;
        self.failed += other.failed;
        self.unfinished += other.unfinished;
    }
}
