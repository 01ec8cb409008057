//! `dlt`, the command: reads the world, calls one function, turns its answer
//! into an exit code. What runs do belongs to the pipeline, what they measure
//! to the worker, what numbers mean to the core.

mod args;
mod client;
mod demo;
mod draft;
mod exit;
mod home;
mod line;
mod live;
mod mcp;
mod platform;
mod result;
mod run;
mod runs;
mod scenarios;
mod shell;
mod signals;
mod source;
mod speak;
mod table;
mod units;
mod up;
mod watch;

use anyhow::Context;
use args::{Cli, Command};
use clap::Parser;
use client::{Asking, ClientError};
use exit::Exit;
use speak::Voice;
use std::process::ExitCode;
use std::time::Duration;

/// How long background work may take to stop once all is said.
const LAST_WAIT: Duration = Duration::from_secs(2);

fn main() -> ExitCode {
    std::panic::set_hook(Box::new(|panic| {
        live::block::restore_cursor();
        speak::bug(&panic.to_string());
        std::process::exit(Exit::Bug.code().into());
    }));
    let cli = Cli::parse();
    if matches!(cli.command, Command::Worker) {
        let code = dlt_worker::run_from_env();
        return ExitCode::from(u8::try_from(code).unwrap_or(Exit::Bug.code()));
    }
    let voice = Voice::of_process();
    let exit = obey(voice, &cli).unwrap_or_else(|error| {
        voice.error(&format!("{error:#}"));
        Exit::CouldNotRun
    });
    ExitCode::from(exit.code())
}

fn obey(voice: Voice, cli: &Cli) -> anyhow::Result<Exit> {
    let mut builder = match cli.command {
        // Clients must be answered while results are merged.
        Command::Up(_) => tokio::runtime::Builder::new_multi_thread(),
        _ => tokio::runtime::Builder::new_current_thread(),
    };
    let runtime = builder.enable_all().build().context("dlt cannot start")?;
    let home = cli.home.as_deref();
    let asking = Asking {
        home: cli.home.clone(),
        api: cli.api.clone(),
        sigv4: cli.sigv4,
    };
    let exit = runtime.block_on(async {
        match &cli.command {
            Command::Demo(args) => demo::demo(voice, &asking, args).await,
            Command::Run(args) => run::run(voice, &asking, args).await,
            Command::Up(args) => up::up(voice, home, args).await,
            Command::Scenarios(command) => {
                answered(voice, scenarios::scenarios(voice, &asking, command).await)
            }
            Command::Runs(command) => answered(voice, runs::runs(voice, &asking, command).await),
            Command::Runners(args) => {
                answered(voice, platform::runners(voice, &asking, args).await)
            }
            Command::Regions(args) => {
                answered(voice, platform::regions(voice, &asking, args).await)
            }
            Command::Completions(args) => Ok(shell::completions(voice, args)),
            Command::Man(args) => shell::man(voice, args),
            Command::Mcp(tools) => mcp::mcp(voice, home, tools).await,
            Command::Worker => Ok(Exit::Bug),
        }
    });
    // Whatever still runs in the background must not keep the process.
    runtime.shutdown_timeout(LAST_WAIT);
    exit
}

/// What became of a command that asks the API.
fn answered(voice: Voice, ended: Result<Exit, ClientError>) -> anyhow::Result<Exit> {
    Ok(ended.unwrap_or_else(|error| say(voice, &error)))
}

/// Says why the API gave no answer; what the command ends with.
fn say(voice: Voice, error: &ClientError) -> Exit {
    voice.error(&error.to_string());
    error.exit()
}
