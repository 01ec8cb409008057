//! The document of a region: what its runners fetch, and reading it back. Storing
//! and fetching it is left to pipeline and worker.

use crate::ids::Region;
use crate::load::{Curve, Model};
use crate::refusal::Faults;
use crate::scenario::document::notes::{Node, Notes};
use crate::scenario::plan::{Group, Plan};
use crate::scenario::test_scenario::test_scenario;
use crate::scenario::{Scenario, TaskConfig};
use crate::value::{Value, json};

impl Scenario {
    /// The document that a region's runners fetch: `testScenario` with that
    /// region's task count and, where the load is counted per task, its users.
    /// A region without tasks gets a task count of 0.
    pub fn region_document(&self, region: &Region) -> Value {
        let mut document = self.body["testScenario"].clone();
        let task = self.tasks.iter().find(|task| task.region == *region);
        for at in 0..self.plan.groups.len() {
            let item = &mut document["execution"][at];
            item["taskCount"] = json!(task.map_or(0, |task| task.task_count));
            match self.task_users(at, task) {
                Some(users) => item["concurrency"] = json!(users),
                None => {
                    // Left in, it would contradict arrivals or mean nothing.
                    item.as_object_mut()
                        .map(|item| item.shift_remove("concurrency"));
                }
            }
        }
        document["reporting"] = reporting();
        document
    }

    /// The plan of a region: the same as the run's, but with the users of that
    /// region's tasks where the load is counted per task.
    pub fn region_plan(&self, region: &Region) -> Plan {
        let task = self.tasks.iter().find(|task| task.region == *region);
        let groups = self.plan.groups.iter().enumerate().map(|(at, group)| {
            let mut group = group.clone();
            if let Some(users) = self.task_users(at, task) {
                group.load.model = with_users(&group, users);
            }
            group
        });
        Plan {
            groups: groups.collect(),
        }
    }

    /// The users of one task in a group, if that is how its load is counted.
    fn task_users(&self, at: usize, task: Option<&TaskConfig>) -> Option<u64> {
        let group = self.plan.groups.get(at)?;
        if !group.load.per_task {
            return None;
        }
        // As in the check: further groups' own numbers go first.
        let own = &self.body["testScenario"]["execution"][at]["concurrency"];
        let own = match own {
            Value::String(text) => text.parse().ok(),
            number => number.as_f64().map(|users| users as u64),
        };
        let task = task.or(self.tasks.first()).map(|task| task.concurrency);
        if at == 0 { task } else { own.or(task) }
    }
}

/// The one reporter of every document (api-behaviour.md 3).
pub(super) fn reporting() -> Value {
    json!([{
        "module": "final-stats",
        "summary": true,
        "percentiles": true,
        "summary-labels": true,
        "test-duration": true,
        "dump-xml": "/tmp/artifacts/results.xml",
    }])
}

/// A group's curve with another number of users.
fn with_users(group: &Group, users: u64) -> Model {
    let points = group.load.model.curve().points();
    let ramp_us = points.get(1).map_or(0, |point| point.0);
    let end_us = group.load.model.curve().end_us();
    Model::Users(Curve::ramp_hold(users as f64, ramp_us, end_us - ramp_us))
}

impl Plan {
    /// Reads a region's document, as a runner fetched it.
    pub fn from_document(document: &Value) -> Result<Self, Faults> {
        let mut notes = Notes::default();
        // The files were checked when the scenario was read.
        let files = |path: &str| Ok(path.to_owned());
        let plan = Node::root(document).object(&mut notes).and_then(|object| {
            let test_scenario = test_scenario(&object, &files, &mut notes);
            for item in test_scenario
                .executions
                .iter()
                .filter(|item| item.is_per_task())
            {
                if item.concurrency.is_none() {
                    let path = format!("{}.concurrency", item.path);
                    notes.fault(path, "is missing: it is the users of each task");
                }
            }
            test_scenario.plan(|at| test_scenario.executions.get(at)?.concurrency)
        });
        notes.into_result(plan).map(|(plan, _)| plan)
    }
}
