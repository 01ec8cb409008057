//! `testTaskConfigs` and `regionalTaskDetails`: how many runners, where. Launching
//! them is left to the pipeline.

use crate::ids::Region;
use crate::scenario::Defaults;
use crate::scenario::document::notes::{Node, Notes, Object};
use crate::scenario::document::shown::shown;
use crate::scenario::limits::{MOST_CONCURRENCY, MOST_TASK_CONFIGS, MOST_USERS};
use std::collections::HashMap;

/// One entry, read.
#[derive(Debug, Clone)]
pub(crate) struct Entry {
    pub path: String,
    /// None when it is no known region; then that is a fault already.
    pub region: Option<Region>,
    pub task_count: u64,
    /// As given; a scenario file may leave it out.
    pub concurrency: Option<u64>,
}

/// Reads both; without `testTaskConfigs` the defaults' runners in the first region.
pub(crate) fn tasks(root: &Object<'_>, defaults: &Defaults, notes: &mut Notes) -> Vec<Entry> {
    let available = root
        .get("regionalTaskDetails")
        .map(|node| available(&node, notes))
        .unwrap_or_default();
    let path = root.path_of("testTaskConfigs");
    let Some(node) = root.get("testTaskConfigs") else {
        let Some((region, _)) = defaults.regions.first() else {
            notes.fault(
                path,
                "is missing, and there is no region to run in; name one",
            );
            return Vec::new();
        };
        let entry = Entry {
            path: format!("{path}[0]"),
            region: Some(region.clone()),
            task_count: defaults.tasks,
            concurrency: None,
        };
        fits(&entry, defaults, &available, notes);
        return vec![entry];
    };
    let items = node.list(1..=MOST_TASK_CONFIGS, notes).unwrap_or_default();
    let mut entries: Vec<Entry> = Vec::new();
    for item in items {
        let Some(entry) = entry(&item, defaults, notes) else {
            continue;
        };
        if let Some(region) = &entry.region
            && entries.iter().any(|other| other.region == entry.region)
        {
            notes.fault(
                format!("{}.region", entry.path),
                format!("names {region} a second time; add its taskCount to the first"),
            );
        }
        fits(&entry, defaults, &available, notes);
        entries.push(entry);
    }
    entries
}

/// Keys of an entry; those after the third are the region's own, which the API adds to a
/// record, so that a record can be run as a file.
const ENTRY_KEYS: [&str; 15] = [
    "region",
    "taskCount",
    "concurrency",
    "testId",
    "taskCluster",
    "taskDefinition",
    "ecsCloudWatchLogGroup",
    "subnetA",
    "subnetB",
    "taskSecurityGroup",
    "taskRoleArn",
    "executionRoleArn",
    "version",
    "stackId",
    "deploymentDate",
];

fn entry(node: &Node<'_>, defaults: &Defaults, notes: &mut Notes) -> Option<Entry> {
    let object = node.object(notes)?;
    object.allow_only(&ENTRY_KEYS, &[], notes);
    let region = match object.get("region") {
        Some(node) => region(&node, defaults, notes),
        None => defaults.regions.first().map(|(region, _)| region.clone()),
    };
    let (most, why) = match &region {
        Some(region) => (
            capacity(region, defaults).max(1),
            format!(", the capacity of {region}"),
        ),
        None => (MOST_USERS, String::new()),
    };
    // A wrong value is a fault, and the rest is checked as if it were right.
    let task_count = match object.get("taskCount") {
        Some(node) => node.whole_up_to(1..=most, &why, notes).unwrap_or(1),
        None => defaults.tasks,
    };
    let concurrency = object
        .get("concurrency")
        .map(|node| node.whole(1..=MOST_CONCURRENCY, notes).unwrap_or(1));
    Some(Entry {
        path: node.path.clone(),
        region,
        task_count,
        concurrency,
    })
}

fn capacity(region: &Region, defaults: &Defaults) -> u64 {
    let known = defaults.regions.iter().find(|(known, _)| known == region);
    known.map_or(0, |(_, capacity)| *capacity)
}

fn region(node: &Node<'_>, defaults: &Defaults, notes: &mut Notes) -> Option<Region> {
    let text = node.text(notes)?;
    let known = defaults
        .regions
        .iter()
        .find(|(region, _)| region.as_str() == text);
    if let Some((region, _)) = known {
        return Some(region.clone());
    }
    let names: Vec<_> = defaults
        .regions
        .iter()
        .map(|(region, _)| region.as_str())
        .collect();
    let reason = match Region::parse(text) {
        Err(error) => format!("is not a region ({}): {}", error.rule, shown(text)),
        Ok(_) => format!("is not a region of this installation: {}", shown(text)),
    };
    node.fault(notes, format!("{reason}; known: {}", names.join(", ")));
    None
}

/// The free tasks of `regionalTaskDetails`, by region.
fn available(node: &Node<'_>, notes: &mut Notes) -> HashMap<String, u64> {
    let Some(object) = node.object(notes) else {
        return HashMap::new();
    };
    let mut available = HashMap::new();
    for (region, value) in object.map.iter().take(MOST_TASK_CONFIGS) {
        let entry = Node {
            value,
            path: object.path_of(region),
        };
        let Some(details) = entry.object(notes) else {
            continue;
        };
        match details.get("dltAvailableTasks") {
            None => notes.fault(
                details.path_of("dltAvailableTasks"),
                "is missing: say how many tasks are free",
            ),
            Some(node) => {
                if let Some(free) = node.whole(1..=MOST_USERS, notes) {
                    available.insert(region.clone(), free);
                }
            }
        }
    }
    available
}

/// Notes a task count beyond the region's capacity or the free tasks in the body.
fn fits(entry: &Entry, defaults: &Defaults, available: &HashMap<String, u64>, notes: &mut Notes) {
    let Some(region) = &entry.region else {
        return;
    };
    let path = format!("{}.taskCount", entry.path);
    let capacity = capacity(region, defaults);
    let wanted = entry.task_count;
    if wanted == 0 || wanted > capacity {
        notes.fault(
            path,
            format!("asks for {wanted} runners; {region} can hold 1 to {capacity}"),
        );
    } else if let Some(free) = available.get(region.as_str())
        && wanted > *free
    {
        notes.fault(
            path,
            format!(
                "asks for {wanted} runners; regionalTaskDetails says {free} are free in {region}"
            ),
        );
    }
}
