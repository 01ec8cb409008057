//! AWS as a deployment uses it: one configuration for each region, with the credentials
//! that AWS's own tools would use. What is asked is left to the files beside this one,
//! each named after its service.

pub mod cloudformation;
pub mod codebuild;
pub mod dynamodb;
pub mod ecs;
pub mod s3;
pub mod signed;

use super::error::DeployError;
use aws_config::SdkConfig;
use aws_config::retry::RetryConfig;
use aws_config::timeout::TimeoutConfig;
use aws_sdk_cloudformation::error::{ProvideErrorMetadata, SdkError};
use std::time::Duration;

/// How long connecting may take.
const LONGEST_CONNECT: Duration = Duration::from_secs(10);
/// How long one attempt may take: an archive of 20 MB on a slow line.
const LONGEST_ATTEMPT: Duration = Duration::from_secs(600);
/// Attempts of one call.
const ATTEMPTS: u32 = 5;

/// AWS in one region.
#[derive(Debug, Clone)]
pub struct Aws {
    config: SdkConfig,
    /// The region's name.
    pub region: String,
}

impl Aws {
    /// AWS in this region, or in the configured one.
    pub async fn load(region: Option<&str>) -> Result<Self, DeployError> {
        let config = dlt_mcp::backend::credentials::config(region.map(str::to_owned))
            .await
            .map_err(|error| DeployError::NotConfigured(error.to_string()))?;
        let region = config.region().map(ToString::to_string).ok_or_else(|| {
            DeployError::NotConfigured(
                "the AWS region is not known; write --stack NAME@REGION, or set AWS_REGION"
                    .to_owned(),
            )
        })?;
        let timeouts = TimeoutConfig::builder()
            .connect_timeout(LONGEST_CONNECT)
            .operation_attempt_timeout(LONGEST_ATTEMPT)
            .build();
        let config = config
            .to_builder()
            .timeout_config(timeouts)
            .retry_config(RetryConfig::standard().with_max_attempts(ATTEMPTS))
            .build();
        Ok(Self { config, region })
    }

    /// AWS in another region, with the same credentials.
    pub fn in_region(&self, region: &str) -> Self {
        let named = aws_config::Region::new(region.to_owned());
        Self {
            config: self.config.to_builder().region(named).build(),
            region: region.to_owned(),
        }
    }

    /// Where calls go, if not to AWS itself.
    pub fn endpoint(&self) -> Option<&str> {
        self.config.endpoint_url()
    }
}

/// Why a call failed.
fn failed<E, R>(what: &str, error: &SdkError<E, R>) -> DeployError
where
    E: ProvideErrorMetadata + std::error::Error + 'static,
    R: std::fmt::Debug,
{
    match error {
        SdkError::ServiceError(refusal) => {
            let refusal = refusal.err();
            let text = refusal.message().map(str::to_owned);
            let text = text.unwrap_or_else(|| refusal.to_string());
            DeployError::refused(what, refusal.code().unwrap_or_default(), &text)
        }
        SdkError::ConstructionFailure(_) => {
            DeployError::Input(format!("{what}: a value cannot be sent: {error:?}"))
        }
        SdkError::DispatchFailure(failure) => DeployError::Unreachable {
            what: what.to_owned(),
            why: failure
                .as_connector_error()
                .map_or_else(|| "no connection".to_owned(), root_cause),
        },
        _ => DeployError::Unreachable {
            what: what.to_owned(),
            why: "its answer did not come, or not whole".to_owned(),
        },
    }
}

/// The innermost cause; the outer ones only name layers.
fn root_cause(error: &(impl std::error::Error + 'static)) -> String {
    let mut cause: &dyn std::error::Error = error;
    while let Some(next) = cause.source() {
        cause = next;
    }
    cause.to_string()
}
