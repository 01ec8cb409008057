//! One step of the machine: enters states, shapes what flows through them,
//! retries, catches, and starts nested workflows. What is stored between steps
//! is `machine`'s.

use crate::workflow::definition::{Fail, Jitter, Map, Retrier, State, States, Task, handlers};
use crate::workflow::frame::{
    Branch, Effect, Event, Failure, Frame, LARGEST_PAYLOAD_BYTES, MOST_MOVES, Phase,
};
use crate::workflow::jsonpath::Path;
use crate::workflow::template::Template;
use serde_json::{Value, json};

/// How far a frame got.
pub(super) enum Flow {
    Blocked,
    Finished(Value),
    Failed(Failure),
}

/// What a step may use.
pub(super) struct Step<'a> {
    pub(super) now_ms: u64,
    pub(super) random: &'a mut dyn FnMut() -> f64,
    pub(super) execution: &'a Value,
    pub(super) tokens: &'a mut u64,
    pub(super) effects: Vec<Effect>,
    pub(super) moves: u32,
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
        self.effects.push(Effect::Wake {
            token,
            at_ms,
            retry,
        });
        Flow::Blocked
    }

    /// Runs a frame until it waits for something or ends.
    pub(super) fn run(&mut self, frame: &mut Frame, states: &States) -> Flow {
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
    pub(super) fn deliver(
        &mut self,
        frame: &mut Frame,
        states: &States,
        event: &Event,
    ) -> Option<Flow> {
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
