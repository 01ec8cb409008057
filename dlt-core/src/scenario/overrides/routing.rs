//! Which way connections take: what flags change of it in a scenario. Entries of flags go
//! before those of the file.

use super::{Change, Changes, told};
use crate::routing::Resolve;
use crate::scenario::quick::Quick;
use crate::value::{Map, Value};

/// Changes a scenario's `resolve`, `connect-to`, `proxy` and `no-proxy`.
pub(super) fn routing(flags: &Quick, definition: &mut Map, path: &str, changes: &mut Changes) {
    entries(
        definition,
        &flags.resolve,
        (path, "resolve", "--resolve"),
        changes,
    );
    entries(
        definition,
        &flags.connect_to,
        (path, "connect-to", "--connect-to"),
        changes,
    );
    let texts = [
        ("proxy", "--proxy", &flags.proxy),
        ("no-proxy", "--noproxy", &flags.no_proxy),
    ];
    for (key, flag, text) in texts {
        if let Some(text) = text {
            changes.set(definition, (path, key), flag, text.as_str().into());
        }
    }
}

/// Puts entries before those of the file. Of `resolve` the file's go that are for the same
/// host and port; of `connect-to` the first that matches is used anyway.
fn entries(
    definition: &mut Map,
    given: &[String],
    (path, key, flag): (&str, &str, &'static str),
    changes: &mut Changes,
) {
    if given.is_empty() {
        return;
    }
    let mut of_file = match definition.get(key) {
        None | Some(Value::Null) => Vec::new(),
        Some(text @ Value::String(_)) => vec![text.clone()],
        Some(Value::Array(items)) => items.clone(),
        // It is refused for what it is.
        Some(_) => return,
    };
    let place = |text: &str| {
        let read = Resolve::parse(text).ok()?;
        Some((read.host, read.port))
    };
    let is_replaced = |item: &Value| {
        let own = item.as_str().and_then(place);
        key == "resolve" && own.is_some() && given.iter().any(|text| place(text) == own)
    };
    let replaced: Vec<Value> = of_file
        .iter()
        .filter(|it| is_replaced(it))
        .cloned()
        .collect();
    of_file.retain(|item| !is_replaced(item));
    for (at, text) in given.iter().enumerate() {
        let was = replaced
            .iter()
            .find(|item| item.as_str().and_then(place) == place(text));
        if was.and_then(Value::as_str) == Some(text) {
            continue;
        }
        let was = was.map_or_else(String::new, |it| {
            format!("; the file has {}", told(key, it))
        });
        let text = Value::from(text.as_str());
        changes.done.push(Change {
            path: format!("{path}.{key}[{at}]"),
            flag,
            now: format!("{key} {}{was}", told(key, &text)),
        });
    }
    let given = given.iter().map(|text| Value::from(text.as_str()));
    definition.insert(key.to_owned(), given.chain(of_file).collect());
}
