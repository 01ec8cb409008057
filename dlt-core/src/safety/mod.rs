//! What must not be shown, and which hosts are this machine: decided once, for
//! saved exchanges, agents' answers and servers alike. `spans` finds the secrets of a
//! text, by the names of what it holds. Hiding and refusing is left to the code that
//! shows or serves.

mod json_text;
mod markup;
mod pairs;
mod spans;

pub use spans::{redacted_text, spans, with_secrets_of};

use std::ops::Range;
use url::{Host, Url};

/// What stands for a secret.
pub const REDACTED: &str = "[redacted]";
/// Parts of names whose values are secrets.
const SECRET_PARTS: [&str; 26] = [
    "auth",
    "token",
    "secret",
    "cookie",
    "apikey",
    "api_key",
    "api-key",
    "passw",
    "pwd",
    "session",
    "signature",
    "credential",
    "jwt",
    "bearer",
    "private_key",
    "passphrase",
    "connectionstring",
    "connection_string",
    "connection-string",
    "csrf",
    "xsrf",
    // Passwords in German, Dutch, Spanish and French.
    "kennwort",
    "wachtwoord",
    "contrase",
    "motdepasse",
    "mot_de_passe",
];
/// Whole names whose values are secrets.
const SECRET_NAMES: [&str; 11] = [
    "sig", "code", "pass", "otp", "totp", "dsn", "sas", "cvv", "cvc", "senha", "mdp",
];
/// Names of this machine, as they stand in a URL or a Host header.
pub const LOOPBACK_HOSTS: [&str; 3] = ["localhost", "127.0.0.1", "[::1]"];

/// A secret in a text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Span {
    /// The name that says that it is one.
    pub name: String,
    /// Where it stands, bytes.
    pub range: Range<usize>,
    /// Whether it is a value of JSON without quotes, a number.
    pub bare: bool,
}

impl Span {
    fn new(name: &str, range: Range<usize>) -> Self {
        Self {
            name: name.to_ascii_lowercase(),
            range,
            bare: false,
        }
    }
}

/// Members of JSON that say what the value beside them is (`{"name": "password", "value": …}`).
pub(crate) const NAMING: [&str; 4] = ["name", "key", "param", "jsonpath"];
/// Those values.
pub(crate) const NAMED_VALUES: [&str; 3] = ["value", "expected-value", "default"];

/// Whether the value of a header, parameter, field or variable of that name is
/// a secret. Upper and lower case are alike; in doubt it is one.
pub fn is_secret(name: &str) -> bool {
    let name = name.trim().to_ascii_lowercase();
    SECRET_NAMES.contains(&name.as_str())
        // `x-access-key`, `privateKey`; yet neither `keyword` nor `key_id`.
        || name.ends_with("key")
        || SECRET_PARTS.iter().any(|part| name.contains(part))
}

/// Whether a text that stands where a secret belongs is none itself: empty, or a
/// variable alone (`${token}`, `Bearer ${token}`), whose value is the secret.
pub fn is_reference(text: &str) -> bool {
    let text = text.trim();
    let rest = match text.split_once(' ') {
        Some((scheme, rest)) if is_auth_scheme(scheme) => rest.trim_start(),
        _ => text,
    };
    let name = rest
        .strip_prefix("${")
        .and_then(|rest| rest.strip_suffix('}'));
    text.is_empty()
        || name.is_some_and(|name| {
            let in_name = |c: char| c.is_alphanumeric() || matches!(c, '_' | '-' | '.');
            !name.is_empty() && name.chars().all(in_name)
        })
}

/// What stands behind the word that says how a request is authorized (`Bearer S3`): the secret itself,
/// which a target may name without it.
pub fn behind_scheme(text: &str) -> Option<&str> {
    let (scheme, rest) = text.trim_start().split_once(' ')?;
    is_auth_scheme(scheme).then_some(rest.trim_start())
}

/// Whether a word says how a request is authorized (RFC 9110, 11.1), with the secret to
/// follow.
fn is_auth_scheme(word: &str) -> bool {
    ["bearer", "basic", "digest", "token", "apikey"]
        .iter()
        .any(|known| word.eq_ignore_ascii_case(known))
}

/// Whether a host, as it stands in a URL or a Host header without its port, is
/// this machine.
pub fn is_loopback(host: &str) -> bool {
    LOOPBACK_HOSTS
        .iter()
        .any(|known| host.eq_ignore_ascii_case(known))
}

/// Whether a URL leads to this machine; None if it names no host.
pub fn leads_to_loopback(url: &Url) -> Option<bool> {
    Some(match url.host()? {
        Host::Ipv4(address) => address.is_loopback(),
        Host::Ipv6(address) => address.is_loopback(),
        Host::Domain(name) => is_loopback(name),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_tell_secrets() {
        let secret = [
            "Authorization",
            " Set-Cookie",
            "X-Api-Key",
            "x-amz-security-token",
            "privateKey",
            "key",
            "sig",
            "user_password",
            "PHPSESSION",
            "client_secret",
            "Passphrase",
            "OTP",
            "connectionString",
            "db-connection-string",
            "dsn",
            "sas",
            "X-XSRF",
            "contraseña",
        ];
        for name in secret {
            assert!(is_secret(name), "{name}");
        }
        for name in [
            "keyword",
            "key_id",
            "q",
            "signal",
            "codec",
            "passenger",
            "",
            "photo",
            "option",
            "sass",
            "pin",
            "compass",
            "connection",
            "phrase",
        ] {
            assert!(!is_secret(name), "{name}");
        }
    }

    #[test]
    fn a_variable_alone_is_no_secret() {
        for text in ["", " ", "${pw}", "Bearer ${a.token-1}", "basic  ${x}"] {
            assert!(is_reference(text), "{text}");
        }
        for text in [
            "S3",
            "S3${pw}",
            "${pw}S3",
            "${a}${b}",
            "Bearer S3",
            "${__base64Encode(me:S3)}",
            "S3 ${pw}",
            "${}",
        ] {
            assert!(!is_reference(text), "{text}");
        }
    }

    #[test]
    fn only_this_machine_is_this_machine() {
        for host in ["localhost", "LOCALHOST", "127.0.0.1", "[::1]"] {
            assert!(is_loopback(host), "{host}");
        }
        for host in ["localhost.example", "127.0.0.2", "::1", "", "0.0.0.0"] {
            assert!(!is_loopback(host), "{host}");
        }
    }
}
