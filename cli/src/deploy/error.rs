//! Why a deployment did not go on: what was wrong, where, and what to do next. Texts of
//! AWS are shown as they are; they name resources, never secrets.

use super::image::ImageError;
use crate::exit::Exit;

/// Longest text of AWS that is shown, characters.
const LONGEST_SHOWN: usize = 600;

/// Why a deployment did not go on.
#[derive(Debug, thiserror::Error)]
pub enum DeployError {
    /// The command's arguments are wrong; nothing was changed.
    #[error("{0}")]
    Input(String),
    /// There are no credentials, or no region.
    #[error("{0}")]
    NotConfigured(String),
    /// AWS refused a call.
    #[error("{what}: {code}: {message}{}", hint(code))]
    Refused {
        /// Service and action.
        what: String,
        /// AWS's error code.
        code: String,
        /// AWS's text.
        message: String,
    },
    /// AWS did not answer.
    #[error("{what}: no answer: {why}; run the command again, it goes on where it was")]
    Unreachable {
        /// Service and action.
        what: String,
        /// What the network said.
        why: String,
    },
    /// An answer without what must be in it.
    #[error("{0}")]
    Unreadable(String),
    /// Something on this machine.
    #[error("{0}")]
    Local(String),
    /// The worker's image was not made or not brought to its registry.
    #[error("worker image: {0}")]
    Image(#[from] ImageError),
    /// A stack was not made or not changed; its reasons have been shown.
    #[error("{0}")]
    Stack(String),
    /// The user said no, or pressed Ctrl-C.
    #[error("{0}")]
    Stopped(String),
}

impl DeployError {
    /// AWS refused a call.
    pub fn refused(what: &str, code: &str, message: &str) -> Self {
        Self::Refused {
            what: what.to_owned(),
            code: if code.is_empty() { "refused" } else { code }.to_owned(),
            message: message.chars().take(LONGEST_SHOWN).collect(),
        }
    }

    /// The command's exit code.
    pub fn exit(&self) -> Exit {
        match self {
            Self::Input(_) => Exit::BadInput,
            Self::Stopped(_) => Exit::Interrupted,
            _ => Exit::CouldNotRun,
        }
    }
}

/// What to do about an error code of AWS.
fn hint(code: &str) -> &'static str {
    match code {
        "AccessDenied" | "AccessDeniedException" | "UnauthorizedOperation" => {
            "; these credentials lack that right: dlt doctor --aws lists what deploying needs"
        }
        "ExpiredToken" | "ExpiredTokenException" | "RequestExpired" => {
            "; log in again (aws sso login, or new keys), then run the command again"
        }
        "InvalidClientTokenId" | "UnrecognizedClientException" | "SignatureDoesNotMatch" => {
            "; the credentials are not valid: see AWS_PROFILE, AWS_ACCESS_KEY_ID"
        }
        "OptInRequired" | "AuthFailure" => "; is this AWS region enabled for the account?",
        "Throttling" | "ThrottlingException" | "RequestLimitExceeded" => {
            "; AWS is busy: run the command again, it goes on where it was"
        }
        _ => "",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_refusal_says_what_to_do() {
        let error = DeployError::refused("S3, PutObject", "AccessDenied", "not you");
        let text = error.to_string();
        assert!(
            text.starts_with("S3, PutObject: AccessDenied: not you; "),
            "{text}"
        );
        assert!(text.contains("dlt doctor --aws"), "{text}");
        assert_eq!(error.exit(), Exit::CouldNotRun);
        let long = DeployError::refused("S3", "", &"x".repeat(9_000)).to_string();
        assert!(long.len() < 1_000, "{}", long.len());
    }
}
