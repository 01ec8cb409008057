//! `dlt deploy`, `dlt destroy` and `dlt doctor --aws`: dlt in an AWS account, from this
//! release's files alone. The templates are `infra`'s; what runs there is the pipeline's.

mod artifacts;
mod clients;
mod destroy;
mod doctor;
mod engines;
mod error;
mod follow;
mod hub;
pub mod image;
mod naming;
mod parameters;
mod parts;
mod progress;
mod region;
mod removal;
mod stack;
mod terminal;

use crate::args::{DeployCommand, DestroyCommand, DoctorArgs};
use crate::exit::Exit;
use crate::output::Output;
use crate::signals::Interrupts;
use clients::cloudformation::Stack;
use error::DeployError;
use naming::HubName;
use serde_json::json;
use std::time::Duration;
use terminal::Terminal;

/// How long a command may take to end in good order after Ctrl-C.
const LONGEST_GOOD_ORDER: Duration = Duration::from_secs(3);

/// `dlt deploy`.
pub async fn deploy(output: Output, stack: Option<&str>, command: &DeployCommand) -> Exit {
    let (made, json) = match command {
        DeployCommand::Hub(args) => {
            let made = async {
                let name = HubName::of(stack)?;
                hub::deploy(&mut Terminal::new(output)?, &name, args).await
            };
            (unless_stopped(made).await, args.stack.json)
        }
        DeployCommand::Region(args) => {
            let made = async {
                let name = HubName::of(stack)?;
                region::deploy(&mut Terminal::new(output)?, &name, args).await
            };
            (unless_stopped(made).await, args.stack.json)
        }
    };
    told(output, made.map(|stack| answer(output, &stack, json)))
}

/// `dlt destroy`.
pub async fn destroy(output: Output, stack: Option<&str>, command: &DestroyCommand) -> Exit {
    let removed = async {
        let name = HubName::of(stack)?;
        let mut terminal = Terminal::new(output)?;
        match command {
            DestroyCommand::Hub(args) => destroy::hub(&mut terminal, &name, args).await,
            DestroyCommand::Region(args) => destroy::region(&mut terminal, &name, args).await,
        }
    };
    told(output, unless_stopped(removed).await)
}

/// `dlt doctor --aws`.
pub async fn doctor(output: Output, stack: Option<&str>, args: &DoctorArgs) -> Exit {
    match HubName::of(stack) {
        Ok(name) => doctor::doctor(output, &name, args).await,
        Err(error) => told(output, Err(error)),
    }
}

/// Does something until Ctrl-C. What follows a stack or waits for an answer hears that
/// itself and ends in good order; an upload, and a change set that AWS still computes, are
/// broken off: the next deployment goes on from there.
async fn unless_stopped<T>(
    work: impl Future<Output = Result<T, DeployError>>,
) -> Result<T, DeployError> {
    let mut interrupts = Interrupts::listen()
        .map_err(|error| DeployError::Local(format!("signals cannot be handled: {error}")))?;
    let mut work = std::pin::pin!(work);
    let signal = tokio::select! {
        done = &mut work => return done,
        signal = interrupts.next() => signal,
    };
    let ended = tokio::time::timeout(LONGEST_GOOD_ORDER, work).await;
    ended.unwrap_or_else(|_| {
        Err(DeployError::Stopped(format!(
            "{signal}: run the command again, it goes on where it was"
        )))
    })
}

fn answer(output: Output, stack: &Stack, json: bool) {
    if json {
        output.json(&json!({
            "name": stack.name, "id": stack.id, "status": stack.status, "outputs": stack.outputs,
        }));
    }
}

fn told(output: Output, done: Result<(), DeployError>) -> Exit {
    match done {
        Ok(()) => Exit::Passed,
        Err(error) => {
            output.error(&error.to_string());
            error.exit()
        }
    }
}
