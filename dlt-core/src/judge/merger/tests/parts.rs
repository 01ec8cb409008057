//! Coverage, start, load, errors, warnings and folding, one by one.

use super::{START_US, expected, facts, judged, merged};
use crate::judge::merger::Summary;
use crate::judge::outcome::Word;
use crate::judge::summary::{Coverage, LoadSummary, RunFacts};
use crate::load::{Curve, Model};
use crate::measure::sample::{Cause, Outcome, Sample};
use crate::measure::tally::{MOST_LABELS, OTHER_LABEL};
use crate::messages::report::testing::{Raw, plan_of_arrivals, plan_of_users, report};
use crate::messages::report::{Ended, Report, StartFacts};
use crate::scenario::plan::Plan;
use crate::thresholds::Threshold;

fn raw(label: &str, done_us: u64, outcome: Outcome) -> Raw {
    let sample = Sample {
        done_us,
        ..Sample::default()
    };
    (label.to_owned(), sample, outcome)
}

fn two() -> Vec<Report> {
    let samples = [raw("a", 5, Outcome::ok(200))];
    vec![
        report(1, "lo-home-1", &samples),
        report(2, "lo-home-1", &samples),
    ]
}

/// Merges some of the reports of `two`, all of which were expected.
fn covered(reports: &[Report], change: impl Fn(&mut RunFacts<'_>)) -> Summary {
    let plan = plan_of_users(5.0, 10);
    let expected = expected(&two());
    let mut facts = facts(&plan, &expected);
    change(&mut facts);
    merged(reports, &facts)
}

#[test]
fn a_missing_runner_is_named_with_all_its_seconds() {
    let all = covered(&two(), |_| {});
    assert_eq!(
        all.coverage,
        Coverage {
            complete: true,
            runners_expected: 2,
            runners_reported: 2,
            ..Coverage::default()
        }
    );
    let one = covered(&two()[..1], |_| {});
    assert_eq!(one.coverage.missing, ["lo-home-1-2"]);
    assert_eq!(one.coverage.missing_intervals, 10);
    assert!(!one.coverage.complete);
    let none = covered(&[], |_| {});
    assert_eq!(none.coverage.runners_reported, 0);
    assert_eq!(none.coverage.missing_intervals, 20);
    assert_eq!(none.results, serde_json::json!({}));
    assert!(none.outcome.could_not_run);
}

#[test]
fn missing_seconds_are_counted_where_they_were_owed() {
    let mut reports = two();
    reports[1].ticks = 7;
    assert_eq!(covered(&reports, |_| {}).coverage.missing_intervals, 3);
    // More ticks than seconds (the graceful stop) do not fill others' gaps.
    reports[0].ticks = 15;
    assert_eq!(covered(&reports, |_| {}).coverage.missing_intervals, 3);
    // Stopped by its leader's loss: the rest of the plan is missing.
    reports[1].ended = Ended::Stopped {
        reason: "leader lost".to_owned(),
    };
    reports[1].duration_us = 7_200_000;
    let stopped = covered(&reports, |_| {});
    assert_eq!(stopped.coverage.missing_intervals, 3);
    assert!(
        stopped.warnings[0].contains("leader lost"),
        "{:?}",
        stopped.warnings
    );
    // Stopped because the run was cancelled: no further seconds are expected,
    // yet the result is partial.
    let cancelled = covered(&reports, |facts| facts.cancelled = true);
    assert_eq!(cancelled.coverage.missing_intervals, 0);
    assert!(!cancelled.coverage.complete);
    assert_eq!(cancelled.outcome.word, Word::Cancelled);
    assert!(!cancelled.outcome.could_not_run);
}

#[test]
fn a_count_may_end_a_run_early() {
    let mut rounds = plan_of_users(5.0, 10);
    rounds.groups[0].load.iterations = Some(3);
    let mut requests = plan_of_users(5.0, 10);
    requests.groups[0].load.total_requests = Some(300);
    for plan in [rounds, requests] {
        may_end_early(&plan);
    }
}

fn may_end_early(plan: &Plan) {
    let mut reports = two();
    for report in &mut reports {
        report.duration_us = 2_400_000;
        report.ticks = 2;
    }
    let expected = expected(&reports);
    let all = merged(&reports, &facts(plan, &expected));
    assert!(all.coverage.complete);
    let one = merged(&reports[..1], &facts(plan, &expected));
    assert_eq!(one.coverage.missing_intervals, 2);
}

#[test]
fn a_silent_target_is_not_missing_data() {
    let mut reports = two();
    for report in &mut reports {
        report.duration_us = 5_100_000;
        report.ticks = 5;
        report.ended = Ended::TargetSilent {
            cause: Some(Cause::Refused),
            message: "127.0.0.1:9 refused every connection".to_owned(),
        };
    }
    let summary = covered(&reports, |_| {});
    assert!(summary.coverage.complete);
    assert!(summary.outcome.could_not_run);
    assert_eq!(summary.outcome.word, Word::Failed);
    assert_eq!(
        summary.outcome.reason.as_deref(),
        Some("127.0.0.1:9 refused every connection")
    );
    // Where the other got answers, the load that was not made is missing.
    reports[0] = two().remove(0);
    let half = covered(&reports, |_| {});
    assert!(!half.outcome.could_not_run);
    assert_eq!(half.outcome.word, Word::Incomplete);
    assert!(!half.coverage.complete);
    assert!(
        half.warnings[0].contains("lo-home-1-2 gave up"),
        "{:?}",
        half.warnings
    );
}

#[test]
fn skew_is_ranked_by_size_and_keeps_its_sign() {
    let started = |number: u64, sent_us: Option<u64>| {
        let mut report = report(number, "lo-home-1", &[]);
        report.start = Some(StartFacts {
            start_at_us: START_US,
            clock_offset_us: 0,
            clock_error_us: number * 10,
            share_ppb: None,
            first_due_us: Some(1_000),
            first_sent_us: sent_us,
        });
        report
    };
    // Skews: 1, 2, … 9 µs late, one 400 µs early, one that sent nothing.
    let mut reports: Vec<Report> = (1..=9).map(|n| started(n, Some(1_000 + n))).collect();
    reports.push(started(10, Some(600)));
    reports.push(started(11, None));
    let start = covered(&reports, |_| {}).start;
    assert_eq!(start.start_at, START_US);
    assert_eq!(start.skew_p50_us, 5);
    assert_eq!(start.skew_p99_us, -400);
    assert_eq!(start.skew_max_us, -400);
    assert_eq!(start.clock_error_us, 110);
    assert_eq!(covered(&[], |_| {}).start.skew_max_us, 0);
}

#[test]
fn the_planned_load_is_the_whole_runs() {
    let expected = expected(&two());
    let load = |plan: &_| merged(&two(), &facts(plan, &expected)).load;
    let per_task = load(&plan_of_users(5.0, 10));
    assert_eq!(
        (per_task.model.as_str(), per_task.users),
        ("closed", Some(10))
    );
    assert_eq!(per_task.arrivals, None);
    assert_eq!(per_task.planned.len(), 10);
    assert_eq!(per_task.planned[3], (3, 10.0));
    // Arrivals are the run's already, whatever `per_task` is.
    let open = load(&plan_of_arrivals(300.0, 86_400));
    assert_eq!((open.model.as_str(), open.arrivals), ("open", Some(300.0)));
    assert_eq!(open.users, None);
    assert_eq!(open.planned.len(), 600);
    assert_eq!(open.planned[599], (599 * 144, 300.0));
    // Groups side by side: one falls while the other rises.
    let mut two_groups = plan_of_users(0.0, 10);
    two_groups.groups[0].load.model = Model::Users(Curve::stages(8.0, &[(0.0, 8_000_000)]));
    two_groups.groups.push(two_groups.groups[0].clone());
    two_groups.groups[1].load.model = Model::Users(Curve::stages(0.0, &[(4.0, 8_000_000)]));
    let both = load(&two_groups);
    assert_eq!(both.users, Some(16));
    assert_eq!(both.planned[4], (4, 2.0 * (4.0 + 2.0)));
    // A mix has both.
    two_groups.groups[1].load.model = Model::Arrivals(Curve::ramp_hold(50.0, 0, 5_000_000));
    let mix = load(&two_groups);
    assert_eq!(mix.model, "open");
    assert_eq!((mix.users, mix.arrivals), (Some(16), Some(50.0)));
    assert_eq!(mix.planned.len(), 5);
}

#[test]
fn errors_say_who_where_and_when() {
    let failing =
        |label: &str, done_us| raw(label, done_us, Outcome::failed(Cause::Status5xx, Some(503)));
    let refused = raw("b", 9_000, Outcome::failed(Cause::Refused, None));
    let reports = [
        report(1, "lo-home-1", &[failing("a", 2_000_000), refused]),
        report(2, "lo-home-1", &[failing("a", 7_000), failing("b", 3_000)]),
    ];
    let errors = covered(&reports, |_| {}).errors;
    assert_eq!(errors.len(), 2);
    let first = &errors[0];
    assert_eq!((first.cause.as_str(), first.count), ("status-5xx", 3));
    assert_eq!(first.code.as_deref(), Some("503"));
    assert_eq!(first.labels["a"], 2);
    assert_eq!(first.runners["lo-home-1-2"], 2);
    assert_eq!(first.regions["lo-home-1"], 3);
    assert_eq!(first.first_at, START_US / 1_000 + 3);
    assert_eq!(first.last_at, START_US / 1_000 + 2_000);
    assert_eq!(first.exchanges.len(), 3);
    assert_eq!((errors[1].cause.as_str(), errors[1].count), ("refused", 1));
    // In one region, labels tell all.
    assert!(first.label_regions.is_empty());
}

#[test]
fn errors_of_several_regions_are_told_by_label_and_region() {
    let failing =
        |label: &str, done_us| raw(label, done_us, Outcome::failed(Cause::Status5xx, Some(503)));
    let reports = [
        report(1, "lo-home-1", &[failing("a", 1_000), failing("b", 2_000)]),
        report(2, "lo-home-1", &[failing("a", 3_000)]),
        report(3, "lo-home-2", &[failing("a", 4_000)]),
    ];
    let errors = covered(&reports, |_| {}).errors;
    let rows = &errors[0].label_regions;
    assert_eq!((rows["a"]["lo-home-1"], rows["a"]["lo-home-2"]), (2, 1));
    assert_eq!(rows["b"].get("lo-home-2"), None);
    for (label, regions) in rows {
        assert_eq!(regions.values().sum::<u64>(), errors[0].labels[label]);
    }
}

#[test]
fn labels_beyond_the_limit_fold_and_nothing_is_lost() {
    let many = |from: usize, to: usize| -> Vec<Raw> {
        (from..to)
            .map(|n| raw(&format!("/item/{n}"), 5, Outcome::ok(200)))
            .collect()
    };
    let reports = [
        report(1, "lo-home-1", &many(0, 1_500)),
        report(2, "lo-home-2", &many(1_000, 2_600)),
    ];
    let (plan, expected) = (plan_of_users(5.0, 10), expected(&reports));
    let summary = merged(&reports, &facts(&plan, &expected));
    let labels = &summary.blocks.labels;
    assert_eq!(labels.len(), MOST_LABELS + 1);
    assert_eq!(labels[0].label.as_deref(), Some(OTHER_LABEL));
    assert_eq!(labels[0].count, 600);
    assert_eq!(labels.iter().map(|label| label.count).sum::<u64>(), 3_100);
    assert_eq!(summary.blocks.total.count, 3_100);
    assert_eq!(summary.blocks.regions["lo-home-2"].count, 1_600);
    assert!(summary.account.balanced);
    let warning = summary
        .warnings
        .iter()
        .find(|text| text.contains(OTHER_LABEL));
    assert!(warning.unwrap().starts_with("600 requests"), "{warning:?}");
    // Balanced: folding is no defect.
    assert!(summary.verdict.reasons.is_empty(), "{:?}", summary.verdict);
}

#[test]
fn a_second_report_of_a_runner_is_not_counted() {
    let mut reports = two();
    reports.push(reports[0].clone());
    let summary = covered(&reports, |_| {});
    assert_eq!(summary.account.requests.sent, 2);
    assert_eq!(summary.coverage.runners_reported, 2);
    assert!(
        summary.warnings[0].contains("reported twice"),
        "{:?}",
        summary.warnings
    );
}

#[test]
fn warnings_are_said_once_with_their_runners() {
    let mut reports = two();
    reports[0].warnings = vec!["all".to_owned(), "mine".to_owned()];
    reports[1].warnings = vec!["all".to_owned()];
    let summary = covered(&reports, |_| {});
    assert_eq!(summary.warnings, ["all", "mine (lo-home-1-1)"]);
    reports[0].warnings = (0..500).map(|n| format!("number {n}")).collect();
    assert_eq!(covered(&reports, |_| {}).warnings.len(), 101);
}

#[test]
fn thresholds_are_judged_on_merged_data() {
    // Ten fast samples here, ten slow there: each p(50) alone would mislead.
    let of = |number, us| {
        let samples: Vec<Raw> = (0..10).map(|_| raw("a", us, Outcome::ok(200))).collect();
        report(number, "lo-home-1", &samples)
    };
    let thresholds: Vec<Threshold> = ["avg==550us", "a: max<=1ms", "p(40)<=100us", "b: avg<1s"]
        .iter()
        .map(|text| Threshold::parse(text).unwrap())
        .collect();
    let plan = plan_of_users(5.0, 10);
    let expected = expected(&two());
    let facts = RunFacts {
        thresholds: &thresholds,
        ..facts(&plan, &expected)
    };
    let outcome = merged(&[of(1, 100), of(2, 1_000)], &facts).outcome;
    let told: Vec<_> = outcome
        .thresholds
        .iter()
        .map(|result| (result.observed.as_deref(), result.passed))
        .collect();
    assert_eq!(
        told,
        [
            (Some("550us"), true),
            (Some("1ms"), true),
            (Some("100us"), true),
            (None, false)
        ]
    );
    assert!(outcome.reason.unwrap().contains("\"b\""));
}

/// 10 s of load whose last answer came 7 s late: rates are over the 10 s; where
/// all iterations were done earlier, over less.
#[test]
fn a_late_answer_makes_no_run_slow() {
    for (duration_us, loaded_us) in [(17_000_000, 10_000_000), (4_200_000, 4_200_000)] {
        let mut reports = two();
        reports[0].duration_us = duration_us;
        reports[1].duration_us = 4_000_000;
        let finished: u64 = reports
            .iter()
            .map(|report| report.tally.account.ok + report.tally.account.failed)
            .sum();
        let threshold = Threshold::parse("rate>0/s").unwrap();
        let summary = judged(&reports, std::slice::from_ref(&threshold));
        assert_eq!(summary.blocks.loaded_us, loaded_us);
        let rate = finished as f64 * 1e6 / loaded_us as f64;
        let observed = summary.outcome.thresholds[0].observed.clone().unwrap();
        let told: f64 = observed.trim_end_matches("/s").parse().unwrap();
        assert!((told - rate).abs() < 0.001, "{observed}, not {rate}");
        let text = summary.results["total"]["testDuration"].as_str().unwrap();
        assert_eq!(text, (loaded_us as f64 / 1e6).round().to_string());
    }
}

/// Users that hang from the first second on, and a run that was stopped while answers
/// were still to come: load was made for as long as the reports say, of the longest
/// runner, and no longer than was planned.
#[test]
fn rates_are_over_the_time_in_which_load_was_made() {
    for (told, loaded_us) in [
        ([Some(10_000_000), Some(9_000_000)], 10_000_000),
        ([Some(3_530_000), None], 3_530_000),
        ([Some(12_000_000), None], 10_000_000),
        ([None, None], 4_500_000),
    ] {
        let mut reports = two();
        for ((report, duration_us), told) in reports.iter_mut().zip([4_500_000, 200_000]).zip(told)
        {
            report.duration_us = duration_us;
            report.loaded_us = told;
        }
        let summary = judged(&reports, &[]);
        assert_eq!(summary.blocks.loaded_us, loaded_us, "{told:?}");
    }
}

/// What is lost with a runner is what the plan dealt to it.
#[test]
fn load_of_runners_without_a_report_is_lost_as_far_as_the_plan_counts_it() {
    let shares = [
        None,
        Some(500_000_000),
        Some(1_000_000_000),
        Some(250_000_000),
    ];
    for (share_ppb, lost) in shares.into_iter().zip([250, 250, 0, 375]) {
        let mut reports = two();
        let start = reports[0].start.as_mut().unwrap();
        start.share_ppb = share_ppb;
        let plan = plan_of_arrivals(50.0, 10);
        let expected = expected(&two());
        let facts = facts(&plan, &expected);
        let one = merged(&reports[..1], &facts);
        assert_eq!(one.account.lost, Some(lost), "{share_ppb:?}");
        assert!(one.account.balanced);
        assert_eq!(merged(&reports, &facts).account.lost, Some(0));
    }
    // Users who go round until time is over make an unknown number of requests.
    let closed = covered(&two()[..1], |_| {});
    assert_eq!(closed.account.lost, None);
    assert_eq!(covered(&two(), |_| {}).account.lost, Some(0));
    let mut rounds = plan_of_users(5.0, 10);
    rounds.groups[0].load.iterations = Some(4);
    let expected = expected(&two());
    let one = merged(&two()[..1], &facts(&rounds, &expected));
    let users = 5 * facts(&rounds, &expected).tasks;
    assert_eq!(one.account.lost, Some(users * 4 / 2));
    // A number of requests is what it is, whoever makes them.
    let mut counted = plan_of_users(5.0, 10);
    counted.groups[0].load.total_requests = Some(1_000);
    let one = merged(&two()[..1], &facts(&counted, &expected));
    assert_eq!(one.account.lost, Some(500));
    let asked = |plan: &Plan| {
        let load = LoadSummary::planned(plan, 2, &[]);
        (load.requests, load.planned_requests, load.journeys)
    };
    assert_eq!(asked(&counted), (Some(1_000), Some(1_000), None));
    let all = Some(users * 4);
    assert_eq!(asked(&rounds), (None, all, all));
    // Walks without an end are not counted beforehand.
    let load = &closed.load;
    assert_eq!((load.journeys, load.planned_requests), (None, None));
}

/// Runners of one region give up for one reason; each warning has its own count.
#[test]
fn runners_that_gave_up_are_told_with_their_own_requests() {
    let mut reports = two();
    let silent = Ended::TargetSilent {
        cause: Some(Cause::Refused),
        message: "http://x answered nothing".to_owned(),
    };
    reports.push(report(3, "lo-home-2", &[raw("a", 5, Outcome::ok(200))]));
    for (runner, begun) in [(0, 70), (1, 45)] {
        reports[runner].ended = silent.clone();
        let account = &mut reports[runner].tally.account;
        account.scheduled = begun;
        account.unconnected = begun;
        account.sent = 0;
    }
    let plan = plan_of_users(5.0, 10);
    let expected = expected(&reports);
    let warnings = merged(&reports, &facts(&plan, &expected)).warnings;
    for (runner, begun) in [(1, 70), (2, 45)] {
        let told = format!("lo-home-1-{runner} gave up after {begun} requests: http://x");
        assert!(
            warnings.iter().any(|text| text.starts_with(&told)),
            "{warnings:?}"
        );
    }
}
