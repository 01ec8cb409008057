//! `bench lists`: what a data folder with years of runs costs to look at. The
//! folder is filled through the real adapters; a dist build of `dlt up`
//! answers over one kept connection, so that what is measured is the answer.

use super::dist_build;
use super::machine::machine;
use crate::step::cargo;
use anyhow::{Context, Result, ensure};
use std::fmt::Write as _;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

/// Requests of each row.
const REQUESTS: usize = 200;
/// Requests before those, which are not counted.
const WARM_UP: usize = 20;
/// What a list may take at the median.
const LIMIT_MS: f64 = 50.0;
/// How long `dlt up` may take to come up.
const PATIENCE: Duration = Duration::from_secs(60);

/// What is asked; the first scenario has half of all runs.
const ROWS: [(&str, &str); 6] = [
    ("scenarios, 1,000", "/api/scenarios"),
    ("scenario", "/api/scenarios/scenario0?history=false"),
    (
        "runs, newest 20 of 5,000",
        "/api/scenarios/scenario0/testruns?limit=20",
    ),
    (
        "runs, newest 100 of 5,000",
        "/api/scenarios/scenario0/testruns?limit=100",
    ),
    (
        "runs, 100 of two days",
        "/api/scenarios/scenario0/testruns?limit=100&start_timestamp=2026-02-01&end_timestamp=2026-02-03",
    ),
    ("run", "/api/scenarios/scenario0/testruns/run0009998"),
];

struct Row {
    name: &'static str,
    bytes: usize,
    median_ms: f64,
    p99_ms: f64,
}

/// Prints a row for each request and adds them to BENCHMARKS.md.
pub fn lists(dlt: Option<PathBuf>) -> Result<()> {
    let dlt = match dlt {
        Some(dlt) => dlt,
        None => dist_build()?,
    };
    let folder = std::env::temp_dir().join(format!("dlt-lists-{}", std::process::id()));
    let measured = fill(&folder).and_then(|()| measure(&dlt, &folder));
    // Whatever came of it, hundreds of megabytes are not left behind.
    let _ = std::fs::remove_dir_all(&folder);
    let text = report(&measured?)?;
    print!("{text}");
    super::append(&text)
}

fn fill(folder: &Path) -> Result<()> {
    println!("filling {}", folder.display());
    let built = cargo(&[
        "run",
        "--quiet",
        "--package",
        "dlt-tests",
        "--example",
        "fill",
        "--",
    ])
    .arg(folder)
    .status()?;
    ensure!(built.success(), "the data folder could not be filled");
    Ok(())
}

/// A `dlt up` that ends with its value.
struct Up(Child);

impl Drop for Up {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

fn measure(dlt: &Path, folder: &Path) -> Result<Vec<Row>> {
    let child = Command::new(dlt)
        .args(["up", "--listen", "127.0.0.1:0"])
        .args(["--region", "lo-home-1=4", "--region", "lo-home-2=4"])
        .env("DLT_HOME", folder)
        .stdin(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .with_context(|| format!("failed to start {}", dlt.display()))?;
    let _up = Up(child);
    let address = address(folder)?;
    let mut connection = Connection::open(&address)?;
    ROWS.iter()
        .map(|(name, target)| row(&mut connection, name, target))
        .collect()
}

/// Where it listens, once it says so.
fn address(folder: &Path) -> Result<String> {
    let began = Instant::now();
    let card = folder.join("server.json");
    while began.elapsed() < PATIENCE {
        let read = std::fs::read(&card).ok();
        let value = read.and_then(|bytes| serde_json::from_slice::<serde_json::Value>(&bytes).ok());
        if let Some(api) = value.as_ref().and_then(|value| value["api"].as_str()) {
            let address = api.trim_start_matches("http://").trim_end_matches("/api");
            return Ok(address.to_owned());
        }
        std::thread::park_timeout(Duration::from_millis(5));
    }
    anyhow::bail!("dlt up has not come up within {PATIENCE:?}")
}

fn row(connection: &mut Connection, name: &'static str, target: &str) -> Result<Row> {
    let mut took_ms = Vec::with_capacity(REQUESTS);
    let mut bytes = 0;
    for n in 0..WARM_UP + REQUESTS {
        let began = Instant::now();
        bytes = connection.get(target)?;
        if n >= WARM_UP {
            took_ms.push(began.elapsed().as_secs_f64() * 1e3);
        }
    }
    took_ms.sort_by(f64::total_cmp);
    let at = |share: f64| took_ms[((share * REQUESTS as f64).ceil() as usize).max(1) - 1];
    Ok(Row {
        name,
        bytes,
        median_ms: at(0.5),
        p99_ms: at(0.99),
    })
}

struct Connection {
    reader: BufReader<TcpStream>,
    address: String,
}

impl Connection {
    fn open(address: &str) -> Result<Self> {
        let stream = TcpStream::connect(address)?;
        stream.set_nodelay(true)?;
        stream.set_read_timeout(Some(PATIENCE))?;
        Ok(Self {
            reader: BufReader::new(stream),
            address: address.to_owned(),
        })
    }

    /// The length of an answer that was read in whole.
    fn get(&mut self, target: &str) -> Result<usize> {
        let request = format!("GET {target} HTTP/1.1\r\nhost: {}\r\n\r\n", self.address);
        self.reader.get_mut().write_all(request.as_bytes())?;
        let mut status = String::new();
        self.reader.read_line(&mut status)?;
        ensure!(status.contains(" 200 "), "{target}: {status}");
        let mut length = None;
        loop {
            let mut line = String::new();
            self.reader.read_line(&mut line)?;
            let Some((name, value)) = line.trim_end().split_once(':') else {
                break;
            };
            if name.eq_ignore_ascii_case("content-length") {
                length = value.trim().parse::<usize>().ok();
            }
        }
        let mut body = vec![0; length.context("an answer without a length")?];
        self.reader.read_exact(&mut body)?;
        Ok(body.len())
    }
}

fn report(rows: &[Row]) -> Result<String> {
    let machine = machine()?;
    let mut text = String::new();
    writeln!(text, "\n## Lists, {}", machine.date)?;
    writeln!(
        text,
        "\nCommit {}; {}, {} cores, Linux {}; `dlt up` on a data folder with 1,000\n\
         scenarios and 10,000 runs of 20 labels and 2 regions, one connection, {REQUESTS} requests each; a list may take\n\
         {LIMIT_MS:.0} ms.\n",
        machine.commit, machine.model, machine.cores, machine.kernel
    )?;
    writeln!(text, "| what | KiB | median ms | p99 ms | |")?;
    writeln!(text, "|---|---|---|---|---|")?;
    for row in rows {
        let within = match row.median_ms <= LIMIT_MS && row.p99_ms <= LIMIT_MS {
            true => "within",
            false => "**too slow**",
        };
        writeln!(
            text,
            "| {} | {:.1} | {:.2} | {:.2} | {within} |",
            row.name,
            row.bytes as f64 / 1024.0,
            row.median_ms,
            row.p99_ms
        )?;
    }
    Ok(text)
}
