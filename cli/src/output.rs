//! The only file that prints. Data (results, records) goes to stdout, messages (progress,
//! warnings, errors) go to stderr. Colours are used on terminals only, and not if
//! `NO_COLOR` is set.
//!
//! A broken pipe is no error: the rest is not printed, and the exit code stays the same.
//! Any other data that cannot be written is told on stderr, once, and remembered for the
//! exit code.

use crate::line::{COMMANDS, Line, Tone};
use std::io::{Error, ErrorKind, IsTerminal, Write};
use std::sync::atomic::{AtomicBool, Ordering};

/// Narrowest and widest layout, columns.
const COLUMNS: std::ops::RangeInclusive<usize> = 40..=WIDEST_COLUMNS;
/// Columns of the widest layout, which is that of a pipe, too.
pub const WIDEST_COLUMNS: usize = 140;

/// Stdout was closed when the process began. The standard library opens /dev/null in its
/// place before `main`, so it has to be looked at before that.
static STDOUT_CLOSED: AtomicBool = AtomicBool::new(false);
/// Data was lost.
static UNWRITTEN: AtomicBool = AtomicBool::new(false);

#[ctor::ctor(unsafe)]
fn look_at_stdout() {
    let closed = rustix::io::fcntl_getfd(rustix::stdio::stdout()).is_err();
    STDOUT_CLOSED.store(closed, Ordering::Relaxed);
}

/// Whether data that was to be printed could not be written.
pub fn lost_data() -> bool {
    UNWRITTEN.load(Ordering::Relaxed)
}

/// Takes note of how data was written to stdout.
pub fn written(output: Output, result: std::io::Result<()>) {
    let result = match STDOUT_CLOSED.load(Ordering::Relaxed) {
        true => Err(Error::other("it is closed")),
        false => result,
    };
    let Err(error) = result else { return };
    if error.kind() != ErrorKind::BrokenPipe && !UNWRITTEN.swap(true, Ordering::Relaxed) {
        output.error(&format!(
            "stdout cannot be written: {error}; what was to be printed is lost. A run's result is \
             stored all the same: dlt runs get latest"
        ));
    }
}

/// The two streams, and whether they are terminals.
#[derive(Debug, Clone, Copy)]
pub struct Output {
    stdout_terminal: bool,
    stderr_terminal: bool,
    colour: bool,
    quiet: bool,
}

impl Output {
    /// The streams of this process, with `NO_COLOR` and `TERM` of its environment.
    pub fn of_process() -> Self {
        let no_colour = std::env::var_os("NO_COLOR").is_some_and(|value| !value.is_empty())
            || std::env::var_os("TERM").is_some_and(|term| term == "dumb");
        Self {
            stdout_terminal: std::io::stdout().is_terminal(),
            stderr_terminal: std::io::stderr().is_terminal(),
            colour: !no_colour,
            quiet: false,
        }
    }

    /// The same, without progress if it is to be quiet.
    pub fn quietly(self, quiet: bool) -> Self {
        Self { quiet, ..self }
    }

    /// Whether progress is left out.
    pub fn is_quiet(self) -> bool {
        self.quiet
    }

    /// Whether stderr is a terminal that can redraw lines.
    pub fn may_redraw(self) -> bool {
        self.stderr_terminal && std::env::var_os("TERM").is_none_or(|term| term != "dumb")
    }

    /// Whether messages are coloured.
    pub fn colours_stderr(self) -> bool {
        self.colour && self.stderr_terminal
    }

    /// Columns for data on stdout. A pipe has no edge, so there is room for every column.
    pub fn columns(self) -> usize {
        if self.stdout_terminal {
            terminal_size().0.clamp(*COLUMNS.start(), *COLUMNS.end())
        } else {
            WIDEST_COLUMNS
        }
    }

    /// Prints lines to stdout.
    pub fn data(self, lines: &[Line]) {
        let colour = self.colour && self.stdout_terminal;
        let text: String = lines
            .iter()
            .map(|line| line.render(colour) + "\n")
            .collect();
        self.data_text(&text);
    }

    /// Prints text to stdout as it is.
    pub fn data_text(self, text: &str) {
        let mut stdout = std::io::stdout().lock();
        let result = stdout
            .write_all(text.as_bytes())
            .and_then(|()| stdout.flush());
        drop(stdout);
        written(self, result);
    }

    /// Prints JSON to stdout.
    pub fn json(self, value: &impl serde::Serialize) {
        // Serializing our own types does not fail.
        let text = serde_json::to_string_pretty(value).unwrap_or_default();
        self.data_text(&(printable(text) + "\n"));
    }

    /// Prints lines to stderr.
    pub fn messages(self, lines: &[Line]) {
        let text: String = lines
            .iter()
            .map(|line| line.render(self.colours_stderr()) + "\n")
            .collect();
        self.message_text(&text);
    }

    /// Prints text to stderr as it is; used by the live block to move the cursor.
    pub fn message_text(self, text: &str) {
        let mut stderr = std::io::stderr().lock();
        // Without stderr, there is only the exit code.
        let _ = stderr
            .write_all(text.as_bytes())
            .and_then(|()| stderr.flush());
    }

    /// Prints that data could not be written, which counts for the exit code.
    pub fn unwritten(self, message: &str) {
        UNWRITTEN.store(true, Ordering::Relaxed);
        self.error(message);
    }

    /// Prints an error message, which says what to do next.
    pub fn error(self, message: &str) {
        self.messages(&[Line::new().tone(Tone::Bad, "error: ").plain(message)]);
    }
}

/// JSON in which no text is a command of the CI that reads the log, and nothing acts on a terminal or
/// hides: the same value, written otherwise.
pub fn printable(mut json: String) -> String {
    for command in COMMANDS {
        if json.contains(command) {
            json = json.replace(command, &command.replacen('#', "\\u0023", 1));
        }
    }
    if !json.contains(acts) {
        return json;
    }
    let mut shown = String::with_capacity(json.len());
    for c in json.chars() {
        match acts(c) {
            // They stand in texts alone, and all in the first plane.
            true => shown.push_str(&format!("\\u{:04x}", u32::from(c))),
            false => shown.push(c),
        }
    }
    shown
}

/// Whether a character that JSON need not escape controls a terminal, is a line's end to some readers,
/// or hides or turns around what stands beside it.
fn acts(c: char) -> bool {
    matches!(
        c,
        '\u{7f}'..='\u{9f}'
            | '\u{61c}'
            | '\u{200b}'..='\u{200f}'
            | '\u{2028}'..='\u{202e}'
            | '\u{2060}'..='\u{2069}'
            | '\u{feff}'
    )
}

/// Columns and rows of the terminal; 80 × 24 if unknown.
pub fn terminal_size() -> (usize, usize) {
    match crossterm::terminal::size() {
        Ok((columns, rows)) if columns > 0 && rows > 0 => (columns.into(), rows.into()),
        _ => (80, 24),
    }
}

/// Prints a panic as a bug to report.
pub fn report_bug(what: &str) {
    let output = Output::of_process();
    output.error(&format!(
        "this is a bug in dlt {}: please report it with the command you used and the lines below",
        env!("CARGO_PKG_VERSION")
    ));
    let lines: Vec<Line> = what
        .lines()
        .map(|line| Line::of("  ").plain(line))
        .collect();
    output.messages(&lines);
}
