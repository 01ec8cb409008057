//! Heads that are not as they should be: folded lines, which a client reads (RFC 9112,
//! 5.2), and the line that breaks a head, which is named. Only a head that could not
//! be parsed comes here.

use crate::engine::failure::ResponseError;
use dlt_core::safety::{REDACTED, is_secret};

/// Longest part of a line in a message, characters.
const LONGEST_SHOWN: usize = 60;

/// The head with its folded lines joined: line end and white space become spaces, so
/// that its length stays the same. None if there is nothing to join.
pub(super) fn unfolded(head: &[u8]) -> Option<Vec<u8>> {
    let mut joined = head.to_vec();
    let mut lines = 0;
    let mut folds = 0;
    for at in 0..head.len() {
        if head[at] != b'\n' {
            continue;
        }
        // The end of the head is a line end behind another.
        let before = head[..at].strip_suffix(b"\r").unwrap_or(&head[..at]);
        if lines > 0 && before.last() == Some(&b'\n') {
            break;
        }
        lines += 1;
        // White space before the first header belongs to none (RFC 9112, 2.2).
        if lines > 1 && matches!(head.get(at + 1), Some(b' ' | b'\t')) {
            joined[before.len()..=at].fill(b' ');
            folds += 1;
        }
    }
    (folds > 0).then_some(joined)
}

/// Which line breaks a head.
pub(super) fn malformed_head(head: &[u8]) -> ResponseError {
    if let Some(what) = other_protocol(head) {
        return ResponseError::Malformed(what);
    }
    let mut rest = head;
    let mut number = 0;
    while let Some(end) = rest.iter().position(|byte| *byte == b'\n') {
        let (line, after) = (&rest[..end], &rest[end + 1..]);
        let line = line.strip_suffix(b"\r").unwrap_or(line);
        number += 1;
        rest = after;
        if line.is_empty() && number > 1 {
            break;
        }
        let is_good = match number {
            1 => is_status_line(line),
            // It goes on the line before.
            3.. if matches!(line.first(), Some(b' ' | b'\t')) => true,
            _ => is_header(line),
        };
        if !is_good {
            let what = match number {
                1 => "no status line",
                _ => "no header",
            };
            let text = format!(
                "the head is not HTTP/1.x: line {number} is {what}: {}",
                shown(line)
            );
            return ResponseError::MalformedLine(text.into());
        }
    }
    // The line has not ended, or only the whole is wrong.
    ResponseError::Malformed("the head is not HTTP/1.x")
}

/// What else than HTTP/1 a server speaks, if its first bytes show it.
fn other_protocol(head: &[u8]) -> Option<&'static str> {
    match head {
        // A record of TLS: type, version 3.x (RFC 8446, 5.1).
        [0x14..=0x17, 3, 0..=4, ..] => {
            Some("in TLS, where http was asked for; does it speak https there?")
        }
        // A frame SETTINGS on stream 0 (RFC 9113, 6.5).
        [_, _, _, 4, 0 | 1, 0, 0, 0, 0, ..] => {
            Some("in HTTP/2 without TLS, where HTTP/1.1 was asked for (http: 2 speaks it)")
        }
        _ => None,
    }
}

fn is_status_line(line: &[u8]) -> bool {
    let text = [line, b"\r\n\r\n"].concat();
    httparse::Response::new(&mut []).parse(&text).is_ok()
}

fn is_header(line: &[u8]) -> bool {
    let text = [line, b"\r\n\r\n"].concat();
    httparse::parse_headers(&text, &mut [httparse::EMPTY_HEADER; 1])
        .is_ok_and(|parsed| parsed.is_complete())
}

/// A line for a message: escaped, shortened, without secrets.
fn shown(line: &[u8]) -> String {
    // White space before a name does not make it another one.
    let name = line.trim_ascii_start();
    let name = name.split(|byte| matches!(byte, b':' | b'=' | b' ')).next();
    let name = String::from_utf8_lossy(name.unwrap_or_default());
    if is_secret(&name) && name.len() < line.len() {
        return format!("\"{} {REDACTED}\"", name.escape_debug());
    }
    // Queries of links hold tokens.
    let plain = line.split(|byte| *byte == b'?').next().unwrap_or_default();
    let text = String::from_utf8_lossy(plain);
    match text.char_indices().nth(LONGEST_SHOWN) {
        Some((end, _)) => format!("{:?}…", &text[..end]),
        None if plain.len() < line.len() => format!("{text:?}…"),
        None => format!("{text:?}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn folded_lines_are_joined_with_spaces() {
        let head = b"HTTP/1.1 200 OK\r\nA: b\r\n c\r\n\td\r\nE: f\n  g\n\r\n body";
        let joined = unfolded(head).unwrap();
        assert_eq!(
            joined,
            b"HTTP/1.1 200 OK\r\nA: b   c  \td\r\nE: f   g\n\r\n body"
        );
        for head in [
            &b"HTTP/1.1 200 OK\r\nA: b\r\n\r\n c"[..],
            b"HTTP/1.1 200 OK\r\n A: b\r\n\r\n",
            b"",
        ] {
            assert_eq!(unfolded(head), None);
        }
    }

    #[test]
    fn the_line_that_breaks_a_head_is_named() {
        for (head, told) in [
            (
                "HTTP/1.1 200 OK\r\nA: b\r\nno colon here\r\n\r\n",
                "the head is not HTTP/1.x: line 3 is no header: \"no colon here\"",
            ),
            (
                "HTTP/2 200 OK\r\n\r\n",
                "the head is not HTTP/1.x: line 1 is no status line: \"HTTP/2 200 OK\"",
            ),
            (
                "HTTP/1.1 200 OK\r\n A: b\r\n\r\n",
                "the head is not HTTP/1.x: line 2 is no header: \" A: b\"",
            ),
            (
                "HTTP/1.1 200 OK\r\nA\u{1b}[2J: b\r\n\r\n",
                "the head is not HTTP/1.x: line 2 is no header: \"A\\u{1b}[2J: b\"",
            ),
            (
                "HTTP/1.1 200 OK\r\n Set-Cookie: sid=s3cret\r\n\r\n",
                "the head is not HTTP/1.x: line 2 is no header: \"Set-Cookie [redacted]\"",
            ),
            (
                "HTTP/1.1 302 Found\r\nLocation: /a?code=s3cret\u{1}\r\n\r\n",
                "the head is not HTTP/1.x: line 2 is no header: \"Location: /a\"…",
            ),
            (
                "HTTP/1.1 200 OK\r\nA: b\r\n c\r\nno colon\r\n\r\n",
                "the head is not HTTP/1.x: line 4 is no header: \"no colon\"",
            ),
            (
                "HTTP/1.1 200 OK\r\nSet-Cookie s3cret\r\n\r\n",
                "the head is not HTTP/1.x: line 2 is no header: \"Set-Cookie [redacted]\"",
            ),
        ] {
            assert_eq!(
                malformed_head(head.as_bytes()),
                ResponseError::MalformedLine(told.into())
            );
        }
        let long = format!("HTTP/1.1 200 OK\r\n{}\r\n\r\n", "x".repeat(500));
        let ResponseError::MalformedLine(told) = malformed_head(long.as_bytes()) else {
            panic!("no line");
        };
        assert!(told.len() < 140 && told.ends_with("x\"…"), "{told}");
    }
}
