//! What a run requests once, beside its load: made by one runner of all, before the first request of the
//! load and behind the last, whatever ends the run.

use crate::common::{AROUND, account, run_json};
use dlt_core::record::RunRecord;
use dlt_tests::behaviour::{Asked, Behaviour, Framing, Reply, body, made, ok};
use dlt_tests::command::Home;
use dlt_tests::patience::{shared, until};
use dlt_tests::processes::Signal;
use dlt_tests::target::{Target, plan};
use std::path::Path;
use std::time::Duration;

/// What the target gives whoever sets a run up.
pub const TOKEN: &str = "t0k3n-0f-th3-run";

fn reply(status: u16, text: &str) -> Reply {
    Reply::new(status, &[], text.as_bytes(), Framing::Length)
}

/// Whoever has the token may do anything.
fn guarded(asked: &Asked) -> Reply {
    match asked.header("authorization") == Some(&format!("Bearer {TOKEN}")) {
        true => reply(200, "welcome"),
        false => reply(401, "who are you?"),
    }
}

pub fn shop(end: Behaviour) -> Target {
    let login = format!("{{\"given\": \"{TOKEN}\"}}");
    plan()
        .route("/login", body(200, &login))
        .route("/end", end)
        .otherwise(made(guarded))
        .keeping_text()
        .start()
}

/// A scenario that logs in once, for all of its users.
fn scenario(target: &Target, execution: &str, more: &str) -> String {
    format!(
        "testName: once\ntestScenario:\n  execution:\n  - {{ {execution}, scenario: s }}\n  scenarios:\n    s:\n      default-address: {}\n      auth: {{ bearer: '${{given}}' }}\n      setup:\n      - {{ url: /login, method: POST, auth: none, extract-jsonpath: {{ given: $.given }} }}\n      requests:\n      - /load\n{more}",
        target.url("")
    )
}

/// The same, with so many runners in each of two regions.
fn in_two_regions(text: &str, tasks: [u64; 2]) -> String {
    let rows = ["lo-home-1", "lo-home-2"].into_iter().zip(tasks);
    let rows = rows.map(|(region, tasks)| {
        format!("- {{ region: {region}, taskCount: {tasks}, concurrency: 1 }}\n")
    });
    format!("testTaskConfigs:\n{}{text}", rows.collect::<String>())
}

const TEARDOWN: &str = "      teardown:\n      - { url: /end, method: DELETE }\n";

/// Setup came first and once, teardown last and once; every request of the load had setup's value.
#[track_caller]
pub fn came_once(target: &Target, teardowns: usize) {
    target.settle();
    let seen = target.log.seen();
    let places = |path: &str| -> Vec<usize> {
        let all = seen.iter().enumerate();
        all.filter(|row| row.1.path == path)
            .map(|row| row.0)
            .collect()
    };
    assert_eq!(places("/login"), [0]);
    let last: Vec<usize> = (seen.len() - teardowns..seen.len()).collect();
    assert_eq!(places("/end"), last);
    let load = places("/load");
    assert_eq!(load.len(), seen.len() - 1 - teardowns);
    let refused = load
        .iter()
        .filter(|place| seen[**place].status == Some(401));
    assert_eq!(refused.count(), 0);
    // The last answer of the load was there before.
    if let [end] = places("/end")[..] {
        let answered = load
            .iter()
            .filter_map(|place| seen[*place].answered_us)
            .max();
        assert!(answered <= Some(seen[end].arrived_us), "{answered:?}");
    }
}

/// The account is the load's alone, and the record tells of the rest.
#[track_caller]
pub fn is_told_apart(record: &RunRecord, target: &Target) {
    let setup = record.setup.as_ref().unwrap();
    assert_eq!((setup.requests, setup.failure.as_deref()), (1, None));
    let teardown = record.teardown.as_ref().map_or(0, |facts| facts.requests);
    let account = account(record);
    assert_eq!(account.sent, target.log.count() - 1 - teardown);
    assert!(record.account.unwrap().balanced, "{account:?}");
    let labels = &record.summary.as_ref().unwrap().labels;
    let labels: Vec<&str> = labels
        .iter()
        .filter_map(|row| row.label.as_deref())
        .collect();
    assert_eq!(labels, ["GET /load"]);
}

/// No file below a folder holds the token.
fn holds_no_token(folder: &Path) {
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            holds_no_token(&path);
        } else if let Ok(bytes) = std::fs::read(&path) {
            let mut found = bytes.windows(TOKEN.len());
            assert!(
                !found.any(|part| part == TOKEN.as_bytes()),
                "{}",
                path.display()
            );
        }
    }
}

#[test]
fn four_runners_in_two_regions_are_set_up_once() {
    let _shared = shared();
    let target = shop(ok());
    let home = Home::new();
    let text = scenario(&target, "users: 8, hold-for: 3s", TEARDOWN);
    let file = home.file("once.yaml", in_two_regions(&text, [2, 2]));
    let file = file.to_str().unwrap();
    let args = [file, "--region", "lo-home-1=2", "--region", "lo-home-2=2"];
    let (record, ended) = run_json(&home, Duration::from_secs(10), 0, &args);
    came_once(&target, 1);
    is_told_apart(&record, &target);
    let teardown = record.teardown.as_ref().unwrap();
    assert_eq!((teardown.requests, teardown.failure.as_deref()), (1, None));
    assert_eq!(record.coverage.as_ref().unwrap().runners_reported, 4);
    assert!(account(&record).ok > 0);
    assert!(!ended.told().contains(TOKEN), "{}", ended.told());
    holds_no_token(home.path());
}

/// The user of the first region is through seconds before those of the other.
#[test]
fn teardown_waits_for_all_regions() {
    let _shared = shared();
    let target = shop(ok());
    let home = Home::new();
    let text = scenario(
        &target,
        "users: 3, hold-for: 30s, iterations: 1",
        &format!(
            "      - if: ${{__threadNum}} > 1\n        then: [{{ action: pause, pause-duration: 3s }}, /load]\n{TEARDOWN}"
        ),
    );
    let file = home.file("regions.yaml", in_two_regions(&text, [1, 2]));
    let file = file.to_str().unwrap();
    let args = [file, "--region", "lo-home-1=1", "--region", "lo-home-2=2"];
    let (record, _) = run_json(&home, Duration::from_secs(30), 0, &args);
    came_once(&target, 1);
    is_told_apart(&record, &target);
    assert_eq!(account(&record).ok, 5);
}

#[test]
fn a_setup_that_fails_ends_the_run_before_its_load() {
    let _shared = shared();
    for (setup, words) in [
        (
            "{ url: /closed, auth: none }",
            &["request 1 (GET /closed)", "401"][..],
        ),
        (
            "{ url: /login, auth: none, label: login, extract-jsonpath: { given: $.other } }",
            &["request 1 (login)", "given"],
        ),
        (
            "{ url: /login, auth: none, assert: [sesame] }",
            &["request 1 (GET /login)", "sesame"],
        ),
    ] {
        let target = shop(ok());
        let home = Home::new();
        let text = scenario(&target, "users: 4, hold-for: 30s", TEARDOWN);
        let (before, after) = text.split_once("      - { url: /login").unwrap();
        let (_, after) = after.split_once('\n').unwrap();
        let variables = "      variables: { given: none }\n";
        let text = format!("{before}      - {setup}\n{after}{variables}");
        let file = home.file("failing.yaml", text);
        let args = ["run", file.to_str().unwrap(), "--tasks", "2", "--json"];
        let ended = home.run(AROUND, args);
        ended.expect_code(3);
        home.assert_no_process_left();
        let record = ended.record();
        let reason = record.error_reason.as_deref().unwrap_or_default();
        assert!(
            reason.starts_with("setup failed, and no load was made: "),
            "{reason}"
        );
        for word in words {
            assert!(reason.contains(word), "{word}: {reason}");
        }
        assert!(reason.ends_with("start the run again"), "{reason}");
        let setup = record.setup.as_ref().unwrap();
        assert_eq!(setup.requests, 1);
        assert!(setup.failure.is_some() && record.teardown.is_none());
        assert_eq!(target.log.count(), 1, "{:?}", target.log.by_path());
        assert!(!ended.told().contains(TOKEN), "{}", ended.told());
    }
}

#[test]
fn a_cancelled_run_is_torn_down() {
    let _shared = shared();
    let target = shop(ok());
    let home = Home::new();
    let text = scenario(&target, "users: 4, hold-for: 5m", TEARDOWN);
    let file = home.file("cancelled.yaml", text);
    let args = ["run", file.to_str().unwrap(), "--tasks", "3", "--json"];
    let running = home.start(args);
    until("load", Duration::from_secs(30), || {
        (target.log.count_of("/load") > 20).then_some(())
    });
    running.signal(Signal::Interrupt);
    let ended = running.wait(AROUND);
    ended.expect_code(130);
    home.assert_no_process_left();
    came_once(&target, 1);
    is_told_apart(&ended.record(), &target);
}

#[test]
fn a_teardown_that_hangs_or_fails_keeps_no_run_from_ending() {
    let _shared = shared();
    for (end, word) in [
        (Behaviour::Never, "was not over after 1s (teardown-timeout)"),
        (body(500, "no"), "500"),
    ] {
        let target = shop(end);
        let home = Home::new();
        let more = format!("{TEARDOWN}      teardown-timeout: 1s\n");
        let text = scenario(&target, "users: 2, hold-for: 1s", &more);
        let file = home.file("hanging.yaml", text);
        let args = [file.to_str().unwrap()];
        let (record, _) = run_json(&home, Duration::from_secs(5), 0, &args);
        is_told_apart(&record, &target);
        let teardown = record.teardown.as_ref().unwrap();
        let told = teardown.failure.as_deref().unwrap_or_default();
        assert!(told.contains(word), "{told}");
        let mut warnings = record.warnings.iter();
        assert!(warnings.any(|it| it.contains("teardown failed") && it.contains(word)));
        assert_eq!(target.log.count_of("/end"), 1);
    }
}

/// Nothing was set up that could be torn down.
#[test]
fn a_run_that_is_cancelled_in_its_setup_makes_no_load() {
    let _shared = shared();
    let target = plan()
        .route("/login", Behaviour::Never)
        .keeping_text()
        .start();
    let home = Home::new();
    let text = scenario(&target, "users: 4, hold-for: 5m", TEARDOWN);
    let file = home.file("early.yaml", text);
    let running = home.start(["run", file.to_str().unwrap(), "--tasks", "2"]);
    until("setup", Duration::from_secs(30), || {
        (target.log.count_of("/login") > 0).then_some(())
    });
    running.signal(Signal::Interrupt);
    running.wait(AROUND).expect_code(130);
    home.assert_no_process_left();
    assert_eq!(target.log.count(), 1);
}

/// A setup that takes longer than runners usually take to be ready, and one that never ends.
#[test]
fn runners_wait_for_a_long_setup_and_no_longer_than_its_limit() {
    let _shared = shared();
    let login = format!("{{\"given\": \"{TOKEN}\"}}");
    let slow = Duration::from_secs(23);
    for (login, code, limit) in [
        (body(200, &login).after(slow), 0, "40s"),
        (Behaviour::Never, 3, "2s"),
    ] {
        let target = plan()
            .route("/login", login)
            .otherwise(made(guarded))
            .keeping_text()
            .start();
        let home = Home::new();
        let more = format!("      setup-timeout: {limit}\n");
        let text = scenario(&target, "users: 4, hold-for: 1s", &more);
        let file = home.file("slow.yaml", text);
        let args = ["run", file.to_str().unwrap(), "--tasks", "2", "--json"];
        let ended = home.run(slow + AROUND, args);
        ended.expect_code(code);
        home.assert_no_process_left();
        assert_eq!(target.log.count_of("/login"), 1);
        let reason = ended.record().error_reason.unwrap_or_default();
        match code {
            0 => came_once(&target, 0),
            _ => assert!(
                reason.contains("was not over after 2s (setup-timeout)"),
                "{reason}"
            ),
        }
    }
}
