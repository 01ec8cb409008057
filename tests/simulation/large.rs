//! The limits of AWS on results: a function of 1,024 MB merges a thousand reports of
//! real size in its time, and what it leaves fits into an item of a table and into an
//! answer. In a process of its own, whose memory is measured.

use crate::stage;
use dlt_core::ids::{Region, RunnerId};
use dlt_core::keys;
use dlt_core::measure::sample::{Cause, Outcome, Sample, Timed};
use dlt_core::measure::second::Second;
use dlt_core::measure::tally::{ErrorKey, ErrorTally, Exchange, Tally};
use dlt_core::messages::report::{Ended, Health, Report, StartFacts, TaskFacts};
use dlt_core::messages::timeline::{TIMELINE_FORMAT, Timeline};
use dlt_core::record::RunRecord;
use dlt_core::run::Status;
use dlt_pipeline::functions;
use dlt_pipeline::objects::Access;
use dlt_pipeline::runs::Run;
use dlt_tests::world::Stand;
use serde_json::json;
use std::process::Command;
use std::time::{Duration, Instant};

/// As `stage` names them.
const REGIONS: [&str; 5] = [
    "lo-home-1",
    "lo-home-2",
    "lo-home-3",
    "lo-home-4",
    "lo-home-5",
];
const RUNNERS_OF_A_REGION: usize = 220;
/// Of each region, those without a report.
const MISSING: usize = 20;
const LABELS: usize = 500;
const SAMPLES: usize = 20_000;
/// Different reports of a region, stored in turn.
const DIFFERENT: usize = 4;
/// Set in the process that merges.
const MERGES: &str = "DLT_TEST_MERGES";
/// The memory of results-parser (`infra/hub/functions.yaml`), and its time.
const FUNCTION_MIB: f64 = 1_024.0;
const FUNCTION_TIME: Duration = Duration::from_secs(900);
/// An item of DynamoDB is 400 KB at most; a head stays far below.
const LARGEST_HEAD: usize = 100 * 1024;
/// An answer of Lambda; longer ones go through the bucket.
const LARGEST_ANSWER: usize = 6 * 1024 * 1024;

/// A name of the same length for each runner.
fn runner(region: usize, n: usize) -> RunnerId {
    RunnerId::parse(&format!("{region:08x}-0000-4000-8000-{n:012x}")).unwrap()
}

fn failure(tally: &mut Tally, label: &str, n: usize) {
    let key = ErrorKey {
        cause: Cause::Reset,
        code: None,
        message: format!("reset of kind {}", n % 40),
    };
    let mut error = ErrorTally {
        count: 1,
        first_us: n as u64,
        last_us: n as u64,
        ..ErrorTally::default()
    };
    error.count_in(label, 1);
    error.exchanges.push(Exchange {
        request: format!("GET {label} HTTP/1.1\r\nHost: shop.example\r\n\r\n"),
        response: format!("HTTP/1.1 503 -\r\n\r\n{}", "x".repeat(2_000)),
    });
    tally.add_error(&key, &error);
}

fn report(run: &Run, region: usize, seed: usize) -> Report {
    let mut tally = Tally::default();
    for n in 0..SAMPLES {
        // Response times over three decades.
        let us = 1_000 + ((n * 7_919 + seed * 104_729) % 997) as u64 * ((n % 31) as u64 + 1) * 30;
        let sample = Sample {
            due_us: 0,
            sent_us: 40,
            connected_us: None,
            first_byte_us: Some(40 + us / 2),
            done_us: 40 + us,
            read_us: 40 + us,
            timed: Some(Timed::Stamp),
            bytes_received: 1_300,
            bytes_sent: 120,
        };
        let label = format!("/a/rather/long/label/of/a/shop/{}", n % LABELS);
        let fails = n % 10 == 3;
        let outcome = match fails {
            true => Outcome::failed(Cause::Reset, None),
            false => Outcome::ok(200),
        };
        tally.account.scheduled += 1;
        tally.account.sent += 1;
        match fails {
            true => tally.account.failed += 1,
            false => tally.account.ok += 1,
        }
        tally
            .labels
            .entry(label.clone())
            .or_default()
            .record(&sample, outcome);
        tally.phases.lag.record(40);
        if fails {
            failure(&mut tally, &label, n / 10);
        } else {
            tally.phases.service.record(us);
            tally.phases.first_byte.record(us / 2);
        }
    }
    Report {
        test: run.test.clone(),
        run: run.run.clone(),
        runner: runner(region, 0),
        region: Region::parse(REGIONS[region]).unwrap(),
        tally,
        duration_us: 60_000_000,
        loaded_us: None,
        peak_users: 100,
        ticks: 60,
        start: Some(StartFacts {
            start_at_us: run.start_at_us.unwrap(),
            clock_offset_us: 0,
            clock_error_us: 20,
            share_ppb: Some(1_000_000),
            first_due_us: Some(0),
            first_sent_us: Some(40),
        }),
        ended: Ended::AsPlanned,
        script_failed: None,
        health: Health::default(),
        generator: Default::default(),
        exchanges: Vec::new(),
        warnings: Vec::new(),
        task: TaskFacts::default(),
    }
}

/// Ten minutes; more labels than a timeline keeps apart.
fn timeline(runner: &RunnerId, region: &Region) -> Timeline {
    let seconds = (0..600).map(|second| Second {
        second,
        ok: 300,
        failed: 33,
        ..Second::default()
    });
    Timeline {
        format: TIMELINE_FORMAT,
        runner: runner.clone(),
        region: region.clone(),
        seconds: seconds.collect(),
        labels: Vec::new(),
    }
}

/// A run of 1,100 runners under load.
fn run() -> Run {
    let now_us = 1_772_615_702_000_000;
    let tasks = [RUNNERS_OF_A_REGION as u64; REGIONS.len()];
    let mut run = stage::run(&tasks, 50, 60, now_us);
    run.record.status = Status::Running;
    run.start_at_us = Some(now_us);
    run.workers_began_us = Some(now_us);
    run
}

/// Stores the reports of all runners but those that are missing; bytes of one.
async fn store(stand: &Stand, run: &Run) -> usize {
    let objects = &stand.world.objects;
    let (mut dealt, mut bytes) = (Vec::new(), 0);
    for (n, name) in REGIONS.iter().enumerate() {
        let region = Region::parse(name).unwrap();
        let texts: Vec<String> = (0..DIFFERENT)
            .map(|seed| report(run, n, seed).to_xml())
            .collect();
        for number in 0..RUNNERS_OF_A_REGION {
            let id = runner(n, number);
            dealt.push((id.clone(), region.clone()));
            if number < MISSING {
                continue;
            }
            let text = &texts[number % DIFFERENT];
            let text = text.replace(runner(n, 0).as_str(), id.as_str());
            bytes = text.len();
            let key = keys::report(&run.test, &run.prefix, &id, &region);
            objects
                .put(&key, text.as_bytes(), Access::Home)
                .await
                .unwrap();
            let key = keys::timeline(&run.test, &run.prefix, &id, &region);
            let text = serde_json::to_vec(&timeline(&id, &region)).unwrap();
            objects.put(&key, &text, Access::Home).await.unwrap();
        }
    }
    let key = keys::dealt(&run.test, &run.prefix);
    let text = serde_json::to_vec(&dealt).unwrap();
    objects.put(&key, &text, Access::Home).await.unwrap();
    bytes
}

/// The most memory that this process ever held, MiB.
fn peak_mib() -> f64 {
    let text = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = text
        .lines()
        .find(|line| line.starts_with("VmHWM:"))
        .unwrap();
    let kib = line.split_whitespace().nth(1).unwrap();
    kib.parse::<f64>().unwrap() / 1024.0
}

fn stored(stand: &Stand, run: &Run) -> Run {
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let stored = stand.world.runs.get(&run.test, &run.run);
    runtime.block_on(stored).unwrap().unwrap()
}

/// Merges, and looks at what that took and left.
#[expect(clippy::print_stdout, reason = "what was measured is told")]
fn merge() {
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let stand = Stand::new();
    let run = run();
    let bytes = runtime.block_on(async {
        let bytes = store(&stand, &run).await;
        let mut run = run.clone();
        functions::records::put_scenario(&stand.world, &mut run)
            .await
            .unwrap();
        stand.world.runs.put(&run).await.unwrap();
        bytes
    });
    assert!(
        bytes > 200 * 1024,
        "a report of {bytes} bytes is no real one"
    );
    let before = peak_mib();
    let began = Instant::now();
    let input = json!({ "testId": run.test, "testRunId": run.run });
    let call = functions::call(&stand.world, "${ResultsParserArn}", input);
    runtime.block_on(call).unwrap();
    let (took, peak) = (began.elapsed(), peak_mib());
    assert!(took < FUNCTION_TIME, "{took:?}");
    // What stood before, the reports' maker among it, is no part of the function.
    assert!(
        peak < FUNCTION_MIB * 0.8,
        "{peak} MiB, {before} MiB before it"
    );

    let head = serde_json::to_vec(&stored(&stand, &run)).unwrap().len();
    assert!(head < LARGEST_HEAD, "the head has {head} bytes");
    let path = format!("/scenarios/{}/testruns/{}", run.test, run.run);
    let (status, answer) = stand.ask("GET", &path, b"");
    assert_eq!(status, 200);
    let record: RunRecord = serde_json::from_slice(&answer).unwrap();
    let coverage = record.coverage.as_ref().unwrap();
    assert_eq!(coverage.runners_reported, 1_000);
    assert_eq!(coverage.missing.len(), MISSING * REGIONS.len());
    assert_eq!(record.summary.as_ref().unwrap().labels.len(), LABELS);
    assert_eq!(record.errors.as_ref().map(Vec::len), Some(40));
    for region in REGIONS {
        let labels = record.results[region]["labels"].as_array().unwrap();
        assert_eq!(labels.len(), LABELS, "{region}");
    }
    let sent = record.account.unwrap().requests.sent;
    assert_eq!(sent, 1_000 * SAMPLES as u64);
    let (_, page) = stand.ask("GET", &format!("/scenarios/{}/testruns", run.test), b"");
    assert!(page.len() < LARGEST_ANSWER, "{} bytes", page.len());
    println!(
        "1,000 reports of {} KB: {:.1} s, {peak:.0} MiB at most ({before:.0} before), head {} KB, record {} KB",
        bytes / 1024,
        took.as_secs_f64(),
        head / 1024,
        answer.len() / 1024,
    );
}

#[test]
#[ignore = "takes minutes: cargo xtask test --full"]
fn a_thousand_reports_fit_into_a_function_an_item_and_an_answer() {
    if std::env::var_os(MERGES).is_some() {
        return merge();
    }
    let own = std::env::current_exe().unwrap();
    let name = "large::a_thousand_reports_fit_into_a_function_an_item_and_an_answer";
    let mut command = Command::new(own);
    command.args([name, "--exact", "--ignored", "--nocapture"]);
    let merged = command.env(MERGES, "1").status().unwrap();
    assert!(merged.success(), "see above");
}
