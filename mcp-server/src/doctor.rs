//! What is missing: looks at the settings, asks the API three small things, and
//! the issuer of tokens for its keys. Says what was found; printing is `main`'s.

use crate::auth::{self, Settings};
use crate::backend::settings::Place;
use crate::backend::{self, Ask, BackendError};

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
    let named = match Place::read(&get) {
        Ok(Place::Api(settings)) => {
            let (base, proof) = (&settings.base, settings.proof.name());
            format!("the API is {base}, access: {proof}")
        }
        Ok(Place::Stack(name)) => format!("the API is that of the stack {name}"),
        Err(error) => return vec![finding(false, error.to_string())],
    };
    let backend = match backend::of(&get) {
        Ok(backend) => backend,
        Err(error) => return vec![finding(false, error.to_string())],
    };
    let mut found = vec![finding(true, named)];
    for (what, ask) in [
        ("deployment", Ask::Stack),
        ("regions", Ask::Regions),
        ("scenarios", Ask::Scenarios { tags: Vec::new() }),
    ] {
        match backend.get(&ask).await {
            Ok(_) => found.push(finding(true, format!("{what} can be read"))),
            Err(error) => {
                found.push(finding(false, format!("{what}: {error}{}", remedy(&error))));
                // Without a connection, or without who we are, the rest would
                // say the same.
                if matches!(
                    error,
                    BackendError::Unreachable(_)
                        | BackendError::Timeout
                        | BackendError::NotConfigured(_)
                ) {
                    break;
                }
            }
        }
    }
    found
}

/// Looks whether the keys can be had with which tokens are checked.
pub async fn examine_keys(settings: &Settings) -> Finding {
    let url = &settings.jwks_url;
    match auth::keys(settings).await {
        Ok(0) => finding(false, format!("{url} has no key for RS256")),
        Ok(count) => finding(true, format!("{url} has {count} keys for RS256")),
        Err(error) => finding(false, format!("the keys at {url} cannot be had: {error}")),
    }
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
