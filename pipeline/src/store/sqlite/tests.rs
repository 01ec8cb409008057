//! Databases that are read-only, shared, broken, linked or gone, and what is left of deleted rows.

use super::*;

/// Files of a database, as they lie when its process was killed or has ended.
fn files(folder: &Path, killed: bool) -> usize {
    let source = tempfile::tempdir().unwrap();
    let database = Database::open(source.path(), &[]).unwrap();
    database
        .with(|connection| {
            connection.pragma_update(None, "wal_checkpoint", "TRUNCATE")?;
            connection.execute("INSERT INTO executions VALUES ('a', 'b', '{}', 0)", [])
        })
        .unwrap();
    let kept = killed.then(|| database.clone());
    drop(database);
    let copy = |name: &str| std::fs::copy(source.path().join(name), folder.join(name)).is_ok();
    let copied = [copy("dlt.sqlite"), copy("dlt.sqlite-wal")];
    drop(kept);
    copied.iter().filter(|copied| **copied).count()
}

#[test]
fn a_folder_in_which_nothing_is_written_is_read_to_its_last_change() {
    for name in ["plain", "a b", "q?x=1&y#z", "100%41", "ü"] {
        for (killed, count) in [(false, 1), (true, 2)] {
            let folder = tempfile::tempdir().unwrap();
            let folder = folder.path().join(name);
            std::fs::create_dir(&folder).unwrap();
            assert_eq!(files(&folder, killed), count, "files of a database");
            let path = Database::path(&folder);
            let (connection, version) = open_where_nothing_is_written(&path).unwrap();
            assert_eq!(version, SCHEMA_VERSION);
            let rows: i64 = connection
                .query_row("SELECT count(*) FROM executions", [], |row| row.get(0))
                .unwrap();
            assert_eq!(rows, 1, "{name} {killed}");
            assert!(connection.execute("DELETE FROM executions", []).is_err());
            drop(connection);
            let left = std::fs::read_dir(&folder).unwrap().count();
            assert_eq!(left, count, "nothing was written beside it");
        }
    }
}

/// A deleted secret is in no file, while the service still has them open.
#[test]
fn what_is_deleted_is_overwritten() {
    let folder = tempfile::tempdir().unwrap();
    let database = Database::open(folder.path(), &[]).unwrap();
    let secret = "S3CR3T-".repeat(2_000);
    let insert = "INSERT INTO executions VALUES (?1, 'b', ?2, 0)";
    for name in ["a", "b"] {
        let row = [name, if name == "a" { &secret } else { "kept" }];
        database
            .with(|connection| connection.execute(insert, row))
            .unwrap();
    }
    database.forget_deleted();
    let holds_secret = || {
        let files = ["dlt.sqlite", "dlt.sqlite-wal"].map(|name| folder.path().join(name));
        let files = files.iter().filter_map(|path| std::fs::read(path).ok());
        files
            .flatten()
            .collect::<Vec<u8>>()
            .windows(7)
            .any(|part| part == b"S3CR3T-")
    };
    assert!(holds_secret(), "it is stored");
    database
        .with(|connection| connection.execute("DELETE FROM executions WHERE name = 'a'", []))
        .unwrap();
    database.forget_deleted();
    assert!(!holds_secret());
}

#[test]
fn a_file_that_is_gone_or_replaced_is_noticed() {
    let folder = tempfile::tempdir().unwrap();
    let path = Database::path(folder.path());
    let first = Database::open(folder.path(), &[]).unwrap();
    assert_eq!(first.gone_from(), None);
    std::fs::rename(&path, folder.path().join("elsewhere")).unwrap();
    assert_eq!(first.gone_from(), Some(&*path));
    let second = Database::open(folder.path(), &[]).unwrap();
    assert_eq!(
        (first.gone_from(), second.gone_from()),
        (Some(&*path), None)
    );
    assert_eq!(Database::empty().unwrap().gone_from(), None);
}

#[test]
fn links_and_tables_without_a_version_are_refused_in_words() {
    let folder = tempfile::tempdir().unwrap();
    let [real, linked] = ["real", "linked"].map(|name| folder.path().join(name));
    std::fs::create_dir(&real).unwrap();
    std::fs::create_dir(&linked).unwrap();
    let database = Database::open(&real, &[]).unwrap();
    std::os::unix::fs::symlink(Database::path(&real), Database::path(&linked)).unwrap();
    let told = |opened: Result<(), PipelineError>| opened.unwrap_err().to_string();
    let both = |home: &Path| {
        [
            told(Database::open_to_read(home, &[]).map(drop)),
            told(Database::open(home, &[]).map(drop)),
        ]
    };
    for told in both(&linked) {
        assert!(
            told.contains("is a symbolic link to") && told.contains("DLT_HOME"),
            "{told}"
        );
    }
    // The folder may be one.
    let folder_link = folder.path().join("link");
    std::os::unix::fs::symlink(&real, &folder_link).unwrap();
    assert!(Database::open(&folder_link, &[]).is_ok());
    database
        .with(|connection| connection.pragma_update(None, "user_version", 0))
        .unwrap();
    for told in both(&real) {
        assert!(told.contains("has tables and says no version"), "{told}");
    }
}

#[test]
fn several_open_a_new_folder_together() {
    for _ in 0..10 {
        let folder = tempfile::tempdir().unwrap();
        let together = std::sync::Barrier::new(6);
        let open = || {
            together.wait();
            Database::open(folder.path(), &[]).map(drop)
        };
        std::thread::scope(|scope| {
            let all: Vec<_> = (0..6).map(|_| scope.spawn(open)).collect();
            for one in all {
                one.join().unwrap().unwrap();
            }
        });
    }
}

#[test]
fn what_is_no_database_is_named() {
    let folder = tempfile::tempdir().unwrap();
    for text in [
        "no database, and longer than a header of one would be, by far",
        "x",
    ] {
        let text = text.repeat(100);
        std::fs::write(Database::path(folder.path()), text).unwrap();
        let error = Database::open_to_read(folder.path(), &[]).unwrap_err();
        assert!(
            error.to_string().contains("dlt.sqlite cannot be read"),
            "{error}"
        );
    }
}
