//! Drives a run's executions at home: takes each effect of the machine to a
//! function or to the clock, and stores the machine after every step, so that
//! whoever opens the data folder next goes on from there.

use crate::clock::stamp;
use crate::error::PipelineError;
use crate::executions::sqlite::{NotBegun, SqliteExecutions};
use crate::functions::{self, cancel, settle};
use crate::waits::Waits;
use crate::workflow::definition::Definition;
use crate::workflow::frame::{Effect, Event, Failure};
use crate::workflow::machine::Machine;
use crate::world::World;
use dlt_core::ids::{TestId, TestRunId};
use serde::Deserialize as _;
use serde_json::{Value, json};
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::watch;

/// A function that has no limit in the workflow file ends after this, seconds.
const LONGEST_CALL_S: u64 = 900;
/// How often the last status is written before it is given up.
const MOST_TRIES: u32 = 20;
/// Between two of these tries.
const BETWEEN_TRIES: Duration = Duration::from_millis(250);

/// What drives.
pub struct Driver {
    /// All ports.
    pub world: Arc<World>,
    /// The stored machines.
    pub executions: SqliteExecutions,
    /// The workflow.
    pub definition: Arc<Definition>,
    /// How far the run's runners are: another number after each of their events.
    pub events: watch::Receiver<u64>,
}

impl Driver {
    /// Drives the run until none of its executions is left and its status is
    /// terminal.
    pub async fn drive(&self, test: &TestId, run: &TestRunId) {
        let reason = match self.executions(run).await {
            Ok(reason) => reason,
            Err(error) => {
                // Nobody could read or store this execution again.
                let _ = self.executions.abandon(run);
                error.to_string()
            }
        };
        self.salvage(test, run).await;
        for _ in 0..MOST_TRIES {
            if self.settle(test, run, &reason).await.is_ok() {
                return;
            }
            tokio::time::sleep(BETWEEN_TRIES).await;
        }
    }

    /// Drives one execution after the other; answers why the last one failed.
    async fn executions(&self, run: &TestRunId) -> Result<String, PipelineError> {
        let mut reason = "the workflow ended early".to_owned();
        while let Some((name, stored)) = self.executions.next(run)? {
            let machine = self.machine(&name, stored)?;
            if let Err(failure) = self.execute(&name, machine).await? {
                reason = format!("{}: {}", failure.error, failure.cause);
            }
        }
        Ok(reason)
    }

    /// An execution as it was stored.
    fn machine(&self, name: &str, stored: Value) -> Result<Machine, PipelineError> {
        if let Ok(NotBegun { first_input }) = NotBegun::deserialize(&stored) {
            return Ok(Machine::new(&self.definition, name, first_input));
        }
        serde_json::from_value(stored).map_err(|error| {
            PipelineError::Other(format!("stored execution {name} is unreadable: {error}"))
        })
    }

    /// A workflow that ended without a terminal status failed; its `Fail`
    /// states come after one, so this is for broken workflows and disks.
    async fn settle(
        &self,
        test: &TestId,
        run: &TestRunId,
        reason: &str,
    ) -> Result<(), PipelineError> {
        let end_time = stamp(self.world.clock.now_us());
        self.world
            .change(test, run, &|run| {
                if !run.record.status.is_terminal() {
                    run.failure.get_or_insert_with(|| reason.to_owned());
                    settle::settle(run, &end_time);
                }
            })
            .await
            .map(drop)
    }

    async fn execute(
        &self,
        name: &str,
        mut machine: Machine,
    ) -> Result<Result<Value, Failure>, PipelineError> {
        let step = |machine: &mut Machine, event| {
            let now_ms = self.world.clock.now_us() / 1_000;
            let mut random = || chance(&self.world);
            machine.step(&self.definition, now_ms, event, &mut random);
        };
        // On a machine that began before this does nothing.
        step(&mut machine, Event::Start);
        self.save(name, &machine).await?;
        let mut waits = Waits::new(self.events.clone());
        loop {
            if let Some(end) = machine.end() {
                return Ok(end.clone());
            }
            let pending = machine.pending();
            let invoke = pending
                .iter()
                .find(|effect| matches!(effect, Effect::Invoke { .. }));
            let event = match invoke.or_else(|| pending.iter().min_by_key(|effect| due(effect))) {
                Some(Effect::Invoke {
                    token,
                    resource,
                    input,
                    timeout_s,
                }) => {
                    waits.ask();
                    Event::Answered {
                        token: *token,
                        result: self.call(resource, input.clone(), *timeout_s).await,
                    }
                }
                Some(Effect::Wake { token, at_ms, .. }) => match waits.over(&pending) {
                    Some(token) => Event::Woke { token },
                    None => {
                        let now_ms = self.world.clock.now_us() / 1_000;
                        let wait = Duration::from_millis(at_ms.saturating_sub(now_ms));
                        tokio::select! {
                            () = tokio::time::sleep(wait) => Event::Woke { token: *token },
                            () = waits.next_event() => continue,
                        }
                    }
                },
                None => {
                    return Err(PipelineError::Other(format!(
                        "execution {name} waits for nothing in state {:?}",
                        machine.state()
                    )));
                }
            };
            step(&mut machine, event);
            self.save(name, &machine).await?;
        }
    }

    /// Stores a machine; a disk that is full for a moment ends no run.
    async fn save(&self, name: &str, machine: &Machine) -> Result<(), PipelineError> {
        for _ in 1..MOST_TRIES {
            if self
                .executions
                .save(name, machine, machine.end().is_some())
                .is_ok()
            {
                return Ok(());
            }
            tokio::time::sleep(BETWEEN_TRIES).await;
        }
        self.executions.save(name, machine, machine.end().is_some())
    }

    /// What the workflow would have done with a run whose execution broke:
    /// stop its runners, wait for their reports, merge them. Whatever fails
    /// here too is passed over; the status comes after it in any case.
    async fn salvage(&self, test: &TestId, run: &TestRunId) {
        let Ok(Some(item)) = self.world.runs.get(test, run).await else {
            return;
        };
        if item.record.status.is_terminal() {
            return;
        }
        let job = |op: &str| json!({ "op": op, "testId": item.test, "testRunId": item.run });
        for op in ["stop", "kill"] {
            let _ = self.call("${TaskCancelerArn}", job(op), None).await;
            let until = Duration::from_micros(cancel::stop_limit_us(&self.world, &item));
            let gone = async {
                while !self.gone(&job("gone")).await {
                    tokio::time::sleep(BETWEEN_TRIES).await;
                }
            };
            if tokio::time::timeout(until, gone).await.is_ok() {
                break;
            }
        }
        let parse = json!({ "testId": item.test, "testRunId": item.run });
        let _ = self.call("${ResultsParserArn}", parse, None).await;
        let _ = self.call("${TaskCancelerArn}", job("clean"), None).await;
    }

    async fn gone(&self, job: &Value) -> bool {
        let answer = self
            .call("${TaskStatusCheckerArn}", job.clone(), None)
            .await;
        answer.is_ok_and(|answer| answer["next"] == "gone")
    }

    async fn call(
        &self,
        resource: &str,
        input: Value,
        timeout_s: Option<u64>,
    ) -> Result<Value, Failure> {
        let limit = Duration::from_secs(timeout_s.unwrap_or(LONGEST_CALL_S));
        match tokio::time::timeout(limit, functions::call(&self.world, resource, input)).await {
            Ok(result) => result.map_err(|error| Failure::from(&error)),
            Err(_) => Err(Failure {
                error: "States.Timeout".to_owned(),
                cause: format!("{resource} took longer than {} s", limit.as_secs()),
            }),
        }
    }
}

fn due(effect: &Effect) -> u64 {
    match effect {
        Effect::Wake { at_ms, .. } => *at_ms,
        Effect::Invoke { .. } => 0,
    }
}

/// A number from 0 to 1 for jitter; without randomness waits are full.
fn chance(world: &World) -> f64 {
    let mut bytes = [0u8; 4];
    match world.clock.random(&mut bytes) {
        Ok(()) => f64::from(u32::from_le_bytes(bytes)) / f64::from(u32::MAX),
        Err(_) => 1.0,
    }
}

impl From<&PipelineError> for Failure {
    fn from(error: &PipelineError) -> Self {
        Self {
            error: error.asl_name().to_owned(),
            cause: error.to_string(),
        }
    }
}
