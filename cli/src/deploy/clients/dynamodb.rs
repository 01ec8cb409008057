//! The hub's table of scenarios: which regions are registered there. Removing the tables
//! of a hub that is gone.

use super::{Aws, failed};
use crate::deploy::error::DeployError;
use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::types::AttributeValue;
use std::collections::HashMap;

/// What a hub knows of a region.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RegisteredRegion {
    /// Its name.
    pub region: String,
    /// Its cluster of runners.
    pub cluster: String,
    /// Its subnets.
    pub subnets: Vec<String>,
    /// Whether its runners get public addresses.
    pub public_addresses: bool,
    /// The version of dlt that its stack is of.
    pub dlt_version: Option<String>,
}

/// A row's text; None where it is absent or empty.
fn text(row: &HashMap<String, AttributeValue>, name: &str) -> Option<String> {
    let value = row.get(name)?.as_s().ok()?;
    (!value.is_empty()).then(|| value.clone())
}

impl Aws {
    fn dynamodb(&self) -> Client {
        Client::new(&self.config)
    }

    /// The regions that are registered in a table of scenarios, by name.
    pub async fn registered_regions(
        &self,
        table: &str,
    ) -> Result<Vec<RegisteredRegion>, DeployError> {
        let what = format!("DynamoDB, Scan of {table}");
        let mut regions = Vec::new();
        let mut next = None;
        loop {
            let page = self
                .dynamodb()
                .scan()
                .table_name(table)
                .filter_expression("begins_with(testId, :region)")
                .expression_attribute_values(":region", AttributeValue::S("region-".to_owned()))
                .set_exclusive_start_key(next)
                .send()
                .await
                .map_err(|error| failed(&what, &error))?;
            regions.extend(page.items().iter().filter_map(region));
            next = page.last_evaluated_key().cloned();
            if next.is_none() {
                break;
            }
        }
        regions.sort_by(|a, b| a.region.cmp(&b.region));
        Ok(regions)
    }

    /// Whether there is a table of this name.
    pub async fn has_table(&self, table: &str) -> Result<bool, DeployError> {
        let asked = self.dynamodb().describe_table().table_name(table);
        match asked.send().await {
            Ok(_) => Ok(true),
            Err(error)
                if error
                    .as_service_error()
                    .is_some_and(|e| e.is_resource_not_found_exception()) =>
            {
                Ok(false)
            }
            Err(error) => Err(failed(
                &format!("DynamoDB, DescribeTable of {table}"),
                &error,
            )),
        }
    }

    /// Removes a table; one that is gone already is fine.
    pub async fn remove_table(&self, table: &str) -> Result<(), DeployError> {
        match self
            .dynamodb()
            .delete_table()
            .table_name(table)
            .send()
            .await
        {
            Ok(_) => Ok(()),
            Err(error)
                if error
                    .as_service_error()
                    .is_some_and(|e| e.is_resource_not_found_exception()) =>
            {
                Ok(())
            }
            Err(error) => Err(failed(&format!("DynamoDB, DeleteTable of {table}"), &error)),
        }
    }
}

fn region(row: &HashMap<String, AttributeValue>) -> Option<RegisteredRegion> {
    let subnets = ["subnetA", "subnetB"];
    Some(RegisteredRegion {
        region: text(row, "region")?,
        cluster: text(row, "taskCluster").unwrap_or_default(),
        subnets: subnets.iter().filter_map(|name| text(row, name)).collect(),
        public_addresses: text(row, "publicAddresses").as_deref() != Some("false"),
        dlt_version: text(row, "dltVersion"),
    })
}
