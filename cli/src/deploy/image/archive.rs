//! An image as one file: OCI's layout in a tar archive, with an entry by which `docker
//! load` knows the image's name.

use super::error::ImageError;
use super::libraries::Files;
use super::{MANIFEST_TYPE, WorkerImage, layer};
use serde_json::json;
use std::path::Path;

/// Writes the archive; a file that was there is replaced once the new one is whole.
pub fn write(image: &WorkerImage, path: &Path, tag: &str) -> Result<(), ImageError> {
    let refused = |error: std::io::Error| ImageError::Output {
        path: path.to_owned(),
        why: error.to_string(),
    };
    let bytes = layer::tar(&entries(image, tag), &[]).map_err(refused)?;
    let part = path.with_extension("part");
    std::fs::write(&part, bytes).map_err(refused)?;
    std::fs::rename(part, path).map_err(refused)
}

fn entries(image: &WorkerImage, tag: &str) -> Files {
    let mut manifest = image.manifest.descriptor(MANIFEST_TYPE);
    manifest["annotations"] = json!({
        "org.opencontainers.image.ref.name": tag,
        "io.containerd.image.name": format!("docker.io/library/dlt-worker:{tag}"),
    });
    let index = json!({ "schemaVersion": 2, "manifests": [manifest] });
    let mut files = Files::new();
    let layout = json!({ "imageLayoutVersion": "1.0.0" });
    files.insert("oci-layout".to_owned(), layout.to_string().into());
    files.insert("index.json".to_owned(), index.to_string().into());
    let place = |digest: &str| format!("blobs/{}", digest.replace(':', "/"));
    for blob in [&image.layer, &image.config, &image.manifest] {
        files.insert(place(&blob.digest), blob.bytes.clone());
    }
    // Docker before its version 25 reads only this one.
    let old = json!([{
        "Config": place(&image.config.digest),
        "RepoTags": [format!("dlt-worker:{tag}")],
        "Layers": [place(&image.layer.digest)],
    }]);
    files.insert("manifest.json".to_owned(), old.to_string().into());
    files
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A small program that every system has.
    const SHELL: &str = "/bin/sh";

    #[test]
    fn the_archive_holds_the_image_by_digest() {
        let image = WorkerImage::of(Path::new(SHELL)).unwrap();
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("image.tar");
        write(&image, &path, "1").unwrap();
        let names: Vec<_> = std::fs::read_dir(folder.path()).unwrap().collect();
        assert_eq!(names.len(), 1, "nothing is left beside it");
        let mut archive = tar::Archive::new(std::fs::File::open(&path).unwrap());
        let mut found = 0;
        for entry in archive.entries().unwrap() {
            let mut entry = entry.unwrap();
            let name = entry.path().unwrap().to_string_lossy().into_owned();
            let Some(hash) = name.strip_prefix("blobs/sha256/") else {
                continue;
            };
            let mut bytes = Vec::new();
            std::io::Read::read_to_end(&mut entry, &mut bytes).unwrap();
            if !hash.is_empty() {
                assert_eq!(super::super::digest(&bytes), format!("sha256:{hash}"));
                found += 1;
            }
        }
        assert_eq!(found, 3);
    }

    #[test]
    fn a_place_that_cannot_be_written_is_named() {
        let image = WorkerImage::of(Path::new(SHELL)).unwrap();
        let error = write(&image, Path::new("/proc/none/image.tar"), "1").unwrap_err();
        assert!(error.to_string().contains("/proc/none/image.tar"));
    }
}
