//! The only place that prints. Stdout carries data (the result, a record),
//! stderr carries talk (progress, warnings, what went wrong). Colour appears
//! on terminals only, and not if `NO_COLOR` is set.
//!
//! A reader who leaves (broken pipe) is no error: the rest is not printed and
//! the exit code stays what it is.

use crate::line::{Line, Tone};
use std::io::{IsTerminal, Write};

/// Columns assumed where there is no terminal.
pub const DEFAULT_COLUMNS: usize = 100;
/// Narrowest and widest layout; beyond, lines are cut or stay short.
const COLUMNS: std::ops::RangeInclusive<usize> = 40..=140;

/// What is known of the two streams.
#[derive(Debug, Clone, Copy)]
pub struct Voice {
    stdout_terminal: bool,
    stderr_terminal: bool,
    colour: bool,
}

impl Voice {
    /// Looks at the streams and at `NO_COLOR` and `TERM`.
    pub fn of_process() -> Self {
        let quiet = std::env::var_os("NO_COLOR").is_some_and(|value| !value.is_empty())
            || std::env::var_os("TERM").is_some_and(|term| term == "dumb");
        Self {
            stdout_terminal: std::io::stdout().is_terminal(),
            stderr_terminal: std::io::stderr().is_terminal(),
            colour: !quiet,
        }
    }

    /// Whether talk goes to a terminal that can redraw lines.
    pub fn may_redraw(self) -> bool {
        self.stderr_terminal && std::env::var_os("TERM").is_none_or(|term| term != "dumb")
    }

    /// Whether talk may be coloured.
    pub fn talk_in_colour(self) -> bool {
        self.colour && self.stderr_terminal
    }

    /// Columns for data on stdout.
    pub fn columns(self) -> usize {
        match self.stdout_terminal {
            true => terminal_size().0.clamp(*COLUMNS.start(), *COLUMNS.end()),
            false => DEFAULT_COLUMNS,
        }
    }

    /// Prints data.
    pub fn data(self, lines: &[Line]) {
        let colour = self.colour && self.stdout_terminal;
        let text: String = lines
            .iter()
            .map(|line| line.render(colour) + "\n")
            .collect();
        self.data_text(&text);
    }

    /// Prints data as it is; used for JSON.
    pub fn data_text(self, text: &str) {
        let mut stdout = std::io::stdout().lock();
        // A closed stdout is a reader who has seen enough.
        let _ = stdout
            .write_all(text.as_bytes())
            .and_then(|()| stdout.flush());
    }

    /// Prints JSON as data.
    pub fn json(self, value: &impl serde::Serialize) {
        // Values of our own: what they hold can be written.
        let text = serde_json::to_string_pretty(value).unwrap_or_default();
        self.data_text(&(text + "\n"));
    }

    /// Prints talk.
    pub fn talk(self, lines: &[Line]) {
        let text: String = lines
            .iter()
            .map(|line| line.render(self.talk_in_colour()) + "\n")
            .collect();
        self.talk_text(&text);
    }

    /// Prints talk as it is; used by the live block for cursor moves.
    pub fn talk_text(self, text: &str) {
        let mut stderr = std::io::stderr().lock();
        // Nobody listens: nothing to be done about it.
        let _ = stderr
            .write_all(text.as_bytes())
            .and_then(|()| stderr.flush());
    }

    /// Says that something went wrong, and what to do next.
    pub fn error(self, message: &str) {
        self.talk(&[Line::new().tone(Tone::Bad, "error: ").plain(message)]);
    }
}

/// Columns and rows of the terminal; 80 × 24 if it does not say.
pub fn terminal_size() -> (usize, usize) {
    match crossterm::terminal::size() {
        Ok((columns, rows)) if columns > 0 && rows > 0 => (columns.into(), rows.into()),
        _ => (80, 24),
    }
}

/// Says that dlt itself went wrong, from a panic.
pub fn bug(what: &str) {
    let voice = Voice::of_process();
    voice.error(&format!(
        "this is a bug in dlt {}: please report it with the command you used and the lines below",
        env!("CARGO_PKG_VERSION")
    ));
    let lines: Vec<Line> = what
        .lines()
        .map(|line| Line::of("  ").plain(line))
        .collect();
    voice.talk(&lines);
}
