//! The web console: built with npm into `console/dist`, which `dlt` takes in, checked, and
//! used by a browser against a real `dlt up`. What it is made of stands in
//! `console/package.json`.

use crate::step::{self, Score, root, target_folder};
use anyhow::{Result, bail};
use std::path::PathBuf;
use std::process::{Command, Stdio};

/// Where Debian has its browser.
const CHROMIUM: &str = "/usr/bin/chromium";
/// What is said where npm is not there.
const NO_NPM: &str = "npm is not there: dlt is built without its web console; install Node.js 20 and npm, and run this again";

/// Builds it where npm is there; without, that is said, and dlt has a page that says so, too.
pub fn build() -> Result<Score> {
    if !has_npm() {
        println!("{NO_NPM}");
        return Ok(Score::default());
    }
    let mut score = install()?;
    if score.failed == 0 {
        score.add(step::check(npm(&["run", "build"]))?);
    }
    Ok(score)
}

/// Types against the API's document, lint, unit tests, and how much a browser loads first.
pub fn check() -> Result<Score> {
    if !has_npm() {
        // Whoever tries dlt on a machine without npm has tested all the rest.
        let in_ci = std::env::var("CI").is_ok_and(|text| text == "true");
        println!("\n*** NOT RUN: {NO_NPM}\n");
        return Ok(Score {
            passed: 0,
            failed: u64::from(in_ci),
        });
    }
    let mut score = build()?;
    for script in ["check", "size"] {
        score.add(step::check(npm(&["run", script]))?);
    }
    Ok(score)
}

/// A new user's way through it, in Debian's browser; in `full` all flows.
pub fn browser(full: bool) -> Result<Score> {
    if !has_npm() {
        // Its tier said so.
        return Ok(Score::default());
    }
    let mut command = npm(&["run", "test:browser"]);
    if full {
        crate::engines::in_tests(&mut command)?;
    } else {
        command.args(["--", "flow.spec.ts"]);
    }
    command.env("DLT_BIN", target_folder()?.join("e2e").join("dlt"));
    command.env("CHROMIUM", chromium()?);
    step::check(command)
}

/// Names the browser to tests that want one; where npm is not there, what leaves them out.
pub fn in_tests(command: &mut Command) -> Result<&'static [&'static str]> {
    if !has_npm() {
        return Ok(&["--skip", "signed_in::browser"]);
    }
    command.env("CHROMIUM", chromium()?);
    Ok(&[])
}

/// The packages of `package-lock.json`, and nothing else.
fn install() -> Result<Score> {
    let folder = root().join("console");
    let changed = |name: &str| {
        let file = std::fs::metadata(folder.join(name));
        file.and_then(|file| file.modified()).ok()
    };
    let installed = changed("node_modules/.package-lock.json");
    if installed.is_some() && installed >= changed("package-lock.json") {
        return Ok(Score::default());
    }
    step::check(npm(&["ci", "--no-audit", "--no-fund", "--ignore-scripts"]))
}

fn npm(args: &[&str]) -> Command {
    let mut command = Command::new("npm");
    command.args(args).current_dir(root().join("console"));
    command
}

fn has_npm() -> bool {
    let mut command = Command::new("npm");
    command.arg("--version").stdin(Stdio::null());
    let status = command.stdout(Stdio::null()).stderr(Stdio::null()).status();
    status.is_ok_and(|status| status.success())
}

/// The browser, installed where this may be done.
fn chromium() -> Result<PathBuf> {
    let path = PathBuf::from(CHROMIUM);
    let apt = |args: &[&str]| {
        let mut command = Command::new("apt-get");
        command.args(args).env("DEBIAN_FRONTEND", "noninteractive");
        command.stdin(Stdio::null());
        step::check(command).is_ok_and(|score| score.failed == 0)
    };
    let install = || {
        apt(&[
            "install",
            "-qq",
            "--yes",
            "--no-install-recommends",
            "chromium",
        ])
    };
    // A new machine has no lists of packages yet.
    if path.exists() || install() || (apt(&["update", "-qq"]) && install()) {
        return Ok(path);
    }
    bail!(
        "NOT RUN: there is no {CHROMIUM}, and apt-get could not install it; install it (apt-get install chromium) and try again"
    )
}
