//! Ticks add up, whatever arrives in whatever order.

use super::*;
use crate::tests::tick;
use dlt_core::measure::second::Second;
use proptest::prelude::*;

fn rows(ticks: &[Tick]) -> Vec<(u64, u64)> {
    ticks
        .iter()
        .map(|tick| (tick.second.second, tick.second.sent))
        .collect()
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
    /// Sources deliver in their own order, interleaved and delayed; some end
    /// early. What is emitted adds up to what arrived, second by second.
    #[test]
    fn ticks_add_up(
        sources in prop::collection::vec(prop::collection::vec(0u64..1000, 0..12), 1..6),
        picks in prop::collection::vec((0usize..6, 0u64..900_000), 0..100),
    ) {
        let mut merger = TickMerger::new(sources.len(), 400_000);
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
                merger.add(source, tick, now_us);
            }
            out.extend(merger.take_due(now_us));
            // A wake-up at that time always finds something to emit.
            prop_assert!(merger.next_due_us().is_none_or(|due_us| due_us > now_us));
        }
        out.extend(merger.take_all());
        prop_assert_eq!(all.len(), sources.iter().map(Vec::len).sum::<usize>());
        prop_assert_eq!(added(&out), added(&all));
        prop_assert!(merger.next_due_us().is_none());
    }
}

#[test]
fn a_second_waits_for_all_sources_up_to_a_limit() {
    let mut merger = TickMerger::new(2, 400_000);
    merger.add(0, tick(0, 3), 1_010_000);
    assert_eq!(merger.take_due(1_010_000), vec![]);
    assert_eq!(merger.next_due_us(), Some(1_400_000));
    merger.add(1, tick(0, 4), 1_020_000);
    assert_eq!(rows(&merger.take_due(1_020_000)), [(0, 7)]);

    // One source is silent: the second is overdue, then nothing waits for it.
    merger.add(0, tick(1, 5), 2_010_000);
    assert_eq!(merger.take_due(2_399_999), vec![]);
    assert_eq!(rows(&merger.take_due(2_400_000)), [(1, 5)]);
    merger.add(0, tick(2, 6), 3_010_000);
    assert_eq!(rows(&merger.take_due(3_010_000)), [(2, 6)]);

    // It delivers again: its late seconds are further ticks, then it is waited for.
    merger.add(1, tick(1, 7), 3_020_000);
    merger.add(1, tick(2, 8), 3_020_000);
    assert_eq!(merger.take_due(3_020_000), vec![]);
    assert_eq!(rows(&merger.take_due(3_420_000)), [(1, 7), (2, 8)]);
    merger.add(0, tick(3, 9), 4_010_000);
    assert_eq!(merger.take_due(4_010_000), vec![]);

    // Nothing waits for a source that was removed.
    merger.remove_source(1);
    assert_eq!(rows(&merger.take_due(4_010_000)), [(3, 9)]);
}

/// A late part of an old second delays a newer one that is due before it.
#[test]
fn no_wake_up_is_due_before_a_late_tick() {
    let mut merger = TickMerger::new(2, 400_000);
    merger.add(0, tick(0, 1), 1_000_000);
    assert_eq!(rows(&merger.take_due(1_400_000)), [(0, 1)]);
    merger.add(0, tick(1, 2), 2_010_000);
    merger.add(1, tick(0, 3), 2_300_000);
    assert_eq!(merger.take_due(2_400_000), vec![]);
    assert_eq!(merger.next_due_us(), Some(2_700_000));
    assert_eq!(rows(&merger.take_due(2_700_000)), [(0, 3), (1, 2)]);
    assert_eq!(merger.next_due_us(), None);
}

#[test]
fn seconds_out_of_any_range_are_kept() {
    let mut merger = TickMerger::new(1, 400_000);
    merger.add(0, tick(u64::MAX, 1), 0);
    merger.add(9, tick(3, 1), 0);
    assert_eq!(rows(&merger.take_all()), [(3, 1), (u64::MAX, 1)]);
}
