//! The port through which tools ask: a closed list of things that the API
//! answers to GET. Nothing else can be said here, so nothing that a tool does
//! can change anything. Sending is [`api`]'s job.

pub mod api;
#[cfg(feature = "aws")]
mod aws;
pub mod cloud;
#[cfg(feature = "sigv4")]
pub mod login;
pub(crate) mod plain;
mod retry;
pub mod settings;
#[cfg(feature = "sigv4")]
mod sigv4;
#[cfg(feature = "aws")]
mod stack;

use crate::clean::Text;
use async_trait::async_trait;
use cloud::Cloud;
use dlt_core::calls::answers::Samples;
use dlt_core::ids::{TestId, TestRunId};
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use serde_json::Value;
use settings::Place;
use std::sync::Arc;

/// What may be asked. Each is one GET.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Ask {
    /// Scenarios, those with any of the tags; all without tags.
    Scenarios {
        /// Which tags.
        tags: Vec<String>,
    },
    /// One scenario, without run records.
    Scenario {
        /// Which.
        test: TestId,
    },
    /// A page of a scenario's runs.
    Runs {
        /// Of which scenario.
        test: TestId,
        /// Most rows.
        limit: u64,
        /// Not before, RFC 3339.
        from: Option<String>,
        /// Not after, RFC 3339.
        to: Option<String>,
        /// The API's own token of the page before.
        after: Option<String>,
    },
    /// One run.
    Run {
        /// Of which scenario.
        test: TestId,
        /// Which.
        run: TestRunId,
    },
    /// The id of the baseline.
    Baseline {
        /// Of which scenario.
        test: TestId,
        /// With the run itself.
        data: bool,
    },
    /// The exact merged distribution of response times.
    Histogram {
        /// Of which scenario.
        test: TestId,
        /// Which run.
        run: TestRunId,
        /// Of one label only.
        label: Option<String>,
        /// Over which requests; those that the API takes if none are named, which
        /// older ones know alone.
        of: Option<Samples>,
    },
    /// Failures by cause.
    Errors {
        /// Of which scenario.
        test: TestId,
        /// Which run.
        run: TestRunId,
    },
    /// The objects that a run left.
    Artifacts {
        /// Of which scenario.
        test: TestId,
        /// Which run.
        run: TestRunId,
    },
    /// A run held against another.
    Compare {
        /// Of which scenario.
        test: TestId,
        /// The candidate.
        run: TestRunId,
        /// The base.
        with: TestRunId,
        /// Of which scenario that is.
        with_test: TestId,
        /// From one region only.
        region: Option<String>,
    },
    /// Runners that exist.
    Tasks,
    /// Registered regions.
    Regions,
    /// vCPUs by region.
    Capacity,
    /// What is deployed.
    Stack,
}

/// What stands in a path or query as it is; all else is percent-encoded.
const PLAIN: &AsciiSet = &NON_ALPHANUMERIC
    .remove(b'-')
    .remove(b'.')
    .remove(b'_')
    .remove(b'~');

fn encoded(text: &str) -> String {
    utf8_percent_encode(text, PLAIN).to_string()
}

/// The part of a run's path that asks for a histogram.
fn histogram(label: Option<&str>, of: Option<Samples>) -> String {
    let label = label.map(|label| format!("label={}", encoded(label)));
    let of = of.map(|of| format!("of={}", of.name()));
    let query: Vec<String> = label.into_iter().chain(of).collect();
    match query.is_empty() {
        true => "/histogram".to_owned(),
        false => format!("/histogram?{}", query.join("&")),
    }
}

/// What follows in a query: those of the parameters that have a value.
fn and<const N: usize>(parameters: [(&str, &Option<String>); N]) -> String {
    let given = parameters.into_iter().filter_map(|(key, value)| {
        let value = value.as_deref()?;
        Some(format!("&{key}={}", encoded(value)))
    });
    given.collect()
}

impl Ask {
    /// Path and query below the API's base, percent-encoded.
    pub fn target(&self) -> String {
        let runs = |test: &TestId| format!("/scenarios/{}/testruns", encoded(test.as_str()));
        let part = |test: &TestId, run: &TestRunId, part: &str| {
            format!("{}/{}{part}", runs(test), encoded(run.as_str()))
        };
        match self {
            Self::Scenarios { tags } if tags.is_empty() => "/scenarios".to_owned(),
            Self::Scenarios { tags } => format!("/scenarios?tags={}", encoded(&tags.join(","))),
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
                let rest = [
                    ("start_timestamp", from),
                    ("end_timestamp", to),
                    ("next_token", after),
                ];
                format!("{}?limit={limit}{}", runs(test), and(rest))
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
                of,
            } => part(test, run, &histogram(label.as_deref(), *of)),
            Self::Errors { test, run } => part(test, run, "/errors"),
            Self::Artifacts { test, run } => part(test, run, "/artifacts"),
            Self::Compare {
                test,
                run,
                with,
                with_test,
                region,
            } => {
                let query = format!(
                    "/compare?with={}&with_test={}{}",
                    encoded(with.as_str()),
                    encoded(with_test.as_str()),
                    and([("region", region)])
                );
                part(test, run, &query)
            }
            Self::Tasks => "/tasks".to_owned(),
            Self::Regions => "/regions".to_owned(),
            Self::Capacity => "/vCPUDetails".to_owned(),
            Self::Stack => "/stack-info".to_owned(),
        }
    }
}

/// Why there is no answer. Messages are ours: what the API wrote is kept only
/// as its code.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum BackendError {
    /// Nobody said where the API is, or how to be let in.
    #[error("{0}")]
    NotConfigured(String),
    /// There is no such thing; the API's code, like `TEST_NOT_FOUND`.
    #[error("the API knows no such thing ({0})")]
    NotFound(String),
    /// The API has no such route: an older server.
    #[error("this server has no such route")]
    NoRoute,
    /// It would not let us in.
    #[error("the API refused access (status {0})")]
    Denied(u16),
    /// It did not like what was asked; its code.
    #[error("the API refused the request ({0})")]
    Refused(String),
    /// Too many requests.
    #[error("the API is throttling")]
    Throttled,
    /// No answer in time.
    #[error("the API did not answer in time")]
    Timeout,
    /// No connection, or a broken one.
    #[error("the API cannot be reached: {0}")]
    Unreachable(String),
    /// It failed.
    #[error("the API failed (status {0})")]
    Failed(u16),
    /// Longer than we read.
    #[error("the API's answer is longer than {0} bytes")]
    TooLarge(usize),
    /// Something else than the contract says.
    #[error("the API's answer cannot be read: {0}")]
    Unreadable(String),
}

impl BackendError {
    /// What cannot be read, and why; texts of the API in it are made harmless.
    pub fn unreadable(what: &str, error: &serde_json::Error) -> Self {
        let text = Text::of(&format!("{what}: {error}"));
        Self::Unreadable(text.as_str().to_owned())
    }
}

/// An answer as it came, good or bad.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reply {
    /// Status.
    pub status: u16,
    /// Body, if it is text.
    pub body: String,
}

/// Where answers come from.
#[async_trait]
pub trait Backend: Send + Sync {
    /// The JSON that answers.
    async fn get(&self, ask: &Ask) -> Result<Value, BackendError>;
    /// Whatever answers, for those who pass it on as it is.
    async fn raw(&self, ask: &Ask) -> Result<Reply, BackendError>;
    /// The cloud that the API lives in, where it may be asked.
    fn cloud(&self) -> Option<&dyn Cloud> {
        None
    }
}

/// Stands in while nobody said where the API is: tools can be listed, and a
/// call is told what is missing.
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

/// The API of the environment, or what is missing.
pub fn of_environment() -> Arc<dyn Backend> {
    let found = of(|name| std::env::var(name).ok());
    found.unwrap_or_else(|error| Arc::new(Unconfigured(error)))
}

/// The API that the settings name, by its address or by its stack.
pub fn of(get: impl Fn(&str) -> Option<String>) -> Result<Arc<dyn Backend>, BackendError> {
    let cloud = settings::asks_cloud(&get)?;
    check_cloud(&get)?;
    Ok(match Place::read(get)? {
        Place::Api(settings) => Arc::new(with_cloud(api::Api::new(settings)?, cloud)),
        Place::Stack(name) => of_stack(name, cloud)?,
    })
}

#[cfg(feature = "aws")]
fn of_stack(name: String, cloud: bool) -> Result<Arc<dyn Backend>, BackendError> {
    Ok(Arc::new(stack::OfStack::new(name, cloud)))
}

#[cfg(not(feature = "aws"))]
fn of_stack(_: String, _: bool) -> Result<Arc<dyn Backend>, BackendError> {
    Err(BackendError::NotConfigured(format!(
        "{} needs the feature aws, without which this program was built: set {}",
        settings::STACK,
        settings::URL
    )))
}

#[cfg(feature = "aws")]
fn with_cloud(api: api::Api, cloud: bool) -> api::Api {
    match cloud {
        true => {
            let aws = aws::Aws::default();
            api.with_login(aws.login()).with_cloud(Arc::new(aws))
        }
        false => api,
    }
}

#[cfg(not(feature = "aws"))]
fn with_cloud(api: api::Api, _: bool) -> api::Api {
    api
}

/// That what was asked for can be done by this program.
fn check_cloud(get: impl Fn(&str) -> Option<String>) -> Result<(), BackendError> {
    let on = get(settings::CLOUD).is_some_and(|value| value.trim() == "on");
    match on && cfg!(not(feature = "aws")) {
        true => Err(BackendError::NotConfigured(format!(
            "{} is on, but this program was built without the feature aws",
            settings::CLOUD
        ))),
        false => Ok(()),
    }
}

#[cfg(test)]
mod api_tests;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_of_a_path_never_become_more_than_that() {
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
                of: None,
            };
            assert_eq!(
                ask.target(),
                format!("/scenarios/Xk29/testruns/p4Tq/histogram?label={wanted}")
            );
        }
        let histogram = |label: Option<&str>, of| Ask::Histogram {
            test: test.clone(),
            run: run.clone(),
            label: label.map(str::to_owned),
            of,
        };
        for (ask, rest) in [
            (histogram(None, None), ""),
            (histogram(None, Some(Samples::Failed)), "?of=failed"),
            (histogram(Some("a"), Some(Samples::All)), "?label=a&of=all"),
        ] {
            let target = format!("/scenarios/Xk29/testruns/p4Tq/histogram{rest}");
            assert_eq!(ask.target(), target);
        }
        let ask = Ask::Scenarios {
            tags: vec!["a b".to_owned(), "c&d".to_owned()],
        };
        assert_eq!(ask.target(), "/scenarios?tags=a%20b%2Cc%26d");
    }
}
