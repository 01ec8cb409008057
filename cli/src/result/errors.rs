//! Errors by cause, each with its count, message and labels, and the first lines of one
//! saved exchange.

use super::heading;
use crate::line::{Line, Tone, wrapped};
use crate::units;
use dlt_core::judge::summary::ErrorRow;
use dlt_core::record::RunRecord;

/// Most causes shown, most frequent first.
const MOST_ERRORS: usize = 8;
/// Most labels named for an error.
const MOST_LABELS: usize = 3;

/// The errors' lines; none if there were no errors.
pub fn lines(record: &RunRecord, width: usize) -> Vec<Line> {
    let rows = match &record.errors {
        Some(rows) if !rows.is_empty() => rows,
        _ => return Vec::new(),
    };
    let counts = rows.iter().map(|row| units::count(row.count).len());
    let column = counts.max().unwrap_or(0);
    let mut lines = heading("Errors", "by cause, most frequent first");
    for row in rows.iter().take(MOST_ERRORS) {
        lines.extend(error(row, column, width));
    }
    if rows.len() > MOST_ERRORS {
        lines.push(Line::of("  ").tone(
            Tone::Quiet,
            format!(
                "… and {} more kinds (--json has all)",
                rows.len() - MOST_ERRORS
            ),
        ));
    }
    lines
}

fn error(row: &ErrorRow, column: usize, width: usize) -> Vec<Line> {
    let indent = column + 4;
    let mut first = Line::of("  ")
        .tone(Tone::Bad, format!("{:>column$}", units::count(row.count)))
        .plain("  ")
        .tone(Tone::Strong, &row.cause);
    if let Some(code) = row
        .code
        .as_deref()
        .filter(|code| !row.message.contains(*code))
    {
        first = first.plain(format!(" ({code})"));
    }
    let mut lines = vec![first.tone(Tone::Quiet, at_labels(row)).cut(width)];
    lines.extend(wrapped(Tone::Plain, &row.message, indent, width));
    if let Some(exchange) = row.exchanges.first() {
        let example = format!(
            "e.g. {}  →  {}",
            first_line(&exchange.request),
            first_line(&exchange.response)
        );
        lines.push(
            Line::of(" ".repeat(indent))
                .tone(Tone::Quiet, example)
                .cut(width),
        );
    }
    lines
}

fn at_labels(row: &ErrorRow) -> String {
    let mut labels: Vec<(&String, u64)> = row.labels.iter().map(|(l, n)| (l, *n)).collect();
    labels.sort_by(|a, b| b.1.cmp(&a.1).then_with(|| a.0.cmp(b.0)));
    let mut names: Vec<String> = labels
        .iter()
        .take(MOST_LABELS)
        .map(|(label, _)| (*label).clone())
        .collect();
    match labels.len() {
        0 => return String::new(),
        n if n > MOST_LABELS => names.push(format!("{} more", n - MOST_LABELS)),
        _ => {}
    }
    format!("  at {}", names.join(", "))
}

fn first_line(text: &str) -> &str {
    match text.lines().next().map(str::trim) {
        None | Some("") => "nothing",
        Some(line) => line,
    }
}
