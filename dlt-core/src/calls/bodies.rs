//! Small bodies and path parts of requests: lists of runs, the baseline's run,
//! names of files. Which call they belong to is left to `request`.

use super::answers::LoadWish;
use crate::ids::TestRunId;
use crate::load::changes::LARGEST_FACTOR;
use crate::refusal::{Fault, Refusal};
use crate::value::Value;

/// Longest name of an uploaded file, characters: what file systems take.
const LONGEST_FILE_NAME: usize = 200;

/// Longest note on a run, bytes: rows of runs carry it, a hundred on a page.
const LONGEST_NOTE: usize = 4_000;

/// A file name without folders, which is safe as the last part of a key.
pub(super) fn file_name(name: &str) -> Result<String, String> {
    let good = (1..=LONGEST_FILE_NAME).contains(&name.chars().count())
        && !name.starts_with('.')
        && name
            .chars()
            .all(|c| c.is_alphanumeric() || matches!(c, '.' | '-' | '_' | ' '));
    match good {
        true => Ok(name.to_owned()),
        false => Err(format!(
            "must be a file name of 1 to {LONGEST_FILE_NAME} letters, digits, dots, hyphens, underscores or blanks, not beginning with a dot"
        )),
    }
}

/// A path part with its escapes undone.
pub(super) fn percent_decoded(part: &str) -> String {
    // In a query a plus is a blank; in a path it is itself.
    let part = part.replace('+', "%2B");
    url::form_urlencoded::parse(part.as_bytes())
        .next()
        .map(|(key, _)| key.into_owned())
        .unwrap_or_default()
}

pub(super) fn upload_name(body: Option<Value>) -> Result<String, Refusal> {
    let Some(body) = body else {
        return Err(Refusal::new(
            400,
            "BAD_REQUEST",
            "send { \"name\": … } as the body",
        ));
    };
    match body["name"].as_str() {
        None => Err(Refusal::fault("name", "is missing: give the file's name")),
        Some(name) => file_name(name).map_err(|rule| Refusal::fault("name", &rule)),
    }
}

/// The body of POST …/load.
pub(super) fn load_wish(body: Option<Value>) -> Result<LoadWish, Refusal> {
    let why = "send { \"factor\": 1.1 } as the body, a multiple of the planned load from 0 (a pause) to 10, or { \"end\": true }";
    let bad = || Refusal::new(400, "BAD_REQUEST", why);
    let body = body.ok_or_else(bad)?.to_serde();
    let wish: LoadWish = serde_json::from_value(body).map_err(|_| bad())?;
    match wish.factor {
        Some(_) if wish.end => Err(bad()),
        None if !wish.end => Err(bad()),
        Some(factor) if !(0.0..=LARGEST_FACTOR).contains(&factor) => Err(Refusal::fault(
            "factor",
            "must be a multiple of the planned load from 0 (a pause) to 10",
        )),
        _ => Ok(wish),
    }
}

/// A person's text, without blanks around it.
pub(super) fn run_note(body: Option<Value>) -> Result<String, Refusal> {
    let Some(body) = body else {
        return Err(Refusal::new(
            400,
            "BAD_REQUEST",
            "send { \"note\": … } as the body; an empty note removes it",
        ));
    };
    let Value::Object(fields) = &body else {
        return Err(Refusal::fault("value", "must be an object"));
    };
    if let Some(key) = fields.keys().find(|key| *key != "note") {
        return Err(Refusal::fault(key, "is not known here"));
    }
    let Some(note) = body["note"].as_str() else {
        return Err(Refusal::fault("note", "must be a text"));
    };
    let note = note.replace("\r\n", "\n");
    let note = note.trim();
    let is_control = |sign: char| sign.is_control() && !matches!(sign, '\n' | '\t');
    if note.chars().any(is_control) {
        return Err(Refusal::fault(
            "note",
            "must hold no control characters beside line breaks and tabs",
        ));
    }
    match note.len() <= LONGEST_NOTE {
        true => Ok(note.to_owned()),
        false => Err(Refusal::fault(
            "note",
            format!("must have at most {LONGEST_NOTE} bytes, which are as many letters of English"),
        )),
    }
}

pub(super) fn delete_runs(body: Option<Value>) -> Result<Vec<TestRunId>, Refusal> {
    let Some(body) = body else {
        return Err(Refusal::new(
            400,
            "BAD_REQUEST",
            "send the run ids as a JSON array",
        ));
    };
    let Value::Array(items) = body else {
        return Err(Refusal::fault("value", "must be an array of testRunIds"));
    };
    if items.is_empty() {
        return Err(Refusal::fault("value", "give at least one testRunId"));
    }
    let mut faults = Vec::new();
    let mut runs = Vec::new();
    for (at, item) in items.iter().enumerate() {
        match item.as_str().map(TestRunId::parse) {
            Some(Ok(run)) => runs.push(run),
            _ => faults.push(Fault {
                path: format!("[{at}]"),
                reason: "must be a testRunId".to_owned(),
            }),
        }
    }
    match faults.is_empty() {
        true => Ok(runs),
        false => Err(Refusal::body(faults)),
    }
}

pub(super) fn baseline_run(body: Option<Value>) -> Result<TestRunId, Refusal> {
    let Some(body) = body else {
        return Err(Refusal::new(
            400,
            "INVALID_PARAMETER",
            "send { \"testRunId\": … } as the body",
        ));
    };
    let Value::Object(fields) = body else {
        return Err(Refusal::fault("value", "must be an object"));
    };
    let mut faults: Vec<Fault> = fields
        .keys()
        .filter(|key| *key != "testRunId")
        .map(|key| Fault {
            path: key.clone(),
            reason: "is not known here".to_owned(),
        })
        .collect();
    let run = match fields.get("testRunId") {
        None => Err("missing".to_owned()),
        Some(Value::String(text)) => TestRunId::parse(text).map_err(|error| error.rule.to_owned()),
        Some(_) => Err("must be a string".to_owned()),
    };
    match run {
        Ok(run) if faults.is_empty() => return Ok(run),
        Ok(_) => {}
        Err(reason) => faults.insert(
            0,
            Fault {
                path: "testRunId".to_owned(),
                reason,
            },
        ),
    }
    Err(Refusal::body(faults))
}
