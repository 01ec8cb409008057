//! What a runner tells of the requests that are made once per run: those before the load, whose values
//! all users have, and those after it. The values are in no log, report or record.

use crate::ids::RunnerId;
use crate::messages::order::LONGEST_FRAME_BYTES;
use crate::scenario::plan::ScenarioValues;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Most that the values of all scenarios come to, bytes of JSON: they are one frame of the start
/// connection, and all runners of a run hold them.
pub const MOST_VALUES_BYTES: usize = LONGEST_FRAME_BYTES / 2;

/// What came of requests that were made once per run. They are told apart from its load: they are in no
/// account, label or total.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
pub struct OnceFacts {
    /// Requests that were sent, redirects that they led to included.
    pub requests: u64,
    /// From the first to the end of the last, with pauses, µs.
    pub took_us: u64,
    /// Which request failed first and why, as a sentence.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub failure: Option<String>,
}

impl OnceFacts {
    /// The same with those of another scenario, made afterwards.
    pub fn add(&mut self, other: Self) {
        self.requests += other.requests;
        self.took_us += other.took_us;
        self.failure = self.failure.take().or(other.failure);
    }
}

/// The object that says how the requests before the load stand.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SetupFile {
    /// The runner that made them.
    pub runner: RunnerId,
    /// How they stand.
    pub state: SetupState,
}

/// How the requests before the load stand.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "word", rename_all = "snake_case")]
pub enum SetupState {
    /// They are being made. They are not made again should their runner be lost.
    Begun,
    /// They were made, and all went well.
    Done {
        /// What came of them.
        facts: OnceFacts,
        /// The values that they gave.
        given: Vec<ScenarioValues>,
    },
    /// One failed; the run makes no load.
    Failed {
        /// What came of them, with the sentence that the run ends with.
        facts: OnceFacts,
    },
}

/// Why values are too long to be given to all runners; None if they are not.
pub fn too_long(given: &[ScenarioValues]) -> Option<String> {
    // Texts alone: this cannot fail.
    let bytes = serde_json::to_vec(given).map_or(0, |json| json.len());
    (bytes > MOST_VALUES_BYTES).then(|| {
        format!(
            "the values that setup extracted come to {bytes} bytes, and at most {MOST_VALUES_BYTES} are given to all runners: extract less"
        )
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeMap;

    fn given(value: String) -> Vec<ScenarioValues> {
        vec![ScenarioValues {
            scenario: "shop".to_owned(),
            values: BTreeMap::from([("token".to_owned(), value)]),
        }]
    }

    /// Runners and functions of one version meet over it, and people look at it.
    #[test]
    fn its_form_is_plain() {
        let facts = OnceFacts {
            requests: 2,
            took_us: 7,
            failure: None,
        };
        let file = |state| SetupFile {
            runner: RunnerId::parse("r1").unwrap(),
            state,
        };
        for (state, json) in [
            (
                SetupState::Begun,
                r#"{"runner":"r1","state":{"word":"begun"}}"#,
            ),
            (
                SetupState::Done {
                    facts: facts.clone(),
                    given: given("t".to_owned()),
                },
                r#"{"runner":"r1","state":{"word":"done","facts":{"requests":2,"took_us":7},"given":[{"scenario":"shop","values":{"token":"t"}}]}}"#,
            ),
            (
                SetupState::Failed {
                    facts: OnceFacts {
                        failure: Some("no".to_owned()),
                        ..facts
                    },
                },
                r#"{"runner":"r1","state":{"word":"failed","facts":{"requests":2,"took_us":7,"failure":"no"}}}"#,
            ),
        ] {
            let file = file(state);
            assert_eq!(serde_json::to_string(&file).unwrap(), json);
            assert_eq!(serde_json::from_str::<SetupFile>(json).unwrap(), file);
        }
    }

    #[test]
    fn values_have_a_limit_and_are_not_shown() {
        let just = given("x".repeat(MOST_VALUES_BYTES - 100));
        assert_eq!(too_long(&just), None);
        let long = given("\n".repeat(MOST_VALUES_BYTES / 2));
        assert!(too_long(&long).unwrap().contains("extract less"));
        let shown = format!("{:?}", given("S3CRET".to_owned()));
        assert!(
            shown.contains("token") && !shown.contains("S3CRET"),
            "{shown}"
        );
    }
}
