//! What a plan's files hold. The runner reads them before it says that it is
//! ready, so that neither a missing file nor a wrong row ends a run later.

use crate::engine::LoadError;
use crate::engine::files::PlanFiles;
use crate::engine::http::tls::TlsConfigs;
use crate::engine::make::data::{Table, short};
use crate::engine::make::template::Template;
use crate::engine::make::variable_names::VariableNames;
use dlt_core::scenario::plan::{Auth, Body, DataSource, Group, Plan, Step};
use dlt_core::scenario::requests::functions::Function;
use dlt_core::scenario::requests::variables::{Piece, pieces};
use std::collections::BTreeSet;
use std::sync::Arc;

/// Most columns that a message lists.
const SHOWN_COLUMNS: usize = 10;
/// The key of a body that is a file.
pub const BODY_FILE: &str = "body-file";

/// What a load is made of beside its plan.
#[derive(Debug, Default)]
pub struct Inputs {
    pub(crate) files: Arc<PlanFiles>,
    /// The rows of each data source, by group.
    pub(crate) tables: Vec<Vec<Arc<Table>>>,
    /// What was read for TLS.
    pub(crate) tls: TlsConfigs,
}

/// What is wrong with what a file holds, or with how it is used.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FileFault {
    /// The scenario that names it.
    pub scenario: String,
    /// The key that names it in the scenario.
    pub key: &'static str,
    /// As the plan names it; empty if it is about several.
    pub path: String,
    /// What is wrong, as the rest of a sentence that begins with the file.
    pub why: String,
}

impl Inputs {
    /// Reads the files of a plan, or says everything that is wrong with them.
    pub fn of(plan: &Plan, files: PlanFiles) -> Result<Self, LoadError> {
        let (tables, faults) = tables(plan, &files);
        if !faults.is_empty() {
            let sentences = faults.iter().map(|fault| match fault.path.as_str() {
                "" => fault.why.clone(),
                path => format!(
                    "data source {path} of scenario {:?} {}",
                    fault.scenario, fault.why
                ),
            });
            return Err(LoadError(sentences.collect::<Vec<_>>().join("; ")));
        }
        Ok(Self {
            files: Arc::new(files),
            tables,
            tls: TlsConfigs::default(),
        })
    }

    /// The same files for the plan of one scenario's requests that are made once, which have no rows.
    pub(crate) fn without_rows(&self) -> Self {
        Self {
            files: self.files.clone(),
            tables: vec![Vec::new()],
            tls: TlsConfigs::default(),
        }
    }

    pub(crate) fn columns(&self, group: usize) -> impl Iterator<Item = &str> {
        columns(&self.tables[group])
    }
}

/// The rows of each data source, by group, and what is wrong with them.
pub(crate) fn tables(plan: &Plan, files: &PlanFiles) -> (Vec<Vec<Arc<Table>>>, Vec<FileFault>) {
    let mut faults = Vec::new();
    let mut known: Vec<(&DataSource, Arc<Table>)> = Vec::new();
    let mut tables = Vec::new();
    for group in &plan.groups {
        if group.script.is_some() {
            // Those of a script are dealt to its tool.
            tables.push(Vec::new());
            continue;
        }
        let mut of_group = Vec::new();
        let mut fault = |path: &str, why: String| {
            let fault = FileFault {
                scenario: group.name.clone(),
                key: "data-sources",
                path: path.to_owned(),
                why,
            };
            // Several groups may use the same scenario.
            if !faults.contains(&fault) {
                faults.push(fault);
            }
        };
        for source in &group.data {
            // Several groups may use the same source.
            if let Some((_, table)) = known.iter().find(|known| known.0 == source) {
                of_group.push(table.clone());
                continue;
            }
            let bytes = files.get(&source.path);
            match bytes.and_then(|bytes| Table::read(source, &bytes)) {
                Ok(table) => {
                    let table = Arc::new(table);
                    known.push((source, table.clone()));
                    of_group.push(table);
                }
                Err(why) => fault(&source.path, why),
            }
        }
        if of_group.len() == group.data.len() {
            for why in columns_twice(group, &of_group) {
                fault("", why);
            }
            for why in check_texts(group, &of_group) {
                fault("", why);
            }
        }
        tables.push(of_group);
    }
    (tables, faults)
}

fn columns(tables: &[Arc<Table>]) -> impl Iterator<Item = &str> {
    let all = tables.iter().flat_map(|table| &table.columns);
    all.map(String::as_str)
}

/// Columns of the same name.
fn columns_twice(group: &Group, tables: &[Arc<Table>]) -> Vec<String> {
    let mut seen = BTreeSet::new();
    let twice = columns(tables).filter(|name| !seen.insert(*name));
    let scenario = &group.name;
    twice
        .map(|name| format!("two data sources of scenario {scenario:?} have a column {name}"))
        .collect()
}

/// Whether a text has a function that is not evaluated, which the plan's reader said. A name
/// alone may be a column's.
fn has_other_function(text: &str) -> bool {
    let is_other = |piece| match piece {
        Piece::Variable(name) => {
            name.contains('(') && matches!(Function::parse(name), Some(Err(_)))
        }
        Piece::Text(_) | Piece::Open(_) => false,
    };
    pieces(text).any(is_other)
}

/// Whether each variable has a source, where only the first line of a file tells that. All
/// else the plan's reader has said.
fn check_texts(group: &Group, tables: &[Arc<Table>]) -> Vec<String> {
    let mut faults = Vec::new();
    if group.data.iter().all(|source| source.columns.is_some()) {
        return faults;
    }
    let names = VariableNames::of(group, columns(tables));
    for step in &group.steps {
        let mut texts = step_texts(step).filter(|text| !has_other_function(text));
        let unknown = texts.find_map(|text| Template::compile(text, &names).err());
        if let Some(why) = unknown {
            let mut all = columns(tables);
            let found: Vec<_> = all.by_ref().take(SHOWN_COLUMNS).map(short).collect();
            let more = if all.next().is_some() { ", …" } else { "" };
            let found = match found.as_slice() {
                [] => String::new(),
                found => format!("; the columns are {}{more}", found.join(", ")),
            };
            faults.push(format!("request {:?}: {why}{found}", step.label));
        }
    }
    faults
}

/// The texts of a step that may hold variables.
fn step_texts(step: &Step) -> impl Iterator<Item = &str> {
    let url = step.url_text.iter().flat_map(|url| [&url.base, &url.text]);
    let headers = step.headers.iter().map(|header| &header.1);
    let auth = match &step.auth {
        Some(Auth::Basic { username, password }) => vec![username, password],
        Some(Auth::Bearer(token)) => vec![token],
        None => Vec::new(),
    };
    let body = match &step.body {
        Body::Text(text) => vec![text],
        Body::Form(fields) | Body::Multipart(fields, _) => {
            fields.iter().map(|field| &field.1).collect()
        }
        Body::None | Body::File(_) => Vec::new(),
    };
    let all = url.chain(headers).chain(auth).chain(body);
    all.chain([&step.label]).map(String::as_str)
}

/// A file that a plan names.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct NamedFile {
    /// Absolute: a local file. Relative: an object of the scenario's files.
    pub path: String,
    /// The key that names it in the scenario.
    pub what: &'static str,
    /// The scenario that names it.
    pub scenario: String,
}

/// The files that a plan names, once for each use.
pub fn named_files(plan: &Plan) -> BTreeSet<NamedFile> {
    // Those of a script are its tool's to read.
    let of_requests = plan.groups.iter().filter(|group| group.script.is_none());
    of_requests.flat_map(files_of_group).collect()
}

fn files_of_group(group: &Group) -> impl Iterator<Item = NamedFile> {
    let tls = &group.tls;
    let of_tls = [
        ("tls.ca-file", &tls.ca_file),
        ("tls.cert-file", &tls.cert_file),
        ("tls.key-file", &tls.key_file),
    ];
    let of_tls = of_tls
        .into_iter()
        .filter_map(|(what, path)| Some((what, path.as_ref()?)));
    let of_data = group
        .data
        .iter()
        .map(|source| ("data-sources", &source.path));
    let of_bodies = group.all_steps().flat_map(|step| match &step.body {
        Body::File(path) => vec![(BODY_FILE, path)],
        Body::Multipart(_, uploads) => uploads
            .iter()
            .map(|upload| ("upload-files", &upload.path))
            .collect(),
        Body::None | Body::Text(_) | Body::Form(_) => Vec::new(),
    });
    of_tls
        .chain(of_data)
        .chain(of_bodies)
        .map(|(what, path)| NamedFile {
            path: path.clone(),
            what,
            scenario: group.name.clone(),
        })
}
