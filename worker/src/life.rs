//! One runner's life: order, meeting, load, report. Each step stands in a
//! module of its own; here is only their sequence and what ends it early.

mod preflight;

use crate::clock;
use crate::conduct::{Company, Conduct, Limits, Overdue, StopSignal, signalled};
use crate::depot::{Depot, DepotError};
use crate::engine::{self, Inputs, LoadError, LoadSpec};
use crate::health::{self, Usage, cgroup::Cgroup};
use crate::rendezvous::leader::{self, Team};
use crate::rendezvous::worker::{self, Met};
use crate::rendezvous::{Deadline, MeetError};
use crate::report::{self, Around};
use crate::say::{Lines, talk};
use crate::watchdog::Watchdog;
use dlt_core::ids::RunnerId;
use dlt_core::keys;
use dlt_core::load::share::Lot;
use dlt_core::messages::order::{Order, Role, Start};
use dlt_core::messages::report::Ended;
use dlt_core::messages::runner_line::RunnerLine;
use dlt_core::refusal::Faults;
use dlt_core::scenario::plan::Plan;
use std::sync::Arc;
use std::time::{Duration, Instant};
use tokio::sync::mpsc;

// After planned end and graceful stop. At home a run is killed after 30 s.
/// When a load that goes on is told to stop; that takes it up to 15 s.
const OVERRUN: Duration = Duration::from_secs(7);
/// Until when a leader whose own load is over waits for the others.
const AFTER_END: Duration = Duration::from_secs(15);
/// When a load that was told to stop and goes on is given up.
const OVERDUE: Duration = Duration::from_secs(24);
/// When the watchdog ends what still hangs.
const LAST_RESORT: Duration = Duration::from_secs(27);
/// Targets named in a sentence; the rest is counted.
const MOST_ORIGINS: usize = 3;

/// Why a runner stored no report.
#[derive(Debug, thiserror::Error)]
pub enum LifeError {
    /// The order names no runner.
    #[error("environment variable DLT_RUNNER is not set; a worker is started by dlt, not by hand")]
    Nameless,
    /// The plan is not one.
    #[error("object {key} is not a plan: {why}")]
    Plan {
        /// Which object.
        key: String,
        /// All its faults.
        why: String,
    },
    /// An object is missing.
    #[error("object {0} is not in the depot; the run was not prepared as a worker needs it")]
    Missing(String),
    /// The depot failed.
    #[error(transparent)]
    Depot(#[from] DepotError),
    /// The runners did not meet.
    #[error(transparent)]
    Meet(#[from] MeetError),
    /// A file that the plan names is not there for this runner.
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
    /// The load did not end.
    #[error(transparent)]
    Overdue(#[from] Overdue),
}

impl LifeError {
    /// The exit code that says so.
    pub fn exit(&self) -> i32 {
        match self {
            Self::Nameless | Self::Plan { .. } => crate::EXIT_BAD_ORDER,
            _ => crate::EXIT_COULD_NOT_RUN,
        }
    }
}

/// What a life begins with.
#[derive(Debug)]
pub struct Life {
    /// What is to be done.
    pub order: Order,
    /// When the process began.
    pub born: Instant,
    /// How long to wait for the start, seconds.
    pub start_deadline_s: u64,
    /// Says when to stop.
    pub signal: StopSignal,
    /// Where lines go.
    pub lines: Lines,
    /// Ends what hangs.
    pub watchdog: Watchdog,
}

impl Life {
    /// Lives it; the exit code. The last line is said in any case.
    pub async fn live(mut self) -> i32 {
        let Some(runner) = self.order.runner.clone() else {
            talk(&LifeError::Nameless.to_string());
            return LifeError::Nameless.exit();
        };
        let (exit, report) = match self.run(&runner).await {
            Ok(report) => (crate::EXIT_REPORTED, Some(report)),
            Err(error) => {
                talk(&error.to_string());
                (error.exit(), None)
            }
        };
        self.lines.say(&RunnerLine::Finished {
            runner,
            exit,
            report,
        });
        exit
    }

    async fn run(&mut self, runner: &RunnerId) -> Result<String, LifeError> {
        let depot = Depot::open(&self.order.depot)?;
        let plan = Arc::new(self.plan(&depot).await?);
        let mut signal = self.signal.clone();
        let met = tokio::select! {
            met = self.meet(&depot, runner, &plan) => met?,
            reason = signalled(&mut signal) => Err(Ended::Stopped { reason }),
        };
        match met {
            Ok((start, company, inputs)) => {
                let what = (plan, Arc::new(inputs));
                self.load(&depot, runner, what, start, company).await
            }
            Err(ended) => {
                talk("stopped before the start");
                let around = Around {
                    ended: Some(ended),
                    task: health::task_facts(&Cgroup::own(), self.born),
                    ..Around::default()
                };
                let nothing = engine::LoadResult::default();
                Ok(report::store(&depot, &self.order, runner, nothing, around).await?)
            }
        }
    }

    async fn plan(&self, depot: &Depot) -> Result<Plan, LifeError> {
        let key = keys::scenario(&self.order.test, &self.order.region);
        let bytes = fetch(depot, &key).await?;
        let wrong = |why: String| LifeError::Plan {
            key: key.clone(),
            why,
        };
        let document = serde_json::from_slice(&bytes).map_err(|error| wrong(error.to_string()))?;
        Plan::from_document(&document).map_err(|faults: Faults| wrong(faults.to_string()))
    }

    /// Meets the others: the own start and the company, or why there is none.
    async fn meet(
        &mut self,
        depot: &Depot,
        runner: &RunnerId,
        plan: &Plan,
    ) -> Result<Result<(Start, Company, Inputs), Ended>, LifeError> {
        let Order {
            test,
            prefix,
            region,
            ..
        } = &self.order;
        let deadline = Deadline::in_seconds(self.start_deadline_s);
        // Who says that it is ready, is.
        let files = preflight::files(plan, depot, test).await?;
        let inputs = Inputs::of(plan, files)?;
        preflight::names(plan).await;
        let secret = fetch(depot, &keys::secret(test, prefix)).await?;
        match self.order.role {
            Role::Worker => {
                let listener = worker::listen().await?;
                let address = listener.local_addr().map_err(|source| MeetError::Io {
                    what: "read the own address",
                    source,
                })?;
                self.lines.say(&RunnerLine::Ready {
                    runner: runner.clone(),
                    region: region.clone(),
                    address: address.to_string(),
                });
                Ok(
                    match worker::meet(listener, &secret, runner, deadline).await? {
                        Met::Start {
                            start,
                            leader,
                            events,
                        } => Ok((start, Company::Led { leader, events }, inputs)),
                        Met::Stopped(ended) => Err(ended),
                    },
                )
            }
            Role::Leader => {
                let file =
                    leader::workers(depot, &keys::workers(test, prefix, region), deadline).await?;
                let mut team = Team::call(&file.workers, &secret).await;
                let ready = serde_json::to_vec(&team.ready(runner)).unwrap_or_default();
                depot
                    .store(&keys::leader_ready(test, prefix, region), ready)
                    .await?;
                let start = team
                    .await_start(depot, &keys::start(test, prefix), deadline)
                    .await?;
                let own = team.deal(file.slice, start.start_at_us).await;
                Ok(Ok((own, Company::Leads(team), inputs)))
            }
        }
    }

    /// Makes the load and stores what came of it; the report's key.
    async fn load(
        &mut self,
        depot: &Depot,
        runner: &RunnerId,
        (plan, inputs): (Arc<Plan>, Arc<Inputs>),
        start: Start,
        company: Company,
    ) -> Result<String, LifeError> {
        let begins = clock::instant_at(start.start_at_us);
        let planned = Duration::from_micros(plan.end_us() + plan.graceful_stop_us());
        // A start that lies in the past does not shorten the load's own time.
        let ends = begins.max(Instant::now()) + planned;
        self.watchdog.wait_until(ends + LAST_RESORT);
        let threads = self.order.threads.unwrap_or_else(health::cores);
        // Stays small: each thread says one second a second, taken at once.
        let (sender, mut seconds) = mpsc::unbounded_channel();
        let target = origins(&plan);
        let spec = LoadSpec {
            plan,
            inputs,
            lot: Lot {
                slice: start.slice,
                share: start.share,
            },
            threads,
            start: begins,
        };
        let cgroup = Cgroup::own();
        // Beside the event loop, which has to answer the others meanwhile.
        let load = tokio::task::spawn_blocking(move || engine::begin(spec, sender))
            .await
            .map_err(|broken| LoadError(broken.to_string()))??;
        let before = Usage::now(&cgroup);
        let lines = std::mem::replace(&mut self.lines, Lines::to(Box::new(std::io::sink())));
        let begins = tokio::time::Instant::from_std(begins);
        let ends = tokio::time::Instant::from_std(ends);
        let limits = Limits {
            overrun: ends + OVERRUN,
            overdue: ends + OVERDUE,
        };
        let mut conduct =
            Conduct::new(&self.order, runner, target, begins, threads, lines, company);
        let mut signal = self.signal.clone();
        let stored = async {
            conduct
                .load(&mut seconds, &mut signal, &|| load.stop(), limits)
                .await?;
            let result = tokio::time::timeout_at(limits.overdue, load.finished())
                .await
                .map_err(|_| Overdue)?;
            let mut around = Around {
                start: Some(start),
                threads: threads as u64,
                before,
                after: Usage::now(&cgroup),
                wall: tokio::time::Instant::now().saturating_duration_since(begins),
                memory_limit_bytes: cgroup.memory_limit_bytes(),
                task: health::task_facts(&cgroup, self.born),
                ..Around::default()
            };
            around.conducted(&mut conduct);
            let key = report::store(depot, &self.order, runner, result, around).await?;
            conduct.wind_down(&mut signal, ends + AFTER_END).await;
            Ok(key)
        }
        .await;
        self.lines = conduct.into_lines();
        stored
    }
}

async fn fetch(depot: &Depot, key: &str) -> Result<Vec<u8>, LifeError> {
    depot
        .fetch(key)
        .await?
        .ok_or_else(|| LifeError::Missing(key.to_owned()))
}

/// The targets of a plan, for a sentence.
fn origins(plan: &Plan) -> String {
    let mut origins: Vec<String> = Vec::new();
    for step in plan.groups.iter().flat_map(|group| &group.steps) {
        let origin = match step.host_is_fixed() {
            true => step.url.origin().ascii_serialization(),
            false => "hosts that variables name".to_owned(),
        };
        if !origins.contains(&origin) {
            origins.push(origin);
        }
    }
    let more = origins.len().saturating_sub(MOST_ORIGINS);
    origins.truncate(MOST_ORIGINS);
    match more {
        0 => origins.join(", "),
        more => format!("{} and {more} more", origins.join(", ")),
    }
}

#[cfg(test)]
mod tests;
