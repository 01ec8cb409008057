//! `dlt run`: a scenario, a home, a run, a result. Bad input is told before the
//! home is opened, so it leaves no trace.

use crate::args::RunArgs;
use crate::exit::Exit;
use crate::home;
use crate::line::{Line, Tone};
use crate::result::{self, Telling};
use crate::signals::Interrupts;
use crate::source::{self, Source};
use crate::speak::Voice;
use crate::watch::{Watched, told, watch};
use anyhow::Context;
use dlt_core::calls::{RunRecord, exit_code};
use dlt_core::scenario::Faults;
use dlt_pipeline::local::Home;
use std::path::Path;
use std::time::Duration;

/// How long opening the data folder may take.
const OPEN_DEADLINE: Duration = Duration::from_secs(30);

/// How a result is to be told.
#[derive(Debug, Default)]
pub struct Manner<'a> {
    /// The record as JSON on stdout.
    pub json: bool,
    /// Exit with 4 unless trusted.
    pub require_trusted: bool,
    /// What to try next: (what for, command).
    pub next: Vec<(&'a str, String)>,
}

/// `dlt run`.
pub async fn run(voice: Voice, home_dir: Option<&Path>, args: &RunArgs) -> anyhow::Result<Exit> {
    let source = match source::read(args) {
        Ok(source) => source,
        Err(faults) => return Ok(refuse(voice, &faults)),
    };
    let manner = Manner {
        json: args.json,
        require_trusted: args.require_trusted,
        next: Vec::new(),
    };
    execute(voice, home_dir, source, &manner).await
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

/// Runs a scenario in this process and tells its result.
pub async fn execute(
    voice: Voice,
    home_dir: Option<&Path>,
    source: Source,
    manner: &Manner<'_>,
) -> anyhow::Result<Exit> {
    let mut interrupts = Interrupts::listen().context("cannot listen for Ctrl-C")?;
    let warnings: Vec<Line> = source
        .scenario
        .warnings
        .iter()
        .map(|text| Line::new().tone(Tone::Warn, "warning: ").plain(text))
        .collect();
    if !warnings.is_empty() {
        voice.talk(&warnings);
    }
    let options = home::options(home::dir(home_dir)?, source.regions)?;
    let opened = tokio::select! {
        opened = tokio::time::timeout(OPEN_DEADLINE, Home::open(options)) => opened,
        name = interrupts.next() => {
            voice.error(&format!("{name} before anything was started"));
            return Ok(Exit::Interrupted);
        }
    };
    let home = match opened {
        Ok(Ok(home)) => home,
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
    match watch(voice, &home, &source.scenario, &mut interrupts).await {
        Watched::Over {
            record,
            interrupted,
        } => {
            let code = exit_code(&record, manner.require_trusted, interrupted);
            let exit = Exit::from_code(code);
            tell(voice, &record, exit, manner)?;
            Ok(exit)
        }
        Watched::Gone(exit, message) => {
            voice.error(&message);
            Ok(exit)
        }
    }
}

/// Prints a record: as JSON, or as the last screen.
pub fn tell(
    voice: Voice,
    record: &RunRecord,
    exit: Exit,
    manner: &Manner<'_>,
) -> anyhow::Result<()> {
    let width = voice.columns();
    if manner.json {
        let text = serde_json::to_string_pretty(record).context("the record has no JSON form")?;
        voice.talk(&result::headline(record, exit, width));
        voice.data_text(&(text + "\n"));
        return Ok(());
    }
    voice.data(&result::lines(
        record,
        &Telling {
            exit,
            width,
            next: &manner.next,
        },
    ));
    Ok(())
}
