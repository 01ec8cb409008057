//! Cargo manifests, read as far as the rules need: section headers and keys.

use crate::files::{self, File};

/// One member's manifest.
#[derive(Debug)]
pub struct Manifest {
    /// From the root.
    pub path: String,
    /// `package.name`.
    pub name: String,
    rows: Vec<(String, String)>,
}

impl Manifest {
    fn of(file: &File) -> Self {
        let mut section = String::new();
        let mut rows = Vec::new();
        for line in file.text.lines().map(str::trim) {
            if let Some(name) = line
                .strip_prefix('[')
                .and_then(|line| line.strip_suffix(']'))
            {
                section = name.trim_matches(['[', ']']).to_owned();
            } else if !line.is_empty() && !line.starts_with('#') {
                rows.push((section.clone(), line.to_owned()));
            }
        }
        let mut manifest = Self {
            path: file.path.clone(),
            name: String::new(),
            rows,
        };
        let name = manifest.value("package", "name").unwrap_or_default();
        manifest.name = name.trim_matches('"').to_owned();
        manifest
    }

    /// The value of `key = value`.
    pub fn value(&self, section: &str, key: &str) -> Option<String> {
        self.rows.iter().find_map(|(of, row)| {
            let (name, value) = row.split_once('=')?;
            (of == section && name.trim() == key).then(|| value.trim().to_owned())
        })
    }

    /// Names of dependencies in every section whose name ends so, target
    /// sections among them.
    pub fn dependencies(&self, section: &str) -> Vec<String> {
        self.rows
            .iter()
            .filter(|(of, _)| of == section || of.ends_with(&format!(".{section}")))
            .filter_map(|(_, row)| row.split(['.', '=', ' ']).next())
            .map(str::to_owned)
            .collect()
    }
}

/// The members' manifests.
pub fn members() -> Vec<Manifest> {
    let manifests: Vec<Manifest> = files::all(&["/Cargo.toml"])
        .iter()
        .map(Manifest::of)
        .collect();
    assert!(manifests.len() >= 6, "all members are found");
    manifests
}
