//! `scenarios.<name>` and its requests: what is sent, how long it may take,
//! what counts as an answer. How hard is left to `execution`.

pub(crate) mod addresses;
pub(crate) mod auth;
pub(crate) mod blocks;
pub mod budget;
pub(crate) mod checks;
pub(crate) mod condition;
pub(crate) mod conditions;
pub mod connection_policy;
pub(crate) mod connections;
pub(crate) mod content;
pub(crate) mod data;
pub(crate) mod extract;
pub(crate) mod files;
pub(crate) mod flow;
pub mod functions;
pub(crate) mod headers;
pub(crate) mod http;
pub(crate) mod json_path;
pub(crate) mod labels;
pub mod lists;
pub(crate) mod patterns;
pub(crate) mod routing;
pub(crate) mod script;
pub(crate) mod search;
pub(crate) mod statuses;
pub mod targets;
pub(crate) mod think_time;
pub(crate) mod think_times;
pub(crate) mod time_limits;
pub(crate) mod tls;
pub mod variables;

use crate::routing::Routing;
use crate::scenario::FileCheck;
use crate::scenario::document::notes::{Node, Notes, Object};
use crate::scenario::limits::{DEFAULT_REDIRECTS, LONGEST_TEXT_BYTES, LONGEST_URL, MOST_REDIRECTS};
use crate::scenario::plan::{
    Auth, Body, ConnectionPolicy, DataSource, Flow, HttpChoice, StatusSet, Step, ThinkTime, Tls,
};
use crate::scenario::requests::addresses::{Address, Placeholders, default_address, request_url};
use crate::scenario::requests::auth::{AuthSetting, auth};
use crate::scenario::requests::blocks::flow;
use crate::scenario::requests::checks::checks;
use crate::scenario::requests::connections::connection_policy;
use crate::scenario::requests::content::content;
use crate::scenario::requests::data::data_sources;
use crate::scenario::requests::extract::extractions;
use crate::scenario::requests::headers::{headers, merged};
use crate::scenario::requests::labels::{cut_label, without_secrets};
use crate::scenario::requests::routing::{routing, warn_of_unused};
use crate::scenario::requests::script::{ReadScript, script};
use crate::scenario::requests::statuses::statuses;
use crate::scenario::requests::think_times::think_time;
use crate::scenario::requests::time_limits::{Limits, TIMEOUT_RANGE, scenario_limits};
use crate::scenario::requests::tls::tls;
use crate::scenario::requests::variables::{Known, has_variables};
use crate::value::{Map, Value};

/// A named scenario, read. A step without a label of its own has an empty one.
#[derive(Debug, Clone)]
pub(crate) struct Definition {
    pub name: String,
    pub steps: Vec<ReadRequest>,
    pub flow: Flow,
    /// Where each transaction of the flow stands.
    pub transactions: Vec<String>,
    pub tls: Tls,
    pub routing: Routing,
    pub connection_policy: ConnectionPolicy,
    pub http: HttpChoice,
    pub streams: u32,
    pub store_cookies: bool,
    pub variables: Vec<(String, String)>,
    pub data: Vec<DataSource>,
    /// What stands in place of requests, if something does.
    pub script: Option<ReadScript>,
}

/// A request, read.
#[derive(Debug, Clone)]
pub(crate) struct ReadRequest {
    pub step: Step,
    /// What its label is made of, if it has none and its URL holds variables.
    pub placeholders: Option<Placeholders>,
    /// The user and password that stood in its URL, or in the default address.
    pub of_url: Option<Auth>,
}

pub(crate) const SCENARIO_KEYS: [&str; 21] = [
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
    "connection-policy",
    "http",
    "streams",
    "store-cookie",
    "max-redirects",
    "tls",
    "resolve",
    "connect-to",
    "proxy",
    "no-proxy",
    "expect-status",
];
/// Keys of Taurus or of later versions that would change what is measured.
const SCENARIO_NOT_SUPPORTED: [&str; 16] = [
    "assert",
    "assert-jsonpath",
    "authorization",
    "concurrent-pool-size",
    "content-encoding",
    "cookies",
    "extract-jsonpath",
    "extract-regexp",
    "follow-redirects",
    "keystore",
    "modifications",
    "protocol",
    "random-source-ip",
    "retrieve-resources",
    "retrieve-resources-regex",
    "store-cache",
];
pub(crate) const REQUEST_KEYS: [&str; 17] = [
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
const REQUEST_NOT_SUPPORTED: [&str; 8] = [
    "assert-xpath",
    "authorization",
    "content-encoding",
    "extract-css-jquery",
    "extract-xpath",
    "include-scenario",
    "jsr223",
    "random-source-ip",
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
    think_time: ThinkTime,
    max_redirects: u32,
    expect_status: StatusSet,
}

/// Reads one entry of `scenarios`.
pub(crate) fn definition(
    name: &str,
    node: &Node<'_>,
    files: FileCheck<'_>,
    notes: &mut Notes,
) -> Option<Definition> {
    let object = node.object(notes)?;
    if object.has("script") {
        return script(name, &object, files, notes);
    }
    object.allow_only(&SCENARIO_KEYS, &SCENARIO_NOT_SUPPORTED, notes);
    let variables = variables::variables(&object, notes);
    let (data, complete) = data_sources(&object, files, notes);
    let mut known = known(&object, &variables, &data);
    known.open |= !complete;
    let common = common(&object, known, notes);
    let (http, streams) = http::http(&object, notes);
    let connection_policy = connection_policy(&object, streams, notes);
    let store_cookies = flag(&object, "store-cookie", notes);
    let tls = object
        .get("tls")
        .map(|node| tls(&node, files, notes))
        .unwrap_or_default();
    let routing = routing(&object, notes);
    let mut steps: Vec<ReadRequest> = Vec::new();
    let mut request = |node: &Node<'_>, notes: &mut Notes| {
        steps.push(step(node, &common, files, notes)?);
        Some(steps.len() - 1)
    };
    let (flow, transactions) = match object.get("requests") {
        Some(node) => flow(&node, &common.known, &mut request, notes),
        None => {
            notes.fault(
                object.path_of("requests"),
                "is missing: list the requests to send, like [\"https://example.com/\"], or name a script",
            );
            (Flow::list(0), Vec::new())
        }
    };
    if steps.is_empty() && !notes.has_faults() {
        notes.fault(
            object.path_of("requests"),
            "has no request: list at least one",
        );
    }
    let read = steps.iter().map(|request| &request.step);
    warn_of_unused(&object, &routing, read, notes);
    Some(Definition {
        name: name.to_owned(),
        steps,
        flow,
        transactions,
        tls,
        routing,
        connection_policy,
        http,
        streams,
        store_cookies,
        variables,
        data,
        script: None,
    })
}

/// A flag that is true unless it is given as false.
fn flag(object: &Object<'_>, key: &str, notes: &mut Notes) -> bool {
    let node = object.get(key);
    node.and_then(|node| node.boolean(notes)).unwrap_or(true)
}

fn common<'a>(object: &Object<'a>, known: Known, notes: &mut Notes) -> Common<'a> {
    let base = object.get("default-address");
    let headers = read_headers(object, &known, notes);
    let auth = auth(object, &known, notes);
    check_single_authorization(object, auth.as_ref(), &headers, notes);
    Common {
        base: base.map(|node| default_address(&node, &known, notes)),
        headers,
        auth: match auth {
            Some(AuthSetting::On(auth)) => Some(auth),
            _ => None,
        },
        limits: scenario_limits(object, notes),
        think_time: think_time(object, notes).unwrap_or_default(),
        max_redirects: object
            .get("max-redirects")
            .and_then(|node| node.whole(0..=MOST_REDIRECTS, notes))
            .map_or(DEFAULT_REDIRECTS, |most| most as u32),
        expect_status: object
            .get("expect-status")
            .and_then(|node| statuses(&node, notes))
            .unwrap_or_default(),
        known,
    }
}

fn read_headers(object: &Object<'_>, known: &Known, notes: &mut Notes) -> Vec<(String, String)> {
    let node = object.get("headers");
    node.map(|node| headers(&node, known, notes))
        .unwrap_or_default()
}

/// The variables that a scenario's requests may name.
fn known(object: &Object<'_>, variables: &[(String, String)], data: &[DataSource]) -> Known {
    let columns = data
        .iter()
        .flat_map(|source| source.columns.iter().flatten());
    let requests = object.map.get("requests");
    let requests = requests.map(|list| lists::requests(list, ""));
    let requests = requests.into_iter().flatten();
    let extracted = requests.flat_map(|(_, request)| extract::names(request));
    // A value with ${…} in it, which was noted, is none.
    let (open, with_value): (Vec<_>, Vec<_>) = variables
        .iter()
        .cloned()
        .partition(|(_, value)| has_variables(value));
    let mut changing: Vec<String> = columns.chain(extracted).cloned().collect();
    changing.extend(open.into_iter().map(|(name, _)| name));
    Known {
        changing,
        with_value,
        open: data.iter().any(|source| source.columns.is_none()),
    }
}

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
            object.allow_only(&REQUEST_KEYS, &REQUEST_NOT_SUPPORTED, notes);
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
        let (shown, secrets) = without_secrets(text);
        if !secrets.is_empty() {
            let names = secrets.join(", ");
            notes.warn(
                &object.path_of("label"),
                &format!("would show the value of {names}, a secret by its name, to everybody who sees a result; the name stands there instead"),
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
fn check_single_authorization(
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
