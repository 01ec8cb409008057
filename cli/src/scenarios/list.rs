//! The table of scenarios. Pure: rows in, lines out.

use crate::line::{Line, Tone};
use crate::table::{self, number, words};
use crate::units;
use dlt_core::calls::answers::ScenarioListItem;
use dlt_core::run::Status;

/// The name is not cut below this many columns.
const LEAST_NAME: usize = 20;

/// The table's lines.
pub fn lines(items: &[ScenarioListItem], width: usize) -> Vec<Line> {
    let columns = [
        words("SCENARIO", 0),
        words("ID", 0),
        words("STATUS", 0),
        words("LAST RUN (UTC)", 2),
        words("NEXT RUN", 1),
        number("RUNS", 3),
        words("TAGS", 4),
    ];
    let rows: Vec<Vec<Line>> = items.iter().map(line).collect();
    table::lines(&columns, &rows, 0, width, LEAST_NAME)
}

/// A status's tone.
pub fn tone(status: Status) -> Tone {
    match status {
        Status::Complete => Tone::Good,
        Status::Failed => Tone::Bad,
        Status::Cancelled | Status::Cancelling => Tone::Warn,
        Status::Created | Status::Scheduled => Tone::Plain,
        _ => Tone::Strong,
    }
}

/// The next run's date and time, to the minute, with the time zone.
pub fn next_run(next: &str, zone: &str) -> Option<String> {
    let minute = next.get(..16).unwrap_or(next);
    match (minute, zone) {
        ("", _) => None,
        (minute, "" | "UTC") => Some(format!("{minute} UTC")),
        (minute, zone) => Some(format!("{minute} {zone}")),
    }
}

fn line(item: &ScenarioListItem) -> Vec<Line> {
    let or_dash = |text: Option<String>| match text {
        Some(text) => Line::of(text),
        None => Line::new().tone(Tone::Quiet, "–"),
    };
    let last = Some(item.start_time.clone()).filter(|text| !text.is_empty());
    vec![
        or_dash(Some(item.test_name.clone()).filter(|name| !name.is_empty())),
        Line::new().tone(Tone::Command, &item.test_id),
        match item.unreadable {
            None => Line::new().tone(tone(item.status), item.status.name()),
            Some(_) => Line::new().tone(Tone::Bad, "unreadable"),
        },
        or_dash(last),
        or_dash(next_run(&item.next_run, &item.schedule_timezone)),
        Line::of(units::count(item.total_test_runs)),
        Line::of(item.tags.join(", ")),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn item(name: &str, status: &str, last: &str, next: &str, runs: u64) -> ScenarioListItem {
        serde_json::from_value(json!({
            "testId": "Xk29QmWz7B", "testName": name, "testDescription": "a test",
            "status": status, "startTime": last, "nextRun": next,
            "scheduleRecurrence": "", "cronValue": "", "scheduleTimezone": "Europe/Paris",
            "tags": ["nightly", "shop"], "totalTestRuns": runs,
        }))
        .unwrap()
    }

    #[test]
    fn columns_are_dropped_in_narrow_terminals() {
        let items = [
            item(
                "shop under a steady load",
                "running",
                "2026-03-04 09:15:02",
                "",
                12,
            ),
            item(
                "checkout",
                "complete",
                "2026-03-03 22:00:00",
                "2026-03-10 23:00:00",
                1_204,
            ),
            item("\u{1b}[2Jevil", "scheduled", "", "2026-03-10 23:00:00", 0),
            item("kept", "created", "", "", 0),
        ];
        let shown = |width| -> String {
            lines(&items, width)
                .iter()
                .inspect(|line| assert!(line.width() <= width, "{line:?}"))
                .map(|line| line.render(false) + "\n")
                .collect()
        };
        insta::assert_snapshot!(shown(60));
        let draw = |width| lines(&items, width);
        insta::assert_snapshot!("captured_scenarios_list", crate::line::captured(draw));
    }
}
