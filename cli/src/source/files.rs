//! Files that a scenario names: used in place, or uploaded to a server under names that it
//! accepts. The upload itself is in `draft`.

use dlt_core::keys::LARGEST_FILE_BYTES;
use dlt_core::refusal::Fault;
use dlt_core::scenario::plan::Plan;
use dlt_worker::engine::{BODY_FILE, FileFault, PlanFiles, file_faults, named_files};
use dlt_worker::scripts::file_fault;
use std::cell::RefCell;
use std::path::{Path, PathBuf};

/// Longest name that the API accepts, characters.
const LONGEST_NAME: usize = 200;

/// File systems without data of people (linux/magic.h): proc, sysfs, debugfs, tracefs, securityfs,
/// cgroup2 and cgroup.
const OF_KERNEL: [u32; 7] = [
    0x9fa0,
    0x6265_6572,
    0x6462_6720,
    0x7472_6163,
    0x7363_6673,
    0x6367_7270,
    0x0027_e0eb,
];

/// A file to be uploaded.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Upload {
    /// Its unique name on the server, without folders.
    pub name: String,
    /// Its path on this machine.
    pub path: PathBuf,
}

/// How named files reach the runners.
#[derive(Debug)]
pub enum Files {
    /// Runners on this machine read them in place.
    InPlace,
    /// They are uploaded, and the scenario names the uploads.
    Uploaded(RefCell<Vec<Upload>>),
}

impl Files {
    /// No files to upload yet.
    pub fn to_upload() -> Self {
        Self::Uploaded(RefCell::default())
    }

    /// The files to upload.
    pub fn uploads(self) -> Vec<Upload> {
        match self {
            Self::InPlace => Vec::new(),
            Self::Uploaded(uploads) => uploads.into_inner(),
        }
    }

    /// What is wrong with the contents of the files that a plan names.
    pub fn judge(&self, plan: &Plan) -> Vec<Fault> {
        let mut contents = PlanFiles::default();
        let mut unread = Vec::new();
        for named in named_files(plan) {
            let path = match self {
                Self::InPlace => PathBuf::from(&named.path),
                Self::Uploaded(uploads) => match uploads
                    .borrow()
                    .iter()
                    .find(|upload| upload.name == named.path)
                {
                    Some(upload) => upload.path.clone(),
                    None => continue,
                },
            };
            // Bodies may be large, and hold anything.
            if named.what == BODY_FILE {
                continue;
            }
            let length = std::fs::metadata(&path).map(|file| file.len());
            let why = match length.and_then(|length| {
                let fits = length <= LARGEST_FILE_BYTES;
                fits.then(|| std::fs::read(&path)).transpose()
            }) {
                Ok(Some(bytes)) => {
                    contents.add(&named.path, bytes);
                    continue;
                }
                Ok(None) => format!("has more than {LARGEST_FILE_BYTES} bytes (64 MiB): split it"),
                Err(error) => format!("cannot be read: {error}"),
            };
            unread.push((named.path.clone(), why));
        }
        if let Some(fault) = self.judge_script(plan) {
            return vec![fault];
        }
        let faults = file_faults(plan, &contents).into_iter().map(|fault| {
            let why = unread.iter().find(|(path, _)| *path == fault.path);
            match why {
                Some((_, why)) => FileFault {
                    why: why.clone(),
                    ..fault
                },
                None => fault,
            }
        });
        faults
            .map(|fault| Fault {
                path: format!("testScenario.scenarios.{}.{}", fault.scenario, fault.key),
                reason: self.in_words(&fault),
            })
            .collect()
    }

    /// What is wrong with a plan's script, as far as that can be seen without its tool.
    fn judge_script(&self, plan: &Plan) -> Option<Fault> {
        let group = plan.groups.iter().find(|group| group.script.is_some())?;
        let script = group.script.as_ref()?;
        let path = match self {
            Self::InPlace => PathBuf::from(&script.path),
            Self::Uploaded(uploads) => {
                let uploads = uploads.borrow();
                let upload = uploads.iter().find(|it| it.name == script.path)?;
                upload.path.clone()
            }
        };
        let fault = |reason: String| Fault {
            path: format!("testScenario.scenarios.{}.script", group.name),
            reason,
        };
        let length = std::fs::metadata(&path).map_or(0, |file| file.len());
        if length > LARGEST_FILE_BYTES {
            let reason = format!("has more than {LARGEST_FILE_BYTES} bytes (64 MiB): split it");
            return Some(fault(reason));
        }
        let bytes = match std::fs::read(&path) {
            Ok(bytes) => bytes,
            Err(error) => return Some(fault(format!("cannot be read: {error}"))),
        };
        let files = vec![(script.path.clone(), bytes)];
        file_fault(plan, &files).map(|error| fault(error.to_string()))
    }

    /// The fault with the file's name on this machine.
    fn in_words(&self, fault: &FileFault) -> String {
        let path = match self {
            Self::InPlace => fault.path.clone(),
            Self::Uploaded(uploads) => {
                let uploads = uploads.borrow();
                let upload = uploads.iter().find(|upload| upload.name == fault.path);
                upload.map_or_else(
                    || fault.path.clone(),
                    |upload| upload.path.display().to_string(),
                )
            }
        };
        format!("{path} {}", fault.why).trim().to_owned()
    }

    /// The name of a readable file in the scenario.
    pub fn check(&self, folder: &Path, name: &str) -> Result<String, String> {
        let path = check_file(folder, name)?;
        Ok(match self {
            Self::InPlace => path,
            Self::Uploaded(uploads) => upload_name(&mut uploads.borrow_mut(), path.into()),
        })
    }
}

/// Adds an upload; its name. The same file keeps its name, another file of the same name
/// gets a number as prefix.
fn upload_name(uploads: &mut Vec<Upload>, path: PathBuf) -> String {
    if let Some(known) = uploads.iter().find(|upload| upload.path == path) {
        return known.name.clone();
    }
    let plain = plain_name(&path);
    let taken = |name: &str| uploads.iter().any(|upload| upload.name == name);
    let name = if taken(&plain) {
        (2..)
            .map(|number| format!("{number}-{plain}"))
            .find(|name| !taken(name))
            .unwrap_or_default()
    } else {
        plain
    };
    uploads.push(Upload {
        name: name.clone(),
        path,
    });
    name
}

/// The file's name in characters that the API accepts. A long name keeps its end, with the
/// extension.
fn plain_name(path: &Path) -> String {
    // Without the prefix.
    const MOST: usize = LONGEST_NAME - 8;
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    let plain: String = name
        .chars()
        .map(|c| {
            if c.is_alphanumeric() || matches!(c, '.' | '-' | '_' | ' ') {
                c
            } else {
                '_'
            }
        })
        .collect();
    let length = plain.chars().count();
    let kept: String = plain.chars().skip(length.saturating_sub(MOST)).collect();
    match kept.trim_start_matches('.') {
        "" => "file".to_owned(),
        kept => kept.to_owned(),
    }
}

/// Whether a file is made by the kernel when it is read (`/proc/kmsg`).
fn is_of_kernel(path: &Path) -> bool {
    rustix::fs::statfs(path).is_ok_and(|found| OF_KERNEL.contains(&(found.f_type as u32)))
}

/// The absolute path of a file, if it can be read.
fn check_file(folder: &Path, name: &str) -> Result<String, String> {
    let path = std::path::absolute(folder.join(name)).map_err(|error| error.to_string())?;
    let shown = path.display();
    let refused = |error: std::io::Error| format!("{shown} cannot be read: {error}");
    // Checked before opening: opening a named pipe would wait for its writer.
    if !std::fs::metadata(&path).map_err(refused)?.is_file() {
        return Err(format!("{shown} is not a file"));
    }
    // Those look like any other, and may have no end, or do something when they are read.
    if is_of_kernel(&path) {
        return Err(format!(
            "{shown} is a file of the kernel; name one with data"
        ));
    }
    std::fs::File::open(&path).map_err(refused)?;
    path.to_str()
        .map(str::to_owned)
        .ok_or_else(|| format!("{shown} is not UTF-8"))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Opening a pipe waits for ever, reading a device may have no end.
    #[test]
    fn what_is_no_file_of_data_is_refused_before_it_is_opened() {
        let folder = tempfile::tempdir().unwrap();
        let place = folder.path();
        let pipe = place.join("pipe");
        rustix::fs::mknodat(
            rustix::fs::CWD,
            &pipe,
            rustix::fs::FileType::Fifo,
            rustix::fs::Mode::RUSR,
            0,
        )
        .unwrap();
        let _socket = std::os::unix::net::UnixListener::bind(place.join("socket")).unwrap();
        std::os::unix::fs::symlink("/dev/zero", place.join("link")).unwrap();
        std::os::unix::fs::symlink("/proc/self/status", place.join("kernel")).unwrap();
        std::fs::write(place.join("rows.csv"), "a\n1\n").unwrap();
        for (name, says) in [
            ("pipe", "is not a file"),
            ("socket", "is not a file"),
            (".", "is not a file"),
            ("link", "is not a file"),
            ("/dev/zero", "is not a file"),
            ("/dev/null", "is not a file"),
            ("/proc/kmsg", "is a file of the kernel"),
            ("/proc/self/environ", "is a file of the kernel"),
            ("kernel", "is a file of the kernel"),
            ("none", "cannot be read"),
        ] {
            let why = check_file(place, name).unwrap_err();
            assert!(why.contains(says), "{name}: {why}");
        }
        check_file(place, "rows.csv").unwrap();
    }

    #[test]
    fn names_are_unique_and_accepted_by_the_api() {
        let mut uploads = Vec::new();
        let mut name = |path: &str| upload_name(&mut uploads, path.into());
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
