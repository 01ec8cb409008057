//! How an HTTP/1.x answer is read: a state machine over bytes, without sockets,
//! clocks or tasks, so any split of the bytes gives the same answer (a property
//! test holds it to that). Bodies are counted, and kept only if asked for.
//!
//! What an answer means (ok, redirect, failure) is decided by those who asked.

use crate::engine::failure::Fault;
use crate::engine::http::kept::{Kept, Wants};
use httparse::{Header, ParserConfig, Response};
use std::mem::MaybeUninit;

/// Longest head, status line to blank line; servers rarely accept more either.
pub(crate) const LONGEST_HEAD_BYTES: usize = 64 * 1024;
/// Most header lines of a head.
const MOST_HEADERS: usize = 128;
/// Longest chunk-size line with its extensions.
const LONGEST_CHUNK_LINE_BYTES: u16 = 4 * 1024;
/// Longest trailer section.
const LONGEST_TRAILERS_BYTES: u32 = 16 * 1024;
/// Most interim (1xx) answers before the real one.
const MOST_INTERIM: u8 = 16;
/// Until here a partial head is parsed at every arrival, so that what is not
/// HTTP is noticed at once; beyond, only when a blank line came (no quadratic work).
const EAGER_HEAD_BYTES: usize = 1024;

/// How far the bytes went.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Progress {
    /// The answer is not complete.
    More,
    /// The answer is complete; so many of the bytes given belong to it.
    Done(usize),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    Head,
    Length(u64),
    Chunked(Chunk),
    UntilClose,
    Done,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Chunk {
    Size { value: u64, digits: u8 },
    Extension(u64),
    SizeLf(u64),
    Data(u64),
    DataCr,
    DataLf,
    TrailerStart,
    Trailer,
    TrailerLf,
    EndLf,
}

/// One answer being read.
#[derive(Debug)]
pub(crate) struct Answer {
    state: State,
    /// A head that came in pieces; empty (and not allocated) otherwise.
    partial: Vec<u8>,
    /// Where a redirect points.
    location: Option<Box<[u8]>>,
    /// What was asked for; nothing is allocated otherwise.
    kept: Option<Box<Kept>>,
    wants: Wants,
    received: u64,
    /// Bytes of the current chunk line or of the trailers.
    line_bytes: u32,
    status: u16,
    interim: u8,
    to_head: bool,
    keep_alive: bool,
}

impl Answer {
    /// An answer to come; `to_head`: to a HEAD request, so without a body.
    pub(crate) fn new(to_head: bool) -> Self {
        Self {
            state: State::Head,
            partial: Vec::new(),
            location: None,
            kept: None,
            wants: Wants::default(),
            received: 0,
            line_bytes: 0,
            status: 0,
            interim: 0,
            to_head,
            keep_alive: false,
        }
    }

    /// The same, keeping what is wanted.
    pub(crate) fn keeping(mut self, wants: Wants) -> Self {
        self.wants = wants;
        self
    }

    /// What was kept.
    pub(crate) fn take_kept(&mut self) -> Option<Box<Kept>> {
        self.kept.take()
    }

    /// The status, once the head is read.
    pub(crate) fn status(&self) -> Option<u16> {
        (self.status != 0).then_some(self.status)
    }

    /// Bytes read that belong to it.
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

    /// Takes the next bytes of the connection.
    #[inline]
    pub(crate) fn feed(&mut self, bytes: &[u8]) -> Result<Progress, Fault> {
        let mut at = 0;
        loop {
            let rest = &bytes[at..];
            match self.state {
                State::Done => {
                    self.received += at as u64;
                    return Ok(Progress::Done(at));
                }
                _ if rest.is_empty() => {
                    self.received += at as u64;
                    return Ok(Progress::More);
                }
                State::Head => at += self.head(rest)?,
                State::Length(left) => {
                    let used = left.min(rest.len() as u64);
                    self.keep_body(&rest[..used as usize]);
                    at += used as usize;
                    self.state = match left - used {
                        0 => State::Done,
                        left => State::Length(left),
                    };
                }
                State::Chunked(chunk) => at += self.chunked(chunk, rest)?,
                State::UntilClose => {
                    self.keep_body(rest);
                    at += rest.len();
                }
            }
        }
    }

    /// The peer closed.
    pub(crate) fn end(&mut self) -> Result<(), Fault> {
        match self.state {
            State::UntilClose | State::Done => {
                self.state = State::Done;
                Ok(())
            }
            // A head that was never finished may not have been HTTP at all.
            State::Head if !self.partial.is_empty() => {
                let partial = std::mem::take(&mut self.partial);
                self.parse_head(&partial)?;
                Err(Fault::Closed)
            }
            _ => Err(Fault::Closed),
        }
    }

    /// Reads a head or a part of it; how many bytes were used.
    fn head(&mut self, bytes: &[u8]) -> Result<usize, Fault> {
        if self.partial.is_empty() {
            return match self.parse_head(bytes)? {
                Some(length) => Ok(length),
                None if bytes.len() > LONGEST_HEAD_BYTES => {
                    Err(Fault::TooLarge("a head of more than 64 KB"))
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
                Err(Fault::TooLarge("a head of more than 64 KB"))
            }
            None => Ok(taken),
        }
    }

    /// Understands a head if it is complete: sets what follows, gives its length.
    fn parse_head(&mut self, bytes: &[u8]) -> Result<Option<usize>, Fault> {
        let mut headers = [const { MaybeUninit::<Header<'_>>::uninit() }; MOST_HEADERS];
        let mut head = Response::new(&mut []);
        let parsed = ParserConfig::default().parse_response_with_uninit_headers(
            &mut head,
            bytes,
            &mut headers,
        );
        let length = match parsed {
            Ok(httparse::Status::Complete(length)) => length,
            Ok(httparse::Status::Partial) => return Ok(None),
            Err(httparse::Error::TooManyHeaders) => {
                return Err(Fault::TooLarge("more than 128 header lines"));
            }
            Err(_) => return Err(Fault::Malformed("the head is not HTTP/1.x")),
        };
        if length > LONGEST_HEAD_BYTES {
            return Err(Fault::TooLarge("a head of more than 64 KB"));
        }
        let status = head.code.unwrap_or(0);
        match status {
            100..=199 if status != 101 => {
                self.interim += 1;
                return match self.interim {
                    0..=MOST_INTERIM => Ok(Some(length)),
                    _ => Err(Fault::Malformed("more than 16 interim answers")),
                };
            }
            200..=999 => {}
            101 => return Err(Fault::Malformed("it switches protocols unasked")),
            _ => return Err(Fault::Malformed("the status is below 100")),
        }
        let framing = Framing::of(head.headers, status)?;
        self.status = status;
        if self.wants.head || self.wants.body || (framing.sets_cookies && self.wants.cookies) {
            let kept = self.kept.get_or_insert_default();
            kept.take_head(self.wants, &bytes[..length], head.headers);
        }
        self.location = framing.location;
        self.keep_alive = framing.keep_alive.unwrap_or(head.version == Some(1));
        let bodyless = self.to_head || status == 204 || status == 304;
        self.state = match (framing.transfer, framing.length) {
            _ if bodyless => State::Done,
            (Transfer::Chunked, length) => {
                // Both framings at once: read on, but trust the connection no more.
                self.keep_alive &= length.is_none();
                self.line_bytes = 0;
                State::Chunked(Chunk::Size {
                    value: 0,
                    digits: 0,
                })
            }
            (Transfer::None, Some(0)) => State::Done,
            (Transfer::None, Some(length)) => State::Length(length),
            (Transfer::None, None) | (Transfer::Other, _) => {
                self.keep_alive = false;
                State::UntilClose
            }
        };
        Ok(Some(length))
    }

    #[inline]
    fn keep_body(&mut self, bytes: &[u8]) {
        if self.wants.body
            && let Some(kept) = &mut self.kept
        {
            kept.take_body(bytes);
        }
    }

    /// Reads chunked framing until data or the end is met; bytes used.
    fn chunked(&mut self, mut chunk: Chunk, bytes: &[u8]) -> Result<usize, Fault> {
        let mut at = 0;
        while let Some(&byte) = bytes.get(at) {
            if let Chunk::Data(left) = chunk {
                let used = left.min((bytes.len() - at) as u64);
                self.keep_body(&bytes[at..at + used as usize]);
                at += used as usize;
                chunk = match left - used {
                    0 => Chunk::DataCr,
                    left => Chunk::Data(left),
                };
                continue;
            }
            at += 1;
            chunk = self.chunk_byte(chunk, byte)?;
            if chunk == Chunk::END {
                self.state = State::Done;
                return Ok(at);
            }
        }
        self.state = State::Chunked(chunk);
        Ok(at)
    }

    /// One byte of framing.
    fn chunk_byte(&mut self, chunk: Chunk, byte: u8) -> Result<Chunk, Fault> {
        self.line_bytes += 1;
        let after_size = |value| match value {
            0 => Chunk::TrailerStart,
            size => Chunk::Data(size),
        };
        match (chunk, byte) {
            (Chunk::Size { value, digits }, _) if byte.is_ascii_hexdigit() => {
                let digit = char::from(byte).to_digit(16).unwrap_or(0);
                match digits {
                    // 15 digits are 2^60 bytes; more is nobody's body.
                    0..15 => Ok(Chunk::Size {
                        value: value << 4 | u64::from(digit),
                        digits: digits + 1,
                    }),
                    _ => Err(Fault::Malformed("a chunk size of more than 15 digits")),
                }
            }
            (Chunk::Size { digits: 0, .. }, _) => {
                Err(Fault::Malformed("a chunk size is not hexadecimal"))
            }
            (Chunk::Size { value, .. } | Chunk::Extension(value), b'\r') => {
                Ok(Chunk::SizeLf(value))
            }
            (Chunk::Size { value, .. }, b';' | b' ' | b'\t') => Ok(Chunk::Extension(value)),
            (Chunk::Size { .. }, _) => Err(Fault::Malformed("a chunk size is not hexadecimal")),
            (Chunk::Extension(_), b'\n') => Err(Fault::Malformed("a chunk line ends without CR")),
            (Chunk::Extension(value), _) if self.line_bytes <= LONGEST_CHUNK_LINE_BYTES.into() => {
                Ok(Chunk::Extension(value))
            }
            (Chunk::Extension(_), _) => Err(Fault::TooLarge("a chunk line of more than 4 KB")),
            (Chunk::SizeLf(value), b'\n') => {
                self.line_bytes = 0;
                Ok(after_size(value))
            }
            (Chunk::DataCr, b'\r') => Ok(Chunk::DataLf),
            (Chunk::DataLf, b'\n') => {
                self.line_bytes = 0;
                Ok(Chunk::Size {
                    value: 0,
                    digits: 0,
                })
            }
            (Chunk::TrailerStart, b'\r') => Ok(Chunk::EndLf),
            (Chunk::EndLf, b'\n') => Ok(Chunk::END),
            (Chunk::TrailerStart | Chunk::Trailer, b'\n') => {
                Err(Fault::Malformed("a trailer ends without CR"))
            }
            (Chunk::TrailerStart | Chunk::Trailer, _)
                if self.line_bytes > LONGEST_TRAILERS_BYTES =>
            {
                Err(Fault::TooLarge("trailers of more than 16 KB"))
            }
            (Chunk::Trailer, b'\r') => Ok(Chunk::TrailerLf),
            (Chunk::TrailerStart | Chunk::Trailer, _) => Ok(Chunk::Trailer),
            (Chunk::TrailerLf, b'\n') => Ok(Chunk::TrailerStart),
            _ => Err(Fault::Malformed("chunked framing is broken")),
        }
    }
}

impl Chunk {
    /// Stands for "the last byte was read"; data of zero bytes never occurs.
    const END: Self = Self::Data(0);
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Transfer {
    None,
    Chunked,
    Other,
}

/// What the headers say about the body and the connection.
struct Framing {
    length: Option<u64>,
    transfer: Transfer,
    keep_alive: Option<bool>,
    location: Option<Box<[u8]>>,
    sets_cookies: bool,
}

impl Framing {
    fn of(headers: &[Header<'_>], status: u16) -> Result<Self, Fault> {
        let mut framing = Self {
            length: None,
            transfer: Transfer::None,
            keep_alive: None,
            location: None,
            sets_cookies: false,
        };
        for header in headers {
            // The length tells most headers apart without a comparison.
            match header.name.len() {
                8 if is_redirect(status) && header.name.eq_ignore_ascii_case("location") => {
                    framing.location.get_or_insert_with(|| header.value.into());
                }
                10 if header.name.eq_ignore_ascii_case("connection") => {
                    framing.connection(header.value);
                }
                10 if header.name.eq_ignore_ascii_case("set-cookie") => {
                    framing.sets_cookies = true;
                }
                14 if header.name.eq_ignore_ascii_case("content-length") => {
                    framing.content_length(header.value)?;
                }
                17 if header.name.eq_ignore_ascii_case("transfer-encoding") => {
                    let last = header.value.rsplit(|&byte| byte == b',').next();
                    let chunked =
                        last.is_some_and(|coding| trim(coding).eq_ignore_ascii_case(b"chunked"));
                    framing.transfer = if chunked {
                        Transfer::Chunked
                    } else {
                        Transfer::Other
                    };
                }
                _ => {}
            }
        }
        Ok(framing)
    }

    fn connection(&mut self, value: &[u8]) {
        // What nearly every answer says, without a look at its parts.
        if value == b"keep-alive" {
            self.keep_alive.get_or_insert(true);
            return;
        }
        for token in value.split(|&byte| byte == b',').map(trim) {
            if token.eq_ignore_ascii_case(b"close") {
                self.keep_alive = Some(false);
            } else if token.eq_ignore_ascii_case(b"keep-alive") {
                self.keep_alive.get_or_insert(true);
            }
        }
    }

    fn content_length(&mut self, value: &[u8]) -> Result<(), Fault> {
        for part in value.split(|&byte| byte == b',').map(trim) {
            let length =
                decimal(part).ok_or(Fault::Malformed("its Content-Length is not a number"))?;
            if self.length.is_some_and(|before| before != length) {
                return Err(Fault::Malformed("it has two different Content-Lengths"));
            }
            self.length = Some(length);
        }
        Ok(())
    }
}

/// Whether a status asks to go elsewhere (300 and 304 do not by themselves).
pub(crate) fn is_redirect(status: u16) -> bool {
    matches!(status, 301 | 302 | 303 | 307 | 308)
}

/// A number of digits alone; None for anything else, or beyond 64 bits.
fn decimal(digits: &[u8]) -> Option<u64> {
    if digits.is_empty() {
        return None;
    }
    digits.iter().try_fold(0u64, |value, byte| match byte {
        b'0'..=b'9' => value.checked_mul(10)?.checked_add(u64::from(byte - b'0')),
        _ => None,
    })
}

fn trim(bytes: &[u8]) -> &[u8] {
    bytes.trim_ascii()
}

fn has_blank_line(bytes: &[u8]) -> bool {
    bytes.windows(2).any(|pair| pair == b"\n\n") || bytes.windows(3).any(|three| three == b"\n\r\n")
}

#[cfg(test)]
mod tests;
