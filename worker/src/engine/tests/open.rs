//! Open load: what was planned is sent, however slow the target; only the cap
//! drops; response times count from the plan.

use super::*;
use crate::engine::tests::target::{Act, answer};
use dlt_core::load::share::{Share, Slice};
use dlt_core::scenario::plan::ThinkTime;

fn slow(ms: u64) -> Target {
    Target::new(move |_, _| {
        let mut acts = vec![Act::Pause(Duration::from_millis(ms))];
        acts.extend(answer("200 OK", "", "x"));
        acts
    })
}

#[test]
fn every_arrival_of_the_plan_is_sent() {
    for pacing in [Pacing::Default, Pacing::Precise, Pacing::Spin] {
        let target = Target::plain();
        let mut group = arrivals(400.0, 1_200, vec![step(&target, "/")]);
        group.load.pacing = pacing;
        let result = run(group, 2);
        let account = result.tally.account;
        assert_eq!((account.scheduled, account.dropped), (480, 0), "{pacing:?}");
        assert_eq!(account.ok, 480);
        assert_eq!(target.total(), 480);
        assert_eq!(result.tally.phases.lag.count(), 480);
        assert_eq!(result.first_due_us, Some(0));
        assert!(
            target.connections() < 480,
            "idle connections are used again"
        );
    }
}

#[test]
fn stages_are_followed_second_by_second() {
    let target = Target::plain();
    let curve = Curve::stages(
        0.0,
        &[(200.0, 1_000_000), (200.0, 1_000_000), (0.0, 500_000)],
    );
    let (load, mut seconds) = start(
        group(Model::Arrivals(curve.clone()), vec![step(&target, "/")]),
        1,
    );
    let mut sent = Vec::new();
    while let Some(second) = seconds.blocking_recv() {
        sent.push(second);
    }
    let (sender, rest) = unbounded_channel();
    sent.iter()
        .for_each(|second| sender.send(second.clone()).unwrap());
    let result = finish(load, rest, 1);
    assert_eq!(result.tally.account.sent, 350);
    assert_eq!(target.total(), 350);
    for second in &sent {
        let at = second.second.second;
        let planned =
            curve.cumulative_at((at + 1) * 1_000_000) - curve.cumulative_at(at * 1_000_000);
        // Arrivals near the edge of a second may leave in the next one.
        let off = (second.second.sent as f64 - planned).abs();
        assert!(off <= 40.0, "second {at}: {off} off");
    }
}

#[test]
fn a_stall_is_seen_from_the_plan() {
    // The first answer takes 600 ms; arrivals that were due meanwhile are sent
    // when due, on connections of their own, and none waits for it.
    let target = Target::new(|_, before| {
        let mut acts = Vec::new();
        if before == 0 {
            acts.push(Act::Pause(Duration::from_millis(600)));
        }
        acts.extend(answer("200 OK", "", ""));
        acts
    });
    let result = run(arrivals(100.0, 1_000, vec![step(&target, "/")]), 1);
    assert_eq!(result.tally.account.ok, 100);
    let response = result.tally.overall().response;
    assert!(response.exact().max_us >= 600_000);
    assert!(response.quantile_us(0.9).unwrap() < 600_000);
}

#[test]
fn above_the_cap_arrivals_are_dropped_and_counted() {
    let target = slow(700);
    let mut group = arrivals(100.0, 500, vec![step(&target, "/")]);
    group.load.connections = 7;
    let result = run(group, 2);
    let account = result.tally.account;
    assert_eq!(
        (account.scheduled, account.sent, account.dropped),
        (50, 7, 43)
    );
    assert_eq!(target.total(), 7);
    // One connection for two threads: one thread does it all.
    let mut group = arrivals(100.0, 300, vec![step(&target, "/")]);
    group.load.connections = 1;
    let account = run(group, 2).tally.account;
    assert_eq!((account.scheduled, account.sent), (30, 1));
}

#[test]
fn an_arrival_walks_all_steps_each_due_when_the_last_was_done() {
    let target = slow(30);
    let mut first = step(&target, "/1");
    first.think_time = ThinkTime::Fixed(50_000);
    let result = run(arrivals(50.0, 400, vec![first, step(&target, "/2")]), 1);
    let account = result.tally.account;
    assert!(account.balanced());
    assert_eq!(result.tally.labels["/1"].ok, 20);
    // Near the end an arrival's second request would begin too late.
    let second = result.tally.labels["/2"].ok;
    assert!((10..=20).contains(&second), "{second}");
    assert!(result.tally.labels["/2"].response.exact().max_us < 1_000_000);
    assert_eq!(target.total(), account.sent);
}

#[test]
fn what_is_in_flight_at_the_end_is_unfinished() {
    let target = slow(30_000);
    let mut group = arrivals(50.0, 400, vec![step(&target, "/")]);
    group.load.graceful_stop_us = 100_000;
    let result = run(group, 2);
    let account = result.tally.account;
    assert_eq!((account.sent, account.ok, account.unfinished), (20, 0, 20));
    // They have sent what they were to.
    let told = result.warnings.iter().any(|it| it.contains("sent nothing"));
    assert!(!told, "{:?}", result.warnings);
}

#[test]
fn runners_and_threads_together_send_the_plan_once() {
    let target = Target::plain();
    let mut sum = Account::default();
    for index in 0..3 {
        let (sender, seconds) = unbounded_channel();
        let group = arrivals(100.0, 500, vec![step(&target, "/")]);
        let spec = LoadSpec {
            lot: Lot {
                slice: Slice::WHOLE,
                share: Share { index, of: 3 },
            },
            ..spec(vec![group], 2, Instant::now())
        };
        let result = finish(begin(spec, sender).unwrap(), seconds, 2);
        sum.merge(&result.tally.account);
    }
    assert_eq!((sum.scheduled, sum.ok), (50, 50));
    assert_eq!(target.total(), 50);
}

/// A load whose start is already a second ago.
fn late(group: Group, threads: usize) -> (Load, UnboundedReceiver<ThreadSecond>) {
    let (sender, seconds) = unbounded_channel();
    let start = Instant::now() - Duration::from_secs(1);
    let spec = spec(vec![group], threads, start);
    (begin(spec, sender).unwrap(), seconds)
}

#[test]
fn a_backlog_ends_with_the_plan_and_counts_as_dropped() {
    // One by one this many would take minutes.
    let target = Target::plain();
    let group = arrivals(10_000_000_000.0, 500, vec![step(&target, "/")]);
    let (load, seconds) = late(group, 2);
    let result = finish(load, seconds, 2);
    let account = result.tally.account;
    assert_eq!((account.scheduled, account.sent), (5_000_000_000, 0));
    assert_eq!(account.dropped, 5_000_000_000);
    assert_eq!(result.first_due_us, Some(0));
    let told = |warning: &String| warning.contains("due before the load began");
    assert!(result.warnings.iter().any(told), "{:?}", result.warnings);
}

#[test]
fn a_stop_drops_what_was_due_and_forgets_what_was_not() {
    let target = Target::plain();
    let mut group = arrivals(100_000_000.0, 100_000, vec![step(&target, "/")]);
    group.load.connections = 1;
    let (load, mut seconds) = late(group, 1);
    // The first second has been sent: the load runs.
    let first = seconds.blocking_recv().unwrap();
    load.stop();
    let (sender, all) = unbounded_channel();
    sender.send(first).unwrap();
    while let Some(second) = seconds.blocking_recv() {
        sender.send(second).unwrap();
    }
    let account = finish(load, all, 1).tally.account;
    assert!(account.scheduled >= 100_000_000, "{account:?}");
    assert!(account.scheduled <= 6_000_000_000, "{account:?}");
    assert_eq!(account.scheduled, account.sent + account.dropped);
}

/// Arrivals that are in a pause when the load is stopped begin no further request, however long others
/// are waited for.
#[test]
fn after_a_stop_no_arrival_goes_on() {
    let target = Target::new(|request, _| {
        let mut acts = answer("200 OK", "", "");
        if request.path() == "/b" {
            acts.insert(0, Act::Pause(Duration::from_millis(1_500)));
        }
        acts
    });
    let mut first = step(&target, "/a");
    first.think_time = ThinkTime::Fixed(600_000);
    let group = arrivals(50.0, 60_000, vec![first, step(&target, "/b")]);
    let (load, seconds) = start_with(
        vec![group],
        1,
        Lot::WHOLE,
        Resolver::system(TargetPolicy::default()),
    );
    let deadline = Instant::now() + LONGEST_TEST;
    while target.count("/b") < 3 {
        assert!(Instant::now() < deadline);
        std::thread::yield_now();
    }
    let before = target.count("/b");
    load.stop();
    let account = finish(load, seconds, 1).tally.account;
    // Some thirty were in their pause.
    let after = target.count("/b") - before;
    assert!(after < 10, "{after}");
    assert_eq!(account.sent, target.total());
    assert_eq!(account.ok, account.sent);
}

#[test]
fn lag_is_measured_of_arrivals_alone() {
    let target = Target::new(|request, _| match request.path() {
        "/1" => answer("302 Found", "Location: /hop\r\n", ""),
        _ => answer("200 OK", "", ""),
    });
    let steps = vec![step(&target, "/1"), step(&target, "/2")];
    let result = run(arrivals(20.0, 500, steps), 1);
    let sent = result.tally.account.sent;
    assert!(sent > 20, "hops and second steps were sent: {sent}");
    assert_eq!(result.tally.phases.lag.count(), 10);
    assert_eq!(result.first_due_us, Some(0));
}

#[test]
fn a_runner_without_a_part_of_the_cap_opens_one_connection() {
    let target = Target::plain();
    let mut group = arrivals(50.0, 400, vec![step(&target, "/")]);
    group.load.connections = 1;
    let (sender, seconds) = unbounded_channel();
    let spec = LoadSpec {
        lot: Lot {
            slice: Slice::WHOLE,
            share: Share { index: 1, of: 2 },
        },
        ..spec(vec![group], 2, Instant::now())
    };
    let result = finish(begin(spec, sender).unwrap(), seconds, 2);
    let account = result.tally.account;
    assert_eq!(account.scheduled, 10);
    assert!(account.ok > 0, "{account:?}");
    assert_eq!(target.connections(), 1);
    let warned = |warning: &String| warning.contains("connections (1)");
    assert!(result.warnings.iter().any(warned), "{:?}", result.warnings);
}
