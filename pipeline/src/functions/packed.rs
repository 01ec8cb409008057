//! JSON objects, gzipped: bounded when they are read back.

use crate::error::PipelineError;
use crate::objects::Access;
use crate::world::World;
use flate2::Compression;
use flate2::read::GzDecoder;
use flate2::write::GzEncoder;
use serde::Serialize;
use serde::de::DeserializeOwned;
use std::io::{Read, Write};

/// Largest object that is read, bytes unpacked: a timeline of 100 labels over
/// days.
const LARGEST_UNPACKED_BYTES: u64 = 512 * 1024 * 1024;

/// Stores a value.
pub async fn put(
    world: &World,
    key: &str,
    value: &(impl Serialize + Sync),
) -> Result<(), PipelineError> {
    let pack = || -> std::io::Result<Vec<u8>> {
        let mut encoder = GzEncoder::new(Vec::new(), Compression::default());
        encoder.write_all(&serde_json::to_vec(value)?)?;
        encoder.finish()
    };
    let bytes = pack().map_err(|error| PipelineError::Other(format!("object {key}: {error}")))?;
    world.objects.put(key, &bytes, Access::Home).await
}

/// Reads a value; None if there is none.
pub async fn get<T: DeserializeOwned>(
    world: &World,
    key: &str,
) -> Result<Option<T>, PipelineError> {
    let Some(bytes) = world.objects.get(key).await? else {
        return Ok(None);
    };
    let broken = |error: &dyn std::fmt::Display| {
        PipelineError::Other(format!("object {key} is unreadable: {error}"))
    };
    let mut text = Vec::new();
    GzDecoder::new(bytes.as_slice())
        .take(LARGEST_UNPACKED_BYTES)
        .read_to_end(&mut text)
        .map_err(|error| broken(&error))?;
    serde_json::from_slice(&text)
        .map(Some)
        .map_err(|error| broken(&error))
}
