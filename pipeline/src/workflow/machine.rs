//! Runs a workflow as a pure machine: an event goes in, effects come out, and
//! the state between can be stored as JSON at any step. It owns no clock, no
//! randomness and no function: `driver` (at home) and the simulation feed it.

use super::definition::{Definition, Fail, Jitter, Map, Retrier, State, States, Task, handlers};
use super::jsonpath::Path;
use super::template::Template;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

/// Largest document that Step Functions passes between states, bytes. Kept at
/// home too, so that what runs at home runs there.
pub const LARGEST_PAYLOAD_BYTES: usize = 256 * 1024;
/// Most states entered without waiting; more is a loop that never waits.
const MOST_MOVES: u32 = 10_000;

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
    fn runtime(cause: impl Into<String>) -> Self {
        Self {
            error: "States.Runtime".to_owned(),
            cause: cause.into(),
        }
    }

    /// Whether a list of ErrorEquals names it.
    fn is_named(&self, names: &[String]) -> bool {
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
struct Frame {
    state: String,
    input: Value,
    /// `$$.Map.Item` of a nested workflow.
    item: Option<Value>,
    /// New tries so far, by retrier of the present state.
    tries: Vec<u32>,
    phase: Phase,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
enum Phase {
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
enum Branch {
    Queued(Box<Frame>),
    Running(Box<Frame>),
    Done(Value),
}

/// How far a frame got.
enum Flow {
    Blocked,
    Finished(Value),
    Failed(Failure),
}

/// What a step may use.
struct Step<'a> {
    now_ms: u64,
    random: &'a mut dyn FnMut() -> f64,
    execution: &'a Value,
    tokens: &'a mut u64,
    effects: Vec<Effect>,
    moves: u32,
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
    fn new(state: &str, input: Value, item: Option<Value>) -> Self {
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

    fn go(&mut self, next: &str, input: Value) {
        *self = Self::new(next, input, self.item.take());
    }
}

impl Step<'_> {
    fn context(&self, frame: &Frame) -> Value {
        let mut context = json!({ "Execution": self.execution });
        if let Some(item) = &frame.item {
            context["Map"] = json!({ "Item": item });
        }
        context
    }

    fn token(&mut self) -> u64 {
        *self.tokens += 1;
        *self.tokens
    }

    fn wait(&mut self, frame: &mut Frame, delay_ms: u64, retry: bool) -> Flow {
        let token = self.token();
        let at_ms = self.now_ms.saturating_add(delay_ms);
        frame.phase = Phase::Waiting {
            token,
            at_ms,
            retry,
        };
        self.effects.push(Effect::Wake { token, at_ms });
        Flow::Blocked
    }

    /// Runs a frame until it waits for something or ends.
    fn run(&mut self, frame: &mut Frame, states: &States) -> Flow {
        loop {
            self.moves += 1;
            if self.moves > MOST_MOVES {
                return Flow::Failed(Failure::runtime(format!(
                    "{MOST_MOVES} states were entered without waiting, last {:?}",
                    frame.state
                )));
            }
            match self.enter(frame, states) {
                Ok(None) => {}
                Ok(Some(flow)) => return flow,
                Err(failure) => match self.fail(frame, states, failure) {
                    None => {}
                    Some(flow) => return flow,
                },
            }
        }
    }

    /// Enters the frame's state. None: it moved on.
    fn enter(&mut self, frame: &mut Frame, states: &States) -> Result<Option<Flow>, Failure> {
        let state = states
            .get(&frame.state)
            .ok_or_else(|| Failure::runtime(format!("no state {:?}", frame.state)))?;
        let context = self.context(frame);
        match state {
            State::Task(task) => self.call(frame, task, &context).map(Some),
            State::Map(map) => self.begin_map(frame, states, map, &context),
            State::Choice(choice) => {
                for rule in &choice.choices {
                    if rule
                        .holds(&frame.input, &context)
                        .map_err(Failure::runtime)?
                    {
                        let input = frame.input.take();
                        frame.go(&rule.next, input);
                        return Ok(None);
                    }
                }
                let next = choice.default.as_ref().ok_or_else(|| Failure {
                    error: "States.NoChoiceMatched".to_owned(),
                    cause: format!("no rule of {:?} holds and it has no Default", frame.state),
                })?;
                let input = frame.input.take();
                frame.go(next, input);
                Ok(None)
            }
            State::Wait(wait) => {
                let seconds = wait
                    .seconds_path
                    .get(&frame.input, &context)
                    .and_then(Value::as_u64)
                    .ok_or_else(|| {
                        Failure::runtime(format!(
                            "{} is no whole number of seconds",
                            wait.seconds_path
                        ))
                    })?;
                let delay_ms = seconds.saturating_mul(1_000);
                Ok(Some(self.wait(frame, delay_ms, false)))
            }
            State::Pass(pass) => {
                let effective = select(pass.input_path.as_ref(), &frame.input, &context)?;
                let result = match (&pass.result, &pass.parameters) {
                    (Some(constant), _) => constant.clone(),
                    (None, Some(template)) => fill(template, &effective, &context)?,
                    (None, None) => effective,
                };
                let output = place(pass.result_path.as_ref(), &frame.input, result)?;
                let output = select(pass.output_path.as_ref(), &output, &context)?;
                Ok(leave(frame, pass.next.as_deref(), output))
            }
            State::Succeed(_) => Ok(Some(Flow::Finished(frame.input.take()))),
            State::Fail(fail) => Ok(Some(Flow::Failed(failure_of(fail, frame, &context)))),
        }
    }

    fn call(&mut self, frame: &mut Frame, task: &Task, context: &Value) -> Result<Flow, Failure> {
        let effective = select(task.input_path.as_ref(), &frame.input, context)?;
        let input = match &task.parameters {
            Some(template) => fill(template, &effective, context)?,
            None => effective,
        };
        let token = self.token();
        frame.phase = Phase::Calling {
            token,
            resource: task.resource.clone(),
            input: input.clone(),
            timeout_s: task.timeout_seconds,
        };
        self.effects.push(Effect::Invoke {
            token,
            resource: task.resource.clone(),
            input,
            timeout_s: task.timeout_seconds,
        });
        Ok(Flow::Blocked)
    }

    fn begin_map(
        &mut self,
        frame: &mut Frame,
        states: &States,
        map: &Map,
        context: &Value,
    ) -> Result<Option<Flow>, Failure> {
        let effective = select(map.input_path.as_ref(), &frame.input, context)?;
        let items = match select(map.items_path.as_ref(), &effective, context)? {
            Value::Array(items) => items,
            _ => return Err(Failure::runtime("a Map's items are no list")),
        };
        let mut branches = Vec::with_capacity(items.len());
        for (index, value) in items.into_iter().enumerate() {
            let item = json!({ "Index": index, "Value": value });
            let input = match &map.item_selector {
                Some(template) => {
                    let mut context = context.clone();
                    context["Map"] = json!({ "Item": item });
                    fill(template, &effective, &context)?
                }
                None => value,
            };
            let start = &map.item_processor.start_at;
            branches.push(Branch::Queued(Box::new(Frame::new(
                start,
                input,
                Some(item),
            ))));
        }
        frame.phase = Phase::Mapping { branches };
        self.go_on_mapping(frame, states, map)
    }

    /// Starts queued branches as far as allowed; ends the Map when all are done.
    fn go_on_mapping(
        &mut self,
        frame: &mut Frame,
        states: &States,
        map: &Map,
    ) -> Result<Option<Flow>, Failure> {
        let Phase::Mapping { branches } = &mut frame.phase else {
            return Ok(Some(Flow::Blocked));
        };
        let most = match map.max_concurrency {
            0 => usize::MAX,
            most => usize::try_from(most).unwrap_or(usize::MAX),
        };
        for at in 0..branches.len() {
            let running = branches
                .iter()
                .filter(|branch| matches!(branch, Branch::Running(_)))
                .count();
            if running >= most {
                break;
            }
            if let Branch::Queued(queued) = &mut branches[at] {
                let mut nested = queued.clone();
                branches[at] = match self.run(&mut nested, &map.item_processor.states) {
                    Flow::Blocked => Branch::Running(nested),
                    Flow::Finished(output) => Branch::Done(output),
                    Flow::Failed(failure) => return Err(failure),
                };
            }
        }
        let outputs: Option<Vec<Value>> = branches
            .iter()
            .map(|branch| match branch {
                Branch::Done(output) => Some(output.clone()),
                _ => None,
            })
            .collect();
        match outputs {
            None => Ok(Some(Flow::Blocked)),
            Some(outputs) => self.complete(frame, states, Value::Array(outputs)),
        }
    }

    /// The state's work is done: shapes its result and moves on.
    fn complete(
        &mut self,
        frame: &mut Frame,
        states: &States,
        result: Value,
    ) -> Result<Option<Flow>, Failure> {
        let (selector, result_path, output_path, next) = match states.get(&frame.state) {
            Some(State::Task(task)) => (
                &task.result_selector,
                &task.result_path,
                &task.output_path,
                &task.next,
            ),
            Some(State::Map(map)) => (
                &map.result_selector,
                &map.result_path,
                &map.output_path,
                &map.next,
            ),
            _ => return Err(Failure::runtime("only a Task or a Map has a result")),
        };
        let context = self.context(frame);
        let result = match selector {
            Some(template) => fill(template, &result, &context)?,
            None => result,
        };
        let output = place(result_path.as_ref(), &frame.input, result)?;
        let output = select(output_path.as_ref(), &output, &context)?;
        if output.to_string().len() > LARGEST_PAYLOAD_BYTES {
            return Err(Failure {
                error: "States.DataLimitExceeded".to_owned(),
                cause: format!(
                    "the output of {:?} is larger than {LARGEST_PAYLOAD_BYTES} bytes",
                    frame.state
                ),
            });
        }
        Ok(leave(frame, next.as_deref(), output))
    }

    /// The state failed: a new try, a catcher, or the end. None: it moved on.
    fn fail(&mut self, frame: &mut Frame, states: &States, failure: Failure) -> Option<Flow> {
        let Some(state) = states.get(&frame.state) else {
            return Some(Flow::Failed(failure));
        };
        let (retry, catch) = handlers(state);
        frame.tries.resize(retry.len(), 0);
        let retrier = retry
            .iter()
            .position(|retrier| failure.is_named(&retrier.error_equals));
        if let Some(at) = retrier
            && frame.tries[at] < retry[at].max_attempts
        {
            let delay_ms = self.delay_ms(&retry[at], frame.tries[at]);
            frame.tries[at] += 1;
            return Some(self.wait(frame, delay_ms, true));
        }
        let catcher = catch
            .iter()
            .find(|catcher| failure.is_named(&catcher.error_equals));
        let Some(catcher) = catcher else {
            return Some(Flow::Failed(failure));
        };
        let error = json!({ "Error": failure.error, "Cause": failure.cause });
        match place(catcher.result_path.as_ref(), &frame.input, error) {
            Ok(input) => {
                frame.go(&catcher.next, input);
                None
            }
            Err(failure) => Some(Flow::Failed(failure)),
        }
    }

    fn delay_ms(&mut self, retrier: &Retrier, tries: u32) -> u64 {
        let exponent = i32::try_from(tries).unwrap_or(i32::MAX);
        let grown = retrier.interval_seconds as f64 * retrier.backoff_rate.powi(exponent);
        let longest = retrier.max_delay_seconds.unwrap_or(u64::from(u32::MAX)) as f64;
        let spread = match retrier.jitter_strategy {
            Jitter::Full => (self.random)(),
            Jitter::None => 1.0,
        };
        (grown.min(longest) * 1_000.0 * spread) as u64
    }

    /// Brings an event to the frame that waits for it. None: nobody does.
    fn deliver(&mut self, frame: &mut Frame, states: &States, event: &Event) -> Option<Flow> {
        let wanted = match event {
            Event::Start => return None,
            Event::Answered { token, .. } | Event::Woke { token } => *token,
        };
        let moved = match (&mut frame.phase, event) {
            (Phase::Calling { token, .. }, Event::Answered { result, .. }) if *token == wanted => {
                match result.clone() {
                    Ok(result) => self.complete(frame, states, result),
                    Err(failure) => Err(failure),
                }
            }
            (Phase::Waiting { token, retry, .. }, Event::Woke { .. }) if *token == wanted => {
                let retry = *retry;
                frame.phase = Phase::Entering;
                match states.get(&frame.state) {
                    Some(State::Wait(wait)) if !retry => {
                        let input = frame.input.take();
                        Ok(leave(frame, wait.next.as_deref(), input))
                    }
                    _ => Ok(None),
                }
            }
            (Phase::Mapping { .. }, _) => self.deliver_nested(frame, states, event)?,
            _ => return None,
        };
        match moved {
            Ok(Some(flow)) => Some(flow),
            Ok(None) => Some(self.run(frame, states)),
            Err(failure) => Some(match self.fail(frame, states, failure) {
                Some(flow) => flow,
                None => self.run(frame, states),
            }),
        }
    }

    fn deliver_nested(
        &mut self,
        frame: &mut Frame,
        states: &States,
        event: &Event,
    ) -> Option<Result<Option<Flow>, Failure>> {
        let Some(State::Map(map)) = states.get(&frame.state) else {
            return None;
        };
        let Phase::Mapping { branches } = &mut frame.phase else {
            return None;
        };
        let nested_states = &map.item_processor.states;
        let (at, flow) = branches.iter_mut().enumerate().find_map(|(at, branch)| {
            let Branch::Running(nested) = branch else {
                return None;
            };
            Some((at, self.deliver(nested, nested_states, event)?))
        })?;
        Some(match flow {
            Flow::Blocked => Ok(Some(Flow::Blocked)),
            Flow::Failed(failure) => Err(failure),
            Flow::Finished(output) => {
                branches[at] = Branch::Done(output);
                self.go_on_mapping(frame, states, map)
            }
        })
    }
}

fn leave(frame: &mut Frame, next: Option<&str>, output: Value) -> Option<Flow> {
    match next {
        Some(next) => {
            frame.go(next, output);
            None
        }
        None => Some(Flow::Finished(output)),
    }
}

fn select(path: Option<&Path>, input: &Value, context: &Value) -> Result<Value, Failure> {
    match path {
        None => Ok(json!({})),
        Some(path) => path
            .get(input, context)
            .cloned()
            .ok_or_else(|| Failure::runtime(format!("path {path} finds nothing in the input"))),
    }
}

fn fill(template: &Template, input: &Value, context: &Value) -> Result<Value, Failure> {
    template.fill(input, context).map_err(Failure::runtime)
}

fn place(path: Option<&Path>, input: &Value, result: Value) -> Result<Value, Failure> {
    match path {
        None => Ok(input.clone()),
        Some(path) => path.set(input.clone(), result).map_err(|error| Failure {
            error: "States.ResultPathMatchFailure".to_owned(),
            cause: error.to_string(),
        }),
    }
}

fn failure_of(fail: &Fail, frame: &Frame, context: &Value) -> Failure {
    let at_path = fail.cause_path.as_ref().and_then(|path| {
        let cause = path.get(&frame.input, context)?;
        Some(
            cause
                .as_str()
                .map_or_else(|| cause.to_string(), str::to_owned),
        )
    });
    Failure {
        error: fail.error.clone().unwrap_or_default(),
        cause: at_path.or_else(|| fail.cause.clone()).unwrap_or_default(),
    }
}

#[cfg(test)]
#[path = "machine_tests.rs"]
mod tests;
