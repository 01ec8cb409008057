//! Plays one run: the shipped workflow file in the machine, the real functions
//! on simulated ports, on a virtual clock. Functions fail before and after
//! their effect, are called twice, answer late; the driver is restarted.

use crate::clocks::ClockFault;
use crate::outages::{Hits, Outage};
use crate::ports::Sim;
use crate::runners::settle;
use crate::stage;
use crate::state::{Faults, State, When, lock, passing};
use dlt_core::run::Status;
use dlt_pipeline::error::PipelineError;
use dlt_pipeline::functions::{self, cancel, hand_over};
use dlt_pipeline::runs::Run;
use dlt_pipeline::scenarios::ScenarioItem;
use dlt_pipeline::store::outage::Pauses;
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
    /// When the store is out.
    pub outages: Vec<Outage>,
    /// What happens to clocks, and when, µs since the begin.
    pub clocks: Vec<(u64, ClockFault)>,
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
    pub hits: Hits,
    pub ended_us: u64,
    /// Runners that were given a start in time.
    pub loaded: Vec<String>,
}

pub enum Action {
    Call {
        of: usize,
        token: u64,
        resource: String,
        input: Value,
        /// Nobody waits for the answer any more.
        late: bool,
        pauses: Pauses,
    },
    /// A machine is stored, and does then what it wants.
    Save {
        of: usize,
        effects: Vec<Effect>,
        pauses: Pauses,
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
    Clock(ClockFault),
}

pub struct Play {
    pub sim: Sim,
    pub world: World,
    definition: &'static Definition,
    pub run: Run,
    pub machines: Vec<Machine>,
    /// As they were stored last.
    pub stored: Vec<String>,
    agenda: BTreeMap<(u64, u64), Action>,
    sequence: u64,
    pub calls: usize,
    pub cancelled: bool,
    scripted: Option<(usize, Mishap)>,
    /// Reports that the last parse could find.
    pub reports: Option<u64>,
    /// How long the store is out in all, with the pauses after it.
    pub out_us: u64,
}

/// Simulated ports never wait, so neither does this.
pub fn now<T>(future: impl Future<Output = T>) -> T {
    let mut context = Context::from_waker(Waker::noop());
    match pin!(future).poll(&mut context) {
        Poll::Ready(done) => done,
        Poll::Pending => panic!("a simulated port waited"),
    }
}

/// For how long nothing goes on, with what follows it.
fn out_us(plot: &Plot) -> u64 {
    let outages = plot.outages.iter().map(|outage| outage.length_us);
    let pauses = plot.clocks.iter().map(|(_, fault)| match fault {
        ClockFault::Pause(length_us) => *length_us,
        ClockFault::Set(_) => 0,
    });
    outages.chain(pauses).map(|us| us + 10_000_000).sum()
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
    state.outages.clone_from(&plot.outages);
    for outage in &mut state.outages {
        outage.from_us += began_us;
    }
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
        stored: Vec::new(),
        agenda,
        sequence: 1,
        calls: 0,
        cancelled: false,
        scripted: plot.scripted,
        reports: None,
        out_us: out_us(plot),
    };
    play.plan_clock_faults(&plot.clocks);
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
            let machine = Machine::new(self.definition, &name, input);
            let stored = serde_json::to_string(&machine);
            self.stored.push(stored.expect("plain data"));
            self.machines.push(machine);
            self.step(self.machines.len() - 1, Event::Start);
        }
    }

    pub fn plan(&mut self, after_us: u64, action: Action) {
        let at_us = lock(&self.sim.0).now_us + after_us;
        self.sequence += 1;
        self.agenda.insert((at_us, self.sequence), action);
    }

    fn draw(&self, from: u64, to: u64) -> u64 {
        lock(&self.sim.0).rng.between(from, to)
    }

    pub fn chance(&self, pick: impl Fn(&Faults) -> f64) -> bool {
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
        let event_starts = event == Event::Start;
        let mut random = || lock(&shared).rng.fraction();
        let mut effects = self.machines[of].step(self.definition, now_ms, event, &mut random);
        if event_starts && effects.is_empty() {
            // It began before the driver was restarted.
            effects = self.machines[of].pending();
        }
        self.save_then(of, effects, Pauses::default());
    }

    pub fn perform(&mut self, of: usize, effects: Vec<Effect>) {
        let now_ms = lock(&self.sim.0).now_us / 1_000;
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
    pub fn restart(&mut self, of: usize) -> Vec<Effect> {
        self.machines[of] = serde_json::from_str(&self.stored[of]).expect("what was stored");
        // What runners handed over was in the memory of the process that is gone.
        lock(&self.sim.0).held.clear();
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
                Action::Answer { of: other, .. }
                | Action::Wake { of: other, .. }
                | Action::Save { of: other, .. }
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
            pauses: Pauses::default(),
        };
        self.plan(after_us, call);
    }

    fn act(&mut self, action: Action) {
        match action {
            Action::Save {
                of,
                effects,
                pauses,
            } => self.save_then(of, effects, pauses),
            Action::Clock(fault) => self.strike(fault),
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
                mut pauses,
            } => {
                let result = self.call(&resource, &input);
                if !late && matches!(&result, Err(error) if error.is_store_outage()) {
                    lock(&self.sim.0).hit("a function waited for the store");
                    let pause_us = pauses.next_pause().as_micros() as u64;
                    let again = Action::Call {
                        of,
                        token,
                        resource,
                        input,
                        late,
                        pauses,
                    };
                    return self.plan(pause_us, again);
                }
                let result = result.map_err(|error| Failure::from(&error));
                if !late {
                    let after_us = self.draw(1_000, 100_000);
                    self.plan(after_us, Action::Answer { of, token, result });
                }
            }
            Action::Cancel => {
                let wish = now(cancel::cancel(&self.world, &self.run.test, "enough"));
                self.cancelled |= wish.is_ok();
                if matches!(&wish, Err(error) if error.is_store_outage()) {
                    // Whoever was told so asks again.
                    self.plan(1_000_000, Action::Cancel);
                }
                lock(&self.sim.0).tell(format!("cancel: {wish:?}"));
            }
        }
    }

    /// Calls a function, with what fate or the script has for this call.
    fn call(&mut self, resource: &str, input: &Value) -> Result<Value, PipelineError> {
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
        let lost = || Err(passing(&mut lock(&shared).rng));
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

    fn once(&mut self, resource: &str, input: &Value) -> Result<Value, PipelineError> {
        let reports = self.readable_reports();
        let result = now(functions::call(&self.world, resource, input.clone()));
        if let Err(error) = &result {
            lock(&self.sim.0).tell(format!("  {error}"));
        }
        if resource == "${ResultsParserArn}" && result.is_ok() {
            self.reports = Some(reports);
        }
        result
    }
}
