//! A subscription as a broker of this machine sees it: the handshake, what it lets in,
//! messages however they are divided.

use super::*;
use dlt_mcp::backend::credentials::{CredentialCache, Credentials};
use std::sync::Arc;
use tokio::net::{TcpListener, TcpStream};
use tokio_tungstenite::accept_hdr_async;
use tokio_tungstenite::tungstenite::handshake::server::{ErrorResponse, Request, Response};

fn signer() -> Signer {
    let token = Some("session/token".to_owned());
    let credentials = Credentials::new("AKIDEXAMPLE", "secret", token, None, "test");
    let cache = Arc::new(CredentialCache::with(credentials));
    Signer::new(cache, "eu-west-1".to_owned())
}

/// A subscription at this listener.
async fn subscribe(listener: &TcpListener) -> Result<TopicEvents, TopicsError> {
    let port = listener.local_addr().unwrap().port();
    let topics = Topics {
        endpoint: format!("a-ats.iot.us-east-1.localhost:{port}"),
        topics: vec!["dlt/a".to_owned(), "dlt/a/events".to_owned()],
    };
    TopicEvents::subscribe(&topics, &signer()).await
}

#[expect(clippy::result_large_err, reason = "tungstenite's own type")]
fn handshake(request: &Request, mut response: Response) -> Result<Response, ErrorResponse> {
    let query = request.uri().query().unwrap_or_default();
    assert_eq!(request.uri().path(), "/mqtt");
    assert!(
        query.contains("%2Fus-east-1%2Fiotdevicegateway%2F"),
        "{query}"
    );
    let end = "&X-Amz-Security-Token=session%2Ftoken";
    assert!(query.ends_with(end), "the token follows behind: {query}");
    let headers = request.headers();
    assert_eq!(headers["sec-websocket-protocol"], "mqtt");
    let host = headers["host"].to_str().unwrap();
    assert!(host.starts_with("a-ats.iot.us-east-1.localhost:"), "{host}");
    let mqtt = HeaderValue::from_static("mqtt");
    response
        .headers_mut()
        .insert("sec-websocket-protocol", mqtt);
    Ok(response)
}

/// A broker's side of a connection, which answers CONNECT and SUBSCRIBE with these bytes.
async fn broker(listener: &TcpListener, answers: [&[u8]; 2]) -> WebSocketStream<TcpStream> {
    let (stream, _) = listener.accept().await.unwrap();
    let mut socket = accept_hdr_async(stream, handshake).await.unwrap();
    for answer in answers {
        socket.next().await.unwrap().unwrap();
        let bytes = answer.to_vec();
        socket.send(Message::Binary(bytes.into())).await.unwrap();
    }
    socket
}

const YES: [&[u8]; 2] = [&[0x20, 2, 0, 0], &[0x90, 4, 0, 1, 0, 0]];

#[tokio::test]
async fn messages_come_however_they_are_divided_until_the_connection_breaks() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let note = |text: &str| {
        let payload = format!(r#"{{"event":"note","data":{{"note":"{text}"}}}}"#);
        let mut bytes = vec![0x30, payload.len() as u8 + 7, 0, 5];
        bytes.extend(b"dlt/a");
        bytes.extend(payload.bytes());
        bytes
    };
    let sending = async {
        let mut socket = broker(&listener, YES).await;
        let bytes = [note("one"), vec![0xd0, 0], note("two"), note("three")].concat();
        for piece in bytes.chunks(50) {
            let piece = piece.to_vec();
            socket.send(Message::Binary(piece.into())).await.unwrap();
        }
    };
    let (subscribed, ()) = tokio::join!(subscribe(&listener), sending);
    let mut events = subscribed.unwrap();
    for wanted in ["one", "two", "three"] {
        let event = events.next().await;
        assert_eq!(event, Some(LiveEvent::Note(wanted.to_owned())));
    }
    assert_eq!(events.next().await, None);
}

#[tokio::test]
async fn a_broker_that_refuses_is_told_as_a_lack_of_rights() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    for answers in [
        [&[0x20, 2, 0, 5][..], &[]],
        [&[0x20, 2, 0, 0], &[0x90, 4, 0, 1, 0, 0x80]],
    ] {
        let refusing = async {
            let (stream, _) = listener.accept().await.unwrap();
            let mut socket = accept_hdr_async(stream, handshake).await.unwrap();
            for answer in answers.iter().filter(|answer| !answer.is_empty()) {
                socket.next().await.unwrap().unwrap();
                let bytes = answer.to_vec();
                socket.send(Message::Binary(bytes.into())).await.unwrap();
            }
        };
        let (subscribed, ()) = tokio::join!(subscribe(&listener), refusing);
        let error = subscribed.unwrap_err();
        assert!(!error.is_transient(), "{error}");
        assert!(error.to_string().contains("iot:Subscribe"), "{error}");
    }
}

#[tokio::test]
async fn what_is_no_broker_may_be_one_in_a_moment() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let closing = async { drop(listener.accept().await.unwrap()) };
    let (subscribed, ()) = tokio::join!(subscribe(&listener), closing);
    let error = subscribed.unwrap_err();
    assert!(error.is_transient(), "{error}");
    assert!(!error.to_string().contains("X-Amz"), "{error}");
}

#[test]
fn only_iot_core_and_this_machine_are_asked() {
    let read = |endpoint: &str| {
        let (url, region) = address(endpoint).ok()?;
        Some((url.to_string(), region))
    };
    for (endpoint, url, region) in [
        (
            "a1-ats.iot.eu-west-1.amazonaws.com",
            "https://a1-ats.iot.eu-west-1.amazonaws.com/mqtt",
            "eu-west-1",
        ),
        (
            "a1.ats.iot.cn-north-1.amazonaws.com.cn",
            "https://a1.ats.iot.cn-north-1.amazonaws.com.cn/mqtt",
            "cn-north-1",
        ),
        (
            "x-ats.iot.us-east-1.localhost:4566",
            "http://x-ats.iot.us-east-1.localhost:4566/mqtt",
            "us-east-1",
        ),
    ] {
        let wanted = Some((url.to_owned(), region.to_owned()));
        assert_eq!(read(endpoint), wanted, "{endpoint}");
    }
    for strange in [
        "",
        "127.0.0.1:80",
        "iot",
        "a.iot.eu-west-1.amazonaws.com.evil.example",
        "a.iot.eu-west-1.evil.example",
        "a.iot.eu-west-1.amazonaws.com:81",
        "a@evil.example/.iot.eu-west-1.localhost:1/x",
    ] {
        assert_eq!(read(strange), None, "{strange}");
    }
}
