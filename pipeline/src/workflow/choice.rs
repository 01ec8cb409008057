//! The rules of a Choice state: one comparison, or `And`, `Or`, `Not` of rules.

use crate::workflow::jsonpath::Path;
use serde::Deserialize;
use serde_json::Value;

/// A rule and where it leads.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(try_from = "Written")]
pub struct Rule {
    /// What must hold.
    test: Test,
    /// Which state follows.
    pub next: String,
}

/// What must hold.
#[derive(Debug, Clone, PartialEq)]
enum Test {
    And(Vec<Test>),
    Or(Vec<Test>),
    Not(Box<Test>),
    Compare(Path, Operator),
}

#[derive(Debug, Clone, PartialEq)]
enum Operator {
    IsPresent(bool),
    StringEquals(String),
    BooleanEquals(bool),
    NumericEquals(f64),
    NumericLessThan(f64),
    NumericLessThanEquals(f64),
    NumericGreaterThan(f64),
    NumericGreaterThanEquals(f64),
}

/// A rule as it is written: exactly one operator is given.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "PascalCase")]
struct Written {
    #[expect(dead_code, reason = "read so that it is no unknown field")]
    comment: Option<String>,
    variable: Option<String>,
    and: Option<Vec<Written>>,
    or: Option<Vec<Written>>,
    not: Option<Box<Written>>,
    is_present: Option<bool>,
    string_equals: Option<String>,
    boolean_equals: Option<bool>,
    numeric_equals: Option<f64>,
    numeric_less_than: Option<f64>,
    numeric_less_than_equals: Option<f64>,
    numeric_greater_than: Option<f64>,
    numeric_greater_than_equals: Option<f64>,
    next: Option<String>,
}

impl TryFrom<Written> for Rule {
    type Error = String;

    fn try_from(mut written: Written) -> Result<Self, String> {
        let next = written.next.take().ok_or("a rule of a Choice needs Next")?;
        Ok(Self {
            test: test(written)?,
            next,
        })
    }
}

fn tests(list: Vec<Written>) -> Result<Vec<Test>, String> {
    if list.is_empty() {
        return Err("And and Or need at least one rule".to_owned());
    }
    list.into_iter().map(test).collect()
}

fn test(written: Written) -> Result<Test, String> {
    if written.next.is_some() {
        return Err("Next stands only on the outermost rule".to_owned());
    }
    let operators: Vec<Operator> = [
        written.is_present.map(Operator::IsPresent),
        written.string_equals.map(Operator::StringEquals),
        written.boolean_equals.map(Operator::BooleanEquals),
        written.numeric_equals.map(Operator::NumericEquals),
        written.numeric_less_than.map(Operator::NumericLessThan),
        written
            .numeric_less_than_equals
            .map(Operator::NumericLessThanEquals),
        written
            .numeric_greater_than
            .map(Operator::NumericGreaterThan),
        written
            .numeric_greater_than_equals
            .map(Operator::NumericGreaterThanEquals),
    ]
    .into_iter()
    .flatten()
    .collect();
    let mut found = Vec::new();
    if let Some(list) = written.and {
        found.push(Test::And(tests(list)?));
    }
    if let Some(list) = written.or {
        found.push(Test::Or(tests(list)?));
    }
    if let Some(inner) = written.not {
        found.push(Test::Not(Box::new(test(*inner)?)));
    }
    for operator in operators {
        let variable = written
            .variable
            .as_deref()
            .ok_or("a comparison needs Variable")?;
        let path = Path::parse(variable).map_err(|error| error.to_string())?;
        found.push(Test::Compare(path, operator));
    }
    let only = found.pop().ok_or("a rule needs one operator")?;
    match found.is_empty() {
        true => Ok(only),
        false => Err("a rule has one operator, not several".to_owned()),
    }
}

impl Rule {
    /// Whether it holds; an error names a variable that is not there.
    pub fn holds(&self, input: &Value, context: &Value) -> Result<bool, String> {
        holds(&self.test, input, context)
    }
}

fn holds(test: &Test, input: &Value, context: &Value) -> Result<bool, String> {
    Ok(match test {
        Test::And(list) => {
            for test in list {
                if !holds(test, input, context)? {
                    return Ok(false);
                }
            }
            true
        }
        Test::Or(list) => {
            for test in list {
                if holds(test, input, context)? {
                    return Ok(true);
                }
            }
            false
        }
        Test::Not(inner) => !holds(inner, input, context)?,
        Test::Compare(path, operator) => {
            let found = path.get(input, context);
            if let Operator::IsPresent(wanted) = operator {
                return Ok(found.is_some() == *wanted);
            }
            let value = found.ok_or_else(|| format!("variable {path} finds nothing"))?;
            let number = |holds: &dyn Fn(f64) -> bool| value.as_f64().is_some_and(holds);
            match operator {
                Operator::IsPresent(_) => unreachable!("answered above"),
                Operator::StringEquals(wanted) => value.as_str() == Some(wanted),
                Operator::BooleanEquals(wanted) => value.as_bool() == Some(*wanted),
                Operator::NumericEquals(wanted) => number(&|n| n == *wanted),
                Operator::NumericLessThan(wanted) => number(&|n| n < *wanted),
                Operator::NumericLessThanEquals(wanted) => number(&|n| n <= *wanted),
                Operator::NumericGreaterThan(wanted) => number(&|n| n > *wanted),
                Operator::NumericGreaterThanEquals(wanted) => number(&|n| n >= *wanted),
            }
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn rule(value: Value) -> Rule {
        serde_json::from_value(value).unwrap()
    }

    #[test]
    fn comparisons_hold_or_not() {
        let input = json!({"n": 3, "s": "go", "b": true});
        for (written, expected) in [
            (json!({"Variable": "$.n", "NumericEquals": 3}), true),
            (json!({"Variable": "$.n", "NumericLessThan": 3}), false),
            (json!({"Variable": "$.n", "NumericLessThanEquals": 3}), true),
            (json!({"Variable": "$.n", "NumericGreaterThan": 2.5}), true),
            (
                json!({"Variable": "$.n", "NumericGreaterThanEquals": 4}),
                false,
            ),
            (json!({"Variable": "$.s", "StringEquals": "go"}), true),
            (json!({"Variable": "$.n", "StringEquals": "3"}), false),
            (json!({"Variable": "$.b", "BooleanEquals": true}), true),
            (json!({"Variable": "$.x", "IsPresent": false}), true),
            (
                json!({"Not": {"Variable": "$.b", "BooleanEquals": true}}),
                false,
            ),
            (
                json!({"And": [
                    {"Variable": "$.x", "IsPresent": true},
                    {"Variable": "$.x", "StringEquals": "never asked"},
                ]}),
                false,
            ),
            (
                json!({"Or": [
                    {"Variable": "$.s", "StringEquals": "stop"},
                    {"Variable": "$.n", "NumericEquals": 3},
                ]}),
                true,
            ),
        ] {
            let mut written = written;
            written["Next"] = json!("There");
            let rule = rule(written.clone());
            assert_eq!(rule.holds(&input, &Value::Null), Ok(expected), "{written}");
        }
    }

    #[test]
    fn a_missing_variable_is_an_error_not_a_no() {
        let rule = rule(json!({"Variable": "$.x", "StringEquals": "a", "Next": "There"}));
        assert_eq!(
            rule.holds(&json!({}), &Value::Null),
            Err("variable $.x finds nothing".to_owned())
        );
    }

    #[test]
    fn what_is_no_rule_is_refused() {
        for bad in [
            json!({"Next": "There"}),
            json!({"Variable": "$.x", "StringEquals": "a"}),
            json!({"StringEquals": "a", "Next": "There"}),
            json!({"Variable": "$.x", "StringEquals": "a", "NumericEquals": 1, "Next": "There"}),
            json!({"Variable": "$.x", "StringMatches": "a*", "Next": "There"}),
            json!({"And": [], "Next": "There"}),
            json!({"Not": {"Variable": "$.x", "IsPresent": true, "Next": "There"}, "Next": "There"}),
        ] {
            assert!(
                serde_json::from_value::<Rule>(bad.clone()).is_err(),
                "{bad}"
            );
        }
    }
}
