//! From text to a raw value: JSON or YAML, no key twice, nothing too long or
//! too deep. What the keys mean is left to the rest of `scenario`.

use crate::refusal::Fault;
use crate::scenario::Format;
use crate::scenario::document::notes::shown_key;
use crate::scenario::limits::{DEEPEST, LONGEST_TEXT_BYTES, MOST_FAULTS};
use serde::de::{DeserializeSeed, Deserializer, MapAccess, SeqAccess, Visitor};
use serde_json::{Map, Number, Value};
use std::cell::{Cell, RefCell};
use std::fmt;

/// The value, and a fault for each key that is written twice (its first value
/// is kept, so that the rest can still be checked).
pub(crate) fn read(text: &[u8], format: Format) -> Result<(Value, Vec<Fault>), Fault> {
    if text.len() > LONGEST_TEXT_BYTES {
        return Err(whole(format!(
            "is {} bytes long; at most {LONGEST_TEXT_BYTES} (6 MiB) are read: move request bodies into files (body-file)",
            text.len()
        )));
    }
    let text = std::str::from_utf8(text).map_err(|error| {
        let at = error.valid_up_to();
        whole(format!(
            "is not UTF-8: byte 0x{:02x} at offset {at}; save the text as UTF-8",
            text.get(at).copied().unwrap_or_default()
        ))
    })?;
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    if text.trim().is_empty() {
        return Err(whole("is empty; a scenario was expected".to_owned()));
    }
    let state = State::default();
    let read = match format {
        Format::Json => read_json(text, &state),
        Format::Yaml => read_yaml(text, &state),
    };
    match (read, state.fatal.take()) {
        (_, Some(fault)) | (Err(fault), None) => Err(fault),
        (Ok(value), None) => Ok((value, state.twice.take())),
    }
}

fn whole(reason: String) -> Fault {
    Fault {
        path: "value".to_owned(),
        reason,
    }
}

fn read_json(text: &str, state: &State) -> Result<Value, Fault> {
    let mut deserializer = serde_json::Deserializer::from_str(text);
    Seed { state, depth: 1 }
        .deserialize(&mut deserializer)
        .and_then(|value| deserializer.end().map(|()| value))
        .map_err(|error| whole(format!("is not JSON: {error}")))
}

fn read_yaml(text: &str, state: &State) -> Result<Value, Fault> {
    // Aliases may be replayed a little; what they blow up to is bounded by
    // State::bytes as well.
    let options = serde_saphyr::options! {
        budget: serde_saphyr::budget! {
            max_depth: DEEPEST * 2,
            flow_nesting_limit: DEEPEST * 2,
            max_aliases: 1_000,
            max_anchors: 1_000,
            max_total_scalar_bytes: LONGEST_TEXT_BYTES,
            max_recorded_anchor_bytes: LONGEST_TEXT_BYTES,
        },
        duplicate_keys: serde_saphyr::options::DuplicateKeyPolicy::PassThrough,
        merge_keys: serde_saphyr::options::MergeKeyPolicy::Error,
        alias_limits: serde_saphyr::alias_limits! {
            max_total_replayed_events: 100_000,
            max_replay_stack_depth: 16,
        },
        emit_comments: false,
        leading_zero_numbers_as_strings: true,
        underscored_numbers_as_strings: true,
        strict_booleans: true,
        reject_unsupported_tags: true,
        with_snippet: false,
    };
    serde_saphyr::with_deserializer_from_str_with_options(text, options, |deserializer| {
        Seed { state, depth: 1 }.deserialize(deserializer)
    })
    .map_err(|error| {
        let text = error.render_with_formatter(&serde_saphyr::UserMessageFormatter);
        // One line, with the place written as in JSON's errors.
        let line = text.lines().next().unwrap_or_default();
        match error.location() {
            Some(at) if at.line() > 0 => {
                let place = format!(" at line {}, column {}", at.line(), at.column());
                let said = line.strip_suffix(&place).unwrap_or(line);
                whole(format!(
                    "is not YAML: {said} at line {} column {}",
                    at.line(),
                    at.column()
                ))
            }
            _ => whole(format!("is not YAML: {line}")),
        }
    })
}

/// What a walk through a text has met so far.
#[derive(Default)]
struct State {
    path: RefCell<String>,
    twice: RefCell<Vec<Fault>>,
    fatal: RefCell<Option<Fault>>,
    /// Bytes of the value built, aliases counted as often as they are used.
    bytes: Cell<usize>,
}

impl State {
    /// Runs `inner` with the path grown by a step.
    fn within<T>(&self, step: Step<'_>, inner: impl FnOnce() -> T) -> T {
        let length = self.path.borrow().len();
        {
            let mut path = self.path.borrow_mut();
            match step {
                Step::Key(key) => {
                    if length > 0 {
                        path.push('.');
                    }
                    path.push_str(&shown_key(key));
                }
                Step::Position(at) => path.push_str(&format!("[{at}]")),
            }
        }
        let result = inner();
        self.path.borrow_mut().truncate(length);
        result
    }

    fn here(&self) -> String {
        let path = self.path.borrow();
        if path.is_empty() {
            "value".to_owned()
        } else {
            path.clone()
        }
    }

    /// Ends the reading with a fault at the current path.
    fn end<E: serde::de::Error>(&self, reason: String) -> E {
        *self.fatal.borrow_mut() = Some(Fault {
            path: self.here(),
            reason,
        });
        E::custom("refused")
    }

    fn count<E: serde::de::Error>(&self, bytes: usize) -> Result<(), E> {
        self.bytes.set(self.bytes.get() + bytes);
        if self.bytes.get() > LONGEST_TEXT_BYTES {
            return Err(self.end(format!(
                "makes the text longer than {LONGEST_TEXT_BYTES} bytes (6 MiB) once its aliases are filled in"
            )));
        }
        Ok(())
    }
}

enum Step<'a> {
    Key(&'a str),
    Position(usize),
}

/// Reads one value.
#[derive(Clone, Copy)]
struct Seed<'a> {
    state: &'a State,
    depth: usize,
}

impl<'de> DeserializeSeed<'de> for Seed<'_> {
    type Value = Value;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Value, D::Error> {
        if self.depth > DEEPEST {
            return Err(self
                .state
                .end(format!("is nested deeper than {DEEPEST} levels")));
        }
        self.state.count(1)?;
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Seed<'_> {
    type Value = Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a value")
    }

    fn visit_bool<E>(self, value: bool) -> Result<Value, E> {
        Ok(Value::Bool(value))
    }

    fn visit_i64<E>(self, value: i64) -> Result<Value, E> {
        Ok(Value::from(value))
    }

    fn visit_u64<E>(self, value: u64) -> Result<Value, E> {
        Ok(Value::from(value))
    }

    fn visit_i128<E>(self, value: i128) -> Result<Value, E> {
        Ok(Value::from(value as f64))
    }

    fn visit_u128<E>(self, value: u128) -> Result<Value, E> {
        Ok(Value::from(value as f64))
    }

    fn visit_f64<E: serde::de::Error>(self, value: f64) -> Result<Value, E> {
        Number::from_f64(value)
            .map(Value::Number)
            .ok_or_else(|| E::custom("a number must be finite"))
    }

    fn visit_str<E: serde::de::Error>(self, value: &str) -> Result<Value, E> {
        self.visit_string(value.to_owned())
    }

    fn visit_string<E: serde::de::Error>(self, value: String) -> Result<Value, E> {
        self.state.count(value.len())?;
        Ok(Value::String(value))
    }

    fn visit_unit<E>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_none<E>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_some<D: Deserializer<'de>>(self, deserializer: D) -> Result<Value, D::Error> {
        deserializer.deserialize_any(self)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Value, A::Error> {
        let mut list = Vec::new();
        let inner = Self {
            state: self.state,
            depth: self.depth + 1,
        };
        while let Some(item) = self.state.within(Step::Position(list.len()), || {
            items.next_element_seed(inner)
        })? {
            list.push(item);
        }
        Ok(Value::Array(list))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut entries: A) -> Result<Value, A::Error> {
        let mut map = Map::new();
        let inner = Self {
            state: self.state,
            depth: self.depth + 1,
        };
        while let Some(key) = entries.next_key::<String>()? {
            self.state.count(key.len())?;
            let value = self
                .state
                .within(Step::Key(&key), || entries.next_value_seed(inner))?;
            if map.contains_key(&key) {
                let mut twice = self.state.twice.borrow_mut();
                if twice.len() < MOST_FAULTS {
                    let path = self.state.within(Step::Key(&key), || self.state.here());
                    twice.push(Fault {
                        path,
                        reason: "is written twice; keep one".to_owned(),
                    });
                }
            } else {
                map.insert(key, value);
            }
        }
        Ok(Value::Object(map))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn fault(text: &[u8], format: Format) -> String {
        let fault = read(text, format).unwrap_err();
        format!("{}: {}", fault.path, fault.reason)
    }

    #[test]
    fn json_and_yaml_give_the_same_value_in_the_same_order() {
        let json = br#"{"b":1,"a":[true,null,"x",1.5,-2],"c":{}}"#;
        let yaml = b"b: 1\na: [true, null, x, 1.5, -2]\nc: {}\n";
        let (from_json, _) = read(json, Format::Json).unwrap();
        let (from_yaml, _) = read(yaml, Format::Yaml).unwrap();
        assert_eq!(from_json.to_string(), from_yaml.to_string());
        assert_eq!(from_json.to_string().as_bytes(), json);
    }

    #[test]
    fn yaml_words_stay_words() {
        let (value, _) = read(b"a: no\nb: 0755\nc: 1_000\nd: on\n404: e\n", Format::Yaml).unwrap();
        assert_eq!(
            value.to_string(),
            r#"{"a":"no","b":"0755","c":"1_000","d":"on","404":"e"}"#
        );
    }

    #[test]
    fn every_key_written_twice_is_named() {
        let json = br#"{"a":{"x":1,"x":2},"l":[{"y":1},{"y":1,"y":2}],"a":3}"#;
        let yaml = b"a: {x: 1, x: 2}\nl: [{y: 1}, {y: 1, y: 2}]\na: 3\n";
        for (text, format) in [(&json[..], Format::Json), (yaml, Format::Yaml)] {
            let (value, twice) = read(text, format).unwrap();
            let paths: Vec<_> = twice.iter().map(|fault| fault.path.as_str()).collect();
            assert_eq!(paths, ["a.x", "l[1].y", "a"]);
            assert_eq!(value["a"]["x"], 1);
        }
    }

    #[test]
    fn broken_texts_name_the_place() {
        assert_eq!(
            fault(b"{\"a\": 1,\n \"b\" 2}", Format::Json),
            "value: is not JSON: expected `:` at line 2 column 6"
        );
        assert_eq!(
            fault(b"{} {}", Format::Json),
            "value: is not JSON: trailing characters at line 1 column 4"
        );
        assert_eq!(
            fault(b" \n", Format::Json),
            "value: is empty; a scenario was expected"
        );
        assert_eq!(
            fault(b"{\"a\": \"\xff\"}", Format::Json),
            "value: is not UTF-8: byte 0xff at offset 7; save the text as UTF-8"
        );
        for text in [
            &b"a: [1, 2\nb: 3\n"[..],
            b"a: b: c\n",
            b"a: *nobody\n",
            b"a: 1\n---\nb: 2\n",
        ] {
            let fault = fault(text, Format::Yaml);
            assert!(fault.starts_with("value: is not YAML: "), "{fault}");
            assert!(fault.contains(" at line "), "{fault}");
        }
    }

    #[test]
    fn depth_and_length_have_limits() {
        for format in [Format::Json, Format::Yaml] {
            let nested = |n: usize| format!("{}1{}", "[".repeat(n), "]".repeat(n)).into_bytes();
            assert!(read(&nested(DEEPEST - 1), format).is_ok());
            let fault = fault(&nested(DEEPEST), format);
            assert!(
                fault.ends_with("[0]: is nested deeper than 64 levels"),
                "{fault}"
            );
            assert!(read(&nested(5_000), format).is_err());
        }
        let long = |n: usize| format!("\"{}\"", "x".repeat(n - 2)).into_bytes();
        assert!(read(&long(LONGEST_TEXT_BYTES - 10), Format::Json).is_ok());
        assert_eq!(
            fault(&long(10_000_000), Format::Json),
            "value: is 10000000 bytes long; at most 6291456 (6 MiB) are read: move request bodies into files (body-file)"
        );
    }

    #[test]
    fn aliases_cannot_blow_a_text_up() {
        let (value, _) = read(b"a: &x {k: 1}\nb: *x\n", Format::Yaml).unwrap();
        assert_eq!(value["b"]["k"], 1);
        let mut bomb = String::from("a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n");
        for level in 1..9 {
            let last = level - 1;
            let ten = vec![format!("*a{last}"); 10].join(", ");
            bomb.push_str(&format!("a{level}: &a{level} [{ten}]\n"));
        }
        assert!(read(bomb.as_bytes(), Format::Yaml).is_err());
        let long = format!(
            "a: &a {}\nb: [{}]\n",
            "x".repeat(100_000),
            vec!["*a"; 90].join(", ")
        );
        let fault = fault(long.as_bytes(), Format::Yaml);
        assert!(fault.contains("too large"), "{fault}");
    }

    proptest! {
        /// No text makes the reader panic.
        #[test]
        fn any_text_is_answered(text in "[\\[\\]{}:,\"'a-c0-9\n\\-&*!|>#%@` ]{0,60}") {
            for format in [Format::Json, Format::Yaml] {
                let _ = read(text.as_bytes(), format);
            }
        }
    }
}
