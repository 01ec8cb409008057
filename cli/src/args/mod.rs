//! The command line: arguments and their `--help`, parsed into a closed set of commands.
//! What the flags of a run mean is decided in `source`; nothing here reads files.

mod deploy;
#[cfg(feature = "aws")]
mod image;
mod runs;
mod scenarios;
mod targets;

pub use deploy::{DeployCommand, DestroyCommand, DoctorArgs};
#[cfg(feature = "aws")]
pub use deploy::{DestroyArgs, DestroyRegionArgs, HubArgs, RegionArgs, StackArgs};
#[cfg(feature = "aws")]
pub use image::ImageArgs;
pub use runs::{
    BaselineCommand, CompareArgs, DeleteArgs, DownloadArgs, GetArgs, NoteArgs, PruneArgs,
    ReportArgs, RunsCommand, WatchArgs,
};
pub use scenarios::{CreateArgs, Every, ScenariosCommand, StartArgs};
pub use targets::TargetFlags;

use crate::exit;
use clap::{Args, Parser, Subcommand};
use dlt_mcp::auth::flags::AuthFlags;
use dlt_mcp::catalog::toolset::ToolFlags;
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
    /// Say whether all is well with a deployed stack, and what to do if not
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

/// Flags of `dlt run`.
#[derive(Debug, Args, Default)]
#[command(after_help = RUN_EXAMPLES)]
pub struct RunArgs {
    /// What to test: a URL, a scenario file (.yaml, .yml, .json), or - for a scenario on stdin
    #[arg(value_name = "URL|FILE")]
    pub target: String,

    /// Users over the whole run, each waiting for its answer [default: 10]
    #[arg(
        short = 'c',
        long,
        value_name = "N",
        help_heading = "Load",
        conflicts_with = "arrivals"
    )]
    pub users: Option<u64>,
    /// Arrivals per second over the whole run, whether or not answers come
    #[arg(long, value_name = "N", value_parser = finite, help_heading = "Load")]
    pub arrivals: Option<f64>,
    /// How long to hold the load: 500ms, 30s, 5m, 2h, 1d [default: 10s]
    #[arg(short = 'd', long, value_name = "TIME", help_heading = "Load")]
    pub duration: Option<String>,
    /// How long to take to reach the load
    #[arg(long, value_name = "TIME", help_heading = "Load")]
    pub ramp_up: Option<String>,
    /// Iterations of each user, after which the user ends
    #[arg(long, value_name = "N", help_heading = "Load")]
    pub iterations: Option<u64>,
    /// Loads to reach, each with its time: 50:30s,50:1m,0:10s for users, 500/s:30s for arrivals per second
    #[arg(
        long,
        value_name = "TARGET:TIME,…",
        value_delimiter = ',',
        help_heading = "Load",
        conflicts_with_all = ["users", "duration", "ramp_up"]
    )]
    pub stages: Vec<String>,
    /// Most requests in flight with --arrivals; further ones are dropped and counted [default: 10000]
    #[arg(long, value_name = "N", help_heading = "Load")]
    pub connections: Option<u64>,
    /// Most requests per second of all users together
    #[arg(long, value_name = "N", value_parser = finite, help_heading = "Load")]
    pub throughput: Option<f64>,
    /// Pause of a user after each answer
    #[arg(long, value_name = "TIME", help_heading = "Load")]
    pub think_time: Option<String>,

    /// Runners that share the load [default: 1, or one for each --region]
    #[arg(long, value_name = "N", help_heading = "Where")]
    pub tasks: Option<u64>,
    /// A local region and how many runners it holds, like lo-home-1=8, or the name of a server's region;
    /// runners are spread evenly over regions
    #[arg(long, value_name = "NAME[=CAPACITY]", help_heading = "Where")]
    pub region: Vec<String>,

    /// Method [default: GET]
    #[arg(short = 'm', long, value_name = "METHOD", help_heading = "Request")]
    pub method: Option<String>,
    /// A header, like 'Accept: text/html'; may be given several times
    #[arg(
        short = 'H',
        long,
        value_name = "NAME: VALUE",
        help_heading = "Request"
    )]
    pub header: Vec<String>,
    /// Body, or @FILE to send a file
    #[arg(short = 'b', long, value_name = "TEXT|@FILE", help_heading = "Request")]
    pub body: Option<String>,
    /// Time limit of a request
    #[arg(long, value_name = "TIME", help_heading = "Request")]
    pub timeout: Option<String>,
    /// Do not follow redirects
    #[arg(long, help_heading = "Request")]
    pub no_follow: bool,

    /// Where load may be sent.
    #[command(flatten)]
    pub targets: TargetFlags,

    /// PEM file with further certificate authorities
    #[arg(long, value_name = "FILE", help_heading = "TLS")]
    pub ca_file: Option<String>,
    /// PEM file with the client's certificate chain
    #[arg(long, value_name = "FILE", help_heading = "TLS", requires = "key_file")]
    pub cert_file: Option<String>,
    /// PEM file with the client's key
    #[arg(
        long,
        value_name = "FILE",
        help_heading = "TLS",
        requires = "cert_file"
    )]
    pub key_file: Option<String>,
    /// Accept any certificate
    #[arg(long, help_heading = "TLS")]
    pub insecure: bool,

    /// Condition to pass, like 'p(95)<200ms', 'error_rate<1%', 'rate>500/s'; may be given several times
    #[arg(long, value_name = "EXPRESSION", help_heading = "Result")]
    pub threshold: Vec<String>,
    /// Exit with 4 unless the numbers can be trusted
    #[arg(long, help_heading = "Result")]
    pub require_trusted: bool,
    /// Print the run record as JSON on stdout
    #[arg(long, help_heading = "Result")]
    pub json: bool,
    /// Name of the run in lists [default: the URL]
    #[arg(long, value_name = "NAME", help_heading = "Result")]
    pub name: Option<String>,
}

/// A finite number; its range is checked later.
fn finite(text: &str) -> Result<f64, String> {
    match text.parse::<f64>() {
        Ok(number) if number.is_finite() => Ok(number),
        _ => Err("must be a number".to_owned()),
    }
}

const RUN_EXAMPLES: &str = "\
Examples:
  dlt run http://127.0.0.1:8080/ -c 50 -d 30s
  dlt run https://shop.example.com/ --arrivals 200 -d 1m --threshold 'p(95)<200ms'
  dlt run https://shop.example.com/cart -m POST -H 'Accept: text/html' -b @cart.json
  dlt run http://127.0.0.1:8080/ --stages 500/s:30s,500/s:1m,0/s:10s
  dlt run scenario.yaml --region lo-home-1=2 --region lo-home-2=2 --tasks 4
  dlt run scenario.yaml --stack load@eu-west-1 --region us-east-1 --tasks 20

A scenario file itself contains load, requests, TLS settings and thresholds.
Ctrl-C stops the run and shows what was measured; a second Ctrl-C exits at once.
Exit codes: dlt --help.";

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
