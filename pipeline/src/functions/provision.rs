//! Bringing a run up: workers, the quorum, each region's leader, the start.
//! Order (decision 1): a region's workers first, then exactly one leader, the
//! last runner launched. Waiting is the workflow's part; who the runners are is
//! decided by the fleet, so everything here goes by counts and by the runners
//! that exist.

use crate::error::PipelineError;
use crate::fleet::{self, LARGEST_BATCH, Launch, RunnerPhase, RunnerStatus, Stop};
use crate::functions::dealt;
use crate::functions::decision::{Decision, Input};
use crate::functions::losses::{load, record_losses};
use crate::functions::once;
use crate::functions::public_addresses;
use crate::functions::region_runners::{Need, RegionRunners, need, order};
use crate::objects::Access;
use crate::runs::{self, Run};
use crate::world::World;
use dlt_core::ids::{Region, RunnerId};
use dlt_core::keys;
use dlt_core::messages::order::{LeaderReady, Role, StartFile, WorkersFile};
use dlt_core::run::Status;
use serde::Serialize;

/// Most lost runners that a reason names.
const MOST_NAMED: usize = 3;
/// A start nearer than this is missed, µs: leaders would learn of it too late.
const SHORTEST_AHEAD_US: u64 = 50_000;
/// Most runners that one call launches: what Fargate lets through at once; the
/// workflow then waits and calls again.
const MOST_LAUNCHED: u64 = 100;

async fn put_json(
    world: &World,
    key: &str,
    value: &(impl Serialize + Sync),
) -> Result<(), PipelineError> {
    let bytes =
        serde_json::to_vec(value).map_err(|error| PipelineError::Other(error.to_string()))?;
    world.objects.put(key, &bytes, Access::Home).await
}

/// Launches `count` more runners of a role in a region, in batches; keeps why
/// a launch was refused for the reason later. The tokens go by how many there
/// were before: a call that is repeated launches nobody twice.
async fn launch(
    world: &World,
    runners: &RegionRunners<'_>,
    role: Role,
    count: u64,
) -> Result<(), PipelineError> {
    let (run, region) = (runners.run, runners.region);
    let mut before = runners.launched(role);
    let mut left = count.min(MOST_LAUNCHED);
    while left > 0 {
        // A cancel or a failure since the last look: nothing new may begin. Nor
        // may anything once the start was given, should this call come late.
        let now = runs::need(world.runs.as_ref(), &run.test, &run.run).await?;
        if now.is_stopping() || now.start_at_us.is_some() {
            return Ok(());
        }
        // Those on spare capacity come first, in batches of their own.
        let spare_left = match role {
            Role::Worker => runners.spare_workers().saturating_sub(before),
            Role::Leader => 0,
        };
        let spare = spare_left > 0;
        let same_kind = if spare { left.min(spare_left) } else { left };
        let batch = same_kind.min(LARGEST_BATCH);
        let kind = match role {
            Role::Worker if spare => "s",
            Role::Worker => "w",
            Role::Leader => "l",
        };
        let launch = Launch {
            order: order(world, run, region, role),
            count: batch,
            spare,
            // Which launch this is: the same after a lost answer, another one after
            // a refusal.
            token: format!(
                "{}-{region}-{kind}{before}-{batch}-{}",
                run.run, now.refused_launches
            ),
        };
        let launched = match world.fleet.launch(&launch).await {
            Err(PipelineError::Throttled(why)) => {
                // Nobody was refused: it is the same launch, later, for as long as
                // runners may take to come up.
                let trouble = format!("launches in {region} had to wait: {why}");
                return keep_trouble(world, run, trouble).await;
            }
            launched => launched?,
        };
        if let Some(reason) = launched.refused.first() {
            if spare {
                use_usual_capacity(world, run, region, reason).await?;
                return Ok(());
            }
            let trouble = format!("a runner of {region} could not be launched: {reason}");
            world
                .change(&run.test, &run.run, &|run| {
                    run.launch_trouble = Some(trouble.clone());
                    run.refused_launches += 1;
                })
                .await?;
        }
        if before >= runners.wanted(role) {
            for runner in &launched.runners {
                let note = format!("runner {runner} was launched in place of one that was lost");
                world.note(run, note).await;
            }
        }
        if !launched.refused.is_empty() {
            // There is no room now; the next call asks for what is missing then.
            return Ok(());
        }
        before += batch;
        left -= batch;
    }
    Ok(())
}

/// Keeps why launches did not succeed at once, and tells it when it is new.
async fn keep_trouble(world: &World, run: &Run, trouble: String) -> Result<(), PipelineError> {
    let change = |run: &mut Run| run.launch_trouble = Some(trouble.clone());
    let before = run.launch_trouble.as_ref() == Some(&trouble);
    let after = world.change(&run.test, &run.run, &change).await?;
    if !before {
        world.note(&after, trouble).await;
    }
    Ok(())
}

/// A region has no spare capacity now: its other workers are launched on the usual
/// one, by the next call, and that is told.
async fn use_usual_capacity(
    world: &World,
    run: &Run,
    region: &Region,
    reason: &str,
) -> Result<(), PipelineError> {
    let after = world
        .change(&run.test, &run.run, &|run| {
            run.refused_launches += 1;
            if !run.spare.refused.contains(region) {
                run.spare.refused.push(region.clone());
            }
        })
        .await?;
    let note = format!("{region} has no spare capacity, its workers are on demand: {reason}");
    world.note(&after, note).await;
    Ok(())
}

/// task-runner: launches the region's missing workers.
pub async fn run_workers(world: &World, input: &Input) -> Result<Decision, PipelineError> {
    let run = world
        .change(&input.test_id, &input.test_run_id, &|run| {
            if !run.is_stopping() {
                run.advance(Status::Provisioning);
                let now_us = world.now_us(run);
                run.workers_began_us.get_or_insert(now_us);
            }
        })
        .await?;
    if run.is_stopping() {
        return Ok(Decision::go(world, "stop"));
    }
    if run.start_at_us.is_some() {
        // A call that comes late: the start was given.
        return Ok(Decision::go(world, "wait"));
    }
    let (run, seen) = load(world, input).await?;
    let runners = RegionRunners::of(&run, input.region()?, &seen)?;
    let stuck = runners.stuck_workers(world);
    if !stuck.is_empty() {
        fleet::stop(world.fleet.as_ref(), &run.run, stuck, Stop::AtOnce).await?;
    }
    let missing = runners.missing_workers();
    launch(world, &runners, Role::Worker, missing).await?;
    Ok(Decision::go(world, "wait"))
}

/// task-status-checker: are the region's workers there, or as many as will be?
pub async fn workers_ready(world: &World, input: &Input) -> Result<Decision, PipelineError> {
    let (run, seen) = load(world, input).await?;
    if run.is_stopping() {
        return Ok(Decision::go(world, "stop"));
    }
    let runners = RegionRunners::of(&run, input.region()?, &seen)?;
    let now_us = world.now_us(&run);
    let began_us = run.workers_began_us.unwrap_or(now_us);
    let late = now_us >= began_us + world.pace_of(&run).provisioning_us;
    let next = if late || runners.ready_workers().len() as u64 >= runners.wanted(Role::Worker) {
        "go"
    } else if runners.missing_workers() > 0 || !runners.stuck_workers(world).is_empty() {
        "launch"
    } else if runners.has_starting_workers() {
        "wait"
    } else {
        "go"
    };
    Ok(Decision::go(world, next))
}

/// Why so few runners are there, with the last words of some.
fn too_few(run: &Run, present: u64, seen: &[RunnerStatus]) -> PipelineError {
    let mut reason = format!(
        "only {present} of {} runners came up ({} % are needed)",
        run.tasks(),
        run.healthy_threshold
    );
    let mut causes: Vec<String> = seen
        .iter()
        .filter_map(|seen| {
            let how = match (&seen.phase, seen.role) {
                (RunnerPhase::Starting, Role::Worker) => "did not become ready".to_owned(),
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
pub async fn quorum(world: &World, input: &Input) -> Result<Decision, PipelineError> {
    let (run, seen) = load(world, input).await?;
    if run.is_stopping() {
        return Ok(Decision::go(world, "stop"));
    }
    let mut present = 0;
    for region in &run.regions {
        let runners = RegionRunners::of(&run, &region.region, &seen)?;
        // The leader, which is still to come, counts as there.
        present += 1 + runners.ready_workers().len() as u64;
    }
    if !run.is_enough(present) {
        return Err(too_few(&run, present - run.regions.len() as u64, &seen));
    }
    let now_us = world.now_us(&run);
    world
        .change(&run.test, &run.run, &|run| {
            run.leaders_began_us.get_or_insert(now_us);
        })
        .await?;
    Ok(Decision::go(world, "go"))
}

/// task-runner: names the workers to the leader, then launches it.
pub async fn run_leader(world: &World, input: &Input) -> Result<Decision, PipelineError> {
    let (run, seen) = load(world, input).await?;
    if run.is_stopping() {
        return Ok(Decision::go(world, "stop"));
    }
    let region = input.region()?;
    let runners = RegionRunners::of(&run, region, &seen)?;
    // Given is given: a call that comes late must neither stop nor replace anyone.
    let started = run.start_at_us.is_some();
    if started || is_held_together(world, &run, &runners).await? {
        return Ok(Decision::go(world, "wait"));
    }
    match need(world, &runners) {
        Need::Patience | Need::GivenUp => {}
        Need::End => {
            let leader = runners.leader();
            fleet::stop(world.fleet.as_ref(), &run.run, leader, Stop::AtOnce).await?;
        }
        Need::Launch => {
            dismiss_stragglers(world, &runners).await?;
            let file = WorkersFile {
                slice: runners.slice(),
                workers: runners.ready_workers(),
                others: once::others(&run, region),
            };
            put_json(world, &keys::workers(&run.test, &run.prefix, region), &file).await?;
            if runners.leader().is_some() {
                // What an earlier leader said holds no longer.
                let key = keys::leader_ready(&run.test, &run.prefix, region);
                world.objects.delete(&key).await?;
            }
            launch(world, &runners, Role::Leader, 1).await?;
        }
    }
    Ok(Decision::go(world, "wait"))
}

/// Workers that did not come up in time must not come up later, nor may those
/// that are more than were asked for.
async fn dismiss_stragglers(
    world: &World,
    runners: &RegionRunners<'_>,
) -> Result<(), PipelineError> {
    let (run, named) = (runners.run, runners.ready_workers());
    let others: Vec<&RunnerStatus> = runners
        .workers
        .iter()
        .copied()
        .filter(|worker| !named.iter().any(|row| row.runner == worker.runner))
        .collect();
    let alive = others.iter().copied().filter(|worker| worker.alive);
    fleet::stop(world.fleet.as_ref(), &run.run, alive, Stop::AtOnce).await?;
    let late: Vec<(RunnerId, String)> = others
        .iter()
        .filter(|worker| !worker.is_ready())
        .map(|worker| {
            let loss = worker.loss();
            let how = loss.unwrap_or("was not ready in time".to_owned());
            (worker.runner.clone(), how)
        })
        .collect();
    record_losses(world, run, &late).await
}

/// Whether the region's leader is alive and has said that it holds its workers.
async fn is_held_together(
    world: &World,
    run: &Run,
    runners: &RegionRunners<'_>,
) -> Result<bool, PipelineError> {
    let Some(leader) = runners.leader().filter(|leader| leader.alive) else {
        return Ok(false);
    };
    let word = leader_word(world, run, runners.region).await?;
    Ok(word.is_some_and(|word| word.leader == leader.runner))
}

/// What a region's leader said of its workers.
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
pub async fn leader_ready(world: &World, input: &Input) -> Result<Decision, PipelineError> {
    let (run, seen) = load(world, input).await?;
    if run.is_stopping() {
        return Ok(Decision::go(world, "stop"));
    }
    let region = input.region()?;
    let runners = RegionRunners::of(&run, region, &seen)?;
    if is_held_together(world, &run, &runners).await? {
        return Ok(Decision::go(world, "go"));
    }
    once::refuse_failed(world, &run).await?;
    let now_us = world.now_us(&run);
    let began_us = run.leaders_began_us.unwrap_or(now_us);
    let late = now_us >= began_us + world.pace_of(&run).provisioning_us + run.setup_us;
    match need(world, &runners) {
        Need::Launch | Need::End if !late => Ok(Decision::go(world, "launch")),
        Need::Patience if !late => Ok(Decision::go(world, "wait")),
        _ => {
            let leader = runners.leader();
            let name = leader.map_or(String::new(), |leader| format!(", {},", leader.runner));
            let loss = leader.and_then(RunnerStatus::loss);
            let trouble = loss.or(run.launch_trouble.clone());
            Err(PipelineError::Provisioning(format!(
                "the leader of region {region}{name} did not become ready{}",
                trouble.map_or(" in time".to_owned(), |how| format!(": {how}"))
            )))
        }
    }
}

/// task-status-checker: gives the one start instant of the whole run.
pub async fn start(world: &World, input: &Input) -> Result<Decision, PipelineError> {
    let (run, seen) = load(world, input).await?;
    if run.is_stopping() {
        return Ok(Decision::go(world, "stop"));
    }
    let mut dealt = Vec::new();
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
        let here = word.connected.into_iter().chain([word.leader]);
        dealt.extend(here.map(|runner| (runner, region.region.clone())));
        lost.extend(word.unreachable);
    }
    let present = dealt.len() as u64;
    if !run.is_enough(present) {
        return Err(too_few(&run, present, &seen));
    }
    if run.start_at_us.is_none() {
        // Before the start, and not again after it: a leader's word may be gone by
        // then.
        dealt::keep(world, &run, &dealt).await?;
        let loading: Vec<_> = seen
            .iter()
            .filter(|seen| dealt.iter().any(|(runner, _)| *runner == seen.runner))
            .collect();
        public_addresses::keep(world, &run, &loading).await?;
    }
    give_up_unreachable(world, &run, &seen, &lost).await?;
    let key = keys::start(&run.test, &run.prefix);
    // Nobody has seen an instant that was decided and not written, as when the store
    // was out between the two: one that is over is decided anew, or no load would be
    // made before now.
    let is_written = world.objects.read(&key).await?.is_some();
    let now_us = world.now_us(&run);
    let instant_us = now_us + world.pace_of(&run).start_ahead_of(present);
    // The instant is decided once, by a conditional write; the object follows.
    let run = world
        .change(&run.test, &run.run, &|run| {
            if !run.is_stopping() {
                let missed = |at_us: u64| !is_written && at_us < now_us + SHORTEST_AHEAD_US;
                run.start_at_us = match run.start_at_us {
                    Some(at_us) if !missed(at_us) => Some(at_us),
                    _ => Some(instant_us),
                };
                run.advance(Status::Running);
            }
        })
        .await?;
    let Some(start_at_us) = run.start_at_us.filter(|_| !run.is_stopping()) else {
        return Ok(Decision::go(world, "stop"));
    };
    let boot = run.clock.and_then(|clock| clock.on_boot(start_at_us));
    put_json(world, &key, &StartFile { start_at_us, boot }).await?;
    Ok(Decision::go(world, "wait"))
}

/// Workers that their leader could not reach: nobody will ever start them.
async fn give_up_unreachable(
    world: &World,
    run: &Run,
    seen: &[RunnerStatus],
    unreachable: &[RunnerId],
) -> Result<(), PipelineError> {
    let who = seen
        .iter()
        .filter(|seen| unreachable.contains(&seen.runner));
    fleet::stop(world.fleet.as_ref(), &run.run, who, Stop::AtOnce).await?;
    let lost: Vec<(RunnerId, String)> = unreachable
        .iter()
        .map(|runner| {
            let seen = seen.iter().find(|seen| seen.runner == *runner);
            let how = seen.and_then(RunnerStatus::loss);
            let how = how.unwrap_or("its leader could not reach it".to_owned());
            (runner.clone(), how)
        })
        .collect();
    record_losses(world, run, &lost).await
}
