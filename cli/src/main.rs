//! `dlt`, the command line: parses the arguments, runs one command, and exits with its
//! code.

mod args;
mod client;
mod demo;
#[cfg(feature = "aws")]
mod deploy;
mod draft;
mod exit;
mod find;
mod home;
#[cfg(feature = "aws")]
mod image;
mod line;
mod live;
mod mcp;
mod output;
mod platform;
mod report;
mod result;
mod run;
mod runs;
mod scenarios;
mod shell;
mod signals;
mod source;
mod table;
mod units;
mod up;
mod watch;

use anyhow::Context;
use args::{Cli, Command};
use clap::Parser;
use client::{ApiOptions, ClientError};
use exit::Exit;
use output::Output;
use std::process::ExitCode;
use std::time::Duration;

/// How long background tasks may take to stop after the command has ended.
const SHUTDOWN_DEADLINE: Duration = Duration::from_secs(2);

fn main() -> ExitCode {
    std::panic::set_hook(Box::new(|panic| {
        live::block::restore_cursor();
        output::report_bug(&panic.to_string());
        std::process::exit(Exit::Bug.code().into());
    }));
    let cli = Cli::parse();
    if matches!(cli.command, Command::Worker) {
        let code = dlt_worker::run_from_env();
        return ExitCode::from(u8::try_from(code).unwrap_or(Exit::Bug.code()));
    }
    let output = Output::of_process();
    let exit = run_command(output, &cli).unwrap_or_else(|error| {
        output.error(&format!("{error:#}"));
        Exit::CouldNotRun
    });
    ExitCode::from(exit.code())
}

fn run_command(output: Output, cli: &Cli) -> anyhow::Result<Exit> {
    let mut builder = match cli.command {
        // Requests must be answered while results are merged.
        Command::Up(_) => tokio::runtime::Builder::new_multi_thread(),
        _ => tokio::runtime::Builder::new_current_thread(),
    };
    let runtime = builder.enable_all().build().context("dlt cannot start")?;
    let home = cli.home.as_deref();
    let api_options = ApiOptions {
        home: cli.home.clone(),
        api: cli.api.clone(),
        sigv4: cli.sigv4,
    };
    let exit = runtime.block_on(async {
        match &cli.command {
            Command::Demo(args) => demo::demo(output, &api_options, args).await,
            Command::Run(args) => run::run(output, &api_options, args).await,
            Command::Up(args) => up::up(output, home, args).await,
            Command::Scenarios(command) => exit_of(
                output,
                scenarios::scenarios(output, &api_options, command).await,
            ),
            Command::Runs(command) => {
                exit_of(output, runs::runs(output, &api_options, command).await)
            }
            Command::Runners(args) => {
                exit_of(output, platform::runners(output, &api_options, args).await)
            }
            Command::Regions(args) => {
                exit_of(output, platform::regions(output, &api_options, args).await)
            }
            Command::Completions(args) => Ok(shell::completions(output, args)),
            Command::Man(args) => shell::man(output, args),
            Command::Mcp(tools) => mcp::mcp(output, home, tools).await,
            #[cfg(feature = "aws")]
            Command::Image(args) => Ok(image::image(output, args).await),
            Command::Worker => Ok(Exit::Bug),
        }
    });
    runtime.shutdown_timeout(SHUTDOWN_DEADLINE);
    exit
}

/// The exit code of a command that uses the API.
fn exit_of(output: Output, ended: Result<Exit, ClientError>) -> anyhow::Result<Exit> {
    Ok(ended.unwrap_or_else(|error| report::client_error(output, &error)))
}
