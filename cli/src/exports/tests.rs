//! The formats of results of every kind, and files that are whole or not there.

use super::{Exports, judged, junit, markdown, table, write};
use crate::args::{Export, ExportFormat};
use crate::output::Output;
use crate::result::fixtures;
use serde_json::{Value, json};
use std::path::{Path, PathBuf};

fn all(record: Value) -> String {
    let record = fixtures::record(record);
    [
        table::csv(&record),
        junit::junit(&record, false),
        markdown::markdown(&record),
    ]
    .join("\n-----\n")
}

#[test]
fn a_passed_run() {
    insta::assert_snapshot!(all(fixtures::passed()));
}

#[test]
fn a_failed_run() {
    insta::assert_snapshot!(all(fixtures::threshold_failed()));
}

#[test]
fn a_run_that_could_not_be_run() {
    insta::assert_snapshot!(all(fixtures::refused()));
}

#[test]
fn transactions_and_what_is_requested_once_stand_apart() {
    let mut record = fixtures::passed();
    let mut block = record["summary"]["labels"][0].clone();
    block["label"] = json!("buy | all");
    block["kind"] = json!("transaction");
    block["unfinished"] = json!(3);
    record["summary"]["transactions"] = json!([block]);
    record["setup"] = json!({"requests": 2, "took_us": 41_300});
    record["teardown"] = json!({"requests": 1, "took_us": 9_100, "failure": "DELETE /carts: 503"});
    insta::assert_snapshot!(all(record.clone()));
    let many: Vec<Value> = (0..25).map(|_| block.clone()).collect();
    record["summary"]["transactions"] = json!(many);
    let page = markdown::markdown(&fixtures::record(record));
    assert!(page.contains("… and 5 transactions"), "{page}");
}

#[test]
fn hostile_texts_stay_texts() {
    let mut record = fixtures::passed();
    let hostile = "=1+1,\"</testcase>|![x](http://evil)<img>`\u{1b}[31m\n@all";
    record["testName"] = json!(hostile);
    record["summary"]["labels"][0]["label"] = json!(hostile);
    record["outcome"]["thresholds"][0]["expression"] = json!(hostile);
    record["errors"][0]["message"] = json!(hostile);
    let record = fixtures::record(record);
    let csv = table::csv(&record);
    assert!(csv.contains("label,\"'=1+1,\"\"</testcase>"), "{csv}");
    let xml = junit::junit(&record, false);
    assert_eq!(xml.matches("<testcase").count(), 3);
    assert!(!xml.contains('\u{1b}') && !xml.contains("<img"), "{xml}");
    let page = markdown::markdown(&record);
    assert!(
        !page.contains("![")
            && !page.contains("<img")
            && !page.contains("http:")
            && !page.contains('\u{1b}'),
        "{page}"
    );
    for line in page
        .lines()
        .filter(|line| line.starts_with('|') && line.contains("=1"))
    {
        let bars = line.replace("\\|", "").matches('|').count();
        assert!(bars == 4 || bars == 9, "{line}");
    }
}

/// What a label hides is seen, in a cell as in an attribute; no cell is two, or a formula, to a
/// spreadsheet of another country.
#[test]
fn hidden_signs_are_escaped_and_cells_stay_whole() {
    for (label, cell, attribute) in [
        (
            "a;=cmd|' /C calc'!A0",
            "\"a;'=cmd|' /C calc'!A0\"",
            "a;=cmd|&apos; /C calc&apos;!A0",
        ),
        ("a\t=1", "a\\t=1", "a&#9;=1"),
        ("a; =1;+2;b", "\"a;' =1;'+2;b\"", "a; =1;+2;b"),
        (";-1;@x;", "\";'-1;'@x;\"", ";-1;@x;"),
        ("a;\t1;\r2", "\"a;'\\t1;'\\r2\"", "a;&#9;1;&#13;2"),
        ("a;\"=1", "\"a;'\"\"=1\"", "a;&quot;=1"),
        ("a;\u{ff1d}1", "\"a;'\u{ff1d}1\"", "a;\u{ff1d}1"),
        // One apostrophe taken away is what it was.
        ("'=1;'=2", "\"''=1;''=2\"", "&apos;=1;&apos;=2"),
        (
            "it's; 'a' b;c=d",
            "\"it's; 'a' b;c=d\"",
            "it&apos;s; &apos;a&apos; b;c=d",
        ),
        ("\t=1", "'\\t=1", "&#9;=1"),
        ("a\u{1b}[2Jb\0", "a\\x1b[2Jb\\x00", "a\u{fffd}[2Jb\u{fffd}"),
        (
            "a\u{202e}b\u{9b}1m",
            "a\\u{202e}b\\x9b1m",
            "a\\u{202e}b\\x9b1m",
        ),
        (
            "##vso[x]##[y]",
            "#\\#vso[x]#\\#[y]",
            "&#35;#vso[x]&#35;#[y]",
        ),
        ("naïve e\u{301}", "naïve e\u{301}", "naïve e\u{301}"),
    ] {
        let mut record = fixtures::passed();
        record["summary"]["labels"][0]["label"] = json!(label);
        let csv = table::csv(&fixtures::record(record));
        assert!(csv.contains(&format!("label,{cell},")), "{csv}");
        assert_eq!(junit::xml(label), attribute);
    }
}

#[test]
fn json_on_stdout_holds_no_command_of_a_ci() {
    let value = json!({"a": "##[x] ##vso[y]", "##[b]": ["##"]});
    let shown = crate::output::printable(value.to_string());
    assert!(
        !shown.contains("##[") && !shown.contains("##vso["),
        "{shown}"
    );
    assert_eq!(serde_json::from_str::<Value>(&shown).unwrap(), value);
}

/// What would act on a terminal or a log is in no JSON that is printed, and its value is the same.
#[test]
fn json_on_stdout_holds_no_sign_that_acts() {
    let mut signs: Vec<char> = ('\u{7f}'..='\u{a0}').collect();
    signs.extend(('\u{2000}'..='\u{2070}').chain(['\u{61c}', '\u{feff}', '\u{1f600}']));
    let all: String = signs.iter().collect();
    let value = json!({ all.clone(): [all, "##[\u{9b}x]", "\\\u{202e}"] });
    let shown = crate::output::printable(value.to_string());
    for sign in ('\u{7f}'..='\u{9f}')
        .chain('\u{200b}'..='\u{200f}')
        .chain('\u{2028}'..='\u{202e}')
        .chain('\u{2060}'..='\u{2069}')
        .chain(['\u{61c}', '\u{feff}'])
    {
        assert!(!shown.contains(sign), "{:x}", u32::from(sign));
    }
    assert!(shown.contains("\\u009b") && shown.contains("\\u202e") && shown.contains("\\ufeff"));
    // Letters and pictures stay.
    assert!(shown.contains('\u{1f600}') && shown.contains('\u{2010}'));
    assert_eq!(serde_json::from_str::<Value>(&shown).unwrap(), value);
    assert_eq!(crate::output::printable("{}".to_owned()), "{}");
}

/// An independent reader understands the document.
#[test]
fn junit_is_xml() {
    let xml = junit::junit(&fixtures::record(fixtures::threshold_failed()), true);
    let mut depth = 0i32;
    for part in xml.split('<').skip(1) {
        let is_end = part.starts_with('/');
        let is_whole = part.contains("/>") || part.starts_with('?');
        depth += match (is_end, is_whole) {
            (true, _) => -1,
            (false, true) => 0,
            (false, false) => 1,
        };
        assert!(depth >= 0, "{xml}");
    }
    assert_eq!(depth, 0, "{xml}");
}

fn export(format: ExportFormat, path: Option<&Path>) -> Export {
    Export {
        format,
        path: path.map(Path::to_owned),
    }
}

#[tokio::test]
async fn files_are_written_whole() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("result.json");
    std::fs::write(&path, "of an older run").unwrap();
    let wanted = [
        export(ExportFormat::Json, Some(&path)),
        export(ExportFormat::Junit, Some(&folder.path().join("result.xml"))),
    ];
    let record = fixtures::record(fixtures::threshold_failed());
    let exports = Exports {
        wanted: &wanted,
        ..Exports::default()
    };
    write(Output::of_process(), &record, None, exports).await;
    let read: Value = serde_json::from_str(&std::fs::read_to_string(&path).unwrap()).unwrap();
    assert_eq!(read["testRunId"], record.test_run_id.as_str());
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 2);
}

#[test]
fn what_cannot_be_written_is_told_before_the_run() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("a.json");
    let stdout = || export(ExportFormat::Csv, None);
    let json = |path: &Path| export(ExportFormat::Json, Some(path));
    let faults = |wanted: &[Export], with_json: bool| {
        judged(wanted, with_json).expect_err("refused").to_string()
    };
    assert!(judged(&[stdout(), json(&file)], false).is_ok());
    assert!(faults(&[stdout(), stdout()], false).contains("stdout takes one format"));
    assert!(faults(&[stdout()], true).contains("stdout takes one format"));
    assert!(faults(&[json(&file), json(&file)], false).contains("named twice"));
    assert!(faults(&[json(folder.path())], false).contains("is a folder"));
    assert!(faults(&[json(Path::new("/dev/null"))], false).contains("is no plain file"));
    let lost = PathBuf::from("/no/such/folder/a.json");
    assert!(faults(&[json(&lost)], false).contains("there is no folder /no/such/folder"));
}
