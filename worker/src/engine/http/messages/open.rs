//! The request that opens a stream of messages, on a connection of its own: the handshake of a
//! WebSocket (RFC 6455, 4), or the head of the answer that brings events.

use super::wire::Wire;
use super::{EventReader, Events, OpenStream, Speaks, events, events_of, over};
use crate::engine::failure::{Failure, RequestPhase, ResponseError, duration_text};
use crate::engine::http::addresses::Address;
use crate::engine::http::connect::Connection;
use crate::engine::http::exchange_result::ExchangeResult;
use crate::engine::http::h1::{LONGEST_HEAD_BYTES, MOST_HEADERS, ResponseParser};
use crate::engine::http::kept::{KeepSpec, KeptResponse};
use crate::engine::http::request_spec::RequestSpec;
use crate::engine::http::thread_io::ThreadIo;
use dlt_core::measure::http_version::HttpVersion;
use dlt_core::measure::sample::Cause;
use dlt_core::measure::tally::LONGEST_EXCHANGE_BYTES;
use dlt_core::scenario::plan::StreamKind;
use std::rc::Rc;
use std::time::Duration;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::handshake::client::generate_key;
use tokio_tungstenite::tungstenite::handshake::derive_accept_key;
use tokio_tungstenite::tungstenite::protocol::{Role, WebSocketConfig};

/// What is read at once before a stream is open, bytes.
const READ_BYTES: usize = 4 * 1024;
/// Longest message and frame: as much as is kept of an answer.
const LONGEST_MESSAGE_BYTES: usize = events::LONGEST_EVENT_BYTES;
/// What a WebSocket holds to read into, bytes: most messages are shorter.
const READ_BUFFER_BYTES: usize = 4 * 1024;

/// What opening has come to so far.
struct Opening<'a> {
    wire: Wire,
    address: Rc<Address>,
    peer: String,
    spec: &'a RequestSpec<'a>,
    captured: &'a mut Vec<u8>,
    status: Option<u16>,
    kept: Option<Box<KeptResponse>>,
}

/// Opens a stream on a new connection, which was established at `connected_us`.
pub(crate) async fn open(
    connection: Connection,
    (kind, connected_us): (StreamKind, Option<u64>),
    spec: &RequestSpec<'_>,
    captured: &mut Vec<u8>,
    io: &Rc<ThreadIo>,
) -> (ExchangeResult, Option<Box<OpenStream>>) {
    captured.clear();
    connection.address.count_request();
    let peer = connection.origin.authority.clone();
    let mut opening = Opening {
        wire: Wire::new(connection.stream, io.clone()),
        address: connection.address,
        peer,
        spec,
        captured,
        status: None,
        kept: None,
    };
    let limit_us = spec.timeouts.first_byte_us.min(spec.timeouts.total_us);
    let opened = async {
        match kind {
            StreamKind::WebSocket => opening.web_socket().await,
            StreamKind::Events => opening.events().await,
        }
    };
    let opened = tokio::time::timeout(Duration::from_micros(limit_us), opened).await;
    let opened = opened.unwrap_or_else(|_| {
        Err(Failure::new(
            Cause::TimeoutFirstByte,
            format!(
                "no {} was opened by {} within {}",
                kind.name(),
                opening.peer,
                duration_text(limit_us)
            ),
        ))
    });
    opening.finish(opened, connected_us).await
}

/// A body of events that has begun.
struct Opened {
    body: ResponseParser,
    reader: EventReader,
    fault: Option<Failure>,
}

/// What opening leaves to the stream.
enum Rest {
    /// Bytes behind the head.
    WebSocket(Vec<u8>),
    /// The body so far, and the events that came with the head.
    Events(Box<Opened>, Vec<Vec<u8>>),
}

impl Opening<'_> {
    /// The result, and the stream if it is open.
    async fn finish(
        self,
        opened: Result<Rest, Failure>,
        connected_us: Option<u64>,
    ) -> (ExchangeResult, Option<Box<OpenStream>>) {
        let last = self.wire.last;
        let has_read = self.wire.received > 0;
        let now_us = self.wire.io.clock.now_us();
        let (rest, failure) = match opened {
            Ok(rest) => (Some(rest), None),
            Err(failure) => (None, Some(failure)),
        };
        let is_answered = rest.is_some() || self.status.is_some();
        let result = ExchangeResult {
            connected_us,
            first_byte_us: has_read.then_some(last.done_us),
            done_us: if is_answered { last.done_us } else { now_us },
            read_us: if is_answered { last.read_us } else { now_us },
            timed: has_read.then_some(last.timed),
            received: self.wire.received,
            written: self.wire.written,
            status: self.status,
            version: self.status.map(|_| HttpVersion::Http11),
            kept: self.kept,
            failure,
            ..ExchangeResult::over(now_us)
        };
        let (wire, at) = (self.wire, (self.address, self.peer));
        let Some(rest) = rest else {
            return (result, None);
        };
        let (speaks, found) = match rest {
            Rest::WebSocket(part) => {
                let config = WebSocketConfig::default()
                    .read_buffer_size(READ_BUFFER_BYTES)
                    .write_buffer_size(0)
                    .max_message_size(Some(LONGEST_MESSAGE_BYTES))
                    .max_frame_size(Some(LONGEST_MESSAGE_BYTES));
                let socket =
                    WebSocketStream::from_partially_read(wire, part, Role::Client, Some(config));
                (Speaks::WebSocket(Box::new(socket.await)), Vec::new())
            }
            Rest::Events(opened, found) => {
                let events = Events {
                    wire,
                    body: opened.body,
                    reader: opened.reader,
                    fault: opened.fault,
                };
                (Speaks::Events(Box::new(events)), found)
            }
        };
        let mut stream = OpenStream::new(speaks, at, last.done_us);
        found.into_iter().for_each(|text| stream.keep(text, last));
        (result, Some(stream))
    }

    /// Writes a request's head and body.
    async fn write(&mut self, bytes: &[u8]) -> Result<(), Failure> {
        let written = async {
            self.wire.write_all(bytes).await?;
            self.wire.flush().await
        };
        written
            .await
            .map_err(|error| Failure::io(&error, RequestPhase::Waiting, &self.peer))
    }

    /// Reads some bytes, and captures them for people.
    async fn read(&mut self, into: &mut Vec<u8>) -> Result<(), Failure> {
        let mut buffer = [0; READ_BYTES];
        let waiting = self.wire.received == 0;
        let phase = match waiting {
            true => RequestPhase::Waiting,
            false => RequestPhase::Reading,
        };
        let read = self.wire.read(&mut buffer).await;
        let count = read.map_err(|error| Failure::io(&error, phase, &self.peer))?;
        if count == 0 {
            return Err(Failure::response(
                ResponseError::Closed,
                &self.peer,
                waiting,
            ));
        }
        let room = LONGEST_EXCHANGE_BYTES.saturating_sub(self.captured.len());
        self.captured.extend_from_slice(&buffer[..count.min(room)]);
        into.extend_from_slice(&buffer[..count]);
        Ok(())
    }

    async fn web_socket(&mut self) -> Result<Rest, Failure> {
        let key = generate_key();
        let head = self.spec.request.head();
        let end = format!("Sec-WebSocket-Key: {key}\r\n\r\n");
        let request = [&head[..head.len() - 2], end.as_bytes()].concat();
        self.write(&request).await?;
        let mut bytes = Vec::new();
        loop {
            self.read(&mut bytes).await?;
            while let Some(length) = head_length(&bytes) {
                let head: Vec<u8> = bytes.drain(..length).collect();
                if self.switches(&head, &key)? {
                    return Ok(Rest::WebSocket(bytes));
                }
            }
            if bytes.len() > LONGEST_HEAD_BYTES {
                return Err(self.wrong(ResponseError::TooLarge("its head")));
            }
        }
    }

    fn wrong(&self, error: ResponseError) -> Failure {
        Failure::response(error, &self.peer, false)
    }

    fn broken(&self, why: &str) -> Failure {
        let peer = &self.peer;
        Failure::new(
            Cause::Protocol,
            format!("{peer} opened no WebSocket: {why}"),
        )
    }

    /// Whether a head opens the WebSocket; not if it is that of an interim answer.
    fn switches(&mut self, head: &[u8], key: &str) -> Result<bool, Failure> {
        let mut headers = [httparse::EMPTY_HEADER; MOST_HEADERS];
        let mut answer = httparse::Response::new(&mut headers);
        let parsed = answer.parse(head);
        let status = match (parsed, answer.code) {
            (Ok(httparse::Status::Complete(_)), Some(status)) => status,
            _ => return Err(self.wrong(ResponseError::Malformed("its head is none"))),
        };
        if status < 200 && status != 101 {
            return Ok(false);
        }
        self.status = Some(status);
        if status >= 400 {
            return Err(Failure::status(status));
        }
        if status != 101 {
            return Err(self.broken(&format!(
                "it answered with the status {status} in place of 101"
            )));
        }
        let mut kept = KeptResponse::default();
        kept.add_head(self.spec.keep, head, answer.headers);
        self.kept = Some(Box::new(kept));
        let value = |name: &str| {
            let mut headers = answer.headers.iter();
            let found = headers.find(|header| header.name.eq_ignore_ascii_case(name));
            found.map(|header| header.value.trim_ascii())
        };
        let upgrade = value("upgrade");
        if !upgrade.is_some_and(|value| value.eq_ignore_ascii_case(b"websocket")) {
            return Err(self.broken("its 101 does not say Upgrade: websocket"));
        }
        let says_upgrade = |value: &[u8]| {
            let mut tokens = value.split(|byte| *byte == b',');
            tokens.any(|token| token.trim_ascii().eq_ignore_ascii_case(b"upgrade"))
        };
        if !value("connection").is_some_and(says_upgrade) {
            return Err(self.broken("its 101 does not say Connection: Upgrade"));
        }
        if value("sec-websocket-accept") != Some(derive_accept_key(key.as_bytes()).as_bytes()) {
            return Err(self.broken("its Sec-WebSocket-Accept does not fit the key that was sent"));
        }
        if value("sec-websocket-extensions").is_some_and(|value| !value.is_empty()) {
            return Err(self.broken("it uses extensions that were not offered"));
        }
        Ok(true)
    }

    async fn events(&mut self) -> Result<Rest, Failure> {
        let request = self.spec.request.whole();
        self.write(&request).await?;
        let keep = KeepSpec {
            body: true,
            ..self.spec.keep
        };
        let mut body = ResponseParser::new(false).keeping(keep, &self.wire.io.room);
        let mut fault = None;
        while body.status().is_none() {
            let mut bytes = Vec::new();
            self.read(&mut bytes).await?;
            let fed = body.feed(&bytes);
            if let (Err(error), None) = (&fed, body.status()) {
                return Err(self.wrong(error.clone()));
            }
            fault = over(fed, &self.peer);
        }
        let (status, peer) = (body.status().unwrap_or_default(), &self.peer);
        self.status = Some(status);
        if status >= 400 {
            return Err(Failure::status(status));
        }
        let no_events = |why: String| {
            let message = format!("{peer} opened no stream of events: {why}");
            Failure::new(Cause::Protocol, message)
        };
        if status != 200 {
            return Err(no_events(format!(
                "it answered with the status {status} in place of 200"
            )));
        }
        let head = body.kept_so_far().map(|kept| kept.take_head());
        let head = head.unwrap_or_default();
        let (content_type, encoding) = (&head.content_type, &head.encoding);
        let kind = content_type
            .split(|byte| *byte == b';')
            .next()
            .unwrap_or_default();
        if !kind.trim_ascii().eq_ignore_ascii_case(b"text/event-stream") {
            let given = String::from_utf8_lossy(content_type).into_owned();
            return Err(no_events(format!(
                "its Content-Type is {given:?} and not text/event-stream"
            )));
        }
        if !encoding.is_empty() {
            return Err(no_events(
                "it is compressed; leave Accept-Encoding out".to_owned(),
            ));
        }
        self.kept = Some(Box::new(head));
        let (mut reader, mut found) = (EventReader::default(), Vec::new());
        let more = events_of(&mut body, &mut reader, &mut found, &self.peer);
        let events = Opened {
            body,
            reader,
            fault: more.err().or(fault),
        };
        Ok(Rest::Events(Box::new(events), found))
    }
}

/// How long the head at the beginning is, if it is complete.
fn head_length(bytes: &[u8]) -> Option<usize> {
    memchr::memmem::find(bytes, b"\r\n\r\n").map(|at| at + 4)
}
