//! What is deployed: the hub and the regions where load can be made.

use super::{Asked, Question};
use crate::answer::{Answer, RegionError, Warning, instant};
use crate::backend::cloud::{self, Cloud, stack_region};
use crate::backend::{Ask, BackendError};
use crate::clean::Text;
use crate::refusal::{Code, Refusal};
use async_trait::async_trait;
use futures_util::future::join_all;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;

pub(super) struct GetRegionalStacks;

/// Its arguments.
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

/// Its answer.
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
    stack: Option<String>,
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
            created: stack["created_time"].as_str().and_then(instant),
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
            deployed: info["deploymentDate"].as_str().and_then(instant),
            cluster: text(info, "taskCluster").filter(|_| resources),
            stack_id: text(info, "stackId").filter(|_| resources),
            stack_status: None,
            stack: info["stackId"].as_str().map(str::to_owned),
        }
    }
}

#[async_trait]
impl Question for GetRegionalStacks {
    const NAME: &'static str = "get_regional_stacks";
    const TITLE: &'static str = "Regional stacks";
    const TEXT: &'static str = "What is deployed: the hub with its version, and the regions where load \
        can be made with versions and whether the hub can use them.";
    type Input = Input;
    type Output = Output;

    async fn answer(asked: &Asked<'_>, input: Input) -> Result<Answer<Output>, Refusal> {
        let found = asked.backend.get(&Ask::Regions).await?;
        let Some(infos) = found["regions"].as_array() else {
            return Err(BackendError::Unreadable("regions: no list".to_owned()).into());
        };
        let mut warnings = Vec::new();
        let hub = match asked.backend.get(&Ask::Stack).await {
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
        let region_errors = match asked.backend.cloud() {
            Some(aws) => statuses(aws, &mut regions).await,
            None => {
                let stacks =
                    |row: &RegionRow| row.stack.as_deref().and_then(stack_region).is_some();
                if regions.iter().any(stacks) {
                    let text = "this server may not ask CloudFormation how stacks are";
                    warnings.push(Warning::new("stack_status_unavailable", text));
                }
                Vec::new()
            }
        };
        Ok(Answer::whole(Output {
            hub,
            regions,
            region_errors,
            warnings,
            next: "call get_runners for what runs in them and how much room is left".into(),
        }))
    }
}

/// Asks the regions' stacks how they are, all at once; which could not be asked.
async fn statuses(aws: &dyn Cloud, regions: &mut [RegionRow]) -> Vec<RegionError> {
    let asked = regions.iter_mut().map(|row| async move {
        let stack = row
            .stack
            .as_deref()
            .filter(|arn| stack_region(arn).is_some())?;
        match aws.stack_status(stack).await {
            Ok(status) => {
                row.stack_status = Text::some(&status);
                None
            }
            Err(error) => {
                let why = cloud::why("CloudFormation", "cloudformation:DescribeStacks", &error);
                let text = format!("no stack_status: {why}");
                Some(RegionError::new(row.region.as_str(), &text))
            }
        }
    });
    join_all(asked).await.into_iter().flatten().collect()
}
