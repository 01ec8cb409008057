//! The plan: the `testScenario` (Taurus-like), resolved and typed, as the
//! engine runs it. Every default is filled in; nothing is text that has still
//! to be understood.

use crate::load::Model;

/// Everything that one run requests, and how hard.
#[derive(Debug, Clone, PartialEq)]
pub struct Plan {
    /// One for each `execution` item, run side by side.
    pub groups: Vec<Group>,
}

/// One `execution` item with its scenario.
#[derive(Debug, Clone, PartialEq)]
pub struct Group {
    /// The scenario's name.
    pub name: String,
    /// How hard.
    pub load: Load,
    /// Requests in order; a user repeats them, an arrival walks them once.
    pub steps: Vec<Step>,
    /// TLS settings of all its requests.
    pub tls: Tls,
    /// Keep connections between a user's requests.
    pub keepalive: bool,
}

/// How hard, when to stop.
#[derive(Debug, Clone, PartialEq)]
pub struct Load {
    /// Users or arrivals over time.
    pub model: Model,
    /// Whether the users are per task (`concurrency`) and not over the run
    /// (`users`). Arrivals are always over the run.
    pub per_task: bool,
    /// Rounds of a user through the steps, after which it ends.
    pub iterations: Option<u64>,
    /// Cap on requests per second in closed load, over the run.
    pub throughput: Option<f64>,
    /// Most requests in flight in open load, over the run.
    pub connections: u64,
    /// How long requests in flight may finish after the end, µs.
    pub graceful_stop_us: u64,
    /// How finely arrivals are timed.
    pub pacing: Pacing,
}

/// How finely arrivals are timed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Pacing {
    /// 250 µs quantum.
    #[default]
    Default,
    /// No quantum: a wake-up for each due time.
    Precise,
    /// Never sleep.
    Spin,
}

/// One request of a scenario.
#[derive(Debug, Clone, PartialEq)]
pub struct Step {
    /// The label its samples go under.
    pub label: String,
    /// Upper case.
    pub method: String,
    /// Absolute, http or https.
    pub url: url::Url,
    /// Scenario's and request's headers, the request's winning; names as written.
    pub headers: Vec<(String, String)>,
    /// The body; `body-file` is read by the worker.
    pub body: Body,
    /// Pause after the answer, µs.
    pub think_time_us: u64,
    /// Time limits.
    pub timeouts: Timeouts,
    /// Follow 301, 302, 303, 307, 308.
    pub follow_redirects: bool,
    /// Most hops.
    pub max_redirects: u32,
    /// Which statuses are ok.
    pub expect_status: StatusSet,
}

/// What a request carries.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Body {
    /// Nothing.
    None,
    /// Text, sent as UTF-8.
    Text(String),
    /// A file's bytes; absolute path at home.
    File(String),
}

/// Time limits of a request, µs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Timeouts {
    /// From sent to connected, TLS included.
    pub connect_us: u64,
    /// From connected to the first byte.
    pub first_byte_us: u64,
    /// From sent to done.
    pub total_us: u64,
}

impl Default for Timeouts {
    /// 10 s to connect, 60 s to the first byte, 120 s in all.
    fn default() -> Self {
        Self {
            connect_us: 10_000_000,
            first_byte_us: 60_000_000,
            total_us: 120_000_000,
        }
    }
}

/// TLS settings.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Tls {
    /// PEM file of further authorities.
    pub ca_file: Option<String>,
    /// PEM file of the client's certificate chain.
    pub cert_file: Option<String>,
    /// PEM file of its key.
    pub key_file: Option<String>,
    /// Verify nothing: an explicit choice, warned about.
    pub insecure: bool,
}

/// Statuses that are ok.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StatusSet {
    /// Inclusive ranges.
    pub ranges: Vec<(u16, u16)>,
}

impl Default for StatusSet {
    /// Everything below 400 (decision 15).
    fn default() -> Self {
        Self {
            ranges: vec![(100, 399)],
        }
    }
}

impl StatusSet {
    /// Whether a status is ok.
    #[inline]
    pub fn contains(&self, status: u16) -> bool {
        self.ranges
            .iter()
            .any(|&(from, to)| (from..=to).contains(&status))
    }
}

impl Plan {
    /// When all load is planned to have ended, µs since the start instant.
    pub fn end_us(&self) -> u64 {
        self.groups
            .iter()
            .map(|group| group.load.model.curve().end_us())
            .max()
            .unwrap_or(0)
    }

    /// The longest graceful stop, µs.
    pub fn graceful_stop_us(&self) -> u64 {
        self.groups
            .iter()
            .map(|group| group.load.graceful_stop_us)
            .max()
            .unwrap_or(0)
    }
}
