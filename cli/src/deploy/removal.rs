//! Removes a stack: what another command is doing with it is awaited, and what IoT Core
//! holds up for a while is tried again.

use super::clients::Aws;
use super::clients::cloudformation::{Event, Stack};
use super::error::DeployError;
use super::follow::{GONE, Readiness, follow, last_event, wait};
use super::terminal::Terminal;
use std::time::Duration;

/// Pauses before a stack is removed anew that IoT Core held up, seconds: it goes on
/// counting a policy as attached for minutes after it was detached (IoT Core API
/// Reference, DeletePolicy).
const HELD_PAUSES_S: [u64; 7] = [5, 15, 30, 60, 120, 180, 240];

/// Removes a stack; what it kept is the caller's to tell.
pub async fn remove(aws: &Aws, terminal: &mut Terminal, name: &str) -> Result<(), DeployError> {
    let Some(stack) = aws.stack(name).await? else {
        terminal.done(&format!("stack {name} is not in {}", aws.region));
        return Ok(());
    };
    // By its ARN: its name is unknown once it is gone.
    let id = &stack.id;
    let mut left = Some(stack.clone());
    if Readiness::of(&stack.status) == Readiness::Busy {
        left = wait(aws, terminal, &stack).await?;
    }
    let mut pauses = HELD_PAUSES_S.iter();
    while left.as_ref().is_some_and(|stack| stack.status != GONE) {
        let resources = aws.resources(id).await?.len();
        let before = last_event(aws, id).await?;
        aws.delete_stack(id).await?;
        let end = follow(aws, terminal, id, before, resources).await?;
        left = end.stack.filter(|stack| stack.status != GONE);
        let Some(stack) = &left else { break };
        match pauses.next() {
            Some(seconds) if is_held_by_iot(&end.failed) => {
                terminal.say(&format!(
                    "IoT Core still counts a policy as attached, as it does for minutes after it was \
                     detached: trying again in {seconds} s"
                ));
                terminal.pause(Duration::from_secs(*seconds), name).await?;
            }
            _ => return Err(not_removed(aws, stack)),
        }
    }
    terminal.done(&format!("stack {name} is removed from {}", aws.region));
    Ok(())
}

/// Whether all that kept a stack from being removed is that IoT Core counts a policy as
/// attached.
fn is_held_by_iot(failed: &[Event]) -> bool {
    let held = |event: &Event| {
        let reason = event.reason.to_lowercase();
        event.kind == "AWS::IoT::Policy"
            && ["deleteconflict", "attached", "409"]
                .iter()
                .any(|sign| reason.contains(sign))
    };
    !failed.is_empty() && failed.iter().all(held)
}

fn not_removed(aws: &Aws, stack: &Stack) -> DeployError {
    DeployError::Stack(format!(
        "stack {} in {} ended as {}; remove what is named above by hand if it is not dlt's, then run \
         the command again",
        stack.name, aws.region, stack.status
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_policy_that_iot_core_holds_is_waited_for() {
        let event = |kind: &str, reason: &str| Event {
            id: String::new(),
            resource: "X".to_owned(),
            physical_id: String::new(),
            kind: kind.to_owned(),
            status: "DELETE_FAILED".to_owned(),
            reason: reason.to_owned(),
        };
        let policy = "AWS::IoT::Policy";
        let held = event(
            policy,
            "The policy cannot be deleted as the policy is attached to one or more principals \
             (Service: Iot, Status Code: 409)",
        );
        let others = [
            event(policy, "User is not authorized to perform iot:DeletePolicy"),
            event(
                "AWS::IAM::Role",
                "Cannot delete entity, must detach all policies first: attached",
            ),
        ];
        assert!(is_held_by_iot(std::slice::from_ref(&held)));
        assert!(!is_held_by_iot(&[]));
        for other in others {
            assert!(!is_held_by_iot(&[held.clone(), other]));
        }
    }
}
