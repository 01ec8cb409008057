//! Objects at home: files below one folder, written beside and renamed, so
//! that nobody reads half an object.

use crate::error::PipelineError;
use crate::objects::{Access, LARGEST_OBJECT_BYTES, Listed, MOST_KEYS, Objects, is_key};
use async_trait::async_trait;
use std::fs;
use std::io::{ErrorKind, Read, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};

/// Begins the name of a file that is being written; never a key's last part.
const UNFINISHED: &str = ".writing-";

/// Objects below a folder.
#[derive(Debug)]
pub struct FileObjects {
    folder: PathBuf,
    writes: AtomicU64,
}

impl FileObjects {
    /// Objects below `folder`, which is made when needed.
    pub fn new(folder: PathBuf) -> Self {
        Self {
            folder,
            writes: AtomicU64::new(0),
        }
    }

    fn path(&self, key: &str) -> Result<PathBuf, PipelineError> {
        if is_key(key) {
            Ok(self.folder.join(key))
        } else {
            Err(PipelineError::Input(format!("{key:?} is no object key")))
        }
    }

    fn collect(&self, folder: &Path, found: &mut Vec<Listed>) -> std::io::Result<()> {
        let entries = match fs::read_dir(folder) {
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(()),
            entries => entries?,
        };
        for entry in entries {
            let entry = entry?;
            if entry.file_type()?.is_dir() {
                self.collect(&entry.path(), found)?;
            } else if let Ok(relative) = entry.path().strip_prefix(&self.folder)
                && let Some(key) = relative.to_str()
                && !entry.file_name().to_string_lossy().starts_with(UNFINISHED)
            {
                // An object that is deleted just now is not there.
                let bytes = entry.metadata().map_or(0, |about| about.len());
                found.push(Listed {
                    key: key.to_owned(),
                    bytes,
                });
            }
            if found.len() > MOST_KEYS {
                return Err(std::io::Error::other("too many objects"));
            }
        }
        Ok(())
    }
}

#[async_trait]
impl Objects for FileObjects {
    async fn get(&self, key: &str) -> Result<Option<Vec<u8>>, PipelineError> {
        let path = self.path(key)?;
        let file = match fs::File::open(&path) {
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
            file => file.map_err(|error| PipelineError::file(&path, &error))?,
        };
        let mut bytes = Vec::new();
        file.take(LARGEST_OBJECT_BYTES + 1)
            .read_to_end(&mut bytes)
            .map_err(|error| PipelineError::file(&path, &error))?;
        if bytes.len() as u64 > LARGEST_OBJECT_BYTES {
            return Err(PipelineError::Other(format!(
                "object {key} is larger than {LARGEST_OBJECT_BYTES} bytes"
            )));
        }
        Ok(Some(bytes))
    }

    async fn put(&self, key: &str, bytes: &[u8], access: Access) -> Result<(), PipelineError> {
        let path = self.path(key)?;
        let number = self.writes.fetch_add(1, Ordering::Relaxed);
        let beside = path.with_file_name(format!("{UNFINISHED}{}-{number}", std::process::id()));
        let mode = match access {
            Access::Home => 0o644,
            Access::Secret => 0o600,
        };
        let write = || -> std::io::Result<()> {
            if let Some(folder) = path.parent() {
                fs::create_dir_all(folder)?;
            }
            let mut file = fs::OpenOptions::new()
                .write(true)
                .create(true)
                .truncate(true)
                .mode(mode)
                .open(&beside)?;
            file.write_all(bytes)?;
            fs::rename(&beside, &path)
        };
        write().map_err(|error| {
            // What is left of a failed write is nobody's object.
            let _ = fs::remove_file(&beside);
            PipelineError::file(&path, &error)
        })
    }

    async fn list(&self, prefix: &str) -> Result<Vec<Listed>, PipelineError> {
        // The deepest folder that the prefix names for certain.
        let folder = match prefix.rsplit_once('/') {
            None => self.folder.clone(),
            Some((folder, _)) => self.path(folder)?,
        };
        let mut found = Vec::new();
        self.collect(&folder, &mut found)
            .map_err(|error| PipelineError::file(&folder, &error))?;
        found.retain(|object| object.key.starts_with(prefix));
        found.sort();
        Ok(found)
    }

    async fn delete(&self, key: &str) -> Result<(), PipelineError> {
        let path = self.path(key)?;
        match fs::remove_file(&path) {
            Err(error) if error.kind() != ErrorKind::NotFound => {
                Err(PipelineError::file(&path, &error))
            }
            _ => Ok(()),
        }
    }
}
