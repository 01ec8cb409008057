//! `dlt deploy hub`: from this release's files to a hub in an AWS account.

use super::artifacts::Artifacts;
use super::clients::Aws;
use super::clients::cloudformation::{Stack, Template};
use super::error::DeployError;
use super::naming::{HUB_TAG, HubName, KIND_TAG, VERSION};
use super::parameters::{Given, check_version, names};
use super::stack::{Plan, bring};
use super::terminal::Terminal;
use crate::args::HubArgs;
use crate::line::{Line, Tone};
use std::collections::BTreeMap;

/// Deploys or updates the hub; its stack.
pub async fn deploy(
    terminal: &mut Terminal,
    name: &HubName,
    args: &HubArgs,
) -> Result<Stack, DeployError> {
    let aws = Aws::load(name.region.as_deref()).await?;
    let caller = aws.caller().await?;
    terminal.say(&format!(
        "account {}, region {}, as {}",
        caller.account, aws.region, caller.arn
    ));
    let current = aws.stack(&name.name).await?;
    check_version(current.as_ref())?;
    let template = dlt_infra::hub();
    let known = names(&template);
    let mut given = Given::of(&args.stack, &known)?;
    match &args.admin_email {
        Some(address) => given.set("AdminEmail", address),
        None if current
            .as_ref()
            .is_none_or(|stack| !stack.parameters.contains_key("AdminEmail")) =>
        {
            return Err(DeployError::Input(
                "a new hub needs its first user: --admin-email ADDRESS, to which AWS sends the \
                 invitation"
                    .to_owned(),
            ));
        }
        None => {}
    }
    let artifacts = Artifacts::bring(&aws, terminal, args.stack.yes).await?;
    given.set("ArtifactBucket", &artifacts.bucket);
    given.set("Architecture", artifacts.architecture()?);
    given.set("FunctionsKey", &artifacts.functions(&aws, terminal).await?);
    let mcp = if args.no_mcp {
        String::new()
    } else {
        artifacts.mcp(&aws, terminal).await?
    };
    given.set("McpKey", &mcp);
    let console = artifacts.console(&aws, terminal, args.console.as_deref());
    given.set("ConsoleKey", &console.await?);
    let image = artifacts
        .image(&aws, terminal, args.stack.worker_image.as_deref())
        .await?;
    given.set("WorkerImage", &image);
    given.set("DltVersion", VERSION);
    let url = artifacts.template(&aws, "hub", &template).await?;
    let plan = Plan {
        name: &name.name,
        template: Template::Url(&url),
        known: &known,
        parameters: given.into_values(),
        tags: BTreeMap::from([
            (KIND_TAG.to_owned(), "hub".to_owned()),
            (HUB_TAG.to_owned(), format!("{}@{}", name.name, aws.region)),
        ]),
        yes: args.stack.yes,
    };
    let stack = bring(&aws, terminal, &plan).await?;
    tell(terminal, name, &aws, &stack, current.is_none());
    Ok(stack)
}

/// Where it is, and what to do next.
fn tell(terminal: &mut Terminal, name: &HubName, aws: &Aws, stack: &Stack, is_new: bool) {
    let mut lines = vec![Line::new()];
    for (what, output) in [
        ("API", "DLTApiEndpoint"),
        ("console", "ConsoleUrl"),
        ("sign-in", "SignInUrl"),
        ("agents", "McpEndpoint"),
        ("results", "BucketName"),
    ] {
        if let Some(value) = stack.outputs.get(output) {
            lines.push(Line::of(format!("  {what:<9}")).tone(Tone::Strong, value));
        }
    }
    if is_new && let Some(address) = stack.parameters.get("AdminEmail") {
        lines.push(Line::of(format!(
            "  An invitation is on its way to {address}."
        )));
    }
    let at = format!("--stack {}@{}", name.name, aws.region);
    lines.push(Line::new());
    for (what, command) in [
        ("a first run", format!("dlt run https://your.target/ {at}")),
        ("more regions", format!("dlt deploy region AWS-REGION {at}")),
        ("is all well?", format!("dlt doctor --aws {at}")),
        ("remove it", format!("dlt destroy hub {at}")),
    ] {
        lines.push(Line::of(format!("  {what:<14}")).tone(Tone::Command, command));
    }
    terminal.lines(&lines);
}
