//! A run's result in other formats (`-o`): on stdout or in files, each whole or not at all,
//! however the run ended. The formats themselves are in the files beside this one.

mod junit;
mod markdown;
mod table;
#[cfg(test)]
mod tests;

use crate::args::{Export, ExportFormat};
use crate::client::{ApiOptions, Client, ClientError};
use crate::document::{self, Document};
use crate::find::RunLocation;
use crate::line::{Line, Tone};
use crate::output::{Output, printable};
use crate::saving::save;
use dlt_core::record::RunRecord;
use dlt_core::refusal::{Fault, Faults};
use dlt_core::value::Value;
use std::io::Write;
use std::path::{Path, PathBuf};

/// Where GitHub shows what a step has to say (GitHub, "Adding a job summary").
const STEP_SUMMARY: &str = "GITHUB_STEP_SUMMARY";

/// What is written of a result.
#[derive(Debug, Default, Clone, Copy)]
pub struct Exports<'a> {
    /// Formats and where they go.
    pub wanted: &'a [Export],
    /// Who answers what is not in the record.
    pub api: Option<&'a ApiOptions>,
    /// Whether the page of a step on GitHub gets it, too.
    pub for_step: bool,
    /// Whether a result that cannot be trusted is a failure.
    pub require_trusted: bool,
}

impl Exports<'_> {
    /// Whether stdout is one of them.
    pub fn take_stdout(&self) -> bool {
        self.wanted.iter().any(|export| export.path.is_none())
    }
}

/// What is wrong with the flags, before anything is started.
pub fn judged(wanted: &[Export], json: bool) -> Result<(), Faults> {
    let mut faults = Vec::new();
    let mut fault = |reason: String| {
        faults.push(Fault {
            path: "-o".to_owned(),
            reason,
        });
    };
    let on_stdout = wanted.iter().filter(|export| export.path.is_none()).count();
    if on_stdout + usize::from(json) > 1 {
        fault(
            "stdout takes one format: give the others a file, like -o junit=result.xml".to_owned(),
        );
    }
    let mut before: Vec<&PathBuf> = Vec::new();
    for path in wanted.iter().filter_map(|export| export.path.as_ref()) {
        if before.contains(&path) {
            fault(format!("{} is named twice", path.display()));
        }
        before.push(path);
        let folder = match path.parent() {
            Some(folder) if folder.as_os_str().is_empty() => Path::new("."),
            Some(folder) => folder,
            None => Path::new("."),
        };
        if !folder.is_dir() {
            fault(format!(
                "{} cannot be written: there is no folder {}",
                path.display(),
                folder.display()
            ));
        } else if path.is_dir() {
            fault(format!("{} is a folder; name a file in it", path.display()));
        } else if path.exists() && !path.is_file() {
            // It would be renamed over.
            let format = "is no plain file; for stdout leave =FILE out";
            fault(format!("{} {format}", path.display()));
        }
    }
    let html = |export: &Export| export.format == ExportFormat::Html;
    if wanted.iter().any(html)
        && let Err(error) = document::template()
    {
        fault(error.to_string());
    }
    match faults.is_empty() {
        true => Ok(()),
        false => Err(Faults(faults)),
    }
}

/// Writes a result in all formats that are wanted. What cannot be written is told, and
/// counts for the exit code.
pub async fn write(output: Output, record: &RunRecord, raw: Option<&Value>, exports: Exports<'_>) {
    for export in exports.wanted {
        let text = match export.format {
            ExportFormat::Json => json(record, raw),
            ExportFormat::Csv => table::csv(record),
            ExportFormat::Junit => junit::junit(record, exports.require_trusted),
            ExportFormat::Markdown => markdown::markdown(record),
            ExportFormat::Html => match html(record, exports.api).await {
                Ok(document) => {
                    if let Some(warning) = document.warning() {
                        output.messages(&[Line::new().tone(Tone::Warn, format!("! {warning}"))]);
                    }
                    document.text
                }
                Err(error) => {
                    output.unwritten(&format!("the report cannot be made: {error}"));
                    continue;
                }
            },
        };
        match &export.path {
            None if export.format == ExportFormat::Json => output.data_text(&printable(text)),
            None => output.data_text(&text),
            Some(path) => match save(path, text.as_bytes()) {
                Ok(()) if output.is_quiet() => {}
                Ok(()) => output.messages(&[
                    Line::of("written: ").tone(Tone::Strong, path.display().to_string())
                ]),
                Err(error) => output.unwritten(&error.to_string()),
            },
        }
    }
    if exports.for_step {
        add_to_step(output, record);
    }
}

/// Tells that there is nothing to write.
pub fn nothing(output: Output, exports: Exports<'_>) {
    let files = exports
        .wanted
        .iter()
        .filter_map(|export| export.path.as_ref());
    for path in files {
        output.messages(&[Line::new().tone(Tone::Warn, "warning: ").plain(format!(
            "{} is not written: there is no result",
            path.display()
        ))]);
    }
}

fn json(record: &RunRecord, raw: Option<&Value>) -> String {
    // Serializing our own types does not fail.
    let text = match raw {
        Some(raw) => serde_json::to_string_pretty(raw),
        None => serde_json::to_string_pretty(record),
    };
    text.unwrap_or_default() + "\n"
}

async fn html(record: &RunRecord, api: Option<&ApiOptions>) -> Result<Document, ClientError> {
    let client: Client = match api {
        Some(api) => api.client().await?,
        None => {
            return Err(ClientError::Cannot(
                "nobody answers what it shows".to_owned(),
            ));
        }
    };
    let location = RunLocation {
        test: record.test_id.clone(),
        run: record.test_run_id.clone(),
    };
    document::document(&client, &location).await
}

/// Adds the result to the page of a step on GitHub. It belongs to whoever runs the step, so
/// that it cannot be written is no fault of the run.
fn add_to_step(output: Output, record: &RunRecord) {
    let Some(path) = std::env::var_os(STEP_SUMMARY).filter(|path| !path.is_empty()) else {
        return;
    };
    let mut options = std::fs::OpenOptions::new();
    let added = options
        .append(true)
        .create(true)
        .open(&path)
        .and_then(|mut file| file.write_all(markdown::markdown(record).as_bytes()));
    if let Err(error) = added {
        let text = format!("{STEP_SUMMARY} cannot be written: {error}");
        output.messages(&[Line::new().tone(Tone::Warn, "warning: ").plain(text)]);
    }
}
