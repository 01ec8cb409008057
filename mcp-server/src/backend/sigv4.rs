//! AWS Signature Version 4, the only place where requests are signed: for this server
//! and for the command line. Where credentials come from is `credentials`' part.

use super::BackendError;
use super::credentials::CredentialCache;
use aws_credential_types::Credentials;
use aws_sigv4::http_request::{
    SignableBody, SignableRequest, SignatureLocation, SigningSettings, sign,
};
use aws_sigv4::sign::v4::SigningParams;
use reqwest::Request;
use reqwest::header::{AUTHORIZATION, HeaderName, HeaderValue};
use std::sync::Arc;
use std::time::{Duration, SystemTime};
use url::Url;

/// API Gateway's name in signatures.
const SERVICE: &str = "execute-api";
/// The name of IoT Core's topics in signatures.
const IOT_SERVICE: &str = "iotdevicegateway";
/// How long a presigned address is valid: it is used at once.
const PRESIGNED_FOR: Duration = Duration::from_secs(300);
/// The query's name of a session's token.
const TOKEN_PARAMETER: &str = "X-Amz-Security-Token";

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

    /// An address of IoT Core with a signature in its query: whoever has it may open a
    /// WebSocket there for a few minutes.
    pub async fn presigned(&self, region: &str, url: &Url) -> Result<Url, BackendError> {
        let credentials = self.credentials.get().await?;
        let scope = SigningScope {
            service: IOT_SERVICE,
            region,
            time: SystemTime::now(),
        };
        scope.presigned(url, credentials)
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

    /// The address with its signature in the query. IoT Core does not expect a session's
    /// token to be signed, unlike all other services: it follows behind.
    fn presigned(&self, url: &Url, credentials: Credentials) -> Result<Url, BackendError> {
        let token = credentials.session_token().map(str::to_owned);
        let (key, secret) = (credentials.access_key_id(), credentials.secret_access_key());
        let identity =
            Credentials::new(key, secret, None, credentials.expiry(), "presigned").into();
        let mut settings = SigningSettings::default();
        settings.signature_location = SignatureLocation::QueryParams;
        settings.expires_in = Some(PRESIGNED_FOR);
        let params = SigningParams::builder()
            .identity(&identity)
            .region(self.region)
            .name(self.service)
            .time(self.time)
            .settings(settings)
            .build()
            .map_err(|error| cannot_sign(&error))?
            .into();
        let body = SignableBody::Bytes(&[]);
        let signable = SignableRequest::new("GET", url.as_str(), std::iter::empty(), body);
        let signable = signable.map_err(|_| malformed())?;
        let signed = sign(signable, &params).map_err(|error| cannot_sign(&error))?;
        let (instructions, _) = signed.into_parts();
        let mut url = url.clone();
        let mut query = url.query_pairs_mut();
        for (name, value) in instructions.params() {
            query.append_pair(name, value);
        }
        if let Some(token) = token {
            query.append_pair(TOKEN_PARAMETER, &token);
        }
        drop(query);
        Ok(url)
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
    use ring::{digest, hmac};
    use std::time::UNIX_EPOCH;

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

    fn hex(bytes: &[u8]) -> String {
        bytes.iter().map(|byte| format!("{byte:02x}")).collect()
    }

    /// The signature as the documentation of Signature Version 4 computes it.
    fn by_hand(canonical: &str, scope: &str) -> String {
        let sign = |key: &[u8], text: &str| {
            let key = hmac::Key::new(hmac::HMAC_SHA256, key);
            hmac::sign(&key, text.as_bytes()).as_ref().to_vec()
        };
        let mut key = format!("AWS4{SECRET}").into_bytes();
        for part in scope.split('/') {
            key = sign(&key, part);
        }
        let digest = digest::digest(&digest::SHA256, canonical.as_bytes());
        let text = format!(
            "AWS4-HMAC-SHA256\n20150830T123600Z\n{scope}\n{}",
            hex(digest.as_ref())
        );
        hex(&sign(&key, &text))
    }

    #[test]
    fn an_address_of_iot_core_is_signed_without_its_token() {
        let url = Url::parse("https://a-ats.iot.eu-west-1.amazonaws.com/mqtt").unwrap();
        let scope = SigningScope {
            service: IOT_SERVICE,
            region: "eu-west-1",
            time: UNIX_EPOCH + Duration::from_secs(1_440_938_160),
        };
        let presigned = |token: Option<&str>| {
            let token = token.map(str::to_owned);
            let credentials = Credentials::new(KEY, SECRET, token, None, "test");
            scope.presigned(&url, credentials).unwrap().to_string()
        };
        let date_scope = "20150830/eu-west-1/iotdevicegateway/aws4_request";
        let query = format!(
            "X-Amz-Algorithm=AWS4-HMAC-SHA256&X-Amz-Credential={KEY}%2F{}\
             &X-Amz-Date=20150830T123600Z&X-Amz-Expires=300&X-Amz-SignedHeaders=host",
            date_scope.replace('/', "%2F")
        );
        let nothing = hex(digest::digest(&digest::SHA256, b"").as_ref());
        let canonical = format!(
            "GET\n/mqtt\n{query}\nhost:a-ats.iot.eu-west-1.amazonaws.com\n\nhost\n{nothing}"
        );
        let signature = by_hand(&canonical, date_scope);
        let expected = format!("{url}?{query}&X-Amz-Signature={signature}");
        assert_eq!(presigned(None), expected);
        let with_token = format!("{expected}&X-Amz-Security-Token=a%2Fb%2Bc");
        assert_eq!(presigned(Some("a/b+c")), with_token);
    }
}
