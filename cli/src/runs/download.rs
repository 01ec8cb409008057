//! `dlt runs download`: saves the files of a run. Each is written under a temporary name
//! and renamed when it is complete.

use crate::args::DownloadArgs;
use crate::client::{Client, ClientError};
use crate::exit::Exit;
use crate::find;
use crate::line::{Line, Tone};
use crate::output::Output;
use crate::saving::{UNFINISHED, fault, save};
use crate::units;
use dlt_core::calls::answers::{Artifact, ArtifactsAnswer};
use serde_json::json;
use std::path::{Path, PathBuf};

/// Longest file name, bytes: the limit of file systems.
const LONGEST_NAME_BYTES: usize = 255;

/// `dlt runs download`.
pub async fn download(
    output: Output,
    client: &Client,
    args: &DownloadArgs,
) -> Result<Exit, ClientError> {
    let location = find::run(client, &args.run).await?;
    let path = format!("{}/artifacts", location.path());
    let answer: ArtifactsAnswer = client.read(&path, &[]).await?;
    if answer.artifacts.is_empty() {
        return Err(ClientError::Input(format!(
            "run {} has no files",
            location.run
        )));
    }
    let targets = targets(&args.output, &answer.artifacts)?;
    if !args.force {
        check_absent(&targets)?;
    }
    std::fs::create_dir_all(&args.output).map_err(|error| fault(&args.output, &error))?;
    let mut saved = 0;
    for (artifact, target) in answer.artifacts.iter().zip(&targets) {
        let bytes = client.bytes(&path, &[("name", &artifact.name)]).await?;
        saved += bytes.len() as u64;
        save(target, &bytes)?;
    }
    if args.json {
        output.json(&json!({
            "testId": location.test,
            "testRunId": location.run,
            "artifacts": answer.artifacts,
            "files": targets,
        }));
    } else {
        let files = units::several(targets.len() as u64, "file");
        output.data(&[Line::new()
            .tone(Tone::Good, "✔ ")
            .plain(format!("{files}, {}, saved in ", units::bytes(saved)))
            .tone(Tone::Strong, args.output.display().to_string())]);
    }
    Ok(Exit::Passed)
}

/// The path of each file. Names come from a server: only plain file names are accepted.
fn targets(folder: &Path, artifacts: &[Artifact]) -> Result<Vec<PathBuf>, ClientError> {
    artifacts
        .iter()
        .map(|artifact| {
            let name = &artifact.name;
            let is_plain = (1..=LONGEST_NAME_BYTES - UNFINISHED.len()).contains(&name.len())
                && !name.starts_with('.')
                && !name
                    .chars()
                    .any(|c| c.is_control() || matches!(c, '/' | '\\' | ':'));
            if !is_plain {
                return Err(ClientError::Unreadable {
                    what: "the list of files".to_owned(),
                    why: format!("{name:?} is no file name"),
                });
            }
            Ok(folder.join(name))
        })
        .collect()
}

fn check_absent(targets: &[PathBuf]) -> Result<(), ClientError> {
    let existing = targets
        .iter()
        .find(|target| target.symlink_metadata().is_ok());
    match existing {
        None => Ok(()),
        Some(target) => Err(ClientError::Input(format!(
            "{} is there already, so nothing was saved; choose another folder with -o, or replace it with --force",
            target.display()
        ))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn artifact(name: &str) -> Artifact {
        Artifact {
            name: name.to_owned(),
            key: format!("results/a/b/{name}"),
            bytes: 3,
        }
    }

    #[test]
    fn names_of_a_server_never_lead_out_of_the_folder() {
        let folder = Path::new("out");
        let good = targets(folder, &[artifact("timeline.json.gz")]).unwrap();
        assert_eq!(good, [folder.join("timeline.json.gz")]);
        let long = "x".repeat(250);
        for bad in [
            "",
            "..",
            ".profile",
            "../x",
            "a/b",
            "/etc/passwd",
            "a\0b",
            "a\\b",
            &long,
        ] {
            assert!(targets(folder, &[artifact(bad)]).is_err(), "{bad:?}");
        }
    }

    #[test]
    fn existing_files_are_detected_and_replaced() {
        let folder = tempfile::tempdir().unwrap();
        let target = folder.path().join("a.xml");
        check_absent(std::slice::from_ref(&target)).unwrap();
        save(&target, b"one").unwrap();
        assert!(check_absent(std::slice::from_ref(&target)).is_err());
        save(&target, b"two").unwrap();
        assert_eq!(std::fs::read(&target).unwrap(), b"two");
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 1);
    }
}
