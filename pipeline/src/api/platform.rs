//! The platform calls: regions, runners, capacity, what is deployed.

use crate::fleet::{Place, RunnerStatus};
use crate::regions::RegionRoom;
use crate::world::World;
use dlt_core::calls::answers::{RegionInfo, RegionTaskIds, RegionsAnswer, StackInfo, VcpuDetails};
use dlt_core::refusal::Refusal;
use dlt_core::stack;
use serde_json::{Map, Value};
use std::collections::BTreeMap;

/// Where the template of further regions lies in a bucket (api-behaviour.md 8).
const TEMPLATE_KEY: &str = "regional-template/distributed-load-testing-on-aws-regional.template";

/// The dlt of this hub.
const OWN_VERSION: &str = env!("CARGO_PKG_VERSION");

/// Why a region cannot be used from here; None if it can.
pub(super) fn incompatibility(room: &RegionRoom) -> Option<String> {
    stack::incompatibility(room.info.version.as_deref())
        .or_else(|| stack::too_new(OWN_VERSION, room.dlt_version.as_deref()))
}

/// What is told of a region that can be used, but should be updated.
pub(super) fn outdated(room: &RegionRoom) -> Option<String> {
    let why = stack::outdated(OWN_VERSION, room.dlt_version.as_deref())?;
    Some(format!("region {}: {why}", room.region))
}

/// GET /regions.
pub(super) async fn regions(world: &World) -> Result<RegionsAnswer, Refusal> {
    let rooms = world.regions.list().await?;
    let regions = rooms.into_iter().map(|room| {
        let why = incompatibility(&room);
        RegionInfo {
            compatible: Some(why.is_none()),
            incompatibility_reason: why,
            ..room.info
        }
    });
    Ok(RegionsAnswer {
        regions: regions.collect(),
        url: format!("{}/{TEMPLATE_KEY}", world.regions.bucket_url()),
    })
}

/// GET /tasks.
pub(super) async fn tasks(world: &World) -> Result<Vec<RegionTaskIds>, Refusal> {
    let rooms = world.regions.list().await?;
    let alive = world.fleet.alive(Place::Everywhere).await?;
    let all: Vec<&RunnerStatus> = alive.iter().collect();
    // What clients of DLT read needs no EC2: without it the list still comes.
    let (addresses, unknown) = match world.fleet.public_addresses(&all).await {
        Ok(addresses) => (addresses, None),
        Err(error) => (BTreeMap::new(), Some(error.to_string())),
    };
    let id = |seen: &RunnerStatus| {
        let name = || format!("{}/{}", seen.run, seen.runner);
        seen.arn.clone().unwrap_or_else(name)
    };
    let rows = rooms.into_iter().map(|room| {
        let here = alive.iter().filter(|seen| seen.region == room.region);
        let address = |seen: &RunnerStatus| Some((id(seen), addresses.get(&seen.runner)?.clone()));
        RegionTaskIds {
            task_arns: here.clone().map(id).collect(),
            public_addresses: here.filter_map(address).collect(),
            public_addresses_unknown: unknown.clone(),
            region: room.region.to_string(),
        }
    });
    Ok(rows.collect())
}

/// GET /vCPUDetails.
pub(super) async fn capacity(world: &World) -> Result<Value, Refusal> {
    let rooms = world.regions.list().await?;
    let mut answer = Map::new();
    for room in rooms {
        let VcpuDetails { .. } = room.vcpus;
        let details = serde_json::to_value(room.vcpus).unwrap_or_default();
        answer.insert(room.region.to_string(), details);
    }
    Ok(Value::Object(answer))
}

/// GET /stack-info.
pub(super) async fn stack(world: &World) -> Result<StackInfo, Refusal> {
    Ok(world.regions.stack().await?)
}
