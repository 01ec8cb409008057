//! Reads JSON (RFC 8259) with its numbers as text. The reader of answers takes what
//! is valid JSON but does not fit into machine's numbers and texts; strict reading,
//! which scenarios get, refuses half surrogate pairs.

use super::number::{Number, length};
use super::{Map, Value};
use std::borrow::Cow;

/// Deepest nesting that is read: as `serde_json` has it.
const DEEPEST: usize = 128;

/// A value with every entry of its objects, keys that are written twice included. What stands in the
/// text as it is meant is borrowed from it.
#[derive(Debug, Clone)]
pub(crate) enum Written<'a> {
    Null,
    Bool(bool),
    /// A number of JSON.
    Number(Cow<'a, str>),
    Text(Cow<'a, str>),
    List(Vec<Written<'a>>),
    Map(Vec<(Cow<'a, str>, Written<'a>)>),
}

/// What to do with half of a surrogate pair, which is no character (RFC 8259, 8.2).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Surrogates {
    /// It is an error.
    Refuse,
    /// U+FFFD stands for it.
    Replace,
}

/// A text is not JSON.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("is not JSON from byte {at} on")]
pub struct NotJson {
    /// Where reading stopped, bytes.
    pub at: usize,
}

/// Reads a text; a byte order mark before it is passed over.
pub(crate) fn read(text: &str, surrogates: Surrogates) -> Result<Written<'_>, NotJson> {
    let read = read_up_to(text, surrogates, usize::MAX)?;
    read.ok_or(NotJson { at: 0 })
}

/// As [`read`], but None as soon as there are more than `most` values.
pub(crate) fn read_up_to(
    text: &str,
    surrogates: Surrogates,
    most: usize,
) -> Result<Option<Written<'_>>, NotJson> {
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    let mut reader = Reader {
        text,
        at: 0,
        surrogates,
        values_left: most,
        too_many: false,
    };
    let read = reader.value(1).filter(|_| {
        reader.skip_blank();
        reader.at == text.len()
    });
    match read {
        Some(read) => Ok(Some(read)),
        None if reader.too_many => Ok(None),
        None => Err(NotJson { at: reader.at }),
    }
}

impl Written<'_> {
    /// The value of an object's key: the last, if it is written twice.
    pub(crate) fn get(&self, key: &str) -> Option<&Self> {
        match self {
            Self::Map(entries) => {
                let entry = entries.iter().rfind(|entry| entry.0 == key);
                entry.map(|entry| &entry.1)
            }
            _ => None,
        }
    }

    /// The item of a list.
    pub(crate) fn item(&self, at: usize) -> Option<&Self> {
        match self {
            Self::List(items) => items.get(at),
            _ => None,
        }
    }

    /// The value; of a key that is written twice the last.
    pub(crate) fn into_value(self) -> Value {
        match self {
            Self::Null => Value::Null,
            Self::Bool(flag) => Value::Bool(flag),
            Self::Number(text) => Value::Number(Number::known(&text)),
            Self::Text(text) => Value::String(text.into_owned()),
            Self::List(items) => Value::Array(items.into_iter().map(Self::into_value).collect()),
            Self::Map(entries) => {
                let mut map = Map::with_capacity(entries.len());
                for (key, value) in entries {
                    map.insert(key.into_owned(), value.into_value());
                }
                Value::Object(map)
            }
        }
    }
}

/// Which bytes stand for themselves in a string (RFC 8259, 7).
const IS_PLAIN: [bool; 256] = {
    let mut plain = [true; 256];
    let mut byte = 0;
    while byte < 0x20 {
        plain[byte] = false;
        byte += 1;
    }
    plain[b'"' as usize] = false;
    plain[b'\\' as usize] = false;
    plain
};

struct Reader<'a> {
    text: &'a str,
    at: usize,
    surrogates: Surrogates,
    values_left: usize,
    /// Whether reading ended for want of them.
    too_many: bool,
}

impl<'a> Reader<'a> {
    fn rest(&self) -> &'a [u8] {
        &self.text.as_bytes()[self.at..]
    }

    #[inline]
    fn next(&self) -> Option<u8> {
        self.text.as_bytes().get(self.at).copied()
    }

    #[inline]
    fn skip_blank(&mut self) {
        while let Some(b' ' | b'\t' | b'\n' | b'\r') = self.next() {
            self.at += 1;
        }
    }

    /// Takes a sign, after white space.
    #[inline]
    fn take(&mut self, sign: u8) -> bool {
        self.skip_blank();
        let is_next = self.next() == Some(sign);
        self.at += usize::from(is_next);
        is_next
    }

    fn word(&mut self, word: &str, value: Written<'a>) -> Option<Written<'a>> {
        self.rest().starts_with(word.as_bytes()).then(|| {
            self.at += word.len();
            value
        })
    }

    fn value(&mut self, depth: usize) -> Option<Written<'a>> {
        self.skip_blank();
        let first = self.next()?;
        self.too_many = self.values_left == 0;
        self.values_left = self.values_left.checked_sub(1)?;
        match first {
            _ if depth > DEEPEST => None,
            b'{' => self.map(depth),
            b'[' => self.list(depth),
            b'"' => self.string().map(Written::Text),
            b't' => self.word("true", Written::Bool(true)),
            b'f' => self.word("false", Written::Bool(false)),
            b'n' => self.word("null", Written::Null),
            _ => {
                let length = length(self.rest())?;
                let number = &self.text[self.at..self.at + length];
                self.at += length;
                Some(Written::Number(number.into()))
            }
        }
    }

    fn list(&mut self, depth: usize) -> Option<Written<'a>> {
        self.at += 1;
        let mut items = Vec::new();
        if self.take(b']') {
            return Some(Written::List(items));
        }
        loop {
            items.push(self.value(depth + 1)?);
            if self.take(b']') {
                return Some(Written::List(items));
            }
            if !self.take(b',') {
                return None;
            }
        }
    }

    fn map(&mut self, depth: usize) -> Option<Written<'a>> {
        self.at += 1;
        let mut entries = Vec::new();
        if self.take(b'}') {
            return Some(Written::Map(entries));
        }
        loop {
            self.skip_blank();
            if self.next() != Some(b'"') {
                return None;
            }
            let key = self.string()?;
            if !self.take(b':') {
                return None;
            }
            entries.push((key, self.value(depth + 1)?));
            if self.take(b'}') {
                return Some(Written::Map(entries));
            }
            if !self.take(b',') {
                return None;
            }
        }
    }

    /// A string, whose opening quote is next.
    fn string(&mut self) -> Option<Cow<'a, str>> {
        self.at += 1;
        let mut string = Cow::Borrowed("");
        loop {
            let from = self.at;
            while self.next().is_some_and(|byte| IS_PLAIN[usize::from(byte)]) {
                self.at += 1;
            }
            // Borrowed if it is all.
            string += &self.text[from..self.at];
            match self.next()? {
                b'"' => {
                    self.at += 1;
                    return Some(string);
                }
                b'\\' => string.to_mut().push(self.escape()?),
                // A control character must be escaped.
                _ => return None,
            }
        }
    }

    /// An escape, whose backslash is next.
    fn escape(&mut self) -> Option<char> {
        let sign = *self.rest().get(1)?;
        if sign == b'u' {
            return self.unicode();
        }
        let c = match sign {
            b'"' | b'\\' | b'/' => char::from(sign),
            b'b' => '\u{8}',
            b'f' => '\u{c}',
            b'n' => '\n',
            b'r' => '\r',
            b't' => '\t',
            // It may be a part of a longer sign: what is read so far ends before it.
            _ => return None,
        };
        self.at += 2;
        Some(c)
    }

    /// The number of `\uXXXX`, if that is next.
    fn unit(&self) -> Option<u32> {
        let digits = self.rest().strip_prefix(b"\\u")?.get(..4)?;
        if !digits.iter().all(u8::is_ascii_hexdigit) {
            return None;
        }
        u32::from_str_radix(std::str::from_utf8(digits).ok()?, 16).ok()
    }

    fn unicode(&mut self) -> Option<char> {
        let first = self.unit()?;
        self.at += "\\uXXXX".len();
        if let Some(c) = char::from_u32(first) {
            return Some(c);
        }
        if let (0xd800..0xdc00, Some(second @ 0xdc00..0xe000)) = (first, self.unit()) {
            self.at += "\\uXXXX".len();
            return char::from_u32(0x10000 + ((first - 0xd800) << 10) + (second - 0xdc00));
        }
        (self.surrogates == Surrogates::Replace).then_some(char::REPLACEMENT_CHARACTER)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn again(text: &str) -> Option<String> {
        let read = read(text, Surrogates::Replace).ok()?;
        Some(read.into_value().to_string())
    }

    #[test]
    fn numbers_keep_their_text() {
        let text = r#"{"id":123456789012345678901234,"p":100.00,"far":[1e400,-0.0,12E5,0.10]}"#;
        assert_eq!(again(text).as_deref(), Some(text));
    }

    #[test]
    fn valid_json_that_others_refuse_is_read() {
        assert_eq!(again("\u{feff} [1] ").as_deref(), Some("[1]"));
        assert_eq!(again(r#"["\ud83d\ude80"]"#).as_deref(), Some("[\"🚀\"]"));
        assert_eq!(
            again(r#"["a\ud83d!"]"#).as_deref(),
            Some("[\"a\u{fffd}!\"]")
        );
        assert_eq!(
            again(r#"["\udc00\ud800"]"#).as_deref(),
            Some("[\"\u{fffd}\u{fffd}\"]")
        );
        assert_eq!(again(r#"["\ud800A"]"#).as_deref(), Some("[\"\u{fffd}A\"]"));
        assert!(read(r#"["\ud83d"]"#, Surrogates::Refuse).is_err());
        assert_eq!(again(r#"{"a":1,"a":2}"#).as_deref(), Some(r#"{"a":2}"#));
    }

    #[test]
    fn a_text_may_have_only_so_many_values() {
        for (text, values) in [
            ("1", 1),
            ("[]", 1),
            (r#"[1,[2,{"a":null,"b":[3]}],"x"]"#, 9),
        ] {
            let read =
                |most| read_up_to(text, Surrogates::Replace, most).map(|read| read.is_some());
            assert_eq!(read(values), Ok(true), "{text}");
            assert_eq!(read(values - 1), Ok(false), "{text}");
        }
        // Not JSON before there are too many.
        assert!(read_up_to("[1,,2]", Surrogates::Replace, 3).is_err());
        assert!(read_up_to("", Surrogates::Replace, 0).is_err());
    }

    #[test]
    fn what_is_not_json_is_refused_with_its_place() {
        for (text, at) in [
            ("", 0),
            ("[1,]", 3),
            ("{\"a\" 1}", 5),
            ("[01]", 1),
            ("\"a\nb\"", 2),
            ("[1] 2", 4),
            ("tru", 0),
            ("{a:1}", 1),
        ] {
            let error = read(text, Surrogates::Replace).map(Written::into_value);
            assert_eq!(error, Err(NotJson { at }), "{text}");
        }
        let deep = "[".repeat(200_000);
        assert!(read(&deep, Surrogates::Replace).is_err());
    }

    fn any_value() -> impl Strategy<Value = serde_json::Value> {
        use serde_json::{Value, json};
        let leaf = prop_oneof![
            Just(json!(null)),
            any::<bool>().prop_map(Value::from),
            any::<u64>().prop_map(Value::from),
            any::<i64>().prop_map(Value::from),
            any::<f64>().prop_map(Value::from),
            ".{0,12}".prop_map(Value::from),
        ];
        leaf.prop_recursive(4, 32, 5, |inner| {
            prop_oneof![
                prop::collection::vec(inner.clone(), 0..5).prop_map(Value::from),
                prop::collection::vec((".{0,6}", inner), 0..5)
                    .prop_map(|pairs| Value::Object(pairs.into_iter().collect())),
            ]
        })
    }

    proptest! {
        /// What serde_json writes is read as it reads it, and written as it writes it.
        #[test]
        fn as_serde_json(value in any_value(), pretty in any::<bool>()) {
            let text = if pretty { serde_json::to_string_pretty(&value) } else { serde_json::to_string(&value) };
            let read = read(&text.unwrap(), Surrogates::Refuse).unwrap().into_value();
            prop_assert_eq!(read.to_string(), value.to_string());
            prop_assert_eq!(read.to_serde(), value);
        }

        /// It takes a text exactly if serde_json does, but for what is lenient here.
        #[test]
        fn the_same_texts_are_json(text in "[\\[\\]{}:,\"\\\\a-c0-9eEu.\n+\\- tn]{0,12}") {
            let ours = read(&text, Surrogates::Refuse).is_ok();
            let theirs = serde_json::from_str::<serde_json::Value>(&text);
            let out_of_range = theirs.as_ref().is_err_and(|error| error.to_string().contains("out of range"));
            prop_assert_eq!(ours, theirs.is_ok() || out_of_range && ours);
        }
    }
}
