//! A flow of the web console in a browser: Playwright as a child process, with the browser
//! that `CHROMIUM` names. What the flow does stands in `console/tests`.

use crate::patience;
use crate::processes::{self, Signal};
use serde_json::Value;
use std::fs::File;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

/// Playwright ends a flow by itself before that.
const LONGEST_FLOW: Duration = Duration::from_secs(240);
/// How long it may take to close its browser.
const LONGEST_CLOSE: Duration = Duration::from_secs(10);
/// Before what a flow tells its test, on a line of its own.
const TOLD: &str = "SHOWN ";

/// The console's folder.
fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../console")
}

/// The files that `npm run build` made.
pub fn built() -> PathBuf {
    folder().join("dist")
}

/// A flow that runs; with it its browser goes.
struct Flow(Child);

impl Drop for Flow {
    fn drop(&mut self) {
        let pid = self.0.id() as i32;
        let mut has_ended = || self.0.try_wait().ok().flatten();
        if has_ended().is_some() {
            return;
        }
        processes::signal(pid, Signal::Terminate);
        if patience::within(LONGEST_CLOSE, has_ended).is_none() {
            let _ = self.0.kill();
            let _ = self.0.wait();
        }
    }
}

/// Runs a flow with a variable that tells it of its world; what it says in the end.
///
/// # Panics
/// When it fails, with all that it printed.
#[track_caller]
pub fn flow(file: &str, (variable, world): (&str, &Value), story: impl Fn() -> String) -> Value {
    let chromium = std::env::var_os("CHROMIUM").expect("CHROMIUM names the browser");
    let printed = tempfile::NamedTempFile::new().expect("a file for output");
    let output = || {
        Stdio::from(
            File::options()
                .append(true)
                .open(printed.path())
                .expect("it"),
        )
    };
    let mut command = Command::new("node");
    command
        .args(["node_modules/@playwright/test/cli.js", "test", file])
        .current_dir(folder())
        .env("CHROMIUM", chromium)
        .env(variable, world.to_string())
        .stdin(Stdio::null())
        .stdout(output())
        .stderr(output());
    let mut flow = Flow(
        command
            .spawn()
            .expect("node is there, and npm ci was run in console"),
    );
    let ended = patience::within(LONGEST_FLOW, || flow.0.try_wait().ok().flatten());
    let text = std::fs::read_to_string(printed.path()).unwrap_or_default();
    assert!(
        ended.is_some_and(|status| status.success()),
        "the flow {file} failed ({ended:?}):\n{text}\n{}",
        story()
    );
    let told = text.lines().find_map(|line| line.strip_prefix(TOLD));
    let told = told.unwrap_or_else(|| panic!("the flow {file} says nothing:\n{text}"));
    serde_json::from_str(told).expect("JSON")
}
