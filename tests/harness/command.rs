//! The real `dlt`, run in a data folder of its own with a deadline on
//! everything. The folder goes when the test ends, and so does every process
//! that still belongs to it.

use crate::patience;
use crate::processes::{self, Runner, Signal};
use dlt_core::record::RunRecord;
use std::ffi::OsStr;
use std::fs::Permissions;
use std::os::unix::fs::PermissionsExt as _;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

/// The `dlt` under test: `DLT_BIN`, else what was built beside this test.
///
/// # Panics
/// When there is none.
pub fn binary() -> PathBuf {
    if let Some(path) = std::env::var_os("DLT_BIN") {
        return PathBuf::from(path);
    }
    let test = std::env::current_exe().expect("this test's own path");
    // target/<profile>/deps/<test>
    let target = test.ancestors().nth(3).expect("a target folder");
    ["e2e", "debug", "release"]
        .into_iter()
        .map(|profile| target.join(profile).join("dlt"))
        .find(|path| path.exists())
        .expect("no dlt binary: run `cargo xtask test`, or `cargo build --profile e2e -p dlt`")
}

/// A data folder.
#[derive(Debug)]
pub struct Home {
    folder: tempfile::TempDir,
    /// Further variables of the commands' environment.
    environment: Vec<(String, String)>,
}

impl Default for Home {
    fn default() -> Self {
        Self::new()
    }
}

impl Home {
    /// A new, empty one.
    ///
    /// # Panics
    /// When it cannot be made.
    pub fn new() -> Self {
        let folder = tempfile::Builder::new()
            .prefix("dlt-home-")
            .permissions(Permissions::from_mode(0o700))
            .tempdir();
        Self {
            folder: folder.expect("a data folder"),
            environment: Vec::new(),
        }
    }

    /// The same folder, whose commands get these variables, too.
    #[must_use]
    pub fn with(mut self, environment: &[(&str, &str)]) -> Self {
        let rows = environment.iter();
        let rows = rows.map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
        self.environment.extend(rows);
        self
    }

    /// Where it lies.
    pub fn path(&self) -> &Path {
        self.folder.path()
    }

    /// Writes a file beside the data, for the command to read.
    ///
    /// # Panics
    /// When it cannot be written.
    pub fn file(&self, name: &str, bytes: impl AsRef<[u8]>) -> PathBuf {
        // Not inside: `dlt` must find its folder empty.
        let folder = self.path().with_extension("files");
        std::fs::create_dir_all(&folder).expect("a folder for files");
        let path = folder.join(name);
        std::fs::write(&path, bytes).expect("a file for dlt");
        path
    }

    /// Starts `dlt` with these arguments.
    ///
    /// # Panics
    /// When it cannot be started.
    pub fn start<S: AsRef<OsStr>>(&self, args: impl IntoIterator<Item = S>) -> Running {
        self.start_with(&[], args)
    }

    /// The same with these variables, such as secrets.
    ///
    /// # Panics
    /// When it cannot be started.
    pub fn start_with<S: AsRef<OsStr>>(
        &self,
        variables: &[(&str, &str)],
        args: impl IntoIterator<Item = S>,
    ) -> Running {
        let output = tempfile::tempdir().expect("a folder for output");
        let file = |name: &str| {
            let file = std::fs::File::create(output.path().join(name));
            Stdio::from(file.expect("a file for output"))
        };
        let mut command = Command::new(binary());
        command
            .args(args)
            .env_clear()
            .envs(kept_environment())
            .envs(variables.iter().copied())
            .env("DLT_HOME", self.path())
            .env("NO_COLOR", "1")
            .envs(self.environment.iter().cloned())
            .stdin(Stdio::null())
            .stdout(file("stdout"))
            .stderr(file("stderr"))
            // A Ctrl-C at the tests' terminal is not for dlt.
            .process_group(0);
        let child = command.spawn().expect("dlt can be started");
        Running {
            home: self.path().to_owned(),
            child,
            output,
            began: Instant::now(),
        }
    }

    /// Runs `dlt` to its end.
    ///
    /// # Panics
    /// When it has not ended within `patience`.
    pub fn run<S: AsRef<OsStr>>(
        &self,
        patience: Duration,
        args: impl IntoIterator<Item = S>,
    ) -> Ended {
        self.start(args).wait(patience)
    }

    /// Asserts that no process of this folder is left.
    ///
    /// # Panics
    /// When one is, after a moment's grace for the system to reap it.
    pub fn assert_no_process_left(&self) {
        let left = || processes::all(self.path());
        if patience::within(Duration::from_secs(1), || left().is_empty().then_some(())).is_none() {
            panic!("processes are left: {:?}", left());
        }
    }

    /// Nothing of a run is stored here.
    ///
    /// # Panics
    /// When something is.
    pub fn assert_empty(&self) {
        let entries = std::fs::read_dir(self.path())
            .into_iter()
            .flatten()
            .flatten();
        let names: Vec<_> = entries.map(|entry| entry.file_name()).collect();
        assert!(names.is_empty(), "the data folder holds {names:?}");
    }
}

impl Drop for Home {
    fn drop(&mut self) {
        for pid in processes::all(self.path()) {
            processes::signal(pid, Signal::Continue);
            processes::signal(pid, Signal::Kill);
        }
        let _ = std::fs::remove_dir_all(self.path().with_extension("files"));
    }
}

/// What a program needs of the environment, and nothing that would steer `dlt`.
fn kept_environment() -> impl Iterator<Item = (String, String)> {
    let kept = ["PATH", "HOME", "TMPDIR", "LANG", "RUST_BACKTRACE"];
    std::env::vars().filter(move |(name, _)| kept.contains(&name.as_str()))
}

/// A `dlt` that runs.
#[derive(Debug)]
pub struct Running {
    home: PathBuf,
    child: Child,
    output: tempfile::TempDir,
    began: Instant,
}

impl Running {
    /// Its process number.
    pub fn pid(&self) -> i32 {
        self.child.id() as i32
    }

    /// What it has written to stderr so far.
    pub fn stderr(&self) -> String {
        let bytes = std::fs::read(self.output.path().join("stderr"));
        String::from_utf8_lossy(&bytes.unwrap_or_default()).into_owned()
    }

    /// Whether it has ended.
    pub fn has_ended(&mut self) -> bool {
        self.child.try_wait().is_ok_and(|status| status.is_some())
    }

    /// Ends it as the kernel does: it can do nothing about it.
    ///
    /// # Panics
    /// When it cannot be ended.
    pub fn kill(mut self) {
        self.child.kill().expect("a process of ours");
        self.child.wait().expect("a process of ours");
    }

    /// Sends it a signal.
    pub fn signal(&self, signal: Signal) {
        processes::signal(self.pid(), signal);
    }

    /// Waits until it has at least this many runners.
    ///
    /// # Panics
    /// When they do not come.
    pub fn runners(&self, count: usize) -> Vec<Runner> {
        patience::until(&format!("{count} runners"), Duration::from_secs(30), || {
            let runners = processes::runners(&self.home);
            (runners.len() >= count).then_some(runners)
        })
    }

    /// Waits for its end.
    ///
    /// # Panics
    /// When it has not ended within `patience` from its start.
    pub fn wait(mut self, patience: Duration) -> Ended {
        let left = patience.saturating_sub(self.began.elapsed());
        let status = patience::within(left, || self.child.try_wait().ok().flatten());
        let read = |name: &str| {
            let bytes = std::fs::read(self.output.path().join(name)).unwrap_or_default();
            String::from_utf8_lossy(&bytes).into_owned()
        };
        let (stdout, stderr) = (read("stdout"), read("stderr"));
        let Some(status) = status else {
            panic!("dlt has not ended within {patience:?}\nstdout:\n{stdout}\nstderr:\n{stderr}");
        };
        Ended {
            code: status.code(),
            stdout,
            stderr,
            took: self.began.elapsed(),
        }
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// A `dlt` that has ended.
#[derive(Debug)]
pub struct Ended {
    /// Its exit code; None if a signal ended it.
    pub code: Option<i32>,
    /// All of its stdout.
    pub stdout: String,
    /// All of its stderr.
    pub stderr: String,
    /// From start to end.
    pub took: Duration,
}

impl Ended {
    /// The run record that `--json` printed.
    ///
    /// # Panics
    /// When stdout is anything else.
    pub fn record(&self) -> RunRecord {
        serde_json::from_str(&self.stdout)
            .unwrap_or_else(|error| panic!("stdout is no run record: {error}\n{}", self.told()))
    }

    /// Asserts the exit code.
    ///
    /// # Panics
    /// When it is another.
    #[track_caller]
    pub fn expect_code(&self, code: i32) -> &Self {
        assert_eq!(self.code, Some(code), "exit code\n{}", self.told());
        self
    }

    /// Everything it said, for messages of tests.
    pub fn told(&self) -> String {
        let cut = |text: &str| text.chars().take(6_000).collect::<String>();
        format!(
            "stdout:\n{}\nstderr:\n{}",
            cut(&self.stdout),
            cut(&self.stderr)
        )
    }
}
