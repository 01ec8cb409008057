//! Cleaning of untrusted text. Labels, names and errors come from targets and scenario
//! files, and an agent reads them beside its instructions. Text is shortened, and
//! invisible characters and secrets are removed; its meaning is not examined.

use dlt_core::safety::{REDACTED, is_secret};
use schemars::{JsonSchema, Schema, SchemaGenerator};
use serde::Serialize;
use serde_json::{Map, Value};
use std::borrow::Cow;
use url::Url;

/// Longest text that is shown, characters.
pub const LONGEST_TEXT: usize = 200;
/// Characters around a name or value.
const QUOTES: [char; 3] = ['"', '\'', '\\'];
/// Characters that end a value.
const VALUE_ENDS: [char; 12] = ['"', '\'', '\\', '&', ';', ',', '}', ']', ')', '#', '<', '>'];

/// Headers whose whole line is secret.
const SECRET_HEADERS: [&str; 4] = [
    "authorization",
    "proxy-authorization",
    "cookie",
    "set-cookie",
];

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
        // By line: a secret header ends with its line.
        let lines = text.split(['\n', '\r']).map(visible);
        let lines = lines.filter(|line| !line.is_empty());
        let lines: Vec<String> = lines.map(|line| redacted(&line)).collect();
        Self(cut(&lines.join(" "), LONGEST_TEXT))
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

/// A line without the secrets in its URLs, headers and parameters.
fn redacted(text: &str) -> String {
    let mut shown = Vec::new();
    // Whether the next word is the value of a secret.
    let mut hide_next = false;
    for word in text.split(' ') {
        let lower = word.to_ascii_lowercase();
        if hide_next {
            // `Authorization: Bearer abc` has two words.
            hide_next = matches!(lower.as_str(), "bearer" | "basic" | "digest");
            shown.push(REDACTED.to_owned());
        } else if lower == "bearer" || lower == "basic" {
            hide_next = true;
            shown.push(word.to_owned());
        } else if let Some(name) = word.strip_suffix([':', '=']).filter(|name| is_secret(name)) {
            hide_next = true;
            shown.push(format!("{name}: "));
            if SECRET_HEADERS.contains(&lower.trim_matches([':', '=', '"', '\''])) {
                shown.push(REDACTED.to_owned());
                break;
            }
        } else {
            shown.push(redacted_url(word).unwrap_or_else(|| redacted_parameters(word)));
        }
    }
    shown.dedup_by(|next, before| next == REDACTED && before == REDACTED);
    shown.join(" ").replace(":  ", ": ")
}

/// A URL without user, password and secret parameters; None if the word is no URL, or one
/// that has none of these.
fn redacted_url(word: &str) -> Option<String> {
    let start = word.find("://").map(|at| {
        let in_scheme = |c: char| c.is_ascii_alphanumeric() || matches!(c, '+' | '-' | '.');
        word[..at].rfind(|c| !in_scheme(c)).map_or(0, |at| {
            at + word[at..].chars().next().map_or(1, char::len_utf8)
        })
    })?;
    let (before, text) = word.split_at(start);
    let Ok(mut url) = Url::parse(text) else {
        // A URL with placeholders, like `http://user:password@${host}/`.
        let (scheme, rest) = text.split_once("://")?;
        let end = rest.find(['/', '?', '#']).unwrap_or(rest.len());
        let host = rest[..end].rfind('@').map_or(0, |at| at + 1);
        let rest = || redacted_parameters(&rest[host..]);
        return (host > 0).then(|| format!("{before}{scheme}://{}", rest()));
    };
    if url.username().is_empty() && url.password().is_none() && !text.contains(['?', '#']) {
        return None;
    }
    // An error means that this kind of URL cannot have them.
    let _ = url.set_username("");
    let _ = url.set_password(None);
    if url.fragment().is_some() {
        url.set_fragment(None);
    }
    let query = url.query().map(redacted_parameters);
    url.set_query(query.as_deref());
    Some(format!(
        "{before}{}",
        url.as_str().replace("%5Bredacted%5D", REDACTED)
    ))
}

/// `name=value` and `"name":"value"` with the values of secrets replaced.
fn redacted_parameters(text: &str) -> String {
    let mut shown = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find(['=', ':']) {
        let (before, after) = rest.split_at(at + 1);
        shown.push_str(before);
        rest = after;
        let name = before[..at].trim_end_matches(QUOTES);
        let in_name = |c: char| c.is_alphanumeric() || matches!(c, '_' | '-');
        let start = name.rfind(|c| !in_name(c)).map_or(0, |at| {
            at + name[at..].chars().next().map_or(1, char::len_utf8)
        });
        let quoted = rest.trim_start_matches(QUOTES);
        let hide = is_secret(&name[start..]) && !quoted.is_empty();
        // Before `//`, the name was a URL's scheme.
        if hide && !quoted.starts_with("//") && !quoted.starts_with(REDACTED) {
            let opening = &rest[..rest.len() - quoted.len()];
            let end = quoted.find(VALUE_ENDS).unwrap_or(quoted.len());
            shown.push_str(opening);
            shown.push_str(REDACTED);
            rest = &quoted[end..];
        }
    }
    shown.push_str(rest);
    shown
}

/// JSON with every text cleaned, the values of secret names redacted, and nothing deeper
/// than `depth`.
pub fn json(value: &Value, depth: usize) -> Value {
    match value {
        Value::String(text) => Value::String(match serde_json::from_str(text) {
            // In a body that is JSON itself, secrets are redacted by name too.
            Ok(inner @ (Value::Object(_) | Value::Array(_))) if depth > 0 => {
                Text::of(&json(&inner, depth - 1).to_string()).0
            }
            _ => Text::of(text).0,
        }),
        Value::Array(_) | Value::Object(_) if depth == 0 => Value::String("…".to_owned()),
        Value::Array(items) => items.iter().map(|item| json(item, depth - 1)).collect(),
        Value::Object(fields) => {
            let mut shown = Map::new();
            for (name, field) in fields {
                let field = if is_secret(name) && !field.is_boolean() && !field.is_null() {
                    Value::String(REDACTED.to_owned())
                } else {
                    json(field, depth - 1)
                };
                shown.insert(Text::of(name).0, field);
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
    fn secrets_are_redacted_in_every_form() {
        for (text, shown) in [
            ("https://user:pw@a.example/x", "https://a.example/x"),
            (
                "GET https://a.example/x?id=5&token=abc&y=1 HTTP/1.1",
                "GET https://a.example/x?id=5&token=[redacted]&y=1 HTTP/1.1",
            ),
            (
                "http://user:abc@${host}:${port}/x?token=abc",
                "http://${host}:${port}/x?token=[redacted]",
            ),
            ("Authorization: Bearer abc.def", "Authorization: [redacted]"),
            ("Authorization: Token abc", "Authorization: [redacted]"),
            ("> Cookie: lang=en; sid=abc; more", "> Cookie: [redacted]"),
            ("sent Bearer abc.def", "sent Bearer [redacted]"),
            ("/login?password=abc", "/login?password=[redacted]"),
            ("api_key=abc,x=2", "api_key=[redacted],x=2"),
            (
                "\"url\":\"https://u:p@b.example/\"",
                "\"url\":\"https://b.example/%22",
            ),
            (
                "{\"password\":\"abc\",\"x\":1}",
                "{\"password\":\"[redacted]\",\"x\":1}",
            ),
            ("\"password\": \"abc\"", "\"password\": [redacted]"),
            ("token:abc", "token:[redacted]"),
            ("key: https://a.example/", "key: [redacted]"),
            ("p(95)<250ms", "p(95)<250ms"),
            ("/products/{id}", "/products/{id}"),
        ] {
            let got = redacted(text);
            assert_eq!(got, shown);
            assert!(!got.contains("abc"), "{got}");
        }
    }

    #[test]
    fn a_secret_header_ends_with_its_line() {
        let head = "GET / HTTP/1.1\r\nCookie: a=b; c=abc\r\nAccept: */*";
        let shown = "GET / HTTP/1.1 Cookie: [redacted] Accept: */*";
        assert_eq!(Text::of(head).as_str(), shown);
    }

    #[test]
    fn json_is_redacted_by_name_and_cut_by_depth() {
        let value = json!({"headers": {"X-Api-Key": "abc", "Accept": "*/*", "Cookie": ["abc"]},
            "store-cookie": true, "body": "{\"pin\": {\"secret\": \"abc\"}}", "deep": {"a": {"b": {"c": {"d": 1}}}}});
        let shown = json(&value, 4);
        assert_eq!(
            shown,
            json!({"headers": {"X-Api-Key": "[redacted]", "Accept": "*/*", "Cookie": "[redacted]"},
                "store-cookie": true, "body": "{\"pin\":{\"secret\":\"[redacted]\"}}", "deep": {"a": {"b": {"c": "…"}}}})
        );
    }
}
