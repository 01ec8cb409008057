//! What the flags of a run mean: with a URL they are a scenario of one request, with a file
//! they change it. Reading either is left to `source`.

use super::RegionChoice;
use crate::args::RunArgs;
use dlt_core::ids::Region;
use dlt_core::refusal::Fault;
use dlt_core::scenario::plan::HttpChoice;
use dlt_core::scenario::requests::targets::without_user;
use dlt_core::scenario::{Overrides, Quick, quick};
use serde_json::{Value, json};
use std::path::Path;

/// What `-b` says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Body {
    /// Nothing is sent.
    None,
    /// A text.
    Text(String),
    /// A file, which is not read here: it may be binary, and large.
    File(String),
}

/// The body; with `-` what stdin holds.
pub fn body(args: &RunArgs) -> Result<Body, Fault> {
    let fault = |reason: String| Fault {
        path: "-b".to_owned(),
        reason,
    };
    match args.body.as_deref() {
        None => Ok(Body::None),
        Some("-") => {
            let bytes = super::bounded(std::io::stdin().lock())
                .map_err(|error| fault(format!("stdin cannot be read: {error}")))?;
            let text = String::from_utf8(bytes).map_err(|error| {
                let at = error.utf8_error().valid_up_to();
                fault(format!(
                    "stdin is not UTF-8 at byte {at}; save it to a file and give -b @FILE"
                ))
            })?;
            Ok(Body::Text(text))
        }
        Some(text) => Ok(match text.strip_prefix('@') {
            Some(file) => Body::File(file.to_owned()),
            None => Body::Text(text.to_owned()),
        }),
    }
}

/// Flags that do not go together, or say nothing.
pub fn contradictions(args: &RunArgs) -> Vec<Fault> {
    let mut faults = headers_without_colon(args);
    let mut fault = |path: &str, reason: String| {
        faults.push(Fault {
            path: path.to_owned(),
            reason,
        });
    };
    if let Some(connections) = args.connections
        && args.arrivals.is_none()
        && !stages(&args.stages).1
    {
        fault(
            "--connections",
            format!(
                "is how many requests may be in flight with --arrivals; as many users, each with a connection, are -c {connections}"
            ),
        );
    }
    if args.pacing.is_some() && args.arrivals.is_none() && !stages(&args.stages).1 {
        let reason =
            "is how punctual requests of --arrivals are; users send when they have their answers";
        fault("--pacing", reason.to_owned());
    }
    if !args.set.is_empty() {
        fault(
            "--set",
            "is for variables of a scenario file; a URL has none".to_owned(),
        );
    }
    faults
}

fn headers_without_colon(args: &RunArgs) -> Vec<Fault> {
    args.header
        .iter()
        .filter(|header| !header.contains(':'))
        .map(|header| Fault {
            path: "-H".to_owned(),
            reason: format!("{header:?} has no colon; write it like 'Accept: text/html'"),
        })
        .collect()
}

/// The flags that mean the same with a URL and with a file.
fn common(args: &RunArgs) -> Quick {
    let (stages, open) = stages(&args.stages);
    Quick {
        headers: args
            .header
            .iter()
            .filter(|header| header.contains(':'))
            .cloned()
            .collect(),
        users: args.users,
        arrivals: open.then_some(0.0).or(args.arrivals),
        duration: args.duration.clone(),
        ramp_up: args.ramp_up.clone(),
        iterations: args.iterations,
        requests: args.requests,
        stages,
        thresholds: args.threshold.clone(),
        timeout: args.timeout.clone(),
        ca_file: args.ca_file.clone(),
        cert_file: args.cert_file.clone(),
        key_file: args.key_file.clone(),
        insecure: args.insecure,
        no_keepalive: args.no_keepalive,
        http: match (args.http2, args.http1_1) {
            (true, _) => Some(HttpChoice::Http2),
            (_, true) => Some(HttpChoice::Http1),
            _ => None,
        },
        streams: args.streams,
        resolve: args.way.resolve.clone(),
        connect_to: args.way.connect_to.clone(),
        proxy: args.way.proxy.as_deref().map(proxy_url),
        no_proxy: args.way.noproxy.clone(),
        connections: args.connections,
        pacing: args.pacing.clone(),
        throughput: args.throughput,
        seed: args.seed,
        ..Quick::default()
    }
}

/// A proxy that is given as curl takes it: without a scheme it is one of HTTP.
fn proxy_url(text: &str) -> String {
    match text.is_empty() || text.contains("://") {
        true => text.to_owned(),
        false => format!("http://{text}"),
    }
}

/// What the flags change of a scenario file.
pub fn overrides(args: &RunArgs, regions: &RegionChoice) -> Result<Overrides, Vec<Fault>> {
    let faults = headers_without_colon(args);
    if !faults.is_empty() {
        return Err(faults);
    }
    let mut flags = Quick {
        name: args.name.clone(),
        ..common(args)
    };
    if let Some(tasks) = args.tasks
        && !args.region.is_empty()
    {
        flags.tasks = spread(tasks, &regions.chosen);
    }
    // Files of flags are here, those of a scenario file are beside it.
    let files = [
        &mut flags.ca_file,
        &mut flags.cert_file,
        &mut flags.key_file,
    ];
    for name in files.into_iter().flatten() {
        let absolute = std::path::absolute(Path::new(name.as_str()));
        if let Some(absolute) = absolute.ok().and_then(|it| it.to_str().map(str::to_owned)) {
            *name = absolute;
        }
    }
    Ok(Overrides {
        flags,
        tasks: args.tasks,
        user: args.user.clone(),
        variables: args.set.clone(),
        environment: args.env.clone(),
    })
}

/// Spreads `tasks` evenly over the regions, with the remainder in the first ones; regions
/// without tasks are left out.
pub fn spread(tasks: u64, regions: &[(Region, u64)]) -> Vec<(String, u64)> {
    let of = regions.len().max(1) as u64;
    regions
        .iter()
        .zip(0u64..)
        .map(|((region, _), at)| (region.to_string(), tasks / of + u64::from(at < tasks % of)))
        .filter(|row| row.1 > 0)
        .collect()
}

/// The scenario's body for a URL with flags.
pub fn quick_body(args: &RunArgs, body: Body, regions: &[(Region, u64)]) -> Value {
    let tasks = args.tasks.unwrap_or(regions.len() as u64);
    let mut tasks_by_region = spread(tasks, regions);
    if tasks_by_region.is_empty() {
        // Zero runners: the scenario's parser refuses them, with the path.
        let first = regions.first().map(|row| row.0.to_string());
        tasks_by_region = vec![(first.unwrap_or_default(), tasks)];
    }
    // As other clients do: who has something to send, posts it.
    let posts = body != Body::None;
    let (body, body_file) = match body {
        Body::None => (None, None),
        Body::Text(text) => (Some(text), None),
        Body::File(file) => (None, Some(file)),
    };
    let mut value = quick(&Quick {
        url: args.target.clone(),
        method: match &args.method {
            None if posts => Some("POST".to_owned()),
            method => method.clone(),
        },
        body,
        tasks: tasks_by_region,
        think_time: args.think_time.clone(),
        name: Some(args.name.clone().unwrap_or_else(|| name_of(&args.target))),
        no_follow: args.no_follow,
        ..common(args)
    });
    if let Some(request) = first_request(&mut value) {
        if let Some(file) = body_file {
            request.insert("body-file".to_owned(), json!(file));
        }
        if let Some((username, password)) = &args.user {
            let basic = json!({ "basic": { "username": username, "password": password } });
            request.insert("auth".to_owned(), basic);
        }
    }
    value
}

/// The name of a URL's run: the URL without its query, user and password, cut to what lists show.
pub fn name_of(url: &str) -> String {
    const LONGEST_NAME_CHARS: usize = 100;
    let plain = without_user(url).0;
    let plain = plain.split(['?', '#']).next().unwrap_or_default();
    plain.chars().take(LONGEST_NAME_CHARS).collect()
}

/// Stages, and whether they are arrivals (`500/s:30s`, not `50:30s`). If only some are, all
/// stay unchanged, and the scenario's parser refuses them.
pub fn stages(given: &[String]) -> (Vec<String>, bool) {
    let plain: Option<Vec<String>> = given
        .iter()
        .map(|stage| {
            let (target, time) = stage.split_once(':')?;
            Some(format!("{}:{time}", target.trim().strip_suffix("/s")?))
        })
        .collect();
    match plain {
        Some(plain) if !plain.is_empty() => (plain, true),
        _ => (given.to_vec(), false),
    }
}

fn first_request(body: &mut Value) -> Option<&mut serde_json::Map<String, Value>> {
    body.pointer_mut("/testScenario/scenarios")?
        .as_object_mut()?
        .values_mut()
        .next()?
        .pointer_mut("/requests/0")?
        .as_object_mut()
}

/// Faults for flags that say what one request is.
pub fn for_urls(args: &RunArgs) -> Vec<Fault> {
    let given = [
        ("--think-time", args.think_time.is_some(), "think-time"),
        ("-m", args.method.is_some(), "method"),
        ("-b", args.body.is_some(), "body"),
        ("--no-follow", args.no_follow, "follow-redirects: false"),
    ];
    given
        .into_iter()
        .filter(|flag| flag.1)
        .map(|(flag, _, key)| Fault {
            path: flag.to_owned(),
            reason: format!("goes with a URL; in a scenario file write `{key}`"),
        })
        .collect()
}
