//! The middleware in front of a router: admission, then the token, then the rate of its holder, or of
//! the address where no token is taken.
//! Whatever is not explicitly allowed is refused. The token is removed from the
//! request before it reaches the router, which is told what the token's holder may do.

use super::challenge::{self, Protocol};
use super::rate_limit::Caller;
use super::{Denial, Guard, admission};
use axum::Router;
use axum::body::Body;
use axum::extract::{ConnectInfo, Request, State};
use axum::http::header::{AUTHORIZATION, CONTENT_TYPE};
use axum::http::{HeaderMap, Method, Uri};
use axum::middleware::{Next, from_fn_with_state};
use axum::response::Response;
use dlt_core::calls::{Caller as MayDo, Holder};
use futures_util::StreamExt as _;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

/// Whether a request needs no token, because what it reads is public.
pub type IsPublic = fn(&Method, &Uri) -> bool;

#[derive(Clone)]
struct Checks {
    guard: Arc<Guard>,
    protocol: Protocol,
    is_public: IsPublic,
    longest_body: Option<u64>,
}

/// The router behind the guard's checks, of which public requests pass all but that of the
/// token. Without `longest_body` (bytes), the router
/// limits bodies itself. Rate limits by address need a service with
/// `ConnectInfo<SocketAddr>`.
pub fn protect(
    router: Router,
    guard: &Arc<Guard>,
    protocol: Protocol,
    is_public: IsPublic,
    longest_body: Option<u64>,
) -> Router {
    let checks = Checks {
        guard: Arc::clone(guard),
        protocol,
        is_public,
        longest_body,
    };
    router.layer(from_fn_with_state(checks, check))
}

/// The middleware of a router that serves this machine only, without tokens: what a page of another
/// origin sends, or whoever reached this server by another name, is refused before it is counted.
pub(crate) async fn only_this_machine(request: Request, next: Next) -> Response {
    match admission::check_headers(request.headers(), &[], None) {
        Ok(()) => next.run(request).await,
        Err((status, why)) => challenge::refusal(Protocol::Mcp, status, "invalid_request", why),
    }
}

async fn check(State(checks): State<Checks>, mut request: Request, next: Next) -> Response {
    let (guard, protocol) = (&checks.guard, checks.protocol);
    let settings = &guard.settings;
    let admitted =
        admission::check_headers(request.headers(), &settings.hosts, checks.longest_body);
    if let Err((status, why)) = admitted {
        return challenge::refusal(protocol, status, "invalid_request", why);
    }
    // Whoever has a token is counted by it, and not with strangers of the same address: that of a proxy
    // in front is everybody's.
    let address = request.extensions().get::<ConnectInfo<SocketAddr>>();
    let stranger = address.map_or(Caller::Others, |info| Caller::Address(info.0.ip()));
    let may_ask = || guard.rates.take(stranger, Instant::now());
    // A browser's preflight request has no token and reveals nothing.
    let is_preflight = protocol == Protocol::Rest && request.method() == Method::OPTIONS;
    if is_preflight || (checks.is_public)(request.method(), request.uri()) {
        if !may_ask() {
            return challenge::too_many_requests(protocol);
        }
        request.headers_mut().remove(AUTHORIZATION);
        return next.run(request).await;
    }
    let principal = match bearer(request.uri().query(), request.headers()) {
        Ok(token) => guard.principal(token).await,
        Err(denial) => Err(denial),
    };
    let principal = match principal {
        Ok(principal) => principal,
        Err(_) if !may_ask() => return challenge::too_many_requests(protocol),
        Err(denial) => return challenge::denied(protocol, denial, settings),
    };
    // Every MCP request is a read, whatever its HTTP method.
    let is_read =
        protocol == Protocol::Mcp || matches!(*request.method(), Method::GET | Method::HEAD);
    if !is_read && !principal.writes {
        return challenge::denied(protocol, Denial::ReadOnly, settings);
    }
    let holder = Holder(format!("{:?} {:?}", principal.client, principal.subject));
    let caller = Caller::Principal {
        client: principal.client,
        subject: principal.subject,
    };
    if !guard.rates.take(caller, Instant::now()) {
        return challenge::too_many_requests(protocol);
    }
    let may_do = match principal.writes {
        true => MayDo::Writer,
        false => MayDo::Reader,
    };
    request.extensions_mut().insert(may_do);
    request.extensions_mut().insert(holder);
    let left = principal.until.saturating_sub(guard.now());
    request.headers_mut().remove(AUTHORIZATION);
    let response = next.run(request).await;
    end_with_token(response, Duration::from_secs(left.max(0).cast_unsigned()))
}

/// Ends an event stream when the token ends; other bodies are finite by themselves.
fn end_with_token(response: Response, left: Duration) -> Response {
    let content_type = response.headers().get(CONTENT_TYPE);
    if !content_type.is_some_and(|kind| kind.as_bytes().starts_with(b"text/event-stream")) {
        return response;
    }
    let (parts, body) = response.into_parts();
    let events = body.into_data_stream();
    let until = Box::pin(tokio::time::sleep(left));
    Response::from_parts(parts, Body::from_stream(events.take_until(until)))
}

/// The bearer token. It is accepted in one Authorization header only: queries end up in
/// logs.
fn bearer<'a>(query: Option<&str>, headers: &'a HeaderMap) -> Result<&'a str, Denial> {
    let query = query.unwrap_or_default().as_bytes();
    let mut names = url::form_urlencoded::parse(query).map(|pair| pair.0);
    if names.any(|name| name.eq_ignore_ascii_case("access_token")) {
        return Err(Denial::Malformed("a token must not be in the query"));
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
    // RFC 6750, 2.1: the characters of a token.
    let in_token = |b: u8| b.is_ascii_alphanumeric() || b"-._~+/=".contains(&b);
    if !token.is_empty() && token.bytes().all(in_token) {
        Ok(token)
    } else {
        Err(no_token)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use axum::http::HeaderValue;

    #[test]
    fn a_token_is_read_from_one_authorization_header_only() {
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
