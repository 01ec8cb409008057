//! `dlt runs …`: what ran, how it ended, and the files it left, wherever that
//! is kept. Finding a run by what people type is `find`'s.

pub mod compare;
mod download;
pub mod find;
pub mod list;
pub mod watch;

use crate::args::{GetArgs, RunsCommand};
use crate::client::{Asking, Client, ClientError, Method, understood};
use crate::exit::Exit;
use crate::line::{Line, Tone};
use crate::run::{Manner, tell};
use crate::speak::Voice;
use dlt_core::record::{RunRecord, exit_code};
use serde_json::{Value, json};

/// `dlt runs …`.
pub async fn runs(
    voice: Voice,
    asking: &Asking,
    command: &RunsCommand,
) -> Result<Exit, ClientError> {
    let client = asking.client().await?;
    match command {
        RunsCommand::List {
            scenario,
            limit,
            json,
        } => list(voice, &client, scenario.as_deref(), *limit as usize, *json).await,
        RunsCommand::Get(GetArgs { run, json }) => {
            let found = find::run(&client, run).await?;
            show(voice, &client, &found, *json).await
        }
        RunsCommand::Latest { scenario, json } => {
            let found = find::latest(&client, scenario.as_deref()).await?;
            show(voice, &client, &found, *json).await
        }
        RunsCommand::Watch(args) => watch::watch_run(voice, &client, args).await,
        RunsCommand::Compare(args) => compare::compare(voice, &client, args).await,
        RunsCommand::Download(args) => download::download(voice, &client, args).await,
        RunsCommand::Cancel { what, json } => cancel(voice, &client, what, *json).await,
    }
}

async fn list(
    voice: Voice,
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
        let rows: Vec<Value> = rows.iter().map(find::Row::to_json).collect();
        voice.json(&json!({ "testRuns": rows }));
    } else if rows.is_empty() {
        let line = match scenario {
            Some(scenario) => Line::of("no runs of this scenario yet; try ").tone(
                Tone::Command,
                format!("dlt scenarios start {scenario} --wait"),
            ),
            None => Line::of("no runs yet; try ").tone(Tone::Command, "dlt demo"),
        };
        voice.talk(&[line]);
    } else {
        voice.data(&list::lines(&rows, voice.columns()));
    }
    Ok(Exit::Passed)
}

/// Prints a run's record: the screen tells how the run ended, the command
/// itself went well.
async fn show(
    voice: Voice,
    client: &Client,
    found: &find::Found,
    json: bool,
) -> Result<Exit, ClientError> {
    let answer = client.get(&found.path(), &[]).await?;
    let record: RunRecord = understood(&found.path(), answer.clone())?;
    let exit = Exit::from_code(exit_code(&record, false, false));
    let manner = Manner {
        json,
        raw: Some(answer),
        ..Manner::default()
    };
    tell(voice, &record, exit, &manner);
    Ok(Exit::Passed)
}

async fn cancel(
    voice: Voice,
    client: &Client,
    what: &str,
    json: bool,
) -> Result<Exit, ClientError> {
    let found = find::run_or_scenario(client, Some(what)).await?;
    let record: RunRecord = client.read(&found.path(), &[]).await?;
    if record.status.is_terminal() {
        return Err(ClientError::Input(format!(
            "run {} is over already ({}); there is nothing to cancel",
            found.run, record.status
        )));
    }
    let path = format!("/scenarios/{}", found.test);
    let answer = client.ask(Method::Post, &path, &[], None).await?;
    match json {
        true => voice.json(&answer),
        false => voice.data(&stopping(&found.run)),
    }
    Ok(Exit::Passed)
}

/// Said of a run that was told to stop.
pub fn stopping(what: &str) -> Vec<Line> {
    vec![
        Line::new()
            .tone(Tone::Good, "✔ ")
            .plain("the run is told to stop; what it measured is kept"),
        Line::of("  ")
            .tone(Tone::Quiet, "see it end")
            .plain("  ")
            .tone(Tone::Command, format!("dlt runs watch {what}")),
    ]
}
