//! Measured numbers on a machine that is busy with other things: response times
//! hold, since the kernel says when answers came, and the verdict says what the
//! busy machine cost instead (decision 39).

use crate::common::{AROUND, account, accounts_agree, run_json};
use anyhow::{Result, ensure};
use dlt_core::judge::verdict::{Code, Trust};
use dlt_core::record::RunRecord;
use dlt_tests::behaviour::ok;
use dlt_tests::command::Home;
use dlt_tests::cores::{BusyLoop, GENERATOR, on_core};
use dlt_tests::patience::{alone, pass_until, twice};
use dlt_tests::processes::{Signal, signal};
use dlt_tests::quota::Quota;
use dlt_tests::steady::Steady;
use dlt_tests::target::everywhere;
use dlt_tests::truth;
use std::time::{Duration, Instant};

/// What loopback and the sending may add to the target's own time at the
/// median, and at the 95th percentile of a squeezed generator, µs.
const BESIDE_P50_US: u64 = 250;
const BESIDE_P95_US: u64 = 900;
const DELAY: Duration = Duration::from_millis(5);

/// p50 and p95 of service times against the target's own.
fn service_is_the_targets(record: &RunRecord, target: &Steady, most_us: [u64; 2]) -> Result<()> {
    let took = target.took();
    let answered = took.at_most_us.len() as u64;
    ensure!(
        account(record).sent == answered,
        "sent {} but the target answered {answered}",
        account(record).sent,
    );
    let blocks = record.summary.as_ref().expect("a summary");
    let service = blocks.total.service.expect("service times");
    let told = [service.p50_us, service.p95_us].map(Option::unwrap_or_default);
    for ((told, q), most_us) in told.into_iter().zip([0.5, 0.95]).zip(most_us) {
        let least = truth::quantile(&took.at_least_us, q);
        let most = truth::quantile(&took.at_most_us, q);
        // A histogram of three digits rounds up by at most 0.1 %.
        let limit = most + most / 1000 + most_us;
        ensure!(
            (least..=limit).contains(&told),
            "quantile {q} is {told} µs, the target's own {least} to {most} µs: {:?}",
            record.verdict
        );
    }
    Ok(())
}

/// Two busy loops on the generator's core, 200 requests a second.
fn squeezed(load: &[&str]) -> Result<RunRecord> {
    let target = Steady::start(DELAY);
    let mut hogs = [BusyLoop::on(GENERATOR), BusyLoop::on(GENERATOR)];
    let home = Home::new();
    let url = target.url();
    let mut args = vec![url.as_str(), "-d", "6s"];
    args.extend(load);
    let (record, _) = on_core(GENERATOR, || {
        run_json(&home, Duration::from_secs(6), 0, &args)
    });
    ensure!(hogs.iter_mut().all(BusyLoop::is_busy), "a busy loop ended");
    service_is_the_targets(&record, &target, [BESIDE_P50_US, BESIDE_P95_US])?;
    Ok(record)
}

#[test]
fn busy_loops_on_the_generators_core_do_not_make_open_load_slower() {
    let _alone = alone();
    twice(|| {
        let record = squeezed(&["--arrivals", "200"])?;
        let verdict = record.verdict.expect("a verdict");
        for reason in &verdict.reasons {
            ensure!(reason.code == Code::Lag, "{reason:?}");
            ensure!(reason.message.contains("other work"), "{reason:?}");
        }
        Ok(())
    });
}

#[test]
fn busy_loops_on_the_generators_core_do_not_make_closed_load_slower() {
    let _alone = alone();
    twice(|| {
        // Two users of 5 ms each could make 400 a second.
        let record = squeezed(&["-c", "2"])?;
        let verdict = record.verdict.expect("a verdict");
        ensure!(verdict.trust <= Trust::Degraded, "{verdict:?}");
        for reason in &verdict.reasons {
            ensure!(reason.code == Code::ReadDelay, "{reason:?}");
            ensure!(!reason.message.contains("more tasks"), "{reason:?}");
        }
        Ok(())
    });
}

/// The generator stands still for 80 of each 100 ms.
fn stopped_and_continued() -> Result<()> {
    let target = Steady::start(DELAY);
    let home = Home::new();
    let url = target.url();
    let running = home.start(["run", &url, "-c", "4", "-d", "6s", "--json"]);
    let runners = running.runners(1);
    let until = Instant::now() + Duration::from_secs(5);
    while Instant::now() < until {
        signal(runners[0].pid, Signal::Stop);
        pass_until(Instant::now() + Duration::from_millis(80));
        signal(runners[0].pid, Signal::Continue);
        pass_until(Instant::now() + Duration::from_millis(20));
    }
    let ended = running.wait(Duration::from_secs(6) + AROUND);
    ended.expect_code(0);
    home.assert_no_process_left();
    let record = ended.record();
    // 2 % of 5 ms.
    service_is_the_targets(&record, &target, [100, 100])?;
    let verdict = record.verdict.as_ref().expect("a verdict");
    ensure!(verdict.trust == Trust::Degraded, "{verdict:?}");
    let reason = &verdict.reasons[0];
    ensure!(
        reason.code == Code::ReadDelay && reason.message.contains("limited the rate"),
        "{reason:?}"
    );
    Ok(())
}

#[test]
fn a_generator_that_stands_still_most_of_the_time_costs_rate_and_not_response_time() {
    let _alone = alone();
    twice(stopped_and_continued);
}

/// A load that takes more than the fifth of a core that its generator gets.
fn with_a_fifth_of_a_core(quota: &Quota, load: &[&str]) -> Result<()> {
    let target = everywhere(ok());
    let home = Home::new();
    let url = target.url("/");
    let mut args = vec!["run", url.as_str(), "-d", "6s", "--json"];
    args.extend(load);
    let running = home.start(args);
    let runners = running.runners(1);
    quota.hold(runners[0].pid)?;
    let ended = running.wait(Duration::from_secs(6) + AROUND);
    ended.expect_code(0);
    home.assert_no_process_left();
    let record = ended.record();
    let verdict = record.verdict.as_ref().expect("a verdict");
    ensure!(verdict.trust != Trust::Trusted, "{load:?}: {verdict:?}");
    let throttled = verdict
        .reasons
        .iter()
        .find(|reason| reason.code == Code::CpuThrottled);
    ensure!(throttled.is_some(), "{load:?}: {verdict:?}");
    accounts_agree(&record, &target)
}

#[test]
fn a_generator_with_a_fifth_of_a_core_is_not_trusted() {
    let _alone = alone();
    let quota = match Quota::of_core(20) {
        Ok(quota) => quota,
        Err(why) => {
            // One that stands still for four fifths of the time stands for it, above.
            println!("NOT RUN: no quota can be set here: {why}");
            return;
        }
    };
    for load in [
        &["-c", "50"][..],
        &["--arrivals", "20000"],
        &["--arrivals", "20000", "--pacing", "precise"],
        &["--arrivals", "2000", "--pacing", "spin"],
    ] {
        twice(|| with_a_fifth_of_a_core(&quota, load));
    }
}

/// Due to done, timer and sending included.
#[test]
#[ignore = "needs a machine with nothing else on it: cargo xtask test --full"]
fn the_median_of_ten_thousand_a_second_is_the_targets() {
    let _alone = alone();
    twice(|| {
        let target = Steady::start(DELAY);
        let home = Home::new();
        let url = target.url();
        let args = [url.as_str(), "--arrivals", "10000", "-d", "10s"];
        let (record, _) = run_json(&home, Duration::from_secs(10), 0, &args);
        service_is_the_targets(&record, &target, [BESIDE_P50_US, BESIDE_P95_US])?;
        let blocks = record.summary.as_ref().expect("a summary");
        let median = blocks.total.p50_us.expect("response times");
        let truth = truth::quantile(&target.took().at_most_us, 0.5);
        ensure!(
            median <= truth + BESIDE_P50_US,
            "the median is {median} µs, the target's own {truth} µs"
        );
        Ok(())
    });
}
