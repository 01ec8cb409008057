//! What others' tools say of the templates and of the workflow: a scanner of
//! infrastructure, and a second reader of Amazon's States Language. Which tiers run
//! them stands in `tiers`.

use crate::clients;
use crate::step::{self, target_folder};
use anyhow::{Result, bail};
use std::path::PathBuf;
use std::process::{Command, Stdio};

/// From PyPI: some 150 packages. uv installs them in half a minute, pip in several.
const SCANNER: &str = "checkov==3.3.30";
const INSTALLER: &str = "uv==0.13.9";
/// From npm: a few packages without scripts.
const VALIDATOR: &str = "asl-validator@4.0.0";
/// Its program below `node_modules`.
const VALIDATOR_PROGRAM: &str = "asl-validator/dist/bin/asl-validator.js";
/// The workflow.
const WORKFLOW: &str = "pipeline/workflow/load-test.asl.json";
/// What the scanner asks that we decided otherwise, each with its reason.
const DECIDED: &str = "infra/checkov.yaml";

/// The scanner over these templates.
pub fn scanner(templates: &[PathBuf]) -> Result<Command> {
    let folder = target_folder()?.join("tools").join("checkov");
    let python = clients::python(&folder, &[INSTALLER], "uv")?;
    let program = python.with_file_name("checkov");
    if !program.exists() {
        println!("installing {SCANNER} into {}", folder.display());
        let mut uv = Command::new(python.with_file_name("uv"));
        uv.args(["pip", "install", "--quiet", "--python"]);
        let done = uv.arg(&python).arg(SCANNER).status();
        if !done.is_ok_and(|status| status.success()) || !program.exists() {
            bail!("{SCANNER} could not be installed");
        }
    }
    let mut command = Command::new(program);
    command.current_dir(step::root());
    command.args(["--config-file", DECIDED, "--framework", "cloudformation"]);
    command.args(["--compact", "--quiet", "--skip-download"]);
    for template in templates {
        command.arg("--file").arg(template);
    }
    Ok(command)
}

/// Whether Node and npm are here, which the validator needs.
pub fn has_node() -> bool {
    ["npm", "node"].iter().all(|program| {
        let mut version = Command::new(program);
        version.arg("--version").stdout(Stdio::null());
        version.status().is_ok_and(|status| status.success())
    })
}

/// The validator over the workflow.
pub fn validator() -> Result<Command> {
    let folder = target_folder()?.join("tools").join("asl-validator");
    let program = folder.join("node_modules").join(VALIDATOR_PROGRAM);
    if !program.exists() {
        println!("installing {VALIDATOR} into {}", folder.display());
        let mut npm = Command::new("npm");
        npm.args(["install", "--silent", "--ignore-scripts", "--prefix"]);
        npm.arg(&folder).arg(VALIDATOR).stdin(Stdio::null());
        let done = npm.status().is_ok_and(|status| status.success());
        if !done || !program.exists() {
            bail!("{VALIDATOR} could not be installed; Node with npm is needed");
        }
    }
    let mut command = Command::new("node");
    command.current_dir(step::root()).arg(program);
    command.args(["--json-path", WORKFLOW]);
    Ok(command)
}
