//! The command line: arguments and their `--help`, parsed into a closed set of commands.
//! What the flags of a run mean is decided in `source`; nothing here reads files.

mod deploy;
pub mod elsewhere;
mod exports;
#[cfg(feature = "aws")]
mod image;
mod pairs;
mod run;
mod runs;
mod scenarios;
mod targets;
mod way;

pub use deploy::{DeployCommand, DestroyCommand, DoctorArgs};
#[cfg(feature = "aws")]
pub use deploy::{DestroyArgs, DestroyRegionArgs, EngineList, HubArgs, RegionArgs, StackArgs};
pub use exports::{Export, ExportFormat};
#[cfg(feature = "aws")]
pub use image::ImageArgs;
pub use run::{InitArgs, RunArgs};
pub use runs::{
    BaselineCommand, CompareArgs, DeleteArgs, DownloadArgs, GetArgs, LoadArgs, NoteArgs, PruneArgs,
    ReportArgs, RunsCommand, WatchArgs,
};
pub use scenarios::{CreateArgs, Every, ScenariosCommand, StartArgs};
pub use targets::TargetFlags;
pub use way::WayFlags;

use crate::exit;
use clap::{Args, Parser, Subcommand};
use dlt_mcp::auth::flags::AuthFlags;
use dlt_mcp::catalog::toolset::ToolFlags;
use run::{CHECK_HELP, INIT_HELP};
use std::path::PathBuf;

/// Runners of a region if `--region` does not say. Each is a process: more of them on one
/// machine do not measure better.
pub const DEFAULT_CAPACITY: u64 = 64;
/// The region used when none is given.
pub const DEFAULT_REGION: &str = "lo-home-1";

/// Distributed load testing whose numbers can be trusted
#[derive(Debug, Parser)]
#[command(
    name = "dlt",
    version,
    max_term_width = 100,
    arg_required_else_help = true,
    after_help = after_help(),
    disable_help_subcommand = true
)]
pub struct Cli {
    /// Folder for scenarios, runs and results [default: the platform's data folder + dlt]
    #[arg(
        long,
        visible_alias = "data",
        env = "DLT_HOME",
        hide_env_values = true,
        global = true,
        value_name = "DIR"
    )]
    pub home: Option<PathBuf>,
    /// URL of the API, like https://host/prod; its token comes from DLT_API_TOKEN or from the file
    /// DLT_API_TOKEN_FILE [default: the dlt up of the data folder, else the folder itself]
    #[arg(
        long,
        env = "DLT_API_URL",
        hide_env_values = true,
        global = true,
        value_name = "URL",
        help_heading = "Server"
    )]
    pub api: Option<String>,
    /// CloudFormation stack of a dlt on AWS, asked with the credentials and region of AWS's own tools
    /// (aws sso login, AWS_PROFILE, AWS_REGION)
    #[arg(
        long,
        env = "DLT_STACK_NAME",
        hide_env_values = true,
        global = true,
        value_name = "NAME[@AWS-REGION]",
        help_heading = "Server"
    )]
    pub stack: Option<String>,
    /// Sign requests with AWS credentials (SigV4); always on for stacks and hosts of API Gateway
    #[arg(
        long,
        env = "DLT_API_SIGV4",
        hide_env_values = true,
        global = true,
        help_heading = "Server",
        value_parser = clap::builder::FalseyValueParser::new()
    )]
    pub sigv4: bool,
    /// What to do
    #[command(subcommand)]
    pub command: Command,
}

fn after_help() -> String {
    format!(
        "\
Examples:
  dlt demo                                       a complete run against a built-in target
  dlt run http://127.0.0.1:8080/ -c 50 -d 30s    fifty users for thirty seconds
  dlt run scenario.yaml --tasks 4 --json         a scenario file, four runners, JSON
  dlt init https://shop.example.com/             a commented scenario file, and
  dlt check scenario.yaml                        what is wrong with it, or what it does
  dlt runs get latest                            the newest result again
  dlt up                                         a service: API, schedules, runs in the background
  dlt scenarios create scenario.yaml --start     store a scenario there and start it
  dlt runs watch                                 watch its run
  dlt run scenario.yaml --stack load@eu-west-1   the same file, run by a stack on AWS
  dlt runs get latest --stack load@eu-west-1     its result again

Exit codes:
{}
Results go to stdout, progress and warnings to stderr. NO_COLOR turns colours off.",
        exit::help()
    )
}

/// What `dlt` can do.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Test a small built-in shop with four runners for ten seconds
    Demo(DemoArgs),
    /// Run a load test against a URL, or run a scenario file
    Run(Box<RunArgs>),
    /// Say what is wrong with a scenario file, or what dlt run would do, without running it
    #[command(after_help = CHECK_HELP)]
    Check(Box<RunArgs>),
    /// Write a scenario file of a URL, or of a curl command
    #[command(after_help = INIT_HELP)]
    Init(InitArgs),
    /// Run the service on this machine: API, live data, schedules, runners
    Up(Box<UpArgs>),
    /// Create, start, schedule and show scenarios
    #[command(subcommand, arg_required_else_help = true)]
    Scenarios(ScenariosCommand),
    /// List, watch and compare runs, show results, download files
    #[command(subcommand, arg_required_else_help = true)]
    Runs(RunsCommand),
    /// Serve agents on stdin and stdout: a read-only MCP server
    #[command(after_help = MCP_HELP)]
    Mcp(ToolFlags),
    /// Show the runners that exist now
    Runners(PlainArgs),
    /// Show the regions and their free capacity
    Regions(PlainArgs),
    /// Deploy or update dlt in an AWS account
    #[command(subcommand, arg_required_else_help = true)]
    Deploy(DeployCommand),
    /// Remove dlt from an AWS account
    #[command(subcommand, arg_required_else_help = true)]
    Destroy(DestroyCommand),
    /// Say whether all is well with this machine, or with a deployed stack, and what to do if not
    Doctor(DoctorArgs),
    /// Print a completion script for a shell
    #[command(after_help = COMPLETIONS_HELP)]
    Completions(CompletionsArgs),
    /// Write man pages into a folder
    #[command(hide = true)]
    Man(ManArgs),
    /// Make the worker's image, and write it to a file or push it to a registry
    #[cfg(feature = "aws")]
    #[command(hide = true)]
    Image(ImageArgs),
    /// Run as one runner; started by dlt itself
    Worker,
}

/// Flags of a command that only shows something.
#[derive(Debug, Args)]
pub struct PlainArgs {
    /// Print the API's JSON
    #[arg(long)]
    pub json: bool,
}

/// Flags of `dlt completions`.
#[derive(Debug, Args)]
pub struct CompletionsArgs {
    /// Which shell
    #[arg(value_enum)]
    pub shell: Shell,
}

/// Shells that completions are made for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub enum Shell {
    /// GNU Bash
    Bash,
    /// Zsh
    Zsh,
    /// fish
    Fish,
    /// PowerShell
    Powershell,
}

const COMPLETIONS_HELP: &str = "\
Examples:
  dlt completions bash > ~/.local/share/bash-completion/completions/dlt
  dlt completions zsh > ~/.zfunc/_dlt          (with fpath+=~/.zfunc in .zshrc)
  dlt completions fish > ~/.config/fish/completions/dlt.fish";

/// Flags of `dlt man`.
#[derive(Debug, Args)]
pub struct ManArgs {
    /// Folder for the pages, created if needed
    #[arg(value_name = "DIR")]
    pub folder: PathBuf,
}

/// Flags of `dlt demo`.
#[derive(Debug, Args)]
pub struct DemoArgs {
    /// Print the run record as JSON on stdout
    #[arg(long)]
    pub json: bool,
}

/// Default of `dlt up --listen`.
pub const DEFAULT_LISTEN: &str = "127.0.0.1:7600";

/// Flags of `dlt up`.
#[derive(Debug, Args)]
#[command(after_help = UP_HELP)]
pub struct UpArgs {
    /// Address and port of the API, loopback unless with --auth; port 0 takes a free one
    #[arg(long, value_name = "ADDRESS:PORT", default_value = DEFAULT_LISTEN)]
    pub listen: String,
    /// A local region and how many runners it holds, like lo-home-1=8; may be given several times
    #[arg(long, value_name = "NAME[=CAPACITY]")]
    pub region: Vec<String>,
    /// What to do with scheduled runs that were due while dlt was not running
    #[arg(long, value_enum, default_value_t = MissedRuns::Run)]
    pub missed: MissedRuns,
    /// Delete runs that started longer ago, like 90d, each hour; off unless given
    #[arg(long, value_name = "DURATION")]
    pub prune_older_than: Option<String>,
    /// Delete all but the newest N runs of each scenario, each hour; with --prune-older-than only
    /// those that are older; off unless given
    #[arg(long, value_name = "N")]
    pub prune_keep: Option<u64>,
    /// Where load may be sent.
    #[command(flatten)]
    pub targets: TargetFlags,
    /// Run scripts of JMeter, k6 and Locust that are posted: whoever may post a scenario then runs
    /// programs as you
    #[arg(long)]
    pub scripts: bool,
    /// Require access tokens, for the API and for /mcp
    #[arg(long, requires = "issuer")]
    pub auth: bool,
    /// Which access tokens are accepted.
    #[command(flatten)]
    pub tokens: AuthFlags,
}

/// What to do with scheduled runs that were due while dlt was not running.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub enum MissedRuns {
    /// Run once, late, with a note
    Run,
    /// Skip them, with a note
    Skip,
}

const UP_HELP: &str = "\
Examples:
  dlt up                                                     one region, up to 64 runners
  dlt up --region lo-home-1=8 --region lo-home-2=4           two regions of 8 and 4 runners
  dlt up --listen 127.0.0.1:0 --data ./load                  a free port, data in ./load

Ctrl-C stops the runs in progress and keeps what they measured; a second Ctrl-C
exits at once. If dlt up is killed and started again, it continues its runs.";

const MCP_HELP: &str = "\
Reads the API of this data folder's dlt up; with --api the API there (its token in
DLT_API_TOKEN or DLT_API_TOKEN_FILE), with --stack that of a stack on AWS. Clients
start it themselves, for example:
  claude mcp add dlt -- dlt mcp
  claude mcp add load -- dlt mcp --stack load@eu-west-1";

#[cfg(test)]
mod documented_tests;

#[cfg(test)]
mod tests {
    use super::*;
    use clap::CommandFactory;

    fn help_of(path: &[&str]) -> String {
        let mut command = Cli::command().term_width(100);
        command.build();
        let mut at = &mut command;
        for name in path {
            at = at.find_subcommand_mut(name).expect("a subcommand");
        }
        at.render_help().to_string()
    }

    #[test]
    fn command_is_valid() {
        Cli::command().debug_assert();
    }

    #[test]
    fn help_is_unchanged() {
        insta::assert_snapshot!("help", help_of(&[]));
        insta::assert_snapshot!("help_run", help_of(&["run"]));
        insta::assert_snapshot!("help_check", help_of(&["check"]));
        insta::assert_snapshot!("help_init", help_of(&["init"]));
        insta::assert_snapshot!("help_up", help_of(&["up"]));
        insta::assert_snapshot!("help_completions", help_of(&["completions"]));
        for (group, below) in [
            (
                "runs",
                &[
                    "list", "get", "latest", "watch", "download", "report", "note", "compare",
                    "baseline", "delete", "prune", "cancel",
                ][..],
            ),
            (
                "scenarios",
                &["list", "get", "create", "start", "cancel", "delete"],
            ),
        ] {
            insta::assert_snapshot!(format!("help_{group}"), help_of(&[group]));
            for name in below {
                insta::assert_snapshot!(format!("help_{group}_{name}"), help_of(&[group, name]));
            }
        }
    }

    #[test]
    fn help_about_aws_is_unchanged() {
        insta::assert_snapshot!("help_doctor", help_of(&["doctor"]));
        for group in ["deploy", "destroy"] {
            for kind in ["hub", "region"] {
                insta::assert_snapshot!(format!("help_{group}_{kind}"), help_of(&[group, kind]));
            }
        }
    }

    #[test]
    fn contradictions_are_refused() {
        for wrong in [
            &["dlt", "run", "http://a/", "-c", "5", "--arrivals", "3"][..],
            &["dlt", "run", "http://a/", "--stages", "5:1s", "-d", "3s"],
            &["dlt", "run", "http://a/", "--cert-file", "a.pem"],
            &["dlt", "run", "http://a/", "-c", "many"],
            &["dlt", "run"],
            &["dlt", "runs", "list", "--stack"],
            &["dlt", "frobnicate"],
        ] {
            let error = Cli::try_parse_from(wrong).expect_err("refused");
            assert_eq!(error.exit_code(), 2, "{wrong:?}");
        }
    }
}
