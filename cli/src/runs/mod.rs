//! `dlt runs …`: lists, shows, watches, compares, notes, cancels and deletes runs, downloads their
//! files, and makes a report of one.

mod baseline;
pub mod compare;
mod comparison_page;
mod download;
pub mod list;
mod load;
mod note;
pub mod prune;
mod report_file;
mod sides;
pub mod watch;

use crate::args::{GetArgs, RunsCommand};
use crate::client::{ApiOptions, Client, ClientError, Method, understood};
use crate::exit::Exit;
use crate::exports::{self, Exports};
use crate::find;
use crate::line::{Line, Tone};
use crate::output::Output;
use crate::report::{self, ResultOptions};
use dlt_core::record::{RunRecord, exit_code};
use serde_json::{Value, json};

/// `dlt runs …`.
pub async fn runs(
    output: Output,
    api_options: &ApiOptions,
    command: &RunsCommand,
) -> Result<Exit, ClientError> {
    let client = api_options.client().await?;
    match command {
        RunsCommand::List {
            scenario,
            limit,
            json,
        } => list(output, &client, scenario.as_deref(), *limit as usize, *json).await,
        RunsCommand::Get(GetArgs {
            run, secrets: true, ..
        }) => {
            let location = find::run(&client, run).await?;
            let query = [("secrets", "true")];
            output.json(&client.get(&location.path(), &query).await?);
            Ok(Exit::Passed)
        }
        RunsCommand::Get(GetArgs {
            run, json, exports, ..
        }) => {
            if let Err(faults) = exports::judged(exports, *json) {
                return Ok(report::faults(output, &faults));
            }
            let location = find::run(&client, run).await?;
            let exports = Exports {
                wanted: exports,
                api: Some(api_options),
                for_step: false,
                require_trusted: false,
            };
            show(output, &client, &location, (*json, exports)).await
        }
        RunsCommand::Latest { scenario, json } => {
            let location = find::latest(&client, scenario.as_deref()).await?;
            let exports = Exports {
                api: Some(api_options),
                ..Exports::default()
            };
            show(output, &client, &location, (*json, exports)).await
        }
        RunsCommand::Watch(args) => watch::watch_run(output, (&client, api_options), args).await,
        RunsCommand::Compare(args) => compare::compare(output, &client, args).await,
        RunsCommand::Baseline(command) => baseline::baseline(output, &client, command).await,
        RunsCommand::Download(args) => download::download(output, &client, args).await,
        RunsCommand::Report(args) => report_file::report(output, &client, args).await,
        RunsCommand::Load(args) => load::load(output, &client, args).await,
        RunsCommand::Note(args) => note::note(output, &client, args).await,
        RunsCommand::Delete(args) => prune::delete(output, &client, args).await,
        RunsCommand::Prune(args) => prune::prune(output, &client, args).await,
        RunsCommand::Cancel { what, json } => cancel(output, &client, what, *json).await,
    }
}

async fn list(
    output: Output,
    client: &Client,
    scenario: Option<&str>,
    limit: usize,
    json: bool,
) -> Result<Exit, ClientError> {
    let rows = match scenario {
        Some(scenario) => find::of_scenario(client, scenario, limit).await?,
        None => find::newest(client, limit).await?,
    };
    if json {
        let rows: Vec<Value> = rows.iter().map(find::RunRow::to_json).collect();
        output.json(&json!({ "testRuns": rows }));
    } else if rows.is_empty() {
        let line = match scenario {
            Some(scenario) => Line::of("no runs of this scenario yet; try ").tone(
                Tone::Command,
                format!("dlt scenarios start {scenario} --wait"),
            ),
            None => Line::of("no runs yet; try ").tone(Tone::Command, "dlt demo"),
        };
        output.messages(&[line]);
    } else {
        output.data(&list::lines(&rows, output.columns()));
        report::unreadable(output, rows.iter().map(|row| row.run.unreadable.as_ref()));
    }
    Ok(Exit::Passed)
}

/// Prints a run's record. The exit code is 0 however the run ended: the command succeeded.
async fn show(
    output: Output,
    client: &Client,
    location: &find::RunLocation,
    (json, exports): (bool, Exports<'_>),
) -> Result<Exit, ClientError> {
    let answer = client.get(&location.path(), &[]).await?;
    let record: RunRecord = understood(&location.path(), answer.clone())?;
    let exit = Exit::from_code(exit_code(&record, false, false));
    let options = ResultOptions {
        json,
        exports,
        raw: Some(answer),
        ..ResultOptions::default()
    };
    report::run_record(output, &record, exit, &options).await;
    Ok(Exit::Passed)
}

async fn cancel(
    output: Output,
    client: &Client,
    what: &str,
    json: bool,
) -> Result<Exit, ClientError> {
    let location = find::run_or_scenario(client, Some(what)).await?;
    let record: RunRecord = client.read(&location.path(), &[]).await?;
    if record.status.is_terminal() {
        return Err(ClientError::Input(format!(
            "run {} is over already ({}); there is nothing to cancel",
            location.run, record.status
        )));
    }
    let path = format!("/scenarios/{}", location.test);
    let answer = client.call(Method::Post, &path, &[], None).await?;
    if json {
        output.json(&answer);
    } else {
        output.data(&stopping_lines(&location.run));
    }
    Ok(Exit::Passed)
}

/// The lines after a run was cancelled.
pub fn stopping_lines(what: &str) -> Vec<Line> {
    vec![
        Line::new()
            .tone(Tone::Good, "✔ ")
            .plain("the run is being stopped; what it measured is kept"),
        Line::of("  ")
            .tone(Tone::Quiet, "see it end")
            .plain("  ")
            .tone(Tone::Command, format!("dlt runs watch {what}")),
    ]
}
