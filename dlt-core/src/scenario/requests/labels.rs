//! Labels: given ones, or `METHOD path` with what looks like an identifier
//! replaced, so that the number of labels stays bounded (decision 16).

use super::ReadRequest;
use crate::safety::is_secret;
use crate::scenario::limits::LONGEST_LABEL;
use crate::scenario::plan::{Step, StepKind};
use crate::scenario::requests::variables::{Piece, pieces};
use std::collections::HashSet;
use url::Url;

/// Shortest run of hexadecimal digits that is taken for an identifier.
const SHORTEST_HEX: usize = 16;

/// The label of a request that has none: `GET /orders/{id}`, without query; the
/// host before the path when the run has several.
pub fn default_label(method: &str, url: &Url, with_host: bool) -> String {
    cut_label(&label_of(method, url, url.path(), with_host))
}

/// Gives those steps a label that have none of their own.
pub(crate) fn label_steps(steps: &mut [Step], read: &[ReadRequest], with_host: bool) {
    for (at, request) in read.iter().enumerate().take(steps.len()) {
        let of_stream = match &steps[at].kind {
            StepKind::Message(message) => {
                let opened = &steps[message.opening].label;
                Some(cut_label(&format!("{opened} {}", message.word())))
            }
            _ => None,
        };
        let step = &mut steps[at];
        if !step.label.is_empty() {
            continue;
        }
        let method = step.kind.method(&step.method);
        step.label = match (of_stream, &request.placeholders) {
            (Some(label), _) => label,
            (None, Some(placeholders)) => placeholders.label(method, with_host),
            (None, None) => default_label(method, &step.url, with_host),
        };
    }
}

/// As `default_label`, whatever its length, of a path as it is sent.
pub(crate) fn label_of(method: &str, url: &Url, path: &str, with_host: bool) -> String {
    let path: Vec<&str> = path
        .split('/')
        .map(|segment| if is_id(segment) { "{id}" } else { segment })
        .collect();
    let host = if with_host {
        host_of(url)
    } else {
        String::new()
    };
    format!("{method} {host}{}", path.join("/"))
}

/// Host and port as they stand in a URL.
pub(crate) fn host_of(url: &Url) -> String {
    match (url.host_str(), url.port()) {
        (Some(host), Some(port)) => format!("{host}:{port}"),
        (host, _) => host.unwrap_or_default().to_owned(),
    }
}

/// Whether URLs have more than one host.
pub(crate) fn several_hosts<'a>(urls: impl Iterator<Item = &'a Url>) -> bool {
    urls.map(host_of).collect::<HashSet<_>>().len() > 1
}

/// A label of at most 255 characters: a longer one keeps its first 238, then
/// `~` and the 64-bit FNV-1a hash of the whole as 16 hexadecimal digits.
pub fn cut_label(label: &str) -> String {
    if label.chars().nth(LONGEST_LABEL).is_none() {
        return label.to_owned();
    }
    let start: String = label.chars().take(LONGEST_LABEL - 17).collect();
    format!("{start}~{:016x}", fnv1a(label.as_bytes()))
}

/// FNV-1a, 64 bits: stable over versions and machines, which `Hash` is not.
fn fnv1a(bytes: &[u8]) -> u64 {
    bytes.iter().fold(0xcbf2_9ce4_8422_2325, |hash, byte| {
        (hash ^ u64::from(*byte)).wrapping_mul(0x0000_0100_0000_01b3)
    })
}

/// All digits, a UUID, or 16 and more hexadecimal digits among which is a digit.
fn is_id(segment: &str) -> bool {
    let bytes = segment.as_bytes();
    let digits = |part: &[u8]| !part.is_empty() && part.iter().all(u8::is_ascii_digit);
    let hex = |part: &[u8]| part.iter().all(u8::is_ascii_hexdigit);
    let uuid = || {
        let parts: Vec<&[u8]> = bytes.split(|b| *b == b'-').collect();
        parts.iter().map(|part| part.len()).eq([8, 4, 4, 4, 12])
            && parts.iter().all(|part| hex(part))
    };
    digits(bytes)
        || (bytes.len() >= SHORTEST_HEX && hex(bytes) && bytes.iter().any(u8::is_ascii_digit))
        || uuid()
}

/// A label that shows the names of secrets in place of their values, as labels that are made of URLs do;
/// and these names. Those of `hidden` are secrets, too.
pub(crate) fn without_secrets<'l>(label: &'l str, hidden: &[String]) -> (String, Vec<&'l str>) {
    let (mut shown, mut secrets) = (String::new(), Vec::new());
    for piece in pieces(label) {
        match piece {
            Piece::Text(text) | Piece::Open(text) => shown.push_str(text),
            Piece::Variable(name) => {
                let bare = name.strip_prefix("env.").unwrap_or(name);
                if is_secret(bare) || hidden.iter().any(|hidden| hidden == name) {
                    shown.push_str(&format!("{{{bare}}}"));
                    secrets.push(bare);
                } else {
                    shown.push_str(&format!("${{{name}}}"));
                }
            }
        }
    }
    (shown, secrets)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn label(url: &str) -> String {
        default_label("GET", &Url::parse(url).unwrap(), false)
    }

    #[test]
    fn identifiers_in_paths_are_templated() {
        assert_eq!(label("http://h/"), "GET /");
        assert_eq!(label("http://h/orders/12345?x=1"), "GET /orders/{id}");
        assert_eq!(
            label("http://h/a/3F2504E0-4f89-11d3-9a0c-0305e82c3301/b/"),
            "GET /a/{id}/b/"
        );
        assert_eq!(label("http://h/blob/deadbeefdeadbeef0"), "GET /blob/{id}");
        assert_eq!(
            label("http://h/v2/deadbeef/page2"),
            "GET /v2/deadbeef/page2"
        );
        assert_eq!(label("http://h/a//b"), "GET /a//b");
        let url = Url::parse("https://api.example.com:8443/x").unwrap();
        assert_eq!(
            default_label("PUT", &url, true),
            "PUT api.example.com:8443/x"
        );
    }

    #[test]
    fn labels_show_no_secret() {
        for (label, shown, names) in [
            (
                "as ${password} of ${id}",
                "as {password} of ${id}",
                &["password"][..],
            ),
            ("${env.API_TOKEN}", "{API_TOKEN}", &["API_TOKEN"]),
            ("${id} ${open", "${id} ${open", &[]),
            ("of ${tenant}", "of {tenant}", &["tenant"]),
        ] {
            let told = without_secrets(label, &["tenant".to_owned()]);
            assert_eq!(told, (shown.to_owned(), names.to_vec()));
        }
    }

    #[test]
    fn long_labels_are_cut_with_a_hash() {
        let just = "é".repeat(255);
        assert_eq!(cut_label(&just), just);
        let (a, b) = ("x".repeat(256), format!("{}y", "x".repeat(255)));
        assert_eq!(cut_label(&a).chars().count(), 255);
        assert_ne!(cut_label(&a), cut_label(&b));
        // Pinned: labels of stored runs must keep their names.
        assert_eq!(fnv1a(b"foobar"), 0x8594_4171_f739_67e8);
    }

    proptest! {
        #[test]
        fn cutting_twice_is_cutting_once(label in ".{0,300}") {
            let once = cut_label(&label);
            prop_assert!(once.chars().count() <= LONGEST_LABEL);
            prop_assert_eq!(cut_label(&once), once);
        }
    }
}
