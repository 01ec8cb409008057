//! The record's wire form and the exit codes.

use super::*;
use crate::ids::{Region, RunnerId};
use crate::judge::merger::Merger;
use crate::judge::summary::RunFacts;
use crate::measure::sample::{Cause, Outcome as SampleOutcome, Sample, Timed};
use crate::messages::report::testing::{plan_of_users, report};
use crate::thresholds::Threshold;
use serde_json::json;

fn summary(runners: u64, thresholds: &[&str], failure: Option<&str>) -> Summary {
    let mut merger = Merger::default();
    for number in 1..=runners {
        let samples: Vec<_> = (1..=50u64)
            .map(|n| {
                let sample = Sample {
                    sent_us: 100,
                    due_us: 100,
                    connected_us: (n == 1).then_some(600),
                    first_byte_us: Some(100 + n * number * 900),
                    done_us: 100 + n * number * 1_000,
                    read_us: 100 + n * number * 1_000,
                    timed: Some(Timed::Stamp),
                    bytes_received: 500,
                    bytes_sent: 80,
                };
                let ended = match n {
                    50 => SampleOutcome::failed(Cause::Status5xx, Some(503)),
                    _ => SampleOutcome::ok(200),
                };
                (format!("/page{}", n % 2), sample, ended)
            })
            .collect();
        merger.add(&report(number, "lo-home-1", &samples));
    }
    let thresholds: Vec<Threshold> = thresholds
        .iter()
        .map(|text| Threshold::parse(text).unwrap())
        .collect();
    let expected: Vec<(RunnerId, Region)> = (1..=2)
        .map(|number| {
            (
                RunnerId::parse(&format!("lo-home-1-{number}")).unwrap(),
                Region::parse("lo-home-1").unwrap(),
            )
        })
        .collect();
    merger.finish(&RunFacts {
        dealt: &expected,
        plan: &plan_of_users(5.0, 10),
        changes: &[],
        tasks: 2,
        thresholds: &thresholds,
        start_at_us: Some(1_772_615_702_000_000),
        failure,
        cancelled: false,
    })
}

pub(crate) fn record(status: Status) -> RunRecord {
    RunRecord {
        test_id: "Xk29QmWz7B".to_owned(),
        test_run_id: "p4TqL8vN2c".to_owned(),
        test_name: "Checkout smoke".to_owned(),
        test_description: "Basket and payment pages".to_owned(),
        test_type: "simple".to_owned(),
        status,
        start_time: "2026-03-04 09:15:02".to_owned(),
        end_time: "2026-03-04 09:15:14".to_owned(),
        schedule_timezone: "UTC".to_owned(),
        test_task_configs: json!([{ "region": "lo-home-1", "taskCount": 2, "concurrency": 5 }]),
        test_scenario: crate::value::json!({}),
        results: json!({}),
        complete_tasks: BTreeMap::new(),
        succ_percent: None,
        error_reason: None,
        outcome: None,
        verdict: None,
        account: None,
        coverage: None,
        start: None,
        generator: None,
        setup: None,
        teardown: None,
        load: None,
        summary: None,
        errors: None,
        exchanges: None,
        warnings: Vec::new(),
        note: None,
    }
}

fn applied(status: Status, summary: Summary) -> RunRecord {
    let mut record = record(status);
    record.apply(summary);
    record
}

#[test]
fn the_record_is_this() {
    let thresholds = ["p(95)<200ms", "/page1: error_rate<1%", "login: max<1s"];
    let record = applied(Status::Complete, summary(2, &thresholds, None));
    insta::assert_json_snapshot!("record", record);
    let text = serde_json::to_string(&record).unwrap();
    let back: RunRecord = serde_json::from_str(&text).unwrap();
    assert_eq!(back, record);
}

#[test]
fn exit_codes_follow_their_order() {
    let code = |record: &RunRecord| exit_code(record, false, false);
    let good = applied(Status::Complete, summary(2, &[], None));
    assert_eq!(code(&good), exit::PASSED);
    assert_eq!(exit_code(&good, true, true), exit::INTERRUPTED);
    assert_eq!(exit_code(&good, true, false), exit::PASSED);

    let slow = applied(Status::Complete, summary(2, &["max<1ms"], None));
    assert_eq!(code(&slow), exit::NOT_PASSED);

    // A missing runner: incomplete comes before a failed threshold.
    let lost = applied(Status::Complete, summary(1, &["max<1ms"], None));
    assert_eq!(code(&lost), exit::INCOMPLETE);
    let failed = applied(Status::Failed, summary(1, &[], Some("a runner was lost")));
    assert_eq!(code(&failed), exit::INCOMPLETE);
    let cleaned = applied(Status::Failed, summary(2, &[], Some("cleaning up failed")));
    assert_eq!(code(&cleaned), exit::NOT_PASSED);

    // Nothing measured at all.
    let nothing = applied(Status::Failed, summary(0, &[], Some("no runner started")));
    assert_eq!(code(&nothing), exit::COULD_NOT_RUN);
    assert_eq!(code(&record(Status::Failed)), exit::COULD_NOT_RUN);

    let cancelled = applied(Status::Cancelled, summary(2, &[], None));
    assert_eq!(code(&cancelled), exit::INCOMPLETE);

    let mut doubtful = good;
    if let Some(verdict) = &mut doubtful.verdict {
        verdict.trust = Trust::Degraded;
    }
    assert_eq!(code(&doubtful), exit::PASSED);
    assert_eq!(exit_code(&doubtful, true, false), exit::UNTRUSTED);
}
