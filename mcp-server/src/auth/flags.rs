//! Command line flags and environment variables of `auth`, the same for
//! `dlt-mcp http` and `dlt up --auth`. Whether they are usable together is checked by
//! the settings made of them.

use super::{Settings, SettingsError};
use clap::Args;
use clap::builder::FalseyValueParser;
use std::net::SocketAddr;
use url::Url;

/// Flags that say which access tokens are accepted.
#[derive(Debug, Clone, Default, Args)]
#[command(next_help_heading = "Access tokens")]
pub struct AuthFlags {
    /// Issuer whose access tokens are required: https://cognito-idp.REGION.amazonaws.com/POOL
    #[arg(
        long,
        env = "DLT_AUTH_ISSUER",
        hide_env_values = true,
        value_name = "URL"
    )]
    pub issuer: Option<String>,
    /// URL of the issuer's keys, for tests [default: ISSUER/.well-known/jwks.json]
    #[arg(
        long,
        env = "DLT_AUTH_JWKS_URL",
        hide_env_values = true,
        value_name = "URL"
    )]
    pub jwks_url: Option<String>,
    /// App client whose tokens are accepted; may be given several times
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
    /// Scope that also allows changes; without it only tokens of exempt clients do
    #[arg(
        long,
        env = "DLT_AUTH_WRITE_SCOPE",
        hide_env_values = true,
        value_name = "SCOPE"
    )]
    pub write_scope: Option<String>,
    /// Group that allows access; a token needs one of them, and tokens of machines have none
    #[arg(
        long,
        env = "DLT_AUTH_GROUPS",
        hide_env_values = true,
        value_delimiter = ',',
        value_name = "GROUP"
    )]
    pub allowed_group: Vec<String>,
    /// Refuse tokens without an audience; a different audience is always refused
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
    /// Publish the issuer's metadata under this server's name, with PKCE, as MCP clients need it
    #[arg(long, env = "DLT_AUTH_OAUTH_FACADE", hide_env_values = true, value_parser = FalseyValueParser::new())]
    pub oauth_facade: bool,
    /// Host name of this server, beside localhost; may be given several times
    #[arg(
        long,
        env = "DLT_AUTH_HOSTS",
        hide_env_values = true,
        value_delimiter = ',',
        value_name = "NAME"
    )]
    pub allowed_host: Vec<String>,
}

/// The values, trimmed; `--flag ''` means none.
fn non_empty<T: FromIterator<String>>(values: &[String]) -> T {
    let values = values.iter().map(|value| value.trim());
    values
        .filter(|value| !value.is_empty())
        .map(str::to_owned)
        .collect()
}

impl AuthFlags {
    /// Whether any flag without a default was given.
    pub fn any(&self) -> bool {
        let lists = [
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
            || lists.iter().any(|list| !list.is_empty())
    }

    /// The settings of a server at this address; None if no flag was given.
    pub fn settings(&self, address: SocketAddr) -> Result<Option<Settings>, SettingsError> {
        let Some(issuer) = self.issuer.clone() else {
            return if self.any() {
                Err(SettingsError::NoIssuer)
            } else {
                Ok(None)
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
            clients: non_empty(&self.allowed_client),
            scopes: non_empty(&self.required_scope),
            scope_exempt: non_empty(&self.scope_exempt_client),
            write_scope: self.write_scope.clone().filter(|scope| !scope.is_empty()),
            groups: non_empty(&self.allowed_group),
            require_audience: self.require_audience,
            oauth_facade: self.oauth_facade,
            hosts: non_empty(&self.allowed_host),
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
    fn missing_flags_never_admit_more() {
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
            // A server for other machines needs its public URI.
            (&format!("{issuer} --allowed-client a"), wide),
        ] {
            assert!(of(words, address).is_err(), "{words}");
        }
    }
}
