//! A threshold that fails is the exit code and is named with what was seen.

use crate::common::{AROUND, account, run_json};
use dlt_core::judge::outcome::Word;
use dlt_tests::behaviour::{body, ok};
use dlt_tests::command::Home;
use dlt_tests::patience::shared;
use dlt_tests::target::everywhere;
use std::time::Duration;

#[test]
fn a_failed_threshold_is_named_with_the_observed_value() {
    let _shared = shared();
    let answer = ok().after(Duration::from_millis(30));
    let target = everywhere(answer.but_each(4, body(500, "no")));
    let home = Home::new();
    let url = target.url("/");
    let mut args = vec![url.as_str(), "-c", "4", "-d", "2s"];
    for expression in ["p(95)<10ms", "error_rate<50%", "error_rate<10%", "rate>1/s"] {
        args.extend(["--threshold", expression]);
    }
    let (record, ended) = run_json(&home, Duration::from_secs(2), 1, &args);
    let outcome = record.outcome.unwrap();
    assert_eq!(outcome.word, Word::Failed);
    let held: Vec<bool> = outcome
        .thresholds
        .iter()
        .map(|threshold| threshold.passed)
        .collect();
    assert_eq!(held, [false, true, false, true], "{}", ended.told());
    let p95 = outcome.thresholds[0].observed.as_deref().unwrap();
    assert!(
        p95.ends_with("ms") && p95.starts_with(['3', '4', '5', '6', '7', '8', '9']),
        "{p95}"
    );
    let rate = outcome.thresholds[2].observed.as_deref().unwrap();
    let percent: f64 = rate.trim_end_matches('%').trim().parse().unwrap();
    assert!((20.0..30.0).contains(&percent), "{rate}");

    // For people too.
    let mut human = vec!["run"];
    human.extend(args);
    let ended = home.run(Duration::from_secs(2) + AROUND, human);
    ended.expect_code(1);
    assert!(ended.stdout.contains("p(95)<10ms"), "{}", ended.told());
}

/// A hanging request is in no time and in no error rate: without it both hold.
#[test]
fn a_target_that_hangs_does_not_pass_by_what_it_answers() {
    let _shared = shared();
    let answer = ok().after(Duration::from_millis(2));
    let target = everywhere(answer.but_each(3, ok().after(Duration::from_secs(60))));
    let home = Home::new();
    let url = target.url("/");
    let mut args = vec![url.as_str(), "--arrivals", "50", "-d", "2s"];
    for expression in ["p(95)<1s", "error_rate<1%"] {
        args.extend(["--threshold", expression]);
    }
    let (record, ended) = run_json(&home, Duration::from_secs(8), 1, &args);
    let requests = account(&record);
    assert!(requests.unfinished * 4 > requests.begun(), "{requests:?}");
    let outcome = record.outcome.unwrap();
    assert!(outcome.thresholds.iter().all(|threshold| threshold.passed));
    let reason = outcome.reason.unwrap();
    assert!(
        reason.contains("had no answer"),
        "{reason}, {}",
        ended.told()
    );
    // Load was made to the end, whoever answered.
    assert_eq!(record.summary.unwrap().loaded_us, 2_000_000);
}
