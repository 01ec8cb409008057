//! Schedules on AWS: for each scenario one schedule of EventBridge Scheduler, for
//! its next occurrence alone. Rules and zones are the core's, since cron means
//! other things there; whoever is woken puts the occurrence after it.

use super::Schedules;
use crate::clients::failure::failed;
use crate::error::PipelineError;
use crate::naming::fitting;
use crate::scenarios::Planned;
use async_trait::async_trait;
use aws_sdk_scheduler::Client;
use aws_sdk_scheduler::config::http::HttpResponse;
use aws_sdk_scheduler::error::{ProvideErrorMetadata, SdkError};
use aws_sdk_scheduler::types::{
    ActionAfterCompletion, FlexibleTimeWindow, FlexibleTimeWindowMode, Target,
};
use dlt_core::ids::TestId;
use jiff::Timestamp;
use serde_json::json;

/// Longest name of a schedule (EventBridge Scheduler API, CreateSchedule).
const LONGEST_NAME: usize = 64;
/// How an occurrence is written, UTC.
const AT: &str = "at(%Y-%m-%dT%H:%M:%S)";

/// Schedules of a group.
#[derive(Debug, Clone)]
pub struct EventBridge {
    /// Who asks.
    pub client: Client,
    /// The group, which is this stack's.
    pub group: String,
    /// ARN of the function that is woken.
    pub function: String,
    /// ARN of the role with which it is.
    pub role: String,
}

fn wrong<E>(test: &TestId, error: SdkError<E, HttpResponse>) -> PipelineError
where
    E: std::error::Error + ProvideErrorMetadata + Send + Sync + 'static,
{
    let is_conflict = error.code() == Some("ConflictException");
    match failed(&format!("the schedule of scenario {test}"), error) {
        // Somebody else changes it at this moment.
        PipelineError::Other(text) if is_conflict => PipelineError::Transient(text),
        other => other,
    }
}

/// The expression of an occurrence. It rings once a second at most, so what is
/// between two seconds is the later one: never early.
fn expression(next_us: u64) -> Option<String> {
    let second = i64::try_from(next_us.div_ceil(1_000_000)).ok()?;
    let at = Timestamp::from_second(second).ok()?;
    Some(at.strftime(AT).to_string())
}

/// Reads what [`expression`] wrote.
fn next_us(expression: &str) -> Option<u64> {
    let at = jiff::civil::DateTime::strptime(AT, expression).ok()?;
    let at = at.to_zoned(jiff::tz::TimeZone::UTC).ok()?;
    u64::try_from(at.timestamp().as_microsecond()).ok()
}

impl EventBridge {
    fn name(test: &TestId) -> String {
        fitting(test.as_str(), LONGEST_NAME)
    }

    fn target(&self, test: &TestId) -> Result<Target, PipelineError> {
        Target::builder()
            .arn(&self.function)
            .role_arn(&self.role)
            .input(json!({ "wake": { "testId": test } }).to_string())
            .build()
            .map_err(|error| PipelineError::Other(error.to_string()))
    }
}

#[async_trait]
impl Schedules for EventBridge {
    async fn put(&self, test: &TestId, plan: &Planned) -> Result<(), PipelineError> {
        let Some(at) = plan.next_us.and_then(expression) else {
            return self.remove(test).await;
        };
        let window = FlexibleTimeWindow::builder()
            .mode(FlexibleTimeWindowMode::Off)
            .build()
            .map_err(|error| PipelineError::Other(error.to_string()))?;
        let (name, target) = (Self::name(test), self.target(test)?);
        let create = self.client.create_schedule();
        let created = create
            .group_name(&self.group)
            .name(&name)
            .schedule_expression(&at)
            .flexible_time_window(window.clone())
            .target(target.clone())
            .action_after_completion(ActionAfterCompletion::None)
            .send()
            .await;
        match created {
            Ok(_) => return Ok(()),
            Err(error) if error.code() == Some("ConflictException") => {}
            Err(error) => return Err(wrong(test, error)),
        }
        let update = self.client.update_schedule();
        let updated = update
            .group_name(&self.group)
            .name(&name)
            .schedule_expression(&at)
            .flexible_time_window(window)
            .target(target)
            .action_after_completion(ActionAfterCompletion::None)
            .send()
            .await;
        updated.map(drop).map_err(|error| wrong(test, error))
    }

    async fn remove(&self, test: &TestId) -> Result<(), PipelineError> {
        let delete = self.client.delete_schedule().group_name(&self.group);
        match delete.name(Self::name(test)).send().await {
            Err(error) if error.code() != Some("ResourceNotFoundException") => {
                Err(wrong(test, error))
            }
            _ => Ok(()),
        }
    }

    async fn next(&self, test: &TestId) -> Result<Option<u64>, PipelineError> {
        let get = self.client.get_schedule().group_name(&self.group);
        match get.name(Self::name(test)).send().await {
            Ok(found) => Ok(found.schedule_expression().and_then(next_us)),
            Err(error) if error.code() == Some("ResourceNotFoundException") => Ok(None),
            Err(error) => Err(wrong(test, error)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn occurrences_are_written_and_read_and_never_early() {
        let text = expression(1_772_615_703_000_000).unwrap();
        assert_eq!(text, "at(2026-03-04T09:15:03)");
        assert_eq!(next_us(&text), Some(1_772_615_703_000_000));
        let between = expression(1_772_615_702_000_001).unwrap();
        assert_eq!(between, text);
        assert_eq!(next_us("cron(* * * * ? *)"), None);
    }
}
