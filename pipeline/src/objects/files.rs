//! Objects at home: files below one folder, written beside and renamed, so
//! that nobody reads half an object. Objects that runners handed over because they
//! could not write them are held in memory, read from there, and written when that
//! works again.

use crate::error::PipelineError;
use crate::objects::{Access, Body, Listed, MOST_KEYS, Objects, Stored, Verb, body_of, is_key};
use crate::store::folders;
use async_trait::async_trait;
use std::collections::BTreeMap;
use std::fs;
use std::io::{ErrorKind, Read, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use tokio_stream::StreamExt as _;

/// Begins the name of a file that is being written; never a key's last part.
const UNFINISHED: &str = ".writing-";

/// Objects below a folder.
#[derive(Debug)]
pub struct FileObjects {
    folder: PathBuf,
    writes: AtomicU64,
    /// Objects that are still to be written.
    held: Mutex<BTreeMap<String, Vec<u8>>>,
}

impl FileObjects {
    /// Objects below `folder`, which is made when needed.
    pub fn new(folder: PathBuf) -> Self {
        Self {
            folder,
            writes: AtomicU64::new(0),
            held: Mutex::default(),
        }
    }

    /// Takes an object that its owner could not write; it is written with the next
    /// [`Objects::flush`].
    pub fn hold(&self, key: &str, bytes: Vec<u8>) {
        if is_key(key) {
            self.lock().insert(key.to_owned(), bytes);
        }
    }

    fn lock(&self) -> MutexGuard<'_, BTreeMap<String, Vec<u8>>> {
        self.held.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// An object that is held, where there is no file of it.
    fn held(&self, key: &str) -> Option<Stored> {
        let bytes = self.lock().get(key)?.clone();
        Some(Stored {
            bytes: bytes.len() as u64,
            body: body_of(bytes),
        })
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
        folders::make(folder)?;
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
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(self.held(key)),
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
        found.extend(self.lock().iter().map(|(key, bytes)| Listed {
            key: key.clone(),
            bytes: bytes.len() as u64,
        }));
        found.retain(|object| object.key.starts_with(prefix));
        found.sort();
        found.dedup_by(|a, b| a.key == b.key);
        Ok(found)
    }

    async fn delete(&self, key: &str) -> Result<(), PipelineError> {
        let path = self.path(key)?;
        self.lock().remove(key);
        match folders::remove_file(&self.folder, key) {
            Err(error) if error.kind() != ErrorKind::NotFound => {
                Err(PipelineError::file(&path, error))
            }
            _ => Ok(()),
        }
    }

    fn go_with_their_run(&self) -> bool {
        true
    }

    async fn flush(&self) -> Result<(), PipelineError> {
        loop {
            let next = self.lock().first_key_value().map(|(key, _)| key.clone());
            let Some(key) = next else {
                return Ok(());
            };
            let bytes = self.lock().get(&key).cloned();
            if let Some(bytes) = bytes
                && !self.path(&key)?.exists()
            {
                // Reports and timelines: no secrets.
                let write = self.write(&key, body_of(bytes), u64::MAX, Access::Home);
                write.await?;
            }
            self.lock().remove(&key);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::PermissionsExt as _;

    /// What an account can see of a folder must not depend on the umask of whoever made it.
    #[tokio::test]
    async fn objects_lie_in_folders_of_their_owner_and_links_lead_to_none() {
        let above = tempfile::tempdir().unwrap();
        let files = FileObjects::new(above.path().join("objects"));
        let put = files.write("results/x/1.xml", body_of(b"1".to_vec()), 9, Access::Home);
        put.await.unwrap();
        for folder in ["objects", "objects/results", "objects/results/x"] {
            let about = fs::metadata(above.path().join(folder)).unwrap();
            assert_eq!(about.permissions().mode() & 0o777, 0o700, "{folder}");
        }
        let precious = above.path().join("precious");
        fs::create_dir(&precious).unwrap();
        fs::write(precious.join("1.xml"), "kept").unwrap();
        std::os::unix::fs::symlink(&precious, above.path().join("objects/results/y")).unwrap();
        let why = files.delete("results/y/1.xml").await.unwrap_err();
        assert!(why.to_string().contains("is a link"), "{why}");
        assert!(precious.join("1.xml").exists());
        files.delete("results/x/1.xml").await.unwrap();
        // What is gone is deleted.
        files.delete("results/x/1.xml").await.unwrap();
        files.delete("none/x").await.unwrap();
        let empty = FileObjects::new(above.path().join("none"));
        empty.delete("none/x").await.unwrap();
    }

    #[tokio::test]
    async fn what_is_held_is_read_and_listed_until_it_is_written() {
        let folder = tempfile::tempdir().unwrap();
        let files = FileObjects::new(folder.path().join("objects"));
        let objects: &dyn Objects = &files;
        // A file where the folder would be: nothing can be written below it.
        let in_the_way = folder.path().join("objects");
        fs::write(&in_the_way, "").unwrap();
        files.hold("results/a/one.xml", b"1".to_vec());
        files.hold("../out", b"2".to_vec());
        assert!(objects.flush().await.is_err());
        assert!(objects.read("results/a/one.xml").await.is_err());
        fs::remove_file(&in_the_way).unwrap();
        let one = objects.get("results/a/one.xml").await.unwrap();
        assert_eq!(one.as_deref(), Some(&b"1"[..]));
        let listed = objects.list("results/").await.unwrap();
        assert_eq!(listed.len(), 1, "{listed:?}");
        objects.flush().await.unwrap();
        assert!(in_the_way.join("results/a/one.xml").is_file());
        assert_eq!(objects.list("results/").await.unwrap(), listed);
        assert!(!folder.path().join("out").exists());
        // One that is there stays as it is.
        files.hold("results/a/one.xml", b"other".to_vec());
        objects.flush().await.unwrap();
        let one = objects.get("results/a/one.xml").await.unwrap();
        assert_eq!(one.as_deref(), Some(&b"1"[..]));
    }
}
