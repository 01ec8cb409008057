//! The limits of a server: one table, and the limit of open files that it depends on.

use rustix::process::{Resource, getrlimit, setrlimit};
use std::time::Duration;

/// Most connections: a thousand listeners of live data and as many calls.
const MOST_CONNECTIONS: usize = 2_048;
/// The part of the open files that connections may be: the others are for the data folder and for
/// runners.
const FILES_PER_CONNECTION: u64 = 2;
/// Most open files that are asked for: some systems allow a billion, and programs that are started
/// by this one may go through all of them.
const MOST_FILES: u64 = 65_536;
/// How long the head of a request may take, and how long a connection may be idle before it: a
/// client sends a head in one go, and connects again when it has something new to ask.
const HEAD: Duration = Duration::from_secs(30);
/// How long a client may send nothing of a body, or read nothing of an answer.
const STALL: Duration = Duration::from_secs(30);
/// The slowest client, bytes a second: one that is slower uses up `STALL` little by little.
const SLOWEST_BYTES_PER_S: u64 = 8 * 1024;
/// Most bytes of bodies that are kept at once: ten of the longest scenarios.
const MOST_BODY_BYTES: usize = 64 * 1024 * 1024;

/// How many clients there may be, and how slow.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Limits {
    /// Most connections.
    pub connections: usize,
    /// How long a connection may be idle, the head of its request included.
    pub head: Duration,
    /// How long a client may send nothing of a body, or read nothing of an answer.
    pub stall: Duration,
    /// The slowest client, bytes a second.
    pub slowest_bytes_per_s: u64,
    /// Most bytes of bodies that are kept at once.
    pub body_bytes: usize,
}

impl Limits {
    /// The limits of a process that may open so many files.
    pub fn of(files: u64) -> Self {
        let connections = usize::try_from(files / FILES_PER_CONNECTION).unwrap_or(usize::MAX);
        Self {
            connections: connections.clamp(1, MOST_CONNECTIONS),
            head: HEAD,
            stall: STALL,
            slowest_bytes_per_s: SLOWEST_BYTES_PER_S,
            body_bytes: MOST_BODY_BYTES,
        }
    }

    /// What of a limit others than this machine may have: the rest is kept for its own programs.
    pub(super) fn elsewhere(limit: usize) -> usize {
        limit / 4 * 3
    }
}

/// Raises the limit of open files as far as it may be raised; the limit from now on.
pub fn raise_file_limit() -> u64 {
    let before = getrlimit(Resource::Nofile);
    // None is no limit.
    let (now, most) = (
        before.current.unwrap_or(u64::MAX),
        before.maximum.unwrap_or(u64::MAX),
    );
    let wanted = most.min(MOST_FILES);
    if now >= wanted {
        return now;
    }
    let mut raised = before;
    raised.current = Some(wanted);
    match setrlimit(Resource::Nofile, raised) {
        Ok(()) => wanted,
        // It stays as it was; the number of connections goes by it.
        Err(_) => now,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn connections_leave_files_for_everything_else() {
        for (files, connections) in [
            (0, 1),
            (64, 32),
            (256, 128),
            (1_024, 512),
            (1 << 20, 2_048),
            (u64::MAX, 2_048),
        ] {
            let limits = Limits::of(files);
            assert_eq!(limits.connections, connections, "{files}");
            assert!(Limits::elsewhere(limits.connections) < limits.connections);
        }
    }
}
