//! Files that are whole or not there: written under a temporary name and renamed when they
//! are complete.

use crate::client::ClientError;
use std::path::{Path, PathBuf};

/// Suffix of a file that is being written.
pub const UNFINISHED: &str = ".dlt-part";

/// Writes a file under a temporary name and renames it when it is complete.
pub fn save(target: &Path, bytes: &[u8]) -> Result<(), ClientError> {
    let mut temporary = target.as_os_str().to_owned();
    temporary.push(UNFINISHED);
    let temporary = PathBuf::from(temporary);
    let written = std::fs::write(&temporary, bytes);
    let written = written.and_then(|()| std::fs::rename(&temporary, target));
    written.map_err(|error| {
        // It is incomplete; the first error is the one to tell.
        let _ = std::fs::remove_file(&temporary);
        fault(target, &error)
    })
}

/// A file that cannot be written.
pub fn fault(path: &Path, error: &std::io::Error) -> ClientError {
    ClientError::Unwritten(format!(
        "{} cannot be written: {error}; choose another place with -o",
        path.display()
    ))
}
