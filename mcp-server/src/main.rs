//! `dlt-mcp`: words to one of four things to be or do. Stdout is the protocol's
//! or the data's; all talk goes to stderr.

use anyhow::Context;
use clap::{Parser, Subcommand, ValueEnum};
use dlt_mcp::auth::flags::AuthFlags;
use dlt_mcp::auth::{Guard, SettingsError};
use dlt_mcp::backend::of_environment;
use dlt_mcp::http::HttpError;
use dlt_mcp::server::Server;
use dlt_mcp::toolset::{Shown, ToolFlags, ToolsetError};
use dlt_mcp::{doctor, http, published};
use std::io::Write as _;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::process::ExitCode;
use tokio::signal::unix::{SignalKind, signal};

/// Exit code when settings make no sense, as for words that clap refuses.
const BAD_INPUT: u8 = 2;
/// Exit code when something that is needed is missing.
const NOT_WELL: u8 = 3;

/// Where the doctor's settings of tokens would be used.
const ANYWHERE: SocketAddr = SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), 7610);

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
  DLT_API_URL         where the API is, like http://127.0.0.1:7600/api of dlt up
  DLT_STACK_NAME      or the CloudFormation stack whose API it is
  DLT_API_TOKEN       a bearer token, if the API wants one
  DLT_API_TOKEN_FILE  a file that holds it; read anew for each request
  DLT_MCP_AWS         off: never ask AWS itself about tasks and stacks (Lambda: on to do so)
An API Gateway is asked with the AWS credentials of the environment (AWS_PROFILE, AWS_REGION …).

Exit codes: 0 all well, 2 flags or settings that make no sense, 3 something that is needed is missing.";

#[derive(Debug, Subcommand)]
enum Command {
    /// Speak MCP on stdin and stdout, for a client that starts this program
    Stdio(ToolFlags),
    /// Speak MCP over HTTP at /mcp, for this machine, or for those who have a token
    Http {
        /// Address and port: loopback, unless --issuer says whose tokens to ask for
        #[arg(long, default_value = "127.0.0.1:7610", value_name = "ADDRESS")]
        listen: SocketAddr,
        #[command(flatten)]
        tools: ToolFlags,
        /// Who is let in.
        #[command(flatten)]
        auth: Box<AuthFlags>,
    },
    /// Look for what is missing
    Doctor {
        /// Whose tokens http would ask for.
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
    obey(&cli).unwrap_or_else(|error| {
        // If stderr is gone, the exit code must say it.
        let _ = writeln!(std::io::stderr(), "dlt-mcp: {error:#}");
        ExitCode::from(if is_input(&error) {
            BAD_INPUT
        } else {
            NOT_WELL
        })
    })
}

/// Whether what was said makes no sense, so that saying it again will not help.
fn is_input(error: &anyhow::Error) -> bool {
    let wide = matches!(error.downcast_ref(), Some(HttpError::NotLoopback(_)));
    wide || error.is::<ToolsetError>() || error.is::<SettingsError>()
}

fn obey(cli: &Cli) -> anyhow::Result<ExitCode> {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()
        .context("cannot start")?;
    runtime.block_on(async {
        match &cli.command {
            Command::Stdio(tools) => {
                let server = Server::new(of_environment(), tools.shown()?);
                dlt_mcp::stdio::serve(server).await?;
            }
            Command::Http {
                listen,
                tools,
                auth,
            } => serve(*listen, tools.shown()?, auth).await?,
            Command::Doctor { auth } => return examine(auth).await,
            Command::Schema { format, tools } => {
                let shown = tools.shown()?;
                let definitions = match format {
                    Format::Mcp => published::for_mcp(&shown),
                    Format::Gateway => published::for_gateway(&shown),
                };
                writeln!(std::io::stdout(), "{definitions:#}")?;
            }
        }
        Ok(ExitCode::SUCCESS)
    })
}

async fn serve(address: SocketAddr, shown: Shown, auth: &AuthFlags) -> anyhow::Result<()> {
    let listener = http::bind(address, auth.issuer.is_some()).await?;
    let address = listener.local_addr()?;
    let guard = match auth.settings(address)? {
        None => None,
        Some(settings) => Some(Guard::start(settings).await?),
    };
    writeln!(std::io::stderr(), "MCP is at http://{address}/mcp")?;
    let router = http::router(of_environment(), shown, guard.as_ref());
    let mut interrupt = signal(SignalKind::interrupt())?;
    let mut terminate = signal(SignalKind::terminate())?;
    let stop = async move {
        tokio::select! {
            _ = interrupt.recv() => {}
            _ = terminate.recv() => {}
        }
    };
    Ok(http::serve(listener, router, stop).await?)
}

async fn examine(auth: &AuthFlags) -> anyhow::Result<ExitCode> {
    let mut found = doctor::examine(|name| std::env::var(name).ok()).await;
    if let Some(settings) = auth.settings(ANYWHERE)? {
        found.push(doctor::examine_keys(&settings).await);
    }
    let mut out = std::io::stdout();
    for finding in &found {
        let mark = if finding.good { "✔" } else { "✘" };
        writeln!(out, "{mark} {}", finding.text)?;
    }
    Ok(match found.iter().all(|finding| finding.good) {
        true => ExitCode::SUCCESS,
        false => ExitCode::from(NOT_WELL),
    })
}
