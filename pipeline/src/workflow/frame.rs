//! Where a workflow stands between two steps, and what goes in and out of it:
//! events, effects, failures. How it moves is `step`'s.

use serde::{Deserialize, Serialize};
use serde_json::Value;

/// Largest document that Step Functions passes between states, bytes. Kept at
/// home too, so that what runs at home runs there.
pub const LARGEST_PAYLOAD_BYTES: usize = 256 * 1024;
/// Most states entered without waiting; more is a loop that never waits.
pub(super) const MOST_MOVES: u32 = 10_000;

/// An error as the workflow sees it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Failure {
    /// Its ASL name.
    pub error: String,
    /// A sentence.
    pub cause: String,
}

impl Failure {
    /// A fault of the workflow file itself; nothing catches it.
    pub(super) fn runtime(cause: impl Into<String>) -> Self {
        Self {
            error: "States.Runtime".to_owned(),
            cause: cause.into(),
        }
    }

    /// Whether a list of ErrorEquals names it.
    pub(super) fn is_named(&self, names: &[String]) -> bool {
        names.iter().any(|name| match name.as_str() {
            // As in Step Functions, these two end an execution whatever it says.
            "States.ALL" => !matches!(
                self.error.as_str(),
                "States.Runtime" | "States.DataLimitExceeded"
            ),
            "States.TaskFailed" => !self.error.starts_with("States."),
            exact => exact == self.error,
        })
    }
}

/// What happened outside.
#[derive(Debug, Clone, PartialEq)]
pub enum Event {
    /// Begin.
    Start,
    /// A function answered.
    Answered {
        /// Which call.
        token: u64,
        /// Its answer.
        result: Result<Value, Failure>,
    },
    /// A wait is over.
    Woke {
        /// Which wait.
        token: u64,
    },
}

/// What is to be done outside.
#[derive(Debug, Clone, PartialEq)]
pub enum Effect {
    /// Call a function and answer with its token.
    Invoke {
        /// Which call.
        token: u64,
        /// Which function.
        resource: String,
        /// With what.
        input: Value,
        /// How long it may take, seconds.
        timeout_s: Option<u64>,
    },
    /// Say so when the time has come.
    Wake {
        /// Which wait.
        token: u64,
        /// When, ms since the Unix epoch.
        at_ms: u64,
        /// Whether it is the pause before a new try of what failed.
        retry: bool,
    },
}

impl Effect {
    /// Which call or wait.
    pub fn token(&self) -> u64 {
        match self {
            Self::Invoke { token, .. } | Self::Wake { token, .. } => *token,
        }
    }
}

/// Where one workflow, outer or nested, stands.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(super) struct Frame {
    pub(super) state: String,
    pub(super) input: Value,
    /// `$$.Map.Item` of a nested workflow.
    pub(super) item: Option<Value>,
    /// New tries so far, by retrier of the present state.
    pub(super) tries: Vec<u32>,
    pub(super) phase: Phase,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(super) enum Phase {
    /// About to enter the state.
    Entering,
    /// A function was called.
    Calling {
        token: u64,
        resource: String,
        input: Value,
        timeout_s: Option<u64>,
    },
    /// Time passes: in a Wait, or before a new try.
    Waiting { token: u64, at_ms: u64, retry: bool },
    /// Nested workflows run.
    Mapping { branches: Vec<Branch> },
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(super) enum Branch {
    Queued(Box<Frame>),
    Running(Box<Frame>),
    Done(Value),
}

impl Frame {
    pub(super) fn new(state: &str, input: Value, item: Option<Value>) -> Self {
        Self {
            state: state.to_owned(),
            input,
            item,
            tries: Vec::new(),
            phase: Phase::Entering,
        }
    }

    pub(super) fn pending(&self, effects: &mut Vec<Effect>) {
        match &self.phase {
            Phase::Entering => {}
            Phase::Calling {
                token,
                resource,
                input,
                timeout_s,
            } => effects.push(Effect::Invoke {
                token: *token,
                resource: resource.clone(),
                input: input.clone(),
                timeout_s: *timeout_s,
            }),
            Phase::Waiting {
                token,
                at_ms,
                retry,
            } => effects.push(Effect::Wake {
                token: *token,
                at_ms: *at_ms,
                retry: *retry,
            }),
            Phase::Mapping { branches } => {
                for branch in branches {
                    if let Branch::Running(frame) = branch {
                        frame.pending(effects);
                    }
                }
            }
        }
    }

    pub(super) fn go(&mut self, next: &str, input: Value) {
        *self = Self::new(next, input, self.item.take());
    }
}
