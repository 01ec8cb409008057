//! Plays one run: the shipped workflow file in the machine, the real functions
//! on simulated ports, on a virtual clock. Functions fail before and after
//! their effect, are called twice, answer late; the driver is restarted.

use crate::ports::Sim;
use crate::runners::settle;
use crate::stage;
use crate::state::{Faults, State, When, lock, passing};
use dlt_core::calls::live::LiveEvent;
use dlt_core::keys;
use dlt_core::messages::report::Report;
use dlt_core::run::Status;
use dlt_pipeline::clock::stamp;
use dlt_pipeline::functions::{self, cancel, hand_over, settle};
use dlt_pipeline::runs::Run;
use dlt_pipeline::scenarios::ScenarioItem;
use dlt_pipeline::workflow::WORKFLOW;
use dlt_pipeline::workflow::definition::Definition;
use dlt_pipeline::workflow::frame::{Effect, Event, Failure};
use dlt_pipeline::workflow::machine::Machine;
use dlt_pipeline::world::World;
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::future::Future;
use std::pin::pin;
use std::sync::{Arc, LazyLock, Mutex};
use std::task::{Context, Poll, Waker};

/// Actions after which a run counts as endless.
const MOST_ACTIONS: usize = 100_000;
/// Beyond the promised end: calls take time too.
const SLACK_US: u64 = 60_000_000;
/// What one injected fault may cost: the longest wait before a retry, and late answers.
const FAULT_US: u64 = 50_000_000;

/// The workflow, read once.
static SHIPPED: LazyLock<Definition> =
    LazyLock::new(|| Definition::parse(WORKFLOW).expect("the shipped workflow"));

/// What is played.
#[derive(Debug, Clone)]
pub struct Plot {
    pub seed: u64,
    pub faults: Faults,
    pub tasks: Vec<u64>,
    pub healthy_threshold: u8,
    pub planned_s: u64,
    /// The call of a function with this number fails, or is made twice.
    pub scripted: Option<(usize, Mishap)>,
}

/// What goes wrong with one call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mishap {
    Before,
    After,
    Twice,
}

/// How it ended.
pub struct Outcome {
    pub run: Run,
    pub violations: Vec<String>,
    pub log: Vec<String>,
    pub calls: usize,
    pub executions: usize,
    pub notes: Vec<String>,
    pub starts: usize,
}

enum Action {
    Call {
        of: usize,
        token: u64,
        resource: String,
        input: Value,
        /// Nobody waits for the answer any more.
        late: bool,
    },
    Answer {
        of: usize,
        token: u64,
        result: Result<Value, Failure>,
    },
    Wake {
        of: usize,
        token: u64,
    },
    Cancel,
}

struct Play {
    sim: Sim,
    world: World,
    definition: &'static Definition,
    run: Run,
    machines: Vec<Machine>,
    agenda: BTreeMap<(u64, u64), Action>,
    sequence: u64,
    calls: usize,
    cancelled: bool,
    scripted: Option<(usize, Mishap)>,
    /// Reports that the last parse could find.
    reports: Option<u64>,
}

/// Simulated ports never wait, so neither does this.
fn now<T>(future: impl Future<Output = T>) -> T {
    let mut context = Context::from_waker(Waker::noop());
    match pin!(future).poll(&mut context) {
        Poll::Ready(done) => done,
        Poll::Pending => panic!("a simulated port waited"),
    }
}

/// Plays a run to its end and checks what must hold of every run.
pub fn play(plot: &Plot) -> Outcome {
    let mut state = State::new(plot.seed, plot.faults.clone());
    let began_us = state.now_us;
    state.calm_us = began_us + state.rng.between(30_000_000, 240_000_000);
    let run = stage::run(
        &plot.tasks,
        plot.healthy_threshold,
        plot.planned_s,
        began_us,
    );
    state.runs.insert(run.run.to_string(), run.clone());
    let claim = ScenarioItem {
        version: 1,
        status: Status::Queued,
        run: Some(run.run.clone()),
        ..ScenarioItem::new(run.test.clone(), json!({}))
    };
    state.scenarios.insert(run.test.to_string(), claim);
    let input = hand_over::execution_input(&run, 1, 1);
    state
        .queued
        .push((hand_over::execution_name(&run, 1), input));
    let mut agenda = BTreeMap::new();
    let cancel = state.faults.cancel;
    if state.rng.chance(cancel) {
        let at_us = began_us
            + state
                .rng
                .between(0, plot.planned_s * 1_000_000 + 15_000_000);
        agenda.insert((at_us, 0), Action::Cancel);
    }
    let sim = Sim(Arc::new(Mutex::new(state)));
    let mut play = Play {
        world: sim.world(),
        sim,
        definition: &SHIPPED,
        run,
        machines: Vec::new(),
        agenda,
        sequence: 1,
        calls: 0,
        cancelled: false,
        scripted: plot.scripted,
        reports: None,
    };
    play.until_over();
    play.judge(began_us)
}

impl Play {
    fn until_over(&mut self) {
        for _ in 0..MOST_ACTIONS {
            self.begin_queued();
            let Some(((at_us, _), action)) = self.agenda.pop_first() else {
                return;
            };
            {
                let mut state = lock(&self.sim.0);
                state.now_us = state.now_us.max(at_us);
                settle(&mut state);
            }
            self.act(action);
        }
        lock(&self.sim.0).violate("the run never ends".to_owned());
    }

    fn begin_queued(&mut self) {
        let queued = std::mem::take(&mut lock(&self.sim.0).queued);
        for (name, input) in queued {
            self.machines
                .push(Machine::new(self.definition, &name, input));
            self.step(self.machines.len() - 1, Event::Start);
        }
    }

    fn plan(&mut self, after_us: u64, action: Action) {
        let at_us = lock(&self.sim.0).now_us + after_us;
        self.sequence += 1;
        self.agenda.insert((at_us, self.sequence), action);
    }

    fn draw(&self, from: u64, to: u64) -> u64 {
        lock(&self.sim.0).rng.between(from, to)
    }

    fn chance(&self, pick: impl Fn(&Faults) -> f64) -> bool {
        let mut state = lock(&self.sim.0);
        let probability = pick(&state.faults);
        let hit = state.now_us < state.calm_us && state.rng.chance(probability);
        if hit {
            state.injected += 1;
        }
        hit
    }

    fn step(&mut self, of: usize, event: Event) {
        let now_ms = lock(&self.sim.0).now_us / 1_000;
        let shared = Arc::clone(&self.sim.0);
        let mut random = || lock(&shared).rng.fraction();
        let mut effects = self.machines[of].step(self.definition, now_ms, event, &mut random);
        if self.chance(|faults| faults.restart) {
            effects = self.restart(of);
        }
        for effect in effects {
            match effect {
                Effect::Wake { token, at_ms, .. } => {
                    let after_us = at_ms.saturating_sub(now_ms) * 1_000;
                    self.plan(after_us, Action::Wake { of, token });
                }
                Effect::Invoke {
                    token,
                    resource,
                    input,
                    ..
                } => self.invoke(of, token, resource, input),
            }
        }
    }

    /// The driver is gone; a new one reads the stored machine. What was under
    /// way is forgotten, or still takes effect without anybody's knowledge.
    fn restart(&mut self, of: usize) -> Vec<Effect> {
        let stored = serde_json::to_string(&self.machines[of]).expect("plain data");
        self.machines[of] = serde_json::from_str(&stored).expect("what was stored");
        let agenda = std::mem::take(&mut self.agenda);
        for (at, mut action) in agenda {
            match &mut action {
                Action::Call {
                    of: other, late, ..
                } if *other == of => {
                    *late = true;
                    if self.draw(0, 2) == 0 {
                        continue;
                    }
                }
                Action::Answer { of: other, .. } | Action::Wake { of: other, .. }
                    if *other == of =>
                {
                    continue;
                }
                _ => {}
            }
            self.agenda.insert(at, action);
        }
        lock(&self.sim.0).tell("the driver is restarted".to_owned());
        self.machines[of].pending()
    }

    fn invoke(&mut self, of: usize, token: u64, resource: String, input: Value) {
        let timed_out = self.chance(|faults| faults.function / 4.0);
        if timed_out {
            // The workflow goes on; the call takes effect at some later time.
            let result = Err(Failure {
                error: "States.Timeout".to_owned(),
                cause: "the function took too long".to_owned(),
            });
            let after_us = self.draw(1_000_000, 5_000_000);
            self.plan(after_us, Action::Answer { of, token, result });
        }
        let after_us = match timed_out {
            true => self.draw(0, 20_000_000),
            false => self.draw(1_000, 200_000),
        };
        let call = Action::Call {
            of,
            token,
            resource,
            input,
            late: timed_out,
        };
        self.plan(after_us, call);
    }

    fn act(&mut self, action: Action) {
        match action {
            Action::Wake { of, token } => self.step(of, Event::Woke { token }),
            Action::Answer { of, token, result } => {
                self.step(of, Event::Answered { token, result });
            }
            Action::Call {
                of,
                token,
                resource,
                input,
                late,
            } => {
                let result = self.call(&resource, &input);
                if !late {
                    let after_us = self.draw(1_000, 100_000);
                    self.plan(after_us, Action::Answer { of, token, result });
                }
            }
            Action::Cancel => {
                let wish = now(cancel::cancel(&self.world, &self.run.test, "enough"));
                self.cancelled |= wish.is_ok();
                lock(&self.sim.0).tell(format!("cancel: {wish:?}"));
            }
        }
    }

    /// Calls a function, with what fate or the script has for this call.
    fn call(&mut self, resource: &str, input: &Value) -> Result<Value, Failure> {
        let number = self.calls;
        self.calls += 1;
        let drawn = {
            let mut state = lock(&self.sim.0);
            let probability = state.faults.function;
            state.draw(probability)
        };
        let mishap = match (self.scripted, drawn) {
            (Some((at, mishap)), _) if at == number => Some(mishap),
            (_, When::Before) => Some(Mishap::Before),
            (_, When::After) => Some(Mishap::After),
            (_, When::Never) if self.chance(|faults| faults.twice) => Some(Mishap::Twice),
            _ => None,
        };
        lock(&self.sim.0).tell(format!("{resource} {} {mishap:?}", input["op"]));
        let shared = Arc::clone(&self.sim.0);
        let lost = || {
            let error = passing(&mut lock(&shared).rng);
            Err(Failure::from(&error))
        };
        if mishap == Some(Mishap::Before) {
            return lost();
        }
        if mishap == Some(Mishap::Twice) {
            // What the first of two says does not matter.
            let _ = self.once(resource, input);
        }
        let result = self.once(resource, input);
        match mishap {
            Some(Mishap::After) => lost(),
            _ => result,
        }
    }

    fn once(&mut self, resource: &str, input: &Value) -> Result<Value, Failure> {
        let reports = self.readable_reports();
        let result = now(functions::call(&self.world, resource, input.clone()));
        if let Err(error) = &result {
            lock(&self.sim.0).tell(format!("  {error}"));
        }
        if resource == "${ResultsParserArn}" && result.is_ok() {
            self.reports = Some(reports);
        }
        result.map_err(|error| Failure::from(&error))
    }

    fn readable_reports(&self) -> u64 {
        let folder = keys::results_folder(&self.run.test, &self.run.prefix);
        let state = lock(&self.sim.0);
        let texts = state
            .objects
            .iter()
            .filter(|(key, _)| key.starts_with(&folder) && key.ends_with(".xml"))
            .filter_map(|(_, bytes)| std::str::from_utf8(bytes).ok());
        texts.filter(|text| Report::from_xml(text).is_ok()).count() as u64
    }

    /// What must hold of every run, whatever went wrong.
    fn judge(self, began_us: u64) -> Outcome {
        {
            let mut state = lock(&self.sim.0);
            state.calm_us = 0;
        }
        let end_time = stamp(lock(&self.sim.0).now_us);
        let settled = now(self.world.change(&self.run.test, &self.run.run, &|run| {
            // As the driver does when an execution ends early.
            if !run.record.status.is_terminal() {
                run.failure.get_or_insert("the workflow broke".to_owned());
                settle::settle(run, &end_time);
            }
        }));
        let run = settled.expect("a calm world");
        let mut state = lock(&self.sim.0);
        settle(&mut state);
        let record = &run.record;
        if !record.status.is_terminal() {
            state.violate(format!("the run ended as {}", record.status));
        }
        if state.injected == 0 && run.failure.as_deref() == Some("the workflow broke") {
            state.violate("the workflow broke without a fault".to_owned());
        }
        if self.cancelled && record.status != Status::Cancelled {
            state.violate(format!("cancelled, yet {}", record.status));
        }
        let reason = record.error_reason.as_deref().unwrap_or_default();
        if record.status == Status::Failed && reason.is_empty() {
            state.violate("failed without a reason".to_owned());
        }
        for at in 0..state.runners.len() {
            if state.runners[at].alive() {
                let name = state.runners[at].runner.clone();
                state.violate(format!("runner {name} is left"));
            }
        }
        let reported = record
            .coverage
            .as_ref()
            .map(|coverage| coverage.runners_reported);
        if self.reports.is_some() && reported != self.reports {
            let found = self.reports;
            state.violate(format!(
                "{reported:?} reports are in the result, {found:?} exist"
            ));
        }
        let promised_us = match run.start_at_us {
            Some(start) => {
                start + run.planned_us + run.graceful_stop_us + self.world.pace.overdue_us
            }
            None => began_us + 2 * self.world.pace.provisioning_us,
        };
        let latest_us = promised_us + SLACK_US + state.injected * FAULT_US;
        let ended_us = state.ended_us.unwrap_or(state.now_us);
        if ended_us > latest_us {
            let late_s = (ended_us - promised_us) / 1_000_000;
            state.violate(format!("it ended {late_s} s after its promised end"));
        }
        let events = std::mem::take(&mut state.events);
        let notes = events.into_iter().filter_map(|event| match event {
            LiveEvent::Note(note) => Some(note),
            _ => None,
        });
        Outcome {
            notes: notes.collect(),
            violations: std::mem::take(&mut state.violations),
            log: std::mem::take(&mut state.log),
            starts: state.runners.len(),
            run,
            calls: self.calls,
            executions: self.machines.len(),
        }
    }
}
