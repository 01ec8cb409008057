//! `dlt scenarios start`: posts a stored scenario again, as DLT's own command does, after
//! checking that its regions have capacity.

use crate::args::StartArgs;
use crate::client::{ApiOptions, Client, ClientError, Method, understood};
use crate::draft;
use crate::exit::Exit;
use crate::exports::{self, Exports};
use crate::find::{RunLocation, test_id};
use crate::line::{Line, Tone};
use crate::output::Output;
use crate::report::{self, ResultOptions};
use crate::runs::watch;
use crate::units::several;
use dlt_core::calls::answers::{ScenarioRecord, VcpuDetails};
use dlt_core::ids::Region;
use dlt_core::value::Value as Written;
use serde_json::{Map, json};

/// Fields of a record that are part of the scenario and are posted again.
const SCENARIO_FIELDS: [&str; 10] = [
    "testId",
    "testName",
    "testDescription",
    "testType",
    "fileType",
    "showLive",
    "testScenario",
    "healthyThreshold",
    "thresholds",
    "tags",
];

/// `dlt scenarios start`.
pub async fn start(
    output: Output,
    (client, api_options): (&Client, &ApiOptions),
    args: &StartArgs,
) -> Result<Exit, ClientError> {
    if let Err(faults) = exports::judged(&args.exports, args.json) {
        return Ok(report::faults(output, &faults));
    }
    let test = test_id(&args.scenario)?;
    let path = format!("/scenarios/{test}");
    let query = [("history", "false"), ("latest", "false")];
    let stored = client.get(&path, &query).await?;
    let regions = draft::regions(client).await?;
    let body = body(&stored, &regions)?;
    let answer = client
        .call(Method::Post, "/scenarios", &[], Some(&body))
        .await?;
    let record: ScenarioRecord = understood("POST /scenarios", answer.clone())?;
    let run = record.test_run_id.clone();
    if !args.wait {
        if args.json {
            output.json(&answer);
        } else {
            output.data(&lines(&record));
        }
        return Ok(Exit::Passed);
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
    match run {
        Some(run) => {
            let test = test.to_string();
            let location = RunLocation { test, run };
            watch::follow(output.quietly(args.quiet), client, &location, options).await
        }
        None => Err(ClientError::Cannot(format!(
            "the run is started, but this server does not say which it is; dlt runs watch {test} follows it once it is there"
        ))),
    }
}

fn lines(record: &ScenarioRecord) -> Vec<Line> {
    let run = record.test_run_id.as_deref();
    let watched = run.unwrap_or(&record.test_id);
    vec![
        Line::new()
            .tone(Tone::Good, "✔ ")
            .tone(Tone::Strong, &record.test_name)
            .plain("  ·  run ")
            .tone(Tone::Command, run.unwrap_or("of it"))
            .plain(" is started"),
        Line::of("  ")
            .tone(Tone::Quiet, "watch it")
            .plain("  ")
            .tone(Tone::Command, format!("dlt runs watch {watched}")),
    ]
}

/// The body that starts a run of a stored scenario.
fn body(stored: &Written, regions: &[(Region, VcpuDetails)]) -> Result<Written, ClientError> {
    let mut body = dlt_core::value::Map::new();
    for key in SCENARIO_FIELDS {
        if let Some(value) = stored.get(key).filter(|value| !value.is_null()) {
            body.insert(key.to_owned(), value.clone());
        }
    }
    let mut configs = Vec::new();
    let mut details = Map::new();
    for config in stored["testTaskConfigs"].as_array().into_iter().flatten() {
        let region = config["region"].as_str().unwrap_or_default();
        let asked = config["taskCount"].as_u64().unwrap_or(0);
        let known = regions.iter().find(|row| row.0.as_str() == region);
        let Some((_, vcpus)) = known else {
            return Err(ClientError::Input(format!(
                "this scenario runs in {region}, which is no region of this server; dlt regions names them"
            )));
        };
        let free = draft::free(vcpus);
        if asked > free {
            return Err(ClientError::Input(format!(
                "region {region} has room for {} now and this scenario asks for {asked}; wait for other runs or give the region more room (dlt regions, dlt runners)",
                several(free, "runner"),
            )));
        }
        configs.push(json!({
            "region": region, "taskCount": asked, "concurrency": config["concurrency"],
        }));
        details.insert(region.to_owned(), json!({ "dltAvailableTasks": free }));
    }
    body.insert("testTaskConfigs".to_owned(), json!(configs).into());
    body.insert("regionalTaskDetails".to_owned(), json!(details).into());
    Ok(Written::Object(body))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn regions(in_use: u64) -> Vec<(Region, VcpuDetails)> {
        let details = VcpuDetails {
            limit: 16,
            per_task: 2,
            in_use,
        };
        vec![(Region::parse("lo-home-1").unwrap(), details)]
    }

    #[test]
    fn only_fields_of_the_scenario_are_posted() {
        let stored = json!({
            "testId": "Xk29QmWz7B", "testName": "shop", "status": "complete", "results": {},
            "testTaskConfigs": [{
                "region": "lo-home-1", "taskCount": 3, "concurrency": 5, "taskCluster": "home",
            }],
            "tags": [], "nextRun": "2026-03-10 23:00:00",
        });
        assert_eq!(
            body(&stored.clone().into(), &regions(4)).unwrap(),
            json!({
                "testId": "Xk29QmWz7B", "testName": "shop", "tags": [],
                "testTaskConfigs": [{ "region": "lo-home-1", "taskCount": 3, "concurrency": 5 }],
                "regionalTaskDetails": { "lo-home-1": { "dltAvailableTasks": 6 } },
            })
        );
        let full = body(&stored.clone().into(), &regions(12)).unwrap_err();
        assert!(full.to_string().contains("room for 2 runners"), "{full}");
        assert!(body(&stored.into(), &[]).is_err());
    }
}
