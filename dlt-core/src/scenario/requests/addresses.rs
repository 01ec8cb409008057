//! URLs: absolute ones, and relative ones joined to `default-address`. Putting the
//! values of variables in is left to the engine.

use crate::scenario::document::notes::{Node, Notes};
use crate::scenario::document::shown::shown;
use crate::scenario::limits::LONGEST_URL;
use crate::scenario::plan::Auth;
use crate::scenario::plan::UrlText;
use crate::scenario::requests::functions::Function;
use crate::scenario::requests::labels::{cut_label, label_of};
use crate::scenario::requests::targets::{
    authority_end, dot_segments, has_host, request_target, url_value, without_user,
};
use crate::scenario::requests::variables::{Known, Piece, has_variables, pieces};
use url::Url;

/// A request's URL, read.
#[derive(Debug, Clone)]
pub(crate) struct Address {
    /// The URL, or an example of it.
    pub url: Url,
    /// The text, if it holds variables, or is not what the URL standard makes of it.
    pub text: Option<UrlText>,
    /// What labels are made of where that is not the URL alone.
    pub placeholders: Option<Placeholders>,
    /// The user and password that stand in it, or in the default address before it.
    pub auth: Option<Auth>,
    /// Whether they stand in the request's own URL.
    pub auth_is_own: bool,
}

/// A URL with a word in place of each variable of its path.
#[derive(Debug, Clone)]
pub(crate) struct Placeholders {
    url: Url,
    /// As it is sent.
    target: String,
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
    let plain = without_user(text).0;
    let url = absolute(&example(&plain, known), node, notes)?;
    if url.query().is_some() || url.fragment().is_some() {
        node.fault(
            notes,
            "must not have a ? or # part, since paths are appended to it",
        );
        return None;
    }
    if host_is_known(&plain, known) && !is_target(&url, node, notes) {
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
        let address = address("", text, known, node, notes)?;
        // That of a default address is judged where it stands.
        let is_known = host_is_known(&without_user(text).0, known);
        let is_allowed = !is_known || is_target(&address.url, node, notes);
        return is_allowed.then_some(address);
    }
    if starts_with_unknown(text, known) {
        // Only its value decides whether it is absolute.
        let base = base.flatten().unwrap_or_default();
        return address(base.trim_end_matches('/'), text, known, node, notes);
    }
    if !plain.starts_with(['/', '?']) || plain.starts_with("//") {
        let path_end = text.find(['/', '?', '#']).unwrap_or(text.len());
        let hint = if text[..path_end].contains(['.', ':']) || text[..path_end] == *"localhost" {
            format!("; did you mean {}?", shown_url(&format!("http://{text}")))
        } else {
            String::new()
        };
        let reason = format!(
            "must start with http:// or https://, or with / if there is a default-address; it is {}{hint}",
            shown_url(text)
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
    // Joined to a default address, what stands before the path is that one's.
    let own = node.value.as_str() == Some(text);
    // The user stands in one of the two: at home in the text, else in the base.
    let (base, of_base) = without_user(base);
    let (text, of_text) = without_user(text);
    let auth_is_own = of_text.is_some() && own;
    let auth = of_text
        .or(of_base)
        .map(|(username, password)| Auth::Basic { username, password });
    if let Some(auth) = &auth
        && !can_be_sent(auth)
    {
        node.fault(
            notes,
            "has a user with a colon, or with control characters: neither can be sent",
        );
        return None;
    }
    let whole = format!("{base}{text}");
    if !has_variables(&whole) {
        let address = fixed(&text, node, notes)?;
        return Some(Address {
            auth,
            auth_is_own,
            ..address
        });
    }
    let unknown = starts_with_unknown(&whole, known);
    let mut plain = example(&whole, known);
    if unknown {
        plain = format!("http://{plain}");
    }
    let url = absolute(&plain, node, notes)?;
    let sent = target(&plain, node, notes)?;
    let host_varies = unknown || !base.is_empty() || !host_is_known(&whole, known);
    let placeholders = (!unknown)
        .then(|| Placeholders::of(&whole, known))
        .flatten();
    if let Some(placeholders) = &placeholders
        && dot_segments(&sent) > dot_segments(&placeholders.target)
    {
        node.fault(
            notes,
            format!(
                "has a variable whose value leads out of its path, as {} is sent",
                shown(&sent)
            ),
        );
        return None;
    }
    Some(Address {
        placeholders,
        text: Some(UrlText {
            base: base.into_owned(),
            text: text.into_owned(),
            host_varies,
        }),
        url,
        auth,
        auth_is_own,
    })
}

/// A URL without variables.
fn fixed(text: &str, node: &Node<'_>, notes: &mut Notes) -> Option<Address> {
    let url = absolute(text, node, notes)?;
    let target = target(text, node, notes)?;
    let differs = target != standard_target(&url);
    Some(Address {
        text: differs.then(|| UrlText {
            base: String::new(),
            text: text.split('#').next().unwrap_or_default().to_owned(),
            host_varies: false,
        }),
        placeholders: differs.then(|| Placeholders {
            url: url.clone(),
            target,
            names: Vec::new(),
        }),
        url,
        auth: None,
        auth_is_own: false,
    })
}

/// Whether a user can be written into an Authorization header (RFC 7617, 2).
fn can_be_sent(auth: &Auth) -> bool {
    match auth {
        Auth::Basic { username, password } => {
            !username.contains(':')
                && ![username, password]
                    .iter()
                    .any(|text| text.contains(char::is_control))
        }
        Auth::Bearer(_) => true,
    }
}

/// A URL as a message shows it: without a user and password. Those of a URL that is
/// written wrong may go beyond its host: all up to the last @ may be theirs.
fn shown_url(text: &str) -> String {
    let (scheme, rest) = text.split_once("://").unwrap_or(("", text));
    match rest.rsplit_once('@') {
        None => shown(text),
        Some((_, rest)) if scheme.is_empty() => shown(&format!("…@{rest}")),
        Some((_, rest)) => shown(&format!("{scheme}://…@{rest}")),
    }
}

/// What to do where a user or password may be what makes a URL wrong.
fn user_hint(text: &str) -> &'static str {
    match text.contains('@') {
        true => "; in a user or password write %2F for /, %3F for ?, %23 for # and %40 for @",
        false => "",
    }
}

/// The target of a URL's request, or a fault.
fn target(text: &str, node: &Node<'_>, notes: &mut Notes) -> Option<String> {
    request_target(text)
        .map_err(|why| {
            node.fault(
                notes,
                format!("{why}; it is {}{}", shown_url(text), user_hint(text)),
            )
        })
        .ok()
}

/// Path and query as the URL standard has them.
fn standard_target(url: &Url) -> String {
    match url.query() {
        Some(query) => format!("{}?{query}", url.path()),
        None => url.path().to_owned(),
    }
}

/// A text with first values in place of variables, or a digit: it may stand in
/// a host, a port, a path.
fn example(text: &str, known: &Known) -> String {
    let mut plain = String::new();
    let mut pieces = pieces(text).peekable();
    while let Some(piece) = pieces.next() {
        let name = match piece {
            Piece::Text(text) | Piece::Open(text) => {
                plain.push_str(text);
                continue;
            }
            Piece::Variable(name) => name,
        };
        let value = match known.first(name) {
            Some(value) => value,
            // Behind a port it can only be a path: `http://host:8080${path}`.
            None if ends_with_port(&plain) => "/1",
            None => "1",
        };
        // What cannot stand there is told when the URL is read as a whole.
        match url_value(&plain, value, pieces.peek().is_none()) {
            Ok(value) => plain.push_str(&value),
            Err(_) => plain.push_str(value),
        }
    }
    plain
}

/// Whether a text ends with the port of a URL.
fn ends_with_port(text: &str) -> bool {
    let without_digits = text.trim_end_matches(|c: char| c.is_ascii_digit());
    without_digits.len() < text.len()
        && without_digits.ends_with(':')
        && authority_end(text) == text.len()
        && text.contains("://")
}

/// Whether a text begins with a variable whose value may be absolute or not.
fn starts_with_unknown(text: &str, known: &Known) -> bool {
    match pieces(text).next() {
        Some(Piece::Variable(name)) => {
            known.constant(name).is_none()
                && !known.first(name).is_some_and(has_scheme)
                // Numbers, times and UUIDs are no URLs.
                && (known.has(name) || !matches!(Function::parse(name), Some(Ok(_))))
        }
        _ => false,
    }
}

/// Whether load may be sent to the host of a URL; a fault if not.
fn is_target(url: &Url, node: &Node<'_>, notes: &mut Notes) -> bool {
    let (Some(targets), Some(host)) = (&notes.targets, url.host()) else {
        return true;
    };
    let checked = targets.check_host(&host);
    if let Err(why) = &checked {
        node.fault(notes, format!("is no allowed target: {why}"));
    }
    checked.is_ok()
}

/// Whether the host of a URL is the same for every request, up to its port.
fn host_is_known(url: &str, known: &Known) -> bool {
    let host = &url[..authority_end(url)];
    variables_of(host).all(|name| known.constant(name).is_some())
}

fn variables_of(text: &str) -> impl Iterator<Item = &str> {
    pieces(text).filter_map(|piece| match piece {
        Piece::Variable(name) => Some(name),
        _ => None,
    })
}

impl Placeholders {
    /// None if no variable stands in the path, or it is no URL.
    fn of(text: &str, known: &Known) -> Option<Self> {
        let (mut plain, mut names) = (String::new(), Vec::new());
        for piece in pieces(text) {
            match piece {
                Piece::Text(text) | Piece::Open(text) => plain.push_str(text),
                Piece::Variable(name) => {
                    let first = known.first(name);
                    let in_host = authority_end(&plain) == plain.len();
                    match first {
                        // A path begins with it.
                        Some(value) if in_host && value.starts_with('/') => plain.push('/'),
                        None if ends_with_port(&plain) => plain.push('/'),
                        first if in_host => {
                            plain.push_str(first.unwrap_or("1"));
                            continue;
                        }
                        _ => {}
                    }
                    plain.push_str(&word(names.len()));
                    names.push(name.to_owned());
                }
            }
        }
        let url = Url::parse(&plain).ok()?;
        let target = request_target(&plain).ok()?;
        let as_written = target == standard_target(&url);
        (!names.is_empty() || !as_written).then_some(Self { url, target, names })
    }

    /// The label of a request that has none: `GET /orders/{id}`.
    pub fn label(&self, method: &str, with_host: bool) -> String {
        let path = self.target.split('?').next().unwrap_or_default();
        let mut label = label_of(method, &self.url, path, with_host);
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
        let hint = match text.starts_with("ws://") || text.starts_with("wss://") {
            true => "; a WebSocket is opened by the block websocket of a file (docs/scenarios.md)",
            false => "",
        };
        return refuse(format!(
            "must start with http:// or https:// in lower case; it is {}{hint}",
            shown_url(text)
        ));
    }
    // The URL standard takes any number of slashes; `http:///path` would make
    // `path` the host.
    if !has_host(text) {
        return refuse(format!("has no host: {}", shown_url(text)));
    }
    let mut url = match Url::parse(text) {
        Ok(url) => url,
        Err(error) => {
            return refuse(format!(
                "is not a URL: {error}; it is {}{}",
                shown_url(text),
                user_hint(text)
            ));
        }
    };
    if !url.has_host() {
        return refuse(format!("has no host: {}", shown_url(text)));
    }
    if url.port() == Some(0) {
        return refuse("has port 0, which no server can have".to_owned());
    }
    // A fragment is never sent.
    url.set_fragment(None);
    Some(url)
}
