//! Hosts and ports in texts, as curl writes them: names as URLs have them, IPv6 in brackets.

use core::net::IpAddr;
use url::Host;

/// Longest text that a message shows whole, characters.
const MOST_SHOWN_CHARS: usize = 80;

/// A host as URLs spell it: lower case, ASCII, without brackets.
pub(super) fn host(text: &str) -> Result<String, String> {
    let wrong = || {
        format!(
            "{} is no host: write a name, an address, or an IPv6 address in brackets",
            shown(text)
        )
    };
    match Host::parse(text) {
        Ok(Host::Domain(name))
            if has_labels(&name) && !name.contains(['*', ',', '@', '$', '{', '}']) =>
        {
            Ok(name)
        }
        Ok(Host::Ipv4(address)) => Ok(address.to_string()),
        Ok(Host::Ipv6(address)) => Ok(address.to_string()),
        _ => Err(wrong()),
    }
}

/// Whether there is a name, no part of which is empty; one dot may end it (RFC 1034, 3.1).
fn has_labels(name: &str) -> bool {
    let labels = name.strip_suffix('.').unwrap_or(name);
    labels.split('.').all(|label| !label.is_empty())
}

/// A port from 1.
pub(super) fn port(text: &str) -> Result<u16, String> {
    let digits = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    text.parse()
        .ok()
        .filter(|port| digits && *port > 0)
        .ok_or_else(|| format!("{} is no port: write a number from 1 to 65535", shown(text)))
}

/// Splits at the first colon that is not inside brackets; without one there is no rest.
pub(super) fn split(text: &str) -> (&str, Option<&str>) {
    let from = match text.starts_with('[') {
        true => text.find(']').unwrap_or(0),
        false => 0,
    };
    match text[from..].find(':') {
        Some(at) => (&text[..from + at], Some(&text[from + at + 1..])),
        None => (text, None),
    }
}

/// Host and port as messages and curl's forms write them.
pub(super) fn bracketed(host: &str) -> String {
    match host.contains(':') {
        true => format!("[{host}]"),
        false => host.to_owned(),
    }
}

/// Whether a host, without brackets, is this machine by its name or address.
pub(super) fn is_loopback(host: &str) -> bool {
    let name = host.trim_end_matches('.');
    name == "localhost"
        || name.ends_with(".localhost")
        || host
            .parse::<IpAddr>()
            .is_ok_and(|address| address.to_canonical().is_loopback())
}

/// A text as a message shows it.
pub(super) fn shown(text: &str) -> String {
    match text.char_indices().nth(MOST_SHOWN_CHARS) {
        Some((end, _)) => format!("{:?}…", &text[..end]),
        None => format!("{text:?}"),
    }
}

/// A text with its `%41` as what they stand for; what is none stays.
pub(crate) fn percent_decoded(text: &str) -> String {
    let bytes = text.as_bytes();
    let mut decoded = Vec::with_capacity(bytes.len());
    let mut at = 0;
    while let Some(&byte) = bytes.get(at) {
        let hex = text.get(at + 1..at + 3);
        let code = hex.filter(|hex| hex.bytes().all(|byte| byte.is_ascii_hexdigit()));
        match code.and_then(|hex| u8::from_str_radix(hex, 16).ok()) {
            Some(code) if byte == b'%' => {
                decoded.push(code);
                at += 3;
            }
            _ => {
                decoded.push(byte);
                at += 1;
            }
        }
    }
    String::from_utf8_lossy(&decoded).into_owned()
}
