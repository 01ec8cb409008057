//! Regions: where runs may go, how much room is there, and what is deployed.
//! On AWS from stacks and quotas; at home the regions that `dlt` was given.

#[cfg(feature = "lambda")]
pub mod cloudformation;
#[cfg(feature = "aws")]
pub mod dynamodb;
#[cfg(feature = "local")]
pub mod home;

use crate::error::PipelineError;
use async_trait::async_trait;
use dlt_core::calls::answers::{RegionInfo, StackInfo, VcpuDetails};
use dlt_core::ids::Region;

/// A registered region.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RegionRoom {
    /// Which.
    pub region: Region,
    /// What clients see of it; compatibility is filled in by `api`.
    pub info: RegionInfo,
    /// The dlt that its stack is of, where it is known.
    pub dlt_version: Option<String>,
    /// Its room.
    pub vcpus: VcpuDetails,
}

impl RegionRoom {
    /// Runners that it holds.
    pub fn capacity(&self) -> u64 {
        self.vcpus.limit / self.vcpus.per_task.max(1)
    }

    /// Runners that there is room for now.
    pub fn free(&self) -> u64 {
        self.vcpus.limit.saturating_sub(self.vcpus.in_use) / self.vcpus.per_task.max(1)
    }
}

/// Where regions are registered.
#[async_trait]
pub trait Regions: Send + Sync {
    /// Registered regions.
    async fn list(&self) -> Result<Vec<RegionRoom>, PipelineError>;
    /// The address of the bucket in which clients look for the template of further
    /// regions. At home there is none; the form is what clients take apart.
    fn bucket_url(&self) -> String {
        "http://localhost/home".to_owned()
    }
    /// What is deployed.
    async fn stack(&self) -> Result<StackInfo, PipelineError>;
}
