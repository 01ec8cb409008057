//! `execution` items of scenarios that are scripts: which keys they know, and whether they leave
//! the load to the script. What the tool then does is left to the worker.

use crate::scenario::document::notes::{Notes, Object};
use crate::scenario::limits::{ITERATIONS_END_US, LONGEST_US, SHORTEST_HOLD_US};
use crate::scenario::plan::Tool;

/// Keys that say how hard or how long: with one of them the script's own load is replaced.
const SAY_LOAD: [&str; 8] = [
    "users",
    "concurrency",
    "arrivals",
    "ramp-up",
    "hold-for",
    "stages",
    "iterations",
    "total-requests",
];

/// Whether an item leaves the load to its script.
pub(super) fn says_no_load(object: &Object<'_>) -> bool {
    !SAY_LOAD.iter().any(|key| object.has(key))
}

/// When a script that makes its own load is ended at the latest, µs: as rounds and requests
/// without a time are.
pub(super) fn end_after(object: &Object<'_>, notes: &mut Notes) -> Option<u64> {
    match object.get("end-after") {
        Some(node) => node.duration(SHORTEST_HOLD_US..=LONGEST_US, notes),
        None => Some(ITERATIONS_END_US),
    }
}

/// Notes the keys that no tool can do, and those that contradict each other.
fn fitting(object: &Object<'_>, notes: &mut Notes) {
    for (key, instead) in [
        ("arrivals", "write arrivals in the script"),
        ("total-requests", "write the number in the script"),
        ("throughput", "write the limit in the script"),
        ("connections", "it belongs to arrivals"),
        ("pacing", "it belongs to arrivals"),
        ("retry", "the tool decides it"),
        ("dns", "the tool looks names up itself"),
        ("seed", "the script draws its own random numbers"),
    ] {
        if object.has(key) {
            notes.fault(
                object.path_of(key),
                format!("is not for scripts: {instead}"),
            );
        }
    }
    if object.has("end-after") && !says_no_load(object) {
        notes.fault(
            object.path_of("end-after"),
            "ends a script that makes its own load; here hold-for or stages say how long",
        );
    }
}

/// Whether an item that says how hard says how long as well; notes where it does not.
pub(super) fn says_length(object: &Object<'_>, notes: &mut Notes) -> bool {
    let says = ["hold-for", "stages", "iterations"];
    let says = says.iter().any(|key| object.has(key));
    if !says {
        notes.fault(
            object.path_of("hold-for"),
            "is missing: say how long the load is held, like hold-for: 30s, or leave users, concurrency and ramp-up out: then the script makes its own load",
        );
    }
    says
}

/// `executor`: whose script is run.
pub(super) fn tool(object: &Object<'_>, scripted: bool, notes: &mut Notes) -> Option<Tool> {
    if scripted {
        fitting(object, notes);
    }
    let node = object.get("executor")?;
    let tool = Tool::parse(node.choice(&["jmeter", "k6", "locust"], notes)?)?;
    if !scripted {
        node.fault(
            notes,
            "runs scripts, and this scenario lists requests, which dlt sends itself; remove it",
        );
    }
    Some(tool)
}
