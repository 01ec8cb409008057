//! The deployment: the hub, and the regions where load can be generated.

use super::{CallContext, Question};
use crate::backend::cloud::{self, Cloud, stack_region};
use crate::backend::{Ask, BackendError};
use crate::clean::Text;
use crate::refusal::{Code, Refusal};
use crate::units::utc_time;
use crate::views::answer::{RegionError, ToolAnswer, Warning};
use async_trait::async_trait;
use futures_util::future::join_all;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;

pub(super) struct GetRegionalStacks;

#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Input {
    /// Only this region
    #[serde(default)]
    region: Option<String>,
    /// Also cluster, stack and account ids
    #[serde(default)]
    include_resources: bool,
}

#[derive(Debug, Serialize, JsonSchema)]
pub(super) struct Output {
    #[serde(skip_serializing_if = "Option::is_none")]
    hub: Option<Hub>,
    regions: Vec<RegionRow>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    region_errors: Vec<RegionError>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    warnings: Vec<Warning>,
    next: Text,
}

#[derive(Debug, Serialize, JsonSchema)]
struct Hub {
    region: Text,
    version: Text,
    #[serde(skip_serializing_if = "Option::is_none")]
    dlt_version: Option<Text>,
    #[serde(skip_serializing_if = "Option::is_none")]
    latest_version: Option<Text>,
    #[serde(skip_serializing_if = "Option::is_none")]
    update_available: Option<bool>,
    #[serde(skip_serializing_if = "Option::is_none")]
    created: Option<Text>,
    #[serde(skip_serializing_if = "Option::is_none")]
    account_id: Option<Text>,
    #[serde(skip_serializing_if = "Option::is_none")]
    stack_id: Option<Text>,
}

#[derive(Debug, Serialize, JsonSchema)]
struct RegionRow {
    region: Text,
    #[serde(skip_serializing_if = "Option::is_none")]
    version: Option<Text>,
    #[serde(skip_serializing_if = "Option::is_none")]
    compatible: Option<bool>,
    #[serde(skip_serializing_if = "Option::is_none")]
    reason: Option<Text>,
    #[serde(skip_serializing_if = "Option::is_none")]
    deployed: Option<Text>,
    #[serde(skip_serializing_if = "Option::is_none")]
    stack_status: Option<Text>,
    #[serde(skip_serializing_if = "Option::is_none")]
    cluster: Option<Text>,
    #[serde(skip_serializing_if = "Option::is_none")]
    stack_id: Option<Text>,
    #[serde(skip)]
    #[schemars(skip)]
    stack_arn: Option<String>,
}

fn text(value: &Value, key: &str) -> Option<Text> {
    value[key].as_str().and_then(Text::some)
}

impl Hub {
    fn of(stack: &Value, resources: bool) -> Self {
        Self {
            region: text(stack, "region").unwrap_or_default(),
            version: text(stack, "version").unwrap_or_default(),
            dlt_version: text(stack, "dlt_version"),
            latest_version: text(stack, "latest_version"),
            update_available: stack["is_update_available"].as_bool(),
            created: stack["created_time"].as_str().and_then(utc_time),
            account_id: text(stack, "account_id").filter(|_| resources),
            stack_id: text(stack, "stack_id").filter(|_| resources),
        }
    }
}

impl RegionRow {
    fn of(info: &Value, resources: bool) -> Self {
        Self {
            region: text(info, "region").unwrap_or_default(),
            version: text(info, "version"),
            compatible: info["compatible"].as_bool(),
            reason: text(info, "incompatibilityReason"),
            deployed: info["deploymentDate"].as_str().and_then(utc_time),
            cluster: text(info, "taskCluster").filter(|_| resources),
            stack_id: text(info, "stackId").filter(|_| resources),
            stack_status: None,
            stack_arn: info["stackId"].as_str().map(str::to_owned),
        }
    }
}

impl RegionRow {
    /// The ARN of its stack, if it is one on AWS.
    fn stack_on_aws(&self) -> Option<&str> {
        let arn = self.stack_arn.as_deref()?;
        stack_region(arn).is_some().then_some(arn)
    }
}

#[async_trait]
impl Question for GetRegionalStacks {
    const NAME: &'static str = "get_regional_stacks";
    const TITLE: &'static str = "Regional stacks";
    const DESCRIPTION: &'static str = "What is deployed: the hub with its version, and the regions where load \
        can be made with versions and whether the hub can use them.";
    type Input = Input;
    type Output = Output;

    async fn answer(
        context: &CallContext<'_>,
        input: Input,
    ) -> Result<ToolAnswer<Output>, Refusal> {
        let answer = context.backend.get(&Ask::Regions).await?;
        let Some(infos) = answer["regions"].as_array() else {
            return Err(BackendError::Unreadable("regions: no list".to_owned()).into());
        };
        let mut warnings = Vec::new();
        let hub = match context.backend.get(&Ask::Stack).await {
            Ok(stack) => Some(Hub::of(&stack, input.include_resources)),
            Err(error) => {
                let text = format!("nothing is known of the hub: {error}");
                warnings.push(Warning::new("hub_unavailable", &text));
                None
            }
        };
        let mut regions: Vec<RegionRow> = infos
            .iter()
            .map(|info| RegionRow::of(info, input.include_resources))
            .collect();
        regions.sort_by(|a, b| a.region.cmp(&b.region));
        if let Some(region) = &input.region {
            let known: Vec<&str> = regions.iter().map(|row| row.region.as_str()).collect();
            if !known.contains(&region.as_str()) {
                let known = known[..known.len().min(10)].join(", ");
                return Err(Refusal::new(
                    Code::UnknownRegion,
                    format!("no such region; there are {known}"),
                )
                .about("region")
                .hint("use one of these, or leave region out"));
            }
            regions.retain(|row| row.region.as_str() == region);
        }
        let region_errors = match context.backend.cloud() {
            Some(cloud) => add_statuses(cloud, &mut regions).await,
            None => {
                if regions.iter().any(|row| row.stack_on_aws().is_some()) {
                    let text = "this server may not ask CloudFormation how stacks are";
                    warnings.push(Warning::new("stack_status_unavailable", text));
                }
                Vec::new()
            }
        };
        Ok(ToolAnswer::whole(Output {
            hub,
            regions,
            region_errors,
            warnings,
            next: "call get_runners for what runs in them and how much room is left".into(),
        }))
    }
}

/// Adds the status of each region's stack, querying all concurrently; returns the regions
/// that failed.
async fn add_statuses(cloud: &dyn Cloud, regions: &mut [RegionRow]) -> Vec<RegionError> {
    let calls = regions.iter_mut().map(|row| async move {
        let arn = row.stack_on_aws()?;
        match cloud.stack_status(arn).await {
            Ok(status) => {
                row.stack_status = Text::some(&status);
                None
            }
            Err(error) => {
                let why = cloud::failure_message(
                    "CloudFormation",
                    "cloudformation:DescribeStacks",
                    &error,
                );
                let text = format!("no stack_status: {why}");
                Some(RegionError::new(row.region.as_str(), &text))
            }
        }
    });
    join_all(calls).await.into_iter().flatten().collect()
}
