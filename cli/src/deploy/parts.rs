//! What a release carries beside `dlt`: the functions, the MCP server's function, the
//! worker. Functions are packed as Lambda takes them, and named by their content.

use super::error::DeployError;
use sha2::{Digest, Sha256};
use std::io::{Cursor, Read, Write};
use std::path::{Path, PathBuf};
use zip::write::SimpleFileOptions;

/// The functions of the workflow and the API.
const FUNCTIONS: &str = "dlt-functions";
/// The MCP server as a function.
const MCP: &str = "dlt-mcp-lambda";
/// What a runner executes.
const WORKER: &str = "dlt-worker";
/// The console's files; a release may be without.
const CONSOLE: &str = "console.zip";
/// Where a package of the system puts them, from where it puts `dlt`.
const PACKAGED: &str = "../lib/dlt";
/// What Lambda starts (AWS Lambda Developer Guide, custom runtimes).
const ENTRY: &str = "bootstrap";

/// The programs of a deployment.
#[derive(Debug, Clone)]
pub struct Parts {
    /// The functions.
    pub functions: PathBuf,
    /// The MCP server's function.
    pub mcp: PathBuf,
    /// The worker.
    pub worker: PathBuf,
    /// The console's files, where the release has them.
    pub console: Option<PathBuf>,
}

/// An archive as it goes to the bucket.
#[derive(Debug, Clone)]
pub struct Archive {
    /// Its name in the bucket, which contains its content's hash.
    pub key: String,
    content: Content,
}

#[derive(Debug, Clone)]
enum Content {
    /// A program, which is packed only where it has to be sent: that takes seconds.
    Program { path: PathBuf, bytes: Vec<u8> },
    /// An archive already.
    Packed(Vec<u8>),
}

impl Archive {
    /// Its bytes.
    pub fn packed(self) -> Result<Vec<u8>, DeployError> {
        match self.content {
            Content::Packed(bytes) => Ok(bytes),
            Content::Program { path, bytes } => packed(&bytes).map_err(|error| {
                DeployError::Local(format!("{} cannot be packed: {error}", path.display()))
            }),
        }
    }
}

impl Parts {
    /// Finds the programs beside this one, or where a package puts them.
    pub fn find() -> Result<Self, DeployError> {
        let program = std::env::current_exe()
            .and_then(|path| path.canonicalize())
            .map_err(|error| DeployError::Local(format!("where dlt is cannot be seen: {error}")))?;
        let folder = program.parent().unwrap_or(Path::new("/"));
        Self::in_folders(&[folder.to_owned(), folder.join(PACKAGED)])
    }

    fn in_folders(folders: &[PathBuf]) -> Result<Self, DeployError> {
        let find = |name: &str| {
            let mut candidates = folders.iter().map(|folder| folder.join(name));
            candidates.find(|path| path.is_file()).ok_or_else(|| {
                let folders: Vec<String> = folders
                    .iter()
                    .map(|folder| folder.display().to_string())
                    .collect();
                DeployError::Local(format!(
                    "{name} is not in {}; deploying needs the whole release: unpack its archive, or \
                     build it with cargo xtask dist",
                    folders.join(" nor in ")
                ))
            })
        };
        let mut consoles = folders.iter().map(|folder| folder.join(CONSOLE));
        Ok(Self {
            console: consoles.find(|path| path.is_file()),
            functions: find(FUNCTIONS)?,
            mcp: find(MCP)?,
            worker: find(WORKER)?,
        })
    }
}

impl Parts {
    /// What the functions were built for, as Lambda names it: bytes 18 and 19 of an ELF
    /// file (System V ABI, `e_machine`).
    pub fn architecture(&self) -> Result<&'static str, DeployError> {
        let mut head = [0; 20];
        std::fs::File::open(&self.functions)
            .and_then(|mut file| file.read_exact(&mut head))
            .map_err(|error| {
                let path = self.functions.display();
                DeployError::Local(format!("{path} cannot be read: {error}"))
            })?;
        match (&head[..4], head[18]) {
            (b"\x7fELF", 0x3e) => Ok("x86_64"),
            (b"\x7fELF", 0xb7) => Ok("arm64"),
            _ => Err(DeployError::Local(format!(
                "{} is no program for Linux on x86_64 or arm64, which is what Lambda runs",
                self.functions.display()
            ))),
        }
    }
}

/// A program for Lambda, named by what it is, not by how it is packed.
pub fn archive(program: &Path) -> Result<Archive, DeployError> {
    let bytes = read(program)?;
    let name = program.file_name().unwrap_or_default().to_string_lossy();
    Ok(Archive {
        key: format!("functions/{name}-{}.zip", hash(&bytes)),
        content: Content::Program {
            path: program.to_owned(),
            bytes,
        },
    })
}

/// The archive of a program. The same program gives the same bytes.
fn packed(program: &[u8]) -> zip::result::ZipResult<Vec<u8>> {
    let mut archive = zip::ZipWriter::new(Cursor::new(Vec::new()));
    // Without the file's time: zip's own first day.
    let options = SimpleFileOptions::default()
        .last_modified_time(zip::DateTime::default())
        .unix_permissions(0o755);
    archive.start_file(ENTRY, options)?;
    archive.write_all(program)?;
    Ok(archive.finish()?.into_inner())
}

/// The console's files as they are.
pub fn console(path: &Path) -> Result<Archive, DeployError> {
    let bytes = read(path)?;
    Ok(Archive {
        key: format!("console/{}.zip", hash(&bytes)),
        content: Content::Packed(bytes),
    })
}

fn read(path: &Path) -> Result<Vec<u8>, DeployError> {
    std::fs::read(path)
        .map_err(|error| DeployError::Local(format!("{} cannot be read: {error}", path.display())))
}

/// The first half of a content's SHA-256, in hex: enough to name it.
pub fn hash(bytes: &[u8]) -> String {
    let digest = Sha256::digest(bytes);
    digest[..16]
        .iter()
        .map(|byte| format!("{byte:02x}"))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_archive_holds_an_executable_bootstrap_and_is_named_by_its_content() {
        let folder = tempfile::tempdir().unwrap();
        let program = folder.path().join(FUNCTIONS);
        std::fs::write(&program, b"\x7fELF something").unwrap();
        let first = archive(&program).unwrap();
        let bytes = first.clone().packed().unwrap();
        let mut zip = zip::ZipArchive::new(Cursor::new(bytes.clone())).unwrap();
        let mut entry = zip.by_name("bootstrap").unwrap();
        assert_eq!(entry.unix_mode().unwrap() & 0o777, 0o755);
        let mut content = Vec::new();
        entry.read_to_end(&mut content).unwrap();
        assert_eq!(content, b"\x7fELF something");
        // Written again, at another time.
        std::fs::write(&program, b"\x7fELF something").unwrap();
        let again = archive(&program).unwrap();
        assert_eq!(again.key, first.key);
        assert_eq!(again.packed().unwrap(), bytes);
        std::fs::write(&program, b"\x7fELF other").unwrap();
        assert_ne!(archive(&program).unwrap().key, first.key);
    }

    #[test]
    fn what_a_program_is_built_for_is_read_from_it() {
        let folder = tempfile::tempdir().unwrap();
        let functions = folder.path().join(FUNCTIONS);
        let parts = Parts {
            functions: functions.clone(),
            mcp: functions.clone(),
            worker: functions.clone(),
            console: None,
        };
        std::fs::copy(std::env::current_exe().unwrap(), &functions).unwrap();
        let own = if cfg!(target_arch = "x86_64") {
            "x86_64"
        } else {
            "arm64"
        };
        assert_eq!(parts.architecture().unwrap(), own);
        std::fs::write(&functions, "#!/bin/sh\necho no program of ours\n").unwrap();
        assert!(parts.architecture().is_err());
    }

    #[test]
    fn a_missing_program_is_named_with_every_place() {
        let folder = tempfile::tempdir().unwrap();
        let (bin, lib) = (folder.path().join("bin"), folder.path().join("lib"));
        let folders = [bin.clone(), lib.clone()];
        std::fs::create_dir_all(&bin).unwrap();
        std::fs::create_dir_all(&lib).unwrap();
        let error = Parts::in_folders(&folders).unwrap_err().to_string();
        assert!(
            error.contains(FUNCTIONS) && error.contains("lib"),
            "{error}"
        );
        for name in [FUNCTIONS, MCP] {
            std::fs::write(lib.join(name), "").unwrap();
        }
        std::fs::write(bin.join(WORKER), "").unwrap();
        let parts = Parts::in_folders(&folders).unwrap();
        assert_eq!(parts.worker, bin.join(WORKER));
        assert_eq!(parts.mcp, lib.join(MCP));
    }
}
