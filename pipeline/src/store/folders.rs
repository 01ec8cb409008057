//! Folders of a data folder: made for their owner alone, and files taken out of them without ever
//! leaving them by a link.

use rustix::fs::{AtFlags, Mode, OFlags};
use rustix::io::Errno;
use std::fs::{DirBuilder, Permissions};
use std::io::{Error, ErrorKind, Result};
use std::os::unix::fs::{DirBuilderExt as _, PermissionsExt as _};
use std::path::Path;

/// The mode of a folder that is made: scenarios and runs hold credentials.
const OWN: u32 = 0o700;

/// Makes a folder and those above it that are not there, each its owner's alone whatever the umask.
/// The mode of one that is there is its owner's choice.
pub(crate) fn make(path: &Path) -> Result<()> {
    match make_one(path) {
        Err(error) if error.kind() == ErrorKind::NotFound => {
            let above = path.parent().filter(|above| !above.as_os_str().is_empty());
            make(above.ok_or(error)?)?;
            make_one(path)
        }
        made => made,
    }
}

fn make_one(path: &Path) -> Result<()> {
    match DirBuilder::new().mode(OWN).create(path) {
        // A umask may take rights from the owner, too.
        Ok(()) => std::fs::set_permissions(path, Permissions::from_mode(OWN)),
        // Another process may have been faster.
        Err(_) if path.is_dir() => Ok(()),
        made => made,
    }
}

/// Removes the file with this relative path in a folder. On its way are folders alone: what a link
/// leads to lies elsewhere, and is not dlt's to remove. The folder itself may be a link, and so may
/// the file, which is removed and not what it leads to.
pub(crate) fn remove_file(folder: &Path, below: &str) -> Result<()> {
    let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC;
    let mut at = rustix::fs::open(folder, flags, Mode::empty())?;
    let (way, name) = below.rsplit_once('/').unwrap_or(("", below));
    for part in way.split('/').filter(|part| !part.is_empty()) {
        at = match rustix::fs::openat(&at, part, flags | OFlags::NOFOLLOW, Mode::empty()) {
            // Which of the two a link is depends on the system.
            Err(Errno::LOOP | Errno::NOTDIR) => {
                return Err(Error::other(format!(
                    "{part} is a link, or no folder: what is behind it is not dlt's to remove"
                )));
            }
            opened => opened?,
        };
    }
    rustix::fs::unlinkat(&at, name, AtFlags::empty()).map_err(Error::from)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;
    use std::os::unix::fs::symlink;

    fn mode(path: &Path) -> u32 {
        fs::metadata(path).unwrap().permissions().mode() & 0o7777
    }

    #[test]
    fn folders_that_are_made_are_their_owners_alone() {
        let above = tempfile::tempdir().unwrap();
        fs::set_permissions(above.path(), Permissions::from_mode(0o755)).unwrap();
        let deep = above.path().join("a/b/c");
        make(&deep).unwrap();
        for folder in ["a", "a/b", "a/b/c"] {
            assert_eq!(mode(&above.path().join(folder)), 0o700, "{folder}");
        }
        // One that is there stays as its owner has it.
        fs::set_permissions(&deep, Permissions::from_mode(0o750)).unwrap();
        make(&deep).unwrap();
        assert_eq!((mode(&deep), mode(above.path())), (0o750, 0o755));
        let file = above.path().join("file");
        fs::write(&file, "").unwrap();
        symlink("nowhere", above.path().join("link")).unwrap();
        for wrong in ["file", "file/x", "link/x", "link"] {
            assert!(make(&above.path().join(wrong)).is_err(), "{wrong}");
        }
        // Where nothing can be made, and the system says that it is not there.
        assert!(make(Path::new("/proc/nowhere/x")).is_err());
        assert!(make(Path::new("")).is_err());
    }

    #[test]
    fn no_link_leads_out_of_a_folder() {
        let all = tempfile::tempdir().unwrap();
        let (own, other) = (all.path().join("own"), all.path().join("other"));
        make(&own.join("results/x")).unwrap();
        make(&other.join("deep")).unwrap();
        for file in ["other/precious", "other/deep/precious", "own/results/x/a"] {
            fs::write(all.path().join(file), "kept").unwrap();
        }
        symlink(&other, own.join("results/linked")).unwrap();
        symlink("../../other/deep", own.join("results/relative")).unwrap();
        symlink(other.join("precious"), own.join("results/x/file")).unwrap();
        for below in [
            "results/linked/precious",
            "results/linked/deep/precious",
            "results/relative/precious",
        ] {
            let why = remove_file(&own, below).unwrap_err().to_string();
            assert!(why.contains("is a link"), "{why}");
        }
        assert_eq!(fs::read(other.join("precious")).unwrap(), b"kept");
        assert_eq!(fs::read(other.join("deep/precious")).unwrap(), b"kept");
        // A link in place of a file goes, and what it leads to stays.
        remove_file(&own, "results/x/file").unwrap();
        assert!(!own.join("results/x/file").exists() && other.join("precious").exists());
        remove_file(&own, "results/x/a").unwrap();
        for gone in ["results/x/a", "results/none/a", "b"] {
            let error = remove_file(&own, gone).unwrap_err();
            assert_eq!(error.kind(), ErrorKind::NotFound, "{gone}");
        }
        // The data folder may lie on another disk.
        fs::write(own.join("top"), "").unwrap();
        symlink(&own, all.path().join("moved")).unwrap();
        remove_file(&all.path().join("moved"), "top").unwrap();
    }
}
