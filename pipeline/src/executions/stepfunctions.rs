//! Executions on AWS: those of one state machine of Step Functions.

use super::Executions;
use crate::clients::failure::failed;
use crate::error::PipelineError;
use crate::naming::fitting;
use async_trait::async_trait;
use aws_sdk_sfn::Client;
use aws_sdk_sfn::error::ProvideErrorMetadata as _;
use aws_sdk_sfn::types::ExecutionStatus;
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

/// The ARN of a machine's execution.
fn execution_of(machine: &str, name: &str) -> String {
    let machine = machine.replacen(":stateMachine:", ":execution:", 1);
    format!("{machine}:{name}")
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
        match error.code() {
            // Begun by an earlier call, whose answer was lost.
            Some("ExecutionAlreadyExists") => Ok(()),
            _ => Err(failed(&format!("execution {name}"), error)),
        }
    }

    async fn goes_on(&self, name: &str) -> Result<Option<bool>, PipelineError> {
        let execution = execution_of(&self.machine, &fitting(name, LONGEST_NAME));
        let describe = self.client.describe_execution();
        match describe.execution_arn(execution).send().await {
            Ok(found) => Ok(Some(*found.status() == ExecutionStatus::Running)),
            Err(error) if error.code() == Some("ExecutionDoesNotExist") => Ok(None),
            Err(error) => Err(failed(&format!("execution {name}"), error)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{StepFunctions, execution_of};

    #[test]
    fn an_execution_names_its_machine() {
        let execution = "arn:aws:states:eu-west-1:123:execution:load-test:scenario-a-run-b";
        let machine = "arn:aws:states:eu-west-1:123:stateMachine:load-test";
        assert_eq!(StepFunctions::machine_of(execution), machine);
        assert_eq!(execution_of(machine, "scenario-a-run-b"), execution);
    }
}
