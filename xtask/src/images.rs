//! The worker's image against a registry that others wrote, and entered as an engine would
//! enter it. What is asked of both stands in `tests/end_to_end/image.rs`.

use crate::step::target_folder;
use anyhow::{Context, Result, bail};
use std::path::PathBuf;
use std::process::{Command, Stdio};

/// Debian's registry: the reference implementation of OCI's distribution.
const PACKAGE: &str = "docker-registry";
/// The test that enters the image.
const ENTERS: &str = "the_worker_runs_in_it_finds_names_and_trusts_the_bundle";

/// The registry's program: the machine's own, or fetched below the target folder, where
/// it needs no rights and disturbs nothing.
pub fn registry() -> Result<PathBuf> {
    let folder = target_folder()?.join("tools").join(PACKAGE);
    let fetched = folder.join("usr").join("bin").join(PACKAGE);
    let installed = PathBuf::from(PACKAGE);
    if let Some(found) = [&installed, &fetched].into_iter().find(|path| works(path)) {
        return Ok(found.clone());
    }
    println!("fetching {PACKAGE} into {}", folder.display());
    std::fs::create_dir_all(&folder)?;
    let apt = |args: &[&str]| ran(Command::new("apt-get").current_dir(&folder).args(args));
    let download = || apt(&["download", "-qq", PACKAGE]);
    let is_package = |path: &PathBuf| path.extension().is_some_and(|end| end == "deb");
    // A new machine has no lists of packages yet.
    if download() || (apt(&["update", "-qq"]) && download()) {
        let files = std::fs::read_dir(&folder)?
            .flatten()
            .map(|entry| entry.path());
        let package = files.into_iter().find(is_package).context("a package")?;
        ran(Command::new("dpkg-deb").arg("-x").args([&package, &folder]));
    }
    if works(&fetched) {
        return Ok(fetched);
    }
    bail!(
        "NOT RUN: {PACKAGE} could not be fetched with apt-get, so that no registry has seen the worker's image; install it (apt-get install {PACKAGE}) and try again"
    )
}

/// What to leave out where nobody may enter a folder: on a developer's machine, said
/// loudly. CI runs all of it or fails.
pub fn left_out() -> Result<Vec<&'static str>> {
    let id = Command::new("id").arg("-u").output()?;
    if id.stdout.trim_ascii() == b"0" {
        return Ok(Vec::new());
    }
    let why = "NOT RUN: the worker inside its image and full data folders, since only root may enter a folder with chroot and mount a small file system";
    if std::env::var("CI").is_ok_and(|ci| ci == "true") {
        bail!("{why}");
    }
    println!("\n*** {why}\n");
    Ok(vec!["--skip", ENTERS, "--skip", "outage::"])
}

fn works(program: &PathBuf) -> bool {
    let mut command = Command::new(program);
    command.arg("--version").stdout(Stdio::null());
    ran(&mut command)
}

fn ran(command: &mut Command) -> bool {
    let status = command.stdin(Stdio::null()).status();
    status.is_ok_and(|status| status.success())
}
