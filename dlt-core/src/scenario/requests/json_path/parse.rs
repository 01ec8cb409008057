//! Reads a JSONPath that `serde_json_path` has accepted. Nothing is told of what is
//! wrong with a text: that library has, with its place.

use super::find::compile;
use super::{Comparison, Matcher, Operand, Path, Segment, Selector, Test};
use crate::value::{Number, Value};

/// Reads a JSONPath; None if it is none.
pub(crate) fn parse(text: &str) -> Option<Path> {
    let mut reader = Reader { rest: text };
    let path = reader.path()?;
    (path.from_root && reader.rest.is_empty()).then_some(path)
}

struct Reader<'a> {
    rest: &'a str,
}

impl<'a> Reader<'a> {
    /// Takes a sign that comes next.
    fn take(&mut self, sign: &str) -> bool {
        let after = self.rest.strip_prefix(sign);
        self.rest = after.unwrap_or(self.rest);
        after.is_some()
    }

    fn skip_blank(&mut self) {
        self.rest = self.rest.trim_start_matches([' ', '\t', '\n', '\r']);
    }

    /// Takes a sign behind white space, which stays if the sign does not follow.
    fn take_behind_blank(&mut self, sign: &str) -> bool {
        let before = self.rest;
        self.skip_blank();
        let taken = self.take(sign);
        if !taken {
            self.rest = before;
        }
        taken
    }

    fn take_while(&mut self, is_part: impl Fn(char) -> bool) -> &'a str {
        let end = self.rest.find(|c| !is_part(c)).unwrap_or(self.rest.len());
        let (taken, rest) = self.rest.split_at(end);
        self.rest = rest;
        taken
    }

    fn path(&mut self) -> Option<Path> {
        let from_root = self.take("$");
        if !from_root && !self.take("@") {
            return None;
        }
        let mut segments = Vec::new();
        loop {
            let before = self.rest;
            self.skip_blank();
            let descends = self.take("..");
            let selectors = if self.take("[") {
                self.bracketed()?
            } else if descends || self.take(".") {
                vec![self.dotted()?]
            } else {
                self.rest = before;
                return Some(Path {
                    from_root,
                    segments,
                });
            };
            segments.push(Segment {
                descends,
                selectors,
            });
        }
    }

    /// What follows a point.
    fn dotted(&mut self) -> Option<Selector> {
        if self.take("*") {
            return Some(Selector::All);
        }
        let is_part = |c: char| c.is_ascii_alphanumeric() || c == '_' || !c.is_ascii();
        let name = self.take_while(is_part);
        (!name.is_empty()).then(|| Selector::Name(name.to_owned()))
    }

    /// Selectors up to the closing bracket.
    fn bracketed(&mut self) -> Option<Vec<Selector>> {
        let mut selectors = Vec::new();
        loop {
            self.skip_blank();
            selectors.push(self.selector()?);
            self.skip_blank();
            if self.take("]") {
                return Some(selectors);
            }
            if !self.take(",") {
                return None;
            }
        }
    }

    fn selector(&mut self) -> Option<Selector> {
        if self.rest.starts_with(['\'', '"']) {
            return self.string().map(Selector::Name);
        }
        if self.take("*") {
            return Some(Selector::All);
        }
        if self.take("?") {
            self.skip_blank();
            return self.any().map(Selector::Filter);
        }
        let first = self.integer();
        if !self.take_behind_blank(":") {
            return first.map(Selector::Index);
        }
        self.skip_blank();
        let end = self.integer();
        let mut step = None;
        if self.take_behind_blank(":") {
            self.skip_blank();
            step = self.integer();
        }
        Some(Selector::Slice(first, end, step.unwrap_or(1)))
    }

    fn integer(&mut self) -> Option<i64> {
        let before = self.rest;
        let negative = self.take("-");
        let digits = self.take_while(|c| c.is_ascii_digit());
        let number = digits.parse::<i64>().ok();
        if number.is_none() {
            self.rest = before;
        }
        number.map(|number| if negative { -number } else { number })
    }

    /// A text in quotes of either kind.
    fn string(&mut self) -> Option<String> {
        let quote = self.rest.chars().next()?;
        self.rest = &self.rest[1..];
        let mut text = String::new();
        loop {
            let c = self.rest.chars().next()?;
            self.rest = &self.rest[c.len_utf8()..];
            match c {
                _ if c == quote => return Some(text),
                '\\' => text.push(self.escape()?),
                _ => text.push(c),
            }
        }
    }

    /// What stands behind a backslash.
    fn escape(&mut self) -> Option<char> {
        let c = self.rest.chars().next()?;
        self.rest = &self.rest[c.len_utf8()..];
        Some(match c {
            'b' => '\u{8}',
            'f' => '\u{c}',
            'n' => '\n',
            'r' => '\r',
            't' => '\t',
            'u' => {
                let first = self.unit()?;
                if let Some(c) = char::from_u32(first) {
                    return Some(c);
                }
                if !self.take("\\u") {
                    return None;
                }
                let second = self.unit()?.checked_sub(0xdc00)?;
                char::from_u32(0x10000 + (first.checked_sub(0xd800)? << 10) + second)?
            }
            c => c,
        })
    }

    fn unit(&mut self) -> Option<u32> {
        let digits = self.rest.get(..4)?;
        self.rest = &self.rest[4..];
        u32::from_str_radix(digits, 16).ok()
    }

    /// Tests joined by `||`.
    fn any(&mut self) -> Option<Test> {
        let mut tests = vec![self.all()?];
        while self.take_behind_blank("||") {
            self.skip_blank();
            tests.push(self.all()?);
        }
        Some(Test::Any(tests))
    }

    /// Tests joined by `&&`.
    fn all(&mut self) -> Option<Test> {
        let mut tests = vec![self.test()?];
        while self.take_behind_blank("&&") {
            self.skip_blank();
            tests.push(self.test()?);
        }
        Some(Test::All(tests))
    }

    fn test(&mut self) -> Option<Test> {
        if self.take("!") {
            self.skip_blank();
            return Some(Test::Not(Box::new(self.test()?)));
        }
        if self.take("(") {
            self.skip_blank();
            let inner = self.any()?;
            self.skip_blank();
            return self.take(")").then_some(inner);
        }
        for (name, whole) in [("match(", true), ("search(", false)] {
            if self.take(name) {
                return self.matches(whole);
            }
        }
        let left = self.operand()?;
        let before = self.rest;
        self.skip_blank();
        let Some(comparison) = self.comparison() else {
            self.rest = before;
            return match left {
                Operand::Query(path) => Some(Test::Exists(path)),
                _ => None,
            };
        };
        self.skip_blank();
        Some(Test::Compare(left, comparison, self.operand()?))
    }

    fn comparison(&mut self) -> Option<Comparison> {
        let signs = [
            ("==", Comparison::Equal),
            ("!=", Comparison::NotEqual),
            ("<=", Comparison::LessOrEqual),
            (">=", Comparison::GreaterOrEqual),
            ("<", Comparison::Less),
            (">", Comparison::Greater),
        ];
        signs
            .into_iter()
            .find(|(sign, _)| self.take(sign))
            .map(|(_, comparison)| comparison)
    }

    /// The arguments of `match` or `search`.
    fn matches(&mut self, whole: bool) -> Option<Test> {
        self.skip_blank();
        let text = self.operand()?;
        self.skip_blank();
        if !self.take(",") {
            return None;
        }
        self.skip_blank();
        let from = self.operand()?;
        self.skip_blank();
        let fixed = match &from {
            Operand::Literal(Value::String(pattern)) => Some(compile(pattern, whole)),
            Operand::Literal(_) => Some(None),
            _ => None,
        };
        let matcher = Matcher { whole, fixed, from };
        self.take(")")
            .then(|| Test::Matches(text, Box::new(matcher)))
    }

    fn operand(&mut self) -> Option<Operand> {
        match self.rest.chars().next()? {
            '$' | '@' => return self.path().map(Operand::Query),
            '\'' | '"' => return Some(Operand::Literal(Value::String(self.string()?))),
            '-' | '0'..='9' => {
                let is_part = |c: char| c.is_ascii_digit() || "+-.eE".contains(c);
                let number = Number::parse(self.take_while(is_part))?;
                return Some(Operand::Literal(Value::Number(number)));
            }
            _ => {}
        }
        for (word, value) in [
            ("true", Value::Bool(true)),
            ("false", Value::Bool(false)),
            ("null", Value::Null),
        ] {
            if self.take(word) {
                return Some(Operand::Literal(value));
            }
        }
        let name = self.take_while(|c| c.is_ascii_lowercase());
        if !self.take("(") {
            return None;
        }
        self.skip_blank();
        let operand = match name {
            "length" => Operand::Length(Box::new(self.operand()?)),
            "count" => Operand::Count(self.path()?),
            "value" => Operand::ValueOf(self.path()?),
            _ => return None,
        };
        self.skip_blank();
        self.take(")").then_some(operand)
    }
}
