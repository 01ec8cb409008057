//! The table of response times: of all requests, by region if there are several, by label.

use super::{heading, rate_of};
use crate::line::{Line, Tone, wrapped};
use crate::table::{self, Column, EXTRA, number, words};
use crate::units;
use dlt_core::judge::summary::{Block, Blocks};
use dlt_core::measure::tally::TimesOver;
use dlt_core::record::RunRecord;

/// Most labels shown, busiest first.
const MOST_LABELS: usize = 15;
/// Most regions shown.
const MOST_REGIONS: usize = 10;
/// The label column is not cut below this.
const LEAST_LABEL: usize = 18;

const COLUMNS: [Column; 13] = [
    words("", 0),
    number("requests", 0),
    number("rate", 3),
    number("errors", 1),
    number("received", EXTRA + 2),
    number("mean", EXTRA),
    number("p50", 0),
    number("p90", 4),
    number("p95", 0),
    number("p99", 0),
    number("p99.9", 2),
    number("p99.99", EXTRA + 1),
    number("max", 0),
];

/// The table. Its heading says what the times measure and, if requests failed, which
/// requests they are of.
pub fn lines(record: &RunRecord, blocks: &Blocks, width: usize) -> Vec<Line> {
    let open = record
        .load
        .as_ref()
        .is_some_and(|load| load.model == "open");
    let of = match (blocks.total.failed, blocks.times_over) {
        (0, _) => "",
        (_, TimesOver::Ok) => "of ok answers, ",
        (_, TimesOver::All) => "of all requests, failed ones too, ",
    };
    let each = if of.is_empty() {
        "each request"
    } else {
        "each"
    };
    let from = if open {
        format!("from when {each} was due to its last byte")
    } else {
        format!("from sending {each} to its last byte")
    };
    let mut rows = vec![row(record, "all requests", Tone::Strong, &blocks.total)];
    if blocks.regions.len() > 1 {
        for (name, block) in blocks.regions.iter().take(MOST_REGIONS) {
            rows.push(row(record, &format!("in {name}"), Tone::Plain, block));
        }
    }
    let one_label = blocks.labels.len() == 1;
    for block in blocks.labels.iter().take(MOST_LABELS) {
        let label = block.label.as_deref().unwrap_or("?");
        if one_label {
            // A single label's numbers are the totals.
            rows[0] = row(record, label, Tone::Strong, &blocks.total);
        } else {
            rows.push(row(record, label, Tone::Plain, block));
        }
    }
    let mut lines = heading("Response times", &format!("{of}{from}"));
    lines.extend(table::lines(&COLUMNS, &rows, 2, width, LEAST_LABEL));
    let hidden = blocks.labels.len().saturating_sub(MOST_LABELS);
    if hidden > 0 {
        lines.push(Line::of("  ").tone(
            Tone::Quiet,
            format!(
                "… and {} (--json has all)",
                units::several(hidden as u64, "label")
            ),
        ));
    }
    lines.extend(remark(record, blocks, width));
    lines.extend(transactions(record, blocks, width));
    lines
}

/// The table of transactions, which are in no other row.
fn transactions(record: &RunRecord, blocks: &Blocks, width: usize) -> Vec<Line> {
    if blocks.transactions.is_empty() {
        return Vec::new();
    }
    let columns = COLUMNS.map(|column| match column.name {
        "requests" => number("ended", 0),
        _ => column,
    });
    let shown = blocks.transactions.iter().take(MOST_LABELS);
    let rows: Vec<Vec<Line>> = shown
        .map(|block| {
            let name = block.label.as_deref().unwrap_or("?");
            row(record, name, Tone::Plain, block)
        })
        .collect();
    let mut lines = heading("Transactions", "their requests are counted above");
    lines.extend(table::lines(&columns, &rows, 2, width, LEAST_LABEL));
    if let Some(more @ 1..) = blocks.transactions.len().checked_sub(MOST_LABELS) {
        let more = units::several(more as u64, "transaction");
        lines.push(Line::of("  ").tone(Tone::Quiet, format!("… and {more} (--json has all)")));
    }
    let unfinished: u64 = blocks
        .transactions
        .iter()
        .filter_map(|it| it.unfinished)
        .sum();
    if unfinished > 0 {
        let text = format!(
            "{} begun and not ended when the load did: they are in no row",
            units::several(unfinished, "transaction")
        );
        lines.extend(wrapped(Tone::Quiet, &text, 2, width));
    }
    lines
}

/// A sentence that says which requests the times are of, if many failed: fast failures
/// must not look like fast answers.
fn remark(record: &RunRecord, blocks: &Blocks, width: usize) -> Vec<Line> {
    let errors = record.errors.as_deref().unwrap_or_default();
    let Some(times) = blocks.times_of(&blocks.total, errors) else {
        return Vec::new();
    };
    let text = times.sentence(units::count, units::time);
    wrapped(Tone::Warn, &text, 2, width)
}

fn row(record: &RunRecord, name: &str, tone: Tone, block: &Block) -> Vec<Line> {
    let rate = rate_of(record, block).map_or_else(|| "–".to_owned(), units::rate);
    let errors = match block.failed {
        0 => Line::new().tone(Tone::Quiet, "0 %"),
        failed => Line::new().tone(Tone::Bad, units::percent(failed, block.count)),
    };
    let time = |us: Option<u64>| Line::new().tone(tone, units::time_or_dash(us));
    vec![
        Line::new().tone(tone, name),
        Line::new().tone(tone, units::count(block.count)),
        Line::new().tone(tone, rate),
        errors,
        Line::new().tone(tone, units::bytes(block.bytes_received)),
        time(block.mean_us),
        time(block.p50_us),
        time(block.p90_us),
        time(block.p95_us),
        time(block.p99_us),
        time(block.p99_9_us),
        time(block.p99_99_us),
        time(block.max_us),
    ]
}
