//! `cargo xtask fuzz`: builds the worker's program `fuzz` with LLVM's counters of coverage, which
//! stable Rust has, and runs libFuzzer on the targets one after the other. What it finds that no
//! input of the corpus reached becomes part of the corpus (`worker/fuzz`, an input a line). Cases
//! beyond those that are guided so are made of that corpus by the same program without counters,
//! which is many times as fast. A case that fails stays as a file, whose path is printed.

use crate::step::{self, target_folder};
use anyhow::{Result, bail};
use clap::Args;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Instant;

/// Longest input that is made, bytes: parsers keep little state, and long inputs are slow.
const LONGEST_INPUT: &str = "-max_len=2048";
/// Longest time of a case on the clock, s: whoever needs more hangs.
const LONGEST_CASE: &str = "-timeout=60";
/// Most memory of the process, MiB; a case's own is bounded by the program.
const MOST_MEMORY: &str = "-rss_limit_mb=2048";
/// What counts coverage, as cargo-fuzz has it, and compares values with what inputs hold.
const COVERAGE: [&str; 5] = [
    "-Cpasses=sancov-module",
    "-Cllvm-args=-sanitizer-coverage-level=4",
    "-Cllvm-args=-sanitizer-coverage-inline-8bit-counters",
    "-Cllvm-args=-sanitizer-coverage-pc-table",
    "-Cllvm-args=-sanitizer-coverage-trace-compares",
];

/// What is fuzzed.
#[derive(Debug, Args)]
pub struct Fuzz {
    /// One target instead of all.
    target: Option<String>,
    /// Cases of each target.
    #[arg(long, default_value_t = 1_000_000)]
    cases: u64,
    /// How many of them are guided by coverage.
    #[arg(long, default_value_t = 500_000)]
    guided: u64,
    /// The first seed: the same makes the same cases.
    #[arg(long, default_value_t = 1)]
    seed: u32,
    /// Tries this file alone: a case that failed.
    #[arg(long, requires = "target")]
    case: Option<PathBuf>,
}

/// Fuzzes; whether everything held.
pub fn fuzz(what: &Fuzz) -> Result<bool> {
    let guided = what.guided.min(what.cases);
    let program = build(true)?;
    let plain = (what.cases > guided).then(|| build(false)).transpose()?;
    let corpora = step::root().join("worker").join("fuzz");
    let targets = match &what.target {
        Some(target) => vec![target.clone()],
        None => targets(&corpora)?,
    };
    if let (Some(case), [target]) = (&what.case, targets.as_slice()) {
        let mut command = libfuzzer(&program, target);
        return Ok(command.arg(case).status()?.success());
    }
    println!(
        "| target | cases | s | cases per s | new inputs | inputs | |\n|---|---|---|---|---|---|---|"
    );
    let mut held = true;
    for target in targets {
        let ran = one((&program, plain.as_deref()), &corpora, &target, what)?;
        println!("{}", ran.row(&target));
        held &= ran.held;
    }
    Ok(held)
}

/// Those that have a corpus; a test looks that each has.
fn targets(corpora: &Path) -> Result<Vec<String>> {
    let mut names = Vec::new();
    for file in std::fs::read_dir(corpora)? {
        let path = file?.path();
        names.extend(
            path.file_stem()
                .map(|name| name.to_string_lossy().into_owned()),
        );
    }
    names.sort();
    Ok(names)
}

/// Builds it, with counters or without. Our own packages alone have them: libFuzzer looks at all
/// after each case, and there are ten times as many in what we use.
fn build(with_counters: bool) -> Result<PathBuf> {
    let folder = target_folder()?.join(if with_counters {
        "fuzz-guided"
    } else {
        "fuzz-plain"
    });
    let mut command = step::cargo(&["build", "--profile", "fuzz", "--package", "dlt-worker"]);
    command.args(["--features", "fuzz", "--bin", "fuzz", "--target-dir"]);
    command.arg(&folder);
    if with_counters {
        let wrapper = folder.join("rustc-with-coverage");
        std::fs::create_dir_all(&folder)?;
        let script = format!("#!/bin/sh\nexec \"$@\" {}\n", COVERAGE.join(" "));
        if std::fs::read_to_string(&wrapper).ok().as_ref() != Some(&script) {
            std::fs::write(&wrapper, script)?;
            std::fs::set_permissions(&wrapper, std::fs::Permissions::from_mode(0o755))?;
        }
        command.env("RUSTC_WORKSPACE_WRAPPER", wrapper);
    }
    if !command.status()?.success() {
        bail!("the program fuzz was not built; it needs a C++ compiler (g++)");
    }
    Ok(folder.join("fuzz").join("fuzz"))
}

fn libfuzzer(program: &Path, target: &str) -> Command {
    let mut command = Command::new(program);
    command.env("DLT_FUZZ_TARGET", target);
    command.args([LONGEST_INPUT, LONGEST_CASE, MOST_MEMORY]);
    command
}

/// What came of a target.
#[derive(Debug, Default)]
struct Ran {
    held: bool,
    cases: u64,
    took_s: f64,
    new: usize,
    inputs: usize,
}

impl Ran {
    fn row(&self, target: &str) -> String {
        let Self {
            held,
            cases,
            took_s,
            new,
            inputs,
        } = self;
        let word = if *held { "held" } else { "FAILED" };
        let rate = *cases as f64 / took_s;
        format!("| {target} | {cases} | {took_s:.0} | {rate:.0} | {new} | {inputs} | {word} |")
    }
}

/// Fuzzes one target and adds to its corpus what it found.
fn one(
    (program, plain): (&Path, Option<&Path>),
    corpora: &Path,
    target: &str,
    what: &Fuzz,
) -> Result<Ran> {
    let folder = target_folder()?.join("fuzz-work").join(target);
    let (known, found) = (folder.join("known"), folder.join("found"));
    for part in [&known, &found] {
        // What an earlier run left.
        let _ = std::fs::remove_dir_all(part);
        std::fs::create_dir_all(part)?;
    }
    let began = Instant::now();
    let mut guided = libfuzzer(program, target);
    guided
        .env("DLT_FUZZ_CORPUS", &known)
        .arg(format!("-runs={}", what.guided.min(what.cases)))
        .arg(format!("-seed={}", what.seed))
        .arg("-print_final_stats=1")
        .arg(format!("-artifact_prefix={}/", folder.display()))
        .args([&found, &known]);
    let mut ran = Ran::default();
    (ran.held, ran.cases) = logged(guided, &folder, target)?;
    let corpus = corpora.join(format!("{target}.corpus"));
    (ran.new, ran.inputs) = add(program, target, (&known, &found), &corpus)?;
    if let Some(plain) = plain.filter(|_| ran.held) {
        let mut more = libfuzzer(plain, target);
        more.env(
            "DLT_FUZZ_CASES",
            (what.cases - ran.cases.min(what.cases)).to_string(),
        )
        .env("DLT_FUZZ_SEED", what.seed.to_string())
        .env("DLT_FUZZ_FAILED", &folder);
        let (held, cases) = logged(more, &folder, target)?;
        ran.held = held;
        ran.cases += cases;
    }
    ran.took_s = began.elapsed().as_secs_f64();
    Ok(ran)
}

/// Runs the program; whether all held, and how many cases there were.
fn logged(mut command: Command, folder: &Path, target: &str) -> Result<(bool, u64)> {
    let path = folder.join("log");
    let log = std::fs::File::create(&path)?;
    let held = command
        .stdout(Stdio::null())
        .stderr(log)
        .status()?
        .success();
    let log = std::fs::read_to_string(&path)?;
    if !held {
        let says = |line: &&str| line.contains("panicked at") || line.contains("ERROR: libFuzzer");
        let why = log
            .lines()
            .skip_while(|line| !says(line))
            .take(4)
            .collect::<Vec<_>>();
        eprintln!("{target}: {}\nlog: {}", why.join("\n"), path.display());
        if let Some(case) = log
            .lines()
            .find_map(|line| line.split("Test unit written to ").nth(1))
        {
            eprintln!("again: cargo xtask fuzz {target} --case {case}");
        }
    }
    let cases = log
        .lines()
        .find_map(|line| line.strip_prefix("stat::number_of_executed_units:"));
    Ok((
        held,
        cases.and_then(|text| text.trim().parse().ok()).unwrap_or(0),
    ))
}

/// Adds to a corpus what was found and reaches more; how many inputs are new, and how many there
/// are.
fn add(
    program: &Path,
    target: &str,
    (known, found): (&Path, &Path),
    corpus: &Path,
) -> Result<(usize, usize)> {
    let before = std::fs::read_dir(known)?.count();
    let mut merge = libfuzzer(program, target);
    // Those that reach code that no other reached; how often is left out, or there would be thousands.
    merge.args(["-set_cover_merge=1", "-use_counters=0"]);
    merge.args([known, found]);
    let merged = merge.stdout(Stdio::null()).stderr(Stdio::null()).status()?;
    if !merged.success() {
        bail!("{target}: what was found could not be merged");
    }
    let mut inputs = Vec::new();
    for file in std::fs::read_dir(known)? {
        let path = file?.path();
        inputs.push((
            path.file_name().map(ToOwned::to_owned),
            std::fs::read(&path)?,
        ));
    }
    // Those that were known have numbers as names and stay where they are; new ones are named by
    // their hashes and come by length.
    let is_known =
        |name: &Option<std::ffi::OsString>| name.as_ref().is_some_and(|name| name.len() == 5);
    inputs.sort_by_key(|(name, bytes)| match is_known(name) {
        true => (0, name.clone(), 0, Vec::new()),
        false => (1, None, bytes.len(), bytes.clone()),
    });
    let lines = inputs
        .iter()
        .map(|(_, bytes)| format!("{}\n", bytes.escape_ascii()));
    let text: String = lines.collect();
    // A line that begins so would be a comment.
    let text = text.replace("\n#", "\n\\x23");
    std::fs::write(corpus, text)?;
    Ok((inputs.len() - before, inputs.len()))
}
