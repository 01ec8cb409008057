//! Start skew: one runner held back at the start instant, and the server's
//! stamps of first requests as the truth.

use crate::common::{AROUND, accounts_agree};
use anyhow::{Result, ensure};
use dlt_tests::behaviour::ok;
use dlt_tests::command::Home;
use dlt_tests::objects;
use dlt_tests::patience::{alone, pass_until, twice, until};
use dlt_tests::processes::{Signal, signal};
use dlt_tests::target::everywhere;
use std::collections::BTreeMap;
use std::time::{Duration, Instant};

/// From the write at the client to the read at the server on a busy machine.
const WAY_US: i64 = 8_000;

fn held_back() -> Result<()> {
    let target = everywhere(ok().after(Duration::from_millis(20)));
    let home = Home::new();
    let args = [
        "run",
        &target.url("/"),
        "-c",
        "4",
        "-d",
        "3s",
        "--tasks",
        "4",
        "--json",
    ];
    let running = home.start(args);
    let runners = running.runners(4);
    let start_us: u64 = until("the start instant", Duration::from_secs(30), || {
        let path = objects::files(&home, "start.json").pop()?;
        let text = std::fs::read_to_string(path).ok()?;
        let start: serde_json::Value = serde_json::from_str(&text).ok()?;
        start["start_at_us"].as_u64()
    });
    let lead = Duration::from_micros(start_us.saturating_sub(target.log.now_us()));
    ensure!(
        lead > Duration::from_millis(120),
        "the start instant is only {lead:?} ahead"
    );
    let start = Instant::now() + lead;
    let held = runners
        .iter()
        .find(|runner| runner.role == "worker")
        .expect("a worker");
    pass_until(start - Duration::from_millis(100));
    signal(held.pid, Signal::Stop);
    pass_until(start + Duration::from_millis(200));
    signal(held.pid, Signal::Continue);
    let ended = running.wait(Duration::from_secs(3) + AROUND);
    ended.expect_code(0);
    let record = ended.record();
    accounts_agree(&record, &target)?;

    // One user a runner, one connection a user.
    let mut first: BTreeMap<u64, i64> = BTreeMap::new();
    for seen in target.log.seen() {
        let late = seen.arrived_us as i64 - start_us as i64;
        first.entry(seen.connection).or_insert(late);
    }
    ensure!(first.len() == 4, "first requests: {first:?}");
    let truth = first.values().copied().max().unwrap_or(0);
    let told = record.start.as_ref().expect("start facts");
    ensure!(truth >= 190_000, "it was held back: {first:?}");
    let limit = told.clock_error_us as i64 + WAY_US;
    ensure!(
        (told.skew_max_us - truth).abs() <= limit,
        "skew is told as {} µs, truly {truth} µs; clock error {} µs",
        told.skew_max_us,
        told.clock_error_us
    );
    ensure!(
        told.skew_p50_us < 100_000,
        "the others were in time: {told:?}"
    );
    Ok(())
}

#[test]
fn the_reported_skew_is_the_servers() {
    let _alone = alone();
    twice(held_back);
}
