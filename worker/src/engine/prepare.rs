//! Everything that takes time and can be done before the clock starts: request
//! bytes, body files, labels, names, TLS. Faults are said here, all at once,
//! and not in the middle of a run.

use super::http::request::{Endpoint, Parts, Request};
use super::tls::{Choices, TlsChoice};
use super::{LoadError, LoadSpec};
use dlt_core::scenario::plan::{Body, Group, Plan, Step};
use dlt_core::share::Lot;
use dlt_core::tally::{MOST_LABELS, OTHER_LABEL};
use std::collections::HashMap;
use std::net::{SocketAddr, ToSocketAddrs as _};
use std::sync::{Arc, mpsc};
use std::time::{Duration, Instant};

/// Longest body, bytes: it is held once in memory.
const LONGEST_BODY_BYTES: u64 = 256 * 1024 * 1024;
/// Most addresses of a name that are tried.
const MOST_ADDRESSES: usize = 16;
/// How long names may take to resolve beforehand; later ones resolve when used.
const LONGEST_RESOLVE: Duration = Duration::from_secs(5);
/// Most names resolved beforehand.
const MOST_NAMES: usize = 64;

/// A load, ready: what all threads share, read only.
#[derive(Debug)]
pub(super) struct Prepared {
    pub(super) plan: Arc<Plan>,
    pub(super) lot: Lot,
    pub(super) threads: u64,
    /// Labels in the plan's order; samples name them by index.
    pub(super) labels: Vec<String>,
    /// Index of [`OTHER_LABEL`], if labels were beyond the limit.
    pub(super) other: Option<usize>,
    pub(super) groups: Vec<PreparedGroup>,
    pub(super) addresses: Vec<(Endpoint, Vec<SocketAddr>)>,
    pub(super) warnings: Vec<String>,
}

/// A group, ready; the rest of it stands in the plan.
#[derive(Debug)]
pub(super) struct PreparedGroup {
    pub(super) steps: Vec<PreparedStep>,
    pub(super) tls: Arc<TlsChoice>,
}

/// A step, ready.
#[derive(Debug)]
pub(super) struct PreparedStep {
    pub(super) label: usize,
    pub(super) endpoint: Endpoint,
    pub(super) request: Request,
    pub(super) body: Arc<[u8]>,
}

impl Prepared {
    /// Prepares a load, or says everything that is wrong with it.
    pub(super) fn new(spec: &LoadSpec) -> Result<Self, LoadError> {
        let mut labels = Labels::default();
        let mut bodies = HashMap::new();
        let mut choices = Choices::default();
        let mut faults = Vec::new();
        let mut groups = Vec::new();
        for group in &spec.plan.groups {
            match prepare_group(group, &mut labels, &mut bodies, &mut choices) {
                Ok(group) => groups.push(group),
                Err(more) => faults.extend(more),
            }
        }
        if groups.is_empty() && faults.is_empty() {
            faults.push("the plan has no execution".to_owned());
        }
        if !faults.is_empty() {
            return Err(LoadError(faults.join("; ")));
        }
        let addresses = resolve(groups.iter().flat_map(|group| &group.steps));
        let mut warnings = Vec::new();
        if labels.other.is_some() {
            warnings.push(format!(
                "more than {MOST_LABELS} labels: the others are counted together as {OTHER_LABEL}; give requests labels that do not vary"
            ));
        }
        for group in &spec.plan.groups {
            if group.tls.insecure {
                let name = &group.name;
                warnings.push(format!(
                    "scenario {name}: certificates are not verified (tls.insecure)"
                ));
            }
        }
        warnings.extend(spec.plan.groups.iter().filter_map(|group| {
            let most = group.load.connections;
            (group.load.model.is_open() && spec.lot.count(most) == 0).then(|| {
                format!(
                    "scenario {}: connections ({most}) are fewer than runners: a runner without a part in them opens one all the same; set connections to at least the number of runners",
                    group.name
                )
            })
        }));
        Ok(Self {
            plan: spec.plan.clone(),
            lot: spec.lot,
            threads: spec.threads.max(1) as u64,
            labels: labels.names,
            other: labels.other,
            groups,
            addresses,
            warnings,
        })
    }

    /// Whether any group is open load: then lag tells whether threads keep up.
    pub(super) fn is_open(&self) -> bool {
        self.plan
            .groups
            .iter()
            .any(|group| group.load.model.is_open())
    }
}

/// Labels by first appearance, bounded.
#[derive(Default)]
struct Labels {
    names: Vec<String>,
    known: HashMap<String, usize>,
    other: Option<usize>,
}

impl Labels {
    fn index(&mut self, label: &str) -> usize {
        if let Some(&index) = self.known.get(label) {
            return index;
        }
        if self.known.len() >= MOST_LABELS - 1 {
            // The last place is for all others.
            return *self.other.get_or_insert_with(|| {
                self.names.push(OTHER_LABEL.to_owned());
                self.names.len() - 1
            });
        }
        self.names.push(label.to_owned());
        let index = self.names.len() - 1;
        self.known.insert(label.to_owned(), index);
        index
    }
}

fn prepare_group(
    group: &Group,
    labels: &mut Labels,
    bodies: &mut HashMap<String, Arc<[u8]>>,
    choices: &mut Choices,
) -> Result<PreparedGroup, Vec<String>> {
    let mut faults = Vec::new();
    let mut steps = Vec::new();
    for step in &group.steps {
        match prepare_step(group, step, labels, bodies) {
            Ok(step) => steps.push(step),
            Err(why) => faults.push(format!("request {:?}: {why}", step.label)),
        }
    }
    if group.steps.is_empty() {
        faults.push(format!("scenario {:?} has no requests", group.name));
    }
    let tls = choices.of(&group.tls);
    let names_files = group.tls.ca_file.is_some()
        || group.tls.cert_file.is_some()
        || group.tls.key_file.is_some();
    if names_files || steps.iter().any(|step| step.endpoint.https) {
        if let Err(why) = tls.warm_up() {
            faults.push(format!("scenario {:?}: {why}", group.name));
        }
    } else if group.steps.iter().any(|step| step.follow_redirects) {
        // A redirect may lead to https, and load threads must not read files
        // then. What is wrong is the fault of that redirect only, which says
        // it: a plan of plain http needs no certificates.
        let _ = tls.warm_up();
    }
    if !faults.is_empty() {
        return Err(faults);
    }
    Ok(PreparedGroup { steps, tls })
}

fn prepare_step(
    group: &Group,
    step: &Step,
    labels: &mut Labels,
    bodies: &mut HashMap<String, Arc<[u8]>>,
) -> Result<PreparedStep, String> {
    let body: Arc<[u8]> = match &step.body {
        Body::None => Arc::from([]),
        Body::Text(text) => text.as_bytes().into(),
        Body::File(path) => match bodies.get(path) {
            Some(body) => body.clone(),
            None => {
                let body = read_body(path)?;
                bodies.insert(path.clone(), body.clone());
                body
            }
        },
    };
    let request = Request::build(&Parts {
        method: &step.method,
        url: &step.url,
        headers: &step.headers,
        body: &body,
        keepalive: group.keepalive,
    })?;
    Ok(PreparedStep {
        label: labels.index(&step.label),
        endpoint: Endpoint::of(&step.url)?,
        request,
        body,
    })
}

fn read_body(path: &str) -> Result<Arc<[u8]>, String> {
    let say = |why: String| format!("body-file {path}: {why}");
    let length = std::fs::metadata(path)
        .map_err(|error| say(error.to_string()))?
        .len();
    if length > LONGEST_BODY_BYTES {
        return Err(say(format!("{length} bytes; the most is 256 MiB")));
    }
    std::fs::read(path)
        .map(Arc::from)
        .map_err(|error| say(error.to_string()))
}

/// Resolves the steps' names side by side. One that does not resolve is not an
/// error here: its requests fail with cause `dns`, as a run should tell.
fn resolve<'a>(steps: impl Iterator<Item = &'a PreparedStep>) -> Vec<(Endpoint, Vec<SocketAddr>)> {
    let mut wanted: Vec<Endpoint> = Vec::new();
    for step in steps {
        if !wanted.contains(&step.endpoint) && wanted.len() < MOST_NAMES {
            wanted.push(step.endpoint.clone());
        }
    }
    let (sender, answers) = mpsc::channel();
    let mut asked = 0;
    for endpoint in wanted {
        let sender = sender.clone();
        let ask = move || {
            let found = (endpoint.host.as_str(), endpoint.port).to_socket_addrs();
            let found = found.map(|found| found.take(MOST_ADDRESSES).collect::<Vec<_>>());
            // The receiver is gone only when time ran out.
            let _ = sender.send((endpoint, found.unwrap_or_default()));
        };
        let thread = std::thread::Builder::new().name("resolve".to_owned());
        asked += usize::from(thread.spawn(ask).is_ok());
    }
    let until = Instant::now() + LONGEST_RESOLVE;
    let mut known = Vec::new();
    while asked > 0 {
        let left = until.saturating_duration_since(Instant::now());
        let Ok((endpoint, addresses)) = answers.recv_timeout(left) else {
            break;
        };
        asked -= 1;
        if !addresses.is_empty() {
            known.push((endpoint, addresses));
        }
    }
    known
}
