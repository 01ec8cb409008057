//! A scenario: what to request, how hard, where, when; and all its faults at
//! once, each with its path. Files are read by the caller.

pub mod plan;
mod quick;

pub use quick::{QUICK_DURATION, QUICK_NAME, QUICK_USERS, Quick, quick};

use crate::ids::{Region, TestId};
use crate::outcome::Threshold;
use plan::Plan;
use serde_json::Value;

/// A scenario, understood.
#[derive(Debug, Clone, PartialEq)]
pub struct Scenario {
    /// Given by the body, or None.
    pub test_id: Option<TestId>,
    /// `testName`.
    pub name: String,
    /// `testDescription`.
    pub description: String,
    /// `showLive`.
    pub show_live: bool,
    /// Percent of runners that must be there, 0 to 100.
    pub healthy_threshold: u8,
    /// `testTaskConfigs`, in order.
    pub tasks: Vec<TaskConfig>,
    /// What to request and how hard.
    pub plan: Plan,
    /// When it passes.
    pub thresholds: Vec<Threshold>,
    /// Unknown keys and the like, as sentences.
    pub warnings: Vec<String>,
    /// The whole API body with every default filled in.
    pub body: Value,
}

/// How many runners in a region.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TaskConfig {
    /// Where.
    pub region: Region,
    /// Runners, at least 1.
    pub task_count: u64,
    /// Users per runner, when the load is given that way.
    pub concurrency: u64,
}

/// What fills the gaps of a scenario file.
#[derive(Debug, Clone)]
pub struct Defaults {
    /// Known regions with their capacity in runners; the first is the default.
    pub regions: Vec<(Region, u64)>,
    /// Runners when the file names none (`--tasks`).
    pub tasks: u64,
    /// Name when the file has none.
    pub name: String,
    /// `showLive` when the body has none: false for the API, as its contract
    /// says; true for `dlt run`, which shows what it runs.
    pub show_live: bool,
}

/// How a text is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Format {
    /// JSON.
    Json,
    /// YAML.
    Yaml,
}

/// Says whether a named file can be used: its absolute path, or why not.
pub type FileCheck<'a> = &'a dyn Fn(&str) -> Result<String, String>;

impl Scenario {
    /// Reads a scenario file or API body: every fault at once, or a scenario.
    pub fn from_text(
        _text: &[u8],
        _format: Format,
        _defaults: &Defaults,
        _files: FileCheck<'_>,
    ) -> Result<Self, Faults> {
        todo!("H3")
    }

    /// The document that a region's runners fetch: `testScenario` with that
    /// region's task count and users.
    pub fn region_document(&self, _region: &Region) -> Value {
        todo!("H3")
    }
}

impl Plan {
    /// Reads a region's document, as a runner fetched it.
    pub fn from_document(_document: &Value) -> Result<Self, Faults> {
        todo!("H3")
    }
}

/// One fault of a body: where, and what is wrong.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fault {
    /// Dotted, `[n]` for positions, `value` for the root.
    pub path: String,
    /// What is wrong and what is wanted.
    pub reason: String,
}

/// All faults of a body.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{}", self.0.iter().map(|fault| format!("{}: {}", fault.path, fault.reason)).collect::<Vec<_>>().join("; "))]
pub struct Faults(pub Vec<Fault>);
