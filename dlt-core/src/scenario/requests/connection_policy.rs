//! How long connections are used again, and from which addresses they come. Opening and
//! closing them is the engine's.

use crate::scenario::execution::durations::show_duration;
use core::net::IpAddr;

/// The policy of a scenario's connections. By default a user keeps its connections as long as
/// the target does.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ConnectionPolicy {
    /// When a user takes new ones.
    pub reuse: Reuse,
    /// A connection is closed after so many requests, at least 1.
    pub max_requests: Option<u32>,
    /// No request begins on a connection that has been open for so long, µs.
    pub max_age_us: Option<u64>,
    /// Addresses of the runner that connections come from, in turn. Empty: the system chooses.
    pub source_addresses: Vec<IpAddr>,
}

impl ConnectionPolicy {
    /// What differs from the usual, for people; None if nothing does.
    pub fn in_words(&self) -> Option<String> {
        let reuse = match self.reuse {
            Reuse::Run => None,
            Reuse::Iteration => Some("new ones for each round".to_owned()),
            Reuse::Request => Some("a new one for each request".to_owned()),
        };
        let requests = self
            .max_requests
            .map(|most| format!("each for {most} requests at most"));
        let age = self.max_age_us.map(show_duration);
        let age = age.map(|age| format!("none used after {age}"));
        let sources: Vec<String> = self
            .source_addresses
            .iter()
            .map(ToString::to_string)
            .collect();
        let sources = (!sources.is_empty()).then(|| format!("from {}", sources.join(", ")));
        let words: Vec<String> = [reuse, requests, age, sources]
            .into_iter()
            .flatten()
            .collect();
        (!words.is_empty()).then(|| words.join(", "))
    }

    /// Whether any request may find a connection open.
    pub fn keeps(&self) -> bool {
        self.reuse != Reuse::Request && self.max_requests != Some(1)
    }
}

/// How long a user or arrival uses a connection again.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Reuse {
    /// To the end of the run.
    #[default]
    Run,
    /// To the end of its round through the requests.
    Iteration,
    /// Not at all: each request opens one.
    Request,
}

impl Reuse {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Run, Self::Iteration, Self::Request];

    /// As it is written.
    pub fn name(self) -> &'static str {
        match self {
            Self::Run => "run",
            Self::Iteration => "iteration",
            Self::Request => "request",
        }
    }
}
