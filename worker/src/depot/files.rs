//! A folder as depot. Knows nothing of what the objects mean.

use super::{DepotError, LARGEST_OBJECT_BYTES};
use std::fs::File;
use std::io::{ErrorKind, Read, Write};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};

/// Names temporary files apart within this process.
static NEXT: AtomicU64 = AtomicU64::new(0);

/// A folder whose files are objects.
#[derive(Debug, Clone)]
pub struct Files {
    folder: PathBuf,
}

impl Files {
    pub(super) fn new(folder: PathBuf) -> Self {
        Self { folder }
    }

    pub(super) fn fetch(&self, key: &str) -> Result<Option<Vec<u8>>, DepotError> {
        let path = self.path(key)?;
        let failed = |source| DepotError::Io {
            what: "fetch",
            key: key.to_owned(),
            source,
        };
        let file = match File::open(path) {
            Ok(file) => file,
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(failed(error)),
        };
        let mut bytes = Vec::new();
        file.take(LARGEST_OBJECT_BYTES + 1)
            .read_to_end(&mut bytes)
            .map_err(failed)?;
        if bytes.len() as u64 > LARGEST_OBJECT_BYTES {
            return Err(DepotError::TooLarge {
                key: key.to_owned(),
                bytes: bytes.len() as u64,
            });
        }
        Ok(Some(bytes))
    }

    /// Writes beside the object, then renames over it: nobody reads half, and
    /// what was renamed is on the disk before the name says so.
    pub(super) fn store(&self, key: &str, bytes: &[u8]) -> Result<(), DepotError> {
        let path = self.path(key)?;
        let failed = |source| DepotError::Io {
            what: "store",
            key: key.to_owned(),
            source,
        };
        let parent = path.parent().unwrap_or(&self.folder);
        std::fs::create_dir_all(parent).map_err(failed)?;
        let temporary = parent.join(format!(
            ".{}-{}.part",
            std::process::id(),
            NEXT.fetch_add(1, Ordering::Relaxed)
        ));
        let written = write_through(&temporary, bytes)
            .and_then(|()| std::fs::rename(&temporary, &path))
            .and_then(|()| File::open(parent)?.sync_all());
        if written.is_err() {
            // Gone already if the rename went through; nothing else to do.
            let _ = std::fs::remove_file(&temporary);
        }
        written.map_err(failed)
    }

    fn path(&self, key: &str) -> Result<PathBuf, DepotError> {
        let plain = |part: &str| !matches!(part, "" | "." | "..") && !part.contains('\0');
        if key.split('/').all(plain) {
            Ok(self.folder.join(key))
        } else {
            Err(DepotError::Key(key.to_owned()))
        }
    }
}

fn write_through(path: &Path, bytes: &[u8]) -> std::io::Result<()> {
    let mut file = File::create_new(path)?;
    file.write_all(bytes)?;
    file.sync_all()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_cannot_leave_the_folder() {
        let files = Files::new(PathBuf::from("/depot"));
        for bad in [
            "",
            "/etc/passwd",
            "../x",
            "a/../../x",
            "a//b",
            "a/./b",
            "a/",
        ] {
            assert!(files.path(bad).is_err(), "{bad}");
        }
        assert_eq!(
            files.path("results/a/b.xml").unwrap(),
            PathBuf::from("/depot/results/a/b.xml")
        );
    }

    /// Readers beside a writer see one whole version or another.
    #[test]
    fn nobody_reads_half_an_object() {
        let folder = tempfile::tempdir().unwrap();
        let files = Files::new(folder.path().to_owned());
        let version = |byte: u8| vec![byte; 200_000];
        files.store("a/object", &version(0)).unwrap();
        std::thread::scope(|scope| {
            let writer = scope.spawn(|| {
                for byte in 1..40 {
                    files.store("a/object", &version(byte)).unwrap();
                }
            });
            while !writer.is_finished() {
                let seen = files.fetch("a/object").unwrap().unwrap();
                assert_eq!(seen, version(seen[0]));
            }
        });
        assert_eq!(files.fetch("a/object").unwrap(), Some(version(39)));
        let left: Vec<_> = std::fs::read_dir(folder.path().join("a"))
            .unwrap()
            .map(|entry| entry.unwrap().file_name())
            .collect();
        assert_eq!(left, ["object"], "no temporary file is left");
    }
}
