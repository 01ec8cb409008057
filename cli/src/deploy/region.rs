//! `dlt deploy region`: runners in a further AWS region, for a hub that is there.

use super::artifacts::Artifacts;
use super::clients::Aws;
use super::clients::cloudformation::{Stack, Template};
use super::engines::{self, Had};
use super::error::DeployError;
use super::naming::{ARTIFACTS, HUB_TAG, HubName, KIND_TAG, VERSION};
use super::parameters::{Given, check_version, names};
use super::stack::{Desired, bring, existing};
use super::terminal::Terminal;
use crate::args::RegionArgs;
use std::collections::BTreeMap;

/// Parameters of a region's stack, and the hub's outputs that they are taken from.
const FROM_HUB: [(&str, &str); 8] = [
    ("HubBucket", "BucketName"),
    ("HubScenariosTable", "ScenariosTable"),
    ("HubIotHost", "IotHost"),
    ("HubApiRole", "ApiRoleName"),
    ("HubTaskStatusCheckerRole", "TaskStatusCheckerRoleName"),
    ("HubTaskRunnerRole", "TaskRunnerRoleName"),
    ("HubTaskCancelerRole", "TaskCancelerRoleName"),
    ("HubResultsParserRole", "ResultsParserRoleName"),
];

/// Adds or updates a region; its stack.
pub async fn deploy(
    terminal: &mut Terminal,
    hub_name: &HubName,
    args: &RegionArgs,
) -> Result<Stack, DeployError> {
    let home = Aws::load(hub_name.region.as_deref()).await?;
    let caller = home.caller().await?;
    let hub = hub_name.hub(&home).await?;
    check_version(Some(&hub))?;
    check_goes_with(&hub, &home, &args.region)?;
    let aws = home.in_region(&args.region);
    terminal.say(&format!(
        "account {}, region {} for the hub {} in {}",
        caller.account, aws.region, hub.name, home.region
    ));
    let name = hub_name.region_stack();
    let of_hub = format!("{}@{}", hub.name, home.region);
    let current = existing(&aws, &name).await?;
    check_version(current.as_ref())?;
    if let Some(stack) = &current
        && stack
            .tags
            .get(HUB_TAG)
            .is_some_and(|other| *other != of_hub)
    {
        return Err(DeployError::Input(format!(
            "stack {name} in {} belongs to the hub {}; give one of the hubs another name",
            aws.region, stack.tags[HUB_TAG]
        )));
    }
    let template = dlt_infra::region();
    let known = names(&template);
    let mut given = Given::of(&args.stack, &known)?;
    given.set("HubRegion", &home.region);
    set_from_hub(&mut given, &hub)?;
    let artifacts = Artifacts::bring(&aws, terminal, args.stack.yes).await?;
    artifacts
        .set_common(&aws, terminal, &mut given, &args.stack, current.as_ref())
        .await?;
    let had = match current.as_ref() {
        Some(stack) => Had::of(stack, artifacts.repository()),
        // A new region runs what its hub runs.
        None => had_by_hub(&home, &hub).await?,
    };
    let stack = &args.stack;
    engines::bring(&aws, terminal, &artifacts, &mut given, stack, had.as_ref()).await?;
    let url = artifacts.template(&aws, "region", &template).await?;
    let desired = Desired {
        name: &name,
        template: Template::Url(&url),
        known: &known,
        parameters: given.into_values(),
        tags: BTreeMap::from([
            (KIND_TAG.to_owned(), "region".to_owned()),
            (HUB_TAG.to_owned(), of_hub),
        ]),
        output: "RunnerClusterName",
        yes: args.stack.yes,
    };
    let stack = bring(&aws, terminal, &desired).await?;
    terminal.say(&format!(
        "  use it: dlt run https://your.target/ --region {} --stack {}@{}",
        aws.region, hub.name, home.region
    ));
    Ok(stack)
}

/// What runs scripts in the hub's own region.
async fn had_by_hub(home: &Aws, hub: &Stack) -> Result<Option<Had>, DeployError> {
    let artifacts = existing(home, ARTIFACTS).await?;
    let repository = artifacts.and_then(|stack| stack.outputs.get("WorkerRepository").cloned());
    Ok(Had::of(hub, &repository.unwrap_or_default()))
}

/// Refuses a region that this hub cannot have.
fn check_goes_with(hub: &Stack, home: &Aws, region: &str) -> Result<(), DeployError> {
    if hub
        .parameters
        .get("DltVersion")
        .is_some_and(|version| version != VERSION)
    {
        return Err(DeployError::Input(format!(
            "the hub is of dlt {}, this command of {VERSION}: a region must not be newer than its \
             hub. First update the hub: dlt deploy hub --stack {}@{}",
            hub.parameters["DltVersion"], hub.name, home.region
        )));
    }
    if region == home.region {
        return Err(DeployError::Input(format!(
            "{} is the hub's own region, which has runners already; name another one",
            region
        )));
    }
    Ok(())
}

/// Sets the parameters that are outputs of the hub.
fn set_from_hub(given: &mut Given, hub: &Stack) -> Result<(), DeployError> {
    for (parameter, output) in FROM_HUB {
        let value = hub.outputs.get(output).ok_or_else(|| {
            DeployError::Stack(format!(
                "stack {} has no output {output}: is it dlt's, and whole? dlt deploy hub mends it",
                hub.name
            ))
        })?;
        given.set(parameter, value);
    }
    Ok(())
}
