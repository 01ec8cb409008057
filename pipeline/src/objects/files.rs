//! Objects at home: files below one folder, written beside and renamed, so
//! that nobody reads half an object.

use crate::error::PipelineError;
use crate::objects::{Access, Body, Listed, MOST_KEYS, Objects, Stored, Verb, is_key};
use async_trait::async_trait;
use std::fs;
use std::io::{ErrorKind, Read, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;
use tokio_stream::StreamExt as _;

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

/// Most bytes of a piece.
const PIECE_BYTES: usize = 256 * 1024;

/// A file's bytes; after an error none follow.
fn pieces(
    mut file: fs::File,
    path: PathBuf,
) -> impl Iterator<Item = Result<Vec<u8>, PipelineError>> {
    let mut over = false;
    std::iter::from_fn(move || {
        if over {
            return None;
        }
        let mut piece = vec![0; PIECE_BYTES];
        match file.read(&mut piece) {
            Ok(0) => None,
            Ok(count) => {
                piece.truncate(count);
                Some(Ok(piece))
            }
            Err(error) => {
                over = true;
                Some(Err(PipelineError::file(&path, error)))
            }
        }
    })
}

/// A new file for an object, its folder with it. It is the owner's alone, whoever may
/// use the home: scenarios hold credentials.
fn create(path: &Path) -> std::io::Result<fs::File> {
    if let Some(folder) = path.parent() {
        fs::create_dir_all(folder)?;
    }
    fs::OpenOptions::new()
        .write(true)
        .create(true)
        .truncate(true)
        .mode(0o600)
        .open(path)
}

#[async_trait]
impl Objects for FileObjects {
    async fn read(&self, key: &str) -> Result<Option<Stored>, PipelineError> {
        let path = self.path(key)?;
        let file = match fs::File::open(&path) {
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
            file => file.map_err(|error| PipelineError::file(&path, error))?,
        };
        let about = file.metadata();
        let bytes = about
            .map_err(|error| PipelineError::file(&path, error))?
            .len();
        let body = tokio_stream::iter(pieces(file, path));
        Ok(Some(Stored {
            bytes,
            body: Box::pin(body),
        }))
    }

    async fn write(
        &self,
        key: &str,
        mut body: Body,
        limit: u64,
        _: Access,
    ) -> Result<u64, PipelineError> {
        let path = self.path(key)?;
        let number = self.writes.fetch_add(1, Ordering::Relaxed);
        let beside = path.with_file_name(format!("{UNFINISHED}{}-{number}", std::process::id()));
        let written = async {
            let wrong = |error: std::io::Error| PipelineError::file(&path, error);
            let mut file = create(&beside).map_err(wrong)?;
            let mut bytes = 0;
            while let Some(piece) = body.next().await {
                let piece = piece?;
                bytes += piece.len() as u64;
                if bytes > limit {
                    let text = format!("{key} is longer than {limit} bytes and was not kept");
                    return Err(PipelineError::Input(text));
                }
                file.write_all(&piece).map_err(wrong)?;
            }
            // What is renamed must be there after a power cut too.
            file.sync_all().map_err(wrong)?;
            fs::rename(&beside, &path).map_err(wrong)?;
            Ok(bytes)
        };
        let written = written.await;
        if written.is_err() {
            // What is left of a failed write is nobody's object.
            let _ = fs::remove_file(&beside);
        }
        written
    }

    async fn link(&self, _: &str, _: Verb, _: Duration) -> Result<Option<String>, PipelineError> {
        Ok(None)
    }

    async fn list(&self, prefix: &str) -> Result<Vec<Listed>, PipelineError> {
        // The deepest folder that the prefix names for certain.
        let folder = match prefix.rsplit_once('/') {
            None => self.folder.clone(),
            Some((folder, _)) => self.path(folder)?,
        };
        let mut found = Vec::new();
        self.collect(&folder, &mut found)
            .map_err(|error| PipelineError::file(&folder, error))?;
        found.retain(|object| object.key.starts_with(prefix));
        found.sort();
        Ok(found)
    }

    async fn delete(&self, key: &str) -> Result<(), PipelineError> {
        let path = self.path(key)?;
        match fs::remove_file(&path) {
            Err(error) if error.kind() != ErrorKind::NotFound => {
                Err(PipelineError::file(&path, error))
            }
            _ => Ok(()),
        }
    }

    fn go_with_their_run(&self) -> bool {
        true
    }
}
