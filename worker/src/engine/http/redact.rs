//! Exchanges as they are saved for people: bounded, without secrets, without
//! control characters. A secret is recognised by a name (of a header, of a query
//! or fragment parameter, of a body's member, the user of a URL), or by its value
//! if the scenario uses it as a secret.

use super::spellings;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use dlt_core::measure::tally::{Exchange, LONGEST_EXCHANGE_BYTES};
use dlt_core::safety::{REDACTED, behind_scheme, is_secret, redacted_text};
use regex::{Captures, Regex};
use std::borrow::Cow;
use std::sync::LazyLock;

/// Most bytes that are redacted: more than any head that a server accepts.
const LONGEST_INPUT_BYTES: usize = 512 * 1024;
/// Shortest value of a request that is taken for a secret wherever it stands, bytes: a shorter one
/// stands in too many texts.
const SHORTEST_SENT_BYTES: usize = 4;
/// Members of JSON objects and pairs of forms: name, what is between, value.
static MEMBERS: LazyLock<Option<Regex>> = LazyLock::new(|| {
    let json = r#""([^"\\]{1,64})"(\s*:\s*)("(?:[^"\\]|\\.)*"?|[^\s"\[{,}\]]+)"#;
    let form = r#"\b([A-Za-z0-9_.\-]{1,64})(=)([^&\s"'<>;,]+)"#;
    // Both are constant and tested: compiling them fails only without memory.
    Regex::new(&format!("{json}|{form}")).ok()
});

/// Redacts an exchange: the request's head and what was received. `secrets` are
/// values that both must not hold, beside those that the request was sent with.
pub(crate) fn redact_exchange(request_head: &[u8], response: &[u8], secrets: &[&str]) -> Exchange {
    let sent = sent_secrets(request_head);
    let all = secrets
        .iter()
        .copied()
        .chain(sent.iter().map(String::as_str));
    let all: Vec<&str> = all.collect();
    let side = |bytes| redact_side(bytes, &all, LONGEST_EXCHANGE_BYTES).0;
    Exchange {
        request: side(request_head),
        response: side(response),
    }
}

/// Redacts one side of an exchange, head and body, to at most `longest` bytes; and whether it was
/// longer.
pub(crate) fn redact_side(bytes: &[u8], secrets: &[&str], longest: usize) -> (String, bool) {
    // Cut only afterwards: redacting shortens the text, and half a secret would
    // not be recognised.
    let text = String::from_utf8_lossy(&bytes[..bytes.len().min(LONGEST_INPUT_BYTES)]);
    let mut kept = String::new();
    let mut rest = &*text;
    loop {
        let (head, after) = split_head(rest);
        push_head(&mut kept, head);
        rest = after;
        // Interim responses precede the final one.
        if !is_interim(head) {
            break;
        }
    }
    // The first knows texts of all forms, and that a member names the value of another one: it
    // comes before the second, which would take that name for a value.
    kept.push_str(&redact_members(&redacted_text(rest)));
    let (text, is_cut) = readable(&redact_values(&kept, secrets), longest);
    (text, is_cut || bytes.len() > LONGEST_INPUT_BYTES)
}

/// Redacts the members of a body whose names say that they are secret.
pub(crate) fn redact_members(text: &str) -> Cow<'_, str> {
    let Some(members) = MEMBERS.as_ref() else {
        return Cow::Borrowed("");
    };
    members.replace_all(text, |found: &Captures<'_>| {
        let part = |n: usize| found.get(n).map(|part| part.as_str());
        let (name, between) = (part(1).or(part(4)), part(2).or(part(5)));
        match (name, between) {
            (Some(name), Some(between)) if is_secret(name) => {
                let quote = if part(1).is_some() { "\"" } else { "" };
                format!("{quote}{name}{quote}{between}{quote}{REDACTED}{quote}")
            }
            _ => found[0].to_owned(),
        }
    })
}

/// Redacts values in a sentence about a failure; names of hosts stand there in lower case.
pub(crate) fn redact_message(text: &str, secrets: &[&str]) -> String {
    let lower: Vec<String> = secrets.iter().map(|secret| secret.to_lowercase()).collect();
    let all = secrets
        .iter()
        .copied()
        .chain(lower.iter().map(String::as_str));
    redact_values(text, &all.collect::<Vec<_>>())
}

/// Redacts values, wherever and however spelled they stand in a text.
pub(crate) fn redact_values(text: &str, secrets: &[&str]) -> String {
    let mut kept = String::with_capacity(text.len());
    let mut at = 0;
    for secret in spellings::find(text, secrets) {
        kept.push_str(&text[at..secret.start]);
        kept.push_str(REDACTED);
        at = secret.end;
    }
    kept.push_str(&text[at..]);
    kept
}

/// The secrets of a request as it was sent: values of its URL's parameters and of its headers whose
/// names say so, and the password that a log-in holds.
fn sent_secrets(head: &[u8]) -> Vec<String> {
    let head = String::from_utf8_lossy(&head[..head.len().min(LONGEST_INPUT_BYTES)]);
    let mut lines = head.lines();
    let target = lines.next().and_then(|line| line.split(' ').nth(1));
    let pairs = target.unwrap_or_default().split(['?', '&', '#']);
    let pairs = pairs.filter_map(|pair| pair.split_once('='));
    let headers = lines.filter_map(|line| line.split_once(':'));
    // Cookies are known one by one.
    let headers = headers.filter(|header| !header.0.eq_ignore_ascii_case("cookie"));
    let mut found: Vec<String> = Vec::new();
    for (name, value) in pairs.chain(headers) {
        if !is_secret(name) {
            continue;
        }
        let value = value.trim();
        let behind = behind_scheme(value).unwrap_or(value);
        // RFC 7617: user and password.
        let login = STANDARD.decode(behind).ok();
        let login = login.and_then(|login| String::from_utf8(login).ok());
        let password = login.as_deref().and_then(|login| login.split_once(':'));
        found.extend([value, behind].map(str::to_owned));
        found.extend(password.map(|(_, password)| password.to_owned()));
    }
    found.retain(|value| value.len() >= SHORTEST_SENT_BYTES);
    found
}

/// Splits a head with its blank line from what follows. Blank lines before a head
/// do not end it: parsers skip them.
fn split_head(text: &str) -> (&str, &str) {
    let blank = text.len() - text.trim_start_matches(['\r', '\n']).len();
    match text[blank..].find("\r\n\r\n") {
        Some(at) => text.split_at(blank + at + 4),
        None => (text, ""),
    }
}

/// Whether it is the head of a 1xx response.
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

/// Appends words of a line; a word may be a URL with secrets.
fn push_words(kept: &mut String, line: &str) {
    for word in line.split_inclusive(' ') {
        kept.push_str(&redacted_text(&redact_url(word)));
    }
}

/// Appends a header line; returns whether its value is a secret.
fn push_header(kept: &mut String, line: &str) -> bool {
    let Some((name, value)) = line.split_once(':') else {
        kept.push_str(line);
        return false;
    };
    kept.push_str(name);
    kept.push(':');
    let secret = is_secret(name);
    if secret {
        kept.push(' ');
        kept.push_str(REDACTED);
        kept.push_str("\r\n");
    } else {
        push_words(kept, value);
    }
    secret
}

/// Redacts the user of a URL and secret values in its query and fragment. Other
/// text stays as it is.
pub(crate) fn redact_url(text: &str) -> String {
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
            // A space or line break ends the word and does not belong to the value.
            let end = value.trim_end_matches([' ', '\r', '\n']).len();
            kept.push_str(&value[end..]);
        }
        _ => kept.push_str(pair),
    }
}

/// Bounded, line ends as LF, other control characters replaced; and whether it was longer.
fn readable(text: &str, longest: usize) -> (String, bool) {
    let mut kept = String::with_capacity(text.len().min(longest));
    for character in text.replace("\r\n", "\n").chars() {
        let character = match character {
            '\n' | '\t' => character,
            _ if character.is_control() => '\u{fffd}',
            _ => character,
        };
        if kept.len() + character.len_utf8() > longest {
            return (kept, true);
        }
        kept.push(character);
    }
    (kept, false)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn secrets_are_redacted_and_the_rest_stays() {
        let saved = redact_exchange(
            b"GET /a?q=1&api_key=S3&x=2&token=S3 HTTP/1.1\r\nHost: h\r\nAuthorization: Basic S3\r\nCookie: S3\r\nX-Api-Key:S3\r\nReferer: http://u:S3@h/?sig=S3\r\n\r\n",
            b"HTTP/1.1 302 Found\r\nSet-Cookie: S3\r\nLocation: https://me:S3@h/p?access_token=S3#f\r\nServer: s\r\n\r\nbody\x07\ttext\r\n",
            &[],
        );
        assert_eq!(
            saved.request,
            "GET /a?q=1&api_key=[redacted]&x=2&token=[redacted] HTTP/1.1\nHost: h\nAuthorization: [redacted]\nCookie: [redacted]\nX-Api-Key: [redacted]\nReferer: http://[redacted]@h/?sig=[redacted]\n\n"
        );
        assert_eq!(
            saved.response,
            "HTTP/1.1 302 Found\nSet-Cookie: [redacted]\nLocation: https://[redacted]@h/p?access_token=[redacted]\nServer: s\n\nbody\u{fffd}\ttext\n"
        );
    }

    /// The rule of core for whole texts holds here, too.
    #[test]
    fn secrets_of_bodies_of_any_form_are_redacted() {
        for body in [
            "<login><password>S3</password></login>",
            "[{\"name\": \"password\", \"value\": \"S3\"}]",
            "[{\"key\":\"password\",\"value\":\"S3\"}]",
            "{\"token\":{\"value\":\"S3\"}}",
            "{\"token\":{\"value\":\"S3\"},\"x\":\"cut",
            "[{\"key\":\"password\",\"value\":\"S3\"},{\"x\":\"cut",
            "--b\r\nContent-Disposition: form-data; name=\"token\"\r\n\r\nS3\r\n--b--\r\n",
        ] {
            let sent = format!("POST / HTTP/1.1\r\nHost: h\r\n\r\n{body}");
            let came = format!("HTTP/1.1 200 OK\r\n\r\n{body}");
            let saved = redact_exchange(sent.as_bytes(), came.as_bytes(), &[]);
            for side in [&saved.request, &saved.response] {
                assert!(
                    side.contains("[redacted]") && !side.contains("S3"),
                    "{side}"
                );
            }
        }
    }

    #[test]
    fn secrets_after_interim_responses_are_redacted() {
        let saved = redact_exchange(
            b"GET / HTTP/1.1\r\n\r\n",
            b"\r\n\r\nHTTP/1.1 103 Early\r\nLink: </a>\r\n\r\nHTTP/1.1 100\r\n\r\nHTTP/1.1 500 No\r\nSet-Cookie: S3;\r\n\tS3\r\nVia: a\r\n b\r\n\r\nHTTP/1.1 100 is text here\r\n",
            &[],
        );
        assert_eq!(
            saved.response,
            "\n\nHTTP/1.1 103 Early\nLink: </a>\n\nHTTP/1.1 100\n\nHTTP/1.1 500 No\nSet-Cookie: [redacted]\nVia: a\n b\n\nHTTP/1.1 100 is text here\n"
        );
    }

    #[test]
    fn headers_that_name_a_secret_are_redacted() {
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
            let saved = redact_exchange(head.as_bytes(), b"", &[]);
            assert!(!saved.request.contains("S3"), "{}", saved.request);
        }
    }

    #[test]
    fn secret_values_are_redacted_wherever_they_stand() {
        let saved = redact_exchange(
            b"GET /reset/t0ps3cret/x HTTP/1.1\r\nX-Any: a t0ps3cret b\r\nX-Enc: p%2Fq%2Frs\r\n\r\n",
            b"HTTP/1.1 200 OK\r\n\r\n{\"echo\": \"t0ps3cret\", \"end\": \"t0ps3c",
            &["t0ps3cret", "p/q/rs"],
        );
        assert_eq!(
            saved.request,
            "GET /reset/[redacted]/x HTTP/1.1\nX-Any: a [redacted] b\nX-Enc: [redacted]\n\n"
        );
        assert!(
            saved
                .response
                .ends_with("{\"echo\": \"[redacted]\", \"end\": \"[redacted]")
        );
    }

    /// A target shows what it was sent as its format has it.
    #[test]
    fn secret_values_are_redacted_in_each_form() {
        let secret = "a<b>&\"é'/\\ü:x";
        for shown in [
            secret,
            "a%3Cb%3E%26%22%C3%A9%27%2F%5C%C3%BC%3Ax",
            "a%3cb%3e%26%22%c3%a9%27%2f%5c%c3%bc%3ax",
            "a<b>&\\\"é'/\\\\ü:x",
            "a<b>&\\\"\\u00e9'/\\\\\\u00fc:x",
            "a<b>&\\\"\\u00E9'/\\\\\\u00FC:x",
            "a<b>&\\\"é'\\/\\\\ü:x",
            "a&lt;b&gt;&amp;&quot;é&#39;/\\ü:x",
            "a&lt;b&gt;&amp;&quot;é&#x27;/\\ü:x",
        ] {
            assert_eq!(
                redact_values(&format!("it said {shown}!"), &[secret]),
                "it said [redacted]!",
                "{shown}"
            );
        }
    }

    /// What was sent under a name that says that it is secret may come back under any name.
    #[test]
    fn secrets_of_the_request_as_it_was_sent_are_redacted_wherever_they_are_echoed() {
        for (sent, shown) in [
            ("GET /?password=XY%2FZ+1&a=open HTTP/1.1", "you are XY/Z 1"),
            ("GET /?password=XY%2FZ+1&a=open HTTP/1.1", "at XY%2fZ%201"),
            ("GET /a#token=XYZW HTTP/1.1", "XYZW"),
            (
                "GET / HTTP/1.1\r\nAuthorization: Basic bWU6cGEvc3M=",
                "bWU6cGEvc3M=",
            ),
            (
                "GET / HTTP/1.1\r\nAuthorization: Basic bWU6cGEvc3M=",
                "the password pa/ss",
            ),
            (
                "GET / HTTP/1.1\r\nproxy-authorization: basic bWU6cGEvc3M=",
                "pa&#x2F;ss, pa\\/ss",
            ),
            (
                "GET / HTTP/1.1\r\nX-Api-Key:k-12345",
                "it was k\\u002d12345",
            ),
        ] {
            let head = format!("{sent}\r\nHost: h\r\n\r\n");
            let body = format!("HTTP/1.1 500 No\r\n\r\n{shown}; open");
            let saved = redact_exchange(head.as_bytes(), body.as_bytes(), &[]);
            let echoed = saved.response.strip_prefix("HTTP/1.1 500 No\n\n").unwrap();
            for part in ["XY", "bWU6", "pa/", "pa&", "pa\\", "12345"] {
                assert!(!echoed.contains(part), "{echoed}");
            }
            assert!(echoed.ends_with("[redacted]; open"), "{echoed}");
        }
    }

    #[test]
    fn heads_hold_no_secret_that_the_rule_of_texts_knows() {
        for target in [
            "/x?redirect=http://x:S3@h/",
            "/x?a=1&redirect=http%3A%2F%2Fx%3AS3%40h%2F",
            "/x?next=%2Fy%3Ftoken%3DS3",
        ] {
            let sent = format!("GET {target} HTTP/1.1\r\nReferer: http://h{target}\r\n\r\n");
            let saved = redact_exchange(sent.as_bytes(), b"", &[]);
            assert!(!saved.request.contains("S3"), "{}", saved.request);
            assert!(saved.request.ends_with("\n\n"), "{}", saved.request);
        }
    }

    #[test]
    fn members_of_a_body_that_name_a_secret_are_redacted() {
        for (text, expected) in [
            (
                r#"{"id":1,"access_token" : "a\"S3","pwd":5,"x":"y"}"#,
                r#"{"id":1,"access_token" : "[redacted]","pwd":"[redacted]","x":"y"}"#,
            ),
            (r#"{"token":{"id":1}}"#, r#"{"token":{"id":1}}"#),
            (r#"{"token":"S3"#, r#"{"token":"[redacted]""#),
            ("a=b&password=S3&c=d", "a=b&password=[redacted]&c=d"),
        ] {
            assert_eq!(redact_members(text), expected);
        }
    }

    #[test]
    fn secrets_in_fragments_are_redacted() {
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
            assert_eq!(redact_url(text), expected);
        }
    }

    proptest! {
        #[test]
        fn any_bytes_are_bounded_and_clean(bytes in prop::collection::vec(any::<u8>(), 0..6000)) {
            let saved = redact_exchange(&bytes, &bytes, &["abcdef"]);
            for text in [saved.request, saved.response] {
                prop_assert!(text.len() <= LONGEST_EXCHANGE_BYTES);
                prop_assert!(!text.chars().any(|c| c.is_control() && c != '\n' && c != '\t'));
            }
        }
    }
}
