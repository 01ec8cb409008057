//! The worker's image, made without Docker: one layer with the worker, its loader, its
//! libraries and the certificate authorities of this machine, in OCI's format. The same
//! inputs give the same digest. `registry` brings it to a registry, `archive` to a file.

mod archive;
mod elf;
mod error;
mod layer;
mod libraries;
mod registry;

pub use error::ImageError;
pub use registry::{digest_of, push};

use libraries::Program;
use serde_json::{Value, json};
use sha2::{Digest, Sha256};
use std::path::Path;

const CONFIG_TYPE: &str = "application/vnd.oci.image.config.v1+json";
const LAYER_TYPE: &str = "application/vnd.oci.image.layer.v1.tar+gzip";
const MANIFEST_TYPE: &str = "application/vnd.oci.image.manifest.v1+json";
/// When every image was created: a time of its own would give each its own digest.
const CREATED: &str = "1970-01-01T00:00:00Z";

/// An image of one worker.
#[derive(Debug)]
pub struct WorkerImage {
    layer: Blob,
    config: Blob,
    manifest: Blob,
}

/// Bytes with the digest by which a registry knows them.
#[derive(Debug)]
struct Blob {
    bytes: Vec<u8>,
    digest: String,
}

impl Blob {
    fn of(bytes: Vec<u8>) -> Self {
        let digest = digest(&bytes);
        Self { bytes, digest }
    }

    fn json(value: &Value) -> Self {
        Self::of(value.to_string().into_bytes())
    }

    /// How others refer to it.
    fn descriptor(&self, media_type: &str) -> Value {
        json!({ "mediaType": media_type, "digest": self.digest, "size": self.bytes.len() })
    }
}

impl WorkerImage {
    /// Makes the image of this worker. Takes a second or two: it is compressed.
    pub fn of(worker: &Path) -> Result<Self, ImageError> {
        let program = Program::find(worker)?;
        let machine = program.machine;
        let unwritable = |error: std::io::Error| ImageError::NotAWorker {
            path: worker.to_owned(),
            why: format!("its layer cannot be written: {error}"),
        };
        let files = layer::files(program)?;
        let archive = layer::tar(&files, &[layer::TMP]).map_err(unwritable)?;
        let layer = Blob::of(layer::gzip(&archive).map_err(unwritable)?);
        let config = Blob::json(&config(machine.oci(), &digest(&archive)));
        let manifest = Blob::json(&json!({
            "schemaVersion": 2,
            "mediaType": MANIFEST_TYPE,
            "config": config.descriptor(CONFIG_TYPE),
            "layers": [layer.descriptor(LAYER_TYPE)],
        }));
        Ok(Self {
            layer,
            config,
            manifest,
        })
    }

    /// The manifest's digest, `sha256:…`, which stands for all of the image.
    pub fn digest(&self) -> String {
        self.manifest.digest.clone()
    }

    /// What a registry stores of it, bytes.
    pub fn size_bytes(&self) -> u64 {
        let parts = [&self.layer, &self.config, &self.manifest];
        parts.iter().map(|blob| blob.bytes.len() as u64).sum()
    }

    /// Writes it as an OCI archive, which `docker load`, `podman load` and `skopeo` read.
    pub fn write(&self, path: &Path, tag: &str) -> Result<(), ImageError> {
        archive::write(self, path, tag)
    }
}

/// What the image runs, and as whom.
fn config(architecture: &str, diff_id: &str) -> Value {
    json!({
        "created": CREATED,
        "architecture": architecture,
        "os": "linux",
        "config": {
            "User": format!("{0}:{0}", layer::USER),
            "Entrypoint": [layer::WORKER],
            "WorkingDir": "/",
            "StopSignal": "SIGTERM",
            "Labels": {
                "org.opencontainers.image.title": "dlt-worker",
                "org.opencontainers.image.version": env!("CARGO_PKG_VERSION"),
            },
        },
        "rootfs": { "type": "layers", "diff_ids": [diff_id] },
        "history": [{ "created": CREATED, "created_by": "dlt" }],
    })
}

fn digest(bytes: &[u8]) -> String {
    let hash = Sha256::digest(bytes);
    let hex: String = hash.iter().map(|byte| format!("{byte:02x}")).collect();
    format!("sha256:{hex}")
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A small program that every system has.
    const SHELL: &str = "/bin/sh";

    fn image() -> WorkerImage {
        WorkerImage::of(Path::new(SHELL)).unwrap()
    }

    #[test]
    fn the_same_worker_is_the_same_image() {
        let image = image();
        let folder = tempfile::tempdir().unwrap();
        // Neither its name nor its time matter.
        let copy = folder.path().join("copy");
        std::fs::copy(SHELL, &copy).unwrap();
        let again = WorkerImage::of(&copy).unwrap();
        assert_eq!(image.digest(), again.digest());
        assert!(image.digest().starts_with("sha256:") && image.digest().len() == 71);
        // Another worker is another image.
        let mut bytes = std::fs::read(&copy).unwrap();
        bytes.push(0);
        std::fs::write(&copy, bytes).unwrap();
        assert_ne!(image.digest(), WorkerImage::of(&copy).unwrap().digest());
    }

    #[test]
    fn its_parts_name_each_other() {
        let image = image();
        let manifest: Value = serde_json::from_slice(&image.manifest.bytes).unwrap();
        assert_eq!(manifest["config"]["digest"], image.config.digest);
        assert_eq!(manifest["layers"][0]["digest"], image.layer.digest);
        assert_eq!(manifest["layers"][0]["size"], image.layer.bytes.len());
        let config: Value = serde_json::from_slice(&image.config.bytes).unwrap();
        let mut unpacked = Vec::new();
        let mut reader = flate2::read::GzDecoder::new(image.layer.bytes.as_slice());
        std::io::Read::read_to_end(&mut reader, &mut unpacked).unwrap();
        assert_eq!(config["rootfs"]["diff_ids"][0], digest(&unpacked));
        let architecture = match std::env::consts::ARCH {
            "aarch64" => "arm64",
            _ => "amd64",
        };
        assert_eq!(config["architecture"], architecture);
        let size = image.layer.bytes.len() + image.config.bytes.len() + image.manifest.bytes.len();
        assert_eq!(image.size_bytes(), size as u64);
    }

    #[test]
    fn the_config_is_unchanged() {
        let wanted = json!({
            "created": "1970-01-01T00:00:00Z",
            "architecture": "amd64",
            "os": "linux",
            "config": {
                "User": "65534:65534",
                "Entrypoint": ["/usr/bin/dlt-worker"],
                "WorkingDir": "/",
                "StopSignal": "SIGTERM",
                "Labels": {
                    "org.opencontainers.image.title": "dlt-worker",
                    "org.opencontainers.image.version": env!("CARGO_PKG_VERSION"),
                },
            },
            "rootfs": { "type": "layers", "diff_ids": ["sha256:00"] },
            "history": [{ "created": "1970-01-01T00:00:00Z", "created_by": "dlt" }],
        });
        assert_eq!(config("amd64", "sha256:00"), wanted);
    }
}
