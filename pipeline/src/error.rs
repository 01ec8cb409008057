//! What can go wrong in the control plane, with its ASL error name and a hint.

/// A control plane's error.
#[derive(Debug, thiserror::Error)]
pub enum PipelineError {
    /// Another process embeds the control plane on this home.
    #[error(
        "the data folder {home} is in use by process {pid}; wait for it, stop it, or give another folder with DLT_HOME"
    )]
    HomeLocked {
        /// The folder.
        home: String,
        /// Who holds it.
        pid: u32,
    },
    /// Anything else, as a sentence.
    #[error("{0}")]
    Other(String),
}
