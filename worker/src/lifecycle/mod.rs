//! The sequence of a runner: order, rendezvous, load, report, exit code. Each
//! step stands in a module of its own; here are only their order and what ends
//! it early.

mod once;
mod preflight;
mod running;
mod under_load;

use crate::clock;
use crate::coordinator::deadlines::LoadDeadlines;
use crate::coordinator::peers::Peers;
use crate::coordinator::rendezvous::leader::{self, RegionWorkers};
use crate::coordinator::rendezvous::worker::{self, StartOutcome};
use crate::coordinator::rendezvous::{RendezvousError, StartDeadline};
use crate::coordinator::stop::{StopSignal, stop_requested};
use crate::coordinator::watchdog::Watchdog;
use crate::coordinator::{Coordinator, CoordinatorSpec, LoadActions};
use crate::depot::{Depot, DepotError};
use crate::engine::{self, Inputs, LoadError};
use crate::health::{self, cgroup::Cgroup, ecs};
use crate::output::{LineWriter, log};
use crate::report::{Finished, Handover, RunContext};
use crate::scripts::ScriptError;
use dlt_core::ids::RunnerId;
use dlt_core::keys;
use dlt_core::load::changes::LoadChange;
use dlt_core::messages::order::{Order, Role, Start};
use dlt_core::messages::report::Ended;
use dlt_core::messages::runner_line::RunnerLine;
use dlt_core::refusal::Faults;
use dlt_core::scenario::plan::{Phase, Plan, ScenarioValues};
use once::{OnceMaker, Teardown, hangs_at};
use running::{Prepared, begin_any, warm_up};
use std::sync::Arc;
use std::time::{Duration, Instant};
use tokio::sync::mpsc;
use under_load::{STORE_AFTER_STOP, UnderLoad};

// Times after planned end and graceful stop, as those of `LoadDeadlines`. At home a run is
// killed after 30 s.
/// Until when a leader whose own load is over waits for its workers.
const WAIT_FOR_WORKERS: Duration = Duration::from_secs(15);
/// When the watchdog ends a runner that still hangs.
const WATCHDOG_AFTER: Duration = Duration::from_secs(27);
/// Targets named in a sentence; the others are counted.
const MOST_TARGETS: usize = 3;

/// Why a runner stored no report.
#[derive(Debug, thiserror::Error)]
pub enum RunnerError {
    /// The order has no runner id.
    #[error("environment variable DLT_RUNNER is not set; a worker is started by dlt, not by hand")]
    NoRunnerId,
    /// The plan cannot be read.
    #[error("object {key} is not a plan: {why}")]
    Plan {
        /// Which object.
        key: String,
        /// All its faults.
        why: String,
    },
    /// An object is missing in the depot.
    #[error("object {0} is not in the depot; the run was not prepared as a worker needs it")]
    Missing(String),
    /// The depot failed.
    #[error(transparent)]
    Depot(#[from] DepotError),
    /// The runners did not meet.
    #[error(transparent)]
    Rendezvous(#[from] RendezvousError),
    /// A file that the plan names cannot be read by this runner.
    #[error(
        "{what} {path} of scenario {scenario:?} cannot be read: {why}; correct the path or make the file readable for this runner, then start the run again"
    )]
    File {
        /// What it is for, as the scenario names it.
        what: &'static str,
        /// Where it should be.
        path: String,
        /// The scenario that names it.
        scenario: String,
        /// What the system said.
        why: String,
    },
    /// The load could not begin.
    #[error(transparent)]
    Load(#[from] LoadError),
    /// A request before the load failed; with its sentence.
    #[error("{0}")]
    Setup(String),
    /// The script cannot be run.
    #[error(transparent)]
    Script(#[from] ScriptError),
    /// No load thread came back when it had to.
    #[error(
        "the load was told to stop and no thread of it did; no report is stored. This is a bug in dlt, please report it"
    )]
    Overdue,
}

impl RunnerError {
    /// The exit code of a runner that ends so.
    pub fn exit(&self) -> i32 {
        match self {
            Self::NoRunnerId | Self::Plan { .. } | Self::Setup(_) | Self::Script(_) => {
                crate::EXIT_BAD_ORDER
            }
            _ => crate::EXIT_COULD_NOT_RUN,
        }
    }
}

/// A start, and its instant.
type Started = (Start, Instant);
/// How runners met: the own start, the others, what was prepared, and the values of setup.
type Met = (Started, Peers, Prepared, Vec<ScenarioValues>);

/// A runner, ready to begin.
#[derive(Debug)]
pub struct Runner {
    /// What it has to do.
    pub order: Order,
    /// The task of ECS that it is in, if it is in one.
    pub task: Option<ecs::Task>,
    /// When the process began.
    pub process_start: Instant,
    /// How long to wait for the start, seconds.
    pub start_deadline_s: u64,
    /// Says when to stop.
    pub stop: StopSignal,
    /// Where lines go.
    pub lines: LineWriter,
    /// Ends a process that hangs.
    pub watchdog: Watchdog,
}

impl Runner {
    /// Runs to the end; returns the exit code. The last line is always written.
    pub async fn run(mut self) -> i32 {
        let Some(runner) = self.order.runner.clone() else {
            log(&RunnerError::NoRunnerId.to_string());
            return RunnerError::NoRunnerId.exit();
        };
        let (exit, report) = match self.meet_and_load(&runner).await {
            Ok(report) => (crate::EXIT_REPORTED, Some(report)),
            Err(error) => {
                log(&error.to_string());
                (error.exit(), None)
            }
        };
        self.lines.write(&RunnerLine::Finished {
            runner,
            exit,
            report,
        });
        exit
    }

    /// Meets the peers, makes the load and stores the report; returns its key.
    async fn meet_and_load(&mut self, runner: &RunnerId) -> Result<String, RunnerError> {
        let depot = Depot::of(&self.order).await?;
        let plan = Arc::new(self.read_plan(&depot).await?);
        // All runners wait for the requests that one of them makes before the load.
        self.start_deadline_s += plan.once_us(Phase::Setup).div_ceil(1_000_000);
        let limit = Duration::from_secs(self.start_deadline_s) + crate::WATCHDOG_MARGIN;
        self.watchdog.set_deadline(self.process_start + limit);
        let (mut stop, mut teardown) = (self.stop.clone(), Teardown::default());
        let met = tokio::select! {
            met = self.meet(&depot, runner, &plan, &mut teardown) => met,
            reason = stop_requested(&mut stop) => Ok(Err(Ended::Stopped { reason })),
        };
        let ended = match met {
            Ok(Ok((start, peers, prepared, given))) => {
                teardown.load_begins();
                let what = (Arc::new(Plan::clone(&plan).with_values(&given)), prepared);
                self.load(&depot, runner, what, (start, peers, &mut teardown))
                    .await
            }
            Ok(Err(ended)) => self.stopped_before(&depot, runner, ended).await,
            Err(error) => Err(error),
        };
        // Nothing is left of the time of a runner whose load did not end.
        if !matches!(ended, Err(RunnerError::Overdue)) {
            self.watchdog.set_deadline(hangs_at(&plan, &teardown));
            let maker = OnceMaker {
                order: &self.order,
                runner,
                plan: &plan,
                depot: &depot,
            };
            let is_told = stop.borrow().is_some();
            maker.after_the_load(&teardown, is_told).await;
        }
        ended
    }

    /// Stores the report of a runner that was stopped before its start; returns its key.
    async fn stopped_before(
        &self,
        depot: &Depot,
        runner: &RunnerId,
        ended: Ended,
    ) -> Result<String, RunnerError> {
        log("stopped before the start");
        let context = RunContext {
            ended: Some(ended),
            task: health::task_facts(&Cgroup::own(), self.task.as_ref(), self.process_start),
            ..RunContext::default()
        };
        let nothing = engine::LoadResult::default();
        let finished = Finished::new(&self.order, runner, nothing, context);
        let until = tokio::time::Instant::now() + STORE_AFTER_STOP;
        let handover = Handover::from_env();
        let stored = finished.store_until(depot, handover.as_ref(), || until);
        Ok(stored.await?)
    }

    async fn read_plan(&self, depot: &Depot) -> Result<Plan, RunnerError> {
        let key = keys::scenario(&self.order.test, &self.order.region);
        let bytes = fetch(depot, &key).await?;
        let bad_plan = |why: String| RunnerError::Plan {
            key: key.clone(),
            why,
        };
        let document =
            serde_json::from_slice(&bytes).map_err(|error| bad_plan(error.to_string()))?;
        Plan::from_document(&document).map_err(|faults: Faults| bad_plan(faults.to_string()))
    }

    /// Meets the peers; returns the own start and the peers, or why the run ended
    /// before its start. What is to be requested after the load stands in `teardown` then.
    async fn meet(
        &mut self,
        depot: &Depot,
        runner: &RunnerId,
        plan: &Arc<Plan>,
        teardown: &mut Teardown,
    ) -> Result<Result<Met, Ended>, RunnerError> {
        let deadline = StartDeadline::in_seconds(self.start_deadline_s);
        let prepared = self.prepare(depot, runner, plan).await?;
        let secret = fetch(depot, &keys::secret(&self.order.test, &self.order.prefix)).await?;
        match self.order.role {
            Role::Worker => self.await_start(runner, &secret, prepared, deadline).await,
            Role::Leader => {
                let maker = OnceMaker {
                    order: &self.order,
                    runner,
                    plan,
                    depot,
                };
                lead(&maker, &secret, prepared, (deadline, teardown)).await
            }
        }
    }

    /// All that a runner must have before it says that it is ready.
    async fn prepare(
        &self,
        depot: &Depot,
        runner: &RunnerId,
        plan: &Arc<Plan>,
    ) -> Result<Prepared, RunnerError> {
        if plan.script().is_some() {
            let script = preflight::script(plan, depot, &self.order, runner).await?;
            return Ok(Prepared::Script(script));
        }
        let files = preflight::read_files(plan, depot, &self.order.test).await?;
        let inputs = Arc::new(Inputs::of(plan, files)?);
        preflight::resolve_names(plan, &self.order.proxies).await;
        warm_up(&self.order, plan, &inputs).await;
        Ok(Prepared::Requests(inputs))
    }

    /// As a worker: says that it is ready, and waits for its leader's start.
    async fn await_start(
        &mut self,
        runner: &RunnerId,
        secret: &[u8],
        prepared: Prepared,
        deadline: StartDeadline,
    ) -> Result<Result<Met, Ended>, RunnerError> {
        let (host, port) = self.order.listens_at();
        let own = self.task.as_ref().and_then(|task| task.address.as_deref());
        let listener = worker::listen((own.unwrap_or(host), port)).await?;
        let address = listener
            .local_addr()
            .map_err(|source| RendezvousError::Io {
                what: "read the own address",
                source,
            })?;
        self.lines.write(&RunnerLine::Ready {
            runner: runner.clone(),
            region: self.order.region.clone(),
            address: address.to_string(),
        });
        let met = worker::await_start(listener, secret, runner, deadline).await?;
        Ok(match met {
            StartOutcome::Start {
                start,
                at,
                leader: connection,
                events,
                given,
            } => {
                let leader = Peers::Leader { connection, events };
                Ok(((start, at), leader, prepared, given))
            }
            StartOutcome::Stopped(ended) => Err(ended),
        })
    }

    /// Makes the load and stores the report; returns its key.
    async fn load(
        &mut self,
        depot: &Depot,
        runner: &RunnerId,
        (plan, prepared): (Arc<Plan>, Prepared),
        ((start, start_at), peers, teardown): (Started, Peers, &mut Teardown),
    ) -> Result<String, RunnerError> {
        let planned_us = plan.end_us();
        let graceful_us = plan.graceful_stop_us();
        let end = planned_end(&plan, start_at);
        self.watchdog.set_deadline(end + WATCHDOG_AFTER);
        let threads = match prepared {
            Prepared::Requests(_) => self.order.threads.unwrap_or_else(health::cores),
            // Its tool tells seconds as one.
            Prepared::Script(_) => 1,
        };
        // Stays small: each thread sends one second a second, read at once.
        let (sender, mut seconds) = mpsc::unbounded_channel();
        let (target, give_up_after_us) = (describe_targets(&plan), plan.give_up_after_us());
        let cgroup = Cgroup::own();
        let times = (threads, start_at);
        let load = begin_any(&self.order, (plan, prepared), start.lot(), times, sender).await?;
        let start_at = tokio::time::Instant::from_std(start_at);
        let under_load = UnderLoad::new(start, start_at, planned_us, graceful_us, threads, cgroup);
        let end = tokio::time::Instant::from_std(end);
        let deadlines = LoadDeadlines::after(end);
        let no_lines = LineWriter::to(Box::new(std::io::sink()));
        let mut coordinator = Coordinator::new(CoordinatorSpec {
            order: &self.order,
            runner,
            target,
            give_up_after_us,
            start: start_at,
            start_at_us: start.start_at_us,
            threads,
            lines: std::mem::replace(&mut self.lines, no_lines),
            peers,
            depot,
        });
        let mut stop = self.stop.clone();
        let stored = async {
            let stop_load = || {
                under_load.stopped.get_or_init(tokio::time::Instant::now);
                load.stop();
            };
            let change = |changes: &[LoadChange]| {
                under_load.change(changes);
                load.change(changes);
            };
            let act = LoadActions {
                stop: &stop_load,
                change: &change,
            };
            coordinator
                .load(&mut seconds, &mut stop, &act, deadlines)
                .await;
            let until = coordinator.give_up_at(deadlines);
            let done = load.finished_by(until).await.ok_or(RunnerError::Overdue)?;
            let result = done.load;
            // Time for which this process stood still is nobody's fault.
            let end = end + coordinator.stood_still;
            let mut context = under_load.context(&result, self.task.as_ref(), self.process_start);
            context.take_from(&mut coordinator);
            if let Some(script) = done.script {
                script.tell(&mut context);
                script.store_log(depot, &self.order, runner).await;
            }
            let finished = Finished::new(&self.order, runner, result, context);
            let key = under_load.store(finished, depot, &self.stop, end).await?;
            coordinator
                .wind_down(&mut stop, end + WAIT_FOR_WORKERS)
                .await;
            teardown.waits_until = Some(coordinator.waits_until(end + WAIT_FOR_WORKERS));
            Ok(key)
        }
        .await;
        self.lines = coordinator.into_lines();
        stored
    }
}

/// As a leader: calls the workers, makes the requests before the load where that is this region's, and
/// deals shares once the start is known.
async fn lead(
    maker: &OnceMaker<'_>,
    secret: &[u8],
    prepared: Prepared,
    (deadline, teardown): (StartDeadline, &mut Teardown),
) -> Result<Result<Met, Ended>, RunnerError> {
    let OnceMaker {
        order,
        runner,
        plan,
        depot,
    } = *maker;
    let Order {
        test,
        prefix,
        region,
        ..
    } = order;
    let key = keys::workers(test, prefix, region);
    let file = leader::read_workers(depot, &key, deadline).await?;
    let mut workers = RegionWorkers::connect(&file.workers, secret).await;
    let is_first = file.slice.first == 0;
    let has_setup = !plan.once(Phase::Setup).is_empty();
    let mut given = Vec::new();
    if let (true, Prepared::Requests(inputs)) = (is_first, &prepared) {
        *teardown = Teardown::of_first(file.others, inputs.clone());
        if has_setup {
            given = workers.while_busy(maker.set_up(inputs, deadline)).await?;
            teardown.is_set_up(&given);
        }
    }
    let ready = workers.leader_ready(runner);
    let ready = serde_json::to_vec(&ready).unwrap_or_default();
    let key = keys::leader_ready(test, prefix, region);
    depot.store_by(&key, ready, deadline.at()).await?;
    if has_setup && !is_first {
        let key = keys::setup(test, prefix);
        given = workers.await_values(depot, &key, deadline).await?;
    }
    let start = workers
        .await_start(depot, &keys::start(test, prefix), deadline)
        .await?;
    // Before anything can set the clock that it may be told by.
    let at = clock::instant_of(start.start_at_us, start.boot);
    if has_setup {
        workers.send_values(&given);
    }
    let own = workers.deal_shares(file.slice, start).await;
    Ok(Ok(((own, at), Peers::Workers(workers), prepared, given)))
}

/// When a load has to have ended; a start that lies in the past does not shorten it.
fn planned_end(plan: &Plan, start_at: Instant) -> Instant {
    let planned = Duration::from_micros(plan.end_us() + plan.graceful_stop_us());
    start_at.max(Instant::now()) + planned
}

async fn fetch(depot: &Depot, key: &str) -> Result<Vec<u8>, RunnerError> {
    depot
        .fetch(key)
        .await?
        .ok_or_else(|| RunnerError::Missing(key.to_owned()))
}

/// The targets of a plan, as a sentence names them.
fn describe_targets(plan: &Plan) -> String {
    let mut targets: Vec<String> = Vec::new();
    for step in plan.groups.iter().flat_map(|group| &group.steps) {
        let target = if step.host_is_fixed() {
            step.url.origin().ascii_serialization()
        } else {
            "hosts that variables name".to_owned()
        };
        if !targets.contains(&target) {
            targets.push(target);
        }
    }
    let more = targets.len().saturating_sub(MOST_TARGETS);
    targets.truncate(MOST_TARGETS);
    match more {
        0 => targets.join(", "),
        more => format!("{} and {more} more", targets.join(", ")),
    }
}

#[cfg(test)]
mod tests;
