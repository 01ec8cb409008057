//! May this run be trusted: the generator's own limits, what is missing, what
//! does not add up (decision 14). Here are the types, `limits` is the table,
//! `judge` checks a run against it. Pass or fail is left to `outcome`.

mod judge;
mod limits;
mod live;

pub use judge::{Evidence, judge};
pub use limits::{LIMITS, Limit};
pub use live::{is_bad_second, so_far};

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// How far a run may be trusted.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema,
)]
#[serde(rename_all = "snake_case")]
pub enum Trust {
    /// The generator was not the limit and nothing is missing.
    Trusted,
    /// Believe the shape, not the last digit.
    Degraded,
    /// The numbers say more about the generator than about the target.
    Untrusted,
}

/// What may be wrong: the codes of dlt.md 2.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema,
)]
#[serde(rename_all = "kebab-case")]
pub enum Code {
    /// Open load: requests left late.
    Lag,
    /// Closed load: users waited for the generator to read their answers.
    ReadDelay,
    /// The kernel did not tell when answers came.
    NoStamps,
    /// First requests left late.
    StartSkew,
    /// Planned load was not begun, or cut.
    LoadCut,
    /// Runners did not hear of a change of the load.
    LoadChange,
    /// Nothing was measured.
    NoSamples,
    /// The CPU quota held the generator back.
    CpuThrottled,
    /// No free local port.
    Ports,
    /// No free file descriptor.
    Files,
    /// Memory near its limit.
    Memory,
    /// Due requests were dropped.
    Drops,
    /// Clocks differ by an unknown amount.
    Clock,
    /// Seconds of some runner are missing.
    Intervals,
    /// The account does not add up.
    Unbalanced,
}

/// A run's verdict.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Verdict {
    /// The worst of the reasons.
    pub trust: Trust,
    /// Why it is not `trusted`; empty if it is.
    pub reasons: Vec<Reason>,
}

/// One reason.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Reason {
    /// What kind.
    pub code: Code,
    /// How bad.
    pub trust: Trust,
    /// What was seen, against which limit, and what to do.
    pub message: String,
    /// Which runners, when not all.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub runners: Vec<String>,
    /// First second concerned.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub from_s: Option<u64>,
    /// Last second concerned.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub to_s: Option<u64>,
}

#[cfg(test)]
mod tests;
