//! A client for tests: one request, one connection, everything read, with a
//! deadline. Server-sent events are read line by line beside the test.

use serde_json::Value;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::sync::mpsc;
use std::time::{Duration, Instant};

/// Longest wait for an answer.
const PATIENCE: Duration = Duration::from_secs(30);

/// An answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reply {
    /// Status.
    pub status: u16,
    /// Headers, names in lower case.
    pub headers: Vec<(String, String)>,
    /// The whole body.
    pub body: Vec<u8>,
}

impl Reply {
    /// The body as JSON.
    ///
    /// # Panics
    /// When it is none.
    #[track_caller]
    pub fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap_or_else(|error| {
            panic!("no JSON: {error}: {}", String::from_utf8_lossy(&self.body))
        })
    }

    /// A header's value.
    pub fn header(&self, name: &str) -> Option<&str> {
        let found = self.headers.iter().find(|row| row.0 == name);
        found.map(|row| row.1.as_str())
    }
}

/// Sends one request to `address` with these extra headers. A `host` among
/// them replaces the usual one.
///
/// # Panics
/// When there is no answer.
#[track_caller]
pub fn send(
    address: &str,
    method: &str,
    target: &str,
    headers: &[(&str, &str)],
    body: &[u8],
) -> Reply {
    let mut stream = connect(address);
    write(&mut stream, address, method, target, headers, body);
    let mut reader = BufReader::new(stream);
    let (status, headers) = head(&mut reader);
    let mut body = Vec::new();
    let length = headers
        .iter()
        .find(|row| row.0 == "content-length")
        .and_then(|row| row.1.parse::<u64>().ok());
    let read = match length {
        // They have none (RFC 9110, section 15.3.5 and 15.4.5).
        _ if matches!(status, 204 | 304) => Ok(0),
        Some(length) => reader.take(length).read_to_end(&mut body),
        None => reader.read_to_end(&mut body),
    };
    read.expect("the whole body");
    Reply {
        status,
        headers,
        body,
    }
}

fn connect(address: &str) -> TcpStream {
    let stream = TcpStream::connect(address).expect("a connection to the server");
    stream.set_read_timeout(Some(PATIENCE)).expect("a deadline");
    stream
}

fn write(
    stream: &mut TcpStream,
    address: &str,
    method: &str,
    target: &str,
    headers: &[(&str, &str)],
    body: &[u8],
) {
    let mut text = format!("{method} {target} HTTP/1.1\r\nconnection: close\r\n");
    if !headers.iter().any(|row| row.0 == "host") {
        text.push_str(&format!("host: {address}\r\n"));
    }
    for (name, value) in headers {
        text.push_str(&format!("{name}: {value}\r\n"));
    }
    if !body.is_empty() {
        text.push_str(&format!("content-length: {}\r\n", body.len()));
    }
    text.push_str("\r\n");
    let mut bytes = text.into_bytes();
    bytes.extend_from_slice(body);
    // A server that refuses early may close before it has read everything.
    let _ = stream.write_all(&bytes);
}

fn head(reader: &mut BufReader<TcpStream>) -> (u16, Vec<(String, String)>) {
    let mut line = String::new();
    reader.read_line(&mut line).expect("a status line");
    let status = line.split(' ').nth(1).and_then(|code| code.parse().ok());
    let mut headers = Vec::new();
    loop {
        let mut line = String::new();
        reader.read_line(&mut line).expect("a header line");
        match line.trim_end().split_once(':') {
            Some((name, value)) => {
                headers.push((name.to_lowercase(), value.trim().to_owned()));
            }
            None => return (status.expect("a status"), headers),
        }
    }
}

/// A server-sent event.
#[derive(Debug, Clone, PartialEq)]
pub struct Event {
    /// When it was read.
    pub at: Instant,
    /// `event:`.
    pub name: String,
    /// `data:`, as JSON.
    pub data: Value,
}

/// Events of a stream, read on a thread of their own until the server ends it
/// or the receiver is dropped.
///
/// # Panics
/// When the stream is refused.
pub fn listen(address: &str, target: &str) -> mpsc::Receiver<Event> {
    let mut stream = connect(address);
    write(&mut stream, address, "GET", target, &[], b"");
    let mut reader = BufReader::new(stream);
    let (status, _) = head(&mut reader);
    assert_eq!(status, 200, "{target}");
    let (sender, receiver) = mpsc::channel();
    std::thread::spawn(move || {
        let mut name = String::new();
        for line in reader.lines().map_while(Result::ok) {
            if let Some(text) = line.strip_prefix("event: ") {
                text.clone_into(&mut name);
            }
            // Chunk sizes and keep-alive comments stand between the lines.
            if let Some(text) = line.strip_prefix("data: ") {
                let data = serde_json::from_str(text).unwrap_or(Value::Null);
                let event = Event {
                    at: Instant::now(),
                    name: name.clone(),
                    data,
                };
                if sender.send(event).is_err() {
                    return;
                }
            }
        }
    });
    receiver
}
