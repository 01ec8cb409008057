//! What is recorded is what happened: counts, seconds, errors, in whatever order
//! it was recorded.

use super::*;
use dlt_core::measure::latencies::Latencies;
use dlt_core::measure::tally::MOST_ERRORS;
use proptest::prelude::*;
use tokio::sync::mpsc::unbounded_channel;

fn sample(due_us: u64, sent_us: u64, done_us: u64) -> Sample {
    Sample {
        due_us,
        sent_us,
        done_us,
        read_us: done_us + 40,
        timed: Some(Timed::Stamp),
        first_byte_us: Some(done_us),
        bytes_received: 10,
        ..Sample::default()
    }
}

/// A request that ended on its connection, of open or closed load.
fn finish(recorder: &mut Recorder, label: usize, sample: &Sample, outcome: Outcome, closed: bool) {
    recorder.request_finished(&FinishedRequest {
        label,
        sample,
        outcome,
        closed,
        resent: false,
        version: None,
    });
}

fn send(recorder: &mut Recorder, arrival_us: Option<u64>, now_us: u64) {
    recorder.request_began(arrival_us, now_us);
    recorder.request_sent();
}

#[test]
fn idle_seconds_are_sent_too_and_a_sample_belongs_to_its_end() {
    let (sender, mut seconds) = unbounded_channel();
    let mut recorder = Recorder::new(3, 1, false, sender);
    recorder.user_began(500_000);
    send(&mut recorder, None, 900_000);
    let answered = sample(900_000, 900_000, 3_100_000);
    finish(&mut recorder, 0, &answered, Outcome::ok(200), true);
    send(&mut recorder, None, 3_200_000);
    let result = recorder.finish(&["a".to_owned()], 3_300_000);
    let mut sent = Vec::new();
    let mut user_time_us = 0;
    while let Ok(second) = seconds.try_recv() {
        sent.push((
            second.second.second,
            second.second.sent,
            second.second.ok,
            second.second.unfinished,
            second.second.users,
        ));
        user_time_us += second.second.user_time_us;
    }
    assert_eq!(user_time_us, 2_800_000);
    assert_eq!(result.reading.user_time_us, 2_800_000);
    assert_eq!(result.reading.lost_us, 40);
    assert_eq!(result.reading.stamped, 1);
    assert_eq!(
        sent,
        [
            (0, 1, 0, 0, 1),
            (1, 0, 0, 0, 1),
            (2, 0, 0, 0, 1),
            (3, 1, 1, 1, 0)
        ]
    );
    assert!(result.account.balanced());
    assert_eq!(result.series[0].rows().next().unwrap().second, 3);
}

#[test]
fn errors_beyond_the_limit_are_counted_as_further_ones() {
    let (sender, _seconds) = unbounded_channel();
    let mut recorder = Recorder::new(0, 1, false, sender);
    for n in 0..1_000 {
        let failure = Failure::new(Cause::Protocol, format!("odd {n}"));
        recorder.request_failed(0, n, failure, || None);
    }
    let result = recorder.finish(&["a".to_owned()], 1);
    assert!(result.errors.len() <= MOST_ERRORS);
    let all: u64 = result.errors.iter().map(|row| row.1.count).sum();
    assert_eq!(all, 1_000);
}

#[test]
fn service_times_are_counted_from_the_send_with_any_number_of_labels() {
    for (open, labels) in [(false, 1), (true, 1), (false, 200), (true, 200)] {
        let (sender, mut seconds) = unbounded_channel();
        let mut recorder = Recorder::new(0, labels, open, sender);
        for n in 0..100u64 {
            let sent_us = n * 30_000;
            let due_us = if open {
                sent_us.saturating_sub(5_000)
            } else {
                sent_us
            };
            send(&mut recorder, open.then_some(due_us), sent_us);
            let ended = sample(due_us, sent_us, sent_us + 1_000 + n);
            finish(
                &mut recorder,
                n as usize % labels,
                &ended,
                Outcome::ok(200),
                !open,
            );
        }
        let names: Vec<String> = (0..labels).map(|n| n.to_string()).collect();
        let result = recorder.finish(&names, 3_500_000);
        let service = result.phases.service.exact();
        assert_eq!((service.min_us, service.max_us), (1_000, 1_099));
        assert_eq!(result.phases.service.count(), 100);
        let mut sent = 0;
        while let Ok(second) = seconds.try_recv() {
            let second = second.second;
            assert_eq!(second.latency.count(), second.ok);
            sent += second.ok;
        }
        assert_eq!(sent, 100);
    }
}

/// Quick failures are in no time of an answer, with or without seconds by label.
#[test]
fn failures_are_timed_apart() {
    for (open, labels) in [(false, 1), (true, 1), (false, 200), (true, 200)] {
        let (sender, mut seconds) = unbounded_channel();
        let mut recorder = Recorder::new(0, labels, open, sender);
        for n in 0..90u64 {
            let sent_us = n * 30_000;
            send(&mut recorder, open.then_some(sent_us), sent_us);
            let (took_us, outcome) = match n % 3 {
                0 => (20_000 + n, Outcome::ok(200)),
                1 => (90, Outcome::failed(Cause::Refused, None)),
                _ => (700, Outcome::failed(Cause::Status5xx, Some(503))),
            };
            let ended = sample(sent_us, sent_us, sent_us + took_us);
            finish(&mut recorder, n as usize % labels, &ended, outcome, !open);
        }
        let names: Vec<String> = (0..labels).map(|n| n.to_string()).collect();
        let result = recorder.finish(&names, 3_500_000);
        let mut all = LabelTally::default();
        result.labels.iter().for_each(|label| all.merge(label));
        let [ok, failed] = [&all.response, &all.response_failed].map(Latencies::exact);
        assert_eq!((ok.count, ok.min_us, ok.max_us), (30, 20_000, 20_087));
        assert_eq!((failed.count, failed.min_us, failed.max_us), (60, 90, 700));
        for phase in [&result.phases.service, &result.phases.first_byte] {
            let exact = phase.exact();
            assert_eq!((exact.count, exact.min_us), (30, 20_000));
        }
        let mut sum = Second::default();
        while let Ok(second) = seconds.try_recv() {
            sum.merge(&second.second);
        }
        assert_eq!((sum.latency.count(), sum.latency_failed.count()), (30, 60));
        assert!(sum.latency.quantile_us(0.0).unwrap() > 19_000.0);
        assert!(sum.latency_failed.quantile_us(1.0).unwrap() < 1_000.0);
    }
}

#[test]
fn failures_that_read_the_same_are_counted_together() {
    let (sender, _seconds) = unbounded_channel();
    let mut recorder = Recorder::new(0, 1, false, sender);
    for text in ["odd\u{1}thing", "odd\u{2}thing", "odd\u{2}thing"] {
        let failure = Failure::new(Cause::Protocol, text.to_owned());
        recorder.request_failed(0, 7, failure, || None);
    }
    let errors = recorder.finish(&["a".to_owned()], 8).errors;
    let counts: Vec<u64> = errors.values().map(|error| error.count).collect();
    assert_eq!(counts, [3]);
}

proptest! {
    #[test]
    fn seconds_add_up_to_the_account(
        events in prop::collection::vec((0u64..400_000, 0u64..500_000, 0u8..8), 0..200),
    ) {
        let (sender, mut seconds) = unbounded_channel();
        let mut recorder = Recorder::new(0, 2, true, sender);
        let mut now = 0;
        for (pause, length, kind) in events {
            now += pause;
            match kind {
                0 => recorder.arrivals_dropped(1, now, now),
                1 => send(&mut recorder, Some(now), now + 5),
                // It is still connecting when the load ends.
                6 => recorder.request_began(Some(now), now + 5),
                _ => {
                    recorder.request_began(Some(now), now + 5);
                    match kind {
                        7 => recorder.request_unconnected(),
                        _ => recorder.request_sent(),
                    }
                    now += length + 5;
                    let outcome = match kind {
                        7 => Outcome::failed(Cause::Refused, None),
                        2 => Outcome::failed(Cause::Reset, None),
                        3 => Outcome::failed(Cause::Status5xx, Some(503)),
                        _ => Outcome::ok(200),
                    };
                    let ended = sample(now, now, now);
                    finish(&mut recorder, usize::from(kind % 2), &ended, outcome, false);
                }
            }
        }
        let result = recorder.finish(&["a".to_owned(), "b".to_owned()], now);
        let mut sum = Second::default();
        let mut next = 0;
        while let Ok(second) = seconds.try_recv() {
            prop_assert_eq!(second.second.second, next);
            next += 1;
            sum.merge(&second.second);
        }
        prop_assert!(result.account.balanced());
        let account = Account {
            scheduled: sum.scheduled,
            dropped: sum.dropped,
            unconnected: sum.unconnected,
            sent: sum.sent,
            resent: sum.resent,
            ok: sum.ok,
            failed: sum.failed,
            unfinished: sum.unfinished,
        };
        prop_assert_eq!(account, result.account);
        let causes: u64 = sum.causes.iter().map(|row| row.1).sum();
        prop_assert_eq!(causes, result.account.failed);
        let labels: u64 = result.series.iter().flat_map(Series::rows).map(|row| row.ok + row.failed).sum();
        prop_assert_eq!(labels, sum.ok + sum.failed);
        prop_assert_eq!(sum.latency.count(), sum.ok);
        prop_assert_eq!(sum.latency_failed.count(), sum.failed);
        prop_assert!(result.labels.iter().all(LabelTally::is_apart));
        prop_assert_eq!(result.phases.service.count(), sum.ok);
        prop_assert_eq!(result.phases.first_byte.count(), sum.ok);
        let of_labels: Vec<_> = result.series.iter().flat_map(Series::rows).collect();
        let of_labels = of_labels.iter();
        let apart = |row: &LabelSecond| {
            (row.latency.count(), row.latency_failed.count()) == (row.ok, row.failed)
        };
        prop_assert!(of_labels.clone().all(apart));
    }
}
