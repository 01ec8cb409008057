//! The console's files, as a browser gets them from the server of this machine. Which files
//! there are is the caller's; they hold nothing that is not public.

use axum::body::{Body, Bytes};
use axum::http::header::{
    CACHE_CONTROL, CONTENT_SECURITY_POLICY, CONTENT_TYPE, REFERRER_POLICY, X_CONTENT_TYPE_OPTIONS,
};
use axum::http::{HeaderName, HeaderValue, Method};
use axum::response::Response;
use std::borrow::Cow;

/// The file of a path without its first slash, or None. `index.html` is the first page.
pub type Pages = fn(&str) -> Option<Page>;

/// A file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Page {
    /// What it holds.
    pub bytes: Cow<'static, [u8]>,
    /// Its media type.
    pub content_type: Cow<'static, str>,
}

/// Scripts come from files only, and nothing comes from elsewhere. Cloudscape's components
/// write styles into elements.
const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; \
     img-src 'self' data:; font-src 'self' data:; connect-src 'self'; \
     frame-ancestors 'none'; base-uri 'none'; form-action 'none'";
/// Folder of files whose names change with what they hold.
const HASHED: &str = "assets/";

/// The answer to a request for a page; None if it is none.
pub(super) fn page(method: &Method, path: &str, pages: Pages) -> Option<Response> {
    if *method != Method::GET && *method != Method::HEAD {
        return None;
    }
    let name = match path.strip_prefix('/')? {
        "" => "index.html",
        name => name,
    };
    let page = pages(name)?;
    let bytes = match page.bytes {
        Cow::Borrowed(bytes) => Bytes::from_static(bytes),
        Cow::Owned(bytes) => Bytes::from(bytes),
    };
    let mut response = Response::new(Body::from(bytes));
    let headers = response.headers_mut();
    let cached = match name.starts_with(HASHED) {
        true => "public, max-age=31536000, immutable",
        false => "no-cache",
    };
    for (name, value) in [
        (CACHE_CONTROL, cached),
        (CONTENT_SECURITY_POLICY, POLICY),
        (REFERRER_POLICY, "no-referrer"),
        (X_CONTENT_TYPE_OPTIONS, "nosniff"),
        (
            HeaderName::from_static("cross-origin-opener-policy"),
            "same-origin",
        ),
    ] {
        headers.insert(name, HeaderValue::from_static(value));
    }
    if let Ok(kind) = HeaderValue::from_str(&page.content_type) {
        headers.insert(CONTENT_TYPE, kind);
    }
    Some(response)
}

#[cfg(test)]
mod tests {
    use super::*;
    use axum::http::StatusCode;

    fn pages(name: &str) -> Option<Page> {
        let (bytes, kind): (&'static [u8], _) = match name {
            "index.html" => (b"<p>", "text/html"),
            "assets/a-1.js" => (b"1", "text/javascript"),
            _ => return None,
        };
        Some(Page {
            bytes: bytes.into(),
            content_type: kind.into(),
        })
    }

    #[test]
    fn pages_have_a_policy_and_only_hashed_names_are_kept() {
        for (path, kind, cached) in [
            ("/", "text/html", "no-cache"),
            ("/index.html", "text/html", "no-cache"),
            (
                "/assets/a-1.js",
                "text/javascript",
                "public, max-age=31536000, immutable",
            ),
        ] {
            let answer = page(&Method::GET, path, pages).unwrap();
            assert_eq!(answer.status(), StatusCode::OK);
            let header = |name| answer.headers()[name].to_str().unwrap();
            assert_eq!(
                (header("content-type"), header("cache-control")),
                (kind, cached)
            );
            let policy = header("content-security-policy");
            let scripts = policy
                .split("; ")
                .find(|rule| rule.starts_with("script-src"));
            assert_eq!(scripts, Some("script-src 'self'"));
        }
        assert!(page(&Method::GET, "/assets/../index.html", pages).is_none());
        assert!(page(&Method::POST, "/", pages).is_none());
        assert!(page(&Method::GET, "index.html", pages).is_none());
    }
}
