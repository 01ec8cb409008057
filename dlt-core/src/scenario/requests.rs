//! `scenarios.<name>` and its requests: what is sent, how long it may take,
//! what counts as an answer.

use super::FileCheck;
use super::addresses::{Placeholders, default_address, request_url};
use super::auth::{Said, auth};
use super::checks::checks;
use super::content::content;
use super::data::data_sources;
use super::extract::{self, extractions};
use super::headers::{headers, merged};
use super::labels::cut_label;
use super::limits::{
    LONGEST_TEXT_BYTES, LONGEST_THINK_TIME_US, LONGEST_URL, MOST_REDIRECTS, MOST_REQUESTS,
    USUAL_REDIRECTS,
};
use super::notes::{Node, Notes, Object};
use super::plan::{Auth, DataSource, StatusSet, Step, Tls};
use super::statuses::statuses;
use super::time_limits::{Limits, TIMEOUT_RANGE, scenario_limits};
use super::tls::tls;
use super::variables::{Known, given, has_variables};
use serde_json::{Map, Value};

/// A named scenario, read. A step without a label of its own has an empty one.
#[derive(Debug, Clone)]
pub(super) struct Definition {
    pub name: String,
    pub steps: Vec<Drawn>,
    pub tls: Tls,
    pub keepalive: bool,
    pub store_cookies: bool,
    pub variables: Vec<(String, String)>,
    pub data: Vec<DataSource>,
}

/// A request, read.
#[derive(Debug, Clone)]
pub(super) struct Drawn {
    pub step: Step,
    /// What its label is made of, if it has none and its URL holds variables.
    pub placeholders: Option<Placeholders>,
}

const SCENARIO_KEYS: [&str; 14] = [
    "requests",
    "default-address",
    "headers",
    "auth",
    "variables",
    "data-sources",
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
const SCENARIO_LATER: [&str; 11] = [
    "assert",
    "assert-jsonpath",
    "authorization",
    "cookies",
    "extract-jsonpath",
    "extract-regexp",
    "follow-redirects",
    "modifications",
    "retrieve-resources",
    "script",
    "store-cache",
];
const REQUEST_KEYS: [&str; 17] = [
    "url",
    "method",
    "label",
    "headers",
    "auth",
    "body",
    "body-file",
    "form",
    "upload-files",
    "think-time",
    "timeout",
    "follow-redirects",
    "expect-status",
    "assert",
    "assert-jsonpath",
    "extract-jsonpath",
    "extract-regexp",
];
const REQUEST_LATER: [&str; 13] = [
    "action",
    "assert-xpath",
    "authorization",
    "extract-css-jquery",
    "extract-xpath",
    "foreach",
    "if",
    "include-scenario",
    "jsr223",
    "loop",
    "once",
    "transaction",
    "while",
];
/// Methods of the contract; the first is the usual one.
const METHODS: [&str; 7] = ["GET", "POST", "PUT", "DELETE", "PATCH", "HEAD", "OPTIONS"];

/// What all requests of a scenario share.
struct Common<'a> {
    base: Option<Option<&'a str>>,
    headers: Vec<(String, String)>,
    auth: Option<Auth>,
    known: Known,
    limits: Limits,
    think_time_us: u64,
    max_redirects: u32,
    expect_status: StatusSet,
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
    let variables = given(&object, notes);
    let data = data_sources(&object, files, notes);
    let known = known(&object, &variables, &data);
    let base = object.get("default-address");
    let all_headers = object.get("headers");
    let all_headers = all_headers.map(|node| headers(&node, &known, notes));
    let all_headers = all_headers.unwrap_or_default();
    let auth = auth(&object, &known, notes);
    if matches!(auth, Some(Said::On(_))) && authorizes(&all_headers) {
        notes.fault(
            object.path_of("auth"),
            "says the same as the header Authorization; keep one",
        );
    }
    let common = Common {
        base: base.map(|node| default_address(&node, &known, notes)),
        headers: all_headers,
        auth: match auth {
            Some(Said::On(auth)) => Some(auth),
            _ => None,
        },
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
        known,
    };
    let keepalive = object
        .get("keepalive")
        .and_then(|node| node.boolean(notes))
        .unwrap_or(true);
    let store_cookies = object
        .get("store-cookie")
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
        store_cookies,
        variables,
        data,
    })
}

/// The variables that a scenario's requests may name.
fn known(object: &Object<'_>, variables: &[(String, String)], data: &[DataSource]) -> Known {
    let columns = data
        .iter()
        .flat_map(|source| source.columns.iter().flatten());
    let requests = object.map.get("requests").and_then(Value::as_array);
    let extracted = requests
        .into_iter()
        .flatten()
        .take(MOST_REQUESTS)
        .flat_map(extract::names);
    Known {
        given: variables.to_vec(),
        changing: columns.chain(extracted).cloned().collect(),
        open: data.iter().any(|source| source.columns.is_none()),
    }
}

fn step(
    node: &Node<'_>,
    common: &Common<'_>,
    files: FileCheck<'_>,
    notes: &mut Notes,
) -> Option<Drawn> {
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
    let known = &common.known;
    let address = match url {
        Some(node) => request_url(&node, common.base, known, notes),
        None => {
            notes.fault(object.path_of("url"), "is missing: say what to request");
            None
        }
    };
    let own_headers = object.get("headers");
    let own_headers = own_headers.map(|node| headers(&node, known, notes));
    let own_headers = own_headers.unwrap_or_default();
    let auth = own_auth(&object, &own_headers, common, notes);
    let total_us = object
        .get("timeout")
        .map(|node| node.duration(TIMEOUT_RANGE, notes));
    let label = object
        .get("label")
        .and_then(|node| {
            let text = node.sized_text(1..=LONGEST_TEXT_BYTES, notes)?;
            if !has_variables(text) {
                return Some(cut_label(text));
            }
            // It is cut when its values are in it, so it has a limit of its own.
            let text = node.sized_text(1..=LONGEST_URL, notes)?;
            known.check(text, &node, notes);
            Some(text.to_owned())
        })
        .unwrap_or_default();
    let limits = Limits {
        total_us: total_us.flatten().or(common.limits.total_us),
        ..common.limits
    };
    let mut headers = merged(&common.headers, own_headers);
    if auth.is_some() {
        // What a request says wins over what its scenario says.
        headers.retain(|(name, _)| !name.eq_ignore_ascii_case("authorization"));
    }
    let step = Step {
        label,
        method: method(&object, notes),
        headers,
        auth,
        body: content(&object, known, files, notes),
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
        checks: checks(&object, notes),
        extractions: extractions(&object, notes),
        // Last: without a URL there is no step, but all else was looked at.
        url: address.as_ref()?.url.clone(),
        url_text: address.as_ref()?.text.clone(),
    };
    Some(Drawn {
        step,
        placeholders: address?.placeholders,
    })
}

/// The auth of a request: its own, else its scenario's unless it has an
/// Authorization header of its own.
fn own_auth(
    object: &Object<'_>,
    own_headers: &[(String, String)],
    common: &Common<'_>,
    notes: &mut Notes,
) -> Option<Auth> {
    let said = auth(object, &common.known, notes);
    let by_header = authorizes(own_headers);
    if by_header && matches!(said, Some(Said::On(_))) {
        notes.fault(
            object.path_of("auth"),
            "says the same as the header Authorization; keep one",
        );
    }
    match said {
        Some(Said::On(auth)) => Some(auth),
        Some(Said::Off) => None,
        None if by_header => None,
        None => common.auth.clone(),
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
