//! `data-sources`: files whose rows give variables their values. The rows are
//! read by the worker.

use crate::scenario::FileCheck;
use crate::scenario::document::notes::{Node, Notes, Object};
use crate::scenario::document::shown::shown_value;
use crate::scenario::limits::{LONGEST_PATTERN, MOST_COLUMNS, MOST_DATA_SOURCES};
use crate::scenario::plan::DataSource;
use crate::scenario::requests::files::file_at;
use crate::scenario::requests::variables::name;
use crate::value::Value;

pub(crate) const KEYS: [&str; 5] = ["path", "delimiter", "quoted", "loop", "variable-names"];
const NOT_SUPPORTED: [&str; 3] = ["encoding", "random-order", "ignore-first-line"];

/// Reads the list; and whether all of it could be: what a file that is not there would
/// name is not known.
pub(crate) fn data_sources(
    object: &Object<'_>,
    files: FileCheck<'_>,
    notes: &mut Notes,
) -> (Vec<DataSource>, bool) {
    let Some(node) = object.get("data-sources") else {
        return (Vec::new(), true);
    };
    let mut complete = true;
    let items = node.list(0..=MOST_DATA_SOURCES, notes).unwrap_or_default();
    let mut sources: Vec<DataSource> = Vec::new();
    for item in &items {
        let Some(source) = source(item, files, notes) else {
            complete = false;
            continue;
        };
        let names = source.columns.iter().flatten();
        let twice = names.into_iter().find(|name| {
            let others = sources
                .iter()
                .flat_map(|other| other.columns.iter().flatten());
            others.into_iter().any(|other| other == *name)
        });
        if let Some(name) = twice {
            item.fault(
                notes,
                format!("gives the variable {name} a value, as a file above does; keep one"),
            );
        }
        sources.push(source);
    }
    (sources, complete)
}

fn source(node: &Node<'_>, files: FileCheck<'_>, notes: &mut Notes) -> Option<DataSource> {
    let plain = |path| DataSource {
        path,
        delimiter: b',',
        quoted: true,
        recycled: true,
        columns: None,
    };
    match node.value {
        Value::String(_) => return file_at(node, files, notes).map(plain),
        Value::Object(_) => {}
        _ => {
            node.fault(
                notes,
                "must be the path of a file of rows, or an object like { path: users.csv, loop: false }",
            );
            return None;
        }
    }
    let object = node.object(notes)?;
    object.allow_only(&KEYS, &NOT_SUPPORTED, notes);
    let path = match object.get("path") {
        Some(node) => file_at(&node, files, notes),
        None => {
            notes.fault(object.path_of("path"), "is missing: name the file of rows");
            None
        }
    };
    let mut flag = |key: &str| {
        let node = object.get(key)?;
        node.boolean(notes)
    };
    let (quoted, recycled) = (flag("quoted"), flag("loop"));
    let delimiter = object
        .get("delimiter")
        .and_then(|node| delimiter(&node, notes));
    let columns = object
        .get("variable-names")
        .map(|node| columns(&node, notes));
    Some(DataSource {
        delimiter: delimiter.unwrap_or(b','),
        quoted: quoted.unwrap_or(true),
        recycled: recycled.unwrap_or(true),
        columns: columns.flatten(),
        ..plain(path?)
    })
}

fn delimiter(node: &Node<'_>, notes: &mut Notes) -> Option<u8> {
    let given = node.text(notes)?;
    let byte = match given.as_bytes() {
        _ if given == "tab" => Some(b'\t'),
        [byte] if byte.is_ascii_graphic() || matches!(byte, b' ' | b'\t') => Some(*byte),
        _ => None,
    };
    let byte = byte.filter(|byte| *byte != b'"' && !byte.is_ascii_alphanumeric());
    if byte.is_none() {
        let given = shown_value(node.value);
        node.fault(
            notes,
            format!("must be one sign like \",\" or \";\", or \"tab\", not {given}"),
        );
    }
    byte
}

/// A list of names, or one text with commas between them.
fn columns(node: &Node<'_>, notes: &mut Notes) -> Option<Vec<String>> {
    let names: Vec<String> = match node.value {
        Value::String(text) => {
            // A text of names is bounded before it is split.
            node.sized_text(1..=LONGEST_PATTERN * MOST_COLUMNS, notes)?;
            text.split(',').map(|name| name.trim().to_owned()).collect()
        }
        _ => {
            let items = node.list(1..=MOST_COLUMNS, notes)?;
            let texts = items.iter().map(|item| item.text(notes).map(str::to_owned));
            texts.collect::<Option<Vec<_>>>()?
        }
    };
    if names.len() > MOST_COLUMNS {
        let reason = format!("has {} names; at most {MOST_COLUMNS}", names.len());
        node.fault(notes, reason);
        return None;
    }
    for (at, text) in names.iter().enumerate() {
        if !name(text, node, notes) {
            return None;
        }
        if names[..at].contains(text) {
            node.fault(notes, format!("has the name {text} twice; keep one"));
            return None;
        }
    }
    Some(names)
}
