//! Where a command's questions go: to the server that was named; else to the
//! `dlt up` of this data folder, if it really answers; else to the folder.

use super::at_rest::AtRest;
use super::auth::Auth;
use super::remote::Remote;
use super::{Client, ClientError};
use crate::home;
use dlt_core::calls::answers::StackInfo;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// How long the service of this folder may take to say that it is there.
const LONGEST_KNOCK: Duration = Duration::from_millis(1_500);

/// What a command line says of where to ask.
#[derive(Debug, Clone, Default)]
pub struct Asking {
    /// `--home`.
    pub home: Option<PathBuf>,
    /// `--api`.
    pub api: Option<String>,
    /// `--sigv4`.
    pub sigv4: bool,
}

impl Asking {
    /// The data folder.
    pub fn dir(&self) -> anyhow::Result<PathBuf> {
        home::dir(self.home.as_deref())
    }

    /// Whoever answers: a server that was named or that serves this folder,
    /// else the folder itself.
    pub async fn client(&self) -> Result<Client, ClientError> {
        match self.server().await? {
            Some(client) => Ok(client),
            None => {
                let dir = self.folder()?;
                Ok(Client::at_rest(AtRest::of(dir)?))
            }
        }
    }

    /// A server that was named or that serves this folder, if there is one.
    pub async fn server(&self) -> Result<Option<Client>, ClientError> {
        if let Some(api) = self.api.as_deref().filter(|api| !api.is_empty()) {
            let auth = Auth::from_env(api, self.sigv4).await?;
            return Ok(Some(Client::remote(Remote::new(api, auth)?)));
        }
        Ok(of_folder(&self.folder()?).await)
    }

    fn folder(&self) -> Result<PathBuf, ClientError> {
        self.dir()
            .map_err(|error| ClientError::Cannot(format!("{error:#}")))
    }
}

/// The service of this folder: its card may be left over, so it is asked.
async fn of_folder(dir: &Path) -> Option<Client> {
    let client = Client::remote(Remote::of_folder(dir)?);
    let knock = client.read::<StackInfo>("/stack-info", &[]);
    let there = tokio::time::timeout(LONGEST_KNOCK, knock).await;
    matches!(there, Ok(Ok(about)) if about.dlt_version.is_some()).then_some(client)
}
