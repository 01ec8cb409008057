//! Numbers, coarse histograms and seconds as few bytes, for what a runner holds to the end of its run.
//! In memory alone: what is stored or sent has formats of its own.
//!
//! A number has seven bits a byte, the lowest first; the highest bit says that more follow (LEB128).

use super::coarse::Coarse;
use super::second::Second;
use std::sync::Arc;

/// Stands for empty buckets of a histogram: how many follows. Behind the last bucket there are none.
const EMPTY: u64 = 0;

/// Adds a number.
pub fn put(bytes: &mut Vec<u8>, mut number: u64) {
    while number >= 0x80 {
        bytes.push(number as u8 | 0x80);
        number >>= 7;
    }
    bytes.push(number as u8);
}

/// The next number; None at the end.
pub fn take(bytes: &mut std::slice::Iter<'_, u8>) -> Option<u64> {
    let mut number = 0;
    for shift in (0..64).step_by(7) {
        let byte = bytes.next()?;
        number |= u64::from(byte & 0x7f) << shift;
        if byte & 0x80 == 0 {
            break;
        }
    }
    Some(number)
}

/// Adds a histogram: counts from bucket 0 on, empty ones as 0 and their number, at the end 0 and 0.
pub fn put_times(bytes: &mut Vec<u8>, times: &Coarse) {
    let mut next = 0;
    for (bucket, count) in times.rows() {
        if bucket > next {
            put(bytes, EMPTY);
            put(bytes, (bucket - next) as u64);
        }
        put(bytes, count);
        next = bucket + 1;
    }
    put(bytes, EMPTY);
    put(bytes, 0);
}

/// The next histogram.
pub fn take_times(bytes: &mut std::slice::Iter<'_, u8>) -> Coarse {
    let (mut times, mut bucket) = (Coarse::default(), 0);
    while let Some(count) = take(bytes) {
        if count == EMPTY {
            match take(bytes) {
                None | Some(0) => break,
                Some(empty) => bucket += empty as usize,
            }
        } else {
            times.add_at(bucket, count);
            bucket += 1;
        }
    }
    times
}

/// A second in a tenth of its memory; copies share it.
#[derive(Debug, Clone)]
pub struct PackedSecond(Arc<[u8]>);

impl PackedSecond {
    /// That of a second.
    pub fn of(second: &Second) -> Self {
        let Second {
            second,
            users,
            scheduled,
            dropped,
            unconnected,
            sent,
            resent,
            ok,
            failed,
            unfinished,
            bytes,
            causes,
            latency,
            latency_failed,
            lag,
            user_time_us,
            read_delay_us,
            unstamped,
            runners,
        } = second;
        let mut packed = Vec::new();
        let numbers = [
            second,
            users,
            scheduled,
            dropped,
            unconnected,
            sent,
            resent,
            ok,
            failed,
            unfinished,
            bytes,
            user_time_us,
            read_delay_us,
            unstamped,
            runners,
        ];
        numbers.iter().for_each(|number| put(&mut packed, **number));
        for times in [latency, latency_failed, lag] {
            put_times(&mut packed, times);
        }
        for (cause, count) in causes {
            put(&mut packed, *count);
            put(&mut packed, cause.len() as u64);
            packed.extend_from_slice(cause.as_bytes());
        }
        Self(packed.into())
    }

    /// The second.
    pub fn second(&self) -> Second {
        let bytes = &mut self.0.iter();
        let mut number = || take(bytes).unwrap_or_default();
        let mut second = Second {
            second: number(),
            users: number(),
            scheduled: number(),
            dropped: number(),
            unconnected: number(),
            sent: number(),
            resent: number(),
            ok: number(),
            failed: number(),
            unfinished: number(),
            bytes: number(),
            user_time_us: number(),
            read_delay_us: number(),
            unstamped: number(),
            runners: number(),
            ..Second::default()
        };
        second.latency = take_times(bytes);
        second.latency_failed = take_times(bytes);
        second.lag = take_times(bytes);
        while let (Some(count), Some(length)) = (take(bytes), take(bytes)) {
            let cause: Vec<u8> = bytes.by_ref().take(length as usize).copied().collect();
            let cause = String::from_utf8_lossy(&cause).into_owned();
            second.causes.push((cause, count));
        }
        second
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn times() -> impl Strategy<Value = Coarse> {
        prop::collection::vec((0usize..256, any::<u32>()), 0..20).prop_map(|rows| {
            let mut times = Coarse::default();
            rows.into_iter()
                .for_each(|(bucket, count)| times.add_at(bucket, u64::from(count)));
            times
        })
    }

    prop_compose! {
        fn second()(
            n in prop::collection::vec(any::<u64>(), 15),
            times in [times(), times(), times()],
            causes in prop::collection::vec(("[a-z0-9-]{0,12}|é", any::<u64>()), 0..4),
        ) -> Second {
            let [latency, latency_failed, lag] = times;
            Second {
                second: n[0], users: n[1], scheduled: n[2], dropped: n[3], unconnected: n[4],
                sent: n[5], resent: n[6], ok: n[7], failed: n[8], unfinished: n[9], bytes: n[10],
                user_time_us: n[11], read_delay_us: n[12], unstamped: n[13], runners: n[14],
                causes, latency, latency_failed, lag,
            }
        }
    }

    proptest! {
        #[test]
        fn what_is_packed_comes_back(second in second()) {
            prop_assert_eq!(PackedSecond::of(&second).second(), second);
        }

        #[test]
        fn numbers_and_histograms_come_back(numbers in prop::collection::vec(any::<u64>(), 0..9), times in times()) {
            let mut bytes = Vec::new();
            numbers.iter().for_each(|number| put(&mut bytes, *number));
            put_times(&mut bytes, &times);
            let rest = &mut bytes.iter();
            for number in numbers {
                prop_assert_eq!(take(rest), Some(number));
            }
            prop_assert_eq!(take_times(rest), times);
            prop_assert_eq!(take(rest), None);
        }
    }

    /// 20,000 answers of a usual second, in so many bytes.
    #[test]
    fn a_usual_second_is_small() {
        let mut second = Second {
            second: 599,
            sent: 20_000,
            ok: 20_000,
            bytes: 4_000_000,
            ..Second::default()
        };
        for n in 0..20_000u64 {
            second.latency.record(100 + n % 3_000);
            second.lag.record(n % 300);
        }
        let PackedSecond(bytes) = PackedSecond::of(&second);
        assert!(bytes.len() < 250, "{}", bytes.len());
    }
}
