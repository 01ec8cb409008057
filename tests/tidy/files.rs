//! The repository's files, as the other rules see them.

use std::path::{Path, PathBuf};

/// Folders that are not ours: built, fetched or git's.
const NOT_OURS: [&str; 4] = ["target", ".git", "node_modules", "dist"];

/// A text file of the repository.
#[derive(Debug, Clone)]
pub struct File {
    /// From the root, with forward slashes.
    pub path: String,
    /// All of it.
    pub text: String,
}

impl File {
    /// Its code: without comment lines, and up to the tests at its end.
    pub fn code(&self) -> impl Iterator<Item = &str> {
        let test_file = ["/tests/", "/tests.rs", "_tests.rs", "/fixtures.rs"]
            .iter()
            .any(|mark| self.path.contains(mark));
        self.text
            .lines()
            .take_while(move |line| !test_file && line.trim() != "#[cfg(test)]")
            .filter(|line| !line.trim_start().starts_with("//"))
    }

    /// The lines of code that contain one of the words.
    pub fn offences(&self, words: &[&str]) -> Vec<String> {
        self.code()
            .filter_map(|line| {
                let word = words.iter().find(|word| line.contains(*word))?;
                Some(format!("{}: {word}: {}", self.path, line.trim()))
            })
            .collect()
    }
}

/// The repository's root.
pub fn root() -> PathBuf {
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    here.parent().expect("tests/ lies in the root").to_owned()
}

/// Every file with one of the extensions (or names), sorted.
pub fn all(endings: &[&str]) -> Vec<File> {
    let root = root();
    let mut found = Vec::new();
    walk(&root, &mut found);
    let mut files: Vec<File> = found
        .into_iter()
        .filter_map(|path| {
            let name = path.strip_prefix(&root).ok()?.to_str()?.to_owned();
            endings
                .iter()
                .any(|end| name.ends_with(end))
                .then_some(())?;
            let text = std::fs::read_to_string(&path).ok()?;
            Some(File { path: name, text })
        })
        .collect();
    files.sort_by(|a, b| a.path.cmp(&b.path));
    assert!(!files.is_empty(), "no file ends with any of {endings:?}");
    files
}

/// Every Rust file.
pub fn rust() -> Vec<File> {
    all(&[".rs"])
}

/// Every Rust file below a folder.
pub fn rust_in(folder: &str) -> Vec<File> {
    let mut files = rust();
    files.retain(|file| file.path.starts_with(folder));
    assert!(!files.is_empty(), "{folder} holds no Rust file");
    files
}

fn walk(folder: &Path, found: &mut Vec<PathBuf>) {
    for entry in std::fs::read_dir(folder).into_iter().flatten().flatten() {
        let (path, name) = (entry.path(), entry.file_name());
        if NOT_OURS.iter().any(|skipped| name == *skipped) {
            continue;
        }
        if path.is_dir() {
            walk(&path, found);
        } else {
            found.push(path);
        }
    }
}

/// Fails with all offences at once.
#[track_caller]
pub fn none(rule: &str, offences: impl IntoIterator<Item = String>) {
    let offences: Vec<String> = offences.into_iter().collect();
    assert!(offences.is_empty(), "{rule}\n{}", offences.join("\n"));
}
