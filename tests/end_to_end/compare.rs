//! Two runs side by side, as a pipeline of somebody's CI does it: the words, the
//! exit codes, and what may not be compared.

use crate::common::AROUND;
use dlt_tests::behaviour::{body, chosen, ok};
use dlt_tests::command::{Ended, Home};
use dlt_tests::patience::{alone, until};
use dlt_tests::processes::{Signal, signal};
use dlt_tests::target::{Target, everywhere};
use dlt_tests::up::Service;
use serde_json::Value;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

const STATISTICS: &str = include_str!("../../docs/statistics.md");
/// How the gate's second line begins.
const GATE: &str = "dlt runs compare ";
/// From 15 s on runs can be judged.
const LOAD: Duration = Duration::from_secs(17);
/// What the target does: the indices of its behaviours.
const STEADY: usize = 0;
const SLOWER: usize = 1;
const GONE: usize = 2;

/// A target whose manners change from run to run.
fn target(now: &Arc<AtomicUsize>) -> Target {
    let after = |ms| ok().after(Duration::from_millis(ms));
    let manners = vec![after(20), after(60), body(503, "gone")];
    everywhere(chosen(now, manners))
}

/// Two runners in each of two regions.
fn scenario(home: &Home, target: &Target) -> String {
    let text = format!(
        "testName: small shop\n\
         testTaskConfigs:\n  - {{ region: lo-home-1, taskCount: 2, concurrency: 1 }}\n  \
         - {{ region: lo-home-2, taskCount: 2, concurrency: 1 }}\n\
         testScenario:\n  execution: [{{ scenario: shop, arrivals: 120, hold-for: {}s }}]\n  scenarios:\n    \
         shop: {{ requests: [{{ url: '{}', label: home }}] }}\n",
        LOAD.as_secs(),
        target.url("/")
    );
    home.file("shop.yaml", text).to_string_lossy().into_owned()
}

fn compare(home: &Home, args: &[&str]) -> Ended {
    home.run(AROUND, [&["runs", "compare"], args].concat())
}

/// Expects this exit code and a first line that begins so.
#[track_caller]
fn says(home: &Home, code: i32, first: &str, args: &[&str]) -> String {
    let ended = compare(home, args);
    ended.expect_code(code);
    assert!(ended.stdout.starts_with(first), "{first}\n{}", ended.told());
    ended.stdout
}

/// Runs the scenario once; the run's id.
fn run(home: &Home) -> String {
    let ended = home.run(
        LOAD + AROUND,
        ["scenarios", "start", "shop", "--wait", "--json"],
    );
    ended.record().test_run_id
}

/// A command that ends well; what it said.
#[track_caller]
fn good(home: &Home, args: &[&str]) -> String {
    let ended = home.run(AROUND, args);
    ended.expect_code(0);
    ended.stdout
}

/// The gate of docs/statistics.md, and what it says of runs that differ.
#[test]
fn runs_of_a_scenario_are_compared_by_the_words_of_a_pipeline() {
    let _alone = alone();
    let now = Arc::new(AtomicUsize::new(STEADY));
    let (home, target) = (Home::new(), target(&now));
    let file = scenario(&home, &target);
    let regions = ["--region", "lo-home-1=4", "--region", "lo-home-2=4"];
    let service = Service::start(&home, &regions);
    good(&home, &["scenarios", "create", &file, "--id", "shop"]);
    let first = run(&home);
    without_a_second_run(&home, &first);
    let second = run(&home);
    the_same_again(&home, &first, &second);

    // Three times as slow.
    now.store(SLOWER, Ordering::Relaxed);
    let slower = run(&home);
    let page = says(&home, 1, "✘ WORSE", &gate());
    assert!(page.contains("all requests: p95 rose by "), "{page}");
    let args = ["baseline", "latest", "--region", "lo-home-1"];
    says(&home, 1, "✘ WORSE", &args);
    says(&home, 0, "✔ BETTER", &[&slower, "previous"]);

    // A target that goes away for the last quarter.
    now.store(STEADY, Ordering::Relaxed);
    let gone = gone_after_three_quarters(&home, &target, &now);
    let page = says(&home, 1, "✘ WORSE", &[&second, &gone]);
    let rose = "all requests: error rate rose from 0.00 % to ";
    assert!(page.contains(rose), "{page}");
    let ended = compare(&home, &["baseline", "latest", "--json"]);
    ended.expect_code(1);
    let told: Value = serde_json::from_str(&ended.stdout).unwrap();
    assert_eq!(told["verdict"], "worse");
    let path = format!("/scenarios/shop/testruns/{gone}/compare?with={first}");
    assert_eq!(service.get(&path), told);

    good(&home, &["runs", "baseline", "clear", "shop"]);
    says_input(&home, "has no baseline", &["baseline", "shop"]);
}

/// What its second line compares, and how.
fn gate() -> Vec<&'static str> {
    let mut lines = STATISTICS.lines();
    lines.find(|line| *line == "dlt scenarios start shop --wait");
    let second = lines.next().and_then(|line| line.strip_prefix(GATE));
    second
        .expect("the gate of the document")
        .split(' ')
        .collect()
}

fn without_a_second_run(home: &Home, first: &str) {
    let none = good(home, &["runs", "baseline", "get", "shop"]);
    assert!(none.contains("has no baseline"), "{none}");
    says_input(home, "has no baseline", &["baseline", "shop"]);
    says_input(home, "no run before", &["shop"]);
    says_input(home, "beside it", &["baseline", "previous"]);
    good(home, &["runs", "baseline", "set", "shop"]);
    let set = good(home, &["runs", "baseline", "get", "shop"]);
    assert!(set.starts_with(first), "{set}");
    says_input(home, "the same run", &["baseline", "latest"]);
    let none = ["baseline", "shop", "--threshold", "0"];
    says_input(home, "--threshold", &none);
}

/// Within twice as long it is the same, in a region as well.
fn the_same_again(home: &Home, first: &str, second: &str) {
    let wide = ["--threshold", "100%", "--error-threshold", "5"];
    let named: [&[&str]; 4] = [
        &["baseline", "shop"],
        &["shop"],
        &["previous", "latest"],
        &[first, second],
    ];
    for names in named {
        let page = says(home, 0, "✔ ", &[names, &wide].concat());
        assert!(
            page.contains(&format!("{second} against {first}")),
            "{page}"
        );
    }
    let region = ["baseline", "shop", "--region", "lo-home-2"];
    let page = says(home, 0, "✔ ", &[&region[..], &wide].concat());
    assert!(page.contains("in lo-home-2 only"), "{page}");
}

/// A comparison that is refused as bad input, and says this.
#[track_caller]
fn says_input(home: &Home, says: &str, args: &[&str]) {
    let ended = compare(home, args);
    ended.expect_code(2);
    assert!(ended.stderr.contains(says), "{says}\n{}", ended.told());
}

fn gone_after_three_quarters(home: &Home, target: &Target, now: &AtomicUsize) -> String {
    let before = target.log.count();
    let running = home.start(["scenarios", "start", "shop", "--wait", "--json"]);
    let most = 120 * LOAD.as_secs() * 3 / 4;
    until("three quarters of the load", LOAD + AROUND, || {
        (target.log.count() > before + most).then_some(())
    });
    now.store(GONE, Ordering::Relaxed);
    let ended = running.wait(LOAD + AROUND);
    now.store(STEADY, Ordering::Relaxed);
    ended.record().test_run_id
}

/// Half of its runners die: the rest may not stand for the whole.
#[test]
fn a_run_that_lost_half_its_runners_is_not_compared() {
    let _alone = alone();
    let now = Arc::new(AtomicUsize::new(STEADY));
    let (home, target) = (Home::new(), target(&now));
    let file = scenario(&home, &target);
    let regions = ["--region", "lo-home-1=2", "--region", "lo-home-2=2"];
    let args = [&["run", &file, "--tasks", "4", "--json"], &regions[..]].concat();
    let whole = home.run(LOAD + AROUND, &args).record().test_run_id;
    let running = home.start(&args);
    let runners = running.runners(4);
    let first = target.log.count();
    until("load of the second run", AROUND, || {
        (target.log.count() > first + 240).then_some(())
    });
    let workers = runners.iter().filter(|runner| runner.role == "worker");
    workers.for_each(|runner| signal(runner.pid, Signal::Kill));
    let half = running.wait(LOAD + AROUND).record().test_run_id;
    for (base, candidate) in [(&whole, &half), (&half, &whole)] {
        let page = says(&home, 4, "! CANNOT BE COMPARED", &[base, candidate]);
        assert!(
            page.contains("is incomplete: 2 of 4 runners reported"),
            "{page}"
        );
        assert!(!page.contains("all requests"), "{page}");
        let page = says(
            &home,
            4,
            "! CANNOT BE COMPARED",
            &[base, candidate, "--anyway"],
        );
        assert!(
            page.contains("all requests") && !page.contains("SO IT IS"),
            "{page}"
        );
    }
}
