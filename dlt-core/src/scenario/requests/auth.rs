//! `auth`: basic and bearer, of a scenario or of one request. Writing the header
//! is left to the engine.

use crate::scenario::document::notes::{Node, Notes, Object};
use crate::scenario::limits::LONGEST_HEADER_BYTES;
use crate::scenario::plan::Auth;
use crate::scenario::requests::variables::{Known, checked};
use crate::value::Value;

/// Ways of later versions.
const NOT_SUPPORTED: [&str; 3] = ["digest", "kerberos", "ntlm"];

/// The value of `auth`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum AuthSetting {
    /// Nothing is sent.
    Off,
    On(Auth),
}

/// Reads `auth`, if it is there.
pub(crate) fn auth(object: &Object<'_>, known: &Known, notes: &mut Notes) -> Option<AuthSetting> {
    let node = object.get("auth")?;
    if node.value.as_str() == Some("none") {
        return Some(AuthSetting::Off);
    }
    let wanted = "must be { basic: { username, password } }, { bearer: token } or none";
    let Value::Object(map) = node.value else {
        node.fault(notes, wanted);
        return None;
    };
    let auth = node.object(notes)?;
    auth.allow_only(&["basic", "bearer"], &NOT_SUPPORTED, notes);
    match (auth.get("basic"), auth.get("bearer")) {
        (Some(basic), None) => self::basic(&basic, known, notes).map(AuthSetting::On),
        (None, Some(bearer)) => {
            let token = secret(&bearer, known, notes)?;
            if token.is_empty() {
                bearer.fault(notes, "must not be empty");
            }
            Some(AuthSetting::On(Auth::Bearer(token)))
        }
        (Some(_), Some(_)) => {
            node.fault(notes, "has both basic and bearer; keep one");
            None
        }
        (None, None) => {
            // A way of later versions is a fault already.
            if !map.keys().any(|key| NOT_SUPPORTED.contains(&key.as_str())) {
                node.fault(notes, wanted);
            }
            None
        }
    }
}

fn basic(node: &Node<'_>, known: &Known, notes: &mut Notes) -> Option<Auth> {
    let object = node.object(notes)?;
    object.allow_only(&["username", "password"], &[], notes);
    let mut read = |key: &str| match object.get(key) {
        Some(node) => secret(&node, known, notes).map(|text| (node, text)),
        None => {
            notes.fault(
                object.path_of(key),
                "is missing: basic has a username and a password",
            );
            None
        }
    };
    let (username, password) = (read("username"), read("password"));
    let (node, username) = username?;
    if username.contains(':') {
        node.fault(
            notes,
            "must not have a colon, which stands between username and password",
        );
    }
    Some(Auth::Basic {
        username,
        password: password?.1,
    })
}

fn secret(node: &Node<'_>, known: &Known, notes: &mut Notes) -> Option<String> {
    let text = checked(node, LONGEST_HEADER_BYTES, known, notes)?;
    if text.chars().any(char::is_control) {
        node.fault(
            notes,
            "must not have line breaks or other control characters",
        );
        return None;
    }
    Some(text.to_owned())
}
