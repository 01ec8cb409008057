//! The fleet on AWS: each runner a task of ECS on Fargate, known by the last part
//! of its ARN. ECS lists running tasks of a scenario; those that ended are asked
//! for by the ids that were kept when they were launched.

use crate::clients::failure::failed;
use crate::clients::{Clients, ec2};
use crate::error::PipelineError;
use crate::fleet::{Fleet, Launch, Launched, Place, RunnerPhase, RunnerStatus, Stop};
use crate::objects::{Access, Objects};
use async_trait::async_trait;
use aws_sdk_ecs::Client;
use aws_sdk_ecs::config::http::HttpResponse;
use aws_sdk_ecs::error::{ProvideErrorMetadata as _, SdkError};
use aws_sdk_ecs::operation::run_task::RunTaskError;
use aws_sdk_ecs::types::{
    AssignPublicIp, AwsVpcConfiguration, CapacityProviderStrategyItem, ContainerOverride, Failure,
    KeyValuePair, LaunchType, NetworkConfiguration, Tag, Task, TaskField, TaskOverride,
};
use dlt_core::ids::{Region, RunnerId, TestId, TestRunId};
use dlt_core::keys;
use dlt_core::messages::order::{Order, Role, START_PORT};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

/// Most tasks of one DescribeTasks (ECS API).
const MOST_DESCRIBED: usize = 100;
/// How long public addresses are asked for: a run does not wait for them longer.
const LONGEST_ASKED: Duration = Duration::from_secs(10);
/// Fargate's provider of spare capacity; the cluster has it.
const SPARE_CAPACITY: &str = "FARGATE_SPOT";
/// What ECS says in the message of a failed launch when there is no spare capacity.
const NO_CAPACITY: &str = "Capacity is unavailable";
/// EC2's request for patience, which ECS passes on in the message of an error of its own.
const REQUEST_LIMIT: &str = "RequestLimitExceeded";
/// Tags by which a task tells its run and role.
const RUN_TAG: &str = "dlt:run";
const ROLE_TAG: &str = "dlt:role";

/// Where a region's tasks run: what its stack says.
#[derive(Debug, Clone)]
pub struct EcsRegion {
    /// Who asks there.
    pub client: Client,
    /// The cluster's name or ARN.
    pub cluster: String,
    /// The task definition.
    pub task_definition: String,
    /// That of runners whose image has the tools that run scripts; None where there is none.
    pub engines_definition: Option<String>,
    /// The container in them that gets the order.
    pub container: String,
    /// Where tasks get their addresses.
    pub subnets: Vec<String>,
    /// What may reach them.
    pub security_group: String,
    /// How long a task waits for its start before it gives up: longer than workers
    /// and then leaders may be provisioned.
    pub start_deadline_s: u64,
    /// Whether they get public addresses: without them the subnets need a way out.
    pub public_addresses: bool,
}

impl EcsRegion {
    /// The task definition for this order.
    fn definition_for(&self, order: &Order) -> Result<&str, PipelineError> {
        let Some(tool) = order.tool else {
            return Ok(&self.task_definition);
        };
        // Looked at before the run began; the stack may have changed since.
        self.engines_definition.as_deref().ok_or_else(|| {
            PipelineError::Input(format!(
                "runners in {} have no image with {}",
                order.region,
                tool.title()
            ))
        })
    }
}

/// Runners as ECS tasks.
#[derive(Clone)]
pub struct Ecs {
    /// By region.
    pub regions: BTreeMap<Region, EcsRegion>,
    /// Asks EC2.
    pub clients: Clients,
    /// Keeps the ids that were launched.
    pub objects: Arc<dyn Objects>,
    /// Where those are: the hub's region.
    pub hub: Region,
}

/// The last part of a task's ARN.
fn id_of(arn: &str) -> Option<RunnerId> {
    RunnerId::parse(arn.rsplit('/').next()?).ok()
}

fn tag(key: &str, value: &str) -> Tag {
    Tag::builder().key(key).value(value).build()
}

/// Fargate's spare capacity alone.
fn spare_capacity() -> Result<CapacityProviderStrategyItem, PipelineError> {
    CapacityProviderStrategyItem::builder()
        .capacity_provider(SPARE_CAPACITY)
        .weight(1)
        .build()
        .map_err(|error| PipelineError::Other(error.to_string()))
}

/// Why one task of a launch was not launched.
fn refusal(failure: &Failure) -> String {
    let reason = failure.reason().unwrap_or("it gave no reason");
    match failure.detail() {
        Some(detail) => format!("ECS refused it: {reason} ({detail})"),
        None => format!("ECS refused it: {reason}"),
    }
}

/// What became of a launch that failed as a whole.
fn failed_launch(
    spare: bool,
    error: SdkError<RunTaskError, HttpResponse>,
) -> Result<Launched, PipelineError> {
    let message = error.message().unwrap_or_default();
    if spare && message.contains(NO_CAPACITY) {
        return Ok(Launched {
            runners: Vec::new(),
            refused: vec![format!("ECS refused it: {message}")],
        });
    }
    let limited = message.contains(REQUEST_LIMIT);
    let error = failed("a launch of tasks", error);
    Err(match limited {
        true => PipelineError::Throttled(error.to_string()),
        false => error,
    })
}

fn role_name(role: Role) -> &'static str {
    match role {
        Role::Worker => "worker",
        Role::Leader => "leader",
    }
}

/// How a task that has ended was lost, or that it ended well.
fn ended(task: &Task, container: &str) -> RunnerPhase {
    // Others may have been put beside ours.
    let mut containers = task.containers().iter();
    let container = containers.find(|it| it.name() == Some(container));
    let exit = container.and_then(aws_sdk_ecs::types::Container::exit_code);
    if let Some(exit) = exit {
        return RunnerPhase::Finished { exit };
    }
    let said = container.and_then(|container| container.reason().map(str::to_owned));
    RunnerPhase::Gone {
        how: task.stopped_reason().unwrap_or("ended").to_owned(),
        said,
    }
}

/// A detail of its network interface (ECS API Reference, "Attachment").
fn detail<'a>(task: &'a Task, name: &str) -> Option<&'a str> {
    let details = task.attachments().iter().flat_map(|it| it.details());
    let mut named = details.filter(|detail| detail.name() == Some(name));
    named.next()?.value()
}

/// Its address in its subnet.
fn address(task: &Task) -> Option<String> {
    let address = detail(task, "privateIPv4Address")?;
    Some(format!("{address}:{START_PORT}"))
}

/// A task as a runner; None if it is none of ours.
fn status(region: &Region, container: &str, task: &Task) -> Option<RunnerStatus> {
    let tags: BTreeMap<&str, &str> = task
        .tags()
        .iter()
        .filter_map(|tag| Some((tag.key()?, tag.value()?)))
        .collect();
    let role = match *tags.get(ROLE_TAG)? {
        "worker" => Role::Worker,
        "leader" => Role::Leader,
        _ => return None,
    };
    let alive = task.last_status() != Some("STOPPED");
    // One that is to stop is not to be started any more.
    let stays = task.desired_status() != Some("STOPPED");
    let phase = match (alive, task.last_status(), address(task)) {
        (false, ..) => ended(task, container),
        (true, Some("RUNNING"), Some(address)) if stays => RunnerPhase::Ready { address },
        _ => RunnerPhase::Starting,
    };
    let since = task.created_at().map_or(0, |at| at.as_nanos() / 1_000);
    Some(RunnerStatus {
        arn: task.task_arn().map(str::to_owned),
        run: TestRunId::parse(tags.get(RUN_TAG)?).ok()?,
        runner: id_of(task.task_arn()?)?,
        region: region.clone(),
        interface: detail(task, "networkInterfaceId").map(str::to_owned),
        role,
        since_us: u64::try_from(since).unwrap_or(0),
        since_boot: None,
        alive,
        phase,
    })
}

impl Ecs {
    fn region(&self, region: &Region) -> Result<&EcsRegion, PipelineError> {
        let known = || self.regions.keys().map(Region::to_string).collect();
        self.regions
            .get(region)
            .ok_or_else(|| PipelineError::NoRegion {
                region: region.to_string(),
                known: known(),
            })
    }

    /// Keeps ids that were launched, beside those that were before.
    async fn keep(&self, launch: &Launch, ids: &[RunnerId]) -> Result<(), PipelineError> {
        let order = &launch.order;
        let key = keys::launched(&order.test, &order.prefix, &order.region);
        let mut all = self.kept(&key).await?;
        let before = all.len();
        all.extend(ids.iter().cloned());
        if all.len() == before {
            return Ok(());
        }
        let bytes = serde_json::to_vec(&all)
            .map_err(|error| PipelineError::Other(format!("object {key}: {error}")))?;
        self.objects.put(&key, &bytes, Access::Home).await
    }

    async fn kept(&self, key: &str) -> Result<BTreeSet<RunnerId>, PipelineError> {
        match self.objects.get(key).await? {
            None => Ok(BTreeSet::new()),
            Some(bytes) => serde_json::from_slice(&bytes).map_err(|error| {
                PipelineError::Other(format!("object {key} is unreadable: {error}"))
            }),
        }
    }

    /// Ids that were launched for a scenario's runs in a region and not yet
    /// cleaned up.
    async fn launched(
        &self,
        test: &TestId,
        region: &Region,
    ) -> Result<BTreeSet<RunnerId>, PipelineError> {
        let mut all = BTreeSet::new();
        for object in self.objects.list(&keys::start_folders(test)).await? {
            if object.key.ends_with(&format!("/{region}/launched.json")) {
                all.extend(self.kept(&object.key).await?);
            }
        }
        Ok(all)
    }

    /// Ids of tasks that are to run: of a scenario, or all of the cluster.
    async fn running(
        here: &EcsRegion,
        test: Option<&TestId>,
    ) -> Result<BTreeSet<RunnerId>, PipelineError> {
        let list = here.client.list_tasks().cluster(&here.cluster);
        // With others, ECS refuses this filter.
        let list = list.set_started_by(test.map(TestId::to_string));
        let mut pages = list.into_paginator().send();
        let mut ids = BTreeSet::new();
        while let Some(page) = pages.next().await {
            let page = page.map_err(|error| failed("the list of tasks", error))?;
            ids.extend(page.task_arns().iter().filter_map(|arn| id_of(arn)));
        }
        Ok(ids)
    }

    async fn describe(
        region: &Region,
        here: &EcsRegion,
        ids: BTreeSet<RunnerId>,
    ) -> Result<Vec<RunnerStatus>, PipelineError> {
        let ids: Vec<String> = ids.into_iter().map(String::from).collect();
        let mut found = Vec::new();
        for some in ids.chunks(MOST_DESCRIBED) {
            let describe = here.client.describe_tasks().cluster(&here.cluster);
            let describe = describe.set_tasks(Some(some.to_vec()));
            let described = describe.include(TaskField::Tags).send().await;
            let described = described.map_err(|error| failed("the state of tasks", error))?;
            found.extend(
                described
                    .tasks()
                    .iter()
                    .filter_map(|task| status(region, &here.container, task)),
            );
        }
        Ok(found)
    }

    fn places(&self, place: Place<'_>) -> impl Iterator<Item = (&Region, &EcsRegion)> {
        self.regions.iter().filter(move |row| place.has(row.0))
    }

    async fn addresses_of(
        &self,
        of: &[&RunnerStatus],
    ) -> Result<BTreeMap<RunnerId, String>, PipelineError> {
        let mut found = BTreeMap::new();
        for (region, here) in self.places(Place::Everywhere) {
            let ours = of.iter().filter(|runner| runner.region == *region);
            let interfaces: BTreeMap<&str, &RunnerId> = ours
                .filter_map(|runner| Some((runner.interface.as_deref()?, &runner.runner)))
                .collect();
            if interfaces.is_empty() || !here.public_addresses {
                continue;
            }
            let ids: Vec<&str> = interfaces.keys().copied().collect();
            let addresses = ec2::public_addresses(&self.clients, region, &ids).await?;
            found.extend(addresses.into_iter().filter_map(|(interface, address)| {
                let runner = interfaces.get(interface.as_str())?;
                Some((RunnerId::clone(runner), address))
            }));
        }
        Ok(found)
    }
}

#[async_trait]
impl Fleet for Ecs {
    async fn launch(&self, launch: &Launch) -> Result<Launched, PipelineError> {
        let order = &launch.order;
        let here = self.region(&order.region)?;
        let patience = ("DLT_START_DEADLINE_S", here.start_deadline_s.to_string());
        let mut order = order.clone();
        order.hub = Some(self.hub.clone());
        let environment = order.to_env().into_iter().chain([patience]);
        let environment = environment.map(|(name, value)| {
            let pair = KeyValuePair::builder().name(name);
            pair.value(value).build()
        });
        let container = ContainerOverride::builder()
            .name(&here.container)
            .set_environment(Some(environment.collect()))
            .build();
        let public = if here.public_addresses {
            AssignPublicIp::Enabled
        } else {
            AssignPublicIp::Disabled
        };
        let network = AwsVpcConfiguration::builder()
            .set_subnets(Some(here.subnets.clone()))
            .security_groups(&here.security_group)
            .assign_public_ip(public)
            .build()
            .map_err(|error| PipelineError::Other(error.to_string()))?;
        let run = here.client.run_task().cluster(&here.cluster);
        let run = match launch.spare {
            // A provider and a launch type exclude each other.
            true => run.capacity_provider_strategy(spare_capacity()?),
            false => run.launch_type(LaunchType::Fargate),
        };
        let sent = run
            .task_definition(here.definition_for(&order)?)
            .count(i32::try_from(launch.count).unwrap_or(1))
            .client_token(&launch.token)
            .started_by(order.test.as_str())
            .tags(tag(RUN_TAG, order.run.as_str()))
            .tags(tag(ROLE_TAG, role_name(order.role)))
            .network_configuration(
                NetworkConfiguration::builder()
                    .awsvpc_configuration(network)
                    .build(),
            )
            .overrides(
                TaskOverride::builder()
                    .container_overrides(container)
                    .build(),
            )
            .send()
            .await;
        let answer = match sent {
            Ok(answer) => answer,
            Err(error) => return failed_launch(launch.spare, error),
        };
        let arns = answer.tasks().iter().filter_map(Task::task_arn);
        let runners: Vec<RunnerId> = arns.filter_map(id_of).collect();
        self.keep(launch, &runners).await?;
        let refused = answer.failures().iter().map(refusal).collect();
        Ok(Launched { runners, refused })
    }

    async fn list(
        &self,
        test: &TestId,
        place: Place<'_>,
    ) -> Result<Vec<RunnerStatus>, PipelineError> {
        let mut found = Vec::new();
        for (region, here) in self.places(place) {
            let mut ids = Self::running(here, Some(test)).await?;
            ids.extend(self.launched(test, region).await?);
            found.extend(Self::describe(region, here, ids).await?);
        }
        Ok(found)
    }

    async fn alive(&self, place: Place<'_>) -> Result<Vec<RunnerStatus>, PipelineError> {
        let mut found = Vec::new();
        for (region, here) in self.places(place) {
            let ids = Self::running(here, None).await?;
            let runners = Self::describe(region, here, ids).await?;
            found.extend(runners.into_iter().filter(|runner| runner.alive));
        }
        Ok(found)
    }

    async fn public_addresses(
        &self,
        of: &[&RunnerStatus],
    ) -> Result<BTreeMap<RunnerId, String>, PipelineError> {
        let asked = tokio::time::timeout(LONGEST_ASKED, self.addresses_of(of));
        asked.await.unwrap_or_else(|_| {
            Err(PipelineError::Transient(format!(
                "EC2 did not tell public addresses within {} s",
                LONGEST_ASKED.as_secs()
            )))
        })
    }

    async fn stop(
        &self,
        _: &TestRunId,
        region: &Region,
        who: &[RunnerId],
        how: Stop,
    ) -> Result<(), PipelineError> {
        let here = self.region(region)?;
        // ECS sends SIGTERM, and SIGKILL after the definition's stopTimeout: it has
        // no other way, so both ways of stopping are this one.
        let reason = match how {
            Stop::Gracefully => "dlt: stop and report",
            Stop::AtOnce => "dlt: no longer needed",
        };
        for runner in who {
            let stop = here.client.stop_task().cluster(&here.cluster);
            match stop.task(runner.as_str()).reason(reason).send().await {
                // Gone for so long that ECS has forgotten it.
                Err(error) if error.code() == Some("InvalidParameterException") => {}
                stopped => {
                    stopped.map_err(|error| failed("the stop of a task", error))?;
                }
            }
        }
        Ok(())
    }
}

#[cfg(test)]
#[path = "ecs_tests.rs"]
mod tests;
