//! Looks a JSONPath up. Every value that is looked at is a step of the budget, and no
//! list on the way is longer than it allows.

use super::{Comparison, Matcher, Operand, Path, Segment, Selector, Test};
use crate::scenario::limits::LARGEST_PATTERN_BYTES;
use crate::scenario::requests::budget::{Budget, MOST_NODES, OverBudget};
use crate::scenario::requests::search::Searcher;
use crate::value::{Number, Value};
use regex::bytes::RegexBuilder;
use std::borrow::Cow;

/// Steps of compiling a regular expression that an answer or a literal gives, and of
/// each of its bytes more.
const STEPS_TO_COMPILE: u64 = 2_000;
const STEPS_TO_COMPILE_A_BYTE: u64 = 200;
/// Largest such expression once compiled, bytes: it is compiled for each value that
/// it is tried on.
const LARGEST_FOUND_PATTERN_BYTES: usize = 64 * 1024;

type Nodes<'v> = Result<Vec<&'v Value>, OverBudget>;

/// The values that a path leads to, in order.
pub(crate) fn find<'v>(path: &Path, root: &'v Value, budget: &Budget<'_>) -> Nodes<'v> {
    Look { root, budget }.nodes(path, root)
}

/// As the functions `match` and `search` read a regular expression: RFC 9485, whose
/// point matches no line break of either kind.
pub(super) fn compile(pattern: &str, whole: bool) -> Option<Searcher> {
    compile_up_to(pattern, whole, LARGEST_PATTERN_BYTES)
}

fn compile_up_to(pattern: &str, whole: bool, most_bytes: usize) -> Option<Searcher> {
    let text = if whole {
        format!("(?R)^({pattern})$")
    } else {
        format!("(?R)({pattern})")
    };
    let regex = RegexBuilder::new(&text).size_limit(most_bytes).build();
    Searcher::of(regex.ok()?, most_bytes)
}

/// A lookup: the root that `$` means, and the budget.
#[derive(Clone, Copy)]
struct Look<'v, 'b, 'c> {
    root: &'v Value,
    budget: &'b Budget<'c>,
}

/// The value of an operand; None: nothing.
type Found<'v> = Option<Cow<'v, Value>>;

impl<'v> Look<'v, '_, '_> {
    fn nodes(&self, path: &Path, current: &'v Value) -> Nodes<'v> {
        self.budget.spend(1)?;
        let mut nodes = vec![if path.from_root { self.root } else { current }];
        for segment in &path.segments {
            let mut next = Vec::new();
            for node in nodes {
                self.segment(segment, node, &mut next)?;
            }
            nodes = next;
        }
        Ok(nodes)
    }

    fn segment(
        &self,
        segment: &Segment,
        node: &'v Value,
        found: &mut Vec<&'v Value>,
    ) -> Result<(), OverBudget> {
        for selector in &segment.selectors {
            self.select(selector, node, found)?;
        }
        if segment.descends {
            // Values are nested at most as deep as they are read (`value::reader`).
            for child in children(node) {
                self.segment(segment, child, found)?;
            }
        }
        Ok(())
    }

    fn select(
        &self,
        selector: &Selector,
        node: &'v Value,
        found: &mut Vec<&'v Value>,
    ) -> Result<(), OverBudget> {
        self.budget.spend(1)?;
        match selector {
            Selector::Name(name) => self.add(node.get(name.as_str()), found),
            Selector::Index(at) => {
                let items = node.as_array().map_or(&[][..], Vec::as_slice);
                let at = usize::try_from(absolute(*at, items.len())).ok();
                self.add(at.and_then(|at| items.get(at)), found)
            }
            Selector::Slice(start, end, step) => {
                let items = node.as_array().map_or(&[][..], Vec::as_slice);
                self.slice(items, (*start, *end, *step), found)
            }
            Selector::All => {
                for child in children(node) {
                    self.add(Some(child), found)?;
                }
                Ok(())
            }
            Selector::Filter(test) => {
                for child in children(node) {
                    self.budget.spend(1)?;
                    if self.is_true(test, child)? {
                        self.add(Some(child), found)?;
                    }
                }
                Ok(())
            }
        }
    }

    fn add(&self, node: Option<&'v Value>, found: &mut Vec<&'v Value>) -> Result<(), OverBudget> {
        let Some(node) = node else { return Ok(()) };
        self.budget.spend(1)?;
        if found.len() >= MOST_NODES {
            return Err(OverBudget::Nodes);
        }
        found.push(node);
        Ok(())
    }

    /// RFC 9535, 2.3.4.2.
    fn slice(
        &self,
        items: &'v [Value],
        (start, end, step): (Option<i64>, Option<i64>, i64),
        found: &mut Vec<&'v Value>,
    ) -> Result<(), OverBudget> {
        let length = items.len();
        let (most, back) = (length as i64, step < 0);
        let (start, end) = match back {
            false => (start.unwrap_or(0), end.unwrap_or(most)),
            true => (start.unwrap_or(most - 1), end.unwrap_or(-most - 1)),
        };
        let (start, end) = (absolute(start, length), absolute(end, length));
        let (mut at, end) = match back {
            false => (start.clamp(0, most), end.clamp(0, most)),
            true => (start.clamp(-1, most - 1), end.clamp(-1, most - 1)),
        };
        while step != 0 && if back { at > end } else { at < end } {
            let item = usize::try_from(at).ok().and_then(|at| items.get(at));
            self.add(item, found)?;
            at = at.saturating_add(step);
        }
        Ok(())
    }

    fn is_true(&self, test: &Test, current: &'v Value) -> Result<bool, OverBudget> {
        self.budget.spend(1)?;
        match test {
            Test::Any(tests) => {
                for test in tests {
                    if self.is_true(test, current)? {
                        return Ok(true);
                    }
                }
                Ok(false)
            }
            Test::All(tests) => {
                for test in tests {
                    if !self.is_true(test, current)? {
                        return Ok(false);
                    }
                }
                Ok(true)
            }
            Test::Not(test) => Ok(!self.is_true(test, current)?),
            Test::Exists(path) => Ok(!self.nodes(path, current)?.is_empty()),
            Test::Compare(left, comparison, right) => {
                let left = self.value(left, current)?;
                let right = self.value(right, current)?;
                self.compare(left.as_deref(), *comparison, right.as_deref())
            }
            Test::Matches(text, matcher) => self.matches(text, matcher, current),
        }
    }

    fn value(&self, operand: &Operand, current: &'v Value) -> Result<Found<'v>, OverBudget> {
        let whole = |count: usize| {
            let number = Number::parse(&count.to_string());
            number.map(|number| Cow::Owned(Value::Number(number)))
        };
        Ok(match operand {
            Operand::Literal(value) => {
                self.budget.spend(1)?;
                Some(Cow::Owned(value.clone()))
            }
            Operand::Query(path) | Operand::ValueOf(path) => match self.nodes(path, current)?[..] {
                [node] => Some(Cow::Borrowed(node)),
                _ => None,
            },
            Operand::Count(path) => whole(self.nodes(path, current)?.len()),
            Operand::Length(of) => match self.value(of, current)?.as_deref() {
                Some(Value::String(text)) => {
                    self.budget.spend_bytes(text.len())?;
                    whole(text.chars().count())
                }
                Some(Value::Array(items)) => whole(items.len()),
                Some(Value::Object(map)) => whole(map.len()),
                _ => None,
            },
        })
    }

    fn matches(
        &self,
        text: &Operand,
        matcher: &Matcher,
        current: &'v Value,
    ) -> Result<bool, OverBudget> {
        let text = self.value(text, current)?;
        let Some(Value::String(text)) = text.as_deref() else {
            return Ok(false);
        };
        match &matcher.fixed {
            Some(None) => Ok(false),
            Some(Some(searcher)) => searcher.is_match(text.as_bytes(), self.budget),
            None => {
                let pattern = self.value(&matcher.from, current)?;
                let Some(Value::String(pattern)) = pattern.as_deref() else {
                    return Ok(false);
                };
                let bytes = pattern.len() as u64 * STEPS_TO_COMPILE_A_BYTE;
                self.budget.spend(STEPS_TO_COMPILE + bytes)?;
                self.budget.look()?;
                let most = LARGEST_FOUND_PATTERN_BYTES;
                match compile_up_to(pattern, matcher.whole, most) {
                    Some(searcher) => searcher.is_match(text.as_bytes(), self.budget),
                    None => Ok(false),
                }
            }
        }
    }

    /// RFC 9535, 2.3.5.2.2.
    fn compare(
        &self,
        left: Option<&Value>,
        comparison: Comparison,
        right: Option<&Value>,
    ) -> Result<bool, OverBudget> {
        let equal = match (left, right) {
            (None, None) => true,
            (Some(left), Some(right)) => self.is_equal(left, right)?,
            _ => false,
        };
        let less = |left: Option<&Value>, right: Option<&Value>| match (left, right) {
            (Some(Value::Number(left)), Some(Value::Number(right))) => float(left) < float(right),
            (Some(Value::String(left)), Some(Value::String(right))) => left < right,
            _ => false,
        };
        Ok(match comparison {
            Comparison::Equal => equal,
            Comparison::NotEqual => !equal,
            Comparison::Less => less(left, right),
            Comparison::LessOrEqual => less(left, right) || equal,
            Comparison::Greater => less(right, left),
            Comparison::GreaterOrEqual => less(right, left) || equal,
        })
    }

    fn is_equal(&self, left: &Value, right: &Value) -> Result<bool, OverBudget> {
        self.budget.spend(1)?;
        match (left, right) {
            (Value::Number(left), Value::Number(right)) => Ok(float(left) == float(right)),
            (Value::String(left), Value::String(right)) => {
                self.budget.spend_bytes(left.len().min(right.len()))?;
                Ok(left == right)
            }
            (Value::Array(left), Value::Array(right)) if left.len() == right.len() => {
                for (left, right) in left.iter().zip(right) {
                    if !self.is_equal(left, right)? {
                        return Ok(false);
                    }
                }
                Ok(true)
            }
            (Value::Object(left), Value::Object(right)) if left.len() == right.len() => {
                for (key, left) in left {
                    let Some(right) = right.get(key) else {
                        return Ok(false);
                    };
                    if !self.is_equal(left, right)? {
                        return Ok(false);
                    }
                }
                Ok(true)
            }
            (Value::Bool(left), Value::Bool(right)) => Ok(left == right),
            (Value::Null, Value::Null) => Ok(true),
            _ => Ok(false),
        }
    }
}

fn children(node: &Value) -> impl Iterator<Item = &Value> {
    let items = node.as_array().map(|items| items.iter());
    let map = node.as_object().map(|map| map.values());
    items.into_iter().flatten().chain(map.into_iter().flatten())
}

/// An index that counts from the end, if it is negative.
fn absolute(at: i64, length: usize) -> i64 {
    if at < 0 {
        at.saturating_add(length as i64)
    } else {
        at
    }
}

/// A number as filters compare it: the nearest float.
fn float(number: &Number) -> f64 {
    number.to_serde().as_f64().unwrap_or(0.0)
}
