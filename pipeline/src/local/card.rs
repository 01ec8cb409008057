//! Where the service of a data folder answers: a small file that commands on
//! the same folder look at. It may be left over; whoever reads it asks.

use crate::error::PipelineError;
use serde::{Deserialize, Serialize};
use std::io::Write as _;
use std::os::unix::fs::OpenOptionsExt as _;
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
        std::fs::OpenOptions::new()
            .write(true)
            .create(true)
            .truncate(true)
            .mode(0o600)
            .open(&beside)
            .and_then(|mut file| file.write_all(&text))
            .and_then(|()| std::fs::rename(&beside, &card.path))
            .map_err(|error| PipelineError::file(&card.path, error))?;
        Ok(card)
    }

    /// What the last service said; None if none did.
    pub fn read(home: &Path) -> Option<Self> {
        let path = home.join(FILE);
        let text = std::fs::read(&path).ok()?;
        let card: Self = serde_json::from_slice(&text).ok()?;
        Some(Self { path, ..card })
    }

    /// Whether the process that wrote it still exists. Another may answer at
    /// the same address by now, for another folder.
    pub fn is_of_a_process(&self) -> bool {
        i32::try_from(self.pid)
            .ok()
            .and_then(rustix::process::Pid::from_raw)
            .is_some_and(|pid| rustix::process::test_kill_process(pid).is_ok())
    }

    /// This process answers no longer.
    pub fn remove(&self) {
        // What stays is found out by whoever asks there.
        let _ = std::fs::remove_file(&self.path);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_card_of_a_process_that_is_gone_is_known() {
        let folder = tempfile::tempdir().unwrap();
        let card = ServerCard::write(folder.path(), "http://127.0.0.1:7600/api").unwrap();
        assert!(card.is_of_a_process());
        let mut child = std::process::Command::new("true").spawn().unwrap();
        let pid = child.id();
        child.wait().unwrap();
        let left = ServerCard { pid, ..card };
        assert!(!left.is_of_a_process());
        let never = ServerCard { pid: 0, ..left };
        assert!(!never.is_of_a_process());
    }
}
