//! The table of runs. Pure: rows in, lines out.

use crate::find::RunRow;
use crate::line::{Line, Tone};
use crate::table::{self, number, words};
use crate::units;
use dlt_core::calls::answers::TestRunSummary;
use dlt_core::judge::outcome::Word;
use dlt_core::judge::verdict::Trust;
use dlt_core::run::Status;

/// The scenario's name is not cut below this many columns.
const LEAST_NAME: usize = 28;

/// The table's lines.
pub fn lines(rows: &[RunRow], width: usize) -> Vec<Line> {
    let columns = [
        words("SCENARIO", 0),
        words("RUN", 0),
        words("STARTED (UTC)", 1),
        words("RESULT", 0),
        words("TRUST", 0),
        number("REQUESTS", 2),
        number("ERRORS", 3),
        number("P95", 4),
    ];
    let rows: Vec<Vec<Line>> = rows.iter().map(line).collect();
    table::lines(&columns, &rows, 0, width, LEAST_NAME)
}

fn tone(word: Word) -> Tone {
    match word {
        Word::Passed => Tone::Good,
        Word::Finished => Tone::Plain,
        Word::Cancelled => Tone::Warn,
        Word::Failed | Word::Incomplete => Tone::Bad,
    }
}

/// How a run ended, in a word or two.
pub fn result(run: &TestRunSummary) -> (Tone, &'static str) {
    let outcome = run.outcome.as_ref();
    let requests = run.requests.unwrap_or(0);
    let could_not_run = outcome.is_some_and(|outcome| outcome.could_not_run)
        || (run.status == Status::Failed && requests == 0);
    if run.unreadable.is_some() {
        return (Tone::Bad, "unreadable");
    }
    let complete = run.coverage.is_none_or(|coverage| coverage.complete);
    match run.status {
        Status::Cancelled => (Tone::Warn, "cancelled"),
        status if !status.is_terminal() => (Tone::Plain, status.name()),
        _ if could_not_run => (Tone::Bad, "could not run"),
        _ if !complete => (Tone::Bad, Word::Incomplete.name()),
        Status::Failed => (Tone::Bad, Word::Failed.name()),
        // Other servers have no word, and some no outcome, only a status.
        _ => match outcome.map(|outcome| (outcome.word, outcome.passed)) {
            Some((Some(word), _)) => (tone(word), word.name()),
            Some((None, Some(true))) => (Tone::Good, Word::Passed.name()),
            Some((None, Some(false))) => (Tone::Bad, Word::Failed.name()),
            Some((None, None)) | None => (Tone::Plain, "complete"),
        },
    }
}

/// The verdict in a word; a dash if nothing was measured.
pub fn trust(run: &TestRunSummary) -> (Tone, &'static str) {
    let measured = run.requests.unwrap_or(0) > 0 && result(run).1 != "could not run";
    match run.verdict.as_ref().filter(|_| measured) {
        Some(verdict) => match verdict.trust {
            Trust::Trusted => (Tone::Good, "trusted"),
            Trust::Degraded => (Tone::Warn, "degraded"),
            Trust::Untrusted => (Tone::Bad, "untrusted"),
        },
        None => (Tone::Quiet, "–"),
    }
}

/// The 95th percentile of ok answers; of all requests if the server does not measure ok
/// ones apart.
pub fn p95(run: &TestRunSummary) -> Option<u64> {
    if let Some(times) = &run.ok_times {
        return times.p95_us;
    }
    if result(run).1 == "could not run" {
        return None;
    }
    if let Some(times) = &run.all_times {
        return times.p95_us;
    }
    let ms = *run.percentiles.as_ref()?.get("p95")?;
    Some((ms * 1e3).round() as u64)
}

fn line(row: &RunRow) -> Vec<Line> {
    let run = &row.run;
    let dash = || "–".to_owned();
    let (result_tone, result) = result(run);
    let (trust_tone, trust) = trust(run);
    let errors = run.requests.map(|requests| {
        let failed = run.errors.unwrap_or(0);
        units::percent(failed, requests)
    });
    vec![
        Line::of(&row.name),
        Line::new().tone(Tone::Command, &run.test_run_id),
        Line::of(&run.start_time),
        Line::new().tone(result_tone, result),
        Line::new().tone(trust_tone, trust),
        Line::of(run.requests.map_or_else(dash, units::count)),
        Line::of(errors.unwrap_or_else(dash)),
        Line::of(units::time_or_dash(p95(run))),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::result::fixtures;
    use serde_json::json;

    #[test]
    fn p95_is_that_of_ok_answers() {
        let row = |ok_times: serde_json::Value| -> TestRunSummary {
            let mut row = json!({
                "testRunId": "p4TqL8vN2c", "startTime": "", "endTime": "", "status": "complete",
                "scheduleTimezone": "UTC", "requests": 4, "percentiles": { "p95": 0.2 },
            });
            if !ok_times.is_null() {
                row["ok_times"] = ok_times;
            }
            serde_json::from_value(row).unwrap()
        };
        let answers = json!({ "count": 1, "p95_us": 20_015 });
        assert_eq!(p95(&row(answers)), Some(20_015));
        assert_eq!(p95(&row(json!({ "count": 0 }))), None);
        assert_eq!(p95(&row(json!(null))), Some(200));
    }

    #[test]
    fn list_names_how_each_run_ended() {
        let rows: Vec<RunRow> = [
            fixtures::passed(),
            fixtures::threshold_failed(),
            fixtures::degraded(),
            fixtures::incomplete(),
            fixtures::refused(),
            fixtures::cancelled(),
        ]
        .into_iter()
        .map(|mut value| {
            let total = value["summary"]["total"].clone();
            value["results"]["total"] = json!({
                "throughput": total["count"], "succ": total["ok"], "fail": total["failed"],
                "p95_0": format!("{}", total["p95_us"].as_f64().unwrap_or(0.0) / 1e6),
            });
            let record = fixtures::record(value);
            RunRow {
                test: record.test_id.clone(),
                name: record.test_name.clone(),
                run: record.row(),
            }
        })
        .collect();
        assert!(lines(&rows, 60).iter().all(|line| line.width() <= 60));
        let draw = |width| lines(&rows, width);
        insta::assert_snapshot!("captured_runs_list", crate::line::captured(draw));
    }
}
