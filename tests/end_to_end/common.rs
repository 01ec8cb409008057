//! Words shared by the tests: common arguments, and checks that hold for every
//! run whatever it did.

use anyhow::{Result, ensure};
use dlt_core::judge::verdict::Code;
use dlt_core::measure::account::Account;
use dlt_core::record::RunRecord;
use dlt_tests::command::{Ended, Home};
use dlt_tests::target::Target;
use std::time::Duration;

/// What provisioning, merging and a busy machine may add to a run.
pub const AROUND: Duration = Duration::from_secs(40);

/// The record's account.
pub fn account(record: &RunRecord) -> Account {
    record.account.expect("the record has an account").requests
}

/// Runs `dlt run` with `--json`, expects this exit code, and leaves no process.
#[track_caller]
pub fn run_json(home: &Home, load: Duration, code: i32, args: &[&str]) -> (RunRecord, Ended) {
    let mut all = vec!["run"];
    all.extend(args);
    all.push("--json");
    let ended = home.run(load + AROUND, all);
    ended.expect_code(code);
    home.assert_no_process_left();
    let record = ended.record();
    contradicts_nothing(&record);
    (record, ended)
}

/// No delay that a record states is longer than what it is said to be part of.
#[track_caller]
pub fn contradicts_nothing(record: &RunRecord) {
    let Some(blocks) = &record.summary else {
        return;
    };
    for block in blocks.regions.values().chain([&blocks.total]) {
        // Lag is part of the response time of a request that ended.
        let failed_us = block.failed_times.and_then(|times| times.max_us);
        if let (Some(lag), Some(longest_us)) = (block.lag, block.max_us.max(failed_us))
            && account(record).unfinished == 0
        {
            assert!(lag.max_us.unwrap_or(0) <= longest_us, "{block:?}");
        }
    }
    for reason in record.verdict.iter().flat_map(|verdict| &verdict.reasons) {
        // A part of the users' time is no more than all of it.
        if reason.code == Code::ReadDelay {
            let percent = reason.message.split(" % of the users' time").next();
            let percent = percent.and_then(|text| text.rsplit(' ').next()?.parse::<f64>().ok());
            assert!(
                percent.is_some_and(|percent| percent <= 100.0),
                "{reason:?}"
            );
        }
    }
}

/// What holds for every run: the account adds up, and what was sent is what
/// the target counted, to the request.
pub fn accounts_agree(record: &RunRecord, target: &Target) -> Result<()> {
    target.settle();
    let account = account(record);
    ensure!(
        record.account.is_some_and(|told| told.balanced),
        "the account does not add up: {account:?}"
    );
    let counted = target.log.count();
    ensure!(
        account.sent == counted,
        "sent {} but the target counted {counted}: {account:?}",
        account.sent
    );
    Ok(())
}

/// `told` is within `limit` of `truth`, both µs.
pub fn near(what: &str, told: Option<u64>, truth: u64, limit_us: u64) -> Result<()> {
    let Some(told) = told else {
        anyhow::bail!("{what} is missing");
    };
    let apart = told.abs_diff(truth);
    ensure!(
        apart <= limit_us,
        "{what} is {told} µs but truly {truth} µs: {apart} µs apart, more than {limit_us}"
    );
    Ok(())
}

/// A scenario of four runners in two regions.
pub fn two_regions(execution: &str, requests: &str) -> String {
    format!(
        "testName: two regions\n\
         testTaskConfigs:\n\
         - {{ region: lo-home-1, taskCount: 2, concurrency: 1 }}\n\
         - {{ region: lo-home-2, taskCount: 2, concurrency: 1 }}\n\
         testScenario:\n  execution:\n  - {{ {execution}, scenario: one }}\n  scenarios:\n    one:\n      requests:\n{requests}"
    )
}

/// A scenario file: a head of its own fields, and what belongs into `testScenario`.
pub fn scenario_file(head: &str, plan: &str) -> String {
    let plan: String = plan.lines().map(|line| format!("  {line}\n")).collect();
    format!("{head}testScenario:\n{plan}")
}
