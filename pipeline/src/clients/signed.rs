//! A request that no SDK makes for us, signed with AWS Signature Version 4. What is
//! asked of which service is left to the files named after the services.

use super::Clients;
use super::http::send;
use crate::error::PipelineError;
use aws_credential_types::provider::ProvideCredentials as _;
use aws_sigv4::http_request::{SignableBody, SignableRequest, SigningSettings, sign};
use aws_sigv4::sign::v4::SigningParams;
use std::time::SystemTime;

/// One request to a service.
#[derive(Debug, Clone)]
pub(super) struct Signed {
    /// As which service it is signed, and what an error begins with.
    pub service: &'static str,
    /// What the service's host begins with.
    pub host: &'static str,
    /// Where, if not in the hub's region.
    pub region: Option<String>,
    pub method: &'static str,
    pub path: String,
    /// Beside those of the signature.
    pub headers: Vec<(String, String)>,
    pub body: String,
}

impl Signed {
    /// An error of this request.
    pub fn failed(&self, error: &dyn std::fmt::Display) -> PipelineError {
        let Self { service, path, .. } = self;
        PipelineError::Other(format!("{service}, {} {path}: {error}", self.method))
    }

    /// Signs it and sends it; status and body of the answer.
    pub async fn send(&self, clients: &Clients) -> Result<(u16, String), PipelineError> {
        let hub = || clients.config().region().map(ToString::to_string);
        let region = self.region.clone().or_else(hub).unwrap_or_default();
        let base = match clients.endpoint() {
            Some(endpoint) => endpoint.trim_end_matches('/').to_owned(),
            None => format!("https://{}.{region}.amazonaws.com", self.host),
        };
        let url = format!("{base}{}", self.path);
        let signature = self.signature(clients, &region, &url).await;
        let mut headers = signature.map_err(|error| self.failed(&error))?;
        headers.extend(self.headers.iter().cloned());
        send(self.method, &url, &headers, self.body.clone()).await
    }

    /// The headers that sign it.
    async fn signature(
        &self,
        clients: &Clients,
        region: &str,
        url: &str,
    ) -> Result<Vec<(String, String)>, String> {
        let provider = clients.config().credentials_provider();
        let provider = provider.ok_or("there are no AWS credentials")?;
        let credentials = provider.provide_credentials().await;
        let identity = credentials.map_err(|error| error.to_string())?.into();
        let parameters = SigningParams::builder()
            .identity(&identity)
            .region(region)
            .name(self.service)
            .time(SystemTime::now())
            .settings(SigningSettings::default())
            .build()
            .map_err(|error| error.to_string())?;
        let headers = self.headers.iter();
        let headers = headers.map(|(name, value)| (name.as_str(), value.as_str()));
        let body = SignableBody::Bytes(self.body.as_bytes());
        let request = SignableRequest::new(self.method, url, headers, body);
        let request = request.map_err(|error| error.to_string())?;
        let signed = sign(request, &parameters.into()).map_err(|error| error.to_string())?;
        let (instructions, _) = signed.into_parts();
        let headers = instructions.headers();
        Ok(headers
            .map(|(name, value)| (name.to_owned(), value.to_owned()))
            .collect())
    }
}
