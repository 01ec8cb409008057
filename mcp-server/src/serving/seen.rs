//! What is seen of one connection from outside the HTTP library: whether a request is in progress,
//! whether a head has begun, whether its client takes the answer.

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

/// What is seen of a connection.
#[derive(Debug)]
pub(super) struct Seen {
    requests: AtomicUsize,
    /// An answer waits for its client.
    is_writing: AtomicBool,
    /// Bytes came since the last request.
    has_begun: AtomicBool,
    /// The client took too long with an answer.
    is_stalled: AtomicBool,
    idle_since: Mutex<Instant>,
    /// When a body that is waited for would have begun to be late, had none of it been.
    late_since: Mutex<Option<Instant>>,
}

/// How late a body is whose connection may be ended for a newcomer.
const LATE: Duration = Duration::from_secs(1);

impl Seen {
    pub(super) fn new() -> Arc<Self> {
        Arc::new(Self {
            requests: AtomicUsize::new(0),
            is_writing: AtomicBool::new(false),
            has_begun: AtomicBool::new(false),
            is_stalled: AtomicBool::new(false),
            idle_since: Mutex::new(Instant::now()),
            late_since: Mutex::new(None),
        })
    }

    /// A request begins; it is in progress as long as the answer lives.
    pub(super) fn begin(self: &Arc<Self>) -> InProgress {
        self.requests.fetch_add(1, Ordering::Relaxed);
        InProgress(Arc::clone(self))
    }

    pub(super) fn read(&self) {
        self.has_begun.store(true, Ordering::Relaxed);
    }

    pub(super) fn writing(&self, is_writing: bool) {
        self.is_writing.store(is_writing, Ordering::Relaxed);
    }

    pub(super) fn stalled(&self) {
        self.is_stalled.store(true, Ordering::Relaxed);
    }

    /// Whether a part of a head has come.
    pub(super) fn has_begun(&self) -> bool {
        self.has_begun.load(Ordering::Relaxed)
    }

    /// Whether the client took too long with an answer.
    pub(super) fn is_stalled(&self) -> bool {
        self.is_stalled.load(Ordering::Relaxed)
    }

    /// The next piece of a request's body is waited for, which was waited for so long before; None: it
    /// no longer is.
    pub(super) fn waits_for_body(&self, late: Option<Duration>) {
        let now = Instant::now();
        let since = late.map(|late| now.checked_sub(late).unwrap_or(now));
        *self
            .late_since
            .lock()
            .unwrap_or_else(PoisonError::into_inner) = since;
    }

    /// Since when a body is late that is waited for now; None where it is not, or not for long.
    pub(super) fn late_since(&self) -> Option<Instant> {
        let late = self
            .late_since
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        late.filter(|since| since.elapsed() >= LATE)
    }

    /// Since when nothing is in progress; None while something is.
    pub(super) fn idle_since(&self) -> Option<Instant> {
        if self.requests.load(Ordering::Relaxed) > 0 || self.is_writing.load(Ordering::Relaxed) {
            return None;
        }
        Some(
            *self
                .idle_since
                .lock()
                .unwrap_or_else(PoisonError::into_inner),
        )
    }
}

/// A request in progress.
#[derive(Debug)]
pub(super) struct InProgress(Arc<Seen>);

impl Drop for InProgress {
    fn drop(&mut self) {
        let mut since = self
            .0
            .idle_since
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        *since = Instant::now();
        self.0.has_begun.store(false, Ordering::Relaxed);
        self.0.requests.fetch_sub(1, Ordering::Relaxed);
    }
}
