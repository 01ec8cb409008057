//! Requests signed as API Gateway wants them (SigV4, service `execute-api`).
//! Whose credentials these are is `login`'s.

use super::BackendError;
use aws_credential_types::Credentials;
use aws_sigv4::http_request::{
    PayloadChecksumKind, SignableBody, SignableRequest, SigningSettings, sign,
};
use aws_sigv4::sign::v4;
use reqwest::header::{HeaderMap, HeaderName, HeaderValue};
use std::time::SystemTime;

/// What API Gateway is called in signatures.
const SERVICE: &str = "execute-api";

/// Adds the headers of a signature for a GET of this URL.
pub(super) fn add_signature(
    url: &str,
    region: &str,
    credentials: Credentials,
    headers: &mut HeaderMap,
) -> Result<(), BackendError> {
    for (name, value) in signature(url, region, credentials, SystemTime::now())? {
        let broken = |_| BackendError::NotConfigured("the credentials are none".to_owned());
        let mut header = HeaderValue::from_str(&value).map_err(|_| broken(()))?;
        header.set_sensitive(true);
        let name = HeaderName::from_bytes(name.as_bytes()).map_err(|_| broken(()))?;
        headers.insert(name, header);
    }
    Ok(())
}

/// Names and values of the signature's headers.
fn signature(
    url: &str,
    region: &str,
    credentials: Credentials,
    now: SystemTime,
) -> Result<Vec<(String, String)>, BackendError> {
    let wrong = |error: String| BackendError::NotConfigured(format!("cannot sign: {error}"));
    let mut settings = SigningSettings::default();
    // DLT's own clients send no checksum of a body that is not there.
    settings.payload_checksum_kind = PayloadChecksumKind::NoHeader;
    let identity = credentials.into();
    let parameters = v4::SigningParams::builder()
        .identity(&identity)
        .region(region)
        .name(SERVICE)
        .time(now)
        .settings(settings)
        .build()
        .map_err(|error| wrong(error.to_string()))?;
    let request = SignableRequest::new("GET", url, std::iter::empty(), SignableBody::Bytes(&[]))
        .map_err(|error| wrong(error.to_string()))?;
    let signed = sign(request, &parameters.into()).map_err(|error| wrong(error.to_string()))?;
    let (instructions, _) = signed.into_parts();
    let rows = instructions.headers();
    Ok(rows
        .map(|(name, value)| (name.to_owned(), value.to_owned()))
        .collect())
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    fn signed(url: &str, token: Option<&str>) -> Vec<(String, String)> {
        let token = token.map(str::to_owned);
        let credentials = Credentials::new("AKIDEXAMPLE", "wJalrXUtnFEMI", token, None, "test");
        let now = SystemTime::UNIX_EPOCH + Duration::from_secs(1_440_938_160);
        signature(url, "eu-west-1", credentials, now).unwrap()
    }

    #[test]
    fn a_signature_covers_host_path_query_and_token() {
        let url = "https://abc.execute-api.eu-west-1.amazonaws.com/prod/scenarios?tags=a%20b";
        let rows = signed(url, Some("session"));
        let get = |name: &str| {
            let row = rows.iter().find(|row| row.0.eq_ignore_ascii_case(name));
            row.map(|row| row.1.clone()).unwrap_or_default()
        };
        let authorization = get("authorization");
        let scope = "Credential=AKIDEXAMPLE/20150830/eu-west-1/execute-api/aws4_request";
        assert!(authorization.contains(scope), "{authorization}");
        assert!(authorization.contains("SignedHeaders=host;x-amz-date;x-amz-security-token"));
        assert_eq!(get("x-amz-date"), "20150830T123600Z");
        assert_eq!(get("x-amz-security-token"), "session");
        assert_eq!(get("x-amz-content-sha256"), "");
        assert_ne!(signed(&url.replace("a%20b", "c"), Some("session")), rows);
        assert_ne!(signed(url, None), rows);
    }
}
