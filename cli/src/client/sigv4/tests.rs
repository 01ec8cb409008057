//! Signatures against AWS's published vector, and against a server that makes
//! each one again from what it received.

use super::super::auth::Auth;
use super::super::remote::Remote;
use super::super::{Client, Method};
use super::*;
use serde_json::json;
use std::time::{Duration, UNIX_EPOCH};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;

const KEY: &str = "AKIDEXAMPLE";
const SECRET: &str = "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY";

fn credentials(token: Option<&str>) -> Credentials {
    Credentials::new(KEY, SECRET, token.map(str::to_owned), None, "test")
}

/// The authorization of `get-vanilla` in AWS's Signature Version 4 test suite.
#[test]
fn the_published_vector_comes_out() {
    let stamp = Stamp {
        service: "service",
        region: "us-east-1",
        // 20150830T123600Z
        time: UNIX_EPOCH + Duration::from_secs(1_440_938_160),
    };
    let url = "https://example.amazonaws.com/".parse().unwrap();
    let mut request = reqwest::Request::new(reqwest::Method::GET, url);
    stamp.put(&mut request, credentials(None)).unwrap();
    assert_eq!(request.headers()["x-amz-date"], "20150830T123600Z");
    assert_eq!(
        request.headers()["authorization"],
        "AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/20150830/us-east-1/service/aws4_request, \
         SignedHeaders=host;x-amz-date, \
         Signature=5fa00fa31553b73ebf1942676e86291e8372ff2a2260956d9b8aae1d763fbf31"
    );
    let shown = format!("{request:?}");
    assert!(!shown.contains("Signature="), "{shown}");
}

/// One request as it came over the wire.
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

    /// Makes the signature again from the headers that it says are signed.
    fn again(&self) -> String {
        let authorization = self.header("authorization");
        let (_, rest) = authorization.split_once("SignedHeaders=").unwrap();
        let names: Vec<&str> = rest.split(',').next().unwrap().split(';').collect();
        let date = self.header("x-amz-date");
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
        let signed = names
            .iter()
            // The signer adds these itself.
            .filter(|name| !["x-amz-date", "x-amz-security-token"].contains(name))
            .map(|name| (*name, self.header(name)));
        let url = format!("http://{}{}", self.header("host"), self.target);
        let request =
            SignableRequest::new(&self.method, &url, signed, SignableBody::Bytes(&self.body))
                .unwrap();
        let stamp = Stamp {
            service: "execute-api",
            region: "eu-west-1",
            time: SystemTime::from(time),
        };
        let token = Some(self.header("x-amz-security-token")).filter(|token| !token.is_empty());
        let headers = stamp.headers(credentials(token), request).unwrap();
        headers
            .into_iter()
            .find(|header| header.0 == "authorization")
            .unwrap()
            .1
    }
}

/// Answers one request with `{}`; what it was.
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
async fn a_server_makes_the_same_signature_from_what_it_received() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let api = format!("http://{}/prod", listener.local_addr().unwrap());
    let signer = Signer {
        login: Login::of(credentials(Some("session/token=="))),
        region: "eu-west-1".to_owned(),
    };
    let auth = Auth::Signature(Box::new(signer));
    let client = Client::remote(Remote::new(&api, auth).unwrap());
    let body = json!({ "testName": "größe", "n": 1 });
    let query = [("limit", "20"), ("next_token", "a+b/c==&d é")];
    let (got, posted) = tokio::join!(
        async {
            client.get("/scenarios/a-b/testruns", &query).await.unwrap();
            client
                .ask(Method::Post, "/scenarios", &[], Some(&body))
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
        assert_eq!(received.header("authorization"), received.again());
        assert_eq!(received.header("x-amz-security-token"), "session/token==");
        let credential = format!("{KEY}/");
        assert!(received.header("authorization").contains(&credential));
    }
}

#[tokio::test]
async fn a_token_is_shown_as_it_is() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let api = format!("http://{}/api", listener.local_addr().unwrap());
    let auth = Auth::Token(HeaderValue::from_static("Bearer abc"));
    let client = Client::remote(Remote::new(&api, auth).unwrap());
    let (got, received) = tokio::join!(client.get("/tasks", &[]), receive(&listener));
    assert_eq!(got.unwrap(), json!({}));
    assert_eq!(received.header("authorization"), "Bearer abc");
    assert_eq!(received.target, "/api/tasks");
}
