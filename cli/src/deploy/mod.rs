//! `dlt deploy`, `dlt destroy` and `dlt doctor --aws`: dlt in an AWS account, from this
//! release's files alone. The templates are `infra`'s; what runs there is the pipeline's.

mod artifacts;
mod clients;
mod destroy;
mod doctor;
mod error;
mod hub;
pub mod image;
mod naming;
mod parameters;
mod parts;
mod progress;
mod region;
mod stack;
mod terminal;

use crate::args::{DeployCommand, DestroyCommand, DoctorArgs};
use crate::exit::Exit;
use crate::output::Output;
use clients::cloudformation::Stack;
use error::DeployError;
use naming::HubName;
use serde_json::json;
use terminal::Terminal;

/// `dlt deploy`.
pub async fn deploy(output: Output, stack: Option<&str>, command: &DeployCommand) -> Exit {
    let (made, json) = match command {
        DeployCommand::Hub(args) => {
            let made = async {
                let name = HubName::of(stack)?;
                hub::deploy(&mut Terminal::new(output)?, &name, args).await
            };
            (made.await, args.stack.json)
        }
        DeployCommand::Region(args) => {
            let made = async {
                let name = HubName::of(stack)?;
                region::deploy(&mut Terminal::new(output)?, &name, args).await
            };
            (made.await, args.stack.json)
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
    told(output, removed.await)
}

/// `dlt doctor --aws`.
pub async fn doctor(output: Output, stack: Option<&str>, args: &DoctorArgs) -> Exit {
    match HubName::of(stack) {
        Ok(name) => doctor::doctor(output, &name, args).await,
        Err(error) => told(output, Err(error)),
    }
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
