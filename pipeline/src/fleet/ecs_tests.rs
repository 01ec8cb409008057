//! Tests of `ecs`: what its answers and errors mean.

use super::*;
use aws_sdk_ecs::error::ErrorMetadata;
use aws_sdk_ecs::types::{Attachment, Container};
use aws_sdk_s3::primitives::SdkBody;

fn task(last_status: &str) -> aws_sdk_ecs::types::builders::TaskBuilder {
    Task::builder()
        .task_arn("arn:aws:ecs:eu-west-1:1:task/dlt/0f8fad5bd9cb469fa165708673b5a1c2")
        .tags(tag(RUN_TAG, "p4TqL8vN2c"))
        .tags(tag(ROLE_TAG, "worker"))
        .last_status(last_status)
}

fn phase(task: &Task) -> RunnerPhase {
    let region = Region::parse("eu-west-1").unwrap();
    status(&region, "worker", task).unwrap().phase
}

/// What becomes of a launch about which ECS says this.
fn launched(spare: bool, message: &str) -> Result<Launched, PipelineError> {
    let answer = HttpResponse::new(400_u16.try_into().unwrap(), SdkBody::empty());
    let metadata = ErrorMetadata::builder().code("ClientException");
    let error = RunTaskError::generic(metadata.message(message).build());
    failed_launch(spare, SdkError::service_error(error, answer))
}

#[test]
fn a_launch_that_failed_is_refused_waits_or_fails() {
    let no_room = "Capacity is unavailable at this time. Please try again later.";
    let refused = launched(true, no_room).unwrap();
    assert!(refused.runners.is_empty());
    assert_eq!(refused.refused, [format!("ECS refused it: {no_room}")]);
    // On the usual capacity there is none to fall back to.
    assert_eq!(launched(false, no_room).unwrap_err().asl_name(), "Other");
    let limited = "Request limit exceeded. (Error Code: RequestLimitExceeded)";
    for spare in [true, false] {
        let name = |message| launched(spare, message).unwrap_err().asl_name();
        assert_eq!(
            (name(limited), name("no such task")),
            ("Throttled", "Other")
        );
    }
}

#[test]
fn a_task_is_ready_when_it_runs_and_has_an_address() {
    let address = KeyValuePair::builder()
        .name("privateIPv4Address")
        .value("10.0.1.7");
    let attachment = Attachment::builder().details(address.build()).build();
    let ready = task("RUNNING").attachments(attachment.clone()).build();
    let address = "10.0.1.7:50000".to_owned();
    assert_eq!(phase(&ready), RunnerPhase::Ready { address });
    let early = task("PENDING").attachments(attachment).build();
    assert_eq!(phase(&early), RunnerPhase::Starting);
    assert_eq!(phase(&task("RUNNING").build()), RunnerPhase::Starting);
}

#[test]
fn a_task_that_ended_tells_how() {
    let region = Region::parse("eu-west-1").unwrap();
    let exit = |code| Container::builder().name("worker").exit_code(code).build();
    let sidecar = Container::builder().name("guard").exit_code(0).build();
    let well = task("STOPPED").containers(exit(0)).build();
    assert_eq!(phase(&well), RunnerPhase::Finished { exit: 0 });
    let badly = task("STOPPED")
        .containers(sidecar)
        .containers(exit(137))
        .build();
    let loss = status(&region, "worker", &badly).unwrap().loss().unwrap();
    assert_eq!(loss, "ended with exit code 137");
    let reason = "CannotPullContainerError: no such image";
    let container = Container::builder().name("worker").reason(reason).build();
    let never = task("STOPPED")
        .stopped_reason("Task failed to start")
        .containers(container)
        .build();
    let loss = status(&region, "worker", &never).unwrap().loss().unwrap();
    assert_eq!(loss, format!("Task failed to start; it said: {reason}"));
    let strange = Task::builder().task_arn("arn:x/y").build();
    assert!(status(&region, "worker", &strange).is_none());
}
