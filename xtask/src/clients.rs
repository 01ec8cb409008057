//! Clients of others against our MCP server: the official Python SDK and the
//! Inspector, installed below the target folder. What they ask stands in
//! `tests/clients/sdk.py`.

use crate::step;
use crate::tiers::target_folder;
use anyhow::{Result, bail};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// What pip installs.
const SDK: &str = "mcp==2.3.0";
/// What npm installs: the Inspector, and the Node that it needs.
const INSPECTOR: [&str; 2] = ["@modelcontextprotocol/inspector@2.12.0", "node@22"];
/// The Inspector's program below `node_modules`.
const PROGRAM: &str = "@modelcontextprotocol/inspector/clients/launcher/build/index.js";

/// Both clients, against what the end-to-end tests are run with. Without npm
/// the Inspector is left out, and that is said.
pub fn command() -> Result<Command> {
    let target = target_folder()?;
    let folder = target.join("tools").join("mcp-clients");
    let mut command = Command::new(python(&folder, &[SDK], "mcp")?);
    command.arg(step::root().join("tests/clients/sdk.py"));
    for name in ["dlt", "dlt-mcp"] {
        command.arg(target.join("e2e").join(name));
    }
    match inspector(&folder) {
        Some(paths) => {
            command.args(paths);
        }
        None => println!("npm cannot install the Inspector here: only the SDK is run"),
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

/// Node and the Inspector.
fn inspector(folder: &Path) -> Option<[PathBuf; 2]> {
    let modules = folder.join("node_modules");
    let paths = [modules.join("node/bin/node"), modules.join(PROGRAM)];
    let there = || paths.iter().all(|path| path.exists());
    if !there() {
        println!("installing {} into {}", INSPECTOR[0], folder.display());
        // Node's own package fetches its program in a script.
        for (package, scripts) in [
            (INSPECTOR[0], "--ignore-scripts"),
            (INSPECTOR[1], "--silent"),
        ] {
            let mut npm = Command::new("npm");
            npm.args(["install", "--silent", scripts, "--prefix"]);
            if !ran(npm.arg(folder).arg(package)) {
                return None;
            }
        }
    }
    there().then_some(paths)
}
