//! `test` and `simulate`: which steps there are, in which order. Every tier
//! runs even if an earlier one failed; the last lines tell times and the sum.

use crate::step::{self, Score, cargo, target_folder};
use crate::{clients, console, deny, dist, engines, images, templates};
use anyhow::{Result, bail};
use std::path::PathBuf;
use std::process::Command;
use std::time::{Duration, Instant};

/// An emulator of AWS from PyPI, and what checks templates. Without cryptography its
/// Cognito signs with nothing, without docker its tasks of ECS run nothing.
const EMULATOR: [&str; 4] = [
    "ministack==1.5.33",
    "cryptography",
    "docker==7.2.0",
    "cfn-lint==1.58.0",
];
/// By what these are known.
const EMULATOR_IMPORTS: &str = "ministack, cryptography, docker, cfnlint";
/// AWS regions for which templates are checked.
const REGIONS: [&str; 2] = ["us-east-1", "eu-west-1"];
/// The features with which everything is tested: what releases have. One selection
/// for all tiers, so that what one built the next one uses.
const FEATURES: [&str; 2] = ["--features", "dlt/aws,dlt-pipeline/lambda,dlt-worker/aws"];
/// Seeds of the simulation in `test --full`.
const FULL_SIMULATION_RUNS: u64 = 2_000;

struct Tiers {
    rows: Vec<(&'static str, Duration, Score)>,
}

impl Tiers {
    fn run(&mut self, name: &'static str, step: impl FnOnce() -> Result<Score>) {
        println!("\n=== {name}");
        let began = Instant::now();
        let score = step().unwrap_or_else(|error| {
            eprintln!("{name}: {error:#}");
            Score::check(false)
        });
        self.rows.push((name, began.elapsed(), score));
    }

    /// Prints the table and the closing line; whether all passed.
    fn close(self) -> bool {
        println!("\n=== tiers");
        let mut sum = Score::default();
        for (name, took, score) in &self.rows {
            let Score { passed, failed } = score;
            let seconds = took.as_secs_f64();
            println!("{name:<12} {seconds:>7.1} s   {passed:>4} passed, {failed} failed");
            sum.add(*score);
        }
        println!("{} passed, {} failed", sum.passed, sum.failed);
        sum.failed == 0
    }
}

/// Checks and tests everything; whether all passed.
pub fn test(full: bool) -> Result<bool> {
    let mut tiers = Tiers { rows: Vec::new() };
    tiers.run("format", || {
        step::check(cargo(&["fmt", "--all", "--check"]))
    });
    tiers.run("clippy", || {
        let mut command = cargo(&["clippy", "--workspace", "--all-targets"]);
        command.args(FEATURES).args(["--", "-D", "warnings"]);
        step::check(command)
    });
    // What somebody builds who tries dlt: without AWS.
    tiers.run("without aws", || {
        step::check(cargo(&[
            "clippy",
            "--package",
            "dlt",
            "--",
            "-D",
            "warnings",
        ]))
    });
    tiers.run("deny", || step::check(deny::command()?));
    tiers.run("rooms", || {
        let mut command = cargo(&["test", "--workspace", "--lib", "--bins", "--no-fail-fast"]);
        command.args(FEATURES);
        for test in tests_of_rooms()? {
            command.args(["--test", &test]);
        }
        step::tests(command)
    });
    tiers.run("tidy", || step::tests(cross_room("tidy")));
    tiers.run("simulation", || {
        let mut command = simulation(None, full.then_some(FULL_SIMULATION_RUNS));
        if full {
            // The suites of the ports against AWS's adapters too.
            command.env("DLT_MINISTACK", emulator()?);
            command.arg("--include-ignored");
        }
        step::tests(command)
    });
    // Before dlt, which takes it in.
    tiers.run("console", console::check);
    build(&mut tiers);
    tiers.run("browser", || console::browser(full));
    tiers.run("compat", || {
        let mut command = cross_room("compat");
        command.env("DLT_BIN", target_folder()?.join("e2e").join("dlt"));
        step::tests(command)
    });
    tiers.run("end to end", || {
        let mut command = cross_room("end_to_end");
        command.env("DLT_BIN", target_folder()?.join("e2e").join("dlt"));
        let browser = if full {
            command.env("DLT_MINISTACK", emulator()?);
            command.env("DLT_REGISTRY", images::registry()?);
            engines::in_tests(&mut command)?;
            console::in_tests(&mut command)?
        } else {
            &[]
        };
        command.arg("--");
        command.args(full.then_some("--include-ignored"));
        command.args(images::left_out()?);
        command.args(browser);
        step::tests(command)
    });
    scripts(&mut tiers, full);
    aws(&mut tiers, full);
    if full {
        tiers.run("mcp clients", || step::check(clients::command()?));
    }
    Ok(tiers.close())
}

/// What the tests of whole programs run, and that it would run where releases must.
fn build(tiers: &mut Tiers) {
    tiers.run("build dlt", || {
        let mut command = cargo(&["build", "--profile", "e2e"]);
        for package in ["dlt", "dlt-mcp", "dlt-pipeline", "dlt-worker"] {
            command.args(["--package", package]);
        }
        command.args(FEATURES);
        step::check(command)
    });
    tiers.run("glibc", || {
        let built = target_folder()?.join("e2e");
        let names = [
            "dlt",
            "dlt-mcp",
            "dlt-worker",
            "dlt-functions",
            "dlt-mcp-lambda",
        ];
        dist::glibc::check(&names.map(|name| built.join(name)))?;
        Ok(Score::check(true))
    });
}

/// Scripts of the real tools; in `--full` they are among all others.
fn scripts(tiers: &mut Tiers, full: bool) {
    if full {
        return;
    }
    tiers.run("scripts", || {
        let mut command = cross_room("end_to_end");
        command.env("DLT_BIN", target_folder()?.join("e2e").join("dlt"));
        engines::in_tests(&mut command)?;
        // Those of the AWS home need its emulator.
        command.args([
            "--",
            "scripts::",
            "--skip",
            "deployed::",
            "--include-ignored",
        ]);
        step::tests(command)
    });
}

/// The AWS home: its templates, and a run of it on an emulator.
fn aws(tiers: &mut Tiers, full: bool) {
    tiers.run("templates", || {
        let mut lint = Command::new(tool("cfn-lint")?);
        lint.arg("--regions").args(REGIONS).arg("--template");
        for name in ["artifacts", "hub", "region"] {
            lint.arg(template(name)?);
        }
        step::check(lint)
    });
    if full || templates::has_node() {
        tiers.run("workflow", || step::check(templates::validator()?));
    } else {
        println!("\nNode with npm is not here: the workflow was read by cfn-lint alone");
    }
    if full {
        tiers.run("scanner", || {
            step::check(templates::scanner(&[
                template("artifacts")?,
                template("hub")?,
                template("region")?,
            ])?)
        });
    }
    if !full {
        tiers.run("image", || {
            let mut command = cross_room("end_to_end");
            command.env("DLT_BIN", target_folder()?.join("e2e").join("dlt"));
            command.env("DLT_REGISTRY", images::registry()?);
            command.args(["--", "image::", "--include-ignored"]);
            command.args(images::left_out()?);
            step::tests(command)
        });
        // Among all others in `--full`.
        tiers.run("aws home", || {
            let mut command = cross_room("end_to_end");
            command.env("DLT_BIN", target_folder()?.join("e2e").join("dlt"));
            command.env("DLT_MINISTACK", emulator()?);
            command.env("DLT_REGISTRY", images::registry()?);
            engines::in_tests(&mut command)?;
            let browser = console::in_tests(&mut command)?;
            // Without what takes minutes, so that it stays below five; `--full` has all.
            command.args(["--", "deploy::", "deployed::", "signed_in::", "there::"]);
            command.args([
                "--skip",
                "deploy::broken_off",
                "--skip",
                "deployed::slow",
                "--skip",
                "deployed::faults::busy",
            ]);
            command.arg("--include-ignored");
            command.args(browser);
            step::tests(command)
        });
    }
}

/// The emulator of AWS, installed where it is not yet.
fn emulator() -> Result<PathBuf> {
    tool("ministack")
}

/// A program of the emulator's Python, installed where it is not yet.
fn tool(name: &str) -> Result<PathBuf> {
    let folder = target_folder()?.join("tools").join("ministack");
    clients::python(&folder, &EMULATOR, EMULATOR_IMPORTS)?;
    Ok(folder.join("bin").join(name))
}

/// A template of CloudFormation, written as it is assembled.
fn template(name: &str) -> Result<PathBuf> {
    let printed = cargo(&["run", "--quiet", "--package", "dlt-infra", "--", name]).output()?;
    if !printed.status.success() {
        bail!("{}", String::from_utf8_lossy(&printed.stderr));
    }
    let folder = target_folder()?.join("templates");
    std::fs::create_dir_all(&folder)?;
    let path = folder.join(format!("{name}.yaml"));
    std::fs::write(&path, printed.stdout)?;
    Ok(path)
}

/// Runs the simulation alone; whether it passed.
pub fn simulate(seed: Option<u64>, runs: Option<u64>) -> Result<bool> {
    let mut tiers = Tiers { rows: Vec::new() };
    tiers.run("simulation", || step::tests(simulation(seed, runs)));
    Ok(tiers.close())
}

/// The tests that packages have beside their sources (`cli/tests/command.rs`);
/// those of the package `tests` are tiers of their own.
fn tests_of_rooms() -> Result<Vec<String>> {
    let mut found = Vec::new();
    for room in std::fs::read_dir(step::root())? {
        let folder = room?.path().join("tests");
        for file in std::fs::read_dir(folder).into_iter().flatten().flatten() {
            let path = file.path();
            let is_test = path.extension().is_some_and(|end| end == "rs");
            if is_test || path.join("main.rs").exists() {
                found.extend(
                    path.file_stem()
                        .map(|stem| stem.to_string_lossy().into_owned()),
                );
            }
        }
    }
    found.sort();
    Ok(found)
}

fn cross_room(test: &str) -> Command {
    let mut command = cargo(&["test", "--workspace", "--test", test]);
    command.args(FEATURES);
    command
}

fn simulation(seed: Option<u64>, runs: Option<u64>) -> Command {
    let mut command = cross_room("simulation");
    for (name, value) in [("DLT_SIM_SEED", seed), ("DLT_SIM_RUNS", runs)] {
        if let Some(value) = value {
            command.env(name, value.to_string());
        }
    }
    command.args(["--", "--nocapture"]);
    command
}
