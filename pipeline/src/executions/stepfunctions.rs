//! Executions on AWS: those of one state machine of Step Functions.

use super::Executions;
use crate::error::PipelineError;
use crate::naming::fitting;
use async_trait::async_trait;
use aws_sdk_sfn::Client;
use aws_sdk_sfn::error::{DisplayErrorContext, ProvideErrorMetadata, SdkError};
use dlt_core::ids::{TestId, TestRunId};
use serde_json::Value;

/// Longest name of an execution (Step Functions API, StartExecution).
const LONGEST_NAME: usize = 80;

/// Executions of a state machine.
#[derive(Debug, Clone)]
pub struct StepFunctions {
    client: Client,
    /// Its ARN.
    machine: String,
}

impl StepFunctions {
    /// Executions of the machine with this ARN.
    pub fn new(client: Client, machine: String) -> Self {
        Self { client, machine }
    }

    /// The ARN of the state machine of an execution with this ARN.
    pub fn machine_of(execution: &str) -> String {
        let machine = execution.replacen(":execution:", ":stateMachine:", 1);
        // An execution's ARN is its machine's and a name.
        match machine.rsplit_once(':') {
            Some((machine, _)) => machine.to_owned(),
            None => machine,
        }
    }
}

#[async_trait]
impl Executions for StepFunctions {
    async fn start(
        &self,
        name: &str,
        _: &TestId,
        _: &TestRunId,
        input: Value,
    ) -> Result<(), PipelineError> {
        let start = self.client.start_execution();
        let start = start
            .state_machine_arn(&self.machine)
            .name(fitting(name, LONGEST_NAME))
            .input(input.to_string());
        let Err(error) = start.send().await else {
            return Ok(());
        };
        let text = format!("execution {name}: {}", DisplayErrorContext(&error));
        match (error.code(), &error) {
            // Begun by an earlier call, whose answer was lost.
            (Some("ExecutionAlreadyExists"), _) => Ok(()),
            (Some("ThrottlingException" | "ExecutionLimitExceeded"), _) => {
                Err(PipelineError::Throttled(text))
            }
            (_, SdkError::TimeoutError(_) | SdkError::DispatchFailure(_)) => {
                Err(PipelineError::Transient(text))
            }
            _ => Err(PipelineError::Other(text)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::StepFunctions;

    #[test]
    fn an_execution_names_its_machine() {
        let execution = "arn:aws:states:eu-west-1:123:execution:load-test:scenario-a-run-b";
        let machine = "arn:aws:states:eu-west-1:123:stateMachine:load-test";
        assert_eq!(StepFunctions::machine_of(execution), machine);
    }
}
