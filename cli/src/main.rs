//! `dlt`, the command line: parses the arguments, runs one command, and exits with its
//! code.

mod args;
mod check;
mod client;
mod console;
mod demo;
#[cfg(feature = "aws")]
mod deploy;
mod doctor;
mod document;
mod draft;
mod exit;
mod exports;
mod find;
mod home;
#[cfg(feature = "aws")]
mod image;
mod init;
mod line;
mod live;
mod mcp;
mod output;
mod platform;
mod proxies;
mod report;
mod result;
mod run;
mod run_shape;
mod runs;
mod saving;
mod scenarios;
mod shell;
mod signals;
mod source;
mod table;
mod targets;
mod units;
mod up;
mod watch;

use anyhow::Context;
use args::{Cli, Command, elsewhere};
use clap::{CommandFactory, FromArgMatches};
use client::place::{Named, ServerName};
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
        watch::keys::restore();
        output::report_bug(&panic.to_string());
        std::process::exit(Exit::Bug.code().into());
    }));
    let output = Output::of_process();
    let arguments: Vec<String> = std::env::args_os()
        .map(|argument| argument.to_string_lossy().into_owned())
        .collect();
    if let Some(said) = elsewhere::misread(&arguments) {
        output.error(&said);
        return ExitCode::from(Exit::BadInput.code());
    }
    let parsed = Cli::command()
        .try_get_matches()
        .and_then(|matches| Ok((Cli::from_arg_matches(&matches)?, matches)));
    let (cli, matches) = match parsed {
        Ok(parsed) => parsed,
        Err(error) => match elsewhere::explained(&error, &arguments) {
            Some(said) => {
                output.error(&said);
                return ExitCode::from(Exit::BadInput.code());
            }
            None => return told_by_clap(output, &error),
        },
    };
    if matches!(cli.command, Command::Worker) {
        let code = dlt_worker::run_from_env();
        return ExitCode::from(u8::try_from(code).unwrap_or(Exit::Bug.code()));
    }
    let named = Named::of(&matches);
    let exit = run_command(output, &cli, named).unwrap_or_else(|error| {
        output.error(&format!("{error:#}"));
        Exit::CouldNotRun
    });
    ExitCode::from(known(exit).code())
}

/// The exit code of a command; data that was lost is worse than how it ended.
fn known(exit: Exit) -> Exit {
    match exit {
        Exit::Bug => Exit::Bug,
        _ if output::lost_data() => Exit::Unwritten,
        exit => exit,
    }
}

/// Help, the version, or what is wrong with the arguments.
fn told_by_clap(output: Output, error: &clap::Error) -> ExitCode {
    let printed = error.print();
    if !error.use_stderr() {
        output::written(output, printed);
    }
    let exit = u8::try_from(error.exit_code()).map_or(Exit::Bug, Exit::from_code);
    ExitCode::from(known(exit).code())
}

fn run_command(output: Output, cli: &Cli, named: Named) -> anyhow::Result<Exit> {
    let server = match server(cli, named) {
        Ok(server) => server,
        Err(error) => return Ok(report::client_error(output, &error)),
    };
    let mut builder = match cli.command {
        // Requests must be answered while results are merged.
        Command::Up(_) => tokio::runtime::Builder::new_multi_thread(),
        _ => tokio::runtime::Builder::new_current_thread(),
    };
    let runtime = builder.enable_all().build().context("dlt cannot start")?;
    let home = cli.home.as_deref();
    let api_options = ApiOptions {
        home: cli.home.clone(),
        server,
        sigv4: cli.sigv4,
    };
    #[cfg(feature = "aws")]
    let stack = cli.stack.as_deref();
    let exit = runtime.block_on(async {
        match &cli.command {
            Command::Demo(args) => demo::demo(output, &api_options, args).await,
            Command::Run(args) => run::run(output, &api_options, args).await,
            Command::Check(args) => {
                exit_of(output, check::check(output, &api_options, args).await)
            }
            Command::Init(args) => Ok(init::init(output, args)),
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
            Command::Doctor(args) if !args.aws => {
                Ok(doctor::doctor(output, &api_options, args.json).await)
            }
            #[cfg(feature = "aws")]
            Command::Deploy(command) => Ok(deploy::deploy(output, stack, command).await),
            #[cfg(feature = "aws")]
            Command::Destroy(command) => Ok(deploy::destroy(output, stack, command).await),
            #[cfg(feature = "aws")]
            Command::Doctor(args) => Ok(deploy::doctor(output, stack, args).await),
            #[cfg(not(feature = "aws"))]
            Command::Deploy(_) | Command::Destroy(_) | Command::Doctor(_) => {
                output.error(
                    "this dlt was built without AWS; releases have it, or build it with cargo build \
                     --release --features aws",
                );
                Ok(Exit::BadInput)
            }
            Command::Completions(args) => Ok(shell::completions(output, args)),
            Command::Man(args) => shell::man(output, args),
            Command::Mcp(tools) => mcp::mcp(output, &api_options, tools).await,
            #[cfg(feature = "aws")]
            Command::Image(args) => Ok(image::image(output, args).await),
            Command::Worker => Ok(Exit::Bug),
        }
    });
    runtime.shutdown_timeout(SHUTDOWN_DEADLINE);
    exit
}

/// The server that a command is for. Some are for this machine alone.
fn server(cli: &Cli, named: Named) -> Result<ServerName, ClientError> {
    let only_here = match &cli.command {
        Command::Up(_) => "dlt up is the service of this machine",
        Command::Doctor(args) if !args.aws => "dlt doctor without --aws looks at this machine",
        // Where they are for, they look up themselves.
        Command::Deploy(_) | Command::Destroy(_) | Command::Doctor(_) => {
            if named.api || named.home {
                return Err(ClientError::Input(
                    "deploy, destroy and doctor are for a stack on AWS, which --stack names: leave \
                     --api and --home out"
                        .to_owned(),
                ));
            }
            return Ok(ServerName::OfFolder);
        }
        Command::Demo(_) => {
            "the shop of dlt demo is on this machine, where no runner of AWS sees it"
        }
        _ => return ServerName::choose(cli.api.as_deref(), cli.stack.as_deref(), named),
    };
    if named.stack {
        return Err(ClientError::Input(format!(
            "{only_here}: leave --stack out"
        )));
    }
    Ok(ServerName::OfFolder)
}

/// The exit code of a command that uses the API.
fn exit_of(output: Output, ended: Result<Exit, ClientError>) -> anyhow::Result<Exit> {
    Ok(ended.unwrap_or_else(|error| report::client_error(output, &error)))
}
