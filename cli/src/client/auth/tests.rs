//! Tokens from the environment, and requests as a server receives them: the signature
//! must be the one that the server computes from what it received.

use super::super::Client;
use super::super::remote::Remote;
use super::*;
use serde_json::json;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;

#[test]
fn a_token_comes_from_a_variable_or_a_file_and_is_never_shown() {
    assert_eq!(token(None, None).unwrap(), None);
    let direct = token(Some("abc".into()), Some("/no/such".into())).unwrap();
    assert_eq!(direct.as_deref(), Some("abc"));
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("token");
    std::fs::write(&file, "  xyz\n").unwrap();
    let read = token(None, Some(file.to_string_lossy().into_owned())).unwrap();
    assert_eq!(read.as_deref(), Some("xyz"));
    let missing = token(None, Some("/no/such".into())).unwrap_err();
    assert!(missing.to_string().contains("/no/such"), "{missing}");
    let header = token::header("xyz").unwrap();
    assert!(!format!("{:?}", Auth::Token(header.clone())).contains("xyz"));
    assert!(!format!("{header:?}").contains("xyz"));
    for bad in ["a b", "a\nb", "ä"] {
        let error = token(Some(bad.to_owned()), None).unwrap_err().to_string();
        assert!(!error.contains(bad), "{error}");
    }
}

/// A request as the server received it.
struct Received {
    method: String,
    target: String,
    headers: Vec<(String, String)>,
    body: Vec<u8>,
}

impl Received {
    fn header(&self, name: &str) -> &str {
        let found = self.headers.iter().find(|header| header.0 == name);
        found.map_or("", |header| header.1.as_str())
    }
}

/// Answers one request with `{}`.
async fn receive(listener: &TcpListener) -> Received {
    let (mut socket, _) = listener.accept().await.unwrap();
    let mut bytes = Vec::new();
    let head = loop {
        let mut chunk = [0; 4_096];
        let read = socket.read(&mut chunk).await.unwrap();
        bytes.extend_from_slice(&chunk[..read]);
        if let Some(at) = bytes.windows(4).position(|four| four == b"\r\n\r\n") {
            break at;
        }
    };
    let text = String::from_utf8(bytes[..head].to_vec()).unwrap();
    let mut lines = text.lines();
    let mut first = lines.next().unwrap().split(' ');
    let mut received = Received {
        method: first.next().unwrap().to_owned(),
        target: first.next().unwrap().to_owned(),
        headers: lines
            .filter_map(|line| line.split_once(": "))
            .map(|(name, value)| (name.to_lowercase(), value.to_owned()))
            .collect(),
        body: bytes[head + 4..].to_vec(),
    };
    let length: usize = received.header("content-length").parse().unwrap_or(0);
    while received.body.len() < length {
        let mut chunk = [0; 4_096];
        let read = socket.read(&mut chunk).await.unwrap();
        received.body.extend_from_slice(&chunk[..read]);
    }
    let answer = "HTTP/1.1 200 OK\r\ncontent-length: 2\r\nconnection: close\r\n\r\n{}";
    socket.write_all(answer.as_bytes()).await.unwrap();
    received
}

#[tokio::test]
async fn a_token_is_sent_as_it_is() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let api = format!("http://{}/api", listener.local_addr().unwrap());
    let auth = Auth::Token(HeaderValue::from_static("Bearer abc"));
    let client = Client::remote(Remote::new(&api, auth).unwrap());
    let (got, received) = tokio::join!(client.get("/tasks", &[]), receive(&listener));
    assert_eq!(got.unwrap(), json!({}));
    assert_eq!(received.header("authorization"), "Bearer abc");
    assert_eq!(received.method, "GET");
    assert_eq!(received.target, "/api/tasks");
}

#[cfg(feature = "aws")]
mod signatures {
    use super::*;
    use crate::client::Method;
    use dlt_mcp::backend::credentials::{CredentialCache, Credentials};
    use dlt_mcp::backend::sigv4::SigningScope;
    use reqwest::header::HeaderName;
    use std::sync::Arc;
    use std::time::SystemTime;

    const KEY: &str = "AKIDEXAMPLE";
    const SECRET: &str = "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY";

    fn credentials(token: Option<&str>) -> Credentials {
        Credentials::new(KEY, SECRET, token.map(str::to_owned), None, "test")
    }

    /// The signature of a received request, computed from the headers that it says are
    /// signed.
    fn expected(received: &Received) -> String {
        let authorization = received.header("authorization");
        let (_, rest) = authorization.split_once("SignedHeaders=").unwrap();
        let names: Vec<&str> = rest.split(',').next().unwrap().split(';').collect();
        let date = received.header("x-amz-date");
        let civil = format!(
            "{}-{}-{}T{}:{}:{}Z",
            &date[..4],
            &date[4..6],
            &date[6..8],
            &date[9..11],
            &date[11..13],
            &date[13..15]
        );
        let time: jiff::Timestamp = civil.parse().unwrap();
        let url = format!("http://{}{}", received.header("host"), received.target);
        let mut request =
            reqwest::Request::new(received.method.parse().unwrap(), url.parse().unwrap());
        // The signer adds these itself.
        let added = ["host", "x-amz-date", "x-amz-security-token"];
        for name in names.iter().filter(|name| !added.contains(name)) {
            request.headers_mut().insert(
                HeaderName::from_bytes(name.as_bytes()).unwrap(),
                received.header(name).parse().unwrap(),
            );
        }
        *request.body_mut() = Some(received.body.clone().into());
        let scope = SigningScope {
            service: "execute-api",
            region: "eu-west-1",
            time: SystemTime::from(time),
        };
        let token = received.header("x-amz-security-token");
        let token = Some(token).filter(|token| !token.is_empty());
        scope.sign(&mut request, credentials(token)).unwrap();
        request.headers()["authorization"]
            .to_str()
            .unwrap()
            .to_owned()
    }

    #[tokio::test]
    async fn a_server_computes_the_same_signature() {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let api = format!("http://{}/prod", listener.local_addr().unwrap());
        let cache = CredentialCache::with(credentials(Some("session/token==")));
        let signer = Signer::new(Arc::new(cache), "eu-west-1".to_owned());
        let auth = Auth::Signature(Box::new(signer));
        let client = Client::remote(Remote::new(&api, auth).unwrap());
        let body = json!({ "testName": "größe", "n": 1 });
        let query = [("limit", "20"), ("next_token", "a+b/c==&d é")];
        let (got, posted) = tokio::join!(
            async {
                client.get("/scenarios/a-b/testruns", &query).await.unwrap();
                client
                    .call(Method::Post, "/scenarios", &[], Some(&body))
                    .await
                    .unwrap()
            },
            async {
                let first = receive(&listener).await;
                (first, receive(&listener).await)
            }
        );
        assert_eq!(got, json!({}));
        for received in [posted.0, posted.1] {
            assert_eq!(received.header("authorization"), expected(&received));
            assert_eq!(received.header("x-amz-security-token"), "session/token==");
            let credential = format!("{KEY}/");
            assert!(received.header("authorization").contains(&credential));
        }
    }
}
