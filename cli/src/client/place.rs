//! Which API a command uses: that of the server or stack that was named; else of the
//! `dlt up` of this data folder, if it answers; else of the folder itself.

use super::at_rest::AtRest;
use super::auth::Auth;
use super::remote::Remote;
use super::{Client, ClientError, stack};
use crate::home;
use clap::ArgMatches;
use clap::parser::ValueSource;
use dlt_core::calls::answers::StackInfo;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// How long the folder's service may take to answer a probe.
const PROBE_DEADLINE: Duration = Duration::from_millis(1_500);

/// Which flags are on the command line, where they win over the environment.
#[derive(Debug, Clone, Copy, Default)]
pub struct Named {
    /// `--home`.
    pub home: bool,
    /// `--api`.
    pub api: bool,
    /// `--stack`.
    pub stack: bool,
}

impl Named {
    /// The flags of these arguments.
    pub fn of(matches: &ArgMatches) -> Self {
        let named = |id: &str| matches.value_source(id) == Some(ValueSource::CommandLine);
        Self {
            home: named("home"),
            api: named("api"),
            stack: named("stack"),
        }
    }
}

/// The server that was named.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub enum ServerName {
    /// The one at this address.
    Api(String),
    /// The one of this CloudFormation stack, `NAME` or `NAME@AWS-REGION`.
    Stack(String),
    /// None: the data folder's, or the folder itself.
    #[default]
    OfFolder,
}

impl ServerName {
    /// The server of `--api` and `--stack`, or of the variables with which they are set. A
    /// flag wins over a variable; of the variables, an address wins over a stack.
    pub fn choose(
        api: Option<&str>,
        stack: Option<&str>,
        named: Named,
    ) -> Result<Self, ClientError> {
        let api = api.filter(|api| !api.is_empty());
        let stack = stack.filter(|stack| !stack.is_empty());
        let contradiction = |other: &str, what: &str| {
            Err(ClientError::Input(format!(
                "--stack asks a stack on AWS and {other} {what}: leave one of them out"
            )))
        };
        match (api, stack) {
            (_, Some(_)) if named.stack && named.api => contradiction("--api", "another server"),
            (_, Some(_)) if named.stack && named.home => {
                contradiction("--home", "a folder of this machine")
            }
            (_, Some(stack)) if named.stack => Ok(Self::Stack(stack.to_owned())),
            (Some(api), _) if named.api => Ok(Self::Api(api.to_owned())),
            // The folder was named, and the environment is of no command in particular.
            _ if named.home => Ok(Self::OfFolder),
            (Some(api), _) => Ok(Self::Api(api.to_owned())),
            (None, Some(stack)) => Ok(Self::Stack(stack.to_owned())),
            (None, None) => Ok(Self::OfFolder),
        }
    }
}

/// The flags that select the API.
#[derive(Debug, Clone, Default)]
pub struct ApiOptions {
    /// `--home`.
    pub home: Option<PathBuf>,
    /// `--api` or `--stack`.
    pub server: ServerName,
    /// `--sigv4`.
    pub sigv4: bool,
}

impl ApiOptions {
    /// The data folder.
    pub fn dir(&self) -> anyhow::Result<PathBuf> {
        home::dir(self.home.as_deref())
    }

    /// A client of the server, if there is one, else of the folder itself.
    pub async fn client(&self) -> Result<Client, ClientError> {
        match self.server().await? {
            Some(client) => Ok(client),
            None => {
                let dir = self.folder()?;
                Ok(Client::at_rest(AtRest::of(dir)?))
            }
        }
    }

    /// A client of the server that was named or that serves this folder.
    pub async fn server(&self) -> Result<Option<Client>, ClientError> {
        match &self.server {
            ServerName::Api(api) => {
                let auth = Auth::from_env(api, self.sigv4).await?;
                Ok(Some(Client::remote(Remote::new(api, auth)?)))
            }
            ServerName::Stack(stack) => Ok(Some(Client::remote(stack::remote(stack).await?))),
            ServerName::OfFolder => Ok(of_folder(&self.folder()?).await),
        }
    }

    fn folder(&self) -> Result<PathBuf, ClientError> {
        self.dir()
            .map_err(|error| ClientError::Cannot(format!("{error:#}")))
    }
}

/// A client of the folder's service. The card may be left over from a service that ended,
/// so the service is probed.
async fn of_folder(dir: &Path) -> Option<Client> {
    let client = Client::remote(Remote::of_folder(dir)?);
    let probe = client.read::<StackInfo>("/stack-info", &[]);
    let answer = tokio::time::timeout(PROBE_DEADLINE, probe).await;
    matches!(answer, Ok(Ok(info)) if info.dlt_version.is_some()).then_some(client)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_flag_wins_over_the_environment_and_two_flags_contradict_each_other() {
        let named = |text: &str| Named {
            home: text.contains('h'),
            api: text.contains('a'),
            stack: text.contains('s'),
        };
        let (api, stack) = (Some("https://a.example"), Some("load"));
        let by_api = || ServerName::Api("https://a.example".to_owned());
        let by_stack = || ServerName::Stack("load".to_owned());
        for (given_api, given_stack, flags, wanted) in [
            (None, None, "", Some(ServerName::OfFolder)),
            (Some(""), Some(""), "", Some(ServerName::OfFolder)),
            (api, None, "", Some(by_api())),
            (None, stack, "", Some(by_stack())),
            (api, stack, "", Some(by_api())),
            (api, stack, "s", Some(by_stack())),
            (api, stack, "a", Some(by_api())),
            (api, stack, "h", Some(ServerName::OfFolder)),
            (api, stack, "ha", Some(by_api())),
            (api, stack, "as", None),
            (None, stack, "hs", None),
        ] {
            let chosen = ServerName::choose(given_api, given_stack, named(flags));
            assert_eq!(chosen.ok(), wanted, "{flags}");
        }
    }
}
