//! `connect-to`: a host and port that stand for another one's, in curl's form
//! `HOST1:PORT1:HOST2:PORT2`, where what is empty is any, or stays; or a Unix socket that stands for
//! them, `HOST1:PORT1:unix:PATH`.

use super::hosts::{self, bracketed, shown, split};
use std::fmt;

/// What stands before the path of a Unix socket.
const UNIX: &str = "unix:";
/// Longest path of a Unix socket, bytes (unix(7): `sun_path` has 108, with a zero at its end).
const LONGEST_UNIX_PATH: usize = 107;

/// Where connections for a host and port go.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ConnectTo {
    /// The host of the URL, without brackets; None: any.
    pub host: Option<String>,
    /// Its port; None: any.
    pub port: Option<u16>,
    /// The host that is connected to; None: the same.
    pub to_host: Option<String>,
    /// The port that is connected to; None: the same.
    pub to_port: Option<u16>,
    /// The Unix socket that is connected to instead: its absolute path.
    pub unix: Option<String>,
}

impl ConnectTo {
    /// Reads an entry, or says what is wrong with it.
    pub fn parse(text: &str) -> Result<Self, String> {
        let form = || {
            format!(
                "{} is not HOST1:PORT1:HOST2:PORT2, like shop.example:443:127.0.0.1:8443 or ::staging.example:, nor HOST1:PORT1:unix:/PATH",
                shown(text)
            )
        };
        let (host1, rest) = split(text);
        let (port1, rest) = rest.map(split).ok_or_else(form)?;
        let some = |text: &str| (!text.is_empty()).then(|| text.to_owned());
        let (host, port) = (
            some(host1).map(|text| hosts::host(&text)).transpose()?,
            some(port1).map(|text| hosts::port(&text)).transpose()?,
        );
        if let Some(path) = rest.and_then(unix_path) {
            return Ok(Self {
                host,
                port,
                to_host: None,
                to_port: None,
                unix: Some(path?),
            });
        }
        // curl takes it without the last colon, too.
        let (host2, port2) = rest.map(split).ok_or_else(form)?;
        if port2.is_some_and(|rest| rest.contains(':')) {
            return Err(form());
        }
        let read = Self {
            host,
            port,
            to_host: some(host2).map(|text| hosts::host(&text)).transpose()?,
            to_port: port2
                .and_then(some)
                .map(|text| hosts::port(&text))
                .transpose()?,
            unix: None,
        };
        match read.to_host.is_none() && read.to_port.is_none() {
            true => Err(format!(
                "{} sends nothing elsewhere: HOST2 and PORT2 are empty",
                shown(text)
            )),
            false => Ok(read),
        }
    }

    /// Whether it is for this host and port.
    pub fn matches(&self, host: &str, port: u16) -> bool {
        self.host.as_deref().is_none_or(|own| own == host)
            && self.port.is_none_or(|own| own == port)
    }
}

/// The path of `unix:PATH`, or what is wrong with it; None for anything else, as a host named `unix`.
fn unix_path(text: &str) -> Option<Result<String, String>> {
    let path = text.strip_prefix(UNIX)?;
    if path.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    Some(check_unix_path(path).map(|()| path.to_owned()))
}

/// Whether a text can be the path of a Unix socket, and of lists with commas; or why not.
pub(crate) fn check_unix_path(path: &str) -> Result<(), String> {
    let why = match path {
        _ if !path.starts_with('/') => "must begin with /",
        _ if path.len() > LONGEST_UNIX_PATH => "may have 107 bytes at most",
        _ if path.contains([',', '\0']) || path.contains(char::is_control) => {
            "must have no comma and no control character"
        }
        _ => return Ok(()),
    };
    Err(format!("{}: the path of a Unix socket {why}", shown(path)))
}

impl fmt::Display for ConnectTo {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let host = |host: &Option<String>| host.as_deref().map(bracketed).unwrap_or_default();
        let port = |port: Option<u16>| port.map(|it| it.to_string()).unwrap_or_default();
        if let Some(path) = &self.unix {
            return write!(f, "{}:{}:{UNIX}{path}", host(&self.host), port(self.port));
        }
        write!(
            f,
            "{}:{}:{}:{}",
            host(&self.host),
            port(self.port),
            host(&self.to_host),
            port(self.to_port)
        )
    }
}
