//! The last resort against hanging: a thread of its own that ends the process
//! when nothing else has. Every wait has its own deadline too; this one holds
//! when the event loop itself is stuck.

use std::sync::mpsc::{RecvTimeoutError, Sender, channel};
use std::time::Instant;

/// Ends the process unless told otherwise in time. Dropped, it sleeps for ever.
#[derive(Debug)]
pub struct Watchdog {
    until: Sender<Instant>,
}

impl Watchdog {
    /// Calls `expired` once `until` has passed.
    pub fn new(until: Instant, expired: impl FnOnce() + Send + 'static) -> Self {
        let (sender, moved) = channel();
        std::thread::spawn(move || {
            let mut until = until;
            loop {
                match moved.recv_timeout(until.saturating_duration_since(Instant::now())) {
                    Ok(later) => until = later,
                    Err(RecvTimeoutError::Timeout) => return expired(),
                    Err(RecvTimeoutError::Disconnected) => return,
                }
            }
        });
        Self { until: sender }
    }

    /// From now on, `until` is the end.
    pub fn wait_until(&self, until: Instant) {
        // Without its thread the process is ending already.
        let _ = self.until.send(until);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::mpsc::sync_channel;
    use std::time::Duration;

    #[test]
    fn it_expires_once_and_only_if_kept() {
        let far = Instant::now() + Duration::from_secs(600);
        let (expired, seen) = sync_channel(1);
        let dog = Watchdog::new(far, move || expired.send(()).unwrap());
        dog.wait_until(Instant::now());
        seen.recv_timeout(Duration::from_secs(30)).unwrap();

        let (expired, seen) = sync_channel(1);
        drop(Watchdog::new(far, move || expired.send(()).unwrap()));
        // Its thread lets go of the channel without having used it.
        assert!(seen.recv_timeout(Duration::from_secs(30)).is_err());
    }
}
