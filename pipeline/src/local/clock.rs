//! The system's time and randomness.

use crate::clock::Clock;
use crate::error::PipelineError;
use std::io::Read;
use std::path::Path;
use std::time::{SystemTime, UNIX_EPOCH};

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
