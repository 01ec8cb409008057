//! How late a generator read its answers, and how that is known (decision 39).
//! Who measures it is the engine; what it means for trust is `verdict`'s.

use crate::measure::latencies::Latencies;

/// The part `lost_us` of the users' time, 0 to 1; None if there was no time.
pub fn lost_share(lost_us: u64, user_time_us: u64) -> Option<f64> {
    (user_time_us > 0).then(|| (lost_us as f64 / user_time_us as f64).min(1.0))
}

/// How late answers were read, over all complete ones. A read delay is what
/// lies between the kernel's receipt of an answer and the generator's reading
/// it (decision 39): no part of a response time, but of the users' time.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Reading {
    /// Read delay, µs; 0 for answers without a stamp.
    pub delay: Latencies,
    /// Answers whose end is the kernel's stamp.
    pub stamped: u64,
    /// Answers without a stamp: their end is when they were read.
    pub missing: u64,
    /// Answers whose stamp lay outside (sent, read); the same holds for them.
    pub implausible: u64,
    /// Time of the users of closed load, µs summed over users.
    pub user_time_us: u64,
    /// Of it, time in which answers lay unread, µs.
    pub lost_us: u64,
}

impl Reading {
    /// Complete answers.
    pub fn answers(&self) -> u64 {
        self.stamped + self.unstamped()
    }

    /// Answers without a stamp that could be used.
    pub fn unstamped(&self) -> u64 {
        self.missing + self.implausible
    }

    /// Share of the users' time in which answers lay unread, 0 to 1; None
    /// without closed load.
    pub fn lost_share(&self) -> Option<f64> {
        lost_share(self.lost_us, self.user_time_us)
    }

    /// Adds the answers of another thread or runner.
    pub fn merge(&mut self, other: &Self) {
        self.delay.merge(&other.delay);
        self.stamped += other.stamped;
        self.missing += other.missing;
        self.implausible += other.implausible;
        self.user_time_us += other.user_time_us;
        self.lost_us += other.lost_us;
    }
}
