//! Variables: `${name}` in a text, which names a scenario defines, and that
//! no text uses another one but the functions of `functions`. Values are put in by the engine.

use crate::scenario::document::nearest::nearest;
use crate::scenario::document::notes::{Node, Notes, Object};
use crate::scenario::document::shown::shown;
use crate::scenario::limits::{LONGEST_VARIABLE, LONGEST_VARIABLE_NAME, MOST_VARIABLES};
use crate::scenario::requests::functions::Function;
use crate::value::Value;

/// A piece of a text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Piece<'a> {
    /// Text without a variable.
    Text(&'a str),
    /// `${name}`.
    Variable(&'a str),
    /// `${` that nothing closes, to the end of the text.
    Open(&'a str),
}

/// The pieces of a text, in order.
pub fn pieces(text: &str) -> impl Iterator<Item = Piece<'_>> {
    let mut rest = text;
    std::iter::from_fn(move || {
        if rest.is_empty() {
            return None;
        }
        let (piece, after) = match rest.find("${") {
            Some(0) => match rest.find('}') {
                Some(end) => (Piece::Variable(&rest[2..end]), &rest[end + 1..]),
                None => (Piece::Open(rest), ""),
            },
            Some(at) => (Piece::Text(&rest[..at]), &rest[at..]),
            None => (Piece::Text(rest), ""),
        };
        rest = after;
        Some(piece)
    })
}

/// Whether a text holds variables.
pub fn has_variables(text: &str) -> bool {
    text.contains("${")
}

/// The variables that a scenario defines.
#[derive(Debug, Clone, Default)]
pub(crate) struct Known {
    /// Names with their first values.
    pub with_value: Vec<(String, String)>,
    /// Names that get a value from rows or answers.
    pub changing: Vec<String>,
    /// Those of them that setup gives a value, which no result shows.
    pub of_setup: Vec<String>,
    /// Whether the first line of a file names further ones, which only a runner reads.
    pub open: bool,
    /// Whether it is about requests that are made once per run, which have no rows of data.
    pub once: bool,
}

impl Known {
    /// Whether the scenario defines a variable.
    pub fn has(&self, name: &str) -> bool {
        self.with_value.iter().any(|given| given.0 == name)
            || self.changing.iter().any(|changing| changing == name)
    }

    /// The value of a variable that always has the same one.
    pub fn constant(&self, name: &str) -> Option<&str> {
        if self.open || self.changing.iter().any(|changing| changing == name) {
            return None;
        }
        self.first(name)
    }

    /// The value of a variable before anything changes it.
    pub fn first(&self, name: &str) -> Option<&str> {
        let given = self.with_value.iter().find(|given| given.0 == name)?;
        Some(&given.1)
    }

    /// Notes each variable of a text that the scenario does not define, and each function
    /// that is not evaluated: a scenario may be kept with them, but not run.
    pub fn check(&self, text: &str, node: &Node<'_>, notes: &mut Notes) {
        for piece in pieces(text) {
            match piece {
                Piece::Text(_) => {}
                Piece::Open(open) => notes.not_runnable(
                    &node.path,
                    format!(
                        "has ${{ without }}: {}; a variable is written ${{name}}",
                        shown(open)
                    ),
                ),
                Piece::Variable(name) if self.has(name) => {}
                Piece::Variable(name) => match Function::parse(name) {
                    Some(Ok(_)) => {}
                    // A file may have a column of that name.
                    Some(Err(_)) if self.open && !name.contains('(') => {}
                    Some(Err(why)) => notes.not_runnable(&node.path, why),
                    None if self.open => {}
                    None => notes.not_runnable(&node.path, self.unknown_variable(name)),
                },
            }
        }
    }

    fn unknown_variable(&self, name: &str) -> String {
        let given = self.with_value.iter().map(|given| given.0.as_str());
        let names: Vec<&str> = given
            .chain(self.changing.iter().map(String::as_str))
            .collect();
        let shown = shown(name);
        let shown = shown.trim_matches('"');
        match nearest(name, &names) {
            Some(near) => format!(
                "${{{shown}}} names no variable of this scenario; did you mean ${{{near}}}?"
            ),
            None if self.once => format!(
                "${{{shown}}} has no value here: requests that are made once per run know variables and what setup or they themselves extract, and no rows of data"
            ),
            None => format!(
                "${{{shown}}} names no variable of this scenario: give it a value in variables, data-sources or an extraction"
            ),
        }
    }
}

/// Reads the text of a node and checks its variables.
pub(crate) fn checked<'a>(
    node: &Node<'a>,
    longest: usize,
    known: &Known,
    notes: &mut Notes,
) -> Option<&'a str> {
    let text = node.sized_text(0..=longest, notes)?;
    known.check(text, node, notes);
    Some(text)
}

pub(crate) fn variables(object: &Object<'_>, notes: &mut Notes) -> Vec<(String, String)> {
    let Some(object) = object.get("variables").and_then(|node| node.object(notes)) else {
        return Vec::new();
    };
    if object.map.len() > MOST_VARIABLES {
        let reason = format!(
            "has {} variables; at most {MOST_VARIABLES} are allowed",
            object.map.len()
        );
        notes.fault(&object.path, reason);
        return Vec::new();
    }
    let mut read = Vec::new();
    for (key, value) in object.map {
        let node = Node {
            value,
            path: object.path_of(key),
        };
        if !name(key, &node, notes) {
            continue;
        }
        // A wrong value is no missing one.
        let value = scalar(&node, LONGEST_VARIABLE, notes).unwrap_or_default();
        if has_variables(&value) {
            notes.not_runnable(
                &node.path,
                "holds ${…}, which is not replaced here: variables are not made of variables"
                    .to_owned(),
            );
        }
        read.push((key.clone(), value));
    }
    read
}

/// Text, or a number or true or false as its text.
pub(crate) fn scalar(node: &Node<'_>, longest: usize, notes: &mut Notes) -> Option<String> {
    match node.value {
        Value::Number(number) => Some(number.to_string()),
        Value::Bool(flag) => Some(flag.to_string()),
        _ => node.sized_text(0..=longest, notes).map(str::to_owned),
    }
}

/// Whether a name can be written as `${name}`; notes why not.
pub(crate) fn name(text: &str, node: &Node<'_>, notes: &mut Notes) -> bool {
    let good = is_name(text);
    if !good {
        node.fault(
            notes,
            format!("is no name of a variable: 1 to {LONGEST_VARIABLE_NAME} characters without {{, }} and control characters"),
        );
    }
    good
}

/// Whether a name can be written as `${name}`.
pub fn is_name(text: &str) -> bool {
    (1..=LONGEST_VARIABLE_NAME).contains(&text.chars().count())
        && !text.contains(|c: char| matches!(c, '{' | '}') || c.is_control())
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn texts_fall_into_pieces() {
        use Piece::{Open, Text, Variable};
        let of = |text| pieces(text).collect::<Vec<_>>();
        assert_eq!(
            of("/a/${id}${x}?b=$c$$"),
            [Text("/a/"), Variable("id"), Variable("x"), Text("?b=$c$$")]
        );
        assert_eq!(of("$${a}"), [Text("$"), Variable("a")]);
        assert_eq!(of("a${b"), [Text("a"), Open("${b")]);
        assert_eq!(of("${}}"), [Variable(""), Text("}")]);
        assert_eq!(of(""), []);
    }

    proptest! {
        #[test]
        fn no_character_is_lost(text in "[a$\\{\\}é ]{0,30}") {
            let again: String = pieces(&text)
                .map(|piece| match piece {
                    Piece::Text(text) | Piece::Open(text) => text.to_owned(),
                    Piece::Variable(name) => format!("${{{name}}}"),
                })
                .collect();
            prop_assert_eq!(again, text);
        }
    }
}
