//! Whatever comes in whatever order: ticks add up.

use super::*;
use crate::tests::{order, runner};
use dlt_core::messages::order::Role;
use dlt_core::messages::runner_line::{RunnerRow, RunnerState};
use proptest::prelude::*;

fn tick(second: u64, sent: u64) -> Tick {
    let order = order(std::path::Path::new("/"), Role::Worker);
    let numbers = Second {
        second,
        users: 1,
        scheduled: sent,
        sent,
        ok: sent,
        causes: vec![("refused".to_owned(), sent)],
        ..Second::default()
    };
    let row = RunnerRow(runner(1), RunnerState::Loading, second, 0);
    let mut tick = Tick::of(&numbers, order.test, order.run, order.region, second, row);
    tick.second.latency.record(sent + 1);
    tick
}

fn rows(ticks: &[Tick]) -> Vec<(u64, u64)> {
    ticks.iter().map(|tick| (tick.second.second, tick.second.sent)).collect()
}

/// Adds ticks of the same second, as a reader of the lines does.
fn added(ticks: &[Tick]) -> BTreeMap<u64, Second> {
    let mut sum: BTreeMap<u64, Second> = BTreeMap::new();
    for tick in ticks {
        let second = tick.second.clone();
        match sum.get_mut(&tick.second.second) {
            Some(sum) => sum.merge(&second),
            None => {
                sum.insert(tick.second.second, second);
            }
        }
    }
    sum
}

proptest! {
    /// Sources deliver in their own order, interleaved and delayed at will;
    /// some end early. What is let go adds up to what came, second by second.
    #[test]
    fn ticks_add_up(
        sources in prop::collection::vec(prop::collection::vec(0u64..1000, 0..12), 1..6),
        picks in prop::collection::vec((0usize..6, 0u64..900_000), 0..100),
    ) {
        let mut gather = Gather::new(sources.len(), 400_000);
        let mut next = vec![0; sources.len()];
        let (mut all, mut out, mut now_us) = (Vec::new(), Vec::new(), 0);
        let rest = (0..sources.len()).cycle().map(|source| (source, 250_000)).take(80);
        for (pick, later_us) in picks.into_iter().chain(rest) {
            let source = pick % sources.len();
            now_us += later_us;
            if let Some(&sent) = sources[source].get(next[source]) {
                let tick = tick(next[source] as u64, sent);
                next[source] += 1;
                all.push(tick.clone());
                gather.add(source, tick, now_us);
            }
            out.extend(gather.due(now_us));
            // Who sleeps until then is not woken for nothing.
            prop_assert!(gather.next_due_us().is_none_or(|due_us| due_us > now_us));
        }
        out.extend(gather.flush());
        prop_assert_eq!(all.len(), sources.iter().map(Vec::len).sum::<usize>());
        prop_assert_eq!(added(&out), added(&all));
        prop_assert!(gather.next_due_us().is_none());
    }

    /// A timeline holds every request, however parts of seconds come.
    #[test]
    fn folding_loses_nothing(
        ticks in prop::collection::vec((21_590u64..21_640, 0u64..50), 0..60),
    ) {
        let mut folded = Folded::default();
        ticks.iter().for_each(|&(second, sent)| folded.add(&tick(second, sent)));
        let stretches = folded.into_stretches();
        let sent: u64 = stretches.iter().map(|stretch| stretch.sent).sum();
        prop_assert_eq!(sent, ticks.iter().map(|row| row.1).sum::<u64>());
        prop_assert!(stretches.windows(2).all(|pair| pair[0].second < pair[1].second));
        prop_assert!(stretches.iter().all(|row| row.second == stretch_of(row.second)));
    }
}

#[test]
fn a_second_waits_for_all_but_not_for_ever() {
    let mut gather = Gather::new(2, 400_000);
    gather.add(0, tick(0, 3), 1_010_000);
    assert_eq!(gather.due(1_010_000), vec![]);
    assert_eq!(gather.next_due_us(), Some(1_400_000));
    gather.add(1, tick(0, 4), 1_020_000);
    assert_eq!(rows(&gather.due(1_020_000)), [(0, 7)]);

    // One stays away: overdue, then no longer waited for.
    gather.add(0, tick(1, 5), 2_010_000);
    assert_eq!(gather.due(2_399_999), vec![]);
    assert_eq!(rows(&gather.due(2_400_000)), [(1, 5)]);
    gather.add(0, tick(2, 6), 3_010_000);
    assert_eq!(rows(&gather.due(3_010_000)), [(2, 6)]);

    // It comes back: its late seconds are further ticks, then it counts again.
    gather.add(1, tick(1, 7), 3_020_000);
    gather.add(1, tick(2, 8), 3_020_000);
    assert_eq!(gather.due(3_020_000), vec![]);
    assert_eq!(rows(&gather.due(3_420_000)), [(1, 7), (2, 8)]);
    gather.add(0, tick(3, 9), 4_010_000);
    assert_eq!(gather.due(4_010_000), vec![]);

    // One that has left is not waited for.
    gather.leave(1);
    assert_eq!(rows(&gather.due(4_010_000)), [(3, 9)]);
}

/// A late part of an old second holds back a newer one that is due before it.
#[test]
fn nobody_is_woken_while_a_late_tick_is_pending() {
    let mut gather = Gather::new(2, 400_000);
    gather.add(0, tick(0, 1), 1_000_000);
    assert_eq!(rows(&gather.due(1_400_000)), [(0, 1)]);
    gather.add(0, tick(1, 2), 2_010_000);
    gather.add(1, tick(0, 3), 2_300_000);
    assert_eq!(gather.due(2_400_000), vec![]);
    assert_eq!(gather.next_due_us(), Some(2_700_000));
    assert_eq!(rows(&gather.due(2_700_000)), [(0, 3), (1, 2)]);
    assert_eq!(gather.next_due_us(), None);
}

#[test]
fn absurd_seconds_do_no_harm() {
    let mut gather = Gather::new(1, 400_000);
    gather.add(0, tick(u64::MAX, 1), 0);
    gather.add(9, tick(3, 1), 0);
    assert_eq!(rows(&gather.flush()), [(3, 1), (u64::MAX, 1)]);
}

#[test]
fn users_of_a_second_add_and_of_a_stretch_do_not() {
    let mut folded = Folded::default();
    // Two parts of second 0: threads with one user each.
    folded.add(&tick(0, 1));
    folded.add(&tick(0, 1));
    folded.add(&tick(1, 1));
    assert_eq!((folded.peak_users, folded.seconds), (2, 2));
    // Ten seconds of one stretch, then a late part of an early one.
    (21_600..21_610).for_each(|second| folded.add(&tick(second, 1)));
    folded.add(&tick(21_600, 1));
    assert_eq!((folded.peak_users, folded.seconds), (2, 12));
    let rows: Vec<_> = folded
        .into_stretches()
        .iter()
        .map(|row| (row.second, row.users, row.sent))
        .collect();
    assert_eq!(rows, [(0, 2, 2), (1, 1, 1), (21_600, 1, 11)]);
}

#[test]
fn a_target_is_silent_after_five_whole_seconds_without_answer() {
    let mut silence = Silence::default();
    // The first request leaves in second 2: silent once second 7 is over.
    for second in 0..12 {
        let ended = silence.observe(&tick(second, if second < 2 { 0 } else { 10 }), "http://x");
        match second {
            0..7 => assert_eq!(ended, None, "{second}"),
            7 => {
                let Some(Ended::TargetSilent { cause, message }) = ended else {
                    panic!("{ended:?}");
                };
                assert_eq!(cause, Some(Cause::Refused));
                assert_eq!(
                    message,
                    "http://x answered nothing in the first 5 s of load (most frequent cause: refused); check that it is up and can be reached from the runners"
                );
            }
            _ => assert!(ended.is_some()),
        }
    }
}

#[test]
fn a_slow_target_is_not_silent() {
    let mut silence = Silence::default();
    for second in 0..20 {
        let mut tick = tick(second, 10);
        tick.second.causes.clear();
        tick.answers = u64::from(second == 3);
        assert_eq!(silence.observe(&tick, "x"), None, "{second}");
    }
    let mut unused = Silence::default();
    assert!((0..20).all(|second| unused.observe(&tick(second, 0), "x").is_none()));
}
