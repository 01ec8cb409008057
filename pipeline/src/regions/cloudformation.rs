//! Regions on AWS: what their stacks registered, and how much room each has: the
//! account's quota of vCPUs on Fargate, less what all of its tasks use.

use super::dynamodb::RegionRow;
use super::{RegionRoom, Regions};
use crate::clients::Clients;
use crate::clients::failure::failed;
use crate::error::PipelineError;
use async_trait::async_trait;
use aws_sdk_ecs::error::ProvideErrorMetadata as _;
use dlt_core::calls::answers::{StackInfo, VcpuDetails};
use dlt_core::ids::Region;
use dlt_core::stack::HUB_VERSION;

/// The quota "Fargate On-Demand vCPU resource count" (api-behaviour.md 5).
const SERVICE: &str = "fargate";
const QUOTA: &str = "L-3032A538";
/// The quota of a new account where it cannot be read (Amazon ECS service quotas).
const USUAL_QUOTA: u64 = 6;
/// Most tasks of one DescribeTasks (ECS API).
const MOST_DESCRIBED: usize = 100;

/// The regions of a hub.
#[derive(Debug, Clone)]
pub struct StackRegions {
    /// What is registered.
    pub rows: Vec<RegionRow>,
    /// Who asks.
    pub clients: Clients,
    /// The hub's region.
    pub hub: Region,
    /// The hub's bucket.
    pub bucket: String,
    /// The hub stack's ARN.
    pub stack: String,
    /// vCPUs that a region's tasks may have together, if the stack says so.
    pub vcpu_quota: Option<u64>,
    /// Where agents ask, if they can.
    pub mcp_endpoint: Option<String>,
}

impl StackRegions {
    /// Most vCPUs that the account's tasks may have in a region.
    async fn quota(&self, region: &str) -> Result<u64, PipelineError> {
        if let Some(quota) = self.vcpu_quota {
            return Ok(quota);
        }
        let ask = self.clients.quotas(region.to_owned()).get_service_quota();
        let got = ask.service_code(SERVICE).quota_code(QUOTA).send().await;
        match got {
            Ok(got) => {
                let value = got
                    .quota()
                    .and_then(aws_sdk_servicequotas::types::ServiceQuota::value);
                Ok(value.map_or(USUAL_QUOTA, |value| value as u64))
            }
            // An account whose quota was never looked at has the usual one.
            Err(error) if error.code() == Some("NoSuchResourceException") => Ok(USUAL_QUOTA),
            Err(error) => Err(failed("the quota of vCPUs", error)),
        }
    }

    /// vCPUs that tasks of all clusters of a region have now: they share one quota.
    async fn in_use(&self, region: &str) -> Result<u64, PipelineError> {
        let client = self.clients.ecs(region.to_owned());
        let mut clusters = client.list_clusters().into_paginator().send();
        let mut units = 0;
        while let Some(page) = clusters.next().await {
            let page = page.map_err(|error| failed("the list of clusters", error))?;
            for cluster in page.cluster_arns() {
                units += Self::units(&client, cluster).await?;
            }
        }
        Ok(units.div_ceil(1024))
    }

    /// CPU of a cluster's tasks on Fargate, units of 1/1024 vCPU.
    async fn units(client: &aws_sdk_ecs::Client, cluster: &str) -> Result<u64, PipelineError> {
        let mut pages = client.list_tasks().cluster(cluster).into_paginator().send();
        let mut tasks: Vec<String> = Vec::new();
        while let Some(page) = pages.next().await {
            let page = page.map_err(|error| failed("the list of tasks", error))?;
            tasks.extend(page.task_arns().iter().cloned());
        }
        let mut units = 0;
        for some in tasks.chunks(MOST_DESCRIBED) {
            let describe = client.describe_tasks().cluster(cluster);
            let described = describe.set_tasks(Some(some.to_vec())).send().await;
            let described = described.map_err(|error| failed("the state of tasks", error))?;
            let fargate = described
                .tasks()
                .iter()
                .filter(|task| task.launch_type() != Some(&aws_sdk_ecs::types::LaunchType::Ec2));
            units += fargate
                .filter_map(|task| task.cpu()?.parse::<u64>().ok())
                .sum::<u64>();
        }
        Ok(units)
    }

    async fn room(&self, row: &RegionRow) -> Result<Option<RegionRoom>, PipelineError> {
        let name = &row.info.region;
        let Ok(region) = Region::parse(name) else {
            return Ok(None);
        };
        let (limit, in_use) = tokio::try_join!(self.quota(name), self.in_use(name))?;
        Ok(Some(RegionRoom {
            region,
            info: row.info.clone(),
            dlt_version: row.dlt_version.clone(),
            vcpus: VcpuDetails {
                limit,
                per_task: row.vcpus_per_task(),
                in_use,
            },
        }))
    }
}

/// The AWS account in an ARN.
fn account(arn: &str) -> String {
    arn.split(':').nth(4).unwrap_or_default().to_owned()
}

#[async_trait]
impl Regions for StackRegions {
    async fn list(&self) -> Result<Vec<RegionRoom>, PipelineError> {
        let mut asked = tokio::task::JoinSet::new();
        for (number, row) in self.rows.iter().enumerate() {
            let (regions, row) = (self.clone(), row.clone());
            asked.spawn(async move { (number, regions.room(&row).await) });
        }
        let mut rooms = Vec::new();
        for (number, room) in asked.join_all().await {
            rooms.extend(room?.map(|room| (number, room)));
        }
        rooms.sort_by_key(|row| row.0);
        Ok(rooms.into_iter().map(|row| row.1).collect())
    }

    fn bucket_url(&self) -> String {
        format!("https://s3.{}.amazonaws.com/{}", self.hub, self.bucket)
    }

    async fn stack(&self) -> Result<StackInfo, PipelineError> {
        let ask = self.clients.cloudformation().describe_stacks();
        let got = ask.stack_name(&self.stack).send().await;
        let got = got.map_err(|error| failed("the stack", error))?;
        let stack = got.stacks().first();
        let created = stack.and_then(|stack| stack.creation_time());
        let created = created
            .and_then(|at| jiff::Timestamp::from_millisecond(at.to_millis().ok()?).ok())
            .unwrap_or(jiff::Timestamp::UNIX_EPOCH);
        Ok(StackInfo {
            created_time: created.strftime("%Y-%m-%dT%H:%M:%S.%3fZ").to_string(),
            region: self.hub.to_string(),
            version: format!("v{HUB_VERSION}"),
            mcp_endpoint: self.mcp_endpoint.clone(),
            account_id: account(&self.stack),
            deployment_method: "cloudformation".to_owned(),
            stack_id: self.stack.clone(),
            solution_template: "headless".to_owned(),
            latest_version: None,
            is_update_available: false,
            dlt_version: Some(env!("CARGO_PKG_VERSION").to_owned()),
            may_write: None,
            store_outage: None,
        })
    }
}
