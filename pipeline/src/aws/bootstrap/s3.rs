//! The files of a bucket, whole: what the console's is filled with, and how it is
//! emptied. Which files is `console`'s to say.

use crate::clients::failure::failed;
use crate::error::{PipelineError, Source};
pub(super) use aws_sdk_s3::Client;
use aws_sdk_s3::error::ProvideErrorMetadata as _;
use aws_sdk_s3::primitives::ByteStream;

/// Fetches an object of at most `limit` bytes.
pub(super) async fn fetch(
    client: &Client,
    bucket: &str,
    key: &str,
    limit: u64,
) -> Result<Vec<u8>, PipelineError> {
    let what = format!("the archive {key} of bucket {bucket}");
    let get = client.get_object().bucket(bucket).key(key).send().await;
    let got = get.map_err(|error| failed(&what, error))?;
    let length = got.content_length().unwrap_or(0).unsigned_abs();
    if length > limit {
        let text = format!("{what} has {length} bytes; it may have {limit}");
        return Err(PipelineError::Input(text));
    }
    let bytes = got.body.collect().await.map_err(|error| {
        let source = Source::of(error);
        PipelineError::Transient(format!("{what}: {source}"))
    })?;
    Ok(bytes.to_vec())
}

/// Puts a file as browsers get it.
pub(super) async fn put(
    client: &Client,
    bucket: &str,
    key: &str,
    bytes: Vec<u8>,
    [kind, caching]: [&str; 2],
) -> Result<(), PipelineError> {
    let put = client.put_object().bucket(bucket).key(key);
    let put = put.content_type(kind).cache_control(caching);
    let sent = put.body(ByteStream::from(bytes)).send().await;
    let what = format!("file {key} of bucket {bucket}");
    sent.map(drop).map_err(|error| failed(&what, error))
}

/// Removes all objects of a bucket without versions; nothing if the bucket is gone.
pub(super) async fn empty(client: &Client, bucket: &str) -> Result<(), PipelineError> {
    let what = format!("the files of bucket {bucket}");
    let list = client.list_objects_v2().bucket(bucket);
    let mut pages = list.into_paginator().send();
    while let Some(page) = pages.next().await {
        let page = match page {
            // A second try of a stack that was half deleted.
            Err(error) if error.code() == Some("NoSuchBucket") => return Ok(()),
            page => page.map_err(|error| failed(&what, error))?,
        };
        for key in page.contents().iter().filter_map(|object| object.key()) {
            let delete = client.delete_object().bucket(bucket).key(key);
            let deleted = delete.send().await;
            deleted.map_err(|error| failed(&what, error))?;
        }
    }
    Ok(())
}
