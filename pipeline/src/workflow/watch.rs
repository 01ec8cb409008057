//! Watching a run: is the way free, does it still run, is it gone, how does it
//! end. Also the canceler's three jobs. Waiting is the workflow's part.

use super::provision::lose;
use super::tasks::{Answer, Caught, Input};
use crate::error::PipelineError;
use crate::fleet::{self, Seen, Stop};
use crate::runs::{self, Run};
use crate::scenarios;
use crate::world::{World, stamp};
use dlt_core::ids::{RunnerId, TestId};
use dlt_core::keys;
use dlt_core::messages::order::LONGEST_TOLD_STOP_US;
use dlt_core::run::Status;
use serde_json::{Value, json};

async fn load(world: &World, input: &Input) -> Result<(Run, Vec<Seen>), PipelineError> {
    let run = runs::need(world.runs.as_ref(), &input.test_run_id).await?;
    let seen = fleet::newest(world.fleet.as_ref(), &run.test, &run.run).await?;
    Ok((run, seen))
}

/// The input of a run's execution number `part`; from the second on it goes on
/// with a run that is running.
pub fn execution_input(run: &Run, part: u64, poll_s: u64) -> Value {
    let regions: Vec<Value> = run
        .regions
        .iter()
        .map(|region| json!({ "region": region.region, "taskCount": region.tasks }))
        .collect();
    let mut input = json!({
        "testId": run.test,
        "testRunId": run.run,
        "prefix": run.prefix,
        "testTaskConfig": regions,
        "part": part,
    });
    if part > 1 {
        input["resume"] = json!("running");
        input["check"] = json!({ "next": "wait", "waitSeconds": poll_s, "cycle": 0 });
    }
    input
}

/// The name of a run's execution number `part` (api-behaviour.md 1).
pub fn execution_name(run: &Run, part: u64) -> String {
    match part {
        1 => format!("scenario-{}-run-{}", run.test, run.run),
        part => format!("scenario-{}-run-{}-part-{part}", run.test, run.run),
    }
}

/// task-status-checker: nothing else runs for this test?
pub async fn idle(world: &World, input: &Input) -> Result<Answer, PipelineError> {
    let run = runs::need(world.runs.as_ref(), &input.test_run_id).await?;
    if run.is_stopping() {
        return Ok(Answer::go(world, "stop"));
    }
    let seen = world.fleet.list(&run.test).await?;
    match seen.iter().find(|seen| seen.alive && seen.run != run.run) {
        None => Ok(Answer::go(world, "go")),
        Some(other) => Err(PipelineError::Busy {
            test: run.test.to_string(),
            run: other.run.to_string(),
        }),
    }
}

/// task-status-checker: does it still run?
pub async fn running(world: &World, input: &Input) -> Result<Answer, PipelineError> {
    let (run, seen) = load(world, input).await?;
    let mut lost = Vec::new();
    for (runner, _) in run.expected()? {
        let how = match seen.iter().find(|seen| seen.runner == runner) {
            None => Some("it can no longer be found".to_owned()),
            Some(seen) => seen.loss(),
        };
        lost.extend(how.map(|how| (runner, how)));
    }
    lose(world, &run, &lost).await?;
    let cycle = input.cycle.unwrap_or(0) + 1;
    let start_at_us = run.start_at_us.unwrap_or(0);
    let overdue_us = start_at_us + run.planned_us + run.graceful_stop_us + world.pace.overdue_us;
    let next = if run.is_stopping() {
        "stop"
    } else if !seen.iter().any(|seen| seen.alive) {
        "done"
    } else if world.clock.now_us() >= overdue_us {
        let late: Vec<(RunnerId, String)> = seen
            .iter()
            .filter(|seen| seen.alive)
            .map(|seen| {
                let how = "did not end in time and was ended";
                (seen.runner.clone(), how.to_owned())
            })
            .collect();
        lose(world, &run, &late).await?;
        "overdue"
    } else if cycle >= world.pace.cycles {
        "continue"
    } else {
        "wait"
    };
    Ok(Answer {
        cycle,
        ..Answer::go(world, next)
    })
}

/// task-status-checker: a fresh execution goes on with the run.
pub async fn go_on(world: &World, input: &Input) -> Result<Answer, PipelineError> {
    let run = runs::need(world.runs.as_ref(), &input.test_run_id).await?;
    let part = input.part.unwrap_or(1) + 1;
    let name = execution_name(&run, part);
    let next = execution_input(&run, part, world.pace.poll_s);
    world.executions.start(&name, &run.run, next).await?;
    Ok(Answer::go(world, "handed over"))
}

/// The user's wish: the scenario's run shall stop. The workflow sees it the
/// next time it looks.
pub async fn cancel(world: &World, test: &TestId, reason: &str) -> Result<(), PipelineError> {
    let none = || PipelineError::NothingRuns(test.to_string());
    let item = scenarios::need(world.scenarios.as_ref(), test).await?;
    let run = item.run.ok_or_else(none)?;
    let now_us = world.clock.now_us();
    let after = world
        .change(&run, &|run| {
            run.advance(Status::Cancelling);
            if run.record.status == Status::Cancelling {
                run.cancel_reason.get_or_insert_with(|| reason.to_owned());
                run.stop_began_us.get_or_insert(now_us);
            }
        })
        .await?;
    match after.record.status {
        Status::Cancelling => Ok(()),
        _ => Err(none()),
    }
}

/// task-canceler: asks every runner to stop its load and to report.
pub async fn stop(world: &World, input: &Input) -> Result<Answer, PipelineError> {
    end_runners(world, input, Stop::Gracefully).await
}

/// task-canceler: ends every runner.
pub async fn kill(world: &World, input: &Input) -> Result<Answer, PipelineError> {
    end_runners(world, input, Stop::AtOnce).await
}

async fn end_runners(world: &World, input: &Input, how: Stop) -> Result<Answer, PipelineError> {
    let now_us = world.clock.now_us();
    let run = world
        .change(&input.test_run_id, &|run| {
            run.stop_began_us.get_or_insert(now_us);
        })
        .await?;
    let alive: Vec<RunnerId> = fleet::newest(world.fleet.as_ref(), &run.test, &run.run)
        .await?
        .into_iter()
        .filter(|seen| seen.alive)
        .map(|seen| seen.runner)
        .collect();
    if !alive.is_empty() {
        world.fleet.stop(&run.run, &alive, how).await?;
    }
    Ok(Answer::go(world, "wait"))
}

/// How long runners that were told to stop may take before they are killed, µs.
/// A told stop cuts the graceful stop short, as runners do themselves.
pub fn stop_limit_us(world: &World, run: &Run) -> u64 {
    run.graceful_stop_us.min(LONGEST_TOLD_STOP_US) + world.pace.stop_us
}

/// task-status-checker: are the runners gone, or is their time over?
pub async fn gone(world: &World, input: &Input) -> Result<Answer, PipelineError> {
    let (run, seen) = load(world, input).await?;
    if !seen.iter().any(|seen| seen.alive) {
        return Ok(Answer::go(world, "gone"));
    }
    let now_us = world.clock.now_us();
    let began_us = run.stop_began_us.unwrap_or(now_us);
    let kill_us = began_us + stop_limit_us(world, &run);
    let next = if now_us >= kill_us + world.pace.kill_us {
        // Not even SIGKILL ends them; the results must not wait for that.
        "gone"
    } else if now_us >= kill_us {
        "kill"
    } else {
        "wait"
    };
    Ok(Answer::go(world, next))
}

/// The sentence in what was caught: a Lambda wraps it in JSON.
fn sentence(caught: &Caught) -> String {
    let wrapped: Option<Value> = serde_json::from_str(&caught.cause).ok();
    let message = wrapped
        .as_ref()
        .and_then(|value| value.get("errorMessage"))
        .and_then(Value::as_str);
    match (message, caught.cause.as_str()) {
        (Some(message), _) => message.to_owned(),
        (None, "") => format!("the workflow failed with {}", caught.error),
        (None, cause) => cause.to_owned(),
    }
}

/// task-status-checker: keeps why the run fails; the first reason stays.
pub async fn fail(world: &World, input: &Input) -> Result<Answer, PipelineError> {
    let reason = match &input.error {
        Some(caught) => sentence(caught),
        None => "the workflow failed without a reason".to_owned(),
    };
    let run = world
        .change(&input.test_run_id, &|run| {
            if !run.record.status.is_terminal() {
                run.failure.get_or_insert_with(|| reason.clone());
            }
        })
        .await?;
    if run.failure.as_ref() == Some(&reason) {
        world.note(&run.run, reason).await;
    }
    Ok(Answer::go(world, "stop"))
}

/// task-canceler: ends what still runs, removes what only runners needed.
pub async fn clean_up(world: &World, input: &Input) -> Result<Answer, PipelineError> {
    let run = world
        .change(&input.test_run_id, &|run| run.advance(Status::CleaningUp))
        .await?;
    end_runners(world, input, Stop::AtOnce).await?;
    let folder = keys::start_folder(&run.test, &run.prefix);
    for object in world.objects.list(&folder).await? {
        world.objects.delete(&object.key).await?;
    }
    Ok(Answer::go(world, "finish"))
}

/// The last move of a run, whatever came before.
pub fn settle(run: &mut Run, end_time: &str) {
    if run.record.status.is_terminal() {
        return;
    }
    let parsed = run.record.coverage.is_some();
    if run.failure.is_none() && !parsed {
        run.failure = Some("its results could not be read".to_owned());
    }
    run.record.end_time = end_time.to_owned();
    run.record.error_reason = run.failure.clone();
    if run.record.status == Status::Cancelling {
        let reason = run.record.error_reason.take();
        run.record.error_reason = reason.or_else(|| run.cancel_reason.clone());
        run.advance(Status::Cancelled);
    } else if run.failure.is_some() {
        run.advance(Status::Failed);
    } else {
        // Parsed, so only clean-up may have been skipped.
        run.advance(Status::CleaningUp);
        run.advance(Status::Complete);
    }
}

/// task-status-checker: complete, failed or cancelled.
pub async fn finish(world: &World, input: &Input) -> Result<Answer, PipelineError> {
    let end_time = stamp(world.clock.now_us());
    let run = world
        .change(&input.test_run_id, &|run| settle(run, &end_time))
        .await?;
    let status = run.record.status;
    // Again, should the answer of an earlier try have been lost half-way.
    scenarios::mirror(world.scenarios.as_ref(), &run.test, &run.run, status).await?;
    Ok(Answer {
        reason: Some(run.failure.unwrap_or_default()),
        ..Answer::go(world, status.name())
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::runs::tests::example;

    #[test]
    fn a_caught_error_becomes_a_sentence() {
        for (cause, expected) in [
            ("no space left", "no space left"),
            (
                r#"{"errorType":"Other","errorMessage":"no space left"}"#,
                "no space left",
            ),
            ("", "the workflow failed with States.Timeout"),
        ] {
            let caught = Caught {
                error: "States.Timeout".to_owned(),
                cause: cause.to_owned(),
            };
            assert_eq!(sentence(&caught), expected);
        }
    }

    #[test]
    fn every_run_settles_in_a_terminal_status() {
        for status in Status::ALL {
            for failure in [None, Some("broken".to_owned())] {
                for parsed in [false, true] {
                    let mut run = example();
                    run.record.status = status;
                    run.failure = failure.clone();
                    run.record.coverage = parsed.then(Default::default);
                    if matches!(status, Status::Created | Status::Scheduled) {
                        continue;
                    }
                    if failure.is_none()
                        && parsed
                        && matches!(
                            status,
                            Status::Queued | Status::Provisioning | Status::Running
                        )
                    {
                        // Results without parsing: the workflow has no such way.
                        continue;
                    }
                    settle(&mut run, "2026-03-04 09:16:02");
                    assert!(
                        run.record.status.is_terminal(),
                        "{status} {failure:?} {parsed}"
                    );
                    if status == Status::Cancelling {
                        assert_eq!(run.record.status, Status::Cancelled);
                    }
                }
            }
        }
    }
}
