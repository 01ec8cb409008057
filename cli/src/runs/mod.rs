//! `dlt runs list` and `dlt runs get`: the results of the past, read without
//! taking the home's lock.

use crate::args::RunsCommand;
use crate::exit::Exit;
use crate::home;
use crate::line::{Line, Tone};
use crate::run::{Manner, tell};
use crate::speak::Voice;
use crate::table::{self, number, words};
use crate::units;
use anyhow::Context;
use dlt_core::calls::{RunRecord, exit_code};
use dlt_core::ids::TestRunId;
use dlt_core::run::Status;
use dlt_core::verdict::Trust;
use dlt_pipeline::local::History;
use std::path::Path;

/// Most runs among which a beginning of an id is looked for, newest first.
const MOST_SEARCHED: usize = 10_000;
/// The scenario's name is not cut below this many columns.
const LEAST_NAME: usize = 28;
/// Most candidates named when a beginning is ambiguous.
const MOST_CANDIDATES: usize = 5;

/// `dlt runs …`.
pub fn runs(voice: Voice, home_dir: Option<&Path>, command: &RunsCommand) -> anyhow::Result<Exit> {
    let dir = home::dir(home_dir)?;
    let history = match dir.exists() {
        true => Some(History::open(&dir)?),
        // Nothing has ever run: reading must not make a folder.
        false => None,
    };
    match command {
        RunsCommand::List { limit, json } => list(voice, history.as_ref(), *limit, *json),
        RunsCommand::Get { run, json } => get(voice, history.as_ref(), run, *json),
    }
}

fn list(voice: Voice, history: Option<&History>, limit: usize, json: bool) -> anyhow::Result<Exit> {
    let (records, unreadable) = match history {
        Some(history) => history.runs(limit)?,
        None => (Vec::new(), 0),
    };
    if unreadable > 0 {
        let text = format!(
            "{} left out: another version of dlt wrote what this one cannot read",
            units::several(unreadable as u64, "run")
        );
        voice.talk(&[Line::new().tone(Tone::Warn, "warning: ").plain(&text)]);
    }
    if json {
        let text = serde_json::to_string_pretty(&records).context("the runs have no JSON form")?;
        voice.data_text(&(text + "\n"));
    } else if records.is_empty() {
        voice.talk(&[Line::of("no runs yet; try ").tone(Tone::Command, "dlt demo")]);
    } else {
        voice.data(&list_lines(&records, voice.columns()));
    }
    Ok(Exit::Passed)
}

/// The table of runs.
pub fn list_lines(records: &[RunRecord], width: usize) -> Vec<Line> {
    let columns = [
        words("SCENARIO", 0),
        words("RUN", 0),
        words("STARTED (UTC)", 1),
        words("RESULT", 0),
        words("TRUST", 0),
        number("REQUESTS", 2),
        number("ERRORS", 3),
        number("P95", 4),
    ];
    let rows: Vec<Vec<Line>> = records.iter().map(list_row).collect();
    table::lines(&columns, &rows, 0, width, LEAST_NAME)
}

fn list_row(record: &RunRecord) -> Vec<Line> {
    let total = record.summary.as_ref().map(|blocks| &blocks.total);
    let dash = || "–".to_owned();
    let exit = Exit::from_code(exit_code(record, false, false));
    let (tone, result) = match (record.status, exit) {
        (Status::Cancelled, _) => (Tone::Warn, "cancelled"),
        (status, _) if !status.is_terminal() => (Tone::Plain, status.name()),
        (_, Exit::Passed) => (Tone::Good, "passed"),
        (_, Exit::CouldNotRun) => (Tone::Bad, "could not run"),
        (_, Exit::Incomplete) => (Tone::Bad, "incomplete"),
        _ => (Tone::Bad, "failed"),
    };
    // As on the last screen: trust in nothing, and times to be refused, say nothing.
    let sent = record.account.is_some_and(|account| account.sent > 0);
    let ran = sent && exit != Exit::CouldNotRun;
    let verdict = record.verdict.as_ref().filter(|_| ran);
    let p95_us = total.filter(|_| ran).and_then(|total| total.p95_us);
    let (trust_tone, trust) = match verdict.map(|verdict| verdict.trust) {
        Some(Trust::Trusted) => (Tone::Good, "trusted"),
        Some(Trust::Degraded) => (Tone::Warn, "degraded"),
        Some(Trust::Untrusted) => (Tone::Bad, "untrusted"),
        None => (Tone::Quiet, "–"),
    };
    vec![
        Line::of(&record.test_name),
        Line::new().tone(Tone::Command, &record.test_run_id),
        Line::of(&record.start_time),
        Line::new().tone(tone, result),
        Line::new().tone(trust_tone, trust),
        Line::of(total.map_or_else(dash, |total| units::count(total.count))),
        Line::of(total.map_or_else(dash, |total| units::percent(total.failed, total.count))),
        Line::of(units::time_or_dash(p95_us)),
    ]
}

fn get(voice: Voice, history: Option<&History>, name: &str, json: bool) -> anyhow::Result<Exit> {
    let found = match history {
        Some(history) => find(history, name)?,
        None => Err(format!(
            "there is no run {name:?}: nothing has run yet; try dlt demo"
        )),
    };
    match found {
        Ok(record) => {
            // The screen tells how the run ended; the command itself went well.
            let exit = Exit::from_code(exit_code(&record, false, false));
            let manner = Manner {
                json,
                ..Manner::default()
            };
            tell(voice, &record, exit, &manner)?;
            Ok(Exit::Passed)
        }
        Err(message) => {
            voice.error(&message);
            Ok(Exit::BadInput)
        }
    }
}

/// A run by id, by the beginning of its id, or the latest; or why there is none.
fn find(history: &History, name: &str) -> anyhow::Result<Result<RunRecord, String>> {
    let none = || format!("there is no run {name:?}; dlt runs list names them");
    if name == "latest" {
        return Ok(history.runs(1)?.0.pop().ok_or_else(none));
    }
    let Ok(id) = TestRunId::parse(name) else {
        return Ok(Err(none()));
    };
    if let Some(record) = history.run(&id)? {
        return Ok(Ok(record));
    }
    let mut candidates: Vec<RunRecord> = history
        .runs(MOST_SEARCHED)?
        .0
        .into_iter()
        .filter(|record| record.test_run_id.starts_with(name))
        .collect();
    Ok(match candidates.len() {
        0 => Err(none()),
        1 => candidates.pop().ok_or_else(none),
        n => Err(format!(
            "{name:?} is the beginning of {n} runs: {}{}",
            candidates
                .iter()
                .take(MOST_CANDIDATES)
                .map(|record| record.test_run_id.as_str())
                .collect::<Vec<_>>()
                .join(", "),
            if n > MOST_CANDIDATES { ", …" } else { "" }
        )),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::result::fixtures;

    #[test]
    fn list_names_how_each_run_ended() {
        let records: Vec<RunRecord> = [
            fixtures::passed(),
            fixtures::threshold_failed(),
            fixtures::degraded(),
            fixtures::incomplete(),
            fixtures::refused(),
            fixtures::cancelled(),
        ]
        .into_iter()
        .map(fixtures::record)
        .collect();
        let shown: String = list_lines(&records, 100)
            .iter()
            .map(|line| line.render(false) + "\n")
            .collect();
        insta::assert_snapshot!(shown);
    }
}
