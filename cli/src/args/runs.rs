//! The arguments of `dlt runs …`.

use clap::{Args, Subcommand};
use std::path::PathBuf;

/// `dlt runs …`.
#[derive(Debug, Subcommand)]
pub enum RunsCommand {
    /// List runs, newest first
    List {
        /// Only runs of this scenario, by its id
        scenario: Option<String>,
        /// Most runs to list
        #[arg(long, default_value_t = 20, value_name = "N", value_parser = clap::value_parser!(u32).range(1..))]
        limit: u32,
        /// Print the API's JSON
        #[arg(long)]
        json: bool,
    },
    /// Show the result of a run
    Get(GetArgs),
    /// Show the newest result
    Latest {
        /// Only runs of this scenario, by its id
        scenario: Option<String>,
        /// Print the run record as JSON
        #[arg(long)]
        json: bool,
    },
    /// Watch a run until it ends, then show its result
    #[command(after_help = WATCH_HELP)]
    Watch(WatchArgs),
    /// Download a run's files: reports, timeline, labels
    #[command(after_help = DOWNLOAD_HELP)]
    Download(DownloadArgs),
    /// Compare two runs: what changed, and whether it is significant
    #[command(after_help = COMPARE_HELP)]
    Compare(CompareArgs),
    /// Stop a run and keep what it measured
    Cancel {
        /// The run's id or its beginning, latest, or the id of its scenario
        #[arg(value_name = "RUN|SCENARIO")]
        what: String,
        /// Print the API's answer as JSON
        #[arg(long)]
        json: bool,
    },
}

/// Flags of `dlt runs get`.
#[derive(Debug, Args)]
pub struct GetArgs {
    /// The run's id, its beginning, or latest
    pub run: String,
    /// Print the run record as JSON
    #[arg(long)]
    pub json: bool,
}

/// Flags of `dlt runs compare`.
#[derive(Debug, Args)]
pub struct CompareArgs {
    /// The run to compare with: its id, or its beginning
    pub base: String,
    /// The run to judge: its id, its beginning, or latest
    pub candidate: String,
    /// Compare only what was measured from this region, without labels
    #[arg(long, value_name = "NAME")]
    pub region: Option<String>,
    /// Print the API's JSON
    #[arg(long)]
    pub json: bool,
}

const COMPARE_HELP: &str = "\
Two runs can be compared if their load, regions, runners and requests are the
same, neither is untrusted, both ended as planned, and both lasted 15 seconds or
more. A change counts if it is 2 % or more and significant: seconds are resampled
(block bootstrap), and thresholds are corrected for the number of comparisons
(Benjamini-Hochberg). Differences that any two runs of one system have (a busier
machine) count as well: repeat the runs if a change matters. The exit code is 1 if
the second run is worse, 3 if the runs cannot be compared.";

/// Flags of `dlt runs watch`.
#[derive(Debug, Args)]
pub struct WatchArgs {
    /// A run's id or its beginning, or a scenario's id [default: the newest run]
    #[arg(value_name = "SCENARIO|RUN")]
    pub what: Option<String>,
    /// Exit with 4 unless the numbers can be trusted
    #[arg(long)]
    pub require_trusted: bool,
    /// Print the run record as JSON at the end
    #[arg(long)]
    pub json: bool,
}

/// Flags of `dlt runs download`.
#[derive(Debug, Args)]
pub struct DownloadArgs {
    /// The run's id, its beginning, or latest
    pub run: String,
    /// Folder for the files, created if needed
    #[arg(short, long, value_name = "DIR")]
    pub output: PathBuf,
    /// Replace existing files
    #[arg(long)]
    pub force: bool,
    /// Print what was saved as JSON
    #[arg(long)]
    pub json: bool,
}

const WATCH_HELP: &str = "\
The exit code is the run's, as with dlt run. Ctrl-C ends the command; the run
goes on. To stop it: dlt runs cancel RUN.";

const DOWNLOAD_HELP: &str = "\
Examples:
  dlt runs download latest -o result
  dlt runs download p4Tq -o result --force

If one of the files exists already, nothing is saved, unless --force is given.";
