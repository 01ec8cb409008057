//! A text with variables and functions, compiled before the clock starts: names become
//! slots, and constant parts are joined.

use crate::engine::make::call::Call;
use crate::engine::make::session::{Secrets, Session};
use crate::engine::make::variable_names::{Variable, VariableNames};
use dlt_core::scenario::requests::functions::Function;
use dlt_core::scenario::requests::variables::{Piece, pieces};
use std::borrow::Cow;

/// Why a request is not made that grows beyond so many bytes.
pub(crate) fn too_long(most: usize) -> String {
    format!(
        "with the values of its variables it is longer than {} MiB; put what is larger into a file (body-file)",
        most / 1024 / 1024
    )
}

/// A compiled text: constant parts, slots and calls of functions.
#[derive(Debug, Clone, Default)]
pub(crate) struct Template(Vec<Part>);

#[derive(Debug, Clone)]
enum Part {
    Text(String),
    Slot(usize),
    Call(Call),
}

/// Longest text with the values of variables that do not vary, bytes: what is larger belongs into a
/// file.
pub(crate) const LONGEST_TEXT_BYTES: usize = 64 * 1024 * 1024;
/// Longest that the texts of a request come to that is made for each sample, bytes: each user holds
/// one.
pub(crate) const LONGEST_MADE_BYTES: usize = 16 * 1024 * 1024;

impl Template {
    /// Compiles a text, or says which name is unknown, or that it grows too long.
    pub(crate) fn compile(text: &str, names: &VariableNames) -> Result<Self, String> {
        let mut parts: Vec<Part> = Vec::new();
        let mut bytes = 0;
        for piece in pieces(text) {
            let text = match piece {
                Piece::Text(text) | Piece::Open(text) => text,
                Piece::Variable(name) => match names.variable(name) {
                    Some(Variable::Constant(text)) => text,
                    Some(Variable::Slot(slot)) => {
                        parts.push(Part::Slot(slot));
                        continue;
                    }
                    None if let Some(function) = Function::parse(name) => {
                        parts.push(Part::Call(names.call(function?)));
                        continue;
                    }
                    None => {
                        return Err(format!(
                            "${{{name}}} names no variable: neither variables nor an extraction nor a column of the data sources is called so"
                        ));
                    }
                },
            };
            bytes += text.len();
            if bytes > LONGEST_TEXT_BYTES {
                return Err(too_long(LONGEST_TEXT_BYTES));
            }
            match parts.last_mut() {
                Some(Part::Text(before)) => before.push_str(text),
                _ => parts.push(Part::Text(text.to_owned())),
            }
        }
        Ok(Self(parts))
    }

    /// The text, if nothing in it varies.
    pub(crate) fn fixed(&self) -> Option<&str> {
        match self.0.as_slice() {
            [] => Some(""),
            [Part::Text(text)] => Some(text),
            _ => None,
        }
    }

    /// Bytes of it with a session's values; what functions come to is small.
    pub(crate) fn bytes(&self, session: &Session) -> usize {
        let parts = self.0.iter().map(|part| match part {
            Part::Text(text) => text.len(),
            Part::Slot(slot) => session.get(*slot).map_or(0, str::len),
            Part::Call(_) => 0,
        });
        parts.sum()
    }

    /// Its constant parts, None in place of each value.
    pub(crate) fn texts(&self) -> impl Iterator<Item = Option<&str>> {
        self.0.iter().map(|part| match part {
            Part::Text(text) => Some(text.as_str()),
            Part::Slot(_) | Part::Call(_) => None,
        })
    }

    /// The same with another text in place of its first part.
    pub(crate) fn with_first_text(&self, text: String) -> Self {
        let rest = self.0.iter().skip(1).cloned();
        Self(std::iter::once(Part::Text(text)).chain(rest).collect())
    }

    /// Fills in a session's values, or returns the slot that has none.
    pub(crate) fn fill(&self, session: &Session) -> Result<String, usize> {
        let mut text = String::new();
        self.push_to(&mut text, session)?;
        Ok(text)
    }

    /// Puts it behind a text, as [`Self::fill`].
    pub(crate) fn push_to(&self, text: &mut String, session: &Session) -> Result<(), usize> {
        for part in &self.0 {
            match part {
                Part::Text(fixed) => text.push_str(fixed),
                Part::Slot(slot) => text.push_str(session.get(*slot).ok_or(*slot)?),
                Part::Call(call) => text.push_str(&call.value(session)),
            }
        }
        Ok(())
    }

    /// The text with a session's values, nothing in place of a value that is missing.
    pub(crate) fn text<'a>(&'a self, session: &'a Session) -> Cow<'a, str> {
        match self.0.as_slice() {
            [] => "".into(),
            [Part::Text(text)] => text.into(),
            [Part::Slot(slot)] => session.get(*slot).unwrap_or_default().into(),
            parts => {
                let parts = parts.iter().map(|part| match part {
                    Part::Text(text) => Cow::from(text),
                    Part::Slot(slot) => session.get(*slot).unwrap_or_default().into(),
                    Part::Call(call) => call.value(session).into(),
                });
                parts.collect::<String>().into()
            }
        }
    }

    /// Its parts with values of a session and of functions, and whether each is such a value;
    /// the slot where a session has none.
    pub(crate) fn pieces<'a>(
        &'a self,
        session: &'a Session,
    ) -> impl Iterator<Item = Result<(Cow<'a, str>, bool), usize>> {
        self.0.iter().map(|part| match part {
            Part::Text(text) => Ok((text.into(), false)),
            Part::Slot(slot) => {
                let value = session.get(*slot).ok_or(*slot)?;
                Ok((value.into(), true))
            }
            Part::Call(call) => Ok((call.value(session).into(), true)),
        })
    }

    /// The text with a word in place of each value.
    pub(crate) fn with_words(&self) -> String {
        let parts = self.0.iter().map(|part| match part {
            Part::Text(text) => text.as_str(),
            Part::Slot(_) | Part::Call(_) => "word",
        });
        parts.collect()
    }

    /// Adds its parts to `secrets`.
    pub(crate) fn add_to_secrets(&self, secrets: &mut Secrets) {
        for part in &self.0 {
            match part {
                Part::Text(text) => secrets.add_text(text),
                Part::Slot(slot) => secrets.add_slot(*slot),
                // What it will be is not known before.
                Part::Call(_) => {}
            }
        }
    }
}
