//! AWS's clients, all from one configuration: credentials of the function's role,
//! time limits, retries. What is asked of them is left to their adapters.

pub mod cognito;
pub mod ec2;
pub mod failure;
pub mod http;
pub mod iot;
mod signed;

use aws_config::retry::RetryConfig;
use aws_config::timeout::TimeoutConfig;
use aws_config::{BehaviorVersion, SdkConfig};
use aws_smithy_http_client::tls::{Provider, rustls_provider::CryptoMode};
use dlt_core::ids::Region;
use std::time::Duration;

// The API's function answers within 29 s, after which API Gateway gives up.
/// How long one attempt of a call may take.
const LONGEST_ATTEMPT: Duration = Duration::from_secs(8);
/// How long a call may take with its repeats.
const LONGEST_CALL: Duration = Duration::from_secs(20);
/// Attempts of one call.
const ATTEMPTS: u32 = 4;

/// Makes clients.
#[derive(Debug, Clone)]
pub struct Clients {
    config: SdkConfig,
}

impl Clients {
    /// Clients with the environment's credentials, for an AWS region.
    pub async fn load(region: &Region) -> Self {
        let https = aws_smithy_http_client::Builder::new()
            .tls_provider(Provider::Rustls(CryptoMode::Ring))
            .build_https();
        let timeouts = TimeoutConfig::builder()
            .operation_attempt_timeout(LONGEST_ATTEMPT)
            .operation_timeout(LONGEST_CALL)
            .build();
        let loader = aws_config::defaults(BehaviorVersion::latest())
            .http_client(https)
            .timeout_config(timeouts)
            .retry_config(RetryConfig::standard().with_max_attempts(ATTEMPTS))
            .region(aws_config::Region::new(region.to_string()));
        Self {
            config: loader.load().await,
        }
    }

    /// Where calls go, if not to AWS itself.
    pub fn endpoint(&self) -> Option<&str> {
        self.config.endpoint_url()
    }

    /// The configuration, for what has no client.
    pub fn config(&self) -> &SdkConfig {
        &self.config
    }

    /// S3 in the hub's region.
    pub fn s3(&self) -> aws_sdk_s3::Client {
        let settings = aws_sdk_s3::config::Builder::from(&self.config);
        // Another endpoint than AWS's own has no host name for each bucket.
        let path_style = self.endpoint().is_some();
        aws_sdk_s3::Client::from_conf(settings.force_path_style(path_style).build())
    }

    /// DynamoDB in the hub's region.
    pub fn dynamodb(&self) -> aws_sdk_dynamodb::Client {
        aws_sdk_dynamodb::Client::new(&self.config)
    }

    /// Step Functions in the hub's region.
    pub fn sfn(&self) -> aws_sdk_sfn::Client {
        aws_sdk_sfn::Client::new(&self.config)
    }

    /// EventBridge Scheduler in the hub's region.
    pub fn scheduler(&self) -> aws_sdk_scheduler::Client {
        aws_sdk_scheduler::Client::new(&self.config)
    }

    /// CloudFormation in the hub's region.
    pub fn cloudformation(&self) -> aws_sdk_cloudformation::Client {
        aws_sdk_cloudformation::Client::new(&self.config)
    }

    /// ECS in an AWS region.
    pub fn ecs(&self, region: String) -> aws_sdk_ecs::Client {
        let settings = aws_sdk_ecs::config::Builder::from(&self.config);
        let region = aws_config::Region::new(region);
        aws_sdk_ecs::Client::from_conf(settings.region(region).build())
    }

    /// Service Quotas in an AWS region.
    pub fn quotas(&self, region: String) -> aws_sdk_servicequotas::Client {
        let settings = aws_sdk_servicequotas::config::Builder::from(&self.config);
        let region = aws_config::Region::new(region);
        aws_sdk_servicequotas::Client::from_conf(settings.region(region).build())
    }

    /// IoT Core's data endpoint: a host of the account's own.
    pub fn iot_data(&self, host: &str) -> aws_sdk_iotdataplane::Client {
        let settings = aws_sdk_iotdataplane::config::Builder::from(&self.config);
        let settings = match self.endpoint() {
            Some(_) => settings,
            None => settings.endpoint_url(format!("https://{host}")),
        };
        aws_sdk_iotdataplane::Client::from_conf(settings.build())
    }
}
