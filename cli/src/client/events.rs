//! Server-sent events, taken apart: what a scenario's live stream tells. What
//! becomes of a stream that breaks is the watcher's.

use dlt_core::calls::live::LiveEvent;
use std::time::Duration;

/// Longest event, bytes: a tick of a thousand runners has a tenth of it.
const LONGEST_EVENT_BYTES: usize = 4 * 1024 * 1024;
/// A stream that is silent for so long is dead: a living one says at least
/// every 15 s that it is still there.
const LONGEST_SILENCE: Duration = Duration::from_secs(45);

/// A stream of events.
#[derive(Debug)]
pub struct Events {
    response: reqwest::Response,
    parser: Parser,
}

impl Events {
    /// The events of this answer.
    pub fn of(response: reqwest::Response) -> Self {
        Self {
            response,
            parser: Parser::default(),
        }
    }

    /// The next event; None when the stream has ended, broken or fallen silent.
    pub async fn next(&mut self) -> Option<LiveEvent> {
        loop {
            if let Some(told) = self.parser.next() {
                return Some(told);
            }
            let chunk = tokio::time::timeout(LONGEST_SILENCE, self.response.chunk()).await;
            let bytes = chunk.ok()?.ok()??;
            self.parser.feed(&bytes)?;
        }
    }
}

/// Bytes to events; events that are not known are passed over.
#[derive(Debug, Default)]
struct Parser {
    bytes: Vec<u8>,
}

impl Parser {
    /// Takes bytes in; None if an event grows beyond all measure.
    fn feed(&mut self, bytes: &[u8]) -> Option<()> {
        self.bytes.extend_from_slice(bytes);
        (self.bytes.len() <= LONGEST_EVENT_BYTES).then_some(())
    }

    /// The next whole event that is known.
    fn next(&mut self) -> Option<LiveEvent> {
        loop {
            let end = self.bytes.windows(2).position(|two| two == b"\n\n")?;
            let block: Vec<u8> = self.bytes.drain(..end + 2).collect();
            if let Some(told) = event(&String::from_utf8_lossy(&block)) {
                return Some(told);
            }
        }
    }
}

fn event(block: &str) -> Option<LiveEvent> {
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
    fn events_come_out_however_the_bytes_come_in() {
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
            let mut told = Vec::new();
            for chunk in stream.as_bytes().chunks(size) {
                parser.feed(chunk).unwrap();
                told.extend(std::iter::from_fn(|| parser.next()));
            }
            assert_eq!(told, wanted, "{size}");
        }
    }

    #[test]
    fn an_endless_event_is_given_up() {
        let mut parser = Parser::default();
        let chunk = vec![b'x'; 1024 * 1024];
        assert!((0..10).any(|_| parser.feed(&chunk).is_none()));
    }
}
