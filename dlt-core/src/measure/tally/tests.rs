//! Tallies add: any split, any order, any label.

use super::*;
use crate::messages::report::testing::{HOSTILE, Raw, count, raws};
use proptest::prelude::*;

fn of<'a>(samples: impl IntoIterator<Item = &'a Raw>) -> Tally {
    let mut tally = Tally::default();
    samples.into_iter().for_each(|raw| count(&mut tally, raw));
    tally
}

/// What must not depend on the order: saved exchanges are the first that came,
/// outcomes are listed first seen first.
fn ordered(mut tally: Tally) -> Tally {
    tally
        .errors
        .values_mut()
        .for_each(|error| error.exchanges.clear());
    for label in tally.labels.values_mut() {
        label.outcomes.sort_by_key(|row| row.outcome);
    }
    tally
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn merging_any_split_in_any_order_gives_the_whole(
        samples in raws(80),
        parts in prop_oneof![Just(1usize), 2usize..9, Just(1000usize)],
        turn in 0usize..1000,
        backwards: bool,
    ) {
        let mut pieces: Vec<Tally> = (0..parts)
            .map(|part| of(samples.iter().skip(part).step_by(parts)))
            .collect();
        pieces.rotate_left(turn % parts);
        if backwards {
            pieces.reverse();
        }
        let mut merged = Tally::default();
        pieces.iter().for_each(|piece| merged.merge(piece));
        prop_assert!(merged.account.balanced());
        prop_assert!(ordered(merged) == ordered(of(&samples)));
    }

    /// Every number of every label against the raw samples.
    #[test]
    fn labels_hold_exactly_their_samples(samples in raws(80)) {
        let tally = of(&samples);
        let finished: u64 = tally.labels.values().map(|label| label.ok + label.failed).sum();
        prop_assert_eq!(finished, samples.len() as u64);
        for (name, label) in &tally.labels {
            let own: Vec<&Raw> = samples.iter().filter(|raw| raw.0 == *name).collect();
            let ended = |ok: Option<bool>| -> Vec<u64> {
                own.iter()
                    .filter(|raw| ok.is_none_or(|ok| raw.2.cause.is_none() == ok))
                    .map(|raw| raw.1.done_us - raw.1.due_us)
                    .collect()
            };
            for (latencies, times) in [
                (&label.response, ended(Some(true))),
                (&label.response_failed, ended(Some(false))),
                (&*label.response_all(), ended(None)),
            ] {
                let times = || times.iter().copied();
                let exact = latencies.exact();
                prop_assert_eq!(exact.count, times().count() as u64);
                prop_assert_eq!(exact.min_us, times().min().unwrap_or(0));
                prop_assert_eq!(exact.max_us, times().max().unwrap_or(0));
                prop_assert_eq!(exact.sum_us, times().map(u128::from).sum::<u128>());
                prop_assert_eq!(
                    exact.sum_squares_us,
                    times().map(|us| u128::from(us).pow(2)).sum::<u128>()
                );
            }
            prop_assert!(label.is_apart());
            let failed = own.iter().filter(|raw| raw.2.cause.is_some()).count();
            prop_assert_eq!(label.failed, failed as u64);
            prop_assert_eq!(
                label.outcomes.iter().map(|row| row.count).sum::<u64>(),
                own.len() as u64
            );
            let connects: Vec<u64> = own
                .iter()
                .filter_map(|raw| Some(raw.1.connected_us? - raw.1.sent_us))
                .collect();
            prop_assert_eq!(label.connect.count, connects.len() as u64);
            prop_assert_eq!(label.connect.sum_us, connects.iter().map(|&us| u128::from(us)).sum::<u128>());
        }
        let overall = tally.overall();
        prop_assert_eq!(overall.ok, tally.account.ok);
        prop_assert_eq!(overall.failed, tally.account.failed);
        prop_assert!(overall.is_apart());
        prop_assert_eq!(overall.response_all().count(), finished);
    }

    #[test]
    fn an_account_is_balanced_only_if_every_request_is_somewhere(
        [dropped, unconnected, ok, failed, unfinished, resent]
            in any::<[u32; 6]>().prop_map(|n| n.map(u64::from)),
        off in 0usize..7,
        by in 1u64..9,
    ) {
        let begun = ok + failed + unfinished;
        let unconnected = unconnected.min(begun);
        let account = Account {
            scheduled: begun + dropped,
            dropped,
            unconnected,
            sent: begun - unconnected,
            resent,
            ok,
            failed,
            unfinished,
        };
        prop_assert!(account.balanced());
        let mut twice = account;
        twice.merge(&account);
        prop_assert!(twice.balanced());
        prop_assert_eq!(twice.begun(), 2 * begun);
        prop_assert_eq!(twice.resent, 2 * resent);
        let mut wrong = account;
        let field = match off {
            0 => &mut wrong.scheduled,
            1 => &mut wrong.dropped,
            2 => &mut wrong.sent,
            3 => &mut wrong.ok,
            4 => &mut wrong.failed,
            5 => &mut wrong.unconnected,
            _ => &mut wrong.unfinished,
        };
        *field += by;
        prop_assert!(!wrong.balanced());
    }
}

#[test]
fn hostile_labels_stay_apart() {
    let samples: Vec<Raw> = HOSTILE
        .iter()
        .map(|label| {
            (
                (*label).to_owned(),
                Sample::default(),
                crate::measure::sample::Outcome::ok(200),
            )
        })
        .collect();
    let mut merged = of(&samples);
    merged.merge(&of(&samples));
    assert_eq!(merged.labels.len(), HOSTILE.len());
    assert!(merged.labels.values().all(|label| label.ok == 2));
}

#[test]
fn labels_and_errors_beyond_the_limits_fold_and_are_counted() {
    let one = LabelTally {
        ok: 1,
        ..LabelTally::default()
    };
    let mut tally = Tally::default();
    for n in 0..MOST_LABELS + 50 {
        tally.add_label(&format!("/{n}"), one.clone());
    }
    tally.add_label("/7", one);
    assert_eq!(tally.labels.len(), MOST_LABELS + 1);
    assert_eq!(tally.labels[OTHER_LABEL].ok, 50);
    assert_eq!(tally.labels["/7"].ok, 2);
    assert_eq!(tally.overflowed, 50);
    assert_eq!(tally.overall().ok, MOST_LABELS as u64 + 51);

    for n in 0..MOST_ERRORS + 30 {
        let key = ErrorKey {
            cause: Cause::Other,
            code: Some(n.to_string()),
            message: "odd".to_owned(),
        };
        let mut error = ErrorTally {
            count: 1,
            ..ErrorTally::default()
        };
        for label in 0..3_000 {
            error.count_in(&label.to_string(), u64::from(label == 2_999));
        }
        assert_eq!(error.labels.len(), MOST_LABELS + 1);
        tally.add_error(&key, &error);
    }
    assert_eq!(tally.errors.len(), MOST_ERRORS + 1);
    assert_eq!(
        tally.errors.values().map(|error| error.count).sum::<u64>(),
        MOST_ERRORS as u64 + 30
    );
    let (key, further) = tally
        .errors
        .iter()
        .find(|row| row.0.message == FURTHER_ERRORS)
        .unwrap();
    assert_eq!((key.code.as_ref(), further.count), (None, 30));
}
