//! The two calls of IoT Core's control plane that the stack needs: where its data
//! endpoint is, and which identities may subscribe. Signed here: its SDK has some
//! 270 operations, and takes as long to build as all others.

use super::Clients;
use super::http::send;
use crate::error::PipelineError;
use aws_credential_types::provider::ProvideCredentials as _;
use aws_sigv4::http_request::{SignableBody, SignableRequest, SigningSettings, sign};
use aws_sigv4::sign::v4::SigningParams;
use serde_json::{Value, json};
use std::time::SystemTime;

/// Longest answer that is shown in an error.
const LONGEST_REASON: usize = 300;

/// The host of the account's data endpoint in the hub's region (DescribeEndpoint).
pub async fn endpoint(clients: &Clients) -> Result<String, PipelineError> {
    let path = "/endpoint?endpointType=iot:Data-ATS";
    let answer = call(clients, "GET", path, None).await?;
    let host = answer["endpointAddress"].as_str().map(str::to_owned);
    host.ok_or_else(|| PipelineError::Other("IoT Core names no data endpoint".to_owned()))
}

/// Lets an identity of Cognito subscribe as a policy says (AttachPolicy).
pub async fn attach_policy(
    clients: &Clients,
    policy: &str,
    identity: &str,
) -> Result<(), PipelineError> {
    let path = format!("/target-policies/{policy}");
    let body = json!({ "target": identity }).to_string();
    call(clients, "PUT", &path, Some(body)).await.map(drop)
}

async fn call(
    clients: &Clients,
    method: &'static str,
    path: &str,
    body: Option<String>,
) -> Result<Value, PipelineError> {
    let failed = |error: &dyn std::fmt::Display| {
        PipelineError::Other(format!("IoT Core, {method} {path}: {error}"))
    };
    let region = clients.config().region().map(ToString::to_string);
    let region = region.unwrap_or_default();
    let base = match clients.endpoint() {
        Some(endpoint) => endpoint.trim_end_matches('/').to_owned(),
        None => format!("https://iot.{region}.amazonaws.com"),
    };
    let url = format!("{base}{path}");
    let body = body.unwrap_or_default();
    let headers = signature(clients, &region, method, &url, &body)
        .await
        .map_err(|error| failed(&error))?;
    let (status, text) = send(method, &url, &headers, body).await?;
    if !(200..300).contains(&status) {
        let reason: String = text.chars().take(LONGEST_REASON).collect();
        return Err(failed(&format!("status {status}: {reason}")));
    }
    Ok(serde_json::from_str(&text).unwrap_or(Value::Null))
}

/// The headers that sign a request.
async fn signature(
    clients: &Clients,
    region: &str,
    method: &str,
    url: &str,
    body: &str,
) -> Result<Vec<(String, String)>, String> {
    let provider = clients.config().credentials_provider();
    let provider = provider.ok_or("there are no AWS credentials")?;
    let credentials = provider.provide_credentials().await;
    let identity = credentials.map_err(|error| error.to_string())?.into();
    let parameters = SigningParams::builder()
        .identity(&identity)
        .region(region)
        // IoT Core's control plane signs as this.
        .name("iot")
        .time(SystemTime::now())
        .settings(SigningSettings::default())
        .build()
        .map_err(|error| error.to_string())?;
    let body = SignableBody::Bytes(body.as_bytes());
    let request = SignableRequest::new(method, url, std::iter::empty(), body);
    let request = request.map_err(|error| error.to_string())?;
    let signed = sign(request, &parameters.into()).map_err(|error| error.to_string())?;
    let (instructions, _) = signed.into_parts();
    let headers = instructions.headers();
    Ok(headers
        .map(|(name, value)| (name.to_owned(), value.to_owned()))
        .collect())
}
