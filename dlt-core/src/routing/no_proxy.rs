//! What is reached without a proxy, as curl and others read `no_proxy`: names with all below
//! them, addresses, ranges, `*` for everything.

use super::hosts::{bracketed, host, port, shown, split};
use core::net::IpAddr;
use ipnet::IpNet;
use std::fmt;

/// Longest list, bytes.
const LONGEST_LIST_BYTES: usize = 16 * 1024;

/// The hosts that no proxy is used for.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct NoProxy(Vec<Entry>);

#[derive(Debug, Clone, PartialEq, Eq)]
enum Entry {
    /// `*`
    All,
    /// A name and all below it, or with `*.` only these; with a port only that one.
    Name {
        name: String,
        only_below: bool,
        port: Option<u16>,
    },
    /// An address or a range of them, with a port only that one.
    Range(IpNet, Option<u16>),
}

impl NoProxy {
    /// Reads entries with commas or spaces between, or says what is wrong with one.
    pub fn parse(text: &str) -> Result<Self, String> {
        if text.len() > LONGEST_LIST_BYTES {
            return Err(format!(
                "is {} bytes long; at most {LONGEST_LIST_BYTES} are taken",
                text.len()
            ));
        }
        let entries = text.split(|c: char| c == ',' || c.is_whitespace());
        let entries = entries.filter(|entry| !entry.is_empty());
        entries
            .map(Entry::parse)
            .collect::<Result<_, _>>()
            .map(Self)
    }

    /// Whether no proxy is used for this host and port; the host without brackets.
    pub fn matches(&self, host: &str, port: u16) -> bool {
        self.0.iter().any(|entry| entry.matches(host, port))
    }

    /// Whether it holds nothing.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

impl Entry {
    fn parse(text: &str) -> Result<Self, String> {
        if text == "*" {
            return Ok(Self::All);
        }
        let wrong = || {
            format!(
                "{} is no name, address or range: write example.com (and all below it), 10.0.0.0/8 or *, without a scheme",
                shown(text)
            )
        };
        if let Ok(range) = text.parse::<IpNet>() {
            return Ok(Self::Range(range.trunc(), None));
        }
        if let Ok(address) = text.parse::<IpAddr>() {
            return Ok(Self::Range(address.to_canonical().into(), None));
        }
        let (host_text, port_text) = split(text);
        let port = port_text.map(port).transpose().map_err(|_| wrong())?;
        let (only_below, below) = match host_text.strip_prefix("*.") {
            Some(name) => (true, Some(name)),
            None => (false, host_text.strip_prefix('.')),
        };
        let name = host(below.unwrap_or(host_text)).map_err(|_| wrong())?;
        let name = name.trim_end_matches('.');
        match name.parse::<IpAddr>() {
            // Nothing is below an address.
            Ok(address) if below.is_none() => Ok(Self::Range(address.to_canonical().into(), port)),
            Err(_) if !name.contains('/') => Ok(Self::Name {
                name: name.to_owned(),
                only_below,
                port,
            }),
            _ => Err(wrong()),
        }
    }

    fn matches(&self, host: &str, port: u16) -> bool {
        let at = |own: &Option<u16>| own.is_none_or(|own| own == port);
        match self {
            Self::All => true,
            Self::Range(range, own) => {
                let address = host.parse::<IpAddr>().ok();
                at(own) && address.is_some_and(|it| range.contains(&it.to_canonical()))
            }
            Self::Name {
                name,
                only_below,
                port: own,
            } => {
                let host = host.trim_end_matches('.');
                let above = host.strip_suffix(name.as_str());
                let is_below = above.is_some_and(|it| it.len() > 1 && it.ends_with('.'));
                at(own) && (is_below || (!only_below && host == name))
            }
        }
    }
}

impl fmt::Display for NoProxy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (at, entry) in self.0.iter().enumerate() {
            f.write_str(if at > 0 { "," } else { "" })?;
            let port = |port: &Option<u16>| port.map_or(String::new(), |it| format!(":{it}"));
            match entry {
                Entry::All => f.write_str("*")?,
                Entry::Range(range, None) => write!(f, "{range}")?,
                Entry::Range(range, own) => {
                    let address = range.addr().to_string();
                    write!(f, "{}{}", bracketed(&address), port(own))?;
                }
                Entry::Name {
                    name,
                    only_below,
                    port: own,
                } => {
                    let below = if *only_below { "*." } else { "" };
                    write!(f, "{below}{name}{}", port(own))?;
                }
            }
        }
        Ok(())
    }
}
