//! The lock of a data folder: one process embeds the control plane at a time.
//! The system lets go of it when that process ends, however it ends.

use crate::error::PipelineError;
use std::fs::{File, OpenOptions, TryLockError};
use std::io::{Read, Seek, SeekFrom, Write};
use std::path::Path;

/// The lock, held as long as this lives.
#[derive(Debug)]
pub struct HomeLock {
    _file: File,
}

impl HomeLock {
    /// Takes the folder's lock, or says who holds it.
    pub fn take(home: &Path) -> Result<Self, PipelineError> {
        let path = home.join("lock");
        let fault = |error: std::io::Error| PipelineError::file(&path, error);
        let mut file = OpenOptions::new()
            .read(true)
            .write(true)
            .create(true)
            .truncate(false)
            .open(&path)
            .map_err(fault)?;
        match file.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => {
                let mut text = String::new();
                // The holder may be writing its number just now.
                let _ = file.take(16).read_to_string(&mut text);
                return Err(PipelineError::HomeLocked {
                    home: home.display().to_string(),
                    pid: text.trim().parse().unwrap_or(0),
                });
            }
            Err(TryLockError::Error(error)) => return Err(fault(error)),
        }
        file.set_len(0)
            .and_then(|()| file.seek(SeekFrom::Start(0)))
            .and_then(|_| writeln!(file, "{}", std::process::id()))
            .map_err(fault)?;
        Ok(Self { _file: file })
    }
}
