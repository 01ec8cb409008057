//! The API of a data folder that no server uses, in this process. Reads need no lock,
//! changes take it. Requests that need runners are refused.

use super::{ClientError, Method, Query};
use crate::args::{DEFAULT_CAPACITY, DEFAULT_REGION, TargetFlags};
use crate::{home, proxies, targets};
use dlt_core::calls::request::{Call, Request};
use dlt_core::ids::{Region, TestId};
use dlt_core::value::Value;
use dlt_pipeline::api::{Answer, answer};
use dlt_pipeline::local::{Home, regions_at_rest, to_read};
use dlt_pipeline::objects::body_of;
use std::fmt::Display;
use std::path::PathBuf;
use std::time::Duration;
use tokio::sync::OnceCell;
use tokio_stream::StreamExt as _;

/// How long a cancelled run, left by a process that ended, may take to deliver its result,
/// merging included.
const STOP_DEADLINE: Duration = Duration::from_secs(40);

/// A data folder that no server uses.
#[derive(Debug)]
pub struct AtRest {
    dir: PathBuf,
    regions: Vec<(Region, u64)>,
    /// Opened for the first change.
    home: OnceCell<Home>,
}

impl AtRest {
    /// The API of this folder, which need not exist.
    pub fn of(dir: PathBuf) -> Result<Self, ClientError> {
        let region = Region::parse(DEFAULT_REGION)
            .map_err(|error| ClientError::Cannot(error.to_string()))?;
        Ok(Self {
            dir,
            regions: vec![(region, DEFAULT_CAPACITY)],
            home: OnceCell::new(),
        })
    }

    /// The JSON that answers a request.
    pub async fn call(
        &self,
        method: Method,
        path: &str,
        query: Query<'_>,
        body: Option<&(dyn Display + Sync)>,
    ) -> Result<Value, ClientError> {
        let body = body.map(ToString::to_string).unwrap_or_default();
        match self.answer(method, path, query, body.into_bytes()).await? {
            Answer::Json(value) => Ok(value),
            Answer::Stream(_) | Answer::Link(_) => {
                Err(ClientError::Input(format!("{path} is a file")))
            }
        }
    }

    /// Status and body of the answer to a GET of this path with its query, as a server would send
    /// them. None for bytes: who reads JSON has no use for them.
    pub async fn get(&self, target: &str) -> Option<(u16, String)> {
        let (path, query) = target.split_once('?').unwrap_or((target, ""));
        let request = Request {
            method: Method::Get.name(),
            path,
            query: Some(query).filter(|query| !query.is_empty()),
            body: &[],
        };
        let answered = match Call::read(&request)? {
            Err(refusal) => Err(refusal),
            Ok(call) => match to_read(&self.dir, &self.regions) {
                Err(error) => Err(error.into()),
                Ok(world) => answer(&world, call, body_of(Vec::new())).await,
            },
        };
        match answered {
            Ok(Answer::Json(value)) => Some((200, value.to_string())),
            Ok(Answer::Stream(_) | Answer::Link(_)) => None,
            Err(refusal) => {
                let text = refusal.text_on_the_wire();
                Some((refusal.status, serde_json::Value::String(text).to_string()))
            }
        }
    }

    /// The bytes of a path.
    pub async fn bytes(&self, path: &str, query: Query<'_>) -> Result<Vec<u8>, ClientError> {
        match self.answer(Method::Get, path, query, Vec::new()).await? {
            Answer::Json(value) => Ok(value.to_string().into_bytes()),
            Answer::Stream(mut stored) => {
                let mut bytes = Vec::new();
                while let Some(piece) = stored.body.next().await {
                    bytes.extend_from_slice(&piece?);
                }
                Ok(bytes)
            }
            Answer::Link(_) => Err(ClientError::Input(format!("{path} lies elsewhere"))),
        }
    }

    /// Stores a file.
    pub async fn put_file(&self, path: &str, bytes: Vec<u8>) -> Result<(), ClientError> {
        self.answer(Method::Put, path, &[], bytes).await.map(|_| ())
    }

    async fn answer(
        &self,
        method: Method,
        path: &str,
        query: Query<'_>,
        body: Vec<u8>,
    ) -> Result<Answer, ClientError> {
        let query = encoded(query);
        let request = Request {
            method: method.name(),
            path,
            query: Some(&query),
            body: &body,
        };
        let call = match Call::read(&request) {
            Some(call) => call?,
            None => return Err(ClientError::Input(format!("there is no path {path}"))),
        };
        refuse_runs(&call)?;
        if method == Method::Get {
            let world = to_read(&self.dir, &self.regions)?;
            return Ok(answer(&world, call, body_of(body)).await?);
        }
        let home = self.home.get_or_try_init(|| self.open()).await?;
        let cancelled = match &call {
            Call::CancelScenario { test } => Some(test.clone()),
            _ => None,
        };
        let answered = answer(home.world(), call, body_of(body)).await?;
        if let Some(test) = cancelled {
            settle(home, &test).await?;
        }
        Ok(answered)
    }

    /// Opens the home under its lock. Runs that an earlier process left are continued as a
    /// service would continue them.
    async fn open(&self) -> Result<Home, ClientError> {
        let regions = regions_at_rest(&self.dir, &self.regions)?;
        let mut options = home::options(self.dir.clone(), regions)
            .map_err(|error| ClientError::Cannot(format!("{error:#}")))?;
        options.service = true;
        options.targets = targets::policy(&TargetFlags::default())
            .map_err(|faults| ClientError::Input(faults.to_string()))?;
        options.proxies =
            proxies::environment().map_err(|faults| ClientError::Input(faults.to_string()))?;
        Ok(Home::open(options).await?)
    }
}

/// Waits until a cancelled run has delivered its result.
async fn settle(home: &Home, test: &TestId) -> Result<(), ClientError> {
    let waiting = home.until_rest(test);
    match tokio::time::timeout(STOP_DEADLINE, waiting).await {
        Ok(settled) => Ok(settled?),
        Err(_) => Err(ClientError::Cannot(format!(
            "the run of {test} did not stop within {} s; dlt up goes on with it",
            STOP_DEADLINE.as_secs()
        ))),
    }
}

/// Refuses to start a run: no process would drive it.
fn refuse_runs(call: &Call) -> Result<(), ClientError> {
    let Call::PostScenario { body } = call else {
        return Ok(());
    };
    if body["saveOnly"] == true || body.get("scheduleStep").is_some() {
        return Ok(());
    }
    Err(ClientError::Cannot(
        "no dlt up is running on this data folder, so nobody would stay with the run; \
         start dlt up and try again, or run a scenario file at once with dlt run FILE"
            .to_owned(),
    ))
}

/// The query, percent-encoded.
fn encoded(query: Query<'_>) -> String {
    let mut url = reqwest::Url::parse("http://localhost/").ok();
    match &mut url {
        Some(url) if !query.is_empty() => {
            url.query_pairs_mut().extend_pairs(query);
            url.query().unwrap_or_default().to_owned()
        }
        _ => String::new(),
    }
}
