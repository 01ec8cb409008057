//! Messages over HTTP that are not JSON, or no JSON-RPC: answered as JSON-RPC 2.0 says (5.1), with the
//! codes -32700 and -32600 and no id, and with status 400. The library would answer them by a text with
//! another status. On stdin it leaves out what is no message; that stays so.

use axum::body::{Body, Bytes};
use axum::extract::Request;
use axum::http::header::CONTENT_TYPE;
use axum::http::{HeaderMap, HeaderValue, Method, StatusCode};
use axum::middleware::Next;
use axum::response::{IntoResponse as _, Response};
use serde::de::IgnoredAny;
use serde_json::{Value, json};

/// Longest message, bytes: arguments are short.
pub(super) const LONGEST_REQUEST_BYTES: usize = 256 * 1024;

/// The answer to a message that is not JSON; None if it is.
pub(super) fn parse_error(message: &[u8]) -> Option<Value> {
    let text = match std::str::from_utf8(message) {
        Err(error) => format!("the message is not JSON: {error}"),
        Ok(text) if text.trim().is_empty() => {
            "the message is empty; send one JSON-RPC message".to_owned()
        }
        Ok(text) => {
            let error = serde_json::from_str::<IgnoredAny>(text).err()?;
            format!("the message is not JSON: {error}")
        }
    };
    Some(answer(-32_700, &text))
}

/// The answer to a message that is JSON, but no JSON-RPC.
fn invalid_request(message: &[u8]) -> Value {
    let is_batch = message.trim_ascii_start().starts_with(b"[");
    answer(
        -32_600,
        match is_batch {
            true => "batches are not taken; send one message at a time",
            false => "the message is no JSON-RPC 2.0 request or notification",
        },
    )
}

fn answer(code: i32, message: &str) -> Value {
    json!({ "jsonrpc": "2.0", "id": null, "error": { "code": code, "message": message } })
}

fn is_json(headers: &HeaderMap) -> bool {
    let kind = headers.get(CONTENT_TYPE);
    let kind = kind.and_then(|kind| kind.to_str().ok()).unwrap_or_default();
    let kind = kind.split_once(';').map_or(kind, |parts| parts.0);
    kind.trim().eq_ignore_ascii_case("application/json")
}

/// The middleware. Whatever is wrong with a request beside its body is left to the service.
pub(super) async fn check(request: Request, next: Next) -> Response {
    if request.method() != Method::POST || !is_json(request.headers()) {
        return next.run(request).await;
    }
    let (parts, body) = request.into_parts();
    let message = match axum::body::to_bytes(body, LONGEST_REQUEST_BYTES).await {
        Ok(message) => message,
        Err(error) => return unread(&error),
    };
    let copy = message.clone();
    let answered = next
        .run(Request::from_parts(parts, Body::from(message)))
        .await;
    // The service looks at the headers first, and at the message last.
    match answered.status() {
        StatusCode::UNSUPPORTED_MEDIA_TYPE => bad_request(&copy),
        _ => answered,
    }
}

fn bad_request(message: &Bytes) -> Response {
    let value = parse_error(message).unwrap_or_else(|| invalid_request(message));
    let mut response = (StatusCode::BAD_REQUEST, value.to_string()).into_response();
    let json = HeaderValue::from_static("application/json");
    response.headers_mut().insert(CONTENT_TYPE, json);
    response
}

/// The answer to a body that is too long, or did not arrive.
fn unread(error: &axum::Error) -> Response {
    let mut cause: Option<&(dyn std::error::Error + 'static)> = Some(error);
    while let Some(error) = cause {
        if error.is::<http_body_util::LengthLimitError>() {
            let text = format!("the message is longer than {LONGEST_REQUEST_BYTES} bytes");
            return (StatusCode::PAYLOAD_TOO_LARGE, text).into_response();
        }
        cause = error.source();
    }
    (StatusCode::BAD_REQUEST, "the message did not arrive").into_response()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_no_json_is_told_with_its_place() {
        for bad in [
            &b"{"[..],
            b"",
            b" \r\n",
            b"{\"a\":}",
            b"{} {}",
            b"{\"a\":\"\xff\"}",
            b"nul",
            b"\xef\xbb\xbf{}",
            "[".repeat(300).as_bytes(),
        ] {
            let answer = parse_error(bad).expect("an error");
            assert_eq!(answer["error"]["code"], -32_700, "{bad:?}");
            assert_eq!(answer["id"], Value::Null);
            assert!(answer["error"]["message"].as_str().unwrap().len() < 200);
        }
        for good in ["{}", "[]", " null ", r#"{"jsonrpc":"2.0","method":"x"}"#] {
            assert_eq!(parse_error(good.as_bytes()), None, "{good}");
        }
    }
}
