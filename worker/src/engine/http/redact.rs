//! Exchanges as they are saved for people: bounded, without secrets, without
//! control characters. What is a secret is decided by names alone: a header's,
//! a query parameter's, a URL's user.

use dlt_core::tally::{Exchange, LONGEST_EXCHANGE_BYTES};

const REDACTED: &str = "[redacted]";
/// Parts of header names whose values are secrets.
const SECRET_HEADERS: [&str; 10] = [
    "authorization",
    "cookie",
    "api-key",
    "apikey",
    "token",
    "secret",
    "password",
    "session",
    "signature",
    "credential",
];
/// Parts of query parameter names whose values are secrets.
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
/// Whole query parameter names whose values are secrets.
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
    let (head, body) = match text.find("\r\n\r\n") {
        Some(at) => text.split_at(at + 4),
        None => (&*text, ""),
    };
    let mut kept = String::new();
    for (n, line) in head.split_inclusive('\n').enumerate() {
        if n == 0 {
            push_words(&mut kept, line);
        } else {
            push_header(&mut kept, line);
        }
    }
    kept.push_str(body);
    readable(&kept)
}

/// The first line: a target may carry secrets in its query.
fn push_words(kept: &mut String, line: &str) {
    for word in line.split_inclusive(' ') {
        kept.push_str(&url(word));
    }
}

fn push_header(kept: &mut String, line: &str) {
    let Some((name, value)) = line.split_once(':') else {
        kept.push_str(line);
        return;
    };
    let lower = name.trim().to_ascii_lowercase();
    kept.push_str(name);
    kept.push(':');
    if SECRET_HEADERS.iter().any(|part| lower.contains(part)) {
        kept.push(' ');
        kept.push_str(REDACTED);
        kept.push_str("\r\n");
    } else {
        push_words(kept, value);
    }
}

/// A URL or target without its user and without secret query values; other
/// text as it is.
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
    let Some(question) = text.find('?') else {
        return text;
    };
    let (path, query) = text.split_at(question + 1);
    let mut kept = path.to_owned();
    for (n, pair) in query.split('&').enumerate() {
        if n > 0 {
            kept.push('&');
        }
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
    kept
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
            b"HTTP/1.1 302 Found\r\nSet-Cookie: S3\r\nLocation: https://me:S3@h/p?access_token=S3#f\r\nWWW-Authenticate: Basic\r\n\r\nbody\x07\ttext\r\n",
        );
        assert_eq!(
            saved.request,
            "GET /a?q=1&api_key=[redacted]&x=2&token=[redacted] HTTP/1.1\nHost: h\nAuthorization: [redacted]\nCookie: [redacted]\nX-Api-Key: [redacted]\nReferer: http://[redacted]@h/?sig=[redacted]\n\n"
        );
        assert_eq!(
            saved.response,
            "HTTP/1.1 302 Found\nSet-Cookie: [redacted]\nLocation: https://[redacted]@h/p?access_token=[redacted]\nWWW-Authenticate: Basic\n\nbody\u{fffd}\ttext\n"
        );
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
