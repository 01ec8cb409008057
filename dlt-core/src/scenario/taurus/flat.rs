//! Blocks of requests in a Taurus file, as the plain list that a user walks through: what
//! another scenario has, what is repeated a number of times, what only groups. Blocks that
//! decide while a user walks stay, for `requests` to refuse.

use super::request::request;
use super::said::Said;
use super::shared::{join, of_all, share};
use crate::scenario::document::shown::{shown, shown_key};
use crate::scenario::execution::durations::{parse_duration, show_duration};
use crate::scenario::limits::MOST_REQUESTS;
use crate::value::{Map, Value};

/// Most blocks that are opened for one scenario: loops in loops multiply.
const MOST_BLOCKS: usize = 1_000;
/// Blocks and what belongs to each: the first key names the block.
const BLOCKS: [(&str, &[&str]); 8] = [
    ("if", &["then", "else"]),
    ("while", &["do"]),
    ("foreach", &["do"]),
    ("once", &[]),
    ("loop", &["do"]),
    (
        "transaction",
        &["do", "force-parent-sample", "include-timers"],
    ),
    ("action", &["pause-duration", "target", "duration"]),
    ("set-variables", &[]),
];

/// A request of the list.
pub(super) struct Row {
    pub item: Value,
    pub written: String,
    /// It is spelled as its reader has it.
    is_plain: bool,
    /// A pause behind it, on top of what it or its scenario says, µs.
    pause_us: u64,
}

/// One scenario being written out.
pub(super) struct Flat<'a> {
    all: &'a Map,
    pub said: &'a mut Said,
    pub list: Vec<Row>,
    /// Scenarios that are being included, from the outermost.
    open: Vec<String>,
    blocks: usize,
}

impl<'a> Flat<'a> {
    pub fn new(all: &'a Map, name: &str, said: &'a mut Said) -> Self {
        Self {
            all,
            said,
            list: Vec::new(),
            open: vec![name.to_owned()],
            blocks: 0,
        }
    }

    /// Adds the requests of a list that stands in `scenario`.
    pub fn add(&mut self, items: &[Value], path: &str, scenario: &mut Map) {
        for (at, item) in items.iter().enumerate() {
            let path = format!("{path}[{at}]");
            let Value::Object(map) = item else {
                self.push(item.clone(), path);
                continue;
            };
            if let Some(name) = map.get("include-scenario") {
                self.include(name, &format!("{path}.include-scenario"), scenario);
                continue;
            }
            let block = BLOCKS.iter().find(|row| map.contains_key(row.0));
            match block {
                None => self.push(item.clone(), path),
                Some((key, _)) => self.block(key, map, path, scenario),
            }
        }
    }

    fn push(&mut self, item: Value, path: String) {
        // One more than are allowed is enough for the refusal.
        if self.list.len() <= MOST_REQUESTS {
            self.list.push(Row {
                item,
                written: path,
                is_plain: false,
                pause_us: 0,
            });
        }
    }

    /// Whether one more block may be opened; the first too many is told.
    fn one_more(&mut self, path: &str) -> bool {
        self.blocks += 1;
        if self.blocks == MOST_BLOCKS + 1 {
            self.said.fault(
                path,
                format!("is one block too many: at most {MOST_BLOCKS} are opened, those in loops as often as they are repeated"),
            );
        }
        self.blocks <= MOST_BLOCKS
    }

    fn block(&mut self, key: &str, map: &Map, path: String, scenario: &mut Map) {
        let inside = map.get("do").and_then(Value::as_array);
        match (key, &map[key]) {
            ("transaction", _) if inside.is_some() => {
                self.said.warn(
                    format!("{path}.transaction"),
                    "is sent request by request, and each is measured; no time of the whole is",
                );
                if self.one_more(&path) {
                    self.add(
                        inside.map_or(&[], Vec::as_slice),
                        &format!("{path}.do"),
                        scenario,
                    );
                }
            }
            ("loop", Value::Number(times)) if inside.is_some() => {
                let Some(times) = times.as_u64() else {
                    let why = "must be a whole number of times, like 3";
                    return self.said.fault(format!("{path}.loop"), why);
                };
                let most = times.min(MOST_REQUESTS as u64 + 1);
                for _ in 0..most {
                    if self.list.len() > MOST_REQUESTS || !self.one_more(&path) {
                        return;
                    }
                    self.add(
                        inside.map_or(&[], Vec::as_slice),
                        &format!("{path}.do"),
                        scenario,
                    );
                }
            }
            ("action", Value::String(what)) if what == "pause" => self.pause(map, path),
            // Its reader refuses the block; what belongs to it goes with it.
            (key, value) => {
                let kept = [(key.to_owned(), some(value))];
                self.push(Value::Object(kept.into_iter().collect()), path);
            }
        }
    }

    /// A pause after a request is more time to think there.
    fn pause(&mut self, map: &Map, path: String) {
        let length = map.get("pause-duration").or_else(|| map.get("duration"));
        let us = length.and_then(micros);
        match (us, self.list.last_mut()) {
            (Some(us), Some(before)) => before.pause_us += us,
            _ => self.said.fault(
                format!("{path}.action"),
                "must be a pause with a pause-duration, like 5s, behind a request; write think-time at a request in its place",
            ),
        }
    }

    /// The requests of another scenario, with what that one says of them.
    fn include(&mut self, name: &Value, path: &str, scenario: &mut Map) {
        let name = name.text().into_owned();
        if self.open.contains(&name) {
            self.said.fault(
                path,
                format!("includes {}, which includes this one", shown(&name)),
            );
            return;
        }
        let Some(Value::Object(other)) = self.all.get(&name) else {
            self.said.fault(
                path,
                format!("names {}, which scenarios does not have", shown(&name)),
            );
            return;
        };
        if !self.one_more(path) {
            return;
        }
        let written = format!("scenarios.{}", shown_key(&name));
        let mut other = other.clone();
        of_all(&mut other, &written, self.said);
        let outer = std::mem::take(&mut self.list);
        self.open.push(name);
        let items = other.shift_remove("requests");
        match items {
            Some(Value::Array(items)) => {
                self.add(&items, &format!("{written}.requests"), &mut other)
            }
            _ => self.said.fault(
                format!("{written}.requests"),
                "is missing: list the requests to send",
            ),
        }
        self.open.pop();
        let mut list = std::mem::replace(&mut self.list, outer);
        for row in &mut list {
            row.spell(&other, self.said);
            share(&mut row.item, &other, (&row.written, &written), self.said);
        }
        join(scenario, other, (path, &written), self.said);
        let room = (MOST_REQUESTS + 1).saturating_sub(self.list.len());
        self.list.extend(list.into_iter().take(room));
    }
}

impl Row {
    /// Spells the request, which stands in this scenario, as its reader has it.
    pub fn spell(&mut self, scenario: &Map, said: &mut Said) {
        if self.pause_us > 0 {
            self.pause(scenario, said);
        }
        if let (Some(map), false) = (self.item.as_object_mut(), self.is_plain) {
            request(map, scenario, &self.written, said);
            self.is_plain = true;
        }
    }

    fn pause(&mut self, scenario: &Map, said: &mut Said) {
        if let Value::String(url) = &self.item {
            let plain = [("url".to_owned(), Value::from(url.as_str()))];
            self.item = Value::Object(plain.into_iter().collect());
        }
        let Some(map) = self.item.as_object_mut() else {
            return;
        };
        let usual = map.get("think-time").or_else(|| scenario.get("think-time"));
        let Some(usual) = usual.map_or(Some(0), micros) else {
            let path = format!("{}.think-time", self.written);
            return said.fault(
                path,
                "must be a plain length where a pause follows, like 1s",
            );
        };
        let sum = show_duration(usual + self.pause_us);
        map.insert("think-time".to_owned(), Value::from(sum));
        self.pause_us = 0;
    }
}

fn micros(value: &Value) -> Option<u64> {
    match value {
        Value::Number(number) => number.as_f64().map(|seconds| (seconds * 1e6) as u64),
        Value::String(text) => parse_duration(text),
        _ => None,
    }
}

/// A value that a reader does not take for nothing said.
fn some(value: &Value) -> Value {
    match value {
        Value::Null | Value::Bool(_) => Value::from("…"),
        Value::Array(items) if items.is_empty() => Value::from("…"),
        other => other.clone(),
    }
}
