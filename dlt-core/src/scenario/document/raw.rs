//! From text to a raw value: JSON or YAML, no key twice, nothing too long or
//! too deep. What the keys mean is left to the rest of `scenario`.

use crate::refusal::Fault;
use crate::scenario::Format;
use crate::scenario::document::shown::{shown_key, too_many_values};
use crate::scenario::document::yaml;
use crate::scenario::limits::{DEEPEST, LONGEST_TEXT_BYTES, MOST_FAULTS, MOST_VALUES};
use crate::value::reader::{self, Surrogates, Written};
use crate::value::{Map, Value};

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
    let written = match format {
        Format::Json => read_json(text)?,
        Format::Yaml => yaml::read(text).map_err(whole)?,
    };
    let mut walk = Walk::default();
    let value = walk.value(written, 1)?;
    Ok((value, walk.twice))
}

fn whole(reason: String) -> Fault {
    Fault {
        path: "value".to_owned(),
        reason,
    }
}

fn read_json(text: &str) -> Result<Written<'_>, Fault> {
    let read = reader::read_up_to(text, Surrogates::Refuse, MOST_VALUES).map_err(|error| {
        // What is nested too deep is told as that, whether or not it ends well.
        let begun = closed(text.get(..error.at).unwrap_or_default());
        let begun = reader::read(&begun, Surrogates::Refuse).ok();
        if let Some(Err(fault)) = begun.map(|begun| Walk::default().value(begun, 1)) {
            return fault;
        }
        // The library's messages name line and column, and what was expected.
        let why = serde_json::from_str::<serde_json::Value>(text).err();
        let why = why.map_or_else(|| format!("see byte {}", error.at), |why| why.to_string());
        whole(format!("is not JSON: {why}"))
    })?;
    read.ok_or_else(|| whole(too_many_values()))
}

/// The beginning of a text with a value at its end, and with all that is open closed.
fn closed(text: &str) -> String {
    let (mut open, mut in_string, mut escaped) = (Vec::new(), false, false);
    for byte in text.bytes() {
        match byte {
            _ if escaped => escaped = false,
            b'\\' if in_string => escaped = true,
            b'"' => in_string = !in_string,
            _ if in_string => {}
            b'[' => open.push(']'),
            b'{' => open.push('}'),
            b']' | b'}' => drop(open.pop()),
            _ => {}
        }
    }
    let end: String = open.into_iter().rev().collect();
    format!("{text}0{end}")
}

/// What a walk through a text has met so far.
#[derive(Default)]
struct Walk {
    path: String,
    twice: Vec<Fault>,
    /// Bytes of the value, aliases counted as often as they are used.
    bytes: usize,
    /// Values, aliases likewise.
    values: usize,
}

impl Walk {
    fn fault(&self, reason: String) -> Fault {
        let path = match self.path.as_str() {
            "" => "value".to_owned(),
            path => path.to_owned(),
        };
        Fault { path, reason }
    }

    fn count(&mut self, bytes: usize) -> Result<(), Fault> {
        self.bytes += bytes;
        if self.bytes > LONGEST_TEXT_BYTES {
            return Err(self.fault(format!(
                "makes the text longer than {LONGEST_TEXT_BYTES} bytes (6 MiB) once its aliases are filled in"
            )));
        }
        Ok(())
    }

    fn value(&mut self, written: Written<'_>, depth: usize) -> Result<Value, Fault> {
        if depth > DEEPEST {
            return Err(self.fault(format!("is nested deeper than {DEEPEST} levels")));
        }
        self.count(1)?;
        self.values += 1;
        if self.values > MOST_VALUES {
            return Err(whole(too_many_values()));
        }
        let length = self.path.len();
        Ok(match written {
            Written::List(items) => {
                let mut list = Vec::with_capacity(items.len());
                for (at, item) in items.into_iter().enumerate() {
                    self.path.push_str(&format!("[{at}]"));
                    list.push(self.value(item, depth + 1)?);
                    self.path.truncate(length);
                }
                Value::Array(list)
            }
            Written::Map(entries) => {
                let mut map = Map::with_capacity(entries.len());
                for (key, item) in entries {
                    self.count(key.len())?;
                    if length > 0 {
                        self.path.push('.');
                    }
                    self.path.push_str(&shown_key(&key));
                    let value = self.value(item, depth + 1)?;
                    if !map.contains_key(&*key) {
                        map.insert(key.into_owned(), value);
                    } else if self.twice.len() < MOST_FAULTS {
                        let fault = self.fault("is written twice; keep one".to_owned());
                        self.twice.push(fault);
                    }
                    self.path.truncate(length);
                }
                Value::Object(map)
            }
            Written::Text(text) => {
                self.count(text.len())?;
                Value::String(text.into_owned())
            }
            leaf => leaf.into_value(),
        })
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
    fn numbers_keep_their_text() {
        let json = br#"{"a":1.50,"b":[12e5,1e400,-0.0],"c":123456789012345678901234}"#;
        let yaml = b"a: 1.50\nb: [12e5, 1e400, -0.0]\nc: 123456789012345678901234\n";
        for (text, format) in [(&json[..], Format::Json), (yaml, Format::Yaml)] {
            let (value, _) = read(text, format).unwrap();
            assert_eq!(value.to_string().as_bytes(), json);
        }
        // Aliases and block lists know where a number was written.
        let yaml = "é: &p 10.00\nq:\n  - *p\n  -   7.250  # net\nr: [é, 0.30]\n";
        let (value, _) = read(yaml.as_bytes(), Format::Yaml).unwrap();
        assert_eq!(
            value.to_string(),
            r#"{"é":10.00,"q":[10.00,7.250],"r":["é",0.30]}"#
        );
    }

    #[test]
    fn what_only_yaml_takes_for_a_number_is_a_text_as_written() {
        let (value, _) = read(b"[0x1F, 0o17, +5, .5, 5., -.5]", Format::Yaml).unwrap();
        assert_eq!(value.to_string(), r#"["0x1F","0o17","+5",".5","5.","-.5"]"#);
        let fault = fault(b"a: .inf", Format::Yaml);
        assert_eq!(fault, "value: is not YAML: .inf is no finite number");
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
    fn a_text_that_breaks_inside_a_sign_is_a_fault() {
        for text in [
            "{\"a\":\"\\é\"}",
            "\u{feff}\u{feff}[x",
            "[\"\\\u{1f600}",
            "{\"é\\ü\": 1}",
        ] {
            let told = fault(text.as_bytes(), Format::Json);
            assert!(told.contains("is not JSON"), "{text:?}: {told}");
        }
    }

    #[test]
    fn a_tag_costs_no_number_its_text() {
        for text in [
            "a: !!int 5\nid: 123456789012345678901234",
            "p: 1.50\nf: [!!float 1e400]",
        ] {
            let told = fault(text.as_bytes(), Format::Yaml);
            assert!(told.contains("write it without"), "{text:?}: {told}");
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

    /// What a value takes is far more than its two bytes of text.
    #[test]
    fn values_have_a_limit_whatever_their_length() {
        let zeros = |n: usize| format!("[{}0]", "0,".repeat(n - 2));
        assert!(read(zeros(MOST_VALUES).as_bytes(), Format::Json).is_ok());
        let one_more = zeros(MOST_VALUES + 1);
        let broken = one_more.replace(']', "");
        let nested = format!("[{}0]", "[],".repeat(MOST_VALUES));
        let members = format!("{{{}\"a\":0}}", "\"a\":0,".repeat(MOST_VALUES));
        for text in [&one_more, &broken, &nested, &members] {
            let told = fault(text.as_bytes(), Format::Json);
            let few = "value: holds more than 200000 values; write long request bodies";
            assert!(told.starts_with(few), "{told}");
        }
        let yaml = fault(zeros(300_000).as_bytes(), Format::Yaml);
        assert!(yaml.contains("holds more than 200000 values"), "{yaml}");
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
