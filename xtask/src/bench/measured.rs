//! A program run to its end, with what the system says it used: its own user and system time and its
//! peak memory, from wait4(2), and what can be seen of it while it runs, from proc(5).

use anyhow::{Context, Result, bail};
use std::io::Read;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

/// How often a running program is looked at.
const LOOK: Duration = Duration::from_millis(50);
/// A tick of /proc/PID/stat, µs: USER_HZ is 100 on every machine that dlt is built for.
const TICK_US: u64 = 10_000;

/// What one process used.
#[derive(Debug, Clone, Copy)]
pub struct Measured {
    /// User and system time, µs.
    pub cpu_us: u64,
    /// Peak resident memory, bytes: with the program's own pages.
    pub max_rss_bytes: u64,
    /// Most memory that was its own alone (RssAnon), bytes; seen at every look.
    pub max_anon_bytes: u64,
}

/// A process that runs.
#[derive(Debug, Clone, Copy)]
pub struct Process(i32);

impl Process {
    /// User and system time so far, µs; None when it has ended.
    pub fn cpu_us(self) -> Option<u64> {
        let stat = std::fs::read_to_string(format!("/proc/{}/stat", self.0)).ok()?;
        // Its name, in brackets, may hold anything; the 14th and 15th fields are the times.
        let behind = stat.rsplit_once(')')?.1;
        let mut fields = behind.split_whitespace().skip(11);
        let mut ticks = || fields.next()?.parse::<u64>().ok();
        Some((ticks()? + ticks()?) * TICK_US)
    }

    /// Memory that is its own alone, bytes; None when it has ended.
    pub fn anon_bytes(self) -> Option<u64> {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.0)).ok()?;
        let line = status
            .lines()
            .find_map(|line| line.strip_prefix("RssAnon:"))?;
        let kib: u64 = line.trim().strip_suffix(" kB")?.parse().ok()?;
        Some(kib * 1024)
    }
}

/// Runs `command`; an error if it fails or is not over within `patience_s`.
pub fn run(command: Command, patience_s: u64) -> Result<(Measured, String)> {
    watched(command, patience_s, |_| Ok(()))
}

/// The same; `look` is called again and again while it runs.
pub fn watched(
    mut command: Command,
    patience_s: u64,
    mut look: impl FnMut(Process) -> Result<()>,
) -> Result<(Measured, String)> {
    command.stdin(Stdio::null()).stdout(Stdio::piped());
    let mut child = command
        .spawn()
        .with_context(|| format!("failed to start {:?}", command.get_program()))?;
    let mut stdout = child.stdout.take().context("the program's stdout")?;
    let reader = std::thread::spawn(move || {
        let mut text = Vec::new();
        let _ = stdout.read_to_end(&mut text);
        String::from_utf8_lossy(&text).into_owned()
    });
    let pid = child.id() as i32;
    let deadline = Instant::now() + Duration::from_secs(patience_s);
    let mut max_anon_bytes = 0;
    let (status, mut measured) = loop {
        if let Some(done) = reap(pid)? {
            break done;
        }
        let late = Instant::now() > deadline;
        if let Err(why) = look(Process(pid)).and_then(|()| match late {
            true => bail!("{command:?} was not over within {patience_s} s and was ended"),
            false => Ok(()),
        }) {
            child.kill()?;
            child.wait()?;
            return Err(why);
        }
        max_anon_bytes = max_anon_bytes.max(Process(pid).anon_bytes().unwrap_or(0));
        std::thread::park_timeout(LOOK);
    };
    measured.max_anon_bytes = max_anon_bytes;
    let stdout = reader.join().unwrap_or_default();
    if status != 0 {
        bail!("{command:?} ended with status {status:#x}; its stdout:\n{stdout}");
    }
    Ok((measured, stdout))
}

/// The wait status and usage of the child if it has ended.
#[expect(
    unsafe_code,
    reason = "wait4(2) alone tells one child's usage, and std does not offer it"
)]
fn reap(pid: i32) -> Result<Option<(i32, Measured)>> {
    let mut status = 0;
    // SAFETY: rusage is a plain struct of integers, for which zeros are a value.
    let mut usage: libc::rusage = unsafe { std::mem::zeroed() };
    // SAFETY: both pointers are to live values of the right types.
    let reaped = unsafe { libc::wait4(pid, &mut status, libc::WNOHANG, &mut usage) };
    match reaped {
        0 => Ok(None),
        -1 => Err(std::io::Error::last_os_error()).context("wait4"),
        _ => {
            let us = |time: libc::timeval| time.tv_sec as u64 * 1_000_000 + time.tv_usec as u64;
            let measured = Measured {
                cpu_us: us(usage.ru_utime) + us(usage.ru_stime),
                max_rss_bytes: usage.ru_maxrss as u64 * 1024,
                max_anon_bytes: 0,
            };
            Ok(Some((status, measured)))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_running_process_is_seen() {
        let me = Process(std::process::id() as i32);
        assert!(me.cpu_us().is_some());
        assert!(me.anon_bytes().is_some_and(|bytes| bytes > 50_000));
    }
}
