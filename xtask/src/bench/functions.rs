//! `bench functions`: how soon a function of Lambda answers after it is started, next to the
//! size of its binary. A Runtime API of our own gives it one event (AWS Lambda Developer
//! Guide, "Lambda runtime API").

use super::{append, machine};
use crate::step::target_folder;
use anyhow::{Context, Result, bail, ensure};
use std::fmt::Write as _;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

/// Starts of each function.
const STARTS: usize = 20;
/// How long one start may take.
const DEADLINE: Duration = Duration::from_secs(20);
/// An event that each answers without AWS: a path that does not exist, or a fault.
const EVENT: &str =
    r#"{"httpMethod":"GET","path":"/nothing","headers":{},"requestContext":{"identity":{}}}"#;
/// Binary and `DLT_FUNCTION`.
const FUNCTIONS: [(&str, &str); 7] = [
    ("dlt-functions", "api"),
    ("dlt-functions", "task-status-checker"),
    ("dlt-functions", "task-runner"),
    ("dlt-functions", "task-canceler"),
    ("dlt-functions", "results-parser"),
    ("dlt-functions", "real-time-data-publisher"),
    ("dlt-mcp-lambda", "mcp"),
];

/// Prints all rows and adds them to BENCHMARKS.md.
pub fn functions(programs: Option<PathBuf>) -> Result<()> {
    let programs = match programs {
        Some(programs) => programs,
        None => target_folder()?.join("dist"),
    };
    let mut table = String::from(
        "| function | binary MiB | asks for work, median ms | first answer after that, median ms | slowest ms |\n\
         |---|---|---|---|---|\n",
    );
    for (binary, function) in FUNCTIONS {
        let program = programs.join(binary);
        let size = std::fs::metadata(&program)
            .with_context(|| format!("{} is not built: cargo xtask dist", program.display()))?
            .len();
        let mut starts = (0..STARTS)
            .map(|_| start(&program, function))
            .collect::<Result<Vec<_>>>()?;
        starts.sort_by_key(|start| start.0);
        let asked = starts[STARTS / 2].0;
        starts.sort_by_key(|start| start.1);
        let (median, slowest) = (starts[STARTS / 2].1, starts[STARTS - 1].1);
        let ms = |time: Duration| format!("{:.1}", time.as_secs_f64() * 1_000.0);
        writeln!(
            table,
            "| {function} | {:.1} | {} | {} | {} |",
            size as f64 / 1_048_576.0,
            ms(asked),
            ms(median),
            ms(slowest)
        )?;
    }
    let machine = machine()?;
    let text = format!(
        "\n## Functions of Lambda, {}\n\nCommit {}; {}, {} cores, Linux {}; {STARTS} starts of each, one \
         event that needs no AWS.\nThe first answer may take 30 ms after init.\n\n{table}",
        machine.date, machine.commit, machine.model, machine.cores, machine.kernel
    );
    print!("{text}");
    append(&text)
}

/// Ends a process that is no longer needed.
struct Running(Child);

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// One start: until it asks for work, and from then until its answer has come.
fn start(program: &Path, function: &str) -> Result<(Duration, Duration)> {
    let listener = TcpListener::bind("127.0.0.1:0")?;
    let began = Instant::now();
    let _running = Running(spawn(
        program,
        function,
        &listener.local_addr()?.to_string(),
    )?);
    let (mut stream, request) = accepted(&listener)?;
    ensure!(request.contains("/invocation/next"), "it asked {request}");
    let asked = began.elapsed();
    let began = Instant::now();
    write!(
        stream,
        "HTTP/1.1 200 OK\r\nlambda-runtime-aws-request-id: 1\r\nlambda-runtime-deadline-ms: 99999999999999\r\n\
         lambda-runtime-invoked-function-arn: arn:aws:lambda:us-east-1:000000000000:function:f\r\n\
         content-type: application/json\r\ncontent-length: {}\r\n\r\n{EVENT}",
        EVENT.len()
    )?;
    // The answer comes over the same connection or over another.
    stream.set_read_timeout(Some(Duration::from_millis(1)))?;
    while began.elapsed() < DEADLINE {
        let request = match listener.accept() {
            Ok((other, _)) => {
                other.set_nonblocking(false)?;
                first_line(&other).ok()
            }
            Err(_) => first_line(&stream).ok(),
        };
        match request {
            Some(line) if line.contains("/invocation/1/") => return Ok((asked, began.elapsed())),
            Some(line) if !line.is_empty() => bail!("it asked {line}"),
            _ => {}
        }
    }
    bail!("{function} did not answer within {} s", DEADLINE.as_secs())
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
        // Nothing answers there; nothing is asked either.
        .env("AWS_ENDPOINT_URL", "http://127.0.0.1:9")
        .env("DLT_FUNCTION", function)
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

fn accepted(listener: &TcpListener) -> Result<(TcpStream, String)> {
    // A program that ends at once asks for nothing.
    listener.set_nonblocking(true)?;
    let began = Instant::now();
    let stream = loop {
        match listener.accept() {
            Ok((stream, _)) => break stream,
            Err(_) if began.elapsed() < DEADLINE => std::thread::yield_now(),
            Err(_) => bail!("it did not ask for work within {} s", DEADLINE.as_secs()),
        }
    };
    stream.set_nonblocking(false)?;
    stream.set_read_timeout(Some(DEADLINE))?;
    let line = head(&stream)?;
    Ok((stream, line))
}

/// The first line of a request without a body, whose head is read to its end.
fn head(stream: &TcpStream) -> Result<String> {
    let mut reader = BufReader::new(stream);
    let mut first = String::new();
    reader.read_line(&mut first)?;
    let mut line = String::new();
    while reader.read_line(&mut line)? > 2 {
        line.clear();
    }
    Ok(first)
}

/// The first bytes of a request, as text.
fn first_line(mut stream: &TcpStream) -> Result<String> {
    let mut bytes = [0; 256];
    let read = stream.read(&mut bytes)?;
    Ok(String::from_utf8_lossy(&bytes[..read])
        .lines()
        .next()
        .unwrap_or_default()
        .to_owned())
}
