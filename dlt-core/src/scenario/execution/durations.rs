//! Durations as Taurus writes them: `500ms`, `30s`, `5m`, `2h`, `1d`, `1m30s`,
//! or a number of seconds. How long one may be is left to its reader.

use crate::scenario::document::notes::{Node, Notes, yaml_number};
use crate::scenario::document::shown::shown_value;
use crate::value::Value;
use std::ops::RangeInclusive;

const UNITS: [(&str, u64); 5] = [
    ("ms", 1_000),
    ("s", 1_000_000),
    ("m", 60 * 1_000_000),
    ("h", 3600 * 1_000_000),
    ("d", 24 * 3600 * 1_000_000),
];

/// A thousand years, µs; anything longer is beyond every limit anyway.
const LONGEST_US: u64 = 32_000_000_000_000_000;

/// Reads a duration, µs; None if the text is not one. White space does not count.
pub fn parse_duration(text: &str) -> Option<u64> {
    let text: String = text.chars().filter(|c| !c.is_whitespace()).collect();
    // No duration needs more; it keeps the arithmetic far from its limits.
    if text.is_empty() || text.len() > 40 {
        return None;
    }
    if let Some(seconds) = decimal(&text) {
        return micros(seconds, 1_000_000);
    }
    let mut rest = text.as_str();
    let mut total = 0u64;
    while !rest.is_empty() {
        let digits = rest.find(|c: char| !c.is_ascii_digit() && c != '.')?;
        let (number, after) = rest.split_at(digits);
        let letters = after
            .find(|c: char| !c.is_ascii_alphabetic())
            .unwrap_or(after.len());
        let (unit, next) = after.split_at(letters);
        let (_, us) = UNITS.iter().find(|(name, _)| *name == unit)?;
        total = total.checked_add(micros(decimal(number)?, *us)?)?;
        rest = next;
    }
    // Its parts together, too: what is read can be shown and read again.
    (total < LONGEST_US).then_some(total)
}

/// A duration as people write it, its parts largest first; `0s` for nothing.
pub fn show_duration(us: u64) -> String {
    let mut rest = us;
    let mut text = String::new();
    for (name, unit) in [UNITS[4], UNITS[3], UNITS[2], UNITS[1], UNITS[0]] {
        let count = rest / unit;
        if count > 0 {
            text.push_str(&format!("{count}{name}"));
            rest %= unit;
        }
    }
    if rest > 0 {
        text.push_str(&format!("{}ms", rest as f64 / 1e3));
    }
    if text.is_empty() {
        "0s".to_owned()
    } else {
        text
    }
}

/// Digits with at most one point in between.
fn decimal(text: &str) -> Option<f64> {
    let plain = text.bytes().all(|b| b.is_ascii_digit() || b == b'.');
    let number = text.bytes().next()?.is_ascii_digit();
    (plain && number).then(|| text.parse().ok()).flatten()
}

fn micros(number: f64, unit_us: u64) -> Option<u64> {
    let us = number * unit_us as f64;
    (us.is_finite() && us < LONGEST_US as f64).then_some(us.round() as u64)
}

impl Node<'_> {
    /// A duration in `range`, µs.
    pub fn duration(&self, range: RangeInclusive<u64>, notes: &mut Notes) -> Option<u64> {
        let us = match self.value {
            Value::String(text) => parse_duration(text).or_else(|| {
                let seconds = yaml_number(text).filter(|seconds| *seconds >= 0.0)?;
                micros(seconds, 1_000_000)
            }),
            Value::Number(number) => number
                .as_f64()
                .filter(|seconds| *seconds >= 0.0)
                .and_then(|seconds| micros(seconds, 1_000_000)),
            _ => None,
        };
        let Some(us) = us else {
            let given = shown_value(self.value);
            self.fault(
                notes,
                format!("must be a duration like 500ms, 30s, 5m, 2h, 1d or 1m30s, not {given}"),
            );
            return None;
        };
        if range.contains(&us) {
            return Some(us);
        }
        self.fault(
            notes,
            format!(
                "must be from {} to {}, not {}",
                show_duration(*range.start()),
                show_duration(*range.end()),
                show_duration(us)
            ),
        );
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn every_form_is_read() {
        for (text, us) in [
            ("500ms", 500_000),
            ("30s", 30_000_000),
            ("5m", 300_000_000),
            ("2h", 7_200_000_000),
            ("1d", 86_400_000_000),
            ("1m30s", 90_000_000),
            ("1h 30m", 5_400_000_000),
            ("1.5s", 1_500_000),
            ("45", 45_000_000),
            ("0", 0),
            ("0s", 0),
        ] {
            assert_eq!(parse_duration(text), Some(us), "{text}");
        }
        for text in [
            "",
            " ",
            "s",
            "5x",
            "-5s",
            "1..5s",
            ".5s",
            "5S",
            "1e3",
            "5s3",
            "uniform(1s,2s)",
            "inf",
            "1w",
        ] {
            assert_eq!(parse_duration(text), None, "{text}");
        }
        assert_eq!(parse_duration(&"9".repeat(40)), None);
        // A thousand years, as a whole and in parts.
        assert_eq!(parse_duration("499955d"), None);
        assert_eq!(parse_duration("300000d300000d"), None);
    }

    proptest! {
        /// What is shown reads back as the same duration.
        #[test]
        fn shown_durations_read_back(us in 0u64..4_000_000_000_000) {
            prop_assert_eq!(parse_duration(&show_duration(us)), Some(us));
        }

        #[test]
        fn any_text_is_answered(text in "[0-9.smhd ]{0,50}") {
            let _ = parse_duration(&text);
        }
    }
}
