//! Functions of JMeter in a text, `${__UUID}` or `${__Random(1,6)}`: which ones there are, and
//! what may stand in their parentheses (Apache JMeter User's Manual, Functions and Variables).
//! The engine evaluates them.

use crate::scenario::document::nearest::nearest;
use crate::scenario::document::shown::shown;

/// How a name of a function begins.
const BEGIN: &str = "__";
const NAMES: [&str; 5] = ["__UUID", "__time", "__Random", "__threadNum", "__counter"];
/// Functions that are often met and not evaluated, with the nearest way.
const WAYS: [(&str, &str); 9] = [
    ("__CSVRead", "write data-sources"),
    (
        "__P",
        "a scenario file has the value put in when dlt run reads it",
    ),
    (
        "__RandomString",
        "write ${__UUID}, or ${__Random(…)} for digits",
    ),
    ("__StringFromFile", "write data-sources"),
    (
        "__env",
        "write ${env.NAME} in a scenario file and give -e NAME",
    ),
    (
        "__groovy",
        "code is not run; write extractions, or data-sources",
    ),
    (
        "__javaScript",
        "code is not run; write extractions, or data-sources",
    ),
    (
        "__property",
        "a scenario file has the value put in when dlt run reads it",
    ),
    ("__timeShift", "write ${__time(…)}, which is now"),
];
/// Patterns of dates that JMeter has names for.
const NAMED_DATES: [(&str, &str); 3] = [
    ("YMD", "yyyyMMdd"),
    ("HMS", "HHmmss"),
    ("YMDHMS", "yyyyMMdd-HHmmss"),
];
/// Parts of Java's patterns of dates, and of strftime.
const DATE_PARTS: [(&str, &str); 11] = [
    ("yyyy", "%Y"),
    ("yy", "%y"),
    ("MM", "%m"),
    ("dd", "%d"),
    ("HH", "%H"),
    ("mm", "%M"),
    ("ss", "%S"),
    ("SSS", "%3f"),
    // Times are of UTC, as in the containers in which JMeter would run.
    ("Z", "+0000"),
    ("X", "Z"),
    ("XXX", "Z"),
];

/// What stands in place of `${…}`, anew each time.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Function {
    /// A random UUID (RFC 9562, version 4).
    Uuid,
    /// Milliseconds since 1970, divided by this.
    Epoch(u64),
    /// The time in UTC, by a format of strftime.
    Date(String),
    /// A whole number from the first to the second, both included.
    Random(i64, i64),
    /// The number of the user, or of the arrival in open load, from 1.
    ThreadNumber,
    /// How often it was evaluated, from 1.
    Counter {
        /// By this user, or in the whole run.
        by_user: bool,
    },
}

impl Function {
    /// Reads what stands between `${` and `}`; None if it is the name of a variable. An error
    /// says what cannot be done.
    pub fn parse(text: &str) -> Option<Result<Self, String>> {
        let text = text.trim();
        text.starts_with(BEGIN).then(|| read(text))
    }
}

fn read(text: &str) -> Result<Function, String> {
    let (name, args) = match text.split_once('(') {
        None => (text, Vec::new()),
        Some((name, args)) => match args.strip_suffix(')') {
            Some(args) => (name.trim_end(), arguments(args)),
            None => {
                return Err(format!(
                    "{} has no ) at its end; functions inside of functions are not evaluated",
                    shown(text)
                ));
            }
        },
    };
    let given = |at: usize| args.get(at).map_or("", String::as_str);
    let at_most = |count: usize, what: &str| match args.iter().skip(count).all(String::is_empty) {
        true => Ok(()),
        false => Err(format!("{name} takes {what}; {} is too much", shown(text))),
    };
    match name {
        "__UUID" => at_most(0, "nothing in parentheses").map(|()| Function::Uuid),
        "__threadNum" => at_most(0, "nothing in parentheses").map(|()| Function::ThreadNumber),
        "__time" => {
            at_most(1, "one format, and stores no variable")?;
            time(given(0))
        }
        "__Random" => {
            at_most(2, "two numbers, and stores no variable")?;
            random(given(0), given(1)).ok_or_else(|| {
                format!(
                    "__Random takes two whole numbers, the smaller first, as in ${{__Random(1,6)}}, not {}",
                    shown(text)
                )
            })
        }
        "__counter" => {
            at_most(1, "TRUE or FALSE, and stores no variable")?;
            let by_user = match given(0).to_ascii_lowercase().as_str() {
                "true" => true,
                "false" => false,
                _ => {
                    return Err(format!(
                        "__counter takes TRUE (each user counts) or FALSE (all count together), not {}",
                        shown(text)
                    ));
                }
            };
            Ok(Function::Counter { by_user })
        }
        _ => Err(unknown(name)),
    }
}

fn unknown(name: &str) -> String {
    let near = match (WAYS.iter().find(|row| row.0 == name), nearest(name, &NAMES)) {
        (Some((_, way)), _) => format!("; {way}"),
        (None, Some(near)) => format!("; did you mean {near}?"),
        (None, None) => String::new(),
    };
    format!(
        "{} is a function of JMeter that is not evaluated; {} are{near}",
        shown(name),
        NAMES.join(", ")
    )
}

/// Splits arguments at commas; `\,` is a comma in one.
pub(crate) fn arguments(text: &str) -> Vec<String> {
    let mut all = vec![String::new()];
    let mut signs = text.chars().peekable();
    while let Some(sign) = signs.next() {
        let last = all.len() - 1;
        match sign {
            ',' => all.push(String::new()),
            '\\' if matches!(signs.peek(), Some(',' | '\\')) => all[last].extend(signs.next()),
            sign => all[last].push(sign),
        }
    }
    for arg in &mut all {
        *arg = arg.trim().to_owned();
    }
    all
}

fn random(least: &str, most: &str) -> Option<Function> {
    let (least, most) = (least.parse().ok()?, most.parse().ok()?);
    (least <= most).then_some(Function::Random(least, most))
}

/// A format of `__time`: none, `/1000`, a pattern of Java's, or a name for one.
fn time(format: &str) -> Result<Function, String> {
    if format.is_empty() {
        return Ok(Function::Epoch(1));
    }
    if let Some(by) = format.strip_prefix('/') {
        return match by.parse() {
            Ok(by @ 1..) => Ok(Function::Epoch(by)),
            _ => Err(format!(
                "__time divides milliseconds by a whole number, as in ${{__time(/1000)}}, not {}",
                shown(format)
            )),
        };
    }
    let named = NAMED_DATES.iter().find(|(name, _)| *name == format);
    let pattern = named.map_or(format, |(_, pattern)| pattern);
    date(pattern).map(Function::Date).map_err(|part| {
        let parts: Vec<&str> = DATE_PARTS.iter().map(|(java, _)| *java).collect();
        format!(
            "__time cannot write {} of {}; it writes {}",
            shown(&part),
            shown(format),
            parts.join(", ")
        )
    })
}

/// The format of strftime for a pattern of Java's `SimpleDateFormat`; an error is the part that
/// is not known.
fn date(pattern: &str) -> Result<String, String> {
    let mut format = String::new();
    let mut rest = pattern;
    let literal = |format: &mut String, text: &str| format.push_str(&text.replace('%', "%%"));
    while let Some(first) = rest.chars().next() {
        if first == '\'' {
            let (text, after) = quoted(&rest[1..]).ok_or_else(|| rest.to_owned())?;
            literal(&mut format, &text);
            rest = after;
            continue;
        }
        let same = rest.find(|c| c != first).unwrap_or(rest.len());
        let (part, after) = rest.split_at(same);
        match DATE_PARTS.iter().find(|(java, _)| *java == part) {
            Some((_, known)) => format.push_str(known),
            None if first.is_ascii_alphabetic() => return Err(part.to_owned()),
            None => literal(&mut format, part),
        }
        rest = after;
    }
    Ok(format)
}

/// The text up to the quote that ends it, and what comes after; two quotes are one, inside
/// and alone.
fn quoted(text: &str) -> Option<(String, &str)> {
    if let Some(after) = text.strip_prefix('\'') {
        return Some(("'".to_owned(), after));
    }
    let (mut read, mut rest) = (String::new(), text);
    loop {
        let (part, after) = rest.split_once('\'')?;
        read.push_str(part);
        let Some(again) = after.strip_prefix('\'') else {
            return Some((read, after));
        };
        read.push('\'');
        rest = again;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn functions_are_read_as_jmeter_writes_them() {
        let date = |format: &str| Function::Date(format.to_owned());
        for (text, function) in [
            ("__UUID", Function::Uuid),
            ("__UUID()", Function::Uuid),
            ("__time", Function::Epoch(1)),
            ("__time(,)", Function::Epoch(1)),
            ("__time(/1000,)", Function::Epoch(1_000)),
            (
                "__time(yyyy-MM-dd'T'HH:mm:ss.SSSXXX)",
                date("%Y-%m-%dT%H:%M:%S.%3fZ"),
            ),
            (
                "__time(dd.MM.yy\\, HH 'o''clock' %)",
                date("%d.%m.%y, %H o'clock %%"),
            ),
            ("__time(YMD)", date("%Y%m%d")),
            ("__Random(1,6)", Function::Random(1, 6)),
            (" __Random( -5 , -5 , )", Function::Random(-5, -5)),
            ("__threadNum", Function::ThreadNumber),
            ("__counter(TRUE,)", Function::Counter { by_user: true }),
            ("__counter(false)", Function::Counter { by_user: false }),
        ] {
            assert_eq!(Function::parse(text), Some(Ok(function)), "{text}");
        }
        for text in ["id", "_UUID", "", "a__time", "$"] {
            assert_eq!(Function::parse(text), None, "{text}");
        }
    }

    #[test]
    fn what_cannot_be_done_is_said() {
        for (text, said) in [
            (
                "__P(host)",
                "\"__P\" is a function of JMeter that is not evaluated",
            ),
            ("__uuid", "did you mean __UUID?"),
            ("__", "is not evaluated"),
            ("__Random(6,1)", "the smaller first"),
            ("__Random(1)", "two whole numbers"),
            ("__Random(1,1e3)", "two whole numbers"),
            ("__Random(1,99999999999999999999)", "two whole numbers"),
            ("__Random(1,6,die)", "stores no variable"),
            ("__Random(1,${most", "functions inside of functions"),
            ("__counter", "TRUE"),
            ("__counter(yes)", "TRUE"),
            ("__counter(TRUE,n)", "stores no variable"),
            ("__time(/0)", "whole number"),
            ("__time(EEE)", "\"EEE\""),
            ("__time(yyyy'T)", "\"'T\""),
            ("__UUID(4)", "nothing in parentheses"),
        ] {
            let told = Function::parse(text).unwrap().unwrap_err();
            assert!(told.contains(said), "{text}: {told}");
        }
    }

    proptest! {
        #[test]
        fn any_text_is_answered(text in "(__(time|Random|counter|UUID)?[(),'/\\\\a-zA-Z0-9é${ -]{0,20})|.{0,20}") {
            let is_function = text.trim().starts_with("__");
            prop_assert_eq!(Function::parse(&text).is_some(), is_function);
        }
    }
}
