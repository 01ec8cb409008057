//! Checks a run that is under way against the table of limits, from its seconds:
//! the same limits as at the end (`judge`), on what is known so far.

use super::{Code, Limit, Trust};
use crate::measure::reading::lost_share;
use crate::measure::second::Second;

/// The worst value over a limit, on all seconds so far added: which limit, how
/// bad, and the value in the limit's unit. None while nothing is over a limit.
pub fn so_far(total: &Second) -> Option<(&'static Limit, Trust, f64)> {
    let percent = |part: u64, of: u64| (of > 0).then(|| part as f64 * 100.0 / of as f64);
    let answers = total.ok + total.failed;
    let values = [
        (Code::Drops, percent(total.dropped, total.scheduled)),
        (Code::Lag, lag_ms(total)),
        (Code::ReadDelay, lost_percent(total)),
        (Code::NoStamps, percent(total.unstamped, answers)),
    ];
    let mut worst: Option<(&'static Limit, Trust, f64)> = None;
    for (code, value) in values {
        let limit = Limit::of(code);
        let Some(value) = value else { continue };
        let trust = limit.trust(value);
        if trust > worst.map_or(Trust::Trusted, |worst| worst.1) {
            worst = Some((limit, trust, value));
        }
    }
    worst
}

/// A share of less of the users' time than this says how one answer was read, µs.
const SHORTEST_SHARE_US: u64 = 100_000;

/// Whether the generator was over a limit of its own in this second.
pub fn is_bad_second(second: &Second) -> bool {
    let over = |code, value: Option<f64>| {
        value.is_some_and(|value| Limit::of(code).trust(value) > Trust::Trusted)
    };
    over(Code::Lag, lag_ms(second)) || over(Code::ReadDelay, lost_percent(second))
}

fn lag_ms(second: &Second) -> Option<f64> {
    Some(second.lag.quantile_us(0.99)? / 1e3)
}

/// Of a second in which users were there for long enough to tell.
fn lost_percent(second: &Second) -> Option<f64> {
    (second.user_time_us >= SHORTEST_SHARE_US).then_some(())?;
    Some(lost_share(second.read_delay_us, second.user_time_us)? * 100.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_worst_is_told_by_the_limits_of_the_end() {
        let mut total = Second {
            scheduled: 1_000,
            ok: 990,
            user_time_us: 1_000_000,
            read_delay_us: 50_000,
            unstamped: 9,
            ..Second::default()
        };
        assert_eq!(so_far(&total), None);
        assert!(!is_bad_second(&total));
        total.read_delay_us = 60_000;
        assert!(is_bad_second(&total));
        let (limit, trust, value) = so_far(&total).unwrap();
        assert_eq!((limit.code, trust), (Code::ReadDelay, Trust::Degraded));
        assert!((value - 6.0).abs() < 1e-9);
        total.dropped = 20;
        let (limit, trust, _) = so_far(&total).unwrap();
        assert_eq!((limit.code, trust), (Code::Drops, Trust::Untrusted));
        (0..100).for_each(|_| total.lag.record(20_000));
        total.dropped = 0;
        assert_eq!(so_far(&total).unwrap().0.code, Code::Lag);
    }
}
