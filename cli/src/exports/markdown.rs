//! A result as a page of Markdown, for comments and the pages of CI. Texts of targets are
//! escaped: they make no link, image or markup.

use crate::line::visible;
use crate::result::once_sentence;
use crate::units;
use dlt_core::judge::summary::Block;
use dlt_core::load::changes::changed_load;
use dlt_core::record::RunRecord;

/// Most labels that the page has, busiest first.
const MOST_LABELS: usize = 20;
/// Most errors that the page has, most frequent first.
const MOST_ERRORS: usize = 10;

/// The page.
pub fn markdown(record: &RunRecord) -> String {
    let word = match &record.outcome {
        Some(outcome) => outcome.word.name().to_owned(),
        None => record.status.to_string(),
    };
    let mark = match word.as_str() {
        "passed" => "✅",
        "finished" => "⚪",
        "cancelled" => "◐",
        _ => "❌",
    };
    let trust = trust(record).map_or_else(String::new, |trust| format!(" · numbers {trust}"));
    let mut lines = vec![
        format!("## {mark} {} · {}{trust}", plain(&record.test_name), word),
        String::new(),
    ];
    let reason = record.outcome.as_ref().and_then(|it| it.reason.clone());
    if let Some(reason) = reason.or_else(|| record.error_reason.clone()) {
        lines.extend([plain(&reason), String::new()]);
    }
    for reason in record.verdict.iter().flat_map(|verdict| &verdict.reasons) {
        lines.push(format!("- {}", plain(&reason.message)));
    }
    let changes = record.load.as_ref().map_or(&[][..], |load| &load.changes);
    lines.extend(changed_load(changes).map(|changed| format!("- {changed}")));
    lines.push(String::new());
    thresholds(record, &mut lines);
    account(record, &mut lines);
    if let Some(once) = once_sentence(record) {
        lines.extend([plain(&once), String::new()]);
    }
    times(record, &mut lines);
    errors(record, &mut lines);
    lines.push(format!(
        "Run {} of {}, {} UTC",
        plain(&record.test_run_id),
        plain(&record.test_id),
        plain(&record.start_time)
    ));
    lines.push(String::new());
    // No two empty lines behind each other.
    lines.dedup_by(|one, before| one.is_empty() && before.is_empty());
    lines.join("\n")
}

/// The word of the verdict.
pub fn trust(record: &RunRecord) -> Option<String> {
    let verdict = record.verdict.as_ref()?;
    let word = serde_json::to_value(verdict.trust).ok()?;
    word.as_str().map(str::to_owned)
}

fn thresholds(record: &RunRecord, lines: &mut Vec<String>) {
    let results = record.outcome.as_ref().map_or(&[][..], |it| &it.thresholds);
    if results.is_empty() {
        return;
    }
    lines.extend([
        "| threshold | observed | |".to_owned(),
        "|---|---|---|".to_owned(),
    ]);
    for result in results {
        let observed = result.observed.as_deref().unwrap_or("no data");
        let mark = if result.passed { "✅" } else { "❌" };
        let reason = result.reason.as_deref().unwrap_or_default();
        lines.push(format!(
            "| {} | {} | {mark} {} |",
            plain(&result.expression),
            plain(observed),
            plain(reason)
        ));
    }
    lines.push(String::new());
}

fn account(record: &RunRecord, lines: &mut Vec<String>) {
    let Some(told) = record.account else { return };
    let account = told.requests;
    let mut text = format!(
        "{} due = {} sent + {} without a connection + {} dropped; {} ok, {} failed, {} unfinished",
        units::count(account.scheduled),
        units::count(account.sent),
        units::count(account.unconnected),
        units::count(account.dropped),
        units::count(account.ok),
        units::count(account.failed),
        units::count(account.unfinished),
    );
    if !told.balanced {
        text.push_str(" — **does not add up: a bug in dlt**");
    }
    lines.extend([text, String::new()]);
}

fn times(record: &RunRecord, lines: &mut Vec<String>) {
    let Some(summary) = &record.summary else {
        return;
    };
    let seconds = summary.loaded_us as f64 / 1e6;
    let name = |block: &Block| block.label.clone().unwrap_or_else(|| "?".to_owned());
    let head = |of: &str, count: &str| {
        [
            format!("|{of}| {count} | rate | errors | p50 | p95 | p99 | max |"),
            "|---|--:|--:|--:|--:|--:|--:|--:|".to_owned(),
        ]
    };
    lines.extend(head(" ", "requests"));
    lines.push(row("all requests", &summary.total, seconds));
    if summary.regions.len() > 1 {
        let regions = summary.regions.iter();
        lines.extend(regions.map(|(name, block)| row(&format!("in {name}"), block, seconds)));
    }
    let blocks = summary.labels.iter().take(MOST_LABELS);
    lines.extend(blocks.map(|block| row(&name(block), block, seconds)));
    lines.push(String::new());
    more(summary.labels.len(), MOST_LABELS, "label", lines);
    if !summary.transactions.is_empty() {
        lines.extend(head(" transaction ", "ended"));
        let blocks = summary.transactions.iter().take(MOST_LABELS);
        lines.extend(blocks.map(|block| row(&name(block), block, seconds)));
        lines.push(String::new());
        let count = summary.transactions.len();
        more(count, MOST_LABELS, "transaction", lines);
    }
}

/// A row of the tables of times.
fn row(name: &str, block: &Block, seconds: f64) -> String {
    let rate = match seconds > 0.0 {
        true => units::rate(block.count as f64 / seconds),
        false => "–".to_owned(),
    };
    format!(
        "| {} | {} | {rate} | {} | {} | {} | {} | {} |",
        plain(name),
        units::count(block.count),
        units::percent(block.failed, block.count),
        units::time_or_dash(block.p50_us),
        units::time_or_dash(block.p95_us),
        units::time_or_dash(block.p99_us),
        units::time_or_dash(block.max_us),
    )
}

/// Says how many rows a table lacks.
fn more(count: usize, shown: usize, what: &str, lines: &mut Vec<String>) {
    if let Some(more @ 1..) = count.checked_sub(shown) {
        let more = units::several(more as u64, what);
        lines.extend([format!("… and {more}"), String::new()]);
    }
}

fn errors(record: &RunRecord, lines: &mut Vec<String>) {
    let errors = record.errors.as_deref().unwrap_or_default();
    if errors.is_empty() {
        return;
    }
    lines.extend([
        "| errors | cause | |".to_owned(),
        "|--:|---|---|".to_owned(),
    ]);
    for row in errors.iter().take(MOST_ERRORS) {
        lines.push(format!(
            "| {} | {} | {} |",
            units::count(row.count),
            plain(&row.cause),
            plain(&row.message)
        ));
    }
    lines.push(String::new());
    if let Some(more @ 1..) = errors.len().checked_sub(MOST_ERRORS) {
        lines.extend([format!("… and {more} more"), String::new()]);
    }
}

/// A text that stays one: on one line, and without a sign that Markdown or HTML heeds.
fn plain(text: &str) -> String {
    let mut written = String::with_capacity(text.len());
    for sign in visible(text).chars() {
        match sign {
            '&' => written.push_str("&amp;"),
            '<' => written.push_str("&lt;"),
            '>' => written.push_str("&gt;"),
            // What begins a link by itself would be one.
            ':' => written.push_str("&#58;"),
            '@' => written.push_str("&#64;"),
            '\\' | '`' | '*' | '_' | '{' | '}' | '[' | ']' | '(' | ')' | '#' | '+' | '!' | '|'
            | '~' | '$' => {
                written.push('\\');
                written.push(sign);
            }
            sign => written.push(sign),
        }
    }
    written
}
