//! What happens to a script before its runner is ready: its folder is filled, its tool is found, and
//! what can be seen of it without a request is looked at, so that what cannot run ends before
//! anything begins.

use super::process::{EndWatch, last_lines, prepare, signal_group};
use super::tools::{self, FoundTool};
use super::{ScriptError, archive, jmeter};
use dlt_core::scenario::plan::{DataSource, Plan, Script, Tool};
use rustix::process::Signal;
use std::fs;
use std::io::Read as _;
use std::os::unix::fs::DirBuilderExt as _;
use std::path::{Component, Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

/// How long a tool may take to read a script: one that loops for ever is ended.
const LONGEST_LOOK: Duration = Duration::from_secs(20);
/// How long each step of installing packages of Python may take: a runner that is not ready for
/// longer is replaced.
const LONGEST_INSTALL: Duration = Duration::from_secs(20);
/// Most of what a look prints that is kept, bytes.
const PRINTED_BYTES: u64 = 64 * 1024;

/// The bytes of the files that a script names, by their paths.
pub type ScriptFiles = Vec<(String, Vec<u8>)>;

/// The files that a plan's script names, without those that its archive may hold.
pub fn script_files(plan: &Plan) -> Vec<String> {
    let Some((script, data)) = script_of(plan) else {
        return Vec::new();
    };
    let mut files = vec![script.path.clone()];
    let beside = script
        .files
        .iter()
        .chain(data.iter().map(|data| &data.path));
    // Those of an archive are in it, unless they have a place of their own.
    let named = beside.filter(|path| !script.is_archive() || path.starts_with('/'));
    files.extend(named.cloned());
    files
}

fn script_of(plan: &Plan) -> Option<(&Script, &[DataSource])> {
    let group = plan.groups.iter().find(|group| group.script.is_some())?;
    Some((group.script.as_ref()?, &group.data))
}

/// A script in its folder, with its tool.
#[derive(Debug)]
pub struct PreparedScript {
    /// Removed with everything in it when the load is over.
    pub(super) folder: Folder,
    pub(super) tool: FoundTool,
    pub(super) script: PathBuf,
    /// Files of rows, with the places where this runner's rows go.
    pub(super) rows: Vec<(DataSource, PathBuf, Vec<u8>)>,
}

/// A folder that is removed with its owner.
#[derive(Debug)]
pub(super) struct Folder(pub(super) PathBuf);

impl Folder {
    /// A new one, for this user alone.
    fn new(name: &str) -> std::io::Result<Self> {
        let path = std::env::temp_dir().join(name);
        // What a runner that was killed left behind.
        let _ = fs::remove_dir_all(&path);
        fs::DirBuilder::new().mode(0o700).create(&path)?;
        fs::DirBuilder::new().mode(0o700).create(path.join("own"))?;
        fs::DirBuilder::new()
            .mode(0o700)
            .create(path.join("script"))?;
        Ok(Self(path))
    }

    /// What is ours and not the script's.
    pub(super) fn own(&self) -> PathBuf {
        self.0.join("own")
    }

    fn of_script(&self) -> PathBuf {
        self.0.join("script")
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        // What cannot be removed is left to the machine.
        let _ = fs::remove_dir_all(&self.0);
    }
}

impl PreparedScript {
    /// Fills the folder `name` with a plan's script and the files it names, and looks at it.
    /// Blocks for as long as the tool takes to read it.
    pub fn new(plan: &Plan, files: ScriptFiles, name: &str) -> Result<Self, ScriptError> {
        let Some((script, data)) = script_of(plan) else {
            return Err(ScriptError::Script {
                name: String::new(),
                why: "is not in this plan".to_owned(),
            });
        };
        let tool = tools::find(script.tool)?;
        let folder = Folder::new(name).map_err(ScriptError::Folder)?;
        let inside = folder.of_script();
        let path = put_script(script, &files, &inside)?;
        let beside = path.parent().unwrap_or(&inside).to_owned();
        for file in &script.files {
            if let Some(bytes) = bytes_of(&files, file) {
                put(&beside, file, bytes)?;
            } else {
                find_inside(&inside, &beside, file)?;
            }
        }
        let mut rows = Vec::new();
        for source in data {
            let (at, bytes) = match bytes_of(&files, &source.path) {
                // Whole, so that the script can be looked at; the runner's own rows follow.
                Some(bytes) => (put(&beside, &source.path, bytes)?, bytes.to_vec()),
                None => {
                    let at = find_inside(&inside, &beside, &source.path)?;
                    let bytes = fs::read(&at).map_err(ScriptError::Folder)?;
                    (at, bytes)
                }
            };
            rows.push((source.clone(), at, bytes));
        }
        let mut prepared = Self {
            folder,
            tool,
            script: path,
            rows,
        };
        prepared.look(plan)?;
        Ok(prepared)
    }

    /// Whose script it is.
    pub fn tool(&self) -> Tool {
        self.tool.tool
    }

    /// Looks at the script, as far as its tool can do that without a request.
    fn look(&mut self, plan: &Plan) -> Result<(), ScriptError> {
        let variables = plan.groups.iter().flat_map(|group| group.variables.clone());
        let variables: Vec<(String, String)> = variables.collect();
        const PARSE: &str =
            "import ast, sys; ast.parse(open(sys.argv[1], 'rb').read(), sys.argv[1])";
        let arguments: &[&str] = match self.tool.tool {
            // The plan is read when it is changed.
            Tool::Jmeter => return Ok(()),
            Tool::K6 => &["inspect", "--no-color"],
            Tool::Locust => {
                self.install_requirements()?;
                &["-c", PARSE]
            }
        };
        let mut command = Command::new(&self.tool.path);
        command.args(arguments).arg(&self.script);
        let folder = self.script.parent().unwrap_or(&self.folder.0).to_owned();
        let title = self.tool.tool.title();
        look(command, &folder, &variables, LONGEST_LOOK).map_err(|why| ScriptError::Script {
            name: name_of(&self.script),
            why: match why {
                Some(said) => format!("cannot be read by {title} {}: {said}", self.tool.version),
                None => format!(
                    "was not read by {title} in {} s: what it does when it is loaded does not end",
                    LONGEST_LOOK.as_secs()
                ),
            },
        })
    }

    /// Installs what a `requirements.txt` beside a locustfile asks for, into an environment of its own
    /// that sees Locust.
    fn install_requirements(&mut self) -> Result<(), ScriptError> {
        let folder = self.script.parent().unwrap_or(&self.folder.0).to_owned();
        let wanted = folder.join("requirements.txt");
        if !wanted.is_file() {
            return Ok(());
        }
        let own = self.folder.own().join("python");
        let fault = |why: Option<String>| ScriptError::File {
            name: "requirements.txt".to_owned(),
            why: match why {
                Some(said) => format!("cannot be installed: {said}"),
                None => format!("was not installed in {} s", LONGEST_INSTALL.as_secs()),
            },
        };
        let mut make = Command::new(&self.tool.path);
        make.args(["-m", "venv", "--system-site-packages"])
            .arg(&own);
        look(make, &folder, &[], LONGEST_INSTALL).map_err(fault)?;
        let python = own.join("bin/python");
        let mut install = Command::new(&python);
        install
            .args([
                "-m",
                "pip",
                "install",
                "--quiet",
                "--disable-pip-version-check",
                "-r",
            ])
            .arg(&wanted);
        look(install, &folder, &[], LONGEST_INSTALL).map_err(fault)?;
        self.tool.path = python;
        Ok(())
    }
}

/// What is wrong with a plan's script itself, as far as that can be seen without its tool.
pub fn file_fault(plan: &Plan, files: &ScriptFiles) -> Option<ScriptError> {
    let (script, _) = script_of(plan)?;
    let folder = format!(
        "dlt-look-{}",
        uuid::Builder::from_random_bytes(rand::random())
            .into_uuid()
            .simple()
    );
    let looked = Folder::new(&folder)
        .map_err(ScriptError::Folder)
        .and_then(|folder| {
            let path = put_script(script, files, &folder.of_script())?;
            match script.tool {
                Tool::Jmeter => jmeter::check(&path),
                Tool::K6 | Tool::Locust => Ok(()),
            }
        });
    looked.err()
}

/// Runs a command to its end; what it says last if it ends badly, None if it does not end.
fn look(
    mut command: Command,
    folder: &Path,
    variables: &[(String, String)],
    longest: Duration,
) -> Result<(), Option<String>> {
    let said = |error: std::io::Error| Some(error.to_string());
    let log = folder.join(".dlt-look");
    let out = fs::File::create(&log).map_err(said)?;
    let err = out.try_clone().map_err(said)?;
    prepare(&mut command, folder, variables);
    let mut child = command.stdout(out).stderr(err).spawn().map_err(said)?;
    let watch = EndWatch::of(&child);
    let until = Instant::now() + longest;
    let status = loop {
        match child.try_wait().map_err(said)? {
            Some(status) => break Some(status),
            None if Instant::now() >= until => break None,
            None => watch.wait(until.saturating_duration_since(Instant::now())),
        }
    };
    // What it started ends with it, also where it came to its end.
    signal_group(&child, Signal::KILL);
    // Its own end is not waited for any longer than a kill takes.
    let _ = child.wait();
    let mut printed = Vec::new();
    if let Ok(file) = fs::File::open(&log) {
        let _ = file.take(PRINTED_BYTES).read_to_end(&mut printed);
    }
    let _ = fs::remove_file(&log);
    match status {
        Some(status) if status.success() => Ok(()),
        Some(_) => Err(Some(last_lines(&String::from_utf8_lossy(&printed)))),
        None => Err(None),
    }
}

fn bytes_of<'a>(files: &'a ScriptFiles, path: &str) -> Option<&'a [u8]> {
    let found = files.iter().find(|file| file.0 == path)?;
    Some(&found.1)
}

fn name_of(path: &Path) -> String {
    let name = path.file_name().unwrap_or_default();
    name.to_string_lossy().into_owned()
}

/// Puts the script into its folder; returns where it lies.
fn put_script(script: &Script, files: &ScriptFiles, folder: &Path) -> Result<PathBuf, ScriptError> {
    let name = name_of(Path::new(&script.path));
    let bytes = bytes_of(files, &script.path).ok_or_else(|| ScriptError::Script {
        name: name.clone(),
        why: "was not fetched".to_owned(),
    })?;
    if !script.is_archive() {
        return put(folder, &script.path, bytes);
    }
    archive::unpack(bytes, script.tool, script.entry.as_deref(), folder).map_err(|error| {
        ScriptError::Script {
            name,
            why: error.to_string(),
        }
    })
}

/// Puts a file under the last part of its name.
fn put(folder: &Path, path: &str, bytes: &[u8]) -> Result<PathBuf, ScriptError> {
    let at = folder.join(name_of(Path::new(path)));
    fs::write(&at, bytes).map_err(|error| ScriptError::File {
        name: path.to_owned(),
        why: format!("cannot be put beside it: {error}"),
    })?;
    Ok(at)
}

/// A file that an archive holds: from its root, or beside the script.
fn find_inside(root: &Path, beside: &Path, path: &str) -> Result<PathBuf, ScriptError> {
    let inner = Path::new(path);
    let is_inner = inner
        .components()
        .all(|part| matches!(part, Component::Normal(_) | Component::CurDir));
    [root, beside]
        .into_iter()
        .map(|folder| folder.join(inner))
        .find(|file| is_inner && file.is_file())
        .ok_or_else(|| ScriptError::File {
            name: path.to_owned(),
            why: "is neither beside the archive nor in it".to_owned(),
        })
}
