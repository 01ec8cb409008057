//! What a plan's files hold: read by the runner before it says that it is
//! ready, so that neither a missing file nor a wrong row ends a run later.

use crate::engine::LoadError;
use crate::engine::files::Files;
use crate::engine::make::data::Table;
use crate::engine::make::session::Names;
use crate::engine::make::template::Template;
use dlt_core::scenario::plan::{Auth, Body, DataSource, Group, Plan, Step};
use std::collections::BTreeSet;
use std::sync::Arc;

/// All that a load is made of beside its plan.
#[derive(Debug, Default)]
pub struct Inputs {
    pub(crate) files: Arc<Files>,
    /// By group, then by data source.
    pub(crate) tables: Vec<Vec<Arc<Table>>>,
}

impl Inputs {
    /// Understands the files of a plan, or says all that is wrong with them.
    pub fn of(plan: &Plan, files: Files) -> Result<Self, LoadError> {
        let mut faults = Vec::new();
        let mut known: Vec<(&DataSource, Arc<Table>)> = Vec::new();
        let mut tables = Vec::new();
        for group in &plan.groups {
            let mut own = Vec::new();
            for source in &group.data {
                // Several groups may have the same one.
                if let Some((_, table)) = known.iter().find(|known| known.0 == source) {
                    own.push(table.clone());
                    continue;
                }
                let bytes = files.get(&source.path);
                match bytes.and_then(|bytes| Table::read(source, &bytes)) {
                    Ok(table) => {
                        let table = Arc::new(table);
                        known.push((source, table.clone()));
                        own.push(table);
                    }
                    Err(why) => faults.push(format!(
                        "data source {} of scenario {:?} {why}",
                        source.path, group.name
                    )),
                }
            }
            if own.len() == group.data.len() {
                faults.extend(strangers(group, &own));
            }
            tables.push(own);
        }
        if !faults.is_empty() {
            return Err(LoadError(faults.join("; ")));
        }
        Ok(Self {
            files: Arc::new(files),
            tables,
        })
    }

    /// The columns of a group's data sources.
    pub(crate) fn columns(&self, group: usize) -> impl Iterator<Item = &str> {
        columns(&self.tables[group])
    }
}

fn columns(tables: &[Arc<Table>]) -> impl Iterator<Item = &str> {
    let all = tables.iter().flat_map(|table| &table.columns);
    all.map(String::as_str)
}

/// What only a file's first line can tell: names that nothing gives a value,
/// and columns that are two.
fn strangers(group: &Group, tables: &[Arc<Table>]) -> Vec<String> {
    let mut faults = Vec::new();
    let mut seen = BTreeSet::new();
    for name in columns(tables) {
        if !seen.insert(name) {
            let scenario = &group.name;
            faults.push(format!(
                "two data sources of scenario {scenario:?} have a column {name}"
            ));
        }
    }
    let names = Names::of(group, columns(tables));
    for step in &group.steps {
        let unknown = texts(step).find_map(|text| Template::compile(text, &names).err());
        if let Some(why) = unknown {
            faults.push(format!("request {:?}: {why}", step.label));
        }
    }
    faults
}

/// Every text of a step that may hold variables.
fn texts(step: &Step) -> impl Iterator<Item = &str> {
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
pub struct Named {
    /// Absolute: a local file. Relative: an object of the scenario's files.
    pub path: String,
    /// What it is for, as the scenario names it.
    pub what: &'static str,
    /// The scenario that names it.
    pub scenario: String,
}

/// Every file that a plan names, once for each use.
pub fn named_files(plan: &Plan) -> BTreeSet<Named> {
    plan.groups.iter().flat_map(named).collect()
}

fn named(group: &Group) -> impl Iterator<Item = Named> {
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
    let of_bodies = group.steps.iter().flat_map(|step| match &step.body {
        Body::File(path) => vec![("body-file", path)],
        Body::Multipart(_, uploads) => uploads
            .iter()
            .map(|upload| ("upload-files", &upload.path))
            .collect(),
        Body::None | Body::Text(_) | Body::Form(_) => Vec::new(),
    });
    of_tls
        .chain(of_data)
        .chain(of_bodies)
        .map(|(what, path)| Named {
            path: path.clone(),
            what,
            scenario: group.name.clone(),
        })
}
