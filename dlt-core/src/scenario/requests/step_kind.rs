//! What a step of a scenario is: a request, the request that opens a stream of messages, or a
//! message on it. Opening and speaking are the engine's.

/// What a step is.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub enum StepKind {
    /// A request with its answer.
    #[default]
    Request,
    /// The request that opens a stream: it ends with the head of its answer.
    Opening(StreamKind),
    /// A message on the open stream.
    Message(Message),
}

impl StepKind {
    /// What stands before the path in a label that is made of the URL.
    pub fn method<'a>(&self, method: &'a str) -> &'a str {
        match self {
            Self::Opening(StreamKind::WebSocket) => "WS",
            Self::Opening(StreamKind::Events) => "SSE",
            _ => method,
        }
    }
}

/// A connection that carries messages.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum StreamKind {
    /// A WebSocket (RFC 6455): both sides send.
    WebSocket,
    /// Server-sent events (HTML Standard, 9.2): the target sends.
    Events,
}

impl StreamKind {
    /// Its key in a scenario.
    pub fn key(self) -> &'static str {
        match self {
            Self::WebSocket => "websocket",
            Self::Events => "events",
        }
    }

    /// How people are told of it.
    pub fn name(self) -> &'static str {
        match self {
            Self::WebSocket => "WebSocket",
            Self::Events => "stream of events",
        }
    }
}

/// A message that is sent (the step's body), waited for, or both: then the time is that from one
/// to the other.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Message {
    /// The number of the step that opened its stream.
    pub opening: usize,
    /// Whether one is sent.
    pub sends: bool,
    /// Whether one is waited for.
    pub awaits: bool,
    /// The text that the awaited message has to hold, which may hold `${name}`: others are passed
    /// over. None: the next one is it.
    pub holding: Option<String>,
}

impl Message {
    /// What stands behind the label of the opening request where a message has none.
    pub fn word(&self) -> &'static str {
        match self.sends {
            true => "send",
            false => "receive",
        }
    }
}
