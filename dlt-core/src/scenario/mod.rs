//! A scenario: what to request, how hard, where, when; and all its faults at
//! once, each with its path. Files are read by the caller.

mod body;
pub(crate) mod document;
mod execution;
mod facts;
mod filled;
mod http_choice;
pub mod import;
pub mod kept;
pub mod limits;
mod names;
mod overrides;
mod passfail;
pub mod plan;
pub mod post;
mod quick;
mod region_document;
pub mod requests;
pub mod schedule;
pub mod secrets;
pub mod tags;
mod taurus;
mod test_scenario;
mod wire;

pub use execution::durations::{parse_duration, show_duration};
pub use overrides::Overrides;
pub use requests::labels::{cut_label, default_label};

pub use quick::{QUICK_DURATION, QUICK_NAME, QUICK_USERS, Quick, quick};

use crate::ids::{Region, TestId};
use crate::refusal::Faults;
use crate::target_policy::TargetPolicy;
use crate::thresholds::Threshold;
use crate::value::Value;
use document::notes::Notes;
use overrides::Properties;
use plan::Plan;
use taurus::Taurus;

/// A scenario, read and checked.
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
    /// Percent of a region's workers on spare capacity, where there is any: 0 to 100.
    pub spot: u8,
    /// `testTaskConfigs`, in order.
    pub tasks: Vec<TaskConfig>,
    /// What to request and how hard.
    pub plan: Plan,
    /// Conditions that a run must meet to pass.
    pub thresholds: Vec<Threshold>,
    /// `oneOff`: it makes no row in the list of scenarios.
    pub one_off: bool,
    /// `keep_exchanges: all`: all exchanges of its one iteration are kept for people.
    pub keep_exchanges: bool,
    /// Unknown keys and the like, as sentences.
    pub warnings: Vec<String>,
    /// What flags changed of the file, as sentences.
    pub changes: Vec<String>,
    /// The whole API body with every default filled in.
    pub body: Value,
}

/// How many runners in a region.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TaskConfig {
    /// The region that they run in.
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
    /// requires; true for `dlt run`, which shows what it runs.
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

/// Checks whether a named file can be used: its absolute path, or why not.
pub type FileCheck<'a> = &'a dyn Fn(&str) -> Result<String, String>;

/// What a scenario names that lies outside of it, and who says whether it may be used.
#[derive(Clone, Copy)]
pub struct Outside<'a> {
    files: FileCheck<'a>,
    targets: Option<&'a TargetPolicy>,
}

impl<'a> Outside<'a> {
    /// With these files. Targets are not judged: that was done, or will be done, by
    /// whoever sends the load there.
    pub fn files(files: FileCheck<'a>) -> Self {
        Self {
            files,
            targets: None,
        }
    }

    /// The same where targets are judged by a policy.
    pub fn with_targets(self, targets: &'a TargetPolicy) -> Self {
        Self {
            targets: Some(targets),
            ..self
        }
    }
}

/// What a scenario is read for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Purpose {
    /// To run it, now or by a schedule.
    Run,
    /// To keep or show it: that a variable has no value, or a function cannot be evaluated,
    /// is a warning.
    Keep,
}

impl Scenario {
    /// Reads a scenario file: every fault at once, or a scenario. A key that nothing is
    /// done with is a fault.
    pub fn from_text(
        text: &[u8],
        format: Format,
        defaults: &Defaults,
        outside: Outside<'_>,
        purpose: Purpose,
    ) -> Result<Self, Faults> {
        let nothing = Overrides::default();
        Self::from_file(text, format, &nothing, (defaults, outside), purpose)
    }

    /// As `from_text`, after flags and the environment changed what they may change.
    pub fn from_file(
        text: &[u8],
        format: Format,
        overrides: &Overrides,
        (defaults, outside): (&Defaults, Outside<'_>),
        purpose: Purpose,
    ) -> Result<Self, Faults> {
        let mut notes = Notes::of_file().for_purpose(purpose);
        let mut raw = match document::raw::read(text, format) {
            Ok((raw, twice)) => {
                for fault in twice {
                    notes.fault(fault.path, fault.reason);
                }
                raw
            }
            Err(fault) => return Err(Faults(vec![fault])),
        };
        let mut taurus = Taurus::adapt(&mut raw);
        let none = Properties::default();
        let declared = taurus.as_ref().map_or(&none, |taurus| &taurus.properties);
        let put_in = overrides.put_in_properties(&mut raw, declared);
        if let Some(taurus) = &mut taurus {
            taurus.loads(&mut raw);
        }
        let changes = overrides.apply(&mut raw, put_in);
        for fault in &changes.faults {
            notes.fault(&fault.path, &fault.reason);
        }
        let read = match Self::from_raw(&raw, defaults, outside, notes) {
            Ok(mut scenario) => {
                scenario.changes = changes.sentences();
                scenario.warnings.extend(changes.unused);
                Ok(scenario)
            }
            Err(Faults(mut faults)) => {
                changes.drop_what_follows(&mut faults);
                for fault in &mut faults {
                    changes.with_flag(fault);
                }
                Err(Faults(faults))
            }
        };
        match taurus {
            Some(taurus) => taurus.told(read),
            None => read,
        }
    }

    /// Reads a body of the API: every fault at once, or a scenario. A key that nothing is
    /// done with is a warning.
    pub fn from_value(
        raw: &Value,
        defaults: &Defaults,
        outside: Outside<'_>,
        purpose: Purpose,
    ) -> Result<Self, Faults> {
        let notes = Notes::default().for_purpose(purpose);
        Self::from_raw(raw, defaults, outside, notes)
    }

    fn from_raw(
        raw: &Value,
        defaults: &Defaults,
        outside: Outside<'_>,
        mut notes: Notes,
    ) -> Result<Self, Faults> {
        let raw = kept::without_entry(raw);
        notes.targets = outside.targets.cloned();
        let scenario = body::body(&raw, defaults, outside.files, &mut notes);
        let (scenario, warnings) = notes.into_result(scenario)?;
        Ok(Self {
            warnings,
            ..scenario
        })
    }
}

#[cfg(test)]
mod blocks_tests;
#[cfg(test)]
mod documented_tests;
#[cfg(test)]
mod once_tests;
#[cfg(test)]
mod streams_tests;
#[cfg(test)]
mod tests;

#[cfg(test)]
mod deep;

#[cfg(test)]
mod as_written;

#[cfg(test)]
mod malformed;

#[cfg(test)]
mod properties;

#[cfg(test)]
mod targets_tests;
