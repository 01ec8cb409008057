//! Seconds of many kinds of targets, and when each is given up.

use super::*;
use crate::tests::tick;
use dlt_core::measure::silence::Silence;

const FIVE_S: Option<u64> = Some(5_000_000);

/// What a second brings: answers, when the first of the attempts began that found
/// nothing, and when the oldest one that still waits.
fn second(at: u64, answers: u64, since_s: Option<u64>, waiting_since_s: Option<u64>) -> Tick {
    let mut tick = tick(at, 10);
    tick.answers = answers;
    tick.silence = Silence {
        unanswered: u64::from(since_s.is_some()),
        since_s,
        waiting_since_s,
    };
    tick
}

/// The second in which a load is given up.
fn given_up(limit_us: Option<u64>, seconds: impl IntoIterator<Item = Tick>) -> Option<u64> {
    let mut detector = SilentTargetDetector::new(limit_us);
    let mut seconds = seconds.into_iter();
    let ended = seconds.find(|tick| detector.observe(tick, "http://x").is_some());
    ended.map(|tick| tick.second.second)
}

#[test]
fn a_target_that_refuses_is_given_up_after_whole_seconds() {
    // The first request is sent in second 2, perhaps at its very end.
    let refusing = || (0..90).map(|at| second(at, 0, (at >= 2).then_some(at), Some(at)));
    for (limit_us, ends) in [
        (FIVE_S, Some(7)),
        (Some(1_000_000), Some(3)),
        // Whole seconds, rounded up.
        (Some(1_000_001), Some(4)),
        (Some(60_000_000), Some(62)),
        (Some(88_000_000), None),
        (None, None),
    ] {
        assert_eq!(given_up(limit_us, refusing()), ends, "{limit_us:?}");
    }
    let mut detector = SilentTargetDetector::new(FIVE_S);
    let ended = refusing().find_map(|tick| detector.observe(&tick, "http://x"));
    let message = "http://x answered nothing for 5 s (most frequent cause: refused); check that it is up and can be reached from the runners, or let the load go on with give-up-after: never";
    let silent = Ended::TargetSilent {
        cause: Some(Cause::Refused),
        message: message.to_owned(),
    };
    assert_eq!(ended, Some(silent));
}

/// Its first answer comes after 7 s, and so does each of the following ones, while
/// another host refuses all the time.
#[test]
fn a_slow_target_is_not_given_up() {
    let slow = |at: u64| {
        second(
            at,
            u64::from(at > 0 && at.is_multiple_of(7)),
            None,
            Some(at / 7 * 7),
        )
    };
    assert_eq!(given_up(FIVE_S, (0..100).map(slow)), None);
    let beside_refusing = |at: u64| {
        let mut tick = slow(at);
        tick.silence
            .merge(&second(at, 0, Some(at), Some(at)).silence);
        tick
    };
    assert_eq!(given_up(FIVE_S, (0..100).map(beside_refusing)), None);
    // One answer in each five seconds is enough.
    let rare = |at: u64| second(at, u64::from(at % 5 == 4), Some(at), None);
    assert_eq!(given_up(FIVE_S, (0..100).map(rare)), None);
}

/// Nothing is known of a connection until its own time limit.
#[test]
fn a_silent_connection_counts_after_its_time_limit() {
    // Users whose requests end without a byte after 60 s, and who try again at once.
    let silent = |at: u64| {
        let ended = at > 0 && at.is_multiple_of(60);
        second(at, 0, ended.then(|| at - 60), Some(at / 60 * 60))
    };
    assert_eq!(given_up(FIVE_S, (0..200).map(silent)), Some(60));
    // A user each second: those of the first five seconds have to have ended.
    let ramp = |at: u64| second(at, 0, at.checked_sub(60), Some((at + 1).saturating_sub(60)));
    assert_eq!(given_up(FIVE_S, (0..200).map(ramp)), Some(64));
    // Beside others that are refused all the time it is waited for them, too.
    let mixed = |at: u64| {
        let mut tick = silent(at);
        tick.silence
            .merge(&second(at, 0, Some(at), Some(at)).silence);
        tick
    };
    assert_eq!(given_up(FIVE_S, (0..200).map(mixed)), Some(60));
}

#[test]
fn a_target_that_goes_away_is_given_up_and_one_that_comes_back_is_not() {
    let gone = |at: u64| second(at, u64::from(at <= 20), Some(at), None);
    assert_eq!(given_up(FIVE_S, (0..50).map(gone)), Some(26));
    let restarted = |at: u64| second(at, u64::from(!(20..25).contains(&at)), Some(at), None);
    assert_eq!(given_up(FIVE_S, (0..50).map(restarted)), None);
    // A request that began before the last answer and ended without one does not
    // say that nothing was found since then.
    let late = |at: u64| match at {
        0..=10 => second(at, 1, None, Some(0)),
        12 => second(at, 0, Some(0), None),
        _ => second(at, 0, None, None),
    };
    assert_eq!(given_up(FIVE_S, (0..50).map(late)), None);
}

#[test]
fn a_load_without_attempts_is_not_given_up() {
    let idle = |at: u64| second(at, 0, None, None);
    assert_eq!(given_up(FIVE_S, (0..50).map(idle)), None);
    // A user that thinks for 10 s after each request that was refused.
    let thinking = |at: u64| second(at, 0, at.is_multiple_of(10).then_some(at), None);
    assert_eq!(given_up(FIVE_S, (0..50).map(thinking)), Some(10));
}
