//! A proxy, as its URL names it: `http://`, `socks5://` (names are looked up here) and
//! `socks5h://` (the proxy looks them up), with a user and a password. Neither is ever shown.

use super::hosts::{bracketed, host, percent_decoded, port, shown, split};
use std::fmt;

/// The port of SOCKS proxies whose URL has none (RFC 1928, 3).
const SOCKS_PORT: u16 = 1080;
/// Longest name and password of SOCKS, bytes (RFC 1929, 2); HTTP has no limit, and servers
/// accept no longer ones.
const LONGEST_NAME_BYTES: usize = 255;

/// What a proxy speaks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Protocol {
    /// HTTP: requests in absolute form for http, tunnels by CONNECT for https.
    Http,
    /// SOCKS 5 with addresses.
    Socks5,
    /// SOCKS 5 with names.
    Socks5h,
}

impl Protocol {
    /// As URLs have it.
    pub const fn scheme(self) -> &'static str {
        match self {
            Self::Http => "http",
            Self::Socks5 => "socks5",
            Self::Socks5h => "socks5h",
        }
    }
}

/// A proxy. Shown, it has no user and password.
#[derive(Clone, PartialEq, Eq)]
pub struct Proxy {
    /// What it speaks.
    pub protocol: Protocol,
    /// Its host, without brackets.
    pub host: String,
    /// Its port.
    pub port: u16,
    /// The user and password that it asks for.
    pub user: Option<(String, String)>,
}

impl Proxy {
    /// Reads a URL, or says what is wrong with it, without its user and password.
    pub fn parse(text: &str) -> Result<Self, String> {
        const FORM: &str = "write http://HOST:PORT, socks5://HOST:PORT or socks5h://HOST:PORT, with USER:PASSWORD@ before the host where the proxy asks for them";
        if text.is_empty() {
            return Err(format!(
                "is empty: {FORM}; to use no proxy at all, say no-proxy \"*\" (--noproxy '*')"
            ));
        }
        // Whatever else is wrong, a password may stand before the last @.
        let (user, plain) = match text.rsplit_once('@') {
            Some((before, after)) => (Some(before), after),
            None => (None, text),
        };
        let (scheme, user, rest) = match (text.split_once("://"), user) {
            (Some((scheme, rest)), None) => (scheme, None, rest),
            (Some((scheme, _)), Some(before)) if before.len() >= scheme.len() + 3 => {
                (scheme, Some(&before[scheme.len() + 3..]), plain)
            }
            _ => return Err(format!("{} is no URL of a proxy: {FORM}", shown(plain))),
        };
        let named = match user {
            Some(_) => shown(&format!("{scheme}://…@{rest}")),
            None => shown(text),
        };
        let protocol = protocol(&scheme.to_ascii_lowercase(), &named)?;
        if user.is_some_and(|user| user.contains(['/', '?', '#', '\\'])) {
            return Err(format!(
                "{named} has one of / ? # \\ in its user or password: write it percent-encoded, like %2F"
            ));
        }
        let user = user.map(|user| {
            let (name, password) = user.split_once(':').unwrap_or((user, ""));
            (percent_decoded(name), percent_decoded(password))
        });
        let authority = rest.strip_suffix('/').unwrap_or(rest);
        if authority.contains(['/', '?', '#', '\\']) {
            return Err(format!(
                "{named} has more than a host and a port, and a proxy has no path: {FORM}"
            ));
        }
        let (host_text, port_text) = split(authority);
        let host = host(host_text)?;
        let port = match (port_text, protocol) {
            // What stands there may be a password whose @ was forgotten.
            (Some(text), _) => port(text).map_err(|_| {
                "has no port from 1 to 65535 behind its host; a user and a password stand before an @: http://USER:PASSWORD@HOST:PORT".to_owned()
            })?,
            (None, Protocol::Http) => {
                return Err(format!(
                    "{named} has no port, and programs differ in which they take: write one, like http://{}:3128",
                    bracketed(&host)
                ));
            }
            (None, _) => SOCKS_PORT,
        };
        if let Some(pair) = &user {
            check_user(protocol, pair)?;
        }
        Ok(Self {
            protocol,
            host,
            port,
            user,
        })
    }

    /// `host:port`.
    pub fn authority(&self) -> String {
        format!("{}:{}", bracketed(&self.host), self.port)
    }

    /// Its URL with user and password, for those who may have them.
    pub(super) fn with_user(&self) -> String {
        let encode = |text: &str| -> String {
            text.bytes()
                .map(|byte| match byte.is_ascii_alphanumeric() {
                    true => char::from(byte).to_string(),
                    false => format!("%{byte:02X}"),
                })
                .collect()
        };
        let user = self
            .user
            .as_ref()
            .map_or(String::new(), |(name, password)| {
                format!("{}:{}@", encode(name), encode(password))
            });
        format!("{}://{user}{}", self.protocol.scheme(), self.authority())
    }
}

fn protocol(scheme: &str, named: &str) -> Result<Protocol, String> {
    match scheme {
        "http" => Ok(Protocol::Http),
        "socks5" => Ok(Protocol::Socks5),
        "socks5h" => Ok(Protocol::Socks5h),
        "https" => Err(format!(
            "{named}: TLS to the proxy itself is not spoken; write http:// (https targets are spoken to in TLS through it)"
        )),
        "socks" | "socks4" | "socks4a" => Err(format!(
            "{named}: SOCKS 4 is not spoken; write socks5:// (names are looked up here) or socks5h:// (the proxy looks them up)"
        )),
        _ => Err(format!(
            "{named}: a proxy is http://, socks5:// or socks5h://"
        )),
    }
}

fn check_user(protocol: Protocol, (name, password): &(String, String)) -> Result<(), String> {
    let is_long = |text: &str| text.len() > LONGEST_NAME_BYTES;
    if name.is_empty() || is_long(name) || is_long(password) {
        return Err(format!(
            "has a user that is empty, or a user or a password of more than {LONGEST_NAME_BYTES} bytes"
        ));
    }
    if name.chars().chain(password.chars()).any(char::is_control) {
        return Err("has a control character in its user or password".to_owned());
    }
    if protocol == Protocol::Http && name.contains(':') {
        return Err("has a colon in its user, which basic auth cannot send".to_owned());
    }
    Ok(())
}

impl fmt::Display for Proxy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}://{}", self.protocol.scheme(), self.authority())
    }
}

impl fmt::Debug for Proxy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let user = if self.user.is_some() {
            "[redacted]@"
        } else {
            ""
        };
        write!(f, "{}://{user}{}", self.protocol.scheme(), self.authority())
    }
}
