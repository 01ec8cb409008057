//! What is missing: looks at the settings and asks the API three small things.
//! Says what was found; printing is `main`'s.

use crate::backend::api::Api;
use crate::backend::settings::Settings;
use crate::backend::{Ask, Backend as _, BackendError};

/// One thing that was looked at.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Finding {
    /// Whether it is as it should be.
    pub good: bool,
    /// A sentence.
    pub text: String,
}

fn finding(good: bool, text: impl Into<String>) -> Finding {
    Finding {
        good,
        text: text.into(),
    }
}

/// Looks at everything; settings come from `get`.
pub async fn examine(get: impl Fn(&str) -> Option<String>) -> Vec<Finding> {
    let settings = match Settings::read(get) {
        Ok(settings) => settings,
        Err(error) => return vec![finding(false, error.to_string())],
    };
    let mut found = vec![finding(
        true,
        format!(
            "the API is {}, access: {}",
            settings.base,
            settings.proof.name()
        ),
    )];
    let api = match Api::new(settings) {
        Ok(api) => api,
        Err(error) => {
            found.push(finding(false, error.to_string()));
            return found;
        }
    };
    for (what, ask) in [
        ("deployment", Ask::Stack),
        ("regions", Ask::Regions),
        ("scenarios", Ask::Scenarios { tags: Vec::new() }),
    ] {
        match api.get(&ask).await {
            Ok(_) => found.push(finding(true, format!("{what} can be read"))),
            Err(error) => {
                found.push(finding(false, format!("{what}: {error}{}", remedy(&error))));
                // Without a connection the rest would only wait.
                if matches!(error, BackendError::Unreachable(_) | BackendError::Timeout) {
                    break;
                }
            }
        }
    }
    found
}

fn remedy(error: &BackendError) -> &'static str {
    match error {
        BackendError::Unreachable(_) | BackendError::Timeout => {
            "; is dlt up running there, and is DLT_API_URL right?"
        }
        BackendError::Denied(_) => "; look at DLT_API_TOKEN or DLT_API_TOKEN_FILE",
        BackendError::NoRoute => "; DLT_API_URL must end with the API's prefix, like /api or /prod",
        _ => "",
    }
}
