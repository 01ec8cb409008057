//! `dlt scenarios …`: what is kept, wherever that is. Reading files is
//! `source`'s, sending them `draft`'s, following a run `runs`'s.

mod create;
mod list;
mod page;
mod start;

use crate::args::ScenariosCommand;
use crate::client::{Asking, Client, ClientError, Method, understood};
use crate::exit::Exit;
use crate::line::{Line, Tone};
use crate::runs::find::test_id;
use crate::runs::stopping;
use crate::speak::Voice;
use crate::units::several;
use dlt_core::calls::answers::{ScenarioList, ScenarioRecord, TestRunsPage};
use serde_json::Value;

/// `dlt scenarios …`.
pub async fn scenarios(
    voice: Voice,
    asking: &Asking,
    command: &ScenariosCommand,
) -> Result<Exit, ClientError> {
    let client = asking.client().await?;
    match command {
        ScenariosCommand::List { tag, json } => list(voice, &client, tag, *json).await,
        ScenariosCommand::Get { scenario, json } => get(voice, &client, scenario, *json).await,
        ScenariosCommand::Create(args) => create::create(voice, &client, args).await,
        ScenariosCommand::Start(args) => start::start(voice, &client, args).await,
        ScenariosCommand::Cancel { scenario, json } => {
            cancel(voice, &client, scenario, *json).await
        }
        ScenariosCommand::Delete { scenario, json } => {
            delete(voice, &client, scenario, *json).await
        }
    }
}

async fn list(
    voice: Voice,
    client: &Client,
    tags: &[String],
    json: bool,
) -> Result<Exit, ClientError> {
    let joined = tags.join(",");
    let filter = [("tags", joined.as_str())];
    let query = if tags.is_empty() {
        &[][..]
    } else {
        &filter[..]
    };
    let answer = client.get("/scenarios", query).await?;
    if json {
        voice.json(&answer);
        return Ok(Exit::Passed);
    }
    let list: ScenarioList = understood("/scenarios", answer)?;
    if list.items.is_empty() {
        let line = match tags.is_empty() {
            true => {
                Line::of("no scenarios yet; try ").tone(Tone::Command, "dlt scenarios create FILE")
            }
            false => Line::of(format!("no scenario has the tag {}", tags.join(" or "))),
        };
        voice.talk(&[line]);
    } else {
        voice.data(&list::lines(&list.items, voice.columns()));
    }
    Ok(Exit::Passed)
}

/// A scenario's record, without its runs.
async fn record(client: &Client, scenario: &str) -> Result<Value, ClientError> {
    let path = format!("/scenarios/{}", test_id(scenario)?);
    client.get(&path, &[("history", "false")]).await
}

async fn get(
    voice: Voice,
    client: &Client,
    scenario: &str,
    json: bool,
) -> Result<Exit, ClientError> {
    let answer = record(client, scenario).await?;
    if json {
        voice.json(&answer);
        return Ok(Exit::Passed);
    }
    let runs = format!("/scenarios/{scenario}/testruns");
    let newest: TestRunsPage = client.read(&runs, &[("limit", "1")]).await?;
    let known: ScenarioRecord = understood(scenario, answer.clone())?;
    let last = newest.test_runs.first();
    voice.data(&page::lines(&known, &answer, last, voice.columns()));
    Ok(Exit::Passed)
}

async fn cancel(
    voice: Voice,
    client: &Client,
    scenario: &str,
    json: bool,
) -> Result<Exit, ClientError> {
    let before: ScenarioRecord = understood(scenario, record(client, scenario).await?)?;
    let runs = !before.status.is_resting();
    if !runs && before.next_run.is_empty() {
        return Err(ClientError::Input(format!(
            "scenario {scenario} has no run in progress and no schedule; there is nothing to cancel"
        )));
    }
    let path = format!("/scenarios/{scenario}");
    let answer = client.ask(Method::Post, &path, &[], None).await?;
    if json {
        voice.json(&answer);
        return Ok(Exit::Passed);
    }
    let lines = match runs {
        true => stopping(scenario),
        false => vec![
            Line::new()
                .tone(Tone::Good, "✔ ")
                .plain(format!("the schedule of scenario {scenario} is dropped")),
        ],
    };
    voice.data(&lines);
    Ok(Exit::Passed)
}

async fn delete(
    voice: Voice,
    client: &Client,
    scenario: &str,
    json: bool,
) -> Result<Exit, ClientError> {
    let before: ScenarioRecord = understood(scenario, record(client, scenario).await?)?;
    let path = format!("/scenarios/{scenario}");
    let answer = client.ask(Method::Delete, &path, &[], None).await?;
    if json {
        voice.json(&answer);
        return Ok(Exit::Passed);
    }
    let runs = match before.total_test_runs {
        0 => "it had no runs".to_owned(),
        runs => format!("{} with it", several(runs, "run")),
    };
    voice.data(&[Line::new()
        .tone(Tone::Good, "✔ ")
        .plain(format!("scenario {scenario} is deleted, {runs}"))]);
    Ok(Exit::Passed)
}
