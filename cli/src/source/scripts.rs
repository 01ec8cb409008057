//! A script of JMeter, k6 or Locust in place of a scenario file: the scenario that it means. The load
//! is its own, unless flags give one.

use dlt_core::keys::LARGEST_FILE_BYTES;
use dlt_core::scenario::Format;
use dlt_core::scenario::plan::{Tool, is_archive};
use dlt_worker::scripts::tool_of_archive;
use serde_json::json;
use std::path::{Path, PathBuf};

/// The scenario file that a script stands for, and the folder that it is relative to.
pub(super) fn as_file(path: &Path) -> Result<(Vec<u8>, Format, PathBuf), String> {
    let file = path.file_name().unwrap_or_default();
    let file = file
        .to_str()
        .ok_or("has a name that is not UTF-8: rename it")?;
    let tool = match Tool::of_file(file) {
        Some(tool) => tool,
        None if is_archive(file) => of_archive(path)?,
        None => return Err(no_script(path)),
    };
    let name = path.file_stem().unwrap_or_default().to_string_lossy();
    let body = json!({
        "testType": tool.name(),
        "testScenario": {
            "execution": [{ "scenario": name }],
            "scenarios": { name.as_ref(): { "script": file } },
        },
    });
    let folder = path.parent().map(Path::to_owned).unwrap_or_default();
    Ok((body.to_string().into_bytes(), Format::Json, folder))
}

fn of_archive(path: &Path) -> Result<Tool, String> {
    let length = std::fs::metadata(path).map_or(0, |file| file.len());
    if length > LARGEST_FILE_BYTES {
        return Err(format!(
            "has {length} bytes; at most {} MiB are taken",
            LARGEST_FILE_BYTES / 1024 / 1024
        ));
    }
    let bytes = std::fs::read(path).map_err(|error| format!("cannot be read: {error}"))?;
    tool_of_archive(&bytes).ok_or_else(|| {
        "is an archive that holds no script of one tool that is clear (a .jmx, a .js or .ts, or a locustfile.py): write a scenario file with testType, script and entry"
            .to_owned()
    })
}

fn no_script(path: &Path) -> String {
    let ending = path.extension().and_then(|ending| ending.to_str());
    match ending {
        Some("scala" | "java" | "kt") => {
            "is a script of Gatling, which dlt does not run: write its requests in a scenario file (docs/coming-from.md has the words)"
                .to_owned()
        }
        _ => "is neither a scenario file (.yaml, .yml, .json) nor a script (.jmx, .js, .ts, .py, or .zip)".to_owned(),
    }
}
