//! Drives a run's executions at home: takes each effect of the machine to a
//! function or to the clock, and stores the machine after every step, so that
//! whoever opens the data folder next goes on from there. While the data folder
//! cannot be written it tries again, with growing pauses, for as long as that takes:
//! no function's failure for that reason ever reaches the workflow.

use crate::clock::{RunClock, stamp};
use crate::error::PipelineError;
use crate::executions::sqlite::{NotBegun, SqliteExecutions};
use crate::functions::{self, cancel, settle};
use crate::live::broadcast::Broadcast;
use crate::runs::Run;
use crate::store::outage::{Outage, Outages, Pauses};
use crate::waits::Waits;
use crate::workflow::definition::Definition;
use crate::workflow::frame::{Effect, Event, Failure};
use crate::workflow::machine::Machine;
use crate::world::World;
use dlt_core::ids::{TestId, TestRunId};
use serde::Deserialize as _;
use serde_json::{Value, json};
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::watch;

/// A function that has no limit in the workflow file ends after this, seconds.
const LONGEST_CALL_S: u64 = 900;
/// How often the last status is written, while the data folder is well, before it is
/// left to the next look for runs that nobody drives.
const MOST_TRIES: u32 = 20;
/// Between two of these tries, and between two looks at runners that shall end.
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
    /// Where it is told that a run waits for the data folder.
    pub outages: Arc<Outages>,
    /// Who watches: told of that, too, though the run cannot be read.
    pub live: Arc<Broadcast>,
}

/// One try of what may have to be tried again.
type Try<'a, T> = Pin<Box<dyn Future<Output = Result<T, PipelineError>> + Send + 'a>>;

/// Which run is driven.
#[derive(Clone, Copy)]
struct RunIds<'a> {
    test: &'a TestId,
    run: &'a TestRunId,
}

impl Driver {
    /// Drives the run until none of its executions is left and its status is
    /// terminal.
    pub async fn drive(&self, test: &TestId, run: &TestRunId) {
        let at = RunIds { test, run };
        let reason = match self.executions(at).await {
            Ok(reason) => reason,
            Err(error) => {
                // Nobody could read this execution again.
                let abandon =
                    || -> Try<'_, ()> { Box::pin(async { self.executions.abandon(run) }) };
                let _ = self.keep_trying(at, &abandon).await;
                error.to_string()
            }
        };
        self.salvage(at).await;
        for _ in 0..MOST_TRIES {
            let settle = || -> Try<'_, ()> { Box::pin(self.settle(test, run, &reason)) };
            match self.keep_trying(at, &settle).await {
                Ok(()) | Err(PipelineError::NoRun(_)) => break,
                Err(_) => tokio::time::sleep(BETWEEN_TRIES).await,
            }
        }
        // What runners handed over because they could not store it.
        let flush = || -> Try<'_, ()> { Box::pin(self.world.objects.flush()) };
        let _ = self.keep_trying(at, &flush).await;
    }

    /// Drives one execution after the other; answers why the last one failed.
    async fn executions(&self, at: RunIds<'_>) -> Result<String, PipelineError> {
        let mut reason = "the workflow ended early".to_owned();
        let next = || -> Try<'_, Option<(String, Value)>> {
            Box::pin(async { self.executions.next(at.run) })
        };
        while let Some((name, stored)) = self.keep_trying(at, &next).await? {
            let machine = self.machine(&name, stored)?;
            if let Err(failure) = self.execute(at, &name, machine).await? {
                reason = format!("{}: {}", failure.error, failure.cause);
            }
        }
        Ok(reason)
    }

    /// Does something until it fails for no other reason than that the data folder
    /// cannot be written; tells that it waits, and that it goes on.
    async fn keep_trying<'a, T>(
        &self,
        at: RunIds<'_>,
        work: &(dyn Fn() -> Try<'a, T> + Send + Sync),
    ) -> Result<T, PipelineError> {
        let mut pauses = Pauses::default();
        loop {
            let done = work().await;
            match &done {
                Err(error) if self.is_store_out(error) => self.tell_outage(at, error),
                _ => {
                    self.tell_store_is_back(at);
                    return done;
                }
            }
            tokio::time::sleep(pauses.next_pause()).await;
        }
    }

    /// Whether it is the data folder that is at fault: it says so, or takes nothing
    /// else either.
    fn is_store_out(&self, error: &PipelineError) -> bool {
        error.is_store_outage() || error.is_of_store() && self.executions.0.probe().is_err()
    }

    fn tell_outage(&self, at: RunIds<'_>, error: &PipelineError) {
        let outage = Outage {
            why: error.to_string(),
            since_us: self.world.clock.now_us(),
        };
        if self.outages.begin(at.run, outage) {
            let note = format!(
                "the data folder cannot be written, and the run waits for it: {error}; make room, make it writable, or end what has its database locked"
            );
            self.live.note(at.run, note);
        }
    }

    fn tell_store_is_back(&self, at: RunIds<'_>) {
        if let Some(outage) = self.outages.end(at.run) {
            let waited_us = self.world.clock.now_us().saturating_sub(outage.since_us);
            let seconds = waited_us.div_ceil(1_000_000);
            let note = format!("the data folder can be written again, after {seconds} s");
            self.live.note(at.run, note);
        }
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
        at: RunIds<'_>,
        name: &str,
        mut machine: Machine,
    ) -> Result<Result<Value, Failure>, PipelineError> {
        let clock = self.clock_of(at).await?;
        let now_ms = || RunClock::now_us(clock, self.world.clock.as_ref()) / 1_000;
        let step = |machine: &mut Machine, event| {
            let now_ms = now_ms();
            let mut random = || chance(&self.world);
            machine.step(&self.definition, now_ms, event, &mut random);
        };
        // On a machine that began before this does nothing.
        step(&mut machine, Event::Start);
        self.save(at, name, &machine).await?;
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
                    // Waits that are there are noted with the look that they follow.
                    waits.over(&pending);
                    waits.ask();
                    Event::Answered {
                        token: *token,
                        result: self.call(at, resource, input, *timeout_s).await,
                    }
                }
                Some(Effect::Wake { token, at_ms, .. }) => match waits.over(&pending) {
                    Some(token) => Event::Woke { token },
                    None => {
                        let wait = Duration::from_millis(at_ms.saturating_sub(now_ms()));
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
            self.save(at, name, &machine).await?;
        }
    }

    /// The clock of a run's deadlines, its workflow's waits among them.
    async fn clock_of(&self, at: RunIds<'_>) -> Result<Option<RunClock>, PipelineError> {
        let find = || -> Try<'_, Option<Run>> { Box::pin(self.world.runs.get(at.test, at.run)) };
        let run = self.keep_trying(at, &find).await?;
        Ok(run.and_then(|run| run.clock))
    }

    /// Stores a machine, however long that takes.
    async fn save(
        &self,
        at: RunIds<'_>,
        name: &str,
        machine: &Machine,
    ) -> Result<(), PipelineError> {
        let ended = machine.end().is_some();
        let save =
            || -> Try<'_, ()> { Box::pin(async { self.executions.save(name, machine, ended) }) };
        self.keep_trying(at, &save).await
    }

    /// What the workflow would have done with a run whose execution broke:
    /// stop its runners, wait for their reports, merge them. Whatever fails
    /// here too is passed over; the status comes after it in any case.
    async fn salvage(&self, at: RunIds<'_>) {
        let find = || -> Try<'_, Option<Run>> { Box::pin(self.world.runs.get(at.test, at.run)) };
        let Ok(Some(item)) = self.keep_trying(at, &find).await else {
            return;
        };
        if item.record.status.is_terminal() {
            return;
        }
        let job = |op: &str| json!({ "op": op, "testId": item.test, "testRunId": item.run });
        for op in ["stop", "kill"] {
            let _ = self.call(at, "${TaskCancelerArn}", &job(op), None).await;
            let until = Duration::from_micros(cancel::stop_limit_us(&self.world, &item));
            let gone = async {
                while !self.gone(at, &job("gone")).await {
                    tokio::time::sleep(BETWEEN_TRIES).await;
                }
            };
            if tokio::time::timeout(until, gone).await.is_ok() {
                break;
            }
        }
        let parse = json!({ "testId": item.test, "testRunId": item.run });
        let _ = self.call(at, "${ResultsParserArn}", &parse, None).await;
        let clean = job("clean");
        let _ = self.call(at, "${TaskCancelerArn}", &clean, None).await;
    }

    async fn gone(&self, at: RunIds<'_>, job: &Value) -> bool {
        let answer = self.call(at, "${TaskStatusCheckerArn}", job, None).await;
        answer.is_ok_and(|answer| answer["next"] == "gone")
    }

    /// Calls a function; again for as long as the data folder is out.
    async fn call(
        &self,
        at: RunIds<'_>,
        resource: &str,
        input: &Value,
        timeout_s: Option<u64>,
    ) -> Result<Value, Failure> {
        let limit = Duration::from_secs(timeout_s.unwrap_or(LONGEST_CALL_S));
        let once = async || {
            let call = functions::call(&self.world, resource, input.clone());
            match tokio::time::timeout(limit, call).await {
                Ok(result) => result.map(Ok),
                Err(_) => Ok(Err(Failure {
                    error: "States.Timeout".to_owned(),
                    cause: format!("{resource} took longer than {} s", limit.as_secs()),
                })),
            }
        };
        let call = || -> Try<'_, Result<Value, Failure>> { Box::pin(once()) };
        match self.keep_trying(at, &call).await {
            Ok(answer) => answer,
            Err(error) => Err(Failure::from(&error)),
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
