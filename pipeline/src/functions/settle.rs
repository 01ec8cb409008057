//! How a run ends: why it failed is kept, and whatever came before, it gets a
//! final status.

use crate::clock::stamp;
use crate::error::PipelineError;
use crate::functions::decision::{Caught, Decision, Input};
use crate::runs::Run;
use crate::scenarios;
use crate::world::World;
use dlt_core::run::Status;
use serde_json::Value;

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
pub async fn fail(world: &World, input: &Input) -> Result<Decision, PipelineError> {
    let reason = match &input.error {
        Some(caught) => sentence(caught),
        None => "the workflow failed without a reason".to_owned(),
    };
    let run = world
        .change(&input.test_id, &input.test_run_id, &|run| {
            if !run.record.status.is_terminal() {
                run.failure.get_or_insert_with(|| reason.clone());
            }
        })
        .await?;
    if run.failure.as_ref() == Some(&reason) {
        world.note(&run, reason).await;
    }
    Ok(Decision::go(world, "stop"))
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
pub async fn finish(world: &World, input: &Input) -> Result<Decision, PipelineError> {
    let end_time = stamp(world.clock.now_us());
    let run = world
        .change(&input.test_id, &input.test_run_id, &|run| {
            settle(run, &end_time)
        })
        .await?;
    let status = run.record.status;
    // Again, should the answer of an earlier try have been lost half-way.
    scenarios::mirror(world.scenarios.as_ref(), &run).await?;
    Ok(Decision {
        reason: Some(run.failure.unwrap_or_default()),
        ..Decision::go(world, status.name())
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
