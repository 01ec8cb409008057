//! The words of a command line, or of the environment, for `auth`: the same
//! for `dlt-mcp http` and `dlt up --auth`. What they mean together is said by
//! the settings that they become.

use super::{Settings, SettingsError};
use clap::Args;
use clap::builder::FalseyValueParser;
use std::net::SocketAddr;
use url::Url;

/// Who is let in.
#[derive(Debug, Clone, Default, Args)]
#[command(next_help_heading = "Access tokens")]
pub struct AuthFlags {
    /// Whose access tokens to ask for: https://cognito-idp.REGION.amazonaws.com/POOL
    #[arg(
        long,
        env = "DLT_AUTH_ISSUER",
        hide_env_values = true,
        value_name = "URL"
    )]
    pub issuer: Option<String>,
    /// Where the issuer's keys are, for tests [default: ISSUER/.well-known/jwks.json]
    #[arg(
        long,
        env = "DLT_AUTH_JWKS_URL",
        hide_env_values = true,
        value_name = "URL"
    )]
    pub jwks_url: Option<String>,
    /// App client whose tokens are for this server; may be given several times
    #[arg(
        long,
        env = "DLT_AUTH_CLIENTS",
        hide_env_values = true,
        value_delimiter = ',',
        value_name = "ID"
    )]
    pub allowed_client: Vec<String>,
    /// Scope that tokens need; '' for none
    #[arg(
        long,
        env = "DLT_AUTH_SCOPES",
        hide_env_values = true,
        value_delimiter = ',',
        value_name = "SCOPE",
        default_value = "dlt-mcp-gateway/read"
    )]
    pub required_scope: Vec<String>,
    /// App client whose tokens need no scope, like that of a web console
    #[arg(
        long,
        env = "DLT_AUTH_SCOPE_EXEMPT_CLIENTS",
        hide_env_values = true,
        value_delimiter = ',',
        value_name = "ID"
    )]
    pub scope_exempt_client: Vec<String>,
    /// Scope with which a token may also change things; without one only the exempt clients' may
    #[arg(
        long,
        env = "DLT_AUTH_WRITE_SCOPE",
        hide_env_values = true,
        value_name = "SCOPE"
    )]
    pub write_scope: Option<String>,
    /// Group of which a token needs one; tokens of machines have none
    #[arg(
        long,
        env = "DLT_AUTH_GROUPS",
        hide_env_values = true,
        value_delimiter = ',',
        value_name = "GROUP"
    )]
    pub allowed_group: Vec<String>,
    /// Refuse tokens without an audience; one with another is refused anyway
    #[arg(long, env = "DLT_AUTH_REQUIRE_AUDIENCE", hide_env_values = true, value_parser = FalseyValueParser::new())]
    pub require_audience: bool,
    /// This server's public URI [default: http://ADDRESS/mcp]
    #[arg(
        long,
        env = "DLT_AUTH_RESOURCE",
        hide_env_values = true,
        value_name = "URI"
    )]
    pub resource: Option<String>,
    /// Describe the issuer to MCP clients as they want it (PKCE), under this server's name
    #[arg(long, env = "DLT_AUTH_OAUTH_FACADE", hide_env_values = true, value_parser = FalseyValueParser::new())]
    pub oauth_facade: bool,
    /// Name, beside localhost, under which the server is known; may be given several times
    #[arg(
        long,
        env = "DLT_AUTH_HOSTS",
        hide_env_values = true,
        value_delimiter = ',',
        value_name = "NAME"
    )]
    pub allowed_host: Vec<String>,
}

/// Without empty ones, which mean none.
fn named<T: FromIterator<String>>(words: &[String]) -> T {
    let words = words.iter().map(|word| word.trim());
    words
        .filter(|word| !word.is_empty())
        .map(str::to_owned)
        .collect()
}

impl AuthFlags {
    /// Whether anything was said, the default aside.
    pub fn any(&self) -> bool {
        let words = [
            &self.allowed_client,
            &self.scope_exempt_client,
            &self.allowed_group,
            &self.allowed_host,
        ];
        self.issuer.is_some()
            || self.jwks_url.is_some()
            || self.resource.is_some()
            || self.write_scope.is_some()
            || self.require_audience
            || self.oauth_facade
            || words.iter().any(|words| !words.is_empty())
    }

    /// The settings of a server that listens there; none if nothing was said.
    pub fn settings(&self, address: SocketAddr) -> Result<Option<Settings>, SettingsError> {
        let Some(issuer) = self.issuer.clone() else {
            return match self.any() {
                true => Err(SettingsError::NoIssuer),
                false => Ok(None),
            };
        };
        let keys = self.jwks_url.clone();
        let keys = keys.unwrap_or_else(|| format!("{issuer}/.well-known/jwks.json"));
        let jwks_url = Url::parse(&keys).map_err(|_| SettingsError::Url("--jwks-url", keys))?;
        let resource = self.resource.clone();
        let settings = Settings {
            issuer,
            jwks_url,
            resource: resource.unwrap_or_else(|| format!("http://{address}/mcp")),
            clients: named(&self.allowed_client),
            scopes: named(&self.required_scope),
            scope_exempt: named(&self.scope_exempt_client),
            write_scope: self.write_scope.clone().filter(|scope| !scope.is_empty()),
            groups: named(&self.allowed_group),
            require_audience: self.require_audience,
            facade: self.oauth_facade,
            hosts: named(&self.allowed_host),
        };
        settings.checked().map(Some)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::Parser;

    #[derive(Parser)]
    struct Line {
        #[command(flatten)]
        auth: AuthFlags,
    }

    fn of(words: &str, address: &str) -> Result<Option<Settings>, SettingsError> {
        let words = std::iter::once("x").chain(words.split_whitespace());
        Line::parse_from(words)
            .auth
            .settings(address.parse().unwrap())
    }

    #[test]
    fn what_is_left_out_never_opens_the_door() {
        let (here, wide) = ("127.0.0.1:7610", "0.0.0.0:7610");
        let issuer = "--issuer https://idp.example/pool";
        assert_eq!(of("", here), Ok(None));
        let settings = of(&format!("{issuer} --allowed-client a"), here);
        let settings = settings.unwrap().unwrap();
        assert_eq!(settings.scopes, ["dlt-mcp-gateway/read"]);
        assert_eq!(settings.resource, "http://127.0.0.1:7610/mcp");
        assert_eq!(
            settings.jwks_url.as_str(),
            "https://idp.example/pool/.well-known/jwks.json"
        );
        for (words, address) in [
            ("--allowed-client a", here),
            ("--allowed-host load.example", here),
            (issuer, here),
            ("--issuer http://idp.example/pool --allowed-client a", here),
            (
                "--issuer https://idp.example/pool/ --allowed-client a",
                here,
            ),
            (
                &format!("{issuer} --allowed-client a --scope-exempt-client b"),
                here,
            ),
            (
                &format!("{issuer} --allowed-client a --required-scope a\"b"),
                here,
            ),
            (
                &format!("{issuer} --allowed-client a --resource http://load.example/mcp"),
                here,
            ),
            (
                &format!("{issuer} --allowed-client a --jwks-url http://idp.example/keys"),
                here,
            ),
            // A server for others must say what it is called.
            (&format!("{issuer} --allowed-client a"), wide),
        ] {
            assert!(of(words, address).is_err(), "{words}");
        }
    }
}
