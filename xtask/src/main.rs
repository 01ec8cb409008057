//! `cargo xtask …`: what README and CI call. It starts other programs, adds up
//! what they say, and imports nothing of ours.
#![expect(
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "a build tool speaks on its terminal; dlt's own words go through cli's speak.rs"
)]

mod bench;
mod clients;
mod console;
mod deny;
mod dist;
mod engines;
mod fuzz;
mod images;
mod mcpb;
mod step;
mod templates;
mod tiers;

use anyhow::Result;
use clap::{Parser, Subcommand};
use std::process::ExitCode;

/// Tests and measurements of dlt.
#[derive(Debug, Parser)]
#[command(name = "cargo xtask", disable_help_subcommand = true)]
struct Args {
    #[command(subcommand)]
    task: Task,
}

#[derive(Debug, Subcommand)]
enum Task {
    /// Builds dlt with its web console, if npm is there.
    Build,
    /// Builds dlt with its web console, if npm is there, and shows what it does.
    Demo,
    /// Checks and tests everything, tier by tier.
    Test {
        /// Also what takes long: more seeds of the simulation, tests marked slow.
        #[arg(long)]
        full: bool,
    },
    /// Runs the simulation alone.
    Simulate {
        /// The first seed; a failed run prints its own.
        #[arg(long)]
        seed: Option<u64>,
        /// How many seeds.
        #[arg(long)]
        runs: Option<u64>,
    },
    /// Fuzzes everything that reads what others wrote.
    Fuzz(fuzz::Fuzz),
    /// Makes a release: programs, functions of Lambda, archive, Debian package, checksums.
    Dist(dist::Dist),
    /// Packs the MCP server as a .mcpb for desktop hosts.
    Mcpb(mcpb::Place),
    /// Measures; needs a quiet machine. Without a name: everything, in one table.
    #[command(args_conflicts_with_subcommands = true)]
    Bench {
        #[command(subcommand)]
        what: Option<bench::Bench>,
        #[command(flatten)]
        all: bench::All,
    },
}

/// Builds the console, then does this with cargo.
fn built(args: &[&str]) -> Result<bool> {
    if console::build()?.failed > 0 {
        return Ok(false);
    }
    Ok(step::cargo(args).status()?.success())
}

fn main() -> Result<ExitCode> {
    let passed = match Args::parse().task {
        Task::Build => built(&["build", "--release"])?,
        Task::Demo => built(&["run", "--release", "--", "demo"])?,
        Task::Test { full } => tiers::test(full)?,
        Task::Simulate { seed, runs } => tiers::simulate(seed, runs)?,
        Task::Fuzz(what) => fuzz::fuzz(&what)?,
        Task::Dist(args) => dist::dist(&args)?,
        Task::Mcpb(place) => mcpb::pack(&place)?,
        Task::Bench { what, all } => {
            bench::bench(what.unwrap_or(bench::Bench::All(all)))?;
            true
        }
    };
    Ok(if passed {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    })
}
