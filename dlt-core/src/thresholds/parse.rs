//! Reading thresholds (dlt.md 1): `p(95)<200ms`, `error_rate<1%`,
//! `rate>500/s`, `login: p(99)<1s`, `all.p(95)<1s`. What they mean is `outcome`'s.

use super::{Comparison, Metric, Threshold, Unit};
use crate::measure::tally::TimesOver;

/// Longest threshold, bytes: a label of 255 characters and an expression.
const LONGEST_BYTES: usize = 2_048;

/// What may stand before the comparison, for messages.
const METRICS: &str = "p(N), avg, med, min, max, stdev (times of ok answers; all.p(N), all.avg \
    and so on are of all requests), error_rate, errors, failed, ok, requests, dropped, unfinished \
    (counts) or rate";
/// What stands before a time that is over all samples.
const ALL: &str = "all.";

impl Threshold {
    /// Reads `p(95)<200ms`, `error_rate<1%`, `rate>500/s`, `login: p(99)<1s`,
    /// `all.p(95)<200ms`.
    pub fn parse(expression: &str) -> Result<Self, String> {
        if expression.len() > LONGEST_BYTES {
            return Err(format!(
                "threshold is {} bytes long; at most {LONGEST_BYTES} are read",
                expression.len()
            ));
        }
        parse(expression).map_err(|why| format!("threshold {expression:?}: {why}"))
    }
}

fn parse(expression: &str) -> Result<Threshold, String> {
    // Labels may hold colons (URLs do), metrics never do: the last one counts.
    let (label, rest) = match expression.rsplit_once(':') {
        Some((label, rest)) => (Some(label.trim()), rest),
        None => (None, expression),
    };
    if label == Some("") {
        return Err("there is a colon but no label before it".to_owned());
    }
    let (name, comparison, value) = split(rest)?;
    let (metric, over) = timed(name)?;
    if label.is_some() && matches!(metric, Metric::Dropped | Metric::Unfinished) {
        return Err(format!(
            "{name} is known for the whole run only; leave the label out"
        ));
    }
    let (limit, unit) = limit(metric, name, value)?;
    Ok(Threshold {
        expression: expression.to_owned(),
        label: label.map(str::to_owned),
        metric,
        over,
        comparison,
        limit,
        unit,
    })
}

fn split(text: &str) -> Result<(&str, Comparison, &str), String> {
    const WANTED: &str = "a comparison is wanted: <, <=, >, >= or ==, like p(95)<200ms";
    let at = text.find(['<', '>', '=']).ok_or(WANTED)?;
    let (name, rest) = text.split_at(at);
    let (comparison, length) = match rest.as_bytes() {
        [b'<', b'=', ..] => (Comparison::LessOrEqual, 2),
        [b'>', b'=', ..] => (Comparison::GreaterOrEqual, 2),
        [b'=', b'=', ..] => (Comparison::Equal, 2),
        [b'<', ..] => (Comparison::Less, 1),
        [b'>', ..] => (Comparison::Greater, 1),
        _ => return Err(WANTED.to_owned()),
    };
    Ok((name.trim(), comparison, rest[length..].trim()))
}

/// A metric, and which samples it is of.
fn timed(name: &str) -> Result<(Metric, TimesOver), String> {
    let Some(plain) = name.strip_prefix(ALL) else {
        return Ok((metric(name)?, TimesOver::Ok));
    };
    let metric = metric(plain.trim())?;
    match metric.is_time() {
        true => Ok((metric, TimesOver::All)),
        false => Err(format!(
            "{plain} is no time and counts all requests anyway; leave {ALL} out, which stands \
             before p(N), avg, med, min, max and stdev"
        )),
    }
}

fn metric(name: &str) -> Result<Metric, String> {
    if let Some(percent) = percentile(name) {
        return match percent.parse::<f64>() {
            Ok(percent) if (0.0..=100.0).contains(&percent) => Ok(Metric::Percentile(percent)),
            _ => Err(format!(
                "{name} is not a percentile; N of p(N) is a number from 0 to 100, like 95 or 99.9"
            )),
        };
    }
    Ok(match name {
        "avg" | "mean" => Metric::Mean,
        "med" => Metric::Percentile(50.0),
        "min" => Metric::Min,
        "max" => Metric::Max,
        "stdev" => Metric::Stdev,
        "error_rate" => Metric::ErrorRate,
        "errors" | "failed" => Metric::Failed,
        "requests" => Metric::Requests,
        "ok" => Metric::Ok,
        "rate" => Metric::Rate,
        "dropped" => Metric::Dropped,
        "unfinished" => Metric::Unfinished,
        "" => {
            return Err(format!(
                "nothing stands before the comparison; use {METRICS}"
            ));
        }
        _ => return Err(format!("{name:?} is not known; use {METRICS}")),
    })
}

/// The number of `p(95)` or `p95`.
fn percentile(name: &str) -> Option<&str> {
    let rest = name.strip_prefix('p')?;
    match rest.strip_prefix('(') {
        Some(inner) => inner.strip_suffix(')').map(str::trim),
        None => rest
            .starts_with(|c: char| c.is_ascii_digit())
            .then_some(rest),
    }
}

fn limit(metric: Metric, name: &str, text: &str) -> Result<(f64, Unit), String> {
    let end = text
        .find(|c: char| !c.is_ascii_digit() && c != '.')
        .unwrap_or(text.len());
    let (number, suffix) = (&text[..end], text[end..].trim());
    let number: f64 = number.parse().map_err(|_| {
        format!("{text:?} is not a limit; a number is wanted, like 200ms, 1% or 500/s")
    })?;
    let unit = match (metric, suffix) {
        (Metric::ErrorRate, "%") => Unit::Percent,
        (Metric::ErrorRate, "") => Unit::Fraction,
        (Metric::ErrorRate, _) => {
            return Err(format!(
                "{name} is compared with percent or a share: 1% or 0.01"
            ));
        }
        (Metric::Rate, "/s" | "") => Unit::PerSecond,
        (Metric::Rate, _) => {
            return Err(format!(
                "{name} is compared with requests per second: 500/s"
            ));
        }
        (
            Metric::Failed | Metric::Requests | Metric::Ok | Metric::Dropped | Metric::Unfinished,
            "",
        ) => Unit::Count,
        (
            Metric::Failed | Metric::Requests | Metric::Ok | Metric::Dropped | Metric::Unfinished,
            _,
        ) => {
            return Err(format!(
                "{name} is compared with a plain number of requests, without a unit"
            ));
        }
        (_, "us" | "µs") => Unit::Microseconds,
        (_, "ms") => Unit::Milliseconds,
        (_, "s") => Unit::Seconds,
        (_, "m") => Unit::Minutes,
        _ => {
            return Err(format!(
                "{name} is a time, and {text:?} is none: write a number and us, ms, s or m, like 200ms; each threshold is a text of its own"
            ));
        }
    };
    if unit == Unit::Percent && number > 100.0 {
        return Err("a share is at most 100%".to_owned());
    }
    if unit == Unit::Fraction && number >= 1.0 {
        return Err(match number > 1.0 {
            true => format!("a share is at most 1; write {number}% for percent"),
            false => "as a share, 1 is every request; write 1% or 100%".to_owned(),
        });
    }
    Ok((number, unit))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn the_documented_forms_are_understood() {
        let parsed = |text: &str| Threshold::parse(text).unwrap();
        let p95 = parsed("p(95)<200ms");
        assert_eq!(p95.metric, Metric::Percentile(95.0));
        assert_eq!((p95.limit, p95.unit), (200.0, Unit::Milliseconds));
        assert_eq!(p95.label, None);
        assert_eq!(p95.expression, "p(95)<200ms");
        let labelled = parsed("login: p(99.9) <= 1s");
        assert_eq!(labelled.label.as_deref(), Some("login"));
        assert_eq!(labelled.metric, Metric::Percentile(99.9));
        assert_eq!(labelled.comparison, Comparison::LessOrEqual);
        let url = parsed("http://127.0.0.1:80/a?b=<c>: errors==0");
        assert_eq!(url.label.as_deref(), Some("http://127.0.0.1:80/a?b=<c>"));
        assert_eq!(url.comparison, Comparison::Equal);
        assert_eq!(parsed("p95<1µs").metric, Metric::Percentile(95.0));
        assert_eq!((p95.over, labelled.over), (TimesOver::Ok, TimesOver::Ok));
        for (text, metric) in [
            ("all.p(95)<1s", Metric::Percentile(95.0)),
            ("all.p99.9<1s", Metric::Percentile(99.9)),
            ("login: all.p(99)<1s", Metric::Percentile(99.0)),
            ("all. avg<1s", Metric::Mean),
            ("all.stdev<1s", Metric::Stdev),
            ("http://a/all.p(95): all.med<1s", Metric::Percentile(50.0)),
        ] {
            let threshold = parsed(text);
            assert_eq!((threshold.metric, threshold.over), (metric, TimesOver::All));
            assert_eq!(threshold.expression, text);
        }
        assert_eq!(parsed("rate>500/s").unit, Unit::PerSecond);
        assert_eq!(parsed("error_rate<1%").unit, Unit::Percent);
    }

    #[test]
    fn faults_say_what_is_allowed() {
        for (text, says) in [
            ("", "a comparison is wanted"),
            ("p(95)", "a comparison is wanted"),
            ("p(95)=5ms", "a comparison is wanted"),
            ("<5ms", "nothing stands before"),
            ("p(101)<5ms", "from 0 to 100"),
            ("p(x)<5ms", "from 0 to 100"),
            ("speed<5ms", "use p(N), avg"),
            ("p(95)<", "a number is wanted"),
            ("p(95)<fast", "a number is wanted"),
            ("p(95)<-5ms", "a number is wanted"),
            ("p(95)<1.2.3ms", "a number is wanted"),
            ("p(95)<5", "us, ms, s or m"),
            ("p(95)<5h", "us, ms, s or m"),
            ("error_rate<1ms", "1% or 0.01"),
            ("error_rate<5", "write 5%"),
            ("error_rate<1", "write 1% or 100%"),
            ("error_rate<=1.0", "write 1% or 100%"),
            ("errors<1%", "plain number"),
            ("rate>5%", "500/s"),
            (": p(95)<5ms", "no label"),
            ("login: dropped<5", "whole run only"),
            ("all.error_rate<1%", "leave all. out"),
            ("all.requests>5", "before p(N), avg"),
            ("all.speed<5ms", "all.p(N), all.avg"),
            ("all.<5ms", "nothing stands before"),
            ("all.p(101)<5ms", "from 0 to 100"),
            ("all.p(95)<5", "us, ms, s or m"),
            ("ok.p(95)<5ms", "times of ok answers"),
        ] {
            let why = Threshold::parse(text).unwrap_err();
            assert!(why.contains(says), "{text}: {why}");
        }
        assert!(Threshold::parse(&"x".repeat(3_000)).is_err());
    }

    proptest! {
        #[test]
        fn any_text_is_understood_or_refused(text in "\\PC{0,60}") {
            if let Ok(threshold) = Threshold::parse(&text) {
                prop_assert_eq!(threshold.expression, text);
            }
        }

        #[test]
        fn labels_are_kept(label in "[a-zA-Z/:.<>=% ]{0,20}[a-z]") {
            let threshold = Threshold::parse(&format!("{label}: max<5ms")).unwrap();
            prop_assert_eq!(threshold.label.unwrap(), label.trim());
        }
    }
}
