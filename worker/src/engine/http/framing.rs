//! What the headers of a response say about its body and its connection (RFC 9112,
//! 6 and 9). `h1` reads the body accordingly.

use crate::engine::failure::ResponseError;
use httparse::Header;

#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Transfer {
    None,
    Chunked,
    Other,
}

/// What the headers say about the body and the connection.
pub(super) struct Framing {
    pub(super) length: Option<u64>,
    pub(super) transfer: Transfer,
    pub(super) keep_alive: Option<bool>,
    pub(super) location: Option<Box<[u8]>>,
    pub(super) sets_cookies: bool,
}

impl Framing {
    pub(super) fn of(headers: &[Header<'_>], status: u16) -> Result<Self, ResponseError> {
        let mut framing = Self {
            length: None,
            transfer: Transfer::None,
            keep_alive: None,
            location: None,
            sets_cookies: false,
        };
        for header in headers {
            // Most names differ in length, which saves comparisons.
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
        // The usual value, without splitting it.
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

    fn content_length(&mut self, value: &[u8]) -> Result<(), ResponseError> {
        for part in value.split(|&byte| byte == b',').map(trim) {
            let length = decimal(part).ok_or(ResponseError::Malformed(
                "its Content-Length is not a number",
            ))?;
            if self.length.is_some_and(|before| before != length) {
                return Err(ResponseError::Malformed(
                    "it has two different Content-Lengths",
                ));
            }
            self.length = Some(length);
        }
        Ok(())
    }
}

/// Whether a status is a redirect to follow; 300 and 304 are not.
pub(crate) fn is_redirect(status: u16) -> bool {
    matches!(status, 301 | 302 | 303 | 307 | 308)
}

/// Parses a number of digits alone; None for anything else, or beyond 64 bits.
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
