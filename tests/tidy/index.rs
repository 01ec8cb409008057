//! The index at the end of ARCHITECTURE.md: every source file with what it says
//! that it is for. `DLT_UPDATE=1` writes it anew.

use super::files::{File, all, root, rust};
use std::fmt::Write as _;

/// Above the index.
const HEADING: &str = "## Every file";
/// Longest line of what a file is for, characters: its first sentence, cut.
const LONGEST_PURPOSE: usize = 150;

/// The first sentence of a file's `//!` lines.
fn purpose(file: &File) -> String {
    let text: Vec<&str> = file
        .text
        .lines()
        .map_while(|line| line.strip_prefix("//!"))
        .take_while(|line| !line.trim().is_empty())
        .map(str::trim)
        .collect();
    let text = text.join(" ");
    let sentence = text.split(". ").next().unwrap_or_default();
    let sentence = sentence.trim_end_matches('.');
    let cut: String = sentence.chars().take(LONGEST_PURPOSE).collect();
    match cut.len() < sentence.len() {
        true => format!("{}…", cut.trim_end()),
        false => cut,
    }
}

fn is_source(path: &str) -> bool {
    let tests = [
        "/tests/",
        "/tests.rs",
        "_tests.rs",
        "/fixtures",
        "/testing.rs",
    ];
    path.contains("/src/") && !tests.iter().any(|mark| path.contains(mark))
}

/// The index: a heading a folder, a line a file.
fn index() -> String {
    let mut text = format!(
        "{HEADING}\n\nWritten by `tests/tidy` from the files' own first sentences \
         (`DLT_UPDATE=1 cargo test --test tidy`).\n"
    );
    let mut folder = String::new();
    for file in rust().iter().filter(|file| is_source(&file.path)) {
        let (here, name) = file.path.rsplit_once('/').unwrap_or(("", &file.path));
        if here != folder {
            here.clone_into(&mut folder);
            let _ = write!(text, "\n`{here}/`\n\n");
        }
        let _ = writeln!(text, "- `{name}`: {}", purpose(file));
    }
    text
}

#[test]
fn the_map_ends_with_an_index_of_every_file() {
    let map = all(&["ARCHITECTURE.md"]).remove(0).text;
    let before = map.split(HEADING).next().unwrap_or_default().trim_end();
    let wanted = format!("{before}\n\n{}", index());
    if std::env::var_os("DLT_UPDATE").is_some() {
        std::fs::write(root().join("ARCHITECTURE.md"), &wanted).expect("the map can be written");
    }
    assert!(
        map == wanted || std::env::var_os("DLT_UPDATE").is_some(),
        "the index of ARCHITECTURE.md is not that of the files: DLT_UPDATE=1 cargo test --test tidy"
    );
}
