//! `bench open`: whether open load is what was asked, and whether its times are the truth. The target
//! (`delayed`) answers after 5 ms, or stands still for a second, so that every number is known before.

use super::delayed::Delayed;
use super::machine::{Others, machine};
use super::{append, dist_build, need};
use anyhow::{Context, Result, ensure};
use serde_json::Value;
use std::fmt::Write as _;
use std::io::{BufRead as _, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

/// The target's response time, µs.
const DELAY_US: u64 = 5_000;
/// Arrivals per second of the stall, and how the load and the stall lie: s, ms, ms.
const STALL_RATE: u64 = 2_000;
const STALL_LOAD_S: u64 = 15;
const STALL_AT_MS: u64 = 5_000;
const STALL_MS: u64 = 1_000;

/// What `bench open` measures.
#[derive(Debug, clap::Args)]
pub struct Open {
    /// Runs of each row.
    #[arg(long, default_value_t = 5)]
    pairs: usize,
    /// Seconds of load of each run against the target of 5 ms.
    #[arg(long, default_value_t = 10)]
    seconds: u64,
    /// Arrivals per second.
    #[arg(long, value_delimiter = ',', default_values_t = [1_000, 10_000, 50_000])]
    rates: Vec<u64>,
    /// Measure this dlt instead of building one.
    #[arg(long)]
    dlt: Option<PathBuf>,
}

/// The target on core 0; it ends when dropped.
struct Target {
    child: Child,
    url: String,
}

impl Target {
    fn start(stalls: bool) -> Result<Self> {
        let mut command = Command::new("taskset");
        command.args(["-c", "0"]).arg(std::env::current_exe()?);
        command.args(["bench", "target", "--delay-us"]);
        match stalls {
            false => command.arg(DELAY_US.to_string()),
            true => command
                .args(["0", "--stall-at-ms"])
                .arg(STALL_AT_MS.to_string())
                .arg("--stall-ms")
                .arg(STALL_MS.to_string()),
        };
        let mut child = command.stdout(Stdio::piped()).spawn()?;
        let stdout = child.stdout.take().context("its stdout")?;
        let mut url = String::new();
        BufReader::new(stdout).read_line(&mut url)?;
        Ok(Self {
            child,
            url: url.trim().to_owned(),
        })
    }
}

impl Drop for Target {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// `bench target`: the target itself.
pub fn target(how: Delayed) -> Result<()> {
    super::delayed::serve(how)
}

/// Prints all rows and adds them to BENCHMARKS.md.
pub fn open(what: &Open) -> Result<()> {
    need(&["taskset"])?;
    let dlt = match &what.dlt {
        Some(dlt) => dlt.clone(),
        None => dist_build()?,
    };
    let (machine, others) = (machine()?, Others::since_now());
    let mut text = format!(
        "\n## Open load, {}\n\nCommit {}; {}, {} cores, Linux {}; ",
        machine.date, machine.commit, machine.model, machine.cores, machine.kernel
    );
    let mut rows = String::from(
        "| arrivals per s | runners | begun | rate error | dropped | p50 ms | p50 error ms | lag p99 ms |\n|---|---|---|---|---|---|---|---|\n",
    );
    for rate in &what.rates {
        for _ in 0..what.pairs {
            let target = Target::start(false)?;
            let record = run(&dlt, &target.url, *rate, what.seconds, 1)?;
            let row = rate_row(&record, *rate, what.seconds)?;
            print!("{row}");
            rows.push_str(&row);
        }
    }
    let mut stalls = String::from(
        "| runners | samples | p99 ms | truth | off by | p99.9 ms | truth | off by |\n|---|---|---|---|---|---|---|---|\n",
    );
    for runners in [1, 4] {
        for _ in 0..what.pairs {
            let target = Target::start(true)?;
            let record = run(&dlt, &target.url, STALL_RATE, STALL_LOAD_S, runners)?;
            let row = stall_row(&record, runners)?;
            print!("{row}");
            stalls.push_str(&row);
        }
    }
    write!(
        text,
        "{};\na target that answers after 5 ms on core 0, dlt on core 1 ({} s of load each):\n\n{rows}\n\
         A target that stands still for 1 s, once, under {STALL_RATE} arrivals per second for {STALL_LOAD_S} s; the truth is computed:\n\n{stalls}",
        others.told(),
        what.seconds
    )?;
    append(&text)
}

/// The record of a run.
fn run(dlt: &Path, url: &str, rate: u64, seconds: u64, runners: u64) -> Result<Value> {
    let home = std::env::temp_dir().join(format!("dlt-bench-open-{}", std::process::id()));
    let mut command = super::pinned(&dlt.to_string_lossy());
    command.args(["run", url, "--json", "--arrivals", &rate.to_string()]);
    command.args([
        "-d",
        &format!("{seconds}s"),
        "--tasks",
        &runners.to_string(),
    ]);
    let ran = command
        .env("DLT_HOME", &home)
        .stderr(Stdio::piped())
        .output();
    let _ = std::fs::remove_dir_all(home);
    let ran = ran?;
    let told = || String::from_utf8_lossy(&ran.stderr).into_owned();
    serde_json::from_slice(&ran.stdout).with_context(told)
}

fn number(record: &Value, path: &str) -> Result<f64> {
    record
        .pointer(path)
        .and_then(Value::as_f64)
        .with_context(|| format!("the record has no {path}"))
}

fn rate_row(record: &Value, rate: u64, seconds: u64) -> Result<String> {
    let of = |path: &str| number(record, path);
    let (begun, dropped) = (of("/account/scheduled")?, of("/account/dropped")?);
    let asked = (rate * seconds) as f64;
    let p50 = of("/summary/total/p50_us")?;
    let lag = of("/summary/total/lag/p99_us")?;
    Ok(format!(
        "| {rate} | 1 | {begun} | {:+.3} % | {dropped} | {:.3} | {:+.3} | {:.3} |\n",
        100.0 * ((begun - dropped) / asked - 1.0),
        p50 / 1e3,
        (p50 - DELAY_US as f64) / 1e3,
        lag / 1e3,
    ))
}

/// The response time that so much of all lies above, ms: arrivals come evenly, and one that comes
/// while the target stands still waits for the rest of that.
fn truth_ms(above: f64) -> f64 {
    let in_stall = STALL_MS as f64 / (STALL_LOAD_S * 1_000) as f64;
    STALL_MS as f64 * (1.0 - above / in_stall)
}

fn stall_row(record: &Value, runners: u64) -> Result<String> {
    let samples = number(record, "/summary/total/count")?;
    ensure!(samples > 0.0, "nothing was measured");
    let mut row = format!("| {runners} | {samples} |");
    for (path, above) in [("p99_us", 0.01), ("p99_9_us", 0.001)] {
        let seen = number(record, &format!("/summary/total/{path}"))? / 1e3;
        let truth = truth_ms(above);
        write!(
            row,
            " {seen:.1} | {truth:.1} | {:+.2} % |",
            100.0 * (seen / truth - 1.0)
        )?;
    }
    Ok(row + "\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    /// By counting: the truth is what a sorted list has.
    #[test]
    fn the_truth_is_that_of_a_sorted_list() {
        let count = STALL_RATE * STALL_LOAD_S;
        let waits = |n: u64| {
            let at = n as f64 * 1e3 / STALL_RATE as f64;
            let end = (STALL_AT_MS + STALL_MS) as f64;
            if (STALL_AT_MS as f64..end).contains(&at) {
                end - at
            } else {
                0.0
            }
        };
        let mut all: Vec<f64> = (0..count).map(waits).collect();
        all.sort_by(f64::total_cmp);
        for above in [0.01, 0.001] {
            let at = ((1.0 - above) * count as f64).ceil() as usize - 1;
            assert!(
                (all[at] - truth_ms(above)).abs() < 1.0,
                "{above}: {} {}",
                all[at],
                truth_ms(above)
            );
        }
    }
}
