//! The memory that a load may take. The system ends a process that takes too much, and
//! with it all that it has measured; so what grows with load asks here first: kept
//! answers, connections, cookies, labels. Without room the sample fails by name.
//!
//! Two bounds: kept answers have a part of the memory for themselves, exact to the byte
//! (`KeptRoom`); everything together is looked at twenty times a second (`Memory`).

use crate::engine::failure::Failure;
use crate::health::MemoryReading;
use dlt_core::measure::sample::Cause;
use dlt_core::scenario::plan::{Group, Plan};
use std::cell::Cell;
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::time::Duration;

/// Part of the memory from which on nothing more is begun, per cent: the rest is for
/// what is under way, and for the report.
const SHORT_PERCENT: u64 = 80;
/// Part of the memory for kept answers, per cent.
const KEPT_PERCENT: u64 = 30;
/// How often the memory is looked at. What comes in meanwhile has to fit into the rest.
const LOOK_EVERY: Duration = Duration::from_millis(50);
/// Memory of a user or of an arrival in flight with its connection, bytes, at least:
/// measured with a million users, 1,722 to 1,790 bytes each.
const USER_BYTES: u64 = 1_800;
/// What a connection with TLS takes beside, bytes: its keys and buffers.
const TLS_BYTES: u64 = 20_000;

/// The memory of a runner, and whether it is nearly used up.
#[derive(Debug, Clone)]
pub(crate) struct Memory {
    /// Bytes that the runner may use; None: nobody says.
    limit_bytes: Option<u64>,
    short: Arc<AtomicBool>,
}

/// Looks at the memory as long as it is kept.
#[derive(Debug)]
pub(crate) struct MemoryWatch {
    /// Dropped, it ends the looking.
    _watched: Option<Sender<()>>,
}

impl Memory {
    pub(crate) fn new(limit_bytes: Option<u64>) -> Self {
        Self {
            limit_bytes,
            short: Arc::default(),
        }
    }

    /// Whether nothing more may be begun that needs memory.
    #[inline]
    pub(crate) fn is_short(&self) -> bool {
        self.short.load(Ordering::Relaxed)
    }

    /// Begins to look, on a thread of its own.
    pub(crate) fn watch(&self) -> MemoryWatch {
        let Some(limit_bytes) = self.limit_bytes else {
            return MemoryWatch { _watched: None };
        };
        let (watch, ended) = channel();
        let short = self.short.clone();
        let watching = std::thread::Builder::new()
            .name("memory".to_owned())
            .spawn(move || look(limit_bytes, &short, &ended));
        // Without the thread only kept answers are bounded.
        MemoryWatch {
            _watched: watching.is_ok().then_some(watch),
        }
    }

    /// The room for the kept answers of one of `threads` threads.
    pub(crate) fn kept_room(&self, threads: u64) -> Rc<KeptRoom> {
        let part = |bytes: u64| bytes / 100 * KEPT_PERCENT / threads.max(1);
        Rc::new(KeptRoom {
            left: Cell::new(self.limit_bytes.map_or(u64::MAX, part)),
            memory: self.clone(),
        })
    }

    /// What the users of a plan need at least, if it does not fit; `users` says how
    /// many of a group this runner has.
    pub(crate) fn fault(&self, plan: &Plan, users: impl Fn(&Group) -> u64) -> Option<String> {
        let room_bytes = self.limit_bytes? / 100 * SHORT_PERCENT;
        let need = |group: &Group| {
            let secure = group.steps.iter().any(|step| step.url.scheme() == "https");
            let each = USER_BYTES + if secure { TLS_BYTES } else { 0 };
            users(group).saturating_mul(each)
        };
        let users_in_all: u64 = plan.groups.iter().map(&users).sum();
        let need_bytes: u64 = plan.groups.iter().map(need).sum();
        (need_bytes > room_bytes).then(|| {
            format!(
                "{users_in_all} users need at least {} of memory and this runner has {} for them: use more or larger tasks, or fewer users",
                megabytes(need_bytes),
                megabytes(room_bytes)
            )
        })
    }
}

fn megabytes(bytes: u64) -> String {
    format!("{} MB", bytes.div_ceil(1_000_000))
}

fn look(limit_bytes: u64, short: &AtomicBool, ended: &Receiver<()>) {
    let reading = MemoryReading::new();
    loop {
        let used_bytes = reading.used_bytes();
        let is_short = used_bytes > limit_bytes / 100 * SHORT_PERCENT
            || reading.group_is_short(SHORT_PERCENT)
            || reading.machine_is_short();
        short.store(is_short, Ordering::Relaxed);
        if ended.recv_timeout(LOOK_EVERY) != Err(RecvTimeoutError::Timeout) {
            return;
        }
    }
}

/// The failure of a sample for which there is no memory.
#[cold]
pub(crate) fn no_memory(what: &str) -> Failure {
    Failure::new(
        Cause::Generator,
        format!("no memory for {what} in this runner: use more or larger tasks"),
    )
}

/// Room for the kept answers of a thread.
#[derive(Debug)]
pub(crate) struct KeptRoom {
    left: Cell<u64>,
    memory: Memory,
}

/// A part of it, given back when dropped.
#[derive(Debug, Default)]
pub(crate) struct Reserved {
    room: Option<Rc<KeptRoom>>,
    bytes: u64,
}

impl Reserved {
    /// Nothing yet, of this room; without a room nothing is bounded.
    pub(crate) fn of(room: Option<Rc<KeptRoom>>) -> Self {
        Self { room, bytes: 0 }
    }

    /// Reserves so many bytes more; false: there is no room.
    pub(crate) fn add(&mut self, bytes: u64) -> bool {
        if let Some(room) = &self.room {
            let left = room.left.get().checked_sub(bytes);
            let Some(left) = left.filter(|_| !room.memory.is_short()) else {
                return false;
            };
            room.left.set(left);
        }
        self.bytes += bytes;
        true
    }

    /// Gives everything back.
    pub(crate) fn release(&mut self) {
        if let Some(room) = &self.room {
            room.left.set(room.left.get() + self.bytes);
        }
        self.bytes = 0;
    }
}

impl Drop for Reserved {
    fn drop(&mut self) {
        self.release();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn room_is_taken_and_given_back() {
        let room = Memory::new(Some(1_000)).kept_room(3);
        assert_eq!(room.left.get(), 100);
        let (mut one, mut two) = (
            Reserved::of(Some(room.clone())),
            Reserved::of(Some(room.clone())),
        );
        assert!(one.add(60) && !two.add(41) && two.add(40) && !one.add(1));
        assert_eq!((one.bytes, two.bytes), (60, 40));
        drop(one);
        assert!(two.add(60) && !two.add(1));
        two.release();
        assert_eq!(room.left.get(), 100);
        room.memory.short.store(true, Ordering::Relaxed);
        assert!(!two.add(1), "the memory as a whole is short");
        let mut unbounded = Reserved::of(None);
        assert!(unbounded.add(u64::MAX / 2));
        let mut unknown = Reserved::of(Some(Memory::new(None).kept_room(2)));
        assert!(unknown.add(1 << 40));
    }

    #[test]
    fn a_watched_memory_becomes_short_and_the_watch_ends() {
        for (limit_bytes, short) in [
            (Some(1_000_000), true),
            (Some(u64::MAX), false),
            (None, false),
        ] {
            let memory = Memory::new(limit_bytes);
            let watch = memory.watch();
            let until = std::time::Instant::now() + Duration::from_secs(30);
            while short && !memory.is_short() {
                assert!(std::time::Instant::now() < until, "it is never looked at");
                std::thread::yield_now();
            }
            drop(watch);
            assert_eq!(memory.is_short(), short, "{limit_bytes:?}");
        }
    }
}
