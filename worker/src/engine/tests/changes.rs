//! A load that is changed while it goes on is exactly that of the changed curve: what was sent before
//! stays, and what comes follows, however late a thread hears of it.

use super::*;
use dlt_core::load::changes::LoadChange;
use dlt_core::scenario::plan::ThinkTime;
use tokio::sync::mpsc::UnboundedReceiver;

fn to(at_ms: u64, factor: f64) -> LoadChange {
    LoadChange {
        at_us: at_ms * 1_000,
        factor,
        end: false,
    }
}

fn end(at_ms: u64) -> LoadChange {
    LoadChange {
        end: true,
        ..to(at_ms, 0.0)
    }
}

/// Changes a load step by step, each half-way to its time from the one before; `late`: after it.
fn changed(load: &Load, begun: Instant, changes: &[LoadChange], late: bool) {
    let mut before_us = 0;
    for count in 1..=changes.len() {
        let at_us = changes[count - 1].at_us;
        let told_us = match late {
            true => at_us + 30_000,
            false => before_us + (at_us - before_us) / 2,
        };
        let until = begun + Duration::from_micros(told_us);
        #[expect(
            clippy::disallowed_methods,
            reason = "a person presses a key at a time; nothing is waited for"
        )]
        std::thread::sleep(until.saturating_duration_since(Instant::now()));
        load.change(&changes[..count]);
        before_us = at_us;
    }
}

fn ran(
    group: Group,
    threads: usize,
    changes: &[LoadChange],
    late: bool,
) -> (LoadResult, Vec<ThreadSecond>) {
    // Far enough ahead that threads of a busy machine are there.
    let begun = Instant::now() + Duration::from_millis(400);
    let (sender, mut seconds): (_, UnboundedReceiver<ThreadSecond>) = unbounded_channel();
    let load = begin(spec(vec![group], threads, begun), sender).unwrap();
    changed(&load, begun, changes, late);
    let mut all = Vec::new();
    while let Some(second) = seconds.blocking_recv() {
        all.push(second);
    }
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap();
    (runtime.block_on(finished(load)), all)
}

#[test]
fn arrivals_are_those_of_the_changed_curve() {
    let curve = Curve::ramp_hold(300.0, 0, 2_000_000);
    for changes in [
        vec![to(700, 2.0)],
        vec![to(400, 0.0), to(900, 1.0), to(1_300, 3.0)],
        vec![to(500, 0.3), to(1_000, 1.2)],
        vec![to(600, 2.0), end(1_200)],
        vec![end(500)],
    ] {
        let planned = curve.changed(&changes);
        for late in [false, true] {
            let target = Target::plain();
            let group = arrivals(300.0, 2_000, vec![step(&target, "/")]);
            let (result, _) = ran(group, 2, &changes, late);
            let account = result.tally.account;
            // Who hears of less load late has sent more already.
            let more = account.scheduled - planned.total_arrivals();
            assert!(late || more == 0, "{changes:?}: {account:?}");
            assert!(more <= 40, "{changes:?}: {account:?}");
            assert_eq!(account.dropped, 0, "{changes:?}");
            assert_eq!(target.total(), account.scheduled, "{changes:?}");
            assert_eq!(result.cut_us, 0, "{changes:?}");
            let longest_us = planned.end_us() + 500_000;
            assert!(result.last_done_us <= longest_us, "{changes:?}");
        }
    }
}

/// The turns of a cap on throughput go on after a pause, and after a load that was nearly one.
#[test]
fn a_cap_holds_nobody_after_a_pause() {
    for least in [0.0, 0.001] {
        let target = Target::plain();
        let mut one = step(&target, "/");
        one.think_time = ThinkTime::Fixed(200_000);
        let mut group = users(4.0, 3_000, vec![one]);
        group.load.throughput = Some(40.0);
        let (result, _) = ran(group, 2, &[to(500, least), to(1_000, 1.0)], false);
        // Of four users, each with at most five requests a second, two and a half seconds long.
        let sent = result.tally.account.scheduled;
        assert!((30..=54).contains(&sent), "{least}: {sent}");
        assert_eq!(target.total(), sent);
    }
}

/// Users who wait for turns that lie far ahead get them anew when a change comes into force.
#[test]
fn a_change_reaches_those_who_wait_for_a_turn() {
    let target = Target::plain();
    let mut group = users(60.0, 3_000, vec![step(&target, "/")]);
    group.load.throughput = Some(20.0);
    let (result, _) = ran(group, 1, &[to(1_000, 4.0)], false);
    // A second of 20, and two of 80.
    let sent = result.tally.account.scheduled;
    assert!((155..=190).contains(&sent), "{sent}");
}

#[test]
fn users_come_and_go_with_the_changed_curve() {
    let changes = [
        to(1_000, 2.0),
        to(2_000, 0.0),
        to(3_000, 0.5),
        to(4_000, 1.0),
    ];
    for (late, threads) in [(false, 1), (false, 3), (true, 2)] {
        let target = Target::plain();
        let mut pausing = step(&target, "/");
        pausing.think_time = ThinkTime::Fixed(5_000);
        let (result, seconds) = ran(users(4.0, 5_000, vec![pausing]), threads, &changes, late);
        let in_second = |at: u64| {
            let of_second = seconds.iter().filter(|it| it.second.second == at);
            of_second.map(|it| it.second.users).sum::<u64>()
        };
        // A second shows the most users in it: those before a change are in its first moments.
        let most: Vec<u64> = (0..5).map(in_second).collect();
        assert_eq!(most[0], 4, "{most:?}");
        assert_eq!(most[1], 8, "{most:?}");
        assert!(most[2] <= 8 && most[3] <= 4, "{most:?}");
        assert_eq!(most[4], 4, "{most:?}");
        // In the pause nothing is sent.
        let sent = |at: u64| {
            let of_second = seconds.iter().filter(|it| it.second.second == at);
            of_second.map(|it| it.second.sent).sum::<u64>()
        };
        let pause = sent(2);
        assert!(pause * 4 < sent(1), "{pause} of {}", sent(1));
        let account = result.tally.account;
        assert_eq!(account.sent, target.total());
        assert_eq!((account.failed, account.unfinished), (0, 0));
        assert_eq!(result.cut_us, 0);
        // Who pauses keeps its connection: those who left in the middle came back as others.
        assert!(target.connections() <= 8 + 4, "{}", target.connections());
    }
}

#[test]
fn a_load_of_users_ends_when_it_is_told_to() {
    let target = Target::plain();
    let mut pausing = step(&target, "/");
    pausing.think_time = ThinkTime::Fixed(5_000);
    let begun = Instant::now();
    let (result, seconds) = ran(users(4.0, 20_000, vec![pausing]), 2, &[end(700)], false);
    assert!(
        begun.elapsed() < Duration::from_secs(10),
        "long before its plan"
    );
    assert!(result.last_done_us < 1_500_000, "{}", result.last_done_us);
    assert!(seconds.iter().all(|it| it.second.second <= 1));
    let account = result.tally.account;
    assert_eq!(account.ok, account.sent);
    assert_eq!(result.cut_us, 0);
}

/// A user with rounds left goes on with them after a pause.
#[test]
fn a_pause_takes_no_rounds_away() {
    let target = Target::plain();
    let mut pausing = step(&target, "/");
    pausing.think_time = ThinkTime::Fixed(10_000);
    let group = rounds(3.0, 40, vec![pausing]);
    let (result, _) = ran(group, 2, &[to(100, 0.0), to(400, 1.0)], false);
    assert_eq!(result.tally.account.ok, 120);
    assert_eq!(target.total(), 120);
}

/// Changes that are heard of together, before the first of them is due: nobody is gone for good.
#[test]
fn a_pause_and_its_end_may_be_heard_of_at_once() {
    for threads in [1, 3] {
        let target = Target::plain();
        let mut pausing = step(&target, "/");
        pausing.think_time = ThinkTime::Fixed(5_000);
        let group = users(4.0, 3_000, vec![pausing]);
        // Far enough ahead that threads of a busy machine are there.
        let begun = Instant::now() + Duration::from_millis(400);
        let (sender, mut seconds) = unbounded_channel();
        let load = begin(spec(vec![group], threads, begun), sender).unwrap();
        load.change(&[to(600, 0.0), to(1_500, 1.0)]);
        let mut sent = [0; 8];
        while let Some(second) = seconds.blocking_recv() {
            sent[second.second.second as usize] += second.second.sent;
        }
        assert!(sent[0] > 0, "{sent:?}");
        assert!(sent[1] < sent[2], "{sent:?}");
        assert!(sent[2] > sent[0], "the load is back: {sent:?}");
    }
}

/// A user whose time is in two parts keeps the second one, whatever changes in the first.
#[test]
fn a_dip_that_is_changed_takes_nobody_away() {
    let target = Target::plain();
    let mut pausing = step(&target, "/");
    pausing.think_time = ThinkTime::Fixed(5_000);
    let curve = Curve::stages(
        10.0,
        &[
            (2.0, 800_000),
            (2.0, 400_000),
            (10.0, 800_000),
            (10.0, 1_000_000),
        ],
    );
    let (_, seconds) = ran(
        group(Model::Users(curve), vec![pausing]),
        2,
        &[to(200, 0.4)],
        false,
    );
    let in_last = |at: u64| {
        let of_second = seconds.iter().filter(|it| it.second.second == at);
        of_second.map(|it| it.second.users).sum::<u64>()
    };
    assert_eq!(in_last(2), 4);
}

/// Users that were not planned have rows and a part of the cap, on whatever thread they are.
#[test]
fn added_users_have_rows_and_a_part_of_the_cap() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("rows.csv");
    std::fs::write(&path, "name\nann\nbob\n").unwrap();
    let target = Target::plain();
    let mut group = users(1.0, 3_000, vec![step(&target, "/")]);
    group.load.throughput = Some(40.0);
    group.data = vec![dlt_core::scenario::plan::DataSource {
        path: path.to_str().unwrap().to_owned(),
        delimiter: b',',
        quoted: true,
        recycled: true,
        columns: None,
    }];
    let (result, seconds) = ran(group, 4, &[to(1_000, 4.0)], false);
    let at = |at: u64| {
        let of_second = seconds.iter().filter(|it| it.second.second == at);
        let sums = of_second.map(|it| (it.second.users, it.second.sent));
        sums.fold((0, 0), |a, b| (a.0 + b.0, a.1 + b.1))
    };
    assert!(result.warnings.is_empty(), "{:?}", result.warnings);
    assert_eq!((at(0).0, at(2).0), (1, 4));
    // 40 a second, then four times that.
    assert!(at(0).1.abs_diff(40) <= 3, "{:?}", at(0));
    assert!(at(2).1.abs_diff(160) <= 12, "{:?}", at(2));
}
