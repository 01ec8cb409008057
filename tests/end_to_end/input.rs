//! Wrong input: told in full, exit code 2, and nothing is stored.

use base64::Engine as _;
use dlt_tests::command::Home;
use dlt_tests::patience::shared;
use serde_json::Value;
use std::time::Duration;

const QUICK: Duration = Duration::from_secs(20);

#[test]
fn wrong_arguments_are_told_and_leave_nothing() {
    let _shared = shared();
    for args in [
        &["run"][..],
        &["run", "http://127.0.0.1:1/", "-c", "0"],
        &["run", "http://127.0.0.1:1/", "-c", "many"],
        &["run", "http://127.0.0.1:1/", "-d", "soon"],
        &["run", "http://127.0.0.1:1/", "--tasks", "0"],
        &["run", "http://127.0.0.1:1/", "--region", "Mars"],
        &["run", "http://127.0.0.1:1/", "--threshold", "p95 is fine"],
        &["run", "http:///path"],
        &["run", "ftp://127.0.0.1/"],
        &["run", "no-such-file.yaml"],
        &["runs", "get"],
        &["frobnicate"],
    ] {
        let home = Home::new();
        let ended = home.run(QUICK, args);
        ended.expect_code(2);
        assert!(
            !ended.stderr.trim().is_empty(),
            "{args:?}: nothing was said"
        );
        assert!(ended.stdout.is_empty(), "{args:?}: {}", ended.stdout);
        home.assert_empty();
    }
}

#[test]
fn help_is_data_and_ends_well() {
    let _shared = shared();
    let home = Home::new();
    for args in [&["--help"][..], &["run", "--help"], &["--version"]] {
        let ended = home.run(QUICK, args);
        ended.expect_code(0);
        assert!(!ended.stdout.is_empty());
    }
    home.assert_empty();
}

/// The list that dlt-core checks its own words by.
const MALFORMED: &str = include_str!("../../dlt-core/src/scenario/malformed.json");

fn text_of(case: &Value) -> Vec<u8> {
    if let Some(code) = case["base64"].as_str() {
        return base64::prelude::BASE64_STANDARD.decode(code).unwrap();
    }
    let text = case["text"].as_str().unwrap();
    let fill = &case["fill"];
    match fill["at"].as_str() {
        None => text.as_bytes().to_vec(),
        Some(at) => {
            let times = fill["times"].as_u64().unwrap() as usize;
            let with = fill["with"].as_str().unwrap().repeat(times);
            text.replace(at, &with).into_bytes()
        }
    }
}

#[test]
fn every_malformed_scenario_is_told_in_full_and_nothing_is_stored() {
    let _shared = shared();
    let cases: Vec<Value> = serde_json::from_str(MALFORMED).unwrap();
    assert!(cases.len() >= 60, "{} cases", cases.len());
    let home = Home::new();
    for case in &cases {
        let name = case["name"].as_str().unwrap();
        let file = format!("case.{}", case["format"].as_str().unwrap());
        let file = home.file(&file, text_of(case));
        let file = file.to_string_lossy();
        let args = [
            "run",
            &file,
            "--region",
            "lo-home-1=8",
            "--region",
            "lo-home-2=4",
        ];
        let ended = home.run(QUICK, args);
        assert_eq!(ended.code, Some(2), "{name}\n{}", ended.told());
        assert!(ended.stdout.is_empty(), "{name}: {}", ended.stdout);
        let faults = case["faults"].as_array().unwrap();
        for fault in faults {
            let (path, _) = fault.as_str().unwrap().split_once(": ").unwrap();
            let told = ended
                .stderr
                .lines()
                .any(|line| line.trim().starts_with(path));
            assert!(told, "{name}: no word of {path}\n{}", ended.told());
        }
        home.assert_empty();
    }
}
