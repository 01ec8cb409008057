//! Keeps a data folder its owner's: scenarios and runs hold credentials. A folder that is
//! made gets mode 0700; the mode of one that was there before is its owner's choice, so
//! what dlt keeps in it is closed instead, and that is told.

use crate::store::folders;
use crate::store::sqlite::Database;
use std::fs::{self, Permissions};
use std::io::ErrorKind;
use std::os::unix::fs::{OpenOptionsExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};

/// The folders of a data folder that are dlt's own, with all that is in them.
const FOLDERS: [&str; 2] = ["objects", "runs"];
/// Its files beside the database.
const FILES: [&str; 2] = ["lock", "server.json"];
/// What SQLite writes beside a database: with its mode, if it makes them.
const BESIDE_DATABASE: [&str; 2] = ["-wal", "-shm"];
/// The bits of everybody but the owner.
const OTHERS: u32 = 0o077;

/// Makes the data folder if it is not there, and closes to others what is dlt's in it. A
/// sentence if others may open the folder itself.
pub(super) fn make_private(dir: &Path) -> std::io::Result<Option<String>> {
    folders::make(dir)?;
    let mode = fs::metadata(dir)?.permissions().mode() & 0o7777;
    let mut is_closed = true;
    for folder in FOLDERS {
        let path = dir.join(folder);
        folders::make(&path)?;
        is_closed &= close(&path, 0o700)?;
    }
    let database = Database::path(dir);
    make_file(&database)?;
    for path in files(dir, &database) {
        is_closed &= close(&path, 0o600)?;
    }
    let others = mode & OTHERS != 0;
    Ok(others.then(|| {
        let rest = match is_closed {
            true => "what dlt keeps in it is closed to them (0600)",
            false => "what dlt keeps in it could not be closed to them, since it is another user's",
        };
        format!(
            "other users of this machine may open the data folder {} (mode {mode:04o}); {rest}; \
             chmod 700 closes the folder, too",
            dir.display()
        )
    }))
}

fn files(dir: &Path, database: &Path) -> Vec<PathBuf> {
    let mut files: Vec<PathBuf> = FILES.iter().map(|name| dir.join(name)).collect();
    files.push(database.to_owned());
    for end in BESIDE_DATABASE {
        let mut path = database.as_os_str().to_owned();
        path.push(end);
        files.push(path.into());
    }
    files
}

/// An empty database is a new one to SQLite, which would make it readable for all. One
/// that is there is not opened: closing it would end the locks of this process on it.
fn make_file(path: &Path) -> std::io::Result<()> {
    let mut options = fs::OpenOptions::new();
    match options.write(true).create_new(true).mode(0o600).open(path) {
        Err(error) if error.kind() == ErrorKind::AlreadyExists => Ok(()),
        other => other.map(drop),
    }
}

/// Takes the rights of others away; whether they have none now.
fn close(path: &Path, mode: u32) -> std::io::Result<bool> {
    let about = match fs::symlink_metadata(path) {
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(true),
        about => about?,
    };
    // A link is the owner's choice, as the folder's mode is.
    if about.is_symlink() || about.permissions().mode() & OTHERS == 0 {
        return Ok(true);
    }
    match fs::set_permissions(path, Permissions::from_mode(mode)) {
        Err(error) if error.kind() == ErrorKind::PermissionDenied => Ok(false),
        other => other.map(|()| true),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn mode(path: &Path) -> u32 {
        fs::metadata(path).unwrap().permissions().mode() & 0o777
    }

    #[test]
    fn a_new_folder_is_its_owners_alone() {
        let folder = tempfile::tempdir().unwrap();
        let dir = folder.path().join("deep").join("data");
        assert_eq!(make_private(&dir).unwrap(), None);
        assert_eq!(mode(&dir), 0o700);
        assert_eq!(mode(&Database::path(&dir)), 0o600);
        // Opened again, nothing is changed.
        assert_eq!(make_private(&dir).unwrap(), None);
    }

    #[test]
    fn what_is_dlts_in_an_open_folder_is_closed_and_that_is_told() {
        let folder = tempfile::tempdir().unwrap();
        let dir = folder.path();
        fs::set_permissions(dir, Permissions::from_mode(0o755)).unwrap();
        let ours = [
            "dlt.sqlite",
            "dlt.sqlite-wal",
            "dlt.sqlite-shm",
            "lock",
            "server.json",
        ];
        for name in ours.iter().chain(&["theirs.txt"]) {
            fs::write(dir.join(name), b"").unwrap();
            fs::set_permissions(dir.join(name), Permissions::from_mode(0o644)).unwrap();
        }
        fs::create_dir(dir.join("objects")).unwrap();
        fs::set_permissions(dir.join("objects"), Permissions::from_mode(0o755)).unwrap();
        let told = make_private(dir).unwrap().unwrap();
        assert!(
            told.contains("mode 0755") && told.contains("chmod 700"),
            "{told}"
        );
        for name in ours {
            assert_eq!(mode(&dir.join(name)), 0o600, "{name}");
        }
        assert_eq!(mode(&dir.join("objects")), 0o700);
        assert_eq!(mode(&dir.join("runs")), 0o700);
        // The folder, and what else is in it, is not dlt's to change.
        assert_eq!(mode(dir), 0o755);
        assert_eq!(mode(&dir.join("theirs.txt")), 0o644);
    }
}
