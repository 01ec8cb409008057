//! Runners that die: the run ends in time, names who is missing and keeps the
//! rest.

use crate::common::{account, scenario_file};
use dlt_core::judge::outcome::Word;
use dlt_core::record::RunRecord;
use dlt_core::run::Status;
use dlt_tests::behaviour::ok;
use dlt_tests::command::Home;
use dlt_tests::patience::{alone, until};
use dlt_tests::processes::{Signal, signal};
use dlt_tests::target::everywhere;
use std::time::Duration;

const LOAD: Duration = Duration::from_secs(8);
/// Planned end + graceful-stop + 30 s, from the start instant.
const OVER: Duration = Duration::from_secs(8 + 5 + 30);
/// What may pass before the start instant.
const BEFORE: Duration = Duration::from_secs(20);

/// Kills one of four runners 3 s into the load; the record and the killed id.
fn killed(role: &str, healthy_threshold: u8) -> (RunRecord, String) {
    let target = everywhere(ok().after(Duration::from_millis(10)));
    let home = Home::new();
    let file = home.file(
        "four.yaml",
        scenario_file(
            &format!("testName: four\nhealthyThreshold: {healthy_threshold}\n"),
            &format!(
                "execution: [{{ users: 20, hold-for: {}s, scenario: one }}]\n\
             scenarios: {{ one: {{ requests: [ {} ] }} }}\n",
                LOAD.as_secs(),
                target.url("/")
            ),
        ),
    );
    let running = home.start(["run", &file.to_string_lossy(), "--tasks", "4", "--json"]);
    let runners = running.runners(4);
    until("3 s of load", BEFORE + LOAD, || {
        let first = target.log.first_us()?;
        (target.log.now_us() > first + 3_000_000).then_some(())
    });
    let victim = runners
        .iter()
        .find(|runner| runner.role == role)
        .expect("such a runner");
    signal(victim.pid, Signal::Kill);
    let ended = running.wait(BEFORE + OVER);
    ended.expect_code(5);
    home.assert_no_process_left();
    target.settle();

    let record = ended.record();
    let coverage = record.coverage.as_ref().unwrap();
    assert!(!coverage.complete);
    assert_eq!(coverage.runners_expected, 4);
    assert_eq!(coverage.runners_reported, 3);
    assert_eq!(coverage.missing, [victim.id.as_str()]);
    let account = account(&record);
    assert!(account.balanced() && account.ok > 0, "{account:?}");
    // The rest is merged: all that three of four sent, and no more than was counted.
    let counted = target.log.count();
    assert!(account.sent < counted, "{account:?} of {counted}");
    assert!(account.sent > counted / 2, "{account:?} of {counted}");
    (record, victim.id.clone())
}

#[test]
fn one_worker_of_four_killed() {
    let _alone = alone();
    let (record, _) = killed("worker", 90);
    assert_eq!(record.status, Status::Failed, "75 % is below 90 %");
    assert!(record.error_reason.is_some());
}

#[test]
fn one_worker_of_four_killed_where_three_are_enough() {
    let _alone = alone();
    let (record, id) = killed("worker", 50);
    assert_eq!(record.status, Status::Complete);
    let verdict = record.verdict.as_ref().unwrap();
    assert!(!verdict.reasons.is_empty(), "{id} is missing: {verdict:?}");
}

#[test]
fn the_leader_killed() {
    let _alone = alone();
    killed("leader", 90);
}

/// A killed `dlt run` leaves no load behind, and its folder is fit for the next
/// run, which also says how the old one ended.
#[test]
fn a_killed_command_leaves_no_runner_and_a_folder_that_works() {
    let _alone = alone();
    let target = everywhere(ok().after(Duration::from_millis(10)));
    let home = Home::new();
    let url = target.url("/");
    let running = home.start(["run", &url, "-c", "8", "-d", "60s", "--tasks", "4"]);
    running.runners(4);
    until("some load", BEFORE, || {
        (target.log.count() > 100).then_some(())
    });
    running.signal(Signal::Kill);
    let ended = running.wait(BEFORE + OVER);
    assert_eq!(ended.code, None, "{}", ended.told());
    let runners = || dlt_tests::processes::runners(home.path());
    until("no runner is left", Duration::from_secs(15), || {
        runners().is_empty().then_some(())
    });
    let next = home.run(OVER, ["run", &url, "-c", "2", "-d", "1s", "--json"]);
    next.expect_code(0);
    let listed = home.run(BEFORE, ["runs", "list", "--json"]);
    let rows: serde_json::Value = serde_json::from_str(&listed.stdout).unwrap();
    let rows = rows["testRuns"].as_array().unwrap();
    assert_eq!(rows.len(), 2);
    let old = rows[1]["testRunId"].as_str().unwrap();
    let record = home.run(BEFORE, ["runs", "get", old, "--json"]).record();
    assert_eq!(record.status, Status::Failed);
    let reason = record.error_reason.as_deref().unwrap_or_default();
    assert!(reason.contains("ended before the test did"), "{reason}");
    home.assert_no_process_left();
}

/// Killed at any moment of its load, also in the last: of a part of it nothing is said to have failed,
/// and nothing is missing of the whole.
#[test]
fn a_killed_command_s_run_is_incomplete_or_whole() {
    let _alone = alone();
    let target = everywhere(ok());
    let home = Home::new();
    let url = target.url("/");
    for after in [10, 40, 52, 56, 58, 59, 60] {
        let before = target.log.count();
        let running = home.start(["run", &url, "--arrivals", "20", "-d", "3s"]);
        until("some load", BEFORE, || {
            (target.log.count() >= before + after).then_some(())
        });
        running.signal(Signal::Kill);
        running.wait(BEFORE + OVER);
        home.run(OVER, ["run", &url, "-c", "1", "-n", "1", "--quiet"])
            .expect_code(0);
        let listed = home.run(BEFORE, ["runs", "list", "--json"]);
        let rows: serde_json::Value = serde_json::from_str(&listed.stdout).unwrap();
        let old = rows["testRuns"][1]["testRunId"].as_str().unwrap();
        let record = home.run(BEFORE, ["runs", "get", old, "--json"]).record();
        let word = record.outcome.as_ref().unwrap().word;
        let measured = account(&record);
        let whole = measured.sent == 60 && measured.ok == 60;
        let expected = match record.status {
            Status::Complete if whole => Word::Finished,
            _ => Word::Incomplete,
        };
        assert_eq!(word, expected, "killed after {after}: {record:#?}");
    }
    home.assert_no_process_left();
}
