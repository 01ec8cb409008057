//! How a deployment speaks: lines that stay, one line that is drawn anew, a question, and
//! what Ctrl-C does. Everything goes to stderr; stdout is for what a command answers.

use super::error::DeployError;
use crate::line::{Line, Tone};
use crate::output::Output;
use crate::signals::Interrupts;
use std::io::{BufRead, IsTerminal};
use std::time::Duration;

/// The terminal of a deployment.
#[derive(Debug)]
pub struct Terminal {
    output: Output,
    interrupts: Interrupts,
    /// Whether the last line is to be drawn over.
    is_live: bool,
}

impl Terminal {
    /// The process's; Ctrl-C is handled from now on.
    pub fn new(output: Output) -> Result<Self, DeployError> {
        let interrupts = Interrupts::listen()
            .map_err(|error| DeployError::Local(format!("signals cannot be handled: {error}")))?;
        Ok(Self {
            output,
            interrupts,
            is_live: false,
        })
    }

    /// Columns for a table.
    pub fn columns(&self) -> usize {
        self.output.columns()
    }

    /// Tells something.
    pub fn say(&mut self, text: &str) {
        self.lines(&[Line::of(text)]);
    }

    /// Tells that a step is done.
    pub fn done(&mut self, text: &str) {
        self.lines(&[Line::new().tone(Tone::Good, "✔ ").plain(text)]);
    }

    /// Tells that something may be wrong.
    pub fn warn(&mut self, text: &str) {
        self.lines(&[Line::new().tone(Tone::Warn, "! ").plain(text)]);
    }

    /// Prints lines that stay.
    pub fn lines(&mut self, lines: &[Line]) {
        if !lines.is_empty() {
            self.live(None);
            self.output.messages(lines);
        }
    }

    /// Draws the line that is drawn anew, or removes it.
    pub fn live(&mut self, text: Option<&str>) {
        if !self.output.may_redraw() {
            return;
        }
        if std::mem::take(&mut self.is_live) {
            self.output.message_text("\r\x1b[K");
        }
        if let Some(text) = text {
            let line = Line::new().tone(Tone::Quiet, text);
            let line = line.cut(self.columns().saturating_sub(1));
            let colours = self.output.colours_stderr();
            self.output.message_text(&line.render(colours));
            self.is_live = true;
        }
    }

    /// Asks; true only after a clear yes.
    pub async fn confirm(&mut self, question: &str) -> Result<bool, DeployError> {
        let answer = self.answer(question, "[y/N]").await?;
        Ok(matches!(&*answer.to_lowercase(), "y" | "yes"))
    }

    /// Asks for a word to be typed; whether it was.
    pub async fn confirm_by_name(
        &mut self,
        question: &str,
        name: &str,
    ) -> Result<bool, DeployError> {
        Ok(self.answer(question, &format!("[type {name}]")).await? == name)
    }

    async fn answer(&mut self, question: &str, choices: &str) -> Result<String, DeployError> {
        if !std::io::stdin().is_terminal() {
            return Err(DeployError::Input(format!(
                "{question} There is no terminal to ask on: look at what is shown above, then run \
                 the command again with --yes"
            )));
        }
        self.live(None);
        self.output.message_text(&format!("{question} {choices} "));
        let read = tokio::task::spawn_blocking(|| {
            let mut answer = String::new();
            std::io::stdin()
                .lock()
                .read_line(&mut answer)
                .map(|_| answer)
        });
        let unread = |why: &dyn std::fmt::Display| {
            DeployError::Local(format!("no answer can be read: {why}"))
        };
        tokio::select! {
            answer = read => {
                let answer = answer.map_err(|error| unread(&error))?;
                Ok(answer.map_err(|error| unread(&error))?.trim().to_owned())
            }
            signal = self.interrupts.next() => {
                self.output.message_text("\n");
                Err(DeployError::Stopped(format!("{signal}: nothing was changed")))
            }
        }
    }

    /// Waits, unless Ctrl-C says that nobody waits for AWS any more.
    pub async fn pause(&mut self, pause: Duration, stack: &str) -> Result<(), DeployError> {
        tokio::select! {
            () = tokio::time::sleep(pause) => Ok(()),
            signal = self.interrupts.next() => {
                self.live(None);
                Err(DeployError::Stopped(format!(
                    "{signal}: AWS goes on with {stack}; run the command again to follow it"
                )))
            }
        }
    }
}
