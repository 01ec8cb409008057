//! URLs: absolute ones, and relative ones joined to `default-address`.

use super::limits::LONGEST_URL;
use super::notes::{Node, Notes, shown};
use url::Url;

/// Reads `default-address`; its text is what relative URLs are appended to.
pub(super) fn default_address<'a>(node: &Node<'a>, notes: &mut Notes) -> Option<&'a str> {
    let text = node.sized_text(1..=LONGEST_URL, notes)?;
    let url = absolute(text, node, notes)?;
    if url.query().is_some() || url.fragment().is_some() {
        node.fault(
            notes,
            "must not have a ? or # part, since paths are appended to it",
        );
        return None;
    }
    Some(text)
}

/// Reads a request's URL. A relative one is appended to the default address as
/// text (as Taurus's scripts do), so `/orders` under `https://host/v1` is
/// `https://host/v1/orders`. `base` is Some(None) when the default address is
/// there but wrong: then relative URLs are not faults of their own.
pub(super) fn request_url(
    node: &Node<'_>,
    base: Option<Option<&str>>,
    notes: &mut Notes,
) -> Option<Url> {
    let text = node.sized_text(1..=LONGEST_URL, notes)?;
    if has_scheme(text) {
        return absolute(text, node, notes);
    }
    if !text.starts_with(['/', '?']) || text.starts_with("//") {
        let path_end = text.find(['/', '?', '#']).unwrap_or(text.len());
        let hint = if text[..path_end].contains(['.', ':']) || text[..path_end] == *"localhost" {
            format!("; did you mean {}?", shown(&format!("http://{text}")))
        } else {
            String::new()
        };
        let reason = format!(
            "must start with http:// or https://, or with / if there is a default-address; it is {}{hint}",
            shown(text)
        );
        node.fault(notes, reason);
        return None;
    }
    match base {
        None => {
            node.fault(
                notes,
                format!(
                    "{} has no host: start it with http:// or https://, or give the scenario a default-address",
                    shown(text)
                ),
            );
            None
        }
        Some(None) => None,
        Some(Some(base)) => {
            let joined = format!("{}{text}", base.trim_end_matches('/'));
            if joined.chars().count() > LONGEST_URL {
                node.fault(
                    notes,
                    format!("has more than {LONGEST_URL} characters together with default-address"),
                );
                return None;
            }
            absolute(&joined, node, notes)
        }
    }
}

fn has_scheme(text: &str) -> bool {
    text.split_once("://").is_some_and(|(scheme, _)| {
        !scheme.is_empty()
            && scheme
                .bytes()
                .all(|b| b.is_ascii_alphanumeric() || b"+-.".contains(&b))
    })
}

fn absolute(text: &str, node: &Node<'_>, notes: &mut Notes) -> Option<Url> {
    let mut refuse = |reason: String| {
        node.fault(notes, reason);
        None
    };
    // The URL standard drops these in silence; a request must be what was written.
    if text.chars().any(char::is_control) || text.trim() != text {
        return refuse("must not have control characters, or white space at its ends".to_owned());
    }
    if !(text.starts_with("http://") || text.starts_with("https://")) {
        return refuse(format!(
            "must start with http:// or https:// in lower case; it is {}",
            shown(text)
        ));
    }
    // The URL standard takes any number of slashes; `http:///path` would make
    // `path` the host.
    let after = text.split_once("://").map_or("", |(_, after)| after);
    if after.is_empty() || after.starts_with(['/', '?', '#', '\\']) {
        return refuse(format!("has no host: {}", shown(text)));
    }
    let mut url = match Url::parse(text) {
        Ok(url) => url,
        Err(error) => return refuse(format!("is not a URL: {error}; it is {}", shown(text))),
    };
    if !url.has_host() {
        return refuse(format!("has no host: {}", shown(text)));
    }
    if url.port() == Some(0) {
        return refuse("has port 0, which no server can have".to_owned());
    }
    if !url.username().is_empty() || url.password().is_some() {
        return refuse(
            "must not hold a user and password: send an Authorization header instead".to_owned(),
        );
    }
    // A fragment is never sent.
    url.set_fragment(None);
    Some(url)
}
