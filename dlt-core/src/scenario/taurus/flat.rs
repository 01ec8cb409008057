//! Blocks of requests in a Taurus file: what another scenario has is written out, and a pause
//! behind a request becomes more time to think there. Conditions, loops and transactions stay
//! blocks, with their requests in the spelling of their reader.

use super::request::request;
use super::said::Said;
use super::shared::{join, of_all, share};
use crate::scenario::document::shown::{shown, shown_key};
use crate::scenario::execution::durations::{parse_duration, show_duration};
use crate::scenario::limits::MOST_REQUESTS;
use crate::scenario::requests::lists::block_of;
use crate::value::{Map, Value};

/// Most blocks that are opened for one scenario: loops in loops multiply.
const MOST_BLOCKS: usize = 1_000;
/// A request of the list, or a block of requests.
pub(super) struct Row {
    pub item: Value,
    pub written: String,
    /// Of a block the lists in it, by their keys: `then`, `choose[1].do`.
    pub inside: Vec<(String, Vec<Row>)>,
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
                self.push(item.clone(), path, Vec::new());
                continue;
            };
            if let Some(name) = map.get("include-scenario") {
                self.include(name, &format!("{path}.include-scenario"), scenario);
                continue;
            }
            match block_of(item) {
                None => self.push(item.clone(), path, Vec::new()),
                Some("action") if self.pause(map) => {}
                Some(_) => self.block(map, path, scenario),
            }
        }
    }

    fn push(&mut self, item: Value, path: String, inside: Vec<(String, Vec<Row>)>) {
        // One more than are allowed is enough for the refusal.
        if self.list.len() <= MOST_REQUESTS {
            self.list.push(Row {
                item,
                written: path,
                inside,
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

    /// A block, with the requests in it.
    fn block(&mut self, map: &Map, path: String, scenario: &mut Map) {
        if !self.one_more(&path) {
            return;
        }
        let mut item = Value::Object(map.clone());
        let mut inside = Vec::new();
        if let Some(block) = item.as_object_mut() {
            // A key without a value says nothing in Taurus.
            block.retain(|_, value| !value.is_null());
            // Both are measured here, the whole and its requests.
            block.shift_remove("force-parent-sample");
            for (key, list) in lists_of(block) {
                let outer = std::mem::take(&mut self.list);
                self.add(&list, &format!("{path}.{key}"), scenario);
                inside.push((key, std::mem::replace(&mut self.list, outer)));
            }
        }
        self.push(item, path, inside);
    }

    /// A plain pause after a request is more time to think there; others stay blocks.
    fn pause(&mut self, map: &Map) -> bool {
        let is_pause = map.get("action").and_then(Value::as_str) == Some("pause");
        let is_own = map
            .get("target")
            .is_none_or(|target| target.as_str() == Some("current-thread"));
        let us = map
            .get("pause-duration")
            .or_else(|| map.get("duration"))
            .and_then(micros);
        match (us, self.list.last_mut()) {
            (Some(us), Some(before)) if is_pause && is_own && before.has_plain_pause() => {
                before.pause_us += us;
                true
            }
            _ => false,
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
            let said = &mut *self.said;
            row.each_request(&mut |row| {
                row.spell(&other, said);
                share(&mut row.item, &other, (&row.written, &written), said);
            });
        }
        join(scenario, other, (path, &written), self.said);
        let room = (MOST_REQUESTS + 1).saturating_sub(self.list.len());
        self.list.extend(list.into_iter().take(room));
    }
}

impl Row {
    /// Whether a pause can be added to what it says itself: what its scenario says is told when
    /// it is spelled.
    fn has_plain_pause(&self) -> bool {
        let own = self.item.get("think-time");
        block_of(&self.item).is_none() && own.is_none_or(|own| micros(own).is_some())
    }

    /// Calls `visit` with each request: itself, or those in its block.
    pub fn each_request(&mut self, visit: &mut dyn FnMut(&mut Row)) {
        if block_of(&self.item).is_none() {
            return visit(self);
        }
        let rows = self.inside.iter_mut().flat_map(|list| &mut list.1);
        rows.for_each(|row| row.each_request(visit));
    }

    /// What it is now; `now` is the path where it stands.
    pub fn into_item(self, now: &str, said: &mut Said) -> Value {
        let mut item = self.item;
        said.moved(now.to_owned(), self.written);
        for (key, rows) in self.inside {
            let path = format!("{now}.{key}");
            let rows = rows.into_iter().enumerate();
            let items = rows.map(|(at, row)| row.into_item(&format!("{path}[{at}]"), said));
            let items: Value = items.collect();
            if let Some(place) = place_of(&mut item, &key) {
                *place = items;
            }
        }
        item
    }

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

/// The lists of requests of a block, by their keys.
fn lists_of(block: &Map) -> Vec<(String, Vec<Value>)> {
    let mut lists = Vec::new();
    for key in ["then", "else", "do", "once"] {
        if let Some(Value::Array(list)) = block.get(key) {
            lists.push((key.to_owned(), list.clone()));
        }
    }
    let choices = block.get("choose").and_then(Value::as_array);
    for (at, choice) in choices.into_iter().flatten().enumerate() {
        if let Some(Value::Array(list)) = choice.get("do") {
            lists.push((format!("choose[{at}].do"), list.clone()));
        }
    }
    lists
}

/// Where a list of a block stands.
fn place_of<'a>(item: &'a mut Value, key: &str) -> Option<&'a mut Value> {
    let Some(choice) = key.strip_prefix("choose[") else {
        return item.as_object_mut()?.get_mut(key);
    };
    let at: usize = choice.strip_suffix("].do")?.parse().ok()?;
    let choices = item.as_object_mut()?.get_mut("choose")?.as_array_mut()?;
    choices.get_mut(at)?.as_object_mut()?.get_mut("do")
}
