//! The image's one layer: a tar archive in which the same files give the same bytes. All
//! of it is root's and nobody else may write, except below `/tmp`, for which the task
//! brings a volume.

use super::error::ImageError;
use super::libraries::{Files, Program, read};
use flate2::{Compression, GzBuilder};
use std::collections::BTreeSet;
use std::io::Write;
use std::path::Path;

/// Where the worker is in the image.
pub const WORKER: &str = "/usr/bin/dlt-worker";
/// Whom it runs as: nobody, who owns nothing.
pub const USER: u64 = 65534;
/// Where the task mounts what may be written.
pub const TMP: &str = "/tmp";
/// Where TLS looks for authorities, and finds them without being told.
const AUTHORITIES: &str = "/etc/ssl/certs/ca-certificates.crt";
/// Where systems have theirs: Debian, Fedora and Amazon Linux, SUSE, Alpine and Arch.
const SYSTEM_AUTHORITIES: [&str; 4] = [
    AUTHORITIES,
    "/etc/pki/tls/certs/ca-bundle.crt",
    "/etc/ssl/ca-bundle.pem",
    "/etc/ssl/cert.pem",
];
/// How a certificate begins.
const BEGIN: &[u8] = b"-----BEGIN CERTIFICATE-----";
/// Largest bundle of authorities, bytes: those of the web are a quarter of a MiB.
const LARGEST_BUNDLE: u64 = 4 * 1024 * 1024;
/// Largest layer, unpacked, bytes: a hundred times what a worker needs.
const LARGEST_LAYER: u64 = 1024 * 1024 * 1024;
/// Fast enough to be waited for, and within a few percent of the smallest.
const COMPRESSION: Compression = Compression::new(6);

const PASSWD: &str =
    "root:x:0:0:root:/:/sbin/nologin\nnobody:x:65534:65534:nobody:/tmp:/sbin/nologin\n";
const GROUP: &str = "root:x:0:\nnogroup:x:65534:\n";
/// Names come from the file that the task brings, then from its resolver. Both are part
/// of the C library since its version 2.34, older than any that the worker runs with.
const NSSWITCH: &str = "passwd: files\ngroup: files\nhosts: files dns\n";

/// All files of the image.
pub fn files(program: Program) -> Result<Files, ImageError> {
    let mut files = program.files;
    files.insert(WORKER.to_owned(), program.bytes);
    files.insert(AUTHORITIES.to_owned(), authorities(&SYSTEM_AUTHORITIES)?);
    for (path, text) in [
        ("/etc/passwd", PASSWD),
        ("/etc/group", GROUP),
        ("/etc/nsswitch.conf", NSSWITCH),
    ] {
        files.insert(path.to_owned(), text.into());
    }
    let bytes: u64 = files.values().map(|file| file.len() as u64).sum();
    if bytes > LARGEST_LAYER {
        return Err(ImageError::TooLarge {
            what: "the image".to_owned(),
            most_mib: LARGEST_LAYER / 1024 / 1024,
        });
    }
    Ok(files)
}

/// The first bundle that there is.
fn authorities(places: &[&str]) -> Result<Vec<u8>, ImageError> {
    for place in places.iter().filter(|place| Path::new(place).exists()) {
        let bytes = read(Path::new(place), LARGEST_BUNDLE)?;
        if bytes.windows(BEGIN.len()).any(|part| part == BEGIN) {
            return Ok(bytes);
        }
    }
    Err(ImageError::NoAuthorities(places.join(", ")))
}

/// The files as an archive, sorted, without times and names of users; and these folders,
/// into which everybody may write.
pub fn tar(files: &Files, writable: &[&str]) -> std::io::Result<Vec<u8>> {
    let mut archive = tar::Builder::new(Vec::new());
    let mut folders = BTreeSet::new();
    for path in files.keys() {
        let above = Path::new(path).ancestors().skip(1);
        folders.extend(above.filter_map(|folder| folder.to_str()));
    }
    for folder in folders {
        if !matches!(folder, "/" | "") {
            entry(&mut archive, folder, tar::EntryType::Directory, 0o755, &[])?;
        }
    }
    for folder in writable {
        entry(&mut archive, folder, tar::EntryType::Directory, 0o1777, &[])?;
    }
    for (path, bytes) in files {
        let runs = bytes.starts_with(b"\x7fELF");
        let mode = if runs { 0o755 } else { 0o644 };
        entry(&mut archive, path, tar::EntryType::Regular, mode, bytes)?;
    }
    archive.into_inner()
}

fn entry(
    archive: &mut tar::Builder<Vec<u8>>,
    path: &str,
    kind: tar::EntryType,
    mode: u32,
    bytes: &[u8],
) -> std::io::Result<()> {
    let mut header = tar::Header::new_ustar();
    header.set_entry_type(kind);
    header.set_mode(mode);
    header.set_uid(0);
    header.set_gid(0);
    header.set_mtime(0);
    header.set_size(bytes.len() as u64);
    archive.append_data(&mut header, path.trim_start_matches('/'), bytes)
}

/// Compressed, without a time.
pub fn gzip(bytes: &[u8]) -> std::io::Result<Vec<u8>> {
    let mut encoder = GzBuilder::new().mtime(0).write(Vec::new(), COMPRESSION);
    encoder.write_all(bytes)?;
    encoder.finish()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A small program that every system has.
    const SHELL: &str = "/bin/sh";

    fn some() -> Files {
        let program = Program::find(Path::new(SHELL)).unwrap();
        files(program).unwrap()
    }

    #[test]
    fn only_tmp_can_be_written_and_all_is_roots() {
        let archive = tar(&some(), &[TMP]).unwrap();
        let mut archive = tar::Archive::new(archive.as_slice());
        let mut seen = Vec::new();
        for entry in archive.entries().unwrap() {
            let entry = entry.unwrap();
            let header = entry.header();
            let path = entry.path().unwrap().to_string_lossy().into_owned();
            let mode = header.mode().unwrap();
            assert_eq!((header.uid().unwrap(), header.gid().unwrap()), (0, 0));
            assert_eq!(header.mtime().unwrap(), 0, "{path}");
            let wanted = match (path.trim_end_matches('/'), header.entry_type()) {
                ("tmp", tar::EntryType::Directory) => 0o1777,
                (_, tar::EntryType::Directory) => 0o755,
                ("usr/bin/dlt-worker", tar::EntryType::Regular) => 0o755,
                (library, tar::EntryType::Regular) if library.contains(".so") => 0o755,
                (_, tar::EntryType::Regular) => 0o644,
                (path, kind) => panic!("{path} is a {kind:?}"),
            };
            assert_eq!(mode, wanted, "{path}");
            seen.push(path.trim_end_matches('/').to_owned());
        }
        for path in [
            "etc/passwd",
            "etc/group",
            "etc/nsswitch.conf",
            "etc/ssl/certs/ca-certificates.crt",
            "tmp",
            "usr/bin/dlt-worker",
        ] {
            assert_eq!(
                seen.iter().filter(|seen| *seen == path).count(),
                1,
                "{path}"
            );
        }
        // A folder stands before what is in it.
        for (at, path) in seen.iter().enumerate() {
            if let Some((folder, _)) = path.rsplit_once('/') {
                assert!(seen[..at].iter().any(|before| before == folder), "{path}");
            }
        }
    }

    #[test]
    fn a_place_without_certificates_is_no_bundle() {
        let folder = tempfile::tempdir().unwrap();
        let (empty, full) = (folder.path().join("empty"), folder.path().join("full"));
        std::fs::write(&empty, "").unwrap();
        let certificate = "# one\n-----BEGIN CERTIFICATE-----\n";
        std::fs::write(&full, certificate).unwrap();
        let [empty, full] = [&empty, &full].map(|path| path.to_str().unwrap());
        assert_eq!(authorities(&[empty, full]).unwrap(), certificate.as_bytes());
        let error = authorities(&["/none", empty]).unwrap_err().to_string();
        assert!(error.contains(empty) && error.contains("ca-certificates"));
    }
}
