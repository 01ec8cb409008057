//! Who was dealt a part of the load: each region's leader and the workers that
//! it holds, as the leader says before the start.

use crate::error::PipelineError;
use crate::functions::provision::leader_word;
use crate::runs::Run;
use crate::world::World;
use dlt_core::ids::{Region, RunnerId};

/// Every runner with a part of the run's load; nobody before the start.
pub async fn dealt(world: &World, run: &Run) -> Result<Vec<(RunnerId, Region)>, PipelineError> {
    let mut dealt = Vec::new();
    if run.start_at_us.is_none() {
        return Ok(dealt);
    }
    for row in &run.regions {
        if let Some(word) = leader_word(world, run, &row.region).await? {
            let here = word.connected.into_iter().chain([word.leader]);
            dealt.extend(here.map(|runner| (runner, row.region.clone())));
        }
    }
    Ok(dealt)
}
