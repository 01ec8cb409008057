//! Waiting with a deadline, and the second chance of numeric truth checks.
//! Files and other processes send no event one could wait for, so they are
//! looked at in short intervals; nothing else in the tests waits this way.

use std::sync::{RwLock, RwLockReadGuard, RwLockWriteGuard};
use std::time::{Duration, Instant};

/// How often a condition is looked at.
const LOOK_EVERY: Duration = Duration::from_millis(5);

/// What `probe` finds within `patience`; None if it finds nothing.
pub fn within<T>(patience: Duration, mut probe: impl FnMut() -> Option<T>) -> Option<T> {
    let deadline = Instant::now() + patience;
    loop {
        if let Some(found) = probe() {
            return Some(found);
        }
        if Instant::now() >= deadline {
            return None;
        }
        std::thread::park_timeout(LOOK_EVERY);
    }
}

/// What `probe` finds within `patience`.
///
/// # Panics
/// When the deadline passes: `what` says what was waited for.
pub fn until<T>(what: &str, patience: Duration, probe: impl FnMut() -> Option<T>) -> T {
    within(patience, probe)
        .unwrap_or_else(|| panic!("waited {patience:?} in vain for this: {what}"))
}

/// Lets time pass up to `instant`.
pub fn pass_until(instant: Instant) {
    while let Some(left) = instant.checked_duration_since(Instant::now()) {
        if left.is_zero() {
            return;
        }
        std::thread::park_timeout(left);
    }
}

/// Runs a numeric truth check; once more if it fails, since other programs on
/// the machine may have disturbed the first (decision 36).
///
/// # Panics
/// When it fails twice: both reasons are told.
pub fn twice(check: impl Fn() -> anyhow::Result<()>) {
    let Err(first) = check() else { return };
    if let Err(second) = check() {
        panic!("failed twice\nfirst:  {first:#}\nsecond: {second:#}");
    }
}

static MACHINE: RwLock<()> = RwLock::new(());

/// The machine for this test alone: for tests that look at times.
pub fn alone() -> RwLockWriteGuard<'static, ()> {
    MACHINE
        .write()
        .unwrap_or_else(|poisoned| poisoned.into_inner())
}

/// The machine together with other tests that do not look at times.
pub fn shared() -> RwLockReadGuard<'static, ()> {
    MACHINE
        .read()
        .unwrap_or_else(|poisoned| poisoned.into_inner())
}
