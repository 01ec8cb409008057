//! The seconds of a label, one after the other: folded where they become many.

use dlt_core::measure::second::LabelSecond;
use dlt_core::messages::timeline::stretch_of;

/// Adds a label's second to its series, at the timeline's resolution.
pub(crate) fn push_second(series: &mut Vec<LabelSecond>, second: u64, row: LabelSecond) {
    if row.ok + row.failed == 0 {
        return;
    }
    let stretch = stretch_of(second);
    match series.last_mut() {
        Some(last) if last.second == stretch => last.merge(&row),
        _ => {
            let mut row = row;
            row.second = stretch;
            // The row is kept to the end of the run.
            row.latency.shrink_to_fit();
            row.latency_failed.shrink_to_fit();
            series.push(row);
        }
    }
}
