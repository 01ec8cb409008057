//! Regular expressions and JSONPaths, checked and compiled when a scenario is
//! read. Trying them on answers is left to the engine.

use crate::scenario::document::notes::{Node, Notes};
use crate::scenario::document::shown::shown;
use crate::scenario::limits::{DEEPEST_QUERY, LARGEST_PATTERN_BYTES, LONGEST_PATTERN};
use crate::value::{NotJson, Value};
use regex::bytes::{Regex, RegexBuilder};
use serde_json_path::{JsonPath, PathElement};
use std::cell::OnceCell;

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
    /// Its steps, if it is of the plainest kind: `$.items[0].id`.
    plain: Option<Vec<PlainStep>>,
}

/// A step of a plain JSONPath.
#[derive(Debug, Clone, PartialEq, Eq)]
enum PlainStep {
    Name(String),
    Index(usize),
}

/// An answer's JSON, as queries look at it.
#[derive(Debug)]
pub struct JsonDocument {
    value: Value,
    /// With machine's numbers, which filters compare; made when first needed.
    compared: OnceCell<serde_json::Value>,
}

impl JsonDocument {
    /// Reads a text, however large or small its numbers are.
    pub fn read(text: &str) -> Result<Self, NotJson> {
        Ok(Self {
            value: Value::from_json(text)?,
            compared: OnceCell::new(),
        })
    }
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
            plain: plain_steps(text),
            path,
        })
    }

    /// The JSONPath as the scenario has it.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// The values that it leads to, in order, with the text of their numbers.
    pub fn find<'a>(&self, document: &'a JsonDocument) -> Vec<&'a Value> {
        if let Some(steps) = &self.plain {
            let found = steps
                .iter()
                .try_fold(&document.value, |value, step| match step {
                    PlainStep::Name(name) => value.get(name),
                    PlainStep::Index(at) => value.as_array()?.get(*at),
                });
            return found.into_iter().collect();
        }
        let compared = document.compared.get_or_init(|| document.value.to_serde());
        let found = self.path.query_located(compared);
        let locations = found.locations();
        // Both trees have the same places.
        locations
            .filter_map(|location| {
                location
                    .iter()
                    .try_fold(&document.value, |value, element| match element {
                        PathElement::Name(name) => value.get(name),
                        PathElement::Index(at) => value.as_array()?.get(*at),
                    })
            })
            .collect()
    }
}

impl PartialEq for JsonQuery {
    fn eq(&self, other: &Self) -> bool {
        self.text == other.text
    }
}

/// The steps of a JSONPath that is made of `.name` and `[0]` alone. All others are
/// left to the library, whose meaning these have as well.
fn plain_steps(text: &str) -> Option<Vec<PlainStep>> {
    let mut rest = text.strip_prefix('$')?;
    let mut steps = Vec::new();
    while !rest.is_empty() {
        let (step, after) = match rest.strip_prefix('[') {
            Some(inside) => {
                let (digits, after) = inside.split_once(']')?;
                if !digits.bytes().all(|byte| byte.is_ascii_digit()) {
                    return None;
                }
                (PlainStep::Index(digits.parse().ok()?), after)
            }
            None => {
                let inside = rest.strip_prefix('.')?;
                let is_name = |c: char| c.is_ascii_alphanumeric() || c == '_';
                let end = inside.find(|c| !is_name(c)).unwrap_or(inside.len());
                let (name, after) = inside.split_at(end);
                if name.is_empty() {
                    return None;
                }
                (PlainStep::Name(name.to_owned()), after)
            }
        };
        steps.push(step);
        rest = after;
    }
    Some(steps)
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

    fn found(path: &str, json: &str) -> Vec<String> {
        let document = JsonDocument::read(json).unwrap();
        let query = JsonQuery::compile(path).unwrap();
        let values = query.find(&document);
        values
            .iter()
            .map(|value| value.text().into_owned())
            .collect()
    }

    #[test]
    fn what_is_found_is_as_it_was_written() {
        let json = r#"{"id":123456789012345678901234,"p":100.00,"items":[{"p":9.90,"n":1e400},{"p":10.0,"n":2}]}"#;
        assert_eq!(found("$.id", json), ["123456789012345678901234"]);
        assert_eq!(found("$['p']", json), ["100.00"]);
        assert_eq!(found("$.items[0].n", json), ["1e400"]);
        assert_eq!(found("$..p", json), ["100.00", "9.90", "10.0"]);
        // Filters compare values, not texts.
        assert_eq!(found("$.items[?@.p == 10].p", json), ["10.0"]);
        assert_eq!(found("$.items[?@.n > 1e300].p", json), ["9.90"]);
        assert_eq!(found("$.items[-1]", json), [r#"{"p":10.0,"n":2}"#]);
        assert_eq!(found("$.items[2].p", json), [""; 0]);
        assert_eq!(found("$", "\u{feff}[7.0]"), ["[7.0]"]);
    }

    #[test]
    fn plain_paths_are_those_without_any_choice() {
        for path in ["$", "$.a", "$.a[0]._b2", "$[10][3]"] {
            assert!(plain_steps(path).is_some(), "{path}");
        }
        for path in [
            "$..a", "$.*", "$['a']", "$[-1]", "$[1:2]", "$[?@.a]", "$.a-b", "$[]", "$.",
        ] {
            assert!(plain_steps(path).is_none(), "{path}");
        }
    }

    proptest! {
        /// Plain paths find what the library finds.
        #[test]
        fn plain_paths_mean_what_the_library_means(path in "\\$(\\.[ab]|\\[[0-2]\\]){0,4}") {
            let json = r#"{"a":[{"b":1},[2.50,{"a":3}],"x"],"b":{"a":{"b":[null]},"b":false}}"#;
            let document = JsonDocument::read(json).unwrap();
            let plain = JsonQuery::compile(&path).unwrap();
            let through_library = JsonQuery { plain: None, ..plain.clone() };
            prop_assert_eq!(plain.find(&document), through_library.find(&document));
        }

        #[test]
        fn any_text_is_answered(text in "[$@.?*()\\[\\]{}|a-c0-9'\"\\\\!=<>&,: ]{0,40}") {
            let _ = Pattern::compile(&text);
            let _ = Pattern::whole(&text);
            let _ = JsonQuery::compile(&text);
        }
    }
}
