//! The tools that make load, each run once as a process of its own on the generators' core, and what
//! a run of one came to.

use super::depot::{Depot, Load};
use super::measured::{Measured, run};
use anyhow::{Context, Result, anyhow, ensure};
use serde_json::{Value, json};
use std::path::Path;
use std::process::Command;

/// The core that the generators get; the target gets core 0.
pub const GENERATOR_CORE: &str = "1";
/// How long a tool may take beside its load, s.
pub const PATIENCE_S: u64 = 60;

/// The head of a table of runs.
pub const HEAD: &str = "| tool | load | requests | CPU s | CPU µs per request | peak RSS MB | of it its own (RssAnon) MB |\n|---|---|---|---|---|---|---|\n";

/// One run of a tool.
#[derive(Debug)]
pub struct Row {
    pub tool: String,
    pub load: String,
    pub requests: u64,
    pub measured: Measured,
}

impl Row {
    /// A row, told as soon as it is there; an error where nothing was answered, since a share of
    /// that would say anything.
    pub fn told(tool: &str, load: &str, requests: u64, measured: Measured) -> Result<Self> {
        ensure!(requests > 0, "{tool} got no answer with the load {load}");
        let row = Self {
            tool: tool.to_owned(),
            load: load.to_owned(),
            requests,
            measured,
        };
        print!("{}", row.line());
        Ok(row)
    }

    /// User and system time of a request, µs.
    pub fn cost(&self) -> f64 {
        self.measured.cpu_us as f64 / self.requests as f64
    }

    /// Peak memory, MB.
    pub fn rss_mb(&self) -> f64 {
        self.measured.max_rss_bytes as f64 / 1e6
    }

    /// Most memory of its own, MB.
    pub fn anon_mb(&self) -> f64 {
        self.measured.max_anon_bytes as f64 / 1e6
    }

    /// As a line of a table.
    pub fn line(&self) -> String {
        format!(
            "| {} | {} | {} | {:.2} | {:.2} | {:.1} | {:.1} |\n",
            self.tool,
            self.load,
            self.requests,
            self.measured.cpu_us as f64 / 1e6,
            self.cost(),
            self.rss_mb(),
            self.anon_mb(),
        )
    }
}

/// All rows of all rounds.
pub fn lines(rounds: &[Vec<Row>]) -> String {
    rounds.iter().flatten().map(Row::line).collect()
}

/// A program on the generators' core.
pub fn pinned(program: &Path) -> Command {
    let mut command = Command::new("taskset");
    command.args(["-c", GENERATOR_CORE]).arg(program);
    command
}

/// wrk with one thread.
pub fn wrk(url: &str, users: u64, seconds: u64) -> Result<Row> {
    let mut command = pinned(Path::new("wrk"));
    command.args(["-t1", &format!("-c{users}"), &format!("-d{seconds}s"), url]);
    let (measured, stdout) = run(command, seconds + PATIENCE_S)?;
    let requests = stdout
        .lines()
        .find_map(|line| line.trim().split_once(" requests in ")?.0.parse().ok())
        .with_context(|| format!("wrk told no number of requests:\n{stdout}"))?;
    Row::told("wrk", &users.to_string(), requests, measured)
}

/// h2load with one thread, so many connections and streams of each.
pub fn h2load(url: &str, (connections, streams): (u64, u64), seconds: u64) -> Result<Row> {
    let mut command = pinned(Path::new("h2load"));
    command.args([
        "-t1",
        &format!("-c{connections}"),
        &format!("-m{streams}"),
        &format!("-D{seconds}"),
        url,
    ]);
    let (measured, stdout) = run(command, seconds + PATIENCE_S)?;
    // requests: 9 total, 9 started, 9 done, 9 succeeded, 0 failed, …
    let requests = stdout
        .lines()
        .find_map(|line| line.strip_prefix("requests: "))
        .and_then(|line| {
            let mut parts = line.split(", ");
            let done = parts.find_map(|part| part.strip_suffix(" succeeded"))?;
            done.parse().ok()
        })
        .with_context(|| format!("h2load told no number of requests:\n{stdout}"))?;
    let load = format!("{connections} × {streams}");
    Row::told("h2load", &load, requests, measured)
}

/// A scenario of one request on `url`. The target's certificate is its own; its signature is
/// verified all the same.
pub fn single(url: &str) -> Value {
    json!({
        "requests": [{ "url": url, "label": "one" }],
        "tls": { "insecure": url.starts_with("https:") },
    })
}

/// One worker of dlt with one thread: `name` and `load_told` are what the table says.
pub fn worker(
    (name, dlt): (&str, &Path),
    scenario: &Value,
    (load, load_told): (Load, &str),
    seconds: u64,
) -> Result<Row> {
    let (measured, requests) = worker_by((dlt, scenario), load, seconds, run)?;
    Row::told(name, load_told, requests, measured)
}

/// The same, run by `run`: what it used, and how many requests were answered.
pub fn worker_by(
    (dlt, scenario): (&Path, &Value),
    load: Load,
    seconds: u64,
    run: impl FnOnce(Command, u64) -> Result<(Measured, String)>,
) -> Result<(Measured, u64)> {
    let depot = Depot::prepare(load, seconds, scenario)?;
    let mut command = pinned(dlt);
    command.arg("worker").envs(depot.environment());
    // The start instant is given once the worker says that it is ready; the worker polls for it,
    // as it does in a run.
    let starter = depot.start_when_ready();
    let (measured, stdout) = run(command, seconds + PATIENCE_S)?;
    starter
        .join()
        .map_err(|_| anyhow!("the starter died"))?
        .with_context(|| format!("the worker's stdout:\n{stdout}"))?;
    Ok((measured, depot.requests_ok()?))
}
