//! The arguments of `dlt scenarios …`.

use super::exports::{self, Export};
use super::pairs;
use clap::{Args, Subcommand, ValueEnum};

/// `dlt scenarios …`.
#[derive(Debug, Subcommand)]
pub enum ScenariosCommand {
    /// List scenarios, last run first
    List {
        /// Only scenarios with this tag; may be given several times, any matches
        #[arg(long, value_name = "TAG")]
        tag: Vec<String>,
        /// Also those of one-off runs, as dlt run makes them
        #[arg(long)]
        one_off: bool,
        /// Print the API's JSON
        #[arg(long)]
        json: bool,
    },
    /// Show a scenario: requests, load, regions, schedule, and its last result
    Get {
        /// The scenario's id
        scenario: String,
        /// With passwords, tokens, cookies and keys, for whoever may write; else [redacted]
        /// stands for each
        #[arg(long)]
        secrets: bool,
        /// Print the API's JSON
        #[arg(long)]
        json: bool,
    },
    /// Store a scenario file, and start or schedule it
    #[command(after_help = CREATE_HELP)]
    Create(Box<CreateArgs>),
    /// Start a run of a stored scenario
    #[command(after_help = START_HELP)]
    Start(StartArgs),
    /// Stop a scenario's run; if none is running, remove its schedule
    Cancel {
        /// The scenario's id
        scenario: String,
        /// Print the API's answer as JSON
        #[arg(long)]
        json: bool,
    },
    /// Delete a scenario, its schedule and its runs
    Delete {
        /// The scenario's id
        scenario: String,
        /// Print the API's answer as JSON
        #[arg(long)]
        json: bool,
    },
}

/// Flags of `dlt scenarios create`.
#[derive(Debug, Args, Default)]
pub struct CreateArgs {
    /// A scenario file (.yaml, .yml, .json), or - for stdin
    pub file: String,
    /// Only store it; the default
    #[arg(long, help_heading = "When", conflicts_with_all = ["start", "cron", "at"])]
    pub save: bool,
    /// Start a run now
    #[arg(long, help_heading = "When", conflicts_with_all = ["cron", "at"])]
    pub start: bool,
    /// Run by cron: minute (one number), hour, day, month, weekday
    #[arg(
        long,
        value_name = "EXPR",
        help_heading = "When",
        conflicts_with = "at"
    )]
    pub cron: Option<String>,
    /// Run at this local time of --zone
    #[arg(long, value_name = "YYYY-MM-DD HH:MM", help_heading = "When")]
    pub at: Option<String>,
    /// Repeat from --at on
    #[arg(long, value_enum, help_heading = "When", requires = "at")]
    pub every: Option<Every>,
    /// Time zone of the schedule, like Europe/Paris [default: UTC]
    #[arg(long, value_name = "ZONE", help_heading = "When")]
    pub zone: Option<String>,
    /// Last day of --cron
    #[arg(
        long,
        value_name = "YYYY-MM-DD",
        help_heading = "When",
        requires = "cron"
    )]
    pub until: Option<String>,
    /// A variable of the file and its value; may be given several times
    #[arg(long, value_name = "NAME=VALUE", value_parser = pairs::pair)]
    pub set: Vec<(String, String)>,
    /// A variable of the environment that the file may use as ${env.NAME}, or one with its value; may be
    /// given several times
    #[arg(short = 'e', long, value_name = "NAME[=VALUE]", value_parser = pairs::from_environment)]
    pub env: Vec<(String, Option<String>)>,
    /// Id of the scenario; an existing scenario is replaced [default: the file's testId, or a new one]
    #[arg(long, value_name = "ID")]
    pub id: Option<String>,
    /// Print the API's answer as JSON
    #[arg(long)]
    pub json: bool,
}

/// How often a scheduled run is repeated.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Every {
    /// Each day
    Daily,
    /// Every 7 days
    Weekly,
    /// Every 14 days
    Biweekly,
    /// The same day of each month
    Monthly,
}

impl Every {
    /// Its name in the API.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Daily => "daily",
            Self::Weekly => "weekly",
            Self::Biweekly => "biweekly",
            Self::Monthly => "monthly",
        }
    }
}

/// Flags of `dlt scenarios start`.
#[derive(Debug, Args)]
pub struct StartArgs {
    /// The scenario's id
    pub scenario: String,
    /// Watch the run until it ends, show its result, and exit with its exit code
    #[arg(long)]
    pub wait: bool,
    /// Exit with 4 unless the numbers can be trusted
    #[arg(long, requires = "wait")]
    pub require_trusted: bool,
    /// Print JSON: the API's answer, or with --wait the run record
    #[arg(long)]
    pub json: bool,
    /// With --wait, write the result as json, csv, html, junit or md, to FILE or to stdout; may be given several times
    #[arg(short = 'o', value_name = "FORMAT[=FILE]", value_parser = exports::export, requires = "wait")]
    pub exports: Vec<Export>,
    /// With --wait, no progress on stderr; warnings and errors stay
    #[arg(short = 'q', long, requires = "wait")]
    pub quiet: bool,
}

const CREATE_HELP: &str = "\
Examples:
  dlt scenarios create shop.yaml
  dlt scenarios create shop.yaml --start
  dlt scenarios create shop.yaml --at '2027-01-31 22:30' --zone Europe/Paris
  dlt scenarios create shop.yaml --at '2027-01-31 22:30' --every weekly
  dlt scenarios create shop.yaml --cron '30 6 * * 1-5' --until 2027-06-30

Files that the scenario names are uploaded with it. Scheduled runs start only
while dlt up, or the server, is running.";

const START_HELP: &str = "\
With --wait, Ctrl-C ends the command and the run goes on. To stop it:
dlt scenarios cancel ID.";
