//! What a request costs a tool that is warm: its CPU time and the requests that came to nginx, between
//! two instants of its load. A start, of a Java machine above all, is in neither.

use super::measured::{Measured, Process, watched};
use super::nginx::Nginx;
use anyhow::{Context, Result, ensure};
use std::process::Command;
use std::time::{Duration, Instant};

/// Seconds of load beyond those that count: it is seen to have begun a while after it did.
const RESERVE_S: u64 = 4;

/// What is looked at.
#[derive(Debug, Clone, Copy)]
pub struct Steady<'a> {
    /// The target, which counts.
    pub nginx: &'a Nginx,
    /// Seconds of load that do not count.
    pub warm_up_s: u64,
    /// Seconds that do.
    pub seconds: u64,
}

/// What a tool used, in all and when it was warm.
#[derive(Debug)]
pub struct Costs {
    pub measured: Measured,
    /// Requests of all its load.
    pub requests: u64,
    /// CPU of a warm request, µs.
    pub steady_us: f64,
    pub stdout: String,
}

impl Costs {
    /// CPU of a request, start and end of the process included, µs.
    pub fn whole_us(&self) -> f64 {
        self.measured.cpu_us as f64 / self.requests as f64
    }
}

impl Steady<'_> {
    /// Seconds of load that the tool has to make.
    pub fn load_s(self) -> u64 {
        self.warm_up_s + self.seconds + RESERVE_S
    }

    /// Runs `command`, which makes [`Self::load_s`] of load.
    pub fn run(self, command: Command, patience_s: u64) -> Result<Costs> {
        let before = self.nginx.requests()?;
        // Those of this program itself are among them.
        let mut asked = 0;
        let mut began = None;
        let (mut from, mut to) = (None, None);
        let seen = |process: Process| -> Result<Option<(u64, u64)>> {
            let Some(cpu_us) = process.cpu_us() else {
                return Ok(None);
            };
            Ok(Some((cpu_us, self.nginx.requests()?)))
        };
        let warm = Duration::from_secs(self.warm_up_s);
        let end = warm + Duration::from_secs(self.seconds);
        let (measured, stdout) = watched(command, patience_s, |process| {
            let Some(began) = began else {
                asked += 1;
                began = (self.nginx.requests()? > before + asked).then(Instant::now);
                return Ok(());
            };
            if from.is_none() && began.elapsed() >= warm {
                from = seen(process)?;
            } else if to.is_none() && began.elapsed() >= end {
                to = seen(process)?;
            }
            Ok(())
        })?;
        let (from, to) = (from.zip(to)).with_context(|| {
            format!("the load was over before it was measured; its stdout:\n{stdout}")
        })?;
        let all = self.nginx.requests()?.saturating_sub(before);
        ensure!(to.1 > from.1 && all > asked + 3, "nothing was answered");
        Ok(Costs {
            measured,
            // Beside those three more were asked.
            requests: all.saturating_sub(asked + 3),
            steady_us: (to.0 - from.0) as f64 / (to.1 - from.1) as f64,
            stdout,
        })
    }
}
