//! Runs that end early: by Ctrl-C, by a target that refuses or never answers. Each says what it knows.

use crate::common::{AROUND, account, accounts_agree, run_json, scenario_file};
use dlt_core::judge::outcome::Word;
use dlt_tests::behaviour::{Behaviour, ok};
use dlt_tests::command::Home;
use dlt_tests::patience::{alone, shared, until};
use dlt_tests::processes::Signal;
use dlt_tests::target::{everywhere, refusing};
use std::time::Duration;

fn interrupted(by: Signal) {
    let target = everywhere(ok().after(Duration::from_millis(10)));
    let home = Home::new();
    let args = [
        "run",
        &target.url("/"),
        "-c",
        "20",
        "-d",
        "60s",
        "--tasks",
        "4",
        "--json",
    ];
    let running = home.start(args);
    until("2 s of load", Duration::from_secs(30), || {
        let first = target.log.first_us()?;
        (target.log.now_us() > first + 2_000_000).then_some(())
    });
    running.signal(by);
    let ended = running.wait(Duration::from_secs(50));
    ended.expect_code(130);
    home.assert_no_process_left();
    let record = ended.record();
    accounts_agree(&record, &target).unwrap();
    let account = account(&record);
    assert!(account.ok > 0, "what was measured is kept: {account:?}");
    assert_eq!(record.status.name(), "cancelled");
    assert_eq!(record.coverage.as_ref().unwrap().runners_reported, 4);
}

#[test]
fn ctrl_c_keeps_what_was_measured() {
    let _alone = alone();
    interrupted(Signal::Interrupt);
}

#[test]
fn sigterm_keeps_what_was_measured() {
    let _alone = alone();
    interrupted(Signal::Terminate);
}

#[test]
fn ctrl_c_before_the_load_leaves_nothing() {
    let _alone = alone();
    let target = everywhere(ok());
    let home = Home::new();
    let running = home.start(["run", &target.url("/"), "-d", "60s", "--tasks", "4"]);
    running.runners(1);
    running.signal(Signal::Interrupt);
    running.wait(Duration::from_secs(50)).expect_code(130);
    home.assert_no_process_left();
}

#[test]
fn a_target_that_refuses_is_said_within_seconds() {
    let _shared = shared();
    let home = Home::new();
    let url = format!("http://{}/", refusing());
    let ended = home.run(
        AROUND,
        [
            "run", &url, "-c", "10", "-d", "60s", "--tasks", "2", "--json",
        ],
    );
    ended.expect_code(3);
    assert!(
        ended.took < Duration::from_secs(30),
        "took {:?}",
        ended.took
    );
    home.assert_no_process_left();
    let record = ended.record();
    let outcome = record.outcome.as_ref().unwrap();
    assert_eq!(outcome.word, Word::Failed);
    let causes: Vec<&str> = record
        .errors
        .iter()
        .flatten()
        .map(|row| row.cause.as_str())
        .collect();
    assert_eq!(causes, ["refused"]);
    let reason = outcome.reason.as_deref().unwrap_or_default();
    assert!(reason.contains("refused"), "{reason}");
}

/// Each request counts once its own time limit has passed.
#[test]
fn a_target_that_never_answers_ends_the_run() {
    let _shared = shared();
    let target = everywhere(Behaviour::Never);
    let home = Home::new();
    let plan = format!(
        "execution: [{{ users: 10, hold-for: 60s, give-up-after: 3s, scenario: all }}]\n\
         scenarios:\n  all:\n    timeouts: {{ first-byte: 1500ms }}\n    requests: ['{}']\n",
        target.url("/")
    );
    let file = home.file("never.yaml", scenario_file("testName: never\n", &plan));
    let file = file.to_str().unwrap();
    let ended = home.run(AROUND, ["run", file, "--tasks", "2", "--json"]);
    ended.expect_code(3);
    home.assert_no_process_left();
    let record = ended.record();
    assert_eq!(record.outcome.as_ref().unwrap().word, Word::Failed);
    accounts_agree(&record, &target).unwrap();
}

/// Its first answers come later than after the time that a target may be away.
#[test]
fn a_slow_target_is_a_target() {
    let _shared = shared();
    let target = everywhere(ok().after(Duration::from_millis(6_200)));
    let home = Home::new();
    let url = target.url("/");
    let args = [url.as_str(), "-c", "2", "-d", "8s", "--tasks", "2"];
    let (record, _) = run_json(&home, Duration::from_secs(15), 0, &args);
    assert_eq!(record.outcome.as_ref().unwrap().word, Word::Finished);
    assert!(account(&record).ok >= 2, "{:?}", record.account);
    accounts_agree(&record, &target).unwrap();
}
