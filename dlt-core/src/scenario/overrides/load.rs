//! How hard and on how many runners: what flags change of `execution` and
//! `testTaskConfigs`. A file with several execution items is one load of many: a flag that
//! says the load of one of them is refused.

use super::{Changes, Overrides};
use crate::scenario::document::shown::shown;
use crate::scenario::quick::stage;
use crate::value::{Map, Value};
use serde_json::json;

const PATH: &str = "testScenario.execution";

/// Changes the execution items.
pub(super) fn load(overrides: &Overrides, raw: &mut Value, changes: &mut Changes) {
    let items = raw
        .get_mut("testScenario")
        .and_then(|it| it.get_mut("execution"))
        .and_then(Value::as_array_mut);
    // What is no list of objects is refused for what it is.
    let Some(items) = items.filter(|items| items.iter().all(Value::is_object)) else {
        return;
    };
    let flags = &overrides.flags;
    let of_one = [
        ("-c", flags.users.is_some()),
        (
            "--arrivals",
            flags.arrivals.is_some() && flags.stages.is_empty(),
        ),
        ("--stages", !flags.stages.is_empty()),
        ("-n", flags.requests.is_some()),
        ("--throughput", flags.throughput.is_some()),
        ("--connections", flags.connections.is_some()),
    ];
    if items.len() > 1 {
        let all: Vec<usize> = (0..items.len()).collect();
        for (flag, _) in of_one.iter().filter(|row| row.1) {
            changes.fault(
                *flag,
                format!(
                    "says the load of one execution item, and this file has {}: {}; change it in the file, or write \
                     \"${{env.NAME}}\" there and give -e NAME=VALUE",
                    items.len(),
                    names(items, &all)
                ),
            );
        }
    } else if let Some(Value::Object(item)) = items.first_mut() {
        amount(overrides, item, changes);
    }
    shape(overrides, items, changes);
}

/// Users, arrivals or stages of the only item.
fn amount(overrides: &Overrides, item: &mut Map, changes: &mut Changes) {
    const OF_USERS: [&str; 4] = ["users", "concurrency", "iterations", "throughput"];
    const OF_ARRIVALS: [&str; 3] = ["arrivals", "connections", "pacing"];
    let flags = &overrides.flags;
    let path = format!("{PATH}[0]");
    let path = path.as_str();
    if !flags.stages.is_empty() {
        let stages: serde_json::Value = flags.stages.iter().map(|text| stage(text)).collect();
        changes.set(item, (path, "stages"), "--stages", stages.into());
        if flags.arrivals.is_some() {
            item.insert("arrivals".to_owned(), Value::from(0u64));
            changes.remove(item, &OF_USERS, "--stages");
        } else {
            changes.remove(item, &["users", "concurrency"], "--stages");
            changes.remove(item, &OF_ARRIVALS, "--stages");
        }
        changes.remove(item, &["ramp-up", "hold-for"], "--stages");
        return;
    }
    let (key, flag, value) = match (flags.users, flags.arrivals) {
        (Some(users), _) => ("users", "-c", json!(users)),
        (None, Some(arrivals)) => ("arrivals", "--arrivals", json!(arrivals)),
        (None, None) => return,
    };
    if item.contains_key("stages") && flags.duration.is_none() {
        changes.fault(
            flag,
            "the file's load is in stages: give --stages, or -d with it, which replace them",
        );
        return;
    }
    changes.set(item, (path, key), flag, value.into());
    let gone: &[&str] = match key {
        "users" => &OF_ARRIVALS,
        _ => &OF_USERS,
    };
    changes.remove(item, gone, flag);
    changes.remove(item, &["concurrency", "stages"], flag);
}

/// What can be meant for each item.
fn shape(overrides: &Overrides, items: &mut [Value], changes: &mut Changes) {
    let flags = &overrides.flags;
    let texts = [
        ("hold-for", "-d", flags.duration.as_deref()),
        ("ramp-up", "--ramp-up", flags.ramp_up.as_deref()),
    ];
    for (key, flag, value) in texts {
        let Some(value) = value else { continue };
        let reason = "whose load is in stages, which say how long; give --stages";
        let value = Value::from(value);
        for_each(items, (key, flag, value), ("stages", true, reason), changes);
    }
    if let Some(rounds) = flags.iterations {
        let reason = "which is a load of arrivals, and iterations are rounds of a user; give -d";
        let value = Value::from(rounds);
        let setting = ("iterations", "--iterations", value);
        for_each(items, setting, ("arrivals", true, reason), changes);
        remove_from_each(items, "total-requests", "--iterations", changes);
    }
    for (at, item) in items.iter_mut().enumerate() {
        if let (Some(seed), Some(item)) = (flags.seed, item.as_object_mut()) {
            let path = format!("{PATH}[{at}]");
            changes.set(item, (path.as_str(), "seed"), "--seed", Value::from(seed));
        }
    }
    if let Some(how) = flags.pacing.as_deref() {
        let reason = "which is a load of users: they send when they have their answers";
        let setting = ("pacing", "--pacing", Value::from(how));
        for_each(items, setting, ("arrivals", false, reason), changes);
    }
    if items.len() > 1 {
        return;
    }
    if let Some(Value::Object(item)) = items.first_mut()
        && let Some(total) = flags.requests
    {
        let place = (format!("{PATH}[0]"), "total-requests");
        changes.set(item, (place.0.as_str(), place.1), "-n", Value::from(total));
        changes.remove(item, &["iterations"], "-n");
    }
    if let Some(most) = flags.throughput {
        let reason = "which is a load of arrivals, and a throughput caps what users send";
        let setting = ("throughput", "--throughput", Value::from(most));
        for_each(items, setting, ("arrivals", true, reason), changes);
    }
    if let Some(most) = flags.connections {
        let reason = "which is a load of users: each has one connection; -c says how many";
        let setting = ("connections", "--connections", Value::from(most));
        for_each(items, setting, ("arrivals", false, reason), changes);
    }
}

/// Takes a key away that something else stands for now.
fn remove_from_each(items: &mut [Value], key: &str, flag: &'static str, changes: &mut Changes) {
    for item in items.iter_mut().filter_map(Value::as_object_mut) {
        changes.remove(item, &[key], flag);
    }
}

/// Sets a key in each item; a fault names the items that it cannot be meant for, those that
/// have (or have not) another key.
fn for_each(
    items: &mut [Value],
    (key, flag, value): (&str, &'static str, Value),
    (other, refused_with, reason): (&str, bool, &str),
    changes: &mut Changes,
) {
    let clashing: Vec<usize> = (0..items.len())
        .filter(|at| items[*at].get(other).is_some() == refused_with)
        .collect();
    if !clashing.is_empty() {
        let named = names(items, &clashing);
        changes.fault(flag, format!("cannot be meant for {named}, {reason}"));
        return;
    }
    for (at, item) in items.iter_mut().enumerate() {
        if let Some(item) = item.as_object_mut() {
            let path = format!("{PATH}[{at}]");
            changes.set(item, (path.as_str(), key), flag, value.clone());
        }
    }
}

/// Items as messages name them: by position, and by scenario where they have one.
fn names(items: &[Value], which: &[usize]) -> String {
    let named = which
        .iter()
        .map(|at| match items[*at]["scenario"].as_str() {
            Some(name) => format!("execution[{at}] ({})", shown(name).trim_matches('"')),
            None => format!("execution[{at}]"),
        });
    named.collect::<Vec<_>>().join(", ")
}

/// Changes how many runners there are, and where.
pub(super) fn runners(overrides: &Overrides, raw: &mut Value, changes: &mut Changes) {
    const FLAG: &str = "--tasks";
    let Some(count) = overrides.tasks else { return };
    let by_region = &overrides.flags.tasks;
    let Some(root) = raw.as_object_mut() else {
        return;
    };
    let known = match root.get_mut("testTaskConfigs") {
        // Without regions the caller's default says how many.
        None | Some(Value::Null) if by_region.is_empty() => return,
        None | Some(Value::Null) => Vec::new(),
        Some(Value::Array(entries)) if entries.iter().all(Value::is_object) => entries.clone(),
        // It is refused for what it is.
        Some(_) => return,
    };
    if by_region.is_empty() {
        let regions: Vec<&str> = known
            .iter()
            .filter_map(|it| it["region"].as_str())
            .collect();
        if known.len() > 1 {
            changes.fault(
                FLAG,
                format!(
                    "does not say in which of the file's regions: {}; name them with --region, and runners are spread evenly over those",
                    regions.join(", ")
                ),
            );
            return;
        }
        let mut entries = known;
        if let Some(Value::Object(entry)) = entries.first_mut() {
            let place = ("testTaskConfigs[0]", "taskCount");
            changes.set(entry, place, FLAG, Value::from(count));
        }
        root.insert("testTaskConfigs".to_owned(), Value::Array(entries));
        return;
    }
    // Users of a task stay what they were where all entries agree.
    let concurrency = known.first().and_then(|entry| entry.get("concurrency"));
    let agreed = concurrency.filter(|it| known.iter().all(|e| e.get("concurrency") == Some(*it)));
    let entries = by_region.iter().map(|(region, count)| {
        let mut entry = Value::from(json!({ "region": region, "taskCount": count }));
        if let Some(concurrency) = agreed {
            entry["concurrency"] = concurrency.clone();
        }
        entry
    });
    let entries: Value = entries.collect();
    // Numbers of the file's regions are none of these.
    root.shift_remove("regionalTaskDetails");
    let told: Vec<String> = by_region
        .iter()
        .map(|(region, count)| format!("{count} in {region}"))
        .collect();
    if root.get("testTaskConfigs") != Some(&entries) {
        changes.done.push(super::Change {
            path: "testTaskConfigs".to_owned(),
            flag: FLAG,
            now: format!("runners: {}", told.join(", ")),
        });
    }
    root.insert("testTaskConfigs".to_owned(), entries);
}
