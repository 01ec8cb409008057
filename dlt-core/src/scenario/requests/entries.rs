//! One entry of `requests`: a request, the request that opens a stream, or a message on it. What
//! all entries of a scenario share is read before.

use super::{
    Common, METHODS, REQUEST_KEYS, REQUEST_NOT_SUPPORTED, ReadRequest, flag, read_headers,
};
use crate::scenario::FileCheck;
use crate::scenario::document::notes::{Node, Notes, Object};
use crate::scenario::limits::{LONGEST_TEXT_BYTES, LONGEST_URL};
use crate::scenario::plan::{Auth, Body, Step, StepKind, StreamKind};
use crate::scenario::requests::addresses::{Address, request_url};
use crate::scenario::requests::auth::{AuthSetting, auth};
use crate::scenario::requests::blocks::Place;
use crate::scenario::requests::checks::checks;
use crate::scenario::requests::content::content;
use crate::scenario::requests::extract::extractions;
use crate::scenario::requests::headers::merged;
use crate::scenario::requests::labels::{cut_label, without_secrets};
use crate::scenario::requests::lists::BLOCKS;
use crate::scenario::requests::messages::{self, Around};
use crate::scenario::requests::statuses::statuses;
use crate::scenario::requests::think_times::think_time;
use crate::scenario::requests::time_limits::{Limits, TIMEOUT_RANGE};
use crate::scenario::requests::variables::{Known, has_variables};
use crate::value::{Map, Value};

/// A request as an object, which may be its URL alone, and its URL.
fn object_and_url<'a>(
    node: &Node<'a>,
    empty: &'a Map,
    notes: &mut Notes,
) -> Option<(Object<'a>, Option<Node<'a>>)> {
    match node.value {
        Value::String(_) => {
            let object = Object {
                map: empty,
                path: node.path.clone(),
            };
            Some((object, Some(node.clone())))
        }
        Value::Object(_) => {
            let object = node.object(notes)?;
            // One with a block's key is a block: here these stand for what may have been meant.
            let known = [&REQUEST_KEYS[..], &BLOCKS[..]].concat();
            object.allow_only(&known, &REQUEST_NOT_SUPPORTED, notes);
            let url = object.get("url");
            Some((object, url))
        }
        _ => {
            node.fault(
                notes,
                "must be a request: an object with a url, or the URL alone",
            );
            None
        }
    }
}

fn step(
    node: &Node<'_>,
    common: &Common<'_>,
    files: FileCheck<'_>,
    notes: &mut Notes,
) -> Option<ReadRequest> {
    let empty = Map::new();
    let (object, url) = object_and_url(node, &empty, notes)?;
    let known = &common.known;
    let address = match url {
        Some(node) => request_url(&node, common.base, known, notes),
        None => {
            notes.fault(object.path_of("url"), "is missing: say what to request");
            None
        }
    };
    let request_headers = read_headers(&object, known, notes);
    let auth = step_auth(&object, address.as_ref(), &request_headers, common, notes);
    let mut headers = merged(&common.headers, request_headers);
    if auth.is_some() {
        // A request's own auth wins over a header of its scenario.
        headers.retain(|(name, _)| !name.eq_ignore_ascii_case("authorization"));
    }
    let total_us = object
        .get("timeout")
        .map(|node| node.duration(TIMEOUT_RANGE, notes));
    let limits = Limits {
        total_us: total_us.flatten().or(common.limits.total_us),
        ..common.limits
    };
    let step = Step {
        label: label(&object, known, notes),
        method: method(&object, notes),
        headers,
        auth,
        body: content(&object, known, files, notes),
        think_time: think_time(&object, notes).unwrap_or(common.think_time),
        timeouts: limits.resolve(),
        follow_redirects: flag(&object, "follow-redirects", notes),
        max_redirects: common.max_redirects,
        expect_status: object
            .get("expect-status")
            .and_then(|node| statuses(&node, notes))
            .unwrap_or_else(|| common.expect_status.clone()),
        checks: checks(&object, notes),
        extractions: extractions(&object, notes),
        kind: StepKind::Request,
        // Last: without a URL there is no step, but all else was checked.
        url: address.as_ref()?.url.clone(),
        url_text: address.as_ref()?.text.clone(),
    };
    if step.method == "GET" && matches!(step.body, Body::Form(_) | Body::Multipart(..)) {
        notes.warn(
            &object.path,
            "sends a form with GET; did you mean method: POST?",
        );
    }
    let address = address?;
    Some(ReadRequest {
        placeholders: address.placeholders,
        // Where its own auth wins, the URL is written without the other one.
        of_url: address.auth.and(step.auth.clone()),
        step,
    })
}

/// Reads an entry of `requests` by where it stands, behind `steps`; and how many times it is taken.
pub(super) fn entry(
    node: &Node<'_>,
    place: Place,
    (common, steps): (&Common<'_>, &[ReadRequest]),
    files: FileCheck<'_>,
    notes: &mut Notes,
) -> Option<(ReadRequest, u64)> {
    match place {
        Place::Alone => Some((step(node, common, files, notes)?, 1)),
        Place::Opens(kind) => Some((opening(node, kind, common, files, notes)?, 1)),
        Place::On(kind, number) => {
            let around = Around {
                known: &common.known,
                files,
                limits: common.limits,
                opening: (number, &steps.get(number)?.step),
                kind,
            };
            on_stream(node, &around, notes)
        }
    }
}

/// Reads the request that opens a stream.
fn opening(
    node: &Node<'_>,
    kind: StreamKind,
    common: &Common<'_>,
    files: FileCheck<'_>,
    notes: &mut Notes,
) -> Option<ReadRequest> {
    let written = of_http(node.value, kind);
    let node = Node {
        value: &written,
        path: node.path.clone(),
    };
    let mut read = step(&node, common, files, notes)?;
    let empty = Map::new();
    let (object, _) = object_and_url(&node, &empty, &mut Notes::default())?;
    messages::open(&mut read.step, &object, kind, notes);
    Some(read)
}

/// The same request with the scheme of HTTP, which a WebSocket begins with.
fn of_http(value: &Value, kind: StreamKind) -> Value {
    let mut written = value.clone();
    let url = match &mut written {
        Value::Object(map) => map.get_mut("url"),
        other => Some(other),
    };
    if let Some(Value::String(url)) = url
        && kind == StreamKind::WebSocket
        && let Some((scheme @ ("ws" | "wss"), rest)) = url.split_once("://")
    {
        *url = format!("{}://{rest}", scheme.replace("ws", "http"));
    }
    written
}

/// Reads a message of a stream, and how many times it is waited for.
fn on_stream(
    node: &Node<'_>,
    around: &Around<'_>,
    notes: &mut Notes,
) -> Option<(ReadRequest, u64)> {
    let label = |object: &Object<'_>, notes: &mut Notes| label(object, around.known, notes);
    let (step, times) = messages::message(node, around, &label, notes)?;
    let read = ReadRequest {
        step,
        placeholders: None,
        of_url: None,
    };
    Some((read, times))
}

/// Reads `label`; empty if there is none.
fn label(object: &Object<'_>, known: &Known, notes: &mut Notes) -> String {
    let read = object.get("label").and_then(|node| {
        let text = node.sized_text(1..=LONGEST_TEXT_BYTES, notes)?;
        if !has_variables(text) {
            return Some(cut_label(text));
        }
        // It is cut when its values are in it, so it has a limit of its own.
        let text = node.sized_text(1..=LONGEST_URL, notes)?;
        known.check(text, &node, notes);
        let (shown, secrets) = without_secrets(text, &known.of_setup);
        if !secrets.is_empty() {
            let names = secrets.join(", ");
            notes.warn(
                &object.path_of("label"),
                &format!("would show the value of {names}, a secret by its name or a value of setup, to everybody who sees a result; the name stands there instead"),
            );
        }
        Some(match has_variables(&shown) {
            true => shown,
            false => cut_label(&shown),
        })
    });
    read.unwrap_or_default()
}

/// The auth of a request, with the user and password of its URL.
fn step_auth(
    object: &Object<'_>,
    address: Option<&Address>,
    headers: &[(String, String)],
    common: &Common<'_>,
    notes: &mut Notes,
) -> Option<Auth> {
    let auth = request_auth(object, headers, common, notes);
    let Some((address, of_url)) = address.and_then(|a| Some((a, a.auth.clone()?))) else {
        return auth;
    };
    let has_own = object.has("auth") || authorizes(headers);
    if has_own && address.auth_is_own {
        notes.fault(
            object.path_of("url"),
            "holds a user and a password beside auth or the header Authorization; keep one",
        );
    }
    // That of the default address is for those that have none.
    if has_own { auth } else { Some(of_url) }
}

/// The auth of a request: its own, else its scenario's unless it has an
/// Authorization header of its own.
fn request_auth(
    object: &Object<'_>,
    request_headers: &[(String, String)],
    common: &Common<'_>,
    notes: &mut Notes,
) -> Option<Auth> {
    let said = auth(object, &common.known, notes);
    check_single_authorization(object, said.as_ref(), request_headers, notes);
    match said {
        Some(AuthSetting::On(auth)) => Some(auth),
        Some(AuthSetting::Off) => None,
        None if authorizes(request_headers) => None,
        None => common.auth.clone(),
    }
}

/// Notes authentication that is given in two ways.
pub(super) fn check_single_authorization(
    object: &Object<'_>,
    auth: Option<&AuthSetting>,
    headers: &[(String, String)],
    notes: &mut Notes,
) {
    if authorizes(headers) && matches!(auth, Some(AuthSetting::On(_))) {
        notes.fault(
            object.path_of("auth"),
            "says the same as the header Authorization; keep one",
        );
    }
}

fn authorizes(headers: &[(String, String)]) -> bool {
    headers
        .iter()
        .any(|(name, _)| name.eq_ignore_ascii_case("authorization"))
}

fn method(object: &Object<'_>, notes: &mut Notes) -> String {
    object
        .get("method")
        .and_then(|node| node.choice(&METHODS, notes))
        .unwrap_or(METHODS[0])
        .to_owned()
}
