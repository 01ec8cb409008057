//! Did it pass: thresholds, judged on merged data. Whether the numbers may be
//! believed is another question, answered by `verdict`.

use serde::{Deserialize, Serialize};

/// A run's outcome.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Outcome {
    /// Every threshold holds and the run could be run.
    pub passed: bool,
    /// Why it did not pass, when a sentence says more than the thresholds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// Each threshold, in the scenario's order.
    pub thresholds: Vec<ThresholdResult>,
}

/// One threshold's result.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ThresholdResult {
    /// As the scenario has it.
    pub expression: String,
    /// The value seen, in the threshold's own unit; None if there was no data.
    pub observed: Option<String>,
    /// Whether it holds.
    pub passed: bool,
}

/// A threshold, understood; `expression` is kept as written.
#[derive(Debug, Clone, PartialEq)]
pub struct Threshold {
    /// As the scenario has it.
    pub expression: String,
}

impl Threshold {
    /// Reads `p(95)<200ms`, `error_rate<1%`, `rate>500/s`, `login: p(99)<1s`.
    pub fn parse(expression: &str) -> Result<Self, String> {
        Ok(Self {
            expression: expression.to_owned(),
        })
    }
}
