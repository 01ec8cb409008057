//! Checks of a request's headers before its token is read: Host, Origin, sizes. They
//! keep out other web pages and DNS rebinding.

use axum::http::header::{CONTENT_LENGTH, HOST, ORIGIN};
use axum::http::uri::Authority;
use axum::http::{HeaderMap, HeaderValue, StatusCode};
use dlt_core::safety::is_loopback;
use url::Url;

/// Longest headers, names and values together, bytes.
const LONGEST_HEADERS_BYTES: usize = 32 * 1024;

/// Status and reason of a refusal.
pub(super) type Refused = (StatusCode, &'static str);

/// Whether a name is a loopback name or one of the settings' hosts.
fn is_own_host(name: &str, hosts: &[String]) -> bool {
    is_loopback(name) || hosts.iter().any(|host| host.eq_ignore_ascii_case(name))
}

/// Checks the headers; without `longest_body`, the router behind limits bodies.
pub(super) fn check_headers(
    headers: &HeaderMap,
    hosts: &[String],
    longest_body: Option<u64>,
) -> Result<(), Refused> {
    let text = |value: &HeaderValue| value.to_str().map(str::to_owned).unwrap_or_default();
    let size: usize = headers
        .iter()
        .map(|(name, value)| name.as_str().len() + value.len())
        .sum();
    if size > LONGEST_HEADERS_BYTES {
        let status = StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE;
        return Err((status, "the headers are too long"));
    }
    let named: Vec<String> = headers.get_all(HOST).iter().map(text).collect();
    let [host] = named.as_slice() else {
        return Err((StatusCode::BAD_REQUEST, "exactly one Host header is needed"));
    };
    let authority: Option<Authority> = host.parse().ok();
    // `user@host` parses as an authority, but is no valid Host.
    let is_own = authority.is_some_and(|it| !host.contains('@') && is_own_host(it.host(), hosts));
    if !is_own {
        return Err((
            StatusCode::FORBIDDEN,
            "this server is not known by that name",
        ));
    }
    for origin in headers.get_all(ORIGIN).iter().map(text) {
        if !is_own_origin(&origin, hosts) {
            let why = "pages of other origins may not call this server";
            return Err((StatusCode::FORBIDDEN, why));
        }
    }
    let length = headers.get(CONTENT_LENGTH);
    let length = length.and_then(|value| value.to_str().ok()?.parse::<u64>().ok());
    match (length, longest_body) {
        (Some(length), Some(longest)) if length > longest => {
            Err((StatusCode::PAYLOAD_TOO_LARGE, "the body is too long"))
        }
        _ => Ok(()),
    }
}

/// Whether an origin is loopback over http, or one of the settings' hosts over https.
fn is_own_origin(origin: &str, hosts: &[String]) -> bool {
    let Ok(url) = Url::parse(origin) else {
        return false;
    };
    let name = url.host_str().unwrap_or_default();
    let is_origin = url.origin().ascii_serialization() == origin.to_ascii_lowercase();
    is_origin
        && match url.scheme() {
            "http" => is_loopback(name),
            "https" => hosts.iter().any(|host| host.eq_ignore_ascii_case(name)),
            _ => false,
        }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn status(rows: &[(&'static str, &str)]) -> u16 {
        let mut headers = HeaderMap::new();
        for (name, value) in rows {
            headers.append(*name, HeaderValue::from_str(value).unwrap());
        }
        let hosts = ["load.example".to_owned()];
        match check_headers(&headers, &hosts, Some(1_000)) {
            Ok(()) => 200,
            Err((status, _)) => status.as_u16(),
        }
    }

    #[test]
    fn only_own_hosts_and_origins_are_admitted() {
        let host = |name| status(&[("host", name)]);
        for good in [
            "localhost",
            "127.0.0.1:7",
            "[::1]:7",
            "load.example",
            "LOAD.example:443",
        ] {
            assert_eq!(host(good), 200, "{good}");
        }
        for bad in [
            "evil.example",
            "load.example.evil.example",
            "a@load.example",
            "",
            "a b",
            "0.0.0.0",
        ] {
            assert_eq!(host(bad), 403, "{bad}");
        }
        assert_eq!(status(&[]), 400);
        assert_eq!(status(&[("host", "localhost"), ("host", "localhost")]), 400);
        let page = |origin| status(&[("host", "load.example"), ("origin", origin)]);
        for good in [
            "https://load.example",
            "http://localhost:3000",
            "http://[::1]:1",
        ] {
            assert_eq!(page(good), 200, "{good}");
        }
        for bad in [
            "null",
            "http://load.example",
            "https://evil.example",
            "https://load.example/x",
            "https://localhost",
        ] {
            assert_eq!(page(bad), 403, "{bad}");
        }
    }

    #[test]
    fn sizes_are_limited() {
        let sized = |length| status(&[("host", "localhost"), ("content-length", length)]);
        assert_eq!((sized("1000"), sized("1001")), (200, 413));
        let long = "a".repeat(LONGEST_HEADERS_BYTES);
        assert_eq!(status(&[("host", "localhost"), ("x-long", &long)]), 431);
    }
}
