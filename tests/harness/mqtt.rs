//! A subscriber of topics as a browser is one: MQTT 3.1.1 (OASIS Standard) inside a
//! WebSocket (RFC 6455), read on a thread of its own. It never publishes.

use serde_json::Value;
use std::io::{BufReader, Read, Write};
use std::net::TcpStream;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::time::Duration;

/// Longest wait for the answers to the subscription.
const PATIENCE: Duration = Duration::from_secs(30);
// Types of packets, in the upper four bits of the first byte.
const CONNECT: u8 = 0x10;
const SUBSCRIBE: u8 = 0x82;
const CONNACK: u8 = 2;
const PUBLISH: u8 = 3;
const SUBACK: u8 = 9;

/// A subscription; messages come until it is dropped.
pub struct Watcher {
    messages: Receiver<(String, Value)>,
}

/// What a WebSocket brings, as one stream of bytes.
struct Frames {
    stream: BufReader<TcpStream>,
    /// Of the current frame, bytes to come.
    left: u64,
}

impl Frames {
    /// The next bytes; an error at the end of the connection.
    fn take(&mut self, bytes: &mut [u8]) -> std::io::Result<()> {
        let mut done = 0;
        while done < bytes.len() {
            while self.left == 0 {
                self.left = self.head()?;
            }
            let most = (bytes.len() - done).min(self.left as usize);
            self.stream.read_exact(&mut bytes[done..done + most])?;
            self.left -= most as u64;
            done += most;
        }
        Ok(())
    }

    /// A frame's head; how many bytes it has. Servers do not mask.
    fn head(&mut self) -> std::io::Result<u64> {
        let mut two = [0; 2];
        self.stream.read_exact(&mut two)?;
        let length = match two[1] & 0x7f {
            126 => {
                let mut long = [0; 2];
                self.stream.read_exact(&mut long)?;
                u64::from(u16::from_be_bytes(long))
            }
            127 => {
                let mut long = [0; 8];
                self.stream.read_exact(&mut long)?;
                u64::from_be_bytes(long)
            }
            short => u64::from(short),
        };
        match two[0] & 0x0f {
            // Data.
            0..=2 => Ok(length),
            // Close.
            8 => Err(std::io::ErrorKind::UnexpectedEof.into()),
            // Ping and pong: passed over.
            _ => {
                let mut rest = vec![0; length as usize];
                self.stream.read_exact(&mut rest)?;
                Ok(0)
            }
        }
    }

    /// A packet: its type and what follows its length.
    fn packet(&mut self) -> std::io::Result<(u8, Vec<u8>)> {
        let mut byte = [0];
        self.take(&mut byte)?;
        let kind = byte[0] >> 4;
        let (mut length, mut shift) = (0usize, 0);
        loop {
            self.take(&mut byte)?;
            length |= usize::from(byte[0] & 0x7f) << shift;
            shift += 7;
            if byte[0] & 0x80 == 0 {
                break;
            }
        }
        let mut body = vec![0; length];
        self.take(&mut body)?;
        Ok((kind, body))
    }
}

/// A text with its length before it.
fn text(text: &str) -> Vec<u8> {
    let mut bytes = (text.len() as u16).to_be_bytes().to_vec();
    bytes.extend(text.as_bytes());
    bytes
}

/// A short packet in a frame; a mask of zeros changes nothing.
fn framed(kind: u8, body: &[u8]) -> Vec<u8> {
    assert!(body.len() < 120, "one byte of length is enough");
    let mut bytes = vec![0x82, 0x80 | (body.len() as u8 + 2), 0, 0, 0, 0];
    bytes.extend([kind, body.len() as u8]);
    bytes.extend(body);
    bytes
}

impl Watcher {
    /// Subscribes to topics at an address that answers for `host`.
    ///
    /// # Panics
    /// When it is refused.
    pub fn start(address: &str, host: &str, topics: &[String]) -> Self {
        let mut stream = TcpStream::connect(address).expect("a connection");
        stream.set_read_timeout(Some(PATIENCE)).expect("a deadline");
        let head = format!(
            "GET /mqtt HTTP/1.1\r\nHost: {host}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
             Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\nSec-WebSocket-Version: 13\r\n\
             Sec-WebSocket-Protocol: mqtt\r\n\r\n"
        );
        stream.write_all(head.as_bytes()).expect("the upgrade");
        let mut reader = BufReader::new(stream.try_clone().expect("a second handle"));
        let status = answer(&mut reader);
        assert!(status.contains(" 101 "), "{status}");
        let mut frames = Frames {
            stream: reader,
            left: 0,
        };
        let mut connect = text("MQTT");
        // Version 3.1.1, a clean session, an hour of silence.
        connect.extend([4, 2, 0x0e, 0x10]);
        connect.extend(text("watcher"));
        stream.write_all(&framed(CONNECT, &connect)).expect("sent");
        assert_eq!(frames.packet().expect("an answer").0, CONNACK);
        for topic in topics {
            let mut subscribe = vec![0, 1];
            subscribe.extend(text(topic));
            subscribe.push(0);
            stream
                .write_all(&framed(SUBSCRIBE, &subscribe))
                .expect("sent");
            assert_eq!(frames.packet().expect("an answer").0, SUBACK);
        }
        stream.set_read_timeout(None).expect("no deadline");
        let (sender, messages) = channel();
        std::thread::spawn(move || {
            // It ends with the emulator, or when nobody listens.
            let _ = pass_on(&mut frames, &sender);
            drop(stream);
        });
        Self { messages }
    }

    /// The messages that have come since the last look: topic and body.
    pub fn messages(&self) -> Vec<(String, Value)> {
        self.messages.try_iter().collect()
    }
}

/// The head of an HTTP answer; its first line.
fn answer(reader: &mut impl Read) -> String {
    let mut head = Vec::new();
    let mut byte = [0];
    while !head.ends_with(b"\r\n\r\n") {
        reader.read_exact(&mut byte).expect("an answer");
        head.extend(byte);
    }
    let head = String::from_utf8_lossy(&head);
    head.lines().next().unwrap_or_default().to_owned()
}

fn pass_on(frames: &mut Frames, sender: &Sender<(String, Value)>) -> std::io::Result<()> {
    loop {
        let (kind, body) = frames.packet()?;
        if kind != PUBLISH || body.len() < 2 {
            continue;
        }
        let length = usize::from(u16::from_be_bytes([body[0], body[1]]));
        let Some(topic) = body.get(2..2 + length) else {
            continue;
        };
        let payload = serde_json::from_slice(&body[2 + length..]).unwrap_or(Value::Null);
        let topic = String::from_utf8_lossy(topic).into_owned();
        if sender.send((topic, payload)).is_err() {
            return Ok(());
        }
    }
}
