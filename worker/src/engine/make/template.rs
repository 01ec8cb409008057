//! A text with variables, compiled before the clock starts: names become slots,
//! and constant parts are joined.

use crate::engine::make::session::{Secrets, Session, Variable, VariableNames};
use dlt_core::scenario::requests::variables::{Piece, pieces};

/// A compiled text: constant parts and slots.
#[derive(Debug, Clone, Default)]
pub(crate) struct Template(Vec<Part>);

#[derive(Debug, Clone)]
enum Part {
    Text(String),
    Slot(usize),
}

impl Template {
    /// Compiles a text, or says which name is unknown.
    pub(crate) fn compile(text: &str, names: &VariableNames) -> Result<Self, String> {
        let mut parts: Vec<Part> = Vec::new();
        for piece in pieces(text) {
            let text = match piece {
                Piece::Text(text) | Piece::Open(text) => text,
                Piece::Variable(name) => match names.variable(name) {
                    Some(Variable::Constant(text)) => text,
                    Some(Variable::Slot(slot)) => {
                        parts.push(Part::Slot(slot));
                        continue;
                    }
                    None => {
                        return Err(format!(
                            "${{{name}}} names no variable: neither variables nor an extraction nor a column of the data sources is called so"
                        ));
                    }
                },
            };
            match parts.last_mut() {
                Some(Part::Text(before)) => before.push_str(text),
                _ => parts.push(Part::Text(text.to_owned())),
            }
        }
        Ok(Self(parts))
    }

    /// The text, if it has no slots.
    pub(crate) fn fixed(&self) -> Option<&str> {
        match self.0.as_slice() {
            [] => Some(""),
            [Part::Text(text)] => Some(text),
            _ => None,
        }
    }

    /// Fills in a session's values, or returns the slot that has none.
    pub(crate) fn fill(&self, session: &Session) -> Result<String, usize> {
        let mut text = String::new();
        for part in &self.0 {
            match part {
                Part::Text(fixed) => text.push_str(fixed),
                Part::Slot(slot) => text.push_str(session.get(*slot).ok_or(*slot)?),
            }
        }
        Ok(text)
    }

    /// Its parts with a session's values, and whether each is such a value; the slot
    /// where it has none.
    pub(crate) fn pieces<'a>(
        &'a self,
        session: &'a Session,
    ) -> impl Iterator<Item = Result<(&'a str, bool), usize>> {
        self.0.iter().map(|part| match part {
            Part::Text(text) => Ok((text.as_str(), false)),
            Part::Slot(slot) => session.get(*slot).map(|value| (value, true)).ok_or(*slot),
        })
    }

    /// The text with a word in place of each slot.
    pub(crate) fn with_words(&self) -> String {
        let parts = self.0.iter().map(|part| match part {
            Part::Text(text) => text.as_str(),
            Part::Slot(_) => "word",
        });
        parts.collect()
    }

    /// Adds its parts to `secrets`.
    pub(crate) fn add_to_secrets(&self, secrets: &mut Secrets) {
        for part in &self.0 {
            match part {
                Part::Text(text) => secrets.add_text(text),
                Part::Slot(slot) => secrets.add_slot(*slot),
            }
        }
    }
}
