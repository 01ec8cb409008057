//! Files are read as tables, what is wrong with one is told, and each row is dealt once.

use super::*;
use dlt_core::load::share::{Share, Slice};
use proptest::prelude::*;

fn source() -> DataSource {
    DataSource {
        path: "users.csv".to_owned(),
        delimiter: b',',
        quoted: true,
        recycled: false,
        columns: None,
    }
}

fn rows(source: &DataSource, text: &str) -> Result<Vec<Vec<String>>, String> {
    let table = Table::read(source, text.as_bytes())?;
    let row = |row| table.row(row).map(str::to_owned).collect();
    Ok((0..table.rows()).map(row).collect())
}

#[test]
fn files_are_read_as_rfc_4180_has_them() {
    let text = "\u{feff}id, name\r\n1,\"a \"\"b\"\", c\"\r\n\r\n2,\"x\ny\"\n3,";
    assert_eq!(
        rows(&source(), text).unwrap(),
        [["1", "a \"b\", c"], ["2", "x\ny"], ["3", ""]]
    );
    let table = Table::read(&source(), text.as_bytes()).unwrap();
    assert_eq!(table.columns, ["id", "name"]);
    for marked in [
        " \u{feff}id,b\n1,2\n",
        "\u{feff}\u{feff}id ,\u{feff}b\n1,2\n",
    ] {
        let table = Table::read(&source(), marked.as_bytes()).unwrap();
        assert_eq!(table.columns, ["id", "b"]);
    }
    let unquoted = DataSource {
        quoted: false,
        delimiter: b'\t',
        columns: Some(vec!["a".to_owned(), "b".to_owned()]),
        ..source()
    };
    assert_eq!(rows(&unquoted, "\"1\t2\"\n").unwrap(), [["\"1", "2\""]]);
}

#[test]
fn what_is_wrong_with_a_file_is_in_the_error() {
    for (text, says) in [
        ("", "is empty"),
        ("id\n", "has no rows"),
        ("id,id\n1,2\n", "two columns called id"),
        ("id,\n1,2\n", "names no column"),
        (
            "id,b\n1\n",
            "has 1 field in line 2, which begins with \"1\", but its first line names 2: id, b",
        ),
        ("id,b\n1,2\n3,4,5\n", "has 3 fields in line 3"),
        (
            "id;b\n1;2\n",
            "has one column called \"id;b\": is its delimiter \";\"?",
        ),
        ("id\tb\n1\t2\n", "delimiter \"tab\"?"),
        ("id,b\n1;2\n", "is its delimiter \";\"?"),
        ("\u{feff}", "is empty"),
        (" \u{feff},b\n1,2\n", "names no column"),
        ("a{b}\n1\n", "names no column"),
        (
            "id,b\n1,2\n3,\"4\n5,6\n",
            "line 3: a quote is opened and never closed; if",
        ),
        ("id\n\"1\" x\n", "line 2: text behind a closing quote"),
    ] {
        let why = rows(&source(), text).unwrap_err();
        assert!(why.contains(says), "{why}");
    }
    let why = Table::read(&source(), b"id\n\xff\n").unwrap_err();
    assert!(why.contains("UTF-8"), "{why}");
    let named = DataSource {
        columns: Some(vec!["a".to_owned()]),
        ..source()
    };
    let why = rows(&named, "1,2\n").unwrap_err();
    assert!(why.contains("has 2 fields in line 1"), "{why}");
    let why = Table::read(&source(), b"id\na\nGr\xfc\xdfe\n").unwrap_err();
    assert!(why.contains("line 3 holds the byte 0xfc"), "{why}");
    let why = Table::read(&source(), b"\xff\xfei\0d\0").unwrap_err();
    assert!(why.contains("UTF-16"), "{why}");
}

/// A file that is none of rows must not fill a screen, nor the memory.
#[test]
fn faults_of_huge_lines_are_short() {
    let long = "y".repeat(100_000);
    let wide = "x;,".repeat(1_000_000);
    let names: Vec<String> = (0..90).map(|n| format!("{n}{}", "z".repeat(100))).collect();
    let named = names.join(",");
    for text in [
        format!("{long}\n1\n"),
        format!("{long},{long}\n1,2\n"),
        format!("{wide}\n1\n"),
        format!("id\n{wide}\n"),
        format!("id,b\n{long}\n"),
        format!("{named}\n1\n"),
        format!("{named}\n"),
        format!("{named},{}\n1\n", names[0]),
    ] {
        let why = rows(&source(), &text).unwrap_err();
        assert!(why.len() < 800, "{} bytes: {why}", why.len());
    }
    let unquoted = DataSource {
        quoted: false,
        ..source()
    };
    assert_eq!(rows(&unquoted, "id\n\"1\" x\n").unwrap(), [["\"1\" x"]]);
    assert_eq!(rows(&source(), "id\n5\" pipe\n").unwrap(), [["5\" pipe"]]);
}

fn dealer(rows: u64, recycled: bool, owners: RowOwners) -> RowDealer {
    let text: String = (0..rows).map(|row| format!("{row}\n")).collect();
    let source = DataSource {
        recycled,
        columns: Some(vec!["row".to_owned()]),
        ..source()
    };
    let table = Table::read(&source, text.as_bytes()).unwrap();
    RowDealer::new(&source, Arc::new(table), vec![0], owners)
}

fn next(dealer: &RowDealer) -> Option<u64> {
    let (_, row) = dealer.next_row()?.next()?;
    row.parse().ok()
}

proptest! {
    /// Over all runners and threads, every row is dealt exactly once.
    #[test]
    fn every_row_is_dealt_once(
        rows in 1u64..200,
        total in 1u64..40,
        runners in 1u64..5,
        threads in 1u64..4,
        per_task in any::<bool>(),
    ) {
        let mut seen = vec![0u32; rows as usize];
        for runner in 0..runners {
            let lot = Lot { slice: Slice::WHOLE, share: Share { index: runner, of: runners } };
            for thread in 0..threads {
                let (rows_of, users_of) =
                    if per_task { (lot, Lot::WHOLE) } else { (Lot::WHOLE, lot) };
                let owners = RowOwners {
                    rows: rows_of,
                    total,
                    of_thread: users_of.split(thread, threads),
                };
                let dealer = dealer(rows, false, owners);
                let mut dealt = 0;
                while let Some(row) = next(&dealer) {
                    seen[row as usize] += 1;
                    dealt += 1;
                }
                // A thread without users or arrivals has no rows.
                prop_assert!(dealt == 0 || owners.of_thread.count(total) > 0);
            }
        }
        prop_assert!(seen.iter().all(|times| *times == 1), "{seen:?}");
    }
}

#[test]
fn a_thread_with_recycled_rows_starts_over_with_its_own() {
    let owners = |index, total| RowOwners {
        rows: Lot::WHOLE,
        total,
        of_thread: Lot::WHOLE.split(index, 2),
    };
    let second = dealer(5, true, owners(1, 2));
    let taken: Vec<_> = (0..5).map(|_| next(&second).unwrap()).collect();
    assert_eq!(taken, [1, 3, 1, 3, 1]);
    // Fewer rows than users: a thread without rows uses those of others.
    let second = dealer(1, true, owners(1, 2));
    assert_eq!([next(&second), next(&second)], [Some(0), Some(0)]);
}
