//! Streams of messages over HTTP/1.1: WebSockets (RFC 6455) and server-sent events. `open` is the
//! request that opens one, `events` and tungstenite read messages out of bytes, `wire` knows when
//! these came. What a message means is decided by the walker.

mod events;
mod open;
mod wire;

pub(crate) use events::EventReader;
pub(crate) use open::open;
pub(crate) use wire::Arrival;

use crate::engine::failure::{Failure, RequestPhase, ResponseError};
use crate::engine::http::addresses::Address;
use crate::engine::http::h1::{Progress, ResponseParser};
use crate::engine::memory::no_memory;
use dlt_core::measure::sample::{Cause, Timed};
use futures_util::{SinkExt as _, StreamExt as _};
use std::collections::VecDeque;
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;
use tokio::io::AsyncReadExt as _;
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::error::ProtocolError;
use tokio_tungstenite::tungstenite::protocol::CloseFrame;
use tokio_tungstenite::tungstenite::protocol::frame::coding::CloseCode;
use tokio_tungstenite::tungstenite::{Error, Message};
use wire::Wire;

/// Most messages, and most of their bytes, that are read before somebody waits for them; then the
/// target has to wait.
const MOST_QUEUED: usize = 1_000;
const MOST_QUEUED_BYTES: usize = 1024 * 1024;
/// How long the kernel may take to take a last frame.
const GOODBYE: Duration = Duration::from_millis(100);
/// How much of a stream of events is read at once, bytes.
const READ_BYTES: usize = 4 * 1024;

/// A message that came.
#[derive(Debug)]
pub(crate) struct Received {
    pub(crate) text: Vec<u8>,
    pub(crate) arrival: Arrival,
}

/// What is sent.
#[derive(Debug, Clone)]
pub(crate) enum Payload {
    Text(String),
    Binary(Arc<[u8]>),
}

/// A stream that is open.
pub(crate) struct OpenStream {
    speaks: Speaks,
    /// The address that it is connected to.
    pub(crate) address: Rc<Address>,
    peer: String,
    /// When the last message on it was received or sent, or it was opened, µs since the start
    /// instant.
    pub(crate) last_us: u64,
    queue: VecDeque<Received>,
    queued_bytes: usize,
    /// How it ended.
    ended: Option<Ended>,
    /// Bytes that were received and written when last asked.
    counted: (u64, u64),
}

impl std::fmt::Debug for OpenStream {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("OpenStream").finish_non_exhaustive()
    }
}

impl Drop for OpenStream {
    fn drop(&mut self) {
        let io = &self.wire().io;
        io.open_streams.set(io.open_streams.get() - 1);
        if io.open_streams.get() == 0 {
            io.streams_left.notify_waiters();
        }
    }
}

enum Speaks {
    WebSocket(Box<WebSocketStream<Wire>>),
    Events(Box<Events>),
}

/// A stream of events.
struct Events {
    wire: Wire,
    body: ResponseParser,
    reader: EventReader,
    /// What follows the events that were read.
    fault: Option<Failure>,
}

/// How a stream ended.
#[derive(Debug, Clone)]
struct Ended {
    failure: Failure,
    /// Whether the target said goodbye as it should.
    is_clean: bool,
}

impl From<Failure> for Ended {
    fn from(failure: Failure) -> Self {
        Self {
            failure,
            is_clean: false,
        }
    }
}

impl OpenStream {
    fn new(speaks: Speaks, (address, peer): (Rc<Address>, String), last_us: u64) -> Box<Self> {
        let mut stream = Box::new(Self {
            speaks,
            address,
            peer,
            last_us,
            queue: VecDeque::new(),
            queued_bytes: 0,
            ended: None,
            counted: (0, 0),
        });
        // Those of the opening are its own.
        stream.new_bytes();
        let open = &stream.wire().io.open_streams;
        open.set(open.get() + 1);
        stream
    }

    /// Keeps a message until somebody waits for it.
    fn keep(&mut self, text: Vec<u8>, arrival: Arrival) {
        self.queued_bytes += text.len();
        self.queue.push_back(Received { text, arrival });
    }

    fn wire(&self) -> &Wire {
        match &self.speaks {
            Speaks::WebSocket(socket) => socket.get_ref(),
            Speaks::Events(events) => &events.wire,
        }
    }

    /// Bytes received and written since this was asked last.
    pub(crate) fn new_bytes(&mut self) -> (u64, u64) {
        let wire = self.wire();
        let all = (wire.received, wire.written);
        let before = std::mem::replace(&mut self.counted, all);
        (all.0 - before.0, all.1 - before.1)
    }

    /// Sends a message; it is handed to the kernel when this returns.
    pub(crate) async fn send(&mut self, payload: Payload) -> Result<(), Failure> {
        if let Some(ended) = &self.ended {
            return Err(ended.failure.clone());
        }
        let message = match payload {
            Payload::Text(text) => Message::text(text),
            Payload::Binary(bytes) => Message::binary(bytes.to_vec()),
        };
        let Speaks::WebSocket(socket) = &mut self.speaks else {
            return Err(Failure::new(
                Cause::Other,
                "nothing can be sent on a stream of events",
            ));
        };
        let sent = socket.send(message).await;
        sent.map_err(|error| failed(&error, &self.peer, RequestPhase::Waiting))
    }

    /// The next message.
    pub(crate) async fn next(&mut self) -> Result<Received, Failure> {
        if self.queue.is_empty()
            && self.ended.is_none()
            && let Err(ended) = self.read().await
        {
            self.ended = Some(ended);
        }
        match (self.queue.pop_front(), &self.ended) {
            (Some(received), _) => {
                self.queued_bytes -= received.text.len();
                Ok(received)
            }
            (None, Some(ended)) => Err(ended.failure.clone()),
            (None, None) => Err(Failure::new(Cause::Other, "no message was read")),
        }
    }

    /// Reads what comes while nobody waits for it, and answers pings. It never returns.
    pub(crate) async fn pump(&mut self) {
        while self.ended.is_none()
            && self.queue.len() < MOST_QUEUED
            && self.queued_bytes < MOST_QUEUED_BYTES
        {
            if let Err(ended) = self.read().await {
                self.ended = Some(ended);
            }
        }
        std::future::pending().await
    }

    /// Reads at least one message into the queue. Given up, it loses nothing.
    async fn read(&mut self) -> Result<(), Ended> {
        match &mut self.speaks {
            Speaks::WebSocket(socket) => loop {
                let text = match socket.next().await {
                    Some(Ok(Message::Text(text))) => text.as_bytes().to_vec(),
                    Some(Ok(Message::Binary(bytes))) => bytes.to_vec(),
                    Some(Ok(Message::Close(frame))) => {
                        // Its answer goes out now. Whether the target takes it, or ends the
                        // connection, changes nothing about what it said.
                        let _ = tokio::time::timeout(GOODBYE, socket.flush()).await;
                        return Err(Ended {
                            is_clean: is_clean(frame.as_ref()),
                            failure: closed(frame.as_ref(), &self.peer),
                        });
                    }
                    // Pings are answered by the crate.
                    Some(Ok(_)) => continue,
                    Some(Err(error)) => {
                        return Err(failed(&error, &self.peer, RequestPhase::Reading).into());
                    }
                    None => return Err(closed(None, &self.peer).into()),
                };
                let arrival = socket.get_ref().last;
                self.keep(text, arrival);
                return Ok(());
            },
            Speaks::Events(events) => {
                let before = self.queue.len();
                while self.queue.len() == before {
                    let mut found = Vec::new();
                    events.read(&self.peer, &mut found).await?;
                    let arrival = events.wire.last;
                    for text in found {
                        self.queued_bytes += text.len();
                        self.queue.push_back(Received { text, arrival });
                    }
                }
                Ok(())
            }
        }
    }

    /// Tells the target that nothing follows, and does not wait for its answer.
    pub(crate) async fn let_go(&mut self) {
        if let Speaks::WebSocket(socket) = &mut self.speaks
            && self.ended.is_none()
        {
            let goodbye = goodbye(CloseCode::Away);
            let _ =
                tokio::time::timeout(GOODBYE, WebSocketStream::close(socket, Some(goodbye))).await;
        }
    }

    /// Closes a WebSocket as RFC 6455, 7 says, and waits for the target's part.
    pub(crate) async fn close(&mut self) -> Result<Arrival, Failure> {
        let now_us = self.wire().io.clock.now_us();
        if let Some(ended) = &self.ended {
            let arrival = Arrival {
                done_us: now_us,
                read_us: now_us,
                timed: Timed::Missing,
            };
            // The target was first.
            return match ended.is_clean {
                true => Ok(arrival),
                false => Err(ended.failure.clone()),
            };
        }
        let Speaks::WebSocket(socket) = &mut self.speaks else {
            return Ok(self.wire().last);
        };
        let closing = WebSocketStream::close(socket, Some(goodbye(CloseCode::Normal))).await;
        closing.map_err(|error| failed(&error, &self.peer, RequestPhase::Waiting))?;
        loop {
            match socket.next().await {
                Some(Ok(Message::Close(_))) => return Ok(socket.get_ref().last),
                // Sent before it had read the goodbye.
                Some(Ok(_)) => {}
                None | Some(Err(Error::ConnectionClosed)) => {
                    return Err(Failure::new(
                        Cause::Reset,
                        format!(
                            "{} ended the connection without closing the WebSocket",
                            self.peer
                        ),
                    ));
                }
                Some(Err(error)) => {
                    return Err(failed(&error, &self.peer, RequestPhase::Reading));
                }
            }
        }
    }
}

impl Events {
    /// Reads some bytes, and what they complete. What came before a fault is found before it.
    async fn read(&mut self, peer: &str, found: &mut Vec<Vec<u8>>) -> Result<(), Failure> {
        if let Some(fault) = self.fault.take() {
            return Err(fault);
        }
        let mut buffer = [0; READ_BYTES];
        let read = self.wire.read(&mut buffer).await;
        let count = read.map_err(|error| Failure::io(&error, RequestPhase::Reading, peer))?;
        self.fault = match count {
            0 => Some(ended(peer)),
            _ => over(self.body.feed(&buffer[..count]), peer),
        };
        let more = events_of(&mut self.body, &mut self.reader, found, peer);
        self.fault = more.err().or(self.fault.take());
        match self.fault.take_if(|_| found.is_empty()) {
            Some(fault) => Err(fault),
            None => Ok(()),
        }
    }
}

/// Why nothing follows what a body was fed with, if so.
fn over(fed: Result<Progress, ResponseError>, peer: &str) -> Option<Failure> {
    match fed {
        Ok(Progress::More) => None,
        Ok(Progress::Done(_)) => Some(ended(peer)),
        Err(error) => Some(Failure::response(error, peer, false)),
    }
}

/// The events that a body brought since this was asked last.
fn events_of(
    body: &mut ResponseParser,
    reader: &mut EventReader,
    found: &mut Vec<Vec<u8>>,
    peer: &str,
) -> Result<(), Failure> {
    let bytes = match body.kept_so_far() {
        Some(kept) => kept.take_body(),
        None => Some(Vec::new()),
    };
    let bytes = bytes.ok_or_else(|| no_memory("a stream of events"))?;
    let fed = reader.feed(&bytes, &mut |data| found.push(data));
    fed.map_err(|_| {
        let error = ResponseError::TooLarge("an event of more than 4 MiB");
        Failure::response(error, peer, false)
    })
}

fn goodbye(code: CloseCode) -> CloseFrame {
    CloseFrame {
        code,
        reason: "".into(),
    }
}

fn ended(peer: &str) -> Failure {
    Failure::new(
        Cause::Reset,
        format!("{peer} ended the stream of events while one was awaited"),
    )
}

/// Whether a Close frame ends a WebSocket as planned: normal, going away, or without a code (RFC 6455,
/// 7.4.1).
fn is_clean(frame: Option<&CloseFrame>) -> bool {
    frame.is_none_or(|frame| [1000, 1001, 1005].contains(&u16::from(frame.code)))
}

/// The failure of what was under way on a WebSocket that the target closes.
fn closed(frame: Option<&CloseFrame>, peer: &str) -> Failure {
    let (code, reason) = match frame {
        Some(frame) => (u16::from(frame.code), frame.reason.as_str()),
        // RFC 6455, 7.1.5: no code was there.
        None => (1005, ""),
    };
    let reason: String = reason.chars().take(80).collect();
    let why = match reason.is_empty() {
        true => format!("code {code}"),
        false => format!("code {code}: {reason}"),
    };
    let message = format!("{peer} closed the WebSocket ({why}) while it was in use");
    Failure::new(Cause::Reset, message)
}

fn failed(error: &Error, peer: &str, phase: RequestPhase) -> Failure {
    match error {
        Error::Io(error) => Failure::io(error, phase, peer),
        Error::ConnectionClosed | Error::AlreadyClosed => closed(None, peer),
        Error::Capacity(_) => Failure::new(
            Cause::TooLarge,
            format!("{peer} sent a message of more than 4 MiB"),
        ),
        Error::Protocol(ProtocolError::ResetWithoutClosingHandshake) => Failure::new(
            Cause::Reset,
            format!("{peer} ended the connection without closing the WebSocket"),
        ),
        other => Failure::new(
            Cause::Protocol,
            format!("{peer} broke the rules of WebSockets: {other}"),
        ),
    }
}
