//! How a run ends: why it failed is kept, and whatever came before, it gets a
//! final status.

use crate::clock::stamp;
use crate::error::PipelineError;
use crate::functions::decision::{Caught, Decision, Input};
use crate::functions::past;
use crate::runs::{self, Run};
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
        let reason = match run.lost_driver {
            true => runs::LOST_DRIVER,
            false => "its results could not be read",
        };
        run.failure = Some(reason.to_owned());
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

/// Removes at home what runners were given of a one-off run, which holds its secrets: it is over, and a
/// further one is given its own. Before the run has ended: afterwards a new one may have stored its
/// own there. What is left where this fails goes when the run is deleted.
async fn forget_one_off(world: &World, input: &Input) {
    if let Ok(Some(item)) = world.scenarios.get(&input.test_id).await
        && item.is_one_off()
        && item.run.as_ref() == Some(&input.test_run_id)
        && scenarios::active_run(&item, world.runs.as_ref())
            .await
            .is_ok_and(|active| active.is_some())
    {
        let _ = past::forget_documents(world, &item).await;
    }
}

/// task-status-checker: complete, failed or cancelled.
pub async fn finish(world: &World, input: &Input) -> Result<Decision, PipelineError> {
    forget_one_off(world, input).await;
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

    #[cfg(feature = "local")]
    #[tokio::test]
    async fn what_a_one_off_run_was_given_goes_when_it_ends() {
        use crate::local::testing::{Still, world};
        use crate::objects::Access;
        use crate::scenarios::ScenarioItem;
        use dlt_core::ids::{Region, TestRunId};
        use dlt_core::keys;
        for (one_off, newer, is_left) in [
            (true, false, false),
            (false, false, true),
            // Another run has the scenario by now.
            (true, true, true),
        ] {
            let folder = tempfile::tempdir().unwrap();
            let database = crate::store::sqlite::Database::open(folder.path(), &[]).unwrap();
            let clock = Still::at("2026-03-04T09:20:00Z");
            let world = world(database, &clock, folder.path());
            let mut run = example();
            run.record.status = Status::CleaningUp;
            run.record.coverage = Some(Default::default());
            world.runs.put(&run).await.unwrap();
            let body = serde_json::json!({
                "oneOff": one_off, "testTaskConfigs": [{"region": "lo-home-1"}],
            });
            let mut item = ScenarioItem::new(run.test.clone(), body);
            item.status = Status::Running;
            item.run = Some(run.run.clone());
            if newer {
                item.run = Some(TestRunId::parse("newer1").unwrap());
            }
            world.scenarios.put(&item).await.unwrap();
            let key = keys::scenario(&run.test, &Region::parse("lo-home-1").unwrap());
            world
                .objects
                .put(&key, b"S3CRET", Access::Home)
                .await
                .unwrap();
            let input = serde_json::json!({"testId": run.test, "testRunId": run.run});
            let input: Input = serde_json::from_value(input).unwrap();
            finish(&world, &input).await.unwrap();
            let left = world.objects.get(&key).await.unwrap();
            assert_eq!(left.is_some(), is_left, "{one_off} {newer}");
            // Told again, it is the same.
            finish(&world, &input).await.unwrap();
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
