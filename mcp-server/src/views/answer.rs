//! A tool's answer, shortened to what an agent can read: rows of its list are dropped,
//! fields never. Warnings and regional errors have the same form in every answer.

use crate::asked::cursor::Cursor;
use crate::clean::Text;
use schemars::JsonSchema;
use serde::Serialize;
use serde_json::{Map, Value, json};

/// Longest answer, characters: some hosts cut at 50,000.
pub const LONGEST_ANSWER: usize = 40_000;
/// Longest answer to a call without `limit`, characters: about 2,000 tokens.
pub const LONGEST_DEFAULT: usize = 4_600;
/// Reserved for the warning and cursor that are added when rows were dropped,
/// characters.
const RESERVED: usize = 300;

/// Something to be careful about.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct Warning {
    code: &'static str,
    message: Text,
}

impl Warning {
    /// Whether it has this code.
    pub fn is(&self, code: &str) -> bool {
        self.code == code
    }

    /// A warning with this code and message.
    pub fn new(code: &'static str, message: &str) -> Self {
        Self {
            code,
            message: Text::of(message),
        }
    }
}

/// A region that could not be asked; the others were.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct RegionError {
    region: Text,
    message: Text,
}

impl RegionError {
    /// An error of this region.
    pub fn new(region: &str, message: &str) -> Self {
        Self {
            region: Text::of(region),
            message: Text::of(message),
        }
    }
}

/// A list in an answer that may continue on further pages.
#[derive(Debug, Clone)]
pub(crate) struct Rows {
    /// The answer's field with the list.
    pub field: &'static str,
    /// Rows on earlier pages.
    pub offset: usize,
    /// Rows on all pages; 0 for a list without pages.
    pub total: usize,
    /// Binds the cursor to the call.
    pub question_hash: String,
    /// Whether the call had a `limit`.
    pub has_limit: bool,
}

/// The answer of a tool.
#[derive(Debug, Clone)]
pub(crate) struct ToolAnswer<T> {
    pub body: T,
    /// The list that may be shortened.
    pub rows: Option<Rows>,
}

impl<T> ToolAnswer<T> {
    /// An answer that is never shortened.
    pub fn whole(body: T) -> Self {
        Self { body, rows: None }
    }
}

impl<T: Serialize> ToolAnswer<T> {
    /// The answer as JSON, shortened to the longest one that is allowed.
    pub fn to_json(&self) -> Result<Value, serde_json::Error> {
        let mut body = serde_json::to_value(&self.body)?;
        if let (Some(rows), Some(fields)) = (&self.rows, body.as_object_mut()) {
            shorten(fields, rows);
        }
        Ok(body)
    }
}

fn shorten(body: &mut Map<String, Value>, rows: &Rows) {
    let longest = if rows.has_limit {
        LONGEST_ANSWER
    } else {
        LONGEST_DEFAULT
    };
    let Some(Value::Array(mut items)) = body.remove(rows.field) else {
        return;
    };
    let length = |value: &Value| value.to_string().chars().count() + 1;
    let fixed = length(&Value::Object(body.clone())) + RESERVED;
    let mut left = longest.saturating_sub(fixed);
    let fit = items.iter().take_while(|item| {
        let size = length(item);
        let fits = size <= left;
        left = left.saturating_sub(size);
        fits
    });
    // At least one row, or paging would make no progress.
    let fit = fit.count().max(1);
    if fit < items.len() {
        items.truncate(fit);
        if rows.has_limit {
            let more = match rows.total {
                0 => "ask for a part",
                _ => "go on with next_cursor",
            };
            let text = format!("only {fit} rows fit into one answer; {more}");
            let warning = Warning::new("rows_dropped", &text);
            let warnings = body.entry("warnings").or_insert_with(|| json!([]));
            if let Value::Array(warnings) = warnings {
                warnings.push(json!(warning));
            }
        }
    }
    let shown = rows.offset + items.len();
    if shown < rows.total {
        let cursor = Cursor::after(&rows.question_hash, shown);
        body.insert("next_cursor".to_owned(), Value::String(cursor.text()));
    }
    body.insert(rows.field.to_owned(), Value::Array(items));
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Serialize)]
    struct Body {
        total: usize,
        #[serde(skip_serializing_if = "Vec::is_empty")]
        warnings: Vec<Warning>,
        rows: Vec<String>,
    }

    fn answer(rows: usize, has_limit: bool) -> Value {
        let body = Body {
            total: rows,
            warnings: Vec::new(),
            rows: vec!["x".repeat(100); rows],
        };
        let rows = Rows {
            field: "rows",
            offset: 5,
            total: rows + 5,
            question_hash: "q".to_owned(),
            has_limit,
        };
        ToolAnswer {
            body,
            rows: Some(rows),
        }
        .to_json()
        .unwrap()
    }

    #[test]
    fn rows_are_dropped_until_an_answer_fits() {
        let all = answer(10, true);
        assert_eq!(all["rows"].as_array().unwrap().len(), 10);
        assert_eq!(all.get("next_cursor"), None);
        let long = answer(1_000, true);
        assert!(long.to_string().chars().count() <= LONGEST_ANSWER);
        assert!(long["rows"].as_array().unwrap().len() > 300);
        assert_eq!(long["warnings"][0]["code"], "rows_dropped");
        assert!(long["next_cursor"].is_string());
        let short = answer(1_000, false);
        assert!(short.to_string().chars().count() <= LONGEST_DEFAULT);
        assert_eq!(short.get("warnings"), None);
    }
}
