//! What a server is shown to let us in: nothing, a token, or an AWS signature.
//! Secrets come from the environment and from files, never from the command
//! line, which every process list shows.

use super::ClientError;
use reqwest::header::{AUTHORIZATION, HeaderValue};
use std::path::Path;

/// Longest token, bytes; Cognito's have about 1,000.
const LONGEST_TOKEN_BYTES: usize = 16 * 1024;

/// What a server is shown.
pub enum Auth {
    /// Nothing.
    None,
    /// A bearer token.
    Token(HeaderValue),
}

impl std::fmt::Debug for Auth {
    /// Without the secret.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::None => "None",
            Self::Token(_) => "Token(…)",
        })
    }
}

impl Auth {
    /// What the environment has for this server.
    pub fn from_env() -> Result<Self, ClientError> {
        let var = |name: &str| std::env::var(name).ok().filter(|text| !text.is_empty());
        Ok(
            match token(var("DLT_API_TOKEN"), var("DLT_API_TOKEN_FILE"))? {
                Some(token) => Self::Token(bearer(&token)?),
                None => Self::None,
            },
        )
    }

    /// Shows it with a request.
    pub fn show(&self, request: &mut reqwest::Request) {
        match self {
            Self::None => {}
            Self::Token(token) => {
                request.headers_mut().insert(AUTHORIZATION, token.clone());
            }
        }
    }
}

/// The token itself, or what the file holds.
fn token(direct: Option<String>, file: Option<String>) -> Result<Option<String>, ClientError> {
    let (Some(file), None) = (&file, &direct) else {
        return Ok(direct);
    };
    std::fs::read_to_string(Path::new(file))
        .map(|text| Some(text.trim().to_owned()))
        .map_err(|error| {
            ClientError::Credentials(format!(
                "the token file {file} (DLT_API_TOKEN_FILE) cannot be read: {error}"
            ))
        })
}

fn bearer(token: &str) -> Result<HeaderValue, ClientError> {
    let token = token.trim();
    let good = (1..=LONGEST_TOKEN_BYTES).contains(&token.len())
        && token.bytes().all(|byte| byte.is_ascii_graphic());
    let value = HeaderValue::from_str(&format!("Bearer {token}"));
    match value {
        Ok(mut value) if good => {
            value.set_sensitive(true);
            Ok(value)
        }
        // The token itself is not repeated.
        _ => Err(ClientError::Credentials(
            "the token (DLT_API_TOKEN or DLT_API_TOKEN_FILE) is empty, too long, or holds blanks"
                .to_owned(),
        )),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_comes_from_the_environment_or_a_file_and_stays_unseen() {
        assert_eq!(token(None, None).unwrap(), None);
        let direct = token(Some("abc".into()), Some("/no/such".into())).unwrap();
        assert_eq!(direct.as_deref(), Some("abc"));
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("token");
        std::fs::write(&file, "  xyz\n").unwrap();
        let read = token(None, Some(file.to_string_lossy().into_owned())).unwrap();
        assert_eq!(read.as_deref(), Some("xyz"));
        assert!(token(None, Some("/no/such".into())).is_err());
        let shown = bearer("xyz").unwrap();
        assert!(!format!("{:?}", Auth::Token(shown.clone())).contains("xyz"));
        assert!(!format!("{shown:?}").contains("xyz"));
        for bad in ["", "a b", "a\nb", "ä"] {
            let error = bearer(bad).unwrap_err().to_string();
            assert!(bad.is_empty() || !error.contains(bad), "{error}");
        }
    }
}
