//! Secrets between marks: elements of XML, and parts of multipart forms.

use super::{Span, is_secret};
use std::ops::Range;

/// Both, of a text.
pub(super) fn find(text: &str) -> Vec<Span> {
    let mut found = elements(text);
    found.extend(attributes(text));
    found.extend(parts(text));
    found
}

/// `<password>S3</password>`: what stands between the tags, other elements with it.
fn elements(text: &str) -> Vec<Span> {
    let mut found = Vec::new();
    for (at, _) in text.match_indices('<') {
        let rest = &text[at + 1..];
        let in_tag = |c: char| c.is_alphanumeric() || matches!(c, ':' | '_' | '-' | '.');
        let tag = &rest[..rest.find(|c| !in_tag(c)).unwrap_or(rest.len())];
        let local = tag.rsplit(':').next().unwrap_or_default();
        if !is_secret(local) {
            continue;
        }
        let Some(end) = rest.find('>').filter(|end| !rest[..*end].ends_with('/')) else {
            continue;
        };
        let from = at + 1 + end + 1;
        let to = text[from..].find(&format!("</{tag}"));
        found.push(Span::new(
            local,
            from..to.map_or(text.len(), |to| from + to),
        ));
    }
    found
}

/// `<input name="password" value="S3">`: the value beside a name, in whichever order.
fn attributes(text: &str) -> Vec<Span> {
    let mut found = Vec::new();
    for (at, _) in text.match_indices('<') {
        let end = text[at + 1..].find(['<', '>']);
        let tag = at..end.map_or(text.len(), |end| at + 1 + end);
        let named = ["name", "id", "key"]
            .iter()
            .filter_map(|attribute| Some(&text[quoted(text, &tag, attribute)?]))
            .find(|name| is_secret(name));
        let value = quoted(text, &tag, "value");
        if let (Some(name), Some(value)) = (named, value) {
            found.push(Span::new(name, value));
        }
    }
    found
}

/// What stands in the quotes of an attribute of a tag.
fn quoted(text: &str, tag: &Range<usize>, attribute: &str) -> Option<Range<usize>> {
    let inside = &text[tag.clone()];
    let mut found = inside.match_indices(attribute);
    found.find_map(|(at, _)| {
        let is_word = inside[..at].ends_with(char::is_whitespace);
        let rest = inside[at + attribute.len()..].strip_prefix('=')?;
        let quote = rest
            .chars()
            .next()
            .filter(|c| is_word && matches!(c, '"' | '\''))?;
        let from = tag.start + at + attribute.len() + 2;
        let length = rest[1..].find(quote).unwrap_or(rest.len() - 1);
        Some(from..from + length)
    })
}

/// `form-data; name="password"`: what stands behind the blank line, to the next boundary.
fn parts(text: &str) -> Vec<Span> {
    let mut found = Vec::new();
    for (at, mark) in text.match_indices("name=\"") {
        let rest = &text[at + mark.len()..];
        let name = &rest[..rest.find('"').unwrap_or(rest.len())];
        let line = text[..at].rsplit(['\r', '\n']).next().unwrap_or_default();
        if !is_secret(name) || !line.to_ascii_lowercase().contains("form-data") {
            continue;
        }
        let blank = ["\r\n\r\n", "\n\n"]
            .iter()
            .filter_map(|blank| Some((rest.find(blank)?, blank.len())))
            .min();
        let Some((blank, length)) = blank else {
            continue;
        };
        let from = at + mark.len() + blank + length;
        let end = ["\r\n--", "\n--"]
            .iter()
            .filter_map(|boundary| text[from..].find(boundary))
            .min();
        found.push(Span::new(
            name,
            from..end.map_or(text.len(), |end| from + end),
        ));
    }
    found
}
