//! Regular expressions and JSONPaths, checked and compiled when a scenario is
//! read. Trying them on answers is left to the engine.

use crate::scenario::document::notes::{Node, Notes, shown};
use crate::scenario::limits::{DEEPEST_QUERY, LARGEST_PATTERN_BYTES, LONGEST_PATTERN};
use regex::bytes::{Regex, RegexBuilder};
use serde_json_path::JsonPath;

/// A regular expression of the crate `regex`: no look-around, linear time.
#[derive(Debug, Clone)]
pub struct Pattern {
    text: String,
    regex: Regex,
}

/// A JSONPath of RFC 9535.
#[derive(Debug, Clone)]
pub struct JsonQuery {
    text: String,
    path: JsonPath,
}

impl Pattern {
    /// Compiles a text; why it cannot be.
    pub fn compile(text: &str) -> Result<Self, String> {
        Self::of(text, text)
    }

    /// Compiles a text that has to match the whole of what it is tried on.
    pub fn whole(text: &str) -> Result<Self, String> {
        Self::of(text, &format!("^(?:{text})$"))
    }

    fn of(text: &str, compiled: &str) -> Result<Self, String> {
        let regex = RegexBuilder::new(compiled)
            .size_limit(LARGEST_PATTERN_BYTES)
            .dfa_size_limit(LARGEST_PATTERN_BYTES)
            .build()
            .map_err(|error| match error {
                regex::Error::CompiledTooBig(_) => {
                    format!("is a regular expression of more than {LARGEST_PATTERN_BYTES} bytes once compiled; make its repetitions smaller")
                }
                // The crate draws the place over several lines; its last is the reason.
                other => {
                    let text = other.to_string();
                    let last = text.lines().last().unwrap_or_default();
                    let why = last.trim_start_matches("error: ");
                    format!("is not a regular expression: {why}")
                }
            })?;
        Ok(Self {
            text: text.to_owned(),
            regex,
        })
    }

    /// The expression as the scenario has it.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// The compiled expression.
    pub fn regex(&self) -> &Regex {
        &self.regex
    }
}

impl PartialEq for Pattern {
    fn eq(&self, other: &Self) -> bool {
        self.regex.as_str() == other.regex.as_str()
    }
}

impl Eq for Pattern {}

impl JsonQuery {
    /// Compiles a text; why it cannot be.
    pub fn compile(text: &str) -> Result<Self, String> {
        if depth(text) > DEEPEST_QUERY {
            return Err(format!(
                "is nested deeper than {DEEPEST_QUERY} brackets; write it flatter"
            ));
        }
        let path = JsonPath::parse(text).map_err(|error| {
            format!(
                "is not a JSONPath as RFC 9535 has it, like $.items[0].id: {error}; it is {}",
                shown(text)
            )
        })?;
        Ok(Self {
            text: text.to_owned(),
            path,
        })
    }

    /// The JSONPath as the scenario has it.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// The compiled JSONPath.
    pub fn path(&self) -> &JsonPath {
        &self.path
    }
}

impl PartialEq for JsonQuery {
    fn eq(&self, other: &Self) -> bool {
        self.text == other.text
    }
}

/// How deep brackets of any kind are nested; those in strings count too.
fn depth(text: &str) -> usize {
    let (mut depth, mut deepest) = (0usize, 0);
    for byte in text.bytes() {
        match byte {
            b'(' | b'[' => depth += 1,
            b')' | b']' => depth = depth.saturating_sub(1),
            _ => {}
        }
        deepest = deepest.max(depth);
    }
    deepest
}

/// Reads a regular expression; with `whole` it has to match all of a text.
pub(crate) fn pattern(node: &Node<'_>, whole: bool, notes: &mut Notes) -> Option<Pattern> {
    let text = node.sized_text(1..=LONGEST_PATTERN, notes)?;
    pattern_of(text, whole, node, notes)
}

/// As `pattern`, of a text that stands at `node`.
pub(crate) fn pattern_of(
    text: &str,
    whole: bool,
    node: &Node<'_>,
    notes: &mut Notes,
) -> Option<Pattern> {
    if !notes.one_more_pattern(node.shown_path()) {
        return None;
    }
    let compiled = if whole {
        Pattern::whole(text)
    } else {
        Pattern::compile(text)
    };
    compiled.map_err(|reason| node.fault(notes, reason)).ok()
}

/// Reads a JSONPath.
pub(crate) fn query(node: &Node<'_>, notes: &mut Notes) -> Option<JsonQuery> {
    let text = node.sized_text(1..=LONGEST_PATTERN, notes)?;
    if !notes.one_more_pattern(node.shown_path()) {
        return None;
    }
    JsonQuery::compile(text)
        .map_err(|reason| node.fault(notes, reason))
        .ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn what_is_wrong_is_said_on_one_line() {
        for text in ["(a", "[z-a]", "a{2000}{2000}", "(?<x>a)(?<x>b)", "\\8"] {
            let reason = Pattern::compile(text).unwrap_err();
            assert!(!reason.contains('\n'), "{reason}");
        }
        assert!(Pattern::whole("a|b").unwrap().regex().is_match(b"b"));
        assert!(!Pattern::whole("a|b").unwrap().regex().is_match(b"bc"));
        assert!(JsonQuery::compile("items[0]").is_err());
        assert!(JsonQuery::compile("$.items[?@.price < 10].id").is_ok());
        let deep = format!("$[?{}@.a{}]", "@[?".repeat(16), "]".repeat(16));
        let reason = JsonQuery::compile(&deep).unwrap_err();
        assert!(reason.contains("deeper"), "{reason}");
    }

    proptest! {
        #[test]
        fn any_text_is_answered(text in "[$@.?*()\\[\\]{}|a-c0-9'\"\\\\!=<>&,: ]{0,40}") {
            let _ = Pattern::compile(&text);
            let _ = Pattern::whole(&text);
            let _ = JsonQuery::compile(&text);
        }
    }
}
