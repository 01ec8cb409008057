//! `dlt destroy`: what would go and what stays is shown and asked for; then further regions,
//! the hub, and what they were deployed from. Running it again goes on where it was.

use super::clients::Aws;
use super::clients::cloudformation::{LOOK_PAUSE, Resource, Stack};
use super::error::DeployError;
use super::follow::{EMPTY, GONE};
use super::naming::{ARTIFACTS, HUB_TAG, HubName, KIND_TAG};
use super::removal::remove;
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

/// What is to be removed.
struct Hub {
    /// Its stack; None where it is gone already.
    stack: Option<Stack>,
    /// Whether its region still has archives and images that no stack uses.
    has_artifacts: bool,
    /// Further regions that have a stack of it, or archives and images that no stack uses.
    regions: Vec<InRegion>,
    /// The resources of its stack.
    resources: Vec<Resource>,
    /// What stays when its stack goes, and what earlier ones of this name left.
    kept: Vec<Resource>,
}

/// What is in a further region.
struct InRegion {
    region: String,
    /// Whether it has a stack of runners; else only archives and images are left.
    has_stack: bool,
}

impl Hub {
    async fn find(aws: &Aws, terminal: &mut Terminal, name: &HubName) -> Result<Self, DeployError> {
        let stack = aws.stack(&name.name).await?;
        if let Some(stack) = &stack {
            check_is_hub(stack, aws)?;
        }
        let resources = match &stack {
            Some(stack) => aws.resources(&stack.id).await?,
            None => Vec::new(),
        };
        let mut all = kept(&resources);
        all.extend(left_by_removed(aws, &name.name).await?);
        Ok(Self {
            has_artifacts: Artifacts::of(&aws.stacks().await?).is_some_and(|it| it.are_unused()),
            regions: regions_of(aws, terminal, name, stack.as_ref()).await?,
            stack,
            resources,
            kept: those_there(aws, all).await?,
        })
    }

    /// Whether there is nothing that runs or costs, but for what is kept.
    fn is_gone(&self) -> bool {
        self.stack.is_none() && self.regions.is_empty() && !self.has_artifacts
    }
}

/// Removes a hub with its regions.
pub async fn hub(
    terminal: &mut Terminal,
    name: &HubName,
    args: &DestroyArgs,
) -> Result<(), DeployError> {
    let aws = Aws::load(name.region.as_deref()).await?;
    let hub = Hub::find(&aws, terminal, name).await?;
    let kept = &hub.kept;
    if hub.is_gone() && (kept.is_empty() || !args.with_results) {
        terminal.done(&format!(
            "there is no stack {} in {}",
            name.name, aws.region
        ));
        tell_kept(terminal, &aws, kept);
        return Ok(());
    }
    tell(terminal, (name, &aws), &hub, args.with_results);
    if !args.yes
        && !terminal
            .confirm_by_name("Remove all this?", &name.name)
            .await?
    {
        return Err(DeployError::Stopped("nothing was removed".to_owned()));
    }
    for there in &hub.regions {
        let aws = aws.in_region(&there.region);
        // A stack of this name that is not the hub's is not touched.
        if there.has_stack {
            remove_with_runners(&aws, terminal, &name.region_stack()).await?;
        } else {
            remove_artifacts(&aws, terminal).await?;
        }
    }
    remove_with_runners(&aws, terminal, &name.name).await?;
    if args.with_results {
        for resource in kept {
            remove_kept(&aws, terminal, resource).await?;
        }
    } else {
        tell_kept(terminal, &aws, kept);
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
    match aws.stack(&name).await? {
        Some(stack) => {
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
                "stack {name} in {} goes, with {count} resources; runs that use it now lose its \
                 runners, and stack {ARTIFACTS} with it, unless another one needs it",
                aws.region
            ));
        }
        None => {
            terminal.done(&format!("there is no stack {name} in {}", aws.region));
            if !Artifacts::of(&aws.stacks().await?).is_some_and(|it| it.are_unused()) {
                return Ok(());
            }
            terminal.say(&format!(
                "stack {ARTIFACTS} in {} goes, which no other stack needs",
                aws.region
            ));
        }
    }
    if !args.yes && !terminal.confirm("Remove it?").await? {
        return Err(DeployError::Stopped("nothing was removed".to_owned()));
    }
    remove_with_runners(&aws, terminal, &name).await
}

/// Removes a stack after its runners, without which its cluster cannot go, and what only
/// it was deployed from; what is gone already is fine.
async fn remove_with_runners(
    aws: &Aws,
    terminal: &mut Terminal,
    name: &str,
) -> Result<(), DeployError> {
    if let Some(stack) = aws.stack(name).await? {
        if let Some(cluster) = stack.outputs.get("RunnerClusterName") {
            end_runners(aws, terminal, cluster).await?;
        }
        remove(aws, terminal, name).await?;
    }
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

/// Whether a stack is, or was, a hub: by its tag, or by what only a hub tells.
fn is_hub(stack: &Stack) -> bool {
    stack.tags.get(KIND_TAG).is_some_and(|kind| kind == "hub")
        || stack.outputs.contains_key("ScenariosTable")
}

fn check_is_hub(stack: &Stack, aws: &Aws) -> Result<(), DeployError> {
    // What a deployment that broke off before its first change left has neither.
    if is_hub(stack) || stack.status == EMPTY {
        return Ok(());
    }
    Err(DeployError::Input(format!(
        "stack {} in {} is no hub of dlt: it has no tag {KIND_TAG}. If it is one that was not \
         deployed by dlt, remove it with aws cloudformation delete-stack",
        stack.name, aws.region
    )))
}

/// The further regions that have something of this hub. Their rows in its table go before
/// they do, so all regions of the account are looked at, too.
async fn regions_of(
    aws: &Aws,
    terminal: &mut Terminal,
    name: &HubName,
    hub: Option<&Stack>,
) -> Result<Vec<InRegion>, DeployError> {
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
        match aws.in_region(&region).stacks().await {
            Ok(stacks) => {
                let mut own = stacks.iter().filter(|it| it.name == stack);
                let has_stack = own.any(|it| is_of_hub(it, name, aws));
                let is_left = Artifacts::of(&stacks).is_some_and(|it| it.are_unused());
                if has_stack || is_left {
                    found.push(InRegion { region, has_stack });
                }
            }
            // An account may be shut out of a region.
            Err(error) => terminal.warn(&format!("{region} cannot be looked at: {error}")),
        }
    }
    terminal.live(None);
    Ok(found)
}

/// What removed hubs of this name left behind, by their last events. Another stack of this
/// name may have been anybody's.
async fn left_by_removed(aws: &Aws, name: &str) -> Result<Vec<Resource>, DeployError> {
    let mut left = Vec::new();
    for stack in aws.removed_stacks(name).await? {
        if !aws.stack(&stack).await?.is_some_and(|it| is_hub(&it)) {
            continue;
        }
        let events = aws.events(&stack, None).await?;
        let skipped = events
            .into_iter()
            .filter(|event| event.status == "DELETE_SKIPPED");
        let skipped: Vec<Resource> = skipped
            .map(|event| Resource {
                name: event.resource,
                kind: event.kind,
                id: event.physical_id,
            })
            .collect();
        left.extend(kept(&skipped));
    }
    Ok(left)
}

/// Those that are there: a stack lists also what was never made, or is removed again.
async fn those_there(aws: &Aws, all: Vec<Resource>) -> Result<Vec<Resource>, DeployError> {
    let mut there = Vec::new();
    for resource in all {
        if resource.id.is_empty() {
            continue;
        }
        let is_there = match resource.kind.as_str() {
            "AWS::S3::Bucket" => aws.has_bucket(&resource.id).await?,
            _ => aws.has_table(&resource.id).await?,
        };
        if is_there && !there.contains(&resource) {
            there.push(resource);
        }
    }
    Ok(there)
}

/// What stays when the hub's stack goes.
fn kept(resources: &[Resource]) -> Vec<Resource> {
    let kept = resources.iter().filter(|resource| {
        KEPT.contains(&resource.kind.as_str()) && KEPT_NAMES.contains(&resource.name.as_str())
    });
    kept.cloned().collect()
}

fn tell(terminal: &mut Terminal, (name, aws): (&HubName, &Aws), hub: &Hub, with_results: bool) {
    let kept = &hub.kept;
    let mut lines = vec![Line::of("These go:")];
    if hub.stack.is_some() {
        let stays = hub.resources.iter().filter(|it| kept.contains(it)).count();
        let going = hub.resources.len() - if with_results { 0 } else { stays };
        lines.push(Line::of("  ").tone(Tone::Bad, &name.name).plain(format!(
            " in {}, {going} resources: API, workflow, users, logs",
            aws.region
        )));
    }
    for there in hub.regions.iter().filter(|it| it.has_stack) {
        lines.push(
            Line::of("  ")
                .tone(Tone::Bad, name.region_stack())
                .plain(format!(" in {}: runners, logs", there.region)),
        );
    }
    let mut places = vec![aws.region.as_str()];
    places.extend(hub.regions.iter().map(|it| it.region.as_str()));
    lines.push(Line::of(format!(
        "  {ARTIFACTS} in {}, unless another hub uses it",
        places.join(", ")
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

/// The stack of a region's archives and images, and the stacks that were made of them.
struct Artifacts<'a> {
    stack: &'a Stack,
    users: Vec<&'a str>,
}

impl<'a> Artifacts<'a> {
    /// Finds it among the stacks of its region.
    fn of(stacks: &'a [Stack]) -> Option<Self> {
        let kind = |stack: &'a Stack| stack.tags.get(KIND_TAG).map(String::as_str);
        let stack = stacks.iter().find(|stack| {
            // What a deployment that broke off before its first change left has no tag.
            let is_ours = kind(stack) == Some("artifacts") || stack.status == EMPTY;
            stack.name == ARTIFACTS && is_ours
        })?;
        let bucket = stack.outputs.get("ArtifactBucket");
        // Also those that were deployed from it by other means.
        let users = stacks.iter().filter(|other| {
            let uses_it = bucket.is_some() && other.parameters.get("ArtifactBucket") == bucket;
            (uses_it || matches!(kind(other), Some("hub" | "region"))) && other.status != GONE
        });
        Some(Self {
            stack,
            users: users.map(|stack| stack.name.as_str()).collect(),
        })
    }

    fn are_unused(&self) -> bool {
        self.users.is_empty()
    }
}

/// Removes a region's archives and images, unless a stack that was made of them is there.
async fn remove_artifacts(aws: &Aws, terminal: &mut Terminal) -> Result<(), DeployError> {
    let stacks = aws.stacks().await?;
    let Some(artifacts) = Artifacts::of(&stacks) else {
        return Ok(());
    };
    if !artifacts.are_unused() {
        terminal.say(&format!(
            "stack {ARTIFACTS} stays in {}: {} needs it",
            aws.region,
            artifacts.users.join(", ")
        ));
        return Ok(());
    }
    if let Some(bucket) = artifacts.stack.outputs.get("ArtifactBucket") {
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
