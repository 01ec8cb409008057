//! Builds in the account (AWS CodeBuild), and the end of what they printed (CloudWatch Logs).
//! Signed by hand, as the few other calls whose SDKs would take longer to build.

use super::Aws;
use crate::deploy::error::DeployError;
use serde_json::{Value, json};

/// How a build stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum BuildState {
    /// It waits or works.
    InProgress,
    /// It succeeded.
    Succeeded,
    /// It ended otherwise, in CodeBuild's word: `FAILED`, `FAULT`, `TIMED_OUT`, `STOPPED`.
    Ended(String),
}

/// A build.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Build {
    /// How it stands.
    pub state: BuildState,
    /// What it does now, like `BUILD`.
    pub phase: String,
    /// What its phases say of their failures.
    pub why: String,
    /// Group and stream of its log.
    pub log: Option<(String, String)>,
}

impl Aws {
    /// Starts a build of a project; its id.
    pub async fn start_build(&self, project: &str) -> Result<String, DeployError> {
        let action = "CodeBuild_20161006.StartBuild";
        let body = json!({ "projectName": project });
        let answer = self.json("codebuild", action, &body).await?;
        let id = answer["build"]["id"].as_str();
        id.map(str::to_owned).ok_or_else(|| {
            DeployError::Unreadable("CodeBuild, StartBuild: the answer names no build".to_owned())
        })
    }

    /// A build as it is now.
    pub async fn build(&self, id: &str) -> Result<Build, DeployError> {
        let action = "CodeBuild_20161006.BatchGetBuilds";
        let answer = self
            .json("codebuild", action, &json!({ "ids": [id] }))
            .await?;
        build(&answer["builds"][0]).ok_or_else(|| {
            DeployError::Unreadable(format!("CodeBuild, BatchGetBuilds: no build {id}"))
        })
    }

    /// The last lines of a log.
    pub async fn last_lines(
        &self,
        group: &str,
        stream: &str,
        lines: usize,
    ) -> Result<Vec<String>, DeployError> {
        let body = json!({
            "logGroupName": group, "logStreamName": stream, "limit": lines, "startFromHead": false,
        });
        let action = "Logs_20140328.GetLogEvents";
        let answer = self.json("logs", action, &body).await?;
        let events = answer["events"].as_array().into_iter().flatten();
        let lines = events.filter_map(|event| event["message"].as_str());
        Ok(lines.map(|line| line.trim_end().to_owned()).collect())
    }
}

/// Reads a build of BatchGetBuilds.
fn build(build: &Value) -> Option<Build> {
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let phases = build["phases"].as_array().into_iter().flatten();
    let why: Vec<String> = phases
        .flat_map(|phase| phase["contexts"].as_array().into_iter().flatten())
        .map(|context| text(&context["message"]).trim().to_owned())
        .filter(|message| !message.is_empty())
        .collect();
    let logs = &build["logs"];
    let stream = logs["streamName"].as_str();
    Some(Build {
        state: match build["buildStatus"].as_str()? {
            "IN_PROGRESS" => BuildState::InProgress,
            "SUCCEEDED" => BuildState::Succeeded,
            other => BuildState::Ended(other.to_owned()),
        },
        phase: text(&build["currentPhase"]),
        why: why.join("; "),
        log: stream.map(|stream| (text(&logs["groupName"]), stream.to_owned())),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_build_says_how_it_stands_and_why() {
        let of = |status: &str| json!({ "buildStatus": status, "currentPhase": "BUILD" });
        let state = |status: &str| build(&of(status)).unwrap().state;
        assert_eq!(state("IN_PROGRESS"), BuildState::InProgress);
        assert_eq!(state("SUCCEEDED"), BuildState::Succeeded);
        assert_eq!(state("FAULT"), BuildState::Ended("FAULT".to_owned()));
        let failed = build(&json!({
            "buildStatus": "FAILED", "currentPhase": "COMPLETED",
            "logs": { "groupName": "g", "streamName": "s" },
            "phases": [
                { "phaseType": "SUBMITTED", "contexts": [{ "message": "" }] },
                { "phaseType": "BUILD", "contexts": [{ "message": "exit status 1\n" }] },
                { "phaseType": "COMPLETED" },
            ],
        }))
        .unwrap();
        assert_eq!(failed.why, "exit status 1");
        assert_eq!(failed.log, Some(("g".to_owned(), "s".to_owned())));
        assert_eq!(build(&Value::Null), None);
    }
}
