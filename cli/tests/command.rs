//! The command as a shell sees it: exit codes, what goes to which stream, and
//! that bad input leaves nothing behind. Whole runs are tested in `tests/`.

use std::path::Path;
use std::process::{Command, Output, Stdio};

fn dlt(home: &Path, arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_dlt"));
    command
        .args(arguments)
        .env("DLT_HOME", home)
        .env_remove("NO_COLOR")
        .stdin(Stdio::null());
    command
}

fn ends(home: &Path, arguments: &[&str]) -> (i32, String, String) {
    let Output {
        status,
        stdout,
        stderr,
    } = dlt(home, arguments).output().expect("dlt runs");
    let text = |bytes| String::from_utf8(bytes).expect("UTF-8");
    (
        status.code().expect("an exit code"),
        text(stdout),
        text(stderr),
    )
}

#[test]
fn bad_input_tells_all_faults_and_leaves_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let home = folder.path().join("home");
    let file = |name: &str, text: &[u8]| {
        let path = folder.path().join(name);
        std::fs::write(&path, text).unwrap();
        path.to_str().unwrap().to_owned()
    };
    let empty = file("empty.yaml", b"");
    let broken = file("broken.json", b"{\"testName\": ");
    let binary = file("binary.yaml", &[0xff, 0xfe, 0x00]);
    let twice = file("twice.json", b"{\"testName\":\"a\",\"testName\":\"b\"}");
    let no_file = file("text.txt", b"hello");
    let url = "http://127.0.0.1:1/";
    let cases: &[(&[&str], &str)] = &[
        (&["run", "http:///"], "url"),
        (&["run", "ftp://127.0.0.1/"], "url"),
        (&["run", "127.0.0.1:1"], "127.0.0.1:1"),
        (&["run", url, "-d", "soon"], "hold-for"),
        (&["run", url, "-c", "0"], "users"),
        (&["run", url, "--arrivals", "NaN"], "arrivals"),
        (&["run", url, "--tasks", "0"], "taskCount"),
        (&["run", url, "--tasks", "65"], "taskCount"),
        (&["run", url, "--region", "nowhere"], "--region"),
        (
            &["run", url, "--threshold", "p(95) is fine"],
            "thresholds[0]",
        ),
        (&["run", url, "-H", "no colon"], "-H"),
        (&["run", url, "--ca-file", "/does/not/exist.pem"], "ca-file"),
        (&["run", url, "--stages", "many"], "stages[0]"),
        (&["run", url, "-b", "@/does/not/exist"], "body-file"),
        (&["run", &empty], "value"),
        (&["run", &broken], "value"),
        (&["run", &binary], "value"),
        (&["run", &twice], "testName"),
        (&["run", &no_file], "text.txt"),
        (&["run", "missing.yaml"], "missing.yaml"),
        // A file takes it; what is wrong is the file.
        (&["run", &empty, "-c", "5"], "value"),
        (&["runs", "get", "no-such-run"], "no-such-run"),
        (&["run", url, "--frobnicate"], "--frobnicate"),
    ];
    for (arguments, path) in cases {
        let (code, stdout, stderr) = ends(&home, arguments);
        assert_eq!(code, 2, "{arguments:?}: {stderr}");
        assert_eq!(stdout, "", "{arguments:?}");
        assert!(
            stderr.contains(path),
            "{arguments:?} does not name {path}: {stderr}"
        );
        assert!(!home.exists(), "{arguments:?} left something behind");
    }
    let (_, _, stderr) = ends(
        &home,
        &[
            "run",
            "http:///",
            "-d",
            "soon",
            "--threshold",
            "x",
            "--timeout",
            "y",
        ],
    );
    assert!(stderr.contains("4 faults"), "{stderr}");
}

#[test]
fn an_empty_home_has_no_runs_and_stays_empty() {
    let folder = tempfile::tempdir().unwrap();
    let home = folder.path().join("home");
    let (code, stdout, stderr) = ends(&home, &["runs", "list"]);
    assert_eq!((code, stdout.as_str()), (0, ""));
    assert!(stderr.contains("dlt demo"), "{stderr}");
    let (code, stdout, stderr) = ends(&home, &["runs", "list", "--json"]);
    let nothing = "{\n  \"testRuns\": []\n}\n";
    assert_eq!((code, stdout.as_str(), stderr.as_str()), (0, nothing, ""));
    assert!(!home.exists());
}

#[test]
fn a_reader_who_leaves_is_no_error() {
    let folder = tempfile::tempdir().unwrap();
    let mut child = dlt(
        folder.path(),
        &["--home", "/does/not/exist", "runs", "list", "--json"],
    )
    .stdout(Stdio::piped())
    .spawn()
    .unwrap();
    // The reading end is closed before anything can have been read from it.
    drop(child.stdout.take());
    assert_eq!(child.wait().unwrap().code(), Some(0));
}

#[test]
fn help_and_version_are_data() {
    let folder = tempfile::tempdir().unwrap();
    let (code, stdout, stderr) = ends(folder.path(), &["--version"]);
    assert_eq!((code, stderr.as_str()), (0, ""));
    assert_eq!(stdout, format!("dlt {}\n", env!("CARGO_PKG_VERSION")));
    let (code, stdout, _) = ends(folder.path(), &["run", "--help"]);
    assert_eq!(code, 0);
    assert!(stdout.contains("--require-trusted"));
    assert!(!stdout.contains('\u{1b}'), "no colour without a terminal");
    let (code, stdout, _) = ends(folder.path(), &[]);
    assert_eq!((code, stdout.as_str()), (2, ""));
}
