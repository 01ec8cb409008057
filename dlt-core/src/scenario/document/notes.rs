//! Collects faults and warnings while a raw value is walked, and reads its
//! fields: each reader notes what is wrong at the field's path and goes on.
//! What the fields mean is left to the files that call it.

use super::nearest::nearest;
use super::shown::{kind, shown, shown_key, shown_value};
use super::ways::refusal;
use crate::refusal::{Fault, Faults};
use crate::scenario::Purpose;
use crate::scenario::limits::{MOST_FAULTS, MOST_PATTERNS, MOST_WARNINGS};
use crate::target_policy::TargetPolicy;
use crate::value::{Map, Number, Value};
use std::ops::RangeInclusive;

/// What a walk has found.
#[derive(Default)]
pub(crate) struct Notes {
    faults: Vec<Fault>,
    more_faults: usize,
    warnings: Vec<String>,
    /// Unknown keys that look like known ones: reported as faults if there are
    /// others, since the mistyped key may be why something else is missing.
    mistyped: Vec<Fault>,
    /// Regular expressions and JSONPaths met so far.
    patterns: usize,
    /// A file is read, whose writer wants what is written: what would do nothing is a
    /// fault. Clients of the API send more than is used; there it is a warning (decision 41).
    of_file: bool,
    /// What only a run needs is a warning: see [`Purpose::Keep`].
    to_keep: bool,
    /// Where load may be sent; None where that is not decided here.
    pub targets: Option<TargetPolicy>,
    /// How many of the warnings, the first ones, are of that kind.
    not_runnable: usize,
    /// Keys that were probably meant by unknown ones, by path: that they are missing is no
    /// news.
    meant: Vec<String>,
    /// Objects with a key that is not supported, by path: what they lack, that key says.
    others: Vec<String>,
}

impl Notes {
    /// Of a scenario file.
    pub fn of_file() -> Self {
        Self {
            of_file: true,
            ..Self::default()
        }
    }

    /// The same for what the scenario is read for.
    pub fn for_purpose(self, purpose: Purpose) -> Self {
        Self {
            to_keep: purpose == Purpose::Keep,
            ..self
        }
    }

    /// Notes what keeps a scenario from being run, though it can be kept.
    pub fn not_runnable(&mut self, path: &str, reason: String) {
        match self.to_keep {
            // Before what only informs, and never left out for that.
            true => {
                let text = format!("{path}: {reason}; it cannot be run until that is changed");
                let at = self.not_runnable.min(self.warnings.len());
                self.warnings.insert(at, text);
                self.warnings.truncate(MOST_WARNINGS);
                self.not_runnable += 1;
            }
            false => self.fault(path, reason),
        }
    }

    /// Notes what is written and not done: a fault in a file, else a warning.
    pub fn not_done(&mut self, path: impl Into<String>, reason: &str) {
        match self.of_file {
            true => self.fault(path, reason),
            false => self.warn(&path.into(), reason),
        }
    }

    /// Whether one more pattern may be compiled; the first too many is a fault.
    pub fn one_more_pattern(&mut self, path: &str) -> bool {
        self.patterns += 1;
        if self.patterns == MOST_PATTERNS + 1 {
            self.fault(
                path,
                format!("is one too many: at most {MOST_PATTERNS} regular expressions and JSONPaths are allowed in all"),
            );
        }
        self.patterns <= MOST_PATTERNS
    }

    /// Notes a fault.
    pub fn fault(&mut self, path: impl Into<String>, reason: impl Into<String>) {
        if self.faults.len() < MOST_FAULTS {
            self.faults.push(Fault {
                path: path.into(),
                reason: reason.into(),
            });
        } else {
            self.more_faults += 1;
        }
    }

    /// Notes a warning.
    pub fn warn(&mut self, path: &str, reason: &str) {
        if self.warnings.len() < MOST_WARNINGS {
            self.warnings.push(format!("{path}: {reason}"));
        }
    }

    /// Whether there is a fault.
    pub fn has_faults(&self) -> bool {
        !self.faults.is_empty()
    }

    /// The faults alone, as they are.
    pub fn into_faults(self) -> Vec<Fault> {
        self.faults
    }

    /// What was read, with its warnings; or all faults.
    pub fn into_result<T>(mut self, read: Option<T>) -> Result<(T, Vec<String>), Faults> {
        match read {
            Some(read) if self.faults.is_empty() => return Ok((read, self.warnings)),
            // Nothing may be refused without a reason.
            None if self.faults.is_empty() => self.fault("value", "cannot be used"),
            _ => {}
        }
        self.faults.append(&mut self.mistyped);
        self.drop_what_follows();
        if self.more_faults > 0 {
            self.faults.push(Fault {
                path: "value".to_owned(),
                reason: format!("has {} more faults", self.more_faults),
            });
        }
        Err(Faults(self.faults))
    }

    /// Drops faults that only follow from others: what is missing since its key is
    /// mistyped, or since a key that is not supported stands in its place.
    fn drop_what_follows(&mut self) {
        let follows = |fault: &Fault| {
            let object = fault.path.rsplit_once('.').map(|(object, _)| object);
            fault.reason.starts_with("is missing")
                && (self.meant.contains(&fault.path)
                    || object.is_some_and(|object| self.others.iter().any(|it| it == object)))
        };
        // Over the API the others are warnings, which a refusal does not tell.
        if self.faults.iter().any(|fault| !follows(fault)) {
            self.faults.retain(|fault| !follows(fault));
        }
    }
}

/// A value and where it stands.
#[derive(Debug, Clone)]
pub(crate) struct Node<'a> {
    pub value: &'a Value,
    pub path: String,
}

/// An object and where it stands.
#[derive(Debug, Clone)]
pub(crate) struct Object<'a> {
    pub map: &'a Map,
    /// Its path; empty for the root.
    pub path: String,
}

/// 2^53: up to there a float that is whole is exact.
const MOST_EXACT: f64 = 9_007_199_254_740_992.0;

/// The value of a number that only YAML can spell, like `0x1F`, `+5` or `.5`; it is
/// kept as text.
pub(crate) fn yaml_number(text: &str) -> Option<f64> {
    if Number::parse(text).is_some() {
        return None;
    }
    let unsigned = text.strip_prefix(['+', '-']).unwrap_or(text);
    let whole = |digits: &str, radix| u64::from_str_radix(digits, radix).ok().map(|n| n as f64);
    let value = match unsigned.split_at_checked(2) {
        Some(("0x", digits)) => whole(digits, 16)?,
        Some(("0o", digits)) => whole(digits, 8)?,
        _ if unsigned.starts_with(|c: char| c.is_ascii_digit() || c == '.') => {
            unsigned.parse().ok()?
        }
        _ => return None,
    };
    Some(if text.starts_with('-') { -value } else { value })
}

impl<'a> Node<'a> {
    pub fn root(value: &'a Value) -> Self {
        Self {
            value,
            path: String::new(),
        }
    }

    /// Its path, `value` for the root.
    pub fn shown_path(&self) -> &str {
        if self.path.is_empty() {
            "value"
        } else {
            &self.path
        }
    }

    /// Notes a fault here.
    pub fn fault(&self, notes: &mut Notes, reason: impl Into<String>) {
        notes.fault(self.shown_path(), reason);
    }

    fn wanted(&self, notes: &mut Notes, what: &str) {
        self.fault(notes, format!("must be {what}, not {}", kind(self.value)));
    }

    pub fn object(&self, notes: &mut Notes) -> Option<Object<'a>> {
        match self.value {
            Value::Object(map) => Some(Object {
                map,
                path: self.path.clone(),
            }),
            _ => {
                self.wanted(notes, "an object");
                None
            }
        }
    }

    /// A list with a number of items in `sizes`; the items up to its end.
    pub fn list(&self, sizes: RangeInclusive<usize>, notes: &mut Notes) -> Option<Vec<Node<'a>>> {
        let Value::Array(items) = self.value else {
            self.wanted(notes, "a list");
            return None;
        };
        if items.len() < *sizes.start() {
            self.fault(notes, format!("must have at least {} item", sizes.start()));
            return None;
        }
        if items.len() > *sizes.end() {
            let reason = format!(
                "has {} items; at most {} are allowed",
                items.len(),
                sizes.end()
            );
            self.fault(notes, reason);
        }
        let nodes = items.iter().take(*sizes.end()).enumerate();
        Some(
            nodes
                .map(|(at, value)| Node {
                    value,
                    path: format!("{}[{at}]", self.path),
                })
                .collect(),
        )
    }

    pub fn text(&self, notes: &mut Notes) -> Option<&'a str> {
        match self.value {
            Value::String(text) => Some(text),
            Value::Number(_) | Value::Bool(_) => {
                let reason = format!("must be text, not {}: put it into quotes", kind(self.value));
                self.fault(notes, reason);
                None
            }
            _ => {
                self.wanted(notes, "text");
                None
            }
        }
    }

    /// A text with a number of characters in `sizes`.
    pub fn sized_text(&self, sizes: RangeInclusive<usize>, notes: &mut Notes) -> Option<&'a str> {
        let text = self.text(notes)?;
        let length = text.chars().count();
        if sizes.contains(&length) {
            return Some(text);
        }
        let reason = if length == 0 {
            "must not be empty".to_owned()
        } else {
            format!(
                "must have {} to {} characters, not {length}",
                sizes.start(),
                sizes.end()
            )
        };
        self.fault(notes, reason);
        None
    }

    /// true or false.
    pub fn boolean(&self, notes: &mut Notes) -> Option<bool> {
        let value = self.value.as_bool();
        if value.is_none() {
            self.wanted(notes, "true or false");
        }
        value
    }

    /// A whole number, or a text of digits, in `range`.
    pub fn whole(&self, range: RangeInclusive<u64>, notes: &mut Notes) -> Option<u64> {
        self.whole_up_to(range, "", notes)
    }

    /// As `whole`; `why` follows the greatest number in the message, as its reason.
    pub fn whole_up_to(
        &self,
        range: RangeInclusive<u64>,
        why: &str,
        notes: &mut Notes,
    ) -> Option<u64> {
        let number = match self.value {
            Value::Number(number) => number.as_u64().or_else(|| {
                let float = number.as_f64()?;
                (float.fract() == 0.0 && (0.0..=MOST_EXACT).contains(&float))
                    .then_some(float as u64)
            }),
            Value::String(text) if text.bytes().all(|b| b.is_ascii_digit()) => text.parse().ok(),
            Value::String(text) => yaml_number(text)
                .filter(|number| number.fract() == 0.0 && (0.0..=MOST_EXACT).contains(number))
                .map(|number| number as u64),
            _ => {
                self.wanted(notes, "a whole number");
                return None;
            }
        };
        let (least, most) = (range.start(), range.end());
        match number {
            Some(number) if range.contains(&number) => Some(number),
            _ => {
                let given = shown_value(self.value);
                self.fault(
                    notes,
                    format!("must be a whole number from {least} to {most}{why}, not {given}"),
                );
                None
            }
        }
    }

    /// One of a few words.
    pub fn choice(&self, choices: &[&'static str], notes: &mut Notes) -> Option<&'static str> {
        let text = self.text(notes)?;
        let found = choices.iter().find(|choice| **choice == text).copied();
        if found.is_none() {
            let hint = nearest(text, choices)
                .map(|near| format!("; did you mean {near:?}?"))
                .unwrap_or_default();
            self.fault(
                notes,
                format!(
                    "must be one of {}, not {}{hint}",
                    choices.join(", "),
                    shown(text)
                ),
            );
        }
        found
    }
}

impl<'a> Object<'a> {
    /// The path of a key.
    pub fn path_of(&self, key: &str) -> String {
        if self.path.is_empty() {
            shown_key(key)
        } else {
            format!("{}.{}", self.path, shown_key(key))
        }
    }

    /// A key's value, if it is there.
    pub fn get(&self, key: &str) -> Option<Node<'a>> {
        self.map.get(key).map(|value| Node {
            value,
            path: self.path_of(key),
        })
    }

    /// Whether a key is there.
    pub fn has(&self, key: &str) -> bool {
        self.map.contains_key(key)
    }

    /// Notes each key that is not known and not a note (`x-…`), and each of `not_supported`,
    /// keys of Taurus that would change what is measured, unless it says what is done anyway.
    pub fn allow_only(&self, known: &[&str], not_supported: &[&str], notes: &mut Notes) {
        let is_stranger =
            |key: &&String| !known.contains(&key.as_str()) && !key.starts_with(NOTE_PREFIX);
        let strangers = self.map.keys().filter(is_stranger);
        for key in strangers.take(MOST_WARNINGS) {
            let path = self.path_of(key);
            if not_supported.contains(&key.as_str()) {
                if !says_nothing(key, &self.map[key]) {
                    notes.not_done(path, &refusal(key));
                    if notes.of_file {
                        notes.others.push(self.path.clone());
                    }
                }
                continue;
            }
            let near = nearest(key, known);
            notes.meant.extend(near.map(|near| self.path_of(near)));
            let hint = near
                .map(|near| format!("; did you mean {near:?}?"))
                .unwrap_or_default();
            if notes.of_file {
                let hint = match near {
                    Some(_) => hint,
                    None => format!("; remove it, or call it {NOTE_PREFIX}… if it is a note"),
                };
                notes.fault(path, format!("unknown key{hint}"));
                continue;
            }
            let reason = format!("unknown key, not used{hint}");
            notes.warn(&path, &reason);
            if near.is_some() && notes.mistyped.len() < MOST_WARNINGS {
                notes.mistyped.push(Fault { path, reason });
            }
        }
    }
}

/// What a key begins with that is a note for people.
const NOTE_PREFIX: &str = "x-";

/// Whether a key that is not supported asks for nothing: it is empty, or says what is done
/// anyway.
fn says_nothing(key: &str, value: &Value) -> bool {
    match value {
        Value::Null => true,
        Value::Array(items) => items.is_empty(),
        // An empty way of logging in is one.
        Value::Object(map) => map.is_empty() && !matches!(key, "digest" | "kerberos" | "ntlm"),
        Value::Bool(flag) => match key {
            "follow-redirects" => *flag,
            "retrieve-resources" | "store-cache" | "assume-success" | "expect-null"
            | "random-order" | "once" => !flag,
            _ => false,
        },
        Value::String(text) => {
            text.is_empty() || (key == "encoding" && text.eq_ignore_ascii_case("utf-8"))
        }
        Value::Number(_) => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A request whose place is taken by something that is not supported.
    #[test]
    fn a_refusal_is_never_without_a_reason() {
        let value = crate::value::json!({ "include-scenario": "login" });
        for (mut notes, told) in [
            (Notes::of_file(), "include-scenario"),
            (Notes::default(), "url"),
        ] {
            let request = Object {
                map: value.as_object().unwrap(),
                path: "requests[0]".to_owned(),
            };
            request.allow_only(&["url"], &["include-scenario"], &mut notes);
            notes.fault(request.path_of("url"), "is missing: say what to request");
            let Faults(faults) = notes.into_result::<()>(None).unwrap_err();
            let paths: Vec<&str> = faults.iter().map(|fault| fault.path.as_str()).collect();
            assert_eq!(paths, [format!("requests[0].{told}")]);
        }
    }

    #[test]
    fn keys_are_shown_safely() {
        assert_eq!(shown_key("plain key"), "plain key");
        assert_eq!(shown_key("a\u{1b}[2J"), "a\\u{1b}[2J");
        assert!(shown_key(&"x".repeat(500)).chars().count() == 65);
    }
}
