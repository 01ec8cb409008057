//! What benches tell: one table of what was compared, pair by pair, with the median, how high the true
//! one may be and the goal; below it all rows. It is printed and added to BENCHMARKS.md.

use super::machine::{Others, machine};
use super::ratios::{median, upper_bound};
use crate::step;
use anyhow::{Context, Result};
use std::fmt::Write as _;
use std::io::Write as _;

/// What is compared: a ratio of two tools, or a number with its unit.
#[derive(Debug)]
pub struct Line {
    what: String,
    /// Pair by pair.
    values: Vec<f64>,
    /// Empty for a ratio.
    unit: &'static str,
    /// The most that the median may be.
    goal: Option<f64>,
}

impl Line {
    /// A ratio, ours to another's.
    pub fn ratio(what: impl Into<String>, values: Vec<f64>, goal: Option<f64>) -> Self {
        Self::number(what, "", values, goal)
    }

    /// A number in a unit.
    pub fn number(
        what: impl Into<String>,
        unit: &'static str,
        values: Vec<f64>,
        goal: Option<f64>,
    ) -> Self {
        Self {
            what: what.into(),
            values,
            unit,
            goal,
        }
    }

    fn holds(&self) -> &'static str {
        match self.goal {
            None => "",
            Some(_) if self.values.is_empty() => "**not measured**",
            Some(goal) if median(&self.values) <= goal => "yes",
            Some(_) => "**no**",
        }
    }

    fn row(&self) -> String {
        let told = |value: Option<f64>| match value {
            Some(value) => format!("{value:.3} {}", self.unit).trim_end().to_owned(),
            None => "–".to_owned(),
        };
        let each: Vec<String> = self
            .values
            .iter()
            .map(|value| format!("{value:.3}"))
            .collect();
        format!(
            "| {} | {} | {} | {} | {} | {} | {} |\n",
            self.what,
            self.values.len(),
            told((!self.values.is_empty()).then(|| median(&self.values))),
            told(upper_bound(&self.values)),
            told(self.goal),
            self.holds(),
            each.join(", "),
        )
    }
}

/// What one bench measured.
#[derive(Debug)]
pub struct Section {
    pub title: String,
    /// How it was measured.
    how: String,
    pub lines: Vec<Line>,
    /// All rows, as tables of their own.
    rows: String,
}

impl Section {
    /// Of rows that are all there now; `others` is what the machine did beside it.
    pub fn new(title: &str, how: &str, others: &Others, lines: Vec<Line>, rows: String) -> Self {
        Self {
            title: title.to_owned(),
            how: format!("{how}; {}.", others.told()),
            lines,
            rows,
        }
    }

    /// Of what could not be measured, and why.
    pub fn not_measured(title: &str, why: &anyhow::Error) -> Self {
        Self {
            title: title.to_owned(),
            how: format!("**Not measured**: {}", without_paths(&format!("{why:#}"))),
            lines: Vec::new(),
            rows: String::new(),
        }
    }
}

/// The first line of an error, without the folders of this machine.
fn without_paths(text: &str) -> String {
    let line = text.lines().next().unwrap_or_default();
    let last = |word: &str| word.rsplit('/').next().unwrap_or_default().to_owned();
    let words: Vec<String> = line.split(' ').map(last).collect();
    words.join(" ")
}

/// Prints the sections below one table and adds them to BENCHMARKS.md.
pub fn tell(title: &str, sections: &[Section]) -> Result<()> {
    let machine = machine()?;
    let mut text = format!(
        "\n## {title}, {}\n\nCommit {}; {}, {} cores, {} GB, Linux {}. The median of pairs decides; the true median is at most \
         the bound with 95 %\nconfidence (of the sign test; five pairs or more have one). A share of less than 1 is dlt's advantage.\n\n",
        machine.date,
        machine.commit,
        machine.model,
        machine.cores,
        machine.memory_gb,
        machine.kernel
    );
    text.push_str("| what | pairs | median | at most (95 %) | goal | holds | pair by pair |\n|---|---|---|---|---|---|---|\n");
    for line in sections.iter().flat_map(|section| &section.lines) {
        text.push_str(&line.row());
    }
    for section in sections {
        if sections.len() > 1 {
            write!(text, "\n### {}\n", section.title)?;
        }
        write!(text, "\n{}\n", section.how)?;
        if !section.rows.is_empty() {
            write!(text, "\n{}", section.rows)?;
        }
    }
    print!("{text}");
    append(&text)
}

/// Adds a section to BENCHMARKS.md.
pub fn append(text: &str) -> Result<()> {
    let path = step::root().join("BENCHMARKS.md");
    let mut file = std::fs::OpenOptions::new()
        .create(true)
        .append(true)
        .open(&path)?;
    file.write_all(text.as_bytes())
        .with_context(|| format!("failed to write {}", path.display()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_median_decides() {
        let of =
            |values: &[f64], goal: Option<f64>| Line::ratio("CPU", values.to_vec(), goal).row();
        assert_eq!(
            of(&[0.8, 0.95, 0.9, 0.85, 0.7], Some(0.9)),
            "| CPU | 5 | 0.850 | 0.950 | 0.900 | yes | 0.800, 0.950, 0.900, 0.850, 0.700 |\n"
        );
        assert!(of(&[0.91], Some(0.9)).contains("| – | 0.900 | **no** |"));
        assert!(of(&[], Some(0.9)).contains("| 0 | – | – | 0.900 | **not measured** |"));
        let size = Line::number("memory", "MB", vec![20.0], None);
        assert_eq!(
            size.row(),
            "| memory | 1 | 20.000 MB | – | – |  | 20.000 |\n"
        );
    }
}
