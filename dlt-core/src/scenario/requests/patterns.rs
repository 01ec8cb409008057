//! Regular expressions and JSONPaths, checked and compiled when a scenario is
//! read, and tried on answers within a `budget` by `search` and `json_path`. When they
//! are, and what follows, is left to the engine.

use crate::scenario::document::notes::{Node, Notes};
use crate::scenario::document::shown::shown;
use crate::scenario::limits::{DEEPEST_QUERY, LARGEST_PATTERN_BYTES, LONGEST_PATTERN};
use crate::scenario::requests::budget::{Budget, OverBudget};
use crate::scenario::requests::json_document::{JsonDocument, JsonNode, PlainStep};
use crate::scenario::requests::json_path::{self, Path};
use crate::scenario::requests::search::Searcher;
use regex::bytes::RegexBuilder;
use serde_json_path::JsonPath;
use std::ops::Range;

/// A regular expression of the crate `regex`: no look-around, linear time.
#[derive(Debug, Clone)]
pub struct Pattern {
    text: String,
    searcher: Searcher,
}

/// A JSONPath of RFC 9535.
#[derive(Debug, Clone)]
pub struct JsonQuery {
    text: String,
    path: Path,
    /// Its steps, if it is of the plainest kind: `$.items[0].id`.
    plain: Option<Vec<PlainStep>>,
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
                regex::Error::CompiledTooBig(_) => too_large(),
                // The crate draws the place over several lines; its last is the reason.
                other => {
                    let text = other.to_string();
                    let last = text.lines().last().unwrap_or_default();
                    let why = last.trim_start_matches("error: ");
                    format!("is not a regular expression: {why}")
                }
            })?;
        let searcher = Searcher::of(regex, LARGEST_PATTERN_BYTES);
        Ok(Self {
            text: text.to_owned(),
            searcher: searcher.ok_or_else(too_large)?,
        })
    }

    /// The expression as the scenario has it.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// Its groups, the whole match included.
    pub fn groups(&self) -> usize {
        self.searcher.regex().captures_len()
    }

    /// Whether it matches somewhere in a text.
    pub fn is_match(&self, text: &[u8], budget: &Budget<'_>) -> Result<bool, OverBudget> {
        self.searcher.is_match(text, budget)
    }

    /// Where a group of the n-th match lies, from 1.
    pub fn find(
        &self,
        text: &[u8],
        nth: usize,
        group: usize,
        budget: &Budget<'_>,
    ) -> Result<Option<Range<usize>>, OverBudget> {
        self.searcher.group(text, nth, group, budget)
    }
}

fn too_large() -> String {
    format!(
        "is a regular expression of more than {LARGEST_PATTERN_BYTES} bytes once compiled; make its repetitions smaller"
    )
}

impl PartialEq for Pattern {
    fn eq(&self, other: &Self) -> bool {
        self.searcher.regex().as_str() == other.searcher.regex().as_str()
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
        JsonPath::parse(text).map_err(|error| {
            format!(
                "is not a JSONPath as RFC 9535 has it, like $.items[0].id: {error}; it is {}",
                shown(text)
            )
        })?;
        let path = json_path::parse(text)
            .ok_or_else(|| format!("is a JSONPath that dlt cannot read; it is {}", shown(text)))?;
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

    /// Whether it is of the plainest kind.
    pub fn is_plain(&self) -> bool {
        self.plain.is_some()
    }

    /// The values that it leads to, in order, with the text of their numbers.
    pub fn find<'d>(
        &self,
        document: &'d JsonDocument<'_>,
        budget: &Budget<'_>,
    ) -> Result<Vec<JsonNode<'d>>, OverBudget> {
        match &self.plain {
            Some(steps) => Ok(document.at(steps, budget)?.into_iter().collect()),
            None => document.all(&self.path, budget),
        }
    }
}

impl PartialEq for JsonQuery {
    fn eq(&self, other: &Self) -> bool {
        self.text == other.text
    }
}

/// The steps of a JSONPath that is made of `.name` and `[0]` alone, which most are.
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
        let whole = Pattern::whole("a|b").unwrap();
        assert_eq!(whole.is_match(b"b", &plenty()), Ok(true));
        assert_eq!(whole.is_match(b"bc", &plenty()), Ok(false));
        assert!(JsonQuery::compile("items[0]").is_err());
        assert!(JsonQuery::compile("$.items[?@.price < 10].id").is_ok());
        let deep = format!("$[?{}@.a{}]", "@[?".repeat(16), "]".repeat(16));
        let reason = JsonQuery::compile(&deep).unwrap_err();
        assert!(reason.contains("deeper"), "{reason}");
    }

    fn plenty() -> Budget<'static> {
        Budget::new(&|| true)
    }

    fn found(path: &str, json: &str) -> Vec<String> {
        let query = JsonQuery::compile(path).unwrap();
        let of = |plain| {
            let document = JsonDocument::read(json, plain, &plenty()).unwrap();
            let values = query.find(&document, &plenty()).unwrap();
            let texts = values.iter().map(|value| value.text().into_owned());
            texts.collect::<Vec<_>>()
        };
        assert_eq!(of(true), of(false), "{path}");
        of(query.is_plain())
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

    /// A target may answer with an object of a million names, and a scenario may ask often: the
    /// budget ends that, also where nothing is copied.
    #[test]
    fn names_that_are_looked_through_are_paid_for() {
        let entries: Vec<String> = (0..400_000).map(|n| format!("\"k{n}\":{n}")).collect();
        let text = format!("{{{}}}", entries.join(","));
        let query = JsonQuery::compile("$.none").unwrap();
        let budget = Budget::new(&|| true);
        let document = JsonDocument::read(&text, true, &budget).unwrap();
        let asked = (1..=1_000).find(|_| query.find(&document, &budget).is_err());
        // 50,000 steps each of 20,000,000.
        assert_eq!(asked, Some(400));
    }

    #[test]
    fn a_document_for_plain_queries_answers_others_too() {
        let budget = Budget::new(&|| true);
        let document = JsonDocument::read(r#"{"a":[{"b":1.50},{"b":2}]}"#, true, &budget).unwrap();
        let query = JsonQuery::compile("$..b").unwrap();
        let found = query.find(&document, &budget).unwrap();
        let texts: Vec<_> = found.iter().map(JsonNode::text).collect();
        assert_eq!(texts, ["1.50", "2"]);
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
        /// Plain paths find what the others find.
        #[test]
        fn plain_paths_mean_what_all_mean(path in "\\$(\\.[ab]|\\[[0-2]\\]){0,4}") {
            // A key that is written twice has its last value.
            let json = r#"{"b":7,"a":[{"b":1},[2.50,{"a":3,"\u0061":4}],"x"],"b":{"a":{"b":[null]},"b":false}}"#;
            let written = JsonDocument::read(json, true, &plenty()).unwrap();
            let document = JsonDocument::read(json, false, &plenty()).unwrap();
            let plain = JsonQuery::compile(&path).unwrap();
            let in_full = JsonQuery { plain: None, ..plain.clone() };
            let values = |query: &JsonQuery, document| {
                let found = query.find(document, &plenty()).unwrap();
                found.iter().map(JsonNode::to_value).collect::<Vec<_>>()
            };
            prop_assert_eq!(values(&plain, &written), values(&in_full, &document));
            prop_assert_eq!(values(&plain, &document), values(&in_full, &document));
        }

        #[test]
        fn any_text_is_answered(text in "[$@.?*()\\[\\]{}|a-c0-9'\"\\\\!=<>&,: ]{0,40}") {
            let _ = Pattern::compile(&text);
            let _ = Pattern::whole(&text);
            let _ = JsonQuery::compile(&text);
        }
    }
}
