//! The secrets of a text, found by the names of what it holds: user and password of
//! URLs, parameters, header lines, members of JSON, elements of XML, parts of forms.
//! What is in doubt is a secret. Which names are is `safety`'s; how each notation is
//! read is left to the modules beside.

use super::{REDACTED, Span, is_reference, json_text, markup, pairs};

/// The secrets of a text, in order; none overlaps another.
pub fn spans(text: &str) -> Vec<Span> {
    let mut found = match json_text::find(text, &spans) {
        Some(found) if found.is_whole => found.spans,
        Some(found) => [found.spans, loose(text)].concat(),
        None => loose(text),
    };
    found.retain(|span| {
        let value = &text[span.range.clone()];
        !is_reference(value) && !is_status(&span.name, value)
    });
    merged(found)
}

/// The secrets of a text that is no JSON as a whole.
fn loose(text: &str) -> Vec<Span> {
    let mut found = of_text(text);
    // Values of parameters that are texts of their own, once encoded: a URL in a URL.
    found.extend(pairs::encoded(text, &of_text));
    found
}

/// Those that stand in a text as it is.
fn of_text(text: &str) -> Vec<Span> {
    let mut found = users(text);
    found.extend(pairs::after_equals(text));
    found.extend(pairs::after_colon(text));
    found.extend(pairs::after_scheme(text));
    found.extend(markup::find(text));
    found
}

/// Statuses of HTTP that have a meaning (IANA's registry, 2025).
const STATUSES: [std::ops::RangeInclusive<u16>; 9] = [
    100..=103,
    200..=208,
    226..=226,
    300..=308,
    400..=418,
    421..=426,
    428..=431,
    451..=451,
    500..=511,
];

/// Whether a `code` is a status of HTTP: what an error is told by, and no log-in's.
fn is_status(name: &str, value: &str) -> bool {
    let status = value.parse().ok().filter(|_| value.len() == 3);
    name == "code"
        && status.is_some_and(|status: u16| STATUSES.iter().any(|range| range.contains(&status)))
}

/// A text without its secrets.
pub fn redacted_text(text: &str) -> String {
    let mut shown = String::with_capacity(text.len());
    let mut at = 0;
    for span in spans(text) {
        shown.push_str(&text[at..span.range.start]);
        let quote = if span.bare { "\"" } else { "" };
        shown.extend([quote, REDACTED, quote]);
        at = span.range.end;
    }
    shown.push_str(&text[at..]);
    shown
}

/// A text whose placeholders are the secrets of another one again: all of it if it is
/// that one redacted, else each by its name and its place among those of that name. A
/// placeholder without such a secret stays.
pub fn with_secrets_of(text: &str, stored: &str) -> String {
    if redacted_text(stored) == text {
        return stored.to_owned();
    }
    let known = spans(stored);
    let mut whole = String::with_capacity(text.len());
    let mut at = 0;
    let here = spans(text);
    for (n, span) in here.iter().enumerate() {
        if text[span.range.clone()] != *REDACTED {
            continue;
        }
        let nth = here[..n].iter().filter(|it| it.name == span.name).count();
        let Some(secret) = known.iter().filter(|it| it.name == span.name).nth(nth) else {
            continue;
        };
        // A number had no quotes; its placeholder has.
        let is_quoted =
            text[..span.range.start].ends_with('"') && text[span.range.end..].starts_with('"');
        let quotes = usize::from(secret.bare && is_quoted);
        let (from, to) = (span.range.start - quotes, span.range.end + quotes);
        whole.push_str(&text[at..from]);
        whole.push_str(&stored[secret.range.clone()]);
        at = to;
    }
    whole.push_str(&text[at..]);
    whole
}

/// User and password of each URL.
fn users(text: &str) -> Vec<Span> {
    let mut found = Vec::new();
    for (at, _) in text.match_indices("//") {
        let from = at + 2;
        let ends = |c: char| matches!(c, '/' | '?' | '#' | '"' | '<' | '>') || c.is_whitespace();
        let end = text[from..].find(ends).map_or(text.len(), |end| from + end);
        if let Some(at) = text[from..end].rfind('@') {
            found.push(Span::new("user of a url", from..from + at));
        }
    }
    found
}

/// In order, and joined where they overlap.
fn merged(mut found: Vec<Span>) -> Vec<Span> {
    found.retain(|span| !span.range.is_empty());
    found.sort_by_key(|span| (span.range.start, usize::MAX - span.range.end));
    let mut merged: Vec<Span> = Vec::with_capacity(found.len());
    for span in found {
        match merged.last_mut() {
            Some(last) if span.range.start < last.range.end => {
                last.range.end = last.range.end.max(span.range.end);
            }
            _ => merged.push(span),
        }
    }
    merged
}

#[cfg(test)]
mod tests;
