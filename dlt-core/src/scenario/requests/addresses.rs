//! URLs: absolute ones, and relative ones joined to `default-address`. Putting the
//! values of variables in is left to the engine.

use crate::scenario::document::notes::{Node, Notes, shown};
use crate::scenario::limits::LONGEST_URL;
use crate::scenario::plan::UrlText;
use crate::scenario::requests::labels::{cut_label, label_of};
use crate::scenario::requests::variables::{Known, Piece, has_variables, pieces};
use url::Url;

/// A request's URL, read.
#[derive(Debug, Clone)]
pub(crate) struct Address {
    /// The URL, or an example of it.
    pub url: Url,
    /// The text, if it holds variables.
    pub text: Option<UrlText>,
    /// What labels are made of: placeholders where the path holds variables.
    pub placeholders: Option<Placeholders>,
}

/// A URL with a word in place of each variable of its path.
#[derive(Debug, Clone)]
pub(crate) struct Placeholders {
    url: Url,
    names: Vec<String>,
}

/// Reads `default-address`; its text is what relative URLs are appended to.
pub(crate) fn default_address<'a>(
    node: &Node<'a>,
    known: &Known,
    notes: &mut Notes,
) -> Option<&'a str> {
    let text = node.sized_text(1..=LONGEST_URL, notes)?;
    known.check(text, node, notes);
    if starts_with_unknown(text, known) {
        return Some(text);
    }
    let url = absolute(&example(text, known), node, notes)?;
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
pub(crate) fn request_url(
    node: &Node<'_>,
    base: Option<Option<&str>>,
    known: &Known,
    notes: &mut Notes,
) -> Option<Address> {
    let text = node.sized_text(1..=LONGEST_URL, notes)?;
    known.check(text, node, notes);
    let plain = example(text, known);
    if has_scheme(&plain) {
        return address("", text, known, node, notes);
    }
    if starts_with_unknown(text, known) {
        // Only its value decides whether it is absolute.
        let base = base.flatten().unwrap_or_default();
        return address(base.trim_end_matches('/'), text, known, node, notes);
    }
    if !plain.starts_with(['/', '?']) || plain.starts_with("//") {
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
            address("", &joined, known, node, notes)
        }
    }
}

/// Checks a text, put after `base`, by an example of it.
fn address(
    base: &str,
    text: &str,
    known: &Known,
    node: &Node<'_>,
    notes: &mut Notes,
) -> Option<Address> {
    let whole = format!("{base}{text}");
    if !has_variables(&whole) {
        return Some(Address {
            url: absolute(text, node, notes)?,
            text: None,
            placeholders: None,
        });
    }
    let unknown = starts_with_unknown(&whole, known);
    let mut plain = example(&whole, known);
    if unknown {
        plain = format!("http://{plain}");
    }
    let url = absolute(&plain, node, notes)?;
    let host = authority(&whole);
    let host_varies = unknown
        || !base.is_empty()
        || variables_of(host).any(|name| known.constant(name).is_none());
    Some(Address {
        placeholders: (!unknown)
            .then(|| Placeholders::of(&whole, known))
            .flatten(),
        text: Some(UrlText {
            base: base.to_owned(),
            text: text.to_owned(),
            host_varies,
        }),
        url,
    })
}

/// A text with first values in place of variables, or a digit: it may stand in
/// a host, a port, a path.
fn example(text: &str, known: &Known) -> String {
    pieces(text)
        .map(|piece| match piece {
            Piece::Text(text) | Piece::Open(text) => text,
            Piece::Variable(name) => known.first(name).unwrap_or("1"),
        })
        .collect()
}

/// Whether a text begins with a variable whose value may be absolute or not.
fn starts_with_unknown(text: &str, known: &Known) -> bool {
    match pieces(text).next() {
        Some(Piece::Variable(name)) => {
            known.constant(name).is_none() && !known.first(name).is_some_and(has_scheme)
        }
        _ => false,
    }
}

fn variables_of(text: &str) -> impl Iterator<Item = &str> {
    pieces(text).filter_map(|piece| match piece {
        Piece::Variable(name) => Some(name),
        _ => None,
    })
}

/// A URL's text up to its path; a variable may hold all of it.
fn authority(text: &str) -> &str {
    let from = text.find("://").map_or(0, |at| at + 3);
    let end = text[from..].find(['/', '?', '#']);
    &text[..end.map_or(text.len(), |at| from + at)]
}

impl Placeholders {
    /// None if no variable stands in the path, or it is no URL.
    fn of(text: &str, known: &Known) -> Option<Self> {
        let (mut plain, mut names) = (String::new(), Vec::new());
        for piece in pieces(text) {
            match piece {
                Piece::Text(text) | Piece::Open(text) => plain.push_str(text),
                Piece::Variable(name) if authority(&plain).len() == plain.len() => {
                    plain.push_str(known.first(name).unwrap_or("1"));
                }
                Piece::Variable(name) => {
                    plain.push_str(&word(names.len()));
                    names.push(name.to_owned());
                }
            }
        }
        let url = Url::parse(&plain).ok()?;
        (!names.is_empty()).then_some(Self { url, names })
    }

    /// The label of a request that has none: `GET /orders/{id}`.
    pub fn label(&self, method: &str, with_host: bool) -> String {
        let mut label = label_of(method, &self.url, with_host);
        for (at, name) in self.names.iter().enumerate() {
            label = label.replace(&word(at), &format!("{{{name}}}"));
        }
        cut_label(&label)
    }
}

/// A word that no URL changes and that is no identifier.
fn word(at: usize) -> String {
    format!("dltvariable{at}x")
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
        return refuse("must not hold a user and password: give them in auth instead".to_owned());
    }
    // A fragment is never sent.
    url.set_fragment(None);
    Some(url)
}
