//! Names for people, and tags. The stored form of a tag is left to `tags`.

use crate::scenario::document::notes::{Node, Notes};
use crate::scenario::limits::MOST_TAGS;
use crate::scenario::tags::normalise;

/// Why a text is not a display name (contract `DisplayName`), if it is not.
pub(crate) fn display_name(text: &str) -> Option<String> {
    name_of(3, text)
}

/// As `display_name`, of an entry of `scenarios`: Taurus's files name them freely.
pub(crate) fn scenario_name(text: &str) -> Option<String> {
    name_of(1, text)
}

fn name_of(least: usize, text: &str) -> Option<String> {
    let units = text.encode_utf16().count();
    if !(least..=255).contains(&units) {
        return Some(format!("must have {least} to 255 characters, not {units}"));
    }
    if text.starts_with(blank) || text.ends_with(blank) {
        return Some("must not begin or end with white space".to_owned());
    }
    if text.chars().any(unprintable) {
        return Some("must not hold control characters or line separators".to_owned());
    }
    None
}

/// A name like `wanted` that is a display name.
pub(crate) fn as_display_name(wanted: &str) -> String {
    let plain: String = wanted
        .chars()
        .filter(|c| !unprintable(*c))
        .take(120)
        .collect();
    let name = plain.trim_matches(blank);
    if display_name(name).is_none() {
        name.to_owned()
    } else {
        format!("load test {name}").trim_end().to_owned()
    }
}

/// White space as the contract's pattern sees it (`\s` of ECMAScript).
fn blank(c: char) -> bool {
    c.is_whitespace() || c == '\u{feff}'
}

fn unprintable(c: char) -> bool {
    c.is_control() || matches!(c, '\u{2028}' | '\u{2029}')
}

/// Reads tags into their stored form (contract `Tag`).
pub(crate) fn tags(node: &Node<'_>, notes: &mut Notes) -> Vec<String> {
    let mut tags: Vec<String> = Vec::new();
    for item in node.list(0..=MOST_TAGS, notes).unwrap_or_default() {
        let Some(text) = item.text(notes) else {
            continue;
        };
        match normalise([text]).pop() {
            None => notes.warn(
                &item.path,
                "is dropped: a tag is 1 to 50 letters, digits or hyphens",
            ),
            Some(tag) if !tags.contains(&tag) => tags.push(tag),
            Some(_) => {}
        }
    }
    tags
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_counted_as_the_clients_count() {
        assert_eq!(display_name("abc"), None);
        assert_eq!(display_name("Überlast: 3 € 🚀"), None);
        assert!(display_name("ab").is_some());
        // One emoji is two UTF-16 code units.
        assert!(display_name("🚀").is_some());
        assert!(display_name("🚀🚀").is_none());
        assert!(display_name(&"x".repeat(255)).is_none());
        assert!(display_name(&"x".repeat(256)).is_some());
        for bad in [
            " abc",
            "abc ",
            "a\nb",
            "ab\u{7f}c",
            "ab\u{2028}c",
            "\u{feff}abc",
        ] {
            assert!(display_name(bad).is_some(), "{bad:?}");
        }
    }

    #[test]
    fn any_default_becomes_a_name() {
        for (wanted, name) in [("shop", "shop"), ("a", "load test a"), (" \n", "load test")] {
            assert_eq!(as_display_name(wanted), name);
            assert_eq!(display_name(name), None);
        }
        assert_eq!(display_name(&as_display_name(&"🚀".repeat(200))), None);
    }
}
