//! Scenarios on AWS: an item each in the scenarios table (api-behaviour.md 8). A
//! body that would not fit into an item lies in the bucket. The table also holds
//! the records of regions, which are not scenarios.

use super::{ScenarioItem, Scenarios};
use crate::error::PipelineError;
use crate::objects::{Access, Objects};
use crate::store::dynamodb::{Attributes, Table, json, number, read, text, wrong};
use async_trait::async_trait;
use aws_sdk_dynamodb::types::AttributeValue;
use dlt_core::calls::answers::ScenarioListItem;
use dlt_core::ids::TestId;
use std::sync::Arc;

/// Largest item that is kept in the table, bytes: half of the 400 KB that an item
/// may have, the rest being its row and its names.
const LARGEST_ITEM_BYTES: usize = 200 * 1024;

/// Scenarios in their table.
#[derive(Clone)]
pub struct DynamoScenarios {
    /// The table.
    pub table: Table,
    /// Where large ones lie.
    pub objects: Arc<dyn Objects>,
}

fn key(test: &TestId) -> Attributes {
    Attributes::from([("testId".to_owned(), text(test.as_str()))])
}

/// Below what large items of a scenario lie.
fn folder(test: &TestId) -> String {
    format!("test-scenarios/{test}-item-")
}

/// Where a large item lies: by its version and its bytes, so that two who write
/// the same version at once overwrite nothing of each other.
fn object(test: &TestId, version: u64, bytes: &[u8]) -> String {
    // FNV-1a: which bytes these are, not that nobody forged them.
    let hash = bytes.iter().fold(0xcbf2_9ce4_8422_2325u64, |hash, byte| {
        (hash ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3)
    });
    format!("{}{version}-{hash:016x}.json", folder(test))
}

/// The version in the name of a large item.
fn version_of(test: &TestId, key: &str) -> Option<u64> {
    let rest = key.strip_prefix(&folder(test))?.strip_suffix(".json")?;
    let (version, hash) = rest.split_once('-')?;
    // Nothing else: another scenario's name may go on where this one's ends.
    let is_hash = hash.len() == 16 && hash.bytes().all(|byte| byte.is_ascii_hexdigit());
    version.parse().ok().filter(|_| is_hash)
}

/// An item's row in lists, also where it cannot be read; None of one that has no row.
fn listed(item: &Attributes) -> Option<ScenarioListItem> {
    match read("its row", item, "row") {
        Ok(row) => row,
        Err(why) => {
            let field = |name: &str| {
                let value = item.get(name).and_then(|value| value.as_s().ok());
                value.cloned().unwrap_or_default()
            };
            let test = field("testId");
            let why = format!("scenario {test} cannot be read: {why}");
            Some(ScenarioListItem::unreadable(test, field("startTime"), why))
        }
    }
}

impl DynamoScenarios {
    fn what(test: &TestId) -> String {
        format!("scenario {test}")
    }

    /// Removes large items of versions before `version`: a later one may be about
    /// to be stored. What a failure leaves is only in nobody's way.
    async fn forget_before(&self, test: &TestId, version: u64) {
        let found = self.objects.list(&folder(test)).await.unwrap_or_default();
        for object in found {
            if version_of(test, &object.key).is_some_and(|old| old < version) {
                let _ = self.objects.delete(&object.key).await;
            }
        }
    }
}

#[async_trait]
impl Scenarios for DynamoScenarios {
    async fn get(&self, test: &TestId) -> Result<Option<ScenarioItem>, PipelineError> {
        let what = Self::what(test);
        let Some(item) = self.table.get(&what, key(test)).await? else {
            return Ok(None);
        };
        let Some(AttributeValue::S(key)) = item.get("itemKey") else {
            return read(&what, &item, "item");
        };
        let Some(bytes) = self.objects.get(key).await? else {
            // It was replaced between the two looks.
            return Err(PipelineError::Transient(format!("{what} is being changed")));
        };
        serde_json::from_slice(&bytes)
            .map(Some)
            .map_err(|error| PipelineError::Unreadable(format!("{what} cannot be read: {error}")))
    }

    async fn put(&self, item: &ScenarioItem) -> Result<(), PipelineError> {
        let mut next = item.clone();
        next.version += 1;
        let bytes = serde_json::to_vec(&next)
            .map_err(|error| PipelineError::Other(format!("an item cannot be stored: {error}")))?;
        let mut attributes = key(&item.test);
        attributes.extend([
            ("version".to_owned(), number(next.version)),
            ("testName".to_owned(), text(next.text("testName"))),
            ("status".to_owned(), text(next.status.name())),
            ("startTime".to_owned(), text(&next.start_time)),
            ("row".to_owned(), json(&next.row())?),
        ]);
        let is_large = bytes.len() > LARGEST_ITEM_BYTES;
        if is_large {
            let key = object(&item.test, next.version, &bytes);
            self.objects.put(&key, &bytes, Access::Home).await?;
            attributes.insert("itemKey".to_owned(), text(key));
        } else {
            attributes.insert("item".to_owned(), json(&next)?);
        }
        let what = Self::what(&item.test);
        self.table.put(&what, attributes, item.version).await?;
        if is_large {
            self.forget_before(&item.test, next.version).await;
        }
        Ok(())
    }

    async fn list(&self) -> Result<Vec<ScenarioListItem>, PipelineError> {
        let scan = self.table.client.scan().table_name(&self.table.name);
        let scan = scan
            .projection_expression("#row, testId, startTime")
            .filter_expression("attribute_exists(#row)")
            .expression_attribute_names("#row", "row")
            .consistent_read(true);
        let mut pages = scan.into_paginator().send();
        let mut rows: Vec<ScenarioListItem> = Vec::new();
        while let Some(page) = pages.next().await {
            let page = page.map_err(|error| wrong("the list of scenarios", error))?;
            for item in page.items() {
                rows.extend(listed(item));
            }
        }
        rows.sort_by(|a, b| (&b.start_time, &a.test_id).cmp(&(&a.start_time, &b.test_id)));
        Ok(rows)
    }

    async fn delete(&self, item: &ScenarioItem) -> Result<(), PipelineError> {
        let what = Self::what(&item.test);
        self.table
            .delete(&what, key(&item.test), Some(item.version))
            .await?;
        self.forget_before(&item.test, u64::MAX).await;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_large_item_is_known_by_its_version() {
        let test = TestId::parse("shop-1").unwrap();
        let other = TestId::parse("shop-1-item-7").unwrap();
        let key = object(&test, 12, b"one");
        assert_ne!(key, object(&test, 12, b"two"));
        assert_eq!(version_of(&test, &key), Some(12));
        assert_eq!(version_of(&other, &key), None);
        assert_eq!(version_of(&test, &object(&other, 3, b"one")), None);
        let region = "test-scenarios/shop-1-item-7-eu-west-1.json";
        assert_eq!(version_of(&test, region), None);
        assert_eq!(
            version_of(&test, "test-scenarios/shop-1-lo-home-1.json"),
            None
        );
    }
}
