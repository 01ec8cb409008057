//! Exchanges as they are saved for people: bounded, without secrets, without
//! control characters. What is a secret is decided by names alone: a header's,
//! a query or fragment parameter's, a URL's user.

use dlt_core::tally::{Exchange, LONGEST_EXCHANGE_BYTES};

const REDACTED: &str = "[redacted]";
/// Parts of header names whose values are secrets.
const SECRET_HEADERS: [&str; 11] = [
    "auth",
    "cookie",
    "-key",
    "apikey",
    "token",
    "secret",
    "passw",
    "session",
    "signature",
    "credential",
    "jwt",
];
/// Parts of query and fragment parameter names whose values are secrets.
const SECRET_PARAMETERS: [&str; 12] = [
    "token",
    "secret",
    "passw",
    "pwd",
    "apikey",
    "api_key",
    "api-key",
    "auth",
    "signature",
    "credential",
    "session",
    "jwt",
];
/// Whole query and fragment parameter names whose values are secrets.
const SECRET_NAMES: [&str; 4] = ["key", "sig", "code", "pass"];

/// An exchange as it may be kept: the request's head, what came back.
pub(crate) fn exchange(request_head: &[u8], response: &[u8]) -> Exchange {
    Exchange {
        request: side(request_head),
        response: side(response),
    }
}

fn side(bytes: &[u8]) -> String {
    // Twice the room: redacting shortens, and a secret must not survive by
    // being cut in half.
    let text = String::from_utf8_lossy(&bytes[..bytes.len().min(2 * LONGEST_EXCHANGE_BYTES)]);
    let mut kept = String::new();
    let mut rest = &*text;
    loop {
        let (head, after) = head_of(rest);
        push_head(&mut kept, head);
        rest = after;
        // Interim answers come before the one whose headers matter.
        if !is_interim(head) {
            break;
        }
    }
    kept.push_str(rest);
    readable(&kept)
}

/// The head with its blank line, and what follows. Blank lines before a head
/// do not end it: parsers skip them.
fn head_of(text: &str) -> (&str, &str) {
    let blank = text.len() - text.trim_start_matches(['\r', '\n']).len();
    match text[blank..].find("\r\n\r\n") {
        Some(at) => text.split_at(blank + at + 4),
        None => (text, ""),
    }
}

/// Whether it is the head of a 1xx answer.
fn is_interim(head: &str) -> bool {
    let mut words = head.trim_start().splitn(3, [' ', '\r', '\n']);
    words.next().is_some_and(|word| word.starts_with("HTTP/"))
        && words.next().is_some_and(|status| status.starts_with('1'))
}

fn push_head(kept: &mut String, head: &str) {
    let blank = head.len() - head.trim_start_matches(['\r', '\n']).len();
    let (blank, lines) = head.split_at(blank);
    kept.push_str(blank);
    let mut secret = false;
    for (n, line) in lines.split_inclusive('\n').enumerate() {
        if n == 0 {
            push_words(kept, line);
        } else if line.starts_with([' ', '\t']) {
            // A folded line belongs to the header above it.
            if !secret {
                push_words(kept, line);
            }
        } else {
            secret = push_header(kept, line);
        }
    }
}

/// The first line: a target may carry secrets in its query.
fn push_words(kept: &mut String, line: &str) {
    for word in line.split_inclusive(' ') {
        kept.push_str(&url(word));
    }
}

/// A header line; whether its value is a secret.
fn push_header(kept: &mut String, line: &str) -> bool {
    let Some((name, value)) = line.split_once(':') else {
        kept.push_str(line);
        return false;
    };
    let lower = name.trim().to_ascii_lowercase();
    kept.push_str(name);
    kept.push(':');
    let secret = SECRET_HEADERS.iter().any(|part| lower.contains(part));
    if secret {
        kept.push(' ');
        kept.push_str(REDACTED);
        kept.push_str("\r\n");
    } else {
        push_words(kept, value);
    }
    secret
}

/// A URL or target without its user and without secret values in query and
/// fragment; other text as it is.
pub(crate) fn url(text: &str) -> String {
    let mut text = text.to_owned();
    if let Some(scheme) = text.find("://") {
        let from = scheme + 3;
        let to = text[from..]
            .find(['/', '?', '#'])
            .map_or(text.len(), |at| from + at);
        if let Some(at) = text[from..to].rfind('@') {
            text.replace_range(from..from + at, REDACTED);
        }
    }
    let Some(from) = text.find(['?', '#']) else {
        return text;
    };
    let (path, parameters) = text.split_at(from);
    let mut kept = path.to_owned();
    let ends = |character| matches!(character, '?' | '#' | '&');
    for part in parameters.split_inclusive(ends) {
        let (pair, end) = part.split_at(part.trim_end_matches(ends).len());
        push_pair(&mut kept, pair);
        kept.push_str(end);
    }
    kept
}

fn push_pair(kept: &mut String, pair: &str) {
    match pair.split_once('=') {
        Some((name, value)) if is_secret(name) => {
            kept.push_str(name);
            kept.push('=');
            kept.push_str(REDACTED);
            // What ends the word (a space, the line) is not the value's.
            let end = value.trim_end_matches([' ', '\r', '\n']).len();
            kept.push_str(&value[end..]);
        }
        _ => kept.push_str(pair),
    }
}

fn is_secret(name: &str) -> bool {
    let lower = name.to_ascii_lowercase();
    SECRET_NAMES.contains(&lower.as_str())
        || SECRET_PARAMETERS.iter().any(|part| lower.contains(part))
}

/// Bounded, line ends as LF, other control characters replaced.
fn readable(text: &str) -> String {
    let mut kept = String::with_capacity(text.len().min(LONGEST_EXCHANGE_BYTES));
    for character in text.replace("\r\n", "\n").chars() {
        let character = match character {
            '\n' | '\t' => character,
            _ if character.is_control() => '\u{fffd}',
            _ => character,
        };
        if kept.len() + character.len_utf8() > LONGEST_EXCHANGE_BYTES {
            break;
        }
        kept.push(character);
    }
    kept
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn secrets_go_and_the_rest_stays() {
        let saved = exchange(
            b"GET /a?q=1&api_key=S3&x=2&token=S3 HTTP/1.1\r\nHost: h\r\nAuthorization: Basic S3\r\nCookie: S3\r\nX-Api-Key:S3\r\nReferer: http://u:S3@h/?sig=S3\r\n\r\n",
            b"HTTP/1.1 302 Found\r\nSet-Cookie: S3\r\nLocation: https://me:S3@h/p?access_token=S3#f\r\nServer: s\r\n\r\nbody\x07\ttext\r\n",
        );
        assert_eq!(
            saved.request,
            "GET /a?q=1&api_key=[redacted]&x=2&token=[redacted] HTTP/1.1\nHost: h\nAuthorization: [redacted]\nCookie: [redacted]\nX-Api-Key: [redacted]\nReferer: http://[redacted]@h/?sig=[redacted]\n\n"
        );
        assert_eq!(
            saved.response,
            "HTTP/1.1 302 Found\nSet-Cookie: [redacted]\nLocation: https://[redacted]@h/p?access_token=[redacted]#f\nServer: s\n\nbody\u{fffd}\ttext\n"
        );
    }

    #[test]
    fn secrets_behind_interim_answers_go() {
        let saved = exchange(
            b"GET / HTTP/1.1\r\n\r\n",
            b"\r\n\r\nHTTP/1.1 103 Early\r\nLink: </a>\r\n\r\nHTTP/1.1 100\r\n\r\nHTTP/1.1 500 No\r\nSet-Cookie: S3;\r\n\tS3\r\nVia: a\r\n b\r\n\r\nHTTP/1.1 100 is text here\r\n",
        );
        assert_eq!(
            saved.response,
            "\n\nHTTP/1.1 103 Early\nLink: </a>\n\nHTTP/1.1 100\n\nHTTP/1.1 500 No\nSet-Cookie: [redacted]\nVia: a\n b\n\nHTTP/1.1 100 is text here\n"
        );
    }

    #[test]
    fn headers_that_name_a_secret_go() {
        for name in [
            "Authentication-Info",
            "X-Auth",
            "X-Goog-Iam-Authority-Selector",
            "Ocp-Apim-Subscription-Key",
            "X-Functions-Key",
            "ApiKey",
            "X-Passwd",
            "X-JWT-Assertion",
            "X-Amz-Security-Token",
            "Client-Secret",
            "Session-Id",
            "Cookie2",
        ] {
            let head = format!("GET / HTTP/1.1\r\n{name}: S3\r\n\r\n");
            let saved = exchange(head.as_bytes(), b"");
            assert!(!saved.request.contains("S3"), "{}", saved.request);
        }
    }

    #[test]
    fn secrets_in_fragments_go() {
        for (text, expected) in [
            (
                "http://h/#access_token=S3&x=1",
                "http://h/#access_token=[redacted]&x=1",
            ),
            ("/a?token=S3#f", "/a?token=[redacted]#f"),
            ("/a?q=1#?jwt=S3", "/a?q=1#?jwt=[redacted]"),
            ("/a?b?secret=S3&&c", "/a?b?secret=[redacted]&&c"),
            ("/a#b\r\n", "/a#b\r\n"),
        ] {
            assert_eq!(url(text), expected);
        }
    }

    proptest! {
        #[test]
        fn any_bytes_are_bounded_and_clean(bytes in prop::collection::vec(any::<u8>(), 0..6000)) {
            let saved = exchange(&bytes, &bytes);
            for text in [saved.request, saved.response] {
                prop_assert!(text.len() <= LONGEST_EXCHANGE_BYTES);
                prop_assert!(!text.chars().any(|c| c.is_control() && c != '\n' && c != '\t'));
            }
        }
    }
}
