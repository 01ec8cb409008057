//! When a failed request is sent again: pure arithmetic, so that tests need not wait.

use std::time::Duration;

/// Deadline of all attempts together: API Gateway ends a request after 29 s.
pub(super) const OVERALL: Duration = Duration::from_secs(25);
/// Deadline of one attempt.
pub(super) const PER_TRY: Duration = Duration::from_secs(10);
/// Most attempts.
pub(super) const MOST_TRIES: u32 = 4;
/// The first pause, before jitter.
const FIRST_PAUSE: Duration = Duration::from_millis(200);
/// The longest pause.
const LONGEST_PAUSE: Duration = Duration::from_secs(3);

/// Whether the same request may succeed later.
pub fn is_transient(status: u16) -> bool {
    matches!(status, 429 | 502 | 503 | 504)
}

/// The pause after this many attempts: between half and all of a time that doubles, so
/// that clients which failed together do not retry together. A longer `Retry-After` of
/// the server is respected.
pub(super) fn pause(tries: u32, jitter: u16, retry_after: Option<Duration>) -> Duration {
    let doubled = FIRST_PAUSE.saturating_mul(1 << tries.saturating_sub(1).min(8));
    let longest = doubled.min(LONGEST_PAUSE);
    let share = 0.5 + f64::from(jitter) / f64::from(u16::MAX) / 2.0;
    let pause = longest.mul_f64(share);
    pause.max(retry_after.unwrap_or_default().min(LONGEST_PAUSE))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_double_up_to_a_limit() {
        let ms = |tries, jitter| pause(tries, jitter, None).as_millis();
        assert_eq!((ms(1, 0), ms(1, u16::MAX)), (100, 200));
        assert_eq!((ms(2, 0), ms(3, 0)), (200, 400));
        assert_eq!(ms(60, u16::MAX), 3_000);
        let hour = Some(Duration::from_secs(3600));
        assert_eq!(pause(1, 0, hour), LONGEST_PAUSE);
    }
}
