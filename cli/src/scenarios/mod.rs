//! `dlt scenarios …`: lists, shows, creates, starts, cancels and deletes stored scenarios.

mod create;
mod list;
mod page;
mod start;

use crate::args::ScenariosCommand;
use crate::client::{ApiOptions, Client, ClientError, Method, understood};
use crate::exit::Exit;
use crate::find::test_id;
use crate::line::{Line, Tone};
use crate::output::Output;
use crate::report;
use crate::runs::stopping_lines;
use crate::units::several;
use dlt_core::calls::answers::{ScenarioList, ScenarioRecord, TestRunsPage};
use dlt_core::value::Value;

/// `dlt scenarios …`.
pub async fn scenarios(
    output: Output,
    api_options: &ApiOptions,
    command: &ScenariosCommand,
) -> Result<Exit, ClientError> {
    let client = api_options.client().await?;
    match command {
        ScenariosCommand::List { tag, one_off, json } => {
            list(output, &client, tag, *one_off, *json).await
        }
        ScenariosCommand::Get {
            scenario,
            secrets,
            json,
        } => get(output, &client, scenario, *secrets, *json).await,
        ScenariosCommand::Create(args) => create::create(output, &client, args).await,
        ScenariosCommand::Start(args) => start::start(output, (&client, api_options), args).await,
        ScenariosCommand::Cancel { scenario, json } => {
            cancel(output, &client, scenario, *json).await
        }
        ScenariosCommand::Delete { scenario, json } => {
            delete(output, &client, scenario, *json).await
        }
    }
}

async fn list(
    output: Output,
    client: &Client,
    tags: &[String],
    one_off: bool,
    json: bool,
) -> Result<Exit, ClientError> {
    let joined = tags.join(",");
    let mut query = Vec::new();
    if !tags.is_empty() {
        query.push(("tags", joined.as_str()));
    }
    if one_off {
        query.push(("oneOff", "true"));
    }
    let answer = client.get("/scenarios", &query).await?;
    if json {
        output.json(&answer);
        return Ok(Exit::Passed);
    }
    let list: ScenarioList = understood("/scenarios", answer)?;
    if list.items.is_empty() {
        let line = if tags.is_empty() {
            Line::of("no scenarios yet; try ").tone(Tone::Command, "dlt scenarios create FILE")
        } else {
            Line::of(format!("no scenario has the tag {}", tags.join(" or ")))
        };
        output.messages(&[line]);
    } else {
        output.data(&list::lines(&list.items, output.columns()));
        let unreadable = list.items.iter().map(|item| item.unreadable.as_ref());
        report::unreadable(output, unreadable);
    }
    Ok(Exit::Passed)
}

/// A scenario's record, without its runs.
async fn record(client: &Client, scenario: &str) -> Result<Value, ClientError> {
    let path = format!("/scenarios/{}", test_id(scenario)?);
    client.get(&path, &[("history", "false")]).await
}

async fn get(
    output: Output,
    client: &Client,
    scenario: &str,
    secrets: bool,
    json: bool,
) -> Result<Exit, ClientError> {
    let answer = match secrets {
        true => {
            let path = format!("/scenarios/{}", test_id(scenario)?);
            let query = [("history", "false"), ("secrets", "true")];
            client.get(&path, &query).await?
        }
        false => record(client, scenario).await?,
    };
    if json {
        output.json(&answer);
        return Ok(Exit::Passed);
    }
    let runs = format!("/scenarios/{scenario}/testruns");
    let newest: TestRunsPage = client.read(&runs, &[("limit", "1")]).await?;
    let known: ScenarioRecord = understood(scenario, answer.clone())?;
    let last = newest.test_runs.first();
    output.data(&page::lines(&known, &answer, last, output.columns()));
    Ok(Exit::Passed)
}

async fn cancel(
    output: Output,
    client: &Client,
    scenario: &str,
    json: bool,
) -> Result<Exit, ClientError> {
    let before: ScenarioRecord = understood(scenario, record(client, scenario).await?)?;
    let is_running = !before.status.is_resting();
    if !is_running && before.next_run.is_empty() {
        return Err(ClientError::Input(format!(
            "scenario {scenario} has no run in progress and no schedule; there is nothing to cancel"
        )));
    }
    let path = format!("/scenarios/{scenario}");
    let answer = client.call(Method::Post, &path, &[], None).await?;
    if json {
        output.json(&answer);
        return Ok(Exit::Passed);
    }
    let lines = if is_running {
        stopping_lines(scenario)
    } else {
        vec![
            Line::new()
                .tone(Tone::Good, "✔ ")
                .plain(format!("the schedule of scenario {scenario} is dropped")),
        ]
    };
    output.data(&lines);
    Ok(Exit::Passed)
}

async fn delete(
    output: Output,
    client: &Client,
    scenario: &str,
    json: bool,
) -> Result<Exit, ClientError> {
    let before: ScenarioRecord = understood(scenario, record(client, scenario).await?)?;
    let path = format!("/scenarios/{scenario}");
    let answer = client.call(Method::Delete, &path, &[], None).await?;
    if json {
        output.json(&answer);
        return Ok(Exit::Passed);
    }
    let runs = match before.total_test_runs {
        0 => "it had no runs".to_owned(),
        runs => format!("{} with it", several(runs, "run")),
    };
    output.data(&[Line::new()
        .tone(Tone::Good, "✔ ")
        .plain(format!("scenario {scenario} is deleted, {runs}"))]);
    Ok(Exit::Passed)
}
