//! The arguments of `dlt run`, which `dlt check` takes, too, and those of `dlt init`.

use super::exports::{self, Export};
use super::pairs;
use super::targets::TargetFlags;
use super::way::WayFlags;
use clap::Args;
use std::path::PathBuf;

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
    #[arg(
        short = 'd',
        visible_short_alias = 'z',
        long,
        value_name = "TIME",
        help_heading = "Load"
    )]
    pub duration: Option<String>,
    /// How long to take to reach the load
    #[arg(long, value_name = "TIME", help_heading = "Load")]
    pub ramp_up: Option<String>,
    /// Iterations of each user, after which the user ends
    #[arg(long, value_name = "N", help_heading = "Load")]
    pub iterations: Option<u64>,
    /// Requests over the whole run, after which it ends; redirects are not counted
    #[arg(
        short = 'n',
        long,
        value_name = "N",
        help_heading = "Load",
        conflicts_with = "iterations"
    )]
    pub requests: Option<u64>,
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
    /// How punctual requests of --arrivals are: the more precise, the more CPU a runner takes; spin looks at
    /// the clock without a pause [default: default]
    #[arg(
        long,
        value_name = "HOW",
        value_parser = ["default", "precise", "spin"],
        help_heading = "Load"
    )]
    pub pacing: Option<String>,
    /// Most requests per second of all users together
    #[arg(long, value_name = "N", value_parser = finite, help_heading = "Load")]
    pub throughput: Option<f64>,
    /// Pause of a user after each answer: a length, or one that varies, like 'uniform(1s, 3s)',
    /// 'exponential(2s)', 'normal(2s, 500ms)'
    #[arg(long, value_name = "TIME", help_heading = "Load")]
    pub think_time: Option<String>,
    /// What random numbers are made of: the same seed makes the same draws [default: made of the run's id]
    #[arg(long, value_name = "N", help_heading = "Load")]
    pub seed: Option<u64>,

    /// Runners that share the load [default: 1, or one for each --region]
    #[arg(long, value_name = "N", help_heading = "Where")]
    pub tasks: Option<u64>,
    /// A local region and how many runners it holds, like lo-home-1=8, or the name of a server's region;
    /// runners are spread evenly over regions
    #[arg(long, value_name = "NAME[=CAPACITY]", help_heading = "Where")]
    pub region: Vec<String>,

    /// Method [default: GET, with a body POST]
    #[arg(
        short = 'm',
        visible_short_alias = 'X',
        long,
        value_name = "METHOD",
        help_heading = "Request"
    )]
    pub method: Option<String>,
    /// A header, like 'Accept: text/html'; may be given several times
    #[arg(
        short = 'H',
        long,
        value_name = "NAME: VALUE",
        help_heading = "Request"
    )]
    pub header: Vec<String>,
    /// Body, @FILE to send a file, or - for what stdin holds
    #[arg(short = 'b', long, value_name = "TEXT|@FILE", help_heading = "Request")]
    pub body: Option<String>,
    /// User and password (basic auth)
    #[arg(
        short = 'u',
        long,
        value_name = "USER:PASSWORD",
        value_parser = pairs::user,
        help_heading = "Request"
    )]
    pub user: Option<(String, String)>,
    /// Time limit of a request
    #[arg(long, value_name = "TIME", help_heading = "Request")]
    pub timeout: Option<String>,
    /// Do not follow redirects
    #[arg(long, help_heading = "Request")]
    pub no_follow: bool,
    /// Open a connection for each request
    #[arg(long, help_heading = "Request")]
    pub no_keepalive: bool,

    /// HTTP/2 only: over https by ALPN, over http by prior knowledge
    #[arg(long, help_heading = "Request", conflicts_with = "http1_1")]
    pub http2: bool,
    /// HTTP/1.1 only; without either flag https takes what the server chooses
    #[arg(long = "http1.1", help_heading = "Request")]
    pub http1_1: bool,
    /// Most requests in flight that share a connection in HTTP/2 (1: each user has its own)
    #[arg(long, value_name = "N", help_heading = "Request")]
    pub streams: Option<u64>,

    /// Where load may be sent.
    #[command(flatten)]
    pub targets: TargetFlags,

    /// Which way connections take.
    #[command(flatten)]
    pub way: WayFlags,

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
    #[arg(short = 'k', long, help_heading = "TLS")]
    pub insecure: bool,

    /// A variable or property of the file and its value; may be given several times
    #[arg(
        long,
        value_name = "NAME=VALUE",
        value_parser = pairs::pair,
        help_heading = "Scenario file"
    )]
    pub set: Vec<(String, String)>,
    /// A variable of the environment that the file may use as ${env.NAME}, or one with its value; may be
    /// given several times
    #[arg(
        short = 'e',
        long,
        value_name = "NAME[=VALUE]",
        value_parser = pairs::from_environment,
        help_heading = "Scenario file"
    )]
    pub env: Vec<(String, Option<String>)>,

    /// Condition to pass, like 'p(95)<200ms', 'error_rate<1%', 'rate>500/s'; may be given several times
    #[arg(long, value_name = "EXPRESSION", help_heading = "Result")]
    pub threshold: Vec<String>,
    /// Exit with 4 unless the numbers can be trusted
    #[arg(long, help_heading = "Result")]
    pub require_trusted: bool,
    /// Print the run record as JSON on stdout
    #[arg(long, help_heading = "Result")]
    pub json: bool,
    /// Write the result as json, csv, html, junit or md, to FILE or to stdout; may be given several times
    #[arg(short = 'o', value_name = "FORMAT[=FILE]", value_parser = exports::export, help_heading = "Result")]
    pub exports: Vec<Export>,
    /// No progress on stderr; warnings and errors stay
    #[arg(short = 'q', long, help_heading = "Result")]
    pub quiet: bool,
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
  dlt run http://127.0.0.1:8080/ -n 10000 -c 50
  dlt run https://shop.example.com/ --arrivals 200 -d 1m --threshold 'p(95)<200ms'
  dlt run https://shop.example.com/cart -m POST -H 'Accept: text/html' -b @cart.json
  dlt run http://127.0.0.1:8080/ --stages 500/s:30s,500/s:1m,0/s:10s
  dlt run scenario.yaml -c 200 -d 5m --set host=staging.example.com -e API_TOKEN
  dlt run scenario.yaml -o junit=result.xml -o html=report.html
  dlt run scenario.yaml --region lo-home-1=2 --region lo-home-2=2 --tasks 4
  dlt run scenario.yaml --stack load@eu-west-1 --region us-east-1 --tasks 20

A scenario file itself contains load, requests, TLS settings and thresholds. Flags change
it for one run: load, --tasks, -H, -u, --timeout, --threshold, TLS, the way of connections,
and its variables with --set. What was changed is told before the run and in its description.
Ctrl-C stops the run and shows what was measured; a second Ctrl-C exits at once.
Exit codes: dlt --help.";

/// Flags of `dlt init`.
#[derive(Debug, Args)]
pub struct InitArgs {
    /// The file to write, or - for stdout [default: scenario.yaml]
    #[arg(short, long, value_name = "FILE")]
    pub output: Option<PathBuf>,
    /// A URL, a curl command, or - for one on stdin
    #[arg(
        value_name = "URL|curl …",
        trailing_var_arg = true,
        allow_hyphen_values = true
    )]
    pub words: Vec<String>,
}

/// Behind the flags of `dlt init --help`.
pub const INIT_HELP: &str = "\
Examples:
  dlt init https://shop.example.com/ -o shop.yaml
  dlt init curl -X POST -H 'Content-Type: application/json' -d '{\"a\": 1}' https://shop.example.com/cart
  dlt init -o shop.yaml - < copied-as-curl.txt

An existing file is not overwritten. What of a curl command cannot be kept is told, and
nothing is written.";

/// Behind the flags of `dlt check --help`.
pub const CHECK_HELP: &str = "\
Examples:
  dlt check scenario.yaml
  dlt check scenario.yaml -c 200 -d 5m --set host=staging.example.com -e API_TOKEN
  dlt check scenario.yaml --json             {\"ok\": false, \"faults\": [{\"path\", \"reason\"}]}

Takes the arguments of dlt run, and does nothing but read. Exits with 2 if anything is wrong.";
