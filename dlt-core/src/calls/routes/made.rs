//! Rows and operations of the table, made of what differs.

use super::{Answer, Body, Operation, Place, Row, Shape};

/// A GET that takes nothing.
pub(super) const fn get(id: &'static str, says: &'static str, shape: Shape) -> Operation {
    Operation {
        method: "GET",
        id,
        says,
        query: &[],
        body: Body::None,
        answer: Answer::Json(shape),
        refusals: &[],
    }
}

/// Another method that takes nothing.
pub(super) const fn plain(method: &'static str, operation: Operation) -> Operation {
    Operation {
        method,
        ..operation
    }
}

/// A part of a run.
pub(super) const fn part(
    name: &'static str,
    operations: &'static [Operation],
    template: &'static str,
) -> Row {
    Row {
        place: Place::RunPart(name),
        template,
        operations,
    }
}
