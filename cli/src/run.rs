//! `dlt run`: runs a scenario and shows its result. The run is on the server that was
//! named or that serves the data folder; without one, in this process. Faults of the
//! input are told before anything is opened or sent.

use crate::args::RunArgs;
use crate::client::error::pipeline_error;
use crate::client::{ApiOptions, Client, ClientError, understood};
use crate::draft::{self, Draft};
use crate::exit::Exit;
use crate::exports::{self, Exports};
use crate::find::RunLocation;
use crate::home;
use crate::live::PlannedLoad;
use crate::output::Output;
use crate::proxies;
use crate::report::{self, ResultOptions};
use crate::signals::Interrupts;
use crate::source::{self, Files, Place, RegionChoice};
use crate::targets;
use crate::watch::{self, InterruptAction, WatchError, watch};
use anyhow::Context;
use dlt_core::calls::answers::ScenarioRecord;
use dlt_core::refusal::Fault;
use dlt_core::routing::EnvironmentProxies;
use dlt_core::scenario::Scenario;
use dlt_pipeline::local::Home;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

/// How long opening the data folder may take.
const OPEN_DEADLINE: Duration = Duration::from_secs(30);

/// `dlt run`.
pub async fn run(output: Output, api_options: &ApiOptions, args: &RunArgs) -> anyhow::Result<Exit> {
    let output = output.quietly(args.quiet);
    if let Err(faults) = exports::judged(&args.exports, args.json) {
        return Ok(report::faults(output, &faults));
    }
    let options = ResultOptions {
        json: args.json,
        require_trusted: args.require_trusted,
        exports: Exports {
            wanted: &args.exports,
            api: Some(api_options),
            for_step: true,
            require_trusted: args.require_trusted,
        },
        ..ResultOptions::default()
    };
    match api_options.server().await {
        Ok(Some(client)) => {
            let ended = read_and_post(output, &client, args, options).await;
            Ok(ended.unwrap_or_else(|error| report::client_error(output, &error)))
        }
        Ok(None) => read_and_run(output, api_options.dir()?, args, options).await,
        Err(error) => Ok(report::client_error(output, &error)),
    }
}

async fn read_and_run(
    output: Output,
    dir: PathBuf,
    args: &RunArgs,
    options: ResultOptions<'_>,
) -> anyhow::Result<Exit> {
    match source::read_here(args) {
        Ok((scenario, place)) => run_in_process(output, dir, &scenario, place, options).await,
        Err(faults) => Ok(report::faults(output, &faults)),
    }
}

async fn read_and_post(
    output: Output,
    client: &Client,
    args: &RunArgs,
    options: ResultOptions<'_>,
) -> Result<Exit, ClientError> {
    if let Err(faults) = targets::refuse_for_server(&args.targets) {
        return Ok(report::faults(output, &faults));
    }
    let regions = draft::regions(client).await?;
    let known = regions
        .iter()
        .map(|(region, details)| (region.clone(), draft::capacity(details)))
        .collect();
    let files = Files::to_upload();
    let read = RegionChoice::of_server(known, &args.region)
        .and_then(|regions| source::read(args, &regions, (&files, None)));
    match read {
        Ok(scenario) => run_on_server(output, client, &scenario, files, options).await,
        Err(mut faults) => {
            faults.0.iter_mut().for_each(hint_at_regions);
            Ok(report::faults(output, &faults))
        }
    }
}

/// Adds how a file that names the regions of one server can run on any.
fn hint_at_regions(fault: &mut Fault) {
    if fault.path.starts_with("testTaskConfigs[") && fault.path.ends_with("].region") {
        let hint = "; a file without testTaskConfigs runs on any server, with --region and --tasks";
        fault.reason.push_str(hint);
    }
}

/// Runs a scenario in this process, in these regions and where load may be sent, and tells
/// its result.
pub async fn run_in_process(
    output: Output,
    dir: PathBuf,
    scenario: &Scenario,
    place: Place,
    mut options: ResultOptions<'_>,
) -> anyhow::Result<Exit> {
    let mut interrupts = Interrupts::listen().context("cannot listen for Ctrl-C")?;
    report::changes(output, &scenario.changes);
    report::warnings(output, &scenario.warnings);
    proxies::tell(output, scenario, &place.proxies);
    let mut home_options = home::options(dir, place.regions)?;
    home_options.targets = place.targets;
    home_options.proxies = place.proxies;
    let opened = tokio::select! {
        opened = tokio::time::timeout(OPEN_DEADLINE, Home::open(home_options)) => opened,
        name = interrupts.next() => {
            output.error(&format!("{name} before anything was started"));
            return Ok(Exit::Interrupted);
        }
    };
    let home = match opened {
        Ok(Ok(home)) => Arc::new(home),
        Ok(Err(error)) => {
            let (exit, message) = pipeline_error(&error);
            output.error(&message);
            return Ok(exit);
        }
        Err(_) => anyhow::bail!(
            "the data folder did not open within {} s",
            OPEN_DEADLINE.as_secs()
        ),
    };
    if let Some(warning) = home.warning() {
        report::warnings(output, &[warning.to_owned()]);
    }
    let starting = watch::start(home, scenario);
    let planned = PlannedLoad::of(scenario);
    let on_interrupt = InterruptAction::StopRun;
    let end = watch(output, planned, starting, on_interrupt, &mut interrupts).await;
    Ok(report::watch_end(output, end, &mut options).await)
}

/// Runs a scenario on a server and tells its result.
pub async fn run_on_server(
    output: Output,
    client: &Client,
    scenario: &Scenario,
    files: Files,
    mut options: ResultOptions<'_>,
) -> Result<Exit, ClientError> {
    let mut interrupts = Interrupts::listen()
        .map_err(|error| ClientError::Cannot(format!("cannot listen for Ctrl-C: {error}")))?;
    report::changes(output, &scenario.changes);
    report::warnings(output, &scenario.warnings);
    // What its environment says, the server knows.
    proxies::tell(output, scenario, &EnvironmentProxies::default());
    let mut draft = Draft::of(scenario, None, files.uploads())?.run_now();
    if scenario.test_id.is_none() {
        // Nobody named a scenario of which this is a run.
        draft.body["oneOff"] = true.into();
    }
    let starting = async {
        let answer = draft.post(client).await;
        let record: Result<ScenarioRecord, ClientError> =
            answer.and_then(|answer| understood("POST /scenarios", answer));
        let failed = |error: ClientError| WatchError {
            exit: error.exit(),
            message: error.to_string(),
        };
        let run = record.map_err(failed)?.test_run_id.ok_or_else(|| WatchError {
            exit: Exit::CouldNotRun,
            message: format!(
                "the run is started, but this server does not say which it is; dlt runs watch {} follows it once it is there",
                draft.test
            ),
        })?;
        let test = draft.test.to_string();
        Ok(watch::follow(client, &RunLocation { test, run }))
    };
    let planned = PlannedLoad::of(scenario);
    let on_interrupt = InterruptAction::StopRun;
    let end = watch(output, planned, starting, on_interrupt, &mut interrupts).await;
    Ok(report::watch_end(output, end, &mut options).await)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_region_of_the_file_gets_the_hint() {
        let hinted = |path: &str| {
            let (path, reason) = (path.to_owned(), "is unknown".to_owned());
            let mut fault = Fault { path, reason };
            hint_at_regions(&mut fault);
            fault.reason.contains("--region")
        };
        assert!(hinted("testTaskConfigs[1].region"));
        assert!(!hinted("testTaskConfigs[1].taskCount"));
        assert!(!hinted("testScenario.execution"));
    }
}
