//! A data folder's store, looked at and left as it is: whether its database can be opened, and whether
//! results lie beside one that knows nothing of them.

use crate::error::PipelineError;
use crate::store::sqlite::Database;
use std::path::Path;

/// What is seen of a store that can be used.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Looked {
    /// There is none yet.
    None,
    /// It can be opened.
    Opens,
    /// There is none, and a sentence says what is lost with it.
    Lost(String),
}

/// Looks at the store of a data folder; an error says why it cannot be used.
pub fn look(dir: &Path) -> Result<Looked, PipelineError> {
    Ok(match (Database::look(dir)?, lost(dir)) {
        (true, _) => Looked::Opens,
        (false, None) => Looked::None,
        (false, Some(told)) => Looked::Lost(told),
    })
}

/// A sentence if the folder holds results of runs and its database is empty or gone.
pub(super) fn lost(dir: &Path) -> Option<String> {
    let path = Database::path(dir);
    if std::fs::metadata(&path).is_ok_and(|about| about.len() > 0) {
        return None;
    }
    let results = dir.join("objects").join("results");
    let has_results = std::fs::read_dir(&results).is_ok_and(|mut all| all.next().is_some());
    has_results.then(|| {
        format!(
            "{} holds results of runs, and the database {} is empty or gone, so that no list shows them; put it back from a copy",
            results.display(),
            path.display()
        )
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;

    #[test]
    fn a_store_that_cannot_be_opened_is_told_as_such() {
        let above = tempfile::tempdir().unwrap();
        let dir = above.path().join("data");
        assert_eq!(look(&dir).unwrap(), Looked::None);
        drop(Database::open(above.path(), &[]).unwrap());
        assert_eq!(look(above.path()).unwrap(), Looked::Opens);
        fs::create_dir(&dir).unwrap();
        let path = Database::path(&dir);
        let told = || look(&dir).unwrap_err().to_string();
        fs::create_dir(&path).unwrap();
        assert!(told().contains("is a folder, and no file"), "{}", told());
        fs::remove_dir(&path).unwrap();
        rustix::fs::mknodat(
            rustix::fs::CWD,
            &path,
            rustix::fs::FileType::Fifo,
            rustix::fs::Mode::RUSR,
            0,
        )
        .unwrap();
        assert!(told().contains("is a pipe"), "{}", told());
        fs::remove_file(&path).unwrap();
        fs::write(&path, "no database at all, but a text\n".repeat(100)).unwrap();
        assert!(told().contains("cannot be read"), "{}", told());
        fs::remove_file(&path).unwrap();
        let newer = Database::open(&dir, &[]).unwrap();
        newer
            .with(|connection| connection.pragma_update(None, "user_version", 99))
            .unwrap();
        assert!(told().contains("was written by a newer dlt"), "{}", told());
    }

    #[test]
    fn results_beside_an_empty_database_are_told() {
        let folder = tempfile::tempdir().unwrap();
        let dir = folder.path();
        fs::write(Database::path(dir), "").unwrap();
        assert_eq!(look(dir).unwrap(), Looked::None);
        fs::create_dir_all(dir.join("objects/results")).unwrap();
        assert_eq!(look(dir).unwrap(), Looked::None);
        fs::create_dir(dir.join("objects/results/Xk29QmWz7B")).unwrap();
        let Looked::Lost(told) = look(dir).unwrap() else {
            panic!("not told");
        };
        assert!(told.contains("empty or gone"), "{told}");
        fs::remove_file(Database::path(dir)).unwrap();
        assert!(matches!(look(dir), Ok(Looked::Lost(_))));
        drop(Database::open(dir, &[]).unwrap());
        assert_eq!(look(dir).unwrap(), Looked::Opens);
    }
}
