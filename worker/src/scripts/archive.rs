//! Opens an archive of a script: which of its files are taken, which of them is the script. Nothing
//! leaves the folder, and nothing grows beyond its limits, whatever the archive says of itself.

use dlt_core::scenario::plan::Tool;
use std::fs::File;
use std::io::{Cursor, Read, Write};
use std::path::{Component, Path, PathBuf};

/// Most bytes that an archive may unpack to: four times the largest that is uploaded.
const MOST_UNPACKED_BYTES: u64 = 4 * dlt_core::keys::LARGEST_FILE_BYTES;
/// Most files of an archive.
const MOST_FILES: usize = 20_000;
/// Scripts that are named where it is not clear which one is meant.
const MOST_NAMED: usize = 5;

/// Why an archive is no script. The sentence goes on after its name.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub(super) enum ArchiveError {
    #[error("is no archive that can be read ({0}); make it again with zip")]
    Corrupt(String),
    #[error("has a file named {0:?}, which lies outside of it; make it from within its folder")]
    Outside(String),
    #[error("holds the link {0:?}; put the file itself in")]
    Link(String),
    #[error("has more than {MOST_FILES} files; leave out what the script does not need")]
    TooMany,
    #[error(
        "unpacks to more than {} MiB; put large files beside it (files, data-sources)",
        MOST_UNPACKED_BYTES / 1024 / 1024
    )]
    TooLarge,
    #[error("holds no script of {tool}: {wanted}")]
    NoScript { tool: &'static str, wanted: String },
    #[error("holds several scripts ({0}); say which is meant with entry, beside script")]
    Several(String),
    #[error("has no file {0:?}, which entry names; it has {1}")]
    NoEntry(String, String),
    #[error("cannot be unpacked: {0}")]
    Io(String),
}

/// Unpacks it into `folder`; returns the path of the script in it.
pub(super) fn unpack(
    bytes: &[u8],
    tool: Tool,
    entry: Option<&str>,
    folder: &Path,
) -> Result<PathBuf, ArchiveError> {
    let corrupt = |error: zip::result::ZipError| ArchiveError::Corrupt(error.to_string());
    let mut archive = zip::ZipArchive::new(Cursor::new(bytes)).map_err(corrupt)?;
    let names = names(&mut archive)?;
    let top = only_folder(&names);
    let mut room = MOST_UNPACKED_BYTES;
    let mut files = Vec::new();
    for (at, path) in names {
        let inner = match &top {
            Some(top) => path.strip_prefix(top).unwrap_or(&path).to_owned(),
            None => path,
        };
        let mut file = archive.by_index(at).map_err(corrupt)?;
        room = write(&mut file, &folder.join(&inner), room)?;
        files.push(inner);
    }
    files.sort();
    // `entry` is written as people see the archive, with its only folder or without.
    let entry = entry.map(|entry| {
        let entry = Path::new(entry);
        let short = top.as_ref().and_then(|top| entry.strip_prefix(top).ok());
        short.unwrap_or(entry)
    });
    choose(&files, tool, entry).map(|path| folder.join(path))
}

/// The tool whose script an archive holds, where it is clear.
pub fn tool_of_archive(bytes: &[u8]) -> Option<Tool> {
    let mut archive = zip::ZipArchive::new(Cursor::new(bytes)).ok()?;
    let names = names(&mut archive).ok()?;
    let top = only_folder(&names);
    let inner = names.into_iter().map(|(_, path)| match &top {
        Some(top) => path.strip_prefix(top).unwrap_or(&path).to_owned(),
        None => path,
    });
    let files: Vec<PathBuf> = inner.collect();
    let mut fitting = Tool::ALL.into_iter().filter(|tool| {
        !matches!(
            choose(&files, *tool, None),
            Err(ArchiveError::NoScript { .. })
        )
    });
    let tool = fitting.next()?;
    fitting.next().is_none().then_some(tool)
}

/// The files that are taken, by their index.
fn names<R: Read + std::io::Seek>(
    archive: &mut zip::ZipArchive<R>,
) -> Result<Vec<(usize, PathBuf)>, ArchiveError> {
    if archive.len() > MOST_FILES {
        return Err(ArchiveError::TooMany);
    }
    let mut names = Vec::new();
    for at in 0..archive.len() {
        let file = archive
            .by_index_raw(at)
            .map_err(|error| ArchiveError::Corrupt(error.to_string()))?;
        let name = file
            .name()
            .map_err(|error| ArchiveError::Corrupt(error.to_string()))?
            .into_owned();
        let is_outside = name.contains(['\0', '\\']) || name.starts_with('/');
        let path = match file.enclosed_name() {
            // One that only comes back after it has left is refused as well.
            Some(path) if !is_outside && !name.split('/').any(|part| part == "..") => path,
            _ => return Err(ArchiveError::Outside(name)),
        };
        if file.is_symlink() {
            return Err(ArchiveError::Link(name));
        }
        if file.is_dir() || is_hidden(&path) {
            continue;
        }
        names.push((at, path));
    }
    Ok(names)
}

/// What other programs leave in archives, which is no part of the script: `.git`, `__MACOSX`.
fn is_hidden(path: &Path) -> bool {
    path.components().any(|part| match part {
        Component::Normal(name) => {
            let name = name.to_string_lossy();
            name.starts_with('.') || name == "__MACOSX"
        }
        _ => true,
    })
}

/// The one folder that everything lies in, if there is one.
fn only_folder(names: &[(usize, PathBuf)]) -> Option<PathBuf> {
    let first = names.first()?.1.components().next()?;
    let all = names
        .iter()
        .all(|(_, path)| path.components().count() > 1 && path.components().next() == Some(first));
    all.then(|| PathBuf::from(first.as_os_str()))
}

/// Writes a file; returns the room that is left.
fn write(file: &mut impl Read, path: &Path, room: u64) -> Result<u64, ArchiveError> {
    let io = |error: std::io::Error| ArchiveError::Io(error.to_string());
    if let Some(parent) = path.parent() {
        std::fs::create_dir_all(parent).map_err(io)?;
    }
    let mut out = File::create(path).map_err(io)?;
    // Its own word for its size is not believed.
    let mut limited = file.take(room + 1);
    let mut buffer = [0; 64 * 1024];
    let mut left = room;
    loop {
        let read = match limited.read(&mut buffer) {
            Ok(0) => return Ok(left),
            Ok(read) => read,
            Err(error) => return Err(ArchiveError::Corrupt(error.to_string())),
        };
        left = left
            .checked_sub(read as u64)
            .ok_or(ArchiveError::TooLarge)?;
        out.write_all(&buffer[..read]).map_err(io)?;
    }
}

/// The script among the files: the one that is named, else the only one of those that lie highest.
fn choose(files: &[PathBuf], tool: Tool, entry: Option<&Path>) -> Result<PathBuf, ArchiveError> {
    let list = |files: &[&PathBuf]| {
        let some: Vec<_> = files.iter().take(MOST_NAMED).collect();
        let mut text: Vec<String> = some.iter().map(|path| path.display().to_string()).collect();
        if files.len() > MOST_NAMED {
            text.push("…".to_owned());
        }
        text.join(", ")
    };
    if let Some(entry) = entry {
        let found = files.iter().find(|file| file.as_path() == entry);
        return found.cloned().ok_or_else(|| {
            let all: Vec<&PathBuf> = files.iter().collect();
            ArchiveError::NoEntry(entry.display().to_string(), list(&all))
        });
    }
    let is_script = |path: &&PathBuf| {
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        let foreign = path
            .components()
            .any(|part| part.as_os_str() == "node_modules");
        match tool {
            _ if foreign => false,
            Tool::Locust => name == "locustfile.py",
            Tool::Jmeter | Tool::K6 => Tool::of_file(&name) == Some(tool),
        }
    };
    let scripts: Vec<&PathBuf> = files.iter().filter(is_script).collect();
    let depth = |path: &PathBuf| path.components().count();
    let highest = scripts.iter().map(|path| depth(path)).min();
    let highest: Vec<&PathBuf> = scripts
        .into_iter()
        .filter(|path| Some(depth(path)) == highest)
        .collect();
    match highest[..] {
        [one] => Ok(one.clone()),
        [] => Err(ArchiveError::NoScript {
            tool: tool.title(),
            wanted: match tool {
                Tool::Locust => "a locustfile.py, or entry names another file".to_owned(),
                tool => format!("a file that ends with .{}", tool.endings().join(" or .")),
            },
        }),
        ref several => Err(ArchiveError::Several(list(several))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use zip::write::SimpleFileOptions;

    fn archive(files: &[(&str, &str)]) -> Vec<u8> {
        let mut writer = zip::ZipWriter::new(Cursor::new(Vec::new()));
        for (name, text) in files {
            let options = SimpleFileOptions::default();
            writer.start_file(*name, options).unwrap();
            writer.write_all(text.as_bytes()).unwrap();
        }
        writer.finish().unwrap().into_inner()
    }

    fn unpacked(
        files: &[(&str, &str)],
        tool: Tool,
        entry: Option<&str>,
    ) -> Result<String, ArchiveError> {
        let folder = tempfile::tempdir().unwrap();
        let path = unpack(&archive(files), tool, entry, folder.path())?;
        assert!(path.is_file());
        let inner = path.strip_prefix(folder.path()).unwrap();
        Ok(inner.display().to_string())
    }

    #[test]
    fn the_script_is_found() {
        let litter = [("__MACOSX/a.js", ""), (".git/x.js", ""), ("shop/.b.js", "")];
        let inside = [&litter[..], &[("shop/a.js", ""), ("shop/lib/x.js", "")]].concat();
        assert_eq!(unpacked(&inside, Tool::K6, None).unwrap(), "a.js");
        let chosen = unpacked(&inside, Tool::K6, Some("shop/lib/x.js"));
        assert_eq!(chosen.unwrap(), "lib/x.js");
        let locust = [("locustfile.py", ""), ("common.py", "")];
        assert_eq!(
            unpacked(&locust, Tool::Locust, None).unwrap(),
            "locustfile.py"
        );
        assert_eq!(
            unpacked(&locust, Tool::Locust, Some("common.py")).unwrap(),
            "common.py"
        );
        let foreign = [("node_modules/a.js", ""), ("deep/er/a.ts", "")];
        assert_eq!(unpacked(&foreign, Tool::K6, None).unwrap(), "deep/er/a.ts");
    }

    #[test]
    fn what_is_no_script_is_refused_with_words() {
        let refused = |files: &[(&str, &str)], tool, entry| {
            unpacked(files, tool, entry).unwrap_err().to_string()
        };
        let two = [("a.jmx", ""), ("b.jmx", "")];
        assert!(refused(&two, Tool::Jmeter, None).contains("several scripts (a.jmx, b.jmx)"));
        assert!(
            refused(&two, Tool::K6, None).contains("no script of k6: a file that ends with .js")
        );
        assert!(refused(&two, Tool::Jmeter, Some("c.jmx")).contains("it has a.jmx, b.jmx"));
        assert!(refused(&[("../a.js", "")], Tool::K6, None).contains("outside"));
        assert!(refused(&[("x/../../a.js", "")], Tool::K6, None).contains("outside"));
        assert!(refused(&[("/etc/a.js", "")], Tool::K6, None).contains("outside"));
        let folder = tempfile::tempdir().unwrap();
        let cut = &archive(&two)[..60];
        let error = unpack(cut, Tool::Jmeter, None, folder.path()).unwrap_err();
        assert!(error.to_string().starts_with("is no archive"), "{error}");
    }

    #[test]
    fn a_bomb_is_refused_before_it_fills_the_disk() {
        let mut writer = zip::ZipWriter::new(Cursor::new(Vec::new()));
        let chunk = vec![0; 1 << 20];
        for file in 0..5 {
            let options = SimpleFileOptions::default();
            writer.start_file(format!("{file}.bin"), options).unwrap();
            for _ in 0..60 {
                writer.write_all(&chunk).unwrap();
            }
        }
        let bytes = writer.finish().unwrap().into_inner();
        assert!(bytes.len() < 1 << 20);
        let folder = tempfile::tempdir().unwrap();
        let error = unpack(&bytes, Tool::K6, None, folder.path()).unwrap_err();
        assert_eq!(error, ArchiveError::TooLarge);
    }
}
