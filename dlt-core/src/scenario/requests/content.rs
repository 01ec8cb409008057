//! What a request carries: `body`, `body-file`, `form`, `upload-files`; each
//! excludes the others, but for fields that go with files. Reading the files is
//! left to the worker.

use crate::scenario::FileCheck;
use crate::scenario::document::notes::{Node, Notes, Object};
use crate::scenario::limits::{LONGEST_BODY, LONGEST_FIELD_NAME, MOST_FORM_FIELDS, MOST_UPLOADS};
use crate::scenario::plan::{Body, Upload};
use crate::scenario::requests::files::{file, file_at};
use crate::scenario::requests::variables::{Known, scalar};
use crate::value::Value;

/// Content-Type of a file without one.
const DEFAULT_MIME_TYPE: &str = "application/octet-stream";
/// Longest Content-Type of a file, characters: as RFC 6838 bounds both its names.
const LONGEST_MIME_TYPE: usize = 255;

/// Reads what a request carries.
pub(crate) fn content(
    object: &Object<'_>,
    known: &Known,
    files: FileCheck<'_>,
    notes: &mut Notes,
) -> Body {
    let text = object.get("body").and_then(|node| {
        if matches!(node.value, Value::Object(_) | Value::Array(_)) {
            node.fault(
                notes,
                "must be text: write JSON as text, in quotes or after | in YAML; fields of a form go into form",
            );
            return None;
        }
        let text = node.sized_text(0..=LONGEST_BODY, notes)?;
        known.check(text, &node, notes);
        Some(text)
    });
    // DLT's clients send an empty body with every GET.
    let text = text.filter(|text| !text.is_empty());
    let kinds = ["body", "body-file", "form", "upload-files"];
    let given: Vec<&str> = kinds.into_iter().filter(|key| object.has(key)).collect();
    for (at, key) in given.iter().enumerate().skip(1) {
        let before = given[..at]
            .iter()
            .find(|before| !(**before == "form" && *key == "upload-files") && object.has(before));
        if let Some(before) = before {
            notes.fault(
                object.path_of(key),
                format!("says the same as {before}; keep one"),
            );
        }
    }
    let path = file(object, "body-file", files, notes);
    let fields = object
        .get("form")
        .and_then(|node| form(&node, known, notes));
    let uploads = object
        .get("upload-files")
        .and_then(|node| uploads(&node, files, notes));
    match (path, text, fields, uploads) {
        (Some(path), ..) => Body::File(path),
        (None, Some(text), ..) => Body::Text(text.to_owned()),
        (None, None, fields, Some(uploads)) => Body::Multipart(fields.unwrap_or_default(), uploads),
        (None, None, Some(fields), None) => Body::Form(fields),
        (None, None, None, None) => Body::None,
    }
}

fn form(node: &Node<'_>, known: &Known, notes: &mut Notes) -> Option<Vec<(String, String)>> {
    let object = node.object(notes)?;
    if object.map.len() > MOST_FORM_FIELDS {
        let reason = format!(
            "has {} fields; at most {MOST_FORM_FIELDS} are allowed",
            object.map.len()
        );
        node.fault(notes, reason);
        return None;
    }
    let mut fields = Vec::new();
    for (name, value) in object.map {
        let entry = Node {
            value,
            path: object.path_of(name),
        };
        if !is_field(name) {
            entry.fault(notes, FIELD_RULE);
            continue;
        }
        if let Some(text) = scalar(&entry, LONGEST_BODY, notes) {
            known.check(&text, &entry, notes);
            fields.push((name.clone(), text));
        }
    }
    Some(fields)
}

const FIELD_RULE: &str =
    "is no name of a field: 1 to 256 characters without quotes and control characters";

fn is_field(name: &str) -> bool {
    (1..=LONGEST_FIELD_NAME).contains(&name.chars().count())
        && !name.contains(|c: char| c == '"' || c.is_control())
}

fn uploads(node: &Node<'_>, files: FileCheck<'_>, notes: &mut Notes) -> Option<Vec<Upload>> {
    let items = node.list(1..=MOST_UPLOADS, notes)?;
    let read: Vec<_> = items
        .iter()
        .map(|item| upload(item, files, notes))
        .collect();
    read.into_iter().collect()
}

fn upload(node: &Node<'_>, files: FileCheck<'_>, notes: &mut Notes) -> Option<Upload> {
    let object = node.object(notes)?;
    object.allow_only(&["param", "path", "mime-type"], &[], notes);
    let mut need = |key: &str, why: &str| {
        let node = object.get(key);
        if node.is_none() {
            notes.fault(object.path_of(key), why);
        }
        node
    };
    let param = need("param", "is missing: name the field that the file is");
    let path = need("path", "is missing: name the file");
    let param = param.and_then(|node| {
        let text = node.text(notes)?;
        if !is_field(text) {
            node.fault(notes, FIELD_RULE);
            return None;
        }
        Some(text.to_owned())
    });
    let path = path.and_then(|node| file_at(&node, files, notes));
    let mime_type = match object.get("mime-type") {
        Some(node) => mime_type(&node, notes),
        None => Some(DEFAULT_MIME_TYPE.to_owned()),
    };
    Some(Upload {
        param: param?,
        path: path?,
        mime_type: mime_type?,
    })
}

fn mime_type(node: &Node<'_>, notes: &mut Notes) -> Option<String> {
    let text = node.sized_text(1..=LONGEST_MIME_TYPE, notes)?;
    if !text.contains('/') || text.chars().any(char::is_control) || !text.is_ascii() {
        node.fault(notes, "must be a type like image/png");
        return None;
    }
    Some(text.to_owned())
}
