//! Failures of calls as the workflow knows them: one reading for all services, since
//! what passes and what does not is said by few codes, by the status, and by whether
//! there was an answer at all. What one service alone says is left to its adapter.

use crate::error::PipelineError;
use aws_sdk_ecs::config::http::HttpResponse;
use aws_sdk_ecs::error::{DisplayErrorContext, ProvideErrorMetadata, SdkError};

/// Codes by which services ask for patience.
const THROTTLED: [&str; 8] = [
    "ExecutionLimitExceeded",
    "LimitExceededException",
    "ProvisionedThroughputExceededException",
    "RequestLimitExceeded",
    "SlowDown",
    "Throttling",
    "ThrottlingException",
    "TooManyRequestsException",
];
/// Codes of failures that pass, beside those of a status from 500 on.
const PASSING: [&str; 2] = ["RequestTimeout", "TransactionConflictException"];

/// A failed call, said with what it was about.
pub fn failed<E>(what: &str, error: SdkError<E, HttpResponse>) -> PipelineError
where
    E: std::error::Error + ProvideErrorMetadata + Send + Sync + 'static,
{
    let text = format!("{what}: {}", DisplayErrorContext(&error));
    let status = error.raw_response().map(|answer| answer.status().as_u16());
    match (error.code(), status, &error) {
        (Some(code), ..) if THROTTLED.contains(&code) => PipelineError::Throttled(text),
        (_, Some(429), _) => PipelineError::Throttled(text),
        (Some(code), ..) if PASSING.contains(&code) => PipelineError::Transient(text),
        // The service failed, or something before it that speaks no AWS.
        (_, Some(500..), _) => PipelineError::Transient(text),
        // No answer, or one that broke off.
        (
            ..,
            SdkError::TimeoutError(_) | SdkError::DispatchFailure(_) | SdkError::ResponseError(_),
        ) => PipelineError::Transient(text),
        _ => PipelineError::Other(text),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use aws_sdk_ecs::error::ErrorMetadata;
    use aws_sdk_ecs::operation::run_task::RunTaskError;
    use aws_sdk_s3::primitives::SdkBody;

    fn said(status: u16, code: &str) -> &'static str {
        let answer = HttpResponse::new(status.try_into().unwrap(), SdkBody::empty());
        let metadata = ErrorMetadata::builder().code(code).build();
        let error = SdkError::service_error(RunTaskError::generic(metadata), answer);
        failed("a launch", error).asl_name()
    }

    #[test]
    fn the_workflow_learns_what_passes() {
        for (status, code, name) in [
            (400, "ThrottlingException", "Throttled"),
            (400, "ProvisionedThroughputExceededException", "Throttled"),
            (503, "SlowDown", "Throttled"),
            (429, "", "Throttled"),
            (400, "RequestTimeout", "Transient"),
            (500, "InternalServerError", "Transient"),
            // What a load balancer says has no code.
            (503, "", "Transient"),
            (400, "AccessDeniedException", "Other"),
            (400, "InvalidParameterException", "Other"),
        ] {
            assert_eq!(said(status, code), name, "{status} {code}");
        }
    }
}
