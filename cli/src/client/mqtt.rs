//! The packets of MQTT 3.1.1 (OASIS Standard) that a subscriber needs: it connects,
//! subscribes at most once a message, and pings. Bytes only; the connection is `iot`'s.

/// Longest packet that is read, bytes: IoT Core's messages have at most 128 KB.
const LONGEST_PACKET_BYTES: usize = 1024 * 1024;
/// Bytes that tell a packet's length, at most.
const LENGTH_BYTES: usize = 4;

// Types of packets, with the flags that the standard sets, in the first byte.
const CONNECT: u8 = 0x10;
const SUBSCRIBE: u8 = 0x82;
const PINGREQ: u8 = 0xc0;
// Types of packets, the upper half of the first byte.
const CONNACK: u8 = 2;
const PUBLISH: u8 = 3;
const SUBACK: u8 = 9;

/// Version 3.1.1 in CONNECT.
const LEVEL: u8 = 4;
/// Flag of CONNECT: nothing is kept of this client when it leaves.
const CLEAN_SESSION: u8 = 2;
/// In SUBACK: the topic may not be subscribed.
const REFUSED: u8 = 0x80;

/// A packet from the broker.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Packet {
    /// The answer to CONNECT; 0 is a yes.
    Connected(u8),
    /// The answer to SUBSCRIBE: whether all topics were granted.
    Subscribed(bool),
    /// A message.
    Message {
        /// Its topic.
        topic: String,
        /// Its bytes.
        payload: Vec<u8>,
    },
    /// Any other: a pong.
    Other,
}

/// The bytes are not MQTT.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Malformed;

/// A text with its length before it; ours are short.
fn text(text: &str) -> Vec<u8> {
    let length = u16::try_from(text.len()).unwrap_or(u16::MAX);
    let mut bytes = length.to_be_bytes().to_vec();
    bytes.extend(&text.as_bytes()[..usize::from(length)]);
    bytes
}

fn packet(kind: u8, body: &[u8]) -> Vec<u8> {
    let mut bytes = vec![kind];
    let mut left = body.len();
    loop {
        let seven = (left & 0x7f) as u8;
        left >>= 7;
        bytes.push(if left > 0 { seven | 0x80 } else { seven });
        if left == 0 {
            break;
        }
    }
    bytes.extend(body);
    bytes
}

/// Connects a client that is never silent for longer than `keep_alive_s`.
pub fn connect(client: &str, keep_alive_s: u16) -> Vec<u8> {
    let mut body = text("MQTT");
    body.extend([LEVEL, CLEAN_SESSION]);
    body.extend(keep_alive_s.to_be_bytes());
    body.extend(text(client));
    packet(CONNECT, &body)
}

/// Subscribes topics; a message may be lost, and comes at most once.
pub fn subscribe(topics: &[String]) -> Vec<u8> {
    // The number of this request; there is only one.
    let mut body = vec![0, 1];
    for topic in topics {
        body.extend(text(topic));
        body.push(0);
    }
    packet(SUBSCRIBE, &body)
}

/// Says that the client is still there.
pub fn ping() -> Vec<u8> {
    packet(PINGREQ, &[])
}

/// Reads packets from bytes, however these were divided.
#[derive(Debug, Default)]
pub struct Decoder {
    bytes: Vec<u8>,
}

impl Decoder {
    /// Adds bytes.
    pub fn feed(&mut self, bytes: &[u8]) {
        self.bytes.extend_from_slice(bytes);
    }

    /// The next packet, if it is complete.
    pub fn next(&mut self) -> Result<Option<Packet>, Malformed> {
        let Some((length, head)) = self.length()? else {
            return Ok(None);
        };
        if self.bytes.len() < head + length {
            return Ok(None);
        }
        let packet: Vec<u8> = self.bytes.drain(..head + length).collect();
        parse(packet[0], &packet[head..]).map(Some)
    }

    /// The length of a packet's body and of what is before it.
    fn length(&self) -> Result<Option<(usize, usize)>, Malformed> {
        let mut length = 0;
        for (at, byte) in self.bytes.iter().skip(1).take(LENGTH_BYTES).enumerate() {
            length |= usize::from(byte & 0x7f) << (7 * at);
            if byte & 0x80 == 0 {
                return match length {
                    0..=LONGEST_PACKET_BYTES => Ok(Some((length, at + 2))),
                    _ => Err(Malformed),
                };
            }
        }
        match self.bytes.len() {
            0..=LENGTH_BYTES => Ok(None),
            _ => Err(Malformed),
        }
    }
}

fn parse(first: u8, body: &[u8]) -> Result<Packet, Malformed> {
    match first >> 4 {
        CONNACK => body.get(1).map(|code| Packet::Connected(*code)),
        SUBACK => body
            .get(2..)
            .map(|codes| Packet::Subscribed(!codes.contains(&REFUSED))),
        PUBLISH => message(first, body),
        _ => Some(Packet::Other),
    }
    .ok_or(Malformed)
}

fn message(first: u8, body: &[u8]) -> Option<Packet> {
    let length = u16::from_be_bytes([*body.first()?, *body.get(1)?]);
    let end = 2 + usize::from(length);
    let topic = std::str::from_utf8(body.get(2..end)?).ok()?.to_owned();
    // A message that would have to be acknowledged has a number.
    let number = if first & 0x06 == 0 { 0 } else { 2 };
    let payload = body.get(end + number..)?.to_vec();
    Some(Packet::Message { topic, payload })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn message(topic: &str, payload: &[u8]) -> Vec<u8> {
        packet(0x30, &[text(topic), payload.to_vec()].concat())
    }

    /// Bytes as the standard writes them (3.1, 3.8, 3.12).
    #[test]
    fn packets_have_the_standard_s_bytes() {
        let connect = connect("a", 60);
        let expected = b"\x10\x0d\0\x04MQTT\x04\x02\0\x3c\0\x01a";
        assert_eq!(connect, expected);
        let topics = ["a/b".to_owned(), "c/d".to_owned()];
        let expected = b"\x82\x0e\0\x01\0\x03a/b\0\0\x03c/d\0";
        assert_eq!(subscribe(&topics), expected);
        assert_eq!(ping(), [0xc0, 0]);
        assert_eq!(packet(0x30, &[0; 321])[..3], [0x30, 0xc1, 0x02]);
    }

    #[test]
    fn packets_are_read_from_pieces_of_any_size() {
        let long = vec![b'x'; 20_000];
        let bytes = [
            vec![0x20, 2, 0, 0],
            vec![0x90, 4, 0, 1, 0, 0],
            message("dlt/a", b"{}"),
            vec![0xd0, 0],
            message("dlt/b", &long),
            // One that asks to be acknowledged.
            packet(0x32, b"\0\x01c\0\x07!"),
            vec![0x90, 3, 0, 1, 0x80],
            vec![0x20, 2, 0, 5],
        ]
        .concat();
        let named = |topic: &str, payload: &[u8]| Packet::Message {
            topic: topic.to_owned(),
            payload: payload.to_vec(),
        };
        let wanted = [
            Packet::Connected(0),
            Packet::Subscribed(true),
            named("dlt/a", b"{}"),
            Packet::Other,
            named("dlt/b", &long),
            named("c", b"!"),
            Packet::Subscribed(false),
            Packet::Connected(5),
        ];
        for size in [1, 2, 7, 100_000] {
            let mut decoder = Decoder::default();
            let mut packets = Vec::new();
            for piece in bytes.chunks(size) {
                decoder.feed(piece);
                while let Some(packet) = decoder.next().unwrap() {
                    packets.push(packet);
                }
            }
            assert_eq!(packets, wanted, "{size}");
        }
    }

    #[test]
    fn what_is_no_mqtt_is_refused_and_never_kept_growing() {
        for strange in [
            &b"\x30\xff\xff\xff\xff"[..],
            b"\x30\xff\xff\xff\x7f",
            b"\x30\x01a",
            b"\x30\x04\0\x09ab",
            b"\x30\x03\0\x01\xff",
            b"\x20\x01\0",
            b"\x90\x01\0",
        ] {
            let mut decoder = Decoder::default();
            decoder.feed(strange);
            assert_eq!(decoder.next(), Err(Malformed), "{strange:?}");
        }
    }
}
