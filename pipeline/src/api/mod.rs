//! The REST API: a call to a function, its answer to bytes (openapi,
//! api-behaviour.md 3 to 6). Reading requests is the core's; sockets are
//! `server`'s, so that the Lambda can answer through the same functions.

#[cfg(feature = "lambda")]
pub mod lambda;
#[cfg(feature = "local")]
mod listeners;
#[cfg(feature = "local")]
mod live;
#[cfg(feature = "local")]
pub mod pages;
mod parts;
mod platform;
mod runs;
mod scenario_record;
mod scenarios;
#[cfg(feature = "local")]
pub mod server;
#[cfg(feature = "local")]
mod turns;
mod uploads;

use crate::error::PipelineError;
use crate::functions::load_changes;
use crate::objects::{Body, Stored, Verb};
use crate::world::World;
use dlt_core::calls::openapi::openapi;
use dlt_core::calls::request::Call;
use dlt_core::refusal::Refusal;
use dlt_core::value::Value;
use serde::Serialize;
use std::time::Duration;

/// How long a link to an object holds.
const LINK_EXPIRY: Duration = Duration::from_secs(900);

/// An answer's body.
pub enum Answer {
    /// JSON.
    Json(Value),
    /// The bytes of a file, in pieces.
    Stream(Stored),
    /// Where the bytes are: nothing large passes through a function.
    Link(String),
}

impl Answer {
    /// The bytes of an object: a link to it where there is one.
    async fn object(world: &World, key: &str) -> Result<Option<Self>, PipelineError> {
        let link = world.objects.link(key, Verb::Get, LINK_EXPIRY).await?;
        match link {
            Some(link) => Ok(Some(Self::Link(link))),
            None => Ok(world.objects.read(key).await?.map(Self::Stream)),
        }
    }
}

/// Does what a call asks; whether its caller may ask it, the servers see to
/// (`Caller::may`). `Live` is a stream and the server's own; `PutFile`
/// comes with its bytes.
pub async fn answer(world: &World, call: Call, body: Body) -> Result<Answer, Refusal> {
    match call {
        Call::ListScenarios { tags, one_off } => json(scenarios::list(world, tags, one_off).await),
        Call::PostScenario { body } => json(scenarios::post(world, &body).await),
        Call::GetScenario {
            test,
            history,
            latest,
            secrets,
        } => json(scenario_record::get(world, &test, history, latest, secrets).await),
        Call::CancelScenario { test } => json(scenarios::cancel(world, &test).await),
        Call::DeleteScenario { test } => json(scenarios::delete(world, &test).await),
        Call::ListRuns { test, query } => json(runs::list(world, &test, &query).await),
        Call::DeleteRuns { test, runs } => json(runs::delete(world, &test, &runs).await),
        Call::GetRun { test, run, secrets } => json(runs::get(world, &test, &run, secrets).await),
        Call::GetRunPart { test, run, part } => parts::get(world, &test, &run, part).await,
        Call::ChangeLoad { test, run, wish } => {
            json(load_changes::change(world, &test, &run, wish).await)
        }
        Call::PutNote { test, run, note } => json(runs::put_note(world, &test, &run, note).await),
        Call::GetBaseline { test, data } => json(runs::baseline(world, &test, data).await),
        Call::SetBaseline { test, run } => json(runs::set_baseline(world, &test, &run).await),
        Call::ClearBaseline { test } => json(runs::clear_baseline(world, &test).await),
        Call::ListFiles { test } => json(uploads::list(world, &test).await),
        Call::PostFile { test, name } => json(uploads::place(world, &test, &name).await),
        Call::PutFile { test, name } => json(uploads::put(world, &test, &name, body).await),
        Call::DeleteFile { test, name } => json(uploads::delete(world, &test, &name).await),
        Call::ListRegions => json(platform::regions(world).await),
        Call::ListTasks => json(platform::tasks(world).await),
        Call::GetCapacity => json(platform::capacity(world).await),
        Call::GetStackInfo => json(platform::stack(world).await),
        Call::GetDescription => Ok(Answer::Json(openapi().into())),
        Call::EmptyList => Ok(Answer::Json(Value::Array(Vec::new()))),
        Call::Live { .. } => Err(Refusal::new(
            400,
            "BAD_REQUEST",
            "live data is a stream of server-sent events; this server has none",
        )),
    }
}

fn json(result: Result<impl Serialize, Refusal>) -> Result<Answer, Refusal> {
    let value = Value::of(&result?)
        .map_err(|error| Refusal::new(500, "INTERNAL_SERVER_ERROR", error.to_string()))?;
    Ok(Answer::Json(value))
}

/// How clients are told of the control plane's errors: those of their input by
/// the contract's codes, ours as 500.
impl From<PipelineError> for Refusal {
    fn from(error: PipelineError) -> Self {
        let (status, code) = match &error {
            PipelineError::NoScenario(_) => (404, "TEST_NOT_FOUND"),
            PipelineError::NoRun(_) => (404, "TESTRUN_NOT_FOUND"),
            PipelineError::Busy { .. } => (409, "TEST_RUNNING"),
            PipelineError::NoRegion { .. } => (400, "InvalidRegionRequest"),
            PipelineError::NoRoom { .. } | PipelineError::Input(_) => (400, "InvalidParameter"),
            PipelineError::NothingRuns(_) => (400, "BAD_REQUEST"),
            PipelineError::HomeLocked { .. }
            | PipelineError::Provisioning(_)
            | PipelineError::Throttled(_)
            | PipelineError::Transient(_)
            | PipelineError::File { .. }
            | PipelineError::Store { .. }
            | PipelineError::Conflict(_)
            | PipelineError::Denied(_)
            | PipelineError::Unreadable(_)
            | PipelineError::Other(_) => (500, "INTERNAL_SERVER_ERROR"),
        };
        Self::new(status, code, error.to_string())
    }
}
