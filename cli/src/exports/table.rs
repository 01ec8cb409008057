//! A result as CSV (RFC 4180), with the columns of the console: a row for all requests, one
//! a region, one a label, one for the transactions of a name; times in µs, of what `times_over` says.

use crate::line::{uncommanded, unhidden};
use dlt_core::judge::summary::Block;
use dlt_core::record::RunRecord;
use std::borrow::Cow;

const HEAD: &str = "of,name,requests,ok,failed,rate_per_s,min_us,mean_us,p50_us,p75_us,p90_us,p95_us,p99_us,\
                    p99_9_us,p99_99_us,max_us,bytes_received,bytes_sent";

/// The table; its head alone where nothing was measured.
pub fn csv(record: &RunRecord) -> String {
    let mut rows = vec![HEAD.to_owned()];
    if let Some(summary) = &record.summary {
        let seconds = summary.loaded_us as f64 / 1e6;
        rows.push(row("all", "all requests", &summary.total, seconds));
        for (name, block) in &summary.regions {
            rows.push(row("region", name, block, seconds));
        }
        for (kind, blocks) in [
            ("label", &summary.labels),
            ("transaction", &summary.transactions),
        ] {
            let name = |block: &Block| block.label.clone().unwrap_or_default();
            rows.extend(
                blocks
                    .iter()
                    .map(|block| row(kind, &name(block), block, seconds)),
            );
        }
    }
    rows.join("\r\n") + "\r\n"
}

fn row(kind: &str, name: &str, block: &Block, seconds: f64) -> String {
    let rate = match seconds > 0.0 {
        true => (block.count as f64 / seconds).to_string(),
        false => String::new(),
    };
    let times = [
        block.min_us,
        block.mean_us,
        block.p50_us,
        block.p75_us,
        block.p90_us,
        block.p95_us,
        block.p99_us,
        block.p99_9_us,
        block.p99_99_us,
        block.max_us,
    ];
    let number = |us: Option<u64>| us.map_or_else(String::new, |us| us.to_string());
    let mut cells = vec![
        kind.to_owned(),
        text(name),
        block.count.to_string(),
        block.ok.to_string(),
        block.failed.to_string(),
        rate,
    ];
    cells.extend(times.map(number));
    cells.extend([
        block.bytes_received.to_string(),
        block.bytes_sent.to_string(),
    ]);
    cells.join(",")
}

/// A text as a cell. What is hidden is escaped, so that neither a terminal nor a reader is misled.
fn text(name: &str) -> String {
    // Spreadsheets of many countries split at semicolons, and know no quotes in the midst of a cell.
    let parts: Vec<Cow<'_, str>> = name.split(';').map(without_formula).collect();
    let joined = parts.join(";");
    let unhidden = unhidden(&joined);
    let safe = uncommanded(&unhidden);
    let needs_quotes = safe.contains([',', ';', '"']) || safe.trim() != safe;
    match needs_quotes {
        true => format!("\"{}\"", safe.replace('"', "\"\"")),
        false => safe.into_owned(),
    }
}

/// A text that a spreadsheet would take for a formula gets an apostrophe in front: labels come from
/// targets. So does one that looks as if it had got one, so that whoever takes one away has what was
/// measured.
fn without_formula(part: &str) -> Cow<'_, str> {
    let is_skipped = |c: char| c.is_whitespace() || c.is_control() || matches!(c, '"' | '\'');
    let is_formula = part.trim_start_matches(is_skipped).starts_with([
        '=', '+', '-', '@', '\u{ff1d}', '\u{ff0b}', '\u{ff0d}', '\u{ff20}',
    ]) || part.starts_with(['\t', '\r', '\n']);
    match is_formula {
        true => Cow::Owned(format!("'{part}")),
        false => Cow::Borrowed(part),
    }
}
