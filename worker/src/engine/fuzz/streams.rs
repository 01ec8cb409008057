//! Streams of messages: server-sent events as a plainer reader reads them, and what a target may send
//! on a WebSocket, which the crate tungstenite reads.

use crate::engine::fuzz::input::Input;
use crate::engine::http::messages::EventReader;
use std::io::{self, Read, Write};
use tokio_tungstenite::tungstenite::protocol::{Role, WebSocketConfig};
use tokio_tungstenite::tungstenite::{Message, WebSocket};

/// Any bytes as a stream of events, in pieces.
pub(super) fn events(data: &[u8]) {
    let mut input = Input(data);
    let piece = input.below(32) + 1;
    let bytes = input.0;
    let mut found = Vec::new();
    let mut reader = EventReader::default();
    for piece in bytes.chunks(piece) {
        let fed = reader.feed(piece, &mut |event| found.push(event));
        assert!(fed.is_ok(), "an input is no longer than an event may be");
    }
    assert_eq!(found, read_plainly(bytes));
}

/// By the words of the HTML Standard, with all bytes at hand.
fn read_plainly(bytes: &[u8]) -> Vec<Vec<u8>> {
    let bytes = bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes);
    let mut lines: Vec<Vec<u8>> = vec![Vec::new()];
    let mut rest = bytes;
    while let Some((first, more)) = rest.split_first() {
        rest = more;
        match first {
            b'\r' => {
                rest = rest.strip_prefix(b"\n").unwrap_or(rest);
                lines.push(Vec::new());
            }
            b'\n' => lines.push(Vec::new()),
            other => lines.last_mut().expect("a line").push(*other),
        }
    }
    // The last one has no end.
    lines.pop();
    let (mut found, mut data) = (Vec::new(), None::<Vec<u8>>);
    for line in lines {
        if line.is_empty() {
            found.extend(data.take());
            continue;
        }
        let colon = line.iter().position(|byte| *byte == b':');
        let (name, value) = line.split_at(colon.unwrap_or(line.len()));
        if name == b"data" {
            let value = value.strip_prefix(b":").unwrap_or(value);
            let value = value.strip_prefix(b" ").unwrap_or(value);
            data = Some(match data {
                None => value.to_vec(),
                Some(before) => [&before, &b"\n"[..], value].concat(),
            });
        }
    }
    found
}

/// A target's bytes; what is written to it is dropped.
struct Sent<'a>(&'a [u8], usize);

impl Read for Sent<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let count = buffer.len().min(self.1).min(self.0.len());
        buffer[..count].copy_from_slice(&self.0[..count]);
        self.0 = &self.0[count..];
        Ok(count)
    }
}

impl Write for Sent<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// Any bytes as frames of a WebSocket, in pieces: they become no more than they are.
pub(super) fn web_socket(data: &[u8]) {
    let mut input = Input(data);
    let piece = input.below(64) + 1;
    let bytes = input.0;
    let config = WebSocketConfig::default()
        .read_buffer_size(64)
        .write_buffer_size(0)
        .max_message_size(Some(4_096))
        .max_frame_size(Some(4_096));
    let mut socket = WebSocket::from_raw_socket(Sent(bytes, piece), Role::Client, Some(config));
    let mut read = 0;
    while let Ok(message) = socket.read() {
        read += match message {
            Message::Text(text) => text.len(),
            Message::Binary(bytes) => bytes.len(),
            _ => 0,
        };
        assert!(read <= bytes.len());
    }
}
