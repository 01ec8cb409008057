//! What the recorder adds up: whatever comes, in whatever order, is counted once.

use super::*;
use crate::scripts::sample::ToolFailure;
use dlt_core::measure::second::Second;
use proptest::prelude::*;
use tokio::sync::mpsc::unbounded_channel;

const START_US: u64 = 1_700_000_000_000_000;

fn sample(end_us: u64, response_us: u64, label: &str, ok: bool) -> ToolSample<'_> {
    ToolSample {
        end_us: START_US + end_us,
        response_us,
        label: label.into(),
        status: ok.then_some(200),
        failure: (!ok).then(|| ToolFailure {
            cause: Cause::Refused,
            code: None,
            message: "connection refused".to_owned(),
        }),
        bytes_received: 10,
        ..ToolSample::default()
    }
}

proptest! {
    /// However late rows come: seconds, labels and errors add up to the account, and every second
    /// comes once.
    #[test]
    fn seconds_add_up_to_the_account(
        rows in prop::collection::vec((0u64..6_000_000, 0u64..4_000_000, 0u8..6, 0usize..3), 0..200),
        end_us in 6_000_000u64..9_000_000,
    ) {
        let (sender, mut seconds) = unbounded_channel();
        let mut recorder = Recorder::new(START_US, Vec::new(), sender);
        let mut now_us = 0;
        for (ended_us, late_us, what, label) in rows {
            now_us = now_us.max(ended_us + late_us);
            recorder.close_seconds(now_us);
            let label = ["a", "b", "c, d"][label];
            recorder.add(
                match what {
                    0 => Told::Cut,
                    1 => Told::Dropped(2),
                    2 => Told::Bytes(7),
                    _ => Told::Sample(sample(ended_us, 500, label, what > 3)),
                },
                now_us,
            );
        }
        let result = recorder.finish(now_us.max(end_us));
        let mut sum = Second::default();
        let mut next = 0;
        while let Ok(second) = seconds.try_recv() {
            prop_assert_eq!(second.second.second, next);
            next += 1;
            sum.merge(&second.second);
        }
        let account = result.tally.account;
        prop_assert!(account.balanced());
        prop_assert_eq!(sum.scheduled, account.scheduled);
        prop_assert_eq!((sum.sent, sum.dropped), (account.sent, account.dropped));
        prop_assert_eq!((sum.ok, sum.failed), (account.ok, account.failed));
        prop_assert_eq!(sum.unfinished, account.unfinished);
        prop_assert_eq!(sum.bytes, result.tally.overall().bytes_received);
        let labels = result.tally.labels.values();
        prop_assert_eq!(labels.map(|label| label.ok + label.failed).sum::<u64>(), account.ok + account.failed);
        let errors = result.tally.errors.values().map(|error| error.count);
        prop_assert_eq!(errors.sum::<u64>(), account.failed);
        let series = result.labels.iter().flat_map(|label| label.merged().seconds);
        prop_assert_eq!(series.map(|row| row.ok + row.failed).sum::<u64>(), account.ok + account.failed);
    }
}

#[test]
fn messages_show_no_value_that_is_secret() {
    let (sender, _seconds) = unbounded_channel();
    let mut recorder = Recorder::new(START_US, vec!["hush-hush-1".to_owned()], sender);
    let mut one = sample(10, 5, "a", false);
    one.failure.as_mut().unwrap().message =
        "no route for /u/hush-hush-1?x=1\nsecond line".to_owned();
    recorder.add(Told::Sample(one), 20);
    let result = recorder.finish(1_000_000);
    let messages: Vec<_> = result
        .tally
        .errors
        .keys()
        .map(|key| key.message.as_str())
        .collect();
    assert_eq!(messages, ["no route for /u/[redacted]?x=1"]);
}

/// Labels beyond the limit are one, and none is lost.
#[test]
fn labels_are_bounded() {
    let (sender, _seconds) = unbounded_channel();
    let mut recorder = Recorder::new(START_US, Vec::new(), sender);
    for n in 0..MOST_LABELS + 50 {
        let label = format!("page {n}");
        recorder.add(Told::Sample(sample(10, 5, &label, true)), 20);
    }
    let result = recorder.finish(1_000_000);
    assert_eq!(result.tally.labels[OTHER_LABEL].ok, 50);
    assert_eq!(result.tally.overflowed, 50);
    assert_eq!(result.tally.account.ok, MOST_LABELS as u64 + 50);
}

/// Numbers that no load has are lines that cannot be read: added up they would wrap round.
#[test]
fn what_cannot_be_is_not_added_up() {
    let (sender, _seconds) = unbounded_channel();
    let mut recorder = Recorder::new(START_US, Vec::new(), sender);
    let far = |response_us, bytes_received| {
        Told::Sample(ToolSample {
            response_us,
            bytes_received,
            ..sample(1_000, 0, "a", true)
        })
    };
    for _ in 0..3 {
        for told in [
            far(u64::MAX, 0),
            far(5, u64::MAX),
            Told::Bytes(u64::MAX),
            Told::Dropped(u64::MAX),
            Told::Users(u64::MAX),
        ] {
            recorder.add(told, 2_000);
        }
    }
    recorder.add(far(5, 7), 2_000);
    let result = recorder.finish(3_000);
    assert_eq!(result.tally.account.scheduled, 1);
    assert_eq!(result.tally.overall().bytes_received, 7);
    assert!(
        result.warnings[0].starts_with("15 lines"),
        "{:?}",
        result.warnings
    );
}
