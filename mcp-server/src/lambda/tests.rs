//! The loop against a mock of the Runtime API: every tool, and every kind of malformed
//! invocation.

use super::runtime::RuntimeApi;
use super::{Format, serve};
use crate::tools;
use crate::tools::fixtures::{CannedBackend, required_arguments};
use axum::Router;
use axum::body::Bytes;
use axum::extract::{Path, State};
use axum::http::{HeaderMap, HeaderName, HeaderValue};
use axum::response::{IntoResponse as _, Response};
use axum::routing::{get, post};
use serde_json::{Value, json};
use std::sync::{Arc, Mutex};
use tokio::net::TcpListener;

/// Invocations to send (context, payload) and the answers received.
#[derive(Debug, Default)]
struct Mock {
    calls: Mutex<Vec<(Option<String>, Vec<u8>)>>,
    answers: Mutex<Vec<(String, Value)>>,
}

async fn next(State(mock): State<Arc<Mock>>) -> Response {
    let call = mock.calls.lock().unwrap().pop();
    let Some((context, payload)) = call else {
        // Ends the loop.
        return axum::http::StatusCode::INTERNAL_SERVER_ERROR.into_response();
    };
    let mut headers = HeaderMap::new();
    let mut put = |name: &'static str, value: &str| {
        let value = HeaderValue::from_str(value).unwrap();
        headers.insert(HeaderName::from_static(name), value);
    };
    put("lambda-runtime-aws-request-id", "8476a536");
    put("lambda-runtime-deadline-ms", "4102444800000");
    if let Some(context) = context {
        put("lambda-runtime-client-context", &context);
    }
    (headers, payload).into_response()
}

async fn response(State(mock): State<Arc<Mock>>, Path(id): Path<String>, body: Bytes) -> Response {
    let answer = serde_json::from_slice(&body).unwrap();
    mock.answers.lock().unwrap().push((id, answer));
    axum::http::StatusCode::ACCEPTED.into_response()
}

/// The answers to these invocations.
fn answers(calls: Vec<(Option<Value>, &[u8])>, format: Format) -> Vec<Value> {
    let mock = Arc::new(Mock::default());
    let calls = calls.into_iter().rev();
    *mock.calls.lock().unwrap() = calls
        .map(|(context, body)| (context.map(|value| value.to_string()), body.to_vec()))
        .collect();
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap();
    runtime.block_on(async {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let host = listener.local_addr().unwrap().to_string();
        let routes = Router::new()
            .route("/2018-06-01/runtime/invocation/next", get(next))
            .route(
                "/2018-06-01/runtime/invocation/{id}/response",
                post(response),
            )
            .with_state(Arc::clone(&mock));
        let server = tokio::spawn(async { axum::serve(listener, routes).await });
        let runtime = RuntimeApi::at(&host).unwrap();
        let ended = serve(&runtime, &CannedBackend::new(), format, false).await;
        assert!(ended.is_err(), "it ends only with the Runtime API");
        server.abort();
    });
    let answers = std::mem::take(&mut *mock.answers.lock().unwrap());
    assert!(answers.iter().all(|answer| answer.0 == "8476a536"));
    answers.into_iter().map(|answer| answer.1).collect()
}

fn context(tool: &str) -> Option<Value> {
    Some(
        json!({"custom": {"bedrockAgentCoreToolName": format!("dlt-target___{tool}"),
        "bedrockAgentCoreMessageVersion": "1.0"}}),
    )
}

#[test]
fn every_tool_answers_through_the_runtime_api() {
    let bodies: Vec<Vec<u8>> = tools::all()
        .iter()
        .map(|tool| {
            Value::Object(required_arguments(tool.name))
                .to_string()
                .into_bytes()
        })
        .collect();
    let calls = tools::all().iter().zip(&bodies);
    let calls = calls
        .map(|(tool, body)| (context(tool.name), body.as_slice()))
        .collect();
    let answers = answers(calls, Format::Plain);
    assert_eq!(answers.len(), tools::all().len());
    for (tool, answer) in tools::all().iter().zip(answers) {
        let validator = jsonschema::validator_for(&Value::Object(tool.exact.clone())).unwrap();
        assert!(validator.is_valid(&answer), "{}: {answer}", tool.name);
    }
}

#[test]
fn malformed_invocations_are_answered() {
    let nested = json!({"custom": {"bedrockAgentCoreToolName": "t___list_scenarios",
        "bedrockAgentCorePropagatedHeaders": {"X-Trace": "1"}}, "client": {"a": {"b": [1]}}, "env": null});
    let answers = answers(
        vec![
            (Some(nested), b"{}"),
            (context("list_scenarios"), b"null"),
            (context("list-scenarios"), b""),
            (
                Some(json!({"custom": {"bedrockAgentCoreToolName": "list_scenarios"}})),
                b"{}",
            ),
            (None, b"{}"),
            (Some(json!("text")), b"{}"),
            (
                Some(json!({"custom": {"bedrockAgentCoreToolName": {"a": 1}}})),
                b"{}",
            ),
            (context("delete_everything"), b"{}"),
            (context("list_scenarios"), b"[1,2]"),
            (context("list_scenarios"), b"\xff\xfe not json"),
            (context("get_results"), b"{}"),
        ],
        Format::Plain,
    );
    assert_eq!(answers.len(), 11);
    for answer in &answers[..4] {
        assert_eq!(answer["total"], 120, "{answer}");
    }
    for answer in &answers[4..] {
        assert_eq!(answer["error"]["code"], "invalid_argument", "{answer}");
    }
}

#[test]
fn other_formats_are_opt_in() {
    assert_eq!(Format::parse(None), Ok(Format::Plain));
    assert!(Format::parse(Some("xml")).is_err());
    let calls = || {
        vec![
            (context("get_runners"), &b"{}"[..]),
            (context("get_results"), b"{\"test_id\":\"nope\"}"),
        ]
    };
    let upstream = answers(calls(), Format::parse(Some("upstream")).unwrap());
    assert_eq!(
        (&upstream[0]["statusCode"], &upstream[1]["statusCode"]),
        (&json!(200), &json!(404))
    );
    let body: Value = serde_json::from_str(upstream[0]["body"].as_str().unwrap()).unwrap();
    assert_eq!(body["total_running"], 60);
    let mcp = answers(calls(), Format::parse(Some("mcp")).unwrap());
    assert_eq!(
        (&mcp[0]["isError"], &mcp[1]["isError"]),
        (&json!(false), &json!(true))
    );
    assert_eq!(mcp[1].get("structuredContent"), None);
}
