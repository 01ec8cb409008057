//! A scenario's live events, from a server's stream of server-sent events, parsed here, or
//! from topics (`iot`). A broken stream is handled in `watch`.

#[cfg(feature = "aws")]
use super::iot::TopicEvents;

use dlt_core::calls::live::LiveEvent;
use std::time::Duration;

/// Longest event, bytes: a tick of a thousand runners has a tenth of it.
const LONGEST_EVENT_BYTES: usize = 4 * 1024 * 1024;
/// A stream without data for this long is broken: the server sends a comment at least
/// every 15 s.
const LONGEST_SILENCE: Duration = Duration::from_secs(45);

/// What a server has of live events.
#[derive(Debug)]
pub enum LiveAnswer {
    /// A stream of them.
    Events(Events),
    /// Nothing.
    Nothing,
    /// Something that cannot be had, and whether it may be in a moment.
    #[cfg_attr(
        not(feature = "aws"),
        expect(dead_code, reason = "only topics are somewhere else than their API")
    )]
    Unavailable {
        /// The reason.
        why: String,
        /// Whether to try again.
        is_transient: bool,
    },
}

/// A stream of events.
#[derive(Debug)]
pub enum Events {
    /// A server's, which begins with what was before.
    Sent(SentEvents),
    /// Of topics, which begin now and may lose some.
    #[cfg(feature = "aws")]
    Topics(Box<TopicEvents>),
}

impl Events {
    /// Whether the stream begins with what was before, and tells all.
    pub fn is_complete(&self) -> bool {
        matches!(self, Self::Sent(_))
    }

    /// The next event; None if the stream has ended, is broken or had no data for too long.
    pub async fn next(&mut self) -> Option<LiveEvent> {
        match self {
            Self::Sent(events) => events.next().await,
            #[cfg(feature = "aws")]
            Self::Topics(events) => events.next().await,
        }
    }
}

/// Server-sent events.
#[derive(Debug)]
pub struct SentEvents {
    response: reqwest::Response,
    parser: Parser,
}

impl SentEvents {
    /// The events in this response.
    pub fn of(response: reqwest::Response) -> Self {
        Self {
            response,
            parser: Parser::default(),
        }
    }

    async fn next(&mut self) -> Option<LiveEvent> {
        loop {
            if let Some(event) = self.parser.next() {
                return Some(event);
            }
            let chunk = tokio::time::timeout(LONGEST_SILENCE, self.response.chunk()).await;
            let bytes = chunk.ok()?.ok()??;
            self.parser.feed(&bytes)?;
        }
    }
}

/// Parses bytes into events; unknown events are skipped.
#[derive(Debug, Default)]
struct Parser {
    bytes: Vec<u8>,
}

impl Parser {
    /// Adds bytes; None if an event exceeds the limit.
    fn feed(&mut self, bytes: &[u8]) -> Option<()> {
        self.bytes.extend_from_slice(bytes);
        (self.bytes.len() <= LONGEST_EVENT_BYTES).then_some(())
    }

    /// The next complete and known event.
    fn next(&mut self) -> Option<LiveEvent> {
        loop {
            let end = self.bytes.windows(2).position(|two| two == b"\n\n")?;
            let block: Vec<u8> = self.bytes.drain(..end + 2).collect();
            if let Some(event) = parse_event(&String::from_utf8_lossy(&block)) {
                return Some(event);
            }
        }
    }
}

fn parse_event(block: &str) -> Option<LiveEvent> {
    let mut name = "message";
    let mut data = String::new();
    for line in block.lines() {
        let (field, value) = line.split_once(':').unwrap_or((line, ""));
        let value = value.strip_prefix(' ').unwrap_or(value);
        match field {
            "event" => name = value,
            "data" => data.push_str(value),
            _ => {}
        }
    }
    LiveEvent::parse(name, &data)
}

#[cfg(test)]
mod tests {
    use super::*;
    use dlt_core::calls::live::LiveStatus;
    use dlt_core::run::Status;

    #[test]
    fn events_are_parsed_from_chunks_of_any_size() {
        let stream = "event: status\ndata: {\"run_id\":\"p4TqL8vN2c\",\"status\":\"running\"}\n\n\
                      : still here\n\n\
                      event: later\ndata: 7\n\n\
                      event: note\ndata: {\"note\":\"a runner was lost\"}\n\n\
                      event: status\ndata: {\"status\":";
        let wanted = [
            LiveEvent::Status(LiveStatus {
                run_id: Some("p4TqL8vN2c".to_owned()),
                status: Status::Running,
                load: None,
            }),
            LiveEvent::Note("a runner was lost".to_owned()),
        ];
        for size in [1, 2, 7, 10_000] {
            let mut parser = Parser::default();
            let mut events = Vec::new();
            for chunk in stream.as_bytes().chunks(size) {
                parser.feed(chunk).unwrap();
                events.extend(std::iter::from_fn(|| parser.next()));
            }
            assert_eq!(events, wanted, "{size}");
        }
    }

    #[test]
    fn an_event_over_the_limit_is_an_error() {
        let mut parser = Parser::default();
        let chunk = vec![b'x'; 1024 * 1024];
        assert!((0..10).any(|_| parser.feed(&chunk).is_none()));
    }
}
