//! The arguments of `dlt deploy`, `dlt destroy` and `dlt doctor`.

use clap::{Args, Subcommand};
use dlt_core::scenario::plan::Tool;
use dlt_mcp::backend::stack_name::is_region;
use std::collections::BTreeSet;

/// What `dlt deploy` can do.
#[derive(Debug, Subcommand)]
pub enum DeployCommand {
    /// Deploy or update dlt in an AWS account: API, workflow, storage, runners of one region
    #[command(after_help = HUB_HELP)]
    Hub(Box<HubArgs>),
    /// Add or update runners in a further AWS region
    #[command(after_help = REGION_HELP)]
    Region(Box<RegionArgs>),
}

/// What both kinds of stack take.
#[derive(Debug, Args, Default)]
pub struct StackArgs {
    /// Use this VPC instead of a new one
    #[arg(
        long,
        value_name = "VPC",
        help_heading = "Network",
        requires = "subnets"
    )]
    pub vpc: Option<String>,
    /// Two subnets of that VPC, in different zones
    #[arg(
        long,
        value_name = "SUBNET,SUBNET",
        value_delimiter = ',',
        help_heading = "Network",
        requires = "vpc"
    )]
    pub subnets: Vec<String>,
    /// CPU of a runner, in 1/1024 of a vCPU: 256 to 16384 [default: 2048]
    #[arg(long, value_name = "UNITS", help_heading = "Runners")]
    pub task_cpu: Option<u32>,
    /// Memory of a runner, MiB; Fargate takes certain values for each CPU [default: 4096]
    #[arg(long, value_name = "MIB", help_heading = "Runners")]
    pub task_memory: Option<u32>,
    /// Image for the runners that is in a registry already, or "own": dlt makes it and pushes it to ECR
    /// [default: as the stack has it, own for a new one]
    #[arg(long, value_name = "IMAGE", help_heading = "Runners")]
    pub worker_image: Option<String>,
    /// Tools whose scripts the runners can run: jmeter, k6, locust, commas between; or none. A build in the
    /// account makes their image [default: as the stack has it, none for a new hub, the hub's for a new region]
    #[arg(long, value_name = "TOOLS", help_heading = "Runners", value_parser = EngineList::parse)]
    pub engines: Option<EngineList>,
    /// Image with these tools that is in a registry already, in place of that build
    #[arg(long, value_name = "IMAGE", help_heading = "Runners")]
    pub engines_image: Option<String>,
    /// Any parameter of the template; may be given several times
    #[arg(short = 'p', long = "parameter", value_name = "NAME=VALUE", value_parser = pair)]
    pub parameters: Vec<(String, String)>,
    /// Make the changes without asking
    #[arg(long)]
    pub yes: bool,
    /// Print the stack's outputs as JSON on stdout
    #[arg(long)]
    pub json: bool,
}

/// Tools that run scripts; none is an answer, too.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EngineList(pub BTreeSet<Tool>);

impl EngineList {
    /// Reads `jmeter,k6` or `none`.
    pub fn parse(text: &str) -> Result<Self, String> {
        if text == "none" {
            return Ok(Self(BTreeSet::new()));
        }
        let tool = |name: &str| {
            let name = name.trim();
            Tool::parse(name).ok_or_else(|| {
                format!("{name:?} is none of jmeter, k6, locust; write several with commas between, or none")
            })
        };
        text.split(',')
            .map(tool)
            .collect::<Result<_, _>>()
            .map(Self)
    }
}

/// Flags of `dlt deploy hub`.
#[derive(Debug, Args)]
pub struct HubArgs {
    /// E-mail address of the first user, who gets an invitation; needed once
    #[arg(long, value_name = "ADDRESS")]
    pub admin_email: Option<String>,
    /// Zip of the console that is hosted [default: console.zip of the release, where it has one]
    #[arg(long, value_name = "FILE")]
    pub console: Option<std::path::PathBuf>,
    /// Without a console, also where the hub has one
    #[arg(long, conflicts_with = "console")]
    pub no_console: bool,
    /// With the MCP server for agents (AgentCore Gateway), as every new hub, also where the hub is without
    #[arg(long, conflicts_with = "no_mcp")]
    pub mcp: bool,
    /// Without the MCP server for agents
    #[arg(long)]
    pub no_mcp: bool,
    /// What every stack takes.
    #[command(flatten)]
    pub stack: StackArgs,
}

/// Flags of `dlt deploy region`.
#[derive(Debug, Args)]
pub struct RegionArgs {
    /// The AWS region, like eu-west-1
    #[arg(value_name = "AWS-REGION", value_parser = region_name)]
    pub region: String,
    /// What every stack takes.
    #[command(flatten)]
    pub stack: StackArgs,
}

/// What `dlt destroy` can do.
#[derive(Debug, Subcommand)]
pub enum DestroyCommand {
    /// Remove dlt from the account: further regions first, then the hub; results are kept
    Hub(DestroyArgs),
    /// Remove the runners of a further AWS region
    Region(DestroyRegionArgs),
}

/// Flags of `dlt destroy`.
#[derive(Debug, Args)]
pub struct DestroyArgs {
    /// Remove scenarios, history and results, too
    #[arg(long)]
    pub with_results: bool,
    /// Do not ask
    #[arg(long)]
    pub yes: bool,
}

/// Flags of `dlt destroy region`.
#[derive(Debug, Args)]
pub struct DestroyRegionArgs {
    /// The AWS region, like eu-west-1
    #[arg(value_name = "AWS-REGION", value_parser = region_name)]
    pub region: String,
    /// Do not ask
    #[arg(long)]
    pub yes: bool,
}

/// Flags of `dlt doctor`.
#[derive(Debug, Args)]
#[command(after_help = DOCTOR_HELP)]
pub struct DoctorArgs {
    /// Look at a deployed stack instead: credentials, rights, versions, quotas, networks, runners left over
    #[arg(long)]
    pub aws: bool,
    /// End the runners that are left over from runs that have ended
    #[arg(long, requires = "aws")]
    pub stop_orphans: bool,
    /// Print JSON
    #[arg(long)]
    pub json: bool,
}

/// A name that becomes part of host names.
fn region_name(text: &str) -> Result<String, String> {
    match is_region(text) {
        true => Ok(text.to_owned()),
        false => Err("it is no AWS region, like eu-west-1".to_owned()),
    }
}

/// `NAME=VALUE`.
fn pair(text: &str) -> Result<(String, String), String> {
    match text.split_once('=') {
        Some((name, value)) if !name.is_empty() => Ok((name.to_owned(), value.to_owned())),
        _ => Err("write it like TaskCpu=4096".to_owned()),
    }
}

const HUB_HELP: &str = "\
Examples:
  dlt deploy hub --admin-email you@example.com
  dlt deploy hub --stack load@eu-west-1 --admin-email you@example.com --task-cpu 4096 --task-memory 8192
  dlt deploy hub --yes                       an update, without being asked; values are kept

The stack is named by --stack NAME[@AWS-REGION] [default: dlt, in the configured region].
Credentials are those of AWS's own tools (AWS_PROFILE, aws sso login, …).
Run again after a break, it goes on where it was.";

const REGION_HELP: &str = "\
Examples:
  dlt deploy region eu-west-1
  dlt deploy region ap-southeast-2 --stack load@eu-west-1 --yes";

const DOCTOR_HELP: &str = "\
Without --aws it looks at this machine: limits of files and ports, cores, clocks, time stamps
of the kernel, proxies, the data folder, dlt up.

Examples:
  dlt doctor
  dlt doctor --json                          for a report of a fault
  dlt doctor --aws
  dlt doctor --aws --stack load@eu-west-1 --stop-orphans

Exits with 3 if something must be mended.";
