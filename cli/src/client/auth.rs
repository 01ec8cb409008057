//! How requests to a server are authenticated: not at all, with a bearer token, or with
//! an AWS signature. Secrets come from the environment and from files, never from the
//! command line, which every process list shows. Tokens and signatures are made by
//! `dlt_mcp`.

use super::ClientError;
use dlt_mcp::backend::settings::region_of;
#[cfg(feature = "aws")]
use dlt_mcp::backend::sigv4::Signer;
use dlt_mcp::backend::token::{self, TOKEN, TOKEN_FILE};
use reqwest::header::{AUTHORIZATION, HeaderValue};
use std::path::Path;

/// How requests are authenticated.
pub enum Auth {
    /// Not at all.
    None,
    /// With a bearer token: the header's value.
    Token(HeaderValue),
    /// With an AWS signature (SigV4).
    #[cfg(feature = "aws")]
    Signature(Box<Signer>),
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
    /// The authentication for this API: signatures for hosts of API Gateway and with
    /// `--sigv4`, else the environment's token, if there is one.
    pub async fn from_env(api: &str, sigv4: bool) -> Result<Self, ClientError> {
        let region = reqwest::Url::parse(api.trim()).ok();
        let region = region.and_then(|url| region_of(&url));
        if sigv4 || region.is_some() {
            return signature(region).await;
        }
        let var = |name: &str| std::env::var(name).ok().filter(|text| !text.is_empty());
        match token(var(TOKEN), var(TOKEN_FILE))? {
            Some(token) => {
                let header = token::header(&token);
                header.map(Self::Token).map_err(ClientError::Credentials)
            }
            None => Ok(Self::None),
        }
    }

    /// Whether AWS decides who may call: the API is on AWS.
    pub fn is_of_aws(&self) -> bool {
        #[cfg(feature = "aws")]
        let is_signature = matches!(self, Self::Signature(_));
        #[cfg(not(feature = "aws"))]
        let is_signature = false;
        is_signature
    }

    /// Adds the authentication to a request, which must be complete.
    pub async fn authenticate(&self, request: &mut reqwest::Request) -> Result<(), ClientError> {
        match self {
            Self::None => {}
            Self::Token(token) => {
                request.headers_mut().insert(AUTHORIZATION, token.clone());
            }
            #[cfg(feature = "aws")]
            Self::Signature(signer) => {
                let signed = signer.sign(request).await;
                signed.map_err(|error| ClientError::Credentials(error.to_string()))?;
            }
        }
        Ok(())
    }
}

#[cfg(feature = "aws")]
async fn signature(region: Option<String>) -> Result<Auth, ClientError> {
    let refused =
        |error: dlt_mcp::backend::BackendError| ClientError::Credentials(error.to_string());
    let signer = Signer::from_env(region).await.map_err(refused)?;
    // Missing credentials are told before anything is sent.
    signer.check_credentials().await.map_err(refused)?;
    Ok(Auth::Signature(Box::new(signer)))
}

#[cfg(not(feature = "aws"))]
async fn signature(_: Option<String>) -> Result<Auth, ClientError> {
    Err(ClientError::Credentials(
        "this dlt was built without AWS signatures; build it with its feature aws".to_owned(),
    ))
}

/// The token of the variable, or else of the file.
fn token(direct: Option<String>, file: Option<String>) -> Result<Option<String>, ClientError> {
    let token = match (direct, file) {
        (Some(direct), _) => token::checked(&direct).map_err(|why| format!("{TOKEN}: {why}")),
        (None, Some(file)) => token::from_file(Path::new(&file))
            .map_err(|why| format!("the token file {file} ({TOKEN_FILE}) cannot be used: {why}")),
        (None, None) => return Ok(None),
    };
    token.map(Some).map_err(ClientError::Credentials)
}

#[cfg(test)]
mod tests;
