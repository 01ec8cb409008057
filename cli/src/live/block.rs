//! The block on the terminal: drawn in place, below what was said before, with
//! the cursor hidden. No alternate screen, so the scrollback stays whole.

use super::{Live, screen};
use crate::line::Line;
use crate::speak::{self, Voice};
use crossterm::{cursor, terminal};
use std::sync::atomic::{AtomicBool, Ordering};

/// Whether the cursor is hidden by us: the panic hook must know.
static CURSOR_HIDDEN: AtomicBool = AtomicBool::new(false);

/// A block that redraws itself.
#[derive(Debug)]
pub struct Block {
    voice: Voice,
    /// Widths of the lines last drawn.
    drawn: Vec<usize>,
}

impl Block {
    /// A block, not yet drawn.
    pub fn new(voice: Voice) -> Self {
        Self {
            voice,
            drawn: Vec::new(),
        }
    }

    /// Draws the block where it was last drawn.
    pub fn draw(&mut self, live: &Live, elapsed_s: Option<f64>) {
        let (columns, rows) = speak::terminal_size();
        // The last column stays free: some terminals wrap as soon as it is written.
        let mut lines = screen::lines(live, elapsed_s, columns.saturating_sub(1));
        lines.truncate(rows.saturating_sub(1).max(1));
        let mut out = self.erasing();
        if !CURSOR_HIDDEN.swap(true, Ordering::Relaxed) {
            queue(&mut out, cursor::Hide);
        }
        for line in &lines {
            out.push_str(&line.render(self.voice.talk_in_colour()));
            out.push('\n');
        }
        self.drawn = lines.iter().map(Line::width).collect();
        self.show(out);
    }

    /// Says something above the block; the next draw puts the block below it.
    pub fn say(&mut self, lines: &[Line]) {
        self.erase();
        self.voice.talk(lines);
    }

    /// Takes the block away.
    pub fn erase(&mut self) {
        let out = self.erasing();
        self.drawn.clear();
        self.show(out);
    }

    /// Cursor to the block's first line, all below cleared.
    fn erasing(&self) -> String {
        let mut out = String::new();
        queue(&mut out, cursor::MoveToColumn(0));
        let columns = speak::terminal_size().0.max(1);
        // A terminal made narrower has wrapped what was drawn before.
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

    /// In one write, as one update where the terminal knows how.
    fn show(&self, out: String) {
        let mut all = String::new();
        queue(&mut all, terminal::BeginSynchronizedUpdate);
        all.push_str(&out);
        queue(&mut all, terminal::EndSynchronizedUpdate);
        self.voice.talk_text(&all);
    }
}

impl Drop for Block {
    fn drop(&mut self) {
        self.erase();
        restore_cursor();
    }
}

/// Shows the cursor again if it is hidden; also called on panic and on a
/// second Ctrl-C, when nothing is dropped.
pub fn restore_cursor() {
    if CURSOR_HIDDEN.swap(false, Ordering::Relaxed) {
        let mut out = String::new();
        queue(&mut out, cursor::Show);
        Voice::of_process().talk_text(&out);
    }
}

/// A terminal command as characters.
fn queue(out: &mut String, command: impl crossterm::Command) {
    // Writing to memory does not fail.
    let _ = command.write_ansi(out);
}
