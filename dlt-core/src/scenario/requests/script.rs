//! `scenarios.<name>` that is a script of JMeter, k6 or Locust: which file, what lies beside it, whose
//! rows are dealt over the runners. What the script does is the tool's; whose it is, where a name
//! does not tell, is `test_scenario`'s.

use super::Definition;
use super::data::data_sources;
use super::files::{file, file_at};
use super::variables::variables;
use crate::routing::Routing;
use crate::scenario::FileCheck;
use crate::scenario::document::notes::{Notes, Object};
use crate::scenario::document::shown::shown;
use crate::scenario::limits::{LONGEST_PATH, MOST_SCRIPT_FILES};
use crate::scenario::plan::{ConnectionPolicy, Flow, HttpChoice, Script, Tls, Tool, is_archive};

pub(crate) const KEYS: [&str; 5] = ["script", "entry", "files", "data-sources", "variables"];

/// A script, read; whose it is may not be known yet.
#[derive(Debug, Clone)]
pub(crate) struct ReadScript {
    pub tool: Option<Tool>,
    pub path: String,
    pub entry: Option<String>,
    pub files: Vec<String>,
}

impl ReadScript {
    /// As the plan has it, once its tool is known.
    pub fn planned(&self) -> Option<Script> {
        Some(Script {
            tool: self.tool?,
            path: self.path.clone(),
            entry: self.entry.clone(),
            files: self.files.clone(),
        })
    }
}

/// Reads a scenario that names a script.
pub(super) fn script(
    name: &str,
    object: &Object<'_>,
    files: FileCheck<'_>,
    notes: &mut Notes,
) -> Option<Definition> {
    // Those of requests are told below, by what they are.
    let known = [&KEYS[..], &super::SCENARIO_KEYS[..]].concat();
    object.allow_only(&known, &[], notes);
    for key in super::SCENARIO_KEYS {
        if object.has(key) && !KEYS.contains(&key) {
            notes.fault(
                object.path_of(key),
                "is not for a script, which says itself what it requests: write it there",
            );
        }
    }
    let path = script_file(object, files, notes);
    let written = object.get("script").and_then(|node| node.value.as_str());
    let archive = written.is_some_and(is_archive);
    // What an archive holds is seen when it is opened.
    let in_archive = |path: &str| files(path).or_else(|_| Ok(path.to_owned()));
    let beside: FileCheck<'_> = if archive { &in_archive } else { files };
    let others = object.get("files").and_then(|node| {
        let items = node.list(0..=MOST_SCRIPT_FILES, notes)?;
        let files = items.iter().filter_map(|item| file_at(item, beside, notes));
        Some(files.collect::<Vec<_>>())
    });
    let entry = object.get("entry").and_then(|node| {
        if !archive {
            node.fault(
                notes,
                "says which file of an archive is the script; this is no archive (.zip)",
            );
        }
        node.sized_text(1..=LONGEST_PATH, notes).map(str::to_owned)
    });
    let tool = entry.as_deref().or(written).and_then(Tool::of_file);
    if let (Some(written), false, None) = (written, archive, tool) {
        let reason = format!(
            "{} is no script that is known by its name: .jmx is JMeter's, .js and .ts are k6's, .py is Locust's; or an archive (.zip) of such",
            shown(written)
        );
        notes.fault(object.path_of("script"), reason);
    }
    let (data, _) = data_sources(object, beside, notes);
    let variables = variables(object, notes);
    Some(Definition {
        name: name.to_owned(),
        steps: Vec::new(),
        flow: Flow::list(0),
        transactions: Vec::new(),
        tls: Tls::default(),
        routing: Routing::default(),
        connection_policy: ConnectionPolicy::default(),
        http: HttpChoice::default(),
        streams: 1,
        store_cookies: true,
        variables,
        data,
        setup: None,
        teardown: None,
        script: Some(ReadScript {
            tool,
            path: path?,
            entry,
            files: others.unwrap_or_default(),
        }),
    })
}

/// The script's file. One that is not there yet may come later, if the scenario is only kept.
fn script_file(object: &Object<'_>, files: FileCheck<'_>, notes: &mut Notes) -> Option<String> {
    let node = object.get("script")?;
    let text = node.sized_text(1..=LONGEST_PATH, notes)?;
    match files(text) {
        Err(reason) if !text.contains('\0') => {
            notes.not_runnable(&node.path, reason);
            Some(text.to_owned())
        }
        _ => file(object, "script", files, notes),
    }
}
