//! What a scenario remembers of its runs.

use super::*;
use crate::runs::tests::example;
use dlt_core::judge::outcome::Word;
use serde_json::json;

/// The row of a run that ended so, at a second.
fn row(run: &str, status: Status, word: Option<&str>, second: u64) -> TestRunSummary {
    let mut record = example().record;
    record.status = status;
    run.clone_into(&mut record.test_run_id);
    record.end_time = format!("2026-03-04 09:15:{second:02}");
    let mut row = record.row();
    row.outcome =
        word.map(|word| serde_json::from_value(json!({ "word": word, "passed": null })).unwrap());
    row
}

fn item() -> ScenarioItem {
    ScenarioItem::new(example().test, Value::Null)
}

fn told(item: &ScenarioItem) -> (Option<&str>, u64) {
    let last = item.last_run.as_ref();
    (
        last.map(|last| last.run_id.as_str()),
        item.failures_in_a_row,
    )
}

#[test]
fn failures_in_a_row_are_counted_once_each() {
    let mut item = item();
    let failed = Status::Failed;
    assert!(!item.ended(&row("a", Status::Running, None, 1)));
    assert!(item.ended(&row("a", failed, None, 1)));
    assert!(!item.ended(&row("a", failed, None, 1)), "told again");
    assert!(item.ended(&row("b", Status::Complete, Some("failed"), 2)));
    assert_eq!(told(&item), (Some("b"), 2));
    assert!(item.ended(&row("c", Status::Cancelled, None, 3)));
    assert!(item.ended(&row("d", Status::Complete, Some("incomplete"), 4)));
    assert_eq!(told(&item), (Some("d"), 2), "these say nothing");
    assert!(item.ended(&row("e", failed, Some("failed"), 5)));
    assert!(
        !item.ended(&row("b", failed, Some("failed"), 2)),
        "an older run"
    );
    assert_eq!(told(&item), (Some("e"), 3));
    assert!(item.ended(&row("f", Status::Complete, Some("finished"), 6)));
    assert_eq!(told(&item), (Some("f"), 0));
}

#[test]
fn runs_that_are_left_say_how_it_stands() {
    let mut item = item();
    let rows = [
        row("d", Status::Running, None, 4),
        row("c", Status::Failed, None, 3),
        row("b", Status::Complete, Some("failed"), 2),
        row("a", Status::Complete, Some("passed"), 1),
    ];
    assert!(item.ended_as(&rows));
    assert_eq!(told(&item), (Some("c"), 2));
    assert!(!item.ended_as(&rows));
    assert!(item.ended_as(&rows[3..]));
    assert_eq!(told(&item), (Some("a"), 0));
    assert!(item.ended_as(&[]));
    assert_eq!(told(&item), (None, 0));
}

#[test]
fn a_last_run_has_the_words_of_its_record() {
    let last = |status, word| LastRun::of(&row("a", status, word, 1)).map(|last| last.word);
    assert_eq!(last(Status::Queued, None), None);
    assert_eq!(last(Status::ParsingResults, Some("passed")), None);
    assert_eq!(last(Status::Complete, Some("passed")), Some(Word::Passed));
    assert_eq!(last(Status::Complete, None), Some(Word::Finished));
    assert_eq!(last(Status::Cancelled, None), Some(Word::Cancelled));
    assert_eq!(last(Status::Failed, Some("passed")), Some(Word::Failed));
}
