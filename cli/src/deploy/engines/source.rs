//! What the image with tools is made of: the release's recipe, as it is, and its worker, in an
//! archive that is named by its content.

use crate::deploy::error::DeployError;
use crate::deploy::parts::hash;
use dlt_core::scenario::plan::Tool;
use std::collections::BTreeSet;
use std::io::{Cursor, Write as _};
use zip::write::SimpleFileOptions;

/// The recipe: a release carries the same files for who builds by hand.
const RECIPE: [(&str, &str); 5] = [
    (
        "Dockerfile",
        include_str!("../../../../worker/engines/Dockerfile"),
    ),
    (
        "install.py",
        include_str!("../../../../worker/engines/install.py"),
    ),
    (
        "jmeter.txt",
        include_str!("../../../../worker/engines/jmeter.txt"),
    ),
    ("k6.txt", include_str!("../../../../worker/engines/k6.txt")),
    (
        "locust.txt",
        include_str!("../../../../worker/engines/locust.txt"),
    ),
];
/// The worker beside it.
const WORKER: &str = "dlt-worker";

/// The archive that an image is built from.
#[derive(Debug)]
pub struct Source {
    /// The archive.
    pub bytes: Vec<u8>,
    /// Stands for the archive and for the tools that are installed of it.
    pub hash: String,
}

impl Source {
    /// Of this worker, for an image with these tools.
    pub fn of(worker: &[u8], tools: &BTreeSet<Tool>) -> Result<Self, DeployError> {
        let bytes = packed(worker).map_err(|error| {
            DeployError::Local(format!(
                "the source of the image for scripts cannot be packed: {error}"
            ))
        })?;
        let mut all = bytes.clone();
        all.extend(super::names(tools).into_bytes());
        Ok(Self {
            hash: hash(&all),
            bytes,
        })
    }
}

/// The same files give the same bytes.
fn packed(worker: &[u8]) -> zip::result::ZipResult<Vec<u8>> {
    let mut archive = zip::ZipWriter::new(Cursor::new(Vec::new()));
    let options = SimpleFileOptions::default().last_modified_time(zip::DateTime::default());
    let files = RECIPE.map(|(name, text)| (name, text.as_bytes()));
    for (name, content) in files.into_iter().chain([(WORKER, worker)]) {
        archive.start_file(name, options)?;
        archive.write_all(content)?;
    }
    Ok(archive.finish()?.into_inner())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_same_worker_and_tools_are_the_same_source() {
        let [k6, both] = [vec![Tool::K6], vec![Tool::K6, Tool::Locust]]
            .map(|tools| tools.into_iter().collect::<BTreeSet<_>>());
        let source = |worker: &[u8], tools| Source::of(worker, tools).unwrap();
        let first = source(b"\x7fELF", &k6);
        assert_eq!(first.hash, source(b"\x7fELF", &k6).hash);
        assert_ne!(first.hash, source(b"\x7fELF", &both).hash);
        assert_ne!(first.hash, source(b"\x7fELF2", &k6).hash);
        let mut zip = zip::ZipArchive::new(Cursor::new(first.bytes)).unwrap();
        let names = zip.file_names().map(|name| name.unwrap().into_owned());
        let names: Vec<String> = names.collect();
        assert_eq!(names.len(), 6);
        // The image is built of what the archive has.
        let recipe = std::io::read_to_string(zip.by_name("Dockerfile").unwrap()).unwrap();
        let copied = recipe.lines().filter_map(|line| line.strip_prefix("COPY "));
        for line in copied {
            let sources: Vec<&str> = line
                .split(' ')
                .filter(|word| !word.starts_with("--") && !word.starts_with('/'))
                .collect();
            for name in sources {
                assert!(names.iter().any(|it| it == name), "{name}");
            }
        }
    }
}
