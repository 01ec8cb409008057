//! AWS Signature Version 4, the only place where requests are signed: for this server
//! and for the command line. Where credentials come from is `credentials`' part.

use super::BackendError;
use super::credentials::CredentialCache;
use aws_credential_types::Credentials;
use aws_sigv4::http_request::{SignableBody, SignableRequest, SigningSettings, sign};
use aws_sigv4::sign::v4::SigningParams;
use reqwest::Request;
use reqwest::header::{AUTHORIZATION, HeaderName, HeaderValue};
use std::sync::Arc;
use std::time::SystemTime;

/// API Gateway's name in signatures.
const SERVICE: &str = "execute-api";

/// Signs requests to API Gateway in one region.
#[derive(Debug)]
pub struct Signer {
    credentials: Arc<CredentialCache>,
    region: String,
}

impl Signer {
    /// A signer for this region.
    pub fn new(credentials: Arc<CredentialCache>, region: String) -> Self {
        Self {
            credentials,
            region,
        }
    }

    /// A signer for this region, or else for the region that AWS's tools are configured
    /// for.
    #[cfg(feature = "login")]
    pub async fn from_env(region: Option<String>) -> Result<Self, BackendError> {
        let region = match region {
            Some(region) => region,
            None => {
                let config = super::credentials::config(None).await?;
                let region = config.region().map(ToString::to_string);
                region.ok_or_else(|| {
                    BackendError::NotConfigured(
                        "the API's AWS region is not known; set AWS_REGION".to_owned(),
                    )
                })?
            }
        };
        Ok(Self::new(Arc::default(), region))
    }

    /// Fails if there are no credentials, with what is missing. Looking for them may take
    /// longer than a request.
    pub async fn check_credentials(&self) -> Result<(), BackendError> {
        self.credentials.get().await.map(|_| ())
    }

    /// Adds date, session token and signature to a request whose body is complete.
    pub async fn sign(&self, request: &mut Request) -> Result<(), BackendError> {
        let credentials = self.credentials.get().await?;
        let scope = SigningScope {
            service: SERVICE,
            region: &self.region,
            time: SystemTime::now(),
        };
        scope.sign(request, credentials)
    }
}

/// Service, region and time for which a signature is valid.
#[derive(Debug, Clone, Copy)]
pub struct SigningScope<'a> {
    /// The service's name in signatures.
    pub service: &'a str,
    /// The AWS region.
    pub region: &'a str,
    /// The signature's date.
    pub time: SystemTime,
}

impl SigningScope<'_> {
    /// Signs method, URL, headers and body.
    pub fn sign(
        &self,
        request: &mut Request,
        credentials: Credentials,
    ) -> Result<(), BackendError> {
        for (name, value) in self.signature(request, credentials)? {
            let name = HeaderName::from_bytes(name.as_bytes()).map_err(|_| malformed())?;
            let mut value = HeaderValue::from_str(&value).map_err(|_| malformed())?;
            value.set_sensitive(name == AUTHORIZATION || name.as_str().ends_with("token"));
            request.headers_mut().insert(name, value);
        }
        Ok(())
    }

    /// Names and values of the signature's headers.
    fn signature(
        &self,
        request: &Request,
        credentials: Credentials,
    ) -> Result<Vec<(String, String)>, BackendError> {
        let headers: Vec<(&str, &str)> = request
            .headers()
            .iter()
            .map(|(name, value)| Some((name.as_str(), value.to_str().ok()?)))
            .collect::<Option<_>>()
            .ok_or_else(malformed)?;
        let body = request.body().and_then(reqwest::Body::as_bytes);
        let signable = SignableRequest::new(
            request.method().as_str(),
            request.url().as_str(),
            headers.into_iter(),
            SignableBody::Bytes(body.unwrap_or_default()),
        )
        .map_err(|_| malformed())?;
        let identity = credentials.into();
        let params = SigningParams::builder()
            .identity(&identity)
            .region(self.region)
            .name(self.service)
            .time(self.time)
            .settings(SigningSettings::default())
            .build()
            .map_err(|error| cannot_sign(&error))?
            .into();
        let signed = sign(signable, &params).map_err(|error| cannot_sign(&error))?;
        let (instructions, _) = signed.into_parts();
        let headers = instructions.headers();
        Ok(headers
            .map(|(name, value)| (name.to_owned(), value.to_owned()))
            .collect())
    }
}

fn cannot_sign(why: &dyn std::fmt::Display) -> BackendError {
    BackendError::NotConfigured(format!("the request cannot be signed: {why}"))
}

fn malformed() -> BackendError {
    cannot_sign(&"it is malformed")
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::{Duration, UNIX_EPOCH};

    const KEY: &str = "AKIDEXAMPLE";
    const SECRET: &str = "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY";

    fn signed(service: &str, region: &str, url: &str, token: Option<&str>) -> Request {
        let token = token.map(str::to_owned);
        let mut request = Request::new(reqwest::Method::GET, url.parse().unwrap());
        let scope = SigningScope {
            service,
            region,
            // 20150830T123600Z
            time: UNIX_EPOCH + Duration::from_secs(1_440_938_160),
        };
        let credentials = Credentials::new(KEY, SECRET, token, None, "test");
        scope.sign(&mut request, credentials).unwrap();
        request
    }

    /// The authorization of `get-vanilla` in AWS's Signature Version 4 test suite.
    #[test]
    fn the_published_vector_is_reproduced() {
        let request = signed(
            "service",
            "us-east-1",
            "https://example.amazonaws.com/",
            None,
        );
        assert_eq!(request.headers()["x-amz-date"], "20150830T123600Z");
        assert_eq!(
            request.headers()["authorization"],
            "AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/20150830/us-east-1/service/aws4_request, \
             SignedHeaders=host;x-amz-date, \
             Signature=5fa00fa31553b73ebf1942676e86291e8372ff2a2260956d9b8aae1d763fbf31"
        );
        let debug = format!("{request:?}");
        assert!(!debug.contains("Signature="), "{debug}");
    }

    #[test]
    fn a_signature_covers_host_path_query_and_token() {
        let url = "https://abc.execute-api.eu-west-1.amazonaws.com/prod/scenarios?tags=a%20b";
        let request = |url: &str, token| signed(SERVICE, "eu-west-1", url, token);
        let headers = request(url, Some("session")).headers().clone();
        let authorization = headers["authorization"].to_str().unwrap();
        let scope = "Credential=AKIDEXAMPLE/20150830/eu-west-1/execute-api/aws4_request";
        assert!(authorization.contains(scope), "{authorization}");
        assert!(authorization.contains("SignedHeaders=host;x-amz-date;x-amz-security-token"));
        assert_eq!(headers["x-amz-security-token"], "session");
        assert!(headers["x-amz-security-token"].is_sensitive());
        // DLT's own clients send no checksum of an empty body either.
        assert!(!headers.contains_key("x-amz-content-sha256"));
        let other = url.replace("a%20b", "c");
        assert_ne!(*request(&other, Some("session")).headers(), headers);
        assert_ne!(*request(url, None).headers(), headers);
    }
}
