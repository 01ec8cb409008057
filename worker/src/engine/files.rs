//! The files that a plan names. The engine's caller reads them before the clock
//! starts.

use std::collections::HashMap;
use std::sync::Arc;

/// The bytes of a plan's files, by the names in the plan.
#[derive(Debug, Default, Clone)]
pub struct PlanFiles(HashMap<String, Arc<[u8]>>);

impl PlanFiles {
    /// Adds a file.
    pub fn add(&mut self, name: &str, bytes: Vec<u8>) {
        self.0.insert(name.to_owned(), bytes.into());
    }

    pub(crate) fn get(&self, name: &str) -> Result<Arc<[u8]>, String> {
        let found = self.0.get(name).cloned();
        found.ok_or_else(|| format!("{name}: the file was not read"))
    }
}
