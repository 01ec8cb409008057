//! CPU per request in HTTP/2, next to h2load: the same connections and streams against the
//! same nginx, in interleaved pairs.

use super::depot::Over;
use super::machine::machine;
use super::measured::run;
use super::nginx::Nginx;
use super::ratios::listed;
use super::{Row, append, dist_build, line, need, pinned};
use anyhow::{Context, Result, ensure};
use std::fmt::Write as _;
use std::path::{Path, PathBuf};

/// Connections and streams of each: one request at a time on each connection, and many.
const SHAPES: [(u64, u64); 2] = [(50, 1), (10, 10)];

/// What `bench http2` measures.
#[derive(Debug, clap::Args)]
pub struct Http2 {
    /// Interleaved rounds of each shape.
    #[arg(long, default_value_t = 5)]
    pairs: usize,
    /// Seconds of load of each run.
    #[arg(long, default_value_t = 10)]
    seconds: u64,
    /// Measure this dlt instead of building one.
    #[arg(long)]
    dlt: Option<PathBuf>,
}

/// `bench http2`: prints all rows and adds them to BENCHMARKS.md.
pub fn http2(what: Http2) -> Result<()> {
    ensure!(what.pairs > 0 && what.seconds > 0, "nothing to measure");
    need(&["nginx", "h2load", "taskset"])?;
    let dlt = match &what.dlt {
        Some(dlt) => dlt.clone(),
        None => dist_build()?,
    };
    let nginx = Nginx::start_http2()?;
    let mut text = head(what.seconds)?;
    let mut medians = String::new();
    for (connections, streams) in SHAPES {
        let mut ratios = Vec::new();
        for round in 0..what.pairs {
            let h2load = || run_h2load(&nginx, connections, streams, what.seconds);
            let worker = || run_worker(&dlt, &nginx, connections, streams, what.seconds);
            // Which goes first changes, so that neither always finds the machine as the
            // other left it.
            let (theirs, ours) = if round % 2 == 0 {
                let theirs = h2load()?;
                (theirs, worker()?)
            } else {
                let ours = worker()?;
                (h2load()?, ours)
            };
            let ratio = ours.cpu_us_per_request() / theirs.cpu_us_per_request();
            println!(
                "{connections} x {streams}, round {}: ratio {ratio:.3}",
                round + 1
            );
            ratios.push(ratio);
            for row in [theirs, ours] {
                writeln!(text, "| {streams} {}", line(&row))?;
            }
        }
        writeln!(
            medians,
            "\nCPU per request, dlt / h2load with {connections} connections of {streams} streams, round by round: {}.",
            listed(&ratios)
        )?;
    }
    text.push_str(&medians);
    print!("{text}");
    append(&text)
}

fn head(seconds: u64) -> Result<String> {
    let machine = machine()?;
    let mut text = String::new();
    writeln!(text, "\n## HTTP/2, {}", machine.date)?;
    writeln!(
        text,
        "\nCommit {}; {}, {} cores, Linux {}; nginx with one worker on core 0, a 66-byte answer, HTTP/2 without\n\
         TLS; generators on core 1, one thread, {seconds} s of load each; CPU is the process' own user and system time.\n",
        machine.commit, machine.model, machine.cores, machine.kernel
    )?;
    writeln!(
        text,
        "| streams | tool | in flight | requests | CPU s | CPU µs per request | max RSS MiB |"
    )?;
    writeln!(text, "|---|---|---|---|---|---|---|")?;
    Ok(text)
}

fn run_h2load(nginx: &Nginx, connections: u64, streams: u64, seconds: u64) -> Result<Row> {
    let mut command = pinned("h2load");
    command.args([
        "-t1",
        &format!("-c{connections}"),
        &format!("-m{streams}"),
        &format!("-D{seconds}"),
        &nginx.url(),
    ]);
    let (measured, stdout) = run(command, seconds + 60)?;
    // requests: 9 total, 9 started, 9 done, 9 succeeded, 0 failed, …
    let requests = stdout
        .lines()
        .find_map(|line| line.strip_prefix("requests: "))
        .and_then(|line| {
            let done = line
                .split(", ")
                .find_map(|part| part.strip_suffix(" succeeded"))?;
            done.parse().ok()
        })
        .with_context(|| format!("h2load told no number of requests:\n{stdout}"))?;
    Ok(super::shown(
        "h2load",
        connections * streams,
        requests,
        measured,
    ))
}

fn run_worker(
    dlt: &Path,
    nginx: &Nginx,
    connections: u64,
    streams: u64,
    seconds: u64,
) -> Result<Row> {
    let users = connections * streams;
    super::run_dlt_over(
        ("dlt worker", dlt),
        nginx,
        (users, seconds),
        Over::Http2 { streams },
    )
}
