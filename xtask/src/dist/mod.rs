//! `dist`: what a release is. Builds the programs (`programs`), checks with which C library
//! they run (`glibc`), packs them (`packed`), and says what they are made of (`sbom`).

mod console_zip;
pub mod glibc;
mod packed;
mod programs;
mod sbom;

use crate::step::target_folder;
use crate::{console, step};
use anyhow::{Context, Result, bail};
use programs::{Machine, Programs};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

/// How and where.
#[derive(Debug, clap::Args)]
pub struct Dist {
    /// Cargo's profile; another one than dist is for trying this command
    #[arg(long, default_value = "dist")]
    profile: String,
    /// Build for this machine with zig as C compiler and linker [default: the machine's own tools]
    #[arg(long, value_enum)]
    machine: Option<Machine>,
    /// Pack the programs of this folder, which were built before, and build nothing
    #[arg(long, conflicts_with = "profile")]
    programs: Option<PathBuf>,
    /// Folder of releases [default: releases in the target folder]
    #[arg(long)]
    output: Option<PathBuf>,
}

/// Makes a release of one machine; whether all is well.
pub fn dist(args: &Dist) -> Result<bool> {
    let programs = match &args.programs {
        Some(folder) => Programs::built(folder, args.machine)?,
        // Before dlt, which takes it in.
        None if console::build()?.failed > 0 => return Ok(false),
        None => match Programs::build(&args.profile, args.machine)? {
            Some(programs) => programs,
            None => return Ok(false),
        },
    };
    glibc::check(&programs.paths())?;
    let releases = match &args.output {
        Some(folder) => folder.clone(),
        None => target_folder()?.join("releases"),
    };
    let name = format!("dlt-{}-{}", version(), programs.machine.rust());
    let folder = releases.join(&name);
    if folder.exists() {
        fs::remove_dir_all(&folder).with_context(|| folder.display().to_string())?;
    }
    fs::create_dir_all(&folder)?;
    let tree = folder.join(&name);
    packed::tree(&programs, &tree)?;
    if !console_zip::write(&file("console/dist"), &tree.join("lib/dlt/console.zip"))? {
        println!("WITHOUT CONSOLE: a hub of this release hosts none; npm is needed to build it");
    }
    runs(&programs, &tree)?;
    packed::archive(&folder, &name)?;
    packed::zips(&programs, &folder)?;
    packed::debian(&tree, &folder, programs.machine)?;
    sbom::write(programs.machine, &folder.join(format!("{name}.cdx.json")))?;
    fs::remove_dir_all(&tree)?;
    sums(&folder)?;
    Ok(true)
}

/// What is packed must run from where it is packed, with what is beside it.
fn runs(programs: &Programs, tree: &Path) -> Result<()> {
    if programs.machine != Machine::here()? {
        println!("NOT RUN: this machine cannot run what was built for another");
        return Ok(());
    }
    let dlt = || Command::new(tree.join("bin/dlt"));
    let said = printed(dlt().arg("--version"))?;
    if said.trim() != format!("dlt {}", version()) {
        bail!("the packed dlt says {said:?}, and this is {}", version());
    }
    let said = printed(dlt().arg("image").arg(tree.join("lib/dlt/dlt-worker")))?;
    print!("{said}");
    Ok(())
}

/// SHA256SUMS, as `sha256sum --check` reads them.
fn sums(folder: &Path) -> Result<()> {
    let mut names: Vec<_> = fs::read_dir(folder)?
        .map(|entry| Ok(entry?.file_name()))
        .collect::<Result<_>>()?;
    names.sort();
    let text = printed(Command::new("sha256sum").args(&names).current_dir(folder))?;
    fs::write(folder.join("SHA256SUMS"), &text)?;
    print!("{}\n{text}", folder.display());
    Ok(())
}

/// What a program prints; an error if it fails.
fn printed(command: &mut Command) -> Result<String> {
    let program = command.get_program().to_owned();
    let output = command
        .output()
        .with_context(|| format!("failed to start {}", program.display()))?;
    if !output.status.success() {
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        bail!("{} failed: {}", program.display(), said.trim());
    }
    Ok(String::from_utf8(output.stdout)?)
}

fn version() -> &'static str {
    env!("CARGO_PKG_VERSION")
}

/// Of the repository.
fn file(name: &str) -> PathBuf {
    step::root().join(name)
}
