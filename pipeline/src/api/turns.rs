//! Work that takes as long as a scenario is: done beside the threads that serve connections, and only
//! so much of it at once, so that neither they nor the memory are taken by a few long texts.

use axum::http::StatusCode;
use dlt_core::calls::Caller;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::Semaphore;
use tokio::task::block_in_place;

/// Scenarios that are read or shown at once for each kind of caller: one takes up to a second of a
/// core and some 100 MB. Others wait.
const MOST_AT_ONCE: usize = 2;

/// How long a turn is waited for.
const LONGEST_WAIT: Duration = Duration::from_secs(30);

/// Why work was not done.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Unworked {
    /// Its turn did not come in time.
    Busy,
    /// It panicked.
    Broken,
}

impl Unworked {
    /// Status and text of its answer.
    pub(super) fn told(self) -> (StatusCode, &'static str) {
        match self {
            Self::Busy => (
                StatusCode::SERVICE_UNAVAILABLE,
                "too many long scenarios are worked on; try again in a moment",
            ),
            Self::Broken => (
                StatusCode::INTERNAL_SERVER_ERROR,
                "the request could not be worked on; try again",
            ),
        }
    }
}

/// Whose turn it is: readers do not keep writers waiting.
#[derive(Debug, Clone)]
pub(super) struct Turns {
    readers: Arc<Semaphore>,
    writers: Arc<Semaphore>,
}

impl Turns {
    pub(super) fn new() -> Self {
        let turns = || Arc::new(Semaphore::new(MOST_AT_ONCE));
        Self {
            readers: turns(),
            writers: turns(),
        }
    }

    /// Does work in the caller's turn. Begun, it is done, also when nobody
    /// waits for it any more.
    pub(super) async fn work<T: Send + 'static>(
        &self,
        caller: Caller,
        work: impl FnOnce() -> T + Send + 'static,
    ) -> Result<T, Unworked> {
        let turns = match caller {
            Caller::Reader => &self.readers,
            Caller::Writer => &self.writers,
        };
        let turn = tokio::time::timeout(LONGEST_WAIT, Arc::clone(turns).acquire_owned());
        // It is never closed.
        let turn = turn.await.map_err(|_| Unworked::Busy)?;
        // On a thread that serves, whose connections another one takes over meanwhile: what such a
        // thread allocates and frees goes back to the system, what each of many threads does, not.
        tokio::spawn(async move {
            let done = block_in_place(work);
            drop(turn);
            done
        })
        .await
        .map_err(|_| Unworked::Broken)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::mpsc::channel;

    /// Its clock is the test's.
    #[tokio::test(start_paused = true)]
    async fn a_turn_that_does_not_come_is_told() {
        let turns = Turns::new();
        let held = Arc::clone(&turns.readers);
        let held = held.acquire_many_owned(MOST_AT_ONCE as u32).await;
        let late = turns.work(Caller::Reader, || ()).await;
        assert_eq!(late, Err(Unworked::Busy));
        drop(held);
    }

    /// Others are served on, and so are writers.
    #[tokio::test(flavor = "multi_thread", worker_threads = 1)]
    async fn long_work_of_readers_holds_nobody_else() {
        let turns = Turns::new();
        let (begun, mut begins) = tokio::sync::mpsc::unbounded_channel();
        let mut held = Vec::new();
        for n in 0..3 {
            let (release, wait) = channel::<()>();
            let (turns, begun) = (turns.clone(), begun.clone());
            let work = move || {
                begun.send(n).unwrap();
                wait.recv_timeout(Duration::from_secs(60)).unwrap();
                n
            };
            let done = tokio::spawn(async move { turns.work(Caller::Reader, work).await.unwrap() });
            held.push((release, done));
        }
        let first = [begins.recv().await.unwrap(), begins.recv().await.unwrap()];
        assert_eq!(turns.work(Caller::Writer, || 7).await.unwrap(), 7);
        assert!(begins.try_recv().is_err(), "the third waits for its turn");
        let third = 3 - first[0] - first[1];
        for n in [first[0], first[1], third] {
            held[n].0.send(()).unwrap();
        }
        for (n, (_, done)) in held.into_iter().enumerate() {
            assert_eq!(done.await.unwrap(), n);
        }
        assert_eq!(begins.recv().await, Some(third));
    }
}
