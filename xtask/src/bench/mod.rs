//! Measurements next to tools that everybody knows, on the same machine in the same minutes.
//! Absolute numbers of a shared machine say little; the ratio of interleaved pairs says more. What
//! a bench measured is a `table::Section`: one alone, or all of them, are told and kept by `table`.

mod all;
mod closed;
mod delayed;
mod depot;
mod functions;
mod http2;
mod install;
mod instructions;
mod lists;
mod machine;
mod measured;
mod memory;
mod merge;
mod nginx;
mod open;
mod peers;
mod ratios;
mod runtime_api;
mod scenario;
mod steady;
mod table;
mod tools;

use crate::step::cargo;
pub use all::All;
use anyhow::{Result, ensure};
use install::need;
use std::path::PathBuf;
use table::{append, tell};

/// What can be measured.
#[derive(Debug, clap::Subcommand)]
pub enum Bench {
    /// Everything that is measured in pairs, in one table; what a bench without a name does.
    All(All),
    /// CPU per request in closed load, next to wrk.
    Closed(closed::Closed),
    /// CPU per request in HTTP/2, next to h2load.
    Http2(How),
    /// Open load: rate and median against a target of 5 ms, tail against one that stands still.
    Open(open::Open),
    /// CPU per request of 50 users, next to k6, JMeter and oha, also when these are warm.
    Peers(peers::Peers),
    /// CPU per request of a scenario of 20 labels with extractions and checks, next to a single URL.
    Scenario(How),
    /// Memory of 10,000 users, next to wrk, and its curve over minutes of open load.
    Memory(memory::Memory),
    /// Merging 1,000 reports of 21 labels, and six hours of 100 labels in a thread's memory.
    Merge(merge::Merge),
    /// The target of `bench open`.
    #[command(hide = true)]
    Target(delayed::Delayed),
    /// Instructions that parts of the engine take, next to those that are kept.
    Instructions(instructions::Instructions),
    /// Lists and records of a data folder with years of runs, against 50 ms.
    Lists {
        /// Measure this dlt instead of building one.
        #[arg(long)]
        dlt: Option<PathBuf>,
    },
    /// Cold start and size of each function of Lambda, against 30 ms.
    Functions {
        /// Folder of the programs [default: dist in the target folder]
        #[arg(long)]
        programs: Option<PathBuf>,
    },
}

/// Measures, prints all rows and adds them to BENCHMARKS.md.
pub fn bench(what: Bench) -> Result<()> {
    let section = match what {
        Bench::All(what) => return all::all(what),
        Bench::Target(how) => return delayed::serve(how),
        Bench::Instructions(what) => return instructions::instructions(&what),
        Bench::Lists { dlt } => return lists::lists(dlt),
        Bench::Functions { programs } => return functions::functions(programs),
        Bench::Closed(what) => closed::closed(&what)?,
        Bench::Http2(how) => http2::http2(&how)?,
        Bench::Open(what) => open::open(&what)?,
        Bench::Peers(what) => peers::peers(&what)?,
        Bench::Scenario(how) => scenario::scenario(&how)?,
        Bench::Memory(what) => memory::memory(&what)?,
        Bench::Merge(what) => merge::merge(&what)?,
    };
    tell(&section.title.clone(), &[section])
}

/// What is common to measurements.
#[derive(Debug, Clone, clap::Args)]
pub struct How {
    /// Interleaved pairs of each row.
    #[arg(long, default_value_t = 5)]
    pairs: usize,
    /// Seconds of load of each run.
    #[arg(long, default_value_t = 10)]
    seconds: u64,
    /// Measure this dlt instead of building one.
    #[arg(long)]
    dlt: Option<PathBuf>,
}

impl How {
    /// Sees to it that these programs are there, and one core for each side; returns the dlt.
    fn prepare(&self, programs: &[&str]) -> Result<PathBuf> {
        ensure!(self.pairs > 0 && self.seconds > 0, "nothing to measure");
        let cores = std::thread::available_parallelism()?.get();
        ensure!(
            cores >= 2,
            "two cores are needed: one for the target, one for the generator"
        );
        need(programs)?;
        match &self.dlt {
            Some(dlt) => Ok(dlt.clone()),
            None => dist_build(),
        }
    }
}

fn dist_build() -> Result<PathBuf> {
    let built = cargo(&["build", "--profile", "dist", "--package", "dlt"]).status()?;
    ensure!(built.success(), "dlt does not build");
    Ok(crate::step::target_folder()?.join("dist").join("dlt"))
}

/// Runs each of `count` tools once in a round, and returns rounds of results in the tools' order.
/// Which goes first changes from round to round, so that none always meets the machine as the same
/// other left it. A run that fails is tried once more, so that it does not take all others away.
fn interleaved<T>(
    rounds: usize,
    count: usize,
    mut run: impl FnMut(usize) -> Result<T>,
) -> Result<Vec<Vec<T>>> {
    let mut all = Vec::new();
    for round in 0..rounds {
        let mut measured = Vec::new();
        for turn in 0..count {
            let tool = (turn + round) % count;
            let row = run(tool).or_else(|why| {
                println!("once more, since it failed: {why:#}");
                run(tool)
            })?;
            measured.push((tool, row));
        }
        measured.sort_by_key(|(tool, _)| *tool);
        all.push(measured.into_iter().map(|(_, row)| row).collect());
    }
    Ok(all)
}

/// The ratio of two columns of all rounds.
fn paired<T>(rounds: &[Vec<T>], ours: usize, theirs: usize, of: impl Fn(&T) -> f64) -> Vec<f64> {
    let ratio = |round: &Vec<T>| of(&round[ours]) / of(&round[theirs]);
    rounds.iter().map(ratio).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_tool_runs_once_a_round_and_the_first_changes() {
        let mut order = Vec::new();
        let rounds = interleaved(3, 2, |tool| {
            order.push(tool);
            Ok(tool as f64 + 1.0)
        });
        assert_eq!(order, [0, 1, 1, 0, 0, 1]);
        let rounds = rounds.unwrap();
        assert_eq!(rounds, vec![vec![1.0, 2.0]; 3]);
        assert_eq!(paired(&rounds, 1, 0, |value| *value), [2.0; 3]);
    }
}
