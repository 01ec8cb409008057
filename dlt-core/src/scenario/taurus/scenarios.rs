//! A scenario of a Taurus file, as `requests` reads it: its blocks written out (`flat`), and
//! what it says of all requests said of each (`shared`).

use super::flat::Flat;
use super::said::Said;
use super::shared::{BESIDE, beside, in_place, of_all};
use crate::scenario::document::shown::shown_key;
use crate::value::{Map, Value};

/// The scenario as its reader has it, with its properties; None if it is no object.
pub(super) fn scenario(
    name: &str,
    all: &Map,
    written: &str,
    said: &mut Said,
) -> Option<(Map, Map)> {
    let mut scenario = all.get(name)?.as_object()?.clone();
    of_all(&mut scenario, written, said);
    if let Some(Value::Array(items)) = scenario.get("requests").cloned() {
        let mut flat = Flat::new(all, name, said);
        flat.add(&items, &format!("{written}.requests"), &mut scenario);
        let mut rows = std::mem::take(&mut flat.list);
        let now = format!("testScenario.scenarios.{}.requests", shown_key(name));
        for row in &mut rows {
            row.each_request(&mut |row| {
                row.spell(&scenario, said);
                beside(&mut row.item, &scenario, (&row.written, written), said);
                in_place(&mut row.item, &scenario, &["follow-redirects"]);
            });
        }
        let rows = rows.into_iter().enumerate();
        let requests = rows.map(|(at, row)| row.into_item(&format!("{now}[{at}]"), said));
        scenario.insert("requests".to_owned(), requests.collect());
    }
    for key in BESIDE.iter().chain(&["follow-redirects"]) {
        scenario.shift_remove(*key);
    }
    let properties = match scenario.shift_remove("properties") {
        Some(Value::Object(properties)) => properties,
        _ => Map::new(),
    };
    Some((scenario, properties))
}
