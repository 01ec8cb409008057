//! What people leave with a run and take away from it: notes and report files.

use crate::common::{AROUND, run_json};
use dlt_core::record::RunRecord;
use dlt_tests::behaviour::{body, ok};
use dlt_tests::command::{Ended, Home};
use dlt_tests::patience::shared;
use dlt_tests::target::everywhere;
use serde_json::Value;
use std::time::Duration;

const HOSTILE: &str = "</script><img src=x onerror=alert(1)>";

#[track_caller]
fn command(home: &Home, code: i32, args: &[&str]) -> Ended {
    let ended = home.run(AROUND, args);
    ended.expect_code(code);
    ended
}

#[test]
fn a_run_keeps_a_note_and_becomes_a_report() {
    let _shared = shared();
    let target = everywhere(ok().but_each(5, body(503, HOSTILE)));
    let home = Home::new();
    let url = target.url("/");
    let args = [
        url.as_str(),
        "--arrivals",
        "40",
        "-d",
        "2s",
        "--threshold",
        "error_rate<90%",
    ];
    let (record, _) = run_json(&home, Duration::from_secs(2), 0, &args);

    command(
        &home,
        0,
        &[
            "runs",
            "note",
            "latest",
            "after the \"new\" index\nsecond line",
        ],
    );
    let shown = command(&home, 0, &["runs", "get", "latest"]).stdout;
    for line in ["after the \"new\" index", "second line"] {
        assert!(shown.contains(line), "{shown}");
    }
    let refused = command(&home, 2, &["runs", "note", "latest", "red \u{1b}[31m"]);
    assert!(
        refused.stderr.contains("control characters"),
        "{}",
        refused.told()
    );

    reported(&home, &record);

    command(&home, 0, &["runs", "note", "latest", ""]);
    let record = command(&home, 0, &["runs", "get", "latest", "--json"]).stdout;
    let record: Value = serde_json::from_str(&record).unwrap();
    assert_eq!(record.get("note"), None);
}

/// The file has the run's numbers, whatever its texts.
fn reported(home: &Home, record: &RunRecord) {
    let file = home.path().with_extension("html");
    let path = file.to_string_lossy().into_owned();
    let args = ["runs", "report", "latest", "-o", &path];
    let made = home.run(AROUND, args);
    let template = concat!(env!("CARGO_MANIFEST_DIR"), "/../console/dist/report.html");
    if !std::path::Path::new(template).exists() {
        // Built where npm is not: then it says what to do, and leaves nothing.
        made.expect_code(3);
        assert!(
            made.stderr.contains("built without the console"),
            "{}",
            made.told()
        );
        assert!(!file.exists());
        return;
    }
    made.expect_code(0);
    let document = std::fs::read_to_string(&file).unwrap();
    assert!(document.len() < 3_000_000, "{} bytes", document.len());
    assert!(
        !document.contains("<img src=x"),
        "a text of the run is markup"
    );
    let (_, data) = document.split_once("id=\"dlt-report\">").unwrap();
    let (data, _) = data.split_once("</script>").unwrap();
    let data: Value = serde_json::from_str(data).unwrap();
    assert_eq!(data["record"]["testRunId"], record.test_run_id.as_str());
    assert_eq!(
        data["record"]["note"],
        "after the \"new\" index\nsecond line"
    );
    let exchanges = data["record"]["errors"][0]["exchanges"].to_string();
    assert!(exchanges.contains(HOSTILE), "{exchanges}");
    let rows = data["timeline"]["total"].as_array().unwrap().iter();
    let sent: u64 = rows.filter_map(|row| row["sent"].as_u64()).sum();
    assert_eq!(record.account.unwrap().requests.sent, sent);
    let failed = &data["histogram_failed"]["distribution"]["count"];
    assert_eq!(record.account.unwrap().requests.failed, *failed);
    assert_eq!(data["runners"].as_array().map(Vec::len), Some(1));

    let again = command(home, 2, &args);
    assert!(again.stderr.contains("--force"), "{}", again.told());
    command(home, 0, &[&args[..], &["--force"]].concat());
    std::fs::remove_file(&file).unwrap();
}
