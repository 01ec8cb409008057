//! `dlt deploy hub`: from this release's files to a hub in an AWS account.

use super::artifacts::Artifacts;
use super::clients::Aws;
use super::clients::cloudformation::{Stack, Template};
use super::engines::{self, Had};
use super::error::DeployError;
use super::naming::{HUB_TAG, HubName, KIND_TAG};
use super::parameters::{Given, check_version, names};
use super::stack::{Desired, bring, existing};
use super::terminal::Terminal;
use crate::args::HubArgs;
use crate::line::{Line, Tone};
use std::collections::BTreeMap;

/// Key of a region's template in the hub's bucket, as DLT's clients know it.
const REGION_TEMPLATE: &str = "regional-template/distributed-load-testing-on-aws-regional.template";

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
    let current = existing(&aws, &name.name).await?;
    check_version(current.as_ref())?;
    let template = dlt_infra::hub();
    let known = names(&template);
    let mut given = given(args, &known, current.as_ref())?;
    if current.is_none()
        && let Err(error) = aws.make_ecs_role().await
    {
        terminal.warn(&format!(
            "the role with which ECS acts could not be made ({error}); an account that has used ECS \
             before has it"
        ));
    }
    let artifacts = Artifacts::bring(&aws, terminal, args.stack.yes).await?;
    if let Some(key) = mcp(&aws, terminal, &artifacts, args, current.as_ref()).await? {
        given.set("McpKey", &key);
    }
    let console = match args.no_console {
        true => Some(String::new()),
        false => {
            artifacts
                .console(&aws, terminal, args.console.as_deref())
                .await?
        }
    };
    // Where this release has none, the stack keeps what it has.
    if let Some(key) = console {
        given.set("ConsoleKey", &key);
    }
    artifacts
        .set_common(&aws, terminal, &mut given, &args.stack, current.as_ref())
        .await?;
    let had = current.as_ref();
    let had = had.and_then(|stack| Had::of(stack, artifacts.repository()));
    let stack = &args.stack;
    engines::bring(&aws, terminal, &artifacts, &mut given, stack, had.as_ref()).await?;
    let url = artifacts.template(&aws, "hub", &template).await?;
    let desired = Desired {
        name: &name.name,
        template: Template::Url(&url),
        known: &known,
        parameters: given.into_values(),
        tags: BTreeMap::from([
            (KIND_TAG.to_owned(), "hub".to_owned()),
            (HUB_TAG.to_owned(), format!("{}@{}", name.name, aws.region)),
        ]),
        output: "ScenariosTable",
        yes: args.stack.yes,
    };
    let stack = bring(&aws, terminal, &desired).await?;
    if let Some(bucket) = stack.outputs.get("BucketName") {
        // Where the API tells DLT's clients that a region's template is (GET /regions).
        let region = dlt_infra::region().into_bytes();
        aws.put_object(bucket, REGION_TEMPLATE, region).await?;
    }
    tell(terminal, name, &aws, &stack, current.is_none());
    Ok(stack)
}

/// What the flags say; a new hub needs its first user.
fn given(args: &HubArgs, known: &[String], current: Option<&Stack>) -> Result<Given, DeployError> {
    let mut given = Given::of(&args.stack, known)?;
    let has_user = current.is_some_and(|stack| stack.parameters.contains_key("AdminEmail"));
    match &args.admin_email {
        Some(address) => given.set("AdminEmail", address),
        None if !has_user => {
            return Err(DeployError::Input(
                "a new hub needs its first user: --admin-email ADDRESS, to which AWS sends the \
                 invitation"
                    .to_owned(),
            ));
        }
        None => {}
    }
    Ok(given)
}

/// The key of the MCP server's function: this release's, nothing where it is not wanted;
/// None keeps a stack without it as it is.
async fn mcp(
    aws: &Aws,
    terminal: &mut Terminal,
    artifacts: &Artifacts,
    args: &HubArgs,
    current: Option<&Stack>,
) -> Result<Option<String>, DeployError> {
    if args.no_mcp {
        return Ok(Some(String::new()));
    }
    let is_without = current.is_some_and(|stack| {
        let key = stack.parameters.get("McpKey");
        key.is_none_or(String::is_empty)
    });
    if is_without && !args.mcp {
        terminal.say("MCP server: the hub stays without; --mcp adds it");
        return Ok(None);
    }
    artifacts.mcp(aws, terminal).await.map(Some)
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
