//! What a server is shown to let us in: nothing, a token, or an AWS signature.
//! Secrets come from the environment and from files, never from the command
//! line, which every process list shows.

use super::ClientError;
use dlt_mcp::backend::settings;
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
    /// An AWS signature (SigV4).
    #[cfg(feature = "aws")]
    Signature(Box<super::sigv4::Signer>),
}

impl std::fmt::Debug for Auth {
    /// Without the secret.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::None => "None",
            Self::Token(_) => "Token(…)",
            #[cfg(feature = "aws")]
            Self::Signature(_) => "Signature(…)",
        })
    }
}

impl Auth {
    /// What the environment has for this server: a signature where AWS asks
    /// for one or `--sigv4` does, else a token, if there is one.
    pub async fn from_env(api: &str, sigv4: bool) -> Result<Self, ClientError> {
        let region = region_of(api);
        if sigv4 || region.is_some() {
            return signature(region).await;
        }
        let var = |name: &str| std::env::var(name).ok().filter(|text| !text.is_empty());
        Ok(
            match token(var("DLT_API_TOKEN"), var("DLT_API_TOKEN_FILE"))? {
                Some(token) => Self::Token(bearer(&token)?),
                None => Self::None,
            },
        )
    }

    /// Shows it with a request, which is whole by now.
    pub async fn show(&self, request: &mut reqwest::Request) -> Result<(), ClientError> {
        match self {
            Self::None => {}
            Self::Token(token) => {
                request.headers_mut().insert(AUTHORIZATION, token.clone());
            }
            #[cfg(feature = "aws")]
            Self::Signature(signer) => signer.sign(request).await?,
        }
        Ok(())
    }
}

#[cfg(feature = "aws")]
async fn signature(region: Option<String>) -> Result<Auth, ClientError> {
    let signer = super::sigv4::Signer::from_env(region).await?;
    Ok(Auth::Signature(Box::new(signer)))
}

#[cfg(not(feature = "aws"))]
async fn signature(_: Option<String>) -> Result<Auth, ClientError> {
    Err(ClientError::Credentials(
        "this dlt was built without AWS signatures; build it with its feature aws".to_owned(),
    ))
}

/// The AWS region of an API Gateway's own host name; None for other hosts.
fn region_of(api: &str) -> Option<String> {
    settings::region_of(&reqwest::Url::parse(api.trim()).ok()?)
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
    fn hosts_of_api_gateways_tell_their_region() {
        for (api, region) in [
            (
                "https://a1b2c3.execute-api.eu-west-1.amazonaws.com/prod",
                Some("eu-west-1"),
            ),
            (
                "https://a1.execute-api.cn-north-1.amazonaws.com.cn/prod",
                Some("cn-north-1"),
            ),
            ("https://dlt.example/prod", None),
            (
                "https://execute-api.eu-west-1.amazonaws.com.evil.example/",
                None,
            ),
            ("https://s3.eu-west-1.amazonaws.com/", None),
        ] {
            assert_eq!(region_of(api).as_deref(), region, "{api}");
        }
    }

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
