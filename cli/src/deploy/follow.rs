//! What is being done with a stack, told event by event until it is over; what a status
//! lets a deployment do next.

use super::clients::Aws;
use super::clients::cloudformation::{Event, LOOK_PAUSE, Stack};
use super::error::DeployError;
use super::progress::{Progress, STACK_TYPE};
use super::terminal::Terminal;
use std::time::{Duration, Instant};

/// The status of a stack that has a change set and nothing else.
pub const EMPTY: &str = "REVIEW_IN_PROGRESS";
/// The status of a stack that is gone.
pub const GONE: &str = "DELETE_COMPLETE";
/// How long a stack may be idle, without an event of its own, until it is taken as done.
const LONGEST_SILENCE: Duration = Duration::from_secs(20);

/// What has to be done with a stack in a status before it can be changed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Readiness {
    /// There is none, or only a change set.
    New,
    /// It can be updated.
    Update,
    /// Something is being done with it.
    Busy,
    /// It was never made: it must be removed first.
    Remains,
    /// Only its user can bring it back.
    Stuck,
}

impl Readiness {
    /// What a status means (CloudFormation User Guide, "Stack status codes").
    pub fn of(status: &str) -> Self {
        match status {
            EMPTY | GONE => Self::New,
            "CREATE_FAILED" | "ROLLBACK_COMPLETE" | "ROLLBACK_FAILED" | "DELETE_FAILED" => {
                Self::Remains
            }
            "UPDATE_ROLLBACK_FAILED" => Self::Stuck,
            status if status.ends_with("IN_PROGRESS") => Self::Busy,
            _ => Self::Update,
        }
    }
}

/// The newest event of a stack, after which what is new is told.
pub async fn last_event(aws: &Aws, stack: &str) -> Result<Option<String>, DeployError> {
    let events = aws.events(stack, None).await?;
    Ok(events.last().map(|event| event.id.clone()))
}

/// How a stack is after what was done with it.
#[derive(Debug)]
pub struct End {
    /// None, if it is gone.
    pub stack: Option<Stack>,
    /// Why something failed: what fell with another's failure is left out.
    pub failed: Vec<Event>,
}

/// Tells what happens to a stack until nothing does any more; how it is then.
pub async fn follow(
    aws: &Aws,
    terminal: &mut Terminal,
    stack: &str,
    mut last: Option<String>,
    expected: usize,
) -> Result<End, DeployError> {
    let began = Instant::now();
    let mut progress = Progress::new(expected);
    let mut is_over = false;
    let mut last_heard = began;
    loop {
        // How it is is asked first, so that no event before its end is missed.
        let now = aws.stack(stack).await?;
        for event in aws.events(stack, last.as_deref()).await? {
            last = Some(event.id.clone());
            last_heard = Instant::now();
            is_over = event.kind == STACK_TYPE && is_final(&event.status);
            if let Some(line) = progress.line(&event) {
                terminal.lines(&[line]);
            }
        }
        let is_busy = now
            .as_ref()
            .is_some_and(|stack| Readiness::of(&stack.status) == Readiness::Busy);
        // A status may be read a moment late: only an event of its own ends it, or that
        // there is none for so long.
        let is_quiet = last_heard.elapsed() > LONGEST_SILENCE;
        if !is_busy && (is_over || now.is_none() || is_quiet) {
            terminal.live(None);
            terminal.lines(&progress.reasons());
            return Ok(End {
                stack: now,
                failed: progress.into_failed(),
            });
        }
        terminal.live(Some(&progress.now(began.elapsed().as_secs())));
        terminal.pause(LOOK_PAUSE, stack).await?;
    }
}

/// Whether a stack's status is one that lasts.
fn is_final(status: &str) -> bool {
    !status.ends_with("IN_PROGRESS")
}

/// Waits for what is being done with a stack; how it is then.
pub async fn wait(
    aws: &Aws,
    terminal: &mut Terminal,
    stack: &Stack,
) -> Result<Option<Stack>, DeployError> {
    terminal.say(&format!(
        "stack {} is {}: waiting for that",
        stack.name, stack.status
    ));
    let before = last_event(aws, &stack.id).await?;
    let end = follow(aws, terminal, &stack.id, before, 0).await?;
    Ok(end.stack)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_status_has_a_meaning() {
        for (status, meaning) in [
            ("REVIEW_IN_PROGRESS", Readiness::New),
            ("CREATE_IN_PROGRESS", Readiness::Busy),
            ("UPDATE_COMPLETE_CLEANUP_IN_PROGRESS", Readiness::Busy),
            ("UPDATE_ROLLBACK_IN_PROGRESS", Readiness::Busy),
            ("DELETE_IN_PROGRESS", Readiness::Busy),
            ("CREATE_COMPLETE", Readiness::Update),
            ("UPDATE_COMPLETE", Readiness::Update),
            ("UPDATE_ROLLBACK_COMPLETE", Readiness::Update),
            ("UPDATE_FAILED", Readiness::Update),
            ("IMPORT_COMPLETE", Readiness::Update),
            ("ROLLBACK_COMPLETE", Readiness::Remains),
            ("CREATE_FAILED", Readiness::Remains),
            ("ROLLBACK_FAILED", Readiness::Remains),
            ("DELETE_FAILED", Readiness::Remains),
            ("UPDATE_ROLLBACK_FAILED", Readiness::Stuck),
        ] {
            assert_eq!(Readiness::of(status), meaning, "{status}");
        }
    }
}
