//! Cursors of paged lists: opaque to agents, and bound to one call's arguments, so that
//! a cursor used with other arguments is refused.

use crate::refusal::{Code, Refusal};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use sha2::{Digest, Sha256};

/// Longest cursor that is read, characters.
const LONGEST_CURSOR: usize = 1024;

/// A position in a list.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Cursor {
    /// Hash of the call that it belongs to.
    q: String,
    /// Rows before this position.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    n: Option<usize>,
    /// The API's own page token.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    t: Option<String>,
}

/// Hash of a tool and its arguments, without those that select a page.
pub(crate) fn question_hash(tool: &str, arguments: &Map<String, Value>) -> String {
    let mut rows: Vec<String> = arguments
        .iter()
        .filter(|(name, _)| !["cursor", "limit"].contains(&name.as_str()))
        .map(|(name, value)| format!("{name}={value}"))
        .collect();
    rows.sort();
    let hash = Sha256::digest(format!("{tool}\n{}", rows.join("\n")));
    URL_SAFE_NO_PAD.encode(&hash[..6])
}

impl Cursor {
    /// The position after this many rows.
    pub fn after(question_hash: &str, rows: usize) -> Self {
        Self {
            q: question_hash.to_owned(),
            n: Some(rows),
            t: None,
        }
    }

    /// The position of an API's page token.
    pub fn at_token(question_hash: &str, token: &str) -> Self {
        Self {
            q: question_hash.to_owned(),
            n: None,
            t: Some(token.to_owned()),
        }
    }

    /// Its encoded form.
    pub fn text(&self) -> String {
        URL_SAFE_NO_PAD.encode(serde_json::to_vec(self).unwrap_or_default())
    }

    /// Decodes a cursor of this call.
    fn parse(text: &str, question_hash: &str) -> Result<Self, Refusal> {
        let cursor: Option<Self> = (text.len() <= LONGEST_CURSOR)
            .then(|| URL_SAFE_NO_PAD.decode(text).ok())
            .flatten()
            .and_then(|bytes| serde_json::from_slice(&bytes).ok());
        let cursor = cursor.filter(|cursor| cursor.q == question_hash);
        cursor.ok_or_else(|| {
            Refusal::new(
                Code::StaleCursor,
                "this cursor belongs to another question, or to no list of ours",
            )
            .about("cursor")
            .hint("repeat the call with the same arguments and without cursor")
        })
    }

    /// Rows to skip; 0 without a cursor.
    pub fn offset(text: Option<&str>, question_hash: &str) -> Result<usize, Refusal> {
        Ok(match text {
            None => 0,
            Some(text) => Self::parse(text, question_hash)?.n.unwrap_or(0),
        })
    }

    /// The API's page token; None without a cursor.
    pub fn api_token(text: Option<&str>, question_hash: &str) -> Result<Option<String>, Refusal> {
        Ok(match text {
            None => None,
            Some(text) => Self::parse(text, question_hash)?.t,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn map(value: Value) -> Map<String, Value> {
        value.as_object().cloned().unwrap_or_default()
    }

    #[test]
    fn a_cursor_is_bound_to_its_call() {
        let one = question_hash("get_results", &map(json!({"test_id": "a", "limit": 5})));
        let same = question_hash(
            "get_results",
            &map(json!({"limit": 9, "test_id": "a", "cursor": "x"})),
        );
        let other = question_hash("get_results", &map(json!({"test_id": "b"})));
        assert_eq!(one, same);
        assert_ne!(one, other);
        let text = Cursor::after(&one, 10).text();
        assert_eq!(Cursor::offset(Some(&text), &one), Ok(10));
        for (text, hash) in [
            (text.as_str(), &other),
            ("", &one),
            ("e30", &one),
            ("ä", &one),
        ] {
            let refusal = Cursor::offset(Some(text), hash).unwrap_err();
            assert_eq!(refusal.code, Code::StaleCursor);
        }
    }
}
