//! Finds the frames in the bytes of an HTTP/2 connection (RFC 9113, 4.1), whatever pieces
//! they come in. It reads nine bytes of each and skips the rest: what frames mean is the
//! crate `h2`'s, what is counted of them `meter`'s.

/// Bytes of a frame's header.
pub(super) const HEAD_BYTES: usize = 9;
/// What a client sends before its first frame, bytes (RFC 9113, 3.4).
const PREFACE_BYTES: u32 = 24;
/// How much of a payload is kept: GOAWAY's last stream and error code.
const KEPT_BYTES: usize = 8;

/// Types of frames (RFC 9113, 6).
pub(super) mod kind {
    pub(in super::super) const DATA: u8 = 0;
    pub(in super::super) const HEADERS: u8 = 1;
    pub(in super::super) const SETTINGS: u8 = 4;
    pub(in super::super) const GOAWAY: u8 = 7;
    pub(in super::super) const CONTINUATION: u8 = 9;
}
/// Flag of DATA and HEADERS: the stream ends (RFC 9113, 6.1).
pub(super) const END_STREAM: u8 = 1;

/// Bytes of one frame that came together.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct FramePart {
    pub(super) kind: u8,
    pub(super) flags: u8,
    pub(super) stream: u32,
    /// How many, with those of the frame's header.
    pub(super) bytes: u64,
    /// Whether it is the first part.
    pub(super) begins: bool,
    /// Whether the frame is complete.
    pub(super) ends: bool,
}

/// Finds the frames of one direction.
#[derive(Debug, Default)]
pub(super) struct Frames {
    head: [u8; HEAD_BYTES],
    /// Bytes of `head` that are there.
    have: usize,
    /// Bytes that are missing of the payload.
    left: u32,
    /// Bytes that precede the first frame.
    skipped: u32,
    kept: [u8; KEPT_BYTES],
    kept_bytes: usize,
}

impl Frames {
    /// Those that a client sends: its preface comes first.
    pub(super) fn of_client() -> Self {
        Self {
            skipped: PREFACE_BYTES,
            ..Self::default()
        }
    }

    /// The first bytes of the payload of the frame that has just ended.
    pub(super) fn payload(&self) -> &[u8] {
        &self.kept[..self.kept_bytes]
    }

    /// Takes the next bytes; `part` gets each piece of a frame in them.
    #[inline]
    pub(super) fn feed(&mut self, mut bytes: &[u8], mut part: impl FnMut(&Self, FramePart)) {
        if self.skipped > 0 {
            let skipped = bytes.len().min(self.skipped as usize);
            self.skipped -= skipped as u32;
            bytes = &bytes[skipped..];
        }
        while !bytes.is_empty() {
            let begins = self.have < HEAD_BYTES;
            let mut counted = 0;
            if begins {
                let count = bytes.len().min(HEAD_BYTES - self.have);
                self.head[self.have..self.have + count].copy_from_slice(&bytes[..count]);
                self.have += count;
                bytes = &bytes[count..];
                if self.have < HEAD_BYTES {
                    return;
                }
                let [a, b, c, ..] = self.head;
                self.left = u32::from_be_bytes([0, a, b, c]);
                self.kept_bytes = 0;
                counted = HEAD_BYTES as u64;
            }
            let count = bytes.len().min(self.left as usize);
            if self.kept_bytes < KEPT_BYTES {
                let kept = count.min(KEPT_BYTES - self.kept_bytes);
                self.kept[self.kept_bytes..self.kept_bytes + kept].copy_from_slice(&bytes[..kept]);
                self.kept_bytes += kept;
            }
            bytes = &bytes[count..];
            self.left -= count as u32;
            let ends = self.left == 0;
            if ends {
                self.have = 0;
            }
            let [.., kind, flags, d, e, f, g] = self.head;
            let stream = u32::from_be_bytes([d & 0x7f, e, f, g]);
            let bytes = counted + count as u64;
            part(
                self,
                FramePart {
                    kind,
                    flags,
                    stream,
                    bytes,
                    begins,
                    ends,
                },
            );
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn frame(kind: u8, flags: u8, stream: u32, payload: &[u8]) -> Vec<u8> {
        let length = (payload.len() as u32).to_be_bytes();
        let head = [&length[1..], &[kind, flags], &stream.to_be_bytes()[..]].concat();
        [&head, payload].concat()
    }

    type Found = (u8, u8, u32, u64, Vec<u8>);

    /// The whole frames that are found in these pieces.
    fn found(frames: &mut Frames, pieces: &[&[u8]]) -> Vec<Found> {
        let (mut found, mut bytes) = (Vec::new(), 0);
        for piece in pieces {
            frames.feed(piece, |frames, part| {
                bytes = if part.begins {
                    part.bytes
                } else {
                    bytes + part.bytes
                };
                if part.ends {
                    let payload = frames.payload().to_vec();
                    found.push((part.kind, part.flags, part.stream, bytes, payload));
                }
            });
        }
        found
    }

    proptest! {
        #[test]
        fn any_split_finds_the_same_frames(
            sent in prop::collection::vec(
                (0u8..12, any::<u8>(), 0u32..0x7fff_ffff, prop::collection::vec(any::<u8>(), 0..40)),
                0..8,
            ),
            cuts in prop::collection::vec(1usize..30, 0..40),
            preface in any::<bool>(),
        ) {
            let mut bytes = if preface { vec![b'p'; 24] } else { Vec::new() };
            let mut expected = Vec::new();
            for (kind, flags, stream, payload) in &sent {
                bytes.extend(frame(*kind, *flags, *stream, payload));
                let kept = payload[..payload.len().min(8)].to_vec();
                expected.push((*kind, *flags, *stream, 9 + payload.len() as u64, kept));
            }
            let mut pieces = Vec::new();
            let mut rest = &bytes[..];
            for cut in cuts {
                let (piece, after) = rest.split_at(cut.min(rest.len()));
                pieces.push(piece);
                rest = after;
            }
            pieces.push(rest);
            let mut frames = if preface { Frames::of_client() } else { Frames::default() };
            prop_assert_eq!(found(&mut frames, &pieces), expected);
        }
    }
}
