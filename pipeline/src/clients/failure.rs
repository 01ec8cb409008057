//! Failures of calls as the workflow knows them: one reading for all services, since
//! what passes and what does not is said by few codes, by the status, and by whether
//! there was an answer at all. What one service alone says is left to its adapter.

use crate::error::PipelineError;
use aws_sdk_ecs::config::http::HttpResponse;
use aws_sdk_ecs::error::{ProvideErrorMetadata, SdkError};
use std::error::Error;

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

/// Codes by which services say that the caller lacks a right.
const DENIED: [&str; 5] = [
    "AccessDenied",
    "AccessDeniedException",
    "ForbiddenException",
    "UnauthorizedException",
    "UnauthorizedOperation",
];

/// What names a request's id in the message of a service that quotes another one's.
const REQUEST_ID: &str = "Request ID: ";

/// A message without ids of requests: the same failure is told in the same words, by
/// which it is known to be the same.
fn without_request_ids(message: &str) -> String {
    let mut parts = message.split(REQUEST_ID);
    let mut text = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        // What separated the id from what stood before goes with it.
        text.truncate(text.trim_end_matches([' ', ',', ';']).len());
        let end = part.find([' ', ',', ';', ')']).unwrap_or(part.len());
        text.push_str(part.get(end..).unwrap_or_default());
    }
    text
}

/// An error and what it came from, in its own words.
fn chain(error: &(dyn Error + 'static)) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(error) = source {
        text = format!("{text}: {error}");
        source = error.source();
    }
    text
}

/// A failed call in words for users: what the service said or, where it said nothing,
/// how the call failed.
fn words<E>(error: &SdkError<E, HttpResponse>) -> String
where
    E: Error + ProvideErrorMetadata + Send + Sync + 'static,
{
    let SdkError::ServiceError(answer) = error else {
        return chain(error);
    };
    let code = error.code().filter(|code| !code.is_empty());
    match (code, error.message()) {
        (Some(code), Some(message)) => format!("{code}: {}", without_request_ids(message)),
        (Some(code), None) => code.to_owned(),
        (None, Some(message)) => without_request_ids(message),
        (None, None) => format!("status {}", answer.raw().status().as_u16()),
    }
}

/// A failed call, said with what it was about.
pub fn failed<E>(what: &str, error: SdkError<E, HttpResponse>) -> PipelineError
where
    E: Error + ProvideErrorMetadata + Send + Sync + 'static,
{
    let text = format!("{what}: {}", words(&error));
    let status = error.raw_response().map(|answer| answer.status().as_u16());
    match (status, &error) {
        // No answer, or one that broke off.
        (
            None,
            SdkError::TimeoutError(_) | SdkError::DispatchFailure(_) | SdkError::ResponseError(_),
        ) => PipelineError::Transient(text),
        _ => of_status(
            status.unwrap_or_default(),
            error.code().unwrap_or_default(),
            text,
        ),
    }
}

/// An answer with an error, of a service that was asked without an SDK.
pub fn refused(what: &str, status: u16, code: &str, message: &str) -> PipelineError {
    let message = without_request_ids(message);
    let said = match (code, message.as_str()) {
        ("", "") => format!("status {status}"),
        ("", message) => message.to_owned(),
        (code, "") => code.to_owned(),
        (code, message) => format!("{code}: {message}"),
    };
    of_status(status, code, format!("{what}: {said}"))
}

/// An error by the answer's status (0, there is none) and the service's code (may be
/// empty).
fn of_status(status: u16, code: &str, text: String) -> PipelineError {
    match (status, code) {
        (_, code) if THROTTLED.contains(&code) => PipelineError::Throttled(text),
        (429, _) => PipelineError::Throttled(text),
        (_, code) if PASSING.contains(&code) => PipelineError::Transient(text),
        // The service failed, or something before it that speaks no AWS.
        (500.., _) => PipelineError::Transient(text),
        (_, code) if DENIED.contains(&code) => PipelineError::Denied(text),
        _ => PipelineError::Other(text),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use aws_sdk_ecs::error::ErrorMetadata;
    use aws_sdk_ecs::operation::run_task::RunTaskError;
    use aws_sdk_s3::primitives::SdkBody;

    type Failure = SdkError<RunTaskError, HttpResponse>;

    fn refused(status: u16, metadata: ErrorMetadata) -> Failure {
        let answer = HttpResponse::new(status.try_into().unwrap(), SdkBody::empty());
        SdkError::service_error(RunTaskError::generic(metadata), answer)
    }

    fn said(status: u16, code: &str) -> &'static str {
        let metadata = ErrorMetadata::builder().code(code).build();
        failed("a launch", refused(status, metadata)).asl_name()
    }

    #[test]
    fn users_read_what_the_service_said_without_ids_of_requests() {
        let throttled = |id: &str| {
            let metadata = ErrorMetadata::builder()
                .code("ThrottlingException")
                .message(format!(
                    "Rate exceeded (Service: Ec2, Status Code: 503, Request ID: {id}) again"
                ))
                .custom("aws_request_id", id)
                .build();
            failed("a launch", refused(400, metadata)).to_string()
        };
        let text = "a launch: ThrottlingException: \
                    Rate exceeded (Service: Ec2, Status Code: 503) again";
        assert_eq!(throttled("1a2b-3c4d"), text);
        assert_eq!(throttled("5e6f-7a8b"), text);
        let code = ErrorMetadata::builder().code("SlowDown").build();
        let text = failed("a launch", refused(503, code)).to_string();
        assert_eq!(text, "a launch: SlowDown");
        // What a load balancer says has neither.
        let nothing = ErrorMetadata::builder().custom("aws_request_id", "1a2b");
        let text = failed("a launch", refused(502, nothing.build())).to_string();
        assert_eq!(text, "a launch: status 502");
    }

    #[test]
    fn a_call_without_an_answer_tells_its_causes() {
        let cause = std::io::Error::other("connection refused");
        let error: Failure = SdkError::timeout_error(cause);
        let text = failed("a launch", error).to_string();
        assert_eq!(text, "a launch: request has timed out: connection refused");
    }

    #[test]
    fn what_is_asked_without_an_sdk_is_told_in_the_same_words() {
        let said = |status, code: &str, message: &str| {
            let error = super::refused("IoT Core, PUT /x", status, code, message);
            (error.to_string(), error)
        };
        let (text, error) = said(400, "TooManyRequestsException", "Rate exceeded");
        assert_eq!(
            text,
            "IoT Core, PUT /x: TooManyRequestsException: Rate exceeded"
        );
        assert!(error.may_pass());
        let (text, error) = said(503, "", "");
        assert_eq!(text, "IoT Core, PUT /x: status 503");
        assert!(error.may_pass());
        for code in ["AccessDeniedException", "AccessDenied"] {
            let (_, error) = said(400, code, "no right");
            assert!(matches!(error, PipelineError::Denied(_)), "{error:?}");
            assert_eq!(error.asl_name(), "Other");
        }
    }

    #[test]
    fn ids_of_requests_go_with_what_separates_them() {
        for (message, without) in [
            ("no right", "no right"),
            ("no (A; Request ID: 1; Proxy: null)", "no (A; Proxy: null)"),
            ("no, Request ID: 1", "no"),
            ("Request ID: ", ""),
        ] {
            assert_eq!(without_request_ids(message), without, "{message}");
        }
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
