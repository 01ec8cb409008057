//! Requests signed as AWS wants it (SigV4, service `execute-api`), with the
//! credentials that AWS's own tools would use: environment, profiles, SSO, a
//! process, a container, the machine.

use super::ClientError;
use aws_config::{BehaviorVersion, Region};
use aws_credential_types::Credentials;
use aws_credential_types::provider::{ProvideCredentials, SharedCredentialsProvider};
use aws_sigv4::http_request::{SignableBody, SignableRequest, SigningSettings, sign};
use aws_sigv4::sign::v4::SigningParams;
use aws_smithy_http_client::tls::{Provider, rustls_provider::CryptoMode};
use reqwest::header::{AUTHORIZATION, HeaderName, HeaderValue};
use std::time::{Duration, SystemTime};

/// What signatures are for.
const SERVICE: &str = "execute-api";
/// How long credentials may take: a login may be looked up over the network.
const CREDENTIALS_DEADLINE: Duration = Duration::from_secs(20);
/// Said when they cannot be had.
const HINT: &str =
    "log in as for other AWS tools (aws sso login, AWS_PROFILE, AWS_ACCESS_KEY_ID …)";

/// Signs requests.
pub struct Signer {
    credentials: SharedCredentialsProvider,
    region: String,
}

impl Signer {
    /// With the credentials of the environment, for this region or the
    /// environment's.
    pub async fn from_env(region: Option<String>) -> Result<Self, ClientError> {
        let https = aws_smithy_http_client::Builder::new()
            .tls_provider(Provider::Rustls(CryptoMode::Ring))
            .build_https();
        let mut loader = aws_config::defaults(BehaviorVersion::latest()).http_client(https);
        if let Some(region) = region.clone() {
            loader = loader.region(Region::new(region));
        }
        let refuse = |why: &str| ClientError::Credentials(format!("{why}; {HINT}"));
        let config = tokio::time::timeout(CREDENTIALS_DEADLINE, loader.load())
            .await
            .map_err(|_| refuse("AWS credentials were not found in time"))?;
        let region = region
            .or_else(|| config.region().map(ToString::to_string))
            .ok_or_else(|| {
                ClientError::Credentials(
                    "the API's AWS region is not known; set AWS_REGION".to_owned(),
                )
            })?;
        let credentials = config
            .credentials_provider()
            .ok_or_else(|| refuse("there are no AWS credentials"))?;
        Ok(Self {
            credentials,
            region,
        })
    }

    /// Adds date, token and signature to a request.
    pub async fn sign(&self, request: &mut reqwest::Request) -> Result<(), ClientError> {
        let asked = self.credentials.provide_credentials();
        let credentials = tokio::time::timeout(CREDENTIALS_DEADLINE, asked)
            .await
            .map_err(|_| {
                ClientError::Credentials(format!("AWS credentials did not come in time; {HINT}"))
            })?
            .map_err(|error| {
                let why = aws_sigv4_cause(&error);
                ClientError::Credentials(format!("there are no AWS credentials: {why}; {HINT}"))
            })?;
        let stamp = Stamp {
            service: SERVICE,
            region: &self.region,
            time: SystemTime::now(),
        };
        stamp.put(request, credentials)
    }
}

/// The innermost cause: what is around it only names layers.
fn aws_sigv4_cause(error: &dyn std::error::Error) -> String {
    let mut cause = error;
    while let Some(next) = cause.source() {
        cause = next;
    }
    cause.to_string()
}

/// For what, where and when a signature holds.
struct Stamp<'a> {
    service: &'a str,
    region: &'a str,
    time: SystemTime,
}

impl Stamp<'_> {
    /// The headers of a signature over what is to be sent.
    fn headers(
        &self,
        credentials: Credentials,
        signed: SignableRequest<'_>,
    ) -> Result<Vec<(String, String)>, ClientError> {
        let broken = |error: &dyn std::fmt::Display| {
            ClientError::Cannot(format!("the request cannot be signed: {error}"))
        };
        let identity = credentials.into();
        let params = SigningParams::builder()
            .identity(&identity)
            .region(self.region)
            .name(self.service)
            .time(self.time)
            .settings(SigningSettings::default())
            .build()
            .map_err(|error| broken(&error))?
            .into();
        let output = sign(signed, &params).map_err(|error| broken(&error))?;
        let (instructions, _) = output.into_parts();
        let headers = instructions.headers();
        Ok(headers
            .map(|(name, value)| (name.to_owned(), value.to_owned()))
            .collect())
    }

    fn put(
        &self,
        request: &mut reqwest::Request,
        credentials: Credentials,
    ) -> Result<(), ClientError> {
        let broken =
            || ClientError::Cannot("the request cannot be signed: it is malformed".to_owned());
        let headers: Vec<(&str, &str)> = request
            .headers()
            .iter()
            .map(|(name, value)| Some((name.as_str(), value.to_str().ok()?)))
            .collect::<Option<_>>()
            .ok_or_else(broken)?;
        let body = request.body().and_then(reqwest::Body::as_bytes);
        let signed = SignableRequest::new(
            request.method().as_str(),
            request.url().as_str(),
            headers.into_iter(),
            SignableBody::Bytes(body.unwrap_or_default()),
        )
        .map_err(|_| broken())?;
        for (name, value) in self.headers(credentials, signed)? {
            let name = HeaderName::from_bytes(name.as_bytes()).map_err(|_| broken())?;
            let mut value = HeaderValue::from_str(&value).map_err(|_| broken())?;
            value.set_sensitive(name == AUTHORIZATION || name.as_str().ends_with("token"));
            request.headers_mut().insert(name, value);
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests;
