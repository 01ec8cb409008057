//! The report as XML: FinalStatus as Taurus writes it, so that its readers
//! work, then our elements.
//!
//! # The document
//! `FinalStatus` holds, in this order: `TestDuration` (seconds, one decimal),
//! a `Group` for each label, the `Group` of all samples with `label=""` last,
//! `TaskId`, `TaskCPU`, `TaskMemory`, `ECSDuration`, and `DltReport`, which
//! alone is read back. Times in groups are seconds with 5 decimals; every other
//! number is an integer, in the unit its name ends in.
//!
//! In groups a label is for show: the empty label is `[empty]`, as Taurus has
//! it, and characters that XML cannot carry are written as Rust escapes
//! (`\u{1}`). In `DltReport` the exact text is kept: where it holds such
//! characters, a second attribute `…64` carries it as base64 of its UTF-8
//! (`label="a\u{1}" label64="YQE="`), and that one counts.
//!
//! `DltReport` has the attribute `format`; a reader refuses a newer one and
//! skips unknown elements. Histograms are base64 of HdrHistogram
//! V2 with DEFLATE, the exact integers stand beside them as attributes.

mod groups;
mod pull;
mod read;
mod text;
mod write;

use super::Report;

/// Largest document that is read, bytes: 2,000 labels with dense histograms
/// are about 40 MB.
pub const LONGEST_REPORT_BYTES: usize = 128 * 1024 * 1024;

/// Why a text is not a report.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("report is unreadable: {0}")]
pub struct ReportError(pub String);

impl Report {
    /// The document, indented by two spaces a level.
    pub fn to_xml(&self) -> String {
        let mut out = text::Writer::default();
        groups::write(&mut out, self);
        write::write(&mut out, self);
        out.finish()
    }

    /// Reads a document of ours.
    pub fn from_xml(text: &str) -> Result<Self, ReportError> {
        read::read(text)
    }
}

#[cfg(test)]
mod tests;
