//! `dlt runners` and `dlt regions`: the runners that exist now, and the regions with their
//! free capacity.

use crate::args::PlainArgs;
use crate::client::{ApiOptions, ClientError, understood};
use crate::draft::{self, capacity, free};
use crate::exit::Exit;
use crate::line::{Line, Tone};
use crate::output::Output;
use crate::table::{self, Column, number, words};
use crate::units;
use dlt_core::calls::answers::{
    RegionInfo, RegionTaskIds, RegionsAnswer, ScenarioList, ScenarioRecord, VcpuDetails,
};
use dlt_core::ids::Region;
use dlt_core::run::Status;
use dlt_core::value::Value as Written;
use serde_json::{Value, json};
#[cfg(test)]
use std::collections::BTreeMap;

/// The first column is not cut below this many columns.
const LEAST_NAME: usize = 20;
/// Most runners that are listed; the JSON has all.
const MOST_RUNNERS: usize = 200;

/// `dlt runners`.
pub async fn runners(
    output: Output,
    api_options: &ApiOptions,
    args: &PlainArgs,
) -> Result<Exit, ClientError> {
    let client = api_options.client().await?;
    let tasks = client.get("/tasks", &[]).await?;
    let list: ScenarioList = client.read("/scenarios", &[("oneOff", "true")]).await?;
    let mut records: Vec<(ScenarioRecord, Written)> = Vec::new();
    for item in list.items.iter().filter(|item| has_runners(item.status)) {
        let path = format!("/scenarios/{}", item.test_id);
        let query = [("history", "false"), ("latest", "false")];
        match client.get(&path, &query).await {
            Ok(answer) => records.push((understood(&path, answer.clone())?, answer)),
            // It was deleted since the list was read.
            Err(error) if error.is_not_found() => {}
            Err(error) => return Err(error),
        }
    }
    if args.json {
        let part = |answer: &Written| {
            json!({
                "testId": answer["testId"], "testName": answer["testName"],
                "status": answer["status"], "tasksPerRegion": answer["tasksPerRegion"],
            })
        };
        let scenarios: Vec<Value> = records.iter().map(|row| part(&row.1)).collect();
        output.json(&json!({ "tasks": tasks, "scenarios": scenarios }));
        return Ok(Exit::Passed);
    }
    let tasks: Vec<RegionTaskIds> = understood("/tasks", tasks)?;
    let records: Vec<ScenarioRecord> = records.into_iter().map(|row| row.0).collect();
    let lines = runner_lines(&tasks, &records, output.columns());
    let unknown = tasks
        .iter()
        .find_map(|row| row.public_addresses_unknown.as_ref());
    if let Some(why) = unknown {
        let text = format!("the runners' public addresses are not known: {why}");
        crate::report::warnings(output, &[text]);
    }
    if lines.is_empty() {
        output.messages(&[Line::of(
            "no runners now: they exist while a run is in progress",
        )]);
    } else {
        output.data(&lines);
    }
    Ok(Exit::Passed)
}

/// Statuses in which the API counts runners.
fn has_runners(status: Status) -> bool {
    !status.is_resting() && !matches!(status, Status::Queued | Status::ParsingResults)
}

fn runner_lines(tasks: &[RegionTaskIds], records: &[ScenarioRecord], width: usize) -> Vec<Line> {
    let mut lines = counts(records, width);
    let single = single_runners(tasks, width);
    if !lines.is_empty() && !single.is_empty() {
        lines.push(Line::new());
    }
    lines.extend(single);
    lines
}

/// The numbers of runners of each running scenario.
fn counts(records: &[ScenarioRecord], width: usize) -> Vec<Line> {
    let rows = records.iter().flat_map(|record| {
        let rows = record.tasks_per_region.iter().flatten();
        rows.map(move |row| {
            vec![
                Line::of(&record.test_name),
                Line::new().tone(Tone::Command, &record.test_id),
                Line::of(record.status.name()),
                Line::of(&row.region),
                Line::of(units::count(row.running)),
                Line::of(units::count(row.pending)),
                Line::of(units::count(row.desired)),
            ]
        })
    });
    let columns = [
        words("SCENARIO", 0),
        words("ID", 0),
        words("STATUS", 2),
        words("REGION", 0),
        number("RUNNING", 0),
        number("COMING UP", 1),
        number("ASKED FOR", 0),
    ];
    table_or_nothing(&columns, &rows.collect::<Vec<_>>(), width)
}

/// A row for each runner.
fn single_runners(tasks: &[RegionTaskIds], width: usize) -> Vec<Line> {
    let all: Vec<(&RegionTaskIds, &str)> = tasks
        .iter()
        .flat_map(|row| row.task_arns.iter().map(move |id| (row, &**id)))
        .collect();
    // None on one machine, and in private subnets.
    let has_addresses = tasks.iter().any(|row| !row.public_addresses.is_empty());
    let rows: Vec<Vec<Line>> = all
        .iter()
        .take(MOST_RUNNERS)
        .map(|(row, id)| {
            // An id of dlt up is run/runner; another is an ARN, which ends with the task.
            let (before, runner) = id.rsplit_once('/').unwrap_or(("", id));
            let run = if before.contains(['/', ':']) {
                "–"
            } else {
                before
            };
            let mut cells = vec![
                Line::of(runner),
                Line::of(&row.region),
                Line::new().tone(Tone::Command, run),
            ];
            if has_addresses {
                let address = row.public_addresses.get(*id);
                cells.push(Line::of(address.map_or("–", String::as_str)));
            }
            cells
        })
        .collect();
    let mut columns = vec![words("RUNNER", 0), words("REGION", 0), words("RUN", 1)];
    if has_addresses {
        columns.push(words("PUBLIC ADDRESS", 0));
    }
    let mut lines = table_or_nothing(&columns, &rows, width);
    if let Some(more @ 1..) = all.len().checked_sub(MOST_RUNNERS) {
        let more = format!("… and {} more", units::count(more as u64));
        lines.push(Line::new().tone(Tone::Quiet, more));
    }
    lines
}

fn table_or_nothing(columns: &[Column], rows: &[Vec<Line>], width: usize) -> Vec<Line> {
    if rows.is_empty() {
        return Vec::new();
    }
    table::lines(columns, rows, 0, width, LEAST_NAME)
}

/// `dlt regions`.
pub async fn regions(
    output: Output,
    api_options: &ApiOptions,
    args: &PlainArgs,
) -> Result<Exit, ClientError> {
    let client = api_options.client().await?;
    let answer = client.get("/regions", &[]).await?;
    if args.json {
        let details = client.get("/vCPUDetails", &[]).await?;
        output.json(&json!({ "regions": answer, "vCPUDetails": details }));
        return Ok(Exit::Passed);
    }
    let known: RegionsAnswer = understood("/regions", answer)?;
    let details = draft::regions(&client).await?;
    output.data(&region_lines(&known.regions, &details, output.columns()));
    if client.is_at_rest() {
        output.messages(&[Line::of("no dlt up is running on this data folder; ")
            .tone(Tone::Command, "dlt up --region NAME=CAPACITY")
            .plain(" says which regions it has")]);
    }
    Ok(Exit::Passed)
}

fn region_lines(
    known: &[RegionInfo],
    details: &[(Region, VcpuDetails)],
    width: usize,
) -> Vec<Line> {
    let columns = [
        words("REGION", 0),
        number("RUNNERS", 0),
        number("IN USE", 1),
        number("FREE", 0),
        words("VERSION", 3),
        words("", 2),
    ];
    let dash = || "–".to_owned();
    let rows: Vec<Vec<Line>> = known
        .iter()
        .map(|info| {
            let vcpus = details
                .iter()
                .find(|row| row.0.as_str() == info.region)
                .map(|row| row.1);
            let used = vcpus.map(|vcpus| vcpus.in_use / vcpus.per_task.max(1));
            let (tone, state) = match (&info.compatible, &info.incompatibility_reason) {
                (Some(false), Some(why)) => (Tone::Bad, why.clone()),
                (Some(false), None) => (Tone::Bad, "cannot be used".to_owned()),
                _ => (Tone::Good, "✔ can be used".to_owned()),
            };
            vec![
                Line::of(&info.region),
                Line::of(vcpus.map_or_else(dash, |vcpus| units::count(capacity(&vcpus)))),
                Line::of(used.map_or_else(dash, units::count)),
                Line::new().tone(
                    Tone::Strong,
                    vcpus.map_or_else(dash, |vcpus| units::count(free(&vcpus))),
                ),
                Line::of(info.version.clone().unwrap_or_else(dash)),
                Line::new().tone(tone, state),
            ]
        })
        .collect();
    let lines = table::lines(&columns, &rows, 0, width, LEAST_NAME);
    lines.iter().map(|line| line.cut(width)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use dlt_core::calls::answers::TaskCounts;

    fn shown(lines: &[Line]) -> String {
        lines.iter().map(|line| line.render(false) + "\n").collect()
    }

    #[test]
    fn runners_are_shown_by_scenario_and_singly() {
        let record: ScenarioRecord = serde_json::from_value(json!({
            "testId": "Xk29QmWz7B", "testName": "shop under a steady load",
            "testDescription": "", "testType": "simple", "fileType": "none",
            "status": "running", "showLive": true, "startTime": "", "endTime": "", "nextRun": "",
            "scheduleRecurrence": "", "scheduleTimezone": "UTC", "cronValue": "",
            "cronExpiryDate": "", "tags": [], "healthyThreshold": 90, "desiredTaskCount": 3,
            "taskFailureCount": 0, "testTaskConfigs": [], "testScenario": {}, "results": {},
            "totalTestRuns": 1,
        }))
        .unwrap();
        let counts = |region: &str, running, pending, desired| TaskCounts {
            region: region.to_owned(),
            running,
            pending,
            desired,
        };
        let record = ScenarioRecord {
            tasks_per_region: Some(vec![
                counts("lo-home-1", 1, 1, 2),
                counts("lo-home-2", 1, 0, 1),
            ]),
            ..record
        };
        let tasks = [
            RegionTaskIds {
                region: "lo-home-1".to_owned(),
                task_arns: vec!["p4TqL8vN2c/lo-home-1-1".to_owned()],
                public_addresses: BTreeMap::new(),
                public_addresses_unknown: None,
            },
            RegionTaskIds {
                region: "eu-west-1".to_owned(),
                task_arns: vec!["arn:aws:ecs:eu-west-1:1:task/dlt/0f1e2d".to_owned()],
                public_addresses: BTreeMap::from([(
                    "arn:aws:ecs:eu-west-1:1:task/dlt/0f1e2d".to_owned(),
                    "198.51.100.7".to_owned(),
                )]),
                public_addresses_unknown: None,
            },
        ];
        assert!(runner_lines(&[], &[], 100).is_empty());
        insta::assert_snapshot!(shown(&runner_lines(&tasks, &[record], 100)));
    }

    #[test]
    fn regions_are_shown_with_their_free_capacity() {
        let info = |region: &str, compatible: bool| -> RegionInfo {
            serde_json::from_value(json!({
                "testId": format!("region-{region}"), "region": region, "taskCluster": "home",
                "version": if compatible { "v4.2.3" } else { "v3.0.0" }, "compatible": compatible,
                "incompatibilityReason": (!compatible).then_some("v3.0.0 is older than v4.1.0"),
            }))
            .unwrap()
        };
        let details = VcpuDetails {
            limit: 16,
            per_task: 2,
            in_use: 6,
        };
        let known = [info("lo-home-1", true), info("lo-home-2", false)];
        let details = [(Region::parse("lo-home-1").unwrap(), details)];
        for width in [60, 80, 140] {
            let lines = region_lines(&known, &details, width);
            assert!(lines.iter().all(|line| line.width() <= width), "{width}");
        }
        insta::assert_snapshot!(shown(&region_lines(&known, &details, 100)));
    }
}
