//! A tool's error, as a result that agents can act on: a code of a closed list, a
//! sentence, and what to do next. Many clients do not show protocol errors to the agent.

use crate::backend::BackendError;
use crate::clean::{Text, cut};
use serde::Serialize;
use serde_json::{Value, json};

/// Longest text of a refusal, characters.
pub const LONGEST_REFUSAL: usize = 600;
/// Longest message and longest hint in it, characters.
const LONGEST_MESSAGE: usize = 260;
const LONGEST_HINT: usize = 220;

/// The kind of error.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Code {
    /// An argument's value is not allowed.
    InvalidArgument,
    /// The tool has no such argument.
    UnknownField,
    /// No such scenario or run.
    NotFound,
    /// The scenario has no baseline.
    NoBaseline,
    /// The scenario's baseline run was deleted.
    BaselineDeleted,
    /// The run has no results.
    NoResults,
    /// No such region in this run.
    UnknownRegion,
    /// No such label in this run.
    UnknownLabel,
    /// The cursor belongs to a call with other arguments.
    StaleCursor,
    /// The answer would exceed the limit.
    ResultTooLarge,
    /// The API refused access.
    PermissionDenied,
    /// The API is throttling.
    Throttled,
    /// The API did not answer in time.
    UpstreamTimeout,
    /// The API failed.
    UpstreamError,
    /// The API's address or credentials are missing.
    NotConfigured,
}

/// A tool's error.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refusal {
    /// The kind of error.
    pub code: Code,
    /// What went wrong, as a sentence.
    pub message: String,
    /// The argument that is wrong.
    pub field: Option<String>,
    /// What to do next.
    pub hint: Option<String>,
    /// Whether the same call may succeed later.
    pub retryable: bool,
}

impl Refusal {
    /// An error with this message.
    pub fn new(code: Code, message: impl Into<String>) -> Self {
        Self {
            code,
            message: message.into(),
            field: None,
            hint: None,
            retryable: false,
        }
    }

    /// The value of this argument is not allowed.
    pub fn argument(field: &str, message: impl Into<String>) -> Self {
        Self::new(Code::InvalidArgument, message).about(field)
    }

    /// The same error, about this argument.
    #[must_use]
    pub fn about(mut self, field: &str) -> Self {
        self.field = Some(Text::of(field).as_str().to_owned());
        self
    }

    /// The same error, with what to do next.
    #[must_use]
    pub fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }

    /// The JSON text that the agent reads, at most [`LONGEST_REFUSAL`] characters.
    pub fn text(&self) -> String {
        let mut longest = LONGEST_MESSAGE;
        loop {
            let text = self.value(longest).to_string();
            // JSON escapes may double a text's length.
            if text.chars().count() <= LONGEST_REFUSAL || longest == 0 {
                return text;
            }
            longest /= 2;
        }
    }

    fn value(&self, longest: usize) -> Value {
        let mut error = json!({ "code": self.code, "message": cut(&self.message, longest) });
        if let Some(field) = &self.field {
            error["field"] = json!(cut(field, 60));
        }
        if let Some(hint) = &self.hint {
            error["hint"] = json!(cut(hint, longest.min(LONGEST_HINT)));
        }
        error["retryable"] = json!(self.retryable);
        json!({ "error": error })
    }
}

/// A backend's error, with what the agent can do about it.
impl From<BackendError> for Refusal {
    fn from(error: BackendError) -> Self {
        let message = error.to_string();
        let (code, hint, retryable) = match &error {
            BackendError::NotConfigured(_) => (
                Code::NotConfigured,
                "tell the user; `dlt-mcp doctor` says what is missing",
                false,
            ),
            BackendError::NotFound(code) if code == "TEST_NOT_FOUND" => {
                return Self::new(Code::NotFound, "there is no scenario with this test_id")
                    .about("test_id")
                    .hint("call list_scenarios for valid ids; a run's id is a test_run_id");
            }
            BackendError::NotFound(code) if code == "TESTRUN_NOT_FOUND" => {
                return Self::new(Code::NotFound, "there is no such run of this scenario")
                    .about("test_run_id")
                    .hint("call list_test_runs for valid ids, which are whole ones");
            }
            BackendError::NotFound(_) => {
                (Code::NotFound, "call list_scenarios for valid ids", false)
            }
            BackendError::NoRoute => (
                Code::UpstreamError,
                "this server is older than the question, or DLT_API_URL lacks the API's prefix; \
                 tell the user",
                false,
            ),
            BackendError::Denied(_) => (
                Code::PermissionDenied,
                "tell the user: the token or role may not read the API",
                false,
            ),
            BackendError::Refused(_) => (
                Code::InvalidArgument,
                "check the arguments, then call again",
                false,
            ),
            BackendError::Throttled => {
                (Code::Throttled, "wait a few seconds, then call again", true)
            }
            BackendError::Timeout => (Code::UpstreamTimeout, "call again, or ask for less", true),
            BackendError::Unreachable(_) => (
                Code::UpstreamError,
                "tell the user if it stays so; `dlt-mcp doctor` looks for the cause",
                true,
            ),
            BackendError::Failed(_) => (Code::UpstreamError, "call again later", true),
            BackendError::TooLarge(_) => (
                Code::ResultTooLarge,
                "ask for one run, label or region",
                false,
            ),
            BackendError::Unreadable(_) => (
                Code::UpstreamError,
                "tell the user: the server speaks another language than expected",
                false,
            ),
        };
        let mut refusal = Self::new(code, message).hint(hint);
        refusal.retryable = retryable;
        refusal
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_refusal_is_short_whatever_it_contains() {
        let refusal =
            Refusal::argument(&"f\"".repeat(300), "\u{1}\"\\".repeat(900)).hint("\"".repeat(900));
        let text = refusal.text();
        assert!(text.chars().count() <= LONGEST_REFUSAL, "{}", text.len());
        let value: Value = serde_json::from_str(&text).unwrap();
        assert_eq!(value["error"]["code"], "invalid_argument");
        assert_eq!(value["error"]["retryable"], false);
    }

    #[test]
    fn a_missing_run_names_the_next_tool() {
        let refusal = Refusal::from(BackendError::NotFound("TESTRUN_NOT_FOUND".to_owned()));
        insta::assert_snapshot!(refusal.text(), @r#"{"error":{"code":"not_found","message":"there is no such run of this scenario","field":"test_run_id","hint":"call list_test_runs for valid ids, which are whole ones","retryable":false}}"#);
    }
}
