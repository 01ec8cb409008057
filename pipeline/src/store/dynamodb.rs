//! A table of DynamoDB, as the nouns' adapters use it: items with a version, and
//! errors as the workflow knows them. What an item holds is theirs.

use crate::clients::failure::failed;
use crate::error::PipelineError;
use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::config::http::HttpResponse;
use aws_sdk_dynamodb::error::{ProvideErrorMetadata, SdkError};
use aws_sdk_dynamodb::operation::put_item::PutItemError;
use aws_sdk_dynamodb::types::AttributeValue;
use serde::Serialize;
use serde::de::DeserializeOwned;
use std::collections::HashMap;
use std::collections::hash_map::RandomState;
use std::hash::{BuildHasher as _, Hasher as _};

/// An item's attributes.
pub type Attributes = HashMap<String, AttributeValue>;

/// One table.
#[derive(Debug, Clone)]
pub struct Table {
    /// Who asks.
    pub client: Client,
    /// The table's name.
    pub name: String,
}

/// An error of DynamoDB as the workflow knows it. A condition that does not hold
/// says that somebody else was faster.
pub fn wrong<E>(what: &str, error: SdkError<E, HttpResponse>) -> PipelineError
where
    E: std::error::Error + ProvideErrorMetadata + Send + Sync + 'static,
{
    match error.code() {
        Some("ConditionalCheckFailedException") => {
            PipelineError::Conflict(format!("{what} was changed by somebody else"))
        }
        _ => failed(what, error),
    }
}

/// The attribute by which a write knows itself again.
const WRITE: &str = "write";

/// A name that no other write has.
fn write_id() -> AttributeValue {
    // The standard library's random keys: nobody must guess it, it must only differ.
    let random = || RandomState::new().build_hasher().finish();
    text(format!("{:016x}{:016x}", random(), random()))
}

/// Whether a put was refused since it is stored already: the SDK sends a write
/// again whose answer was lost.
fn stored_already<R>(error: &SdkError<PutItemError, R>, write: &AttributeValue) -> bool {
    match error.as_service_error() {
        Some(PutItemError::ConditionalCheckFailedException(refused)) => {
            let stored = refused.item().and_then(|item| item.get(WRITE));
            stored == Some(write)
        }
        _ => false,
    }
}

/// A text attribute.
pub fn text(value: impl Into<String>) -> AttributeValue {
    AttributeValue::S(value.into())
}

/// A number attribute.
pub fn number(value: u64) -> AttributeValue {
    AttributeValue::N(value.to_string())
}

/// A value as JSON in a text attribute.
pub fn json(value: &impl Serialize) -> Result<AttributeValue, PipelineError> {
    let text = serde_json::to_string(value);
    text.map(AttributeValue::S)
        .map_err(|error| PipelineError::Other(format!("an item cannot be stored: {error}")))
}

/// Reads what [`json`] wrote; None if there is no such attribute.
pub fn read<T: DeserializeOwned>(
    what: &str,
    attributes: &Attributes,
    name: &str,
) -> Result<Option<T>, PipelineError> {
    let Some(AttributeValue::S(text)) = attributes.get(name) else {
        return Ok(None);
    };
    serde_json::from_str(text)
        .map(Some)
        .map_err(|error| PipelineError::Unreadable(format!("{what} cannot be read: {error}")))
}

impl Table {
    /// An item by its key, as it is now.
    pub async fn get(
        &self,
        what: &str,
        key: Attributes,
    ) -> Result<Option<Attributes>, PipelineError> {
        let get = self.client.get_item().table_name(&self.name);
        let got = get.set_key(Some(key)).consistent_read(true).send().await;
        let got = got.map_err(|error| wrong(what, error))?;
        Ok(got.item)
    }

    /// Stores an item whose stored version is still `version`; 0: there is none.
    pub async fn put(
        &self,
        what: &str,
        mut item: Attributes,
        version: u64,
    ) -> Result<(), PipelineError> {
        let put = self.client.put_item().table_name(&self.name);
        let write = write_id();
        item.insert(WRITE.to_owned(), write.clone());
        let put = put.set_item(Some(item));
        let put = match version {
            0 => put.condition_expression("attribute_not_exists(testId)"),
            _ => put
                .condition_expression("version = :version")
                .expression_attribute_values(":version", number(version)),
        };
        let old = aws_sdk_dynamodb::types::ReturnValuesOnConditionCheckFailure::AllOld;
        let sent = put
            .return_values_on_condition_check_failure(old)
            .send()
            .await;
        match sent {
            Ok(_) => Ok(()),
            // Our own write, sent again since its answer was lost.
            Err(error) if stored_already(&error, &write) => Ok(()),
            Err(error) => Err(wrong(what, error)),
        }
    }

    /// Removes an item; with a version, only if no other one is stored: that there is
    /// none any more may be this call's own doing, sent again since its answer was
    /// lost. Whether there was one.
    pub async fn delete(
        &self,
        what: &str,
        key: Attributes,
        version: Option<u64>,
    ) -> Result<bool, PipelineError> {
        let delete = self.client.delete_item().table_name(&self.name);
        let delete = delete
            .set_key(Some(key))
            .return_values(aws_sdk_dynamodb::types::ReturnValue::AllOld);
        let delete = match version {
            None => delete,
            Some(version) => delete
                .condition_expression("attribute_not_exists(testId) OR version = :version")
                .expression_attribute_values(":version", number(version)),
        };
        let deleted = delete.send().await.map_err(|error| wrong(what, error))?;
        Ok(deleted.attributes.is_some_and(|old| !old.is_empty()))
    }
}
