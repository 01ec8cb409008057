//! One program of a tier: started with a deadline, its output shown as it
//! comes, its test results counted. What the steps are stands in `tiers`.

use anyhow::{Context, Result, bail};
use std::io::{BufRead, BufReader};
use std::os::unix::process::CommandExt;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{self, RecvTimeoutError};
use std::time::{Duration, Instant};

/// Longest that one step may take: more than all of `test` should.
const LONGEST_STEP: Duration = Duration::from_secs(40 * 60);

/// What a step came to.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Score {
    /// Tests that passed, or 1 for a check that did.
    pub passed: u64,
    /// Tests that failed, or 1 for a check that did.
    pub failed: u64,
}

impl Score {
    /// Adds another.
    pub fn add(&mut self, other: Self) {
        self.passed += other.passed;
        self.failed += other.failed;
    }

    /// Of one check.
    pub fn check(passed: bool) -> Self {
        Self {
            passed: u64::from(passed),
            failed: u64::from(!passed),
        }
    }
}

/// The repository's root.
pub fn root() -> PathBuf {
    // As cargo says it now: another clone may have built this program into a folder that both use.
    let here = std::env::var_os("CARGO_MANIFEST_DIR").map(PathBuf::from);
    let here = here.unwrap_or_else(|| PathBuf::from(env!("CARGO_MANIFEST_DIR")));
    here.parent().map(PathBuf::from).unwrap_or(here)
}

/// Where cargo builds: from cargo itself, which knows all the ways to set it.
pub fn target_folder() -> Result<PathBuf> {
    let output = cargo(&["metadata", "--no-deps", "--format-version", "1"]).output()?;
    let metadata: serde_json::Value = serde_json::from_slice(&output.stdout)?;
    match metadata["target_directory"].as_str() {
        Some(folder) => Ok(PathBuf::from(folder)),
        None => bail!("cargo metadata names no target directory"),
    }
}

/// The cargo that runs us, in the environment that it would have without us: build scripts
/// (ring's) depend on what cargo says of the package that it runs, and all that was built by
/// a plain `cargo build` would be built once more.
pub fn cargo(args: &[&str]) -> Command {
    let program = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let mut command = Command::new(program);
    command.args(args).current_dir(root());
    for (name, _) in std::env::vars_os() {
        let text = name.to_string_lossy();
        if text.starts_with("CARGO_PKG_") || text.starts_with("CARGO_MANIFEST_") {
            command.env_remove(&name);
        }
    }
    command
}

/// A check: passed when its exit code is 0.
pub fn check(command: Command) -> Result<Score> {
    let (success, _) = watch(command)?;
    Ok(Score::check(success))
}

/// Tests: counted from what the test harness prints. A step that fails without
/// a failed test (it did not compile, it crashed) counts as one failure.
pub fn tests(command: Command) -> Result<Score> {
    let (success, mut score) = watch(command)?;
    if !success && score.failed == 0 {
        score.failed = 1;
    }
    if success && score.passed == 0 {
        bail!("no test ran: a tier without tests proves nothing");
    }
    Ok(score)
}

fn watch(mut command: Command) -> Result<(bool, Score)> {
    let shown = format!("{:?}", command.get_args().collect::<Vec<_>>());
    // In a group of its own, so that on a timeout all of it can be ended.
    command.stdout(Stdio::piped()).process_group(0);
    let mut child = command
        .spawn()
        .with_context(|| format!("failed to start {:?} {shown}", command.get_program()))?;
    let stdout = child.stdout.take().context("the step's stdout")?;
    let (send, lines) = mpsc::channel();
    std::thread::spawn(move || {
        for line in BufReader::new(stdout).lines().map_while(Result::ok) {
            if send.send(line).is_err() {
                return;
            }
        }
    });
    let deadline = Instant::now() + LONGEST_STEP;
    let mut score = Score::default();
    loop {
        match lines.recv_timeout(deadline.saturating_duration_since(Instant::now())) {
            Ok(line) => {
                println!("{line}");
                score.add(score_of(&line).unwrap_or_default());
            }
            // The child closed its stdout: it ends.
            Err(RecvTimeoutError::Disconnected) => break,
            Err(RecvTimeoutError::Timeout) => {
                end_group(&child);
                let _ = child.wait();
                bail!("{shown} was still running after {LONGEST_STEP:?} and was ended");
            }
        }
    }
    Ok((child.wait()?.success(), score))
}

fn end_group(child: &Child) {
    let group = child.id() as i32;
    #[expect(unsafe_code, reason = "kill(2) has no safe form; it takes two numbers")]
    unsafe {
        libc::kill(-group, libc::SIGKILL);
    }
}

/// Reads `test result: ok. 12 passed; 0 failed; …`.
fn score_of(line: &str) -> Option<Score> {
    let (_, counts) = line
        .trim()
        .strip_prefix("test result: ")?
        .split_once(". ")?;
    let count = |what: &str| {
        counts
            .split(';')
            .find_map(|part| part.trim().strip_suffix(what)?.trim().parse().ok())
    };
    Some(Score {
        passed: count(" passed")?,
        failed: count(" failed")?,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn results_of_the_test_harness_are_counted() {
        let line = "test result: FAILED. 12 passed; 3 failed; 1 ignored; 0 measured; 0 filtered out; finished in 0.10s";
        let score = Score {
            passed: 12,
            failed: 3,
        };
        assert_eq!(score_of(line), Some(score));
        assert_eq!(score_of("running 3 tests"), None);
    }

    #[test]
    fn a_step_that_fails_without_a_failed_test_is_a_failure() {
        let shell = |script: &str| {
            let mut command = Command::new("sh");
            command.args(["-c", script]);
            command
        };
        let one = Score {
            passed: 0,
            failed: 1,
        };
        assert_eq!(tests(shell("exit 101")).unwrap(), one);
        assert_eq!(check(shell("exit 1")).unwrap(), one);
        assert!(tests(shell("exit 0")).is_err());
        let fine = "echo 'test result: ok. 2 passed; 0 failed; 0 ignored'";
        assert_eq!(tests(shell(fine)).unwrap().passed, 2);
    }
}
