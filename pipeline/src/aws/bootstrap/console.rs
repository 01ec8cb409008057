//! The console: files of an archive, unpacked into the bucket that browsers load them
//! from, with the addresses of this stack beside them. What the console is made of is
//! its own build's to say.

use super::properties::property;
use super::s3::{self, Client};
use crate::error::PipelineError;
use serde_json::{Map, Value};
use std::io::{Cursor, Read as _};
use std::path::Component;

// The function has 256 MB: the archive and one file are held at a time.
/// Largest archive, bytes.
const LARGEST_ARCHIVE: u64 = 32 * 1024 * 1024;
/// Largest file in it, unpacked, bytes.
const LARGEST_FILE: u64 = 16 * 1024 * 1024;
/// Largest sum of its files, unpacked, bytes: what the function uploads in its time.
const LARGEST_SUM: u64 = 64 * 1024 * 1024;
/// Most files in it.
const MOST_FILES: usize = 2_000;
/// What a browser loads first; without it there is no console.
const FIRST: &str = "index.html";
/// Where the console and DLT's clients read which stack this is.
const EXPORTS: &str = "aws-exports.json";
/// Files whose names change with their content.
const HASHED: &str = "assets/";
/// Kept for a year by browsers: such a file never changes.
const FOREVER: &str = "public, max-age=31536000, immutable";
/// Asked for again each time; an unchanged file is not sent again.
const FRESH: &str = "no-cache";
/// Never kept.
const NEVER: &str = "no-store";

/// A custom resource's properties.
#[derive(Debug, Clone)]
pub(super) struct Console {
    from: String,
    key: String,
    to: String,
    exports: Value,
}

/// A file of the archive.
#[derive(Debug, PartialEq, Eq)]
struct File {
    key: String,
    bytes: Vec<u8>,
}

impl Console {
    /// From a request's properties.
    pub fn of(properties: &Map<String, Value>) -> Result<Self, PipelineError> {
        let text = |name: &str| property(properties, name).map(str::to_owned);
        Ok(Self {
            from: text("ArtifactBucket")?,
            key: text("ConsoleKey")?,
            to: text("Bucket")?,
            exports: properties.get("Exports").cloned().unwrap_or_default(),
        })
    }

    /// Unpacks the archive into the bucket. Done again, it leaves the same.
    pub async fn unpack(&self, client: &Client) -> Result<(), PipelineError> {
        let archive = s3::fetch(client, &self.from, &self.key, LARGEST_ARCHIVE).await?;
        let mut archive = Archive::open(archive)?;
        let files = archive.keys()?;
        for (at, key) in &files {
            let file = archive.file(*at, key.clone())?;
            let headers = [content_type(key), caching(key)];
            s3::put(client, &self.to, key, file.bytes, headers).await?;
        }
        // The last one: whoever finds it finds all others.
        let exports = self.exports.to_string().into_bytes();
        let headers = [content_type(EXPORTS), caching(EXPORTS)];
        s3::put(client, &self.to, EXPORTS, exports, headers).await
    }
}

/// An archive that was read whole.
struct Archive(zip::ZipArchive<Cursor<Vec<u8>>>);

fn bad(error: impl std::fmt::Display) -> PipelineError {
    PipelineError::Input(format!(
        "the console's archive cannot be used: {error}; build and upload it again"
    ))
}

impl Archive {
    fn open(bytes: Vec<u8>) -> Result<Self, PipelineError> {
        zip::ZipArchive::new(Cursor::new(bytes))
            .map(Self)
            .map_err(bad)
    }

    /// Its files and where they are, judged before anything is uploaded.
    fn keys(&mut self) -> Result<Vec<(usize, String)>, PipelineError> {
        let (mut keys, mut sum) = (Vec::new(), 0_u64);
        for at in 0..self.0.len() {
            let entry = self.0.by_index_raw(at).map_err(bad)?;
            if entry.is_dir() {
                continue;
            }
            let key = key_of(&entry.name().map_err(bad)?)?;
            sum = sum.saturating_add(entry.size());
            if entry.size() > LARGEST_FILE || sum > LARGEST_SUM || keys.len() >= MOST_FILES {
                return Err(bad(format!(
                    "at {key} it is larger than {MOST_FILES} files, {LARGEST_FILE} bytes a file or \
                     {LARGEST_SUM} together"
                )));
            }
            if key != EXPORTS {
                keys.push((at, key));
            }
        }
        if keys.iter().any(|row| row.1 == FIRST) {
            // What is loaded first comes last: it names the others.
            keys.sort_by_key(|row| row.1 == FIRST);
            return Ok(keys);
        }
        Err(bad(format!("it has no {FIRST} at its root")))
    }

    fn file(&mut self, at: usize, key: String) -> Result<File, PipelineError> {
        let entry = self.0.by_index(at).map_err(bad)?;
        let mut bytes = Vec::new();
        // What an entry says of its size may be wrong.
        let mut entry = entry.take(LARGEST_FILE + 1);
        entry.read_to_end(&mut bytes).map_err(bad)?;
        if bytes.len() as u64 > LARGEST_FILE {
            return Err(bad(format!("{key} has more than {LARGEST_FILE} bytes")));
        }
        Ok(File { key, bytes })
    }
}

/// An entry's name as a key: a plain path downward.
fn key_of(name: &str) -> Result<String, PipelineError> {
    let path = std::path::Path::new(name);
    let plain = |part: Component<'_>| matches!(part, Component::Normal(_));
    let strange = name.contains(['\\', ':']) || name.chars().any(char::is_control);
    if name.is_empty() || strange || !path.components().all(plain) {
        return Err(bad(format!("{name:?} is no path inside it")));
    }
    Ok(name.to_owned())
}

/// What a file is, by the end of its name.
fn content_type(key: &str) -> &'static str {
    match key.rsplit('.').next().unwrap_or_default() {
        "html" => "text/html; charset=utf-8",
        "js" | "mjs" => "text/javascript; charset=utf-8",
        "css" => "text/css; charset=utf-8",
        "json" | "map" => "application/json",
        "webmanifest" => "application/manifest+json",
        "txt" => "text/plain; charset=utf-8",
        "svg" => "image/svg+xml",
        "png" => "image/png",
        "jpg" | "jpeg" => "image/jpeg",
        "webp" => "image/webp",
        "ico" => "image/x-icon",
        "woff" => "font/woff",
        "woff2" => "font/woff2",
        "wasm" => "application/wasm",
        _ => "application/octet-stream",
    }
}

/// How long browsers and CloudFront keep a file.
fn caching(key: &str) -> &'static str {
    match key {
        EXPORTS => NEVER,
        key if key.starts_with(HASHED) => FOREVER,
        _ => FRESH,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Write as _;
    use zip::write::SimpleFileOptions;

    fn archive(files: &[(&str, &[u8])]) -> Vec<u8> {
        let mut archive = zip::ZipWriter::new(Cursor::new(Vec::new()));
        for (name, bytes) in files {
            let options = SimpleFileOptions::default();
            archive.start_file(*name, options).unwrap();
            archive.write_all(bytes).unwrap();
        }
        archive.finish().unwrap().into_inner()
    }

    fn keys(files: &[(&str, &[u8])]) -> Result<Vec<String>, String> {
        let mut opened = Archive::open(archive(files)).map_err(|error| error.to_string())?;
        let keys = opened.keys().map_err(|error| error.to_string())?;
        Ok(keys.into_iter().map(|row| row.1).collect())
    }

    #[test]
    fn what_is_loaded_first_comes_last_and_our_own_file_is_ours() {
        let files: [(&str, &[u8]); 3] = [
            ("index.html", b"<!doctype html>"),
            ("aws-exports.json", b"{}"),
            ("assets/a.js", b"1"),
        ];
        assert_eq!(keys(&files).unwrap(), ["assets/a.js", "index.html"]);
        let mut opened = Archive::open(archive(&files)).unwrap();
        let file = opened.file(2, "assets/a.js".to_owned()).unwrap();
        assert_eq!(file.bytes, b"1");
    }

    #[test]
    fn an_archive_that_is_none_of_ours_is_refused_before_anything_is_written() {
        for name in [
            "../index.html",
            "/etc/passwd",
            "a/../../b",
            "a\\b",
            "C:x",
            "a\nb",
        ] {
            let error = keys(&[("index.html", b""), (name, b"")]).unwrap_err();
            assert!(error.contains("no path inside it"), "{name}: {error}");
        }
        let error = keys(&[("page.html", b"")]).unwrap_err();
        assert!(error.contains("no index.html"), "{error}");
        let large = vec![0; usize::try_from(LARGEST_FILE).unwrap() + 1];
        let error = keys(&[("index.html", &large)]).unwrap_err();
        assert!(error.contains("larger than"), "{error}");
        assert!(Archive::open(b"no archive".to_vec()).is_err());
    }

    #[test]
    fn a_file_that_is_longer_than_it_says_is_refused() {
        let large = vec![7; usize::try_from(LARGEST_FILE).unwrap() + 1];
        let mut opened = Archive::open(archive(&[("index.html", &large)])).unwrap();
        let error = opened.file(0, "index.html".to_owned()).unwrap_err();
        assert!(error.to_string().contains("more than"), "{error}");
    }

    #[test]
    fn files_are_what_browsers_take_them_for() {
        assert_eq!(content_type("a/b.mjs"), "text/javascript; charset=utf-8");
        assert_eq!(content_type("LICENSE"), "application/octet-stream");
        assert_eq!(caching("assets/index-1a2b.js"), FOREVER);
        assert_eq!(caching("index.html"), FRESH);
        assert_eq!(caching("aws-exports.json"), NEVER);
    }
}
