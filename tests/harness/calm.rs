//! Whether the machine was calm: threads that sleep and look how late they
//! wake, which is what happens to a runner too. A run on a machine that is busy
//! with other things is not a healthy run, and no test of one.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

/// How long a thread sleeps each time.
const NAP: Duration = Duration::from_millis(5);

/// Watches until it is asked.
#[derive(Debug)]
pub struct Watch {
    over: Arc<AtomicBool>,
    threads: Vec<JoinHandle<Vec<u64>>>,
}

impl Watch {
    /// Begins to watch, with a thread for each core.
    pub fn begin() -> Self {
        let over = Arc::new(AtomicBool::new(false));
        let cores = std::thread::available_parallelism().map_or(1, usize::from);
        let threads = (0..cores)
            .map(|_| {
                let over = over.clone();
                std::thread::spawn(move || nap_until(&over))
            })
            .collect();
        Self { over, threads }
    }

    /// The worst thread's 99.5th percentile of lateness, µs.
    pub fn end_us(self) -> u64 {
        self.over.store(true, Ordering::Relaxed);
        let late = self.threads.into_iter().map(|thread| {
            let mut late = thread.join().unwrap_or_default();
            late.sort_unstable();
            if late.is_empty() {
                u64::MAX
            } else {
                crate::truth::quantile(&late, 0.995)
            }
        });
        late.max().unwrap_or(u64::MAX)
    }
}

fn nap_until(over: &AtomicBool) -> Vec<u64> {
    let mut late = Vec::new();
    while !over.load(Ordering::Relaxed) {
        let due = Instant::now() + NAP;
        std::thread::park_timeout(NAP);
        late.push(due.elapsed().as_micros() as u64);
    }
    late
}
