//! `bench instructions`: how many instructions parts of the engine take, next to those that are kept
//! in `worker/instructions.txt`. Counted by valgrind's callgrind on the program `instructions`, at two
//! numbers of repetitions whose difference is free of what happens once. The counts hold for one
//! compiler and one processor family: they are compared on purpose, never asserted.

use crate::step::{cargo, root, target_folder};
use anyhow::{Context, Result, ensure};
use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::path::Path;
use std::process::Command;

/// Repetitions of a part: enough that what is rare, like a second that ends, has its share.
const TIMES: u64 = 2_000;
/// Where counts are kept.
const KEPT: &str = "worker/instructions.txt";

/// What `bench instructions` does.
#[derive(Debug, clap::Args)]
pub struct Instructions {
    /// Keeps these counts.
    #[arg(long)]
    update: bool,
}

/// Counts, prints both and, if wanted, keeps them.
pub fn instructions(what: &Instructions) -> Result<()> {
    super::need(&["valgrind"])?;
    let mut build = cargo(&["build", "--release", "--package", "dlt-worker"]);
    build.args(["--features", "instructions", "--bin", "instructions"]);
    ensure!(
        build.status()?.success(),
        "the program instructions does not build"
    );
    let program = target_folder()?.join("release").join("instructions");
    let named = Command::new(&program).output()?;
    let names = String::from_utf8(named.stdout)?;
    let path = root().join(KEPT);
    let kept = kept(&std::fs::read_to_string(&path).unwrap_or_default());
    let mut file = format!(
        "# Instructions of a part of the engine, by `cargo xtask bench instructions --update`.\n# {}\n",
        compiler()?
    );
    println!("| part | instructions | kept | |\n|---|---|---|---|");
    for name in names.lines() {
        let once = counted(&program, name, TIMES)?;
        let twice = counted(&program, name, 2 * TIMES)?;
        let each = (twice.saturating_sub(once) + TIMES / 2) / TIMES;
        let (before, change) = match kept.get(name) {
            Some(before) => {
                let change = 100.0 * (each as f64 / *before as f64 - 1.0);
                (before.to_string(), format!("{change:+.1} %"))
            }
            None => ("–".to_owned(), "new".to_owned()),
        };
        println!("| {name} | {each} | {before} | {change} |");
        writeln!(file, "{each:>9}  {name}")?;
    }
    if what.update {
        std::fs::write(path, file)?;
    }
    Ok(())
}

fn kept(text: &str) -> BTreeMap<String, u64> {
    let rows = text.lines().filter(|line| !line.starts_with('#'));
    let row = |line: &str| {
        let (count, name) = line.trim_start().split_once("  ")?;
        Some((name.to_owned(), count.parse().ok()?))
    };
    rows.filter_map(row).collect()
}

fn compiler() -> Result<String> {
    let told = Command::new("rustc").arg("--version").output()?;
    Ok(String::from_utf8(told.stdout)?.trim().to_owned())
}

/// All instructions of the program that runs a part so many times.
fn counted(program: &Path, part: &str, times: u64) -> Result<u64> {
    let mut valgrind = Command::new("valgrind");
    valgrind
        .args(["--tool=callgrind", "--callgrind-out-file=/dev/null"])
        .arg(program)
        .args([part, &times.to_string()]);
    let ran = valgrind.output()?;
    let told = String::from_utf8_lossy(&ran.stderr);
    ensure!(ran.status.success(), "{part}: {told}");
    let count = told
        .lines()
        .find_map(|line| line.split("Collected :").nth(1)?.trim().parse().ok());
    count.with_context(|| format!("valgrind told no count: {told}"))
}
