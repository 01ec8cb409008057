//! How conditions are written: comparisons of values and texts, joined by `and`, `or`, `not`
//! and brackets. It is no programming language: what is not understood is refused, with the
//! place. Judging is `plan::condition`'s.

use crate::scenario::document::notes::{Node, Notes};
use crate::scenario::document::shown::shown;
use crate::scenario::limits::LONGEST_PATTERN;
use crate::scenario::plan::{Condition, Operand, Relation, Test};
use crate::scenario::requests::patterns::Pattern;
use crate::scenario::requests::variables::{Known, has_variables};
use crate::value::{Number, Value};

/// Deepest brackets and `not`s, so that neither reading nor judging takes much of a stack.
const DEEPEST: usize = 20;
const HOW: &str = "a condition is like ${status} == 'paid', ${left} > 0, '${page}' contains 'login', ${id} matches '^[0-9]+$', joined by and, or, not and brackets";

/// A piece of a condition.
#[derive(Debug, Clone, PartialEq)]
enum Token {
    /// A sign or a word: `(`, `==`, `and`.
    Sign(&'static str),
    /// `'…'` or `"…"`.
    Quoted(String),
    /// `${name}`.
    Variable(String),
    Number(Number),
}

/// Signs, longer ones first; each with what it means.
const SIGNS: [(&str, &str); 14] = [
    ("===", ""),
    ("!==", ""),
    ("==", "=="),
    ("!=", "!="),
    ("<=", "<="),
    (">=", ">="),
    ("&&", "and"),
    ("||", "or"),
    ("<", "<"),
    (">", ">"),
    ("!", "not"),
    ("(", "("),
    (")", ")"),
    ("=", ""),
];
const WORDS: [&str; 7] = ["and", "or", "not", "true", "false", "contains", "matches"];

/// Reads a condition and checks its variables.
pub(crate) fn condition(node: &Node<'_>, known: &Known, notes: &mut Notes) -> Option<Condition> {
    let text = match node.value {
        Value::Bool(always) => return Some(constant(*always)),
        _ => node.sized_text(1..=LONGEST_PATTERN, notes)?,
    };
    known.check(text, node, notes);
    if text.contains("matches") && !notes.one_more_pattern(&node.path) {
        return None;
    }
    match parse(text) {
        Ok(condition) => Some(condition),
        Err(why) => {
            node.fault(notes, why);
            None
        }
    }
}

fn constant(always: bool) -> Condition {
    Condition {
        text: always.to_string(),
        texts: Vec::new(),
        test: Test::Constant(always),
    }
}

/// Parses a condition, or says what is not understood, and where.
pub(crate) fn parse(text: &str) -> Result<Condition, String> {
    let mut parser = Parser {
        tokens: tokens(text)?,
        at: 0,
        texts: Vec::new(),
    };
    let test = parser.any(0)?;
    if let Some((_, place)) = parser.tokens.get(parser.at) {
        return Err(misread(text, *place, "does not go on with and or or"));
    }
    Ok(Condition {
        text: text.to_owned(),
        texts: parser.texts,
        test,
    })
}

/// What is wrong at a byte of the text, in words that show it.
fn misread(text: &str, at: usize, why: &str) -> String {
    let chars = text[..at].chars().count() + 1;
    let rest: String = text[at..].chars().take(30).collect();
    match rest.is_empty() {
        true => format!("ends too early: {HOW}"),
        false => format!("{why} at character {chars}, {}: {HOW}", shown(&rest)),
    }
}

/// The pieces of a text, each with the byte that it begins at.
fn tokens(text: &str) -> Result<Vec<(Token, usize)>, String> {
    let mut tokens = Vec::new();
    let mut at = 0;
    while let Some(first) = text[at..].chars().next() {
        let rest = &text[at..];
        if first.is_whitespace() {
            at += first.len_utf8();
            continue;
        }
        let (token, bytes) = token(rest).ok_or_else(|| misread(text, at, "is not understood"))?;
        if token == Token::Sign("") {
            let why = "has a sign of another language; write == or !=";
            return Err(misread(text, at, why));
        }
        tokens.push((token, at));
        at += bytes;
    }
    Ok(tokens)
}

/// The piece that a text begins with, and its bytes.
fn token(rest: &str) -> Option<(Token, usize)> {
    if let Some(quote) = rest.chars().next().filter(|c| matches!(c, '\'' | '"')) {
        let end = rest[1..].find(quote)?;
        return Some((Token::Quoted(rest[1..=end].to_owned()), end + 2));
    }
    if rest.starts_with("${") {
        let end = rest.find('}')?;
        return Some((Token::Variable(rest[..=end].to_owned()), end + 1));
    }
    if let Some((sign, meaning)) = SIGNS.iter().find(|row| rest.starts_with(row.0)) {
        return Some((Token::Sign(meaning), sign.len()));
    }
    let end = rest
        .find(|c: char| !(c.is_alphanumeric() || matches!(c, '.' | '-' | '+' | '_')))
        .unwrap_or(rest.len());
    let word = &rest[..end];
    if let Some(word) = WORDS.iter().find(|known| **known == word) {
        return Some((Token::Sign(word), word.len()));
    }
    Number::parse(word).map(|number| (Token::Number(number), end))
}

struct Parser {
    tokens: Vec<(Token, usize)>,
    at: usize,
    texts: Vec<String>,
}

impl Parser {
    fn sign(&mut self, sign: &str) -> bool {
        let is = matches!(self.tokens.get(self.at), Some((Token::Sign(it), _)) if *it == sign);
        self.at += usize::from(is);
        is
    }

    /// Tests joined by `or`.
    fn any(&mut self, depth: usize) -> Result<Test, String> {
        let mut tests = vec![self.all(depth)?];
        while self.sign("or") {
            tests.push(self.all(depth)?);
        }
        Ok(match tests.len() {
            1 => tests.remove(0),
            _ => Test::Any(tests),
        })
    }

    /// Tests joined by `and`.
    fn all(&mut self, depth: usize) -> Result<Test, String> {
        let mut tests = vec![self.one(depth)?];
        while self.sign("and") {
            tests.push(self.one(depth)?);
        }
        Ok(match tests.len() {
            1 => tests.remove(0),
            _ => Test::All(tests),
        })
    }

    fn one(&mut self, depth: usize) -> Result<Test, String> {
        if depth > DEEPEST {
            return Err(format!("has more than {DEEPEST} brackets in each other"));
        }
        if self.sign("not") {
            return Ok(Test::Not(Box::new(self.one(depth + 1)?)));
        }
        if self.sign("(") {
            let test = self.any(depth + 1)?;
            return match self.sign(")") {
                true => Ok(test),
                false => Err(format!("has a bracket that nothing closes: {HOW}")),
            };
        }
        for (word, always) in [("true", true), ("false", false)] {
            if self.sign(word) {
                return Ok(Test::Constant(always));
            }
        }
        self.comparison()
    }

    /// A value, or two of them with what is asked of them.
    fn comparison(&mut self) -> Result<Test, String> {
        let one = self.value()?;
        for (sign, relation) in [
            ("<", Relation::Less),
            ("<=", Relation::AtMost),
            (">", Relation::More),
            (">=", Relation::AtLeast),
        ] {
            if self.sign(sign) {
                let other = self.value()?;
                return match (self.operand(one), self.operand(other)) {
                    (Some(one), Some(other)) => Ok(Test::Ordered(one, relation, other)),
                    _ => Err(format!(
                        "orders a text by {sign}, which is for numbers: take the quotes away"
                    )),
                };
            }
        }
        let is = self.sign("==");
        if is || self.sign("!=") {
            let other = self.value()?;
            let same = self.same(one, other)?;
            return Ok(match is {
                true => same,
                false => Test::Not(Box::new(same)),
            });
        }
        if self.sign("contains") {
            let other = self.value()?;
            let (one, other) = (self.place(one), self.place(other));
            return Ok(Test::Contains(one, other));
        }
        if self.sign("matches") {
            return match self.value()? {
                Token::Quoted(text) if !has_variables(&text) => {
                    let pattern = Pattern::compile(&text)?;
                    Ok(Test::Matches(self.place(one), pattern))
                }
                _ => Err("matches an expression that is written in quotes and has no variables, like matches '^[0-9]+$'".to_owned()),
            };
        }
        match one {
            Token::Variable(_) => Ok(Test::IsTrue(self.place(one))),
            _ => Err(format!("has a value that is compared with nothing: {HOW}")),
        }
    }

    /// A text in quotes is compared as one; numbers, and what may be one, as numbers.
    fn same(&mut self, one: Token, other: Token) -> Result<Test, String> {
        match (&one, &other) {
            (Token::Quoted(_), Token::Number(_)) | (Token::Number(_), Token::Quoted(_)) => Err(
                "compares a text with a number: take the quotes away, or put them around both"
                    .to_owned(),
            ),
            (Token::Quoted(_), _) | (_, Token::Quoted(_)) => {
                let (one, other) = (self.place(one), self.place(other));
                Ok(Test::SameText(one, other))
            }
            _ => match (self.operand(one), self.operand(other)) {
                (Some(one), Some(other)) => Ok(Test::Same(one, other)),
                _ => Err(HOW.to_owned()),
            },
        }
    }

    fn value(&mut self) -> Result<Token, String> {
        match self.tokens.get(self.at) {
            Some((token @ (Token::Quoted(_) | Token::Variable(_) | Token::Number(_)), _)) => {
                self.at += 1;
                Ok(token.clone())
            }
            Some((Token::Sign(sign), _)) => Err(format!("has {sign} where a value belongs: {HOW}")),
            None => Err(format!("ends too early: {HOW}")),
        }
    }

    /// What is compared as a number; None of a text in quotes.
    fn operand(&mut self, token: Token) -> Option<Operand> {
        match token {
            Token::Number(number) => Some(Operand::Number(number)),
            Token::Variable(_) => Some(Operand::Value(self.place(token))),
            Token::Quoted(_) | Token::Sign(_) => None,
        }
    }

    /// The place of a text.
    fn place(&mut self, token: Token) -> usize {
        let text = match token {
            Token::Quoted(text) | Token::Variable(text) => text,
            Token::Number(number) => number.text().to_owned(),
            Token::Sign(sign) => sign.to_owned(),
        };
        self.texts.push(text);
        self.texts.len() - 1
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::scenario::plan::Judged;
    use crate::scenario::requests::budget::Budget;
    use proptest::prelude::*;

    /// Judged where `${name}` has these values; others have none.
    fn judged(text: &str, values: &[(&str, &str)]) -> Judged {
        let condition = parse(text).unwrap_or_else(|why| panic!("{text}: {why}"));
        let of = |place: usize| {
            let mut text = condition.texts[place].clone();
            for (name, value) in values {
                text = text.replace(&format!("${{{name}}}"), value);
            }
            std::borrow::Cow::Owned(text)
        };
        condition.judge(&of, &Budget::new(&|| true))
    }

    #[test]
    fn conditions_mean_what_they_say() {
        let values = [
            ("n", "10"),
            ("s", "paid"),
            ("t", "true"),
            ("long", "123456789012345678901"),
            ("price", "1e1"),
            ("none", ""),
        ];
        for (text, holds) in [
            ("${n} == 10", true),
            ("${n} == 10.0", true),
            ("'${n}' == '10.0'", false),
            ("${n} == ${price}", true),
            ("'${n}' == \"10\"", true),
            ("${n} > 9", true),
            ("${n} < 9 or ${n} >= 10", true),
            ("9 < ${n} and ${n} <= 10", true),
            ("${long} == 123456789012345678902", false),
            ("${s} == 'paid'", true),
            ("${s} != 'paid'", false),
            ("${s} == ${s}", true),
            ("${t}", true),
            ("!${t} || ${s} == 'open'", false),
            ("not (${s} == 'open' or ${s} == 'new')", true),
            ("not ${s} == 'open' and true", true),
            ("false or true and false", false),
            ("(false or true) and true", true),
            ("'a ${s} b' contains 'paid'", true),
            ("${s} contains 'Paid'", false),
            ("${n} matches '^[0-9]+$'", true),
            ("'${s}' matches 'p.*d'", true),
            ("'${none}' == ''", true),
            ("'it is \"so\"' contains '\"'", true),
        ] {
            let judged = judged(text, &values);
            assert_eq!(
                judged,
                Judged {
                    holds,
                    is_doubtful: false
                },
                "{text}"
            );
        }
        // What cannot be ordered does not hold, either way, and that is known.
        for text in ["${s} < 10", "${s} >= 10", "${none} < 1"] {
            let judged = judged(text, &values);
            assert_eq!(
                judged,
                Judged {
                    holds: false,
                    is_doubtful: true
                },
                "{text}"
            );
        }
    }

    #[test]
    fn what_is_not_understood_is_told_with_its_place() {
        for (text, told) in [
            ("", "ends too early"),
            ("${a} ==", "ends too early"),
            ("${a} = 1", "at character 6"),
            ("${a} === 1", "write == or !="),
            ("${a} == 1 2", "at character 11"),
            ("a == 1", "at character 1, \"a == 1\""),
            ("${a} + 1 == 2", "at character 6"),
            ("'${a}' < '5'", "take the quotes away"),
            (
                "'${a}' == 5",
                "take the quotes away, or put them around both",
            ),
            ("(${a} == 1", "nothing closes"),
            ("${a} == 1)", "at character 10"),
            ("'a", "is not understood at character 1"),
            ("${a", "is not understood at character 1"),
            ("5", "compared with nothing"),
            ("'a'", "compared with nothing"),
            ("${a} matches '('", "is not a regular expression"),
            ("${a} matches ${b}", "written in quotes"),
            ("and", "has and where a value belongs"),
            ("vars.get('a') == 'b'", "at character 1"),
        ] {
            let why = parse(text).unwrap_err();
            assert!(why.contains(told), "{text}: {why}");
        }
        assert!(parse(&format!("{}true", "not ".repeat(30))).is_err());
    }

    proptest! {
        #[test]
        fn any_text_is_answered(text in "([ ()!=<>&|'\"a$\\{\\}0-9.é]|and|or|not|true|matches|contains){0,40}") {
            let _ = parse(&text);
        }

        /// Numbers are ordered as numbers, whichever way they are written.
        #[test]
        fn numbers_are_ordered_as_numbers(one: i32, other: i32) {
            let values = [("one", one.to_string()), ("other", format!("{other}.0"))];
            let values: Vec<(&str, &str)> = values.iter().map(|row| (row.0, row.1.as_str())).collect();
            prop_assert_eq!(judged("${one} < ${other}", &values).holds, one < other);
            prop_assert_eq!(judged("${one} == ${other}", &values).holds, one == other);
            prop_assert_eq!(judged("${one} >= ${other}", &values).holds, one >= other);
        }
    }
}
