//! Bringing a run up: workers, the quorum, each region's leader, the start.
//! Order (decision 1): a region's workers first, then exactly one leader, the
//! last runner launched. Waiting is the workflow's part.

use super::tasks::{Answer, Input};
use crate::error::PipelineError;
use crate::fleet::{self, Doing, LARGEST_BATCH, Launch, MOST_ATTEMPTS, Seen, Stop};
use crate::objects::Access;
use crate::runs::{self, Run};
use crate::world::World;
use dlt_core::ids::{Region, RunnerId};
use dlt_core::keys;
use dlt_core::load::share::Slice;
use dlt_core::messages::order::{LeaderReady, Order, Role, StartFile, WorkerAddress, WorkersFile};
use dlt_core::run::Status;
use serde::Serialize;

/// Most lost runners that a reason names.
const MOST_NAMED: usize = 3;

/// A region's runners: who is asked for, and what was last seen of each.
struct Crew<'a> {
    run: &'a Run,
    region: &'a Region,
    /// Workers in the order of their shares.
    workers: Vec<(RunnerId, Option<Seen>)>,
    leader: (RunnerId, Option<Seen>),
}

impl<'a> Crew<'a> {
    fn of(run: &'a Run, region: &'a Region, seen: &[Seen]) -> Result<Self, PipelineError> {
        let tasks = run
            .regions
            .iter()
            .find(|row| row.region == *region)
            .map(|row| row.tasks)
            .ok_or_else(|| PipelineError::Input(format!("the run has no region {region}")))?;
        let find = |n: u64| -> Result<(RunnerId, Option<Seen>), PipelineError> {
            let runner = Run::runner(region, n)?;
            let last = seen.iter().find(|seen| seen.runner == runner).cloned();
            Ok((runner, last))
        };
        Ok(Self {
            run,
            region,
            workers: (1..tasks).map(find).collect::<Result<_, _>>()?,
            leader: find(tasks)?,
        })
    }

    fn ready_workers(&self) -> Vec<WorkerAddress> {
        self.workers
            .iter()
            .filter_map(|(runner, seen)| match seen {
                Some(seen) if seen.is_ready() => match &seen.doing {
                    Doing::Ready { address } => Some(WorkerAddress {
                        runner: runner.clone(),
                        address: address.clone(),
                    }),
                    _ => None,
                },
                _ => None,
            })
            .collect()
    }

    fn launch(&self, world: &World, runner: &RunnerId, role: Role, attempt: u32) -> Launch {
        let run = self.run;
        // Runners that share one machine share its cores.
        let threads = world.cores.map(|cores| cores / run.tasks().max(1));
        Launch {
            runner: runner.clone(),
            attempt,
            order: Order {
                test: run.test.clone(),
                run: run.run.clone(),
                region: self.region.clone(),
                prefix: run.prefix.clone(),
                role,
                depot: world.depot.clone(),
                live: run.live,
                runner: Some(runner.clone()),
                threads: threads.and_then(|n| usize::try_from(n.max(1)).ok()),
            },
        }
    }

    /// The region's band of the run: regions follow one another.
    fn slice(&self) -> Slice {
        let before = self
            .run
            .regions
            .iter()
            .take_while(|row| row.region != *self.region);
        Slice {
            first: before.map(|row| row.tasks).sum(),
            count: self.workers.len() as u64 + 1,
            of: self.run.tasks(),
        }
    }
}

/// What a runner that is not ready needs.
#[derive(Debug, PartialEq, Eq)]
enum Need {
    /// Time.
    Patience,
    /// To be launched, as this attempt.
    Launch(u32),
    /// To be ended, so that it can be launched again.
    End,
    /// Nothing helps any more.
    GivenUp,
}

fn need(world: &World, seen: Option<&Seen>) -> Need {
    let Some(seen) = seen else {
        return Need::Launch(1);
    };
    // A leader is ready later: when it has called all its workers.
    let patience_us = match seen.role {
        Role::Worker => world.pace.stuck_us,
        Role::Leader => 2 * world.pace.stuck_us,
    };
    let stuck = world.clock.now_us() > seen.since_us + patience_us;
    match (seen.alive, seen.attempt < MOST_ATTEMPTS) {
        (false, true) => Need::Launch(seen.attempt + 1),
        (false, false) => Need::GivenUp,
        (true, true) if stuck => Need::End,
        (true, _) => Need::Patience,
    }
}

async fn load(world: &World, input: &Input) -> Result<(Run, Vec<Seen>), PipelineError> {
    let run = runs::need(world.runs.as_ref(), &input.test_run_id).await?;
    let seen = fleet::newest(world.fleet.as_ref(), &run.test, &run.run).await?;
    Ok((run, seen))
}

async fn put_json(
    world: &World,
    key: &str,
    value: &(impl Serialize + Sync),
) -> Result<(), PipelineError> {
    let bytes =
        serde_json::to_vec(value).map_err(|error| PipelineError::Other(error.to_string()))?;
    world.objects.put(key, &bytes, Access::Home).await
}

/// Launches in batches; keeps why a launch was refused for the reason later.
async fn launch_all(world: &World, run: &Run, launches: &[Launch]) -> Result<(), PipelineError> {
    for batch in launches.chunks(LARGEST_BATCH) {
        // A cancel or a failure since the last look: nothing new may begin.
        let now = runs::need(world.runs.as_ref(), &run.run).await?;
        if now.is_stopping() {
            return Ok(());
        }
        let refused = world.fleet.launch(batch).await?;
        if let Some(first) = refused.first() {
            let trouble = format!("{} could not be launched: {}", first.runner, first.reason);
            world
                .change(&run.run, &|run| {
                    run.launch_trouble = Some(trouble.clone());
                })
                .await?;
        }
        let launched = |launch: &&Launch| !refused.iter().any(|row| row.runner == launch.runner);
        for replaced in batch
            .iter()
            .filter(|launch| launch.attempt > 1)
            .filter(launched)
        {
            let note = format!(
                "runner {} is replaced, attempt {} of {MOST_ATTEMPTS}",
                replaced.runner, replaced.attempt
            );
            world.note(&run.run, note).await;
        }
    }
    Ok(())
}

/// task-runner: launches the region's missing workers.
pub async fn run_workers(world: &World, input: &Input) -> Result<Answer, PipelineError> {
    let now_us = world.clock.now_us();
    let run = world
        .change(&input.test_run_id, &|run| {
            if !run.is_stopping() {
                run.advance(Status::Provisioning);
                run.workers_began_us.get_or_insert(now_us);
            }
        })
        .await?;
    if run.is_stopping() {
        return Ok(Answer::go(world, "stop"));
    }
    let (run, seen) = load(world, input).await?;
    let crew = Crew::of(&run, input.region()?, &seen)?;
    let mut launches = Vec::new();
    let mut stuck = Vec::new();
    for (runner, seen) in &crew.workers {
        if seen.as_ref().is_some_and(Seen::is_ready) {
            continue;
        }
        match need(world, seen.as_ref()) {
            Need::Launch(attempt) => {
                launches.push(crew.launch(world, runner, Role::Worker, attempt));
            }
            Need::End => stuck.push(runner.clone()),
            Need::Patience | Need::GivenUp => {}
        }
    }
    if !stuck.is_empty() {
        world.fleet.stop(&run.run, &stuck, Stop::AtOnce).await?;
    }
    launch_all(world, &run, &launches).await?;
    Ok(Answer::go(world, "wait"))
}

/// task-status-checker: are the region's workers there, or as many as will be?
pub async fn workers_ready(world: &World, input: &Input) -> Result<Answer, PipelineError> {
    let (run, seen) = load(world, input).await?;
    if run.is_stopping() {
        return Ok(Answer::go(world, "stop"));
    }
    let crew = Crew::of(&run, input.region()?, &seen)?;
    let began_us = run.workers_began_us.unwrap_or(world.clock.now_us());
    if world.clock.now_us() >= began_us + world.pace.provisioning_us {
        return Ok(Answer::go(world, "go"));
    }
    let needs: Vec<Need> = crew
        .workers
        .iter()
        .filter(|(_, seen)| !seen.as_ref().is_some_and(Seen::is_ready))
        .map(|(_, seen)| need(world, seen.as_ref()))
        .filter(|need| *need != Need::GivenUp)
        .collect();
    let next = if needs.is_empty() {
        "go"
    } else if needs.iter().any(|need| *need != Need::Patience) {
        "launch"
    } else {
        "wait"
    };
    Ok(Answer::go(world, next))
}

/// Why so few runners are there, with the last words of some.
fn too_few(run: &Run, present: u64, seen: &[Seen]) -> PipelineError {
    let mut reason = format!(
        "only {present} of {} runners came up ({} % are needed)",
        run.tasks(),
        run.healthy_threshold
    );
    let mut causes: Vec<String> = seen
        .iter()
        .filter_map(|seen| {
            let how = match (&seen.doing, seen.role) {
                (Doing::Starting, Role::Worker) => "did not become ready".to_owned(),
                _ => seen.loss()?,
            };
            Some(format!("{} {how}", seen.runner))
        })
        .collect();
    causes.sort();
    causes.truncate(MOST_NAMED);
    if causes.is_empty() {
        causes.extend(run.launch_trouble.clone());
    }
    if !causes.is_empty() {
        reason = format!("{reason}: {}", causes.join("; "));
    }
    PipelineError::Provisioning(reason)
}

/// task-status-checker: the barrier. Over all regions, are enough workers there?
pub async fn quorum(world: &World, input: &Input) -> Result<Answer, PipelineError> {
    let (run, seen) = load(world, input).await?;
    if run.is_stopping() {
        return Ok(Answer::go(world, "stop"));
    }
    let mut present = 0;
    for region in &run.regions {
        // The leader, which is still to come, counts as there.
        present += 1 + Crew::of(&run, &region.region, &seen)?.ready_workers().len() as u64;
    }
    if !run.is_enough(present) {
        return Err(too_few(&run, present - run.regions.len() as u64, &seen));
    }
    let now_us = world.clock.now_us();
    world
        .change(&run.run, &|run| {
            run.leaders_began_us.get_or_insert(now_us);
        })
        .await?;
    Ok(Answer::go(world, "go"))
}

/// task-runner: names the workers to the leader, then launches it.
pub async fn run_leader(world: &World, input: &Input) -> Result<Answer, PipelineError> {
    let (run, seen) = load(world, input).await?;
    if run.is_stopping() {
        return Ok(Answer::go(world, "stop"));
    }
    let region = input.region()?;
    let crew = Crew::of(&run, region, &seen)?;
    let (leader, last) = &crew.leader;
    let alive = last.as_ref().is_some_and(|seen| seen.alive);
    if alive && leader_word(world, &run, region).await?.is_some() {
        return Ok(Answer::go(world, "wait"));
    }
    match need(world, last.as_ref()) {
        Need::Patience | Need::GivenUp => {}
        Need::End => {
            let who = std::slice::from_ref(leader);
            world.fleet.stop(&run.run, who, Stop::AtOnce).await?;
        }
        Need::Launch(attempt) => {
            dismiss_stragglers(world, &crew).await?;
            let file = WorkersFile {
                slice: crew.slice(),
                workers: crew.ready_workers(),
            };
            put_json(world, &keys::workers(&run.test, &run.prefix, region), &file).await?;
            if attempt > 1 {
                // What an earlier leader said holds no longer.
                let key = keys::leader_ready(&run.test, &run.prefix, region);
                world.objects.delete(&key).await?;
            }
            let launch = crew.launch(world, leader, Role::Leader, attempt);
            launch_all(world, &run, &[launch]).await?;
        }
    }
    Ok(Answer::go(world, "wait"))
}

/// Workers that did not come up in time must not come up later.
async fn dismiss_stragglers(world: &World, crew: &Crew<'_>) -> Result<(), PipelineError> {
    let late: Vec<(RunnerId, String)> = crew
        .workers
        .iter()
        .filter(|(_, seen)| !seen.as_ref().is_some_and(Seen::is_ready))
        .map(|(runner, seen)| {
            let loss = seen.as_ref().and_then(Seen::loss);
            (
                runner.clone(),
                loss.unwrap_or("was not ready in time".to_owned()),
            )
        })
        .collect();
    let who: Vec<RunnerId> = late.iter().map(|(runner, _)| runner.clone()).collect();
    if who.is_empty() {
        return Ok(());
    }
    world.fleet.stop(&crew.run.run, &who, Stop::AtOnce).await?;
    lose(world, crew.run, &late).await
}

/// Keeps lost runners with the run and tells watchers of the new ones.
pub(super) async fn lose(
    world: &World,
    run: &Run,
    lost: &[(RunnerId, String)],
) -> Result<(), PipelineError> {
    let new: Vec<&(RunnerId, String)> = lost
        .iter()
        .filter(|(runner, _)| !run.lost.contains_key(runner))
        .collect();
    if new.is_empty() {
        return Ok(());
    }
    world
        .change(&run.run, &|run| {
            for (runner, how) in &new {
                run.lost
                    .entry(runner.clone())
                    .or_insert_with(|| how.clone());
            }
        })
        .await?;
    for (runner, how) in new {
        let note = format!("runner {runner} was lost: {how}");
        world.note(&run.run, note).await;
    }
    Ok(())
}

async fn leader_word(
    world: &World,
    run: &Run,
    region: &Region,
) -> Result<Option<LeaderReady>, PipelineError> {
    let key = keys::leader_ready(&run.test, &run.prefix, region);
    match world.objects.get(&key).await? {
        None => Ok(None),
        Some(bytes) => serde_json::from_slice(&bytes)
            .map(Some)
            .map_err(|error| PipelineError::Other(format!("object {key} is unreadable: {error}"))),
    }
}

/// task-status-checker: does the region's leader hold its workers?
pub async fn leader_ready(world: &World, input: &Input) -> Result<Answer, PipelineError> {
    let (run, seen) = load(world, input).await?;
    if run.is_stopping() {
        return Ok(Answer::go(world, "stop"));
    }
    let region = input.region()?;
    let crew = Crew::of(&run, region, &seen)?;
    let (leader, last) = &crew.leader;
    let alive = last.as_ref().is_some_and(|seen| seen.alive);
    if alive && leader_word(world, &run, region).await?.is_some() {
        return Ok(Answer::go(world, "go"));
    }
    let began_us = run.leaders_began_us.unwrap_or(world.clock.now_us());
    let late = world.clock.now_us() >= began_us + world.pace.provisioning_us;
    match need(world, last.as_ref()) {
        Need::Launch(_) | Need::End if !late => Ok(Answer::go(world, "launch")),
        Need::Patience if !late => Ok(Answer::go(world, "wait")),
        _ => {
            let loss = last.as_ref().and_then(Seen::loss);
            let trouble = loss.or(run.launch_trouble.clone());
            Err(PipelineError::Provisioning(format!(
                "the leader of region {region}, {leader}, did not become ready{}",
                trouble.map_or(" in time".to_owned(), |how| format!(": {how}"))
            )))
        }
    }
}

/// task-status-checker: gives the one start instant of the whole run.
pub async fn start(world: &World, input: &Input) -> Result<Answer, PipelineError> {
    let (run, seen) = load(world, input).await?;
    if run.is_stopping() {
        return Ok(Answer::go(world, "stop"));
    }
    let mut present = 0;
    let mut lost = Vec::new();
    for region in &run.regions {
        let word = leader_word(world, &run, &region.region).await?;
        let Some(word) = word else {
            return Err(PipelineError::Provisioning(format!(
                "the leader of region {} withdrew its word",
                region.region
            )));
        };
        let leader = seen.iter().find(|seen| seen.runner == word.leader);
        if let Some(leader) = leader.filter(|leader| !leader.alive) {
            return Err(PipelineError::Provisioning(format!(
                "the leader of region {}, {}, was lost before the start: {}",
                region.region,
                leader.runner,
                leader.loss().unwrap_or("it ended".to_owned())
            )));
        }
        present += 1 + word.connected.len() as u64;
        for runner in word.unreachable {
            let seen = seen.iter().find(|seen| seen.runner == runner);
            let how = seen.and_then(Seen::loss);
            lost.push((
                runner,
                how.unwrap_or("its leader could not reach it".to_owned()),
            ));
        }
    }
    if !run.is_enough(present) {
        return Err(too_few(&run, present, &seen));
    }
    if !lost.is_empty() {
        // Nobody will ever start them.
        let who: Vec<RunnerId> = lost.iter().map(|(runner, _)| runner.clone()).collect();
        world.fleet.stop(&run.run, &who, Stop::AtOnce).await?;
        lose(world, &run, &lost).await?;
    }
    let instant_us = world.clock.now_us() + world.pace.start_ahead_us;
    // The instant is decided once, by a conditional write; the object follows.
    let run = world
        .change(&run.run, &|run| {
            if !run.is_stopping() {
                run.start_at_us.get_or_insert(instant_us);
                run.advance(Status::Running);
            }
        })
        .await?;
    let Some(start_at_us) = run.start_at_us.filter(|_| !run.is_stopping()) else {
        return Ok(Answer::go(world, "stop"));
    };
    let key = keys::start(&run.test, &run.prefix);
    put_json(world, &key, &StartFile { start_at_us }).await?;
    Ok(Answer::go(world, "wait"))
}
