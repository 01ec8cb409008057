//! What becomes part of a request: cookies that answers set, places that they redirect to, and texts
//! with variables.

use crate::engine::check::cookies::CookieJar;
use crate::engine::fuzz::input::Input;
use crate::engine::http::redirect::follow;
use crate::engine::http::request::{Request, RequestParts};
use crate::engine::make::session::Session;
use crate::engine::make::template::Template;
use crate::engine::make::variable_names::VariableNames;
use dlt_core::routing::Routes;
use dlt_core::scenario::requests::variables::{Piece, pieces};
use std::sync::Arc;
use url::Url;

const URLS: [&str; 5] = [
    "http://www.example.com/a/b?c",
    "https://example.com/",
    "http://127.0.0.1:8080/x",
    "http://localhost/",
    "https://user:pass@other.test:8443/a",
];

fn url(index: usize) -> Url {
    Url::parse(URLS[index]).expect("a URL")
}

fn is_line(text: &[u8]) -> bool {
    !text.iter().any(|byte| matches!(byte, b'\r' | b'\n' | 0))
}

/// Lines of Set-Cookie from several hosts, and what is sent to them.
pub(super) fn cookies(data: &[u8]) {
    let mut input = Input(data);
    let mut jar = CookieJar::default();
    let mut now_us = 0;
    while !input.0.is_empty() {
        let from = input.below(URLS.len());
        now_us += u64::from(input.byte()) * 1_000_000;
        let line = input.line();
        let before: Vec<_> = (0..URLS.len())
            .map(|at| jar.header(&url(at), now_us))
            .collect();
        jar.store(&url(from), &[line.into()], now_us);
        for (at, before) in before.into_iter().enumerate() {
            let header = jar.header(&url(at), now_us);
            let text = header.as_deref().unwrap_or_default();
            assert!(text.len() <= 16 * 1024 && is_line(text));
            // None of a host reaches another registered name, or is taken from it.
            let apart = |at: usize| match at {
                0 | 1 => 0,
                at => at,
            };
            assert!(
                apart(at) == apart(from) || header == before,
                "from {from} to {at}"
            );
        }
    }
}

/// Any Location: a request that a server can read, or a reason.
pub(super) fn redirects(data: &[u8]) {
    let mut input = Input(data);
    let from = url(input.below(URLS.len()));
    let method = ["GET", "POST", "HEAD", "PUT"][input.below(4)];
    let status = [301, 302, 303, 307, 308][input.below(5)];
    let body: Arc<[u8]> = [&b"a=b"[..], b"password=x"][input.below(2)].into();
    let headers = [
        ("Authorization", "s3cret"),
        ("Content-Type", "x/y"),
        ("X-Plain", "1"),
    ];
    let headers = headers.map(|(name, value)| (name.to_owned(), value.to_owned()));
    let parts = RequestParts {
        method,
        url: &from,
        target: None,
        headers: &headers,
        body: Some(&body).filter(|_| matches!(method, "POST" | "PUT")),
        keepalive: true,
        routes: &Routes::default(),
    };
    let Ok(hop) = follow(&parts, status, input.0) else {
        return;
    };
    let head = hop.request.head();
    let mut fields = [httparse::EMPTY_HEADER; 16];
    let mut read = httparse::Request::new(&mut fields);
    assert_eq!(read.parse(head), Ok(httparse::Status::Complete(head.len())));
    assert_eq!(read.method, Some(hop.method.as_str()));
    assert!(read.path.is_some_and(|path| path.starts_with('/')));
    let has = |name: &str| read.headers.iter().any(|header| header.name == name);
    assert!(has("Host") && has("X-Plain"));
    let same = from.origin() == hop.url.origin();
    let own = read.headers.iter().find(|header| header.value == b"s3cret");
    assert_eq!(own.is_some(), same, "to {}", hop.url);
    // And its next hop may be the same again.
    let again = RequestParts {
        url: &hop.url,
        headers: &hop.headers,
        method: &hop.method,
        ..parts
    };
    assert!(Request::build(&again).is_ok());
}

/// Any text with variables and functions.
pub(super) fn templates(data: &[u8]) {
    let text = String::from_utf8_lossy(data);
    let mut whole = String::new();
    for piece in pieces(&text) {
        match piece {
            Piece::Text(text) | Piece::Open(text) => whole.push_str(text),
            Piece::Variable(name) => whole.extend(["${", name, "}"]),
        }
    }
    assert_eq!(whole, text);
    let names = VariableNames::default();
    let Ok(template) = Template::compile(&text, &names) else {
        return;
    };
    let own = names.session(|| 7);
    let session = own.as_deref();
    let empty = Session::default();
    let session = session.unwrap_or(&empty);
    let filled = template
        .fill(session)
        .expect("no variable is without a value");
    if let Some(fixed) = template.fixed() {
        assert_eq!(filled, fixed);
        assert_eq!(template.bytes(session), fixed.len());
    }
    assert!(template.with_words().len() <= text.len().max(4) * 4);
}
