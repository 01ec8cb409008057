//! The workflow file's language: the subset of the Amazon States Language that
//! decision 7 allows. A field that we do not know is a load error, since an
//! interpreter that skips what it does not know runs another workflow than
//! Step Functions does. Running it is `machine`'s job.

use crate::workflow::choice::Rule;
use crate::workflow::jsonpath::Path;
use crate::workflow::template::Template;
use serde::{Deserialize, Deserializer};
use std::collections::{BTreeMap, BTreeSet};

/// Longest state name that Step Functions takes, characters.
const LONGEST_STATE_NAME: usize = 80;

/// States by name.
pub type States = BTreeMap<String, State>;

/// A workflow.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "PascalCase")]
pub struct Definition {
    /// For people.
    pub comment: Option<String>,
    /// Its first state.
    pub start_at: String,
    /// Its states.
    pub states: States,
}

/// One state.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(tag = "Type")]
pub enum State {
    /// Calls a function.
    Task(Task),
    /// Goes one of several ways.
    Choice(Choice),
    /// Lets time pass.
    Wait(Wait),
    /// Runs a nested workflow for each item.
    Map(Box<Map>),
    /// Passes its input on, or a constant.
    Pass(Pass),
    /// Ends well.
    Succeed(Succeed),
    /// Ends badly.
    Fail(Fail),
}

fn whole() -> Option<Path> {
    Some(Path::whole())
}

fn path<'de, D: Deserializer<'de>>(from: D) -> Result<Option<Path>, D::Error> {
    Option::<String>::deserialize(from)?
        .map(|text| Path::parse(&text).map_err(serde::de::Error::custom))
        .transpose()
}

fn needed_path<'de, D: Deserializer<'de>>(from: D) -> Result<Path, D::Error> {
    Path::parse(&String::deserialize(from)?).map_err(serde::de::Error::custom)
}

/// Calls a function.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "PascalCase")]
pub struct Task {
    /// For people.
    pub comment: Option<String>,
    /// The function: a placeholder that DefinitionSubstitutions fills on AWS.
    pub resource: String,
    /// Part of the input that counts; `null` is nothing.
    #[serde(default = "whole", deserialize_with = "path")]
    pub input_path: Option<Path>,
    /// What the function is given.
    pub parameters: Option<Template>,
    /// What of its answer is kept.
    pub result_selector: Option<Template>,
    /// Where in the input its answer goes; `null` drops it.
    #[serde(default = "whole", deserialize_with = "path")]
    pub result_path: Option<Path>,
    /// Part that is passed on; `null` is nothing.
    #[serde(default = "whole", deserialize_with = "path")]
    pub output_path: Option<Path>,
    /// How long it may take, seconds.
    pub timeout_seconds: Option<u64>,
    /// When to try again.
    #[serde(default)]
    pub retry: Vec<Retrier>,
    /// Where to go when it fails.
    #[serde(default)]
    pub catch: Vec<Catcher>,
    /// Which state follows.
    pub next: Option<String>,
    /// None follows.
    #[serde(default)]
    pub end: bool,
}

/// Goes one of several ways.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "PascalCase")]
pub struct Choice {
    /// For people.
    pub comment: Option<String>,
    /// The first rule that holds decides.
    pub choices: Vec<Rule>,
    /// Else this way.
    pub default: Option<String>,
}

/// Lets time pass.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "PascalCase")]
pub struct Wait {
    /// For people.
    pub comment: Option<String>,
    /// Where the whole number of seconds stands.
    #[serde(deserialize_with = "needed_path")]
    pub seconds_path: Path,
    /// Which state follows.
    pub next: Option<String>,
    /// None follows.
    #[serde(default)]
    pub end: bool,
}

/// Runs a nested workflow for each item of a list.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "PascalCase")]
pub struct Map {
    /// For people.
    pub comment: Option<String>,
    /// Part of the input that counts; `null` is nothing.
    #[serde(default = "whole", deserialize_with = "path")]
    pub input_path: Option<Path>,
    /// Where the list stands.
    #[serde(default = "whole", deserialize_with = "path")]
    pub items_path: Option<Path>,
    /// What each nested workflow is given; the item itself if absent.
    pub item_selector: Option<Template>,
    /// The nested workflow.
    pub item_processor: ItemProcessor,
    /// How many at once; 0 is all.
    #[serde(default)]
    pub max_concurrency: u64,
    /// What of the list of answers is kept.
    pub result_selector: Option<Template>,
    /// Where in the input it goes; `null` drops it.
    #[serde(default = "whole", deserialize_with = "path")]
    pub result_path: Option<Path>,
    /// Part that is passed on; `null` is nothing.
    #[serde(default = "whole", deserialize_with = "path")]
    pub output_path: Option<Path>,
    /// When to try again, from the start.
    #[serde(default)]
    pub retry: Vec<Retrier>,
    /// Where to go when one item fails.
    #[serde(default)]
    pub catch: Vec<Catcher>,
    /// Which state follows.
    pub next: Option<String>,
    /// None follows.
    #[serde(default)]
    pub end: bool,
}

/// A nested workflow.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "PascalCase")]
pub struct ItemProcessor {
    /// How it runs.
    pub processor_config: Option<ProcessorConfig>,
    /// Its first state.
    pub start_at: String,
    /// Its states.
    pub states: States,
}

/// How a nested workflow runs.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "PascalCase")]
pub struct ProcessorConfig {
    /// Only within this execution.
    pub mode: ProcessorMode,
}

/// Where a nested workflow runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
pub enum ProcessorMode {
    /// Within this execution.
    #[serde(rename = "INLINE")]
    Inline,
}

/// Passes its input on, or a constant.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "PascalCase")]
pub struct Pass {
    /// For people.
    pub comment: Option<String>,
    /// Part of the input that counts; `null` is nothing.
    #[serde(default = "whole", deserialize_with = "path")]
    pub input_path: Option<Path>,
    /// The constant.
    pub result: Option<serde_json::Value>,
    /// What it makes of its input.
    pub parameters: Option<Template>,
    /// Where in the input it goes; `null` drops it.
    #[serde(default = "whole", deserialize_with = "path")]
    pub result_path: Option<Path>,
    /// Part that is passed on; `null` is nothing.
    #[serde(default = "whole", deserialize_with = "path")]
    pub output_path: Option<Path>,
    /// Which state follows.
    pub next: Option<String>,
    /// None follows.
    #[serde(default)]
    pub end: bool,
}

/// Ends well; its output is its input.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "PascalCase")]
pub struct Succeed {
    /// For people.
    pub comment: Option<String>,
}

/// Ends badly.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "PascalCase")]
pub struct Fail {
    /// For people.
    pub comment: Option<String>,
    /// The error's name.
    pub error: Option<String>,
    /// Why.
    pub cause: Option<String>,
    /// Where the reason stands.
    #[serde(default, deserialize_with = "path")]
    pub cause_path: Option<Path>,
}

/// When to try again.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "PascalCase")]
pub struct Retrier {
    /// For people.
    pub comment: Option<String>,
    /// After which errors.
    pub error_equals: Vec<String>,
    /// Seconds before the first new try.
    #[serde(default = "one_second")]
    pub interval_seconds: u64,
    /// By what the wait grows.
    #[serde(default = "twice")]
    pub backoff_rate: f64,
    /// New tries.
    #[serde(default = "three")]
    pub max_attempts: u32,
    /// Longest wait, seconds.
    pub max_delay_seconds: Option<u64>,
    /// Whether waits are spread at random.
    #[serde(default)]
    pub jitter_strategy: Jitter,
}

fn one_second() -> u64 {
    1
}
fn twice() -> f64 {
    2.0
}
fn three() -> u32 {
    3
}

/// Whether waits are spread at random.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "UPPERCASE")]
pub enum Jitter {
    /// Evenly between nothing and the wait.
    Full,
    /// Not at all.
    #[default]
    None,
}

/// Where to go when a state fails.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "PascalCase")]
pub struct Catcher {
    /// For people.
    pub comment: Option<String>,
    /// After which errors.
    pub error_equals: Vec<String>,
    /// Where in the input `{Error, Cause}` goes.
    #[serde(default = "whole", deserialize_with = "path")]
    pub result_path: Option<Path>,
    /// Which state follows.
    pub next: String,
}

/// Why a workflow file cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum DefinitionError {
    /// Not JSON, an unknown field, a path that is none.
    #[error("workflow file: {0}")]
    Json(#[from] serde_json::Error),
    /// A rule between states is broken.
    #[error("workflow file, state {state:?}: {reason}")]
    State {
        /// Which state.
        state: String,
        /// What is wrong.
        reason: String,
    },
}

impl Definition {
    /// Reads and checks a workflow file.
    pub fn parse(text: &str) -> Result<Self, DefinitionError> {
        let definition: Self = serde_json::from_str(text)?;
        check_states(&definition.start_at, &definition.states)?;
        Ok(definition)
    }

    /// Every error name that a Retry or Catch waits for.
    pub fn error_names(&self) -> BTreeSet<String> {
        let mut names = BTreeSet::new();
        visit(&self.states, &mut |state| {
            let (retry, catch) = handlers(state);
            for list in retry.iter().map(|retrier| &retrier.error_equals) {
                names.extend(list.iter().cloned());
            }
            for list in catch.iter().map(|catcher| &catcher.error_equals) {
                names.extend(list.iter().cloned());
            }
        });
        names
    }

    /// Every function that a Task calls.
    pub fn resources(&self) -> BTreeSet<String> {
        let mut names = BTreeSet::new();
        visit(&self.states, &mut |state| {
            if let State::Task(task) = state {
                names.insert(task.resource.clone());
            }
        });
        names
    }
}

fn visit(states: &States, see: &mut dyn FnMut(&State)) {
    for state in states.values() {
        see(state);
        if let State::Map(map) = state {
            visit(&map.item_processor.states, see);
        }
    }
}

/// A state's Retry and Catch.
pub fn handlers(state: &State) -> (&[Retrier], &[Catcher]) {
    match state {
        State::Task(task) => (&task.retry, &task.catch),
        State::Map(map) => (&map.retry, &map.catch),
        _ => (&[], &[]),
    }
}

/// Where a state leads: its `Next`, and whether it may do without.
fn exit(state: &State) -> Option<(Option<&String>, bool)> {
    match state {
        State::Task(task) => Some((task.next.as_ref(), task.end)),
        State::Wait(wait) => Some((wait.next.as_ref(), wait.end)),
        State::Map(map) => Some((map.next.as_ref(), map.end)),
        State::Pass(pass) => Some((pass.next.as_ref(), pass.end)),
        State::Choice(_) | State::Succeed(_) | State::Fail(_) => None,
    }
}

fn targets(state: &State) -> Vec<&String> {
    let mut targets: Vec<&String> = exit(state).and_then(|(next, _)| next).into_iter().collect();
    if let State::Choice(choice) = state {
        targets.extend(choice.choices.iter().map(|rule| &rule.next));
        targets.extend(&choice.default);
    }
    targets.extend(handlers(state).1.iter().map(|catcher| &catcher.next));
    targets
}

fn check_states(start_at: &str, states: &States) -> Result<(), DefinitionError> {
    let fault = |state: &str, reason: String| DefinitionError::State {
        state: state.to_owned(),
        reason,
    };
    if !states.contains_key(start_at) {
        return Err(fault(start_at, "StartAt names no state".to_owned()));
    }
    let mut reached = BTreeSet::from([start_at]);
    for (name, state) in states {
        check_state(name, state).map_err(|reason| fault(name, reason))?;
        for target in targets(state) {
            if !states.contains_key(target) {
                return Err(fault(
                    name,
                    format!("leads to {target:?}, which is no state"),
                ));
            }
            reached.insert(target);
        }
    }
    match states.keys().find(|name| !reached.contains(name.as_str())) {
        Some(name) => Err(fault(name, "no state leads here".to_owned())),
        None => Ok(()),
    }
}

fn check_state(name: &str, state: &State) -> Result<(), String> {
    if name.chars().count() > LONGEST_STATE_NAME {
        return Err(format!(
            "a name has at most {LONGEST_STATE_NAME} characters"
        ));
    }
    if let Some((next, end)) = exit(state)
        && next.is_some() == end
    {
        return Err("needs either Next or End: true".to_owned());
    }
    let (retry, catch) = handlers(state);
    check_names(retry.iter().map(|retrier| &retrier.error_equals))?;
    check_names(catch.iter().map(|catcher| &catcher.error_equals))?;
    match state {
        State::Task(_) if retry.is_empty() => Err("a Task needs Retry".to_owned()),
        State::Task(_) if catch.is_empty() => Err("a Task needs Catch".to_owned()),
        State::Choice(choice) if choice.choices.is_empty() => {
            Err("a Choice needs Choices".to_owned())
        }
        State::Fail(fail) if fail.cause.is_some() && fail.cause_path.is_some() => {
            Err("a Fail takes Cause or CausePath, not both".to_owned())
        }
        State::Map(map) => check_states(&map.item_processor.start_at, &map.item_processor.states)
            .map_err(|error| error.to_string()),
        _ => Ok(()),
    }
}

/// `States.ALL` stands alone and last, as Step Functions demands.
fn check_names<'a>(lists: impl ExactSizeIterator<Item = &'a Vec<String>>) -> Result<(), String> {
    let last = lists.len();
    for (at, list) in lists.enumerate() {
        let all = list.iter().any(|name| name == "States.ALL");
        if list.is_empty() || all && (list.len() > 1 || at + 1 < last) {
            return Err("ErrorEquals names errors; States.ALL stands alone and last".to_owned());
        }
    }
    Ok(())
}

#[cfg(test)]
#[path = "definition_tests.rs"]
mod tests;
