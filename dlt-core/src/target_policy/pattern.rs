//! What a list of targets is made of: a name, all names below one, an address, a range of
//! addresses, a Unix socket. Which list means what is `mod`'s.

use crate::routing::check_unix_path;
use core::net::{IpAddr, Ipv6Addr};
use ipnet::IpNet;
use std::fmt;
use url::Host;

/// How entries are written.
const FORM: &str = "write a name, an address, a range like 10.0.0.0/8 (without scheme, port and path) or unix:/PATH";
/// Longest entry that a message shows whole, characters.
const MOST_SHOWN_CHARS: usize = 80;

/// An entry of a list of targets.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Pattern {
    /// Addresses; those of IPv4 in IPv6's form are IPv4's.
    Range(IpNet),
    /// A name, as URLs have it: ASCII, lower case, without a dot at its end.
    Name(String),
    /// `*.example.com`: all names below one, at any depth, and not itself.
    Below(String),
    /// `unix:/run/app.sock`: a Unix socket, by its path.
    Unix(String),
}

impl Pattern {
    /// Reads an entry, or says what is wrong with it.
    pub(super) fn parse(text: &str) -> Result<Self, String> {
        let text = text.trim();
        let wrong = |why: &str| format!("{} is no target: {why}", shown(text));
        if text.is_empty() {
            return Err(format!("has an empty entry; {FORM}"));
        }
        if let Some(path) = text.strip_prefix("unix:") {
            return match check_unix_path(path) {
                Ok(()) => Ok(Self::Unix(path.to_owned())),
                Err(why) => Err(wrong(&why)),
            };
        }
        if let Some((address, bits)) = text.split_once('/')
            && let Some(address) = address_of(address)
        {
            return range(address, bits)
                .map(Self::Range)
                .map_err(|why| wrong(&why));
        }
        if let Some(address) = address_of(text) {
            return Ok(Self::Range(address.to_canonical().into()));
        }
        let (below, name) = match text.strip_prefix("*.") {
            Some(name) => (true, name),
            None => (false, text),
        };
        match Host::parse(name) {
            // As URLs spell it, too: 0xa9fea9fe, 2852039166, 169.254.43518.
            Ok(Host::Ipv4(address)) if !below => Ok(Self::Range(IpAddr::V4(address).into())),
            Ok(Host::Domain(name)) if is_name(&name) => {
                let name = name.trim_end_matches('.').to_owned();
                Ok(match below {
                    true => Self::Below(name),
                    false => Self::Name(name),
                })
            }
            _ => Err(wrong(FORM)),
        }
    }

    /// Whether an address is meant.
    pub(super) fn has_address(&self, address: IpAddr) -> bool {
        matches!(self, Self::Range(range) if range.contains(&address.to_canonical()))
    }

    /// Whether a Unix socket is meant.
    pub(super) fn has_unix(&self, path: &str) -> bool {
        matches!(self, Self::Unix(own) if own == path)
    }

    /// Whether a name is meant, as a URL has it.
    pub(super) fn has_name(&self, name: &str) -> bool {
        let name = name.trim_end_matches('.');
        match self {
            Self::Range(_) | Self::Unix(_) => false,
            Self::Name(own) => own == name,
            Self::Below(own) => name
                .strip_suffix(own.as_str())
                .and_then(|above| above.strip_suffix('.'))
                .is_some_and(|above| !above.is_empty()),
        }
    }
}

impl fmt::Display for Pattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Range(range) if range.prefix_len() == range.max_prefix_len() => {
                range.addr().fmt(f)
            }
            Self::Range(range) => range.fmt(f),
            Self::Name(name) => f.write_str(name),
            Self::Below(name) => write!(f, "*.{name}"),
            Self::Unix(path) => write!(f, "unix:{path}"),
        }
    }
}

/// Whether a name of a URL can be one of a host, and of lists with commas.
fn is_name(name: &str) -> bool {
    !name.trim_end_matches('.').is_empty() && !name.starts_with('.') && !name.contains(['*', ','])
}

/// An address, with or without the brackets that URLs put around one of IPv6.
fn address_of(text: &str) -> Option<IpAddr> {
    let inside = text
        .strip_prefix('[')
        .and_then(|text| text.strip_suffix(']'));
    match inside {
        Some(text) => text.parse::<Ipv6Addr>().ok().map(IpAddr::V6),
        None => text.parse().ok(),
    }
}

/// The range of an address's first bits.
fn range(address: IpAddr, bits: &str) -> Result<IpNet, String> {
    let most = IpNet::from(address).max_prefix_len();
    let digits = !bits.is_empty() && bits.bytes().all(|byte| byte.is_ascii_digit());
    let length = bits.parse().ok().filter(|_| digits);
    let range = length.and_then(|length| IpNet::new(address, length).ok());
    let range = range.ok_or_else(|| {
        format!("behind the / stands how many of its bits are fixed, from 0 to {most}")
    })?;
    if range.trunc() != range {
        return Err(format!(
            "bits behind the first {} are not zero; did you mean {}?",
            range.prefix_len(),
            range.trunc()
        ));
    }
    Ok(match (range.addr().to_canonical(), range.prefix_len()) {
        // What IPv6 writes as ::ffff:10.0.0.0/104 is IPv4's 10.0.0.0/8.
        (base @ IpAddr::V4(_), length @ 96..) => IpNet::new(base, length - 96).unwrap_or(range),
        _ => range,
    })
}

/// An entry as a message shows it.
fn shown(text: &str) -> String {
    match text.char_indices().nth(MOST_SHOWN_CHARS) {
        Some((end, _)) => format!("{:?}…", &text[..end]),
        None => format!("{text:?}"),
    }
}
