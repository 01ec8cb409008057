//! A script in place of requests, whose it is, and how it comes.

use serde::{Deserialize, Serialize};

/// A script of a tool, which runs as it is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Script {
    /// Whose script it is.
    pub tool: Tool,
    /// The script, or an archive (`.zip`) that holds it; as `DataSource::path`.
    pub path: String,
    /// Which file of the archive is the script; None: the only one that can be.
    pub entry: Option<String>,
    /// Files that are put beside the script, under the last parts of their names.
    pub files: Vec<String>,
}

impl Script {
    /// Whether it is an archive of files.
    pub fn is_archive(&self) -> bool {
        is_archive(&self.path)
    }
}

/// How a scenario's script comes, as `fileType` says and runners are told (worker.md 3.1).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum FileType {
    /// There is none: requests.
    #[default]
    None,
    /// One file.
    Script,
    /// An archive.
    Zip,
}

impl FileType {
    /// Every one.
    pub const ALL: [Self; 3] = [Self::None, Self::Script, Self::Zip];

    /// Of a scenario with this script.
    pub fn of(script: Option<&Script>) -> Self {
        match script {
            None => Self::None,
            Some(script) if script.is_archive() => Self::Zip,
            Some(_) => Self::Script,
        }
    }

    /// As `fileType` and `FILE_TYPE` have it.
    pub fn name(self) -> &'static str {
        match self {
            Self::None => "none",
            Self::Script => "script",
            Self::Zip => "zip",
        }
    }
}

/// Whether a file is an archive, by its name.
pub fn is_archive(path: &str) -> bool {
    let ending = path.len().checked_sub(4).and_then(|at| path.get(at..));
    ending.is_some_and(|ending| ending.eq_ignore_ascii_case(".zip"))
}

/// A tool whose scripts are run as they are.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Tool {
    /// Apache JMeter: `.jmx`.
    Jmeter,
    /// Grafana k6: `.js`, `.ts`.
    K6,
    /// Locust: `.py`.
    Locust,
}

impl Tool {
    /// Every tool.
    pub const ALL: [Self; 3] = [Self::Jmeter, Self::K6, Self::Locust];

    /// As `testType` and `executor` have it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Jmeter => "jmeter",
            Self::K6 => "k6",
            Self::Locust => "locust",
        }
    }

    /// As people write it.
    pub fn title(self) -> &'static str {
        match self {
            Self::Jmeter => "JMeter",
            Self::K6 => "k6",
            Self::Locust => "Locust",
        }
    }

    /// The tool of that `testType`.
    pub fn parse(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|tool| tool.name() == name)
    }

    /// Endings of its scripts' names, without the dot.
    pub fn endings(self) -> &'static [&'static str] {
        match self {
            Self::Jmeter => &["jmx"],
            Self::K6 => &["js", "ts", "mjs"],
            Self::Locust => &["py"],
        }
    }

    /// The tool whose script a file is, by its name; None for others and for archives.
    pub fn of_file(path: &str) -> Option<Self> {
        let ending = path.rsplit_once('.')?.1.to_ascii_lowercase();
        Self::ALL
            .into_iter()
            .find(|tool| tool.endings().contains(&ending.as_str()))
    }
}
