//! Errors between a command and the API: a sentence that says what to do next, and the
//! command's exit code.

use crate::exit::Exit;
use dlt_core::refusal::Refusal;
use dlt_mcp::backend::retry::is_transient;
use dlt_pipeline::error::PipelineError;
use serde_json::Value;

/// Longest text of a server's answer that is shown, characters.
const LONGEST_SHOWN: usize = 600;

/// Why a request to the API failed.
#[derive(Debug, thiserror::Error)]
pub enum ClientError {
    /// The API refused the request.
    #[error("{}", refused(*status, code, text))]
    Refused {
        /// HTTP status.
        status: u16,
        /// The contract's code; may be empty.
        code: String,
        /// The text after the code.
        text: String,
    },
    /// A gateway or proxy in front of the API refused the request.
    #[error("{api} answered {status}: {text}{}", gateway_hint(*status, text))]
    Gateway {
        /// The API's base URL.
        api: String,
        /// HTTP status.
        status: u16,
        /// The answer's message.
        text: String,
    },
    /// There was no answer.
    #[error(
        "{api} does not answer: {why}; is the address right, and is that server up? (--api, DLT_API_URL)"
    )]
    Unreachable {
        /// The API's base URL.
        api: String,
        /// The network's error.
        why: String,
    },
    /// The answer does not follow the API's contract.
    #[error("{what} cannot be read: {why}; is this a dlt or DLT v4 API?")]
    Unreadable {
        /// The part that cannot be read.
        what: String,
        /// The parser's error.
        why: String,
    },
    /// The API's address is not usable.
    #[error("{api:?} is no API address: {why}")]
    Address {
        /// As given.
        api: String,
        /// What is wrong with it.
        why: String,
    },
    /// The credentials are missing or not usable.
    #[error("{0}")]
    Credentials(String),
    /// An error of the data folder.
    #[error("{}", pipeline_error(.0).1)]
    Home(#[from] PipelineError),
    /// The command's arguments are wrong.
    #[error("{0}")]
    Input(String),
    /// A file of the user's cannot be written.
    #[error("{0}")]
    Unwritten(String),
    /// The command cannot be carried out now.
    #[error("{0}")]
    Cannot(String),
}

impl ClientError {
    /// The command's exit code.
    pub fn exit(&self) -> Exit {
        match self {
            Self::Refused { status, .. } | Self::Gateway { status, .. } => match status {
                400 | 404 | 405 | 413 => Exit::BadInput,
                _ => Exit::CouldNotRun,
            },
            Self::Address { .. } | Self::Input(_) => Exit::BadInput,
            Self::Home(error) => pipeline_error(error).0,
            Self::Unwritten(_) => Exit::Unwritten,
            Self::Unreachable { .. }
            | Self::Unreadable { .. }
            | Self::Credentials(_)
            | Self::Cannot(_) => Exit::CouldNotRun,
        }
    }

    /// Whether the API has no such object.
    pub fn is_not_found(&self) -> bool {
        matches!(self, Self::Refused { status: 404, .. })
    }

    /// Whether the same request may succeed in a moment.
    pub fn is_transient(&self) -> bool {
        match self {
            Self::Refused { status, .. } | Self::Gateway { status, .. } => is_transient(*status),
            Self::Unreachable { .. } => true,
            _ => false,
        }
    }

    /// The error of an answer with this status and body.
    pub fn of_answer(api: &str, status: u16, body: &[u8]) -> Self {
        match serde_json::from_slice::<Value>(body) {
            Ok(Value::String(text)) => {
                let (code, rest) = split(&text);
                Self::Refused {
                    status,
                    code: code.to_owned(),
                    text: rest.to_owned(),
                }
            }
            other => {
                let message = match &other {
                    Ok(object) => object
                        .get("message")
                        .or_else(|| object.get("Message"))
                        .and_then(Value::as_str)
                        .map(str::to_owned),
                    Err(_) => None,
                };
                let text = message.unwrap_or_else(|| String::from_utf8_lossy(body).into_owned());
                let text = match text.trim() {
                    "" => "nothing more",
                    text => text,
                };
                Self::Gateway {
                    api: api.to_owned(),
                    status,
                    text: text.chars().take(LONGEST_SHOWN).collect(),
                }
            }
        }
    }
}

impl From<Refusal> for ClientError {
    fn from(refusal: Refusal) -> Self {
        Self::Refused {
            status: refusal.status,
            code: refusal.code.to_owned(),
            text: refusal.text,
        }
    }
}

/// Code and text of `CODE: text`; the code is empty if there is none.
fn split(text: &str) -> (&str, &str) {
    match text.split_once(": ") {
        Some((code, rest))
            if !code.is_empty()
                && code
                    .bytes()
                    .all(|b| b.is_ascii_alphanumeric() || b == b'_' || b == b' ')
                && (code.contains('_') || code.starts_with("Inv")) =>
        {
            (code, rest)
        }
        _ => ("", text),
    }
}

/// A refusal as a sentence, with what to do next.
fn refused(status: u16, code: &str, text: &str) -> String {
    let text: String = text.chars().take(LONGEST_SHOWN * 4).collect();
    let hint = match code {
        "TEST_NOT_FOUND" => "; dlt scenarios list names them",
        "TESTRUN_NOT_FOUND" => "; dlt runs list names them",
        "TEST_RUNNING" if !text.contains("cancel") => {
            "; dlt runs watch follows a run, dlt runs cancel stops it"
        }
        _ => "",
    };
    match code {
        "" if status >= 500 => format!("the server failed ({status}): {text}"),
        "INTERNAL_SERVER_ERROR" => format!("the server failed: {text}"),
        _ => format!("{text}{hint}"),
    }
}

fn gateway_hint(status: u16, text: &str) -> &'static str {
    match status {
        401 => "; it wants credentials: a token in DLT_API_TOKEN, or AWS credentials with --sigv4",
        403 if text.contains("not authorized to perform") => {
            "; your AWS identity needs execute-api:Invoke on this API"
        }
        403 => {
            "; either the address lacks its last part (like /api or /prod), or the credentials are wrong or expired"
        }
        300..=399 => "; redirects are not followed: give the final address",
        429 => "; try again in a moment",
        _ => "",
    }
}

/// A network error's innermost cause; the outer ones only name layers.
pub(super) fn network_cause(error: &reqwest::Error) -> String {
    if error.is_timeout() {
        return "it took too long".to_owned();
    }
    let mut cause: &dyn std::error::Error = error;
    while let Some(next) = cause.source() {
        cause = next;
    }
    cause.to_string()
}

/// Exit code and message of a control plane's error.
pub fn pipeline_error(error: &PipelineError) -> (Exit, String) {
    let exit = u8::try_from(error.exit_code()).map_or(Exit::Bug, Exit::from_code);
    let message = match error.hint() {
        Some(hint) => format!("{error}; {hint}"),
        None => error.to_string(),
    };
    (exit, message)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(status: u16, body: &str) -> (Exit, String) {
        let error = ClientError::of_answer("https://dlt.example/prod", status, body.as_bytes());
        (error.exit(), error.to_string())
    }

    #[test]
    fn refusals_are_sentences_with_a_next_step() {
        let shown: String = [
            (404, r#""TEST_NOT_FOUND: there is no scenario Xk29""#),
            (
                400,
                r#""INVALID_REQUEST_BODY: testName: is missing; testType: is missing""#,
            ),
            (409, r#""TEST_RUNNING: scenario a is running already""#),
            (
                400,
                r#""InvalidParameter: taskCount must lie between 1 and 4 in lo-home-1""#,
            ),
            (400, r#""Unexpected token: at 1""#),
            (500, r#""INTERNAL_SERVER_ERROR: the disk is full""#),
            (403, r#"{"message":"Missing Authentication Token"}"#),
            (403, r#"{"Message":"User is not authorized"}"#),
            (
                403,
                r#"{"Message":"User: arn:aws:iam::1:user/a is not authorized to perform: execute-api:Invoke"}"#,
            ),
            (401, r#"{"message":"Unauthorized"}"#),
            (502, "<html>Bad Gateway</html>"),
            (503, ""),
            (302, ""),
        ]
        .iter()
        .map(|(status, body)| {
            let (exit, text) = of(*status, body);
            format!("{} {text}\n", exit.code())
        })
        .collect();
        insta::assert_snapshot!(shown);
    }

    #[test]
    fn transient_errors_are_known_by_their_status() {
        for status in [429, 502, 503, 504] {
            assert!(ClientError::of_answer("a", status, b"{}").is_transient());
        }
        for status in [400, 403, 404, 409, 500] {
            assert!(!ClientError::of_answer("a", status, b"{}").is_transient());
        }
    }
}
