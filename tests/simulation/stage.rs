//! The run that is played: a small scenario, read by the real reader, as a
//! start at home would store it.

use dlt_core::ids::{Region, RunPrefix, TestId, TestRunId};
use dlt_core::record::RunRecord;
use dlt_core::scenario::plan::FileType;
use dlt_core::scenario::{Defaults, Outside, Purpose, Scenario};
use dlt_pipeline::clock::{RunClock, stamp};
use dlt_pipeline::runs::{Beside, Late, RegionTasks, Run, Spare};
use serde_json::{Value, json};
use std::collections::{BTreeMap, BTreeSet};

/// Half of the workers, or none of few; leaders never.
fn half() -> Spare {
    Spare {
        percent: 50,
        refused: Vec::new(),
    }
}

/// Its scenario.
fn scenario(regions: &[(Region, u64)], configs: &[Value], planned_s: u64) -> Scenario {
    let body = json!({
        "testName": "simulated", "testTaskConfigs": configs, "testType": "simple",
        "testScenario": {
            "execution": [{"ramp-up": "0s", "hold-for": format!("{}s", planned_s), "scenario": "simulated"}],
            "scenarios": {"simulated": {"requests": [{"url": "http://127.0.0.1:1/"}]}},
        },
    });
    let defaults = Defaults {
        regions: regions
            .iter()
            .map(|(name, _)| (name.clone(), 1_000))
            .collect(),
        tasks: 1,
        name: "simulated".to_owned(),
        show_live: true,
    };
    let files = |_: &str| Err("no files here".to_owned());
    Scenario::from_value(
        &body.into(),
        &defaults,
        Outside::files(&files),
        Purpose::Run,
    )
    .expect("a scenario")
}

/// A run of `planned_s` seconds with so many tasks in each region.
pub fn run(tasks: &[u64], healthy_threshold: u8, planned_s: u64, now_us: u64) -> Run {
    let regions: Vec<(Region, u64)> = tasks
        .iter()
        .enumerate()
        .map(|(at, &tasks)| {
            let region = Region::parse(&format!("lo-home-{}", at + 1)).expect("a region");
            (region, tasks)
        })
        .collect();
    let configs: Vec<Value> = regions
        .iter()
        .map(|(region, tasks)| json!({"region": region, "taskCount": tasks, "concurrency": 1}))
        .collect();
    let scenario = scenario(&regions, &configs, planned_s);
    let run = TestRunId::parse("p4TqL8vN2c").expect("an id");
    let start_time = stamp(now_us);
    let record = json!({
        "testId": "Xk29QmWz7B", "testRunId": run, "testName": "simulated",
        "testDescription": "", "testType": "simple", "status": "queued",
        "startTime": start_time, "endTime": "", "testTaskConfigs": configs,
        "testScenario": {}, "results": {}, "completeTasks": {},
    });
    Run {
        version: 0,
        test: TestId::parse("Xk29QmWz7B").expect("an id"),
        prefix: RunPrefix::of(&start_time, &run).expect("a prefix"),
        run,
        record: serde_json::from_value::<RunRecord>(record).expect("a record"),
        file_type: FileType::None,
        document: scenario.region_document(&regions[0].0),
        beside: Beside::default(),
        regions: regions
            .into_iter()
            .map(|(region, tasks)| RegionTasks { region, tasks })
            .collect(),
        live: true,
        keep_exchanges: false,
        healthy_threshold,
        thresholds: Vec::new(),
        planned_us: scenario.plan.end_us(),
        graceful_stop_us: scenario.plan.graceful_stop_us(),
        setup_us: 0,
        teardown_us: 0,
        // The simulated machine was booted at the epoch.
        clock: Some(RunClock {
            boot: 1,
            booted_us: 0,
        }),
        late: Late::default(),
        workers_began_us: None,
        leaders_began_us: None,
        start_at_us: None,
        changes: Vec::new(),
        stop_began_us: None,
        cancel_reason: None,
        lost_driver: false,
        failure: None,
        launch_trouble: None,
        refused_launches: 0,
        parts: 0,
        spare: half(),
        lost: BTreeMap::new(),
        beside_runs: BTreeSet::new(),
    }
}
