//! The console's files as an archive, which `dlt deploy hub` takes to its bucket. The same files
//! give the same bytes.

use anyhow::{Context, Result};
use std::fs::{self, File};
use std::io::Write;
use std::path::Path;
use zip::ZipWriter;
use zip::write::SimpleFileOptions;

/// What the command has of the console and a browser does not ask for.
const REPORT: &str = "report.html";

/// Writes the archive of a folder; false where the console was not built.
pub fn write(built: &Path, archive: &Path) -> Result<bool> {
    if !built.join("index.html").exists() {
        return Ok(false);
    }
    let mut names = Vec::new();
    list(built, "", &mut names)?;
    names.sort();
    let mut zip = ZipWriter::new(File::create(archive)?);
    // Without the files' times: zip's own first day.
    let options = SimpleFileOptions::default()
        .last_modified_time(zip::DateTime::default())
        .unix_permissions(0o644);
    for name in names {
        let bytes = fs::read(built.join(&name)).with_context(|| name.clone())?;
        zip.start_file(name, options)?;
        zip.write_all(&bytes)?;
    }
    zip.finish()?;
    Ok(true)
}

/// The files below a folder, by their paths; what begins with a dot is the build's own.
fn list(folder: &Path, below: &str, names: &mut Vec<String>) -> Result<()> {
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        let name = entry.file_name().to_string_lossy().into_owned();
        let path = format!("{below}{name}");
        if name.starts_with('.') || path == REPORT {
            continue;
        }
        match entry.file_type()?.is_dir() {
            true => list(&entry.path(), &format!("{path}/"), names)?,
            false => names.push(path),
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Read;

    #[test]
    fn an_archive_holds_what_browsers_ask_for() {
        let folder = std::env::temp_dir().join(format!("dlt-console-zip-{}", std::process::id()));
        let built = folder.join("dist");
        assert!(!write(&built, &folder.join("none.zip")).expect("no console"));
        fs::create_dir_all(built.join("assets")).expect("a folder");
        fs::create_dir_all(built.join(".vite")).expect("a folder");
        for name in [
            "index.html",
            "report.html",
            "assets/a.js",
            ".vite/manifest.json",
        ] {
            fs::write(built.join(name), name).expect(name);
        }
        let [one, two] = ["one.zip", "two.zip"].map(|name| folder.join(name));
        for archive in [&one, &two] {
            assert!(write(&built, archive).expect("an archive"));
        }
        let bytes = fs::read(&one).expect("an archive");
        assert_eq!(bytes, fs::read(&two).expect("an archive"));
        let mut zip = zip::ZipArchive::new(std::io::Cursor::new(bytes)).expect("a zip");
        assert_eq!(zip.len(), 2);
        let mut text = String::new();
        let mut file = zip.by_name("assets/a.js").expect("a file");
        file.read_to_string(&mut text).expect("a text");
        assert_eq!(text, "assets/a.js");
        fs::remove_dir_all(folder).expect("the end");
    }
}
