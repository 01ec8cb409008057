//! `bench merge`: what results cost to make. Merging 1,000 reports of 21 labels is dlt-core's own bench
//! (`merge`), beside the `hdrhistogram` crate; six hours of 100 labels are simulated by the worker's
//! program `long_run`. Both print rows of tables, which are read here.

use super::machine::Others;
use super::table::{Line, Section};
use crate::step::{cargo, target_folder};
use anyhow::{Context, Result, ensure};
use std::process::Command;

/// The most CPU that merging may take, s, by what the bench calls it.
const GOALS_S: [(&str, f64); 2] = [("sparse", 0.3), ("dense", 1.0)];
/// The most memory of its own that the long run may have, MB.
const GOAL_MB: f64 = 100.0;

/// What `bench merge` measures.
#[derive(Debug, clap::Args)]
pub struct Merge {
    /// Rounds of each merge.
    #[arg(long, default_value_t = 5)]
    pub pairs: usize,
}

/// Runs both.
pub fn merge(what: &Merge) -> Result<Section> {
    let others = Others::since_now();
    let merged = bench_of_core(what.pairs)?;
    let mut compared = Vec::new();
    for (name, goal) in GOALS_S {
        let of = |column| numbers(&merged, name, column);
        let (ours, theirs) = (of(3)?, of(4)?);
        let ratios = ours.iter().zip(&theirs).map(|(ours, theirs)| ours / theirs);
        let ratios = ratios.collect();
        compared.push(Line::number(
            format!("CPU to merge 1,000 reports of 21 labels, {name}"),
            "s",
            ours,
            Some(goal),
        ));
        compared.push(Line::ratio(
            format!("the same, to hdrhistogram alone, {name}"),
            ratios,
            None,
        ));
    }
    let simulated = long_run()?;
    let of = |row| numbers(&simulated, row, 2);
    compared.push(Line::number(
        "memory of its own after 6 h of 100 labels",
        "MB",
        of("6 h")?,
        Some(GOAL_MB),
    ));
    compared.push(Line::number(
        "the same while the result is made",
        "MB",
        of("result")?,
        None,
    ));
    let how = "`cargo bench -p dlt-core --bench merge`: `hdrhistogram` decodes and adds the same histograms and does nothing else (no XML,\n\
               no exact sums, no account). Then a load thread's recorder and the timeline of its runner through six hours, simulated: 100\n\
               labels of 20 requests a second each; RssAnon of the process";
    let rows = format!("{merged}\n{simulated}");
    Ok(Section::new("Merging", how, &others, compared, rows))
}

/// The rows of tables that a program prints.
fn table_of(mut command: Command) -> Result<String> {
    let ran = command
        .output()
        .with_context(|| format!("failed to start {:?}", command.get_program()))?;
    let told = String::from_utf8_lossy(&ran.stderr);
    ensure!(ran.status.success(), "{command:?}: {told}");
    let stdout = String::from_utf8_lossy(&ran.stdout);
    let rows = stdout.lines().filter(|line| line.starts_with('|'));
    let text: String = rows.flat_map(|row| [row, "\n"]).collect();
    print!("{text}");
    Ok(text)
}

fn bench_of_core(rounds: usize) -> Result<String> {
    let mut bench = cargo(&["bench", "--quiet", "--package", "dlt-core"]);
    bench.args(["--bench", "merge", "--", &rounds.to_string()]);
    table_of(bench)
}

fn long_run() -> Result<String> {
    let mut build = cargo(&["build", "--release", "--package", "dlt-worker"]);
    build.args(["--features", "long-run", "--bin", "long_run"]);
    ensure!(
        build.status()?.success(),
        "the program long_run does not build"
    );
    table_of(Command::new(
        target_folder()?.join("release").join("long_run"),
    ))
}

/// The numbers of a column, of the rows that begin with `name`.
fn numbers(table: &str, name: &str, column: usize) -> Result<Vec<f64>> {
    let rows = table.lines().filter_map(|line| {
        let cells: Vec<&str> = line.split('|').map(str::trim).collect();
        (cells.get(1) == Some(&name)).then_some(cells)
    });
    let numbers = rows.map(|cells| {
        let cell = cells.get(column).context("a cell")?;
        Ok(cell.parse()?)
    });
    let numbers: Vec<f64> = numbers.collect::<Result<_>>()?;
    ensure!(!numbers.is_empty(), "no row of {name} in:\n{table}");
    Ok(numbers)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_are_read() {
        let table = "| reports | KiB |\n|---|---|\n| sparse | 52 | 0.24 |\n| dense | 97 | 0.9 |\n| sparse | 52 | 0.25 |\n";
        assert_eq!(numbers(table, "sparse", 3).unwrap(), [0.24, 0.25]);
        assert!(numbers(table, "none", 3).is_err());
    }
}
