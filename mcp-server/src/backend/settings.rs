//! Address of the API and how requests to it are authenticated, from environment
//! variables. Secrets come from variables or a file, never from the command line.

use super::BackendError;
use super::stack_name::StackName;
use super::token::{self, TOKEN, TOKEN_FILE};
use dlt_core::safety;
use std::path::PathBuf;
use url::Url;

/// The API's base URL.
pub const URL: &str = "DLT_API_URL";
/// The AWS region for which requests are signed, where the API's host does not tell it:
/// an API Gateway under a name of one's own.
pub const REGION: &str = "DLT_API_REGION";
/// Without [`URL`]: the CloudFormation stack of the API.
pub const STACK: &str = "DLT_STACK_NAME";
/// `on` or `off`: whether AWS itself is queried about tasks and stacks.
pub const CLOUD: &str = "DLT_MCP_AWS";
/// Set by AWS in every Lambda.
const IN_LAMBDA: &str = "AWS_LAMBDA_FUNCTION_NAME";

/// How requests are authenticated.
#[derive(Clone, PartialEq, Eq)]
pub enum Authentication {
    /// Not at all: `dlt up` on this machine.
    None,
    /// With a bearer token.
    Token(String),
    /// With a bearer token from a file, read for each request, so that it may change.
    TokenFile(PathBuf),
    /// With AWS Signature Version 4.
    #[cfg(feature = "sigv4")]
    SigV4 {
        /// The region in the signature.
        region: String,
    },
}

/// The kind of authentication, without secrets.
impl std::fmt::Debug for Authentication {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.name())
    }
}

impl Authentication {
    /// Its name in messages.
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

/// Whether AWS itself is queried. In a Lambda it must be turned on: the function's role
/// may lack the permissions.
pub fn cloud_enabled(get: impl Fn(&str) -> Option<String>) -> Result<bool, BackendError> {
    match get(CLOUD).unwrap_or_default().trim() {
        "" => Ok(get(IN_LAMBDA).is_none()),
        "on" => Ok(true),
        "off" => Ok(false),
        other => Err(BackendError::NotConfigured(format!(
            "{CLOUD} is {other:?}: it can be on or off"
        ))),
    }
}

/// How to find the API.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ApiLocation {
    /// At a known address.
    Address(Settings),
    /// At the address in a CloudFormation stack's outputs.
    Stack(StackName),
}

impl ApiLocation {
    /// From variables; an address takes precedence over a stack.
    pub fn from_variables(get: impl Fn(&str) -> Option<String>) -> Result<Self, BackendError> {
        let value = |name: &str| get(name).map(|value| value.trim().to_owned());
        let value = |name: &str| value(name).filter(|value| !value.is_empty());
        match (value(URL), value(STACK)) {
            (None, Some(_)) if value(TOKEN).or(value(TOKEN_FILE)).is_some() => {
                Err(BackendError::NotConfigured(format!(
                    "{STACK} is asked with AWS credentials: leave {TOKEN} and {TOKEN_FILE} out, or \
                     set {URL}"
                )))
            }
            (None, Some(stack)) => StackName::parse(&stack)
                .map(Self::Stack)
                .map_err(|why| BackendError::NotConfigured(format!("{STACK}: {why}"))),
            _ => Settings::from_variables(get).map(Self::Address),
        }
    }
}

/// Settings of a client of the API.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Settings {
    /// The API's base URL, without a trailing slash.
    pub base: Url,
    /// How requests are authenticated.
    pub authentication: Authentication,
}

impl Settings {
    /// From variables.
    pub fn from_variables(get: impl Fn(&str) -> Option<String>) -> Result<Self, BackendError> {
        let get = |name: &str| get(name).filter(|value| !value.trim().is_empty());
        let error = |text: String| BackendError::NotConfigured(text);
        let Some(text) = get(URL) else {
            return Err(error(format!(
                "{URL} is not set: say where the API is, like http://127.0.0.1:7600/api of dlt up, or \
                 name its stack with {STACK}"
            )));
        };
        let base = base_url(&text).map_err(|why| error(format!("{URL} {why}")))?;
        let authentication = match (get(TOKEN), get(TOKEN_FILE)) {
            (Some(_), Some(_)) => {
                return Err(error(format!("set {TOKEN} or {TOKEN_FILE}, not both")));
            }
            (Some(token), None) => Authentication::Token(token::checked(&token).map_err(error)?),
            (None, Some(path)) => Authentication::TokenFile(PathBuf::from(path)),
            (None, None) => without_token(&base, get(REGION))?,
        };
        Ok(Self {
            base,
            authentication,
        })
    }

    /// The API at the address of a stack's output, where only IAM lets callers in.
    #[cfg(feature = "aws")]
    pub(super) fn of_stack(url: &str, region: &str) -> Result<Self, String> {
        let base = base_url(url).map_err(|why| format!("its address {url} {why}"))?;
        Ok(Self {
            base,
            authentication: Authentication::SigV4 {
                region: region.to_owned(),
            },
        })
    }

    /// The `dlt up` of this machine, without authentication.
    pub fn local(base: &str) -> Result<Self, BackendError> {
        let base = base_url(base).map_err(BackendError::NotConfigured)?;
        Ok(Self {
            base,
            authentication: Authentication::None,
        })
    }
}

/// Authentication without a token: signatures for an API Gateway, which is one by its
/// host or because a region is set; else none.
#[cfg(feature = "sigv4")]
fn without_token(base: &Url, region: Option<String>) -> Result<Authentication, BackendError> {
    Ok(match region.or_else(|| region_of(base)) {
        Some(region) => Authentication::SigV4 { region },
        None => Authentication::None,
    })
}

#[cfg(not(feature = "sigv4"))]
fn without_token(base: &Url, region: Option<String>) -> Result<Authentication, BackendError> {
    match region.or_else(|| region_of(base)) {
        Some(_) => Err(BackendError::NotConfigured(format!(
            "{URL} is an API Gateway, which wants signed requests: this dlt-mcp was built without \
             the feature sigv4"
        ))),
        None => Ok(Authentication::None),
    }
}

/// The AWS region in an API Gateway's own host name,
/// `<id>.execute-api.<region>.amazonaws.com`; None for other hosts.
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

/// An https URL, or http to this machine, without credentials, query or fragment.
fn base_url(text: &str) -> Result<Url, String> {
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

#[cfg(test)]
mod tests {
    use super::*;

    fn read(rows: &[(&str, &str)]) -> Result<Settings, BackendError> {
        Settings::from_variables(|name| {
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
        let token = Authentication::Token("s3cret".to_owned());
        assert_eq!(settings.authentication, token);
        assert!(!format!("{settings:?}").contains("s3cret"));
        for bad in ["two words", "line\nbreak", "\u{7f}"] {
            let error = read(&[(URL, "https://dlt.example.com"), (TOKEN, bad)]).unwrap_err();
            assert!(!error.to_string().contains(bad), "{error}");
        }
        let both = [(URL, "https://a.example"), (TOKEN, "a"), (TOKEN_FILE, "b")];
        assert!(read(&both).is_err());
    }

    #[test]
    fn an_address_takes_precedence_and_a_lambda_queries_only_the_api() {
        let read = |rows: &[(&str, &str)]| {
            let get = |name: &str| {
                let row = rows.iter().find(|row| row.0 == name);
                row.map(|row| row.1.to_owned())
            };
            (ApiLocation::from_variables(get), cloud_enabled(get))
        };
        let stack = (STACK, "load");
        let named = StackName::parse("load").unwrap();
        assert_eq!(read(&[stack]).0, Ok(ApiLocation::Stack(named)));
        assert!(read(&[(STACK, "load@here")]).0.is_err());
        let both = read(&[stack, (URL, "https://a.example")]);
        assert!(matches!(both.0, Ok(ApiLocation::Address(_))));
        assert!(read(&[stack, (TOKEN, "abc")]).0.is_err());
        let nothing = read(&[(URL, " "), (STACK, "")]).0.unwrap_err().to_string();
        assert!(
            nothing.contains(URL) && nothing.contains(STACK),
            "{nothing}"
        );
        assert_eq!(read(&[]).1, Ok(true));
        let lambda = (IN_LAMBDA, "dlt-mcp");
        assert_eq!(read(&[lambda]).1, Ok(false));
        assert_eq!(read(&[lambda, (CLOUD, "on")]).1, Ok(true));
        assert_eq!(read(&[(CLOUD, "off")]).1, Ok(false));
        assert!(read(&[(CLOUD, "yes")]).1.is_err());
    }

    #[cfg(feature = "sigv4")]
    #[test]
    fn an_api_gateway_under_another_name_is_signed_for_the_region_that_is_set() {
        let own = (URL, "https://load.example.com/prod");
        assert_eq!(read(&[own]).unwrap().authentication, Authentication::None);
        let signed = read(&[own, (REGION, "eu-west-1")]).unwrap();
        let region = "eu-west-1".to_owned();
        assert_eq!(signed.authentication, Authentication::SigV4 { region });
    }

    #[test]
    fn the_region_is_read_from_api_gateway_hosts_only() {
        let region = |text: &str| region_of(&Url::parse(text).unwrap());
        assert_eq!(
            region("https://abc123.execute-api.eu-west-1.amazonaws.com/prod").as_deref(),
            Some("eu-west-1")
        );
        assert_eq!(
            region("https://a1.execute-api.cn-north-1.amazonaws.com.cn/prod").as_deref(),
            Some("cn-north-1")
        );
        assert_eq!(region("https://execute-api.example.com/prod"), None);
        assert_eq!(region("https://s3.eu-west-1.amazonaws.com/"), None);
        assert_eq!(
            region("https://a.execute-api.b.amazonaws.com.evil.example/"),
            None
        );
        assert_eq!(region("http://127.0.0.1:7600/api"), None);
    }
}
