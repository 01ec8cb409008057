//! Requests by address, shown if there were several, and by proxy; answers by their version of
//! HTTP.

use super::named_lines;
use crate::line::Line;
use crate::units;
use dlt_core::measure::generator::OTHER_ADDRESSES;
use dlt_core::record::RunRecord;

/// Most addresses shown, those with most requests.
const MOST_ADDRESSES: usize = 4;

/// Most labels named of a version of HTTP; the record has all.
const MOST_LABELS: usize = 3;

/// Requests by proxy, if any went through one.
pub(super) fn proxies(record: &RunRecord, width: usize) -> Vec<Line> {
    let generator = record.generator.as_ref();
    let rows = generator.map_or(&[][..], |it| &it.proxies);
    if rows.is_empty() {
        return Vec::new();
    }
    let rows = rows.iter().take(MOST_ADDRESSES);
    let words = rows.map(|(proxy, requests)| format!("{proxy} {}", units::count(*requests)));
    let text = format!("{} requests", words.collect::<Vec<_>>().join(" · "));
    named_lines("proxies", &text, width)
}

/// Answers by their version of HTTP, and where there were several, the labels of each.
pub(super) fn versions(record: &RunRecord, width: usize) -> Vec<Line> {
    let blocks = record.summary.as_ref();
    let Some((blocks, counts)) = blocks.and_then(|it| Some((it, it.total.versions?))) else {
        return Vec::new();
    };
    let several = counts.met().count() > 1;
    let words = counts.met().map(|(version, answers)| {
        let of = blocks.labels.iter().filter(|block| {
            let met = block.versions.into_iter();
            met.flat_map(|counts| counts.met().collect::<Vec<_>>())
                .any(|row| row.0 == version)
        });
        let labels: Vec<&str> = of.filter_map(|block| block.label.as_deref()).collect();
        let mut text = format!("{version} {}", units::count(answers));
        if several {
            let shown = labels.iter().take(MOST_LABELS).copied();
            text += &format!(" ({}", shown.collect::<Vec<_>>().join(", "));
            if labels.len() > MOST_LABELS {
                text += &format!(" and {} more", labels.len() - MOST_LABELS);
            }
            text.push(')');
        }
        text
    });
    let text = format!("{} answers", words.collect::<Vec<_>>().join(" · "));
    named_lines("answered in", &text, width)
}

/// Requests by address.
pub(super) fn lines(record: &RunRecord, width: usize) -> Vec<Line> {
    let rows = match &record.generator {
        Some(generator) if generator.has_several_addresses() => &generator.addresses,
        _ => return Vec::new(),
    };
    // The entry for further addresses is no address.
    let shown: Vec<&(String, u64)> = rows
        .iter()
        .filter(|row| row.0 != OTHER_ADDRESSES)
        .take(MOST_ADDRESSES)
        .collect();
    let mut words: Vec<String> = shown
        .iter()
        .map(|(address, requests)| format!("{address} {}", units::count(*requests)))
        .collect();
    let all: u64 = rows.iter().map(|row| row.1).sum();
    let others = all - shown.iter().map(|row| row.1).sum::<u64>();
    if others > 0 {
        words.push(format!("others {}", units::count(others)));
    }
    let text = format!("{} requests", words.join(" · "));
    named_lines("addresses", &text, width)
}
