//! A request that no SDK makes for us, signed with AWS Signature Version 4. What is
//! asked of which service is left to the files named after the services.

use super::failure::refused;
use super::http::send;
use super::{ATTEMPTS, Clients};
use crate::error::PipelineError;
use aws_credential_types::provider::ProvideCredentials as _;
use aws_sigv4::http_request::{SignableBody, SignableRequest, SigningSettings, sign};
use aws_sigv4::sign::v4::SigningParams;
use serde_json::Value;
use std::time::{Duration, SystemTime};

/// The first pause before a call that may pass is made again; each next is twice as long.
const FIRST_PAUSE: Duration = Duration::from_millis(200);

/// Why a request was not answered well.
#[derive(Debug)]
pub(super) struct Refused {
    /// The service's code; empty where it gave none.
    pub code: String,
    pub error: PipelineError,
}

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
    /// What errors of this request begin with.
    fn named(&self) -> String {
        let target = self.headers.iter().find(|row| row.0 == "x-amz-target");
        match target.and_then(|row| row.1.rsplit('.').next()) {
            Some(action) => format!("{}, {action}", self.service),
            None => format!("{}, {} {}", self.service, self.method, self.path),
        }
    }

    /// The answer's JSON; null if it is none.
    pub async fn answer(&self, clients: &Clients) -> Result<Value, Refused> {
        let text = self.text(clients).await?;
        Ok(serde_json::from_str(&text).unwrap_or_default())
    }

    /// Signs it and sends it, as often as the clients do what may pass; the answer's body.
    pub async fn text(&self, clients: &Clients) -> Result<String, Refused> {
        let mut pause = FIRST_PAUSE;
        for _ in 1..ATTEMPTS {
            match self.once(clients).await {
                Err(refused) if refused.error.may_pass() => {
                    tokio::time::sleep(pause).await;
                    pause *= 2;
                }
                answered => return answered,
            }
        }
        self.once(clients).await
    }

    async fn once(&self, clients: &Clients) -> Result<String, Refused> {
        let sent = self.send(clients).await.map_err(|error| Refused {
            code: String::new(),
            error,
        });
        let (status, body) = sent?;
        if (200..300).contains(&status) {
            return Ok(body);
        }
        let said: Value = serde_json::from_str(&body).unwrap_or_default();
        if said.is_null() {
            let code = element(&body, "Code");
            return Err(Refused {
                code: code.to_owned(),
                error: refused(&self.named(), status, code, element(&body, "Message")),
            });
        }
        let text = |name: &str| said[name].as_str().unwrap_or_default();
        // Some services put their own name before it.
        let code = text("__type").rsplit('#').next().unwrap_or_default();
        let message = match text("message") {
            "" => text("Message"),
            message => message,
        };
        Err(Refused {
            code: code.to_owned(),
            error: refused(&self.named(), status, code, message),
        })
    }

    /// Signs it and sends it; status and body of the answer.
    async fn send(&self, clients: &Clients) -> Result<(u16, String), PipelineError> {
        let hub = || clients.config().region().map(ToString::to_string);
        let region = self.region.clone().or_else(hub).unwrap_or_default();
        let base = match clients.endpoint() {
            Some(endpoint) => endpoint.trim_end_matches('/').to_owned(),
            None => format!("https://{}.{region}.amazonaws.com", self.host),
        };
        let url = format!("{base}{}", self.path);
        let signature = self.signature(clients, &region, &url).await;
        let mut headers = signature
            .map_err(|error| PipelineError::Other(format!("{}: {error}", self.named())))?;
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
/// The text of the first element of this name: how services with XML tell an error.
fn element<'a>(xml: &'a str, name: &str) -> &'a str {
    let rest = xml.split_once(&format!("<{name}>"));
    let text = rest.and_then(|(_, rest)| rest.split_once(&format!("</{name}>")));
    text.map_or("", |(text, _)| text)
}
