//! Where a list goes on: opaque to agents, bound to the question that it
//! belongs to, so that a cursor of another question is noticed.

use crate::refusal::{Code, Refusal};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use sha2::{Digest, Sha256};

/// Longest cursor that is read, characters.
const LONGEST_CURSOR: usize = 1024;

/// A place in a list.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Cursor {
    /// Of which question.
    q: String,
    /// How many rows came before.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    n: Option<usize>,
    /// The API's own token.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    t: Option<String>,
}

/// What a question is, without its place: equal questions hash alike.
pub(crate) fn question(tool: &str, arguments: &Map<String, Value>) -> String {
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
    /// After so many rows.
    pub fn after(question: &str, rows: usize) -> Self {
        Self {
            q: question.to_owned(),
            n: Some(rows),
            t: None,
        }
    }

    /// Where the API says.
    pub fn token(question: &str, token: &str) -> Self {
        Self {
            q: question.to_owned(),
            n: None,
            t: Some(token.to_owned()),
        }
    }

    /// The text that agents hand back.
    pub fn text(&self) -> String {
        URL_SAFE_NO_PAD.encode(serde_json::to_vec(self).unwrap_or_default())
    }

    /// Reads one that belongs to this question.
    fn read(text: &str, question: &str) -> Result<Self, Refusal> {
        let cursor: Option<Self> = (text.len() <= LONGEST_CURSOR)
            .then(|| URL_SAFE_NO_PAD.decode(text).ok())
            .flatten()
            .and_then(|bytes| serde_json::from_slice(&bytes).ok());
        cursor.filter(|cursor| cursor.q == question).ok_or_else(|| {
            Refusal::new(
                Code::StaleCursor,
                "this cursor belongs to another question, or to no list of ours",
            )
            .about("cursor")
            .hint("repeat the call with the same arguments and without cursor")
        })
    }

    /// How many rows to pass over.
    pub fn offset(text: Option<&str>, question: &str) -> Result<usize, Refusal> {
        Ok(match text {
            None => 0,
            Some(text) => Self::read(text, question)?.n.unwrap_or(0),
        })
    }

    /// The API's token.
    pub fn api(text: Option<&str>, question: &str) -> Result<Option<String>, Refusal> {
        Ok(match text {
            None => None,
            Some(text) => Self::read(text, question)?.t,
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
    fn a_cursor_belongs_to_its_question() {
        let one = question("get_results", &map(json!({"test_id": "a", "limit": 5})));
        let same = question(
            "get_results",
            &map(json!({"limit": 9, "test_id": "a", "cursor": "x"})),
        );
        let other = question("get_results", &map(json!({"test_id": "b"})));
        assert_eq!(one, same);
        assert_ne!(one, other);
        let text = Cursor::after(&one, 10).text();
        assert_eq!(Cursor::offset(Some(&text), &one), Ok(10));
        for (text, question) in [
            (text.as_str(), &other),
            ("", &one),
            ("e30", &one),
            ("ä", &one),
        ] {
            let refusal = Cursor::offset(Some(text), question).unwrap_err();
            assert_eq!(refusal.code, Code::StaleCursor);
        }
    }
}
