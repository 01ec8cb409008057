//! The port through which tools read the API: a closed list of GET requests, so that
//! no tool can change anything. [`api`] sends them over HTTP, [`cloud`] is the port for
//! what only the cloud itself knows, [`environment`] makes the backend that the
//! environment's variables name.

pub mod api;
#[cfg(feature = "aws")]
pub mod aws;
pub mod cloud;
#[cfg(feature = "sigv4")]
pub mod credentials;
pub mod environment;
pub(crate) mod plain_http;
pub mod retry;
pub mod settings;
#[cfg(feature = "sigv4")]
pub mod sigv4;
#[cfg(feature = "aws")]
pub mod stack;
pub mod stack_name;
pub(crate) mod tls;
pub mod token;

use crate::clean::Text;
use async_trait::async_trait;
use cloud::Cloud;
use dlt_core::calls::answers::Samples;
use dlt_core::ids::{TestId, TestRunId};
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use serde_json::Value;

/// A request to the API. Each is one GET.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Ask {
    /// Scenarios.
    Scenarios {
        /// Scenarios with any of these tags; empty for all.
        tags: Vec<String>,
        /// Whether those of one-off runs are listed, too.
        one_off: bool,
    },
    /// One scenario, without run records.
    Scenario {
        /// Its id.
        test: TestId,
    },
    /// A page of a scenario's runs.
    Runs {
        /// The scenario.
        test: TestId,
        /// Most rows.
        limit: u64,
        /// Earliest start, RFC 3339.
        from: Option<String>,
        /// Latest start, RFC 3339.
        to: Option<String>,
        /// The API's token of the previous page.
        after: Option<String>,
    },
    /// One run's record.
    Run {
        /// The scenario.
        test: TestId,
        /// The run.
        run: TestRunId,
    },
    /// The id of a scenario's baseline run.
    Baseline {
        /// The scenario.
        test: TestId,
        /// Whether to include the run's record.
        data: bool,
    },
    /// The merged histogram of response times.
    Histogram {
        /// The scenario.
        test: TestId,
        /// The run.
        run: TestRunId,
        /// One label only.
        label: Option<String>,
        /// One region only.
        region: Option<String>,
        /// Over which requests; None for the API's default, the only one that older
        /// servers know.
        of: Option<Samples>,
    },
    /// Failures by cause.
    Errors {
        /// The scenario.
        test: TestId,
        /// The run.
        run: TestRunId,
    },
    /// A run's runners: how far each is, or how it fared.
    Runners {
        /// The scenario.
        test: TestId,
        /// The run.
        run: TestRunId,
    },
    /// A run second by second, or in longer stretches; of a run in progress, so far.
    Timeline {
        /// The scenario.
        test: TestId,
        /// The run.
        run: TestRunId,
        /// First second.
        from_s: u64,
        /// Length of a stretch, seconds.
        step_s: u64,
    },
    /// The objects that a run stored.
    Artifacts {
        /// The scenario.
        test: TestId,
        /// The run.
        run: TestRunId,
    },
    /// A comparison of two runs.
    Compare {
        /// The candidate's scenario.
        test: TestId,
        /// The candidate.
        run: TestRunId,
        /// The base.
        with: TestRunId,
        /// The base's scenario.
        with_test: TestId,
        /// One region only.
        region: Option<String>,
        /// Changes below this do not matter, percent; None: the API's default.
        threshold_pct: Option<String>,
    },
    /// Running tasks.
    Tasks,
    /// Registered regions.
    Regions,
    /// vCPUs by region.
    Capacity,
    /// The hub's deployment.
    Stack,
}

/// Characters that need no percent-encoding in a path segment or query value.
const UNRESERVED: &AsciiSet = &NON_ALPHANUMERIC
    .remove(b'-')
    .remove(b'.')
    .remove(b'_')
    .remove(b'~');

fn encoded(text: &str) -> String {
    utf8_percent_encode(text, UNRESERVED).to_string()
}

/// The path of the list of scenarios.
fn scenarios(tags: &[String], one_off: bool) -> String {
    let tags = (!tags.is_empty()).then(|| format!("tags={}", encoded(&tags.join(","))));
    let one_off = one_off.then(|| "oneOff=true".to_owned());
    let query: Vec<String> = tags.into_iter().chain(one_off).collect();
    if query.is_empty() {
        "/scenarios".to_owned()
    } else {
        format!("/scenarios?{}", query.join("&"))
    }
}

/// The histogram's part of a run's path.
fn histogram(label: Option<&str>, region: Option<&str>, of: Option<Samples>) -> String {
    let label = label.map(|label| format!("label={}", encoded(label)));
    let region = region.map(|region| format!("region={}", encoded(region)));
    let of = of.map(|of| format!("of={}", of.name()));
    let query: Vec<String> = label.into_iter().chain(region).chain(of).collect();
    if query.is_empty() {
        "/histogram".to_owned()
    } else {
        format!("/histogram?{}", query.join("&"))
    }
}

/// The comparison's part of a run's path.
fn compare(with: &TestRunId, with_test: &TestId, rest: &str) -> String {
    let (with, test) = (encoded(with.as_str()), encoded(with_test.as_str()));
    format!("/compare?with={with}&with_test={test}{rest}")
}

/// Further query parameters, those that have a value.
fn and_parameters<const N: usize>(parameters: [(&str, &Option<String>); N]) -> String {
    let given = parameters.into_iter().filter_map(|(key, value)| {
        let value = value.as_deref()?;
        Some(format!("&{key}={}", encoded(value)))
    });
    given.collect()
}

impl Ask {
    /// The list of scenarios, without those of one-off runs.
    pub fn scenarios() -> Self {
        Self::Scenarios {
            tags: Vec::new(),
            one_off: false,
        }
    }

    /// Path and query below the API's base URL, percent-encoded.
    pub fn target(&self) -> String {
        let runs = |test: &TestId| format!("/scenarios/{}/testruns", encoded(test.as_str()));
        let part = |test: &TestId, run: &TestRunId, part: &str| {
            format!("{}/{}{part}", runs(test), encoded(run.as_str()))
        };
        match self {
            Self::Scenarios { tags, one_off } => scenarios(tags, *one_off),
            Self::Scenario { test } => {
                let test = encoded(test.as_str());
                format!("/scenarios/{test}?history=false&latest=false")
            }
            Self::Runs {
                test,
                limit,
                from,
                to,
                after,
            } => {
                let (from, to) = (("start_timestamp", from), ("end_timestamp", to));
                let rest = and_parameters([from, to, ("next_token", after)]);
                format!("{}?limit={limit}{rest}", runs(test))
            }
            Self::Run { test, run } => part(test, run, ""),
            Self::Baseline { test, data } => {
                let rest = if *data { "" } else { "?data=false" };
                format!("/scenarios/{}/baseline{rest}", encoded(test.as_str()))
            }
            Self::Histogram {
                test,
                run,
                label,
                region,
                of,
            } => {
                let query = histogram(label.as_deref(), region.as_deref(), *of);
                part(test, run, &query)
            }
            Self::Errors { test, run } => part(test, run, "/errors"),
            Self::Runners { test, run } => part(test, run, "/runners"),
            Self::Timeline {
                test,
                run,
                from_s,
                step_s,
            } => {
                let query = format!("/timeline?from_s={from_s}&step_s={step_s}");
                part(test, run, &query)
            }
            Self::Artifacts { test, run } => part(test, run, "/artifacts"),
            Self::Compare {
                test,
                run,
                with,
                with_test,
                region,
                threshold_pct,
            } => {
                let rest = and_parameters([("region", region), ("threshold_pct", threshold_pct)]);
                part(test, run, &compare(with, with_test, &rest))
            }
            Self::Tasks => "/tasks".to_owned(),
            Self::Regions => "/regions".to_owned(),
            Self::Capacity => "/vCPUDetails".to_owned(),
            Self::Stack => "/stack-info".to_owned(),
        }
    }
}

/// Why a request failed. Of the API's own text, only its code is kept.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum BackendError {
    /// The API's address or the credentials for it are missing or wrong.
    #[error("{0}")]
    NotConfigured(String),
    /// No such object; with the API's code, like `TEST_NOT_FOUND`.
    #[error("the API knows no such thing ({0})")]
    NotFound(String),
    /// The API has no such route: an older server, or a wrong base URL.
    #[error("this server has no such route")]
    NoRoute,
    /// 401 or 403.
    #[error("the API refused access (status {0})")]
    Denied(u16),
    /// Another refusal; with the API's code.
    #[error("the API refused the request ({0})")]
    Refused(String),
    /// 429.
    #[error("the API is throttling")]
    Throttled,
    /// No answer before the deadline.
    #[error("the API did not answer in time")]
    Timeout,
    /// No connection, or one that broke.
    #[error("the API cannot be reached: {0}")]
    Unreachable(String),
    /// A status from 500 up.
    #[error("the API failed (status {0})")]
    Failed(u16),
    /// The answer exceeds the limit.
    #[error("the API's answer is longer than {0} bytes")]
    TooLarge(usize),
    /// The answer does not follow the API's contract.
    #[error("the API's answer cannot be read: {0}")]
    Unreadable(String),
}

impl BackendError {
    /// Which answer cannot be parsed, and why; the API's text in it is cleaned.
    pub fn unreadable(what: &str, error: &serde_json::Error) -> Self {
        let text = Text::of(&format!("{what}: {error}"));
        Self::Unreadable(text.as_str().to_owned())
    }
}

/// An HTTP answer of any status.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reply {
    /// HTTP status.
    pub status: u16,
    /// Body, as text.
    pub body: String,
}

/// The API that tools read.
#[async_trait]
pub trait Backend: Send + Sync {
    /// The JSON of a successful answer.
    async fn get(&self, ask: &Ask) -> Result<Value, BackendError>;
    /// The answer as it is, for callers that pass it on.
    async fn raw(&self, ask: &Ask) -> Result<Reply, BackendError>;
    /// The cloud that the API is deployed in, if it may be queried.
    fn cloud(&self) -> Option<&dyn Cloud> {
        None
    }
}

/// A backend whose every request fails with the same error: without settings, tools can
/// still be listed, and a call tells what is missing.
#[derive(Debug)]
pub struct Unconfigured(pub BackendError);

#[async_trait]
impl Backend for Unconfigured {
    async fn get(&self, _: &Ask) -> Result<Value, BackendError> {
        Err(self.0.clone())
    }

    async fn raw(&self, _: &Ask) -> Result<Reply, BackendError> {
        Err(self.0.clone())
    }
}

#[cfg(test)]
mod api_tests;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_and_labels_are_percent_encoded() {
        let (test, run) = (
            TestId::parse("Xk29").unwrap(),
            TestRunId::parse("p4Tq").unwrap(),
        );
        for (label, wanted) in [
            ("home", "home"),
            ("/a?b=c&d#e", "%2Fa%3Fb%3Dc%26d%23e"),
            ("../../stack-info", "..%2F..%2Fstack-info"),
            ("Größe 100%", "Gr%C3%B6%C3%9Fe%20100%25"),
        ] {
            let ask = Ask::Histogram {
                test: test.clone(),
                run: run.clone(),
                label: Some(label.to_owned()),
                region: None,
                of: None,
            };
            assert_eq!(
                ask.target(),
                format!("/scenarios/Xk29/testruns/p4Tq/histogram?label={wanted}")
            );
        }
        let histogram = |label: Option<&str>, of: Option<Samples>| Ask::Histogram {
            test: test.clone(),
            run: run.clone(),
            label: label.map(str::to_owned),
            region: label
                .map(|_| "eu-west-1".to_owned())
                .filter(|_| of.is_some()),
            of,
        };
        for (ask, rest) in [
            (histogram(None, None), ""),
            (histogram(None, Some(Samples::Failed)), "?of=failed"),
            (
                histogram(Some("a"), Some(Samples::All)),
                "?label=a&region=eu-west-1&of=all",
            ),
        ] {
            let target = format!("/scenarios/Xk29/testruns/p4Tq/histogram{rest}");
            assert_eq!(ask.target(), target);
        }
        let ask = |tags: &[&str], one_off| Ask::Scenarios {
            tags: tags.iter().map(|tag| (*tag).to_owned()).collect(),
            one_off,
        };
        for (tags, one_off, target) in [
            (&["a b", "c&d"][..], false, "/scenarios?tags=a%20b%2Cc%26d"),
            (&[], true, "/scenarios?oneOff=true"),
            (&["a"], true, "/scenarios?tags=a&oneOff=true"),
        ] {
            assert_eq!(ask(tags, one_off).target(), target);
        }
    }
}
