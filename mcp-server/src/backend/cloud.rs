//! The port for what only the cloud itself knows: the state of tasks and stacks. It can
//! only describe, never change.

use super::BackendError;
use async_trait::async_trait;

/// Most tasks in one `DescribeTasks` call (limit of ECS).
pub const MOST_TASKS: usize = 100;

/// Region and resource of `arn:PARTITION:SERVICE:REGION:ACCOUNT:RESOURCE`; None for
/// other services and malformed ARNs.
fn region_and_resource<'a>(arn: &'a str, service: &str) -> Option<(&'a str, &'a str)> {
    let mut parts = arn.splitn(6, ':');
    let (prefix, partition, of) = (parts.next()?, parts.next()?, parts.next()?);
    let (region, account, resource) = (parts.next()?, parts.next()?, parts.next()?);
    // The region becomes part of a host name.
    let in_region = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-';
    let is_valid = prefix == "arn"
        && partition.starts_with("aws")
        && of == service
        && !region.is_empty()
        && region.bytes().all(in_region)
        && !account.is_empty();
    is_valid.then_some((region, resource))
}

/// Region and cluster of a task.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TaskArn<'a> {
    /// The AWS region.
    pub region: &'a str,
    /// The ECS cluster's name.
    pub cluster: &'a str,
}

impl<'a> TaskArn<'a> {
    /// Parses an ARN; None for the runner ids of `dlt up`.
    pub fn parse(arn: &'a str) -> Option<Self> {
        let (region, resource) = region_and_resource(arn, "ecs")?;
        let (cluster, id) = resource.strip_prefix("task/")?.split_once('/')?;
        let is_valid = !cluster.is_empty() && !id.is_empty() && !id.contains('/');
        is_valid.then_some(Self { region, cluster })
    }
}

/// The region in a stack's ARN.
pub fn stack_region(arn: &str) -> Option<&str> {
    let (region, resource) = region_and_resource(arn, "cloudformation")?;
    resource.starts_with("stack/").then_some(region)
}

/// A task as the cloud describes it.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct TaskDetail {
    /// The task's ARN.
    pub arn: String,
    /// PROVISIONING, PENDING, RUNNING, STOPPED and the like.
    pub status: Option<String>,
    /// RFC 3339.
    pub started_at: Option<String>,
    /// CPU units; 1,024 are one vCPU.
    pub cpu: Option<u64>,
    /// MiB.
    pub memory_mb: Option<u64>,
    /// `startedBy`, where DLT puts the scenario's id.
    pub started_by: Option<String>,
}

/// Why a call to a cloud service failed, for agents.
pub fn failure_message(service: &str, permission: &str, error: &BackendError) -> String {
    match error {
        BackendError::NotConfigured(text) => text.clone(),
        BackendError::Denied(_) => format!("{service} refused access: {permission} is needed"),
        BackendError::Timeout => format!("{service} did not answer in time"),
        BackendError::Throttled => format!("{service} is throttling"),
        BackendError::Refused(code) => format!("{service} refused the request ({code})"),
        _ => format!("{service} cannot be reached"),
    }
}

/// The cloud that the API is deployed in.
#[async_trait]
pub trait Cloud: Send + Sync {
    /// Describes at most [`MOST_TASKS`] tasks of one cluster; tasks that no longer exist
    /// are left out.
    async fn tasks(&self, of: &TaskArn<'_>, arns: &[&str])
    -> Result<Vec<TaskDetail>, BackendError>;
    /// A stack's status, like `CREATE_COMPLETE`.
    async fn stack_status(&self, arn: &str) -> Result<String, BackendError>;
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn arns_are_parsed_or_refused() {
        let task = "arn:aws:ecs:eu-west-1:111122223333:task/load/0f0f";
        let wanted = TaskArn {
            region: "eu-west-1",
            cluster: "load",
        };
        assert_eq!(TaskArn::parse(task), Some(wanted));
        let stack = "arn:aws-cn:cloudformation:cn-north-1:111122223333:stack/load/0f0f";
        assert_eq!(stack_region(stack), Some("cn-north-1"));
        for strange in [
            "",
            "p4TqL8vN2c/lo-home-1-3",
            "arn:aws:x",
            "arn:aws:ecs:eu-west-1:111122223333:task/0f0f",
            "arn:aws:ecs:eu-west-1:111122223333:task/load/0f/0f",
            "arn:aws:ecs:evil.example/:111122223333:task/load/0f0f",
            "arn:aws:ecs::111122223333:task/load/0f0f",
            "arn:aws:ecs:eu-west-1:111122223333:service/load/0f0f",
            stack,
        ] {
            assert_eq!(TaskArn::parse(strange), None, "{strange}");
        }
        assert_eq!(stack_region(task), None);
    }
}
