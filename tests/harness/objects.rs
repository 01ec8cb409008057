//! What a run left in its data folder: its objects and its runners' lines,
//! read by the tests' own hands.

use crate::command::Home;
use dlt_core::messages::runner_line::{RunnerLine, Tick};
use dlt_core::messages::timeline::RunTimeline;
use std::io::Read;
use std::path::{Path, PathBuf};

fn walk(folder: &Path, found: &mut Vec<PathBuf>) {
    for entry in std::fs::read_dir(folder).into_iter().flatten().flatten() {
        let path = entry.path();
        if path.is_dir() {
            walk(&path, found);
        } else {
            found.push(path);
        }
    }
}

/// Every file of the data folder whose path ends so.
pub fn files(home: &Home, suffix: &str) -> Vec<PathBuf> {
    let mut found = Vec::new();
    walk(home.path(), &mut found);
    found.retain(|path| path.to_string_lossy().ends_with(suffix));
    found.sort();
    found
}

/// The merged timeline of the only run in the folder.
///
/// # Panics
/// When there is none, or more, or it is unreadable.
pub fn timeline(home: &Home) -> RunTimeline {
    let found = files(home, "timeline.json.gz");
    assert_eq!(found.len(), 1, "one merged timeline, not {found:?}");
    let bytes = std::fs::read(&found[0]).expect("the merged timeline");
    let mut text = String::new();
    flate2::read::GzDecoder::new(&bytes[..])
        .read_to_string(&mut text)
        .expect("gzip");
    serde_json::from_str(&text).expect("a run timeline")
}

/// Every regional tick on any runner's stdout, and the lines that are not ours.
///
/// # Panics
/// When a file cannot be read.
pub fn ticks(home: &Home) -> (Vec<Tick>, Vec<String>) {
    let (mut ticks, mut strange) = (Vec::new(), Vec::new());
    for path in files(home, ".out") {
        let text = std::fs::read_to_string(&path).expect("a runner's stdout");
        for line in text.lines() {
            match RunnerLine::parse(line) {
                Some(RunnerLine::Tick(tick) | RunnerLine::LiveTick(tick)) => ticks.push(tick),
                Some(_) => {}
                None => strange.push(line.to_owned()),
            }
        }
    }
    (ticks, strange)
}
