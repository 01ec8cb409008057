//! Keeping the scheduler in step with what is stored: every place that saves,
//! cancels, fires or deletes a schedule ends here.

use crate::error::PipelineError;
use crate::scenarios::ScenarioItem;
use crate::world::World;

/// Wakes the scenario as its stored plan says, or not at all. Called again, it
/// changes nothing.
pub async fn follow(world: &World, item: &ScenarioItem) -> Result<(), PipelineError> {
    match &item.plan {
        Some(plan) => world.schedules.put(&item.test, plan).await,
        None => world.schedules.remove(&item.test).await,
    }
}
