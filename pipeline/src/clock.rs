//! Time and chance, from outside or from the system, and what is made of them:
//! stamps and ids.

use crate::error::PipelineError;
use std::io::Read as _;
use std::path::Path;
use std::time::{SystemTime, UNIX_EPOCH};

/// Time and chance, from outside.
pub trait Clock: Send + Sync {
    /// µs since the Unix epoch.
    fn now_us(&self) -> u64;
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

    #[test]
    fn stamps_and_ids_have_their_form() {
        assert_eq!(stamp(1_772_615_703_000_000), "2026-03-04 09:15:03");
        let id = random_id(&Counting(240.into()), 70).unwrap();
        assert_eq!(id.len(), 70);
        assert!(id.starts_with("23456789ABC"), "{id}");
    }
}
