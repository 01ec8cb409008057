//! Regions at home: pools of runners on this machine, as they were named when
//! dlt was started.

use crate::clock::stamp;
use crate::error::PipelineError;
use crate::regions::{RegionRoom, Regions};
use crate::runs::sqlite::SqliteRuns;
use crate::store::outage::Outages;
use async_trait::async_trait;
use dlt_core::calls::answers::{RegionInfo, StackInfo, StoreOutage, VcpuDetails};
use dlt_core::ids::Region;
use dlt_core::stack::HUB_VERSION;
use std::sync::Arc;

/// What DLT's clients take a runner to need; at home a runner is a process.
const VCPUS_PER_TASK: u64 = 2;
/// The cluster's name in records.
const CLUSTER: &str = "home";
/// The account's number in records.
const NO_ACCOUNT: &str = "000000000000";

/// The regions of a home.
#[derive(Debug, Clone)]
pub struct HomeRegions {
    regions: Vec<(Region, u64)>,
    runs: SqliteRuns,
    /// When the data folder was made, ISO 8601.
    created: String,
    /// Where agents ask, if they can.
    mcp: Option<String>,
    outages: Arc<Outages>,
}

impl HomeRegions {
    /// These regions, each with its capacity in runners.
    pub fn new(regions: Vec<(Region, u64)>, runs: SqliteRuns, created: String) -> Self {
        Self {
            regions,
            runs,
            created,
            mcp: None,
            outages: Arc::default(),
        }
    }

    /// The same, with what is known of the data folder's outages.
    #[must_use]
    pub fn with_outages(mut self, outages: Arc<Outages>) -> Self {
        self.outages = outages;
        self
    }

    /// The same, with the address at which agents ask.
    #[must_use]
    pub fn with_mcp(mut self, address: Option<String>) -> Self {
        self.mcp = address;
        self
    }
}

#[async_trait]
impl Regions for HomeRegions {
    async fn list(&self) -> Result<Vec<RegionRoom>, PipelineError> {
        let unfinished = self.runs.unfinished()?;
        let room = |(region, capacity): &(Region, u64)| {
            let used: u64 = unfinished
                .iter()
                .filter(|run| !run.is_stopping())
                .flat_map(|run| &run.regions)
                .filter(|row| row.region == *region)
                .map(|row| row.tasks)
                .sum();
            RegionRoom {
                dlt_version: None,
                region: region.clone(),
                info: RegionInfo {
                    test_id: format!("region-{region}"),
                    region: region.to_string(),
                    task_cluster: CLUSTER.to_owned(),
                    task_definition: None,
                    ecs_cloud_watch_log_group: None,
                    subnet_a: None,
                    subnet_b: None,
                    task_security_group: None,
                    task_role_arn: None,
                    execution_role_arn: None,
                    version: Some(format!("v{HUB_VERSION}")),
                    stack_id: None,
                    deployment_date: Some(self.created.clone()),
                    compatible: None,
                    incompatibility_reason: None,
                },
                vcpus: VcpuDetails {
                    limit: capacity * VCPUS_PER_TASK,
                    per_task: VCPUS_PER_TASK,
                    in_use: used * VCPUS_PER_TASK,
                },
            }
        };
        Ok(self.regions.iter().map(room).collect())
    }

    async fn stack(&self) -> Result<StackInfo, PipelineError> {
        let first = self.regions.first();
        Ok(StackInfo {
            created_time: self.created.clone(),
            region: first.map(|row| row.0.to_string()).unwrap_or_default(),
            version: format!("v{HUB_VERSION}"),
            mcp_endpoint: self.mcp.clone(),
            account_id: NO_ACCOUNT.to_owned(),
            deployment_method: "cloudformation".to_owned(),
            stack_id: CLUSTER.to_owned(),
            solution_template: "headless".to_owned(),
            latest_version: None,
            is_update_available: false,
            dlt_version: Some(env!("CARGO_PKG_VERSION").to_owned()),
            // What a door says that knows who asks.
            may_write: None,
            store_outage: self.outages.now().map(|outage| StoreOutage {
                since: stamp(outage.since_us),
                reason: outage.why,
            }),
        })
    }
}
