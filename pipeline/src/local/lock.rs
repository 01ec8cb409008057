//! Who may do what in a data folder that several processes use. One service at a time has the folder:
//! its lock is on the database's file, so that nothing that may be deleted lets a second one in. Each
//! run is driven by one process, whose lock is on a file of the run. The system lets go of a lock when
//! its process ends, however it ends; what the files say is for people.

use crate::error::PipelineError;
use crate::fleet::process::start_time;
use crate::local::ServerCard;
use crate::store::folders;
use crate::store::sqlite::Database;
use dlt_core::ids::TestRunId;
use serde::{Deserialize, Serialize};
use std::fs::{self, File, OpenOptions, TryLockError};
use std::io::{Read as _, Write as _};
use std::os::unix::fs::{MetadataExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};

/// Name of a run's lock, in its folder.
const DRIVER: &str = "driver";

/// A folder in use, against the dlt of a version that had it to itself.
#[derive(Debug)]
pub struct SharedLock {
    _file: File,
}

impl SharedLock {
    /// Takes the folder's old lock together with others; [`PipelineError::HomeLocked`] while a process
    /// has it alone.
    pub fn take(home: &Path) -> Result<Self, PipelineError> {
        let path = home.join("lock");
        let file = open(&path)?;
        match file.try_lock_shared() {
            Ok(()) => Ok(Self { _file: file }),
            Err(TryLockError::WouldBlock) => {
                let mut text = String::new();
                // The holder may be writing its number just now.
                let _ = (&file).take(16).read_to_string(&mut text);
                let pid = text.trim().parse().ok().or_else(|| holder(&file));
                Err(locked(home, pid))
            }
            Err(TryLockError::Error(error)) => Err(PipelineError::file(&path, error)),
        }
    }
}

/// The one service of a data folder, as long as this lives.
#[derive(Debug)]
pub struct ServiceLock {
    _file: File,
}

impl ServiceLock {
    /// Takes the folder for a service, or says who has it. The database exists by then. SQLite's own
    /// locks are of another kind and do not meet this one; on network file systems, where they do, the
    /// lock is on a file beside.
    pub fn take(home: &Path) -> Result<Self, PipelineError> {
        let mut path = Database::path(home);
        if is_remote(&path) {
            path = home.join("service");
        }
        let file = open(&path)?;
        match file.try_lock() {
            Ok(()) => Ok(Self { _file: file }),
            Err(TryLockError::WouldBlock) => {
                let card = ServerCard::read(home).filter(ServerCard::is_of_a_process);
                let pid = holder(&file).or_else(|| card.map(|card| card.pid));
                Err(locked(home, pid))
            }
            Err(TryLockError::Error(error)) => Err(PipelineError::file(&path, error)),
        }
    }
}

/// Whether locks of both kinds meet on this file's system: NFS, SMB, CIFS (statfs(2)).
fn is_remote(path: &Path) -> bool {
    const REMOTE: [u32; 4] = [0x6969, 0x517b, 0xff53_4d42, 0xfe53_4d42];
    rustix::fs::statfs(path).is_ok_and(|found| REMOTE.contains(&(found.f_type as u32)))
}

fn locked(home: &Path, pid: Option<u32>) -> PipelineError {
    PipelineError::HomeLocked {
        home: home.display().to_string(),
        pid,
    }
}

fn open(path: &Path) -> Result<File, PipelineError> {
    OpenOptions::new()
        .read(true)
        .write(true)
        .create(true)
        .truncate(false)
        .mode(0o600)
        .open(path)
        .map_err(|error| PipelineError::file(path, error))
}

/// Looks at the list of locks before its holder is not known.
const LOOKS: usize = 5;

/// The process that has a file locked, as the system knows it (proc(5), `/proc/locks`).
fn holder(file: &File) -> Option<u32> {
    let inode = format!(":{}", file.metadata().ok()?.ino());
    // It is read in pieces: while others lock and unlock, one look may miss a line.
    (0..LOOKS).find_map(|_| listed(&inode))
}

fn listed(inode: &str) -> Option<u32> {
    let locks = fs::read_to_string("/proc/locks").ok()?;
    locks.lines().find_map(|line| {
        let fields: Vec<&str> = line.split_whitespace().collect();
        match fields.as_slice() {
            [_, "FLOCK", _, _, pid, place, ..] if place.ends_with(inode) => pid.parse().ok(),
            _ => None,
        }
    })
}

/// Who drives a run.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
struct DriverCard {
    pid: u32,
    /// Its start time, as the system counts it.
    started: Option<u64>,
}

/// A run that this process drives, as long as this lives.
#[derive(Debug)]
pub struct DriverLock {
    path: PathBuf,
    _file: File,
}

impl DriverLock {
    /// Takes a run, whose files are below `runs`; None while another process drives it.
    pub fn take(runs: &Path, run: &TestRunId) -> Result<Option<Self>, PipelineError> {
        let folder = runs.join(run.as_str());
        let path = folder.join(DRIVER);
        let fault = |error: std::io::Error| PipelineError::file(&path, error);
        folders::make(&folder).map_err(fault)?;
        let mut file = open(&path)?;
        match file.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => return Ok(None),
            Err(TryLockError::Error(error)) => return Err(fault(error)),
        }
        let card = DriverCard {
            pid: std::process::id(),
            started: start_time(std::process::id()),
        };
        // Only for people: what it says decides nothing, and a full disk takes no run.
        let text = serde_json::to_vec(&card).unwrap_or_default();
        let _ = file.set_len(0).and_then(|()| file.write_all(&text));
        Ok(Some(Self {
            path: path.clone(),
            _file: file,
        }))
    }

    /// Whether another process drives the run. Only of runs that this process does not drive.
    pub fn is_taken(runs: &Path, run: &TestRunId) -> bool {
        let file = File::open(runs.join(run.as_str()).join(DRIVER));
        file.is_ok_and(|file| matches!(file.try_lock_shared(), Err(TryLockError::WouldBlock)))
    }

    /// The run is over, and nobody will drive it any more.
    pub fn remove(self) {
        let _ = fs::remove_file(&self.path);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_run_has_one_driver_and_is_free_after_it() {
        let folder = tempfile::tempdir().unwrap();
        let run = TestRunId::parse("p4TqL8vN2c").unwrap();
        assert!(!DriverLock::is_taken(folder.path(), &run));
        let first = DriverLock::take(folder.path(), &run).unwrap().unwrap();
        assert!(DriverLock::is_taken(folder.path(), &run));
        assert!(DriverLock::take(folder.path(), &run).unwrap().is_none());
        let text = fs::read(folder.path().join("p4TqL8vN2c/driver")).unwrap();
        let card: DriverCard = serde_json::from_slice(&text).unwrap();
        assert_eq!(card.pid, std::process::id());
        assert_eq!(card.started, start_time(card.pid));
        // As after a kill: the file stays, the lock does not.
        drop(first);
        assert!(!DriverLock::is_taken(folder.path(), &run));
        let again = DriverLock::take(folder.path(), &run).unwrap().unwrap();
        again.remove();
        assert!(!folder.path().join("p4TqL8vN2c/driver").exists());
    }

    #[test]
    fn whatever_is_deleted_there_is_one_service_and_it_is_named() {
        let folder = tempfile::tempdir().unwrap();
        Database::open(folder.path(), &[]).unwrap();
        let first = ServiceLock::take(folder.path()).unwrap();
        let shared = SharedLock::take(folder.path()).unwrap();
        for name in ["lock", "server.json"] {
            let _ = fs::remove_file(folder.path().join(name));
        }
        let PipelineError::HomeLocked { pid, .. } = ServiceLock::take(folder.path()).unwrap_err()
        else {
            panic!("another error");
        };
        assert_eq!(pid, Some(std::process::id()));
        // The database is used as before, by whoever has the lock and by others.
        Database::open(folder.path(), &[]).unwrap();
        drop((first, shared));
        ServiceLock::take(folder.path()).unwrap();
    }

    #[test]
    fn a_folder_that_an_older_dlt_has_to_itself_is_not_shared() {
        let folder = tempfile::tempdir().unwrap();
        let old = open(&folder.path().join("lock")).unwrap();
        old.try_lock().unwrap();
        fs::write(folder.path().join("lock"), "4711\n").unwrap();
        let error = SharedLock::take(folder.path()).unwrap_err();
        assert!(error.to_string().contains("process 4711"), "{error}");
        drop(old);
        let first = SharedLock::take(folder.path()).unwrap();
        let second = SharedLock::take(folder.path()).unwrap();
        drop((first, second));
    }
}
