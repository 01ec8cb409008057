//! Files that a scenario names; whether each can be used is left to the caller.

use crate::scenario::FileCheck;
use crate::scenario::document::notes::{Node, Notes, Object};
use crate::scenario::limits::LONGEST_PATH;

/// A named file that can be used, under the name that was found.
pub(crate) fn file(
    object: &Object<'_>,
    key: &str,
    files: FileCheck<'_>,
    notes: &mut Notes,
) -> Option<String> {
    file_at(&object.get(key)?, files, notes)
}

/// As `file`, of the name that stands at `node`.
pub(crate) fn file_at(node: &Node<'_>, files: FileCheck<'_>, notes: &mut Notes) -> Option<String> {
    let text = node.sized_text(1..=LONGEST_PATH, notes)?;
    if text.contains('\0') {
        node.fault(notes, "is not a file name: it holds a zero character");
        return None;
    }
    match files(text) {
        Ok(path) => Some(path),
        Err(reason) => {
            node.fault(notes, reason);
            None
        }
    }
}
