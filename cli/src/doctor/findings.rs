//! What a look at something found, and how it is told: as a page, or as JSON for a report of
//! a fault. What is looked at is left to those who call it.

use crate::exit::Exit;
use crate::line::{Line, Tone, wrapped};
use crate::output::Output;
use serde_json::json;

/// How something is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum State {
    /// As it should be.
    Well,
    /// It works, or it cannot be seen whether it does.
    Doubtful,
    /// It must be mended.
    Broken,
}

impl State {
    /// As `--json` has it.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Well => "well",
            Self::Doubtful => "doubtful",
            Self::Broken => "broken",
        }
    }
}

/// One thing that was looked at.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Finding {
    /// What it is.
    pub what: String,
    /// How it is.
    pub state: State,
    /// What was seen.
    pub seen: String,
    /// What to do, where something is to be done.
    pub todo: Option<String>,
}

impl Finding {
    /// One that is as it should be.
    pub fn well(what: impl Into<String>, seen: impl Into<String>) -> Self {
        Self {
            what: what.into(),
            state: State::Well,
            seen: seen.into(),
            todo: None,
        }
    }

    /// One that is not.
    pub fn not_well(
        state: State,
        what: impl Into<String>,
        seen: impl Into<String>,
        todo: impl Into<String>,
    ) -> Self {
        Self {
            what: what.into(),
            state,
            seen: seen.into(),
            todo: Some(todo.into()),
        }
    }
}

/// Tells all findings; the exit code says whether something must be mended.
pub fn told(output: Output, findings: &[Finding], as_json: bool) -> Exit {
    if as_json {
        let rows = findings.iter().map(|finding| {
            json!({ "what": finding.what, "state": finding.state.name(), "seen": finding.seen,
                    "todo": finding.todo })
        });
        output.json(&rows.collect::<Vec<_>>());
    } else {
        output.data(&lines(findings, output.columns()));
    }
    match findings.iter().any(|it| it.state == State::Broken) {
        true => Exit::CouldNotRun,
        false => Exit::Passed,
    }
}

/// All findings, those that must be mended with what to do.
fn lines(findings: &[Finding], width: usize) -> Vec<Line> {
    let mut lines = Vec::new();
    let column = 4 + findings
        .iter()
        .map(|finding| Line::of(&finding.what).width())
        .max()
        .unwrap_or(0)
        .min(30);
    for finding in findings {
        let (tone, sign) = match finding.state {
            State::Well => (Tone::Good, "✔ "),
            State::Doubtful => (Tone::Warn, "! "),
            State::Broken => (Tone::Bad, "✘ "),
        };
        let head = Line::new()
            .tone(tone, sign)
            .tone(Tone::Strong, &finding.what);
        let seen = wrapped(Tone::Plain, &finding.seen, column, width);
        let mut rows = seen.into_iter();
        if head.width() < column
            && let Some(first) = rows.next()
        {
            lines.push(
                head.pad_to(column)
                    .join(Line::of(first.render(false).trim_start())),
            );
        } else {
            lines.push(head);
        }
        lines.extend(rows);
        if let Some(todo) = &finding.todo {
            lines.extend(wrapped(Tone::Quiet, &format!("→ {todo}"), column, width));
        }
    }
    lines
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn findings_fit_and_say_what_to_do() {
        let findings = [
            Finding::well(
                "credentials",
                "account 123456789012, arn:aws:iam::123456789012:user/me",
            ),
            Finding::not_well(
                State::Broken,
                "hub dlt in eu-west-1",
                "UPDATE_ROLLBACK_FAILED, dlt 0.1.0: Resource handler returned message: denied, and so \
                 on for a while",
                "dlt deploy hub mends it",
            ),
            Finding::not_well(
                State::Doubtful,
                "room in eu-west-1",
                "0 of 64 runners",
                "what runs there must end first",
            ),
        ];
        assert!(lines(&findings, 60).iter().all(|line| line.width() <= 60));
        let draw = |width| lines(&findings, width);
        insta::assert_snapshot!("captured_doctor", crate::line::captured(draw));
    }
}
