//! What `dlt check` tells of the requests that are made once per run.

use super::{named, outline_in_json, outline_lines, request_in_words};
use crate::line::Line;
use crate::units;
use dlt_core::scenario::plan::{Group, Once, Phase, Plan};
use dlt_core::scenario::show_duration;
use serde_json::{Value, json};

/// Both phases of a run, with their requests, a line each.
pub(super) fn lines(plan: &Plan, width: usize) -> Vec<Line> {
    let phases = Phase::ALL.into_iter();
    phases
        .flat_map(|phase| of_phase(plan, phase, width))
        .collect()
}

fn of_phase(plan: &Plan, phase: Phase, width: usize) -> Vec<Line> {
    let several = plan.groups.len() > 1;
    let told = plan.once(phase).into_iter().flat_map(|(group, once)| {
        let of = match several {
            true => format!("{}: ", group.name),
            false => String::new(),
        };
        let text = format!("{of}{}", in_words(group, once, phase));
        let mut lines = named(phase.name(), &text, width);
        lines.extend(outline_lines(&once.steps, &once.flow, width));
        lines
    });
    told.collect()
}

fn in_words(group: &Group, once: &Once, phase: Phase) -> String {
    let requests = units::several(once.steps.len() as u64, "request");
    let when = match phase {
        Phase::Setup => "before the load",
        Phase::Teardown => "after the load",
    };
    let limit = show_duration(once.limit_us);
    let mut gives: Vec<&str> = match phase {
        Phase::Setup => group.given_by_setup().collect(),
        Phase::Teardown => Vec::new(),
    };
    gives.sort_unstable();
    gives.dedup();
    let gives = match gives.is_empty() {
        true => String::new(),
        false => format!("; it gives all users {}", gives.join(", ")),
    };
    format!("{requests}, once {when}, within {limit}, in no number of the result{gives}")
}

/// The same as JSON; null without such requests.
pub(super) fn as_json(group: &Group, phase: Phase) -> Value {
    let Some(once) = group.once(phase) else {
        return Value::Null;
    };
    let requests = once.steps.iter();
    let requests = requests
        .map(|step| json!({ "label": step.label, "request": request_in_words(step) }))
        .collect::<Vec<_>>();
    json!({
        "within_us": once.limit_us,
        "requests": requests,
        "outline": outline_in_json(&once.steps, &once.flow),
    })
}
