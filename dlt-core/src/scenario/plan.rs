//! The plan: the `testScenario` (Taurus-like), resolved and typed, as the engine runs it. Every default is
//! filled in; nothing is text that has still to be parsed. Files and variables are left to the worker.

mod once;
mod script;
mod statuses;

pub use self::once::{Phase, ScenarioValues};
pub use self::script::{FileType, Script, Tool, is_archive};
pub use self::statuses::StatusSet;
use crate::load::Model;
use crate::load::changes::LoadChange;
use crate::routing::{EnvironmentProxies, Routes, Routing};
pub use crate::scenario::http_choice::HttpChoice;
use crate::scenario::limits::DEFAULT_DNS_REFRESH_US;
pub use crate::scenario::requests::budget::{Budget, OverBudget};
pub use crate::scenario::requests::condition::{Condition, Judged, Operand, Relation, Test};
pub use crate::scenario::requests::connection_policy::{ConnectionPolicy, Reuse};
pub use crate::scenario::requests::flow::{
    Choice, Flow, Operation, OutlineRow, Outlined, Transaction,
};
pub use crate::scenario::requests::json_document::{JsonDocument, JsonNode, Unreadable};
pub use crate::scenario::requests::patterns::{JsonQuery, Pattern};
pub use crate::scenario::requests::step_kind::{Message, StepKind, StreamKind};
pub use crate::scenario::requests::think_time::ThinkTime;
use crate::value::Number;
use std::collections::BTreeSet;

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
    /// How much load, and when it stops.
    pub load: Load,
    /// The requests, as they are written. None where a script makes the load.
    pub steps: Vec<Step>,
    /// The way through them; a user repeats it, an arrival goes it once.
    pub flow: Flow,
    /// A script of another tool, which makes the load in place of requests.
    pub script: Option<Script>,
    /// TLS settings of all its requests.
    pub tls: Tls,
    /// How names become addresses.
    pub dns: Dns,
    /// What says where connections go instead.
    pub routing: Routing,
    /// How long connections are used again.
    pub connection_policy: ConnectionPolicy,
    /// The version of HTTP that its requests are sent in.
    pub http: HttpChoice,
    /// Most requests in flight that share a connection in HTTP/2; 1: each user has its own.
    pub streams: u32,
    /// Keep the cookies of answers and send them again.
    pub store_cookies: bool,
    /// First values of variables, by name.
    pub variables: Vec<(String, String)>,
    /// Files whose rows give variables their values.
    pub data: Vec<DataSource>,
    /// What is requested once per run, before its load.
    pub setup: Option<Once>,
    /// What is requested once per run, behind its load.
    pub teardown: Option<Once>,
}

impl Group {
    /// Whether anything of what its users do is drawn at random.
    pub fn is_random(&self) -> bool {
        self.flow.is_random() || self.steps.iter().any(|step| step.think_time.is_random())
    }
}

/// Requests that are made once per run.
#[derive(Debug, Clone, PartialEq)]
pub struct Once {
    /// The requests, as they are written.
    pub steps: Vec<Step>,
    /// The way through them.
    pub flow: Flow,
    /// How long all of it may take, µs.
    pub limit_us: u64,
}

/// A file of rows. Row r belongs to one user or arrival of the whole run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DataSource {
    /// Absolute: a local file. Relative: an object of the scenario's files.
    pub path: String,
    /// Between the fields of a row, ASCII.
    pub delimiter: u8,
    /// Whether quotes hold fields together (RFC 4180).
    pub quoted: bool,
    /// Rows are used again once all were; else each is used at most once.
    pub recycled: bool,
    /// The variables of the columns; None: the file's first line names them.
    pub columns: Option<Vec<String>>,
}

/// How hard, when to stop.
#[derive(Debug, Clone, PartialEq)]
pub struct Load {
    /// Users or arrivals over time. Where a script makes the load that it says itself:
    /// one user until the time at which it is ended at the latest.
    pub model: Model,
    /// Whether a script says users and length by itself, and no number here does.
    pub own_shape: bool,
    /// Whether the users are per task (`concurrency`) and not over the run
    /// (`users`). Arrivals are always over the run.
    pub per_task: bool,
    /// Rounds of a user through the steps, after which it ends.
    pub iterations: Option<u64>,
    /// Requests over the run, after which the load ends: those that steps begin, not the
    /// redirects that follow one. Arrivals are planned up to that number.
    pub total_requests: Option<u64>,
    /// Cap on requests per second in closed load, over the run.
    pub throughput: Option<f64>,
    /// Most requests in flight in open load, over the run.
    pub connections: u64,
    /// How long requests in flight may finish after it, µs.
    pub graceful_stop_us: u64,
    /// What random numbers are made of, where the scenario says it. One for the whole run.
    pub seed: Option<u64>,
    /// How finely arrivals are timed.
    pub pacing: Pacing,
    /// What happens to a request whose reused connection had ended.
    pub retry: Retry,
    /// How long every attempt may find no target before the load ends, µs; None: for ever.
    pub give_up_after_us: Option<u64>,
}

impl Load {
    /// Whether it may be over before the end of its curve: its users have a number of
    /// rounds or requests. Arrivals are planned, however many.
    pub fn ends_by_count(&self) -> bool {
        self.own_shape
            || !self.model.is_open() && (self.iterations.is_some() || self.total_requests.is_some())
    }
}

/// What happens to a request whose reused connection ended before an answer (decision 43).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Retry {
    /// One that may be repeated is sent again, once, on a fresh connection.
    #[default]
    Safe,
    /// The request fails.
    Never,
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

/// One request of a scenario; its texts may hold `${name}` of a variable (`variables::pieces`).
#[derive(Debug, Clone, PartialEq)]
pub struct Step {
    /// A request, or part of a stream of messages.
    pub kind: StepKind,
    /// The label its samples go under.
    pub label: String,
    /// Upper case.
    pub method: String,
    /// Absolute, http or https. If it holds variables: an example of it.
    pub url: url::Url,
    /// The URL as written, if it holds variables, or if its path and query are sent
    /// otherwise than the URL standard has them.
    pub url_text: Option<UrlText>,
    /// Scenario's and request's headers, the request's winning; names as written.
    pub headers: Vec<(String, String)>,
    /// What the Authorization header is made of, if not a header itself.
    pub auth: Option<Auth>,
    /// The body; files are read by the worker.
    pub body: Body,
    /// Pause after the answer.
    pub think_time: ThinkTime,
    /// Time limits.
    pub timeouts: Timeouts,
    /// Follow 301, 302, 303, 307, 308.
    pub follow_redirects: bool,
    /// Most redirects that are followed.
    pub max_redirects: u32,
    /// Which statuses are ok.
    pub expect_status: StatusSet,
    /// What must hold of an answer whose status is ok.
    pub checks: Vec<Check>,
    /// What is taken out of such an answer, in order.
    pub extractions: Vec<Extraction>,
}

/// A URL as it was written, without user and password.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UrlText {
    /// What stands before `text` unless that turns out to be absolute.
    pub base: String,
    /// The text with its variables.
    pub text: String,
    /// Whether scheme, host or port may vary.
    pub host_varies: bool,
}

impl Step {
    /// Whether it is known beforehand where its request goes.
    pub fn host_is_fixed(&self) -> bool {
        !self.url_text.as_ref().is_some_and(|text| text.host_varies)
    }
}

/// How a request is authenticated.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Auth {
    /// `Authorization: Basic`.
    Basic {
        /// Without a colon.
        username: String,
        /// Any text without control characters.
        password: String,
    },
    /// `Authorization: Bearer`.
    Bearer(String),
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
    /// Fields, as a form in a browser sends them.
    Form(Vec<(String, String)>),
    /// Fields and files, as multipart/form-data.
    Multipart(Vec<(String, String)>, Vec<Upload>),
}

/// A file of a form.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Upload {
    /// The field's name.
    pub param: String,
    /// As `DataSource::path`.
    pub path: String,
    /// Its Content-Type.
    pub mime_type: String,
}

/// Where in an answer something is looked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Subject {
    /// The body, decoded.
    #[default]
    Body,
    /// Status line and headers, a line each, ended by LF.
    Headers,
    /// The status.
    HttpCode,
}

/// What must hold of an answer.
#[derive(Debug, Clone, PartialEq)]
pub enum Check {
    /// Each of `wanted` is there, or with `not` none of them.
    Contains {
        /// The part of the answer that is searched.
        subject: Subject,
        /// What is looked for.
        wanted: Vec<Wanted>,
        /// Inverts the check: none of `wanted` may be there.
        not: bool,
    },
    /// A JSONPath leads to something, or to what is expected.
    Json {
        /// The JSONPath, on the body.
        query: JsonQuery,
        /// The value that is expected; None: anything.
        expected: Option<Wanted>,
        /// Inverts the check.
        invert: bool,
    },
}

/// What is looked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Wanted {
    /// This text.
    Text(String),
    /// A number of this value, or where a text is searched, its text.
    Number(Number),
    /// What this matches.
    Match(Pattern),
}

/// A variable's value, taken out of an answer.
#[derive(Debug, Clone, PartialEq)]
pub struct Extraction {
    /// The variable.
    pub variable: String,
    /// Where its value stands.
    pub find: Find,
    /// Its value if there is none; else the sample fails.
    pub default: Option<String>,
}

/// Where a value stands.
#[derive(Debug, Clone, PartialEq)]
pub enum Find {
    /// The first node of a JSONPath.
    Json(JsonQuery),
    /// A group of the n-th match, from 1.
    Regex {
        /// What is matched.
        pattern: Pattern,
        /// Its group; 0 is the whole match.
        group: usize,
        /// Which match, from 1.
        nth: usize,
        /// The part of the answer that is searched.
        subject: Subject,
    },
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

/// How the names that a group's requests go to become addresses.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Dns {
    /// Time between two lookups of a name, µs.
    pub refresh_us: u64,
    /// Which of a name's addresses are used.
    pub policy: DnsPolicy,
}

impl Default for Dns {
    fn default() -> Self {
        Self {
            refresh_us: DEFAULT_DNS_REFRESH_US,
            policy: DnsPolicy::Spread,
        }
    }
}

/// Which of a name's addresses are used.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DnsPolicy {
    /// All, in turn from connection to connection.
    Spread,
    /// The one that the resolver names first.
    First,
    /// All of IPv4.
    V4,
    /// All of IPv6.
    V6,
}

impl DnsPolicy {
    /// Every policy.
    pub const ALL: [Self; 4] = [Self::Spread, Self::First, Self::V4, Self::V6];
    /// Their names, in the same order.
    pub const NAMES: [&str; 4] = ["spread", "first", "v4", "v6"];

    /// As scenarios write it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Spread => "spread",
            Self::First => "first",
            Self::V4 => "v4",
            Self::V6 => "v6",
        }
    }
}

impl Plan {
    /// The proxies that requests go through where the environment names these, as people
    /// are told of them; of hosts that variables name, all that they may go through.
    pub fn proxies(&self, environment: &EnvironmentProxies) -> BTreeSet<String> {
        let mut told = BTreeSet::new();
        for group in &self.groups {
            let routes = Routes::new(&group.routing, environment);
            for step in group.all_steps().filter(|_| routes.has_proxy()) {
                if !step.host_is_fixed() {
                    told.extend(routes.proxies().map(ToString::to_string));
                    continue;
                }
                let url = &step.url;
                let host = url.host_str().unwrap_or_default();
                let port = url.port_or_known_default().unwrap_or_default();
                let host = host.trim_matches(['[', ']']);
                let route = routes.route(url.scheme() == "https", host, port);
                told.extend(route.proxy.map(ToString::to_string));
            }
        }
        told
    }

    /// What random numbers of the run are made of, if the scenario says it.
    pub fn seed(&self) -> Option<u64> {
        self.groups.iter().find_map(|group| group.load.seed)
    }

    /// Whether anything of what users do is drawn at random.
    pub fn is_random(&self) -> bool {
        self.groups.iter().any(Group::is_random)
    }

    /// The script that makes the load, if one does; it is alone in its plan.
    pub fn script(&self) -> Option<&Script> {
        self.groups.iter().find_map(|group| group.script.as_ref())
    }

    /// When all load is planned to have ended, µs since the start instant.
    pub fn end_us(&self) -> u64 {
        self.groups
            .iter()
            .map(|group| group.load.model.curve().end_us())
            .max()
            .unwrap_or(0)
    }

    /// The plan of a run whose load was changed so.
    #[must_use]
    pub fn changed(mut self, changes: &[LoadChange]) -> Self {
        if !changes.is_empty() {
            for group in &mut self.groups {
                group.load.model = group.load.model.changed(changes);
            }
        }
        self
    }

    /// How long every attempt of the run may find no target before the run ends, µs;
    /// None: for ever. The most patient group decides, since a run ends as a whole.
    pub fn give_up_after_us(&self) -> Option<u64> {
        let each = self.groups.iter().map(|group| group.load.give_up_after_us);
        each.collect::<Option<Vec<u64>>>()?.into_iter().max()
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
