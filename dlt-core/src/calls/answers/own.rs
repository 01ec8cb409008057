//! What dlt answers beyond the contract (decision 21): parts of a run, files of
//! a scenario, live data.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// GET …/errors: the run's failures by cause, most frequent first.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct ErrorsAnswer {
    /// Rows.
    pub errors: Vec<crate::judge::summary::ErrorRow>,
}

/// GET …/artifacts: what a run left in the bucket.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct ArtifactsAnswer {
    /// Rows, by name.
    pub artifacts: Vec<Artifact>,
}

/// An object of a run.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Artifact {
    /// File name; `…/artifacts?name=` answers its bytes.
    pub name: String,
    /// Key in the bucket.
    pub key: String,
    /// Its size.
    pub bytes: u64,
}

/// Which samples a histogram is over (`of`).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Samples {
    /// Those that ended ok.
    #[default]
    Ok,
    /// Those that failed.
    Failed,
    /// All.
    All,
}

impl Samples {
    /// Every value with its word on the wire.
    pub const NAMES: [(&'static str, Self); 3] = [
        ("ok", Self::Ok),
        ("failed", Self::Failed),
        ("all", Self::All),
    ];

    /// The word on the wire.
    pub fn name(self) -> &'static str {
        match self {
            Self::Ok => "ok",
            Self::Failed => "failed",
            Self::All => "all",
        }
    }

    /// What an answer without `of` is over: all samples, since an older dlt wrote it.
    pub fn before() -> Self {
        Self::All
    }
}

/// GET …/histogram: an exact merged distribution.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct HistogramAnswer {
    /// Which samples it is over; `all` where `ok` was not asked for by name and the
    /// run is one of an older dlt, which did not keep failed samples apart.
    #[serde(default = "Samples::before")]
    pub of: Samples,
    /// The label, or none for all requests.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub label: Option<String>,
    /// The region, or none for all.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub region: Option<String>,
    /// Count, extremes, mean and percentiles, µs.
    pub distribution: crate::judge::summary::Distribution,
    /// `[lowest_us, highest_us, count]` of each occupied bucket, rising: values
    /// in it are known to 3 significant digits.
    pub buckets: Vec<(u64, u64, u64)>,
    /// Longer than an hour, counted apart.
    pub over_hour: u64,
}

/// Files of a scenario: what was uploaded, or where to upload.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct FilesAnswer {
    /// Rows, by name.
    pub files: Vec<Artifact>,
}

/// POST …/files: where and how to send the bytes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct UploadAnswer {
    /// File name.
    pub name: String,
    /// Key in the bucket.
    pub key: String,
    /// Absolute on AWS (presigned); at home a path under the API's base.
    pub url: String,
    /// Method.
    pub method: String,
}
