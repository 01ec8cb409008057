//! A scenario's live data on AWS: a subscription of topics of IoT Core, MQTT inside a
//! WebSocket whose address is signed (AWS IoT Core Developer Guide, "Device communication
//! protocols"). Which topics, the API says; what a message means, `dlt_core` knows.

use super::error::network_cause;
use super::mqtt::{self, Decoder, Packet};
use dlt_core::calls::live::{LiveEvent, events_of_message};
use dlt_core::safety::is_loopback;
use dlt_mcp::backend::sigv4::Signer;
use dlt_pipeline::clock::{SystemClock, random_id};
use futures_util::SinkExt as _;
use reqwest::header::{CONNECTION, HeaderName, HeaderValue, UPGRADE};
use reqwest::{Upgraded, Url};
use std::collections::VecDeque;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::time::Duration;
use tokio::time::{Instant, Interval, MissedTickBehavior, interval, timeout};
use tokio_stream::StreamExt as _;
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::handshake::client::generate_key;
use tokio_tungstenite::tungstenite::handshake::derive_accept_key;
use tokio_tungstenite::tungstenite::protocol::{Role, WebSocketConfig};

/// How long the connection and each answer to it may take.
const DEADLINE: Duration = Duration::from_secs(15);
/// How long we may be silent, as the broker is told (IoT Core takes 30 s and more).
const KEEP_ALIVE_S: u16 = 60;
/// How often we say that we are there.
const PING_PAUSE: Duration = Duration::from_secs(20);
/// A broker that answers no ping for this long has gone.
const LONGEST_SILENCE: Duration = Duration::from_secs(65);
/// Longest message of the WebSocket, bytes: IoT Core's have at most 128 KB.
const LONGEST_MESSAGE_BYTES: usize = 1024 * 1024;
/// Characters of a client's id: a second client with the same id ends the first.
const ID_LENGTH: usize = 20;

/// Where a scenario's live data is, as the API says it.
#[derive(Debug, Clone, PartialEq, Eq, serde::Deserialize)]
pub struct Topics {
    /// The host.
    pub endpoint: String,
    /// The names of the topics.
    pub topics: Vec<String>,
}

/// Why there is no live data.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum TopicsError {
    /// The host is none of IoT Core.
    #[error("{0:?} is no host of AWS IoT")]
    Host(String),
    /// The broker does not let us in.
    #[error(
        "AWS IoT refuses it ({0}); your AWS identity needs iot:Connect for client/dlt-*, \
         iot:Subscribe for topicfilter/dlt/* and iot:Receive for topic/dlt/*"
    )]
    Denied(String),
    /// The address could not be signed.
    #[error("{0}")]
    Credentials(String),
    /// The connection did not come about, or broke.
    #[error("no connection to AWS IoT: {0}")]
    Connection(String),
}

impl TopicsError {
    /// Whether the same attempt may succeed in a moment.
    pub fn is_transient(&self) -> bool {
        matches!(self, Self::Connection(_))
    }
}

/// The address of the WebSocket at a host of IoT Core, and its region. Hosts of this
/// machine, without TLS, are an emulator's.
fn address(endpoint: &str) -> Result<(Url, String), TopicsError> {
    let wrong = || TopicsError::Host(endpoint.to_owned());
    let name = endpoint.split(':').next().unwrap_or_default();
    let parts: Vec<&str> = name.split('.').collect();
    let Some(at) = parts.iter().position(|part| *part == "iot") else {
        return Err(wrong());
    };
    let region = parts.get(at + 1).ok_or_else(wrong)?;
    let scheme = match parts.get(at + 2..) {
        Some(["amazonaws", "com"] | ["amazonaws", "com", "cn"]) if name == endpoint => "https",
        // Names below localhost are this machine (RFC 6761, 6.3).
        Some([host]) if is_loopback(host) => "http",
        _ => return Err(wrong()),
    };
    let url = Url::parse(&format!("{scheme}://{endpoint}/mqtt")).map_err(|_| wrong())?;
    match url.host_str() {
        Some(host) if host == name && url.path() == "/mqtt" => Ok((url, (*region).to_owned())),
        _ => Err(wrong()),
    }
}

/// Messages of topics.
#[derive(Debug)]
pub struct TopicEvents {
    socket: WebSocketStream<Upgraded>,
    decoder: Decoder,
    ready: VecDeque<LiveEvent>,
    ping: Interval,
    heard: Instant,
}

impl TopicEvents {
    /// Subscribes.
    pub async fn subscribe(topics: &Topics, signer: &Signer) -> Result<Self, TopicsError> {
        let (url, region) = address(&topics.endpoint)?;
        let url = signer
            .presigned(&region, &url)
            .await
            .map_err(|error| TopicsError::Credentials(error.to_string()))?;
        let upgraded = within(open(url)).await?;
        let config = WebSocketConfig::default()
            .max_message_size(Some(LONGEST_MESSAGE_BYTES))
            .max_frame_size(Some(LONGEST_MESSAGE_BYTES));
        let socket = WebSocketStream::from_raw_socket(upgraded, Role::Client, Some(config)).await;
        let mut ping = interval(PING_PAUSE);
        ping.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let mut events = Self {
            socket,
            decoder: Decoder::default(),
            ready: VecDeque::new(),
            ping,
            heard: Instant::now(),
        };
        within(events.greet(topics)).await?;
        Ok(events)
    }

    /// Connects and subscribes inside the WebSocket.
    async fn greet(&mut self, topics: &Topics) -> Result<(), TopicsError> {
        let id = random_id(&SystemClock, ID_LENGTH);
        let id = id.map_err(|error| TopicsError::Connection(error.to_string()))?;
        let connect = mqtt::connect(&format!("dlt-{id}"), KEEP_ALIVE_S);
        self.send(connect).await.ok_or_else(closed)?;
        match self.answer().await.ok_or_else(closed)? {
            Packet::Connected(0) => {}
            Packet::Connected(code) => {
                return Err(TopicsError::Denied(format!("connection, code {code}")));
            }
            _ => return Err(closed()),
        }
        let subscribe = mqtt::subscribe(&topics.topics);
        self.send(subscribe).await.ok_or_else(closed)?;
        // IoT Core closes the connection of a client that may not subscribe.
        let refused = || TopicsError::Denied("subscription".to_owned());
        loop {
            match self.answer().await.ok_or_else(refused)? {
                Packet::Subscribed(true) => return Ok(()),
                Packet::Subscribed(false) => return Err(refused()),
                Packet::Message { payload, .. } => self.ready.extend(events_of_message(&payload)),
                Packet::Connected(_) | Packet::Other => {}
            }
        }
    }

    async fn send(&mut self, packet: Vec<u8>) -> Option<()> {
        let sent = self.socket.send(Message::Binary(packet.into()));
        timeout(DEADLINE, sent).await.ok()?.ok()
    }

    /// The next packet.
    async fn answer(&mut self) -> Option<Packet> {
        loop {
            if let Some(packet) = self.decoder.next().ok()? {
                return Some(packet);
            }
            let message = self.socket.next().await?.ok()?;
            self.heard = Instant::now();
            if let Message::Binary(bytes) = message {
                self.decoder.feed(&bytes);
            }
        }
    }

    /// The next event; None if the connection is broken. Nothing is lost if the future is
    /// dropped before it is ready.
    pub async fn next(&mut self) -> Option<LiveEvent> {
        loop {
            if let Some(event) = self.ready.pop_front() {
                return Some(event);
            }
            while let Some(packet) = self.decoder.next().ok()? {
                if let Packet::Message { payload, .. } = packet {
                    self.ready.extend(events_of_message(&payload));
                }
            }
            if !self.ready.is_empty() {
                continue;
            }
            tokio::select! {
                message = self.socket.next() => {
                    self.heard = Instant::now();
                    if let Message::Binary(bytes) = message?.ok()? {
                        self.decoder.feed(&bytes);
                    }
                }
                _ = self.ping.tick() => {
                    if self.heard.elapsed() > LONGEST_SILENCE {
                        return None;
                    }
                    self.send(mqtt::ping()).await?;
                }
            }
        }
    }
}

fn closed() -> TopicsError {
    TopicsError::Connection("it was closed".to_owned())
}

async fn within<T>(
    attempt: impl Future<Output = Result<T, TopicsError>>,
) -> Result<T, TopicsError> {
    let late = || TopicsError::Connection(format!("nothing came within {} s", DEADLINE.as_secs()));
    timeout(DEADLINE, attempt).await.map_err(|_| late())?
}

/// Opens a WebSocket (RFC 6455, 4.1).
async fn open(url: Url) -> Result<Upgraded, TopicsError> {
    // Its address has the signature.
    let broken =
        |error: reqwest::Error| TopicsError::Connection(network_cause(&error.without_url()));
    let key = generate_key();
    let client = client(&url).map_err(broken)?;
    let mut request = reqwest::Request::new(reqwest::Method::GET, url);
    let fixed = HeaderValue::from_static;
    let key_value = HeaderValue::from_str(&key).map_err(|_| closed())?;
    for (name, value) in [
        (CONNECTION, fixed("Upgrade")),
        (UPGRADE, fixed("websocket")),
        (
            HeaderName::from_static("sec-websocket-version"),
            fixed("13"),
        ),
        (
            HeaderName::from_static("sec-websocket-protocol"),
            fixed("mqtt"),
        ),
        (HeaderName::from_static("sec-websocket-key"), key_value),
    ] {
        request.headers_mut().insert(name, value);
    }
    let response = client.execute(request).await.map_err(broken)?;
    match response.status().as_u16() {
        101 => {}
        status @ (401 | 403) => return Err(TopicsError::Denied(format!("status {status}"))),
        status => return Err(TopicsError::Connection(format!("status {status}"))),
    }
    let accepted = response.headers().get("sec-websocket-accept");
    if accepted.is_none_or(|value| value != derive_accept_key(key.as_bytes()).as_str()) {
        return Err(TopicsError::Connection("it is no WebSocket".to_owned()));
    }
    response.upgrade().await.map_err(broken)
}

/// A client for one WebSocket: HTTP/1.1, without redirects.
fn client(url: &Url) -> reqwest::Result<reqwest::Client> {
    let builder = reqwest::Client::builder()
        .http1_only()
        .redirect(reqwest::redirect::Policy::none());
    match url.host_str() {
        // Resolvers need not know names below localhost.
        Some(host) if url.scheme() == "http" => {
            let here = SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), 0);
            builder.no_proxy().resolve(host, here).build()
        }
        _ => builder.build(),
    }
}

#[cfg(test)]
mod tests;
