//! Files that a scenario names: used where they lie, or sent to a server under
//! names that it takes. Sending them is `draft`'s.

use std::cell::RefCell;
use std::path::{Path, PathBuf};

/// Longest name that the API takes, characters.
const LONGEST_NAME: usize = 200;

/// A file to be sent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Upload {
    /// Its name there, without folders and unlike all others.
    pub name: String,
    /// Where it lies here.
    pub path: PathBuf,
}

/// What becomes of named files.
#[derive(Debug)]
pub enum Files {
    /// Runners on this machine read them where they lie.
    InPlace,
    /// They are sent; the scenario gets their names there.
    Sent(RefCell<Vec<Upload>>),
}

impl Files {
    /// Files that will be sent; none yet.
    pub fn to_send() -> Self {
        Self::Sent(RefCell::default())
    }

    /// What to send.
    pub fn uploads(self) -> Vec<Upload> {
        match self {
            Self::InPlace => Vec::new(),
            Self::Sent(uploads) => uploads.into_inner(),
        }
    }

    /// What the scenario shall call a file, if it can be read.
    pub fn check(&self, folder: &Path, name: &str) -> Result<String, String> {
        let path = check_file(folder, name)?;
        Ok(match self {
            Self::InPlace => path,
            Self::Sent(uploads) => named(&mut uploads.borrow_mut(), path.into()),
        })
    }
}

/// The name of a file there: the same file keeps its name, another one of the
/// same name gets a number in front.
fn named(uploads: &mut Vec<Upload>, path: PathBuf) -> String {
    if let Some(known) = uploads.iter().find(|upload| upload.path == path) {
        return known.name.clone();
    }
    let plain = plain_name(&path);
    let taken = |name: &str| uploads.iter().any(|upload| upload.name == name);
    let name = match taken(&plain) {
        false => plain,
        true => (2..)
            .map(|number| format!("{number}-{plain}"))
            .find(|name| !taken(name))
            .unwrap_or_default(),
    };
    uploads.push(Upload {
        name: name.clone(),
        path,
    });
    name
}

/// The file's own name in characters that the API takes; its end is kept, since
/// that says what it is.
fn plain_name(path: &Path) -> String {
    // Room for a number in front.
    const MOST: usize = LONGEST_NAME - 8;
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    let plain: String = name
        .chars()
        .map(
            |c| match c.is_alphanumeric() || matches!(c, '.' | '-' | '_' | ' ') {
                true => c,
                false => '_',
            },
        )
        .collect();
    let length = plain.chars().count();
    let kept: String = plain.chars().skip(length.saturating_sub(MOST)).collect();
    match kept.trim_start_matches('.') {
        "" => "file".to_owned(),
        kept => kept.to_owned(),
    }
}

/// The absolute path of a file that the scenario names, if it can be read.
fn check_file(folder: &Path, name: &str) -> Result<String, String> {
    let path = std::path::absolute(folder.join(name)).map_err(|error| error.to_string())?;
    let shown = path.display();
    let refused = |error: std::io::Error| format!("{shown} cannot be read: {error}");
    // What it is comes first: opening a pipe would wait for its writer.
    if !std::fs::metadata(&path).map_err(refused)?.is_file() {
        return Err(format!("{shown} is not a file"));
    }
    std::fs::File::open(&path).map_err(refused)?;
    path.to_str()
        .map(str::to_owned)
        .ok_or_else(|| format!("{shown} is not UTF-8"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_unique_and_such_as_the_api_takes() {
        let mut uploads = Vec::new();
        let mut name = |path: &str| named(&mut uploads, path.into());
        assert_eq!(name("/a/body.json"), "body.json");
        assert_eq!(name("/b/body.json"), "2-body.json");
        assert_eq!(name("/c/body.json"), "3-body.json");
        assert_eq!(name("/a/body.json"), "body.json");
        assert_eq!(name("/a/.hidden"), "hidden");
        assert_eq!(name("/a/naïve file (1).csv"), "naïve file _1_.csv");
        assert_eq!(name("/a/..."), "file");
        let long = format!("/a/{}.pem", "x".repeat(250));
        assert!(name(&long).ends_with(".pem"));
        assert!(
            uploads
                .iter()
                .all(|file| file.name.chars().count() <= LONGEST_NAME)
        );
        assert_eq!(uploads.len(), 7);
    }
}
