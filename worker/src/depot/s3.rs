//! A bucket of S3 as depot. The credentials are the task's, from where AWS's own
//! tools take them.

use super::{DepotError, LARGEST_OBJECT_BYTES, LONGEST_CALL};
use aws_config::retry::RetryConfig;
use aws_config::timeout::TimeoutConfig;
use aws_config::{BehaviorVersion, Region};
use aws_sdk_s3::Client;
use aws_sdk_s3::error::{ProvideErrorMetadata, SdkError};
use aws_sdk_s3::primitives::ByteStream;
use aws_smithy_http_client::tls::{Provider, rustls_provider::CryptoMode};
use std::time::Duration;

/// How long one attempt may take; a report is a few MB at most.
const LONGEST_ATTEMPT: Duration = Duration::from_secs(10);
/// Attempts of one call: all runners of a run store their reports at once.
const ATTEMPTS: u32 = 5;

/// A bucket whose objects are the depot's.
#[derive(Debug, Clone)]
pub struct Bucket {
    client: Client,
    name: String,
}

fn failed<E, R>(what: &'static str, key: &str, error: &SdkError<E, R>) -> DepotError
where
    E: std::error::Error + ProvideErrorMetadata + Send + Sync + 'static,
    R: std::fmt::Debug + Send + Sync + 'static,
{
    DepotError::Bucket {
        what,
        key: key.to_owned(),
        why: words(error),
    }
}

/// What S3 said, its code and its message; where it said nothing, how the call failed.
fn words<E, R>(error: &SdkError<E, R>) -> String
where
    E: std::error::Error + ProvideErrorMetadata + Send + Sync + 'static,
    R: std::fmt::Debug + Send + Sync + 'static,
{
    match (error.code(), error.message()) {
        (Some(code), Some(message)) => format!("{code}: {message}"),
        (Some(code), None) => code.to_owned(),
        (None, Some(message)) => message.to_owned(),
        (None, None) => {
            let mut text = error.to_string();
            let mut source = std::error::Error::source(error);
            while let Some(cause) = source {
                text = format!("{text}: {cause}");
                source = cause.source();
            }
            text
        }
    }
}

impl Bucket {
    /// The bucket with this name, in an AWS region or in the configured one.
    pub(super) async fn open(name: &str, region: Option<&str>) -> Self {
        let https = aws_smithy_http_client::Builder::new()
            .tls_provider(Provider::Rustls(CryptoMode::Ring))
            .build_https();
        let timeouts = TimeoutConfig::builder()
            .operation_attempt_timeout(LONGEST_ATTEMPT)
            .operation_timeout(LONGEST_CALL)
            .build();
        let mut loader = aws_config::defaults(BehaviorVersion::latest())
            .http_client(https)
            .timeout_config(timeouts)
            .retry_config(RetryConfig::standard().with_max_attempts(ATTEMPTS));
        if let Some(region) = region {
            loader = loader.region(Region::new(region.to_owned()));
        }
        let config = loader.load().await;
        let mut settings = aws_sdk_s3::config::Builder::from(&config);
        // Another endpoint than AWS's own has no host name for each bucket.
        settings = settings.force_path_style(config.endpoint_url().is_some());
        Self {
            client: Client::from_conf(settings.build()),
            name: name.to_owned(),
        }
    }

    pub(super) async fn fetch(&self, key: &str) -> Result<Option<Vec<u8>>, DepotError> {
        let get = self.client.get_object().bucket(&self.name).key(key);
        let got = match get.send().await {
            Ok(got) => got,
            Err(error) if error.code() == Some("NoSuchKey") => return Ok(None),
            Err(error) => return Err(failed("fetch", key, &error)),
        };
        let bytes = got.content_length().unwrap_or(0).unsigned_abs();
        if bytes > LARGEST_OBJECT_BYTES {
            return Err(DepotError::TooLarge {
                key: key.to_owned(),
                bytes,
            });
        }
        let body = got
            .body
            .collect()
            .await
            .map_err(|error| DepotError::Bucket {
                what: "fetch",
                key: key.to_owned(),
                why: error.to_string(),
            })?;
        Ok(Some(body.to_vec()))
    }

    pub(super) async fn store(&self, key: &str, bytes: Vec<u8>) -> Result<(), DepotError> {
        let put = self.client.put_object().bucket(&self.name).key(key);
        let sent = put.body(ByteStream::from(bytes)).send().await;
        sent.map(drop).map_err(|error| failed("store", key, &error))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use aws_sdk_s3::error::ErrorMetadata;
    use aws_sdk_s3::operation::put_object::PutObjectError;

    type Failure = SdkError<PutObjectError, ()>;

    #[test]
    fn what_s3_said_is_told_and_no_dump() {
        let said = |error: Failure| failed("store", "results/a.xml", &error).to_string();
        let denied = ErrorMetadata::builder()
            .code("AccessDenied")
            .message("Access Denied")
            .custom("aws_request_id", "1a2b");
        let denied = PutObjectError::generic(denied.build());
        assert_eq!(
            said(SdkError::service_error(denied, ())),
            "cannot store object results/a.xml: AccessDenied: Access Denied; check the bucket and \
             the rights of the task's role"
        );
        let cause = std::io::Error::other("connection refused");
        let text = said(SdkError::timeout_error(cause));
        assert!(
            text.contains("request has timed out: connection refused;"),
            "{text}"
        );
    }
}
