//! A CPU quota of a control group, where the system lets this process make one (as root, outside of a
//! container that hides the groups). What is squeezed, and what it shows, is the tests'.

use std::io;
use std::path::{Path, PathBuf};

/// Where control groups are mounted, and the file of the quota: version 1, then version 2.
const LAYOUTS: [(&str, &str); 3] = [
    ("/sys/fs/cgroup/cpu", "cpu.cfs_quota_us"),
    ("/sys/fs/cgroup/cpu,cpuacct", "cpu.cfs_quota_us"),
    ("/sys/fs/cgroup", "cpu.max"),
];
/// The period that a quota is given for, µs; the kernel's usual one.
const PERIOD_US: u64 = 100_000;

/// A control group whose processes share a part of one core; it goes when dropped, its processes
/// having ended.
#[derive(Debug)]
pub struct Quota(PathBuf);

impl Quota {
    /// One of so many per cent of a core.
    ///
    /// # Errors
    /// What the system said to the last try.
    pub fn of_core(percent: u64) -> io::Result<Self> {
        let mut last = io::ErrorKind::NotFound.into();
        for (root, file) in LAYOUTS {
            match Self::below(Path::new(root), file, percent) {
                Ok(quota) => return Ok(quota),
                Err(why) => last = why,
            }
        }
        Err(last)
    }

    fn below(root: &Path, file: &str, percent: u64) -> io::Result<Self> {
        let quota_us = PERIOD_US / 100 * percent;
        let text = match file {
            "cpu.max" => format!("{quota_us} {PERIOD_US}"),
            _ => quota_us.to_string(),
        };
        let quota = Self(root.join(format!("dlt-test-{}-{percent}", std::process::id())));
        std::fs::create_dir(&quota.0)?;
        // Only a group with the controller has the file.
        let limit = quota.0.join(file);
        let mut limit = std::fs::OpenOptions::new().write(true).open(limit)?;
        io::Write::write_all(&mut limit, text.as_bytes())?;
        Ok(quota)
    }

    /// Puts a process in, with all its threads.
    ///
    /// # Errors
    /// When the system refuses it, or the process has ended.
    pub fn hold(&self, pid: i32) -> io::Result<()> {
        std::fs::write(self.0.join("cgroup.procs"), pid.to_string())
    }
}

impl Drop for Quota {
    fn drop(&mut self) {
        // One that still has a process stays; nothing else is in it.
        let _ = std::fs::remove_dir(&self.0);
    }
}
