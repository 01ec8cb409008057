//! `dlt-mcp doctor`: checks the settings, sends three small requests to the API, and
//! fetches the token issuer's keys. Printing the findings is `main`'s part.

use crate::auth::{self, Settings};
use crate::backend::settings::ApiLocation;
use crate::backend::{Ask, BackendError, environment};

/// The result of one check.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Finding {
    /// Whether the check passed.
    pub passed: bool,
    /// What was found, as a sentence.
    pub text: String,
}

fn finding(passed: bool, text: impl Into<String>) -> Finding {
    Finding {
        passed,
        text: text.into(),
    }
}

/// Checks these variables, and the API that they name.
pub async fn check(get: impl Fn(&str) -> Option<String>) -> Vec<Finding> {
    let location = match ApiLocation::from_variables(&get) {
        Ok(ApiLocation::Address(settings)) => {
            let (base, authentication) = (&settings.base, settings.authentication.name());
            format!("the API is {base}, access: {authentication}")
        }
        Ok(ApiLocation::Stack(name)) => format!("the API is that of the stack {name}"),
        Err(error) => return vec![finding(false, error.to_string())],
    };
    let backend = match environment::from_variables(&get) {
        Ok(backend) => backend,
        Err(error) => return vec![finding(false, error.to_string())],
    };
    let mut findings = vec![finding(true, location)];
    for (what, ask) in [
        ("deployment", Ask::Stack),
        ("regions", Ask::Regions),
        ("scenarios", Ask::scenarios()),
    ] {
        match backend.get(&ask).await {
            Ok(_) => findings.push(finding(true, format!("{what} can be read"))),
            Err(error) => {
                let text = format!("{what}: {error}{}", remedy(&error));
                findings.push(finding(false, text));
                // Further requests would fail in the same way.
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
    findings
}

/// Checks that the token issuer has usable keys.
pub async fn check_keys(settings: &Settings) -> Finding {
    let url = &settings.jwks_url;
    match auth::usable_keys(settings).await {
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
