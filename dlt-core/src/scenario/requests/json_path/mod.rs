//! JSONPaths (RFC 9535), looked up within a budget: `parse` reads them, `find` looks
//! them up. Whether a text is a JSONPath at all is decided by `serde_json_path`,
//! whose own lookup has no budget: `$..*` written twenty times makes gigabytes of
//! twenty values. It is what the tests compare with.

mod find;
mod parse;

use crate::scenario::requests::search::Searcher;
use crate::value::Value;

pub(crate) use find::find;
pub(crate) use parse::parse;

/// A JSONPath, or the query of a filter.
#[derive(Debug, Clone)]
pub(crate) struct Path {
    /// From the root, `$`; else from the value that is tested, `@`.
    from_root: bool,
    segments: Vec<Segment>,
}

#[derive(Debug, Clone)]
struct Segment {
    /// `..`: of a value and of all below it.
    descends: bool,
    selectors: Vec<Selector>,
}

#[derive(Debug, Clone)]
enum Selector {
    Name(String),
    All,
    Index(i64),
    Slice(Option<i64>, Option<i64>, i64),
    Filter(Test),
}

/// What is true of a value, or not.
#[derive(Debug, Clone)]
enum Test {
    Any(Vec<Test>),
    All(Vec<Test>),
    Not(Box<Test>),
    Exists(Path),
    Compare(Operand, Comparison, Operand),
    Matches(Operand, Box<Matcher>),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Comparison {
    Equal,
    NotEqual,
    Less,
    LessOrEqual,
    Greater,
    GreaterOrEqual,
}

/// A value of a comparison, or of a function.
#[derive(Debug, Clone)]
enum Operand {
    Literal(Value),
    /// A query of at most one value.
    Query(Path),
    Length(Box<Operand>),
    Count(Path),
    ValueOf(Path),
}

/// The regular expression of `match` and `search`.
#[derive(Debug, Clone)]
struct Matcher {
    /// Whether it has to match the whole text.
    whole: bool,
    /// Written as a text: compiled once, or None if it is no regular expression.
    fixed: Option<Option<Searcher>>,
    /// Else where it stands.
    from: Operand,
}

#[cfg(test)]
mod tests;
