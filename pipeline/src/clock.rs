//! Time and chance, from outside or from the system, and what is made of them:
//! stamps and ids.

use crate::error::PipelineError;
use dlt_core::messages::order::BootInstant;
use serde::{Deserialize, Serialize};
use std::io::Read as _;
use std::path::Path;
use std::time::{SystemTime, UNIX_EPOCH};

/// Where the kernel tells which boot this is.
#[cfg(feature = "local")]
const BOOT_ID: &str = "/proc/sys/kernel/random/boot_id";

/// A clock for the deadlines of one run: the wall clock as it was when the run was
/// stored, carried on by the clock since boot. Whoever sets the wall clock moves no
/// deadline. After another boot, and where there is no such clock, it is the wall clock.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct RunClock {
    /// Which boot.
    pub boot: u64,
    /// What the wall clock, as it was then, showed at the boot, µs since the Unix epoch.
    pub booted_us: u64,
}

impl RunClock {
    /// For a run that is stored now.
    pub fn now(clock: &dyn Clock) -> Option<Self> {
        let boot = clock.boot()?;
        let booted_us = clock.now_us().checked_sub(boot.us)?;
        Some(Self {
            boot: boot.boot,
            booted_us,
        })
    }

    /// Now on the clock of a run, µs.
    pub fn now_us(this: Option<Self>, clock: &dyn Clock) -> u64 {
        match this.zip(clock.boot()) {
            Some((this, now)) if this.boot == now.boot => this.booted_us + now.us,
            _ => clock.now_us(),
        }
    }

    /// An instant of a run on the clock since boot.
    pub fn on_boot(self, at_us: u64) -> Option<BootInstant> {
        Some(BootInstant {
            boot: self.boot,
            us: at_us.checked_sub(self.booted_us)?,
        })
    }
}

/// Time and chance, from outside.
pub trait Clock: Send + Sync {
    /// µs since the Unix epoch.
    fn now_us(&self) -> u64;
    /// Now, on the clock that the machine has since its boot, which nobody sets; None
    /// where deadlines go by the wall clock.
    fn boot(&self) -> Option<BootInstant> {
        None
    }
    /// Fills with bytes that nobody can guess.
    fn random(&self, bytes: &mut [u8]) -> Result<(), PipelineError>;
}

/// The system's time and randomness.
#[derive(Debug, Clone, Copy, Default)]
pub struct SystemClock;

impl Clock for SystemClock {
    fn now_us(&self) -> u64 {
        SystemTime::now()
            .duration_since(UNIX_EPOCH)
            .map_or(0, |age| u64::try_from(age.as_micros()).unwrap_or(u64::MAX))
    }

    #[cfg(feature = "local")]
    fn boot(&self) -> Option<BootInstant> {
        use rustix::time::{ClockId, clock_gettime};
        static BOOT: std::sync::OnceLock<Option<u64>> = std::sync::OnceLock::new();
        let read = || BootInstant::number(&std::fs::read_to_string(BOOT_ID).ok()?);
        let boot = (*BOOT.get_or_init(read))?;
        let now = clock_gettime(ClockId::Boottime);
        let seconds = u64::try_from(now.tv_sec).ok()?;
        let us = seconds * 1_000_000 + u64::try_from(now.tv_nsec).ok()? / 1_000;
        Some(BootInstant { boot, us })
    }

    fn random(&self, bytes: &mut [u8]) -> Result<(), PipelineError> {
        let path = Path::new("/dev/urandom");
        std::fs::File::open(path)
            .and_then(|mut file| file.read_exact(bytes))
            .map_err(|error| PipelineError::file(path, error))
    }
}

/// Seconds as the API writes them: `YYYY-MM-DD HH:MM:SS`, UTC.
pub fn stamp(now_us: u64) -> String {
    let second = i64::try_from(now_us / 1_000_000).unwrap_or(0);
    jiff::Timestamp::from_second(second)
        .unwrap_or(jiff::Timestamp::UNIX_EPOCH)
        .strftime("%Y-%m-%d %H:%M:%S")
        .to_string()
}

/// Letters and digits that nobody can guess, as ids have them.
pub fn random_id(clock: &dyn Clock, length: usize) -> Result<String, PipelineError> {
    const LETTERS: &[u8; 62] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789";
    let mut id = String::with_capacity(length);
    let mut bytes = [0u8; 64];
    while id.len() < length {
        clock.random(&mut bytes)?;
        // 248 is the largest multiple of 62 below 256: no letter is favoured.
        let fair = bytes.iter().filter(|&&byte| byte < 248);
        id.extend(
            fair.take(length - id.len())
                .map(|byte| char::from(LETTERS[usize::from(byte % 62)])),
        );
    }
    Ok(id)
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Counting(std::sync::atomic::AtomicU8);
    impl Clock for Counting {
        fn now_us(&self) -> u64 {
            0
        }
        fn random(&self, bytes: &mut [u8]) -> Result<(), PipelineError> {
            for byte in bytes {
                *byte = self.0.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
            }
            Ok(())
        }
    }

    /// A wall clock and a clock since boot, each set by the test.
    struct Two {
        wall_us: u64,
        boot: Option<BootInstant>,
    }
    impl Clock for Two {
        fn now_us(&self) -> u64 {
            self.wall_us
        }
        fn boot(&self) -> Option<BootInstant> {
            self.boot
        }
        fn random(&self, _: &mut [u8]) -> Result<(), PipelineError> {
            Ok(())
        }
    }

    #[test]
    fn a_runs_clock_is_moved_by_nobody_within_a_boot() {
        let at = |wall_us, boot, us| Two {
            wall_us,
            boot: Some(BootInstant { boot, us }),
        };
        let run = RunClock::now(&at(10_000, 7, 300));
        let now = |clock: &Two| RunClock::now_us(run, clock);
        assert_eq!(now(&at(10_000, 7, 300)), 10_000);
        // Set an hour ahead, then back to the epoch.
        assert_eq!(now(&at(3_600_010_000, 7, 350)), 10_050);
        assert_eq!(now(&at(1, 7, 400)), 10_100);
        // Booted again: the wall clock.
        assert_eq!(now(&at(50_000, 8, 20)), 50_000);
        let none = Two {
            wall_us: 60_000,
            boot: None,
        };
        assert_eq!(now(&none), 60_000);
        assert_eq!(
            (RunClock::now(&none), RunClock::now_us(None, &at(5, 7, 6))),
            (None, 5)
        );
        let started = run.unwrap().on_boot(10_250);
        assert_eq!(started, Some(BootInstant { boot: 7, us: 550 }));
        assert_eq!(run.unwrap().on_boot(9_000), None);
    }

    #[test]
    fn the_system_has_both_clocks() {
        let (before, clock) = (SystemClock.boot().unwrap(), SystemClock);
        let run = RunClock::now(&clock);
        let apart = RunClock::now_us(run, &clock).abs_diff(clock.now_us());
        assert!(apart < 60_000_000, "{apart} µs");
        assert!(clock.boot().unwrap().us >= before.us);
    }

    #[test]
    fn stamps_and_ids_have_their_form() {
        assert_eq!(stamp(1_772_615_703_000_000), "2026-03-04 09:15:03");
        let id = random_id(&Counting(240.into()), 70).unwrap();
        assert_eq!(id.len(), 70);
        assert!(id.starts_with("23456789ABC"), "{id}");
    }
}
