//! Where a redirect leads and with which request: the rules of browsers, without
//! sending secrets to another origin. The walker decides whether a hop is allowed.

use crate::engine::http::request::{Endpoint, Request, RequestParts};
use dlt_core::safety::{is_secret, spans};
use url::Url;

/// Headers that describe a body; dropped with the body.
const BODY_HEADERS: [&str; 5] = [
    "content-type",
    "content-length",
    "content-encoding",
    "content-language",
    "content-location",
];
/// Headers that are not sent to another origin, beside those whose names say that they are secret.
/// A Referer may have a secret in its address.
const SAME_ORIGIN_HEADERS: [&str; 5] = [
    "authorization",
    "proxy-authorization",
    "cookie",
    "host",
    "referer",
];

/// The request of the next hop.
#[derive(Debug)]
pub(crate) struct Hop {
    pub(crate) endpoint: Endpoint,
    pub(crate) request: Request,
    pub(crate) url: Url,
    pub(crate) method: String,
    pub(crate) headers: Vec<(String, String)>,
    /// Whether the original body is sent again.
    pub(crate) with_body: bool,
}

/// The next hop after `status` with `location`, or why there is none.
pub(crate) fn follow(from: &RequestParts<'_>, status: u16, location: &[u8]) -> Result<Hop, String> {
    let text = std::str::from_utf8(location)
        .map_err(|_| "it redirects to a Location that is not text".to_owned())?;
    let url = from
        .url
        .join(text)
        .map_err(|error| format!("it redirects to a Location that is no URL ({error})"))?;
    let endpoint = Endpoint::of(&url)
        .map_err(|_| format!("it redirects to a Location of scheme {}", url.scheme()))?;
    let becomes_get = match status {
        303 => from.method != "HEAD",
        301 | 302 => from.method == "POST",
        _ => false,
    };
    let method = if becomes_get { "GET" } else { from.method };
    let same_origin = Endpoint::of(from.url).is_ok_and(|before| before == endpoint);
    let is_dropped = |name: &str| {
        let is = |list: &[&str]| list.iter().any(|entry| name.eq_ignore_ascii_case(entry));
        let stays = is(&SAME_ORIGIN_HEADERS) || is_secret(name);
        (becomes_get && is(&BODY_HEADERS)) || (!same_origin && stays)
    };
    let body = from.body.filter(|_| !becomes_get);
    if !same_origin && body.is_some_and(|body| holds_secrets(body)) {
        return Err(format!(
            "it redirects the request's body, which holds secrets, to another origin ({})",
            url.origin().ascii_serialization()
        ));
    }
    let headers: Vec<_> = from
        .headers
        .iter()
        .filter(|header| !is_dropped(&header.0))
        .cloned()
        .collect();
    let mut url = url;
    if same_origin && url.username().is_empty() && url.password().is_none() {
        // The user of the URL stays within the origin, also if the Location is
        // absolute. Neither call fails on an http URL.
        let _ = url.set_username(from.url.username());
        let _ = url.set_password(from.url.password());
    }
    let request = Request::build(&RequestParts {
        method,
        url: &url,
        target: None,
        headers: &headers,
        body,
        keepalive: from.keepalive,
        routes: from.routes,
    })?;
    Ok(Hop {
        endpoint,
        request,
        method: method.to_owned(),
        // A body that was dropped on an earlier hop is not sent again.
        with_body: !becomes_get && from.body.is_some(),
        url,
        headers,
    })
}

/// Whether a body has a member or field whose name says that it is secret.
fn holds_secrets(body: &[u8]) -> bool {
    std::str::from_utf8(body).is_ok_and(|text| !spans(text).is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;
    use dlt_core::routing::Routes;

    fn hop(method: &str, url: &str, status: u16, location: &str) -> Result<String, String> {
        with_body(method, url, status, location, "body")
    }

    fn with_body(
        method: &str,
        url: &str,
        status: u16,
        location: &str,
        body: &str,
    ) -> Result<String, String> {
        let url = Url::parse(url).unwrap();
        let headers: Vec<(String, String)> = [
            ("Authorization", "x"),
            ("Cookie", "y"),
            ("Content-Type", "t"),
            ("X-Api-Key", "k"),
            ("X-Auth-Token", "k"),
            ("Referer", "http://a/?token=k"),
            ("Accept", "z"),
        ]
        .map(|(name, value)| (name.to_owned(), value.to_owned()))
        .into();
        let body: std::sync::Arc<[u8]> = body.as_bytes().into();
        let parts = RequestParts {
            method,
            url: &url,
            target: None,
            headers: &headers,
            body: (method == "POST").then_some(&body),
            keepalive: true,
            routes: &Routes::default(),
        };
        follow(&parts, status, location.as_bytes())
            .map(|hop| String::from_utf8(hop.request.bytes.to_vec()).unwrap())
    }

    #[test]
    fn methods_and_bodies_follow_the_rules() {
        for (status, expected) in [
            (301, "GET "),
            (302, "GET "),
            (303, "GET "),
            (307, "POST "),
            (308, "POST "),
        ] {
            let text = hop("POST", "http://a/x/y", status, "../z?q").unwrap();
            assert!(
                text.starts_with(&format!("{expected}/z?q HTTP/1.1\r\n")),
                "{text}"
            );
            let with_body = expected == "POST ";
            assert_eq!(text.ends_with("body"), with_body);
            assert_eq!(text.contains("Content-Type: t"), with_body);
            assert!(text.contains("Authorization: x") && text.contains("Cookie: y"));
        }
        assert!(
            hop("PUT", "http://a/", 302, "/b")
                .unwrap()
                .starts_with("PUT ")
        );
        assert!(
            hop("HEAD", "http://a/", 303, "/b")
                .unwrap()
                .starts_with("HEAD ")
        );
    }

    #[test]
    fn other_origins_get_no_secrets() {
        for location in ["http://b/", "https://a/", "http://a:81/", "//b/"] {
            let text = hop("GET", "http://me:pw@a/", 302, location).unwrap();
            assert!(
                !text.contains("Authorization") && !text.contains("Cookie"),
                "{text}"
            );
            assert!(!text.contains(": k") && !text.contains("token"), "{text}");
            assert!(text.contains("Accept: z"));
        }
        let same = hop("GET", "http://a/", 302, "/b").unwrap();
        assert!(same.contains("X-Api-Key: k") && same.contains("Referer: "));
    }

    /// By 307 and 308 a body goes where the redirect leads.
    #[test]
    fn a_body_with_secrets_stays_with_its_origin() {
        for (body, is_secret) in [
            ("user=a&password=pw", true),
            ("{\"user\":\"a\",\"api_key\":\"k\"}", true),
            ("user=a&page=2", false),
            ("just text", false),
        ] {
            for status in [307, 308] {
                let to = |location: &str| with_body("POST", "http://a/", status, location, body);
                assert_eq!(to("http://b/").is_err(), is_secret, "{body}");
                assert!(to("/elsewhere").is_ok());
            }
            assert!(with_body("POST", "http://a/", 303, "http://b/", body).is_ok());
        }
    }

    #[test]
    fn a_location_that_cannot_be_followed_is_an_error() {
        for location in ["ftp://a/", "javascript:alert(1)", "http://[", "mailto:x"] {
            assert!(
                hop("GET", "http://a/", 302, location).is_err(),
                "{location}"
            );
        }
    }
}
