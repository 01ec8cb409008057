//! The programs of a release, built: with this machine's own tools, or with zig, which
//! brings a C library of a chosen version for any machine.

use super::glibc;
use crate::clients;
use crate::step::{self, cargo, target_folder};
use anyhow::{Context, Result, bail};
use std::path::{Path, PathBuf};
use std::process::Command;

/// What a release has everywhere; AWS's SDKs with it.
const FEATURES: &str = "dlt/aws,dlt-pipeline/lambda,dlt-worker/aws";
/// Their packages.
const PACKAGES: [&str; 4] = ["dlt", "dlt-mcp", "dlt-pipeline", "dlt-worker"];
/// zig, and what makes cargo use it.
const ZIG: [&str; 2] = ["cargo-zigbuild==0.24.1", "ziglang==0.15.1"];

/// What a release runs on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub enum Machine {
    /// Intel's and AMD's.
    X86_64,
    /// Graviton.
    Aarch64,
}

impl Machine {
    /// This one.
    pub fn here() -> Result<Self> {
        match std::env::consts::ARCH {
            "x86_64" => Ok(Self::X86_64),
            "aarch64" => Ok(Self::Aarch64),
            other => bail!("releases are for x86_64 and aarch64, and this machine is {other}"),
        }
    }

    /// In Rust's words.
    pub fn rust(self) -> &'static str {
        match self {
            Self::X86_64 => "x86_64",
            Self::Aarch64 => "aarch64",
        }
    }

    /// In Debian's words.
    pub fn debian(self) -> &'static str {
        match self {
            Self::X86_64 => "amd64",
            Self::Aarch64 => "arm64",
        }
    }

    /// Rust's name of the whole platform.
    pub fn triple(self) -> String {
        format!("{}-unknown-linux-gnu", self.rust())
    }
}

/// Where they were built.
#[derive(Debug)]
pub struct Programs {
    folder: PathBuf,
    /// For what.
    pub machine: Machine,
}

impl Programs {
    /// The commands for people.
    pub const COMMANDS: [&'static str; 2] = ["dlt", "dlt-mcp"];
    /// What `dlt deploy` takes to AWS: it looks beside itself and in `../lib/dlt`.
    pub const DEPLOYED: [&'static str; 3] = ["dlt-worker", "dlt-functions", "dlt-mcp-lambda"];

    /// Builds them; None if that fails.
    pub fn build(profile: &str, machine: Option<Machine>) -> Result<Option<Self>> {
        let mut folder = target_folder()?;
        let mut command = match machine {
            None => cargo(&["build"]),
            Some(machine) => {
                folder.push(machine.triple());
                zigbuild(machine)?
            }
        };
        command.args(["--locked", "--profile", profile, "--features", FEATURES]);
        for package in PACKAGES {
            command.args(["--package", package]);
        }
        folder.push(match profile {
            "dev" => "debug",
            other => other,
        });
        if step::check(command)?.failed > 0 {
            return Ok(None);
        }
        Ok(Some(Self {
            folder,
            machine: machine.map_or_else(Machine::here, Ok)?,
        }))
    }

    /// Those that were built before.
    pub fn built(folder: &Path, machine: Option<Machine>) -> Result<Self> {
        Ok(Self {
            folder: folder.to_owned(),
            machine: machine.map_or_else(Machine::here, Ok)?,
        })
    }

    /// Where one is.
    pub fn path(&self, name: &str) -> PathBuf {
        self.folder.join(name)
    }

    /// Where all are.
    pub fn paths(&self) -> Vec<PathBuf> {
        let names = Self::COMMANDS.iter().chain(&Self::DEPLOYED);
        names.map(|name| self.path(name)).collect()
    }
}

fn zigbuild(machine: Machine) -> Result<Command> {
    let folder = target_folder()?.join("tools").join("zig");
    let python = clients::python(&folder, &ZIG, "ziglang")?;
    let bin = python.parent().context("the folder of python")?;
    let mut add = Command::new("rustup");
    add.args(["target", "add", &machine.triple()]);
    if step::check(add)?.failed > 0 {
        bail!(
            "the standard library for {} cannot be had here",
            machine.triple()
        );
    }
    let mut command = cargo(&["zigbuild"]);
    let path = std::env::var("PATH").unwrap_or_default();
    command.env("PATH", format!("{}:{path}", bin.display()));
    // Its own Python, which has zig.
    command.env("CARGO_ZIGBUILD_PYTHON_PATH", &python);
    let (major, minor) = glibc::NEWEST;
    command.args(["--target", &format!("{}.{major}.{minor}", machine.triple())]);
    Ok(command)
}
