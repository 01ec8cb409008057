//! A tool as a process of its own group: what it prints is kept in part, and it never outlives its
//! runner. Which program it is, and what its exit codes mean, is left to the tools' modules.

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::process::{Pid, PidfdFlags, Signal, kill_process_group, pidfd_open};
use std::collections::VecDeque;
use std::io::{self, Read};
use std::os::fd::OwnedFd;
use std::os::unix::process::{CommandExt as _, ExitStatusExt as _};
use std::path::Path;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::{Arc, Mutex, PoisonError, mpsc};
use std::time::Duration;

/// Bytes of the beginning and of the end of what a tool prints that are kept.
const KEPT_BYTES: usize = 256 * 1024;
/// Lines of it that a message quotes.
const QUOTED_LINES: usize = 6;
/// Longest quotation, characters.
const QUOTED_CHARS: usize = 600;
/// Largest file that a tool may write, bytes.
pub(super) const LARGEST_FILE_BYTES: u64 = 1 << 30;

/// Between two looks at a child whose end no event tells.
const WITHOUT_EVENT: Duration = Duration::from_millis(10);

/// Variables of a runner that a tool inherits; its credentials are none of them.
const INHERITED: [&str; 9] = [
    "PATH",
    "HOME",
    "TMPDIR",
    "LANG",
    "SSL_CERT_FILE",
    "SSL_CERT_DIR",
    "JAVA_HOME",
    "JMETER_HOME",
    "PYTHONPATH",
];

/// How long the end of a stream is waited for when its tool has ended.
const LONGEST_REST: Duration = Duration::from_secs(1);

/// A thread that reads a stream of a tool to its end.
#[derive(Debug)]
pub(super) struct Reader(mpsc::Receiver<()>);

impl Reader {
    /// Starts it.
    pub fn spawn(name: &str, read: impl FnOnce() + Send + 'static) -> io::Result<Self> {
        let (end, ended) = mpsc::channel();
        let thread = std::thread::Builder::new().name(name.to_owned());
        thread.spawn(move || {
            // Dropped with the thread, however that ends.
            let _end: mpsc::Sender<()> = end;
            read();
        })?;
        Ok(Self(ended))
    }

    /// Waits for its end; whether it came in time.
    pub fn wait(self) -> bool {
        let waited = self.0.recv_timeout(LONGEST_REST);
        waited != Err(mpsc::RecvTimeoutError::Timeout)
    }
}

/// Tells when a child ends, without taking its status.
#[derive(Debug)]
pub(super) struct EndWatch(Option<OwnedFd>);

impl EndWatch {
    /// Of a child that is not yet waited for.
    pub fn of(child: &Child) -> Self {
        // Without it (Linux before 5.3) its end is seen a little later.
        Self(pidfd_open(Pid::from_child(child), PidfdFlags::empty()).ok())
    }

    /// Waits until it has ended, at most so long.
    pub fn wait(&self, longest: Duration) {
        let Some(fd) = &self.0 else {
            return std::thread::park_timeout(longest.min(WITHOUT_EVENT));
        };
        let timeout = Timespec {
            tv_sec: i64::try_from(longest.as_secs()).unwrap_or(i64::MAX),
            tv_nsec: longest.subsec_nanos().into(),
        };
        // A signal ends it early, which does no harm.
        let _ = poll(&mut [PollFd::new(fd, PollFlags::IN)], Some(&timeout));
    }
}

/// The beginning and the end of what a tool prints.
#[derive(Debug, Default)]
struct Printed {
    head: Vec<u8>,
    tail: VecDeque<u8>,
    left_out: u64,
}

impl Printed {
    fn add(&mut self, bytes: &[u8]) {
        let room = KEPT_BYTES - self.head.len();
        let (head, tail) = bytes.split_at(bytes.len().min(room));
        self.head.extend_from_slice(head);
        self.tail.extend(tail);
        let over = self.tail.len().saturating_sub(KEPT_BYTES);
        self.tail.drain(..over);
        self.left_out += over as u64;
    }

    fn text(&self) -> String {
        let (one, two) = self.tail.as_slices();
        let mut bytes = self.head.clone();
        if self.left_out > 0 {
            let note = format!("\n[{} bytes left out]\n", self.left_out);
            bytes.extend_from_slice(note.as_bytes());
        }
        bytes.extend_from_slice(one);
        bytes.extend_from_slice(two);
        String::from_utf8_lossy(&bytes).into_owned()
    }
}

/// A running tool; dropped, it and all of its group are killed.
#[derive(Debug)]
pub(super) struct ToolProcess {
    child: Child,
    watch: EndWatch,
    printed: Arc<Mutex<Printed>>,
    readers: Vec<Reader>,
    ended: Option<ExitStatus>,
}

impl ToolProcess {
    /// Starts it in `folder`. The thread that calls this has to live as long as the tool.
    pub fn spawn(
        mut command: Command,
        folder: &Path,
        environment: &[(String, String)],
    ) -> io::Result<Self> {
        prepare(&mut command, folder, environment);
        command.stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn()?;
        let printed = Arc::new(Mutex::new(Printed::default()));
        let mut readers = Vec::new();
        let out = child
            .stdout
            .take()
            .map(|out| Box::new(out) as Box<dyn Read + Send>);
        let err = child
            .stderr
            .take()
            .map(|err| Box::new(err) as Box<dyn Read + Send>);
        for stream in [out, err].into_iter().flatten() {
            readers.push(keep(stream, Arc::clone(&printed))?);
        }
        Ok(Self {
            watch: EndWatch::of(&child),
            child,
            printed,
            readers,
            ended: None,
        })
    }

    /// How it ended, if it has.
    pub fn ended(&mut self) -> io::Result<Option<ExitStatus>> {
        if self.ended.is_none() {
            self.ended = self.child.try_wait()?;
        }
        Ok(self.ended)
    }

    /// Waits until it has ended, at most so long.
    pub fn wait(&self, longest: Duration) {
        self.watch.wait(longest);
    }

    /// Asks it to end.
    pub fn terminate(&self) {
        self.signal(Signal::TERM);
    }

    /// Ends it and all that it started, at once.
    pub fn kill(&self) {
        self.signal(Signal::KILL);
    }

    fn signal(&self, signal: Signal) {
        signal_group(&self.child, signal);
    }

    /// What it printed, once all of it is read. What it started and what left its group may hold its
    /// output open: that is not waited for.
    pub fn printed_to_the_end(&mut self) -> String {
        for reader in self.readers.drain(..) {
            reader.wait();
        }
        self.printed()
    }

    /// What it printed so far.
    pub fn printed(&self) -> String {
        let printed = self.printed.lock();
        printed.unwrap_or_else(PoisonError::into_inner).text()
    }
}

impl Drop for ToolProcess {
    fn drop(&mut self) {
        self.kill();
        // Nothing else is left to wait for.
        let _ = self.child.wait();
    }
}

fn keep(mut stream: Box<dyn Read + Send>, printed: Arc<Mutex<Printed>>) -> io::Result<Reader> {
    Reader::spawn("tool-output", move || {
        let mut buffer = [0; 16 * 1024];
        loop {
            match stream.read(&mut buffer) {
                Ok(0) => return,
                Ok(read) => {
                    let mut printed = printed.lock().unwrap_or_else(PoisonError::into_inner);
                    printed.add(&buffer[..read]);
                }
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(_) => return,
            }
        }
    })
}

/// Makes a command one of a tool: it runs in `folder`, in a group of its own, with few variables of
/// ours and those that it has, and ends with the thread that starts it.
pub(super) fn prepare(command: &mut Command, folder: &Path, environment: &[(String, String)]) {
    let inherited = INHERITED.iter().filter_map(|name| {
        let value = std::env::var_os(name)?;
        Some((*name, value))
    });
    let own: Vec<_> = command
        .get_envs()
        .filter_map(|(name, value)| Some((name.to_owned(), value?.to_owned())))
        .collect();
    command
        .env_clear()
        .envs(inherited)
        .envs(environment.iter().map(|(name, value)| (name, value)))
        .envs(own)
        .current_dir(folder)
        .stdin(Stdio::null())
        .process_group(0);
    end_with_us(command);
}

/// Signals all processes of a child's group; that there is none any more does not matter.
pub(super) fn signal_group(child: &Child, signal: Signal) {
    // The group is ours until its leader is waited for, and after that as long as one of it lives.
    let _ = kill_process_group(Pid::from_child(child), signal);
}

/// Has the system kill it when the thread that starts it ends, and bounds the files it writes.
#[expect(unsafe_code, reason = "std has no word for either")]
fn end_with_us(command: &mut Command) {
    let limit = libc::rlimit {
        rlim_cur: LARGEST_FILE_BYTES,
        rlim_max: LARGEST_FILE_BYTES,
    };
    // SAFETY: both calls are allowed between fork and exec, and read only their arguments.
    unsafe {
        command.pre_exec(move || {
            libc::prctl(libc::PR_SET_PDEATHSIG, libc::SIGKILL);
            libc::setrlimit(libc::RLIMIT_FSIZE, &raw const limit);
            Ok(())
        });
    }
}

/// How a tool ended, for a sentence: "exit code 3", or the signal.
pub(super) fn told(status: ExitStatus) -> String {
    match (status.code(), status.signal()) {
        (Some(code), _) => format!("exit code {code}"),
        (None, Some(libc::SIGKILL)) => {
            "signal 9 (killed, by the system where memory ran out, or by hand)".to_owned()
        }
        (None, Some(libc::SIGXFSZ)) => format!(
            "signal 25 (it wrote a file of more than {} MiB)",
            LARGEST_FILE_BYTES / 1024 / 1024
        ),
        (None, Some(signal)) => format!("signal {signal}"),
        (None, None) => "an unknown end".to_owned(),
    }
}

/// The last lines that say something, for a sentence.
pub(super) fn last_lines(printed: &str) -> String {
    let lines: Vec<&str> = printed.lines().map(str::trim_end).collect();
    let told = lines.iter().rev().filter(|line| !line.trim().is_empty());
    let mut last: Vec<&str> = told.take(QUOTED_LINES).copied().collect();
    last.reverse();
    let text = dlt_core::safety::redacted_text(&last.join(" | "));
    let count = text.chars().count();
    match count > QUOTED_CHARS {
        true => format!(
            "…{}",
            text.chars().skip(count - QUOTED_CHARS).collect::<String>()
        ),
        false => text,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Instant;

    fn shell(script: &str) -> ToolProcess {
        let mut command = Command::new("/bin/sh");
        command.args(["-c", script]);
        ToolProcess::spawn(command, Path::new("/"), &[]).unwrap()
    }

    fn wait(process: &mut ToolProcess) -> ExitStatus {
        let until = Instant::now() + Duration::from_secs(30);
        loop {
            if let Some(status) = process.ended().unwrap() {
                return status;
            }
            assert!(Instant::now() < until, "it goes on");
            process.wait(Duration::from_secs(1));
        }
    }

    #[test]
    fn beginning_and_end_of_what_is_printed_are_kept() {
        let mut process =
            shell("echo first; yes 0123456789 | head -c 1000000; echo; echo last; exit 7");
        assert_eq!(told(wait(&mut process)), "exit code 7");
        let text = process.printed_to_the_end();
        assert!(text.starts_with("first\n0123"), "{}", &text[..20]);
        assert!(text.ends_with("\nlast\n"));
        assert!(text.contains("bytes left out]"));
        assert!(text.len() < 2 * KEPT_BYTES + 100);
        assert!(last_lines(&text).ends_with("| last"));
    }

    #[test]
    fn what_a_tool_started_ends_with_it() {
        let mut process = shell("sleep 1000 & echo $!; wait");
        let until = Instant::now() + Duration::from_secs(30);
        while !process.printed().ends_with('\n') {
            assert!(Instant::now() < until);
            std::thread::yield_now();
        }
        let sleeper: u32 = process.printed().trim().parse().unwrap();
        process.kill();
        assert!(told(wait(&mut process)).starts_with("signal 9"));
        process.printed_to_the_end();
        let is_gone = || {
            let stat = std::fs::read_to_string(format!("/proc/{sleeper}/stat"));
            stat.map_or(true, |stat| stat.contains(") Z "))
        };
        while !is_gone() {
            assert!(Instant::now() < until);
            std::thread::yield_now();
        }
    }

    /// One that left the tool's group keeps its output open, and nobody waits for it.
    #[test]
    fn what_left_the_group_is_not_waited_for() {
        let mut process = shell("setsid sleep 20 & echo done");
        wait(&mut process);
        let began = Instant::now();
        process.kill();
        assert!(process.printed_to_the_end().contains("done"));
        assert!(began.elapsed() < Duration::from_secs(15));
    }

    #[test]
    fn a_tool_sees_no_credentials() {
        // Set for the whole process, as a runner's are.
        let mut command = Command::new("/usr/bin/env");
        command.env("OWN", "1");
        let given = [("SHOP".to_owned(), "x y".to_owned())];
        let mut process = ToolProcess::spawn(command, Path::new("/"), &given).unwrap();
        wait(&mut process);
        let text = process.printed_to_the_end();
        assert!(
            text.contains("OWN=1") && text.contains("SHOP=x y"),
            "{text}"
        );
        assert!(!text.contains("CARGO"), "{text}");
    }

    #[test]
    fn a_huge_file_ends_it() {
        let folder = tempfile::tempdir().unwrap();
        let mut command = Command::new("/bin/sh");
        // A hole: nothing is written but its end.
        command.args([
            "-c",
            "exec dd if=/dev/zero of=big bs=1 count=1 seek=1073741824",
        ]);
        let mut process = ToolProcess::spawn(command, folder.path(), &[]).unwrap();
        let status = wait(&mut process);
        let text = process.printed_to_the_end();
        assert!(
            told(status).starts_with("signal 25") || text.contains("large"),
            "{status} {text}"
        );
    }
}
