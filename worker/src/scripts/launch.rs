//! What is common to starting any tool: what it is given, how it waits for the start, how it is
//! stopped.

use super::shape::Shape;
use super::tools::FoundTool;
use super::{k6_api, process};
use dlt_core::load::share::Lot;
use dlt_core::scenario::plan::Plan;
use std::io::Write as _;
use std::net::{Ipv4Addr, UdpSocket};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;
use std::time::{Duration, Instant};

/// What is run.
#[derive(Debug)]
pub struct ScriptSpec {
    /// The plan, whose script it is.
    pub plan: Arc<Plan>,
    /// This runner's part of the run.
    pub lot: Lot,
    /// The start instant.
    pub start: Instant,
    /// How long requests in flight may take after a stop.
    pub graceful: Duration,
}

/// What a tool is to do.
#[derive(Debug)]
pub(super) struct Job<'a> {
    pub tool: &'a FoundTool,
    /// The script; what it names lies beside it.
    pub script: &'a Path,
    /// The FIFO that gets its samples.
    pub samples: &'a Path,
    /// The FIFO that it waits at.
    pub gate: &'a Path,
    /// A folder for what is ours and not the script's.
    pub own: &'a Path,
    /// The load in place of the script's own.
    pub shape: Option<&'a Shape>,
    /// How long requests in flight may take after a stop.
    pub graceful: Duration,
    /// The scenario's variables.
    pub variables: &'a [(String, String)],
}

/// How it is started.
#[derive(Debug)]
pub(super) struct Launch {
    pub command: Command,
    pub gate: Gate,
    pub stopping: Stopping,
    /// What of the script's own load is replaced, in sentences.
    pub changes: Vec<String>,
}

/// How a tool that is up waits for the start.
#[derive(Debug)]
pub(super) enum Gate {
    /// It reads a FIFO.
    Fifo(PathBuf),
    /// It is paused, which its API at this port ends.
    K6(u16),
}

/// A gate whose tool is up.
#[derive(Debug)]
pub(super) enum ReadyGate {
    Fifo(std::fs::File),
    K6(u16),
}

impl Gate {
    /// The gate, once the tool waits at it.
    pub fn ready(&self) -> Option<ReadyGate> {
        match self {
            Self::Fifo(path) => {
                // Without a reader this fails.
                let mut options = std::fs::OpenOptions::new();
                let opened = options
                    .write(true)
                    .custom_flags(libc::O_NONBLOCK)
                    .open(path);
                opened.ok().map(ReadyGate::Fifo)
            }
            Self::K6(port) => k6_api::is_ready(*port).then_some(ReadyGate::K6(*port)),
        }
    }
}

impl ReadyGate {
    /// Lets the tool go.
    pub fn open(self) -> std::io::Result<()> {
        match self {
            Self::Fifo(mut file) => file.write_all(b"0"),
            Self::K6(port) => k6_api::let_go(port),
        }
    }
}

/// How a tool is asked to end its load.
#[derive(Debug, Clone, Copy)]
pub(super) enum Stopping {
    /// By SIGTERM.
    Signal,
    /// JMeter: by a datagram to its control port.
    JMeter(u16),
}

impl Stopping {
    /// Asks it; `again` where it did not end after the first time.
    pub fn ask(self, process: &process::ToolProcess, again: bool) {
        match self {
            Self::Signal => process.terminate(),
            Self::JMeter(port) => {
                let word: &[u8] = if again { b"StopTestNow" } else { b"Shutdown" };
                let sent = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0))
                    .and_then(|socket| socket.send_to(word, (Ipv4Addr::LOCALHOST, port)));
                if sent.is_err() {
                    process.terminate();
                }
            }
        }
    }
}
