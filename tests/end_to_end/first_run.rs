//! One closed run of four runners: everything is told, nothing is lost.

use crate::common::{AROUND, account, accounts_agree, run_json, scenario_file};
use dlt_core::judge::outcome::Word;
use dlt_core::run::Status;
use dlt_tests::behaviour::{Framing, framed, ok};
use dlt_tests::command::Home;
use dlt_tests::patience::{alone, shared};
use dlt_tests::target::{everywhere, plan};
use std::time::Duration;

const fn s(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

#[test]
fn a_run_of_four_runners_tells_everything() {
    let _alone = alone();
    let (home, target) = (Home::new(), everywhere(ok()));
    let args = [&target.url("/"), "-c", "50", "-d", "10s", "--tasks", "4"];
    let (record, _) = run_json(&home, s(10), 0, &args);
    accounts_agree(&record, &target).unwrap();

    assert_eq!(record.status, Status::Complete);
    assert_eq!(record.outcome.as_ref().unwrap().word, Word::Finished);
    assert!(record.verdict.is_some());
    let account = account(&record);
    assert_eq!(account.ok, account.sent, "{account:?}");
    let coverage = record.coverage.as_ref().unwrap();
    assert!(coverage.complete, "{coverage:?}");
    assert_eq!(coverage.runners_reported, 4);

    let start = record.start.as_ref().unwrap();
    assert!(
        start.start_at > 0 && start.skew_max_us >= start.skew_p50_us,
        "{start:?}"
    );
    let total = &record.summary.as_ref().unwrap().total;
    assert_eq!(total.count, account.ok + account.failed);
    let rising = [
        total.min_us,
        total.p50_us,
        total.p75_us,
        total.p90_us,
        total.p95_us,
        total.p99_us,
        total.p99_9_us,
        total.p99_99_us,
        total.max_us,
    ];
    assert!(rising.iter().all(Option::is_some), "{total:?}");
    assert!(rising.is_sorted(), "{total:?}");
    assert_eq!(record.errors.as_deref(), Some(&[][..]));
    let load = record.load.as_ref().unwrap();
    assert_eq!((load.model.as_str(), load.users), ("closed", Some(50)));
    // 50 users, each on a connection of its own that is kept.
    assert_eq!(target.log.connections(), 50);
}

#[test]
fn slow_answers_at_the_end_are_waited_for_and_counted() {
    let _alone = alone();
    let target = everywhere(ok().until(s(4), ok().after(s(3))));
    let home = Home::new();
    let args = [&target.url("/"), "-c", "50", "-d", "6s", "--tasks", "4"];
    let (record, _) = run_json(&home, s(6 + 5), 0, &args);
    accounts_agree(&record, &target).unwrap();
    // Those in flight at the end took at most 3 s, less than the graceful 5 s.
    assert_eq!(account(&record).unfinished, 0);
    let slowest = record.summary.as_ref().unwrap().total.max_us.unwrap();
    assert!(slowest >= 3_000_000, "{slowest}");
}

#[test]
fn what_the_graceful_stop_gives_up_is_unfinished_not_forgotten() {
    let _alone = alone();
    let target = everywhere(ok().until(s(2), ok().after(s(6))));
    let home = Home::new();
    let file = home.file(
        "impatient.yaml",
        scenario_file(
            "",
            &format!(
                "execution: [{{ users: 20, hold-for: 4s, graceful-stop: 1s, scenario: one }}]\n\
             scenarios: {{ one: {{ requests: [ {} ] }} }}\n",
                target.url("/")
            ),
        ),
    );
    let args = [&file.to_string_lossy(), "--tasks", "4"];
    let (record, _) = run_json(&home, s(4 + 1), 0, &args);
    accounts_agree(&record, &target).unwrap();
    let account = account(&record);
    assert_eq!(account.unfinished, 20, "{account:?}");
    assert_eq!(account.failed, 0, "{account:?}");
}

#[test]
fn every_way_to_end_a_body_is_understood() {
    let _shared = shared();
    let target = plan()
        .route("/length", framed(5_000, Framing::Length))
        .route("/chunked", framed(5_000, Framing::Chunked(700)))
        .route("/close", framed(5_000, Framing::UntilClose))
        .route("/none", dlt_tests::behaviour::body(204, ""))
        .start();
    let home = Home::new();
    let paths = ["/length", "/chunked", "/close", "/none"];
    let requests: Vec<String> = paths
        .iter()
        .map(|path| format!("{{ url: '{}', label: '{path}' }}", target.url(path)))
        .collect();
    let file = home.file(
        "bodies.yaml",
        scenario_file(
            "",
            &format!(
                "execution: [{{ users: 3, iterations: 20, hold-for: 30s, scenario: one }}]\n\
             scenarios: {{ one: {{ requests: [ {} ] }} }}\n",
                requests.join(", ")
            ),
        ),
    );
    let (record, _) = run_json(&home, s(30), 0, &[&file.to_string_lossy()]);
    accounts_agree(&record, &target).unwrap();
    let labels = &record.summary.as_ref().unwrap().labels;
    for path in paths {
        let label = labels
            .iter()
            .find(|label| label.label.as_deref() == Some(path));
        let label = label.unwrap_or_else(|| panic!("{path} is missing"));
        assert_eq!((label.ok, label.failed), (60, 0), "{path}");
        assert_eq!(target.log.count_of(path), 60, "{path}");
    }
    // Only after a body that the close ends is the connection gone.
    assert_eq!(target.log.connections(), 60 + 3);
}

#[test]
fn without_json_the_last_words_begin_with_the_verdict() {
    let _shared = shared();
    let (home, target) = (
        Home::new(),
        everywhere(ok().after(Duration::from_millis(5))),
    );
    let ended = home.run(
        s(2) + AROUND,
        ["run", &target.url("/"), "-c", "4", "-d", "2s"],
    );
    ended.expect_code(0);
    let first = ended.stdout.lines().find(|line| !line.trim().is_empty());
    let first = first.unwrap_or_default().to_lowercase();
    assert!(first.contains("passed"), "{}", ended.told());
    let all = ended.stdout.to_lowercase();
    assert!(all.contains("trust"), "{}", ended.told());
    assert!(
        !ended.stdout.contains('\u{1b}'),
        "no colours without a terminal"
    );

    // The same run can be read again, by the id that the list shows.
    let list = home.run(s(20), ["runs", "list", "--json"]);
    list.expect_code(0);
    let runs: serde_json::Value = serde_json::from_str(&list.stdout).unwrap();
    let run = runs["testRuns"][0]["testRunId"]
        .as_str()
        .expect("a run id")
        .to_owned();
    let again = home.run(s(20), ["runs", "get", &run, "--json"]);
    again.expect_code(0);
    assert_eq!(account(&again.record()).sent, target.log.count());
}
