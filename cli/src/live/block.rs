//! The block on the terminal, redrawn in place below earlier output, with the cursor
//! hidden. It does not use the alternate screen, so that the scrollback stays complete.

use super::{Live, screen};
use crate::line::Line;
use crate::output::{self, Output};
use crossterm::{cursor, terminal};
use std::sync::atomic::{AtomicBool, Ordering};

/// Whether the block has hidden the cursor; read by the panic hook.
static CURSOR_HIDDEN: AtomicBool = AtomicBool::new(false);

/// A block that redraws itself.
#[derive(Debug)]
pub struct Block {
    output: Output,
    /// Widths of the lines last drawn.
    drawn: Vec<usize>,
}

impl Block {
    /// A block, not yet drawn.
    pub fn new(output: Output) -> Self {
        Self {
            output,
            drawn: Vec::new(),
        }
    }

    /// Draws the block over its previous drawing.
    pub fn draw(&mut self, live: &Live, elapsed_s: Option<f64>) {
        let (columns, rows) = output::terminal_size();
        // The last column stays empty: some terminals wrap when it is written.
        let mut lines = screen::lines(live, elapsed_s, columns.saturating_sub(1));
        lines.truncate(rows.saturating_sub(1).max(1));
        let mut out = self.erasing();
        if !CURSOR_HIDDEN.swap(true, Ordering::Relaxed) {
            queue(&mut out, cursor::Hide);
        }
        for line in &lines {
            out.push_str(&line.render(self.output.colours_stderr()));
            out.push('\n');
        }
        self.drawn = lines.iter().map(Line::width).collect();
        self.show(out);
    }

    /// Prints lines above the block; the next draw puts the block below them.
    pub fn print_above(&mut self, lines: &[Line]) {
        self.erase();
        self.output.messages(lines);
    }

    /// Erases the block.
    pub fn erase(&mut self) {
        let out = self.erasing();
        self.drawn.clear();
        self.show(out);
    }

    /// The commands that move the cursor to the block's first line and clear what is below.
    fn erasing(&self) -> String {
        let mut out = String::new();
        queue(&mut out, cursor::MoveToColumn(0));
        let columns = output::terminal_size().0.max(1);
        // If the terminal was made narrower, it has wrapped the previous drawing.
        let rows: usize = self
            .drawn
            .iter()
            .map(|width| width.div_ceil(columns).max(1))
            .sum();
        if rows > 0 {
            queue(&mut out, cursor::MoveUp(rows as u16));
        }
        queue(
            &mut out,
            terminal::Clear(terminal::ClearType::FromCursorDown),
        );
        out
    }

    /// Writes in one call, as a synchronized update if the terminal supports it.
    fn show(&self, out: String) {
        let mut all = String::new();
        queue(&mut all, terminal::BeginSynchronizedUpdate);
        all.push_str(&out);
        queue(&mut all, terminal::EndSynchronizedUpdate);
        self.output.message_text(&all);
    }
}

impl Drop for Block {
    fn drop(&mut self) {
        self.erase();
        restore_cursor();
    }
}

/// Shows the cursor if it is hidden. Also called on a panic and on a second Ctrl-C, when
/// nothing is dropped.
pub fn restore_cursor() {
    if CURSOR_HIDDEN.swap(false, Ordering::Relaxed) {
        let mut out = String::new();
        queue(&mut out, cursor::Show);
        Output::of_process().message_text(&out);
    }
}

/// Appends a terminal command.
fn queue(out: &mut String, command: impl crossterm::Command) {
    // Writing to memory does not fail.
    let _ = command.write_ansi(out);
}
