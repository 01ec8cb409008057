//! The buckets of a deployment: archives and templates go in under the name of their
//! content; a bucket that is removed is emptied first.

use super::{Aws, failed};
use crate::deploy::error::DeployError;
use aws_sdk_s3::Client;
use aws_sdk_s3::primitives::ByteStream;
use aws_sdk_s3::types::{Delete, ObjectIdentifier};

impl Aws {
    fn s3(&self) -> Client {
        let settings = aws_sdk_s3::config::Builder::from(&self.config);
        // Another endpoint than AWS's own has no host name for each bucket.
        let path_style = self.endpoint().is_some();
        Client::from_conf(settings.force_path_style(path_style).build())
    }

    /// Whether a bucket has an object of this name.
    pub async fn has_object(&self, bucket: &str, key: &str) -> Result<bool, DeployError> {
        let asked = self.s3().head_object().bucket(bucket).key(key).send().await;
        match asked {
            Ok(_) => Ok(true),
            Err(error) if error.as_service_error().is_some_and(|e| e.is_not_found()) => Ok(false),
            Err(error) => Err(failed(&format!("S3, HeadObject of {bucket}/{key}"), &error)),
        }
    }

    /// Whether there is a bucket of this name.
    pub async fn has_bucket(&self, bucket: &str) -> Result<bool, DeployError> {
        match self.s3().head_bucket().bucket(bucket).send().await {
            Ok(_) => Ok(true),
            Err(error) if error.as_service_error().is_some_and(|e| e.is_not_found()) => Ok(false),
            Err(error) => Err(failed(&format!("S3, HeadBucket of {bucket}"), &error)),
        }
    }

    /// Puts an object.
    pub async fn put_object(
        &self,
        bucket: &str,
        key: &str,
        bytes: Vec<u8>,
    ) -> Result<(), DeployError> {
        let put = self.s3().put_object().bucket(bucket).key(key);
        let sent = put.body(ByteStream::from(bytes)).send().await;
        sent.map(drop)
            .map_err(|error| failed(&format!("S3, PutObject of {bucket}/{key}"), &error))
    }

    /// The address by which CloudFormation reads an object.
    pub fn object_url(&self, bucket: &str, key: &str) -> String {
        match self.endpoint() {
            Some(endpoint) => format!("{}/{bucket}/{key}", endpoint.trim_end_matches('/')),
            None => {
                let suffix = super::signed::suffix(&self.region);
                format!("https://{bucket}.s3.{}.{suffix}/{key}", self.region)
            }
        }
    }

    /// Removes every object of a bucket and every version of it; how many there were.
    pub async fn empty_bucket(&self, bucket: &str) -> Result<usize, DeployError> {
        let s3 = self.s3();
        let mut removed = 0;
        loop {
            let page = s3.list_object_versions().bucket(bucket).send().await;
            let page = match page {
                Ok(page) => page,
                Err(error) if is_gone(&error) => return Ok(removed),
                Err(error) => {
                    return Err(failed(
                        &format!("S3, ListObjectVersions of {bucket}"),
                        &error,
                    ));
                }
            };
            let versions = page.versions().iter().map(|it| (it.key(), it.version_id()));
            let markers = page.delete_markers().iter();
            let markers = markers.map(|it| (it.key(), it.version_id()));
            let objects: Vec<ObjectIdentifier> = versions
                .chain(markers)
                .filter_map(|(key, version)| {
                    let object = ObjectIdentifier::builder().key(key?);
                    object
                        .set_version_id(version.map(str::to_owned))
                        .build()
                        .ok()
                })
                .collect();
            if objects.is_empty() {
                return Ok(removed);
            }
            removed += objects.len();
            let all = Delete::builder().set_objects(Some(objects)).quiet(true);
            let all = all
                .build()
                .map_err(|error| DeployError::Unreadable(error.to_string()))?;
            let answer = s3.delete_objects().bucket(bucket).delete(all).send().await;
            let answer = answer
                .map_err(|error| failed(&format!("S3, DeleteObjects in {bucket}"), &error))?;
            if let Some(kept) = answer.errors().first() {
                return Err(DeployError::refused(
                    &format!("S3, DeleteObjects in {bucket}"),
                    kept.code().unwrap_or_default(),
                    kept.message().unwrap_or_default(),
                ));
            }
        }
    }

    /// Removes an empty bucket; one that is gone already is fine.
    pub async fn remove_bucket(&self, bucket: &str) -> Result<(), DeployError> {
        match self.s3().delete_bucket().bucket(bucket).send().await {
            Ok(_) => Ok(()),
            Err(error) if is_gone(&error) => Ok(()),
            Err(error) => Err(failed(&format!("S3, DeleteBucket of {bucket}"), &error)),
        }
    }
}

fn is_gone<E: aws_sdk_s3::error::ProvideErrorMetadata, R>(
    error: &aws_sdk_s3::error::SdkError<E, R>,
) -> bool {
    let refusal = error.as_service_error();
    refusal.and_then(|refusal| refusal.code()) == Some("NoSuchBucket")
}
