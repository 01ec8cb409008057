//! Where requests stand in a scenario: in its list, and in the lists of blocks inside of it,
//! at any depth. What blocks mean is left to `blocks`.

use crate::value::{Map, Value};

/// Keys that make an entry of `requests` a block, those of Taurus that are refused, too.
pub(crate) const BLOCKS: [&str; 11] = [
    "if",
    "while",
    "foreach",
    "once",
    "loop",
    "choose",
    "transaction",
    "websocket",
    "events",
    "action",
    "set-variables",
];
/// Keys of blocks whose values are lists of requests, in the order in which they are read.
const LISTS: [&str; 6] = ["then", "else", "do", "once", "websocket", "events"];

/// Keys of a scenario whose values are lists of requests: those that are made once per run beside the
/// load's.
pub const OF_SCENARIO: [&str; 3] = ["requests", "setup", "teardown"];

/// The key that makes an entry a block; None of a request.
pub fn block_of(entry: &Value) -> Option<&'static str> {
    let map = entry.as_object()?;
    BLOCKS.into_iter().find(|key| map.contains_key(*key))
}

/// Whether an entry is a message of a stream, and no request.
pub fn is_message(entry: &Value) -> bool {
    let has = |key| entry.get(key).is_some();
    !has("url") && ["send", "send-file", "receive"].into_iter().any(has)
}

/// The requests of a list, messages of streams included, each with its path; `path` is the list's.
pub(crate) fn requests<'a>(list: &'a Value, path: &str) -> Vec<(String, &'a Value)> {
    let mut found = Vec::new();
    let items = list.as_array().into_iter().flatten();
    for (at, item) in items.enumerate() {
        let path = format!("{path}[{at}]");
        match (block_of(item), item) {
            (Some(_), Value::Object(map)) => {
                for key in LISTS {
                    if let Some(inside) = map.get(key) {
                        found.extend(requests(inside, &format!("{path}.{key}")));
                    }
                }
                let choices = map.get("choose").and_then(Value::as_array);
                for (at, choice) in choices.into_iter().flatten().enumerate() {
                    if let Some(inside) = choice.get("do") {
                        found.extend(requests(inside, &format!("{path}.choose[{at}].do")));
                    }
                }
            }
            _ => found.push((path, item)),
        }
    }
    found
}

/// The same, to be changed.
pub(crate) fn requests_mut<'a>(list: &'a mut Value, path: &str) -> Vec<(String, &'a mut Value)> {
    let mut found = Vec::new();
    let items = list.as_array_mut().into_iter().flatten();
    for (at, item) in items.enumerate() {
        let path = format!("{path}[{at}]");
        match (block_of(item), item) {
            (Some(_), Value::Object(map)) => of_block(map, &path, &mut found),
            (_, item) => found.push((path, item)),
        }
    }
    found
}

fn of_block<'a>(map: &'a mut Map, path: &str, found: &mut Vec<(String, &'a mut Value)>) {
    let order = |key: &str| LISTS.iter().position(|known| *known == key);
    let mut lists: Vec<(usize, String, &mut Value)> = Vec::new();
    for (key, value) in map.iter_mut() {
        if let Some(order) = order(key) {
            lists.push((order, format!("{path}.{key}"), value));
        } else if key == "choose" {
            let choices = value.as_array_mut().into_iter().flatten();
            for (at, choice) in choices.enumerate() {
                if let Some(inside) = choice.as_object_mut().and_then(|map| map.get_mut("do")) {
                    lists.push((LISTS.len(), format!("{path}.choose[{at}].do"), inside));
                }
            }
        }
    }
    lists.sort_by_key(|list| list.0);
    for (_, path, list) in lists {
        found.extend(requests_mut(list, &path));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::value::json;

    #[test]
    fn requests_are_found_in_the_order_in_which_they_are_read() {
        let mut list = json!([
            "/0",
            { "if": "true", "else": ["/2"], "then": [{ "url": "/1" }] },
            { "choose": [{ "weight": 1, "do": ["/3"] }, { "do": [{ "once": ["/4"] }] }] },
            { "transaction": "t", "do": [{ "loop": 2, "do": ["/5"] }] },
            { "action": "stop" },
        ]);
        let paths: Vec<String> = requests(&list, "r").into_iter().map(|row| row.0).collect();
        assert_eq!(
            paths,
            [
                "r[0]",
                "r[1].then[0]",
                "r[1].else[0]",
                "r[2].choose[0].do[0]",
                "r[2].choose[1].do[0].once[0]",
                "r[3].do[0].do[0]"
            ]
        );
        let changed: Vec<String> = requests_mut(&mut list, "r")
            .into_iter()
            .map(|row| row.0)
            .collect();
        assert_eq!(changed, paths);
    }
}
