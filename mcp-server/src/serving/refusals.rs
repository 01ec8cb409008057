//! What was refused: counted, and told in one line for all of some seconds, so that a flood of
//! refusals is no flood of lines.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;
use tokio::sync::Notify;

/// How long refusals are gathered before the first line about them.
const FIRST: Duration = Duration::from_secs(1);
/// The pause between two lines.
const PAUSE: Duration = Duration::from_secs(10);

/// Where lines for people go.
pub type Tell = Arc<dyn Fn(&str) + Send + Sync>;

/// What can be refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Refusal {
    /// All places were taken by requests in progress.
    Crowded,
    /// An idle connection was ended for a newcomer.
    MadeRoom,
    /// One whose body was late was ended for a newcomer.
    LateBody,
    /// A head did not come in time.
    SlowHead,
    /// A body did not come in time.
    SlowBody,
    /// An answer was not read in time.
    SlowReader,
    /// A body for which there was no room.
    NoRoom,
    /// What a caller asked for went over its share: the router answered 429.
    TooMuch,
    /// A connection that could not be accepted.
    NotAccepted,
}

/// Each with what is told of it, in plural.
const TEXTS: [(Refusal, &str); 9] = [
    (
        Refusal::Crowded,
        "connections refused, all places were in use",
    ),
    (
        Refusal::MadeRoom,
        "idle connections ended, to make room for others",
    ),
    (
        Refusal::LateBody,
        "connections ended whose request did not go on, to make room for others",
    ),
    (
        Refusal::SlowHead,
        "connections ended, the head of their request did not come in time",
    ),
    (
        Refusal::SlowBody,
        "requests refused, their body did not come in time",
    ),
    (
        Refusal::SlowReader,
        "connections ended, their answer was not read in time",
    ),
    (
        Refusal::NoRoom,
        "requests refused, too many long bodies came at once",
    ),
    (
        Refusal::TooMuch,
        "requests refused with 429, their caller asked too often or listens too much",
    ),
    (
        Refusal::NotAccepted,
        "connections not accepted, the system refused them; mostly too many files are open",
    ),
];

/// Counts of refusals.
pub(super) struct Refusals {
    told: [AtomicU64; TEXTS.len()],
    counts: [AtomicU64; TEXTS.len()],
    news: Notify,
    tell: Tell,
}

impl Refusals {
    pub(super) fn new(tell: Tell) -> Arc<Self> {
        Arc::new(Self {
            told: Default::default(),
            counts: Default::default(),
            news: Notify::new(),
            tell,
        })
    }

    pub(super) fn count(&self, refusal: Refusal) {
        let row = TEXTS.iter().position(|row| row.0 == refusal);
        if let Some(count) = row.and_then(|row| self.counts.get(row)) {
            count.fetch_add(1, Ordering::Relaxed);
        }
        self.news.notify_one();
    }

    /// Tells what is counted, until it is dropped.
    pub(super) async fn tell_on(&self) {
        loop {
            self.news.notified().await;
            tokio::time::sleep(FIRST).await;
            self.tell_now();
            tokio::time::sleep(PAUSE).await;
        }
    }

    /// Tells what was counted since it was last told, with the sums since the start.
    pub(super) fn tell_now(&self) {
        let mut parts = Vec::new();
        for ((_, text), (count, told)) in TEXTS.iter().zip(self.counts.iter().zip(&self.told)) {
            let sum = count.load(Ordering::Relaxed);
            let new = sum - told.swap(sum, Ordering::Relaxed);
            match new {
                0 => {}
                new if new == sum => parts.push(format!("{new} {text}")),
                new => parts.push(format!("{new} {text} ({sum} so far)")),
            }
        }
        if !parts.is_empty() {
            (self.tell)(&format!("slow or too many clients: {}", parts.join("; ")));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::Mutex;

    #[test]
    fn each_refusal_is_told_once_and_counted_from_the_start() {
        let lines: Arc<Mutex<Vec<String>>> = Arc::default();
        let kept = Arc::clone(&lines);
        let refusals = Refusals::new(Arc::new(move |line: &str| {
            kept.lock().unwrap().push(line.to_owned());
        }));
        refusals.tell_now();
        for (refusal, _) in TEXTS {
            refusals.count(refusal);
        }
        refusals.tell_now();
        refusals.tell_now();
        refusals.count(Refusal::Crowded);
        refusals.tell_now();
        let lines = lines.lock().unwrap();
        let [all, more] = lines.as_slice() else {
            panic!("{lines:?}")
        };
        for (_, text) in TEXTS {
            assert!(all.contains(&format!("1 {text}")), "{all}");
        }
        assert_eq!(
            more,
            "slow or too many clients: 1 connections refused, all places were in use (2 so far)"
        );
    }
}
