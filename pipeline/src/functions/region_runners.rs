//! A region's runners while a run comes up: how many are asked for, who exists,
//! and what is missing. Launching and stopping them is `provision`'s.

use crate::error::PipelineError;
use crate::fleet::{RunnerPhase, RunnerStatus};
use crate::runs::Run;
use crate::world::World;
use dlt_core::ids::Region;
use dlt_core::load::share::Slice;
use dlt_core::messages::order::{EXIT_BAD_ORDER, Order, Role, WorkerAddress};
use dlt_core::scenario::plan::Tool;

/// How often a runner is launched on average, replacements included, before a
/// region makes do with those that it has.
const MOST_ATTEMPTS: u64 = 3;

/// What a runner that is not ready needs.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Need {
    /// Time.
    Patience,
    /// To be launched.
    Launch,
    /// To be ended, so that another can be launched.
    End,
    /// Nothing helps any more.
    GivenUp,
}

/// Whether a runner is alive and not ready for longer than it may take.
fn is_stuck(world: &World, run: &Run, runner: &RunnerStatus) -> bool {
    let stuck_us = world.pace_of(run).stuck_us;
    // A leader is ready later: when it has called all its workers, and made the requests before the
    // load.
    let patience_us = match runner.role {
        Role::Worker => stuck_us,
        Role::Leader => 2 * stuck_us + run.setup_us,
    };
    // A leader is not ready before it has said so, whatever its task is.
    let waits = runner.role == Role::Leader || !runner.is_ready();
    runner.alive && waits && runner.age_us(world.clock.as_ref()) > patience_us
}

/// Whether a runner said that what it was given cannot be done: another would say the same.
fn is_hopeless(runner: &RunnerStatus) -> bool {
    !runner.alive && runner.exit_code() == Some(EXIT_BAD_ORDER)
}

/// What a leader that has not said that it is ready needs.
pub(crate) fn need(world: &World, runners: &RegionRunners<'_>) -> Need {
    let launched = runners.launched(Role::Leader);
    match runners.leader() {
        None => Need::Launch,
        Some(leader) if is_hopeless(leader) => Need::GivenUp,
        Some(leader) if !leader.alive && launched < MOST_ATTEMPTS => Need::Launch,
        Some(leader) if !leader.alive => Need::GivenUp,
        Some(leader) if launched < MOST_ATTEMPTS && is_stuck(world, runners.run, leader) => {
            Need::End
        }
        Some(_) => Need::Patience,
    }
}

/// What runners of a role are told.
pub(crate) fn order(world: &World, run: &Run, region: &Region, role: Role) -> Order {
    // Runners that share one machine share its cores.
    let threads = world.cores.map(|cores| cores / run.tasks().max(1));
    Order {
        test: run.test.clone(),
        run: run.run.clone(),
        tool: Tool::parse(&run.record.test_type),
        file_type: run.file_type,
        region: region.clone(),
        prefix: run.prefix.clone(),
        role,
        depot: world.depot.clone(),
        hub: None,
        live: run.live,
        keep_exchanges: run.keep_exchanges,
        runner: None,
        threads: threads.and_then(|n| usize::try_from(n.max(1)).ok()),
        targets: world.targets.clone(),
        proxies: world.proxies.clone(),
    }
}

/// A region's runners.
pub(crate) struct RegionRunners<'a> {
    pub(crate) run: &'a Run,
    pub(crate) region: &'a Region,
    /// Runners asked for, the leader included.
    tasks: u64,
    /// Workers, in the order of their launches.
    pub(crate) workers: Vec<&'a RunnerStatus>,
    /// Leaders, the same; the last one counts.
    leaders: Vec<&'a RunnerStatus>,
}

impl<'a> RegionRunners<'a> {
    /// Those of `seen` that are the region's.
    pub(crate) fn of(
        run: &'a Run,
        region: &'a Region,
        seen: &'a [RunnerStatus],
    ) -> Result<Self, PipelineError> {
        let tasks = run
            .regions
            .iter()
            .find(|row| row.region == *region)
            .map(|row| row.tasks)
            .ok_or_else(|| PipelineError::Input(format!("the run has no region {region}")))?;
        let here = |role| {
            let here = seen.iter().filter(|seen| seen.region == *region);
            here.filter(|seen| seen.role == role).collect()
        };
        Ok(Self {
            run,
            region,
            tasks,
            workers: here(Role::Worker),
            leaders: here(Role::Leader),
        })
    }

    /// How many of a role are asked for.
    pub(crate) fn wanted(&self, role: Role) -> u64 {
        match role {
            Role::Worker => self.tasks.saturating_sub(1),
            Role::Leader => 1,
        }
    }

    /// How many of the first workers are on spare capacity: none where there was none.
    /// Who replaces one that was lost is not.
    pub(crate) fn spare_workers(&self) -> u64 {
        let spare = &self.run.spare;
        if spare.refused.contains(self.region) {
            return 0;
        }
        self.wanted(Role::Worker) * u64::from(spare.percent) / 100
    }

    /// How many of a role were launched so far.
    pub(crate) fn launched(&self, role: Role) -> u64 {
        match role {
            Role::Worker => self.workers.len() as u64,
            Role::Leader => self.leaders.len() as u64,
        }
    }

    /// The newest leader.
    pub(crate) fn leader(&self) -> Option<&'a RunnerStatus> {
        self.leaders.last().copied()
    }

    /// Workers that may be started, in the order of their shares; never more
    /// than are asked for.
    pub(crate) fn ready_workers(&self) -> Vec<WorkerAddress> {
        let ready = self.workers.iter().filter(|worker| worker.is_ready());
        let addresses = ready.filter_map(|worker| match &worker.phase {
            RunnerPhase::Ready { address } => Some(WorkerAddress {
                runner: worker.runner.clone(),
                address: address.clone(),
            }),
            _ => None,
        });
        let wanted = usize::try_from(self.wanted(Role::Worker)).unwrap_or(usize::MAX);
        addresses.take(wanted).collect()
    }

    /// How many workers are to be launched now.
    pub(crate) fn missing_workers(&self) -> u64 {
        if self.workers.iter().any(|worker| is_hopeless(worker)) {
            return 0;
        }
        let wanted = self.wanted(Role::Worker);
        let alive = self.workers.iter().filter(|worker| worker.alive).count() as u64;
        let left = (wanted * MOST_ATTEMPTS).saturating_sub(self.launched(Role::Worker));
        wanted.saturating_sub(alive).min(left)
    }

    /// Workers that will not become ready any more and can be replaced.
    pub(crate) fn stuck_workers(&self, world: &World) -> Vec<&'a RunnerStatus> {
        let stuck = self.workers.iter().copied();
        let replaceable = self.launched(Role::Worker) < self.wanted(Role::Worker) * MOST_ATTEMPTS;
        stuck
            .filter(|worker| replaceable && is_stuck(world, self.run, worker))
            .collect()
    }

    /// Whether a worker that is not ready may still become so.
    pub(crate) fn has_starting_workers(&self) -> bool {
        self.workers
            .iter()
            .any(|worker| worker.alive && !worker.is_ready())
    }

    /// The region's band of the run: regions follow one another.
    pub(crate) fn slice(&self) -> Slice {
        let before = self
            .run
            .regions
            .iter()
            .take_while(|row| row.region != *self.region);
        Slice {
            first: before.map(|row| row.tasks).sum(),
            count: self.tasks,
            of: self.run.tasks(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::runs::tests::example;

    #[test]
    fn a_share_of_the_workers_is_on_spare_capacity_where_there_is_some() {
        let mut run = example();
        run.regions[0].tasks = 12;
        let of = |run: &Run, at: usize| {
            let region = &run.regions[at].region;
            RegionRunners::of(run, region, &[]).unwrap().spare_workers()
        };
        assert_eq!(of(&run, 0), 0);
        run.spare.percent = 50;
        // Eleven workers; one alone is the leader.
        assert_eq!((of(&run, 0), of(&run, 1)), (5, 0));
        run.spare.percent = 100;
        assert_eq!(of(&run, 0), 11);
        run.spare.refused = vec![run.regions[0].region.clone()];
        assert_eq!(of(&run, 0), 0);
    }
}
