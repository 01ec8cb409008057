//! The client against a scripted server: what is sent, what is retried, which redirects
//! and sizes are refused.

use super::api::Api;
use super::settings::{self, Settings};
use super::token::{TOKEN, TOKEN_FILE};
use super::{Ask, Backend as _, BackendError};
use axum::Router;
use axum::body::Body;
use axum::extract::{Request, State};
use axum::http::{Response, StatusCode, header};
use serde_json::{Value, json};
use std::sync::{Arc, Mutex};
use tokio::net::TcpListener;

/// A request: method, target, authorization.
type Row = (String, String, String);
type Results = Vec<Result<Value, BackendError>>;

/// Answers in order; the last one repeats.
#[derive(Clone)]
struct Script {
    answers: Arc<Mutex<Vec<(u16, &'static str)>>>,
    requests: Arc<Mutex<Vec<Row>>>,
}

async fn handle(State(script): State<Script>, request: Request) -> Response<Body> {
    let text = |name| {
        let value = request.headers().get(name);
        value
            .and_then(|value| value.to_str().ok())
            .unwrap_or_default()
            .to_owned()
    };
    let row = (
        request.method().to_string(),
        request.uri().to_string(),
        text(header::AUTHORIZATION),
    );
    script.requests.lock().unwrap().push(row);
    let mut answers = script.answers.lock().unwrap();
    let (status, body) = match answers.len() {
        1 => answers[0],
        _ => answers.remove(0),
    };
    let mut response = Response::new(Body::from(match body {
        "endless" => "x".repeat(40 * 1024 * 1024),
        body => body.to_owned(),
    }));
    *response.status_mut() = StatusCode::from_u16(status).unwrap();
    if status == 302 {
        let elsewhere = header::HeaderValue::from_static("http://127.0.0.1:1/stolen");
        response.headers_mut().insert(header::LOCATION, elsewhere);
    }
    response
}

/// Sends two requests to a server with this script: the results and the requests that
/// the server received.
fn run(
    answers: &[(u16, &'static str)],
    env: &[(&str, &str)],
    between: impl Fn(),
) -> (Results, Vec<Row>) {
    let script = Script {
        answers: Arc::new(Mutex::new(answers.to_vec())),
        requests: Arc::default(),
    };
    let requests = Arc::clone(&script.requests);
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap();
    let results = runtime.block_on(async {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let base = format!("http://{}/api/", listener.local_addr().unwrap());
        let routes = Router::new().fallback(handle).with_state(script);
        let server = tokio::spawn(async { axum::serve(listener, routes).await });
        let settings = Settings::from_variables(|name| match name {
            settings::URL => Some(base.clone()),
            name => env
                .iter()
                .find(|row| row.0 == name)
                .map(|row| row.1.to_owned()),
        });
        let api = Api::new(settings.unwrap()).unwrap();
        let ask = Ask::Scenarios {
            tags: vec!["a b".to_owned()],
            one_off: false,
        };
        let first = api.get(&ask).await;
        between();
        let second = api.get(&ask).await;
        server.abort();
        vec![first, second]
    });
    let requests = requests.lock().unwrap().clone();
    (results, requests)
}

#[test]
fn a_request_is_one_get_with_the_token() {
    let token = [(TOKEN, "s3cret")];
    let (results, requests) = run(&[(200, "{\"Items\":[]}")], &token, || {});
    assert_eq!(results[0], Ok(json!({"Items": []})));
    let row = (
        "GET".to_owned(),
        "/api/scenarios?tags=a%20b".to_owned(),
        "Bearer s3cret".to_owned(),
    );
    assert_eq!(requests, [row.clone(), row]);
}

#[test]
fn a_token_file_is_read_for_each_request() {
    let file = tempfile::NamedTempFile::new().unwrap();
    let path = file.path().to_str().unwrap();
    std::fs::write(path, "first\n").unwrap();
    let env = [(TOKEN_FILE, path)];
    let (_, requests) = run(&[(200, "{}")], &env, || {
        std::fs::write(path, "second").unwrap()
    });
    assert_eq!(
        (requests[0].2.as_str(), requests[1].2.as_str()),
        ("Bearer first", "Bearer second")
    );
    let (results, requests) = run(&[(200, "{}")], &env, || std::fs::remove_file(path).unwrap());
    assert!(
        matches!(results[1], Err(BackendError::NotConfigured(_))),
        "{:?}",
        results[1]
    );
    assert_eq!(requests.len(), 1, "nothing is sent without the token");
}

#[test]
fn transient_errors_are_retried_and_others_are_not() {
    let (results, requests) = run(&[(503, ""), (429, ""), (200, "{}")], &[], || {});
    assert_eq!((&results[0], requests.len()), (&Ok(json!({})), 4));
    for status in [400, 401, 403, 404, 500] {
        let (results, requests) = run(&[(status, "<html>no</html>")], &[], || {});
        assert!(results[0].is_err());
        assert_eq!(requests.len(), 2, "{status}");
    }
}

#[test]
fn redirects_are_not_followed_and_long_answers_not_read() {
    let token = [(TOKEN, "s3cret")];
    let (results, requests) = run(&[(302, "")], &token, || {});
    let error = BackendError::Refused("status 302".to_owned());
    assert_eq!(results[0], Err(error));
    assert_eq!(requests.len(), 2);
    let (results, _) = run(&[(200, "endless")], &[], || {});
    assert!(
        matches!(results[0], Err(BackendError::TooLarge(_))),
        "{:?}",
        results[0]
    );
    let (results, _) = run(&[(200, "not json")], &[], || {});
    assert!(matches!(results[0], Err(BackendError::Unreadable(_))));
}
