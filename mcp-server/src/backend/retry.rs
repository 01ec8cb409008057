//! How often and how long one asks again: pure arithmetic, so that it can be
//! tested without waiting.

use std::time::Duration;

/// All tries of one question together: API Gateway gives up after 29 s, and
/// agents wait no longer than they must.
pub(super) const OVERALL: Duration = Duration::from_secs(25);
/// One try.
pub(super) const PER_TRY: Duration = Duration::from_secs(10);
/// Most tries.
pub(super) const MOST_TRIES: u32 = 4;
/// The first pause, before jitter.
const FIRST_PAUSE: Duration = Duration::from_millis(200);
/// The longest pause.
const LONGEST_PAUSE: Duration = Duration::from_secs(3);

/// Whether a status says "later".
pub(super) fn is_passing(status: u16) -> bool {
    matches!(status, 429 | 502 | 503 | 504)
}

/// The pause after this many tries: from half to the whole of a time that
/// doubles, so that clients which failed together do not come back together.
/// A server's own `Retry-After` counts when it asks for more.
pub(super) fn pause(tries: u32, jitter: u16, asked: Option<Duration>) -> Duration {
    let doubled = FIRST_PAUSE.saturating_mul(1 << tries.saturating_sub(1).min(8));
    let whole = doubled.min(LONGEST_PAUSE);
    let share = 0.5 + f64::from(jitter) / f64::from(u16::MAX) / 2.0;
    let ours = whole.mul_f64(share);
    ours.max(asked.unwrap_or_default().min(LONGEST_PAUSE))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_double_and_stay_bounded() {
        let ms = |tries, jitter| pause(tries, jitter, None).as_millis();
        assert_eq!((ms(1, 0), ms(1, u16::MAX)), (100, 200));
        assert_eq!((ms(2, 0), ms(3, 0)), (200, 400));
        assert_eq!(ms(60, u16::MAX), 3_000);
        let asked = Some(Duration::from_secs(3600));
        assert_eq!(pause(1, 0, asked), LONGEST_PAUSE);
    }
}
