//! Simulated runners: they come up, meet over the same objects as real ones,
//! load, report and end, on the virtual clock; or do not.

use crate::outages::Port;
use crate::state::State;
use dlt_core::ids::RunnerId;
use dlt_core::keys;
use dlt_core::measure::account::Account;
use dlt_core::measure::generator::Generator;
use dlt_core::measure::tally::Tally;
use dlt_core::messages::order::{
    LONGEST_TOLD_STOP_US, LeaderReady, Order, Role, StartFile, WorkersFile,
};
use dlt_core::messages::report::{Ended, Health, Report, TaskFacts};
use dlt_pipeline::fleet::{RunnerPhase, RunnerStatus};

/// How long a worker waits for its start before it gives up, µs.
const START_DEADLINE_US: u64 = 120_000_000;

/// How long after planned end and graceful stop a runner tries to store its report, and
/// how long after the graceful stop of a told stop, µs.
const STORE_UNTIL_US: u64 = 24_000_000;
const STORE_AFTER_STOP_US: u64 = 3_000_000;

/// What fate has for a runner.
#[derive(Debug, Clone, Default)]
pub struct Fate {
    /// Becomes ready after so long; None is never.
    pub ready_after_us: Option<u64>,
    /// Ends so long after its launch.
    pub dies_after_us: Option<u64>,
    /// Is killed so long after the start instant.
    pub dies_loading_us: Option<u64>,
    /// Ends so much later than planned; `u64::MAX` is never.
    pub late_us: u64,
    /// Does not obey SIGTERM.
    pub deaf: bool,
    /// Its report never arrives.
    pub report_lost: bool,
    /// Its report is not one.
    pub report_broken: bool,
}

/// One simulated runner.
pub struct Runner {
    pub runner: RunnerId,
    pub order: Order,
    pub launched_us: u64,
    pub fate: Fate,
    pub phase: RunnerPhase,
    /// A leader holds it, and told it this start instant.
    pub start_at_us: Option<u64>,
    /// When it got SIGTERM.
    pub told_us: Option<u64>,
    spoken: bool,
    /// Its load is over, and its report could not be stored yet.
    keeps_report: bool,
}

impl Runner {
    /// Launches one, and checks what must hold at a launch.
    pub fn launch(state: &mut State, order: &Order) -> RunnerId {
        let n = 1 + state
            .runners
            .iter()
            .filter(|other| other.order.run == order.run && other.order.region == order.region)
            .count();
        let runner = RunnerId::parse(&format!("{}-{n}", order.region)).expect("a name");
        let (run, role) = (&order.run, order.role);
        let status = state.runs[run.as_str()].record.status;
        if status.is_terminal() {
            state.violate(format!("{runner} was launched in a {status} run"));
        }
        let asked = state.runs[run.as_str()]
            .regions
            .iter()
            .find(|row| row.region == order.region)
            .map_or(0, |row| row.tasks);
        let alive = state.runners.iter().filter(|other| {
            other.order.run == *run && other.order.region == order.region && other.alive()
        });
        if alive.count() as u64 >= asked {
            state.violate(format!(
                "{runner} is more than the {asked} that were asked for"
            ));
        }
        if role == Role::Leader {
            let key = keys::workers(&order.test, &order.prefix, &order.region);
            if !state.objects.contains_key(&key) {
                state.violate(format!("{runner} leads nobody it knows"));
            }
        }
        let fate = draw_fate(state);
        state.tell(format!("{runner} launched"));
        state.runners.push(Self {
            runner: runner.clone(),
            order: order.clone(),
            launched_us: state.now_us,
            fate,
            phase: RunnerPhase::Starting,
            start_at_us: None,
            told_us: None,
            spoken: false,
            keeps_report: false,
        });
        runner
    }

    pub fn alive(&self) -> bool {
        matches!(
            self.phase,
            RunnerPhase::Starting | RunnerPhase::Ready { .. }
        )
    }

    pub fn die(&mut self, how: &str) {
        self.phase = RunnerPhase::Gone {
            how: how.to_owned(),
            said: Some("that was all".to_owned()),
        };
    }

    pub fn status(&self) -> RunnerStatus {
        RunnerStatus {
            arn: None,
            run: self.order.run.clone(),
            runner: self.runner.clone(),
            region: self.order.region.clone(),
            interface: Some(format!("eni-{}", self.runner)),
            role: self.order.role,
            since_us: self.launched_us,
            since_boot: None,
            alive: self.alive(),
            phase: self.phase.clone(),
        }
    }

    fn report(&self) -> Report {
        let account = Account {
            scheduled: 10,
            sent: 10,
            unfinished: 10,
            ..Account::default()
        };
        let tally = Tally {
            account,
            ..Tally::default()
        };
        Report {
            test: self.order.test.clone(),
            run: self.order.run.clone(),
            runner: self.runner.clone(),
            region: self.order.region.clone(),
            tally,
            duration_us: 1_000_000,
            loaded_us: None,
            peak_users: 1,
            ticks: 1,
            start: None,
            script_failed: None,
            ended: match self.told_us {
                None => Ended::AsPlanned,
                Some(_) => Ended::Stopped {
                    reason: "SIGTERM".to_owned(),
                },
            },
            health: Health::default(),
            generator: Generator::default(),
            exchanges: Vec::new(),
            warnings: Vec::new(),
            task: TaskFacts::default(),
        }
    }
}

fn draw_fate(state: &mut State) -> Fate {
    let faults = state.faults.clone();
    let rng = &mut state.rng;
    let mut fate = Fate {
        ready_after_us: Some(rng.between(5_000, 2_500_000)),
        late_us: rng.between(0, 3_000_000),
        deaf: rng.chance(faults.deaf),
        report_lost: rng.chance(faults.report_lost),
        report_broken: rng.chance(faults.report_broken),
        ..Fate::default()
    };
    if rng.chance(faults.never_ready) {
        fate.ready_after_us = None;
    }
    if rng.chance(faults.stillborn) {
        fate.dies_after_us = Some(rng.between(0, 4_000_000));
    }
    if rng.chance(faults.dies) {
        fate.dies_loading_us = Some(rng.between(0, 20_000_000));
    }
    if rng.chance(faults.slow) {
        fate.late_us = match rng.chance(0.5) {
            true => u64::MAX,
            false => rng.between(3_000_000, 60_000_000),
        };
    }
    fate
}

/// Moves every runner to the present.
pub fn settle(state: &mut State) {
    if state.now_us < state.frozen_until_us {
        return;
    }
    // Workers first: a leader sees who is there.
    for role in [Role::Worker, Role::Leader] {
        for at in 0..state.runners.len() {
            if state.runners[at].order.role == role && state.runners[at].alive() {
                come_up(state, at);
            }
        }
    }
    for at in 0..state.runners.len() {
        if state.runners[at].alive() {
            load(state, at);
        }
    }
}

/// Launched to ready; as leader, until its workers are started.
fn come_up(state: &mut State, at: usize) {
    let now_us = state.now_us;
    let runner = &mut state.runners[at];
    if let Some(after) = runner.fate.dies_after_us
        && now_us >= runner.launched_us + after
    {
        return runner.die("ended with exit code 1");
    }
    let ready = runner
        .fate
        .ready_after_us
        .is_some_and(|after| now_us >= runner.launched_us + after);
    if !ready {
        return;
    }
    if runner.order.role == Role::Worker {
        if runner.phase == RunnerPhase::Starting {
            runner.phase = RunnerPhase::Ready {
                address: "127.0.0.1:1".to_owned(),
            };
        }
        if runner.start_at_us.is_none() && now_us > runner.launched_us + START_DEADLINE_US {
            runner.die("ended with exit code 3");
        }
        return;
    }
    lead(state, at);
}

/// A leader says that it holds its workers, then gives them the start.
fn lead(state: &mut State, at: usize) {
    let order = state.runners[at].order.clone();
    let leader = state.runners[at].runner.clone();
    let key = keys::workers(&order.test, &order.prefix, &order.region);
    if state.is_out(Port::Objects) {
        return;
    }
    let Some(bytes) = state.objects.get(&key) else {
        return;
    };
    let Ok(file) = serde_json::from_slice::<WorkersFile>(bytes) else {
        return state.violate("workers.json is unreadable".to_owned());
    };
    let named: Vec<RunnerId> = file
        .workers
        .into_iter()
        .map(|worker| worker.runner)
        .collect();
    let ready = |runner: &&Runner| runner.status().is_ready() && named.contains(&runner.runner);
    if !state.runners[at].spoken {
        let connected: Vec<RunnerId> = state
            .runners
            .iter()
            .filter(ready)
            .map(|runner| runner.runner.clone())
            .collect();
        let unreachable = named.iter().filter(|name| !connected.contains(name));
        let word = LeaderReady {
            leader: leader.clone(),
            unreachable: unreachable.cloned().collect(),
            connected,
            clock_error_us: 0,
        };
        let key = keys::leader_ready(&order.test, &order.prefix, &order.region);
        let bytes = serde_json::to_vec(&word).expect("plain data");
        state.objects.insert(key, bytes);
        state.runners[at].spoken = true;
    }
    let start = state.objects.get(&keys::start(&order.test, &order.prefix));
    let Some(start) = start.and_then(|bytes| serde_json::from_slice::<StartFile>(bytes).ok())
    else {
        return;
    };
    for runner in &mut state.runners {
        let ours = runner.order.run == order.run
            && runner.alive()
            && (named.contains(&runner.runner) || runner.runner == leader);
        if ours {
            runner.start_at_us.get_or_insert(start.start_at_us);
        }
    }
}

/// From the start to the end.
fn load(state: &mut State, at: usize) {
    let now_us = state.now_us;
    let run = &state.runs[state.runners[at].order.run.as_str()];
    let (planned_us, grace_us) = (run.planned_us, run.graceful_stop_us);
    let runner = &mut state.runners[at];
    if let (Some(start), Some(after)) = (runner.start_at_us, runner.fate.dies_loading_us)
        && now_us >= start + after
    {
        return runner.die("killed by signal 9");
    }
    let told = runner.told_us.filter(|_| !runner.fate.deaf);
    let stopped = told.is_some_and(|told| now_us >= told + grace_us.min(2_000_000));
    let done = runner.start_at_us.is_some_and(|start| {
        now_us
            >= start
                .saturating_add(planned_us)
                .saturating_add(runner.fate.late_us)
    });
    if !stopped && !done {
        return;
    }
    // Until when a real one tries to store its report.
    let started_us = runner.start_at_us.unwrap_or(now_us);
    let latest_us = match told {
        Some(told) => told + grace_us.min(LONGEST_TOLD_STOP_US) + STORE_AFTER_STOP_US,
        None => started_us + planned_us + grace_us + STORE_UNTIL_US,
    };
    if state.is_out(Port::Objects) && now_us < latest_us {
        state.runners[at].keeps_report = true;
        return;
    }
    if std::mem::take(&mut state.runners[at].keeps_report) {
        state.hit(match state.is_out(Port::Objects) {
            true => "a runner handed its report over",
            false => "a runner kept its report and stored it later",
        });
    }
    let runner = &mut state.runners[at];
    runner.phase = RunnerPhase::Finished { exit: 0 };
    let order = &runner.order;
    let key = keys::report(&order.test, &order.prefix, &runner.runner, &order.region);
    let text = match runner.fate.report_broken {
        true => "<FinalStatus>".to_owned(),
        false => runner.report().to_xml(),
    };
    let lost = runner.fate.report_lost;
    let name = runner.runner.clone();
    state.tell(format!("{name} finished"));
    match (lost, state.is_out(Port::Objects)) {
        (true, _) => {}
        (false, false) => drop(state.objects.insert(key, text.into_bytes())),
        (false, true) => drop(state.held.insert(key, text.into_bytes())),
    }
}
