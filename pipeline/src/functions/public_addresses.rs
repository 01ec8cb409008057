//! The public addresses from which a run's load comes, for allow-lists of targets: asked for before
//! the start, since a task that has ended has none, and kept beside the results.

use crate::error::PipelineError;
use crate::fleet::RunnerStatus;
use crate::objects::Access;
use crate::runs::Run;
use crate::world::World;
use dlt_core::ids::RunnerId;
use dlt_core::keys;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// What is kept.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct PublicAddresses {
    /// IPv4, in order.
    pub addresses: Vec<String>,
    /// Whose they are.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub by_runner: BTreeMap<RunnerId, String>,
    /// Why they are not known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub trouble: Option<String>,
}

/// Asks for them and keeps them. That they cannot be had stops no run: it is told with the results.
pub async fn keep(
    world: &World,
    run: &Run,
    runners: &[&RunnerStatus],
) -> Result<(), PipelineError> {
    let known = match world.fleet.public_addresses(runners).await {
        Ok(found) => {
            let mut addresses: Vec<String> = found.values().cloned().collect();
            addresses.sort_unstable();
            addresses.dedup();
            PublicAddresses {
                addresses,
                by_runner: found,
                trouble: None,
            }
        }
        Err(error) => PublicAddresses {
            trouble: Some(error.to_string()),
            ..PublicAddresses::default()
        },
    };
    if known == PublicAddresses::default() {
        return Ok(());
    }
    let key = keys::public_addresses(&run.test, &run.prefix);
    let bytes = serde_json::to_vec(&known)
        .map_err(|error| PipelineError::Other(format!("object {key}: {error}")))?;
    world.objects.put(&key, &bytes, Access::Home).await
}

/// What was kept; nothing where runners have no addresses of their own.
pub async fn kept(world: &World, run: &Run) -> Result<PublicAddresses, PipelineError> {
    let key = keys::public_addresses(&run.test, &run.prefix);
    match world.objects.get(&key).await? {
        None => Ok(PublicAddresses::default()),
        Some(bytes) => serde_json::from_slice(&bytes)
            .map_err(|error| PipelineError::Other(format!("object {key} is unreadable: {error}"))),
    }
}
