//! The data folder: whether it can be written, how much room it has, and who may read it.

use super::findings::{Finding, State};
use crate::units;
use dlt_pipeline::local::{Looked, look as look_at_store};
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

/// Room that some runs need: reports and timelines are a few MB each.
const ENOUGH_BYTES: u64 = 1_000_000_000;
/// Below this a run may not be kept.
const LEAST_BYTES: u64 = 100_000_000;
/// Rights of group and others.
const OF_OTHERS: u32 = 0o077;

/// Looks at it; one that is not there is not made.
pub(super) fn look(dir: &Path) -> Vec<Finding> {
    let what = "data folder";
    let shown = dir.display();
    let Ok(metadata) = std::fs::metadata(dir) else {
        return vec![missing(dir)];
    };
    if !metadata.is_dir() {
        let todo = "name another one: --home DIR, or DLT_HOME";
        return vec![Finding::not_well(
            State::Broken,
            what,
            format!("{shown} is no folder"),
            todo,
        )];
    }
    let mut findings = vec![match written(dir) {
        Ok(()) => Finding::well(what, format!("{shown} can be written")),
        Err(error) => Finding::not_well(
            State::Broken,
            what,
            format!("{shown} cannot be written: {error}"),
            "give this user the right to, or name another folder: --home DIR, or DLT_HOME",
        ),
    }];
    findings.extend(store(dir));
    findings.extend(room(dir));
    findings.push(mode(metadata.permissions().mode(), dir));
    findings
}

/// Whether its database can be opened; None if there is none yet.
fn store(dir: &Path) -> Option<Finding> {
    let what = "store";
    let elsewhere =
        "put the database back from a copy, or name another folder: --home DIR, or DLT_HOME";
    match look_at_store(dir) {
        Ok(Looked::None) => None,
        Ok(Looked::Opens) => Some(Finding::well(what, "its database can be opened")),
        Ok(Looked::Lost(told)) => Some(Finding::not_well(State::Doubtful, what, told, elsewhere)),
        Err(error) => Some(Finding::not_well(
            State::Broken,
            what,
            error.to_string(),
            elsewhere,
        )),
    }
}

/// A folder that the first run makes; what is above it must be writable.
fn missing(dir: &Path) -> Finding {
    let above = dir.ancestors().skip(1).find(|above| above.exists());
    let shown = dir.display();
    let above = above.unwrap_or(Path::new("/"));
    match written(above) {
        Ok(()) => Finding::well(
            "data folder",
            format!("{shown} is not there yet; the first run makes it"),
        ),
        Err(error) => Finding::not_well(
            State::Broken,
            "data folder",
            format!(
                "{shown} is not there, and {} cannot be written: {error}",
                above.display()
            ),
            "name another folder: --home DIR, or DLT_HOME",
        ),
    }
}

/// Whether a file can be made there: one is, and is deleted again.
fn written(dir: &Path) -> std::io::Result<()> {
    let probe = dir.join(format!(".dlt-doctor-{}", std::process::id()));
    std::fs::write(&probe, b"x")?;
    std::fs::remove_file(&probe)
}

fn room(dir: &Path) -> Option<Finding> {
    let found = rustix::fs::statvfs(dir).ok()?;
    Some(of_room(found.f_bavail.saturating_mul(found.f_frsize)))
}

fn of_room(bytes: u64) -> Finding {
    let seen = format!("{} free", units::bytes(bytes));
    let todo = "make room, or name a folder elsewhere: --home DIR, or DLT_HOME";
    match bytes {
        ENOUGH_BYTES.. => Finding::well("room", seen),
        LEAST_BYTES.. => Finding::not_well(State::Doubtful, "room", seen, todo),
        _ => Finding::not_well(State::Broken, "room", seen, todo),
    }
}

fn mode(mode: u32, dir: &Path) -> Finding {
    let seen = format!("mode {:04o}", mode & 0o7777);
    match mode & OF_OTHERS {
        0 => Finding::well("who reads it", format!("its owner alone ({seen})")),
        _ => Finding::not_well(
            State::Doubtful,
            "who reads it",
            format!("others of this machine may ({seen}); scenarios may hold passwords"),
            format!("chmod 700 {}", dir.display()),
        ),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_folder_is_judged_and_left_as_it_is() {
        let above = tempfile::tempdir().unwrap();
        let dir = above.path().join("data");
        let found = look(&dir);
        assert_eq!((found.len(), found[0].state), (1, State::Well));
        assert!(!dir.exists());
        std::fs::create_dir(&dir).unwrap();
        for (mode, state) in [(0o700, State::Well), (0o755, State::Doubtful)] {
            std::fs::set_permissions(&dir, std::fs::Permissions::from_mode(mode)).unwrap();
            let found = look(&dir);
            assert_eq!(found.len(), 3);
            assert_eq!(
                (found[0].state, found[2].state),
                (State::Well, state),
                "{mode:o}"
            );
        }
        assert_eq!(std::fs::read_dir(&dir).unwrap().count(), 0);
        let file = above.path().join("file");
        std::fs::write(&file, "x").unwrap();
        assert_eq!(look(&file)[0].state, State::Broken);
    }

    /// A folder that can be written is of no use with a store that cannot be opened.
    #[test]
    fn a_store_that_cannot_be_opened_must_be_mended() {
        let folder = tempfile::tempdir().unwrap();
        std::fs::set_permissions(folder.path(), std::fs::Permissions::from_mode(0o700)).unwrap();
        let database = folder.path().join("dlt.sqlite");
        let state = || {
            let found = look(folder.path());
            let store = found.into_iter().find(|finding| finding.what == "store");
            store.map(|finding| finding.state)
        };
        assert_eq!(state(), None);
        std::fs::create_dir(&database).unwrap();
        assert_eq!(state(), Some(State::Broken));
        std::fs::remove_dir(&database).unwrap();
        std::fs::write(&database, "x".repeat(5_000)).unwrap();
        assert_eq!(state(), Some(State::Broken));
        std::fs::write(&database, "").unwrap();
        assert_eq!(state(), None);
        std::fs::create_dir_all(folder.path().join("objects/results/a")).unwrap();
        assert_eq!(state(), Some(State::Doubtful));
    }

    #[test]
    fn room_is_judged() {
        let states = [5_000_000_000, 500_000_000, 5_000_000].map(|bytes| of_room(bytes).state);
        assert_eq!(states, [State::Well, State::Doubtful, State::Broken]);
    }
}
