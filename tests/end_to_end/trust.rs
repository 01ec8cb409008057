//! The verdict: trusted when the generator was not the limit, and not when it was.

use crate::common::{AROUND, accounts_agree, run_json};
use anyhow::{Result, ensure};
use dlt_core::judge::verdict::{Code, Trust};
use dlt_tests::behaviour::ok;
use dlt_tests::calm::Watch;
use dlt_tests::command::Home;
use dlt_tests::patience::{alone, pass_until, twice, until};
use dlt_tests::processes::{Signal, signal};
use dlt_tests::target::everywhere;
use std::time::{Duration, Instant};

/// Halts one runner of four for 2 s under open load.
fn halted() -> Result<()> {
    let target = everywhere(ok().after(Duration::from_millis(5)));
    let home = Home::new();
    let url = target.url("/");
    let args = [
        "run",
        &url,
        "--arrivals",
        "400",
        "-d",
        "10s",
        "--tasks",
        "4",
        "--json",
    ];
    let running = home.start(args);
    let runners = running.runners(4);
    until("3 s of load", Duration::from_secs(30), || {
        let first = target.log.first_us()?;
        (target.log.now_us() > first + 3_000_000).then_some(())
    });
    let halted = runners.iter().find(|runner| runner.role == "worker");
    let halted = halted.expect("a worker");
    signal(halted.pid, Signal::Stop);
    pass_until(Instant::now() + Duration::from_secs(2));
    signal(halted.pid, Signal::Continue);
    let ended = running.wait(Duration::from_secs(10) + AROUND);
    ended.expect_code(0);
    home.assert_no_process_left();

    let record = ended.record();
    accounts_agree(&record, &target)?;
    let verdict = record.verdict.as_ref().expect("a verdict");
    assert_ne!(verdict.trust, Trust::Trusted, "{verdict:?}");
    let lag = verdict
        .reasons
        .iter()
        .find(|reason| reason.code == Code::Lag);
    let lag = lag.unwrap_or_else(|| panic!("no reason lag: {verdict:?}"));
    // On a busy machine others may have lagged too.
    ensure!(lag.runners == [halted.id.as_str()], "{verdict:?}");
    // What fell due from second 3 on all left in second 5, give or take when the
    // signal came.
    let (from, to) = (lag.from_s.expect("from"), lag.to_s.expect("to"));
    ensure!(from >= 2 && (4..=6).contains(&to), "{lag:?}");

    // Read again, it is the same verdict.
    let again = home.run(Duration::from_secs(20), ["runs", "get", "latest", "--json"]);
    assert_eq!(again.record().verdict, record.verdict);
    Ok(())
}

#[test]
fn a_runner_halted_for_two_seconds_is_named() {
    let _alone = alone();
    twice(halted);
}

/// A thread of this test that wakes later than this (p99.5) says that the machine
/// is busy with other things: half of the verdict's strictest limit.
const CALM_US: u64 = 1_000;
/// Runs that must be trusted, one after the other.
const HEALTHY: u32 = 10;
/// Runs that may be spent on it.
const MOST: u32 = 30;

#[test]
fn a_healthy_run_is_trusted_ten_times_in_a_row() {
    let _alone = alone();
    let target = everywhere(ok().after(Duration::from_millis(20)));
    let home = Home::new();
    let url = target.url("/");
    let mut trusted = 0;
    for round in 0..MOST {
        let load = match round % 2 {
            0 => ["--arrivals", "200"],
            _ => ["-c", "10"],
        };
        let args = [&url, load[0], load[1], "-d", "3s", "--tasks", "2"];
        let watch = Watch::begin();
        let (record, _) = run_json(&home, Duration::from_secs(3), 0, &args);
        let late_us = watch.end_us();
        let verdict = record.verdict.expect("a verdict");
        if verdict.trust == Trust::Trusted {
            assert!(verdict.reasons.is_empty(), "{verdict:?}");
            trusted += 1;
        } else {
            // On a calm machine there is no excuse.
            assert!(late_us > CALM_US, "calm ({late_us} µs), yet {verdict:?}");
        }
        if trusted == HEALTHY {
            return;
        }
    }
    panic!("the machine was busy: only {trusted} of {MOST} runs were trusted");
}

/// As much as the target answers, which shares the machine with the generator.
#[test]
fn full_speed_on_loopback_is_not_untrusted_ten_times_in_a_row() {
    let _alone = alone();
    let home = Home::new();
    for _ in 0..HEALTHY {
        let target = everywhere(ok());
        let url = target.url("/");
        let args = [&url, "-c", "50", "-d", "2s"];
        let (record, _) = run_json(&home, Duration::from_secs(2), 0, &args);
        accounts_agree(&record, &target).expect("the account");
        let verdict = record.verdict.expect("a verdict");
        assert_ne!(verdict.trust, Trust::Untrusted, "{verdict:?}");
    }
}

#[test]
fn whoever_requires_trust_gets_an_exit_code_for_it() {
    let _alone = alone();
    let target = everywhere(ok().after(Duration::from_secs(1)));
    let home = Home::new();
    // Due requests are dropped: more than a hundredth makes a run untrusted.
    let args = [
        "--arrivals",
        "50",
        "--connections",
        "5",
        "-d",
        "2s",
        "--require-trusted",
    ];
    let (record, _) = run_json(
        &home,
        Duration::from_secs(2),
        4,
        &[&[target.url("/").as_str()], &args[..]].concat(),
    );
    let verdict = record.verdict.expect("a verdict");
    assert_eq!(verdict.trust, Trust::Untrusted, "{verdict:?}");
}
