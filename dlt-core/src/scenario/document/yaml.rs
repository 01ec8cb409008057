//! Reads YAML with the text of its numbers. The library turns a plain number into a
//! machine's at once; read as a text it is what was written. So a text is read twice:
//! first for its shape, then for the texts of its numbers.

use crate::scenario::document::shown::too_many_values;
use crate::scenario::limits::{DEEPEST, LONGEST_TEXT_BYTES};
use crate::value::Number;
use crate::value::reader::Written;
use serde::de::{
    Deserialize, DeserializeSeed, Deserializer, IgnoredAny, MapAccess, SeqAccess, Visitor,
};
use std::fmt;

/// Reads a text, or says why it cannot be.
pub(super) fn read(text: &str) -> Result<Written<'static>, String> {
    let shape =
        serde_saphyr::with_deserializer_from_str_with_options(text, options(), |deserializer| {
            Shape::deserialize(deserializer)
        });
    let Shape(mut written) = shape.map_err(|error| message(&error))?;
    let mut texts = Vec::new();
    let again =
        serde_saphyr::with_deserializer_from_str_with_options(text, options(), |deserializer| {
            let seed = Texts {
                shape: &written,
                texts: &mut texts,
            };
            seed.deserialize(deserializer)
        });
    // A number that is tagged as one cannot be read as the text that it is.
    again.map_err(|error| {
        let place = error.location().filter(|at| at.line() > 0);
        let place = place.map_or_else(String::new, |at| format!(" at line {}", at.line()));
        format!("has a number with a tag{place}: write it without !!int or !!float")
    })?;
    fill(&mut written, &mut texts.into_iter())?;
    Ok(written)
}

fn options() -> serde_saphyr::Options {
    // Aliases may be replayed a little; what they blow up to is bounded by the walk
    // as well.
    serde_saphyr::options! {
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
        // What is beyond floats is finite as text; `.inf` and `.nan` are refused below.
        non_finite_float_policy: serde_saphyr::options::NonFiniteFloatPolicy::PassThrough,
    }
}

fn message(error: &serde_saphyr::Error) -> String {
    let shown = error.render_with_formatter(&serde_saphyr::UserMessageFormatter);
    // One line, with the place written as in JSON's errors.
    let line = shown.lines().next().unwrap_or_default();
    if line.contains("limits breached: Nodes") {
        return too_many_values();
    }
    match error.location() {
        Some(at) if at.line() > 0 => {
            let place = format!(" at line {}, column {}", at.line(), at.column());
            let said = line.strip_suffix(&place).unwrap_or(line);
            format!(
                "is not YAML: {said} at line {} column {}",
                at.line(),
                at.column()
            )
        }
        _ => format!("is not YAML: {line}"),
    }
}

/// Puts the texts of numbers in, in their order.
fn fill(
    written: &mut Written<'static>,
    texts: &mut std::vec::IntoIter<String>,
) -> Result<(), String> {
    match written {
        Written::Number(_) => {
            let text = texts.next().unwrap_or_default();
            let text = text.trim();
            let unsigned = text.trim_start_matches(['+', '-']).to_ascii_lowercase();
            if matches!(unsigned.as_str(), "" | ".inf" | ".nan") {
                return Err(format!("is not YAML: {text} is no finite number"));
            }
            *written = match Number::parse(text) {
                Some(number) => Written::Number(number.text().to_owned().into()),
                // JSON, in which scenarios are kept, has no `0x1F`, `+5` or `.5`.
                None => Written::Text(text.to_owned().into()),
            };
        }
        Written::List(items) => {
            for item in items {
                fill(item, texts)?;
            }
        }
        Written::Map(entries) => {
            for (_, item) in entries {
                fill(item, texts)?;
            }
        }
        Written::Null | Written::Bool(_) | Written::Text(_) => {}
    }
    Ok(())
}

/// A value whose numbers are the machine's.
struct Shape(Written<'static>);

impl<'de> Deserialize<'de> for Shape {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(ShapeVisitor).map(Self)
    }
}

struct ShapeVisitor;

impl<'de> Visitor<'de> for ShapeVisitor {
    type Value = Written<'static>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a value")
    }

    fn visit_bool<E>(self, value: bool) -> Result<Written<'static>, E> {
        Ok(Written::Bool(value))
    }

    fn visit_i64<E>(self, value: i64) -> Result<Written<'static>, E> {
        Ok(Written::Number(value.to_string().into()))
    }

    fn visit_u64<E>(self, value: u64) -> Result<Written<'static>, E> {
        Ok(Written::Number(value.to_string().into()))
    }

    fn visit_f64<E>(self, value: f64) -> Result<Written<'static>, E> {
        // An infinite one gets its text, or is refused for it.
        let number = serde_json::Number::from_f64(value).unwrap_or_else(|| 0.into());
        Ok(Written::Number(number.to_string().into()))
    }

    fn visit_str<E>(self, value: &str) -> Result<Written<'static>, E> {
        Ok(Written::Text(value.to_owned().into()))
    }

    fn visit_string<E>(self, value: String) -> Result<Written<'static>, E> {
        Ok(Written::Text(value.into()))
    }

    fn visit_unit<E>(self) -> Result<Written<'static>, E> {
        Ok(Written::Null)
    }

    fn visit_none<E>(self) -> Result<Written<'static>, E> {
        Ok(Written::Null)
    }

    fn visit_some<D: Deserializer<'de>>(
        self,
        deserializer: D,
    ) -> Result<Written<'static>, D::Error> {
        deserializer.deserialize_any(self)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Written<'static>, A::Error> {
        let mut list = Vec::new();
        while let Some(Shape(item)) = items.next_element()? {
            list.push(item);
        }
        Ok(Written::List(list))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut entries: A) -> Result<Written<'static>, A::Error> {
        let mut map = Vec::new();
        while let Some((key, Shape(item))) = entries.next_entry::<String, _>()? {
            map.push((key.into(), item));
        }
        Ok(Written::Map(map))
    }
}

/// Reads the texts of the numbers of a value whose shape is known.
struct Texts<'a> {
    shape: &'a Written<'static>,
    texts: &'a mut Vec<String>,
}

impl<'de> DeserializeSeed<'de> for Texts<'_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        match self.shape {
            Written::Number(_) => {
                self.texts.push(String::deserialize(deserializer)?);
                Ok(())
            }
            Written::List(_) => deserializer.deserialize_seq(self),
            Written::Map(_) => deserializer.deserialize_map(self),
            Written::Null | Written::Bool(_) | Written::Text(_) => {
                IgnoredAny::deserialize(deserializer).map(drop)
            }
        }
    }
}

impl<'de> Visitor<'de> for Texts<'_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the same value")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<(), A::Error> {
        if let Written::List(shapes) = self.shape {
            for shape in shapes {
                let texts = &mut *self.texts;
                items.next_element_seed(Texts { shape, texts })?;
            }
        }
        // The end of the list is read as well.
        items.next_element::<IgnoredAny>().map(drop)
    }

    fn visit_map<A: MapAccess<'de>>(self, mut entries: A) -> Result<(), A::Error> {
        if let Written::Map(shapes) = self.shape {
            for (_, shape) in shapes {
                entries.next_key::<IgnoredAny>()?;
                let texts = &mut *self.texts;
                entries.next_value_seed(Texts { shape, texts })?;
            }
        }
        entries.next_key::<IgnoredAny>().map(drop)
    }
}
