//! Which API a command uses: that of the server that was named; else of the `dlt up` of
//! this data folder, if it answers; else of the folder itself.

use super::at_rest::AtRest;
use super::auth::Auth;
use super::remote::Remote;
use super::{Client, ClientError};
use crate::home;
use dlt_core::calls::answers::StackInfo;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// How long the folder's service may take to answer a probe.
const PROBE_DEADLINE: Duration = Duration::from_millis(1_500);

/// The flags that select the API.
#[derive(Debug, Clone, Default)]
pub struct ApiOptions {
    /// `--home`.
    pub home: Option<PathBuf>,
    /// `--api`.
    pub api: Option<String>,
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

/// A client of the folder's service. The card may be left over from a service that ended,
/// so the service is probed.
async fn of_folder(dir: &Path) -> Option<Client> {
    let client = Client::remote(Remote::of_folder(dir)?);
    let probe = client.read::<StackInfo>("/stack-info", &[]);
    let answer = tokio::time::timeout(PROBE_DEADLINE, probe).await;
    matches!(answer, Ok(Ok(info)) if info.dlt_version.is_some()).then_some(client)
}
