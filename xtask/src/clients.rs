//! Clients of others against our MCP server: the official Python SDK, the
//! Inspector and the conformance suite, installed below the target folder. What
//! they ask stands in `tests/clients`.

use crate::step;
use crate::step::target_folder;
use anyhow::{Result, bail};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// What pip installs: the SDK, and AWS's model of its calls.
const PIP: [&str; 2] = ["mcp==2.3.0", "botocore==1.43.106"];
/// What npm installs, and whether it may run scripts: the Inspector, the suite,
/// and the Node that they need, whose package fetches its program in a script.
const NPM: [(&str, bool); 3] = [
    ("@modelcontextprotocol/inspector@2.12.0", false),
    ("@modelcontextprotocol/conformance@0.2.0-alpha.12", false),
    ("node@22", true),
];
/// Their programs below `node_modules`: Node first, it runs the others.
const PROGRAMS: [&str; 3] = [
    "node/bin/node",
    "@modelcontextprotocol/inspector/clients/launcher/build/index.js",
    "@modelcontextprotocol/conformance/dist/index.js",
];

/// All of them, against what the end-to-end tests are run with. Without npm
/// there is the SDK alone, and that is said.
pub fn command() -> Result<Command> {
    let target = target_folder()?;
    let folder = target.join("tools").join("mcp-clients");
    let mut command = Command::new(python(&folder, &PIP, "mcp, botocore")?);
    command.arg(step::root().join("tests/clients/clients.py"));
    for name in ["dlt", "dlt-mcp"] {
        command.arg(target.join("e2e").join(name));
    }
    match of_npm(&folder) {
        Some(paths) => {
            command.args(paths);
        }
        None => println!("npm cannot install here: of the clients only the SDK is run"),
    }
    Ok(command)
}

fn ran(command: &mut Command) -> bool {
    let status = command.stdin(Stdio::null()).status();
    status.is_ok_and(|status| status.success())
}

/// A Python in a folder of its own that has these packages, known by what it
/// imports.
pub fn python(folder: &Path, packages: &[&str], import: &str) -> Result<PathBuf> {
    let python = folder.join("bin").join("python");
    let import = format!("import {import}");
    let has = || ran(Command::new(&python).args(["-c", &import]));
    if has() {
        return Ok(python);
    }
    let names = packages.join(" and ");
    println!("installing {names} into {}", folder.display());
    let made = ran(Command::new("python3").args(["-m", "venv"]).arg(folder));
    let mut pip = Command::new(folder.join("bin").join("pip"));
    pip.args(["install", "--quiet"]).args(packages);
    if made && ran(&mut pip) && has() {
        return Ok(python);
    }
    bail!("{names} could not be installed; python3 with venv is needed")
}

/// Node and what it runs.
fn of_npm(folder: &Path) -> Option<[PathBuf; 3]> {
    let modules = folder.join("node_modules");
    let paths = PROGRAMS.map(|program| modules.join(program));
    let there = || paths.iter().all(|path| path.exists());
    if !there() {
        for (package, scripts) in NPM {
            println!("installing {package} into {}", folder.display());
            let mut npm = Command::new("npm");
            npm.args(["install", "--silent", "--prefix"]).arg(folder);
            if !scripts {
                npm.arg("--ignore-scripts");
            }
            if !ran(npm.arg(package)) {
                return None;
            }
        }
    }
    there().then_some(paths)
}
