//! How a command tells its result: faults of the input, errors of the API, a run's record,
//! the end of a watched run. Each answers the command's exit code.

use crate::client::ClientError;
use crate::exit::Exit;
use crate::exports::{self, Exports};
use crate::line::{Line, Tone};
use crate::output::Output;
use crate::result::{self, ScreenOptions};
use crate::run_shape;
use crate::units::several;
use crate::watch::{WatchEnd, WatchError};
use dlt_core::record::{RunRecord, exit_code};
use dlt_core::refusal::Faults;
use dlt_core::value::Value;

/// How to tell a run's result.
#[derive(Debug, Default)]
pub struct ResultOptions<'a> {
    /// Print the record as JSON.
    pub json: bool,
    /// The record as the server answered it.
    pub raw: Option<Value>,
    /// Exit with 4 unless the verdict is `trusted`.
    pub require_trusted: bool,
    /// What is written of it besides.
    pub exports: Exports<'a>,
    /// Further commands to try: (purpose, command).
    pub next: Vec<(&'a str, String)>,
}

/// Tells all faults of the input, each with its path.
pub fn faults(output: Output, faults: &Faults) -> Exit {
    output.messages(&fault_lines(faults));
    Exit::BadInput
}

fn fault_lines(faults: &Faults) -> Vec<Line> {
    let count = several(faults.0.len() as u64, "fault");
    let head = Line::new().tone(Tone::Bad, "error: ").plain(format!(
        "the input has {count}; nothing was started or stored"
    ));
    let each = faults.0.iter().map(|fault| {
        Line::of("  ")
            .tone(Tone::Strong, &fault.path)
            .plain(": ")
            .plain(&fault.reason)
    });
    std::iter::once(head).chain(each).collect()
}

/// Tells what flags changed of a scenario file.
pub fn changes(output: Output, changes: &[String]) {
    let lines: Vec<Line> = changes
        .iter()
        .map(|text| Line::new().tone(Tone::Strong, "changed by ").plain(text))
        .collect();
    if !lines.is_empty() && !output.is_quiet() {
        output.messages(&lines);
    }
}

/// Tells warnings.
pub fn warnings(output: Output, warnings: &[String]) {
    let lines: Vec<Line> = warnings
        .iter()
        .map(|text| Line::new().tone(Tone::Warn, "warning: ").plain(text))
        .collect();
    if !lines.is_empty() {
        output.messages(&lines);
    }
}

/// Tells why the API gave no answer.
pub fn client_error(output: Output, error: &ClientError) -> Exit {
    output.error(&error.to_string());
    error.exit()
}

/// Tells how a watched run ended.
pub async fn watch_end(output: Output, end: WatchEnd, options: &mut ResultOptions<'_>) -> Exit {
    match end {
        WatchEnd::Finished {
            record,
            raw,
            interrupted,
            unstored,
        } => {
            options.raw = raw;
            let Some(why) = unstored else {
                return run_result(output, &record, interrupted, options).await;
            };
            // A bug in dlt is told before anything else.
            let exit = match Exit::from_code(exit_code(&record, false, interrupted)) {
                Exit::Bug => Exit::Bug,
                _ => Exit::Unwritten,
            };
            run_record(output, &record, exit, options).await;
            output.error(&format!(
                "the result above could not be stored: {why}; save this output, make room or make the data folder writable: what its runners stored is merged when dlt opens the folder next"
            ));
            exit
        }
        WatchEnd::Failed(WatchError { exit, message }) => {
            match exit {
                // The user asked for it: no error.
                Exit::Interrupted => output.messages(&[Line::of(message)]),
                _ => output.error(&message),
            }
            exports::nothing(output, options.exports);
            exit
        }
    }
}

/// Tells a run's result; the exit code is the run's.
pub async fn run_result(
    output: Output,
    record: &RunRecord,
    interrupted: bool,
    options: &ResultOptions<'_>,
) -> Exit {
    let exit = Exit::from_code(exit_code(record, options.require_trusted, interrupted));
    run_record(output, record, exit, options).await;
    exit
}

/// Prints a record: as JSON, or as the last screen; and in the formats that are wanted.
pub async fn run_record(
    output: Output,
    record: &RunRecord,
    exit: Exit,
    options: &ResultOptions<'_>,
) {
    let width = output.columns();
    let raw = options.raw.as_ref();
    if options.json || options.exports.take_stdout() {
        output.messages(&result::headline(record, exit, width));
    }
    exports::write(output, record, raw, options.exports).await;
    if options.exports.take_stdout() {
        return;
    }
    if options.json {
        match &options.raw {
            Some(raw) => output.json(raw),
            None => output.json(record),
        }
        return;
    }
    let shape = shape(output, record, options).await;
    output.data(&result::lines(
        record,
        &ScreenOptions {
            exit,
            width,
            next: &options.next,
            shape: shape.as_ref(),
        },
    ));
}

/// Tells which rows of a list cannot be read, and why.
pub fn unreadable<'a>(output: Output, rows: impl Iterator<Item = Option<&'a String>>) {
    let line = |why: &String| Line::new().tone(Tone::Warn, format!("! {why}"));
    let lines: Vec<Line> = rows.flatten().map(line).collect();
    if !lines.is_empty() {
        output.messages(&lines);
    }
}

/// What the screen shows beside the record. Without it the screen is as good, so that it
/// cannot be read is told and no more.
async fn shape(
    output: Output,
    record: &RunRecord,
    options: &ResultOptions<'_>,
) -> Option<result::Shape> {
    let api = options.exports.api.filter(|_| record.summary.is_some())?;
    match run_shape::of(api, record).await {
        Ok(shape) => Some(shape),
        Err(error) => {
            let text = format!("distribution and course of the times cannot be shown: {error}");
            warnings(output, &[text]);
            None
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use dlt_core::refusal::Fault;

    #[test]
    fn captures() {
        let fault = |path: &str, reason: &str| Fault {
            path: path.to_owned(),
            reason: reason.to_owned(),
        };
        let faults = Faults(vec![
            fault("execution[0].users", "must be a whole number, not text"),
            fault("scenarios.a\u{1b}[2J", "unknown key"),
        ]);
        let draw = |_| fault_lines(&faults);
        insta::assert_snapshot!("captured_faults", crate::line::captured(draw));
    }
}
