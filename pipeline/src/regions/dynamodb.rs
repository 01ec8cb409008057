//! Registered regions on AWS: an item each in the scenarios table, which a region's
//! stack writes when it is made (api-behaviour.md 8).

use crate::error::PipelineError;
use crate::fleet::ecs::EcsRegion;
use crate::store::dynamodb::{Attributes, Table, text, wrong};
use aws_sdk_dynamodb::error::ProvideErrorMetadata as _;
use aws_sdk_dynamodb::types::AttributeValue;
use dlt_core::calls::answers::RegionInfo;
use dlt_core::scenario::plan::Tool;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use std::collections::BTreeSet;

/// What the key of a region's item begins with.
const PREFIX: &str = "region-";
/// The container of the task definition that gets the order.
const CONTAINER: &str = "worker";
/// A task's CPU where the row has none, units of 1/1024 vCPU: DLT's own.
const USUAL_CPU: u64 = 2048;
/// Beyond provisioning, until when a task waits for its start, seconds: the start
/// itself lies ahead, and the workflow looks every few seconds.
const START_MARGIN_S: u64 = 120;

/// A region's item: DLT's fields, and ours.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RegionRow {
    /// DLT's fields.
    pub info: RegionInfo,
    /// Whether tasks get public addresses there (`publicAddresses`).
    pub public_addresses: bool,
    /// A task's CPU, units of 1/1024 vCPU (`taskCpu`).
    pub task_cpu: u64,
    /// The version of dlt that its stack is of (`dltVersion`).
    pub dlt_version: Option<String>,
    /// What runs scripts there, if anything does.
    pub engines: Option<Engines>,
}

/// What runs scripts of other tools in a region.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Engines {
    /// The definition of tasks whose image has the tools (`enginesTaskDefinition`).
    pub task_definition: String,
    /// The tools that it has (`engines`, names with commas between).
    pub tools: BTreeSet<String>,
}

impl Engines {
    /// The tools; names of those that a newer dlt knows are left out.
    pub fn tools(&self) -> BTreeSet<Tool> {
        let tools = self.tools.iter().filter_map(|name| Tool::parse(name));
        tools.collect()
    }

    fn of(fields: &Map<String, Value>) -> Option<Self> {
        let field = |name: &str| {
            let text = fields.get(name).and_then(Value::as_str);
            text.filter(|text| !text.is_empty())
        };
        let names = field("engines")?.split(',').map(str::trim);
        Some(Self {
            task_definition: field("enginesTaskDefinition")?.to_owned(),
            tools: names.map(str::to_owned).collect(),
        })
    }
}

impl RegionRow {
    /// A row of these fields, all texts, as a stack gives them.
    pub fn of(fields: &Map<String, Value>) -> Result<Self, PipelineError> {
        let info: RegionInfo = serde_json::from_value(Value::Object(fields.clone()))
            .map_err(|error| PipelineError::Input(format!("a region's properties: {error}")))?;
        let field = |name: &str| fields.get(name).and_then(Value::as_str);
        Ok(Self {
            info,
            public_addresses: field("publicAddresses") == Some("true"),
            task_cpu: match field("taskCpu") {
                None => USUAL_CPU,
                Some(text) => text.parse().map_err(|_| {
                    let rule = "it must be a whole number, in units of 1/1024 vCPU";
                    PipelineError::Input(format!("taskCpu of a region is {text:?}; {rule}"))
                })?,
            },
            dlt_version: field("dltVersion").map(str::to_owned),
            engines: Engines::of(fields),
        })
    }

    /// Its fields, all texts.
    fn fields(&self) -> Map<String, Value> {
        let info = serde_json::to_value(&self.info).unwrap_or_default();
        let mut fields = match info {
            Value::Object(fields) => fields,
            _ => Map::new(),
        };
        let mut put = |name: &str, value: String| fields.insert(name.to_owned(), value.into());
        put("publicAddresses", self.public_addresses.to_string());
        put("taskCpu", self.task_cpu.to_string());
        if let Some(version) = &self.dlt_version {
            put("dltVersion", version.clone());
        }
        if let Some(engines) = &self.engines {
            let names: Vec<&str> = engines.tools.iter().map(String::as_str).collect();
            put("enginesTaskDefinition", engines.task_definition.clone());
            put("engines", names.join(","));
        }
        fields
    }

    /// vCPUs of one task, rounded up.
    pub fn vcpus_per_task(&self) -> u64 {
        self.task_cpu.div_ceil(1024).max(1)
    }

    /// Where its tasks run, of which each step of provisioning takes at most so long.
    pub fn ecs(&self, client: aws_sdk_ecs::Client, provisioning_us: u64) -> EcsRegion {
        let info = &self.info;
        let subnets = [&info.subnet_a, &info.subnet_b].into_iter().flatten();
        EcsRegion {
            client,
            cluster: info.task_cluster.clone(),
            task_definition: info.task_definition.clone().unwrap_or_default(),
            engines_definition: self.engines.as_ref().map(|it| it.task_definition.clone()),
            container: CONTAINER.to_owned(),
            subnets: subnets
                .filter(|subnet| !subnet.is_empty())
                .cloned()
                .collect(),
            security_group: info.task_security_group.clone().unwrap_or_default(),
            // Workers wait for leaders, which have as long again.
            start_deadline_s: 2 * provisioning_us / 1_000_000 + START_MARGIN_S,
            public_addresses: self.public_addresses,
        }
    }
}

/// The items of regions.
#[derive(Debug, Clone)]
pub struct RegionTable(pub Table);

fn key(region: &str) -> Attributes {
    Attributes::from([("testId".to_owned(), text(format!("{PREFIX}{region}")))])
}

impl RegionTable {
    /// All registered regions, by name. One whose cluster is blank has been removed
    /// by a stack of DLT's.
    pub async fn list(&self) -> Result<Vec<RegionRow>, PipelineError> {
        let scan = self.0.client.scan().table_name(&self.0.name);
        let scan = scan
            .filter_expression("begins_with(testId, :prefix) AND attribute_exists(taskCluster)")
            .expression_attribute_values(":prefix", text(PREFIX))
            .consistent_read(true);
        let mut pages = scan.into_paginator().send();
        let mut rows = Vec::new();
        while let Some(page) = pages.next().await {
            let page = page.map_err(|error| wrong("the list of regions", error))?;
            for item in page.items() {
                let row = RegionRow::of(&texts(item))?;
                if !row.info.task_cluster.is_empty() {
                    rows.push(row);
                }
            }
        }
        rows.sort_by(|a, b| a.info.region.cmp(&b.info.region));
        Ok(rows)
    }

    /// Registers a region, or replaces what is known of it.
    pub async fn put(&self, row: &RegionRow) -> Result<(), PipelineError> {
        let mut item = key(&row.info.region);
        for (name, value) in row.fields() {
            if let Value::String(value) = value
                && name != "testId"
            {
                item.insert(name, text(value));
            }
        }
        let put = self.0.client.put_item().table_name(&self.0.name);
        let sent = put.set_item(Some(item)).send().await;
        sent.map(drop)
            .map_err(|error| wrong("the registration of a region", error))
    }

    /// Removes a region; that it is not there does not matter, nor that its hub's
    /// table is gone: the region's stack must be deletable after that, too.
    pub async fn remove(&self, region: &str) -> Result<(), PipelineError> {
        let delete = self.0.client.delete_item().table_name(&self.0.name);
        match delete.set_key(Some(key(region))).send().await {
            Err(error) if error.code() == Some("ResourceNotFoundException") => Ok(()),
            deleted => deleted
                .map(drop)
                .map_err(|error| wrong(&format!("region {region}"), error)),
        }
    }
}

/// An item's texts.
fn texts(item: &Attributes) -> Map<String, Value> {
    let texts = item.iter().filter_map(|(name, value)| match value {
        AttributeValue::S(text) => Some((name.clone(), Value::String(text.clone()))),
        _ => None,
    });
    texts.collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn a_row_comes_back_as_it_went() {
        let fields = json!({
            "testId": "region-eu-west-1", "region": "eu-west-1", "taskCluster": "dlt",
            "taskDefinition": "worker:3", "subnetA": "subnet-1", "subnetB": "",
            "taskSecurityGroup": "sg-1", "publicAddresses": "true", "taskCpu": "512",
            "version": "v4.2.3", "dltVersion": "0.1.0",
            "enginesTaskDefinition": "engines:1", "engines": "k6, jmeter,vegeta",
        });
        let row = RegionRow::of(fields.as_object().unwrap()).unwrap();
        assert_eq!(RegionRow::of(&row.fields()).unwrap(), row);
        assert_eq!((row.vcpus_per_task(), row.public_addresses), (1, true));
        let tools = row.engines.unwrap().tools();
        assert_eq!(tools, BTreeSet::from([Tool::Jmeter, Tool::K6]));
    }

    #[test]
    fn a_row_of_dlt_s_own_stack_is_read() {
        let fields =
            json!({ "testId": "region-eu-west-1", "region": "eu-west-1", "taskCluster": "c" });
        let row = RegionRow::of(fields.as_object().unwrap()).unwrap();
        assert_eq!((row.vcpus_per_task(), row.public_addresses), (2, false));
        assert_eq!(row.engines, None);
    }

    #[test]
    fn a_size_that_is_no_number_is_refused() {
        for bad in ["", "2 vCPU", "-1", "0.5"] {
            let fields = json!({
                "testId": "region-eu-west-1", "region": "eu-west-1", "taskCluster": "c",
                "taskCpu": bad,
            });
            let error = RegionRow::of(fields.as_object().unwrap()).unwrap_err();
            assert!(error.to_string().contains("taskCpu"), "{error}");
        }
    }
}
