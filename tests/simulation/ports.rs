//! The simulated twin of each port. Any call may fail before its effect, or
//! after it, when only the answer is lost.

use crate::outages::Port;
use crate::runners::{Runner, settle};
use crate::state::{Shared, State, When, lock, passing};
use crate::world::Land;
use async_trait::async_trait;
use dlt_core::calls::RunsQuery;
use dlt_core::calls::answers::ScenarioListItem;
use dlt_core::ids::{Region, RunnerId, TestId, TestRunId};
use dlt_core::messages::order::{BootInstant, Role};
use dlt_core::routing::EnvironmentProxies;
use dlt_core::target_policy::TargetPolicy;
use dlt_pipeline::clock::Clock;
use dlt_pipeline::error::PipelineError;
use dlt_pipeline::executions::Executions;
use dlt_pipeline::fleet::{Fleet, LARGEST_BATCH, Launch, Launched, Place, RunnerStatus, Stop};
use dlt_pipeline::objects::{Access, Body, Listed, Objects, Stored, Verb, body_of, is_key};
use dlt_pipeline::runs::{Run, Runs, RunsFound};
use dlt_pipeline::scenarios::{ScenarioItem, Scenarios};
use dlt_pipeline::world::{Pace, Scripts, World};
use serde_json::Value;
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;
use tokio_stream::StreamExt as _;

/// A view of the simulated world.
#[derive(Clone)]
pub struct Sim(pub Shared);

impl Sim {
    /// All ports.
    pub fn world(&self) -> World {
        World {
            scenarios: Arc::new(self.clone()),
            runs: Arc::new(RunTable(self.clone())),
            objects: Arc::new(Bucket(self.clone())),
            regions: Arc::new(Land),
            schedules: Arc::new(self.clone()),
            fleet: Arc::new(self.clone()),
            live: Arc::new(self.clone()),
            executions: Arc::new(self.clone()),
            clock: Arc::new(self.clone()),
            pace: Pace::home(),
            depot: "simulated".to_owned(),
            cores: Some(4),
            targets: TargetPolicy::default(),
            scripts: Scripts::Allowed,
            proxies: EnvironmentProxies::default(),
        }
    }

    /// Does a port's work, unless the call fails before it; the answer is lost
    /// if it fails after.
    pub fn call<T>(
        &self,
        work: impl FnOnce(&mut State) -> Result<T, PipelineError>,
    ) -> Result<T, PipelineError> {
        let mut state = lock(&self.0);
        settle(&mut state);
        let probability = state.faults.port;
        let when = state.draw(probability);
        if when == When::Before {
            return Err(passing(&mut state.rng));
        }
        let done = work(&mut state)?;
        match when {
            When::After => Err(passing(&mut state.rng)),
            _ => Ok(done),
        }
    }
}

impl Sim {
    /// The same of a port of the store, which may be out.
    fn stored<T>(
        &self,
        port: Port,
        work: impl FnOnce(&mut State) -> Result<T, PipelineError>,
    ) -> Result<T, PipelineError> {
        lock(&self.0).refuse(port)?;
        self.call(work)
    }
}

impl Clock for Sim {
    fn now_us(&self) -> u64 {
        let state = lock(&self.0);
        state.now_us.saturating_add_signed(state.wall_offset_us)
    }

    fn boot(&self) -> Option<BootInstant> {
        let us = lock(&self.0).now_us;
        Some(BootInstant { boot: 1, us })
    }

    fn random(&self, bytes: &mut [u8]) -> Result<(), PipelineError> {
        let mut state = lock(&self.0);
        for byte in bytes {
            *byte = state.rng.next() as u8;
        }
        Ok(())
    }
}

#[async_trait]
impl Scenarios for Sim {
    async fn get(&self, test: &TestId) -> Result<Option<ScenarioItem>, PipelineError> {
        self.stored(Port::Scenarios, |state| {
            Ok(state.scenarios.get(test.as_str()).cloned())
        })
    }

    async fn put(&self, item: &ScenarioItem) -> Result<(), PipelineError> {
        self.stored(Port::Scenarios, |state| {
            let stored = state.scenarios.get(item.test.as_str());
            if stored.map_or(0, |stored| stored.version) != item.version {
                return Err(PipelineError::Conflict("older version".to_owned()));
            }
            let mut next = item.clone();
            next.version += 1;
            state.scenarios.insert(item.test.to_string(), next);
            Ok(())
        })
    }

    async fn list(&self) -> Result<Vec<ScenarioListItem>, PipelineError> {
        self.stored(Port::Scenarios, |state| {
            let mut rows: Vec<_> = state.scenarios.values().map(ScenarioItem::row).collect();
            rows.sort_by(|a, b| b.start_time.cmp(&a.start_time));
            Ok(rows)
        })
    }

    async fn delete(&self, item: &ScenarioItem) -> Result<(), PipelineError> {
        self.stored(Port::Scenarios, |state| {
            let stored = state.scenarios.get(item.test.as_str());
            if stored.is_some_and(|stored| stored.version != item.version) {
                return Err(PipelineError::Conflict("older version".to_owned()));
            }
            state.scenarios.remove(item.test.as_str());
            Ok(())
        })
    }
}

/// Runs; apart from scenarios, since both have a `get`.
#[derive(Clone)]
pub struct RunTable(pub Sim);

#[async_trait]
impl Runs for RunTable {
    async fn get(&self, test: &TestId, run: &TestRunId) -> Result<Option<Run>, PipelineError> {
        self.0.stored(Port::Runs, |state| {
            let found = state.runs.get(run.as_str());
            Ok(found.filter(|found| found.test == *test).cloned())
        })
    }

    async fn put(&self, run: &Run) -> Result<(), PipelineError> {
        self.0.stored(Port::Runs, |state| {
            let stored = state.runs.get(run.run.as_str()).cloned();
            if stored.as_ref().map_or(0, |stored| stored.version) != run.version {
                return Err(PipelineError::Conflict("older version".to_owned()));
            }
            let stored = stored.unwrap_or_else(|| run.clone());
            let (from, to) = (stored.record.status, run.record.status);
            // Within one change a run may pass through cleaning up.
            let through = to == dlt_core::run::Status::Complete;
            if !from.may_become(to) && !through {
                state.violate(format!("status {from} became {to}"));
            }
            if from.is_terminal() && stored.record != run.record {
                state.violate(format!("the record of a {from} run changed"));
            }
            if from != to {
                state.tell(format!("status {to}"));
            }
            if to.is_terminal() {
                state.ended_us.get_or_insert(state.now_us);
            }
            let mut next = run.clone();
            next.version += 1;
            state.runs.insert(run.run.to_string(), next);
            Ok(())
        })
    }

    async fn page(&self, test: &TestId, query: &RunsQuery) -> Result<RunsFound, PipelineError> {
        self.0.stored(Port::Runs, |state| {
            let mut found: Vec<&Run> = state
                .runs
                .values()
                .filter(|run| run.test == *test)
                .filter(|run| {
                    query
                        .from
                        .as_ref()
                        .is_none_or(|from| run.record.start_time >= *from)
                })
                .filter(|run| {
                    query
                        .to
                        .as_ref()
                        .is_none_or(|to| run.record.start_time <= *to)
                })
                .collect();
            found.sort_by(|a, b| b.record.start_time.cmp(&a.record.start_time));
            let total = found.len() as u64;
            let after = query.after.as_ref().map(|token| &token.test_run_id);
            let skip = match after {
                None => 0,
                Some(id) => found
                    .iter()
                    .position(|run| run.run == *id)
                    .map_or(0, |at| at + 1),
            };
            let rows = found.into_iter().skip(skip).take(query.limit);
            Ok(RunsFound {
                rows: rows.map(|run| run.record.row()).collect(),
                total,
            })
        })
    }

    async fn delete(&self, test: &TestId, runs: &[TestRunId]) -> Result<u64, PipelineError> {
        self.0.stored(Port::Runs, |state| {
            let before = state.runs.len();
            state
                .runs
                .retain(|_, run| run.test != *test || !runs.contains(&run.run));
            Ok((before - state.runs.len()) as u64)
        })
    }
}

/// Objects; apart from scenarios, since both have a `get`.
#[derive(Clone)]
pub struct Bucket(pub Sim);

#[async_trait]
impl Objects for Bucket {
    async fn read(&self, key: &str) -> Result<Option<Stored>, PipelineError> {
        check(key)?;
        let found = self.0.stored(Port::Objects, |state| {
            let object = state.objects.get(key);
            Ok(object.or_else(|| state.held.get(key)).cloned())
        })?;
        Ok(found.map(|bytes| Stored {
            bytes: bytes.len() as u64,
            body: body_of(bytes),
        }))
    }

    async fn write(
        &self,
        key: &str,
        mut body: Body,
        limit: u64,
        _: Access,
    ) -> Result<u64, PipelineError> {
        check(key)?;
        let mut bytes = Vec::new();
        while let Some(piece) = body.next().await {
            bytes.extend_from_slice(&piece?);
        }
        if bytes.len() as u64 > limit {
            return Err(PipelineError::Input(format!("{key} is too long")));
        }
        self.0.stored(Port::Objects, |state| {
            let old = state.objects.insert(key.to_owned(), bytes.clone());
            if key.ends_with("start.json") && old.is_some_and(|old| old != bytes) {
                state.violate("the start instant changed".to_owned());
            }
            Ok(bytes.len() as u64)
        })
    }

    async fn link(
        &self,
        key: &str,
        verb: Verb,
        _: Duration,
    ) -> Result<Option<String>, PipelineError> {
        check(key)?;
        Ok(Some(format!("https://simulated.example/{key}?{verb:?}")))
    }

    async fn list(&self, prefix: &str) -> Result<Vec<Listed>, PipelineError> {
        self.0.stored(Port::Objects, |state| {
            let all: BTreeMap<_, _> = state.held.iter().chain(&state.objects).collect();
            let found = all.into_iter().filter(|row| row.0.starts_with(prefix));
            Ok(found
                .map(|(key, bytes)| Listed {
                    key: key.clone(),
                    bytes: bytes.len() as u64,
                })
                .collect())
        })
    }

    async fn delete(&self, key: &str) -> Result<(), PipelineError> {
        check(key)?;
        self.0.stored(Port::Objects, |state| {
            state.objects.remove(key);
            state.held.remove(key);
            Ok(())
        })
    }

    async fn flush(&self) -> Result<(), PipelineError> {
        self.0.stored(Port::Objects, |state| {
            let held = std::mem::take(&mut state.held);
            state.objects.extend(held);
            Ok(())
        })
    }
}

fn check(key: &str) -> Result<(), PipelineError> {
    match is_key(key) {
        true => Ok(()),
        false => Err(PipelineError::Input(format!("{key:?} is no key"))),
    }
}

#[async_trait]
impl Fleet for Sim {
    async fn launch(&self, launch: &Launch) -> Result<Launched, PipelineError> {
        self.call(|state| {
            if !(1..=LARGEST_BATCH).contains(&launch.count) || launch.token.len() > 64 {
                state.violate(format!("no launch that AWS takes: {launch:?}"));
            }
            if launch.spare && launch.order.role == Role::Leader {
                state.violate("a leader is on capacity that may be taken back".to_owned());
            }
            if launch.order.runner.is_some() {
                state.violate("a runner's name was made up before it existed".to_owned());
            }
            let mut launched = Launched {
                runners: state.tokens.get(&launch.token).cloned().unwrap_or_default(),
                refused: Vec::new(),
            };
            for _ in launched.runners.len() as u64..launch.count {
                let probability = state.faults.refused;
                if state.rng.chance(probability) {
                    state.tell("a launch was refused".to_owned());
                    let reason = "capacity is unavailable at this time";
                    launched.refused.push(reason.to_owned());
                } else {
                    launched.runners.push(Runner::launch(state, &launch.order));
                }
            }
            let token = launch.token.clone();
            state.tokens.insert(token, launched.runners.clone());
            Ok(launched)
        })
    }

    async fn public_addresses(
        &self,
        of: &[&RunnerStatus],
    ) -> Result<BTreeMap<RunnerId, String>, PipelineError> {
        self.call(|_| {
            let rows = of.iter().enumerate();
            let address = |number: usize| format!("198.51.100.{}", number + 1);
            Ok(rows
                .map(|(number, seen)| (seen.runner.clone(), address(number)))
                .collect())
        })
    }

    async fn list(
        &self,
        test: &TestId,
        place: Place<'_>,
    ) -> Result<Vec<RunnerStatus>, PipelineError> {
        self.call(|state| {
            let ours = state.runners.iter();
            let ours = ours.filter(|r| r.order.test == *test && place.has(&r.order.region));
            Ok(ours.map(Runner::status).collect())
        })
    }

    async fn alive(&self, place: Place<'_>) -> Result<Vec<RunnerStatus>, PipelineError> {
        self.call(|state| {
            let alive = state.runners.iter();
            let alive = alive.filter(|r| r.alive() && place.has(&r.order.region));
            Ok(alive.map(Runner::status).collect())
        })
    }

    async fn stop(
        &self,
        run: &TestRunId,
        region: &Region,
        who: &[RunnerId],
        how: Stop,
    ) -> Result<(), PipelineError> {
        self.call(|state| {
            let now_us = state.now_us;
            for runner in &mut state.runners {
                let ours = runner.order.run == *run && runner.order.region == *region;
                if ours && who.contains(&runner.runner) && runner.alive() {
                    match how {
                        Stop::Gracefully => {
                            runner.told_us.get_or_insert(now_us);
                        }
                        Stop::AtOnce => runner.die("killed by signal 9"),
                    }
                }
            }
            Ok(())
        })
    }
}

#[async_trait]
impl Executions for Sim {
    async fn start(
        &self,
        name: &str,
        _: &TestId,
        _: &TestRunId,
        input: Value,
    ) -> Result<(), PipelineError> {
        self.stored(Port::Executions, |state| {
            if state.execution_names.insert(name.to_owned()) {
                state.queued.push((name.to_owned(), input));
            }
            Ok(())
        })
    }

    async fn goes_on(&self, name: &str) -> Result<Option<bool>, PipelineError> {
        self.stored(Port::Executions, |state| {
            Ok(state.execution_names.contains(name).then_some(true))
        })
    }
}
