//! Stands before any router: door, rate, token, in this order, and only then
//! what is behind. Whatever is not clearly allowed is refused. The token goes
//! no further.

use super::rate::Asker;
use super::{Denial, Guard, Principal, challenge, door};
use crate::http::LONGEST_REQUEST_BYTES;
use axum::Router;
use axum::body::Body;
use axum::extract::{ConnectInfo, Request, State};
use axum::http::header::{AUTHORIZATION, CONTENT_TYPE};
use axum::http::{HeaderMap, Method};
use axum::middleware::{Next, from_fn_with_state};
use axum::response::Response;
use futures_util::StreamExt as _;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

/// Whose clients are refused, so that they can read it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Manner {
    /// Clients of the REST API: as API Gateway refuses.
    Api,
    /// Clients of MCP: as OAuth's resource servers do.
    Mcp,
}

#[derive(Clone)]
struct Door {
    guard: Arc<Guard>,
    manner: Manner,
}

/// The router, for those whom the guard lets in. Addresses are told apart if
/// it is served with `ConnectInfo<SocketAddr>`.
pub fn protect(router: Router, guard: &Arc<Guard>, manner: Manner) -> Router {
    let door = Door {
        guard: Arc::clone(guard),
        manner,
    };
    router.layer(from_fn_with_state(door, check))
}

async fn check(State(door): State<Door>, mut request: Request, next: Next) -> Response {
    let (guard, manner) = (&door.guard, door.manner);
    let settings = &guard.settings;
    // The API knows itself which of its bodies may be long.
    let longest = (manner == Manner::Mcp).then_some(LONGEST_REQUEST_BYTES as u64);
    if let Err((status, why)) = door::admitted(request.headers(), &settings.hosts, longest) {
        return challenge::refusal(manner, status, "invalid_request", why);
    }
    let address = request.extensions().get::<ConnectInfo<SocketAddr>>();
    let asker = address.map_or(Asker::Others, |info| Asker::Address(info.0.ip()));
    if !guard.rates.take(asker, Instant::now()) {
        return challenge::too_many(manner);
    }
    // Browsers ask without a token whether they may send one; the answer is
    // the same for everybody.
    if manner == Manner::Api && request.method() == Method::OPTIONS {
        return next.run(request).await;
    }
    let principal = match bearer(request.uri().query(), request.headers()) {
        Ok(token) => guard.principal(token).await,
        Err(denial) => Err(denial),
    };
    let principal: Principal = match principal {
        Ok(principal) => principal,
        Err(denial) => return challenge::denied(manner, denial, settings),
    };
    // MCP can only read, whatever its method.
    let reads = manner == Manner::Mcp || matches!(*request.method(), Method::GET | Method::HEAD);
    if !reads && !principal.writes {
        return challenge::denied(manner, Denial::ReadOnly, settings);
    }
    let asker = Asker::Principal(principal.client.clone(), principal.subject.clone());
    if !guard.rates.take(asker, Instant::now()) {
        return challenge::too_many(manner);
    }
    let left = principal.until.saturating_sub((guard.now)());
    request.headers_mut().remove(AUTHORIZATION);
    let response = next.run(request).await;
    ending(response, Duration::from_secs(left.max(0).cast_unsigned()))
}

/// A response that does not outlive the token: live events go on for as long as
/// somebody listens, and end here when the time is up. Other bodies have an end.
fn ending(response: Response, left: Duration) -> Response {
    let kind = response.headers().get(CONTENT_TYPE);
    if !kind.is_some_and(|kind| kind.as_bytes().starts_with(b"text/event-stream")) {
        return response;
    }
    let (parts, body) = response.into_parts();
    let events = body.into_data_stream();
    let until = Box::pin(tokio::time::sleep(left));
    Response::from_parts(parts, Body::from_stream(events.take_until(until)))
}

/// The one bearer token, from the one place where it may stand: whatever is in
/// a query is in somebody's log.
fn bearer<'a>(query: Option<&str>, headers: &'a HeaderMap) -> Result<&'a str, Denial> {
    let query = query.unwrap_or_default().as_bytes();
    let mut names = url::form_urlencoded::parse(query).map(|pair| pair.0);
    if names.any(|name| name.eq_ignore_ascii_case("access_token")) {
        return Err(Denial::Malformed("a token must not stand in the query"));
    }
    let mut sent = headers.get_all(AUTHORIZATION).iter();
    let value = match (sent.next(), sent.next()) {
        (None, _) => return Err(Denial::NoToken),
        (Some(value), None) => value,
        (Some(_), Some(_)) => {
            return Err(Denial::Malformed("more than one Authorization header"));
        }
    };
    let no_token = Denial::Malformed("the Authorization header holds no bearer token");
    let text = value.to_str().map_err(|_| no_token)?.trim();
    let (scheme, token) = text.split_once(' ').unwrap_or((text, ""));
    if !scheme.eq_ignore_ascii_case("bearer") {
        return Err(Denial::NoToken);
    }
    let token = token.trim();
    // RFC 6750, 2.1: what a token is made of.
    let letter = |b: u8| b.is_ascii_alphanumeric() || b"-._~+/=".contains(&b);
    match !token.is_empty() && token.bytes().all(letter) {
        true => Ok(token),
        false => Err(no_token),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use axum::http::HeaderValue;

    #[test]
    fn there_is_one_place_for_one_token() {
        let of = |query: Option<&str>, values: &[&'static str]| {
            let mut headers = HeaderMap::new();
            for value in values {
                headers.append(AUTHORIZATION, HeaderValue::from_static(value));
            }
            bearer(query, &headers).map(str::to_owned)
        };
        assert_eq!(of(None, &["Bearer a.b-_c"]), Ok("a.b-_c".to_owned()));
        assert_eq!(of(Some("a=b"), &["bearer  x"]), Ok("x".to_owned()));
        assert_eq!(of(None, &[]), Err(Denial::NoToken));
        assert_eq!(of(None, &["Basic eDp5"]), Err(Denial::NoToken));
        for bad in [
            of(None, &["Bearer a", "Bearer a"]),
            of(None, &["Bearer a, Bearer b"]),
            of(None, &["Bearer a,b"]),
            of(None, &["Bearer"]),
            of(Some("access_token=a"), &[]),
            of(Some("x=1&%61ccess_token=a"), &["Bearer a"]),
        ] {
            assert!(matches!(bad, Err(Denial::Malformed(_))), "{bad:?}");
        }
    }
}
