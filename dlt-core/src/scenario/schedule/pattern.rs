//! How `cronValue` may be written: the contract's pattern (openapi
//! `CreateScenarioRequest`), field by field. It lets through what no cron has a
//! meaning for, such as `5-1`; that is refused by `cron`, with another code.

/// Names of months, lower case.
const MONTHS: [&str; 12] = [
    "jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec",
];
/// Names of weekdays, lower case.
const DAYS: [&str; 7] = ["sun", "mon", "tue", "wed", "thu", "fri", "sat"];

/// Why a text breaks the pattern.
pub(super) fn check(text: &str) -> Result<(), String> {
    let fields: Vec<&str> = text.split(' ').collect();
    let [minute, hour, day, month, weekday] = fields.as_slice() else {
        return Err(
            "write five fields with exactly one space between them: minute hour day month weekday"
                .to_owned(),
        );
    };
    for (good, name, rule) in [
        (
            is_minute(minute),
            "minute",
            "must be one number from 0 to 59",
        ),
        (
            list(hour, |item| {
                stepped(item, |base| base == "*" || range(base, is_hour))
            }),
            "hour",
            "write *, a number from 0 to 23 or a range, each with or without /N, or a list of these",
        ),
        (
            *day == "?"
                || list(day, |item| {
                    stepped(item, |base| {
                        matches!(base, "*" | "L") || range(base, is_day)
                    })
                }),
            "day of month",
            "write ?, or *, L, a number from 1 to 31 or a range, each with or without /N, or a list of these",
        ),
        (
            list(month, |item| stepped(item, |base| range(base, is_month))),
            "month",
            "write *, a number from 1 to 12, JAN to DEC or a range, each with or without /N, or a list of these",
        ),
        (
            is_weekday_field(weekday),
            "weekday",
            "write ?, L, *, a number from 0 to 6, SUN to SAT, nL, n#k or a range, or a list of these",
        ),
    ] {
        if !good {
            return Err(format!("{name}: {rule}"));
        }
    }
    Ok(())
}

fn list(field: &str, item: impl Fn(&str) -> bool) -> bool {
    field.split(',').all(item)
}

/// An item with or without `/N`.
fn stepped(item: &str, base: impl Fn(&str) -> bool) -> bool {
    match item.split_once('/') {
        None => base(item),
        Some((start, step)) => base(start) && is_digits(step),
    }
}

/// One, or one to another; the order is not checked.
fn range(base: &str, one: impl Fn(&str) -> bool) -> bool {
    match base.split_once('-') {
        None => one(base),
        Some((from, to)) => one(from) && one(to),
    }
}

fn is_digits(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit())
}

/// Up to two digits, at most `most`.
fn is_number(text: &str, most: u8) -> bool {
    is_digits(text) && text.len() <= 2 && text.parse().is_ok_and(|number: u8| number <= most)
}

fn is_minute(text: &str) -> bool {
    is_number(text, 59)
}

fn is_hour(text: &str) -> bool {
    is_number(text, 23)
}

fn is_day(text: &str) -> bool {
    is_number(text, 31) && !text.starts_with('0')
}

fn is_month(text: &str) -> bool {
    let number = is_number(text, 12) && !matches!(text, "0" | "00");
    text == "*" || number || names(&MONTHS, text)
}

fn names(known: &[&str], text: &str) -> bool {
    known.iter().any(|name| name.eq_ignore_ascii_case(text))
}

fn is_weekday(text: &str) -> bool {
    (text.len() == 1 && is_number(text, 6)) || names(&DAYS, text)
}

fn is_weekday_field(field: &str) -> bool {
    if matches!(field, "?" | "L") {
        return true;
    }
    if let Some((day, nth)) = field.split_once('#') {
        return (day == "*" || is_weekday(day)) && matches!(nth, "1" | "2" | "3" | "4" | "5");
    }
    // A bare L may follow, but not begin.
    let mut items = field.split(',');
    items.next().is_some_and(is_weekday_item)
        && items.all(|item| item == "L" || is_weekday_item(item))
}

/// `W`, `WL`, `W-W`, `WL-WL`: only the first may be `*`.
fn is_weekday_item(item: &str) -> bool {
    let plain = |text: &'_ str| text.strip_suffix('L').unwrap_or(text).to_owned();
    let (from, to) = match item.split_once('-') {
        None => (item, None),
        Some((from, to)) => (from, Some(to)),
    };
    let from = plain(from);
    (from == "*" || is_weekday(&from)) && to.is_none_or(|to| is_weekday(&plain(to)))
}
