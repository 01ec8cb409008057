//! Objects on AWS: keys of one bucket. Whoever may read what is said by the
//! bucket's and the roles' policies, not here.

use crate::clients::failure::failed;
use crate::error::{PipelineError, Source};
use crate::objects::{Access, Body, Listed, MOST_KEYS, Objects, Stored, Verb, is_key};
use async_trait::async_trait;
use aws_sdk_s3::Client;
use aws_sdk_s3::config::http::HttpResponse;
use aws_sdk_s3::error::{ProvideErrorMetadata, SdkError};
use aws_sdk_s3::presigning::PresigningConfig;
use aws_sdk_s3::primitives::ByteStream;
use aws_sdk_s3::types::{CompletedMultipartUpload, CompletedPart};
use std::time::Duration;
use tokio_stream::StreamExt as _;

/// Largest object that is sent in one piece, and the size of the pieces of a
/// larger one, bytes: S3 takes no smaller pieces than 5 MiB, nor more than 10,000.
const PART_BYTES: usize = 8 * 1024 * 1024;

/// Objects of a bucket.
#[derive(Debug, Clone)]
pub struct S3Objects {
    client: Client,
    bucket: String,
}

/// A failed call about an object.
fn wrong<E>(key: &str, error: SdkError<E, HttpResponse>) -> PipelineError
where
    E: std::error::Error + ProvideErrorMetadata + Send + Sync + 'static,
{
    failed(&format!("object {key}"), error)
}

impl S3Objects {
    /// Objects of `bucket`.
    pub fn new(client: Client, bucket: String) -> Self {
        Self { client, bucket }
    }

    async fn put_whole(&self, key: &str, bytes: Vec<u8>) -> Result<(), PipelineError> {
        let put = self.client.put_object().bucket(&self.bucket).key(key);
        let sent = put.body(ByteStream::from(bytes)).send().await;
        sent.map(drop).map_err(|error| wrong(key, error))
    }

    /// Sends a body part by part, the first being read already.
    async fn put_parts(
        &self,
        key: &str,
        first: Vec<u8>,
        body: &mut Body,
        limit: u64,
    ) -> Result<u64, PipelineError> {
        let create = self.client.create_multipart_upload();
        let created = create.bucket(&self.bucket).key(key).send().await;
        let created = created.map_err(|error| wrong(key, error))?;
        let upload = created.upload_id().ok_or_else(|| {
            PipelineError::Other(format!("object {key}: S3 began an upload without an id"))
        })?;
        let upload = upload.to_owned();
        let sent = self.send_parts(key, &upload, first, body, limit).await;
        match sent {
            Ok((parts, bytes)) => {
                let parts = CompletedMultipartUpload::builder()
                    .set_parts(Some(parts))
                    .build();
                let complete = self.client.complete_multipart_upload();
                let complete = complete.bucket(&self.bucket).key(key).upload_id(upload);
                let done = complete.multipart_upload(parts).send().await;
                done.map_err(|error| wrong(key, error))?;
                Ok(bytes)
            }
            Err(error) => {
                // What is left of it ends after a day, by the bucket's rule.
                let abort = self.client.abort_multipart_upload();
                let abort = abort.bucket(&self.bucket).key(key).upload_id(upload);
                let _ = abort.send().await;
                Err(error)
            }
        }
    }

    async fn send_parts(
        &self,
        key: &str,
        upload: &str,
        first: Vec<u8>,
        body: &mut Body,
        limit: u64,
    ) -> Result<(Vec<CompletedPart>, u64), PipelineError> {
        let (mut parts, mut bytes, mut piece) = (Vec::new(), 0, first);
        while !piece.is_empty() {
            bytes += piece.len() as u64;
            let number = parts.len() as i32 + 1;
            let part = self.client.upload_part().bucket(&self.bucket).key(key);
            let part = part.upload_id(upload).part_number(number);
            let sent = part.body(ByteStream::from(piece)).send().await;
            let sent = sent.map_err(|error| wrong(key, error))?;
            parts.push(
                CompletedPart::builder()
                    .part_number(number)
                    .set_e_tag(sent.e_tag().map(str::to_owned))
                    .build(),
            );
            piece = next_part(key, body, limit.saturating_sub(bytes)).await?;
        }
        Ok((parts, bytes))
    }
}

/// The next bytes of a body, [`PART_BYTES`] or more unless it ends; an error if
/// there are more than `left`.
async fn next_part(key: &str, body: &mut Body, left: u64) -> Result<Vec<u8>, PipelineError> {
    let mut bytes = Vec::new();
    while bytes.len() < PART_BYTES
        && let Some(piece) = body.next().await
    {
        bytes.extend_from_slice(&piece?);
        if bytes.len() as u64 > left {
            let text = format!("{key} is longer than it may be and was not kept");
            return Err(PipelineError::Input(text));
        }
    }
    Ok(bytes)
}

fn check(key: &str) -> Result<(), PipelineError> {
    if is_key(key) {
        Ok(())
    } else {
        Err(PipelineError::Input(format!("{key:?} is no object key")))
    }
}

#[async_trait]
impl Objects for S3Objects {
    async fn read(&self, key: &str) -> Result<Option<Stored>, PipelineError> {
        check(key)?;
        let get = self.client.get_object().bucket(&self.bucket).key(key);
        let got = match get.send().await {
            Ok(got) => got,
            Err(error) if error.code() == Some("NoSuchKey") => return Ok(None),
            Err(error) => return Err(wrong(key, error)),
        };
        let bytes = got.content_length().unwrap_or(0).unsigned_abs();
        let (sender, receiver) = tokio::sync::mpsc::channel(2);
        let (mut body, name) = (got.body, key.to_owned());
        tokio::spawn(async move {
            while let Some(piece) = body.next().await {
                let piece = piece.map(|piece| piece.to_vec());
                let piece = piece.map_err(|error| {
                    let source = Source::of(error);
                    PipelineError::Transient(format!("object {name}: {source}"))
                });
                // Whoever does not read on does not want the rest.
                if sender.send(piece).await.is_err() {
                    return;
                }
            }
        });
        let body = tokio_stream::wrappers::ReceiverStream::new(receiver);
        Ok(Some(Stored {
            bytes,
            body: Box::pin(body),
        }))
    }

    async fn write(
        &self,
        key: &str,
        mut body: Body,
        limit: u64,
        _: Access,
    ) -> Result<u64, PipelineError> {
        check(key)?;
        let first = next_part(key, &mut body, limit).await?;
        let bytes = first.len();
        if bytes < PART_BYTES {
            self.put_whole(key, first).await?;
            return Ok(bytes as u64);
        }
        self.put_parts(key, first, &mut body, limit).await
    }

    async fn link(
        &self,
        key: &str,
        verb: Verb,
        expiry: Duration,
    ) -> Result<Option<String>, PipelineError> {
        check(key)?;
        let expiry = PresigningConfig::expires_in(expiry)
            .map_err(|error| PipelineError::Other(format!("a link to {key}: {error}")))?;
        let signed = match verb {
            Verb::Get => {
                let get = self.client.get_object().bucket(&self.bucket).key(key);
                let signed = get.presigned(expiry).await;
                signed.map_err(|error| wrong(key, error))?
            }
            Verb::Put => {
                let put = self.client.put_object().bucket(&self.bucket).key(key);
                let signed = put.presigned(expiry).await;
                signed.map_err(|error| wrong(key, error))?
            }
        };
        Ok(Some(signed.uri().to_owned()))
    }

    async fn list(&self, prefix: &str) -> Result<Vec<Listed>, PipelineError> {
        let list = self.client.list_objects_v2().bucket(&self.bucket);
        let mut pages = list.prefix(prefix).into_paginator().send();
        let mut found = Vec::new();
        while let Some(page) = pages.next().await {
            let page = page.map_err(|error| wrong(prefix, error))?;
            found.extend(page.contents().iter().filter_map(|object| {
                Some(Listed {
                    key: object.key()?.to_owned(),
                    bytes: object.size().unwrap_or(0).unsigned_abs(),
                })
            }));
            if found.len() > MOST_KEYS {
                let text = format!("more than {MOST_KEYS} objects begin with {prefix}");
                return Err(PipelineError::Other(text));
            }
        }
        found.sort();
        Ok(found)
    }

    async fn delete(&self, key: &str) -> Result<(), PipelineError> {
        check(key)?;
        let delete = self.client.delete_object().bucket(&self.bucket).key(key);
        let deleted = delete.send().await;
        deleted.map(drop).map_err(|error| wrong(key, error))
    }
}
