//! Runs a workflow as a pure machine: an event goes in, effects come out, and
//! the state between can be stored as JSON at any step. It owns no clock, no
//! randomness and no function: `driver` (at home) and the simulation feed it.

use crate::workflow::definition::Definition;
use crate::workflow::frame::{Effect, Event, Failure, Frame, Phase};
use crate::workflow::step::{Flow, Step};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

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

#[cfg(test)]
#[path = "machine_tests.rs"]
mod tests;
