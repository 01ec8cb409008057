//! The client against a server that misbehaves: what is sent, what is tried
//! again, what is never followed, and what is not read to its end.

use super::api::Api;
use super::settings::{self, Settings};
use super::{Ask, Backend as _, BackendError};
use axum::Router;
use axum::body::Body;
use axum::extract::{Request, State};
use axum::http::{Response, StatusCode, header};
use serde_json::{Value, json};
use std::sync::{Arc, Mutex};
use tokio::net::TcpListener;

/// What came in: method, target, authorization.
type Row = (String, String, String);
type Seen = Arc<Mutex<Vec<Row>>>;
/// What was answered.
type Got = Vec<Result<Value, BackendError>>;

/// Answers in turn; the last one stays.
#[derive(Clone)]
struct Script {
    answers: Arc<Mutex<Vec<(u16, &'static str)>>>,
    seen: Seen,
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
    script.seen.lock().unwrap().push(row);
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

/// Asks a server that answers so; the answer, and what the server saw.
fn asked(
    answers: &[(u16, &'static str)],
    env: &[(&str, &str)],
    between: impl Fn(),
) -> (Got, Vec<Row>) {
    let script = Script {
        answers: Arc::new(Mutex::new(answers.to_vec())),
        seen: Seen::default(),
    };
    let seen = Arc::clone(&script.seen);
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap();
    let got = runtime.block_on(async {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let base = format!("http://{}/api/", listener.local_addr().unwrap());
        let routes = Router::new().fallback(handle).with_state(script);
        let server = tokio::spawn(async { axum::serve(listener, routes).await });
        let settings = Settings::read(|name| match name {
            settings::URL => Some(base.clone()),
            name => env
                .iter()
                .find(|row| row.0 == name)
                .map(|row| row.1.to_owned()),
        });
        let api = Api::new(settings.unwrap()).unwrap();
        let ask = Ask::Scenarios {
            tags: vec!["a b".to_owned()],
        };
        let first = api.get(&ask).await;
        between();
        let second = api.get(&ask).await;
        server.abort();
        vec![first, second]
    });
    let seen = seen.lock().unwrap().clone();
    (got, seen)
}

#[test]
fn a_question_is_one_get_with_the_token() {
    let token = [(settings::TOKEN, "s3cret")];
    let (got, seen) = asked(&[(200, "{\"Items\":[]}")], &token, || {});
    assert_eq!(got[0], Ok(json!({"Items": []})));
    let row = (
        "GET".to_owned(),
        "/api/scenarios?tags=a%20b".to_owned(),
        "Bearer s3cret".to_owned(),
    );
    assert_eq!(seen, [row.clone(), row]);
}

#[test]
fn a_token_s_file_is_read_anew_for_each_request() {
    let file = tempfile::NamedTempFile::new().unwrap();
    let path = file.path().to_str().unwrap();
    std::fs::write(path, "first\n").unwrap();
    let env = [(settings::TOKEN_FILE, path)];
    let (_, seen) = asked(&[(200, "{}")], &env, || {
        std::fs::write(path, "second").unwrap()
    });
    assert_eq!(
        (seen[0].2.as_str(), seen[1].2.as_str()),
        ("Bearer first", "Bearer second")
    );
    let (got, seen) = asked(&[(200, "{}")], &env, || std::fs::remove_file(path).unwrap());
    assert!(
        matches!(got[1], Err(BackendError::NotConfigured(_))),
        "{:?}",
        got[1]
    );
    assert_eq!(seen.len(), 1, "nothing is sent without the token");
}

#[test]
fn what_passes_is_tried_again_and_what_does_not_is_not() {
    let (got, seen) = asked(&[(503, ""), (429, ""), (200, "{}")], &[], || {});
    assert_eq!((&got[0], seen.len()), (&Ok(json!({})), 4));
    for status in [400, 401, 403, 404, 500] {
        let (got, seen) = asked(&[(status, "<html>no</html>")], &[], || {});
        assert!(got[0].is_err());
        assert_eq!(seen.len(), 2, "{status}");
    }
}

#[test]
fn redirects_are_not_followed_and_long_answers_not_read() {
    let token = [(settings::TOKEN, "s3cret")];
    let (got, seen) = asked(&[(302, "")], &token, || {});
    assert_eq!(got[0], Err(BackendError::Refused("status 302".to_owned())));
    assert_eq!(seen.len(), 2);
    let (got, _) = asked(&[(200, "endless")], &[], || {});
    assert!(
        matches!(got[0], Err(BackendError::TooLarge(_))),
        "{:?}",
        got[0]
    );
    let (got, _) = asked(&[(200, "not json")], &[], || {});
    assert!(matches!(got[0], Err(BackendError::Unreadable(_))));
}
