//! The target of a request (RFC 9112, 3.2.1): path and query byte for byte as they are
//! written, and what the value of a variable may do to them. The URL standard, which
//! finds the host, would resolve `..` and turn `\\` into `/`.

use crate::routing::percent_decoded;
use std::borrow::Cow;

/// Path and query of an absolute URL, as they are sent: as written, without the
/// fragment; what is not ASCII is percent-encoded (RFC 3987, 3.1).
pub fn request_target(url: &str) -> Result<String, String> {
    let (host, rest) = url.split_at(authority_end(url));
    if host.contains('\\') {
        return Err("has a backslash before its path: write /".to_owned());
    }
    let rest = rest.split('#').next().unwrap_or_default();
    let mut target = String::with_capacity(rest.len() + 1);
    if !rest.starts_with('/') {
        target.push('/');
    }
    for c in rest.chars() {
        match c {
            ' ' => return Err("has a space, which ends a request's target: write %20".to_owned()),
            c if c.is_control() => return Err("has control characters".to_owned()),
            c => push(&mut target, c, c.is_ascii()),
        }
    }
    Ok(target)
}

fn push(text: &mut String, c: char, as_it_is: bool) {
    if as_it_is {
        text.push(c);
        return;
    }
    for byte in c.encode_utf8(&mut [0; 4]).bytes() {
        text.push_str(&format!("%{byte:02X}"));
    }
}

/// Whether a host stands where one is wanted. The URL standard takes what comes behind any
/// number of slashes as the host: of `http:///admin` that is `admin`.
pub fn has_host(url: &str) -> bool {
    let rest = url.split_once("://").map_or("", |(_, rest)| rest);
    !rest.is_empty() && !rest.starts_with(['/', '\\', '?', '#'])
}

/// Where the path, query or fragment of a URL begins, bytes.
pub fn authority_end(url: &str) -> usize {
    let from = url.find("://").map_or(0, |at| at + 3);
    let end = url[from..].find(['/', '?', '#']);
    end.map_or(url.len(), |at| from + at)
}

/// The value of a variable as it is put behind `before`, the text of a URL so far.
/// What cannot stand there as data is percent-encoded, and what would change the host
/// or path that the URL has without it is refused. `at_end`: nothing follows it.
pub fn url_value<'v>(before: &str, value: &'v str, at_end: bool) -> Result<Cow<'v, str>, String> {
    if before.is_empty() {
        // It may be the whole URL, as a link in an answer is.
        if !at_end && value.contains('#') {
            return Err("has a #, behind which nothing of the URL would be sent".to_owned());
        }
        return Ok(Cow::Borrowed(value));
    }
    let in_host = authority_end(before) == before.len() && before.contains("://");
    // Behind a host or port it begins the path; where a host is wanted, it would take its place.
    let begins_path = in_host && !before.ends_with("://") && value.starts_with(['/', '?']);
    if in_host && !begins_path && value.contains(['/', '?', '#', '\\', '@']) {
        return Err(
            "stands in the host and holds /, ?, #, @ or a backslash, which would end it".to_owned(),
        );
    }
    let in_query = before[authority_end(before)..].contains('?');
    Ok(target_value(value, in_query || at_end))
}

/// The value of a variable as it is put into a path or query; `keeps_question_mark`: a ? in it does not end a path
/// that something follows.
pub fn target_value(value: &str, keeps_question_mark: bool) -> Cow<'_, str> {
    let must_go = |c: char| match c {
        // No URI has them (RFC 3986, 2): a value is data, and not written by a person as a URL.
        ' ' | '#' | '"' | '<' | '>' | '`' | '{' | '}' => true,
        '?' => !keeps_question_mark,
        c => !c.is_ascii(),
    };
    if !value.contains(must_go) {
        return Cow::Borrowed(value);
    }
    let mut encoded = String::with_capacity(value.len() + 8);
    for c in value.chars() {
        push(&mut encoded, c, !must_go(c));
    }
    Cow::Owned(encoded)
}

/// How many segments of a target's path lead nowhere or upwards, `.` and `..`, however
/// they are encoded: servers differ in what they decode.
pub fn dot_segments(target: &str) -> usize {
    let path = target.split(['?', '#']).next().unwrap_or_default();
    // Most paths have none at a glance.
    if !path.contains(['.', '%']) {
        return 0;
    }
    let mut plain = path.to_ascii_lowercase();
    // Twice, since a server may decode twice.
    for _ in 0..2 {
        for (code, sign) in [("%25", "%"), ("%2e", "."), ("%2f", "/"), ("%5c", "\\")] {
            plain = plain.replace(code, sign);
        }
    }
    let segments = plain.split(['/', '\\']);
    segments
        .filter(|segment| {
            // A path parameter may follow: `..;x`.
            let name = segment.split(';').next().unwrap_or_default();
            matches!(name, "." | "..")
        })
        .count()
}

/// A URL without its user and password, and these, percent-decoded (RFC 3986, 3.2.1).
pub fn without_user(url: &str) -> (Cow<'_, str>, Option<(String, String)>) {
    let end = authority_end(url);
    let Some(from) = url.find("://").map(|at| at + 3).filter(|from| *from <= end) else {
        return (Cow::Borrowed(url), None);
    };
    // A backslash is a mistake that is told elsewhere.
    let Some(at) = url[from..end].rfind('@') else {
        return (Cow::Borrowed(url), None);
    };
    let user = &url[from..from + at];
    let (name, password) = user.split_once(':').unwrap_or((user, ""));
    let plain = format!("{}{}", &url[..from], &url[from + at + 1..]);
    (
        Cow::Owned(plain),
        Some((percent_decoded(name), percent_decoded(password))),
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn a_target_is_what_was_written() {
        for (url, target) in [
            ("http://h", "/"),
            ("http://h:1?a=b", "/?a=b"),
            ("http://h/a/../b/./c//d", "/a/../b/./c//d"),
            ("http://h/%2e%2E/a%2fb", "/%2e%2E/a%2fb"),
            ("http://h/a\\b;v=1?c='d'|e#f", "/a\\b;v=1?c='d'|e"),
            ("http://h/x?u=http://i/../j?k", "/x?u=http://i/../j?k"),
            ("http://h/ü?€", "/%C3%BC?%E2%82%AC"),
            ("https://h/{a}\"<b>^`", "/{a}\"<b>^`"),
        ] {
            assert_eq!(request_target(url).as_deref(), Ok(target), "{url}");
        }
        for url in ["http://h/a b", "http://h/a\u{7f}", "http://h\\a"] {
            assert!(request_target(url).is_err(), "{url}");
        }
    }

    #[test]
    fn values_stay_where_they_are_put() {
        for (before, value, at_end, put) in [
            ("", "http://h/a?b#c", true, Ok("http://h/a?b#c")),
            ("http://h/users/", "7", false, Ok("7")),
            ("http://h/users/", "a/b", false, Ok("a/b")),
            ("http://h/users/", "a?b#c d", false, Ok("a%3Fb%23c%20d")),
            ("http://h/", "\"<a>{b}`", true, Ok("%22%3Ca%3E%7Bb%7D%60")),
            ("http://h/", "a?b=c", true, Ok("a?b=c")),
            ("http://h/x?q=", "a?b#é", false, Ok("a?b%23%C3%A9")),
            ("http://h:80", "/a", false, Ok("/a")),
            ("http://h", "?a", true, Ok("?a")),
            ("http://", "h.example:81", false, Ok("h.example:81")),
            ("http://", "h/a", false, Err(())),
            ("http://", "/evil.example", false, Err(())),
            ("https://", "?evil", true, Err(())),
            ("", "http://h/a#b", false, Err(())),
            ("http://", "me@h", false, Err(())),
            ("http://h:8", "0?", false, Err(())),
        ] {
            let got = url_value(before, value, at_end).map_err(|_| ());
            assert_eq!(
                got.as_deref(),
                put.as_ref().map(|put| *put),
                "{before} {value}"
            );
        }
    }

    #[test]
    fn segments_that_lead_upwards_are_found_however_they_are_written() {
        for target in [
            "/a/../b",
            "/..",
            "/a/.%2E/b",
            "/a/%252e%252e/b",
            "/a/..%2fb",
            "/a/..\\b",
            "/a/..;x/b",
            "/./",
        ] {
            assert_eq!(dot_segments(target), 1, "{target}");
        }
        for target in ["/a/..b/c", "/...", "/a?b=/../c", "/a.b/.c"] {
            assert_eq!(dot_segments(target), 0, "{target}");
        }
    }

    #[test]
    fn a_user_is_taken_out_of_a_url() {
        for (url, plain, user) in [
            ("http://u:p@h:1/a@b", "http://h:1/a@b", Some(("u", "p"))),
            ("http://u%40x:p%3Aq%2F@h", "http://h", Some(("u@x", "p:q/"))),
            ("http://u@h/", "http://h/", Some(("u", ""))),
            ("http://u:p:q@r@h/", "http://h/", Some(("u", "p:q@r"))),
            ("http://u:${pw}@${h}/", "http://${h}/", Some(("u", "${pw}"))),
            ("http://h/?a=u:p@b", "http://h/?a=u:p@b", None),
            ("/a@b", "/a@b", None),
        ] {
            let (got, found) = without_user(url);
            assert_eq!(got, plain);
            let found = found
                .as_ref()
                .map(|(name, password)| (name.as_str(), password.as_str()));
            assert_eq!(found, user, "{url}");
        }
    }

    proptest! {
        /// A URL of ASCII signs goes out byte for byte.
        #[test]
        fn every_visible_sign_is_kept(path in "/[!-\"$->@-~]{0,30}", query in "[!-\"$-~]{0,30}") {
            let target = request_target(&format!("http://h{path}?{query}"));
            prop_assert_eq!(target, Ok(format!("{path}?{query}")));
        }

        /// Whatever the value, the path up to it and behind it is there.
        #[test]
        fn no_value_cuts_a_path(value in "[ -~é]{0,20}") {
            let put = url_value("http://h/a/", &value, false).unwrap();
            let target = request_target(&format!("http://h/a/{put}/b?c")).unwrap();
            prop_assert!(target.starts_with("/a/") && target.ends_with("/b?c"));
            prop_assert_eq!(target.matches('?').count(), 1);
        }
    }
}
