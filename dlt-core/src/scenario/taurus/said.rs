//! What is told of a Taurus file: each kind of thing once, with the first place and how many
//! more there are, under the paths of the file as it was written.

use crate::refusal::Fault;
use crate::scenario::limits::{MOST_FAULTS, MOST_WARNINGS};
use std::collections::BTreeSet;

/// Faults and warnings of a Taurus file, and where its parts stand now.
#[derive(Debug, Default)]
pub(crate) struct Said {
    faults: Vec<Fault>,
    warnings: Vec<(String, String)>,
    /// Where a part stands now, and where it was written.
    moved: Vec<(String, String)>,
}

impl Said {
    /// Notes what would not happen.
    pub fn fault(&mut self, path: impl Into<String>, reason: impl Into<String>) {
        let fault = Fault {
            path: path.into(),
            reason: reason.into(),
        };
        if self.faults.len() < MOST_FAULTS {
            self.faults.push(fault);
        }
    }

    /// Notes what is done otherwise, or not at all, while the numbers stay what they are.
    pub fn warn(&mut self, path: impl Into<String>, reason: impl Into<String>) {
        if self.warnings.len() < MOST_FAULTS {
            self.warnings.push((path.into(), reason.into()));
        }
    }

    /// Remembers that what stands at `now` was written at `written`.
    pub fn moved(&mut self, now: impl Into<String>, written: impl Into<String>) {
        self.moved.push((now.into(), written.into()));
    }

    /// A path, or a sentence that begins with one, as it was written.
    fn as_written(&self, text: &str) -> String {
        let once = match self.back(text) {
            Some(written) => written,
            None => text
                .strip_prefix("testScenario.")
                .unwrap_or(text)
                .to_owned(),
        };
        // A part of what moved may have been written by another name.
        self.back(&once).unwrap_or(once)
    }

    /// The text with the longest part that moved put back.
    fn back(&self, text: &str) -> Option<String> {
        let longest = self.moved.iter().filter_map(|(now, written)| {
            let rest = text.strip_prefix(now.as_str())?;
            let is_whole = rest.is_empty() || rest.starts_with(['.', '[', ':']);
            is_whole.then_some((now.len(), format!("{written}{rest}")))
        });
        longest.max_by_key(|row| row.0).map(|row| row.1)
    }

    /// All faults, its own first.
    pub fn faults(&self, others: Vec<Fault>) -> Vec<Fault> {
        let others = others.into_iter().map(|fault| Fault {
            path: self.as_written(&fault.path),
            ..fault
        });
        let all = self.faults.iter().cloned().chain(others);
        let all = all.map(|fault| (fault.path, fault.reason));
        let once = once(all.collect());
        once.into_iter()
            .map(|(path, reason)| Fault { path, reason })
            .collect()
    }

    /// Whether it has faults of its own.
    pub fn has_faults(&self) -> bool {
        !self.faults.is_empty()
    }

    /// All warnings as sentences, its own first.
    pub fn warnings(&self, others: Vec<String>) -> Vec<String> {
        let own = once(self.warnings.clone()).into_iter();
        let own = own.map(|(path, reason)| format!("{path}: {reason}"));
        let mut all: Vec<String> = own.collect();
        for other in others {
            let other = self.as_written(&other);
            if !all.contains(&other) {
                all.push(other);
            }
        }
        all.truncate(MOST_WARNINGS);
        all
    }
}

/// Each reason once: at its first path, with the number of further ones.
fn once(all: Vec<(String, String)>) -> Vec<(String, String)> {
    let mut kept: Vec<(String, String, BTreeSet<String>)> = Vec::new();
    for (path, reason) in all {
        // What is missing is missing at each place; what is not done is so everywhere.
        let is_general = !reason.starts_with("is missing");
        let known = kept.iter_mut().find(|(first, known, _)| {
            *known == reason && (is_general && key_of(first) == key_of(&path) || *first == path)
        });
        match known {
            Some((first, _, more)) if *first != path => drop(more.insert(path)),
            Some(_) => {}
            None => kept.push((path, reason, BTreeSet::new())),
        }
    }
    kept.into_iter()
        .map(|(path, reason, more)| match more.len() {
            0 => (path, reason),
            1 => {
                let other = more.into_iter().next().unwrap_or_default();
                (path, format!("{reason} (and so is {other})"))
            }
            count => (path, format!("{reason} (and so at {count} more places)")),
        })
        .collect()
}

/// The last key of a path, without its place in a list.
fn key_of(path: &str) -> &str {
    let path = path.trim_end_matches(|c: char| c == ']' || c.is_ascii_digit());
    let path = path.strip_suffix('[').unwrap_or(path);
    path.rsplit('.').next().unwrap_or(path)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fault(path: &str, reason: &str) -> Fault {
        Fault {
            path: path.to_owned(),
            reason: reason.to_owned(),
        }
    }

    #[test]
    fn paths_are_those_of_the_file() {
        let mut said = Said::default();
        said.moved(
            "testScenario.scenarios.a.requests[1]",
            "scenarios.b.requests[0]",
        );
        said.moved("testScenario.scenarios.inline", "execution[0].scenario");
        said.moved(
            "scenarios.b.requests[0].form",
            "scenarios.b.requests[0].body",
        );
        for (now, written) in [
            (
                "testScenario.scenarios.a.requests[1].url",
                "scenarios.b.requests[0].url",
            ),
            (
                "testScenario.scenarios.a.requests[1].form.x",
                "scenarios.b.requests[0].body.x",
            ),
            (
                "testScenario.scenarios.a.requests[10].url",
                "scenarios.a.requests[10].url",
            ),
            (
                "testScenario.scenarios.inline.timeout",
                "execution[0].scenario.timeout",
            ),
            (
                "testScenario.scenarios.inline2.timeout",
                "scenarios.inline2.timeout",
            ),
            (
                "testScenario.execution[0].users: why",
                "execution[0].users: why",
            ),
            ("thresholds[0]", "thresholds[0]"),
        ] {
            assert_eq!(said.as_written(now), written);
        }
    }

    #[test]
    fn each_thing_is_told_once_with_its_other_places() {
        let mut said = Said::default();
        said.fault("scenarios.a.requests[0].if", "is not done");
        let others = vec![
            fault("testScenario.scenarios.a.requests[1].if", "is not done"),
            fault(
                "testScenario.scenarios.a.requests[2].url",
                "is missing: say it",
            ),
            fault(
                "testScenario.scenarios.a.requests[3].url",
                "is missing: say it",
            ),
            fault("testScenario.scenarios.b.requests[1].if", "is not done"),
            fault("testScenario.scenarios.b.requests[1].while", "is not done"),
        ];
        let told: Vec<String> = said
            .faults(others)
            .into_iter()
            .map(|fault| format!("{}: {}", fault.path, fault.reason))
            .collect();
        assert_eq!(
            told,
            [
                "scenarios.a.requests[0].if: is not done (and so at 2 more places)",
                "scenarios.a.requests[2].url: is missing: say it",
                "scenarios.a.requests[3].url: is missing: say it",
                "scenarios.b.requests[1].while: is not done",
            ]
        );
    }
}
