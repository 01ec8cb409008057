//! Measurements next to a tool that everybody knows, on the same machine in
//! the same minutes. Absolute numbers of a shared machine say little; the
//! ratio of interleaved pairs says more.

mod delayed;
mod depot;
mod functions;
mod http2;
mod instructions;
mod lists;
mod machine;
mod measured;
mod nginx;
mod open;
mod ratios;
mod runtime_api;

use crate::step::{self, cargo};
use anyhow::{Context, Result, bail, ensure};
pub use delayed::Delayed;
use depot::{Depot, Over};
pub use functions::functions;
pub use http2::{Http2, http2};
pub use instructions::{Instructions, instructions};
pub use lists::lists;
use machine::{Others, machine};
use measured::{Measured, run};
use nginx::Nginx;
pub use open::{Open, open, target};
use ratios::listed;
use std::fmt::Write as _;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::Command;

/// The core that the generators get; nginx gets core 0.
const GENERATOR_CORE: &str = "1";

/// The packages of Debian that have what is needed.
const PACKAGES: [&str; 6] = [
    "nginx-light",
    "nghttp2-client",
    "wrk",
    "util-linux",
    "valgrind",
    "openssl",
];

struct Row {
    tool: &'static str,
    users: u64,
    requests: u64,
    measured: Measured,
}

impl Row {
    fn cpu_us_per_request(&self) -> f64 {
        self.measured.cpu_us as f64 / self.requests.max(1) as f64
    }
}

/// What `bench closed` measures.
#[derive(Debug, clap::Args)]
pub struct Closed {
    /// Interleaved rounds.
    #[arg(long, default_value_t = 5)]
    pairs: usize,
    /// Seconds of load of each run.
    #[arg(long, default_value_t = 10)]
    seconds: u64,
    /// Users, each number in as many rounds.
    #[arg(long, value_delimiter = ',', default_values_t = [50, 1_000, 10_000])]
    users: Vec<u64>,
    /// Over TLS.
    #[arg(long)]
    tls: bool,
    /// Measure this dlt instead of building one.
    #[arg(long)]
    dlt: Option<PathBuf>,
    /// Another dlt, measured in each round too: what a change costs.
    #[arg(long)]
    before: Option<PathBuf>,
}

/// CPU per request of one round, as shares of another's in the same round.
#[derive(Debug, Default)]
struct Ratios {
    users: u64,
    to_wrk: Vec<f64>,
    memory_to_wrk: Vec<f64>,
    to_before: Vec<f64>,
}

/// `bench closed`: prints all rows and adds them to BENCHMARKS.md.
pub fn closed(what: Closed) -> Result<()> {
    ensure!(what.pairs > 0 && what.seconds > 0, "nothing to measure");
    let cores = std::thread::available_parallelism()?.get();
    ensure!(
        cores >= 2,
        "two cores are needed: one for nginx, one for the generator"
    );
    need(&["nginx", "wrk", "taskset", "openssl"])?;
    let dlt = match &what.dlt {
        Some(dlt) => dlt.clone(),
        None => dist_build()?,
    };
    let mut tools = vec![Tool::Wrk, Tool::Dlt("dlt worker", dlt)];
    if let Some(before) = &what.before {
        tools.push(Tool::Dlt("dlt before", before.clone()));
    }
    let (nginx, others) = (Nginx::start(what.tls)?, Others::since_now());
    let (mut rows, mut ratios) = (Vec::new(), Vec::new());
    for users in &what.users {
        let mut of_users = Ratios {
            users: *users,
            ..Ratios::default()
        };
        for round in 0..what.pairs {
            let measured = measure_round(&tools, round, &nginx, (*users, what.seconds))?;
            of_users.add(round, &measured);
            rows.extend(measured);
        }
        ratios.push(of_users);
    }
    let text = report(&rows, &ratios, &what, &others)?;
    print!("{text}");
    append(&text)
}

impl Ratios {
    /// Adds a round, in the order of the tools, and tells it.
    fn add(&mut self, round: usize, measured: &[Row]) {
        let cost = |tool: usize| measured[tool].cpu_us_per_request();
        let memory = |tool: usize| measured[tool].measured.max_rss_bytes as f64;
        self.to_wrk.push(cost(1) / cost(0));
        self.memory_to_wrk.push(memory(1) / memory(0));
        print!("round {}: ratio {:.3}", round + 1, cost(1) / cost(0));
        if measured.len() > 2 {
            self.to_before.push(cost(1) / cost(2));
            print!(", to the dlt before {:.3}", cost(1) / cost(2));
        }
        println!();
    }
}

/// Each tool once, in the tools' order; which goes first changes from round to
/// round, so that none always meets the machine as the same other left it.
fn measure_round(
    tools: &[Tool],
    round: usize,
    nginx: &Nginx,
    (users, seconds): (u64, u64),
) -> Result<Vec<Row>> {
    let mut measured = Vec::new();
    for turn in 0..tools.len() {
        let tool = (turn + round) % tools.len();
        measured.push((tool, tools[tool].run(nginx, users, seconds)?));
    }
    measured.sort_by_key(|(tool, _)| *tool);
    Ok(measured.into_iter().map(|(_, row)| row).collect())
}

/// What makes the load.
#[derive(Debug)]
enum Tool {
    Wrk,
    /// Its name in the table, and the binary.
    Dlt(&'static str, PathBuf),
}

impl Tool {
    fn run(&self, nginx: &Nginx, users: u64, seconds: u64) -> Result<Row> {
        match self {
            Self::Wrk => run_wrk(nginx, users, seconds),
            Self::Dlt(name, dlt) => run_dlt(name, dlt, nginx, users, seconds),
        }
    }
}

fn dist_build() -> Result<PathBuf> {
    let built = cargo(&["build", "--profile", "dist", "--package", "dlt"]).status()?;
    ensure!(built.success(), "dlt does not build");
    Ok(crate::step::target_folder()?.join("dist").join("dlt"))
}

fn run_wrk(nginx: &Nginx, users: u64, seconds: u64) -> Result<Row> {
    let mut command = pinned("wrk");
    command.args([
        "-t1",
        &format!("-c{users}"),
        &format!("-d{seconds}s"),
        &nginx.url(),
    ]);
    let (measured, stdout) = run(command, seconds + 60)?;
    let requests = stdout
        .lines()
        .find_map(|line| line.trim().split_once(" requests in ")?.0.parse().ok())
        .with_context(|| format!("wrk told no number of requests:\n{stdout}"))?;
    Ok(shown("wrk", users, requests, measured))
}

fn run_dlt(name: &'static str, dlt: &Path, nginx: &Nginx, users: u64, seconds: u64) -> Result<Row> {
    run_dlt_over((name, dlt), nginx, (users, seconds), Over::Http1)
}

fn run_dlt_over(
    (name, dlt): (&'static str, &Path),
    nginx: &Nginx,
    (users, seconds): (u64, u64),
    over: Over,
) -> Result<Row> {
    let depot = Depot::prepare(&nginx.url(), users, seconds, over)?;
    let mut command = pinned(&dlt.to_string_lossy());
    command.arg("worker").envs(depot.environment());
    // The start instant is given once the worker says that it is ready; the
    // worker polls for it, as it does in a run.
    let starter = depot.start_when_ready();
    let (measured, stdout) = run(command, seconds + 60)?;
    starter
        .join()
        .map_err(|_| anyhow::anyhow!("the starter died"))?
        .with_context(|| format!("the worker's stdout:\n{stdout}"))?;
    let requests = depot.requests_ok()?;
    Ok(shown(name, users, requests, measured))
}

fn shown(tool: &'static str, users: u64, requests: u64, measured: Measured) -> Row {
    let row = Row {
        tool,
        users,
        requests,
        measured,
    };
    println!("{}", line(&row));
    row
}

fn pinned(program: &str) -> Command {
    let mut command = Command::new("taskset");
    command.args(["-c", GENERATOR_CORE, program]);
    command
}

fn line(row: &Row) -> String {
    format!(
        "| {} | {} | {} | {:.2} | {:.2} | {:.1} |",
        row.tool,
        row.users,
        row.requests,
        row.measured.cpu_us as f64 / 1e6,
        row.cpu_us_per_request(),
        row.measured.max_rss_bytes as f64 / 1_048_576.0,
    )
}

/// Adds a section to BENCHMARKS.md.
fn append(text: &str) -> Result<()> {
    let path = step::root().join("BENCHMARKS.md");
    let mut file = std::fs::OpenOptions::new()
        .create(true)
        .append(true)
        .open(&path)?;
    file.write_all(text.as_bytes())
        .with_context(|| format!("failed to write {}", path.display()))
}

fn report(rows: &[Row], ratios: &[Ratios], what: &Closed, others: &Others) -> Result<String> {
    let mut text = String::new();
    let machine = machine()?;
    let (name, of) = match what.tls {
        true => ("Closed load over TLS", "a 66-byte answer over TLS 1.3"),
        false => ("Closed load", "a 66-byte answer"),
    };
    writeln!(text, "\n## {name}, {}", machine.date)?;
    writeln!(
        text,
        "\nCommit {}; {}, {} cores, Linux {}; {};\n\
         nginx with one worker on core 0, {of}, keep-alive; generators on core {GENERATOR_CORE}, one thread,\n\
         {} s of load each, interleaved; CPU is the process' own user and system time, its start included.\n",
        machine.commit,
        machine.model,
        machine.cores,
        machine.kernel,
        others.told(),
        what.seconds
    )?;
    writeln!(
        text,
        "| tool | users | requests | CPU s | CPU µs per request | max RSS MiB |"
    )?;
    writeln!(text, "|---|---|---|---|---|---|")?;
    for row in rows {
        writeln!(text, "{}", line(row))?;
    }
    for of_users in ratios {
        let users = of_users.users;
        writeln!(
            text,
            "\nCPU per request at {users} users, dlt / wrk, round by round: {}.",
            listed(&of_users.to_wrk)
        )?;
        writeln!(
            text,
            "Peak memory, dlt / wrk: {}.",
            listed(&of_users.memory_to_wrk)
        )?;
        if !of_users.to_before.is_empty() {
            writeln!(
                text,
                "CPU per request, dlt / the dlt before: {}.",
                listed(&of_users.to_before)
            )?;
        }
    }
    Ok(text)
}

/// Installs what is missing where that is possible, else says what to install.
fn need(programs: &[&str]) -> Result<()> {
    let missing = |program: &&&str| !on_path(program);
    if !programs.iter().any(|program| missing(&program)) {
        return Ok(());
    }
    println!("installing {} with apt-get", PACKAGES.join(", "));
    for args in [
        &["update"][..],
        &["install", "-y", "--no-install-recommends"],
    ] {
        let mut command = Command::new("apt-get");
        let packages = PACKAGES.iter().filter(|_| args.len() > 1);
        command
            .args(args)
            .args(packages)
            .env("DEBIAN_FRONTEND", "noninteractive");
        // Whether it worked is seen below.
        let _ = command.status();
    }
    let left: Vec<&&str> = programs.iter().filter(missing).collect();
    if !left.is_empty() {
        bail!("these programs are needed and could not be installed: {left:?}");
    }
    Ok(())
}

fn on_path(program: &str) -> bool {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let mut folders: Vec<PathBuf> = std::env::split_paths(&path).collect();
    folders.push("/usr/sbin".into());
    folders.iter().any(|folder| folder.join(program).exists())
}
