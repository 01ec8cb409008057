//! Ends a process that hangs, from a thread of its own. Every wait has its own
//! deadline; this one also holds when the event loop itself is blocked. Time for which
//! the whole process stood still, as on a machine that slept, does not count.

use super::deadlines::standstill;
use std::sync::mpsc::{RecvTimeoutError, Sender, channel};
use std::time::{Duration, Instant};

/// How often it looks whether the process is awake.
const LOOK_EVERY: Duration = Duration::from_secs(1);

/// Calls a function when a deadline has passed, unless the deadline is moved in
/// time. Dropped, it never does.
#[derive(Debug)]
pub struct Watchdog {
    deadline: Sender<Instant>,
}

impl Watchdog {
    /// Calls `expired` once `deadline` has passed.
    pub fn new(deadline: Instant, expired: impl FnOnce() + Send + 'static) -> Self {
        let (sender, deadlines) = channel();
        std::thread::spawn(move || {
            let mut deadline = deadline;
            loop {
                let looked_at = Instant::now();
                let left = deadline.saturating_duration_since(looked_at);
                if left.is_zero() {
                    return expired();
                }
                match deadlines.recv_timeout(left.min(LOOK_EVERY)) {
                    Ok(later) => deadline = later,
                    Err(RecvTimeoutError::Timeout) => deadline += standstill(looked_at.elapsed()),
                    Err(RecvTimeoutError::Disconnected) => return,
                }
            }
        });
        Self { deadline: sender }
    }

    /// Replaces the deadline.
    pub fn set_deadline(&self, deadline: Instant) {
        // Fails only once the thread has called `expired`.
        let _ = self.deadline.send(deadline);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::mpsc::sync_channel;
    use std::time::Duration;

    #[test]
    fn it_expires_once_and_not_after_a_drop() {
        let far = Instant::now() + Duration::from_secs(600);
        let (expired, calls) = sync_channel(1);
        let watchdog = Watchdog::new(far, move || expired.send(()).unwrap());
        watchdog.set_deadline(Instant::now());
        calls.recv_timeout(Duration::from_secs(30)).unwrap();

        let (expired, calls) = sync_channel(1);
        drop(Watchdog::new(far, move || expired.send(()).unwrap()));
        // Its thread drops the channel without having used it.
        assert!(calls.recv_timeout(Duration::from_secs(30)).is_err());
    }
}
