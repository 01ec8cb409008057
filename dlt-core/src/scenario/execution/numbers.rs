//! Numbers of an `execution` item that need not be whole: arrivals, targets, a cap.

use crate::scenario::document::notes::{Node, Notes, yaml_number};
use crate::scenario::document::shown::shown_value;
use crate::value::Value;

pub(super) fn positive(node: &Node<'_>, most: f64, what: &str, notes: &mut Notes) -> Option<f64> {
    number(node, most, what, "above 0", |n| n > 0.0, notes)
}

pub(super) fn up_to(node: &Node<'_>, most: f64, what: &str, notes: &mut Notes) -> Option<f64> {
    number(node, most, what, "from 0", |n| n >= 0.0, notes)
}

fn number(
    node: &Node<'_>,
    most: f64,
    what: &str,
    least: &str,
    enough: fn(f64) -> bool,
    notes: &mut Notes,
) -> Option<f64> {
    let number = match node.value {
        Value::Number(number) => number.as_f64(),
        Value::String(text) => yaml_number(text),
        _ => None,
    };
    let good = number.filter(|number| enough(*number) && *number <= most);
    if good.is_none() {
        let given = shown_value(node.value);
        node.fault(
            notes,
            format!("must be a number of {what} {least} to {most}, not {given}"),
        );
    }
    good
}
