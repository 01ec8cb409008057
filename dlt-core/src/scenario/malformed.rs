//! Malformed scenarios as data (`malformed.json`): each with every fault it
//! must be answered with. The end-to-end tests feed the same list to `dlt run`.
//!
//! A case has a `name`, a `format`, its `text` (or `base64` when it is not
//! UTF-8) and its `faults` as `path: reason`. `fill` replaces `at` in the text
//! by `with`, `times` times, for what is too long to be written out. The list
//! supposes the regions lo-home-1 with 8 runners and lo-home-2 with 4, and that
//! no file has a name beginning with `missing`; the reason for such a file comes
//! from the caller, so only the path of that fault is the same everywhere.

use crate::refusal::{Fault, Faults};
use crate::scenario::tests::{defaults, files};
use crate::scenario::{Format, Outside, Purpose, Scenario};
use base64::Engine as _;
use serde::Deserialize;

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Case {
    name: String,
    format: String,
    text: Option<String>,
    base64: Option<String>,
    fill: Option<Fill>,
    faults: Vec<String>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Fill {
    at: String,
    with: String,
    times: usize,
}

impl Case {
    fn text(&self) -> Vec<u8> {
        let text = match (&self.text, &self.base64) {
            (Some(text), None) => text.clone().into_bytes(),
            (None, Some(code)) => base64::prelude::BASE64_STANDARD.decode(code).unwrap(),
            _ => panic!("{}: one of text and base64", self.name),
        };
        match &self.fill {
            None => text,
            Some(fill) => {
                let text = String::from_utf8(text).unwrap();
                assert!(text.contains(&fill.at), "{}", self.name);
                text.replace(&fill.at, &fill.with.repeat(fill.times))
                    .into_bytes()
            }
        }
    }

    fn faults(&self) -> Vec<String> {
        let format = match self.format.as_str() {
            "json" => Format::Json,
            "yaml" => Format::Yaml,
            other => panic!("{}: format {other}", self.name),
        };
        match Scenario::from_text(
            &self.text(),
            format,
            &defaults(),
            Outside::files(&files),
            Purpose::Run,
        ) {
            Ok(_) => Vec::new(),
            Err(Faults(faults)) => faults
                .iter()
                .map(|Fault { path, reason }| format!("{path}: {reason}"))
                .collect(),
        }
    }
}

#[test]
fn every_malformed_scenario_is_answered_with_all_its_faults() {
    let cases: Vec<Case> = serde_json::from_str(include_str!("malformed.json")).unwrap();
    assert!(cases.len() >= 60, "{}", cases.len());
    let mut wrong = Vec::new();
    for case in &cases {
        let faults = case.faults();
        if faults.is_empty() || faults != case.faults {
            wrong.push(format!(
                "{}:\n  told {faults:#?}\n  expected {:#?}",
                case.name, case.faults
            ));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}
