//! How files look: headers, length, who prints, what the map names.

use crate::files::{self, none, rust};
use crate::manifest::members;
use std::collections::BTreeSet;

/// Files near 300 lines, at most this many.
const LONGEST_FILE_LINES: usize = 500;

#[test]
fn every_file_says_what_it_is_for() {
    let silent = rust().into_iter().filter(|file| {
        let first = file.text.lines().next().unwrap_or_default();
        !first.starts_with("//! ") || first.len() < 20
    });
    none(
        "each file opens with `//!`: what it is for, what it leaves to others",
        silent.map(|file| file.path),
    );
}

#[test]
fn files_stay_short() {
    let long = rust().into_iter().filter_map(|file| {
        let lines = file.text.lines().count();
        (lines > LONGEST_FILE_LINES).then(|| format!("{}: {lines} lines", file.path))
    });
    none("files are at most 500 lines long: split by noun", long);
}

#[test]
fn one_place_prints() {
    let allowed = [
        "cli/src/output.rs",
        // Cargo reads what it says.
        "cli/build.rs",
        "xtask/src/",
        "tests/",
        "dlt-core/benches/",
        // Programs of `cargo xtask fuzz` and `bench`, which read what they say.
        "worker/src/bin/",
    ];
    let files = rust();
    let offences = files
        .iter()
        .filter(|file| !allowed.iter().any(|place| file.path.starts_with(place)))
        .flat_map(|file| file.offences(&["println!(", "eprintln!(", " print!(", "eprint!("]));
    none("only cli/src/output.rs prints", offences);
}

#[test]
fn every_package_takes_the_workspace_lints() {
    let without = members()
        .into_iter()
        .filter(|manifest| manifest.value("lints", "workspace").as_deref() != Some("true"));
    none(
        "[lints] workspace = true",
        without.map(|manifest| manifest.path),
    );
}

#[test]
fn no_path_of_a_machine() {
    // In two parts, so that this file does not offend.
    let words = [
        ["/wo", "rk/"],
        ["/ro", "ot/"],
        ["/tmp/", "t-"],
        ["/home/", "ubuntu"],
    ];
    let words: Vec<String> = words.iter().map(|parts| parts.concat()).collect();
    let endings = [
        ".rs", ".toml", ".md", ".json", ".yml", ".yaml", ".sh", "ci/run",
    ];
    let files = files::all(&endings);
    let offences = files.iter().flat_map(|file| {
        let lines = file.text.lines().enumerate();
        lines.filter_map(|(number, line)| {
            let word = words.iter().find(|word| line.contains(*word))?;
            Some(format!("{}:{}: {word}", file.path, number + 1))
        })
    });
    none("no paths of somebody's machine", offences);
}

/// The rooms: packages, and the folders and files right below their sources.
fn rooms() -> BTreeSet<String> {
    rust()
        .iter()
        .flat_map(|file| {
            let mut parts = file.path.split('/');
            let package = parts.next().unwrap_or_default();
            let within = match parts.next() {
                Some("src") => parts.next(),
                // tests/ holds its rooms itself.
                other => other,
            };
            let within = within.filter(|name| !["main.rs", "lib.rs", "mod.rs"].contains(name));
            [Some(package), within]
        })
        .flatten()
        .map(|name| name.trim_end_matches(".rs").to_owned())
        .collect()
}

#[test]
fn the_map_names_every_room() {
    let map = files::all(&["ARCHITECTURE.md"]).remove(0).text;
    let words: BTreeSet<&str> = map
        .split(|c: char| !(c.is_alphanumeric() || c == '_' || c == '-'))
        .collect();
    let missing = rooms()
        .into_iter()
        .filter(|room| !words.contains(room.as_str()));
    none("ARCHITECTURE.md does not mention", missing);
}
