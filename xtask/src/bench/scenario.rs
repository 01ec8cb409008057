//! `bench scenario`: CPU per request of a scenario of 20 labels, next to a single URL. Each of its
//! requests looks for a text and for a value of JSON, and carries a value that was extracted from the
//! answer before it, so that each is made anew. Both get the same answer from the same nginx.

use super::depot::Load;
use super::machine::Others;
use super::nginx::Nginx;
use super::table::{Line, Section};
use super::tools::{GENERATOR_CORE, HEAD, Row, lines, single, worker};
use super::{How, interleaved, paired};
use anyhow::Result;
use serde_json::{Value, json};

const LABELS: u64 = 20;
const USERS: u64 = 50;
/// The most CPU per request that the scenario may take, as a share of the single URL's.
const GOAL: f64 = 1.5;

/// Measures pairs.
pub fn scenario(how: &How) -> Result<Section> {
    let dlt = how.prepare(&["nginx", "taskset"])?;
    let (nginx, others) = (Nginx::start(false)?, Others::since_now());
    let scenarios = [
        ("dlt, single URL", single(&nginx.json_url())),
        ("dlt, labels alone", labels(&nginx.json_url())),
        ("dlt, scenario", checked(&nginx.json_url())),
    ];
    let load = (Load::Users(USERS), USERS.to_string());
    let rounds = interleaved(how.pairs, scenarios.len(), |at| {
        let (name, scenario) = &scenarios[at];
        worker((name, &dlt), scenario, (load.0, &load.1), how.seconds)
    })?;
    let to_single = |at: usize| paired(&rounds, at, 0, Row::cost);
    let compared = vec![
        Line::ratio(
            format!(
                "CPU per request, {LABELS} labels with extractions and checks, to a single URL"
            ),
            to_single(2),
            Some(GOAL),
        ),
        Line::ratio(
            format!("the same, {LABELS} labels alone, to a single URL"),
            to_single(1),
            None,
        ),
    ];
    let told = format!(
        "nginx with one worker on core 0, an answer of 66 bytes in JSON; dlt on core {GENERATOR_CORE}, one thread, {} s of load each,\n\
         interleaved. Each request of the scenario checks its answer by a text and a JSONPath, extracts a value by another, and has\n\
         the one that was extracted before it in its URL and in a header; labels alone look at no answer",
        how.seconds
    );
    let rows = format!("{HEAD}{}", lines(&rounds));
    let title = format!("A scenario of {LABELS} labels");
    Ok(Section::new(&title, &told, &others, compared, rows))
}

/// Labels whose answers are not looked at.
fn labels(url: &str) -> Value {
    let request = |n: u64| json!({ "url": format!("{url}/{n}"), "label": format!("step {n}") });
    json!({ "requests": (1..=LABELS).map(request).collect::<Vec<_>>() })
}

/// Those whose answers are.
fn checked(url: &str) -> Value {
    let request = |n: u64| {
        json!({
            "url": format!("{url}/{n}?by=${{token}}"),
            "label": format!("step {n}"),
            "headers": { "X-Token": "${token}" },
            "assert": ["\"state\":\"ok\""],
            "assert-jsonpath": [{ "jsonpath": "$.items[0].id", "expected-value": "1" }],
            "extract-jsonpath": { "token": "$.token" },
        })
    };
    json!({
        "variables": { "token": "none" },
        "requests": (1..=LABELS).map(request).collect::<Vec<_>>(),
    })
}
