//! Open load: what is due is sent when due, and response times count from the
//! plan, also while the target stalls.

use crate::common::{account, accounts_agree, run_json, scenario_file};
use anyhow::{Result, ensure};
use dlt_tests::behaviour::{Stall, ok};
use dlt_tests::command::Home;
use dlt_tests::patience::{alone, twice};
use dlt_tests::target::everywhere;
use dlt_tests::truth::{apart, quantile, response_times};
use std::time::Duration;

/// A stall of 1 s in every 10 s at 2,000 arrivals per second.
fn stalled(tasks: &str) -> Result<()> {
    const PER_SECOND: u64 = 2_000;
    const SECONDS: u64 = 30;
    let stall = Stall {
        every: Duration::from_secs(10),
        from: Duration::from_secs(4),
        length: Duration::from_secs(1),
    };
    let target = everywhere(ok().stalling(stall));
    let home = Home::new();
    let args = [
        &target.url("/"),
        "--arrivals",
        "2000",
        "-d",
        "30s",
        "--tasks",
        tasks,
    ];
    let (record, _) = run_json(&home, Duration::from_secs(SECONDS), 0, &args);
    accounts_agree(&record, &target)?;
    let account = account(&record);
    ensure!(account.sent == PER_SECOND * SECONDS, "{account:?}");

    let start = record.start.as_ref().expect("start facts").start_at;
    let due: Vec<u64> = (0..PER_SECOND * SECONDS)
        .map(|n| start + n * 1_000_000 / PER_SECOND)
        .collect();
    let truth = response_times(&due, &target.log.seen());
    ensure!(
        truth.len() as u64 == account.sent,
        "every request was answered"
    );
    // The log itself must look like the stall: a tenth of the load waits for
    // up to 1 s, so the last hundredth of all waited for 0.9 s and more.
    let p99 = quantile(&truth, 0.99);
    ensure!(
        (850_000..1_000_000).contains(&p99),
        "the target's own p99 is {p99} µs"
    );

    let total = &record.summary.as_ref().expect("a summary").total;
    for (what, told, q) in [
        ("p99", total.p99_us, 0.99),
        ("p99.9", total.p99_9_us, 0.999),
    ] {
        let (told, truth) = (told.unwrap_or(0), quantile(&truth, q));
        ensure!(
            apart(told, truth) <= 0.02,
            "{what} is {told} µs, truly {truth} µs"
        );
    }
    Ok(())
}

#[test]
fn a_stall_is_seen_in_full_by_one_runner() {
    let _alone = alone();
    twice(|| stalled("1"));
}

#[test]
fn a_stall_is_seen_in_full_by_four_runners() {
    let _alone = alone();
    twice(|| stalled("4"));
}

/// Arrivals planned in each second of 0 → 500 in 10 s, 500 for 10 s, → 100 in 5 s.
fn planned() -> Vec<u64> {
    let before = |second: u64| -> f64 {
        let t = second as f64;
        if second <= 10 {
            25.0 * t * t
        } else if second <= 20 {
            2_500.0 + 500.0 * (t - 10.0)
        } else {
            let into = t - 20.0;
            7_500.0 + 500.0 * into - 40.0 * into * into
        }
    };
    (0..25)
        .map(|second| before(second + 1).ceil() as u64 - before(second).ceil() as u64)
        .collect()
}

#[test]
fn stages_arrive_as_planned() {
    let _alone = alone();
    assert_eq!(planned().iter().sum::<u64>(), 9_000);
    twice(|| {
        let target = everywhere(ok());
        let home = Home::new();
        let file = home.file(
            "stages.yaml",
            scenario_file("", &format!(
                "execution:\n- arrivals: 0\n  scenario: one\n  stages:\n  - {{ target: 500, duration: 10s }}\n  \
                 - {{ target: 500, duration: 10s }}\n  - {{ target: 100, duration: 5s }}\n\
                 scenarios: {{ one: {{ requests: [ {} ] }} }}\n",
                target.url("/")
            )),
        );
        let args = [&file.to_string_lossy(), "--tasks", "3"];
        let (record, _) = run_json(&home, Duration::from_secs(25), 0, &args);
        accounts_agree(&record, &target)?;
        let start = record.start.as_ref().expect("start facts").start_at;
        let counted = target.log.by_second(start);
        let planned = planned();
        ensure!(counted.iter().sum::<u64>() == planned.iter().sum::<u64>());
        for (second, &plan) in planned.iter().enumerate() {
            let came = counted.get(second).copied().unwrap_or(0);
            // Within 1 %, or the few requests that are due within 4 ms of the
            // second's ends.
            let slack = (plan / 100).max(plan * 4 / 1000 + 1);
            ensure!(
                came.abs_diff(plan) <= slack,
                "second {second}: {came} came, {plan} were planned"
            );
        }
        Ok(())
    });
}

#[test]
fn beyond_the_connection_cap_requests_are_dropped_and_counted() {
    let _alone = alone();
    let target = everywhere(ok().after(Duration::from_secs(1)));
    let home = Home::new();
    let args = [
        &target.url("/"),
        "--arrivals",
        "100",
        "--connections",
        "20",
        "-d",
        "4s",
        "--tasks",
        "2",
    ];
    let (record, _) = run_json(&home, Duration::from_secs(4), 0, &args);
    accounts_agree(&record, &target).unwrap();
    let account = account(&record);
    assert_eq!(account.scheduled, 400);
    // 20 at a time, each for a second and a little.
    assert!((60..=80).contains(&account.sent), "{account:?}");
    let verdict = record.verdict.as_ref().unwrap();
    let codes: Vec<_> = verdict.reasons.iter().map(|reason| reason.code).collect();
    assert!(
        codes.contains(&dlt_core::judge::verdict::Code::Drops),
        "{verdict:?}"
    );
}
