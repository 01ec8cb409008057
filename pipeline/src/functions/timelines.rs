//! A run's timeline, as it is stored: the merged one of a run with results, else as far as the
//! leaders of its regions have stored it.

use crate::error::PipelineError;
use crate::functions::packed;
use crate::runs::Run;
use crate::world::World;
use dlt_core::keys;
use dlt_core::messages::timeline::RunTimeline;

/// The timeline; None if there is none, or none any more.
pub async fn seconds(world: &World, run: &Run) -> Result<Option<RunTimeline>, PipelineError> {
    let key = keys::merged_timeline(&run.test, &run.prefix);
    match packed::get(world, &key).await? {
        Some(merged) => Ok(Some(merged)),
        // What leaders stored lacks the last seconds, and all of runners without a leader.
        None if had_one(run) => Ok(None),
        None => so_far(world, run).await,
    }
}

/// Whether a run must have a timeline: it is stored before the results.
pub fn had_one(run: &Run) -> bool {
    run.record.status.is_terminal() && run.record.summary.is_some()
}

/// What is said of a run that had one, and has none any more.
pub fn gone(run: &Run) -> String {
    format!(
        "the timeline of run {} is gone: object {} is not there; its other results are",
        run.run,
        keys::merged_timeline(&run.test, &run.prefix)
    )
}

/// What leaders have stored; None before they have.
pub async fn so_far(world: &World, run: &Run) -> Result<Option<RunTimeline>, PipelineError> {
    let mut so_far: Option<RunTimeline> = None;
    for row in &run.regions {
        let key = keys::region_timeline(&run.test, &run.prefix, &row.region);
        let Some(bytes) = world.objects.get(&key).await? else {
            continue;
        };
        let part: RunTimeline = serde_json::from_slice(&bytes).map_err(|error| {
            PipelineError::Other(format!("object {key} is unreadable: {error}"))
        })?;
        match &mut so_far {
            None => so_far = Some(part),
            Some(so_far) => {
                so_far.regions.extend(part.regions);
                so_far.runners.extend(part.runners);
            }
        }
    }
    Ok(so_far)
}
