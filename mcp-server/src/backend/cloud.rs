//! The port for what the REST API does not tell and the cloud itself does: how
//! tasks are doing, and stacks. Nothing but describing can be said here.

use super::BackendError;
use async_trait::async_trait;

/// Most tasks that ECS describes at once (its API's limit).
pub const MOST_TASKS: usize = 100;

/// `arn:PARTITION:SERVICE:REGION:ACCOUNT:RESOURCE`, of which the last two parts
/// matter here.
fn parts<'a>(arn: &'a str, service: &str) -> Option<(&'a str, &'a str)> {
    let mut parts = arn.splitn(6, ':');
    let (first, partition, of) = (parts.next()?, parts.next()?, parts.next()?);
    let (region, account, resource) = (parts.next()?, parts.next()?, parts.next()?);
    // The region becomes part of a host's name.
    let letter = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-';
    let whole = first == "arn"
        && partition.starts_with("aws")
        && of == service
        && !region.is_empty()
        && region.bytes().all(letter)
        && !account.is_empty();
    whole.then_some((region, resource))
}

/// Which task of which cluster.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TaskArn<'a> {
    /// Its region.
    pub region: &'a str,
    /// Its cluster's name.
    pub cluster: &'a str,
}

impl<'a> TaskArn<'a> {
    /// Reads an ARN; none of what `dlt up` calls its runners.
    pub fn read(arn: &'a str) -> Option<Self> {
        let (region, resource) = parts(arn, "ecs")?;
        let (cluster, id) = resource.strip_prefix("task/")?.split_once('/')?;
        let plain = !cluster.is_empty() && !id.is_empty() && !id.contains('/');
        plain.then_some(Self { region, cluster })
    }
}

/// The region of a stack's ARN.
pub fn stack_region(arn: &str) -> Option<&str> {
    let (region, resource) = parts(arn, "cloudformation")?;
    resource.starts_with("stack/").then_some(region)
}

/// How a task is doing.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct TaskDetail {
    /// Its ARN.
    pub arn: String,
    /// PROVISIONING, PENDING, RUNNING, STOPPED and the like.
    pub status: Option<String>,
    /// RFC 3339.
    pub started_at: Option<String>,
    /// CPU units; 1,024 are a vCPU.
    pub cpu: Option<u64>,
    /// MiB.
    pub memory_mb: Option<u64>,
    /// Who started it: DLT writes the scenario's id.
    pub started_by: Option<String>,
}

/// Why a service of the cloud told nothing, for agents: it is not the API.
pub fn why(service: &str, permission: &str, error: &BackendError) -> String {
    match error {
        BackendError::NotConfigured(text) => text.clone(),
        BackendError::Denied(_) => format!("{service} refused access: {permission} is needed"),
        BackendError::Timeout => format!("{service} did not answer in time"),
        BackendError::Throttled => format!("{service} is throttling"),
        BackendError::Refused(code) => format!("{service} refused the request ({code})"),
        _ => format!("{service} cannot be reached"),
    }
}

/// Describes.
#[async_trait]
pub trait Cloud: Send + Sync {
    /// At most [`MOST_TASKS`] tasks of one cluster; those that are gone are
    /// left out.
    async fn tasks(&self, of: &TaskArn<'_>, arns: &[&str])
    -> Result<Vec<TaskDetail>, BackendError>;
    /// A stack's status, like `CREATE_COMPLETE`.
    async fn stack_status(&self, arn: &str) -> Result<String, BackendError>;
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn arns_are_read_or_refused() {
        let task = "arn:aws:ecs:eu-west-1:111122223333:task/load/0f0f";
        let wanted = TaskArn {
            region: "eu-west-1",
            cluster: "load",
        };
        assert_eq!(TaskArn::read(task), Some(wanted));
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
            assert_eq!(TaskArn::read(strange), None, "{strange}");
        }
        assert_eq!(stack_region(task), None);
    }
}
