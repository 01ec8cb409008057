//! `bench open`: whether open load is what was asked, and whether its times are the truth. The target
//! (`delayed`) answers after 5 ms, or stands still for a second, so that every number is known before.

use super::How;
use super::machine::Others;
use super::table::{Line, Section};
use super::tools::pinned;
use anyhow::{Context, Result, ensure};
use serde_json::Value;
use std::fmt::Write as _;
use std::io::{BufRead as _, BufReader};
use std::path::Path;
use std::process::{Child, Command, Stdio};

/// The target's response time, µs.
const DELAY_US: u64 = 5_000;
/// Arrivals per second of the stall, and how the load and the stall lie: s, ms, ms.
const STALL_RATE: u64 = 2_000;
const STALL_LOAD_S: u64 = 15;
const STALL_AT_MS: u64 = 5_000;
const STALL_MS: u64 = 1_000;

/// The most that the number of requests may be off, %.
const RATE_GOAL: f64 = 0.1;
/// The most that the median may be off, ms; and where pacing is said to be precise.
const MEDIAN_GOAL: f64 = 0.25;
const PRECISE_GOAL: f64 = 0.1;
/// Arrivals per second of what is measured at one rate alone.
const ONE_RATE: u64 = 10_000;
const BUSY_RATE: u64 = 200;
/// The most that p99 and p99.9 may be off, %.
const TAIL_GOAL: f64 = 2.0;

/// What `bench open` measures.
#[derive(Debug, clap::Args)]
pub struct Open {
    #[command(flatten)]
    pub how: How,
    /// Arrivals per second.
    #[arg(long, value_delimiter = ',', default_values_t = [1_000, 10_000, 50_000])]
    pub rates: Vec<u64>,
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

/// How arrivals are made, and what is held against the goal.
struct Way {
    rate: u64,
    pacing: &'static str,
    /// Whether a busy loop runs on the generator's core: then the service time counts, from the sending
    /// on, since what is late by then is the lag.
    busy: bool,
    median_goal: f64,
}

/// All that is measured: each rate, and what is measured at one alone.
fn ways(rates: &[u64]) -> Vec<Way> {
    let way = |rate, pacing, busy, median_goal| Way {
        rate,
        pacing,
        busy,
        median_goal,
    };
    let of_rates = rates.iter();
    let mut all: Vec<Way> = of_rates
        .map(|rate| way(*rate, "default", false, MEDIAN_GOAL))
        .collect();
    all.push(way(ONE_RATE, "precise", false, PRECISE_GOAL));
    all.push(way(ONE_RATE, "spin", false, PRECISE_GOAL));
    all.push(way(BUSY_RATE, "default", true, MEDIAN_GOAL));
    all
}

/// A process that takes all of the generator's core that it gets; it ends when dropped.
struct BusyLoop(Child);

impl BusyLoop {
    fn start() -> Result<Self> {
        let mut shell = pinned(Path::new("sh"));
        shell.args(["-c", "while kill -0 $PPID; do :; done"]);
        Ok(Self(shell.spawn()?))
    }
}

impl Drop for BusyLoop {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// Measures one way; its rows are added to `rows`.
fn measured(dlt: &Path, way: &Way, how: &How, rows: &mut String) -> Result<[Line; 2]> {
    let (mut rates, mut medians) = (Vec::new(), Vec::new());
    for _ in 0..how.pairs {
        let target = Target::start(false)?;
        let _busy = way.busy.then(BusyLoop::start).transpose()?;
        let load = (way.rate, how.seconds, way.pacing);
        let record = run(dlt, &target.url, load, 1)?;
        let row = RateRow::of(&record, way, how.seconds)?;
        let line = row.line(way);
        print!("{line}");
        rows.push_str(&line);
        rates.push(row.rate_error().abs());
        medians.push(row.median_error_ms().abs());
    }
    let (busy, median) = match way.busy {
        true => (", a busy loop on its core", "service p50 error"),
        false => ("", "p50 error"),
    };
    let title = format!("open load, {} per s, {}{busy}", way.rate, way.pacing);
    Ok([
        Line::number(format!("{title}: rate error"), "%", rates, Some(RATE_GOAL)),
        Line::number(
            format!("{title}: {median}"),
            "ms",
            medians,
            Some(way.median_goal),
        ),
    ])
}

/// Measures each way, then the stall by one runner and by four.
pub fn open(what: &Open) -> Result<Section> {
    let (dlt, others) = (what.how.prepare(&["taskset"])?, Others::since_now());
    let mut compared = Vec::new();
    let mut rows = String::from(
        "| arrivals per s | pacing | begun | rate error | dropped | p50 ms | p50 error ms | lag p99 ms |\n|---|---|---|---|---|---|---|---|\n",
    );
    for way in ways(&what.rates) {
        compared.extend(measured(&dlt, &way, &what.how, &mut rows)?);
    }
    write!(
        rows,
        "\nA target that stands still for 1 s, once, under {STALL_RATE} arrivals per second for {STALL_LOAD_S} s; the truth is computed:\n\n\
         | runners | samples | p99 ms | truth | off by | p99.9 ms | truth | off by |\n|---|---|---|---|---|---|---|---|\n"
    )?;
    for runners in [1, 4] {
        let mut off = [Vec::new(), Vec::new()];
        for _ in 0..what.how.pairs {
            let target = Target::start(true)?;
            let load = (STALL_RATE, STALL_LOAD_S, "default");
            let record = run(&dlt, &target.url, load, runners)?;
            let row = stall_row(&record, runners, &mut off)?;
            print!("{row}");
            rows.push_str(&row);
        }
        for (name, off) in ["p99", "p99.9"].into_iter().zip(off) {
            let what = format!("stall of 1 s, runners: {runners}, {name} off by");
            compared.push(Line::number(what, "%", off, Some(TAIL_GOAL)));
        }
    }
    let how = format!(
        "a target that answers after 5 ms on core 0, dlt on core 1, all of it ({} s of load each)",
        what.how.seconds
    );
    Ok(Section::new("Open load", &how, &others, compared, rows))
}

/// The record of a run.
fn run(
    dlt: &Path,
    url: &str,
    (rate, seconds, pacing): (u64, u64, &str),
    runners: u64,
) -> Result<Value> {
    let home = std::env::temp_dir().join(format!("dlt-bench-open-{}", std::process::id()));
    let mut command = pinned(dlt);
    command.args(["run", url, "--json", "--arrivals", &rate.to_string()]);
    command.args([
        "-d",
        &format!("{seconds}s"),
        "--tasks",
        &runners.to_string(),
        "--pacing",
        pacing,
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

/// What came of a run against the target of 5 ms.
struct RateRow {
    asked: f64,
    begun: f64,
    dropped: f64,
    p50_us: f64,
    lag_us: f64,
}

impl RateRow {
    fn of(record: &Value, way: &Way, seconds: u64) -> Result<Self> {
        let of = |path: &str| number(record, path);
        let p50 = match way.busy {
            true => "/summary/total/service/p50_us",
            false => "/summary/total/p50_us",
        };
        Ok(Self {
            asked: (way.rate * seconds) as f64,
            begun: of("/account/scheduled")?,
            dropped: of("/account/dropped")?,
            p50_us: of(p50)?,
            lag_us: of("/summary/total/lag/p99_us")?,
        })
    }

    /// Requests more than asked, %.
    fn rate_error(&self) -> f64 {
        100.0 * ((self.begun - self.dropped) / self.asked - 1.0)
    }

    fn median_error_ms(&self) -> f64 {
        (self.p50_us - DELAY_US as f64) / 1e3
    }

    fn line(&self, way: &Way) -> String {
        let busy = if way.busy { ", busy core" } else { "" };
        format!(
            "| {} | {}{busy} | {} | {:+.3} % | {} | {:.3} | {:+.3} | {:.3} |\n",
            way.rate,
            way.pacing,
            self.begun,
            self.rate_error(),
            self.dropped,
            self.p50_us / 1e3,
            self.median_error_ms(),
            self.lag_us / 1e3,
        )
    }
}

/// The response time that so much of all lies above, ms: arrivals come evenly, and one that comes
/// while the target stands still waits for the rest of that.
fn truth_ms(above: f64) -> f64 {
    let in_stall = STALL_MS as f64 / (STALL_LOAD_S * 1_000) as f64;
    STALL_MS as f64 * (1.0 - above / in_stall)
}

/// The row of a run, whose errors in percent are added to `off`.
fn stall_row(record: &Value, runners: u64, off: &mut [Vec<f64>; 2]) -> Result<String> {
    let samples = number(record, "/summary/total/count")?;
    ensure!(samples > 0.0, "nothing was measured");
    let mut row = format!("| {runners} | {samples} |");
    let quantiles = [("p99_us", 0.01), ("p99_9_us", 0.001)];
    for ((path, above), off) in quantiles.into_iter().zip(off) {
        let seen = number(record, &format!("/summary/total/{path}"))? / 1e3;
        let truth = truth_ms(above);
        let percent = 100.0 * (seen / truth - 1.0);
        write!(row, " {seen:.1} | {truth:.1} | {percent:+.2} % |")?;
        off.push(percent.abs());
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
