//! What measurements need, installed where that is possible: programs of Debian by apt, oha from
//! crates.io. k6 and JMeter are installed as for tests (`engines`).

use crate::step::{cargo, target_folder};
use anyhow::{Result, bail};
use std::path::PathBuf;
use std::process::Command;

/// The packages of Debian that have what is needed.
const PACKAGES: [&str; 6] = [
    "nginx-light",
    "nghttp2-client",
    "wrk",
    "util-linux",
    "valgrind",
    "openssl",
];

/// Installs what is missing where that is possible, else says what to install.
pub fn need(programs: &[&str]) -> Result<()> {
    let missing = |program: &&&str| !on_path(program);
    if !programs.iter().any(|program| missing(&program)) {
        return Ok(());
    }
    println!("installing {} with apt-get", PACKAGES.join(", "));
    for args in [
        &["update"][..],
        &["install", "-y", "--no-install-recommends"],
    ] {
        let mut command = Command::new("apt-get");
        let packages = PACKAGES.iter().filter(|_| args.len() > 1);
        command
            .args(args)
            .args(packages)
            .env("DEBIAN_FRONTEND", "noninteractive");
        // Whether it worked is seen below.
        let _ = command.status();
    }
    let left: Vec<&&str> = programs.iter().filter(missing).collect();
    if !left.is_empty() {
        bail!("these programs are needed and could not be installed: {left:?}");
    }
    Ok(())
}

fn on_path(program: &str) -> bool {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let mut folders: Vec<PathBuf> = std::env::split_paths(&path).collect();
    folders.push("/usr/sbin".into());
    folders.iter().any(|folder| folder.join(program).exists())
}

/// oha, built once into the folder of tools.
pub fn oha() -> Result<PathBuf> {
    let folder = target_folder()?.join("tools").join("oha");
    let program = folder.join("bin").join("oha");
    if program.exists() {
        return Ok(program);
    }
    println!("installing oha from crates.io");
    let built = folder.join("build");
    let mut install = cargo(&["install", "--quiet", "--locked", "oha", "--root"]);
    install.arg(&folder).arg("--target-dir").arg(&built);
    let installed = install.status()?.success();
    let _ = std::fs::remove_dir_all(built);
    match installed && program.exists() {
        true => Ok(program),
        false => bail!("oha does not build here"),
    }
}
