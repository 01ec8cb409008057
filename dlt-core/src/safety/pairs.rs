//! Secrets behind a name and a sign: `name=value` of URLs and forms, `name: value` of
//! header lines and loose JSON, `Bearer value`. Whatever may belong to the value does.

use super::{Span, is_auth_scheme, is_secret};
use std::ops::Range;

/// Headers whose value is all of the line, wherever the line begins.
const WHOLE_LINE: [&str; 4] = [
    "authorization",
    "proxy-authorization",
    "cookie",
    "set-cookie",
];
/// Signs around a name or a value.
const QUOTES: [char; 4] = ['"', '\'', '`', '\\'];
/// Longest name that is looked at, bytes.
const LONGEST_NAME: usize = 128;

/// `password=S3`: what stands behind each `=` with a secret name.
pub(super) fn after_equals(text: &str) -> Vec<Span> {
    let mut found = Vec::new();
    let mut done = 0;
    for (at, _) in text.match_indices('=') {
        if at < done {
            continue;
        }
        let before = text[..at].trim_end_matches([' ', '\t']);
        let quoted = before.trim_end_matches(QUOTES);
        let name = decoded(name_before(
            quoted,
            &['_', '-', '.', '%', '~', '$', '[', ']'],
        ));
        if !is_secret(&name) {
            continue;
        }
        // `==` and `=~` compare.
        let from = at + 1 + leading(&text[at + 1..], |c| matches!(c, '=' | '~' | ' ' | '\t'));
        let range = value(text, from, &['&']);
        done = range.end;
        found.push(Span::new(&name, range));
    }
    found
}

/// `Authorization: S3`, `"token": "S3"`: what stands behind each `:` with a secret name.
pub(super) fn after_colon(text: &str) -> Vec<Span> {
    let mut found = Vec::new();
    let mut done = 0;
    for (at, _) in text.match_indices(':') {
        if at < done {
            continue;
        }
        let before = text[..at].trim_end_matches([' ', '\t']);
        let quoted = before.trim_end_matches(QUOTES);
        let name = name_before(quoted, &['_', '-', '.']);
        if !is_secret(name) || text[at + 1..].starts_with("//") {
            continue;
        }
        let start = quoted.len() - name.len();
        let from = at + 1 + leading(&text[at + 1..], |c| c == ' ' || c == '\t');
        let range = if quoted.len() < before.len() {
            // A member of JSON in a text; all that is beneath its name is secret.
            match text[from..].starts_with(['{', '[']) {
                true => from + 1..closing(text, from),
                false => value(text, from, &[',', '}']),
            }
        } else {
            line_value(text, start, from, name)
        };
        done = range.end;
        found.push(Span::new(name, range));
    }
    found
}

/// Where the bracket closes that opens here; the text's end if it is cut.
fn closing(text: &str, from: usize) -> usize {
    let (mut depth, mut in_string, mut escaped) = (0_usize, false, false);
    for (at, byte) in text.bytes().enumerate().skip(from) {
        match byte {
            _ if escaped => escaped = false,
            b'\\' => escaped = true,
            b'"' => in_string = !in_string,
            _ if in_string => {}
            b'{' | b'[' => depth += 1,
            b'}' | b']' => {
                depth = depth.saturating_sub(1);
                if depth == 0 {
                    return at;
                }
            }
            _ => {}
        }
    }
    text.len()
}

/// `next=http%3A%2F%2Fu%3AS3%40h`: each value behind a `=` that has secrets once its encoding is
/// undone, whole.
pub(super) fn encoded(text: &str, secrets: &dyn Fn(&str) -> Vec<Span>) -> Vec<Span> {
    let mut found = Vec::new();
    for (at, _) in text.match_indices('=') {
        let from = at + 1;
        let ends =
            |c: char| matches!(c, '&' | '=' | '#' | '"' | '\'' | '<' | '>') || c.is_whitespace();
        let end = text[from..].find(ends).map_or(text.len(), |end| from + end);
        let value = &text[from..end];
        if value.contains('%')
            && let Some(first) = secrets(&decoded_value(value)).first()
        {
            found.push(Span::new(&first.name, from..end));
        }
    }
    found
}

/// The value of a header: the line, or in the middle of other text its next words.
fn line_value(text: &str, start: usize, from: usize, name: &str) -> Range<usize> {
    let line_end = text[from..]
        .find(['\r', '\n'])
        .map_or(text.len(), |end| from + end);
    let line_start = text[..start].rfind(['\r', '\n']).map_or(0, |at| at + 1);
    let is_mark = |c: char| matches!(c, '>' | '<' | '*' | '-') || c.is_whitespace();
    let begins_line = text[line_start..start].chars().all(is_mark);
    // `-H 'Authorization: S3'` ends with its quote.
    let quote = text[..start].chars().next_back();
    let quote = quote.filter(|c| matches!(c, '"' | '\'' | '`'));
    if let Some(quote) = quote {
        let end = text[from..line_end].find(quote);
        return from..end.map_or(line_end, |end| from + end);
    }
    if begins_line || WHOLE_LINE.iter().any(|it| name.eq_ignore_ascii_case(it)) {
        return from..line_end;
    }
    let range = value(text, from, &[]);
    if is_auth_scheme(&text[range.clone()]) {
        let next = range.end + leading(&text[range.end..], |c| c == ' ');
        return value(text, next, &[]);
    }
    range
}

/// `Bearer S3`, `Basic S3`: the word behind such a word.
pub(super) fn after_scheme(text: &str) -> Vec<Span> {
    let lower = text.to_ascii_lowercase();
    let mut found = Vec::new();
    for scheme in ["bearer ", "basic "] {
        for (at, _) in lower.match_indices(scheme) {
            let is_word = !lower[..at].ends_with(|c: char| c.is_alphanumeric());
            if is_word {
                let from = at + scheme.len();
                let from = from + leading(&text[from..], |c| c == ' ');
                found.push(Span::new(scheme.trim_end(), value(text, from, &[])));
            }
        }
    }
    found
}

/// A value from here on: to the quote that closes it, or to what ends it, blanks and
/// one of `ends`.
fn value(text: &str, from: usize, ends: &[char]) -> Range<usize> {
    let rest = &text[from..];
    let escaped = rest.strip_prefix('\\').unwrap_or(rest);
    let opening = rest.len() - escaped.len();
    if let Some(quote @ ('"' | '\'' | '`')) = escaped.chars().next() {
        let from = from + opening + 1;
        let Some(end) = text[from..].find(quote).map(|end| from + end) else {
            return from..text.len();
        };
        if closes(&text[end + 1..]) {
            // The closing quote is escaped as the opening one was.
            let end = end - usize::from(opening > 0 && text[from..end].ends_with('\\'));
            return from..end;
        }
    }
    let is_markup = text.trim_start().starts_with('<');
    let mut signs = rest.char_indices();
    let end = signs.find(|(at, c)| {
        c.is_whitespace()
            || ends.contains(c)
            || is_markup && matches!(c, '<' | '>')
            // A password may have a quote in it: one at its end closes what it stands in.
            || *at > 0 && QUOTES.contains(c) && ends_here(&rest[*at..])
    });
    from..end.map_or(text.len(), |(end, _)| from + end)
}

/// Whether nothing but quotes is left of a word.
fn ends_here(rest: &str) -> bool {
    let next = rest.trim_start_matches(QUOTES).chars().next();
    next.is_none_or(char::is_whitespace)
}

/// Whether what follows a quote is no part of the value in it.
fn closes(rest: &str) -> bool {
    let next = rest.chars().next();
    next.is_none_or(|c| c.is_whitespace() || "&,;:)}]>/\\\"'`".contains(c))
}

/// The name that a text ends with.
fn name_before<'t>(text: &'t str, signs: &[char]) -> &'t str {
    let in_name = |c: char| c.is_alphanumeric() || signs.contains(&c);
    let mut start = text.len();
    for (at, c) in text.char_indices().rev() {
        if !in_name(c) || text.len() - at > LONGEST_NAME {
            break;
        }
        start = at;
    }
    &text[start..]
}

/// A name with its percent-encoding undone.
fn decoded(name: &str) -> String {
    let parsed = url::form_urlencoded::parse(name.as_bytes()).next();
    parsed.map_or_else(String::new, |(name, _)| name.into_owned())
}

/// A value with its percent-encoding undone.
fn decoded_value(value: &str) -> String {
    decoded(&format!("{value}="))
}

/// How many bytes of a text are such signs.
fn leading(text: &str, is: impl Fn(char) -> bool) -> usize {
    text.len() - text.trim_start_matches(is).len()
}
