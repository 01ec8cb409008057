//! Is there room for a run's runners in its regions.

use crate::error::PipelineError;
use crate::world::World;
use dlt_core::scenario::TaskConfig;

/// Whether every region exists and has room for its runners now.
pub async fn check_room(world: &World, tasks: &[TaskConfig]) -> Result<(), PipelineError> {
    let rooms = world.regions.list().await?;
    for task in tasks {
        let Some(room) = rooms.iter().find(|room| room.region == task.region) else {
            return Err(PipelineError::NoRegion {
                region: task.region.to_string(),
                known: rooms.iter().map(|room| room.region.to_string()).collect(),
            });
        };
        if task.task_count > room.free() {
            return Err(PipelineError::NoRoom {
                region: task.region.to_string(),
                capacity: room.capacity(),
                used: room.capacity() - room.free(),
                asked: task.task_count,
            });
        }
    }
    Ok(())
}
