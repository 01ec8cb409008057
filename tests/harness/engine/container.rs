//! A container that is a process: its life, its exit code, its lines.

use crate::processes::{Signal, signal};
use serde_json::Value;
use std::io::{BufRead, BufReader, Read};
use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::sync::{Arc, Condvar, Mutex};
use std::time::Duration;

/// What a container is made of.
pub(super) struct Made {
    pub program: PathBuf,
    pub env: Vec<(String, String)>,
    pub name: String,
    pub image: String,
    pub labels: Value,
    pub address: String,
}

#[derive(Default)]
struct Now {
    pid: Option<i32>,
    exit: Option<i64>,
    /// Streams that are still read.
    open: u8,
    /// The number of the stream, as Docker has it, and the line with its break.
    lines: Vec<(u8, Vec<u8>)>,
}

pub(super) struct Container {
    program: PathBuf,
    env: Vec<(String, String)>,
    pub name: String,
    pub image: String,
    pub labels: Value,
    pub address: String,
    now: Arc<(Mutex<Now>, Condvar)>,
}

impl Container {
    pub fn new(made: Made) -> Self {
        Self {
            program: made.program,
            env: made.env,
            name: made.name,
            image: made.image,
            labels: made.labels,
            address: made.address,
            now: Arc::default(),
        }
    }

    /// Whether it has a label, `name` or `name=value`.
    pub fn has_label(&self, label: &str) -> bool {
        match label.split_once('=') {
            Some((name, value)) => self.labels[name] == value,
            None => self.labels.get(label).is_some(),
        }
    }

    /// Starts its process, with nothing of this process' environment.
    pub fn start(&self) -> std::io::Result<()> {
        let mut child = Command::new(&self.program)
            .env_clear()
            .envs(self.env.iter().map(|(name, value)| (name, value)))
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()?;
        let (out, err) = (child.stdout.take(), child.stderr.take());
        let pid = i32::try_from(child.id()).ok();
        self.change(|now| {
            now.pid = pid;
            now.open = 2;
        });
        if let (Some(out), Some(err)) = (out, err) {
            self.read(1, out);
            self.read(2, err);
        }
        let now = Arc::clone(&self.now);
        std::thread::spawn(move || {
            use std::os::unix::process::ExitStatusExt as _;
            let exit = match child.wait() {
                Ok(status) => status
                    .code()
                    .map_or_else(|| 128 + i64::from(status.signal().unwrap_or(0)), i64::from),
                Err(_) => -1,
            };
            let (lock, changed) = &*now;
            lock.lock().expect("no test panics in here").exit = Some(exit);
            changed.notify_all();
        });
        Ok(())
    }

    fn read(&self, number: u8, stream: impl Read + Send + 'static) {
        let now = Arc::clone(&self.now);
        std::thread::spawn(move || {
            let mut stream = BufReader::new(stream);
            loop {
                let mut line = Vec::new();
                let end = !matches!(stream.read_until(b'\n', &mut line), Ok(1..));
                let (lock, changed) = &*now;
                let mut now = lock.lock().expect("no test panics in here");
                match end {
                    true => now.open -= 1,
                    false => now.lines.push((number, line)),
                }
                changed.notify_all();
                if end {
                    return;
                }
            }
        });
    }

    fn change<T>(&self, change: impl FnOnce(&mut Now) -> T) -> T {
        let (lock, changed) = &*self.now;
        let done = change(&mut lock.lock().expect("no test panics in here"));
        changed.notify_all();
        done
    }

    /// Line number `n`, as soon as there is one; None once there will be none.
    pub fn line(&self, n: usize) -> Option<(u8, Vec<u8>)> {
        let (lock, changed) = &*self.now;
        let now = lock.lock().expect("no test panics in here");
        let ended = |now: &Now| now.exit.is_some() && now.open == 0;
        let now = changed.wait_while(now, |now| now.lines.len() <= n && !ended(now));
        now.expect("no test panics in here").lines.get(n).cloned()
    }

    pub fn printed(&self) -> String {
        let (lock, _) = &*self.now;
        let now = lock.lock().expect("no test panics in here");
        let lines = now.lines.iter();
        let text: Vec<u8> = lines.flat_map(|(_, line)| line.clone()).collect();
        String::from_utf8_lossy(&text).into_owned()
    }

    pub fn began(&self) -> bool {
        self.change(|now| now.pid.is_some())
    }

    /// Its exit code once it has ended.
    pub fn exit(&self) -> Option<i64> {
        self.change(|now| now.exit)
    }

    /// Waits for its end.
    pub fn wait(&self) -> i64 {
        let (lock, changed) = &*self.now;
        let now = lock.lock().expect("no test panics in here");
        let now = changed.wait_while(now, |now| now.exit.is_none());
        now.expect("no test panics in here").exit.unwrap_or(-1)
    }

    /// SIGTERM, and SIGKILL to one that is still there after so many seconds.
    pub fn stop(&self, seconds: u64) {
        let Some(pid) = self.alive() else { return };
        signal(pid, Signal::Terminate);
        let (lock, changed) = &*self.now;
        let now = lock.lock().expect("no test panics in here");
        let limit = Duration::from_secs(seconds);
        let waited = changed.wait_timeout_while(now, limit, |now| now.exit.is_none());
        let late = waited.expect("no test panics in here").1.timed_out();
        if late {
            signal(pid, Signal::Kill);
        }
    }

    /// SIGKILL.
    pub fn kill(&self) {
        if let Some(pid) = self.alive() {
            signal(pid, Signal::Kill);
        }
    }

    fn alive(&self) -> Option<i32> {
        self.change(|now| now.pid.filter(|_| now.exit.is_none()))
    }
}
