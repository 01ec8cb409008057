//! A region's runners as ECS has them: which tasks there are, for which scenario and run,
//! and ending them.

use super::{Aws, failed};
use crate::deploy::error::DeployError;
use aws_sdk_ecs::Client;
use aws_sdk_ecs::types::TaskField;

/// Tag of a task that names its run, as the fleet launches it.
const RUN_TAG: &str = "dlt:run";

/// Most tasks of one DescribeTasks (Amazon ECS API Reference).
const TASKS_PER_CALL: usize = 100;

/// A task of a cluster.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Task {
    /// Its ARN.
    pub arn: String,
    /// Its state, like RUNNING.
    pub status: String,
    /// The scenario that it was started for (`startedBy`).
    pub test: String,
    /// The run that it was started for; empty where its tag is absent.
    pub run: String,
}

impl Aws {
    fn ecs(&self) -> Client {
        Client::new(&self.config)
    }

    /// The tasks of a cluster that have not ended.
    pub async fn tasks(&self, cluster: &str) -> Result<Vec<Task>, DeployError> {
        let ecs = self.ecs();
        let what = format!("ECS, ListTasks of {cluster} in {}", self.region);
        let mut arns = Vec::new();
        let mut pages = ecs.list_tasks().cluster(cluster).into_paginator().send();
        while let Some(page) = pages.next().await {
            let page = page.map_err(|error| failed(&what, &error))?;
            arns.extend(page.task_arns().to_vec());
        }
        let mut tasks = Vec::new();
        for some in arns.chunks(TASKS_PER_CALL) {
            let asked = ecs.describe_tasks().cluster(cluster);
            let asked = asked
                .set_tasks(Some(some.to_vec()))
                .include(TaskField::Tags);
            let what = format!("ECS, DescribeTasks of {cluster} in {}", self.region);
            let answer = asked.send().await.map_err(|error| failed(&what, &error))?;
            tasks.extend(answer.tasks().iter().map(task));
        }
        tasks.retain(|task| task.status != "STOPPED");
        Ok(tasks)
    }

    /// Ends a task.
    pub async fn stop_task(
        &self,
        cluster: &str,
        arn: &str,
        reason: &str,
    ) -> Result<(), DeployError> {
        let asked = self.ecs().stop_task().cluster(cluster).task(arn);
        let stopped = asked.reason(reason).send().await;
        stopped
            .map(drop)
            .map_err(|error| failed(&format!("ECS, StopTask of {arn}"), &error))
    }
}

fn task(task: &aws_sdk_ecs::types::Task) -> Task {
    let text = |text: Option<&str>| text.unwrap_or_default().to_owned();
    let run = task.tags().iter().find(|tag| tag.key() == Some(RUN_TAG));
    Task {
        arn: text(task.task_arn()),
        status: text(task.last_status()),
        test: text(task.started_by()),
        run: text(run.and_then(|tag| tag.value())),
    }
}
