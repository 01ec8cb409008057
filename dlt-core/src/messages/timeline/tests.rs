//! Timelines and ticks add, whatever the order; stretches meet their bounds.

use super::*;
use crate::ids::{TestId, TestRunId};
use crate::messages::report::testing::HOSTILE;
use crate::messages::runner_line::{RunnerLine, RunnerRow, RunnerState, Tick};
use proptest::prelude::*;

fn runner(number: usize) -> RunnerId {
    RunnerId::parse(&format!("r-{number}")).unwrap()
}

fn region(number: usize) -> Region {
    Region::parse(&format!("lo-home-{}", number % 3 + 1)).unwrap()
}

/// A second with every flow filled; latencies as many as ended.
fn seconds() -> impl Strategy<Value = Second> {
    let times = prop::collection::vec(0u64..5_000_000, 0..20);
    let causes = prop::collection::btree_map(
        prop::sample::select(vec!["dns", "reset", "status-5xx"]),
        1u64..9,
        0..3,
    );
    (0u64..5, any::<[u16; 6]>(), times, causes).prop_map(|(second, n, times, causes)| {
        let [users, scheduled, dropped, unfinished, bytes, failed] = n.map(u64::from);
        let mut row = Second {
            second,
            users,
            scheduled,
            dropped,
            sent: scheduled,
            ok: times.len() as u64,
            failed,
            unfinished,
            bytes,
            causes: causes
                .into_iter()
                .map(|(cause, n)| (cause.to_owned(), n))
                .collect(),
            ..Second::default()
        };
        times.iter().for_each(|&us| row.latency.record(us));
        times
            .iter()
            .for_each(|&us| row.latency_failed.record(us / 7));
        times.iter().for_each(|&us| row.lag.record(us / 100));
        row
    })
}

fn timelines() -> impl Strategy<Value = Vec<Timeline>> {
    let one = (
        prop::collection::vec(seconds(), 0..6),
        prop::sample::select(&HOSTILE[..]),
    );
    prop::collection::vec(one, 0..8).prop_map(|all| {
        all.into_iter()
            .enumerate()
            .map(|(number, (rows, label))| {
                let series = LabelSeries {
                    label: label.to_owned(),
                    seconds: rows
                        .iter()
                        .map(|row| LabelSecond {
                            second: row.second,
                            ok: row.ok,
                            failed: row.failed,
                            latency: row.latency.clone(),
                            latency_failed: row.latency_failed.clone(),
                        })
                        .collect(),
                };
                Timeline {
                    format: TIMELINE_FORMAT,
                    runner: runner(number),
                    region: region(number),
                    seconds: rows,
                    labels: vec![series],
                }
            })
            .collect()
    })
}

/// All flows of some rows.
fn flows<'a>(rows: impl Iterator<Item = &'a Second>) -> Vec<u64> {
    let mut sums = vec![0; 10];
    for row in rows {
        let causes: u64 = row.causes.iter().map(|cause| cause.1).sum();
        let all = [
            row.users,
            row.scheduled,
            row.dropped,
            row.sent,
            row.ok,
            row.failed,
            row.unfinished,
            row.bytes,
            causes,
            row.latency.count() + row.lag.count(),
        ];
        sums.iter_mut().zip(all).for_each(|(sum, n)| *sum += n);
    }
    sums
}

proptest! {
    #[test]
    fn every_flow_adds_up_in_any_order(timelines in timelines(), turn in 0usize..8) {
        let merged = RunTimeline::of(7, &timelines);
        let mut turned = timelines.clone();
        turned.rotate_left(turn.min(timelines.len()));
        turned.reverse();
        prop_assert_eq!(&RunTimeline::of(7, &turned), &merged);
        prop_assert_eq!(
            flows(merged.regions.values().flatten()),
            flows(timelines.iter().flat_map(|timeline| &timeline.seconds))
        );
        for rows in merged.regions.values() {
            prop_assert!(rows.windows(2).all(|pair| pair[0].second < pair[1].second));
        }
        let ok = |series: &[LabelSeries]| -> u64 {
            series.iter().flat_map(|series| &series.seconds).map(|row| row.ok).sum()
        };
        prop_assert_eq!(
            ok(&merged.labels),
            timelines.iter().map(|timeline| ok(&timeline.labels)).sum::<u64>()
        );
        let text = serde_json::to_string(&merged).unwrap();
        prop_assert_eq!(serde_json::from_str::<RunTimeline>(&text).unwrap(), merged);
    }

    /// A region's tick holds what its runners' ticks hold, in any order, and
    /// its line is read back.
    #[test]
    fn ticks_add_like_seconds(mut rows in prop::collection::vec(seconds(), 1..8), backwards: bool) {
        rows.iter_mut().for_each(|row| row.second = 3);
        let mut ticks: Vec<Tick> = rows
            .iter()
            .enumerate()
            .map(|(number, row)| {
                let state = RunnerRow(runner(number), RunnerState::Loading, 3, 9);
                let test = TestId::parse("Xk29QmWz7B").unwrap();
                let run = TestRunId::parse("p4TqL8vN2c").unwrap();
                Tick::of(row, test, run, region(0), 3, state)
            })
            .collect();
        if backwards {
            ticks.reverse();
        }
        let count = ticks.len();
        let mut merged = ticks.remove(0);
        ticks.iter().for_each(|tick| merged.merge(tick));
        prop_assert_eq!(merged.runners.len(), count);
        prop_assert_eq!(flows([merged.second.clone()].iter()), flows(rows.iter()));
        prop_assert!(merged.second.causes.windows(2).all(|pair| pair[0].0 < pair[1].0));
        let line = RunnerLine::Tick(merged);
        prop_assert_eq!(RunnerLine::parse(&line.to_line()), Some(line));
    }

    #[test]
    fn any_text_is_a_line_or_none(text in ".{0,200}") {
        if let Some(line) = RunnerLine::parse(&text) {
            prop_assert!(RunnerLine::parse(&line.to_line()) == Some(line));
        }
    }

    #[test]
    fn a_second_belongs_to_the_stretch_that_holds_it(second in 0u64..2_700_000) {
        let from = stretch_of(second);
        prop_assert!(from <= second && second < from + resolution_s(from));
        prop_assert_eq!(stretch_of(from), from);
    }
}

#[test]
fn a_later_second_of_one_runner_keeps_its_users() {
    let of = |users, ok| Second {
        users,
        ok,
        ..Second::default()
    };
    let mut row = of(5, 10);
    row.extend(&of(3, 7));
    assert_eq!((row.users, row.ok), (3, 17));
    row.merge(&of(2, 1));
    assert_eq!((row.users, row.ok), (5, 18));
}

#[test]
fn too_many_labels_show_none_rather_than_a_part() {
    let of = |number: usize, labels: std::ops::Range<usize>| Timeline {
        format: TIMELINE_FORMAT,
        runner: runner(number),
        region: region(0),
        seconds: vec![Second {
            ok: 1,
            ..Second::default()
        }],
        labels: labels
            .map(|label| LabelSeries {
                label: label.to_string(),
                seconds: Vec::new(),
            })
            .collect(),
    };
    let labels = |timelines: &[Timeline]| RunTimeline::of(0, timelines).labels.len();
    assert_eq!(labels(&[of(0, 0..60), of(1, 40..100)]), 100);
    assert_eq!(labels(&[of(0, 0..60), of(1, 41..101)]), 0);
    // One runner that did not keep its labels apart hides them all.
    assert_eq!(labels(&[of(0, 0..60), of(1, 0..0), of(2, 0..60)]), 0);
}
