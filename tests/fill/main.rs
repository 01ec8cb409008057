//! Fills a data folder as years of use would: scenarios and runs of a realistic
//! size, through the adapters that `dlt up` reads them with. For measurements;
//! what is measured is told by `cargo xtask bench lists`.

use anyhow::{Context, Result};
use dlt_core::ids::{Region, RunPrefix, TestId, TestRunId};
use dlt_core::record::RunRecord;
use dlt_core::run::Status;
use dlt_core::scenario::plan::FileType;
use dlt_pipeline::clock::stamp;
use dlt_pipeline::runs::{Beside, RegionTasks, Run, Runs, Spare, sqlite::SqliteRuns};
use dlt_pipeline::scenarios::{ScenarioItem, Scenarios, sqlite::SqliteScenarios};
use dlt_pipeline::store::sqlite::Database;
use serde_json::{Map, Value, json};
use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

const SCENARIOS: u64 = 1_000;
/// Half of all runs are the first scenario's, the rest are spread.
const RUNS: u64 = 10_000;
const LABELS: u64 = 20;
const REGIONS: [&str; 2] = ["lo-home-1", "lo-home-2"];
/// 2026-01-01.
const FIRST_US: u64 = 1_767_225_600_000_000;
const BETWEEN_US: u64 = 600_000_000;

fn main() -> Result<()> {
    let folder = std::env::args().nth(1).context("name the data folder")?;
    let folder = Path::new(&folder);
    std::fs::create_dir_all(folder)?;
    let database = Database::open(folder, &[])?;
    let scenarios = SqliteScenarios(database.clone());
    let runs = SqliteRuns(database);
    let runtime = tokio::runtime::Builder::new_current_thread().build()?;
    runtime.block_on(async {
        let mut last = vec![None; SCENARIOS as usize];
        for n in 0..RUNS {
            let scenario = match n % 2 {
                0 => 0,
                _ => n / 2 % SCENARIOS,
            };
            let run = run(scenario, n)?;
            runs.put(&run).await?;
            let (count, _) = last[scenario as usize].take().unwrap_or((0, None));
            last[scenario as usize] = Some((count + 1, Some(run)));
        }
        for (n, last) in last.into_iter().enumerate() {
            scenarios.put(&scenario(n as u64, last)?).await?;
        }
        Ok(())
    })
}

fn test_id(scenario: u64) -> Result<TestId> {
    Ok(TestId::parse(&format!("scenario{scenario}"))?)
}

fn scenario(n: u64, last: Option<(u64, Option<Run>)>) -> Result<ScenarioItem> {
    let mut item = ScenarioItem::new(test_id(n)?, body(n));
    if let Some((count, Some(run))) = last {
        item.status = Status::Complete;
        item.total_runs = count;
        item.start_time = run.record.start_time;
        item.run = Some(run.run);
    }
    Ok(item)
}

fn configs() -> Value {
    let config = |region| json!({"region": region, "taskCount": 2, "concurrency": 25});
    REGIONS.map(config).into_iter().collect()
}

fn plan() -> Value {
    let request = |label| json!({"url": format!("https://shop.example.com/{label}"), "method": "GET", "label": label});
    let requests: Vec<Value> = (0..LABELS).map(|n| request(label(n))).collect();
    json!({
        "execution": [{"ramp-up": "30s", "hold-for": "5m", "scenario": "checkout"}],
        "scenarios": {"checkout": {"requests": requests}},
    })
}

fn label(n: u64) -> String {
    format!("step {n} of the checkout")
}

fn body(n: u64) -> Value {
    json!({
        "testId": format!("scenario{n}"), "testName": format!("Checkout number {n}"),
        "testDescription": "Basket and payment pages under the load of a working day",
        "testType": "simple", "fileType": "none", "showLive": true, "healthyThreshold": 90,
        "thresholds": ["p(95)<200ms", "error_rate<1%"], "tags": ["nightly", "checkout"],
        "testTaskConfigs": configs(), "testScenario": plan(),
    })
}

/// The compatible form of a distribution.
fn metrics(n: u64, extra: (&str, Value)) -> Value {
    let mut entry = json!({
        "succ": 18_211 + n, "fail": 29, "throughput": 18_240 + n, "bytes": "23712000",
        "concurrency": "50", "testDuration": "330", "avg_rt": "0.08412", "avg_lt": "0.08120",
        "avg_ct": "0.00210", "stdev_rt": "0.031", "p0_0": "0.041", "p50_0": "0.079",
        "p90_0": "0.121", "p95_0": "0.148", "p99_0": "0.233", "p99_9": "0.612", "p100_0": "1.204",
        "rc": [{"code": "503", "count": 29}],
    });
    entry[extra.0] = extra.1;
    entry
}

fn results(n: u64) -> Value {
    let mut results = Map::new();
    for key in REGIONS.iter().chain(&["total"]) {
        let labels: Vec<Value> = (0..LABELS)
            .map(|at| metrics(n + at, ("label", json!(label(at)))))
            .collect();
        results.insert((*key).to_owned(), metrics(n, ("labels", json!(labels))));
    }
    Value::Object(results)
}

fn distribution(n: u64) -> Value {
    json!({
        "count": 18_240 + n, "min_us": 41_022, "max_us": 1_204_318, "mean_us": 84_120 + n,
        "stdev_us": 31_417, "p50_us": 79_103, "p75_us": 99_071, "p90_us": 121_215,
        "p95_us": 148_223, "p99_us": 233_215, "p99_9_us": 612_351, "p99_99_us": 1_100_799,
    })
}

fn block(n: u64, label: Option<String>) -> Value {
    let mut block = distribution(n);
    for (key, value) in [
        ("ok", json!(18_211 + n)),
        ("failed", json!(29)),
        ("bytes_received", json!(23_712_000)),
        ("bytes_sent", json!(4_711_000)),
    ] {
        block[key] = value;
    }
    for times in ["failed_times", "all_times"] {
        block[times] = distribution(n);
    }
    match label {
        Some(label) => block["label"] = json!(label),
        None => {
            for part in ["service", "connect", "first_byte", "lag"] {
                block[part] = distribution(n);
            }
        }
    }
    block
}

fn record(scenario: u64, n: u64, run: &TestRunId) -> Result<RunRecord> {
    let start_us = FIRST_US + n * BETWEEN_US;
    let labels: Vec<Value> = (0..LABELS)
        .map(|at| block(n + at, Some(label(at))))
        .collect();
    let regions: Map<String, Value> = REGIONS
        .iter()
        .map(|region| ((*region).to_owned(), block(n, None)))
        .collect();
    let planned: Vec<Value> = (0..330).map(|second| json!([second, 100.0])).collect();
    let record = json!({
        "testId": test_id(scenario)?, "testRunId": run, "testName": format!("Checkout number {scenario}"),
        "testDescription": "Basket and payment pages under the load of a working day",
        "testType": "simple", "status": "complete", "startTime": stamp(start_us),
        "endTime": stamp(start_us + 345_000_000), "scheduleTimezone": "UTC",
        "testTaskConfigs": configs(), "testScenario": plan(), "results": results(n),
        "completeTasks": {"lo-home-1": 2, "lo-home-2": 2}, "succPercent": "99.84",
        "outcome": {"passed": true, "thresholds": [
            {"expression": "p(95)<200ms", "observed": "148ms", "passed": true},
            {"expression": "error_rate<1%", "observed": "0.16%", "passed": true},
        ]},
        "verdict": {"trust": "trusted", "reasons": []},
        "account": {"scheduled": 18_240, "dropped": 0, "sent": 18_240, "ok": 18_211, "failed": 29,
            "unfinished": 0, "balanced": true},
        "coverage": {"complete": true, "runners_expected": 4, "runners_reported": 4, "missing": [],
            "missing_intervals": 0},
        "start": {"start_at": start_us, "skew_p50_us": 120, "skew_p99_us": 480, "skew_max_us": 480,
            "clock_error_us": 0},
        "load": {"model": "closed", "users": 100, "planned": planned},
        "summary": {"times_over": "ok", "total": block(n, None), "regions": regions, "labels": labels},
        "errors": [{"cause": "status-5xx", "code": "503", "message": "the target answered 503",
            "count": 29, "labels": {label(3): 29}, "runners": {"lo-home-1-1": 29},
            "first_at": start_us / 1_000, "last_at": start_us / 1_000 + 1}],
    });
    Ok(serde_json::from_value(record)?)
}

fn run(scenario: u64, n: u64) -> Result<Run> {
    let id = TestRunId::parse(&format!("run{n:07}"))?;
    let record = record(scenario, n, &id)?;
    let regions = REGIONS.map(|region| {
        Ok(RegionTasks {
            region: Region::parse(region)?,
            tasks: 2,
        })
    });
    Ok(Run {
        version: 0,
        test: test_id(scenario)?,
        prefix: RunPrefix::of(&record.start_time, &id).context("a prefix")?,
        run: id,
        record,
        file_type: FileType::None,
        regions: regions.into_iter().collect::<Result<_>>()?,
        live: true,
        keep_exchanges: false,
        healthy_threshold: 90,
        document: plan().into(),
        beside: Beside::default(),
        thresholds: vec!["p(95)<200ms".to_owned(), "error_rate<1%".to_owned()],
        planned_us: 330_000_000,
        graceful_stop_us: 5_000_000,
        setup_us: 0,
        teardown_us: 0,
        clock: None,
        late: dlt_pipeline::runs::Late::default(),
        workers_began_us: None,
        leaders_began_us: None,
        start_at_us: Some(FIRST_US + n * BETWEEN_US),
        changes: Vec::new(),
        stop_began_us: None,
        cancel_reason: None,
        lost_driver: false,
        failure: None,
        launch_trouble: None,
        refused_launches: 0,
        parts: 0,
        spare: Spare::default(),
        lost: BTreeMap::new(),
        beside_runs: BTreeSet::new(),
    })
}
