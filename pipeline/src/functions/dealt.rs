//! Who was dealt a part of the load: each region's leader and the workers that
//! it holds, as the leaders say when the start is given. Kept for as long as the
//! results are, since whoever of them sends no report is missing.

use crate::error::PipelineError;
use crate::objects::Access;
use crate::runs::Run;
use crate::world::World;
use dlt_core::ids::{Region, RunnerId};
use dlt_core::keys;

/// Keeps who has a part of the run's load.
pub async fn keep(
    world: &World,
    run: &Run,
    dealt: &[(RunnerId, Region)],
) -> Result<(), PipelineError> {
    let key = keys::dealt(&run.test, &run.prefix);
    let bytes = serde_json::to_vec(dealt)
        .map_err(|error| PipelineError::Other(format!("object {key}: {error}")))?;
    world.objects.put(&key, &bytes, Access::Home).await
}

/// Every runner with a part of the run's load; nobody before the start.
pub async fn dealt(world: &World, run: &Run) -> Result<Vec<(RunnerId, Region)>, PipelineError> {
    let key = keys::dealt(&run.test, &run.prefix);
    match world.objects.get(&key).await? {
        None => Ok(Vec::new()),
        Some(bytes) => serde_json::from_slice(&bytes)
            .map_err(|error| PipelineError::Other(format!("object {key} is unreadable: {error}"))),
    }
}
