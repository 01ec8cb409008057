//! An answer: numbers with units, no more than an agent can read, what to be
//! careful about, and the tool that is worth calling next. What the numbers are
//! is `seen`'s.

use crate::clean::Text;
use crate::cursor::Cursor;
use schemars::JsonSchema;
use serde::Serialize;
use serde_json::{Map, Value, json};

/// Longest answer, characters: some hosts cut at 50,000.
pub const LONGEST_ANSWER: usize = 40_000;
/// Longest answer when nobody asked for a number of rows: about 2,000 tokens.
pub const LONGEST_DEFAULT: usize = 4_600;
/// What the end of an answer may add once rows were dropped.
const ROOM_FOR_NOTES: usize = 300;

/// Something to be careful about.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct Warning {
    // For programs, and for agents.
    code: &'static str,
    message: Text,
}

impl Warning {
    /// With a sentence.
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
    /// With a sentence.
    pub fn new(region: &str, message: &str) -> Self {
        Self {
            region: Text::of(region),
            message: Text::of(message),
        }
    }
}

/// A list in an answer that may go on elsewhere.
#[derive(Debug, Clone)]
pub(crate) struct Rows {
    /// The answer's field that holds them.
    pub field: &'static str,
    /// How many came before.
    pub offset: usize,
    /// How many there are in all.
    pub total: usize,
    /// The question they belong to.
    pub question: String,
    /// Whether a number of rows was asked for.
    pub asked: bool,
}

/// What a tool found.
#[derive(Debug, Clone)]
pub(crate) struct Answer<T> {
    /// The answer.
    pub body: T,
    /// Its list, if it may be shortened.
    pub rows: Option<Rows>,
}

impl<T> Answer<T> {
    /// An answer that is short by itself.
    pub fn whole(body: T) -> Self {
        Self { body, rows: None }
    }
}

impl<T: Serialize> Answer<T> {
    /// The answer as it is sent: rows are dropped until it fits, fields never.
    pub fn finish(self) -> Result<Value, serde_json::Error> {
        let mut body = serde_json::to_value(&self.body)?;
        if let (Some(rows), Some(fields)) = (&self.rows, body.as_object_mut()) {
            shorten(fields, rows);
        }
        Ok(body)
    }
}

fn shorten(body: &mut Map<String, Value>, rows: &Rows) {
    let longest = match rows.asked {
        true => LONGEST_ANSWER,
        false => LONGEST_DEFAULT,
    };
    let Some(Value::Array(mut items)) = body.remove(rows.field) else {
        return;
    };
    let length = |value: &Value| value.to_string().chars().count() + 1;
    let fixed = length(&Value::Object(body.clone())) + ROOM_FOR_NOTES;
    let mut left = longest.saturating_sub(fixed);
    let fit = items.iter().take_while(|item| {
        let size = length(item);
        let fits = size <= left;
        left = left.saturating_sub(size);
        fits
    });
    // One row is always shown: an answer without any would lead nowhere.
    let fit = fit.count().max(1);
    if fit < items.len() {
        items.truncate(fit);
        if rows.asked {
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
    let seen = rows.offset + items.len();
    if seen < rows.total {
        let cursor = Cursor::after(&rows.question, seen);
        body.insert("next_cursor".to_owned(), Value::String(cursor.text()));
    }
    body.insert(rows.field.to_owned(), Value::Array(items));
}

/// To a thousandth: of a millisecond that is a microsecond.
pub(crate) fn rounded(number: f64) -> f64 {
    let number = (number * 1e3).round() / 1e3;
    // No agent needs -0.
    if number == 0.0 { 0.0 } else { number }
}

/// µs as ms.
pub(crate) fn ms(us: u64) -> f64 {
    rounded(us as f64 / 1e3)
}

/// A part of a whole in percent; None without a whole.
pub(crate) fn percent(part: u64, whole: u64) -> Option<f64> {
    (whole > 0).then(|| rounded(part as f64 * 100.0 / whole as f64))
}

/// A time of the API (`YYYY-MM-DD HH:MM:SS`, UTC) in RFC 3339; None if empty.
pub(crate) fn instant(text: &str) -> Option<Text> {
    if let Ok(instant) = text.parse::<jiff::Timestamp>() {
        return Text::some(&instant.to_string());
    }
    match text.parse::<jiff::civil::DateTime>() {
        Ok(civil) => Text::some(&format!("{civil}Z")),
        Err(_) => Text::some(text),
    }
}

/// A time on the wall clock of a zone, in RFC 3339 UTC.
pub(crate) fn on_wall_clock(text: &str, zone: &str) -> Option<Text> {
    let zone = if zone.is_empty() { "UTC" } else { zone };
    let civil = text.parse::<jiff::civil::DateTime>().ok();
    match civil.and_then(|civil| civil.in_tz(zone).ok()) {
        Some(zoned) => Text::some(&zoned.timestamp().to_string()),
        None => Text::some(text),
    }
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

    fn answer(rows: usize, asked: bool) -> Value {
        let body = Body {
            total: rows,
            warnings: Vec::new(),
            rows: vec!["x".repeat(100); rows],
        };
        let rows = Rows {
            field: "rows",
            offset: 5,
            total: rows + 5,
            question: "q".to_owned(),
            asked,
        };
        Answer {
            body,
            rows: Some(rows),
        }
        .finish()
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

    #[test]
    fn times_are_utc() {
        let text = |time: Option<Text>| {
            time.map(|time| time.as_str().to_owned())
                .unwrap_or_default()
        };
        assert_eq!(text(instant("2026-03-01 12:00:05")), "2026-03-01T12:00:05Z");
        assert_eq!(
            text(instant("2026-01-12T10:00:00.000Z")),
            "2026-01-12T10:00:00Z"
        );
        assert_eq!(text(instant("")), "");
        let berlin = on_wall_clock("2026-07-01 09:00:00", "Europe/Berlin");
        assert_eq!(text(berlin), "2026-07-01T07:00:00Z");
        assert_eq!(text(on_wall_clock("soon", "Nowhere")), "soon");
    }

    #[test]
    fn numbers_have_three_decimals() {
        assert_eq!(ms(153_087), 153.087);
        assert_eq!(rounded(1.0 / 3.0), 0.333);
        assert_eq!(percent(19, 1_994), Some(0.953));
        assert_eq!(percent(0, 0), None);
    }
}
