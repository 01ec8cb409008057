//! Criteria of Taurus's module `passfail` as thresholds, as far as those can say the same
//! (Taurus, "Pass/Fail Criteria"). Where criteria stand in a scenario is `test_scenario`'s.

use crate::scenario::document::shown::shown;
use crate::scenario::execution::durations::parse_duration;
use crate::thresholds::Threshold;
use regex::Regex;
use std::sync::LazyLock;

/// `subject [of|for label] condition number[unit] [logic time][, action as status]`
#[expect(clippy::unwrap_used, reason = "a constant, compiled in the tests")]
static CRITERION: LazyLock<Regex> = LazyLock::new(|| {
    Regex::new(concat!(
        r"(?i)^\s*(?P<subject>[a-z][a-z0-9?.-]*)(?:\s+(?:of|for)\s+(?P<label>.+?))?",
        r"\s*(?P<condition>>=|<=|==|=|>|<)\s*(?P<number>[0-9]+(?:\.[0-9]+)?)\s*(?P<unit>(?:[a-z%]|[0-9]+[a-z])*)",
        r"(?:\s+(?P<logic>for|within|over)\s+(?P<time>[^,\s]+))?",
        r"\s*(?:,\s*(?:(?:continue|stop)\s+)?as\s+(?P<status>non-failed|failed))?\s*$",
    ))
    .unwrap()
});

/// The threshold that fails exactly when the criterion does, or why there is none.
pub(super) fn threshold(criterion: &str) -> Result<Threshold, String> {
    // A message may stand before it; a label may hold colons, too.
    let after_message = || CRITERION.captures(criterion.split_once(':')?.1);
    let Some(parts) = CRITERION.captures(criterion).or_else(after_message) else {
        return Err(format!(
            "the criterion {} is not read; write a threshold instead, like \"p(95)<200ms\"",
            shown(criterion)
        ));
    };
    let part = |name: &str| parts.name(name).map_or("", |part| part.as_str());
    if !part("time").is_empty() {
        return Err(format!(
            "\"{} {}\" is not supported: thresholds are judged over the whole run; leave it out, or write \
             a threshold",
            part("logic"),
            part("time")
        ));
    }
    if part("status").eq_ignore_ascii_case("non-failed") {
        return Err("ends a run that passes, which is not supported; leave it out".to_owned());
    }
    let subject = part("subject").to_lowercase();
    let metric = metric(&subject, (part("number"), part("unit")))?;
    // It fails where the condition holds, a threshold where its own does not.
    let comparison = match part("condition") {
        ">" => "<=",
        ">=" => "<",
        "<" => ">=",
        "<=" => ">",
        _ => {
            return Err(
                "fails at one value alone, which thresholds cannot say; use > or <".to_owned(),
            );
        }
    };
    let comparison = match metric.is_of_the_rest {
        false => comparison,
        // Of what failed is asked where the criterion asks what succeeded.
        true => match comparison {
            "<=" => ">=",
            "<" => ">",
            ">=" => "<=",
            _ => "<",
        },
    };
    let number = match metric.is_of_the_rest {
        false => metric.number.unwrap_or_else(|| part("number").to_owned()),
        true => rest_of_100(part("number"))?,
    };
    let label = match part("label").trim_matches(['\'', '"', ' ']) {
        "" => String::new(),
        label => format!("{label}: "),
    };
    let expression = format!("{label}{}{comparison}{number}{}", metric.name, metric.unit);
    Threshold::parse(&expression)
}

struct Counterpart {
    name: String,
    unit: String,
    /// The limit, where it is not the one that is written.
    number: Option<String>,
    /// It is 100 % less the subject.
    is_of_the_rest: bool,
}

/// What a threshold calls the subject; times are of all samples, as in Taurus.
fn metric(subject: &str, (number, unit): (&str, &str)) -> Result<Counterpart, String> {
    let known = |name: String, unit: &str, is_of_the_rest| {
        // `2s500ms` is 2500 milliseconds.
        let sum = match unit.contains(|sign: char| sign.is_ascii_digit()) {
            true => parse_duration(&format!("{number}{unit}")),
            false => None,
        };
        Ok(Counterpart {
            name,
            unit: sum.map_or(unit, |_| "us").to_owned(),
            number: sum.map(|us| us.to_string()),
            is_of_the_rest,
        })
    };
    let time = match unit {
        "" => "s",
        unit => unit,
    };
    let percentile = subject
        .strip_prefix('p')
        .filter(|rest| rest.parse::<f64>().is_ok());
    match (subject, unit) {
        ("avg-rt", _) => known("all.avg".to_owned(), time, false),
        ("stdev-rt", _) => known("all.stdev".to_owned(), time, false),
        (_, _) if percentile.is_some() => {
            let name = format!("all.p({})", percentile.unwrap_or_default());
            known(name, time, false)
        }
        ("fail" | "failures", "%") => known("error_rate".to_owned(), "%", false),
        ("fail" | "failures", "") => known("failed".to_owned(), "", false),
        ("succ" | "success", "%") => known("error_rate".to_owned(), "%", true),
        ("succ" | "success", "") => known("ok".to_owned(), "", false),
        ("hits", "") => known("requests".to_owned(), "", false),
        _ => Err(format!(
            "{subject} is nothing that thresholds know; they know avg-rt, stdev-rt, pNN, fail, succ and hits \
             of Taurus's"
        )),
    }
}

/// 100 less a number, with its digits.
fn rest_of_100(number: &str) -> Result<String, String> {
    let decimals = number.split_once('.').map_or(0, |(_, rest)| rest.len());
    let value: f64 = number
        .parse()
        .map_err(|_| format!("{} is no number", shown(number)))?;
    if value > 100.0 {
        return Err(format!("{number}% is more than all"));
    }
    Ok(format!("{:.decimals$}", 100.0 - value))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(criterion: &str) -> Result<String, String> {
        threshold(criterion).map(|threshold| threshold.expression)
    }

    #[test]
    fn criteria_of_the_whole_run_are_thresholds() {
        for (criterion, expression) in [
            ("avg-rt>150ms", "all.avg<=150ms"),
            (
                "avg-rt of login>=1.5s, stop as failed",
                "login: all.avg<1.5s",
            ),
            ("p90>0.25", "all.p(90)<=0.25s"),
            (
                "p99.9 of GET /a:b > 2s, continue as failed",
                "GET /a:b: all.p(99.9)<=2s",
            ),
            ("Too slow: stdev-rt>300ms", "all.stdev<=300ms"),
            ("fail>5%", "error_rate<=5%"),
            ("fail >= 10", "failed<10"),
            ("succ<99.5%", "error_rate<=0.5%"),
            ("succ<=80% of", "?"),
            ("succ<1000", "ok>=1000"),
            ("hits<500, as failed", "requests>=500"),
            ("hits for cart<500", "cart: requests>=500"),
            ("failures>50%", "error_rate<=50%"),
            ("success<1000", "ok>=1000"),
            ("avg-rt>2s500ms", "all.avg<=2500000us"),
        ] {
            match expression {
                "?" => drop(of(criterion).unwrap_err()),
                expression => assert_eq!(of(criterion).as_deref(), Ok(expression)),
            }
        }
    }

    #[test]
    fn what_thresholds_cannot_say_is_refused_with_the_reason() {
        for (criterion, why) in [
            ("avg-rt>150ms for 10s, stop as failed", "whole run"),
            ("fail>50% over 5s", "whole run"),
            ("rc5??>10%", "rc5??"),
            ("avg-lt>10ms", "avg-lt"),
            ("fail==0", "one value"),
            ("avg-rt>150ms, stop as non-failed", "passes"),
            ("p95<", "not read"),
            ("bytes>1000", "bytes"),
            ("succ<120%", "more than all"),
            ("avg-rt>5parsecs", "threshold"),
        ] {
            let said = of(criterion).unwrap_err();
            assert!(said.contains(why), "{criterion}: {said}");
        }
    }
}
