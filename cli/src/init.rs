//! `dlt init`: writes a scenario file of a URL or of a curl command. The text is made in
//! dlt-core; here it is judged as `dlt check` would, and saved where nothing is yet.

use crate::args::InitArgs;
use crate::args::{DEFAULT_CAPACITY, DEFAULT_REGION};
use crate::exit::Exit;
use crate::line::{Line, Tone};
use crate::output::Output;
use crate::report;
use crate::source::{self, Files};
use dlt_core::ids::Region;
use dlt_core::refusal::{Fault, Faults};
use dlt_core::scenario::import::{Imported, is_curl};
use dlt_core::scenario::{Defaults, Format, Overrides, Purpose};
use std::io::{ErrorKind, Read, Write};
use std::path::{Path, PathBuf};

/// Where the file is written by default.
pub const DEFAULT_FILE: &str = "scenario.yaml";
/// The URL of a file that was asked for without one.
const EXAMPLE: &str = "http://127.0.0.1:8080/";
/// Longest command that is read from stdin, bytes.
const LONGEST_BYTES: u64 = 4 * 1024 * 1024;

/// `dlt init`.
pub fn init(output: Output, args: &InitArgs) -> Exit {
    let (words, file) = match taken_apart(args) {
        Ok(taken) => taken,
        Err(reason) => return fault(output, "dlt init", reason),
    };
    let imported = match imported(&words) {
        Ok(imported) => imported,
        Err(reason) => return fault(output, "URL|curl …", reason),
    };
    let text = imported.to_yaml();
    let folder = match file.to_str() {
        Some("-") => Path::new(""),
        _ => file.parent().unwrap_or(Path::new("")),
    };
    if let Err(faults) = judged(&text, folder) {
        return report::faults(output, &faults);
    }
    if file.to_str() == Some("-") {
        output.data_text(&text);
        return Exit::Passed;
    }
    match saved(&file, &text) {
        Ok(()) => {}
        Err(error) if error.kind() == ErrorKind::AlreadyExists => {
            let reason =
                "is there already, and is not overwritten; choose another file with -o".to_owned();
            return fault(output, &file.display().to_string(), reason);
        }
        Err(error) => {
            output.error(&format!("{} cannot be written: {error}", file.display()));
            return Exit::Unwritten;
        }
    }
    output.data(&page(&file, &imported));
    let left_out: Vec<String> = imported
        .left_out
        .iter()
        .map(|it| format!("left out: {it}"))
        .collect();
    report::warnings(output, &left_out);
    Exit::Passed
}

/// What was written, and what to do with it.
fn page(file: &Path, imported: &Imported) -> [Line; 3] {
    let shown = file.display();
    let next = |what: &str, command: String| {
        Line::of("  ")
            .tone(Tone::Quiet, what)
            .pad_to(12)
            .tone(Tone::Command, command)
    };
    [
        Line::new()
            .tone(Tone::Good, "✔ ")
            .tone(Tone::Strong, shown.to_string())
            .plain(format!(
                "  ·  a scenario of {} {}",
                imported.method, imported.url
            )),
        next("judge it", format!("dlt check {shown}")),
        next("run it", format!("dlt run {shown}")),
    ]
}

fn fault(output: Output, path: &str, reason: String) -> Exit {
    let path = path.to_owned();
    report::faults(output, &Faults(vec![Fault { path, reason }]))
}

/// The words of the command, and where to write. Behind a URL, `-o FILE` is ours; behind
/// `curl` it is curl's.
fn taken_apart(args: &InitArgs) -> Result<(Vec<String>, PathBuf), String> {
    let mut words = args.words.clone();
    let mut file = args.output.clone();
    let first = words.first().map_or("", String::as_str);
    let is_command = is_curl(first.split(' ').next().unwrap_or_default());
    if !is_command
        && let Some(at) = words
            .iter()
            .position(|word| word == "-o" || word == "--output")
    {
        let given = words.get(at + 1).cloned();
        file = Some(given.ok_or("-o needs the name of a file")?.into());
        words.drain(at..at + 2);
    }
    Ok((words, file.unwrap_or_else(|| PathBuf::from(DEFAULT_FILE))))
}

fn imported(words: &[String]) -> Result<Imported, String> {
    match words {
        [] => Imported::from_text(EXAMPLE),
        [only] if only == "-" => {
            let mut text = String::new();
            let read = std::io::stdin()
                .lock()
                .take(LONGEST_BYTES)
                .read_to_string(&mut text);
            read.map_err(|error| format!("stdin cannot be read: {error}"))?;
            Imported::from_text(&text)
        }
        [only] if Path::new(only).is_file() => Err(format!(
            "{only} is a file; give a URL or a curl command, or - and the command on stdin"
        )),
        words => Imported::from_words(words),
    }
}

/// What `dlt check` would say of it.
fn judged(text: &str, folder: &Path) -> Result<(), Faults> {
    let region = Region::parse(DEFAULT_REGION).ok();
    let defaults = Defaults {
        regions: region
            .into_iter()
            .map(|it| (it, DEFAULT_CAPACITY))
            .collect(),
        tasks: 1,
        name: String::new(),
        show_live: true,
    };
    let nothing = Overrides::default();
    let files = Files::InPlace;
    let text = (text.as_bytes(), Format::Yaml);
    let judges = (&files, None);
    source::parse(text, &nothing, &defaults, (folder, judges), Purpose::Run).map(drop)
}

/// Writes a new file; one that is there stays as it is. Secrets may stand in it.
fn saved(file: &Path, text: &str) -> std::io::Result<()> {
    use std::os::unix::fs::OpenOptionsExt;
    let mut options = std::fs::OpenOptions::new();
    let mut opened = options
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(file)?;
    let written = opened
        .write_all(text.as_bytes())
        .and_then(|()| opened.sync_all());
    if written.is_err() {
        // It is incomplete; the first error is the one to tell.
        let _ = std::fs::remove_file(file);
    }
    written
}

#[cfg(test)]
mod tests {
    use super::*;

    fn args(words: &[&str], output: Option<&Path>) -> InitArgs {
        InitArgs {
            words: words.iter().map(|&word| word.to_owned()).collect(),
            output: output.map(Path::to_owned),
        }
    }

    #[test]
    fn a_file_is_written_once_and_never_over_another() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("shop.yaml");
        let output = Output::of_process();
        let name = file.to_string_lossy().into_owned();
        assert_eq!(
            init(output, &args(&["http://127.0.0.1:1/a", "-o", &name], None)),
            Exit::Passed
        );
        let written = std::fs::read_to_string(&file).unwrap();
        assert!(written.contains("url: \"/a\""), "{written}");
        assert_eq!(
            init(output, &args(&["http://127.0.0.1:1/b"], Some(&file))),
            Exit::BadInput
        );
        assert_eq!(std::fs::read_to_string(&file).unwrap(), written);
        // What cannot be run is not written.
        let other = folder.path().join("other.yaml");
        for wrong in [
            &["curl", "-d", "@none", "http://h/"][..],
            &["curl", "-d", "${x}", "http://h/"],
            &["curl", "--proxy", "x", "http://h/"],
            &["http://h/", "more"],
        ] {
            assert_eq!(
                init(output, &args(wrong, Some(&other))),
                Exit::BadInput,
                "{wrong:?}"
            );
            assert!(!other.exists(), "{wrong:?}");
        }
    }

    #[test]
    fn captures() {
        let imported = imported(&["http://127.0.0.1:8080/cart?a=b".to_owned()]).unwrap();
        let draw = |_| page(Path::new("scenario.yaml"), &imported).to_vec();
        insta::assert_snapshot!("captured_init", crate::line::captured(draw));
    }

    #[test]
    fn curl_keeps_its_own_o() {
        let (words, file) = taken_apart(&args(&["curl", "-o", "x", "http://h/"], None)).unwrap();
        assert_eq!((words.len(), file), (4, PathBuf::from(DEFAULT_FILE)));
        assert!(taken_apart(&args(&["http://h/", "-o"], None)).is_err());
        assert_eq!(imported(&[]).unwrap().url, EXAMPLE);
    }
}
