//! `dlt destroy`: what would go and what stays is shown and asked for; then further regions,
//! the hub, and what they were deployed from. Running it again goes on where it was.

use super::clients::Aws;
use super::clients::cloudformation::{LOOK_PAUSE, Resource, Stack};
use super::error::DeployError;
use super::naming::{ARTIFACTS, HUB_TAG, HubName, KIND_TAG};
use super::stack::remove;
use super::terminal::Terminal;
use crate::args::{DestroyArgs, DestroyRegionArgs};
use crate::line::{Line, Tone};
use std::collections::BTreeSet;
use std::time::{Duration, Instant};

/// How long runners may take to end: ECS kills them 60 s after it was asked.
const LONGEST_END: Duration = Duration::from_secs(300);
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
    let found = aws.stack(&name.name).await?;
    if let Some(stack) = &found {
        check_is_hub(stack, &aws)?;
    }
    let regions = region_stacks(&aws, terminal, name, found.as_ref()).await?;
    let resources = match (&found, aws.removed_stack(&name.name).await?) {
        (Some(stack), _) => aws.resources(&stack.id).await?,
        // What a stack kept that was removed before.
        (None, Some(removed)) => left_by(&aws, &removed).await?,
        (None, None) => Vec::new(),
    };
    if found.is_none() && regions.is_empty() && (resources.is_empty() || !args.with_results) {
        terminal.done(&format!(
            "there is no stack {} in {}",
            name.name, aws.region
        ));
        return Ok(());
    }
    let kept = kept(&resources);
    tell(
        terminal,
        (name, &aws),
        &regions,
        (&resources, &kept),
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
        remove_with_runners(&aws.in_region(region), terminal, &name.region_stack()).await?;
    }
    if found.is_some() {
        remove_with_runners(&aws, terminal, &name.name).await?;
    }
    if args.with_results {
        for resource in &kept {
            remove_kept(&aws, terminal, resource).await?;
        }
    } else {
        tell_kept(terminal, &aws, &kept);
    }
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
    let Some(stack) = aws.stack(&name).await? else {
        terminal.done(&format!("there is no stack {name} in {}", aws.region));
        return Ok(());
    };
    if !is_of_hub(&stack, hub, &home) {
        return Err(DeployError::Input(format!(
            "stack {name} in {} is not of the hub {}@{}: its tag {HUB_TAG} is {:?}",
            aws.region,
            hub.name,
            home.region,
            stack.tags.get(HUB_TAG).map_or("", String::as_str)
        )));
    }
    let count = aws.resources(&stack.id).await?.len();
    terminal.say(&format!(
        "stack {name} in {} goes, with {count} resources; runs that use it now lose its runners, \
         and stack {ARTIFACTS} with it, unless another one needs it",
        aws.region
    ));
    if !args.yes && !terminal.confirm("Remove it?").await? {
        return Err(DeployError::Stopped("nothing was removed".to_owned()));
    }
    remove_with_runners(&aws, terminal, &name).await
}

/// Removes a stack after its runners, without which its cluster cannot go, and what only
/// it was deployed from.
async fn remove_with_runners(
    aws: &Aws,
    terminal: &mut Terminal,
    name: &str,
) -> Result<(), DeployError> {
    let stack = aws.stack(name).await?;
    let cluster = stack.and_then(|stack| stack.outputs.get("RunnerClusterName").cloned());
    if let Some(cluster) = cluster {
        end_runners(aws, terminal, &cluster).await?;
    }
    remove(aws, terminal, name).await?;
    remove_artifacts(aws, terminal).await
}

async fn end_runners(aws: &Aws, terminal: &mut Terminal, cluster: &str) -> Result<(), DeployError> {
    let mut asked = BTreeSet::new();
    let began = Instant::now();
    loop {
        let tasks = match aws.tasks(cluster).await {
            Ok(tasks) => tasks,
            // Gone with an earlier try.
            Err(DeployError::Refused { code, .. }) if code == "ClusterNotFoundException" => {
                return Ok(());
            }
            Err(error) => return Err(error),
        };
        if tasks.is_empty() {
            return Ok(());
        }
        for task in &tasks {
            if asked.insert(task.arn.clone()) {
                aws.stop_task(cluster, &task.arn, "dlt destroy").await?;
            }
        }
        let count = tasks.len();
        if began.elapsed() > LONGEST_END {
            return Err(DeployError::Stack(format!(
                "{count} runners of {cluster} in {} have not ended after {} s, although ECS was asked \
                 to stop them; run the command again",
                aws.region,
                LONGEST_END.as_secs()
            )));
        }
        terminal.live(Some(&format!("  waiting for the end of {count} runners")));
        terminal.pause(LOOK_PAUSE, "the runners").await?;
    }
}

/// Whether a region's stack is of this hub; one without a tag was made by other means, for
/// the hub that its parameter names.
fn is_of_hub(stack: &Stack, hub: &HubName, home: &Aws) -> bool {
    match stack.tags.get(HUB_TAG) {
        Some(of) => *of == format!("{}@{}", hub.name, home.region),
        None => stack.parameters.get("HubRegion") == Some(&home.region),
    }
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

/// The further regions that have a stack of this hub. Their rows in its table go before
/// they do, so all regions of the account are looked at, too.
async fn region_stacks(
    aws: &Aws,
    terminal: &mut Terminal,
    name: &HubName,
    hub: Option<&Stack>,
) -> Result<Vec<String>, DeployError> {
    let mut regions = BTreeSet::new();
    if let Some(table) = hub.and_then(|stack| stack.outputs.get("ScenariosTable")) {
        match aws.registered_regions(table).await {
            Ok(rows) => regions.extend(rows.into_iter().map(|row| row.region)),
            Err(error) => terminal.warn(&format!("the hub's list of regions: {error}")),
        }
    }
    regions.extend(aws.enabled_regions().await?);
    regions.remove(&aws.region);
    let stack = name.region_stack();
    let mut found = Vec::new();
    for region in regions {
        terminal.live(Some(&format!("  looking for runners in {region}")));
        match aws.in_region(&region).stack(&stack).await {
            Ok(Some(there)) if is_of_hub(&there, name, aws) => found.push(region),
            Ok(_) => {}
            // An account may be shut out of a region.
            Err(error) => terminal.warn(&format!("{region} cannot be looked at: {error}")),
        }
    }
    terminal.live(None);
    Ok(found)
}

/// What a removed stack left behind, by its last events.
async fn left_by(aws: &Aws, stack: &str) -> Result<Vec<Resource>, DeployError> {
    let events = aws.events(stack, None).await?;
    let left = events
        .into_iter()
        .filter(|event| event.status == "DELETE_SKIPPED");
    let left: Vec<Resource> = left
        .map(|event| Resource {
            name: event.resource,
            kind: event.kind,
            id: event.physical_id,
        })
        .collect();
    Ok(kept(&left))
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
    (name, aws): (&HubName, &Aws),
    regions: &[String],
    (resources, kept): (&[Resource], &[Resource]),
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
    let mut lines = vec![
        Line::of("Scenarios and results are kept. This removes them, too: ")
            .tone(Tone::Command, "dlt destroy hub --with-results"),
        Line::of("or, one by one:"),
    ];
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
    let artifacts = stacks.iter().find(|stack| {
        let kind = stack.tags.get(KIND_TAG).map(String::as_str);
        stack.name == ARTIFACTS && kind == Some("artifacts")
    });
    let Some(artifacts) = artifacts else {
        return Ok(());
    };
    let bucket = artifacts.outputs.get("ArtifactBucket");
    // Also those that were deployed from it by other means.
    let others = stacks.iter().filter(|stack| {
        let kind = stack.tags.get(KIND_TAG).map(String::as_str);
        let uses_it = bucket.is_some() && stack.parameters.get("ArtifactBucket") == bucket;
        (uses_it || matches!(kind, Some("hub" | "region"))) && stack.status != "DELETE_COMPLETE"
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
    if let Some(bucket) = bucket {
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
