//! Requests signed as AWS wants it (SigV4, service `execute-api`). Whose
//! credentials these are is looked up by the MCP server's `login`.

use super::ClientError;
use aws_credential_types::Credentials;
use aws_sigv4::http_request::{SignableBody, SignableRequest, SigningSettings, sign};
use aws_sigv4::sign::v4::SigningParams;
use dlt_mcp::backend::BackendError;
use dlt_mcp::backend::login::{self, Login};
use reqwest::header::{AUTHORIZATION, HeaderName, HeaderValue};
use std::time::SystemTime;

/// What signatures are for.
const SERVICE: &str = "execute-api";

/// Signs requests.
pub struct Signer {
    login: Login,
    region: String,
}

impl Signer {
    /// With the credentials of the environment, for this region or the
    /// environment's.
    pub async fn from_env(region: Option<String>) -> Result<Self, ClientError> {
        let region = match region {
            Some(region) => region,
            None => {
                let config = login::config(None).await.map_err(refused)?;
                let region = config.region().map(ToString::to_string);
                region.ok_or_else(|| {
                    ClientError::Credentials(
                        "the API's AWS region is not known; set AWS_REGION".to_owned(),
                    )
                })?
            }
        };
        let login = Login::default();
        // Whoever has none is told so before anything is sent.
        login.credentials().await.map_err(refused)?;
        Ok(Self { login, region })
    }

    /// Adds date, token and signature to a request.
    pub async fn sign(&self, request: &mut reqwest::Request) -> Result<(), ClientError> {
        let credentials = self.login.credentials().await.map_err(refused)?;
        let stamp = Stamp {
            service: SERVICE,
            region: &self.region,
            time: SystemTime::now(),
        };
        stamp.put(request, credentials)
    }
}

fn refused(error: BackendError) -> ClientError {
    ClientError::Credentials(error.to_string())
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
