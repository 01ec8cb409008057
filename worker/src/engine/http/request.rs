//! The bytes of a request, made once before the clock starts and sent as they
//! are. Header rules live here: what is added, what overrides, what is refused.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use std::sync::Arc;
use url::{Host, Url};

/// What we say we are.
const USER_AGENT: &str = concat!("dlt/", env!("CARGO_PKG_VERSION"));

/// Where a request goes: what a connection is made to.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) struct Endpoint {
    /// TLS or not.
    pub(crate) https: bool,
    /// Name or address, without brackets.
    pub(crate) host: String,
    /// The port.
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

    /// `host:port`, for people.
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
    /// Length of the head.
    pub(crate) head_bytes: usize,
    /// Whether the method is HEAD.
    pub(crate) to_head: bool,
}

/// What a request is made from.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Parts<'a> {
    /// Upper case.
    pub(crate) method: &'a str,
    /// Absolute.
    pub(crate) url: &'a Url,
    /// The scenario's headers, names as written.
    pub(crate) headers: &'a [(String, String)],
    /// The body.
    pub(crate) body: &'a [u8],
    /// Whether the connection is to be kept.
    pub(crate) keepalive: bool,
}

impl Request {
    /// The request's bytes, or what is wrong with its parts.
    pub(crate) fn build(parts: &Parts<'_>) -> Result<Self, String> {
        if !is_token(parts.method) {
            return Err(format!("method {:?} is not a word", parts.method));
        }
        for (name, value) in parts.headers {
            check_header(name, value, parts.body.len())?;
        }
        let own = |name: &str| {
            parts
                .headers
                .iter()
                .any(|header| header.0.eq_ignore_ascii_case(name))
        };
        let mut head = format!("{} {}", parts.method, parts.url.path());
        if let Some(query) = parts.url.query() {
            head.push('?');
            head.push_str(query);
        }
        head.push_str(" HTTP/1.1\r\n");
        let mut add = |name: &str, value: &str| {
            head.push_str(name);
            head.push_str(": ");
            head.push_str(value);
            head.push_str("\r\n");
        };
        if !own("host") {
            add("Host", &host_header(parts.url));
        }
        if !own("user-agent") {
            add("User-Agent", USER_AGENT);
        }
        if !own("authorization")
            && let Some(basic) = basic_authorization(parts.url)
        {
            add("Authorization", &basic);
        }
        for (name, value) in parts.headers {
            add(name, value);
        }
        let wants_length =
            !parts.body.is_empty() || matches!(parts.method, "POST" | "PUT" | "PATCH");
        if wants_length && !own("content-length") {
            add("Content-Length", &parts.body.len().to_string());
        }
        if !parts.keepalive && !own("connection") {
            add("Connection", "close");
        }
        head.push_str("\r\n");
        let head_bytes = head.len();
        let mut bytes = head.into_bytes();
        bytes.extend_from_slice(parts.body);
        Ok(Self {
            bytes: bytes.into(),
            head_bytes,
            to_head: parts.method == "HEAD",
        })
    }
}

/// `host` or `host:port`, as the Host header has it.
fn host_header(url: &Url) -> String {
    let host = url.host_str().unwrap_or_default();
    match url.port() {
        Some(port) => format!("{host}:{port}"),
        None => host.to_owned(),
    }
}

/// What a URL's user and password become.
fn basic_authorization(url: &Url) -> Option<String> {
    if url.username().is_empty() && url.password().is_none() {
        return None;
    }
    let mut pair = percent_decoded(url.username());
    pair.push(b':');
    pair.extend(percent_decoded(url.password().unwrap_or_default()));
    Some(format!("Basic {}", STANDARD.encode(pair)))
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

fn check_header(name: &str, value: &str, body_bytes: usize) -> Result<(), String> {
    if !is_token(name) {
        return Err(format!(
            "header name {name:?} has characters that HTTP forbids"
        ));
    }
    let fits = |byte: u8| byte == b'\t' || (byte >= b' ' && byte != 0x7f);
    if !value.bytes().all(fits) {
        return Err(format!(
            "the value of header {name} has a line break or another control character"
        ));
    }
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
mod tests {
    use super::*;

    fn build(
        method: &str,
        url: &str,
        headers: &[(&str, &str)],
        body: &str,
        keepalive: bool,
    ) -> Result<String, String> {
        let headers: Vec<(String, String)> = headers
            .iter()
            .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
            .collect();
        let url = Url::parse(url).unwrap();
        let request = Request::build(&Parts {
            method,
            url: &url,
            headers: &headers,
            body: body.as_bytes(),
            keepalive,
        })?;
        Ok(String::from_utf8(request.bytes.to_vec()).unwrap())
    }

    #[test]
    fn defaults_are_filled_in() {
        assert_eq!(
            build("GET", "http://[::1]:8080/a%20b?c=d#e", &[], "", true).unwrap(),
            format!(
                "GET /a%20b?c=d HTTP/1.1\r\nHost: [::1]:8080\r\nUser-Agent: {USER_AGENT}\r\n\r\n"
            )
        );
        let post = build("POST", "https://shop.example", &[], "", false).unwrap();
        assert!(post.starts_with("POST / HTTP/1.1\r\nHost: shop.example\r\n"));
        assert!(post.contains("\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"));
        let put = build("PUT", "http://a/", &[], "naïve", true).unwrap();
        assert!(put.contains("Content-Length: 6\r\n"));
        assert!(put.ends_with("\r\n\r\nnaïve"));
        let user = build("GET", "http://me:p%40ss@a/", &[], "", true).unwrap();
        assert!(user.contains("Authorization: Basic bWU6cEBzcw==\r\n"));
        assert!(user.contains("Host: a\r\n"));
    }

    #[test]
    fn headers_of_the_scenario_win() {
        let text = build(
            "GET",
            "http://me@a/",
            &[("HOST", "b"), ("user-agent", "x"), ("authorization", "y")],
            "",
            true,
        )
        .unwrap();
        assert_eq!(
            text,
            "GET / HTTP/1.1\r\nHOST: b\r\nuser-agent: x\r\nauthorization: y\r\n\r\n"
        );
    }

    #[test]
    fn what_would_break_the_request_is_refused() {
        for (name, value) in [
            ("A", "b\r\nC: d"),
            ("A\r\n", "b"),
            ("", "b"),
            ("A", "\0"),
            ("Transfer-Encoding", "chunked"),
            ("Content-Length", "7"),
        ] {
            assert!(build("GET", "http://a/", &[(name, value)], "", true).is_err());
        }
        assert!(build("GE T", "http://a/", &[], "", true).is_err());
    }

    #[test]
    fn endpoints_tell_connections_apart() {
        let of = |text: &str| Endpoint::of(&Url::parse(text).unwrap()).unwrap();
        assert_eq!(of("http://a/x"), of("http://a:80/y"));
        assert_ne!(of("http://a/"), of("https://a/"));
        assert_eq!(of("https://[::1]/").authority(), "[::1]:443");
        assert!(Endpoint::of(&Url::parse("ftp://a/").unwrap()).is_err());
    }
}
