//! AWS, queried through its SDKs: ECS for tasks, CloudFormation for stacks and their
//! outputs. All three calls are `Describe…` calls.

use super::BackendError;
use super::cloud::{Cloud, TaskArn, TaskDetail, stack_region};
use super::credentials::{CredentialCache, config};
use async_trait::async_trait;
use aws_config::timeout::TimeoutConfig;
use aws_config::{Region, SdkConfig};
use aws_credential_types::provider::SharedCredentialsProvider;
use aws_sdk_cloudformation::error::{ProvideErrorMetadata, SdkError};
use aws_sdk_ecs::primitives::DateTimeFormat;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::OnceCell;

/// Deadline of one call with its retries: a tool may need several calls.
const PER_CALL: Duration = Duration::from_secs(8);

/// A client of AWS with the environment's credentials. Nothing is loaded before the
/// first call.
#[derive(Debug, Default)]
pub struct Aws {
    credentials: Arc<CredentialCache>,
    config: OnceCell<SdkConfig>,
}

impl Aws {
    /// The credentials that calls are made with.
    pub fn credentials(&self) -> Arc<CredentialCache> {
        Arc::clone(&self.credentials)
    }

    async fn config(&self) -> Result<SdkConfig, BackendError> {
        let loaded = self.config.get_or_try_init(|| config(None)).await?;
        // Not left to the SDK, whose error does not say what to do.
        let credentials = self.credentials.get().await?;
        let limits = TimeoutConfig::builder().operation_timeout(PER_CALL).build();
        Ok(loaded
            .to_builder()
            .credentials_provider(SharedCredentialsProvider::new(credentials))
            .timeout_config(limits)
            .build())
    }

    async fn cloudformation(
        &self,
        region: Option<&str>,
    ) -> Result<aws_sdk_cloudformation::Client, BackendError> {
        let loaded = self.config().await?;
        if region.is_none() && loaded.region().is_none() {
            return Err(BackendError::NotConfigured(
                "the stack's AWS region is not known; set AWS_REGION".to_owned(),
            ));
        }
        let mut config = aws_sdk_cloudformation::config::Builder::from(&loaded);
        if let Some(region) = region {
            config = config.region(Region::new(region.to_owned()));
        }
        Ok(aws_sdk_cloudformation::Client::from_conf(config.build()))
    }

    /// The region that AWS's tools are set to.
    pub async fn region(&self) -> Result<Option<String>, BackendError> {
        let loaded = self.config.get_or_try_init(|| config(None)).await?;
        Ok(loaded.region().map(ToString::to_string))
    }

    /// Where AWS is, if not at its own hosts (`AWS_ENDPOINT_URL`).
    pub async fn endpoint(&self) -> Result<Option<String>, BackendError> {
        let loaded = self.config.get_or_try_init(|| config(None)).await?;
        Ok(loaded.endpoint_url().map(str::to_owned))
    }

    /// Whose credentials are used, as a clause of a sentence: empty if that is not known
    /// without asking.
    pub async fn who(&self) -> String {
        let credentials = self.credentials.get().await.ok();
        let account = credentials.as_ref().and_then(|found| found.account_id());
        let profile = std::env::var("AWS_PROFILE").ok();
        let profile = profile.filter(|name| !name.is_empty());
        match (account, profile) {
            (Some(account), _) => format!(" of the account {}", account.as_str()),
            (None, Some(profile)) => format!(" with the profile {profile}"),
            (None, None) => String::new(),
        }
    }

    /// A stack of a region.
    pub async fn describe_stack(
        &self,
        stack: &str,
        region: &str,
    ) -> Result<DescribedStack, BackendError> {
        let client = self.cloudformation(Some(region)).await?;
        let answer = client.describe_stacks().stack_name(stack).send().await;
        let answer = answer.map_err(|error| sdk_error(&error))?;
        let stack = answer.stacks().first();
        let stack =
            stack.ok_or_else(|| BackendError::Unreadable("there is no stack in it".to_owned()))?;
        let row = |key: Option<&str>, value: Option<&str>| {
            key.zip(value)
                .map(|(key, value)| (key.to_owned(), value.to_owned()))
        };
        let outputs = stack.outputs().iter();
        let parameters = stack.parameters().iter();
        Ok(DescribedStack {
            region: region.to_owned(),
            status: stack
                .stack_status()
                .map(|status| status.as_str().to_owned())
                .unwrap_or_default(),
            outputs: outputs
                .filter_map(|it| row(it.output_key(), it.output_value()))
                .collect(),
            parameters: parameters
                .filter_map(|it| row(it.parameter_key(), it.parameter_value()))
                .collect(),
        })
    }
}

/// A stack as CloudFormation describes it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DescribedStack {
    /// Its AWS region.
    pub region: String,
    /// Like `CREATE_COMPLETE`.
    pub status: String,
    /// Keys and values.
    pub outputs: Vec<(String, String)>,
    /// Keys and values.
    pub parameters: Vec<(String, String)>,
}

#[async_trait]
impl Cloud for Aws {
    async fn tasks(
        &self,
        of: &TaskArn<'_>,
        arns: &[&str],
    ) -> Result<Vec<TaskDetail>, BackendError> {
        let config = aws_sdk_ecs::config::Builder::from(&self.config().await?)
            .region(Region::new(of.region.to_owned()))
            .build();
        let arns = arns.iter().map(|arn| (*arn).to_owned()).collect();
        let answer = aws_sdk_ecs::Client::from_conf(config)
            .describe_tasks()
            .cluster(of.cluster)
            .set_tasks(Some(arns))
            .send()
            .await;
        let answer = answer.map_err(|error| sdk_error(&error))?;
        Ok(answer.tasks().iter().map(detail).collect())
    }

    async fn stack_status(&self, arn: &str) -> Result<String, BackendError> {
        let client = self.cloudformation(stack_region(arn)).await?;
        let answer = client.describe_stacks().stack_name(arn).send().await;
        let answer = answer.map_err(|error| sdk_error(&error))?;
        let status = answer
            .stacks()
            .first()
            .and_then(|stack| stack.stack_status());
        let status = status.map(|status| status.as_str().to_owned());
        status.ok_or_else(|| BackendError::Unreadable("the stack has no status".to_owned()))
    }
}

fn detail(task: &aws_sdk_ecs::types::Task) -> TaskDetail {
    let number = |text: Option<&str>| text.and_then(|text| text.parse().ok());
    let started = task.started_at();
    TaskDetail {
        arn: task.task_arn().unwrap_or_default().to_owned(),
        status: task.last_status().map(str::to_owned),
        started_at: started.and_then(|at| at.fmt(DateTimeFormat::DateTime).ok()),
        cpu: number(task.cpu()),
        memory_mb: number(task.memory()),
        started_by: task.started_by().map(str::to_owned),
    }
}

/// An SDK's error. AWS's messages contain ARNs and account ids, so only its codes are
/// kept.
fn sdk_error<E: ProvideErrorMetadata>(error: &SdkError<E>) -> BackendError {
    let code = match error {
        SdkError::TimeoutError(_) => return BackendError::Timeout,
        SdkError::DispatchFailure(failure) if failure.is_timeout() => return BackendError::Timeout,
        SdkError::ServiceError(failure) => failure.err().code().unwrap_or_default(),
        SdkError::ResponseError(_) => {
            return BackendError::Unreadable("AWS's answer is no such answer".to_owned());
        }
        _ => return BackendError::Unreachable("AWS: no connection".to_owned()),
    };
    match code {
        "Throttling" | "ThrottlingException" | "RequestLimitExceeded" => BackendError::Throttled,
        code if code.starts_with("AccessDenied") || code == "UnrecognizedClientException" => {
            BackendError::Denied(403)
        }
        code => BackendError::Refused(code.chars().take(60).collect()),
    }
}
