//! Rows of data, cookies, labels that vary: what belongs to one user or one
//! arrival and to no other.

use super::*;
use crate::engine::tests::depth::{extraction, header, json, messages, varying};
use crate::engine::tests::target::answer;
use dlt_core::scenario::plan::DataSource;

#[test]
fn cookies_are_a_users_own_and_can_be_switched_off() {
    let target = Target::new(|request, before| match request.path() {
        "/login" => answer(
            "302 Found",
            &format!("Set-Cookie: sid=s3cret{before}; Path=/\r\nLocation: /home\r\n"),
            "",
        ),
        "/bye" => answer(
            "500 Oh",
            "Set-Cookie: sid=; Max-Age=0; Path=/\r\n",
            "s3cret0 s3cret1",
        ),
        _ => answer("200 OK", "", ""),
    });
    let mut own = step(&target, "/own");
    own.headers = vec![("Cookie".to_owned(), "lang=de".to_owned())];
    let steps = vec![
        step(&target, "/login"),
        own,
        step(&target, "/bye"),
        step(&target, "/after"),
    ];
    let result = run(rounds(2.0, 1, steps.clone()), 1);
    let of = |path: &str| {
        let requests = target
            .requests()
            .into_iter()
            .filter(|request| request.path() == path);
        let mut cookies: Vec<_> = requests
            .map(|request| header(&request, "cookie").unwrap_or_default())
            .collect();
        cookies.sort();
        cookies
    };
    assert_eq!(of("/login"), ["", ""]);
    assert_eq!(of("/home"), ["sid=s3cret0", "sid=s3cret1"]);
    assert_eq!(of("/own"), ["lang=de; sid=s3cret0", "lang=de; sid=s3cret1"]);
    assert_eq!(of("/after"), ["", ""]);
    assert_eq!(result.tally.account.failed, 2);

    let mut off = rounds(1.0, 1, steps);
    off.store_cookies = false;
    run(off, 1);
    assert_eq!(of("/home")[0], "");
}

/// A value that no round has is told: rows win over variables, and over --set, which sets these.
#[test]
fn a_variable_of_a_column_s_name_is_told_to_be_idle() {
    let folder = tempfile::tempdir().unwrap();
    let target = Target::plain();
    for (name, is_told) in [("row", true), ("other", false)] {
        let mut group = rounds(1.0, 2, vec![varying(&target, "/${row}")]);
        group.variables = vec![(name.to_owned(), "nobody".to_owned())];
        group.data = vec![rows(&folder, 2, true)];
        let result = run(group, 1);
        assert_eq!((target.count("/nobody"), result.tally.account.ok), (0, 2));
        let told = result
            .warnings
            .iter()
            .any(|it| it.contains("give row is not used"));
        assert_eq!(told, is_told, "{:?}", result.warnings);
    }
}

#[test]
fn an_arrival_begins_without_the_cookies_and_values_of_another() {
    let target = Target::new(|request, before| match request.path() {
        "/a" => answer(
            "200 OK",
            &format!("Set-Cookie: n=x{before}\r\n"),
            &format!("{before}"),
        ),
        _ => answer("200 OK", "", ""),
    });
    let mut first = step(&target, "/a");
    first.extractions = vec![extraction("n", json("$"))];
    let result = run(
        arrivals(100.0, 300, vec![first, varying(&target, "/b/${n}")]),
        1,
    );
    assert!(target.connections() < 30);
    assert_eq!(result.tally.account.failed, 0, "{:?}", messages(&result));
    for request in target.requests() {
        let cookie = header(&request, "cookie");
        match request.path().strip_prefix("/b/") {
            None => assert_eq!(cookie, None),
            Some(n) => assert_eq!(cookie, Some(format!("n=x{n}"))),
        }
    }
}

fn rows(folder: &tempfile::TempDir, rows: u64, recycled: bool) -> DataSource {
    let path = folder.path().join("rows.csv");
    let text: String = (0..rows).map(|row| format!("{row}\n")).collect();
    std::fs::write(&path, format!("row\n{text}")).unwrap();
    DataSource {
        path: path.to_str().unwrap().to_owned(),
        delimiter: b',',
        quoted: true,
        recycled,
        columns: None,
    }
}

#[test]
fn each_row_is_used_once_by_users_and_by_arrivals() {
    let folder = tempfile::tempdir().unwrap();
    let counts = |target: &Target| -> Vec<u64> {
        (0..101)
            .map(|row| target.count(&format!("/r/{row}")))
            .collect()
    };
    let target = Target::plain();
    // They could take more, but end with their rows.
    let mut group = rounds(3.0, 100, vec![varying(&target, "/r/${row}")]);
    group.data = vec![rows(&folder, 101, false)];
    let result = run(group, 2);
    assert_eq!(counts(&target), vec![1; 101]);
    assert!(
        result.warnings[0].contains("all its rows of"),
        "{:?}",
        result.warnings
    );

    let target = Target::plain();
    let mut group = arrivals(300.0, 500, vec![varying(&target, "/r/${row}")]);
    group.data = vec![rows(&folder, 101, false)];
    let result = run(group, 2);
    assert_eq!(counts(&target), vec![1; 101]);
    let account = result.tally.account;
    assert_eq!((account.scheduled, account.dropped), (150, 49));
    assert!(
        result.warnings[0].contains("(49 times)"),
        "{:?}",
        result.warnings
    );

    let target = Target::plain();
    let mut group = arrivals(300.0, 500, vec![varying(&target, "/r/${row}")]);
    group.data = vec![rows(&folder, 50, true)];
    run(group, 2);
    assert!(counts(&target)[..50].iter().all(|count| *count == 3));
}

#[test]
fn a_file_without_a_column_is_reported_before_the_load() {
    let folder = tempfile::tempdir().unwrap();
    let target = Target::plain();
    let mut group = users(1.0, 100, vec![varying(&target, "/${rwo}")]);
    group.data = vec![rows(&folder, 1, true)];
    let plan = Plan {
        groups: vec![group],
    };
    let mut files = PlanFiles::default();
    let path = &plan.groups[0].data[0].path;
    files.add(path, std::fs::read(path).unwrap());
    let error = Inputs::of(&plan, files).unwrap_err().to_string();
    assert!(error.contains("${rwo} names no variable"), "{error}");
    files = PlanFiles::default();
    files.add(path, b"row\n1,2\n".to_vec());
    let error = Inputs::of(&plan, files).unwrap_err().to_string();
    assert!(
        error.contains("rows.csv") && error.contains("fields"),
        "{error}"
    );
}

#[test]
fn labels_that_vary_are_bounded() {
    let folder = tempfile::tempdir().unwrap();
    let target = Target::plain();
    let mut labelled = step(&target, "/");
    labelled.label = "row ${row}".to_owned();
    let mut group = rounds(1.0, 2_100, vec![labelled]);
    group.data = vec![rows(&folder, 2_100, false)];
    let result = run(group, 1);
    assert_eq!(result.tally.account.ok, 2_100);
    assert_eq!(result.tally.labels.len(), 2_000);
    assert_eq!(result.tally.labels[OTHER_LABEL].ok, 101);
    assert_eq!(result.tally.overflowed, 101);
    assert!(
        result.warnings[0].contains("more than 2000 labels"),
        "{:?}",
        result.warnings
    );
}
