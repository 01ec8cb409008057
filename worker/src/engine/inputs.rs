//! What a plan's files hold: read by the runner before it says that it is
//! ready, so that neither a missing file nor a wrong row ends a run later.

use super::LoadError;
use dlt_core::scenario::plan::{Body, Group, Plan};
use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;

/// Files by the names that the plan gives them.
#[derive(Debug, Default, Clone)]
pub struct Files(HashMap<String, Arc<[u8]>>);

impl Files {
    /// Adds a file.
    pub fn add(&mut self, name: &str, bytes: Vec<u8>) {
        self.0.insert(name.to_owned(), bytes.into());
    }

    /// A file's bytes.
    pub(super) fn get(&self, name: &str) -> Result<Arc<[u8]>, String> {
        let found = self.0.get(name).cloned();
        found.ok_or_else(|| format!("{name}: the file was not read"))
    }
}

/// All that a load is made of beside its plan.
#[derive(Debug, Default)]
pub struct Inputs {
    pub(super) files: Arc<Files>,
}

impl Inputs {
    /// Understands the files of a plan, or says all that is wrong with them.
    pub fn of(_plan: &Plan, files: Files) -> Result<Self, LoadError> {
        Ok(Self {
            files: Arc::new(files),
        })
    }
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
