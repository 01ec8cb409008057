//! `setup` and `teardown` of a scenario: requests that are made once per run, beside its load. They are
//! read as its other requests are; here stands what is different about them.

use super::entries::entry;
use super::{Common, ReadRequest, extracted};
use crate::scenario::FileCheck;
use crate::scenario::document::notes::{Node, Notes, Object};
use crate::scenario::limits::{DEFAULT_ONCE_US, LONGEST_ONCE_US, SHORTEST_ONCE_US};
use crate::scenario::plan::{Auth, DataSource, Flow, Phase, Step, ThinkTime};
use crate::scenario::requests::blocks::{Place, flow};
use crate::scenario::requests::functions::Function;
use crate::scenario::requests::lists::block_of;
use crate::scenario::requests::variables::{Known, Piece, has_variables, pieces};
use crate::value::Value;
use std::collections::BTreeSet;

/// Requests that are made once per run, read.
#[derive(Debug, Clone)]
pub(crate) struct ReadOnce {
    pub steps: Vec<ReadRequest>,
    pub flow: Flow,
    pub limit_us: u64,
}

/// Values that a scenario says.
pub(super) struct Given<'a> {
    /// Of its variables.
    pub(super) variables: &'a [(String, String)],
    /// Of its rows.
    pub(super) data: &'a [DataSource],
}

/// Blocks that such requests have no use for, and why.
const REFUSED: [(&str, &str); 5] = [
    (
        "websocket",
        "opens a stream of messages, which is load: write it into requests",
    ),
    (
        "events",
        "opens a stream of messages, which is load: write it into requests",
    ),
    (
        "choose",
        "draws one of several lists, and what is made once per run is not left to chance: write the one that is meant, or an if",
    ),
    (
        "transaction",
        "is timed, and requests that are made once per run are in no result: write its requests alone",
    ),
    (
        "once",
        "says nothing here, since all of this is made once per run: write its requests alone",
    ),
];

/// Reads what a scenario requests once in a phase; `common` is what its requests share, with its
/// variables and its data.
pub(super) fn once(
    phase: Phase,
    object: &Object<'_>,
    (common, given): (&Common<'_>, &Given<'_>),
    files: FileCheck<'_>,
    notes: &mut Notes,
) -> Option<ReadOnce> {
    let limit = object.get(phase.limit_key());
    let Some(node) = object.get(phase.name()) else {
        if let Some(limit) = limit {
            limit.fault(
                notes,
                format!(
                    "limits {}, which this scenario has not: list its requests, or leave this out",
                    phase.name()
                ),
            );
        }
        return None;
    };
    let limit_us = limit.and_then(|node| node.duration(SHORTEST_ONCE_US..=LONGEST_ONCE_US, notes));
    refuse_blocks(node.value, &node.path, notes);
    let common = Common {
        known: known(phase, object, given.variables),
        // Of users; a request here may have its own.
        think_time: ThinkTime::default(),
        ..common.clone()
    };
    tell_columns(&node, &common.known, given.data, notes);
    let mut steps: Vec<ReadRequest> = Vec::new();
    let mut so_far = common.known.clone();
    let own: BTreeSet<String> = extracted(object, phase.name()).collect();
    so_far.changing.retain(|name| !own.contains(name));
    let mut request = |node: &Node<'_>, place: Place, notes: &mut Notes| {
        let (request, times) = entry(node, place, (&common, &steps), files, notes)?;
        refuse_inherited(&request.step, (&common, &so_far), node, notes);
        let found = request.step.extractions.iter();
        so_far
            .changing
            .extend(found.map(|found| found.variable.clone()));
        steps.push(request);
        Some((steps.len() - 1, times))
    };
    let (flow, _) = flow(&node, &common.known, &mut request, notes);
    if steps.is_empty() && !notes.has_faults() {
        node.fault(notes, "has no request: list at least one, or leave it out");
    }
    Some(ReadOnce {
        steps,
        flow,
        limit_us: limit_us.unwrap_or(DEFAULT_ONCE_US),
    })
}

/// The variables that requests of a phase may name.
fn known(phase: Phase, object: &Object<'_>, variables: &[(String, String)]) -> Known {
    let (with_value, open): (Vec<_>, Vec<_>) = variables
        .iter()
        .cloned()
        .partition(|(_, value)| !has_variables(value));
    let mut changing: Vec<String> = open.into_iter().map(|row| row.0).collect();
    changing.extend(extracted(object, Phase::Setup.name()));
    if phase == Phase::Teardown {
        changing.extend(extracted(object, phase.name()));
    }
    Known {
        with_value,
        changing,
        of_setup: Vec::new(),
        open: false,
        once: true,
    }
}

/// Warns of values that users have of their rows, and that are others here.
fn tell_columns(node: &Node<'_>, known: &Known, data: &[DataSource], notes: &mut Notes) {
    let columns = data.iter().filter_map(|source| source.columns.as_ref());
    for column in columns.flatten().filter(|name| known.has(name)) {
        notes.warn(
            node.shown_path(),
            &format!("has the value of variables or of its own for {column:?}, and no row of data"),
        );
    }
}

/// Notes blocks that make no sense where each request is made once, at any depth.
fn refuse_blocks(list: &Value, path: &str, notes: &mut Notes) {
    for (at, entry) in list.as_array().into_iter().flatten().enumerate() {
        let path = format!("{path}[{at}]");
        let Some(key) = block_of(entry) else {
            continue;
        };
        if let Some((_, why)) = REFUSED.iter().find(|row| row.0 == key) {
            notes.fault(format!("{path}.{key}"), *why);
            continue;
        }
        if key == "loop" && entry.get("loop").and_then(Value::as_str) == Some("forever") {
            notes.fault(
                format!("{path}.loop"),
                "is forever, and what is made once per run has to end: say how often",
            );
        }
        for key in ["then", "else", "do"] {
            if let Some(inside) = entry.get(key) {
                refuse_blocks(inside, &format!("{path}.{key}"), notes);
            }
        }
    }
}

/// Notes headers and auth of the scenario that name a variable which has no value yet when this request
/// is made: most often the token that it is to fetch.
fn refuse_inherited(
    step: &Step,
    (common, given): (&Common<'_>, &Known),
    node: &Node<'_>,
    notes: &mut Notes,
) {
    let headers = step
        .headers
        .iter()
        .filter(|row| common.headers.contains(row));
    let headers = headers.map(|(name, value)| (format!("the header {name}"), vec![value]));
    let auth = step.auth.as_ref().filter(|_| step.auth == common.auth);
    let auth = auth.map(|auth| match auth {
        Auth::Basic { username, password } => ("auth".to_owned(), vec![username, password]),
        Auth::Bearer(token) => ("auth".to_owned(), vec![token]),
    });
    for (what, texts) in headers.chain(auth) {
        let missing =
            texts
                .into_iter()
                .flat_map(|text| pieces(text))
                .find_map(|piece| match piece {
                    Piece::Variable(name)
                        if !given.has(name) && Function::parse(name).is_none() =>
                    {
                        Some(name)
                    }
                    _ => None,
                });
        if let Some(name) = missing {
            let way = match what.as_str() {
                "auth" => "write auth: none, or another auth,".to_owned(),
                header => format!("write {header} with another value"),
            };
            node.fault(
                notes,
                format!(
                    "takes {what} of its scenario, whose ${{{name}}} has no value yet: {way} in this request"
                ),
            );
        }
    }
}
