//! A request's head as HTTP/2 sends it, made from the same bytes as HTTP/1.1 sends: what
//! makes requests knows nothing of versions. RFC 9113, 8.2 and 8.3: names in lower case,
//! `Host` as `:authority`, no headers of the connection.

use crate::engine::http::request::Request;
use bytes::Bytes;
use http::header::{HeaderMap, HeaderName, HeaderValue};
use http::uri::{Authority, PathAndQuery, Scheme};
use http::{Method, Uri};
use std::borrow::Cow;
use std::sync::Arc;

/// Headers of a connection, which HTTP/2 does not have (RFC 9113, 8.2.2).
const OF_CONNECTION: [&[u8]; 6] = [
    b"connection",
    b"keep-alive",
    b"proxy-connection",
    b"transfer-encoding",
    b"upgrade",
    b"http2-settings",
];

/// A request, ready to be sent in HTTP/2.
#[derive(Debug, Clone)]
pub(crate) struct H2Head {
    method: Method,
    uri: Uri,
    headers: HeaderMap,
    body: Bytes,
    /// Whether its target is percent-encoded where the written one is not.
    is_encoded: bool,
}

/// A large body, as the crate `bytes` shares it.
struct SharedBody(Arc<[u8]>);

impl AsRef<[u8]> for SharedBody {
    fn as_ref(&self) -> &[u8] {
        &self.0
    }
}

/// The lines of a head behind its first one, as name and value.
fn lines(head: &[u8]) -> impl Iterator<Item = (&[u8], &[u8])> {
    let lines = head.split(|byte| *byte == b'\n').skip(1);
    lines.map(<[u8]>::trim_ascii_end).filter_map(|line| {
        let colon = line.iter().position(|byte| *byte == b':')?;
        Some((&line[..colon], line[colon + 1..].trim_ascii_start()))
    })
}

fn is_of_connection(name: &[u8], value: &[u8]) -> bool {
    OF_CONNECTION
        .iter()
        .any(|other| name.eq_ignore_ascii_case(other))
        || (name.eq_ignore_ascii_case(b"te") && !value.eq_ignore_ascii_case(b"trailers"))
}

impl H2Head {
    /// That of a request, or why HTTP/2 cannot send it.
    pub(super) fn of(request: &Request, https: bool) -> Result<Self, String> {
        let head = request.head();
        let mut words = head.split(|byte| matches!(byte, b' ' | b'\r'));
        let method = words.next().unwrap_or_default();
        let target = words.next().unwrap_or_default();
        let method = Method::from_bytes(method).map_err(|_| "its method is not a word")?;
        let written = PathAndQuery::try_from(target);
        let is_encoded = written.is_err();
        let path = written
            .or_else(|_| PathAndQuery::try_from(encoded(target)))
            .map_err(|_| "its path has characters that must be percent-encoded")?;
        let mut authority = None;
        let mut headers = HeaderMap::new();
        for (name, value) in lines(head) {
            if name.eq_ignore_ascii_case(b"host") {
                let host = Authority::from_maybe_shared(Bytes::copy_from_slice(value));
                authority = Some(host.map_err(|_| "its header Host is no host and port")?);
            } else if !is_of_connection(name, value) {
                let name = HeaderName::from_bytes(name).map_err(|_| "a name of a header")?;
                let value = HeaderValue::from_bytes(value).map_err(|_| "a value of a header")?;
                headers.append(name, value);
            }
        }
        let scheme = if https { Scheme::HTTPS } else { Scheme::HTTP };
        let mut parts = http::uri::Parts::default();
        parts.scheme = Some(scheme);
        parts.authority = authority;
        parts.path_and_query = Some(path);
        let uri = Uri::from_parts(parts).map_err(|_| "it has no header Host")?;
        Ok(Self {
            method,
            uri,
            headers,
            body: body(request),
            is_encoded,
        })
    }

    /// Whether its target is percent-encoded where the written one is not.
    pub(super) fn is_encoded(&self) -> bool {
        self.is_encoded
    }

    pub(super) fn body(&self) -> &Bytes {
        &self.body
    }

    /// The request for one stream.
    #[inline]
    pub(super) fn request(&self) -> http::Request<()> {
        let mut request = http::Request::new(());
        *request.method_mut() = self.method.clone();
        *request.uri_mut() = self.uri.clone();
        *request.headers_mut() = self.headers.clone();
        *request.version_mut() = http::Version::HTTP_2;
        request
    }
}

/// A target with what the crate refuses in one, and no URI holds (RFC 3986, 2), as `%3C`: `:path` takes
/// nothing else (RFC 9113, 8.3.1).
#[cold]
fn encoded(target: &[u8]) -> Vec<u8> {
    let mut written = Vec::with_capacity(target.len() + 16);
    for byte in target {
        match byte {
            b'"' | b'<' | b'>' | b'`' | ..=b' ' | 0x7f.. => {
                written.extend_from_slice(format!("%{byte:02X}").as_bytes());
            }
            byte => written.push(*byte),
        }
    }
    written
}

fn body(request: &Request) -> Bytes {
    match &request.tail {
        Some(tail) => Bytes::from_owner(SharedBody(tail.clone())),
        None => Bytes::copy_from_slice(request.rest(request.head_bytes)),
    }
}

/// A request's head for people, as it was sent in HTTP/2.
#[cold]
pub(crate) fn shown_head(head: &[u8]) -> Cow<'_, [u8]> {
    let first = head.split(|byte| *byte == b'\r').next().unwrap_or_default();
    let mut words = first.split(|byte| *byte == b' ');
    let (method, target) = (words.next(), words.next());
    let (method, target) = (method.unwrap_or_default(), target.unwrap_or_default());
    let target = match PathAndQuery::try_from(target) {
        Ok(_) => Cow::Borrowed(target),
        Err(_) => Cow::Owned(encoded(target)),
    };
    let mut shown = [method, b" ", &target, b" HTTP/2\r\n"].concat();
    let is_host = |name: &[u8]| name.eq_ignore_ascii_case(b"host");
    if let Some((_, value)) = lines(head).find(|line| is_host(line.0)) {
        shown.extend([b":authority: ", value, b"\r\n"].concat());
    }
    for (name, value) in lines(head) {
        if !is_host(name) && !is_of_connection(name, value) {
            shown.extend([&name.to_ascii_lowercase(), b": ".as_slice(), value, b"\r\n"].concat());
        }
    }
    shown.extend_from_slice(b"\r\n");
    shown.into()
}
