//! A folder as depot: each object is a file. It knows nothing of what objects mean.

use super::{DepotError, LARGEST_OBJECT_BYTES};
use std::fs::File;
use std::io::{ErrorKind, Read, Write};
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};

/// Number of the next temporary file of this process.
static NEXT_TEMPORARY: AtomicU64 = AtomicU64::new(0);

/// A folder whose files are objects.
#[derive(Debug, Clone)]
pub struct Folder {
    path: PathBuf,
}

impl Folder {
    pub(super) fn new(path: PathBuf) -> Self {
        Self { path }
    }

    pub(super) fn fetch(&self, key: &str) -> Result<Option<Vec<u8>>, DepotError> {
        let path = self.path_of(key)?;
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

    /// Writes a temporary file, then renames it: a reader sees the old object or
    /// the new one. The bytes are on the disk before the name is.
    pub(super) fn store(&self, key: &str, bytes: &[u8]) -> Result<(), DepotError> {
        let path = self.path_of(key)?;
        let failed = |source| DepotError::Io {
            what: "store",
            key: key.to_owned(),
            source,
        };
        let parent = path.parent().unwrap_or(&self.path);
        // Of their owner alone, whatever the umask: what runs leave is nobody else's.
        let mut folders = std::fs::DirBuilder::new();
        let made = folders.recursive(true).mode(0o700).create(parent);
        made.map_err(failed)?;
        let temporary = parent.join(format!(
            ".{}-{}.part",
            std::process::id(),
            NEXT_TEMPORARY.fetch_add(1, Ordering::Relaxed)
        ));
        let written = write_synced(&temporary, bytes)
            .and_then(|()| std::fs::rename(&temporary, &path))
            .and_then(|()| File::open(parent)?.sync_all());
        if written.is_err() {
            // Fails if the file was renamed already: then nothing is left over.
            let _ = std::fs::remove_file(&temporary);
        }
        written.map_err(failed)
    }

    fn path_of(&self, key: &str) -> Result<PathBuf, DepotError> {
        let is_plain = |part: &str| !matches!(part, "" | "." | "..") && !part.contains('\0');
        if key.split('/').all(is_plain) {
            Ok(self.path.join(key))
        } else {
            Err(DepotError::Key(key.to_owned()))
        }
    }
}

fn write_synced(path: &Path, bytes: &[u8]) -> std::io::Result<()> {
    // Its owner's alone, as the control plane's files are.
    let mut options = File::options();
    let new = options.write(true).create_new(true).mode(0o600);
    let mut file = new.open(path)?;
    file.write_all(bytes)?;
    file.sync_all()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_cannot_leave_the_folder() {
        let folder = Folder::new(PathBuf::from("/depot"));
        for bad in [
            "",
            "/etc/passwd",
            "../x",
            "a/../../x",
            "a//b",
            "a/./b",
            "a/",
        ] {
            assert!(folder.path_of(bad).is_err(), "{bad}");
        }
        assert_eq!(
            folder.path_of("results/a/b.xml").unwrap(),
            PathBuf::from("/depot/results/a/b.xml")
        );
    }

    #[test]
    fn folders_are_their_owners_alone() {
        use std::os::unix::fs::PermissionsExt as _;
        let temporary = tempfile::tempdir().unwrap();
        let folder = Folder::new(temporary.path().join("depot"));
        folder.store("a/b/object", b"x").unwrap();
        for made in ["depot", "depot/a", "depot/a/b"] {
            let about = std::fs::metadata(temporary.path().join(made)).unwrap();
            assert_eq!(about.permissions().mode() & 0o777, 0o700, "{made}");
        }
    }

    /// Readers beside a writer see one whole version or another.
    #[test]
    fn no_reader_sees_half_an_object() {
        let temporary = tempfile::tempdir().unwrap();
        let folder = Folder::new(temporary.path().to_owned());
        let version = |byte: u8| vec![byte; 200_000];
        folder.store("a/object", &version(0)).unwrap();
        std::thread::scope(|scope| {
            let writer = scope.spawn(|| {
                for byte in 1..40 {
                    folder.store("a/object", &version(byte)).unwrap();
                }
            });
            while !writer.is_finished() {
                let seen = folder.fetch("a/object").unwrap().unwrap();
                assert_eq!(seen, version(seen[0]));
            }
        });
        assert_eq!(folder.fetch("a/object").unwrap(), Some(version(39)));
        let left: Vec<_> = std::fs::read_dir(temporary.path().join("a"))
            .unwrap()
            .map(|entry| entry.unwrap().file_name())
            .collect();
        assert_eq!(left, ["object"], "no temporary file is left");
    }
}
