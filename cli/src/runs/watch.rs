//! `dlt runs watch`: a run followed to its end from elsewhere, and its result.
//! How it is shown is `watch`'s.

use super::find::{self, Found};
use crate::args::WatchArgs;
use crate::client::{Client, ClientError, understood};
use crate::exit::Exit;
use crate::live::Planned;
use crate::run::{Manner, close};
use crate::signals::Interrupts;
use crate::speak::Voice;
use crate::watch::{self as show, CtrlC, watch};
use dlt_core::record::RunRecord;
use dlt_core::scenario::Scenario;
use serde_json::Value;

/// How the end is told.
#[derive(Debug, Clone, Copy)]
pub struct Manners {
    /// The record as JSON.
    pub json: bool,
    /// Exit with 4 unless trusted.
    pub require_trusted: bool,
}

/// `dlt runs watch`.
pub async fn watch_run(
    voice: Voice,
    client: &Client,
    args: &WatchArgs,
) -> Result<Exit, ClientError> {
    let found = find::run_or_scenario(client, args.what.as_deref()).await?;
    let manners = Manners {
        json: args.json,
        require_trusted: args.require_trusted,
    };
    follow(voice, client, &found, &manners).await
}

/// Follows a run to its end, tells its result, and ends as it ended.
pub async fn follow(
    voice: Voice,
    client: &Client,
    found: &Found,
    manners: &Manners,
) -> Result<Exit, ClientError> {
    let mut manner = Manner {
        json: manners.json,
        require_trusted: manners.require_trusted,
        ..Manner::default()
    };
    let path = found.path();
    let answer = client.get(&path, &[]).await?;
    let record: RunRecord = understood(&path, answer.clone())?;
    if record.status.is_terminal() {
        manner.raw = Some(answer);
        return Ok(close(voice, &record, false, &manner));
    }
    if client.is_at_rest() {
        return Err(ClientError::Cannot(format!(
            "run {} belongs to a dlt run in another terminal, or was left by one; its result will be here: dlt runs get {0}",
            found.run
        )));
    }
    let mut interrupts = Interrupts::listen()
        .map_err(|error| ClientError::Cannot(format!("cannot listen for Ctrl-C: {error}")))?;
    let starting = std::future::ready(Ok(show::follow(client, found)));
    let planned = planned(&record, &answer);
    let watched = watch(voice, planned, starting, CtrlC::Leaves, &mut interrupts).await;
    Ok(crate::run::tell_end(voice, watched, &mut manner))
}

/// What the run's own record says that it will be.
fn planned(record: &RunRecord, answer: &Value) -> Planned {
    let kept = Scenario::from_kept(answer, &|name| Ok(name.to_owned()));
    if let Ok(scenario) = kept {
        return Planned::of(&scenario);
    }
    let configs: Vec<(String, u64)> = record
        .test_task_configs
        .as_array()
        .into_iter()
        .flatten()
        .map(|config| {
            let region = config["region"].as_str().unwrap_or("?").to_owned();
            (region, config["taskCount"].as_u64().unwrap_or(0))
        })
        .collect();
    let runners = configs.iter().map(|row| row.1).sum();
    let regions = configs.into_iter().map(|row| row.0).collect();
    Planned::unknown(&record.test_name, regions, runners)
}
