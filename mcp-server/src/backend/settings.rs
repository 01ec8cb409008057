//! Where the API is and how we are let in: from the environment, and secrets
//! from it or a file, never from the command line.

use super::BackendError;
use dlt_core::safety;
use std::path::PathBuf;
use url::Url;

/// Where the API is.
pub const URL: &str = "DLT_API_URL";
/// A bearer token.
pub const TOKEN: &str = "DLT_API_TOKEN";
/// A file that holds one; it is read anew for each request, so it may change.
pub const TOKEN_FILE: &str = "DLT_API_TOKEN_FILE";
/// The CloudFormation stack whose API is meant, where no address is given.
pub const STACK: &str = "DLT_STACK_NAME";
/// Whether AWS itself may be asked about tasks and stacks: on or off.
pub const CLOUD: &str = "DLT_MCP_AWS";
/// Set in every Lambda, and nowhere else.
const IN_LAMBDA: &str = "AWS_LAMBDA_FUNCTION_NAME";
/// Longest token, bytes: headers above 16 KiB are refused on the way anyway.
const LONGEST_TOKEN_BYTES: usize = 16 * 1024;

/// How requests prove who sends them.
#[derive(Clone, PartialEq, Eq)]
pub enum Proof {
    /// Not at all: `dlt up` on this machine.
    None,
    /// A bearer token.
    Token(String),
    /// A bearer token that stands in a file.
    TokenFile(PathBuf),
    /// AWS Signature Version 4 with the credentials of the environment.
    #[cfg(feature = "sigv4")]
    SigV4 {
        /// The region in the signature.
        region: String,
    },
}

/// Says what kind it is and nothing that is secret.
impl std::fmt::Debug for Proof {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.name())
    }
}

impl Proof {
    /// For people.
    pub fn name(&self) -> &'static str {
        match self {
            Self::None => "none",
            Self::Token(_) => "bearer token",
            Self::TokenFile(_) => "bearer token of a file",
            #[cfg(feature = "sigv4")]
            Self::SigV4 { .. } => "AWS signature",
        }
    }
}

/// Whether AWS itself is asked: in a Lambda only if it was said, since the role
/// of one may not.
pub fn asks_cloud(get: impl Fn(&str) -> Option<String>) -> Result<bool, BackendError> {
    match get(CLOUD).unwrap_or_default().trim() {
        "" => Ok(get(IN_LAMBDA).is_none()),
        "on" => Ok(true),
        "off" => Ok(false),
        other => Err(BackendError::NotConfigured(format!(
            "{CLOUD} is {other:?}: it can be on or off"
        ))),
    }
}

/// How the API was named.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Place {
    /// By its address.
    Api(Settings),
    /// By its stack.
    Stack(String),
}

impl Place {
    /// From variables; an address wins.
    pub fn read(get: impl Fn(&str) -> Option<String>) -> Result<Self, BackendError> {
        let said = |name: &str| get(name).map(|value| value.trim().to_owned());
        let said = |name: &str| said(name).filter(|value| !value.is_empty());
        match (said(URL), said(STACK)) {
            (None, Some(_)) if said(TOKEN).or(said(TOKEN_FILE)).is_some() => {
                Err(BackendError::NotConfigured(format!(
                    "{STACK} is asked with AWS credentials: leave {TOKEN} and {TOKEN_FILE} out, or \
                     set {URL}"
                )))
            }
            (None, Some(stack)) => Ok(Self::Stack(stack)),
            _ => Settings::read(get).map(Self::Api),
        }
    }
}

/// What a client of the API needs to know.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Settings {
    /// The API's base, without a slash at its end.
    pub base: Url,
    /// How requests prove who sends them.
    pub proof: Proof,
}

impl Settings {
    /// From variables; `get` is the environment.
    pub fn read(get: impl Fn(&str) -> Option<String>) -> Result<Self, BackendError> {
        let get = |name: &str| get(name).filter(|value| !value.trim().is_empty());
        let wrong = |text: String| BackendError::NotConfigured(text);
        let Some(text) = get(URL) else {
            return Err(wrong(format!(
                "{URL} is not set: say where the API is, like http://127.0.0.1:7600/api of dlt up, or \
                 name its stack with {STACK}"
            )));
        };
        let base = base(&text).map_err(|why| wrong(format!("{URL} {why}")))?;
        let proof = match (get(TOKEN), get(TOKEN_FILE)) {
            (Some(_), Some(_)) => {
                return Err(wrong(format!("set {TOKEN} or {TOKEN_FILE}, not both")));
            }
            (Some(token), None) => Proof::Token(checked(&token).map_err(wrong)?),
            (None, Some(path)) => Proof::TokenFile(PathBuf::from(path)),
            (None, None) => unsigned(&base)?,
        };
        Ok(Self { base, proof })
    }

    /// An API that nobody gave a token for.
    #[cfg(feature = "aws")]
    pub(super) fn of_api(text: &str) -> Result<Self, BackendError> {
        let base = base(text)
            .map_err(|why| BackendError::NotConfigured(format!("the stack's API {text} {why}")))?;
        let proof = unsigned(&base)?;
        Ok(Self { base, proof })
    }

    /// The `dlt up` of this machine, which asks for no proof.
    pub fn local(base: &str) -> Result<Self, BackendError> {
        let base = self::base(base).map_err(BackendError::NotConfigured)?;
        Ok(Self {
            base,
            proof: Proof::None,
        })
    }
}

/// Without a token: API Gateway wants signatures, others nothing.
#[cfg(feature = "sigv4")]
fn unsigned(base: &Url) -> Result<Proof, BackendError> {
    Ok(match region_of(base) {
        Some(region) => Proof::SigV4 { region },
        None => Proof::None,
    })
}

#[cfg(not(feature = "sigv4"))]
fn unsigned(base: &Url) -> Result<Proof, BackendError> {
    match region_of(base) {
        Some(_) => Err(BackendError::NotConfigured(format!(
            "{URL} is an API Gateway, which wants signed requests: this dlt-mcp was built without \
             the feature sigv4"
        ))),
        None => Ok(Proof::None),
    }
}

/// The AWS region of an API Gateway's own host name,
/// `<id>.execute-api.<region>.amazonaws.com`; none for other hosts.
pub fn region_of(base: &Url) -> Option<String> {
    let host = base.host_str()?;
    let name = host
        .strip_suffix(".amazonaws.com")
        .or_else(|| host.strip_suffix(".amazonaws.com.cn"))?;
    let parts: Vec<&str> = name.split('.').collect();
    match parts.as_slice() {
        [.., "execute-api", region] => Some((*region).to_owned()),
        _ => None,
    }
}

/// An http or https URL without anything that is not a place.
fn base(text: &str) -> Result<Url, String> {
    let mut url = Url::parse(text.trim().trim_end_matches('/'))
        .map_err(|error| format!("is not a URL: {error}"))?;
    let Some(loopback) = safety::leads_to_loopback(&url) else {
        return Err("has no host".to_owned());
    };
    match url.scheme() {
        "https" => {}
        "http" if loopback => {}
        "http" => {
            return Err("is plain http to another machine: use https".to_owned());
        }
        other => return Err(format!("has the scheme {other}: use https")),
    }
    if !url.username().is_empty() || url.password().is_some() {
        return Err(format!(
            "must not hold a user or password; a token goes into {TOKEN}"
        ));
    }
    if url.query().is_some() || url.fragment().is_some() {
        return Err("must end with its path".to_owned());
    }
    let path = url.path().trim_end_matches('/').to_owned();
    url.set_path(&path);
    Ok(url)
}

/// A token that may stand in a header.
pub(super) fn checked(text: &str) -> Result<String, String> {
    let token = text.trim();
    let token = token.strip_prefix("Bearer ").unwrap_or(token).trim();
    if token.is_empty() {
        return Err("the token is empty".to_owned());
    }
    if token.len() > LONGEST_TOKEN_BYTES {
        return Err(format!(
            "the token is longer than {LONGEST_TOKEN_BYTES} bytes"
        ));
    }
    match token.bytes().all(|b| b.is_ascii_graphic()) {
        true => Ok(token.to_owned()),
        false => Err("the token holds characters that no token has".to_owned()),
    }
}

/// The token of a file.
pub(super) fn from_file(path: &std::path::Path) -> Result<String, BackendError> {
    let told = |why: String| BackendError::NotConfigured(format!("{TOKEN_FILE}: {why}"));
    // The path is the user's own; the file's content is never shown.
    let text = std::fs::read_to_string(path).map_err(|error| told(error.to_string()))?;
    checked(&text).map_err(told)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(rows: &[(&str, &str)]) -> Result<Settings, BackendError> {
        Settings::read(|name| {
            let row = rows.iter().find(|row| row.0 == name);
            row.map(|row| row.1.to_owned())
        })
    }

    #[test]
    fn plain_http_is_for_this_machine_only() {
        for good in [
            "http://127.0.0.1:7600/api",
            "http://localhost:7600/api/",
            "http://[::1]:1/prod",
            "https://dlt.example.com/api",
        ] {
            let settings = read(&[(URL, good)]).unwrap();
            assert!(!settings.base.as_str().ends_with("/api/"), "{good}");
        }
        for bad in [
            "",
            "dlt.example.com",
            "http://dlt.example.com/api",
            "http://10.0.0.1/api",
            "ftp://127.0.0.1/",
            "https://user:secret@dlt.example.com/",
            "https://dlt.example.com/?key=1",
            "http://127.0.0.1.evil.example/",
            "http://localhost.evil.example/",
        ] {
            assert!(read(&[(URL, bad)]).is_err(), "{bad}");
        }
    }

    #[test]
    fn secrets_are_never_shown() {
        let settings = read(&[
            (URL, "https://dlt.example.com/api"),
            (TOKEN, "Bearer s3cret"),
        ]);
        let settings = settings.unwrap();
        assert_eq!(settings.proof, Proof::Token("s3cret".to_owned()));
        assert!(!format!("{settings:?}").contains("s3cret"));
        for bad in ["two words", "line\nbreak", "\u{7f}"] {
            let error = read(&[(URL, "https://dlt.example.com"), (TOKEN, bad)]).unwrap_err();
            assert!(!error.to_string().contains(bad), "{error}");
        }
        let both = [(URL, "https://a.example"), (TOKEN, "a"), (TOKEN_FILE, "b")];
        assert!(read(&both).is_err());
    }

    #[test]
    fn an_address_wins_over_a_stack_and_a_lambda_asks_nobody_else() {
        let place = |rows: &[(&str, &str)]| {
            let get = |name: &str| {
                let row = rows.iter().find(|row| row.0 == name);
                row.map(|row| row.1.to_owned())
            };
            (Place::read(get), asks_cloud(get))
        };
        let stack = (STACK, "load");
        assert_eq!(place(&[stack]).0, Ok(Place::Stack("load".to_owned())));
        let both = place(&[stack, (URL, "https://a.example")]);
        assert!(matches!(both.0, Ok(Place::Api(_))));
        assert!(place(&[stack, (TOKEN, "abc")]).0.is_err());
        let nothing = place(&[(URL, " "), (STACK, "")]).0.unwrap_err().to_string();
        assert!(
            nothing.contains(URL) && nothing.contains(STACK),
            "{nothing}"
        );
        assert_eq!(place(&[]).1, Ok(true));
        let lambda = (IN_LAMBDA, "dlt-mcp");
        assert_eq!(place(&[lambda]).1, Ok(false));
        assert_eq!(place(&[lambda, (CLOUD, "on")]).1, Ok(true));
        assert_eq!(place(&[(CLOUD, "off")]).1, Ok(false));
        assert!(place(&[(CLOUD, "yes")]).1.is_err());
    }

    #[test]
    fn api_gateways_are_known_by_their_name() {
        let region = |text: &str| region_of(&Url::parse(text).unwrap());
        assert_eq!(
            region("https://abc123.execute-api.eu-west-1.amazonaws.com/prod").as_deref(),
            Some("eu-west-1")
        );
        assert_eq!(region("https://execute-api.example.com/prod"), None);
        assert_eq!(
            region("https://a.execute-api.b.amazonaws.com.evil.example/"),
            None
        );
        assert_eq!(region("http://127.0.0.1:7600/api"), None);
    }
}
