//! `expect-status`: which statuses are ok. Comparing answers is left to the engine.

use crate::scenario::document::notes::{Node, Notes};
use crate::scenario::document::shown::shown_value;
use crate::scenario::limits::MOST_STATUSES;
use crate::scenario::plan::StatusSet;
use crate::value::Value;

/// Reads one entry or a list of them: `200`, `"200-299"`, `"2xx"`.
pub(crate) fn statuses(node: &Node<'_>, notes: &mut Notes) -> Option<StatusSet> {
    let entries = match node.value {
        Value::Array(_) => node.list(1..=MOST_STATUSES, notes)?,
        _ => vec![node.clone()],
    };
    let ranges: Vec<_> = entries
        .iter()
        .map(|entry| {
            let text = match entry.value {
                Value::Number(number) => number.to_string(),
                Value::String(text) => text.clone(),
                _ => String::new(),
            };
            let range = parse(&text);
            if range.is_none() {
                let given = shown_value(entry.value);
                entry.fault(
                    notes,
                    format!("must be a status from 100 to 599 like 200, a range like \"200-299\" or a class like \"2xx\", not {given}"),
                );
            }
            range
        })
        .collect();
    let ranges: Option<Vec<_>> = ranges.into_iter().collect();
    ranges.map(|ranges| StatusSet { ranges })
}

fn parse(text: &str) -> Option<(u16, u16)> {
    let status = |text: &str| -> Option<u16> {
        let text = text.trim();
        let plain = text.len() == 3 && text.bytes().all(|b| b.is_ascii_digit());
        text.parse()
            .ok()
            .filter(|status| plain && (100..=599).contains(status))
    };
    if let Some(class) = text.strip_suffix("xx") {
        let class: u16 = class
            .parse()
            .ok()
            .filter(|n| class.len() == 1 && (1..=5).contains(n))?;
        return Some((class * 100, class * 100 + 99));
    }
    let (from, to) = match text.split_once('-') {
        Some((from, to)) => (status(from)?, status(to)?),
        None => (status(text)?, status(text)?),
    };
    (from <= to).then_some((from, to))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_form_is_read() {
        assert_eq!(parse("200"), Some((200, 200)));
        assert_eq!(parse("200-299"), Some((200, 299)));
        assert_eq!(parse("100 - 599"), Some((100, 599)));
        assert_eq!(parse("4xx"), Some((400, 499)));
        for bad in [
            "", "99", "600", "0200", "299-200", "6xx", "+2xx", "2x", "ok", "200-",
        ] {
            assert_eq!(parse(bad), None, "{bad}");
        }
    }
}
