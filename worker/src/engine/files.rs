//! The files that a plan names, read before the clock starts. Reading them is up
//! to whoever hands them to the engine.

use std::collections::HashMap;
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
    pub(crate) fn get(&self, name: &str) -> Result<Arc<[u8]>, String> {
        let found = self.0.get(name).cloned();
        found.ok_or_else(|| format!("{name}: the file was not read"))
    }
}
