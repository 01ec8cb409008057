//! An answer's JSON, as queries look at it, and the values that they lead to. `patterns` knows the
//! queries, `budget` what looking may cost.

use crate::scenario::requests::budget::{Budget, MOST_VALUES, OverBudget};
use crate::scenario::requests::json_path::{self, Path};
use crate::value::reader::{self, Surrogates, Written};
use crate::value::{NotJson, Number, Value};
use std::borrow::Cow;
use std::cell::OnceCell;

/// Names of an object that are compared in a step of the budget.
const NAMES_PER_STEP: usize = 8;

/// A step of a plain JSONPath.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum PlainStep {
    Name(String),
    Index(usize),
}

/// An answer's JSON.
#[derive(Debug)]
pub struct JsonDocument<'a>(Form<'a>);

#[derive(Debug)]
enum Form<'a> {
    /// What stands in the text: enough for plain queries, and made in a fraction of the time. The
    /// value is made should another query be asked all the same.
    Written(Written<'a>, OnceCell<Value>),
    Value(Value),
}

/// Why a body gives no JSON.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Unreadable {
    /// It is none.
    #[error(transparent)]
    NotJson(#[from] NotJson),
    /// It is too large to be looked at.
    #[error(transparent)]
    TooLarge(#[from] OverBudget),
}

/// A value that a query leads to; nothing of it is copied.
#[derive(Debug, Clone, Copy)]
pub struct JsonNode<'d>(Found<'d>);

#[derive(Debug, Clone, Copy)]
enum Found<'d> {
    Written(&'d Written<'d>),
    Value(&'d Value),
}

impl<'a> JsonDocument<'a> {
    /// Reads a text, however large or small its numbers are; `plain`: for plain queries alone.
    pub fn read(text: &'a str, plain: bool, budget: &Budget<'_>) -> Result<Self, Unreadable> {
        budget.look()?;
        let read = reader::read_up_to(text, Surrogates::Replace, MOST_VALUES)?;
        let written = read.ok_or(OverBudget::Values)?;
        Ok(Self(match plain {
            true => Form::Written(written, OnceCell::new()),
            false => Form::Value(written.into_value()),
        }))
    }

    /// The value that plain steps lead to.
    pub(super) fn at(
        &self,
        steps: &[PlainStep],
        budget: &Budget<'_>,
    ) -> Result<Option<JsonNode<'_>>, OverBudget> {
        budget.look()?;
        let root = match &self.0 {
            Form::Written(root, _) => Found::Written(root),
            Form::Value(root) => Found::Value(root),
        };
        let mut found = Some(root);
        for step in steps {
            let Some(node) = found else { break };
            found = node.step(step, budget)?;
        }
        Ok(found.map(JsonNode))
    }

    /// The values that a path leads to, in order.
    pub(super) fn all(
        &self,
        path: &Path,
        budget: &Budget<'_>,
    ) -> Result<Vec<JsonNode<'_>>, OverBudget> {
        let root = match &self.0 {
            Form::Written(root, value) => value.get_or_init(|| root.clone().into_value()),
            Form::Value(root) => root,
        };
        let found = json_path::find(path, root, budget)?;
        let nodes = found.into_iter().map(|value| JsonNode(Found::Value(value)));
        Ok(nodes.collect())
    }
}

impl<'d> Found<'d> {
    fn step(self, step: &PlainStep, budget: &Budget<'_>) -> Result<Option<Self>, OverBudget> {
        let names = match (self, step) {
            // The names of what is only read are looked through.
            (Self::Written(Written::Map(entries)), PlainStep::Name(_)) => entries.len(),
            _ => 0,
        };
        budget.spend(1 + (names / NAMES_PER_STEP) as u64)?;
        Ok(match (self, step) {
            (Self::Written(node), PlainStep::Name(name)) => node.get(name).map(Self::Written),
            (Self::Written(node), PlainStep::Index(at)) => node.item(*at).map(Self::Written),
            (Self::Value(node), PlainStep::Name(name)) => node.get(name).map(Self::Value),
            (Self::Value(node), PlainStep::Index(at)) => {
                let items = node.as_array();
                items.and_then(|items| items.get(*at)).map(Self::Value)
            }
        })
    }
}

impl<'d> JsonNode<'d> {
    /// As [`Value::text`].
    pub fn text(&self) -> Cow<'d, str> {
        match self.0 {
            Found::Written(Written::Text(text) | Written::Number(text)) => Cow::Borrowed(&**text),
            Found::Written(other) => Cow::Owned(other.clone().into_value().to_string()),
            Found::Value(value) => value.text(),
        }
    }

    /// The number, if it is one.
    pub fn number(&self) -> Option<Number> {
        match self.0 {
            Found::Written(Written::Number(text)) => Number::parse(text),
            Found::Value(Value::Number(number)) => Some(number.clone()),
            Found::Written(_) | Found::Value(_) => None,
        }
    }

    /// A copy of it.
    pub fn to_value(&self) -> Value {
        match self.0 {
            Found::Written(written) => written.clone().into_value(),
            Found::Value(value) => value.clone(),
        }
    }
}
