//! The truth about a run, as its target saw it: every request with its
//! instants, every connection. Reading it never stops the target.

use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard};
use std::time::{Instant, SystemTime, UNIX_EPOCH};

/// One request.
#[derive(Debug, Clone)]
pub struct Seen {
    /// The connection it came on, counted from 0 in order of acceptance.
    pub connection: u64,
    /// Its method.
    pub method: String,
    /// Its path, with the query.
    pub path: String,
    /// Head and body as they came; empty unless the target keeps them.
    pub text: String,
    /// When its head was complete, µs since the Unix epoch.
    pub arrived_us: u64,
    /// When the last of its answer began to be written; None if it never was as a whole.
    pub answering_us: Option<u64>,
    /// When its answer was written; None if it never was.
    pub answered_us: Option<u64>,
    /// The status of that answer.
    pub status: Option<u16>,
}

impl Seen {
    /// From the head being read to the last of the answer, µs. Over loopback the client's kernel has it
    /// while the target still writes: no client can have waited for less than this.
    pub fn took_us(&self) -> Option<u64> {
        Some(self.answering_us?.saturating_sub(self.arrived_us))
    }
}

#[derive(Debug, Default)]
struct Book {
    seen: Vec<Seen>,
    accepted: u64,
    open: u64,
    handshakes_failed: u64,
}

/// A target's log.
#[derive(Debug)]
pub struct Log {
    book: Mutex<Book>,
    /// One instant on both clocks: stamps follow the monotonic one.
    anchor: (Instant, u64),
}

impl Default for Log {
    fn default() -> Self {
        let wall = SystemTime::now().duration_since(UNIX_EPOCH);
        Self {
            book: Mutex::default(),
            anchor: (
                Instant::now(),
                wall.map_or(0, |wall| wall.as_micros() as u64),
            ),
        }
    }
}

impl Log {
    fn book(&self) -> MutexGuard<'_, Book> {
        self.book
            .lock()
            .unwrap_or_else(|poisoned| poisoned.into_inner())
    }

    /// µs since the Unix epoch.
    pub fn now_us(&self) -> u64 {
        self.anchor.1 + self.anchor.0.elapsed().as_micros() as u64
    }

    /// A connection came; its number.
    pub(crate) fn accepted(&self) -> u64 {
        let mut book = self.book();
        book.accepted += 1;
        book.open += 1;
        book.accepted - 1
    }

    pub(crate) fn closed(&self) {
        self.book().open -= 1;
    }

    pub(crate) fn handshake_failed(&self) {
        self.book().handshakes_failed += 1;
    }

    /// A request came; its number.
    pub(crate) fn arrived(&self, seen: Seen) -> usize {
        let mut book = self.book();
        book.seen.push(seen);
        book.seen.len() - 1
    }

    pub(crate) fn answered(&self, number: usize, answering_us: u64, status: Option<u16>) {
        let now = self.now_us();
        let seen = &mut self.book().seen[number];
        seen.answering_us = Some(answering_us);
        seen.answered_us = Some(now);
        seen.status = status;
    }

    /// The first request's arrival, µs since the Unix epoch.
    pub fn first_us(&self) -> Option<u64> {
        self.book().seen.first().map(|seen| seen.arrived_us)
    }

    /// Every request so far, in order of arrival.
    pub fn seen(&self) -> Vec<Seen> {
        self.book().seen.clone()
    }

    /// Requests so far.
    pub fn count(&self) -> u64 {
        self.book().seen.len() as u64
    }

    /// Requests of a path so far.
    pub fn count_of(&self, path: &str) -> u64 {
        let book = self.book();
        book.seen.iter().filter(|seen| seen.path == path).count() as u64
    }

    /// Requests by path.
    pub fn by_path(&self) -> BTreeMap<String, u64> {
        let mut counts = BTreeMap::new();
        for seen in &self.book().seen {
            *counts.entry(seen.path.clone()).or_default() += 1;
        }
        counts
    }

    /// Requests that arrived in each second since `start_us`; earlier ones are
    /// left out, so that a caller who sums notices.
    pub fn by_second(&self, start_us: u64) -> Vec<u64> {
        let mut counts = Vec::new();
        for seen in &self.book().seen {
            let Some(since) = seen.arrived_us.checked_sub(start_us) else {
                continue;
            };
            let second = (since / 1_000_000) as usize;
            if second >= counts.len() {
                counts.resize(second + 1, 0);
            }
            counts[second] += 1;
        }
        counts
    }

    /// Connections accepted so far.
    pub fn connections(&self) -> u64 {
        self.book().accepted
    }

    /// Connections that are open now.
    pub fn open(&self) -> u64 {
        self.book().open
    }

    /// TLS handshakes that failed.
    pub fn handshakes_failed(&self) -> u64 {
        self.book().handshakes_failed
    }
}
