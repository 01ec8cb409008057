//! Pages of the API's record of a run: its parts one after the other, each whole, as many as fit.
//! Every page has the record's own form, with a slice of each list that is longer than the page.

use schemars::JsonSchema;
use serde::Serialize;
use serde_json::{Map, Value};
use std::collections::BTreeMap;

/// Longest part that is not taken apart, characters.
const LONGEST_PART: usize = 3_000;
/// Longest page, characters; the rest of an answer is for what stands beside.
const LONGEST_PAGE: usize = 30_000;

/// Where a value stands.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Step {
    Key(String),
    At(usize),
}

/// A part of a record.
#[derive(Debug)]
struct Part<'a> {
    path: Vec<Step>,
    value: &'a Value,
    length: usize,
}

/// A list of which a page has a part.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub(crate) struct Cut {
    path: String,
    from: usize,
    to: usize,
    total: usize,
}

/// A page of a record.
#[derive(Debug)]
pub(crate) struct Page {
    pub record: Map<String, Value>,
    /// Lists that are not whole on it.
    pub cut: Vec<Cut>,
    /// How many parts there are, and how many lie on this page and those before.
    pub total: usize,
    pub end: usize,
}

fn length(value: &Value) -> usize {
    value.to_string().chars().count()
}

fn take_apart<'a>(value: &'a Value, path: &mut Vec<Step>, parts: &mut Vec<Part<'a>>) {
    let length = length(value);
    let whole = length <= LONGEST_PART && !path.is_empty();
    match value {
        Value::Object(fields) if !whole && !fields.is_empty() => {
            for (name, field) in fields {
                path.push(Step::Key(name.clone()));
                take_apart(field, path, parts);
                path.pop();
            }
        }
        Value::Array(items) if !whole && !items.is_empty() => {
            for (at, item) in items.iter().enumerate() {
                path.push(Step::At(at));
                take_apart(item, path, parts);
                path.pop();
            }
        }
        _ => parts.push(Part {
            path: path.clone(),
            value,
            length: length + 20 * path.len(),
        }),
    }
}

/// The page that begins after so many parts. It has one at least, or paging would make no progress.
pub(crate) fn page(record: &Value, offset: usize) -> Page {
    let mut parts = Vec::new();
    take_apart(record, &mut Vec::new(), &mut parts);
    let mut left = LONGEST_PAGE;
    let here = parts.iter().skip(offset).enumerate();
    let fit = here.take_while(|(at, part)| {
        let fits = *at == 0 || part.length <= left;
        left = left.saturating_sub(part.length);
        fits
    });
    let mut shown = Value::Object(Map::new());
    let mut rows: BTreeMap<String, (usize, usize)> = BTreeMap::new();
    let mut end = offset;
    for (_, part) in fit {
        put(&mut shown, &part.path, part.value, &mut rows);
        end += 1;
    }
    let cut = rows.into_iter().filter_map(|(path, (from, to))| {
        let total = record.pointer(&path)?.as_array()?.len();
        let is_whole = from == 0 && to == total;
        (!is_whole).then_some(Cut {
            path,
            from,
            to,
            total,
        })
    });
    Page {
        cut: cut.collect(),
        record: match shown {
            Value::Object(fields) => fields,
            _ => Map::new(),
        },
        total: parts.len(),
        end,
    }
}

/// Puts a value where it stands; `rows` tells of each list which of its rows are there.
fn put(
    shown: &mut Value,
    path: &[Step],
    value: &Value,
    rows: &mut BTreeMap<String, (usize, usize)>,
) {
    let mut place = shown;
    let mut pointer = String::new();
    for (depth, step) in path.iter().enumerate() {
        let empty = match path.get(depth + 1) {
            Some(Step::At(_)) => Value::Array(Vec::new()),
            _ => Value::Object(Map::new()),
        };
        match (step, place) {
            (Step::Key(name), Value::Object(fields)) => {
                pointer.push('/');
                pointer.push_str(&name.replace('~', "~0").replace('/', "~1"));
                place = fields.entry(name.clone()).or_insert(empty);
            }
            (Step::At(at), Value::Array(items)) => {
                let (_, to) = rows.entry(pointer.clone()).or_insert((*at, *at));
                if *to == *at {
                    items.push(empty);
                    *to = at + 1;
                }
                pointer.push_str(&format!("/{at}"));
                let last = items.len().saturating_sub(1);
                match items.get_mut(last) {
                    Some(item) => place = item,
                    None => return,
                }
            }
            _ => return,
        }
    }
    *place = value.clone();
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use serde_json::json;

    fn pages(record: &Value) -> Vec<Page> {
        let mut all: Vec<Page> = Vec::new();
        loop {
            let next = page(record, all.last().map_or(0, |last| last.end));
            let is_last = next.end == next.total;
            all.push(next);
            if is_last {
                return all;
            }
        }
    }

    /// What was taken apart, put together again.
    fn joined(pages: Vec<Page>) -> Value {
        fn join(whole: &mut Value, part: Value) {
            match (whole, part) {
                (Value::Object(whole), Value::Object(part)) => {
                    for (name, field) in part {
                        match whole.get_mut(&name) {
                            Some(there) => join(there, field),
                            None => drop(whole.insert(name, field)),
                        }
                    }
                }
                (Value::Array(whole), Value::Array(part)) => whole.extend(part),
                (whole, part) => *whole = part,
            }
        }
        let mut whole = json!({});
        for page in pages {
            join(&mut whole, Value::Object(page.record));
        }
        whole
    }

    #[test]
    fn a_short_record_is_one_page() {
        let record = json!({"a": [1, 2], "b": {"c": null, "d": []}, "e": {}});
        let pages = pages(&record);
        assert_eq!(pages.len(), 1);
        assert!(pages[0].cut.is_empty());
        assert_eq!(Value::Object(pages[0].record.clone()), record);
    }

    #[test]
    fn a_long_list_says_which_of_its_rows_are_there() {
        let rows: Vec<Value> = (0..50)
            .map(|n| json!({"n": n, "text": "x".repeat(1_000)}))
            .collect();
        let record = json!({"head": "h", "results": {"a/b": rows}});
        let pages = pages(&record);
        assert!(pages.len() > 1);
        for page in &pages {
            assert!(length(&Value::Object(page.record.clone())) <= LONGEST_PAGE);
            assert_eq!(
                (page.cut[0].path.as_str(), page.cut[0].total),
                ("/results/a~1b", 50)
            );
        }
        assert_eq!(pages[0].cut[0].to, pages[1].cut[0].from);
        assert_eq!(joined(pages), record);
    }

    proptest! {
        #[test]
        fn pages_hold_everything_once(
            lists in proptest::collection::vec((1..60_usize, 1..900_usize), 1..5),
        ) {
            let record: Value = lists.iter().enumerate().map(|(n, (rows, size))| {
                let rows: Vec<Value> = (0..*rows).map(|at| json!([at, "y".repeat(*size)])).collect();
                (format!("list{n}"), Value::Array(rows))
            }).collect::<Map<_, _>>().into();
            prop_assert_eq!(joined(pages(&record)), record);
        }
    }
}
