//! The words of `dlt runs …`.

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
    /// Save a run's files: reports, timeline, labels
    #[command(after_help = DOWNLOAD_HELP)]
    Download(DownloadArgs),
    /// Say what changed from one run to another, and whether it is no chance
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
    /// The run that is judged: its id, its beginning, or latest
    pub candidate: String,
    /// Compare what was measured from this region alone, without labels
    #[arg(long, value_name = "NAME")]
    pub region: Option<String>,
    /// Print the API's JSON
    #[arg(long)]
    pub json: bool,
}

const COMPARE_HELP: &str = "\
Runs compare if their load, regions, runners and requests are the same, neither
is untrusted, both ended as planned, and both made load for 15 seconds or more. A change counts if it is 2 % or more and no chance: seconds
are drawn again and again (block bootstrap), and for many numbers at once the
bar is raised (Benjamini-Hochberg). What differs between any two runs of one
system (a machine that was busier) is seen as well: repeat what matters. Exits with 1 if the second run is worse,
with 3 if they cannot be compared.";

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
    /// Folder for the files, made if needed
    #[arg(short, long, value_name = "DIR")]
    pub output: PathBuf,
    /// Replace files that are there already
    #[arg(long)]
    pub force: bool,
    /// Print what was saved as JSON
    #[arg(long)]
    pub json: bool,
}

const WATCH_HELP: &str = "\
The exit code is the run's, as with dlt run. Ctrl-C leaves; the run goes on.
To stop it: dlt runs cancel RUN.";

const DOWNLOAD_HELP: &str = "\
Examples:
  dlt runs download latest -o result
  dlt runs download p4Tq -o result --force

Files that are there already are left as they are, and nothing is saved,
unless --force says so.";
