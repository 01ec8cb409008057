//! `dlt runs baseline set|get|clear`: the run that a scenario's others are compared with.

use crate::args::BaselineCommand;
use crate::client::{Client, ClientError, Method, understood};
use crate::exit::Exit;
use crate::find::{self, baseline_of};
use crate::line::{Line, Tone};
use crate::output::Output;
use dlt_core::calls::answers::BaselineChanged;
use dlt_core::value::Value;
use serde_json::json;

/// `dlt runs baseline …`.
pub async fn baseline(
    output: Output,
    client: &Client,
    command: &BaselineCommand,
) -> Result<Exit, ClientError> {
    match command {
        BaselineCommand::Set { run, json } => {
            let location = find::run_or_scenario(client, Some(run)).await?;
            let path = format!("/scenarios/{}/baseline", location.test);
            let body = json!({ "testRunId": location.run });
            let answer = client.call(Method::Put, &path, &[], Some(&body)).await?;
            let changed: BaselineChanged = understood(&path, answer.clone())?;
            let before = changed.previous_baseline_id;
            show(output, *json, &answer, || {
                let told = Line::new()
                    .tone(Tone::Good, "✔ ")
                    .plain(format!("{} is the baseline of ", location.run))
                    .plain(&location.test);
                match before.filter(|before| *before != location.run) {
                    Some(before) => told.plain(format!(", instead of {before}")),
                    None => told,
                }
            });
        }
        BaselineCommand::Get { scenario, json } => {
            let test = find::test_id(scenario)?;
            let path = format!("/scenarios/{test}/baseline");
            let answer = client.get(&path, &[]).await?;
            let set = baseline_of(client, scenario).await?;
            show(output, *json, &answer, || match &set {
                None => Line::of(format!(
                    "scenario {test} has no baseline; make a run its baseline: "
                ))
                .tone(Tone::Command, "dlt runs baseline set RUN"),
                Some(set) if answer["testRunDetails"].is_null() => Line::new().tone(
                    Tone::Warn,
                    format!("{} is the baseline of {test}, and was deleted", set.run),
                ),
                Some(set) => Line::of(format!(
                    "{}  {} UTC",
                    set.run,
                    answer["testRunDetails"]["startTime"]
                        .as_str()
                        .unwrap_or_default()
                )),
            });
        }
        BaselineCommand::Clear { scenario, json } => {
            let test = find::test_id(scenario)?;
            let path = format!("/scenarios/{test}/baseline");
            let answer = client.call(Method::Delete, &path, &[], None).await?;
            show(output, *json, &answer, || {
                Line::new()
                    .tone(Tone::Good, "✔ ")
                    .plain(format!("scenario {test} has no baseline any more"))
            });
        }
    }
    Ok(Exit::Passed)
}

fn show(output: Output, json: bool, answer: &Value, line: impl FnOnce() -> Line) {
    match json {
        true => output.json(answer),
        false => output.data(&[line()]),
    }
}
