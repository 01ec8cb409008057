//! Runs a workflow as a pure machine: an event goes in, effects come out, and
//! the state between can be stored as JSON at any step. It owns no clock, no
//! randomness and no function: `driver` (at home) and the simulation feed it.

use super::definition::Definition;
use super::step::{Flow, Step};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

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

/// One execution of a workflow; store it after each step.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Machine {
    /// What `$$.Execution` shows.
    execution: Value,
    /// Rises with each call and wait, so that a late answer finds nobody.
    tokens: u64,
    top: Frame,
    end: Option<Result<Value, Failure>>,
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

impl Machine {
    /// A new execution; begin it with [`Event::Start`].
    pub fn new(definition: &Definition, name: &str, input: Value) -> Self {
        Self {
            execution: json!({ "Id": name, "Name": name, "Input": input }),
            tokens: 0,
            top: Frame::new(&definition.start_at, input, None),
            end: None,
        }
    }

    /// Takes an event; says what is to be done. `random` gives numbers from 0
    /// to 1 and is asked only for jitter. Late and unknown answers do nothing.
    pub fn step(
        &mut self,
        definition: &Definition,
        now_ms: u64,
        event: Event,
        random: &mut dyn FnMut() -> f64,
    ) -> Vec<Effect> {
        if self.end.is_some() {
            return Vec::new();
        }
        let mut step = Step {
            now_ms,
            random,
            execution: &self.execution,
            tokens: &mut self.tokens,
            effects: Vec::new(),
            moves: 0,
        };
        let states = &definition.states;
        let flow = match event {
            Event::Start if matches!(self.top.phase, Phase::Entering) => {
                Some(step.run(&mut self.top, states))
            }
            Event::Start => None,
            event => step.deliver(&mut self.top, states, &event),
        };
        let effects = step.effects;
        match flow {
            Some(Flow::Finished(output)) => self.end = Some(Ok(output)),
            Some(Flow::Failed(failure)) => self.end = Some(Err(failure)),
            Some(Flow::Blocked) | None => return effects,
        }
        Vec::new()
    }

    /// How it ended, if it has.
    pub fn end(&self) -> Option<&Result<Value, Failure>> {
        self.end.as_ref()
    }

    /// The state of the outer workflow, for people.
    pub fn state(&self) -> &str {
        &self.top.state
    }

    /// What is still to be done outside: all that a driver which restarts must
    /// do again. Functions are idempotent for that reason.
    pub fn pending(&self) -> Vec<Effect> {
        let mut effects = Vec::new();
        if self.end.is_none() {
            self.top.pending(&mut effects);
        }
        effects
    }
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

    fn pending(&self, effects: &mut Vec<Effect>) {
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
            Phase::Waiting { token, at_ms, .. } => effects.push(Effect::Wake {
                token: *token,
                at_ms: *at_ms,
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

#[cfg(test)]
#[path = "machine_tests.rs"]
mod tests;
