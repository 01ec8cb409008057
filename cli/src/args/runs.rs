//! The arguments of `dlt runs …`.

use super::exports::{self, Export};
use clap::{Args, Subcommand};
use dlt_core::load::changes::LARGEST_FACTOR;
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
    /// Make one HTML file of a run's result, to be opened, printed or sent
    #[command(after_help = REPORT_HELP)]
    Report(ReportArgs),
    /// Keep a note on a run; an empty one removes it
    Note(NoteArgs),
    /// Change the load of a run that goes on: more, less, a pause, an end
    #[command(after_help = LOAD_HELP)]
    Load(LoadArgs),
    /// Compare two runs: what is worse, better, the same, and what cannot be told
    #[command(after_help = COMPARE_HELP)]
    Compare(CompareArgs),
    /// Set, show or clear the run that a scenario's others are compared with
    #[command(subcommand)]
    Baseline(BaselineCommand),
    /// Delete runs that have ended, with all that they measured
    Delete(DeleteArgs),
    /// Delete old runs: by age, by number, or both
    #[command(after_help = PRUNE_HELP)]
    Prune(PruneArgs),
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

/// Flags of `dlt runs delete`.
#[derive(Debug, Args)]
pub struct DeleteArgs {
    /// The runs' ids, their beginnings, or latest
    #[arg(value_name = "RUN", required = true)]
    pub runs: Vec<String>,
    /// Print the answer as JSON
    #[arg(long)]
    pub json: bool,
}

/// Flags of `dlt runs prune`.
#[derive(Debug, Args)]
pub struct PruneArgs {
    /// Only runs that started longer ago, like 30d or 12h
    #[arg(long, value_name = "DURATION")]
    pub older_than: Option<String>,
    /// The newest N runs of each scenario stay; one-off runs, as dlt run makes them, count together
    #[arg(long, value_name = "N")]
    pub keep: Option<u64>,
    /// Only runs of this scenario, by its id
    #[arg(long, value_name = "ID")]
    pub scenario: Option<String>,
    /// List what would be deleted, and delete nothing
    #[arg(long)]
    pub dry_run: bool,
    /// Print JSON
    #[arg(long)]
    pub json: bool,
}

const PRUNE_HELP: &str = "\
Examples:
  dlt runs prune --older-than 90d --dry-run       # what is older than 90 days
  dlt runs prune --older-than 30d --keep 20       # what is older, but never the newest 20 of a scenario
  dlt runs prune --keep 5 --scenario shop

A baseline and a run in progress always stay. dlt up --prune-older-than and
--prune-keep do the same each hour.";

/// Flags of `dlt runs get`.
#[derive(Debug, Args)]
pub struct GetArgs {
    /// The run's id, its beginning, or latest
    pub run: String,
    /// Print the run record as JSON
    #[arg(long)]
    pub json: bool,
    /// With the secrets that its scenario has now, for whoever may write
    #[arg(long, requires = "json", conflicts_with = "exports")]
    pub secrets: bool,
    /// Write the result as json, csv, html, junit or md, to FILE or to stdout; may be given several times
    #[arg(short = 'o', value_name = "FORMAT[=FILE]", value_parser = exports::export)]
    pub exports: Vec<Export>,
}

/// Flags of `dlt runs compare`.
#[derive(Debug, Args)]
pub struct CompareArgs {
    /// The run to compare with: its id or its beginning, latest, previous, baseline, or a
    /// scenario's id. A scenario alone: its newest run against its baseline, or else against
    /// the run before
    #[arg(value_name = "RUN|SCENARIO")]
    pub base: String,
    /// The run to judge, named likewise; a scenario's id is its newest run [default: latest]
    #[arg(value_name = "RUN|SCENARIO")]
    pub candidate: Option<String>,
    /// Compare only what was measured from this region, without labels
    #[arg(long, value_name = "NAME")]
    pub region: Option<String>,
    /// Changes of times and rates below this many percent do not matter [default: 2]
    #[arg(long, value_name = "PERCENT")]
    pub threshold: Option<String>,
    /// Changes of error rates below this many percentage points do not matter [default: 0.5]
    #[arg(long, value_name = "POINTS")]
    pub error_threshold: Option<String>,
    /// Show the numbers of runs that cannot be compared, without a verdict
    #[arg(long)]
    pub anyway: bool,
    /// Print the API's JSON
    #[arg(long)]
    pub json: bool,
}

/// `dlt runs baseline …`.
#[derive(Debug, Subcommand)]
pub enum BaselineCommand {
    /// Make a run the baseline of its scenario
    Set {
        /// The run's id, its beginning, latest, or the id of its scenario
        #[arg(value_name = "RUN|SCENARIO")]
        run: String,
        /// Print the API's answer as JSON
        #[arg(long)]
        json: bool,
    },
    /// Show a scenario's baseline
    Get {
        /// The scenario's id
        scenario: String,
        /// Print the API's answer as JSON
        #[arg(long)]
        json: bool,
    },
    /// Leave a scenario without a baseline; the run stays
    Clear {
        /// The scenario's id
        scenario: String,
        /// Print the API's answer as JSON
        #[arg(long)]
        json: bool,
    },
}

const COMPARE_HELP: &str = "\
Examples:
  dlt runs compare baseline shop        # the newest run of shop against its baseline
  dlt runs compare previous latest      # the newest run against the one before it
  dlt runs compare p4Tq Zz81 --threshold 10

Words: worse, better: the change is real and large enough to matter (--threshold,
--error-threshold). changed, but small: real, and its whole 95 % interval is too
small to matter. same: the whole interval is too small to matter, and holds 0.
cannot tell: too little is known. Real means: over all numbers together false alarms
are 2.5 % at most (Benjamini-Hochberg; error rate and p95 of all requests are a family
of their own). Intervals allow for seconds that resemble their neighbours and for
failures in bursts. What lasts, like a busier machine, counts as a change: repeat the
runs if it matters.

Runs can be compared if their load, regions, runners and requests are the same, both
are complete, neither is untrusted, and both made load for 15 seconds or more.

The exit code is 1 if the second run is worse; 4 if the runs cannot be compared, or
the error rate or the p95 of all requests cannot be told; else 0.";

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
    /// Write the result as json, csv, html, junit or md, to FILE or to stdout; may be given several times
    #[arg(short = 'o', value_name = "FORMAT[=FILE]", value_parser = exports::export)]
    pub exports: Vec<Export>,
    /// No progress on stderr; warnings and errors stay
    #[arg(short = 'q', long)]
    pub quiet: bool,
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

/// Flags of `dlt runs report`.
#[derive(Debug, Args)]
pub struct ReportArgs {
    /// The run's id, its beginning, or latest
    pub run: String,
    /// The file to write
    #[arg(short, long, value_name = "FILE")]
    pub output: PathBuf,
    /// Replace an existing file
    #[arg(long)]
    pub force: bool,
    /// Print what was saved as JSON
    #[arg(long)]
    pub json: bool,
}

/// Flags of `dlt runs note`.
#[derive(Debug, Args)]
pub struct NoteArgs {
    /// The run's id, its beginning, or latest
    pub run: String,
    /// The text
    #[arg(value_name = "TEXT")]
    pub text: String,
    /// Print the API's answer as JSON
    #[arg(long)]
    pub json: bool,
}

/// Flags of `dlt runs load`.
#[derive(Debug, Args)]
pub struct LoadArgs {
    /// The run's id, its beginning, or latest
    pub run: String,
    /// How much of the planned load, from 0 (a pause) to 10; 1.1 is ten percent more
    #[arg(
        long,
        value_name = "FACTOR",
        required_unless_present = "end",
        value_parser = factor
    )]
    pub factor: Option<f64>,
    /// End the load now; requests in flight may finish, and the result is whole
    #[arg(long, conflicts_with = "factor")]
    pub end: bool,
    /// Print the API's answer as JSON
    #[arg(long)]
    pub json: bool,
}

/// A multiple of the planned load.
fn factor(text: &str) -> Result<f64, String> {
    let factor = text.parse().ok();
    let factor = factor.filter(|factor| (0.0..=LARGEST_FACTOR).contains(factor));
    factor.ok_or_else(|| {
        "must be a number from 0 (a pause) to 10; 1.1 is ten percent more".to_owned()
    })
}

const LOAD_HELP: &str = "\
Examples:
  dlt runs load latest --factor 1.5
  dlt runs load latest --end

In the terminal of dlt run the keys + and - (ten percent of the plan), p (pause,
go on) and e (end) do the same. The planned end stays, also after a pause. The
record keeps each change, and the result is judged by the changed load.";

const WATCH_HELP: &str = "\
The exit code is the run's, as with dlt run. Ctrl-C ends the command; the run
goes on. To stop it: dlt runs cancel RUN.";

const DOWNLOAD_HELP: &str = "\
Examples:
  dlt runs download latest -o result
  dlt runs download p4Tq -o result --force

If one of the files exists already, nothing is saved, unless --force is given.";

const REPORT_HELP: &str = "\
Example:
  dlt runs report latest -o report.html

The file holds everything: no server, no network and no dlt is needed to read it.";
