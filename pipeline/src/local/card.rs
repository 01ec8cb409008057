//! Where the service of a data folder answers: a small file that commands on
//! the same folder look at. It may be left over; whoever reads it asks.

use crate::error::PipelineError;
use serde::{Deserialize, Serialize};
use std::path::{Path, PathBuf};

/// The file's name in the data folder.
const FILE: &str = "server.json";

/// Where a service answers.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ServerCard {
    /// The API's base, like `http://127.0.0.1:7600/api`.
    pub api: String,
    /// The service's process.
    pub pid: u32,
    #[serde(skip)]
    path: PathBuf,
}

impl ServerCard {
    /// Says where this process answers.
    pub fn write(home: &Path, api: &str) -> Result<Self, PipelineError> {
        let card = Self {
            api: api.to_owned(),
            pid: std::process::id(),
            path: home.join(FILE),
        };
        let text =
            serde_json::to_vec(&card).map_err(|error| PipelineError::Other(error.to_string()))?;
        let beside = card.path.with_extension("writing");
        std::fs::write(&beside, text)
            .and_then(|()| std::fs::rename(&beside, &card.path))
            .map_err(|error| PipelineError::file(&card.path, &error))?;
        Ok(card)
    }

    /// What the last service said; None if none did.
    pub fn read(home: &Path) -> Option<Self> {
        let path = home.join(FILE);
        let text = std::fs::read(&path).ok()?;
        let card: Self = serde_json::from_slice(&text).ok()?;
        Some(Self { path, ..card })
    }

    /// This process answers no longer.
    pub fn remove(&self) {
        // What stays is found out by whoever asks there.
        let _ = std::fs::remove_file(&self.path);
    }
}
