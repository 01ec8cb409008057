//! The scenario that `dlt run URL` means: flags in, the body of a scenario
//! file out. It checks nothing; `Scenario::from_text` does, so a wrong flag
//! and a wrong file are refused with the same sentences.

use crate::scenario::plan::HttpChoice;
use serde_json::{Map, Value, json};

/// Users of a quick run whose flags set no load.
pub const QUICK_USERS: u64 = 10;
/// How long a quick run lasts whose flags set no end.
pub const QUICK_DURATION: &str = "10s";
/// Name of a quick run that has none.
pub const QUICK_NAME: &str = "quick run";

/// The flags of `dlt run URL`.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Quick {
    /// The URL of the target.
    pub url: String,
    /// Method; GET when absent.
    pub method: Option<String>,
    /// Headers as `Name: value`.
    pub headers: Vec<String>,
    /// Request body.
    pub body: Option<String>,
    /// Users over the whole run.
    pub users: Option<u64>,
    /// Arrivals per second over the whole run.
    pub arrivals: Option<f64>,
    /// How long the load is held.
    pub duration: Option<String>,
    /// How long the load rises before it is held.
    pub ramp_up: Option<String>,
    /// Rounds of each user.
    pub iterations: Option<u64>,
    /// Requests over the whole run.
    pub requests: Option<u64>,
    /// Stages as `target:duration`.
    pub stages: Vec<String>,
    /// (region, runners); empty means the defaults of `from_text`.
    pub tasks: Vec<(String, u64)>,
    /// Thresholds, as in a file.
    pub thresholds: Vec<String>,
    /// Time limit of a request.
    pub timeout: Option<String>,
    /// PEM file of further authorities.
    pub ca_file: Option<String>,
    /// PEM file of the client's certificate chain.
    pub cert_file: Option<String>,
    /// PEM file of its key.
    pub key_file: Option<String>,
    /// Verify no certificate.
    pub insecure: bool,
    /// `HOST:PORT:ADDRESS[,ADDRESS]`: addresses in place of a name's.
    pub resolve: Vec<String>,
    /// `HOST1:PORT1:HOST2:PORT2`: hosts and ports in place of others.
    pub connect_to: Vec<String>,
    /// The proxy's URL.
    pub proxy: Option<String>,
    /// What is reached without a proxy.
    pub no_proxy: Option<String>,
    /// Most requests in flight in open load.
    pub connections: Option<u64>,
    /// How punctual arrivals are: `default`, `precise`, `spin`.
    pub pacing: Option<String>,
    /// Pause after each answer.
    pub think_time: Option<String>,
    /// The scenario's name.
    pub name: Option<String>,
    /// Do not follow redirects.
    pub no_follow: bool,
    /// Open a connection for each request.
    pub no_keepalive: bool,
    /// The version of HTTP.
    pub http: Option<HttpChoice>,
    /// Most requests in flight that share a connection in HTTP/2.
    pub streams: Option<u64>,
    /// Cap on requests per second in closed load.
    pub throughput: Option<f64>,
    /// What random numbers are made of.
    pub seed: Option<u64>,
}

/// The scenario file's body for a quick run.
pub fn quick(q: &Quick) -> Value {
    let name = q.name.clone().unwrap_or_else(|| QUICK_NAME.to_owned());
    let mut body = json!({
        "testName": name,
        "testScenario": {
            "execution": [execution(q, &name)],
            "scenarios": { name.as_str(): definition(q) },
        },
        "showLive": true,
    });
    if !q.tasks.is_empty() {
        body["testTaskConfigs"] = q
            .tasks
            .iter()
            .map(|(region, count)| json!({ "region": region, "taskCount": count }))
            .collect();
    }
    if !q.thresholds.is_empty() {
        body["thresholds"] = json!(q.thresholds);
    }
    body
}

fn execution(q: &Quick, name: &str) -> Value {
    let mut item = Map::new();
    let says_load = q.users.is_some() || q.arrivals.is_some() || !q.stages.is_empty();
    let users = q.users.or((!says_load).then_some(QUICK_USERS));
    put(&mut item, "users", users);
    put(&mut item, "arrivals", q.arrivals);
    put(&mut item, "ramp-up", q.ramp_up.as_deref());
    let counts = q.iterations.is_some() || q.requests.is_some();
    let says_end = q.duration.is_some() || counts || !q.stages.is_empty();
    let duration = q
        .duration
        .as_deref()
        .or((!says_end).then_some(QUICK_DURATION));
    put(&mut item, "hold-for", duration);
    put(&mut item, "iterations", q.iterations);
    put(&mut item, "total-requests", q.requests);
    if !q.stages.is_empty() {
        item.insert(
            "stages".to_owned(),
            q.stages.iter().map(|text| stage(text)).collect(),
        );
    }
    put(&mut item, "throughput", q.throughput);
    put(&mut item, "connections", q.connections);
    put(&mut item, "pacing", q.pacing.as_deref());
    put(&mut item, "seed", q.seed);
    item.insert("scenario".to_owned(), json!(name));
    Value::Object(item)
}

/// `500:30s`; a text of another form is handed on, for the check to refuse.
pub(super) fn stage(text: &str) -> Value {
    let Some((target, duration)) = text.split_once(':') else {
        return json!(text);
    };
    let target = match target.trim().parse::<f64>() {
        Ok(number) if number.is_finite() => json!(number),
        _ => json!(target),
    };
    json!({ "target": target, "duration": duration.trim() })
}

fn definition(q: &Quick) -> Value {
    let mut request = Map::new();
    request.insert("url".to_owned(), json!(q.url));
    put(&mut request, "method", q.method.as_deref());
    if !q.headers.is_empty() {
        request.insert("headers".to_owned(), headers(&q.headers));
    }
    put(&mut request, "body", q.body.as_deref());
    put(&mut request, "think-time", q.think_time.as_deref());
    put(&mut request, "timeout", q.timeout.as_deref());
    put(
        &mut request,
        "follow-redirects",
        q.no_follow.then_some(false),
    );
    let mut tls = Map::new();
    put(&mut tls, "ca-file", q.ca_file.as_deref());
    put(&mut tls, "cert-file", q.cert_file.as_deref());
    put(&mut tls, "key-file", q.key_file.as_deref());
    put(&mut tls, "insecure", q.insecure.then_some(true));
    let mut definition = Map::new();
    definition.insert("requests".to_owned(), json!([request]));
    put(
        &mut definition,
        "keepalive",
        q.no_keepalive.then_some(false),
    );
    put(&mut definition, "http", q.http.map(HttpChoice::name));
    put(&mut definition, "streams", q.streams);
    if !tls.is_empty() {
        definition.insert("tls".to_owned(), Value::Object(tls));
    }
    for (key, entries) in [("resolve", &q.resolve), ("connect-to", &q.connect_to)] {
        put(
            &mut definition,
            key,
            (!entries.is_empty()).then(|| json!(entries)),
        );
    }
    put(&mut definition, "proxy", q.proxy.as_deref());
    put(&mut definition, "no-proxy", q.no_proxy.as_deref());
    Value::Object(definition)
}

/// `Name: value` lines as an object, or as a list if a name is repeated; a line
/// without a colon gets no value, for the check to refuse.
pub(super) fn headers(lines: &[String]) -> Value {
    let pairs = lines.iter().map(|line| match line.split_once(':') {
        Some((name, value)) => (name.trim().to_owned(), json!(value.trim())),
        None => (line.clone(), Value::Null),
    });
    let pairs: Vec<(String, Value)> = pairs.collect();
    let repeats = pairs.iter().enumerate().any(|(at, (name, _))| {
        let mut before = pairs[..at].iter();
        before.any(|(other, _)| other.eq_ignore_ascii_case(name))
    });
    if repeats {
        let entry = |(name, value): (String, Value)| json!({ name: value });
        return pairs.into_iter().map(entry).collect();
    }
    Value::Object(pairs.into_iter().collect())
}

fn put(map: &mut Map<String, Value>, key: &str, value: Option<impl Into<Value>>) {
    if let Some(value) = value {
        map.insert(key.to_owned(), value.into());
    }
}
