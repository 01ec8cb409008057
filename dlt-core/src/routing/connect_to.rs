//! `connect-to`: a host and port that stand for another one's, in curl's form
//! `HOST1:PORT1:HOST2:PORT2`, where what is empty is any, or stays.

use super::hosts::{bracketed, host, port, shown, split};
use std::fmt;

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
}

impl ConnectTo {
    /// Reads an entry, or says what is wrong with it.
    pub fn parse(text: &str) -> Result<Self, String> {
        let form = || {
            format!(
                "{} is not HOST1:PORT1:HOST2:PORT2, like shop.example:443:127.0.0.1:8443 or ::staging.example:",
                shown(text)
            )
        };
        let (host1, rest) = split(text);
        let (port1, rest) = rest.map(split).ok_or_else(form)?;
        // curl takes it without the last colon, too.
        let (host2, port2) = rest.map(split).ok_or_else(form)?;
        if port2.is_some_and(|rest| rest.contains(':')) {
            return Err(form());
        }
        let some = |text: &str| (!text.is_empty()).then(|| text.to_owned());
        let read = Self {
            host: some(host1).map(|text| host(&text)).transpose()?,
            port: some(port1).map(|text| port(&text)).transpose()?,
            to_host: some(host2).map(|text| host(&text)).transpose()?,
            to_port: port2.and_then(some).map(|text| port(&text)).transpose()?,
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

impl fmt::Display for ConnectTo {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let host = |host: &Option<String>| host.as_deref().map(bracketed).unwrap_or_default();
        let port = |port: Option<u16>| port.map(|it| it.to_string()).unwrap_or_default();
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
