//! Runners that are left over: tasks of a cluster whose run has ended. A runner ends
//! itself ten minutes after its planned end; this finds those that do not.

use super::{Finding, State};
use crate::client::{Client, understood};
use crate::deploy::clients::Aws;
use crate::deploy::clients::dynamodb::RegisteredRegion;
use crate::deploy::clients::ecs::Task;
use crate::units::several;
use dlt_core::record::RunRecord;
use std::collections::BTreeMap;
use std::collections::btree_map::Entry;

/// Most orphans that are named.
const MOST_NAMED: usize = 10;
/// What ECS shows as the reason of a stop.
const REASON: &str = "dlt doctor: its run has ended";

/// How a task's run is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Run {
    InProgress,
    Ended,
    /// The API does not say.
    Unknown,
}

/// Looks at a region's tasks; ends those that are left over, if that is wanted.
pub async fn look(
    aws: &Aws,
    client: Option<&Client>,
    row: &RegisteredRegion,
    stop: bool,
) -> Vec<Finding> {
    let what = format!("runners in {}", row.region);
    let tasks = match aws.tasks(&row.cluster).await {
        Ok(tasks) => tasks,
        Err(error) => {
            return vec![Finding::not_well(
                State::Doubtful,
                what,
                error.to_string(),
                "these credentials need ecs:ListTasks and ecs:DescribeTasks there",
            )];
        }
    };
    let mut runs: BTreeMap<(String, String), Run> = BTreeMap::new();
    for task in &tasks {
        let key = (task.test.clone(), task.run.clone());
        if let Entry::Vacant(unknown) = runs.entry(key) {
            unknown.insert(state_of(client, task).await);
        }
    }
    let of = |wanted: Run| {
        let tasks = tasks.iter();
        let tasks = tasks.filter(|task| runs[&(task.test.clone(), task.run.clone())] == wanted);
        tasks.collect::<Vec<_>>()
    };
    let mut findings = Vec::new();
    let unknown = of(Run::Unknown);
    if !unknown.is_empty() {
        findings.push(Finding::not_well(
            State::Doubtful,
            what.clone(),
            format!(
                "{}, whose runs the API does not know now: {}",
                several(unknown.len() as u64, "task"),
                named(&unknown)
            ),
            format!(
                "aws ecs stop-task --region {} --cluster {} --task ARN ends one",
                row.region, row.cluster
            ),
        ));
    }
    let orphans = of(Run::Ended);
    if orphans.is_empty() {
        let running = of(Run::InProgress).len() as u64;
        findings.push(Finding::well(
            what,
            format!("{running} in progress, none left over"),
        ));
        return findings;
    }
    let left = format!(
        "{} left over from runs that have ended: {}",
        orphans.len(),
        named(&orphans)
    );
    findings.push(if stop {
        end(aws, row, what, &orphans).await
    } else {
        Finding::not_well(
            State::Broken,
            what,
            left,
            "dlt doctor --aws --stop-orphans ends them",
        )
    });
    findings
}

async fn state_of(client: Option<&Client>, task: &Task) -> Run {
    // ECS is ending it already.
    if matches!(
        &*task.status,
        "DEACTIVATING" | "STOPPING" | "DEPROVISIONING"
    ) {
        return Run::InProgress;
    }
    let Some(client) = client.filter(|_| !task.test.is_empty() && !task.run.is_empty()) else {
        return Run::Unknown;
    };
    let path = format!("/scenarios/{}/testruns/{}", task.test, task.run);
    match client.get(&path, &[]).await {
        Ok(answer) => match understood::<RunRecord>(&path, answer) {
            Ok(record) if record.status.is_terminal() => Run::Ended,
            Ok(_) => Run::InProgress,
            Err(_) => Run::Unknown,
        },
        Err(error) if error.is_not_found() => Run::Ended,
        Err(_) => Run::Unknown,
    }
}

async fn end(aws: &Aws, row: &RegisteredRegion, what: String, orphans: &[&Task]) -> Finding {
    let mut failure = None;
    let mut ended = 0;
    for task in orphans {
        match aws.stop_task(&row.cluster, &task.arn, REASON).await {
            Ok(()) => ended += 1,
            Err(error) => failure = Some(error.to_string()),
        }
    }
    match failure {
        None => Finding::well(
            what,
            format!("{} left over, ended now", several(ended, "task")),
        ),
        Some(why) => Finding::not_well(
            State::Broken,
            what,
            format!("{ended} of {} ended: {why}", orphans.len()),
            "these credentials need ecs:StopTask there",
        ),
    }
}

fn named(tasks: &[&Task]) -> String {
    let names = tasks.iter().take(MOST_NAMED).map(|task| {
        let id = task.arn.rsplit('/').next().unwrap_or_default();
        match task.run.is_empty() {
            true => id.to_owned(),
            false => format!("{id} (run {})", task.run),
        }
    });
    let mut text = names.collect::<Vec<_>>().join(", ");
    if tasks.len() > MOST_NAMED {
        text.push_str(", …");
    }
    text
}
