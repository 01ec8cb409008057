//! Scripts of JMeter, k6 and Locust: the real tool runs as it is, its samples are read as a stream
//! and become the same numbers as those of the engine. Times are the tool's own: no stamp of the
//! kernel reaches into it.
//!
//! `prepare` happens before the runner says that it is ready: files, the tool, what can be seen of
//! the script. `run` is one load; `started` its tool: it is up before the start instant, waits at its
//! gate, is let go, read, and ended. Rooms: `tools` (which are there), a room for each tool (`k6`,
//! `jmeter`, `locust`: its command line, its samples, its end), `launch` (what they share),
//! `process`, `archive`, `rows`, `shape` (the load in place of the script's), `sample` and
//! `recorder` (what a tool says, added up).

mod archive;
#[cfg(any(test, feature = "fuzz"))]
pub(crate) mod fuzz;
mod jmeter;
mod k6;
mod k6_api;
mod launch;
mod locust;
mod prepare;
mod process;
mod recorder;
mod rows;
mod run;
mod sample;
mod shape;
mod started;
pub mod tools;

pub use archive::tool_of_archive;
pub use prepare::{PreparedScript, ScriptFiles, file_fault, script_files};
pub use run::{ScriptLoad, ScriptResult, ScriptSpec, begin};

use std::net::{Ipv4Addr, TcpListener};

/// Why a script is not run.
#[derive(Debug, thiserror::Error)]
pub enum ScriptError {
    /// The tool is not there.
    #[error(transparent)]
    Tool(#[from] tools::NotFound),
    /// The script cannot be used.
    #[error("script {name} {why}")]
    Script {
        /// Its name.
        name: String,
        /// What is wrong, as the end of a sentence.
        why: String,
    },
    /// A file cannot be put beside it.
    #[error("file {name} of the script {why}")]
    File {
        /// Its name.
        name: String,
        /// What is wrong, as the end of a sentence.
        why: String,
    },
    /// The folder that it runs in cannot be written, or the like.
    #[error(
        "the script's folder cannot be used: {0}; look at the free space and the rights of the folder for temporary files (TMPDIR)"
    )]
    Folder(std::io::Error),
}

impl ScriptError {
    fn folder(error: std::io::Error) -> Self {
        Self::Folder(error)
    }
}

/// A port of this machine that nobody listens at.
fn free_port() -> Result<u16, ScriptError> {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).map_err(ScriptError::Folder)?;
    let address = listener.local_addr().map_err(ScriptError::Folder)?;
    Ok(address.port())
}
