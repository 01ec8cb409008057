//! The bytes of a request. The rules of headers stand here: which are added, which
//! the scenario overrides, which are refused.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use dlt_core::routing::{Proxy, Routes};
use std::sync::Arc;
use url::{Host, Position, Url};

/// Bodies of this size, bytes, and larger ones are shared instead of copied behind
/// their heads: a second write costs less than the copy.
const SHARED_BODY_BYTES: usize = 16 * 1024;

/// Methods whose requests may be repeated: idempotent ones (RFC 9110, 9.2.2).
const REPEATABLE: [&str; 6] = ["GET", "HEAD", "OPTIONS", "TRACE", "PUT", "DELETE"];

/// Value of the User-Agent header.
pub(crate) const USER_AGENT: &str = concat!("dlt/", env!("CARGO_PKG_VERSION"));

/// Where a request goes: what connections are made to.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) struct Endpoint {
    pub(crate) https: bool,
    /// Name or address, without brackets.
    pub(crate) host: String,
    pub(crate) port: u16,
}

impl Endpoint {
    /// The endpoint of an http or https URL.
    pub(crate) fn of(url: &Url) -> Result<Self, String> {
        let https = match url.scheme() {
            "http" => false,
            "https" => true,
            other => return Err(format!("scheme {other:?} is neither http nor https")),
        };
        let host = match url.host() {
            Some(Host::Domain(name)) => name.to_owned(),
            Some(Host::Ipv4(address)) => address.to_string(),
            Some(Host::Ipv6(address)) => address.to_string(),
            None => return Err("the URL has no host".to_owned()),
        };
        let port = url.port_or_known_default().unwrap_or(80);
        Ok(Self { https, host, port })
    }

    /// `host:port`, for messages.
    pub(crate) fn authority(&self) -> String {
        if self.host.contains(':') {
            format!("[{}]:{}", self.host, self.port)
        } else {
            format!("{}:{}", self.host, self.port)
        }
    }
}

/// A request, ready to be sent.
#[derive(Debug, Clone)]
pub(crate) struct Request {
    /// Head and body.
    pub(crate) bytes: Arc<[u8]>,
    /// A large body, sent after `bytes`.
    pub(crate) tail: Option<Arc<[u8]>>,
    pub(crate) head_bytes: usize,
    own: OwnLines,
    pub(crate) to_head: bool,
    /// Whether sending it twice has the same effect (RFC 9110, 9.2.2).
    pub(crate) repeatable: bool,
}

/// Which lines of a head are the scenario's headers, the request line being number 0.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct OwnLines {
    first: usize,
    count: usize,
    /// The last Cookie header among them.
    cookie: Option<usize>,
}

/// What a request is made from.
#[derive(Debug, Clone, Copy)]
pub(crate) struct RequestParts<'a> {
    /// Upper case.
    pub(crate) method: &'a str,
    /// Absolute.
    pub(crate) url: &'a Url,
    /// Path and query as they are sent; None: those of `url`.
    pub(crate) target: Option<&'a str>,
    /// The scenario's headers, names as written.
    pub(crate) headers: &'a [(String, String)],
    pub(crate) body: Option<&'a Arc<[u8]>>,
    /// Whether the connection is to be kept.
    pub(crate) keepalive: bool,
    /// The ways of the group's requests: a proxy of HTTP gets those of http as they are
    /// sent to it.
    pub(crate) routes: &'a Routes,
}

impl RequestParts<'_> {
    /// The proxy that the request itself is sent to.
    fn forwarding_proxy(&self) -> Option<Proxy> {
        if !self.routes.has_proxy() {
            return None;
        }
        let Endpoint { https, host, port } = Endpoint::of(self.url).ok()?;
        let route = self.routes.route(https, &host, port);
        let named = route.proxy.filter(|_| route.is_forwarded)?;
        Some(named.proxy.clone())
    }
}

impl Request {
    /// Builds a request, or says what is wrong with its parts.
    pub(crate) fn build(parts: &RequestParts<'_>) -> Result<Self, String> {
        if !is_token(parts.method) {
            return Err(format!("method {:?} is not a word", parts.method));
        }
        let body_bytes = parts.body.map_or(0, |body| body.len());
        for (name, value) in parts.headers {
            check_header(name, value, body_bytes)?;
        }
        let is_set = |name: &str| {
            parts
                .headers
                .iter()
                .any(|header| header.0.eq_ignore_ascii_case(name))
        };
        let proxy = parts.forwarding_proxy();
        let mut head = request_line(parts, proxy.is_some());
        if !is_set("host") {
            push_header(&mut head, "Host", &host_header(parts.url));
        }
        if !is_set("user-agent") {
            push_header(&mut head, "User-Agent", USER_AGENT);
        }
        if !is_set("authorization")
            && let Some(basic) = basic_authorization(parts.url)
        {
            push_header(&mut head, "Authorization", &basic);
        }
        if let Some(Proxy {
            user: Some((name, password)),
            ..
        }) = &proxy
            && !is_set("proxy-authorization")
        {
            push_header(&mut head, "Proxy-Authorization", &basic(name, password));
        }
        let first = head.matches("\r\n").count();
        for (name, value) in parts.headers {
            push_header(&mut head, name, value);
        }
        let is_cookie = |header: &(String, String)| header.0.eq_ignore_ascii_case("cookie");
        let own = OwnLines {
            first,
            count: parts.headers.len(),
            cookie: parts
                .headers
                .iter()
                .rposition(is_cookie)
                .map(|at| first + at),
        };
        let wants_length = body_bytes > 0 || tells_length(parts.method);
        if wants_length && !is_set("content-length") {
            push_header(&mut head, "Content-Length", &body_bytes.to_string());
        }
        if !parts.keepalive && !is_set("connection") {
            push_header(&mut head, "Connection", "close");
        }
        head.push_str("\r\n");
        Ok(Self::of_head(
            head.into_bytes(),
            parts.body,
            own,
            parts.method,
        ))
    }

    /// A head with its body.
    pub(crate) fn of_head(
        head: Vec<u8>,
        body: Option<&Arc<[u8]>>,
        own: OwnLines,
        method: &str,
    ) -> Self {
        let head_bytes = head.len();
        let mut bytes = head;
        let tail = body.filter(|body| body.len() >= SHARED_BODY_BYTES);
        if let (None, Some(body)) = (tail, body) {
            bytes.extend_from_slice(body);
        }
        Self {
            bytes: bytes.into(),
            tail: tail.cloned(),
            head_bytes,
            own,
            to_head: method == "HEAD",
            repeatable: REPEATABLE.contains(&method),
        }
    }

    /// Which of its lines are the scenario's.
    pub(crate) fn own_lines(&self) -> OwnLines {
        self.own
    }

    /// The lines of its head.
    fn lines(&self) -> impl Iterator<Item = &[u8]> {
        let lines = self.head().split(|byte| *byte == b'\n');
        lines.map(|line| line.strip_suffix(b"\r").unwrap_or(line))
    }

    /// The scenario's headers, as they are sent.
    pub(crate) fn own_headers(&self) -> Vec<(String, String)> {
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        let lines = self.lines().skip(self.own.first).take(self.own.count);
        let pairs = lines.filter_map(|line| {
            let colon = memchr::memmem::find(line, b": ")?;
            Some((text(&line[..colon]), text(&line[colon + 2..])))
        });
        pairs.collect()
    }

    /// Path and query, as they are sent.
    pub(crate) fn target(&self) -> &str {
        let line = self.lines().next().unwrap_or_default();
        let mut words = line.split(|byte| *byte == b' ').skip(1);
        std::str::from_utf8(words.next().unwrap_or_default()).unwrap_or("/")
    }

    /// The body, shared; None if it is empty.
    pub(crate) fn body(&self) -> Option<Arc<[u8]>> {
        let body = &self.bytes[self.head_bytes..];
        let inline = || (!body.is_empty()).then(|| body.into());
        self.tail.clone().or_else(inline)
    }

    /// The same request with cookies, appended to the scenario's own Cookie header.
    pub(crate) fn with_cookies(&self, cookies: &[u8]) -> Self {
        let own = self.own.cookie.and_then(|line| {
            let ends = memchr::memchr_iter(b'\n', self.head());
            ends.into_iter().nth(line).map(|end| end - 1)
        });
        let (at, before, after) = match own {
            Some(end) => (end, "; ", ""),
            None => (self.head_bytes - 2, "Cookie: ", "\r\n"),
        };
        let added = [before.as_bytes(), cookies, after.as_bytes()].concat();
        let (first, rest) = self.bytes.split_at(at);
        Self {
            bytes: [first, &added, rest].concat().into(),
            tail: self.tail.clone(),
            head_bytes: self.head_bytes + added.len(),
            own: self.own,
            to_head: self.to_head,
            repeatable: self.repeatable,
        }
    }

    /// Head and body.
    pub(super) fn whole(&self) -> Vec<u8> {
        let tail: &[u8] = self.tail.as_deref().unwrap_or_default();
        [&self.bytes, tail].concat()
    }

    /// A text in place of a request, for people: what a message was.
    pub(crate) fn of_message(what: &str, payload: &[u8]) -> Self {
        let head = format!("{what}\r\n\r\n");
        Self {
            bytes: [head.as_bytes(), payload].concat().into(),
            tail: None,
            head_bytes: head.len(),
            own: OwnLines::default(),
            to_head: false,
            repeatable: false,
        }
    }

    pub(crate) fn head(&self) -> &[u8] {
        &self.bytes[..self.head_bytes]
    }

    /// What remains to be written after `written` bytes; empty at the end.
    #[inline]
    pub(crate) fn rest(&self, written: usize) -> &[u8] {
        match (self.bytes.get(written..), &self.tail) {
            (Some(rest), _) if !rest.is_empty() => rest,
            (_, Some(tail)) => tail.get(written - self.bytes.len()..).unwrap_or_default(),
            (_, None) => &[],
        }
    }
}

/// Whether requests with this method say that they have no body (RFC 9110, 8.6).
pub(crate) fn tells_length(method: &str) -> bool {
    matches!(method, "POST" | "PUT" | "PATCH")
}

/// The request line; `is_absolute`: for a proxy (RFC 9112, 3.2.2), without user and password.
fn request_line(parts: &RequestParts<'_>, is_absolute: bool) -> String {
    let mut line = format!("{} ", parts.method);
    if is_absolute {
        line.push_str("http://");
        line.push_str(&host_header(parts.url));
    }
    match parts.target {
        Some(target) => line.push_str(target),
        None => line.push_str(&parts.url[Position::BeforePath..Position::AfterQuery]),
    }
    line.push_str(" HTTP/1.1\r\n");
    line
}

fn push_header(head: &mut String, name: &str, value: &str) {
    head.push_str(name);
    head.push_str(": ");
    head.push_str(value);
    head.push_str("\r\n");
}

/// Value of the Host header.
fn host_header(url: &Url) -> String {
    let host = url.host_str().unwrap_or_default();
    match url.port() {
        Some(port) => format!("{host}:{port}"),
        None => host.to_owned(),
    }
}

/// Value of the Authorization header for a URL's user and password.
fn basic_authorization(url: &Url) -> Option<String> {
    if url.username().is_empty() && url.password().is_none() {
        return None;
    }
    let mut pair = percent_decoded(url.username());
    pair.push(b':');
    pair.extend(percent_decoded(url.password().unwrap_or_default()));
    Some(format!("Basic {}", STANDARD.encode(pair)))
}

/// Credentials of basic auth.
pub(crate) fn basic(name: &str, password: &str) -> String {
    format!("Basic {}", STANDARD.encode(format!("{name}:{password}")))
}

fn percent_decoded(text: &str) -> Vec<u8> {
    let hex = |byte: Option<&u8>| byte.and_then(|&byte| char::from(byte).to_digit(16));
    let bytes = text.as_bytes();
    let mut decoded = Vec::with_capacity(bytes.len());
    let mut at = 0;
    while let Some(&byte) = bytes.get(at) {
        match (byte, hex(bytes.get(at + 1)), hex(bytes.get(at + 2))) {
            (b'%', Some(high), Some(low)) => {
                decoded.push((high << 4 | low) as u8);
                at += 3;
            }
            _ => {
                decoded.push(byte);
                at += 1;
            }
        }
    }
    decoded
}

/// Refuses the value of a header that HTTP forbids.
pub(crate) fn check_value(name: &str, value: &str) -> Result<(), String> {
    let is_allowed = |byte: u8| byte == b'\t' || (byte >= b' ' && byte != 0x7f);
    match value.bytes().all(is_allowed) {
        true => Ok(()),
        false => Err(format!(
            "the value of header {name} has a line break or another control character"
        )),
    }
}

fn check_header(name: &str, value: &str, body_bytes: usize) -> Result<(), String> {
    if !is_token(name) {
        return Err(format!(
            "header name {name:?} has characters that HTTP forbids"
        ));
    }
    check_value(name, value)?;
    if name.eq_ignore_ascii_case("transfer-encoding") {
        return Err(format!(
            "header {name} cannot be set: bodies are sent with their length"
        ));
    }
    if name.eq_ignore_ascii_case("content-length") && value.trim() != body_bytes.to_string() {
        return Err(format!(
            "header {name} says {value}, but the body has {body_bytes} bytes; leave it out"
        ));
    }
    Ok(())
}

fn is_token(text: &str) -> bool {
    !text.is_empty()
        && text
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte))
}

#[cfg(test)]
mod tests;
