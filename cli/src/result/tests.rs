//! The last screen of runs of every kind.

use super::{ScreenOptions, fixtures, lines};
use crate::exit::Exit;
use dlt_core::record::exit_code;
use serde_json::Value;

fn shown(value: Value, width: usize) -> String {
    let record = fixtures::record(value);
    let exit = Exit::from_code(exit_code(&record, false, false));
    let next = [(
        "your own URL",
        "dlt run https://your.site/ -c 10".to_owned(),
    )];
    lines(
        &record,
        &ScreenOptions {
            exit,
            width,
            next: &next,
            shape: None,
        },
    )
    .iter()
    .map(|line| line.render(false) + "\n")
    .collect()
}

#[test]
fn passed_and_trusted() {
    insta::assert_snapshot!(shown(fixtures::passed(), 100));
}

#[test]
fn a_narrow_terminal_drops_columns() {
    insta::assert_snapshot!(shown(fixtures::passed(), 72));
}

#[test]
fn threshold_failed() {
    insta::assert_snapshot!(shown(fixtures::threshold_failed(), 100));
}

#[test]
fn degraded_names_the_runner_and_shows_regions() {
    insta::assert_snapshot!(shown(fixtures::degraded(), 100));
}

#[test]
fn incomplete_names_the_missing_runners() {
    insta::assert_snapshot!(shown(fixtures::incomplete(), 100));
}

#[test]
fn refused_target() {
    insta::assert_snapshot!(shown(fixtures::refused(), 100));
}

#[test]
fn times_name_their_requests_if_many_failed() {
    insta::assert_snapshot!(shown(fixtures::many_failures(), 100));
}

#[test]
fn times_of_an_older_run_are_of_all_requests() {
    let shown = shown(fixtures::many_failures_of_older_dlt(), 100);
    let times: Vec<&str> = shown
        .lines()
        .skip_while(|line| !line.starts_with("Response times"))
        .take_while(|line| !line.is_empty())
        .collect();
    insta::assert_snapshot!(times.join("\n"));
}

#[test]
fn cancelled_is_partial() {
    insta::assert_snapshot!(shown(fixtures::cancelled(), 100));
}

/// The last screens of all ends, with where the time went: also what `dlt runs get` shows.
#[test]
fn captures() {
    let mut untrusted = fixtures::degraded();
    untrusted["verdict"]["trust"] = "untrusted".into();
    untrusted["verdict"]["reasons"][0]["trust"] = "untrusted".into();
    for (name, value) in [
        ("captured_passed", fixtures::passed()),
        ("captured_failed", fixtures::threshold_failed()),
        ("captured_untrusted", untrusted),
        ("captured_incomplete", fixtures::incomplete()),
        ("captured_cancelled", fixtures::cancelled()),
        ("captured_could_not_run", fixtures::refused()),
    ] {
        let record = fixtures::record(with_phases(value));
        let exit = Exit::from_code(exit_code(&record, false, false));
        let shape = super::shape::example();
        let draw = |width| {
            let options = ScreenOptions {
                exit,
                width,
                next: &[],
                shape: Some(&shape),
            };
            lines(&record, &options)
        };
        insta::assert_snapshot!(name, crate::line::captured(draw));
    }
}

/// The record with the phases of its answers.
fn with_phases(mut record: Value) -> Value {
    let phase = |count: u64, us: u64| {
        serde_json::json!({
            "count": count, "min_us": us / 2, "mean_us": us, "p50_us": us, "p95_us": us * 3,
            "p99_us": us * 4, "max_us": us * 9,
        })
    };
    if let Some(total) = record.pointer_mut("/summary/total") {
        total["connect"] = phase(12, 226);
        total["first_byte"] = phase(1_975, 5_700);
        total["service"] = phase(1_975, 5_900);
    }
    record
}

#[test]
fn several_addresses_are_shown_with_their_requests() {
    let addresses = |value: Value| {
        let shown = shown(value, 80);
        let (_, rest) = shown.split_once("  addresses  ")?;
        let part = rest.split("\n\n").next()?;
        Some(part.split_whitespace().collect::<Vec<_>>().join(" "))
    };
    assert_eq!(
        addresses(fixtures::several_addresses()).as_deref(),
        Some("192.0.2.7:443 667 · 192.0.2.8:443 667 · [2001:db8::7]:443 666 requests")
    );
    let four = (0..4).map(|n| format!("198.51.100.{n}:80 20 · "));
    assert_eq!(
        addresses(fixtures::many_addresses()),
        Some(four.collect::<String>() + "others 1,920 requests")
    );
    let mut one = fixtures::several_addresses();
    one["generator"]["addresses"] = serde_json::json!([["192.0.2.7:443", 2_000]]);
    assert_eq!(addresses(one), None);
}

#[test]
fn versions_of_http_are_shown_with_their_labels_where_there_are_several() {
    let answered = |value: Value| {
        let shown = shown(value, 80);
        let (_, rest) = shown.split_once("  answered in")?;
        let part = rest.split("\n\n").next()?;
        Some(part.split_whitespace().collect::<Vec<_>>().join(" "))
    };
    let mut value = fixtures::passed();
    assert_eq!(answered(value.clone()), None);
    value["summary"]["total"]["versions"] = serde_json::json!({ "http2": 2_000 });
    let told = answered(value.clone()).unwrap_or_default();
    assert!(told.starts_with("HTTP/2 2,000 answers"), "{told}");
    value["summary"]["total"]["versions"] = serde_json::json!({ "http1_1": 5, "http2": 7 });
    let label = value["summary"]["labels"][0]["label"].clone();
    value["summary"]["labels"][0]["versions"] = serde_json::json!({ "http1_1": 5, "http2": 7 });
    let told = answered(value).unwrap_or_default();
    let label = label.as_str().unwrap_or_default();
    let both = format!("HTTP/1.1 5 ({label}) · HTTP/2 7 ({label}) answers");
    assert!(told.starts_with(&both), "{told}");
}

#[test]
fn lines_fit_the_terminal_and_contain_no_control_characters() {
    for value in [
        fixtures::hostile(),
        fixtures::many_failures(),
        fixtures::passed(),
        fixtures::degraded(),
        fixtures::many_addresses(),
    ] {
        for width in [60, 80, 100, 140] {
            // Commands are never cut, so that they can be copied.
            let shown = shown(value.clone(), width);
            for line in shown.lines().take_while(|&line| line != "Next") {
                assert!(
                    line.chars().all(|c| !c.is_control() && c != '\u{202e}'),
                    "{line}"
                );
                assert!(
                    crate::line::Line::of(line).width() <= width,
                    "{width}: {line}"
                );
            }
        }
    }
}

#[test]
fn a_record_without_results_has_a_screen() {
    let mut value = fixtures::passed();
    let record = value.as_object_mut().expect("an object");
    for key in [
        "outcome", "verdict", "account", "coverage", "start", "load", "summary", "errors",
    ] {
        record.remove(key);
    }
    record.insert("status".to_owned(), "failed".into());
    record.insert(
        "errorReason".to_owned(),
        "no runner became ready within 60 s".into(),
    );
    insta::assert_snapshot!(shown(value, 100));
}
