//! `dlt runs delete` and `dlt runs prune`: removes runs for good. Which of them a rule of age and number
//! keeps is core's to say; a baseline and a run in progress stay in any case.

use super::list;
use crate::args::{DeleteArgs, PruneArgs};
use crate::client::{Client, ClientError, Method, understood};
use crate::exit::Exit;
use crate::find::{self, RunLocation, RunRow};
use crate::line::{Line, Tone};
use crate::output::Output;
use crate::units::several;
use dlt_core::calls::MOST_RUNS;
use dlt_core::calls::answers::{RunsDeleted, ScenarioListItem, ScenarioRecord};
use dlt_core::retention::{Counter, Retention};
use dlt_core::scenario::parse_duration;
use dlt_pipeline::clock::{Clock as _, SystemClock};
use serde_json::{Value, json};
use std::collections::BTreeMap;

/// Most runs of one scenario that are looked at.
const MOST_SEARCHED: usize = 100_000;

/// `dlt runs delete`.
pub async fn delete(
    output: Output,
    client: &Client,
    args: &DeleteArgs,
) -> Result<Exit, ClientError> {
    // All are found before any is deleted: one that is mistyped deletes nothing.
    let mut found: Vec<RunLocation> = Vec::new();
    for name in &args.runs {
        let run = find::run(client, name).await?;
        if !found.contains(&run) {
            found.push(run);
        }
    }
    for run in &found {
        need_no_baseline(client, run).await?;
    }
    let deleted = delete_all(client, &found).await?;
    tell(output, deleted, args.json);
    Ok(Exit::Passed)
}

/// A run that others are compared with is refused before anything is deleted.
async fn need_no_baseline(client: &Client, run: &RunLocation) -> Result<(), ClientError> {
    match baseline(client, &run.test).await? {
        Some(baseline) if baseline == run.run => Err(ClientError::Input(format!(
            "run {} is the baseline of scenario {}; choose another one with dlt runs baseline set, \
             or dlt runs baseline clear {1}",
            run.run, run.test
        ))),
        _ => Ok(()),
    }
}

async fn baseline(client: &Client, test: &str) -> Result<Option<String>, ClientError> {
    let path = format!("/scenarios/{test}");
    let query = [("history", "false"), ("latest", "false")];
    let scenario: ScenarioRecord = client.read(&path, &query).await?;
    Ok(scenario.baseline_id)
}

/// Deletes runs, scenario by scenario; how many there were.
async fn delete_all(client: &Client, runs: &[RunLocation]) -> Result<u64, ClientError> {
    let mut by_scenario: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
    for run in runs {
        by_scenario.entry(&run.test).or_default().push(&run.run);
    }
    let mut deleted = 0;
    for (test, ids) in by_scenario {
        let path = format!("/scenarios/{test}/testruns");
        for ids in ids.chunks(MOST_RUNS) {
            let body = json!(ids);
            let answer = client.call(Method::Delete, &path, &[], Some(&body)).await?;
            let answer: RunsDeleted = understood(&path, answer)?;
            deleted += answer.deleted_count;
        }
    }
    Ok(deleted)
}

fn tell(output: Output, deleted: u64, json: bool) {
    if json {
        output.json(&json!({ "deletedCount": deleted }));
        return;
    }
    let verb = if deleted == 1 { "is" } else { "are" };
    let line = format!("{} {verb} deleted", several(deleted, "run"));
    output.data(&[Line::new().tone(Tone::Good, "✔ ").plain(line)]);
}

/// The rule that the flags make.
pub fn retention(
    older_than: Option<&str>,
    keep: Option<u64>,
    flags: [&str; 2],
) -> Result<Retention, String> {
    let younger_than_s = match older_than {
        None => None,
        Some(text) => {
            let us = parse_duration(text).ok_or_else(|| {
                format!(
                    "{}: {text:?} is no duration; write one like 30d or 12h",
                    flags[0]
                )
            })?;
            Some(us / 1_000_000)
        }
    };
    if younger_than_s.is_none() && keep.is_none() {
        let [age, number] = flags;
        return Err(format!(
            "say which runs may go: {age} 30d, or all but the newest with {number} 20, or both"
        ));
    }
    Ok(Retention {
        younger_than_s,
        newest: keep,
    })
}

/// `dlt runs prune`.
pub async fn prune(output: Output, client: &Client, args: &PruneArgs) -> Result<Exit, ClientError> {
    let flags = ["--older-than", "--keep"];
    let retention = retention(args.older_than.as_deref(), args.keep, flags);
    let retention = retention.map_err(ClientError::Input)?;
    let rows = outdated(client, retention, args.scenario.as_deref()).await?;
    if args.dry_run {
        if args.json {
            let rows: Vec<Value> = rows.iter().map(RunRow::to_json).collect();
            output.json(&json!({ "wouldDelete": rows }));
        } else {
            if !rows.is_empty() {
                output.data(&list::lines(&rows, output.columns()));
            }
            let line = format!("{} would be deleted", several(rows.len() as u64, "run"));
            output.messages(&[Line::of(line)]);
        }
        return Ok(Exit::Passed);
    }
    let runs: Vec<RunLocation> = rows.iter().map(RunRow::location).collect();
    let deleted = delete_all(client, &runs).await?;
    tell(output, deleted, args.json);
    Ok(Exit::Passed)
}

/// The runs that may go.
async fn outdated(
    client: &Client,
    retention: Retention,
    scenario: Option<&str>,
) -> Result<Vec<RunRow>, ClientError> {
    let mut scenarios = find::by_last_run(client).await?;
    if let Some(id) = scenario {
        find::test_id(id)?;
        scenarios.retain(|item| item.test_id == id);
        if scenarios.is_empty() {
            return Err(ClientError::Input(format!(
                "there is no scenario {id} that has run; dlt scenarios list names them"
            )));
        }
    }
    let now_us = SystemClock.now_us();
    let mut all = Vec::new();
    let mut one_offs = Counter::new(retention, now_us);
    for item in &scenarios {
        let mut own = Counter::new(retention, now_us);
        let counter = if item.one_off {
            &mut one_offs
        } else {
            &mut own
        };
        all.extend(of_scenario(client, item, counter).await?);
    }
    Ok(all)
}

async fn of_scenario(
    client: &Client,
    item: &ScenarioListItem,
    counter: &mut Counter,
) -> Result<Vec<RunRow>, ClientError> {
    let mut rows = match find::of_listed(client, item, MOST_SEARCHED).await {
        // It was deleted since the list was read.
        Err(error) if error.is_not_found() => return Ok(Vec::new()),
        rows => rows?,
    };
    // Which one is the baseline is asked only where any may go.
    rows.retain(|row| counter.may_go(&row.run, false));
    if !rows.is_empty()
        && let Some(baseline) = baseline(client, &item.test_id).await?
    {
        rows.retain(|row| row.run.test_run_id != baseline);
    }
    Ok(rows)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_rule_needs_an_age_or_a_number() {
        let flags = ["--older-than", "--keep"];
        let of = |age, keep| retention(age, keep, flags);
        assert_eq!(
            of(Some("30d"), Some(5)),
            Ok(Retention {
                younger_than_s: Some(30 * 24 * 3_600),
                newest: Some(5)
            })
        );
        assert_eq!(of(None, Some(0)).unwrap().newest, Some(0));
        for (age, why) in [
            (None, "say which runs may go"),
            (Some("a month"), "no duration"),
        ] {
            let told = of(age, None).unwrap_err();
            assert!(told.contains(why), "{told}");
        }
    }
}
