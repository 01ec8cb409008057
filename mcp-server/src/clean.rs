//! Cleaning of untrusted text. Labels, names and errors come from targets and scenario
//! files, and an agent reads them beside its instructions. Text is shortened, and
//! invisible characters and secrets are removed; its meaning is not examined. What is a
//! secret is dlt-core's to say: a server that is asked may be older, and tell them.

use dlt_core::safety::redacted_text;
use dlt_core::scenario::secrets;
use dlt_core::value::Value as Written;
use schemars::{JsonSchema, Schema, SchemaGenerator};
use serde::Serialize;
use serde_json::{Map, Value};
use std::borrow::Cow;

/// Longest text that is shown, characters.
pub const LONGEST_TEXT: usize = 200;

/// Cleaned text, which may be shown to an agent.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Default, Serialize)]
#[serde(transparent)]
pub struct Text(String);

/// In schemas, a string.
impl JsonSchema for Text {
    fn schema_name() -> Cow<'static, str> {
        String::schema_name()
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        String::json_schema(generator)
    }

    fn inline_schema() -> bool {
        true
    }
}

impl Text {
    /// Cleans a text and cuts it to [`LONGEST_TEXT`] characters.
    pub fn of(text: &str) -> Self {
        let lines = text.split(['\n', '\r']).map(visible);
        let lines: Vec<String> = lines.filter(|line| !line.is_empty()).collect();
        // A secret header ends with its line.
        let shown = redacted_text(&lines.join("\n"));
        Self(cut(&shown.replace('\n', " "), LONGEST_TEXT))
    }

    /// As [`Text::of`]; None if nothing is left.
    pub fn some(text: &str) -> Option<Self> {
        let text = Self::of(text);
        (!text.0.is_empty()).then_some(text)
    }

    /// The cleaned text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// Texts of this program need no cleaning.
impl From<&'static str> for Text {
    fn from(text: &'static str) -> Self {
        Self(text.to_owned())
    }
}

/// At most `longest` characters; a cut text ends with `…`.
pub fn cut(text: &str, longest: usize) -> String {
    match text.char_indices().nth(longest) {
        None => text.to_owned(),
        Some(_) => {
            let kept: String = text.chars().take(longest.saturating_sub(1)).collect();
            format!("{}…", kept.trim_end())
        }
    }
}

/// The text without characters that are invisible or change how others are displayed;
/// any white space becomes one space.
fn visible(text: &str) -> String {
    let mut shown = String::with_capacity(text.len().min(4 * LONGEST_TEXT));
    let mut gap = false;
    for c in text.chars() {
        if c.is_whitespace() {
            gap = true;
        } else if !is_hidden(c) {
            if gap && !shown.is_empty() {
                shown.push(' ');
            }
            gap = false;
            shown.push(c);
        }
    }
    shown
}

/// Control characters, directional marks, joiners, fillers, tags, private use.
fn is_hidden(c: char) -> bool {
    c.is_control()
        || matches!(u32::from(c),
            0x00ad | 0x034f | 0x061c | 0x115f | 0x1160 | 0x17b4 | 0x17b5 | 0x180b..=0x180f
            | 0x200b..=0x200f | 0x202a..=0x202e | 0x2060..=0x206f | 0x2800 | 0x3164
            | 0xfe00..=0xfe0f | 0xfeff | 0xffa0 | 0xfff0..=0xfffb
            | 0xe000..=0xf8ff | 0x1d173..=0x1d17a | 0xe0000..=0xe0fff | 0xf0000..=0x10ffff)
}

/// A plan without its secrets, with every text cleaned, and nothing deeper than `depth`.
pub fn plan(plan: &Value, depth: usize) -> Value {
    json(
        &secrets::redacted(&Written::from(plan.clone())).to_serde(),
        depth,
    )
}

/// A run's record likewise; its plan is `testScenario`.
pub fn record(record: &Value, depth: usize) -> Value {
    let mut record = record.clone();
    if let Some(plan) = record.get_mut("testScenario") {
        *plan = secrets::redacted(&Written::from(plan.take())).to_serde();
    }
    json(&record, depth)
}

/// JSON with every text cleaned, and nothing deeper than `depth`.
fn json(value: &Value, depth: usize) -> Value {
    match value {
        Value::String(text) => Value::String(Text::of(text).0),
        Value::Array(_) | Value::Object(_) if depth == 0 => Value::String("…".to_owned()),
        Value::Array(items) => items.iter().map(|item| json(item, depth - 1)).collect(),
        Value::Object(fields) => {
            let mut shown = Map::new();
            for (name, field) in fields {
                shown.insert(Text::of(name).0, json(field, depth - 1));
            }
            Value::Object(shown)
        }
        other => other.clone(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn invisible_characters_are_removed() {
        for (text, shown) in [
            ("home", "home"),
            ("  a\r\n\tb\u{2028}c ", "a b c"),
            ("ab\u{1b}[31mc\u{7}", "ab[31mc"),
            ("x\u{202e}gpj.exe\u{202c}", "xgpj.exe"),
            ("in\u{200b}vis\u{2060}ible\u{feff}", "invisible"),
            ("tag\u{e0041}\u{e0042}s", "tags"),
            ("soft\u{ad}hyphen", "softhyphen"),
            ("größe 名前 🙂", "größe 名前 🙂"),
            ("\0", ""),
        ] {
            assert_eq!(Text::of(text).as_str(), shown);
        }
    }

    #[test]
    fn long_text_is_cut_visibly() {
        let long = "ä".repeat(500);
        let text = Text::of(&long);
        assert_eq!(text.as_str().chars().count(), LONGEST_TEXT);
        assert!(text.as_str().ends_with('…'));
        assert_eq!(Text::of(&"b".repeat(200)).as_str(), "b".repeat(200));
    }

    #[test]
    fn a_text_has_no_secrets() {
        for (text, shown) in [
            (
                "https://user:pw@a.example/x",
                "https://[redacted]@a.example/x",
            ),
            (
                "GET https://a.example/x?id=5&token=abc&y=1 HTTP/1.1",
                "GET https://a.example/x?id=5&token=[redacted]&y=1 HTTP/1.1",
            ),
            ("> Cookie: lang=en; sid=abc; more", "> Cookie: [redacted]"),
            ("sent Bearer abc.def", "sent Bearer [redacted]"),
            (
                "{\"password\":\n\"abc\",\"x\":1}",
                "{\"password\": \"[redacted]\",\"x\":1}",
            ),
            ("pass\u{200b}word=abc", "password=[redacted]"),
            ("p(95)<250ms", "p(95)<250ms"),
            ("/products/{id}", "/products/{id}"),
        ] {
            assert_eq!(Text::of(text).as_str(), shown);
        }
    }

    #[test]
    fn a_secret_header_ends_with_its_line() {
        let head = "GET / HTTP/1.1\r\nCookie: a=b; c=abc\r\nAccept: */*";
        let shown = "GET / HTTP/1.1 Cookie: [redacted] Accept: */*";
        assert_eq!(Text::of(head).as_str(), shown);
    }

    #[test]
    fn a_plan_has_no_secrets_and_is_cut_by_depth() {
        let value = json!({"headers": {"X-Api-Key": "abc", "Accept": "*/*", "Cookie": ["abc"]},
            "store-cookie": true, "body": "{\"pin\": {\"secret\": \"abc\"}}", "deep": {"a": {"b": {"c": {"d": 1}}}}});
        let shown = json!({"headers": {"X-Api-Key": "[redacted]", "Accept": "*/*", "Cookie": ["[redacted]"]},
            "store-cookie": true, "body": "{\"pin\": {\"secret\": \"[redacted]\"}}", "deep": {"a": {"b": {"c": "…"}}}});
        assert_eq!(plan(&value, 4), shown);
        // Words of a record are no secrets, whatever their names.
        let told = json!({"verdict": {"reasons": [{"code": "lag"}]}, "testScenario": value});
        let told = record(&told, 8);
        assert_eq!(told["verdict"]["reasons"][0]["code"], "lag");
        assert_eq!(told["testScenario"]["headers"], shown["headers"]);
    }
}
