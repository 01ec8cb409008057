//! Requests that are counted over the run: what they plan, and what does not go with them.

use crate::scenario::limits::{ITERATIONS_END_US, MOST_TOTAL_REQUESTS};
use crate::scenario::tests::{defaults, files};
use crate::scenario::{Format, Outside, Plan, Purpose, Scenario};

fn read(execution: &str, requests: usize) -> Result<Scenario, String> {
    let urls = vec!["http://127.0.0.1:9/"; requests].join(", ");
    let text = format!(
        "testScenario:\n  execution: [{{ {execution} }}]\n  scenarios: {{ shop: {{ requests: [{urls}] }} }}\n"
    );
    let scenario = Scenario::from_text(
        text.as_bytes(),
        Format::Yaml,
        &defaults(),
        Outside::files(&files),
        Purpose::Run,
    );
    scenario.map_err(|faults| faults.to_string())
}

#[test]
fn users_have_an_hour_for_them_unless_the_file_says_how_long() {
    for (execution, end_us, users) in [
        ("users: 7, total-requests: 100", ITERATIONS_END_US, 7.0),
        (
            "concurrency: 7, total-requests: 100",
            ITERATIONS_END_US,
            7.0,
        ),
        (
            "users: 7, total-requests: 100, hold-for: 9s",
            9_000_000,
            7.0,
        ),
        (
            "users: 7, total-requests: 100, ramp-up: 9s",
            ITERATIONS_END_US + 9_000_000,
            7.0,
        ),
        (
            "stages: [{ target: 3, duration: 2s }], total-requests: \"100\"",
            2_000_000,
            3.0,
        ),
    ] {
        // Several requests are walked through, and the last walk may be cut short.
        let scenario = read(execution, 3).unwrap();
        let load = &scenario.plan.groups[0].load;
        assert_eq!(load.total_requests, Some(100), "{execution}");
        assert_eq!(load.model.curve().end_us(), end_us, "{execution}");
        assert_eq!(load.model.curve().peak(), users, "{execution}");
        assert!(load.ends_by_count(), "{execution}");
        assert_eq!(scenario.warnings, Vec::<String>::new(), "{execution}");
    }
}

#[test]
fn arrivals_end_with_the_last_of_them() {
    for (execution, arrivals, end_us) in [
        ("arrivals: 100, total-requests: 250", 250, 2_500_000),
        (
            "arrivals: 100, total-requests: 250, hold-for: 1h",
            250,
            2_500_000,
        ),
        ("arrivals: 0.5, total-requests: 5000", 5_000, 10_000_000_000),
        (
            "arrivals: 0, stages: [{ target: 50, duration: 0s }, { target: 50, duration: 1m }], total-requests: 1",
            1,
            20_000,
        ),
        (
            "arrivals: 100, total-requests: 250, ramp-up: 1s",
            250,
            3_000_000,
        ),
    ] {
        let scenario = read(execution, 1).unwrap();
        let load = &scenario.plan.groups[0].load;
        let curve = load.model.curve();
        assert_eq!(curve.total_arrivals(), arrivals, "{execution}");
        assert_eq!(curve.end_us(), end_us, "{execution}");
        assert!(!load.ends_by_count(), "{execution}");
        assert_eq!(scenario.warnings, Vec::<String>::new(), "{execution}");
        // What a runner reads is the same plan.
        let region = &scenario.tasks[0].region;
        let read = Plan::from_document(&scenario.region_document(region)).unwrap();
        assert_eq!(read, scenario.plan, "{execution}");
    }
}

#[test]
fn what_is_never_reached_is_told() {
    let scenario = read("arrivals: 100, total-requests: 250, hold-for: 2s", 1).unwrap();
    assert_eq!(
        scenario.plan.groups[0].load.model.curve().total_arrivals(),
        200
    );
    let told = "total-requests: is not reached: the load is over after 200 arrivals";
    assert_eq!(scenario.warnings.len(), 1, "{:?}", scenario.warnings);
    assert!(
        scenario.warnings[0].ends_with(told),
        "{:?}",
        scenario.warnings
    );
}

#[test]
fn what_does_not_go_with_it_is_refused_with_words() {
    for (execution, requests, says) in [
        ("users: 1, total-requests: 0", 1, "total-requests: must be"),
        (
            "users: 1, total-requests: 1.5",
            1,
            "total-requests: must be",
        ),
        (
            "users: 1, total-requests: many",
            1,
            "total-requests: must be",
        ),
        (
            "users: 1, total-requests: 9, iterations: 3",
            1,
            "iterations: counts rounds of each user, and total-requests the requests of all; keep one",
        ),
        (
            "arrivals: 5, total-requests: 9, hold-for: 9s",
            2,
            "total-requests: counts requests, and an arrival makes all 2 of \"shop\": give hold-for, or users instead of arrivals",
        ),
        (
            "arrivals: 0.001, total-requests: 9000000",
            1,
            "total-requests: needs more time than 31d, the longest load: raise arrivals",
        ),
    ] {
        let faults = read(execution, requests).unwrap_err();
        assert!(faults.contains(says), "{execution}: {faults}");
        assert_eq!(faults.lines().count(), 1, "{execution}: {faults}");
    }
    let most = |total: u64| read(&format!("users: 1, total-requests: {total}"), 1);
    assert!(most(MOST_TOTAL_REQUESTS).is_ok() && most(MOST_TOTAL_REQUESTS + 1).is_err());
}
