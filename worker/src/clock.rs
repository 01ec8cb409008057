//! Wall clock and monotonic clock, and the offset of another machine's clock.
//! What happens at an instant is decided elsewhere.

use dlt_core::messages::order::{BootInstant, Start};
use rustix::time::{ClockId, clock_gettime};
use std::sync::OnceLock;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

/// A clock that differs by more than this from what its leader says was set, µs: no
/// network takes so long.
const SET_CLOCK_US: u64 = 1_000_000;

/// µs since the Unix epoch.
pub fn now_us() -> u64 {
    SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .map_or(0, |since| {
            u64::try_from(since.as_micros()).unwrap_or(u64::MAX)
        })
}

/// The instant at which the wall clock shows `at_us`, as both clocks are now.
pub fn instant_at(at_us: u64) -> Instant {
    let (now, wall_us) = (Instant::now(), now_us());
    match at_us.checked_sub(wall_us) {
        Some(ahead) => now + Duration::from_micros(ahead),
        None => now
            .checked_sub(Duration::from_micros(wall_us - at_us))
            .unwrap_or(now),
    }
}

/// Now, on the clock of this boot; None if the system has none.
pub fn boot_now() -> Option<BootInstant> {
    static BOOT: OnceLock<Option<u64>> = OnceLock::new();
    let read =
        || BootInstant::number(&std::fs::read_to_string("/proc/sys/kernel/random/boot_id").ok()?);
    let boot = (*BOOT.get_or_init(read))?;
    let now = clock_gettime(ClockId::Boottime);
    let us = u64::try_from(now.tv_sec).ok()? * 1_000_000 + u64::try_from(now.tv_nsec).ok()? / 1_000;
    Some(BootInstant { boot, us })
}

/// The instant at which the wall clock shows `at_us`; by the clock of this boot where
/// both are on the same machine, so that nobody who sets the wall clock moves it.
pub fn instant_of(at_us: u64, on_boot: Option<BootInstant>) -> Instant {
    match on_boot.zip(boot_now()) {
        Some((at, now)) if at.boot == now.boot => instant_from_now(at.us as i64 - now.us as i64),
        _ => instant_at(at_us),
    }
}

/// The instant of a start that arrived just now. Where the own clock was set since its
/// leader compared it, the leader's word on how far ahead it is counts.
pub fn instant_of_start(start: &Start) -> Instant {
    let at = instant_of(start.start_at_us, start.boot);
    let Some(lead_us) = start.lead_us else {
        return at;
    };
    let told = instant_from_now(lead_us);
    let apart = at.max(told) - at.min(told);
    match apart > Duration::from_micros(SET_CLOCK_US) {
        true => told,
        false => at,
    }
}

fn instant_from_now(us: i64) -> Instant {
    let (now, by) = (Instant::now(), Duration::from_micros(us.unsigned_abs()));
    match us < 0 {
        true => now.checked_sub(by).unwrap_or(now),
        false => now + by,
    }
}

/// The offset of a peer's clock from ours.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ClockOffset {
    /// Peer's clock minus ours, µs.
    pub offset_us: i64,
    /// Largest error of the offset: half the round trip, µs.
    pub error_us: u64,
}

impl ClockOffset {
    /// Measured by one probe: sent at t1 and its answer read at t4 on our clock,
    /// read at t2 and answered at t3 on the peer's. None if a clock stepped
    /// meanwhile.
    pub fn of(t1_us: u64, t2_us: u64, t3_us: u64, t4_us: u64) -> Option<Self> {
        let [t1, t2, t3, t4] = [t1_us, t2_us, t3_us, t4_us].map(i128::from);
        let round_trip = (t4 - t1) - (t3 - t2);
        if round_trip < 0 || t3 < t2 {
            return None;
        }
        Some(Self {
            offset_us: i64::try_from(((t2 - t1) + (t3 - t4)).div_euclid(2)).ok()?,
            // Rounded up: the error is a bound.
            error_us: u64::try_from((round_trip + 1) / 2).ok()?,
        })
    }

    /// The more exact of two measurements; the first if they are equally exact.
    pub fn best(first: Option<Self>, second: Option<Self>) -> Option<Self> {
        first
            .into_iter()
            .chain(second)
            .min_by_key(|offset| offset.error_us)
    }

    /// What the peer's clock shows at an instant of ours.
    pub fn on_peers_clock(self, at_us: u64) -> u64 {
        at_us.saturating_add_signed(self.offset_us)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        /// The true offset is within the stated error, however unequal the two ways.
        #[test]
        fn the_true_offset_is_within_the_error(
            truth in -5_000_000i64..5_000_000,
            there in 0u64..200_000,
            pause in 0u64..50_000,
            back in 0u64..200_000,
        ) {
            let t1 = 1_772_615_703_000_000u64;
            let t2 = (t1 + there).saturating_add_signed(truth);
            let t3 = t2 + pause;
            let t4 = t1 + there + pause + back;
            let measured = ClockOffset::of(t1, t2, t3, t4).unwrap();
            prop_assert!(measured.offset_us.abs_diff(truth) <= measured.error_us, "{measured:?} {truth}");
            prop_assert_eq!(measured.error_us, (there + back).div_ceil(2));
            prop_assert_eq!(measured.on_peers_clock(t1), t1.saturating_add_signed(measured.offset_us));
        }
    }

    #[test]
    fn a_stepped_clock_gives_no_offset_and_the_shorter_trip_wins() {
        assert_eq!(ClockOffset::of(1_000, 500, 400, 1_100), None);
        assert_eq!(ClockOffset::of(1_000, 0, 500, 1_100), None);
        assert_eq!(ClockOffset::of(0, u64::MAX, u64::MAX, 0), None);
        let (near, far) = (
            ClockOffset {
                offset_us: 7,
                error_us: 20,
            },
            ClockOffset {
                offset_us: 9,
                error_us: 21,
            },
        );
        assert_eq!(ClockOffset::best(Some(near), Some(far)), Some(near));
        assert_eq!(ClockOffset::best(Some(far), Some(near)), Some(near));
        assert_eq!(ClockOffset::best(None, Some(far)), Some(far));
        assert_eq!(ClockOffset::best(None, None), None);
    }

    /// However far the wall clock is off, by which it was set.
    #[test]
    fn a_start_is_where_this_boot_or_the_leader_says() {
        use dlt_core::load::share::{Share, Slice};
        let boot = boot_now().unwrap();
        let ahead = BootInstant {
            us: boot.us + 2_000_000,
            ..boot
        };
        let start = |start_at_us, boot, lead_us| Start {
            share: Share { index: 0, of: 1 },
            slice: Slice::WHOLE,
            start_at_us,
            clock_offset_us: 0,
            clock_error_us: 0,
            boot,
            lead_us,
        };
        let hour = 3_600_000_000;
        let elsewhere = BootInstant {
            boot: boot.boot ^ 1,
            ..ahead
        };
        for told in [
            start(now_us() + hour, Some(ahead), None),
            start(now_us() - hour, Some(ahead), None),
            start(now_us() - hour, Some(elsewhere), Some(2_000_000)),
            start(now_us() + hour, None, Some(2_000_000)),
            // A little apart: the clocks were compared better than that.
            start(now_us() + 2_000_000, None, Some(1_600_000)),
            start(now_us() + 2_000_000, None, None),
        ] {
            let left = instant_of_start(&told).saturating_duration_since(Instant::now());
            let is_near = left > Duration::from_millis(1_500) && left <= Duration::from_secs(2);
            assert!(is_near, "{left:?} {told:?}");
        }
        let over = start(now_us() + hour, None, Some(-5_000_000));
        assert!(instant_of_start(&over) < Instant::now());
    }

    #[test]
    fn instants_follow_the_wall_clock() {
        let ahead = instant_at(now_us() + 2_000_000);
        let left = ahead.saturating_duration_since(Instant::now());
        assert!(left > Duration::from_secs(1) && left <= Duration::from_secs(2));
        assert!(instant_at(now_us() - 1_000_000) <= Instant::now());
    }
}
