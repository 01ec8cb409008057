//! `bench functions`: the cold start of each function of Lambda, and the size of its binary. A Runtime
//! API of our own (`runtime_api`) gives each fresh process one event and takes the time of its answer.

use super::append;
use super::machine::machine;
use super::runtime_api::{RuntimeApi, Said};
use crate::step::target_folder;
use anyhow::{Context, Result, ensure};
use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

/// Starts of each function.
const STARTS: usize = 20;
/// How long one start may take.
const DEADLINE: Duration = Duration::from_secs(20);
/// Each answers this at once: a path that does not exist, a call without its fields, no log line.
const EVENT: &str =
    r#"{"httpMethod":"GET","path":"/nothing","headers":{},"requestContext":{"identity":{}}}"#;
/// Binary and `DLT_FUNCTION`.
const FUNCTIONS: [(&str, &str); 8] = [
    ("dlt-functions", "api"),
    ("dlt-functions", "task-status-checker"),
    ("dlt-functions", "task-runner"),
    ("dlt-functions", "task-canceler"),
    ("dlt-functions", "results-parser"),
    ("dlt-functions", "real-time-data-publisher"),
    ("dlt-functions", "bootstrap"),
    ("dlt-mcp-lambda", "mcp"),
];

/// Prints all rows and adds them to BENCHMARKS.md. `programs` is a folder with both binaries.
pub fn functions(programs: Option<PathBuf>) -> Result<()> {
    let programs = match programs {
        Some(programs) => programs,
        None => target_folder()?.join("dist"),
    };
    let mut table = String::from(
        "| function | binary, MiB | init, median ms | first answer after init, median ms | slowest, ms |\n\
         |---|---|---|---|---|\n",
    );
    for (binary, function) in FUNCTIONS {
        let program = programs.join(binary);
        let size = std::fs::metadata(&program)
            .with_context(|| format!("{} is not built: cargo xtask dist", program.display()))?
            .len();
        let starts = (0..STARTS)
            .map(|_| start(&program, function).with_context(|| function.to_owned()))
            .collect::<Result<Vec<_>>>()?;
        let init = sorted(starts.iter().map(|start| start.init));
        let answer = sorted(starts.iter().map(|start| start.answer));
        writeln!(
            table,
            "| {function} | {:.1} | {:.1} | {:.1} | {:.1} |",
            size as f64 / 1_048_576.0,
            init[STARTS / 2],
            answer[STARTS / 2],
            answer[STARTS - 1],
        )?;
    }
    let machine = machine()?;
    let text = format!(
        "\n## Cold starts of the functions of Lambda, {}\n\nCommit {}; {}, {} cores, Linux {}; {STARTS} starts of \
         each, one event that it refuses.\nInit is from the start of the process until it asks for work. Aim: the \
         first answer, with one query of DynamoDB on this machine, within 30 ms of that.\n\n{table}",
        machine.date, machine.commit, machine.model, machine.cores, machine.kernel
    );
    print!("{text}");
    append(&text)
}

/// Times in ms, the shortest first.
fn sorted(times: impl Iterator<Item = Duration>) -> Vec<f64> {
    let mut ms: Vec<_> = times.map(|time| time.as_secs_f64() * 1_000.0).collect();
    ms.sort_by(f64::total_cmp);
    ms
}

struct Start {
    /// From the start of the process until it asks for work.
    init: Duration,
    /// From then until its answer has come whole.
    answer: Duration,
}

/// Ends a process that is no longer needed.
struct Running(Child);

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

fn start(program: &Path, function: &str) -> Result<Start> {
    let api = RuntimeApi::start(EVENT)?;
    let began = Instant::now();
    let mut running = Running(spawn(program, function, &api.address())?);
    let mut said = |what: &str| {
        api.said(DEADLINE)
            .with_context(|| match running.0.try_wait() {
                Ok(Some(status)) => format!("it ended with {status} instead of {what}"),
                _ => format!("no {what} within {} s", DEADLINE.as_secs()),
            })
    };
    let asked = match said("a request for work")? {
        Said::Asked(at) => at,
        Said::Answered(_, path) => anyhow::bail!("{path} came before any request for work"),
    };
    let Said::Answered(answered, path) = said("answer")? else {
        anyhow::bail!("it asked for more work instead of an answer");
    };
    ensure!(
        path.ends_with("/response") || path.ends_with("/error"),
        "it called {path}"
    );
    Ok(Start {
        init: asked.duration_since(began),
        answer: answered.duration_since(asked),
    })
}

fn spawn(program: &Path, function: &str, api: &str) -> Result<Child> {
    let mut command = Command::new(program);
    command
        .env_clear()
        .env("AWS_LAMBDA_RUNTIME_API", api)
        .env("AWS_LAMBDA_FUNCTION_NAME", "f")
        .env("AWS_LAMBDA_FUNCTION_VERSION", "1")
        .env("AWS_LAMBDA_FUNCTION_MEMORY_SIZE", "512")
        .env("AWS_LAMBDA_LOG_GROUP_NAME", "g")
        .env("AWS_LAMBDA_LOG_STREAM_NAME", "s")
        .env("AWS_REGION", "us-east-1")
        .env("AWS_ACCESS_KEY_ID", "test")
        .env("AWS_SECRET_ACCESS_KEY", "test")
        .env("AWS_ENDPOINT_URL", format!("http://{api}"))
        .env("DLT_FUNCTION", function)
        .env("DLT_HUB_REGION", "us-east-1")
        .env("DLT_API_URL", "http://127.0.0.1:9");
    for name in [
        "BUCKET",
        "SCENARIOS_TABLE",
        "HISTORY_TABLE",
        "STACK_ID",
        "IOT_ENDPOINT",
    ] {
        command.env(format!("DLT_{name}"), "x");
    }
    command
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .with_context(|| format!("{} cannot be started", program.display()))
}
