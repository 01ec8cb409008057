//! A program run to its end, with what the system says it used: its own user
//! and system time and its peak memory, from wait4(2).

use anyhow::{Context, Result, bail};
use std::io::Read;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

/// What one process used.
#[derive(Debug, Clone, Copy)]
pub struct Measured {
    /// User and system time, µs.
    pub cpu_us: u64,
    /// Peak resident memory, bytes.
    pub max_rss_bytes: u64,
}

/// Runs `command`; an error if it fails or is not over within `patience_s`.
pub fn run(mut command: Command, patience_s: u64) -> Result<(Measured, String)> {
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
    let (status, measured) = loop {
        if let Some(done) = reap(pid)? {
            break done;
        }
        if Instant::now() > deadline {
            child.kill()?;
            child.wait()?;
            bail!("{command:?} was not over within {patience_s} s and was ended");
        }
        std::thread::park_timeout(Duration::from_millis(50));
    };
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
            };
            Ok(Some((status, measured)))
        }
    }
}
