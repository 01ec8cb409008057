//! Parses an HTTP/1.x response: a state machine over bytes, without sockets,
//! clocks or tasks. Any split of the bytes gives the same result, which a property
//! test checks. Bodies are counted, and kept only if the request asks for it.
//!
//! What a response means (ok, redirect, failure) is decided by the walker.

use crate::engine::failure::ResponseError;
use crate::engine::http::folding::{malformed_head, unfolded};
use crate::engine::http::framing::{Framing, Transfer};
use crate::engine::http::kept::{KeepSpec, KeptResponse};
use crate::engine::memory::KeptRoom;
use dlt_core::measure::http_version::HttpVersion;
use httparse::{Header, ParserConfig, Response};
use std::mem::MaybeUninit;
use std::rc::Rc;

/// Longest head from status line to blank line, bytes: most HTTP software has a
/// lower limit.
pub(crate) const LONGEST_HEAD_BYTES: usize = 64 * 1024;
/// Most header lines of a head.
pub(super) const MOST_HEADERS: usize = 128;
/// Longest chunk-size line with its extensions.
const LONGEST_CHUNK_LINE_BYTES: u16 = 4 * 1024;
/// Longest trailer section.
const LONGEST_TRAILERS_BYTES: u32 = 16 * 1024;
/// Most interim (1xx) responses before the final one.
pub(super) const MOST_INTERIM: u8 = 16;
/// Up to here, bytes, a partial head is parsed whenever bytes arrive, so that what
/// is not HTTP is detected at once; a longer one only when a blank line has
/// arrived, which keeps the work linear.
const EAGER_HEAD_BYTES: usize = 1024;

/// Whether more bytes are needed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Progress {
    /// The response is not complete.
    More,
    /// The response is complete; so many of the bytes given belong to it.
    Done(usize),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum ParserState {
    Head,
    Length(u64),
    Chunked(ChunkState),
    UntilClose,
    Done,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum ChunkState {
    Size {
        value: u64,
        digits: u8,
    },
    Extension(u64),
    SizeLf(u64),
    Data(u64),
    DataCr,
    DataLf,
    /// A trailer line begins, or the empty line that ends them; whether lines stand
    /// before it, which it may continue.
    TrailerStart {
        further: bool,
    },
    TrailerName,
    Trailer,
    TrailerLf,
    EndLf,
}

/// The parser of one response.
#[derive(Debug)]
pub(crate) struct ResponseParser {
    state: ParserState,
    /// A head that arrives in pieces; empty and not allocated otherwise.
    partial: Vec<u8>,
    /// Where a redirect points.
    location: Option<Box<[u8]>>,
    /// What is kept of it; allocated only if something is.
    kept: Option<Box<KeptResponse>>,
    keep: KeepSpec,
    /// Where there is memory for it.
    room: Option<Rc<KeptRoom>>,
    received: u64,
    /// Bytes of the current chunk line or of the trailers.
    line_bytes: u32,
    status: u16,
    interim: u8,
    to_head: bool,
    keep_alive: bool,
    is_http10: bool,
}

impl ResponseParser {
    /// A parser; `to_head`: the request is HEAD, so the response has no body.
    pub(crate) fn new(to_head: bool) -> Self {
        Self {
            state: ParserState::Head,
            partial: Vec::new(),
            location: None,
            kept: None,
            keep: KeepSpec::default(),
            room: None,
            received: 0,
            line_bytes: 0,
            status: 0,
            interim: 0,
            to_head,
            keep_alive: false,
            is_http10: false,
        }
    }

    /// A parser that also keeps what `keep` says, as far as there is room.
    pub(crate) fn keeping(mut self, keep: KeepSpec, room: &Rc<KeptRoom>) -> Self {
        self.keep = keep;
        self.room = (keep != KeepSpec::default()).then(|| room.clone());
        self
    }

    pub(crate) fn take_kept(&mut self) -> Option<Box<KeptResponse>> {
        self.kept.take()
    }

    /// What is kept of it so far.
    pub(super) fn kept_so_far(&mut self) -> Option<&mut KeptResponse> {
        self.kept.as_deref_mut()
    }

    /// The status, once the head is read.
    pub(crate) fn status(&self) -> Option<u16> {
        (self.status != 0).then_some(self.status)
    }

    /// Its version of HTTP, once the head is read.
    pub(crate) fn version(&self) -> Option<HttpVersion> {
        let version = match self.is_http10 {
            true => HttpVersion::Http10,
            false => HttpVersion::Http11,
        };
        self.status().map(|_| version)
    }

    /// Bytes that belong to the response.
    pub(crate) fn received(&self) -> u64 {
        self.received
    }

    /// Whether the connection may carry another request after it.
    pub(crate) fn keep_alive(&self) -> bool {
        self.keep_alive
    }

    /// The Location header of a redirect.
    pub(crate) fn take_location(&mut self) -> Option<Box<[u8]>> {
        self.location.take()
    }

    /// Parses the next bytes of the connection.
    #[inline]
    pub(crate) fn feed(&mut self, bytes: &[u8]) -> Result<Progress, ResponseError> {
        let mut at = 0;
        loop {
            let rest = &bytes[at..];
            match self.state {
                ParserState::Done => {
                    self.received += at as u64;
                    return Ok(Progress::Done(at));
                }
                _ if rest.is_empty() => {
                    self.received += at as u64;
                    return Ok(Progress::More);
                }
                ParserState::Head => at += self.head(rest)?,
                ParserState::Length(left) => {
                    let used = left.min(rest.len() as u64);
                    self.keep_body(&rest[..used as usize]);
                    at += used as usize;
                    self.state = match left - used {
                        0 => ParserState::Done,
                        left => ParserState::Length(left),
                    };
                }
                ParserState::Chunked(chunk) => at += self.chunked(chunk, rest)?,
                ParserState::UntilClose => {
                    self.keep_body(rest);
                    at += rest.len();
                }
            }
        }
    }

    /// Handles the end of the connection.
    pub(crate) fn end(&mut self) -> Result<(), ResponseError> {
        match self.state {
            ParserState::UntilClose | ParserState::Done => {
                self.state = ParserState::Done;
                Ok(())
            }
            // An incomplete head may not be HTTP at all.
            ParserState::Head if !self.partial.is_empty() => {
                let partial = std::mem::take(&mut self.partial);
                self.parse_head(&partial)?;
                Err(ResponseError::Closed)
            }
            _ => Err(ResponseError::Closed),
        }
    }

    /// Reads a head or a part of it; returns how many bytes were used.
    fn head(&mut self, bytes: &[u8]) -> Result<usize, ResponseError> {
        if self.partial.is_empty() {
            return match self.parse_head(bytes)? {
                Some(length) => Ok(length),
                None if bytes.len() > LONGEST_HEAD_BYTES => {
                    Err(ResponseError::TooLarge("a head of more than 64 KB"))
                }
                None => {
                    self.partial.extend_from_slice(bytes);
                    Ok(bytes.len())
                }
            };
        }
        let before = self.partial.len();
        let room = LONGEST_HEAD_BYTES + 1 - before;
        let taken = bytes.len().min(room);
        self.partial.extend_from_slice(&bytes[..taken]);
        let seen = &self.partial[before.saturating_sub(3)..];
        let parsed = if self.partial.len() <= EAGER_HEAD_BYTES || has_blank_line(seen) {
            let partial = std::mem::take(&mut self.partial);
            let parsed = self.parse_head(&partial)?;
            if parsed.is_none() {
                self.partial = partial;
            }
            parsed
        } else {
            None
        };
        match parsed {
            Some(length) => Ok(length - before),
            None if self.partial.len() > LONGEST_HEAD_BYTES => {
                Err(ResponseError::TooLarge("a head of more than 64 KB"))
            }
            None => Ok(taken),
        }
    }

    /// Parses a head if it is complete: sets the next state, returns its length.
    fn parse_head(&mut self, bytes: &[u8]) -> Result<Option<usize>, ResponseError> {
        let mut headers = [const { MaybeUninit::<Header<'_>>::uninit() }; MOST_HEADERS];
        let mut head = Response::new(&mut []);
        let parsed = ParserConfig::default().parse_response_with_uninit_headers(
            &mut head,
            bytes,
            &mut headers,
        );
        if parsed.is_err()
            && let Some(unfolded) = unfolded(bytes)
        {
            // Lines are counted as they came.
            return self.parse_head(&unfolded).map_err(|error| match error {
                ResponseError::MalformedLine(_) => malformed_head(bytes),
                error => error,
            });
        }
        let length = match parsed {
            Ok(httparse::Status::Complete(length)) => length,
            Ok(httparse::Status::Partial) => return Ok(None),
            Err(httparse::Error::TooManyHeaders) => {
                return Err(ResponseError::TooLarge("more than 128 header lines"));
            }
            Err(_) => return Err(malformed_head(bytes)),
        };
        if length > LONGEST_HEAD_BYTES {
            return Err(ResponseError::TooLarge("a head of more than 64 KB"));
        }
        let status = head.code.unwrap_or(0);
        match status {
            100..=199 if status != 101 => {
                self.interim += 1;
                return match self.interim {
                    0..=MOST_INTERIM => Ok(Some(length)),
                    _ => Err(ResponseError::Malformed("more than 16 interim answers")),
                };
            }
            200..=999 => {}
            101 => return Err(ResponseError::Malformed("it switches protocols unasked")),
            _ => return Err(ResponseError::Malformed("the status is below 100")),
        }
        let framing = Framing::of(head.headers, status)?;
        self.status = status;
        self.is_http10 = head.version == Some(0);
        if self.keep.head || self.keep.body || (framing.sets_cookies && self.keep.cookies) {
            let room = &mut self.room;
            let kept = self
                .kept
                .get_or_insert_with(|| Box::new(KeptResponse::in_room(room.take())));
            kept.add_head(self.keep, &bytes[..length], head.headers);
        }
        self.location = framing.location;
        self.keep_alive = framing.keep_alive.unwrap_or(head.version == Some(1));
        let bodyless = self.to_head || status == 204 || status == 304;
        self.state = match (framing.transfer, framing.length) {
            _ if bodyless => ParserState::Done,
            (Transfer::Chunked, length) => {
                // Both framings at once: the connection is not reused (RFC 9112, 6.3).
                self.keep_alive &= length.is_none();
                self.line_bytes = 0;
                ParserState::Chunked(ChunkState::Size {
                    value: 0,
                    digits: 0,
                })
            }
            (Transfer::None, Some(0)) => ParserState::Done,
            (Transfer::None, Some(length)) => ParserState::Length(length),
            (Transfer::None, None) | (Transfer::Other, _) => {
                self.keep_alive = false;
                ParserState::UntilClose
            }
        };
        Ok(Some(length))
    }

    #[inline]
    fn keep_body(&mut self, bytes: &[u8]) {
        if self.keep.body
            && let Some(kept) = &mut self.kept
        {
            kept.add_body(bytes);
        }
    }

    /// Reads chunked framing and its data; returns how many bytes were used.
    fn chunked(&mut self, mut chunk: ChunkState, bytes: &[u8]) -> Result<usize, ResponseError> {
        let mut at = 0;
        while let Some(&byte) = bytes.get(at) {
            if let ChunkState::Data(left) = chunk {
                let used = left.min((bytes.len() - at) as u64);
                self.keep_body(&bytes[at..at + used as usize]);
                at += used as usize;
                chunk = match left - used {
                    0 => ChunkState::DataCr,
                    left => ChunkState::Data(left),
                };
                continue;
            }
            at += 1;
            chunk = self.chunk_byte(chunk, byte)?;
            if chunk == ChunkState::END {
                self.state = ParserState::Done;
                return Ok(at);
            }
        }
        self.state = ParserState::Chunked(chunk);
        Ok(at)
    }

    /// Parses one byte of framing.
    fn chunk_byte(&mut self, chunk: ChunkState, byte: u8) -> Result<ChunkState, ResponseError> {
        self.line_bytes += 1;
        let after_size = |value| match value {
            0 => ChunkState::TrailerStart { further: false },
            size => ChunkState::Data(size),
        };
        match (chunk, byte) {
            (ChunkState::Size { value, digits }, _) if byte.is_ascii_hexdigit() => {
                let digit = char::from(byte).to_digit(16).unwrap_or(0);
                match digits {
                    // 15 digits are 2^60 bytes: no body is longer.
                    0..15 => Ok(ChunkState::Size {
                        value: value << 4 | u64::from(digit),
                        digits: digits + 1,
                    }),
                    _ => Err(ResponseError::Malformed(
                        "a chunk size of more than 15 digits",
                    )),
                }
            }
            (ChunkState::Size { digits: 0, .. }, _) => {
                Err(ResponseError::Malformed("a chunk size is not hexadecimal"))
            }
            (ChunkState::Size { value, .. } | ChunkState::Extension(value), b'\r') => {
                Ok(ChunkState::SizeLf(value))
            }
            (ChunkState::Size { value, .. }, b';' | b' ' | b'\t') => {
                Ok(ChunkState::Extension(value))
            }
            (ChunkState::Size { .. }, _) => {
                Err(ResponseError::Malformed("a chunk size is not hexadecimal"))
            }
            (ChunkState::Extension(_), b'\n') => {
                Err(ResponseError::Malformed("a chunk line ends without CR"))
            }
            (ChunkState::Extension(_), _) if !is_text(byte) => Err(ResponseError::Malformed(
                "a chunk line holds a control character",
            )),
            (ChunkState::Extension(value), _)
                if self.line_bytes <= LONGEST_CHUNK_LINE_BYTES.into() =>
            {
                Ok(ChunkState::Extension(value))
            }
            (ChunkState::Extension(_), _) => {
                Err(ResponseError::TooLarge("a chunk line of more than 4 KB"))
            }
            (ChunkState::SizeLf(value), b'\n') => {
                self.line_bytes = 0;
                Ok(after_size(value))
            }
            (ChunkState::DataCr, b'\r') => Ok(ChunkState::DataLf),
            (ChunkState::DataLf, b'\n') => {
                self.line_bytes = 0;
                Ok(ChunkState::Size {
                    value: 0,
                    digits: 0,
                })
            }
            (
                ChunkState::TrailerStart { .. }
                | ChunkState::TrailerName
                | ChunkState::Trailer
                | ChunkState::TrailerLf
                | ChunkState::EndLf,
                _,
            ) => self.trailer_byte(chunk, byte),
            _ => Err(ResponseError::Malformed("chunked framing is broken")),
        }
    }

    /// Parses one byte of the trailers: header lines, by the rules of a head's.
    #[cold]
    fn trailer_byte(&self, chunk: ChunkState, byte: u8) -> Result<ChunkState, ResponseError> {
        match (chunk, byte) {
            (ChunkState::TrailerStart { .. }, b'\r') => Ok(ChunkState::EndLf),
            (ChunkState::EndLf, b'\n') => Ok(ChunkState::END),
            (ChunkState::TrailerLf, b'\n') => Ok(ChunkState::TrailerStart { further: true }),
            (ChunkState::TrailerStart { .. } | ChunkState::Trailer, b'\n') => {
                Err(ResponseError::Malformed("a trailer ends without CR"))
            }
            (ChunkState::TrailerLf | ChunkState::EndLf, _) => {
                Err(ResponseError::Malformed("chunked framing is broken"))
            }
            _ if self.line_bytes > LONGEST_TRAILERS_BYTES => {
                Err(ResponseError::TooLarge("trailers of more than 16 KB"))
            }
            (ChunkState::Trailer, b'\r') => Ok(ChunkState::TrailerLf),
            (ChunkState::Trailer, _) if is_text(byte) => Ok(ChunkState::Trailer),
            (ChunkState::Trailer, _) => Err(ResponseError::Malformed(
                "a trailer holds a control character",
            )),
            (ChunkState::TrailerStart { further: true }, b' ' | b'\t') => Ok(ChunkState::Trailer),
            (ChunkState::TrailerStart { .. } | ChunkState::TrailerName, _) if is_of_name(byte) => {
                Ok(ChunkState::TrailerName)
            }
            (ChunkState::TrailerName, b':') => Ok(ChunkState::Trailer),
            _ => Err(ResponseError::Malformed(
                "a trailer is no header line, like Name: value",
            )),
        }
    }
}

/// Whether a byte may stand in the value of a header line (RFC 9110, 5.5).
fn is_text(byte: u8) -> bool {
    byte == b'\t' || (byte >= b' ' && byte != 0x7f)
}

/// Whether a byte may stand in the name of a header line (RFC 9110, 5.6.2).
fn is_of_name(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte)
}

impl ChunkState {
    /// The last byte was read. A data chunk of zero bytes does not exist.
    const END: Self = Self::Data(0);
}

fn has_blank_line(bytes: &[u8]) -> bool {
    bytes.windows(2).any(|pair| pair == b"\n\n") || bytes.windows(3).any(|three| three == b"\n\r\n")
}

#[cfg(test)]
mod tests;
