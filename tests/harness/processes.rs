//! The processes of a data folder: found through /proc by the environment that
//! an order travels in, never by name, and signalled by number.

use std::path::Path;

/// One runner's process.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Runner {
    /// Process number.
    pub pid: i32,
    /// `TEST_RUN_ID`.
    pub run: String,
    /// `DLT_RUNNER`, which runners of other runs may have, too.
    pub id: String,
    /// `DLT_ROLE`.
    pub role: String,
    /// `AWS_REGION`.
    pub region: String,
}

/// A signal that tests send.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Signal {
    /// Ctrl-C.
    Interrupt,
    /// A polite request to end.
    Terminate,
    /// The end.
    Kill,
    /// Halt.
    Stop,
    /// Go on.
    Continue,
}

/// Sends a signal; a process that is gone does not matter.
pub fn signal(pid: i32, signal: Signal) {
    let number = match signal {
        Signal::Interrupt => libc::SIGINT,
        Signal::Terminate => libc::SIGTERM,
        Signal::Kill => libc::SIGKILL,
        Signal::Stop => libc::SIGSTOP,
        Signal::Continue => libc::SIGCONT,
    };
    assert!(pid > 1, "no groups, and never init");
    #[expect(unsafe_code, reason = "kill(2) has no safe form; it takes two numbers")]
    unsafe {
        libc::kill(pid, number);
    }
}

/// Lets this process open as many files as the system allows: a target of many
/// users holds a connection for each. The number that now holds.
pub fn raise_file_limit() -> u64 {
    use rustix::process::{Resource, getrlimit, setrlimit};
    let mut limit = getrlimit(Resource::Nofile);
    let before = limit.current;
    limit.current = limit.maximum;
    let now = match setrlimit(Resource::Nofile, limit) {
        Ok(()) => limit.maximum,
        Err(_) => before,
    };
    now.unwrap_or(u64::MAX)
}

/// A process' environment, as it was when it began; empty if it is gone, a
/// zombie or not ours.
fn environment(pid: i32) -> Vec<String> {
    let bytes = std::fs::read(format!("/proc/{pid}/environ")).unwrap_or_default();
    bytes
        .split(|&byte| byte == 0)
        .map(|entry| String::from_utf8_lossy(entry).into_owned())
        .collect()
}

fn pids() -> Vec<i32> {
    let entries = std::fs::read_dir("/proc").into_iter().flatten().flatten();
    entries
        .filter_map(|entry| entry.file_name().to_str()?.parse().ok())
        .filter(|&pid: &i32| pid != std::process::id() as i32)
        .collect()
}

/// The runners whose depot lies in a data folder, by id.
pub fn runners(home: &Path) -> Vec<Runner> {
    let home = home.to_string_lossy();
    let mut found: Vec<Runner> = pids()
        .into_iter()
        .filter_map(|pid| {
            let environment = environment(pid);
            let get = |name: &str| {
                environment.iter().find_map(|entry| {
                    let (key, value) = entry.split_once('=')?;
                    (key == name).then(|| value.to_owned())
                })
            };
            get("DLT_DEPOT")?.starts_with(&*home).then_some(())?;
            Some(Runner {
                pid,
                run: get("TEST_RUN_ID")?,
                id: get("DLT_RUNNER")?,
                role: get("DLT_ROLE")?,
                region: get("AWS_REGION")?,
            })
        })
        .collect();
    found.sort_by(|a, b| a.id.cmp(&b.id));
    found
}

/// Every process whose environment or command line names the data folder.
pub fn all(home: &Path) -> Vec<i32> {
    let home = home.to_string_lossy();
    let names = |pid: &i32| {
        let command = std::fs::read(format!("/proc/{pid}/cmdline")).unwrap_or_default();
        environment(*pid).iter().any(|entry| entry.contains(&*home))
            || String::from_utf8_lossy(&command).contains(&*home)
    };
    pids().into_iter().filter(names).collect()
}

/// The tools of scripts that run for a data folder, which has to be their folder for temporary
/// files too.
pub fn tools(home: &Path) -> Vec<i32> {
    let is_tool = |pid: &i32| {
        let environment = environment(*pid);
        environment
            .iter()
            .any(|entry| entry.starts_with("DLT_RUNNER_INDEX="))
    };
    all(home).into_iter().filter(is_tool).collect()
}
