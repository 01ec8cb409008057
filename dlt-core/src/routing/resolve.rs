//! `resolve`: addresses that stand for those of a name, in curl's form
//! `HOST:PORT:ADDRESS[,ADDRESS]…`.

use super::hosts::{bracketed, host, port, shown, split};
use core::net::{IpAddr, Ipv6Addr};
use std::fmt;

/// Most addresses of one entry: as many as large services have behind one name.
const MOST_ADDRESSES: usize = 256;

/// The addresses of a host and port.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Resolve {
    /// As URLs have it, without brackets; None: `*`, all hosts.
    pub host: Option<String>,
    /// The port that connections are for; it is connected to, too.
    pub port: u16,
    /// Where connections go instead; never empty.
    pub addresses: Vec<IpAddr>,
}

impl Resolve {
    /// Reads an entry, or says what is wrong with it.
    pub fn parse(text: &str) -> Result<Self, String> {
        if text.starts_with('-') {
            return Err(format!(
                "{} takes an entry of curl's cache away, and here is none before the run; leave it out",
                shown(text)
            ));
        }
        if let Some(rest) = text.strip_prefix('+') {
            return Err(format!(
                "{} is an entry that expires, and here it holds for the whole run; write {}",
                shown(text),
                shown(rest)
            ));
        }
        let form = || {
            format!(
                "{} is not HOST:PORT:ADDRESS[,ADDRESS], like shop.example:443:192.0.2.7 or *:443:[2001:db8::7]",
                shown(text)
            )
        };
        let (host_text, rest) = split(text);
        let (port_text, list) = rest.map(split).ok_or_else(form)?;
        let list = list.filter(|list| !list.is_empty()).ok_or_else(form)?;
        let host = match host_text {
            "" => return Err(form()),
            "*" => None,
            name => Some(host(name)?),
        };
        let port = port(port_text)?;
        let mut addresses = Vec::new();
        for item in list.split(',') {
            let address = address(item)?;
            if !addresses.contains(&address) {
                addresses.push(address);
            }
        }
        if addresses.len() > MOST_ADDRESSES {
            let count = addresses.len();
            return Err(format!(
                "has {count} addresses; at most {MOST_ADDRESSES} are taken"
            ));
        }
        Ok(Self {
            host,
            port,
            addresses,
        })
    }
}

/// An address, with or without brackets.
fn address(text: &str) -> Result<IpAddr, String> {
    let inside = text
        .strip_prefix('[')
        .and_then(|text| text.strip_suffix(']'));
    let read = match inside {
        Some(text) => text.parse::<Ipv6Addr>().ok().map(IpAddr::V6),
        None => text.parse().ok(),
    };
    read.ok_or_else(|| {
        format!(
            "{} is no address, like 192.0.2.7 or [2001:db8::7]; a name goes into connect-to",
            shown(text)
        )
    })
}

impl fmt::Display for Resolve {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let host = self.host.as_deref().map_or("*".to_owned(), bracketed);
        write!(f, "{host}:{}:", self.port)?;
        for (at, address) in self.addresses.iter().enumerate() {
            let comma = if at > 0 { "," } else { "" };
            write!(f, "{comma}{}", bracketed(&address.to_string()))?;
        }
        Ok(())
    }
}
