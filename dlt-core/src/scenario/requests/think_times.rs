//! `think-time` of a scenario or a request: a length, or one that varies.

use crate::scenario::document::notes::{Node, Notes, Object};
use crate::scenario::limits::LONGEST_THINK_TIME_US;
use crate::scenario::requests::think_time::ThinkTime;
use crate::value::Value;

/// Reads `think-time`; None if there is none, or a wrong one.
pub(crate) fn think_time(object: &Object<'_>, notes: &mut Notes) -> Option<ThinkTime> {
    pause(&object.get("think-time")?, notes)
}

/// Reads a pause.
pub(crate) fn pause(node: &Node<'_>, notes: &mut Notes) -> Option<ThinkTime> {
    if let Value::String(text) = node.value
        && let Some(read) = ThinkTime::parse(text)
    {
        return read.map_err(|why| node.fault(notes, why)).ok();
    }
    let us = node.duration(0..=LONGEST_THINK_TIME_US, notes)?;
    Some(ThinkTime::Fixed(us))
}
