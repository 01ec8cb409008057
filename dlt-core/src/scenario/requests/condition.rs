//! Conditions of a scenario over the values of its variables, compiled. How they are written is
//! `requests::conditions`'; the values are the engine's.

use crate::scenario::requests::budget::Budget;
use crate::scenario::requests::patterns::Pattern;
use crate::value::Number;
use std::borrow::Cow;
use std::cmp::Ordering;

/// A condition.
#[derive(Debug, Clone, PartialEq)]
pub struct Condition {
    /// As it was written.
    pub text: String,
    /// The texts that it is about, each with its variables; [`Test`] names them by their place.
    pub texts: Vec<String>,
    /// What has to hold.
    pub test: Test,
}

/// What has to hold.
#[derive(Debug, Clone, PartialEq)]
pub enum Test {
    /// Always, or never.
    Constant(bool),
    /// The value is `true`.
    IsTrue(usize),
    /// The other does not.
    Not(Box<Test>),
    /// Each does.
    All(Vec<Test>),
    /// One of them does.
    Any(Vec<Test>),
    /// Both are the same text.
    SameText(usize, usize),
    /// Both have the same value: numbers as numbers, else as texts.
    Same(Operand, Operand),
    /// The first is a number, and so the second, and they stand in this order.
    Ordered(Operand, Relation, Operand),
    /// The first text has the second in it.
    Contains(usize, usize),
    /// The expression matches somewhere in the text.
    Matches(usize, Pattern),
}

/// What is compared.
#[derive(Debug, Clone, PartialEq)]
pub enum Operand {
    /// A number, as it was written.
    Number(Number),
    /// The value of a text, which may be a number.
    Value(usize),
}

/// An order of numbers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Relation {
    /// `<`.
    Less,
    /// `<=`.
    AtMost,
    /// `>`.
    More,
    /// `>=`.
    AtLeast,
}

impl Relation {
    fn holds(self, ordering: Ordering) -> bool {
        match self {
            Self::Less => ordering.is_lt(),
            Self::AtMost => ordering.is_le(),
            Self::More => ordering.is_gt(),
            Self::AtLeast => ordering.is_ge(),
        }
    }
}

/// What came of a condition.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Judged {
    /// Whether it holds.
    pub holds: bool,
    /// Whether a part of it could not be judged, and does not hold therefore: an order of what
    /// is no number, or an expression that took too long.
    pub is_doubtful: bool,
}

/// Where the values come from, and what could not be judged.
struct Values<'a, 'v> {
    value: &'a dyn Fn(usize) -> Cow<'v, str>,
    budget: &'a Budget<'a>,
    is_doubtful: std::cell::Cell<bool>,
}

impl Condition {
    /// Judges it; `value` gives the texts by their place, with the values of their variables.
    pub fn judge<'v>(&self, value: &dyn Fn(usize) -> Cow<'v, str>, budget: &Budget<'_>) -> Judged {
        let values = Values {
            value,
            budget,
            is_doubtful: false.into(),
        };
        Judged {
            holds: self.test.holds(&values),
            is_doubtful: values.is_doubtful.get(),
        }
    }
}

impl Test {
    fn holds(&self, values: &Values<'_, '_>) -> bool {
        let text = |place: &usize| (values.value)(*place);
        match self {
            Self::Constant(holds) => *holds,
            Self::IsTrue(place) => text(place) == "true",
            Self::Not(test) => !test.holds(values),
            Self::All(tests) => tests.iter().all(|test| test.holds(values)),
            Self::Any(tests) => tests.iter().any(|test| test.holds(values)),
            Self::SameText(one, other) => text(one) == text(other),
            Self::Contains(one, other) => text(one).contains(&*text(other)),
            Self::Same(one, other) => match (one.number(values), other.number(values)) {
                (Some(one), Some(other)) => one.has_value_of(&other),
                _ => one.text(values) == other.text(values),
            },
            Self::Ordered(one, relation, other) => {
                let both = one.number(values).zip(other.number(values));
                let ordering = both.map(|(one, other)| one.compare(&other));
                values
                    .is_doubtful
                    .set(values.is_doubtful.get() || ordering.is_none());
                ordering.is_some_and(|ordering| relation.holds(ordering))
            }
            Self::Matches(place, pattern) => pattern
                .is_match(text(place).as_bytes(), values.budget)
                .unwrap_or_else(|_| {
                    values.is_doubtful.set(true);
                    false
                }),
        }
    }
}

impl Operand {
    fn number(&self, values: &Values<'_, '_>) -> Option<Number> {
        match self {
            Self::Number(number) => Some(number.clone()),
            Self::Value(place) => Number::parse(&(values.value)(*place)),
        }
    }

    fn text<'v>(&self, values: &Values<'_, 'v>) -> Cow<'v, str> {
        match self {
            Self::Number(number) => number.text().to_owned().into(),
            Self::Value(place) => (values.value)(*place),
        }
    }
}
