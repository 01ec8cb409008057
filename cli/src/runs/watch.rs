//! `dlt runs watch`: watches a run that was started elsewhere to its end and shows its
//! result.

use crate::args::WatchArgs;
use crate::client::{ApiOptions, Client, ClientError, understood};
use crate::exit::Exit;
use crate::exports::{self, Exports};
use crate::find::{self, RunLocation};
use crate::live::PlannedLoad;
use crate::output::Output;
use crate::report::{self, ResultOptions};
use crate::signals::Interrupts;
use crate::watch::{self as watching, InterruptAction, watch};
use dlt_core::record::RunRecord;
use dlt_core::scenario::{Outside, Purpose, Scenario};
use dlt_core::value::Value;

/// `dlt runs watch`.
pub async fn watch_run(
    output: Output,
    (client, api_options): (&Client, &ApiOptions),
    args: &WatchArgs,
) -> Result<Exit, ClientError> {
    if let Err(faults) = exports::judged(&args.exports, args.json) {
        return Ok(report::faults(output, &faults));
    }
    let location = find::run_or_scenario(client, args.what.as_deref()).await?;
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
    follow(output.quietly(args.quiet), client, &location, options).await
}

/// Watches a run to its end and tells its result; the exit code is the run's.
pub async fn follow(
    output: Output,
    client: &Client,
    location: &RunLocation,
    mut options: ResultOptions<'_>,
) -> Result<Exit, ClientError> {
    let path = location.path();
    let answer = client.get(&path, &[]).await?;
    let record: RunRecord = understood(&path, answer.clone())?;
    if record.status.is_terminal() {
        options.raw = Some(answer);
        return Ok(report::run_result(output, &record, false, &options).await);
    }
    if client.is_at_rest() {
        return Err(ClientError::Cannot(format!(
            "run {} belongs to a dlt run in another terminal, or was left by one; its result will be here: dlt runs get {0}",
            location.run
        )));
    }
    let mut interrupts = Interrupts::listen()
        .map_err(|error| ClientError::Cannot(format!("cannot listen for Ctrl-C: {error}")))?;
    let starting = std::future::ready(Ok(watching::follow(client, location)));
    let planned = planned(&record, &answer);
    let on_interrupt = InterruptAction::LeaveRun;
    let end = watch(output, planned, starting, on_interrupt, &mut interrupts).await;
    Ok(report::watch_end(output, end, &mut options).await)
}

/// The planned load in the run's record.
fn planned(record: &RunRecord, answer: &Value) -> PlannedLoad {
    let files = |name: &str| Ok(name.to_owned());
    let kept = Scenario::from_stored(answer, Outside::files(&files), Purpose::Keep);
    if let Ok(scenario) = kept {
        return PlannedLoad::of(&scenario);
    }
    let configs: Vec<(String, u64)> = record
        .test_task_configs
        .as_array()
        .into_iter()
        .flatten()
        .map(|config| {
            let region = config["region"].as_str().unwrap_or("?").to_owned();
            (region, config["taskCount"].as_u64().unwrap_or(0))
        })
        .collect();
    let runners = configs.iter().map(|row| row.1).sum();
    let regions = configs.into_iter().map(|row| row.0).collect();
    PlannedLoad::unknown(&record.test_name, regions, runners)
}
