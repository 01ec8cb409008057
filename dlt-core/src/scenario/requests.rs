//! `scenarios.<name>` and its requests: what is sent, how long it may take,
//! what counts as an answer.

use super::FileCheck;
use super::addresses::{default_address, request_url};
use super::headers::{headers, merged};
use super::labels::cut_label;
use super::limits::{
    LONGEST_BODY, LONGEST_PATH, LONGEST_TEXT_BYTES, LONGEST_THINK_TIME_US, LONGEST_TIMEOUT_US,
    MOST_REDIRECTS, MOST_REQUESTS, SHORTEST_TIMEOUT_US, USUAL_REDIRECTS,
};
use super::notes::{NOT_YET, Node, Notes, Object};
use super::plan::{Body, StatusSet, Step, Timeouts, Tls};
use super::statuses::statuses;
use serde_json::{Map, Value};

/// A named scenario, read. A step without a label of its own has an empty one.
#[derive(Debug, Clone)]
pub(super) struct Definition {
    pub name: String,
    pub steps: Vec<Step>,
    pub tls: Tls,
    pub keepalive: bool,
}

const SCENARIO_KEYS: [&str; 11] = [
    "requests",
    "default-address",
    "headers",
    "timeout",
    "timeouts",
    "think-time",
    "keepalive",
    "store-cookie",
    "max-redirects",
    "tls",
    "expect-status",
];
/// Keys of Taurus or of later versions that would change what is measured.
const SCENARIO_LATER: [&str; 13] = [
    "assert",
    "auth",
    "authorization",
    "cookies",
    "data-sources",
    "extract-jsonpath",
    "extract-regexp",
    "follow-redirects",
    "modifications",
    "retrieve-resources",
    "script",
    "store-cache",
    "variables",
];
const REQUEST_KEYS: [&str; 10] = [
    "url",
    "method",
    "label",
    "headers",
    "body",
    "body-file",
    "think-time",
    "timeout",
    "follow-redirects",
    "expect-status",
];
const REQUEST_LATER: [&str; 19] = [
    "action",
    "assert",
    "assert-jsonpath",
    "assert-xpath",
    "auth",
    "authorization",
    "extract-css-jquery",
    "extract-jsonpath",
    "extract-regexp",
    "extract-xpath",
    "foreach",
    "if",
    "include-scenario",
    "jsr223",
    "loop",
    "once",
    "transaction",
    "upload-files",
    "while",
];
/// Methods of the contract; the first is the usual one.
const METHODS: [&str; 7] = ["GET", "POST", "PUT", "DELETE", "PATCH", "HEAD", "OPTIONS"];
const TIMEOUT_RANGE: std::ops::RangeInclusive<u64> = SHORTEST_TIMEOUT_US..=LONGEST_TIMEOUT_US;

/// What all requests of a scenario share.
struct Common<'a> {
    base: Option<Option<&'a str>>,
    headers: Vec<(String, String)>,
    limits: Limits,
    think_time_us: u64,
    max_redirects: u32,
    expect_status: StatusSet,
}

/// Time limits as given, µs.
#[derive(Default, Clone, Copy)]
struct Limits {
    connect_us: Option<u64>,
    first_byte_us: Option<u64>,
    total_us: Option<u64>,
}

impl Limits {
    /// With the usual ones filled in. A total that is given also bounds the
    /// wait for the first byte, so `timeout: 300s` does wait 300 s; and no
    /// phase may take longer than the total.
    fn resolve(self) -> Timeouts {
        let usual = Timeouts::default();
        let total_us = self.total_us.unwrap_or_else(|| {
            usual
                .total_us
                .max(self.first_byte_us.unwrap_or(0))
                .max(self.connect_us.unwrap_or(0))
        });
        let first_byte_us = self.first_byte_us.unwrap_or(if self.total_us.is_some() {
            total_us
        } else {
            usual.first_byte_us
        });
        Timeouts {
            connect_us: self.connect_us.unwrap_or(usual.connect_us).min(total_us),
            first_byte_us: first_byte_us.min(total_us),
            total_us,
        }
    }
}

/// Reads one entry of `scenarios`.
pub(super) fn definition(
    name: &str,
    node: &Node<'_>,
    files: FileCheck<'_>,
    notes: &mut Notes,
) -> Option<Definition> {
    let object = node.object(notes)?;
    object.only(&SCENARIO_KEYS, &SCENARIO_LATER, notes);
    // Taurus stores cookies unless told not to; saying so is what happens here.
    if let Some(cookie) = object.get("store-cookie")
        && cookie.boolean(notes) == Some(true)
    {
        cookie.fault(notes, NOT_YET);
    }
    let common = Common {
        base: object
            .get("default-address")
            .map(|node| default_address(&node, notes)),
        headers: object
            .get("headers")
            .map(|node| headers(&node, notes))
            .unwrap_or_default(),
        limits: scenario_limits(&object, notes),
        think_time_us: object
            .get("think-time")
            .and_then(|node| node.duration(0..=LONGEST_THINK_TIME_US, notes))
            .unwrap_or(0),
        max_redirects: object
            .get("max-redirects")
            .and_then(|node| node.whole(0..=MOST_REDIRECTS, notes))
            .map_or(USUAL_REDIRECTS, |most| most as u32),
        expect_status: object
            .get("expect-status")
            .and_then(|node| statuses(&node, notes))
            .unwrap_or_default(),
    };
    let keepalive = object
        .get("keepalive")
        .and_then(|node| node.boolean(notes))
        .unwrap_or(true);
    let tls = object
        .get("tls")
        .map(|node| tls(&node, files, notes))
        .unwrap_or_default();
    let requests = match object.get("requests") {
        Some(node) => node.list(1..=MOST_REQUESTS, notes).unwrap_or_default(),
        None => {
            // A script says what to request instead, and is refused above.
            if !object.has("script") {
                notes.fault(
                    object.path_of("requests"),
                    "is missing: list the requests to send, like [\"https://example.com/\"]",
                );
            }
            Vec::new()
        }
    };
    let steps = requests
        .iter()
        .filter_map(|node| step(node, &common, files, notes))
        .collect();
    Some(Definition {
        name: name.to_owned(),
        steps,
        tls,
        keepalive,
    })
}

fn scenario_limits(object: &Object<'_>, notes: &mut Notes) -> Limits {
    let mut limits = Limits::default();
    if let Some(timeouts) = object.get("timeouts").and_then(|node| node.object(notes)) {
        timeouts.only(&["connect", "first-byte", "total"], &[], notes);
        let mut read = |key: &str| {
            timeouts
                .get(key)
                .and_then(|node| node.duration(TIMEOUT_RANGE, notes))
        };
        limits = Limits {
            connect_us: read("connect"),
            first_byte_us: read("first-byte"),
            total_us: read("total"),
        };
        if object.has("timeout") && timeouts.has("total") {
            notes.fault(
                timeouts.path_of("total"),
                "says the same as timeout; keep one",
            );
        }
    }
    if let Some(node) = object.get("timeout") {
        limits.total_us = node.duration(TIMEOUT_RANGE, notes);
    }
    limits
}

fn tls(node: &Node<'_>, files: FileCheck<'_>, notes: &mut Notes) -> Tls {
    let Some(object) = node.object(notes) else {
        return Tls::default();
    };
    object.only(
        &["ca-file", "cert-file", "key-file", "insecure"],
        &[],
        notes,
    );
    let tls = Tls {
        ca_file: file(&object, "ca-file", files, notes),
        cert_file: file(&object, "cert-file", files, notes),
        key_file: file(&object, "key-file", files, notes),
        insecure: object
            .get("insecure")
            .and_then(|node| node.boolean(notes))
            .unwrap_or(false),
    };
    for (one, other) in [("cert-file", "key-file"), ("key-file", "cert-file")] {
        if object.has(one) && !object.has(other) {
            notes.fault(
                object.path_of(other),
                format!("is missing: {one} needs it, since a client certificate has both"),
            );
        }
    }
    if tls.insecure {
        notes.warn(
            &object.path_of("insecure"),
            "no certificate is verified: anyone on the way can answer for the target",
        );
        if object.has("ca-file") {
            notes.warn(
                &object.path_of("ca-file"),
                "is not used, since insecure is true",
            );
        }
    }
    tls
}

/// A named file that can be used, as an absolute path.
fn file(object: &Object<'_>, key: &str, files: FileCheck<'_>, notes: &mut Notes) -> Option<String> {
    let node = object.get(key)?;
    let text = node.sized_text(1..=LONGEST_PATH, notes)?;
    if text.contains('\0') {
        node.fault(notes, "is not a file name: it holds a zero character");
        return None;
    }
    match files(text) {
        Ok(path) => Some(path),
        Err(reason) => {
            node.fault(notes, reason);
            None
        }
    }
}

fn step(
    node: &Node<'_>,
    common: &Common<'_>,
    files: FileCheck<'_>,
    notes: &mut Notes,
) -> Option<Step> {
    // A request may be its URL alone.
    let empty = Map::new();
    let (object, url) = match node.value {
        Value::String(_) => {
            let object = Object {
                map: &empty,
                path: node.path.clone(),
            };
            (object, Some(node.clone()))
        }
        Value::Object(_) => {
            let object = node.object(notes)?;
            object.only(&REQUEST_KEYS, &REQUEST_LATER, notes);
            let url = object.get("url");
            (object, url)
        }
        _ => {
            node.fault(
                notes,
                "must be a request: an object with a url, or the URL alone",
            );
            return None;
        }
    };
    let url = match url {
        Some(node) => {
            variables(&node, notes);
            request_url(&node, common.base, notes)
        }
        None => {
            notes.fault(object.path_of("url"), "is missing: say what to request");
            None
        }
    };
    let own_headers = object.get("headers").map(|node| headers(&node, notes));
    let total_us = object
        .get("timeout")
        .map(|node| node.duration(TIMEOUT_RANGE, notes));
    let label = object
        .get("label")
        .and_then(|node| node.sized_text(1..=LONGEST_TEXT_BYTES, notes))
        .map(cut_label)
        .unwrap_or_default();
    let limits = Limits {
        total_us: total_us.flatten().or(common.limits.total_us),
        ..common.limits
    };
    Some(Step {
        label,
        method: method(&object, notes),
        headers: merged(&common.headers, own_headers.unwrap_or_default()),
        body: body(&object, files, notes),
        think_time_us: object
            .get("think-time")
            .and_then(|node| node.duration(0..=LONGEST_THINK_TIME_US, notes))
            .unwrap_or(common.think_time_us),
        timeouts: limits.resolve(),
        follow_redirects: object
            .get("follow-redirects")
            .and_then(|node| node.boolean(notes))
            .unwrap_or(true),
        max_redirects: common.max_redirects,
        expect_status: object
            .get("expect-status")
            .and_then(|node| statuses(&node, notes))
            .unwrap_or_else(|| common.expect_status.clone()),
        // Last: without a URL there is no step, but all else was looked at.
        url: url?,
    })
}

fn method(object: &Object<'_>, notes: &mut Notes) -> String {
    object
        .get("method")
        .and_then(|node| node.choice(&METHODS, notes))
        .unwrap_or(METHODS[0])
        .to_owned()
}

fn body(object: &Object<'_>, files: FileCheck<'_>, notes: &mut Notes) -> Body {
    let text = object.get("body").and_then(|node| {
        if matches!(node.value, Value::Object(_) | Value::Array(_)) {
            node.fault(
                notes,
                "must be text: write JSON as text, in quotes or after | in YAML",
            );
            return None;
        }
        variables(&node, notes);
        node.sized_text(0..=LONGEST_BODY, notes)
    });
    if object.has("body") && object.has("body-file") {
        notes.fault(
            object.path_of("body-file"),
            "says the same as body; keep one",
        );
    }
    match (file(object, "body-file", files, notes), text) {
        (Some(path), _) => Body::File(path),
        // DLT's clients send an empty body with every GET.
        (None, Some("") | None) => Body::None,
        (None, Some(text)) => Body::Text(text.to_owned()),
    }
}

/// Taurus would fill `${name}` in; it is sent as written, so that is said.
fn variables(node: &Node<'_>, notes: &mut Notes) {
    let has = node
        .value
        .as_str()
        .and_then(|text| text.split_once("${"))
        .is_some_and(|(_, after)| after.contains('}'));
    if has {
        notes.warn(
            &node.path,
            "holds ${…}, which is sent as written: variables are not supported yet",
        );
    }
}
