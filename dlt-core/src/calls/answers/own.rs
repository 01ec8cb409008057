//! What dlt answers beyond the contract (decision 21): parts of a run, files of
//! a scenario, live data.

use super::runs::{ShortOutcome, TestRunSummary};
use crate::judge::outcome::Word;
use crate::judge::verdict::Trust;
use crate::load::changes::LoadChange;
use crate::measure::second::Second;
use crate::messages::order::Role;
use crate::messages::timeline::LabelSeries;
use crate::run::Status;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// How the last run of a scenario that has ended went, in its row.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct LastRun {
    /// Which.
    pub run_id: String,
    /// How it ended.
    pub word: Word,
    /// May one believe it; left out where nothing was measured.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub trust: Option<Trust>,
    /// 95 % of its ok answers came within this, µs; left out where there are none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub p95_us: Option<u64>,
    /// When it ended, `YYYY-MM-DD HH:MM:SS` UTC.
    pub at: String,
}

impl LastRun {
    /// Of a run's row; None while it goes on.
    pub fn of(row: &TestRunSummary) -> Option<Self> {
        let said = row.outcome.as_ref().map(ShortOutcome::said);
        Some(Self {
            run_id: row.test_run_id.clone(),
            word: match row.status {
                Status::Failed => Word::Failed,
                Status::Cancelled => said.unwrap_or(Word::Cancelled),
                Status::Complete => said.unwrap_or(Word::Finished),
                _ => return None,
            },
            trust: row.verdict.as_ref().map(|verdict| verdict.trust),
            p95_us: row.ok_times.as_ref().and_then(|times| times.p95_us),
            at: row.end_time.clone(),
        })
    }

    /// How many runs failed in a row with it, `before` it so many: one that passed or finished ends
    /// the row, one that was cancelled or is incomplete says nothing.
    pub fn failures_in_a_row(&self, before: u64) -> u64 {
        match self.word {
            Word::Failed => before + 1,
            Word::Passed | Word::Finished => 0,
            Word::Incomplete | Word::Cancelled => before,
        }
    }
}

/// GET …/timeline: the run second by second, or in longer stretches.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct TimelineAnswer {
    /// Version of the rows: since 2 `latency` is of ok samples.
    pub format: u32,
    /// The start instant, µs since the Unix epoch; 0 before it is known.
    pub start_at_us: u64,
    /// The second after the last one in which something happened; 0 where nothing did. The stretch
    /// that it lies in is shorter than the others.
    pub end_s: u64,
    /// All regions added, rising; empty in the first seconds of a run.
    pub total: Vec<Second>,
    /// By region.
    pub regions: BTreeMap<String, Vec<Second>>,
    /// The labels that were asked for, over all regions; none of a run in progress.
    pub labels: Vec<LabelSeries>,
}

/// GET …/runners.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct RunnersAnswer {
    /// By region, in the order of their launches.
    pub runners: Vec<RunnerItem>,
}

/// What a runner is doing, or did.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum RunnerWord {
    /// Launched, has said nothing yet.
    Starting,
    /// Waits for the start.
    Ready,
    /// Makes load.
    Loading,
    /// Makes load; its last second is late.
    Lagging,
    /// Its load is over.
    Finished,
    /// It is gone without a report.
    Lost,
}

/// A runner of a run; what is not known is left out.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct RunnerItem {
    /// Which.
    pub runner: String,
    /// Where.
    pub region: String,
    /// As what.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub role: Option<Role>,
    /// How far it is.
    pub state: RunnerWord,
    /// Its part of the planned load, percent; of a lost one what was left of its region's.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub share_pct: Option<f64>,
    /// Requests that came due on it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub scheduled: Option<u64>,
    /// Those of them that it dropped.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub dropped: Option<u64>,
    /// The last second of load that was heard of it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last_heard_s: Option<u64>,
    /// 99 % of its requests left no later than this after they were due, µs: of the last second
    /// while it loads, else of the whole load.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub lag_p99_us: Option<u64>,
    /// How late its first request left, µs.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub skew_us: Option<i64>,
    /// CPU time by time under load, percent of one core.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cpu_pct: Option<f64>,
    /// Most memory that it held, bytes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub memory_bytes: Option<u64>,
    /// How much it may hold, bytes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub memory_limit_bytes: Option<u64>,
    /// From where a target sees it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub public_address: Option<String>,
    /// How it was lost.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub lost: Option<String>,
}

/// A person's note on a run: the body and the answer of PUT …/note.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct RunNote {
    /// The text; empty where there is none.
    pub note: String,
}

/// What is asked of a load that goes on: the body of POST …/load. One of the two.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct LoadWish {
    /// The load as a multiple of the plan: 1.1 is ten percent more, 0 a pause, at most 10.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub factor: Option<f64>,
    /// Ends the load: requests in flight may finish, the result is whole.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub end: bool,
}

/// The answer of POST …/load.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct LoadChanges {
    /// All changes of the run so far, in the order of time; the last is the one asked for.
    pub changes: Vec<LoadChange>,
    /// Users that are made from the last change on, at the most: whole ones, so that a part of one is
    /// made as one. Absent where none is made, and in open load.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub users: Option<u64>,
}

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
    /// Where their keys are: `s3://BUCKET`, or at home a folder of the machine that serves.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub depot: String,
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
