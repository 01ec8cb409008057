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
mod entries;
pub(crate) mod extract;
pub(crate) mod files;
pub(crate) mod flow;
pub mod functions;
pub(crate) mod headers;
pub(crate) mod http;
pub(crate) mod json_document;
pub(crate) mod json_path;
pub(crate) mod labels;
pub mod lists;
pub(crate) mod messages;
pub(crate) mod once;
pub(crate) mod patterns;
pub(crate) mod routing;
pub(crate) mod script;
pub(crate) mod search;
pub(crate) mod statuses;
pub mod step_kind;
pub mod targets;
pub(crate) mod think_time;
pub(crate) mod think_times;
pub(crate) mod time_limits;
pub(crate) mod tls;
pub mod variables;

use crate::routing::Routing;
use crate::scenario::FileCheck;
use crate::scenario::document::notes::{Node, Notes, Object};
use crate::scenario::limits::{DEFAULT_REDIRECTS, MOST_REDIRECTS};
use crate::scenario::plan::{
    Auth, ConnectionPolicy, DataSource, Flow, HttpChoice, Phase, StatusSet, Step, StepKind,
    ThinkTime, Tls,
};
use crate::scenario::requests::addresses::{Placeholders, default_address};
use crate::scenario::requests::auth::{AuthSetting, auth};
use crate::scenario::requests::blocks::{Place, flow};
use crate::scenario::requests::connections::connection_policy;
use crate::scenario::requests::data::data_sources;
use crate::scenario::requests::entries::{check_single_authorization, entry};
use crate::scenario::requests::headers::headers;
use crate::scenario::requests::once::{Given, ReadOnce, once};
use crate::scenario::requests::routing::{routing, warn_of_unused};
use crate::scenario::requests::script::{ReadScript, script};
use crate::scenario::requests::statuses::statuses;
use crate::scenario::requests::think_times::think_time;
use crate::scenario::requests::time_limits::{Limits, scenario_limits};
use crate::scenario::requests::tls::tls;
use crate::scenario::requests::variables::{Known, has_variables};

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
    /// What is requested once per run, before its load and after it.
    pub setup: Option<ReadOnce>,
    pub teardown: Option<ReadOnce>,
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

pub(crate) const SCENARIO_KEYS: [&str; 25] = [
    "requests",
    "setup",
    "teardown",
    "setup-timeout",
    "teardown-timeout",
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
#[derive(Clone)]
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
    routing::refuse_sources(&object, (&routing, &connection_policy), notes);
    let mut steps: Vec<ReadRequest> = Vec::new();
    let mut request = |node: &Node<'_>, place: Place, notes: &mut Notes| {
        let (request, times) = entry(node, place, (&common, &steps), files, notes)?;
        steps.push(request);
        Some((steps.len() - 1, times))
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
    refuse_streams(&object, http, &steps, notes);
    if streams > 1 {
        http::warn_of_idle_streams(&object, http, &steps, notes);
    }
    let [setup, teardown] = once_of(&object, &common, (&variables, &data), files, notes);
    let once_read = setup.iter().chain(&teardown).flat_map(|once| &once.steps);
    let read = steps.iter().chain(once_read).map(|request| &request.step);
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
        setup,
        teardown,
        script: None,
    })
}

/// Notes streams of messages in a version of HTTP that they are not spoken in.
fn refuse_streams(object: &Object<'_>, http: HttpChoice, steps: &[ReadRequest], notes: &mut Notes) {
    let opens = |request: &ReadRequest| matches!(request.step.kind, StepKind::Opening(_));
    if http == HttpChoice::Http2 && steps.iter().any(opens) {
        notes.fault(
            object.path_of("http"),
            "is 2, and streams of messages (websocket, events) are spoken over HTTP/1.1: write auto, or leave it out",
        );
    }
}

/// What a scenario requests once per run, by phase.
fn once_of(
    object: &Object<'_>,
    common: &Common<'_>,
    (variables, data): (&[(String, String)], &[DataSource]),
    files: FileCheck<'_>,
    notes: &mut Notes,
) -> [Option<ReadOnce>; 2] {
    let given = Given { variables, data };
    Phase::ALL.map(|phase| once(phase, object, (common, &given), files, notes))
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
    let of_setup: Vec<String> = extracted(object, Phase::Setup.name()).collect();
    let extracted = extracted(object, "requests").chain(of_setup.iter().cloned());
    // A value with ${…} in it, which was noted, is none.
    let (open, with_value): (Vec<_>, Vec<_>) = variables
        .iter()
        .cloned()
        .partition(|(_, value)| has_variables(value));
    let mut changing: Vec<String> = columns.cloned().chain(extracted).collect();
    changing.extend(open.into_iter().map(|(name, _)| name));
    Known {
        changing,
        with_value,
        of_setup,
        open: data.iter().any(|source| source.columns.is_none()),
        once: false,
    }
}

/// The variables that the requests of a list of a scenario extract, without a look at the rest.
fn extracted(object: &Object<'_>, key: &str) -> impl Iterator<Item = String> {
    let requests = object.map.get(key);
    let requests = requests.map(|list| lists::requests(list, ""));
    let requests = requests.into_iter().flatten();
    requests.flat_map(|(_, request)| extract::names(request).cloned())
}
