//! `dlt run`: a scenario, a place, a run, a result. The place is the service of
//! this data folder or a server that was named, if there is one; else this
//! process. Bad input is told before anything is opened or sent, so it leaves
//! no trace.

use crate::args::RunArgs;
use crate::client::{Asking, Client, ClientError, understood};
use crate::draft::{self, Draft};
use crate::exit::Exit;
use crate::home;
use crate::line::{Line, Tone};
use crate::live::Planned;
use crate::result::{self, Telling};
use crate::runs::find::Found;
use crate::signals::Interrupts;
use crate::source::{self, Files, Places};
use crate::speak::Voice;
use crate::watch::{self, CtrlC, Gone, Watched, told, watch};
use anyhow::Context;
use dlt_core::calls::answers::ScenarioRecord;
use dlt_core::ids::Region;
use dlt_core::record::{RunRecord, exit_code};
use dlt_core::refusal::Faults;
use dlt_core::scenario::Scenario;
use dlt_pipeline::local::Home;
use serde_json::Value;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

/// How long opening the data folder may take.
const OPEN_DEADLINE: Duration = Duration::from_secs(30);

/// How a result is to be told.
#[derive(Debug, Default)]
pub struct Manner<'a> {
    /// The record as JSON on stdout.
    pub json: bool,
    /// The record as a server answered it, if one did.
    pub raw: Option<Value>,
    /// Exit with 4 unless trusted.
    pub require_trusted: bool,
    /// What to try next: (what for, command).
    pub next: Vec<(&'a str, String)>,
}

/// `dlt run`.
pub async fn run(voice: Voice, asking: &Asking, args: &RunArgs) -> anyhow::Result<Exit> {
    let manner = Manner {
        json: args.json,
        require_trusted: args.require_trusted,
        ..Manner::default()
    };
    match asking.server().await {
        Ok(Some(client)) => {
            let ended = there(voice, &client, args, manner).await;
            Ok(ended.unwrap_or_else(|error| crate::say(voice, &error)))
        }
        Ok(None) => here(voice, asking.dir()?, args, manner).await,
        Err(error) => Ok(crate::say(voice, &error)),
    }
}

/// In this process.
async fn here(
    voice: Voice,
    dir: PathBuf,
    args: &RunArgs,
    manner: Manner<'_>,
) -> anyhow::Result<Exit> {
    let read = Places::here(&args.region).and_then(|places| {
        let scenario = source::read(args, &places, &Files::InPlace)?;
        Ok((scenario, places))
    });
    match read {
        Ok((scenario, places)) => embed(voice, dir, &scenario, places.chosen, manner).await,
        Err(faults) => Ok(refuse(voice, &faults)),
    }
}

/// On a server.
async fn there(
    voice: Voice,
    client: &Client,
    args: &RunArgs,
    manner: Manner<'_>,
) -> Result<Exit, ClientError> {
    let regions = draft::regions(client).await?;
    let known = regions
        .iter()
        .map(|(region, details)| (region.clone(), draft::capacity(details)))
        .collect();
    let files = Files::to_send();
    let read =
        Places::there(known, &args.region).and_then(|places| source::read(args, &places, &files));
    match read {
        Ok(scenario) => post(voice, client, &scenario, files, manner).await,
        Err(faults) => Ok(refuse(voice, &faults)),
    }
}

/// Tells all faults, each with its path.
pub fn refuse(voice: Voice, faults: &Faults) -> Exit {
    let count = faults.0.len() as u64;
    voice.error(&format!(
        "the input has {}; nothing was started or stored",
        crate::units::several(count, "fault")
    ));
    let lines: Vec<Line> = faults
        .0
        .iter()
        .map(|fault| {
            Line::of("  ")
                .tone(Tone::Strong, &fault.path)
                .plain(": ")
                .plain(&fault.reason)
        })
        .collect();
    voice.talk(&lines);
    Exit::BadInput
}

/// Tells warnings.
pub fn warn(voice: Voice, warnings: &[String]) {
    let lines: Vec<Line> = warnings
        .iter()
        .map(|text| Line::new().tone(Tone::Warn, "warning: ").plain(text))
        .collect();
    if !lines.is_empty() {
        voice.talk(&lines);
    }
}

/// Runs a scenario in this process and tells its result.
pub async fn embed(
    voice: Voice,
    dir: PathBuf,
    scenario: &Scenario,
    regions: Vec<(Region, u64)>,
    mut manner: Manner<'_>,
) -> anyhow::Result<Exit> {
    let mut interrupts = Interrupts::listen().context("cannot listen for Ctrl-C")?;
    warn(voice, &scenario.warnings);
    let options = home::options(dir, regions)?;
    let opened = tokio::select! {
        opened = tokio::time::timeout(OPEN_DEADLINE, Home::open(options)) => opened,
        name = interrupts.next() => {
            voice.error(&format!("{name} before anything was started"));
            return Ok(Exit::Interrupted);
        }
    };
    let home = match opened {
        Ok(Ok(home)) => Arc::new(home),
        Ok(Err(error)) => {
            let (exit, message) = told(&error);
            voice.error(&message);
            return Ok(exit);
        }
        Err(_) => anyhow::bail!(
            "the data folder did not open within {} s",
            OPEN_DEADLINE.as_secs()
        ),
    };
    let starting = watch::start(home, scenario);
    let planned = Planned::of(scenario);
    let watched = watch(voice, planned, starting, CtrlC::Stops, &mut interrupts).await;
    Ok(tell_end(voice, watched, &mut manner))
}

/// Runs a scenario on a server and tells its result.
pub async fn post(
    voice: Voice,
    client: &Client,
    scenario: &Scenario,
    files: Files,
    mut manner: Manner<'_>,
) -> Result<Exit, ClientError> {
    let mut interrupts = Interrupts::listen()
        .map_err(|error| ClientError::Cannot(format!("cannot listen for Ctrl-C: {error}")))?;
    warn(voice, &scenario.warnings);
    let draft = Draft::of(scenario, None, files.uploads())?.at_once();
    let starting = async {
        let answer = draft.post(client).await;
        let record: Result<ScenarioRecord, ClientError> =
            answer.and_then(|answer| understood("POST /scenarios", answer));
        let gone = |error: ClientError| Gone {
            exit: error.exit(),
            message: error.to_string(),
        };
        let run = record.map_err(gone)?.test_run_id.ok_or_else(|| Gone {
            exit: Exit::CouldNotRun,
            message: format!(
                "the run is started, but this server does not say which it is; dlt runs watch {} follows it once it is there",
                draft.test
            ),
        })?;
        let test = draft.test.to_string();
        Ok(watch::follow(client, &Found { test, run }))
    };
    let planned = Planned::of(scenario);
    let watched = watch(voice, planned, starting, CtrlC::Stops, &mut interrupts).await;
    Ok(tell_end(voice, watched, &mut manner))
}

/// Tells how watching ended; what the command ends with.
pub fn tell_end(voice: Voice, watched: Watched, manner: &mut Manner<'_>) -> Exit {
    match watched {
        Watched::Over {
            record,
            raw,
            interrupted,
        } => {
            manner.raw = raw;
            close(voice, &record, interrupted, manner)
        }
        Watched::Gone(Gone { exit, message }) => {
            match exit {
                // What was asked for is no error.
                Exit::Interrupted => voice.talk(&[Line::of(message)]),
                _ => voice.error(&message),
            }
            exit
        }
    }
}

/// Tells a run's result; what the command ends with.
pub fn close(voice: Voice, record: &RunRecord, interrupted: bool, manner: &Manner<'_>) -> Exit {
    let exit = Exit::from_code(exit_code(record, manner.require_trusted, interrupted));
    tell(voice, record, exit, manner);
    exit
}

/// Prints a record: as JSON, or as the last screen.
pub fn tell(voice: Voice, record: &RunRecord, exit: Exit, manner: &Manner<'_>) {
    let width = voice.columns();
    if manner.json {
        voice.talk(&result::headline(record, exit, width));
        match &manner.raw {
            Some(raw) => voice.json(raw),
            None => voice.json(record),
        }
        return;
    }
    voice.data(&result::lines(
        record,
        &Telling {
            exit,
            width,
            next: &manner.next,
        },
    ));
}
