//! AWS Signature Version 4, written from its description for requests of tests: an
//! account of its own of what our programs sign with AWS's crate.

use crate::http::{self, Reply};
use hmac::{Hmac, KeyInit as _, Mac as _};
use sha2::{Digest as _, Sha256};
use std::fmt::Write as _;

/// Somebody's keys.
#[derive(Clone, PartialEq, Eq)]
pub struct Credentials {
    /// `AWS_ACCESS_KEY_ID`.
    pub id: String,
    /// `AWS_SECRET_ACCESS_KEY`.
    pub secret: String,
    /// `AWS_SESSION_TOKEN`.
    pub session: String,
}

impl std::fmt::Debug for Credentials {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "credentials of {}", self.id)
    }
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |mut text, byte| {
        let _ = write!(text, "{byte:02x}");
        text
    })
}

/// HMAC-SHA256.
pub fn hmac(key: &[u8], parts: &[&[u8]]) -> Vec<u8> {
    let mut mac = Hmac::<Sha256>::new_from_slice(key).expect("a key of any length");
    for part in parts {
        mac.update(part);
    }
    mac.finalize().into_bytes().to_vec()
}

/// A request that these keys sign for a service in a region. Its path has nothing to
/// encode, and no query.
///
/// # Panics
/// When there is no answer.
#[track_caller]
pub fn send(
    credentials: &Credentials,
    address: &str,
    [region, service]: [&str; 2],
    request: [&str; 2],
    body: &str,
) -> Reply {
    let json = [("content-type", "application/json")];
    send_with(
        credentials,
        address,
        [region, service],
        request,
        &json,
        body,
    )
}

/// The same with these headers, which are not signed.
///
/// # Panics
/// When there is no answer.
#[track_caller]
pub fn send_with(
    credentials: &Credentials,
    address: &str,
    [region, service]: [&str; 2],
    [method, path]: [&str; 2],
    headers: &[(&str, &str)],
    body: &str,
) -> Reply {
    let now = jiff::Timestamp::now();
    let time = now.strftime("%Y%m%dT%H%M%SZ").to_string();
    let day = &time[..8];
    let session = credentials.session.as_str();
    let canonical = format!(
        "{method}\n{path}\n\nhost:{address}\nx-amz-date:{time}\nx-amz-security-token:{session}\n\n\
         host;x-amz-date;x-amz-security-token\n{}",
        hex(&Sha256::digest(body))
    );
    let scope = format!("{day}/{region}/{service}/aws4_request");
    let hash = hex(&Sha256::digest(canonical));
    let string_to_sign = format!("AWS4-HMAC-SHA256\n{time}\n{scope}\n{hash}");
    let mut key = format!("AWS4{}", credentials.secret).into_bytes();
    for part in [day, region, service, "aws4_request"] {
        key = hmac(&key, &[part.as_bytes()]);
    }
    let signature = hex(&hmac(&key, &[string_to_sign.as_bytes()]));
    let authorization = format!(
        "AWS4-HMAC-SHA256 Credential={}/{scope}, \
         SignedHeaders=host;x-amz-date;x-amz-security-token, Signature={signature}",
        credentials.id
    );
    let mut all = vec![
        ("authorization", authorization.as_str()),
        ("x-amz-date", time.as_str()),
        ("x-amz-security-token", session),
    ];
    all.extend_from_slice(headers);
    http::send(address, method, path, &all, body.as_bytes())
}
