//! `dlt-mcp`, the command line of the MCP server. Stdout is for the protocol or for data;
//! messages go to stderr.

use anyhow::Context;
use clap::{Parser, Subcommand, ValueEnum};
use dlt_mcp::auth::flags::AuthFlags;
use dlt_mcp::auth::{Guard, SettingsError};
use dlt_mcp::backend::environment;
use dlt_mcp::catalog::definitions;
use dlt_mcp::catalog::toolset::{ShownTools, ToolFlags, ToolsetError};
use dlt_mcp::doctor;
use dlt_mcp::server::http::HttpError;
use dlt_mcp::server::{Server, http, stdio};
use std::io::Write as _;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::process::ExitCode;
use std::sync::Arc;
use tokio::signal::unix::{SignalKind, signal};

/// Exit code for flags or settings that are not usable, the same as clap's.
const BAD_INPUT: u8 = 2;
/// Exit code if something that is needed is missing.
const UNAVAILABLE: u8 = 3;

/// The address for which `doctor` checks the settings of tokens: the default of `http`.
const DEFAULT_ADDRESS: SocketAddr = SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), 7610);

/// Ask distributed load tests from an agent: a read-only MCP server
#[derive(Debug, Parser)]
#[command(
    name = "dlt-mcp",
    version,
    arg_required_else_help = true,
    disable_help_subcommand = true,
    after_help = AFTER_HELP
)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

const AFTER_HELP: &str = "\
Environment:
  DLT_API_URL         base URL of the API, like http://127.0.0.1:7600/api of dlt up
  DLT_API_REGION      sign requests for this AWS region, where the API's host does not tell it
  DLT_STACK_NAME      or the CloudFormation stack of the API
  DLT_API_TOKEN       a bearer token, if the API needs one
  DLT_API_TOKEN_FILE  a file with the token; read for each request
  DLT_MCP_AWS         off: do not query AWS about tasks and stacks (on: do so in a Lambda, too)
Requests to an API Gateway are signed with the AWS credentials of the environment (AWS_PROFILE, AWS_REGION …).

Exit codes: 0 success, 2 unusable flags or settings, 3 something that is needed is missing.";

#[derive(Debug, Subcommand)]
enum Command {
    /// Speak MCP on stdin and stdout, for a client that starts this program
    Stdio(ToolFlags),
    /// Speak MCP over HTTP at /mcp, for this machine or for holders of access tokens
    Http {
        /// Address and port: loopback, unless --issuer requires access tokens
        #[arg(long, default_value = "127.0.0.1:7610", value_name = "ADDRESS")]
        listen: SocketAddr,
        #[command(flatten)]
        tools: ToolFlags,
        #[command(flatten)]
        auth: Box<AuthFlags>,
    },
    /// Check settings, the API and the token issuer
    Doctor {
        #[command(flatten)]
        auth: Box<AuthFlags>,
    },
    /// Print the definitions of all tools
    Schema {
        /// For MCP clients, or for a Gateway of Bedrock AgentCore
        #[arg(long, value_enum, default_value_t = Format::Mcp)]
        format: Format,
        #[command(flatten)]
        tools: ToolFlags,
    },
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum Format {
    Mcp,
    Gateway,
}

fn main() -> ExitCode {
    let cli = Cli::parse();
    run(&cli).unwrap_or_else(|error| {
        // Without stderr, there is only the exit code.
        let _ = writeln!(std::io::stderr(), "dlt-mcp: {error:#}");
        ExitCode::from(if is_bad_input(&error) {
            BAD_INPUT
        } else {
            UNAVAILABLE
        })
    })
}

/// Whether the error is in the flags or settings.
fn is_bad_input(error: &anyhow::Error) -> bool {
    let not_loopback = matches!(error.downcast_ref(), Some(HttpError::NotLoopback(_)));
    not_loopback || error.is::<ToolsetError>() || error.is::<SettingsError>()
}

fn run(cli: &Cli) -> anyhow::Result<ExitCode> {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()
        .context("cannot start")?;
    runtime.block_on(async {
        match &cli.command {
            Command::Stdio(tools) => {
                let server = Server::new(environment::from_env(), tools.shown()?);
                stdio::serve(server).await?;
            }
            Command::Http {
                listen,
                tools,
                auth,
            } => serve_http(*listen, tools.shown()?, auth).await?,
            Command::Doctor { auth } => return doctor(auth).await,
            Command::Schema { format, tools } => {
                let shown = tools.shown()?;
                let definitions = match format {
                    Format::Mcp => definitions::for_mcp(&shown),
                    Format::Gateway => definitions::for_gateway(&shown),
                };
                writeln!(std::io::stdout(), "{definitions:#}")?;
            }
        }
        Ok(ExitCode::SUCCESS)
    })
}

async fn serve_http(
    address: SocketAddr,
    shown: ShownTools,
    auth: &AuthFlags,
) -> anyhow::Result<()> {
    let listener = http::bind(address, auth.issuer.is_some()).await?;
    let address = listener.local_addr()?;
    let guard = match auth.settings(address)? {
        None => None,
        Some(settings) => Some(Guard::start(settings).await?),
    };
    writeln!(std::io::stderr(), "MCP is at http://{address}/mcp")?;
    let router = http::router(environment::from_env(), shown, guard.as_ref());
    let mut interrupt = signal(SignalKind::interrupt())?;
    let mut terminate = signal(SignalKind::terminate())?;
    let stop = async move {
        tokio::select! {
            _ = interrupt.recv() => {}
            _ = terminate.recv() => {}
        }
    };
    let tell = |line: &str| {
        // Without stderr nobody reads it.
        let _ = writeln!(std::io::stderr(), "dlt-mcp: {line}");
    };
    http::serve(listener, router, Arc::new(tell), stop).await;
    Ok(())
}

async fn doctor(auth: &AuthFlags) -> anyhow::Result<ExitCode> {
    let mut findings = doctor::check(|name| std::env::var(name).ok()).await;
    if let Some(settings) = auth.settings(DEFAULT_ADDRESS)? {
        findings.push(doctor::check_keys(&settings).await);
    }
    let mut out = std::io::stdout();
    for finding in &findings {
        let mark = if finding.passed { "✔" } else { "✘" };
        writeln!(out, "{mark} {}", finding.text)?;
    }
    let passed = findings.iter().all(|finding| finding.passed);
    Ok(if passed {
        ExitCode::SUCCESS
    } else {
        ExitCode::from(UNAVAILABLE)
    })
}
