//! The loader and the libraries that a worker needs, found on this machine where its own
//! loader finds them. They go to the same paths of the image, so that the loader, which
//! comes from here too, finds them there without a cache.

use super::elf::{Elf, Machine};
use super::error::ImageError;
use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::io::Read;
use std::path::{Path, PathBuf};

/// Largest program or library, bytes: a worker with all its symbols has a tenth.
const LARGEST_FILE: u64 = 256 * 1024 * 1024;
/// Most libraries: the worker needs four.
const MOST_LIBRARIES: usize = 64;

/// Paths of the image, absolute, with what is there.
pub type Files = BTreeMap<String, Vec<u8>>;

/// Where loaders look that nobody configured: Debian's family first, then all others.
fn folders(machine: Machine) -> Vec<String> {
    let rust = machine.rust();
    [
        &format!("/lib/{rust}-linux-gnu"),
        &format!("/usr/lib/{rust}-linux-gnu"),
        "/lib64",
        "/usr/lib64",
        "/lib",
        "/usr/lib",
    ]
    .map(str::to_owned)
    .into()
}

/// A worker, and what it needs beside itself.
#[derive(Debug)]
pub struct Program {
    /// Its bytes.
    pub bytes: Vec<u8>,
    /// What it runs on.
    pub machine: Machine,
    /// Loader and libraries; none if it is static.
    pub files: Files,
}

impl Program {
    /// Reads it, and finds what it needs.
    pub fn find(worker: &Path) -> Result<Self, ImageError> {
        let bytes = read(worker, LARGEST_FILE)?;
        let refused = |why| ImageError::NotAWorker {
            path: worker.to_owned(),
            why,
        };
        let elf = Elf::read(&bytes).map_err(refused)?;
        let machine = elf.machine;
        let mut files = Files::new();
        if let Some(loader) = &elf.interpreter {
            here(
                worker,
                machine,
                std::env::consts::OS,
                std::env::consts::ARCH,
            )?;
            let found = Path::new(loader);
            if !found.exists() {
                return Err(ImageError::NoLibrary {
                    name: loader.clone(),
                    needed_by: worker.to_owned(),
                    searched: "its place".to_owned(),
                });
            }
            files.insert(loader.clone(), read(found, LARGEST_FILE)?);
            libraries(worker, elf, &folders(machine), &mut files)?;
        }
        Ok(Self {
            bytes,
            machine,
            files,
        })
    }
}

/// Refuses a worker whose libraries cannot be those of this machine.
fn here(worker: &Path, machine: Machine, os: &str, arch: &str) -> Result<(), ImageError> {
    if (os, arch) == ("linux", machine.rust()) {
        return Ok(());
    }
    Err(ImageError::OtherMachine {
        path: worker.to_owned(),
        worker: machine.rust(),
        here: format!("{os} on {arch}"),
    })
}

/// All libraries that the program needs, and that those need.
fn libraries(
    worker: &Path,
    elf: Elf,
    folders: &[String],
    files: &mut Files,
) -> Result<(), ImageError> {
    let machine = elf.machine;
    // The loader is loaded already when a library names it.
    let loader = elf
        .interpreter
        .iter()
        .filter_map(|path| path.rsplit('/').next());
    let mut known: BTreeSet<String> = loader.map(str::to_owned).collect();
    let mut open: VecDeque<(PathBuf, String)> = VecDeque::new();
    let mut add = |from: &Path, names: Vec<String>, open: &mut VecDeque<_>| {
        for name in names {
            if known.insert(name.clone()) {
                open.push_back((from.to_owned(), name));
            }
        }
        known.len()
    };
    add(worker, elf.needed, &mut open);
    while let Some((needed_by, name)) = open.pop_front() {
        let (path, bytes, needed) = find(machine, &name, folders, &needed_by)?;
        if add(Path::new(&path), needed, &mut open) > MOST_LIBRARIES {
            return Err(ImageError::NotAWorker {
                path: worker.to_owned(),
                why: format!("it needs more than {MOST_LIBRARIES} libraries"),
            });
        }
        files.insert(path, bytes);
    }
    Ok(())
}

/// The first library of this name that is for the machine, as a loader takes it.
fn find(
    machine: Machine,
    name: &str,
    folders: &[String],
    needed_by: &Path,
) -> Result<(String, Vec<u8>, Vec<String>), ImageError> {
    // A name with a slash is a path, which means another file in the image.
    let is_name = !name.contains('/') && !name.is_empty();
    for folder in folders.iter().filter(|_| is_name) {
        let path = format!("{folder}/{name}");
        if !Path::new(&path).exists() {
            continue;
        }
        let bytes = read(Path::new(&path), LARGEST_FILE)?;
        match Elf::read(&bytes) {
            Ok(elf) if elf.machine == machine => return Ok((path, bytes, elf.needed)),
            // Another machine's, as beside each other on one with several.
            _ => {}
        }
    }
    Err(ImageError::NoLibrary {
        name: name.to_owned(),
        needed_by: needed_by.to_owned(),
        searched: folders.join(", "),
    })
}

/// A whole file of a bounded size.
pub fn read(path: &Path, most: u64) -> Result<Vec<u8>, ImageError> {
    let unreadable = |error: std::io::Error| ImageError::Unreadable {
        path: path.to_owned(),
        why: error.to_string(),
    };
    let file = std::fs::File::open(path).map_err(unreadable)?;
    let mut bytes = Vec::new();
    let read = file.take(most + 1).read_to_end(&mut bytes);
    if read.map_err(unreadable)? as u64 > most {
        return Err(ImageError::TooLarge {
            what: path.display().to_string(),
            most_mib: most / 1024 / 1024,
        });
    }
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_program_is_found_with_all_that_it_needs() {
        let found = Program::find(&std::env::current_exe().unwrap()).unwrap();
        let names: BTreeSet<&str> = found
            .files
            .keys()
            .filter_map(|path| path.rsplit('/').next())
            .collect();
        assert!(names.contains("libc.so.6"), "{names:?}");
        let loaders = names.iter().filter(|name| name.starts_with("ld-linux"));
        assert_eq!(loaders.count(), 1, "the loader once: {names:?}");
        // Closed: what its libraries need is there, too.
        for bytes in found.files.values() {
            for name in Elf::read(bytes).unwrap().needed {
                assert!(names.contains(name.as_str()), "{name} of {names:?}");
            }
        }
    }

    #[test]
    fn a_worker_of_another_machine_is_refused_in_words() {
        let worker = Path::new("dlt-worker");
        here(worker, Machine::Arm64, "linux", "aarch64").unwrap();
        for (os, arch) in [("linux", "x86_64"), ("macos", "aarch64")] {
            let error = here(worker, Machine::Arm64, os, arch)
                .unwrap_err()
                .to_string();
            for word in ["aarch64", os, "worker/Dockerfile"] {
                assert!(error.contains(word), "{error}");
            }
        }
    }

    #[test]
    fn a_missing_library_is_named_with_who_needs_it() {
        let folder = tempfile::tempdir().unwrap();
        let folders = [folder.path().to_string_lossy().into_owned()];
        // Not even one of this name that is for another machine.
        std::fs::write(folder.path().join("libc.so.6"), b"no library").unwrap();
        for name in ["libc.so.6", "../libc.so.6", ""] {
            let found = find(Machine::Amd64, name, &folders, Path::new("dlt-worker"));
            let error = found.unwrap_err().to_string();
            assert!(error.contains("dlt-worker needs"), "{error}");
            assert!(error.contains(&folders[0]), "{error}");
        }
    }

    #[test]
    fn files_are_read_up_to_a_limit() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("file");
        std::fs::write(&path, vec![0; 1024 * 1024 + 1]).unwrap();
        assert!(read(&path, 2 * 1024 * 1024).is_ok());
        let error = read(&path, 1024 * 1024).unwrap_err().to_string();
        assert!(error.contains("more than 1 MiB"), "{error}");
        let error = read(&folder.path().join("none"), 1).unwrap_err();
        assert!(error.to_string().contains("cannot be read"));
    }
}
