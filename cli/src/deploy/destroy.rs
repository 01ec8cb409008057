//! `dlt destroy`: what would go and what stays is shown and asked for; then further regions,
//! the hub, and what they were deployed from. Running it again goes on where it was.

use super::clients::Aws;
use super::clients::cloudformation::{Resource, Stack};
use super::error::DeployError;
use super::naming::{ARTIFACTS, HUB_TAG, HubName, KIND_TAG};
use super::stack::remove;
use super::terminal::Terminal;
use crate::args::{DestroyArgs, DestroyRegionArgs};
use crate::line::{Line, Tone};

/// Types whose resources outlive their stack, as the template says.
const KEPT: [&str; 2] = ["AWS::S3::Bucket", "AWS::DynamoDB::Table"];
/// Names in the hub's template of what is kept.
const KEPT_NAMES: [&str; 3] = ["Bucket", "Scenarios", "History"];

/// Removes a hub with its regions.
pub async fn hub(
    terminal: &mut Terminal,
    name: &HubName,
    args: &DestroyArgs,
) -> Result<(), DeployError> {
    let aws = Aws::load(name.region.as_deref()).await?;
    let Some(stack) = aws.stack(&name.name).await? else {
        terminal.done(&format!(
            "there is no stack {} in {}",
            name.name, aws.region
        ));
        return remove_artifacts(&aws, terminal).await;
    };
    check_is_hub(&stack, &aws)?;
    let regions = further_regions(&aws, terminal, &stack).await;
    let resources = aws.resources(&stack.id).await?;
    let kept = kept(&resources);
    tell(
        terminal,
        name,
        &aws,
        &regions,
        &resources,
        &kept,
        args.with_results,
    );
    if !args.yes
        && !terminal
            .confirm_by_name("Remove all this?", &name.name)
            .await?
    {
        return Err(DeployError::Stopped("nothing was removed".to_owned()));
    }
    for region in &regions {
        let there = aws.in_region(region);
        remove(&there, terminal, &name.region_stack()).await?;
        remove_artifacts(&there, terminal).await?;
    }
    remove(&aws, terminal, &name.name).await?;
    remove_artifacts(&aws, terminal).await?;
    if args.with_results {
        for resource in &kept {
            remove_kept(&aws, terminal, resource).await?;
        }
        return Ok(());
    }
    tell_kept(terminal, &aws, &kept);
    Ok(())
}

/// Removes a further region.
pub async fn region(
    terminal: &mut Terminal,
    hub: &HubName,
    args: &DestroyRegionArgs,
) -> Result<(), DeployError> {
    let home = Aws::load(hub.region.as_deref()).await?;
    let aws = home.in_region(&args.region);
    let name = hub.region_stack();
    let of_hub = format!("{}@{}", hub.name, home.region);
    if let Some(stack) = aws.stack(&name).await? {
        if stack
            .tags
            .get(HUB_TAG)
            .is_some_and(|other| *other != of_hub)
        {
            return Err(DeployError::Input(format!(
                "stack {name} in {} belongs to the hub {}, not to {of_hub}",
                aws.region, stack.tags[HUB_TAG]
            )));
        }
        let count = aws.resources(&stack.id).await?.len();
        terminal.say(&format!(
            "stack {name} in {} goes, with {count} resources; runs that use it now lose its runners",
            aws.region
        ));
        if !args.yes && !terminal.confirm("Remove it?").await? {
            return Err(DeployError::Stopped("nothing was removed".to_owned()));
        }
    }
    remove(&aws, terminal, &name).await?;
    remove_artifacts(&aws, terminal).await
}

fn check_is_hub(stack: &Stack, aws: &Aws) -> Result<(), DeployError> {
    let is_hub = stack.tags.get(KIND_TAG).is_some_and(|kind| kind == "hub")
        || stack.outputs.contains_key("ScenariosTable");
    if is_hub {
        return Ok(());
    }
    Err(DeployError::Input(format!(
        "stack {} in {} is no hub of dlt: it has no tag {KIND_TAG}. If it is one that was not \
         deployed by dlt, remove it with aws cloudformation delete-stack",
        stack.name, aws.region
    )))
}

/// The further regions of a hub, from its table; where that cannot be read, the user is
/// told.
async fn further_regions(aws: &Aws, terminal: &mut Terminal, stack: &Stack) -> Vec<String> {
    let Some(table) = stack.outputs.get("ScenariosTable") else {
        return Vec::new();
    };
    match aws.registered_regions(table).await {
        Ok(regions) => {
            let names = regions.into_iter().map(|row| row.region);
            names.filter(|name| *name != aws.region).collect()
        }
        Err(error) => {
            terminal.warn(&format!(
                "which further regions there are cannot be read ({error}); remove them first with dlt \
                 destroy region"
            ));
            Vec::new()
        }
    }
}

/// What stays when the hub's stack goes.
fn kept(resources: &[Resource]) -> Vec<Resource> {
    let kept = resources.iter().filter(|resource| {
        KEPT.contains(&resource.kind.as_str()) && KEPT_NAMES.contains(&resource.name.as_str())
    });
    kept.cloned().collect()
}

fn tell(
    terminal: &mut Terminal,
    name: &HubName,
    aws: &Aws,
    regions: &[String],
    resources: &[Resource],
    kept: &[Resource],
    with_results: bool,
) {
    let going = resources.len() - if with_results { 0 } else { kept.len() };
    let mut lines = vec![
        Line::of("These go:"),
        Line::of("  ").tone(Tone::Bad, &name.name).plain(format!(
            " in {}, {going} resources: API, workflow, users, logs",
            aws.region
        )),
    ];
    for region in regions {
        lines.push(
            Line::of("  ")
                .tone(Tone::Bad, name.region_stack())
                .plain(format!(" in {region}: runners, logs")),
        );
    }
    lines.push(Line::of(format!(
        "  {ARTIFACTS} in each of these regions, unless another hub uses it"
    )));
    if !kept.is_empty() {
        let (tone, head) = match with_results {
            true => (Tone::Bad, "And, for good, scenarios and results:"),
            false => (Tone::Good, "These stay, until you remove them:"),
        };
        lines.push(Line::of(head));
        for resource in kept {
            lines.push(
                Line::of("  ")
                    .tone(tone, &resource.id)
                    .tone(Tone::Quiet, format!("  {}", resource.kind)),
            );
        }
    }
    terminal.lines(&lines);
}

fn tell_kept(terminal: &mut Terminal, aws: &Aws, kept: &[Resource]) {
    if kept.is_empty() {
        return;
    }
    let mut lines = vec![Line::of(
        "Scenarios and results are kept. To remove them, too:",
    )];
    for resource in kept {
        let command = match resource.kind.as_str() {
            "AWS::S3::Bucket" => format!(
                "aws s3 rb --force --region {} s3://{} (older versions: in the S3 console)",
                aws.region, resource.id
            ),
            _ => format!(
                "aws dynamodb delete-table --region {} --table-name {}",
                aws.region, resource.id
            ),
        };
        lines.push(Line::of("  ").tone(Tone::Command, command));
    }
    terminal.lines(&lines);
}

async fn remove_kept(
    aws: &Aws,
    terminal: &mut Terminal,
    resource: &Resource,
) -> Result<(), DeployError> {
    if resource.kind == "AWS::S3::Bucket" {
        let objects = aws.empty_bucket(&resource.id).await?;
        aws.remove_bucket(&resource.id).await?;
        terminal.done(&format!(
            "bucket {} is removed, with {objects} objects",
            resource.id
        ));
    } else {
        aws.remove_table(&resource.id).await?;
        terminal.done(&format!("table {} is removed", resource.id));
    }
    Ok(())
}

/// Removes a region's archives and images, unless a stack that was made of them is there.
async fn remove_artifacts(aws: &Aws, terminal: &mut Terminal) -> Result<(), DeployError> {
    let stacks = aws.stacks().await?;
    let others = stacks.iter().filter(|stack| {
        let kind = stack.tags.get(KIND_TAG).map(String::as_str);
        matches!(kind, Some("hub" | "region")) && stack.status != "DELETE_COMPLETE"
    });
    let others: Vec<&str> = others.map(|stack| stack.name.as_str()).collect();
    if !others.is_empty() {
        terminal.say(&format!(
            "stack {ARTIFACTS} stays in {}: {} needs it",
            aws.region,
            others.join(", ")
        ));
        return Ok(());
    }
    let Some(stack) = stacks.iter().find(|stack| stack.name == ARTIFACTS) else {
        return Ok(());
    };
    if let Some(bucket) = stack.outputs.get("ArtifactBucket") {
        aws.empty_bucket(bucket).await?;
    }
    remove(aws, terminal, ARTIFACTS).await
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_kept_is_what_the_template_keeps() {
        // Names under Resources whose next lines say that they are kept.
        let template = dlt_infra::hub();
        let mut name = "";
        let mut kept = Vec::new();
        for line in template.lines() {
            if let Some(text) = line.strip_prefix("  ")
                && !text.starts_with([' ', '#', '-'])
            {
                name = text.trim_end_matches(':');
            }
            if line.trim_start().starts_with("DeletionPolicy: Retain") {
                kept.push(name);
            }
        }
        kept.sort_unstable();
        let mut told = KEPT_NAMES;
        told.sort_unstable();
        assert_eq!(kept, told);
    }
}
