//! Each code of the table, seen from reports.

use super::{Code, Trust, Verdict};
use crate::ids::{Region, RunnerId};
use crate::judge::merger::Merger;
use crate::judge::summary::RunFacts;
use crate::load::changes::LoadChange;
use crate::measure::latencies::Latencies;
use crate::measure::sample::{Outcome, Sample};
use crate::messages::report::Report;
use crate::messages::report::testing::{plan_of_arrivals, plan_of_users, report};
use crate::scenario::plan::Plan;

/// The verdict on four runners, after `change` to the second.
fn verdict(plan: &Plan, change: impl Fn(&mut Report)) -> Verdict {
    let mut reports = runners();
    change(&mut reports[1]);
    judged(plan, &reports)
}

fn runners() -> Vec<Report> {
    let samples: Vec<_> = (0..100)
        .map(|n| {
            let sample = Sample {
                due_us: n,
                sent_us: n + 100,
                done_us: n + 900,
                ..Sample::default()
            };
            ("a".to_owned(), sample, Outcome::ok(200))
        })
        .collect();
    (1..=4).map(|n| report(n, "lo-home-1", &samples)).collect()
}

fn judged(plan: &Plan, reports: &[Report]) -> Verdict {
    judged_with(plan, &[], reports)
}

fn judged_with(plan: &Plan, changes: &[LoadChange], reports: &[Report]) -> Verdict {
    let expected: Vec<(RunnerId, Region)> = runners()
        .into_iter()
        .map(|report| (report.runner, report.region))
        .collect();
    let mut merger = Merger::default();
    reports.iter().for_each(|report| merger.add(report));
    let facts = RunFacts {
        dealt: &expected,
        plan,
        changes,
        tasks: 4,
        thresholds: &[],
        start_at_us: Some(1),
        failure: None,
        cancelled: false,
    };
    merger.finish(&facts).verdict
}

/// The one reason of a verdict.
fn only(verdict: Verdict) -> super::Reason {
    let [reason] = verdict.reasons.as_slice() else {
        panic!("one reason is wanted: {verdict:?}");
    };
    assert_eq!(verdict.trust, reason.trust);
    reason.clone()
}

fn open() -> Plan {
    plan_of_arrivals(50.0, 10)
}

fn closed() -> Plan {
    plan_of_users(5.0, 10)
}

#[test]
fn a_healthy_run_is_trusted() {
    for plan in [open(), closed()] {
        let verdict = verdict(&plan, |_| {});
        assert_eq!((verdict.trust, verdict.reasons), (Trust::Trusted, vec![]));
    }
}

#[test]
fn a_late_start_is_told_and_by_whom() {
    for (late_us, trust) in [
        (50_000, None),
        (50_001, Some(Trust::Degraded)),
        (500_001, Some(Trust::Untrusted)),
    ] {
        let verdict = verdict(&closed(), |report| {
            let start = report.start.as_mut().unwrap();
            start.first_sent_us = Some(late_us);
        });
        let reason = verdict.reasons.first();
        assert_eq!(reason.map(|reason| reason.trust), trust, "{late_us}");
        let Some(reason) = reason else { continue };
        assert_eq!(reason.code, Code::StartSkew);
        assert_eq!(reason.runners, ["lo-home-1-2"]);
        assert!(reason.message.contains("p99 50"), "{}", reason.message);
    }
}

#[test]
fn load_that_was_not_made_is_told_by_its_share() {
    // Four runners for 10 s: 5 % of that are 2 s.
    for (cut_us, trust) in [
        (1, Trust::Degraded),
        (2_000_000, Trust::Degraded),
        (2_000_001, Trust::Untrusted),
        // No more than all of it.
        (u64::MAX, Trust::Untrusted),
    ] {
        let reason = only(verdict(&closed(), |report| report.health.cut_us = cut_us));
        assert_eq!((reason.code, reason.trust), (Code::LoadCut, trust));
        assert_eq!(reason.runners, ["lo-home-1-2"]);
        assert!(reason.message.contains("s of 40 s"), "{}", reason.message);
    }
    // A load that ends with its last request had no more to make.
    let mut counted = closed();
    counted.groups[0].load.total_requests = Some(9);
    let reason = only(verdict(&counted, |report| {
        report.health.cut_us = 1_000_000;
        report.duration_us = 2_000_000;
        report.health.wall_us = 2_000_000;
    }));
    assert!(reason.message.contains("s of 32 s"), "{}", reason.message);
}

#[test]
fn runners_that_did_not_hear_of_a_change_are_told() {
    let change = |at_us| LoadChange {
        at_us,
        factor: 1.5,
        end: false,
    };
    let plan = closed();
    let judge = |changes: &[LoadChange], heard: [u64; 4]| {
        let mut reports = runners();
        for (report, heard) in reports.iter_mut().zip(heard) {
            report.loaded_us = Some(10_000_000);
            report.health.changes = heard;
        }
        judged_with(&plan, changes, &reports)
    };
    let two = [change(2_000_000), change(5_000_000)];
    assert_eq!(judge(&two, [2, 2, 2, 2]).trust, Trust::Trusted);
    let reason = only(judge(&two, [2, 1, 2, 2]));
    assert_eq!(
        (reason.code, reason.trust),
        (Code::LoadChange, Trust::Degraded)
    );
    assert_eq!(reason.runners, ["lo-home-1-2"]);
    let reason = only(judge(&two, [0, 1, 2, 0]));
    assert_eq!(reason.trust, Trust::Untrusted);
    // One that came when the load was over.
    let late = [change(2_000_000), change(10_000_000)];
    assert_eq!(judge(&late, [2, 1, 2, 1]).trust, Trust::Trusted);
}

#[test]
fn a_run_that_measured_nothing_is_never_trusted() {
    let reports: Vec<Report> = (1..=4).map(|n| report(n, "lo-home-1", &[])).collect();
    for plan in [open(), closed()] {
        let verdict = judged(&plan, &reports);
        assert_eq!(verdict.trust, Trust::Untrusted, "{verdict:?}");
        let codes: Vec<Code> = verdict.reasons.iter().map(|reason| reason.code).collect();
        assert_eq!(codes, [Code::NoSamples]);
    }
}

#[test]
fn one_late_runner_taints_open_load_alone() {
    let late = |us: u64| {
        move |report: &mut Report| {
            for _ in 0..10 {
                report.tally.phases.lag.record(us);
            }
            report.health.bad_seconds = vec![3, 4, 7];
        }
    };
    assert_eq!(verdict(&open(), late(4_900)).trust, Trust::Trusted);
    let degraded = only(verdict(&open(), late(6_000)));
    assert_eq!(
        (degraded.code, degraded.trust),
        (Code::Lag, Trust::Degraded)
    );
    assert_eq!(degraded.runners, ["lo-home-1-2"]);
    assert_eq!((degraded.from_s, degraded.to_s), (Some(3), Some(7)));
    let untrusted = only(verdict(&open(), late(60_000)));
    assert_eq!(untrusted.trust, Trust::Untrusted);
    for part in [
        "p99 60 ms on lo-home-1-2",
        "limit 50 ms",
        "over all runners: 60 ms",
        "other work on its machine",
    ] {
        assert!(untrusted.message.contains(part), "{}", untrusted.message);
    }
    assert_eq!(verdict(&closed(), late(60_000)).trust, Trust::Trusted);
}

/// 100 s of users' time, of which `lost_us` went by with unread answers.
fn lost(lost_us: u64, cpu_us: u64) -> impl Fn(&mut Report) {
    move |report: &mut Report| {
        report.health.reading.user_time_us = 100_000_000;
        report.health.reading.lost_us = lost_us;
        report.health.cpu_us = cpu_us;
        report.health.wall_us = 10_000_000;
        report.health.threads = 2;
    }
}

#[test]
fn a_generator_that_limits_the_rate_of_closed_load_degrades_at_most() {
    assert_eq!(verdict(&closed(), lost(5_000_000, 1)).trust, Trust::Trusted);
    for share in [5_100_000, 40_000_000, 100_000_000] {
        let reason = only(verdict(&closed(), lost(share, 1)));
        assert_eq!(
            (reason.code, reason.trust),
            (Code::ReadDelay, Trust::Degraded)
        );
        assert_eq!(reason.from_s, None);
        assert!(reason.message.ends_with("; response times hold"));
    }
}

#[test]
fn the_generator_s_delay_is_in_the_times_of_requests_that_connect() {
    let with_connects = |count: u64| {
        verdict(&closed(), move |report| {
            lost(40_000_000, 1)(report);
            let mut connect = Latencies::default();
            (0..count).for_each(|_| connect.record(700));
            report.tally.phases.connect = connect;
        })
    };
    // Of 400 requests.
    let few = only(with_connects(4)).message;
    assert!(few.ends_with("; response times hold"), "{few}");
    let many = only(with_connects(5)).message;
    assert!(
        many.contains("hold but for the 5 of 400 requests that opened a connection"),
        "{many}"
    );
}

#[test]
fn advice_depends_on_whether_the_generator_used_its_cpu() {
    let kept_from_it = only(verdict(&closed(), lost(20_000_000, 900_000)));
    assert!(
        kept_from_it.message.contains("20 % of the users' time")
            && kept_from_it
                .message
                .contains("used 5 % of the CPU of its 2 threads")
            && !kept_from_it.message.contains("more tasks"),
        "{}",
        kept_from_it.message
    );
    // It may have been at its limit in a part of the run, or been kept from the CPU in all of it.
    let for_a_part = only(verdict(&closed(), lost(20_000_000, 10_000_000))).message;
    assert!(
        for_a_part.contains("used 50 %")
            && for_a_part.contains("other work")
            && for_a_part.contains("in a part of the run: then use more tasks"),
        "{for_a_part}"
    );
    let at_its_limit = only(verdict(&closed(), lost(20_000_000, 19_000_000)));
    assert!(
        at_its_limit
            .message
            .contains("used 95 % of its CPU: use more tasks"),
        "{}",
        at_its_limit.message
    );
    let late = only(verdict(&open(), |report| {
        (0..10).for_each(|_| report.tally.phases.lag.record(60_000));
        lost(0, 100_000)(report);
    }));
    assert!(!late.message.contains("more tasks"), "{}", late.message);
}

#[test]
fn answers_without_stamps_degrade_at_most() {
    let unstamped = |missing, implausible| {
        move |report: &mut Report| {
            report.health.reading.stamped = 1_000 - missing - implausible;
            report.health.reading.missing = missing;
            report.health.reading.implausible = implausible;
        }
    };
    assert_eq!(verdict(&open(), unstamped(5, 5)).trust, Trust::Trusted);
    for plan in [open(), closed()] {
        let reason = only(verdict(&plan, unstamped(500, 500)));
        assert_eq!(
            (reason.code, reason.trust),
            (Code::NoStamps, Trust::Degraded)
        );
        assert!(
            reason.message.contains("1000 of 1000"),
            "{}",
            reason.message
        );
    }
}

#[test]
fn the_generators_own_limits_are_seen() {
    let throttled = only(verdict(&closed(), |report| {
        report.health.throttled_us = 1_500_000;
    }));
    assert_eq!(
        (throttled.code, throttled.trust),
        (Code::CpuThrottled, Trust::Untrusted)
    );
    assert!(
        throttled.message.contains("15 % of the time"),
        "{}",
        throttled.message
    );
    // The kernel adds up what each core was held back: more than all of the time is not told.
    let of_four = only(verdict(&closed(), |report| {
        report.health.throttled_us = 35_000_000;
        report.health.threads = 4;
    }));
    assert!(
        of_four.trust == Trust::Untrusted && of_four.message.contains(" 100 % of the time"),
        "{}",
        of_four.message
    );
    let memory = only(verdict(&closed(), |report| {
        report.health.memory_limit_bytes = 21_000_000;
    }));
    assert_eq!((memory.code, memory.trust), (Code::Memory, Trust::Degraded));
    let ports = only(verdict(&closed(), |report| {
        report.health.ports_exhausted = 1
    }));
    assert_eq!((ports.code, ports.trust), (Code::Ports, Trust::Degraded));
    assert_eq!(ports.runners, ["lo-home-1-2"]);
    let files = only(verdict(&closed(), |report| {
        report.health.files_exhausted = 5
    }));
    assert_eq!((files.code, files.trust), (Code::Files, Trust::Untrusted));
    let clock = only(verdict(&closed(), |report| {
        if let Some(start) = &mut report.start {
            start.clock_error_us = 21_000;
        }
    }));
    assert_eq!((clock.code, clock.trust), (Code::Clock, Trust::Degraded));
}

#[test]
fn any_drop_degrades() {
    let dropped = |count: u64| {
        move |report: &mut Report| {
            report.tally.account.scheduled += count;
            report.tally.account.dropped += count;
        }
    };
    let one = only(verdict(&open(), dropped(1)));
    assert_eq!((one.code, one.trust), (Code::Drops, Trust::Degraded));
    assert!(one.message.contains("1 of 401, 0.25 %"), "{}", one.message);
    assert_eq!(only(verdict(&open(), dropped(5))).trust, Trust::Untrusted);
}

#[test]
fn what_is_missing_is_told() {
    let short = only(verdict(&closed(), |report| report.ticks = 8));
    assert_eq!(
        (short.code, short.trust),
        (Code::Intervals, Trust::Degraded)
    );
    assert!(short.message.contains("missing: 2"), "{}", short.message);
    let lost = only(judged(&closed(), &runners()[..3]));
    assert_eq!((lost.code, lost.trust), (Code::Intervals, Trust::Degraded));
    assert_eq!(lost.runners, ["lo-home-1-4"]);
    assert!(
        lost.message
            .contains("1 of 4 runners did not report: lo-home-1-4")
    );
    let none = only(judged(&closed(), &[]));
    assert_eq!((none.code, none.trust), (Code::Intervals, Trust::Untrusted));
}

#[test]
fn sums_that_disagree_are_untrusted() {
    let account = only(verdict(&closed(), |report| report.tally.account.sent += 1));
    assert_eq!(
        (account.code, account.trust),
        (Code::Unbalanced, Trust::Untrusted)
    );
    assert_eq!(account.runners, ["lo-home-1-2"]);
    let labels = only(verdict(&closed(), |report| {
        report.tally.labels.get_mut("a").unwrap().ok -= 1;
    }));
    assert_eq!(labels.code, Code::Unbalanced);
}

#[test]
fn the_worst_reason_is_the_verdict() {
    let both = verdict(&open(), |report| {
        report.ticks = 8;
        report.health.throttled_us = 2_000_000;
    });
    assert_eq!(both.trust, Trust::Untrusted);
    assert_eq!(both.reasons.len(), 2);
    assert_eq!(both.reasons[1].trust, Trust::Degraded);
}
