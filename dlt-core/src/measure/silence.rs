//! Attempts that found no target, second by second: what `give-up-after` is judged by,
//! which is left to the runners' leader.

/// What a second tells of a target that may be out of reach.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Silence {
    /// Attempts that ended in it refused, unreachable, unresolved, or without a byte
    /// until their time limit.
    pub unanswered: u64,
    /// The second in which the first of these began.
    pub since_s: Option<u64>,
    /// The second in which the oldest attempt began that has not ended yet.
    pub waiting_since_s: Option<u64>,
}

impl Silence {
    /// Adds what another runner or thread tells of the same second.
    pub fn merge(&mut self, other: &Self) {
        let earlier = |one: Option<u64>, two: Option<u64>| one.into_iter().chain(two).min();
        self.unanswered += other.unanswered;
        self.since_s = earlier(self.since_s, other.since_s);
        self.waiting_since_s = earlier(self.waiting_since_s, other.waiting_since_s);
    }

    /// Counts an attempt that found no target and began at `since_s`.
    pub fn add(&mut self, since_s: u64) {
        self.merge(&Self {
            unanswered: 1,
            since_s: Some(since_s),
            waiting_since_s: None,
        });
    }
}
