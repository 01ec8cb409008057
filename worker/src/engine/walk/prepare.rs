//! Everything that takes time and can be done before the clock starts: request
//! bytes, body files, labels, hosts, TLS. All faults are reported here at once,
//! none in the middle of a run.

use crate::engine::check::checks::CheckSpec;
use crate::engine::http::connect::NOT_FORWARDED;
use crate::engine::http::hosts::{HostUse, ResolvedHost, resolve_hosts};
use crate::engine::http::request::{Endpoint, basic};
use crate::engine::http::resolver::Resolver;
use crate::engine::http::tls::TlsConfig;
use crate::engine::http::way::RouteHosts;
use crate::engine::make::inputs::Inputs;
use crate::engine::make::request_template::StepRequest;
use crate::engine::make::session::Secrets;
use crate::engine::make::template::Template;
use crate::engine::make::variable_names::VariableNames;
use crate::engine::memory::Memory;
use crate::engine::remember::recorder::too_many_labels_warning;
use crate::engine::walk::sources;
use crate::engine::{LoadError, LoadSpec};
use dlt_core::load::share::Lot;
use dlt_core::measure::tally::{MOST_LABELS, OTHER_LABEL};
use dlt_core::routing::Routes;
use dlt_core::scenario::cut_label;
use dlt_core::scenario::plan::{Flow, Group, HttpChoice, Load, Plan, Step, StepKind, StreamKind};
use std::collections::HashMap;
use std::sync::Arc;

/// A prepared load: what all threads share, read only.
#[derive(Debug)]
pub(crate) struct PreparedLoad {
    pub(crate) plan: Arc<Plan>,
    pub(crate) inputs: Arc<Inputs>,
    pub(crate) lot: Lot,
    pub(crate) threads: u64,
    /// Labels in the plan's order; samples name them by index.
    pub(crate) labels: Vec<String>,
    /// The names of transactions, which results name by index.
    pub(crate) transactions: Vec<String>,
    pub(crate) groups: Vec<PreparedGroup>,
    pub(crate) hosts: Vec<ResolvedHost>,
    pub(crate) resolver: Resolver,
    pub(crate) memory: Memory,
    /// What random numbers are made of.
    pub(crate) seed: u64,
    /// Whether all exchanges are kept for people.
    pub(crate) keep_exchanges: bool,
    pub(crate) warnings: Vec<String>,
}

/// Most that the requests of a scenario come to with the values of its variables, bytes: they are
/// held by every runner.
const MOST_PREPARED_BYTES: usize = 64 * 1024 * 1024;

/// What is prepared of a group; the rest of it is in the plan.
#[derive(Debug)]
pub(crate) struct PreparedGroup {
    pub(crate) steps: Vec<PreparedStep>,
    pub(crate) tls: Arc<TlsConfig>,
    /// For streams of messages, if it has any.
    pub(crate) stream_tls: Option<Arc<TlsConfig>>,
    pub(crate) routes: Arc<Routes>,
    pub(crate) names: VariableNames,
    pub(crate) secrets: Secrets,
    /// The texts of each condition of the flow.
    pub(crate) conditions: Vec<Vec<Template>>,
    /// The number of each transaction of the flow among those of the plan.
    pub(crate) transactions: Vec<usize>,
}

/// What is prepared of a step.
#[derive(Debug)]
pub(crate) struct PreparedStep {
    pub(crate) label: Label,
    /// That of the end of the WebSocket that it opens.
    pub(crate) close_label: Option<Label>,
    pub(crate) request: StepRequest,
    pub(crate) checks: CheckSpec,
}

/// The label of a step's samples.
#[derive(Debug)]
pub(crate) enum Label {
    /// Its index.
    Fixed(usize),
    /// Made for each sample.
    Varying(Template),
}

/// Warns of variables whose values nobody gets, since each round has that of a row.
fn idle_variables<'a>(group: &'a Group, columns: impl Iterator<Item = &'a str>) -> Option<String> {
    let columns: Vec<&str> = columns.collect();
    let is_column = |name: &str| columns.contains(&name);
    let names = group.variables.iter().map(|row| row.0.as_str());
    let idle: Vec<&str> = names.filter(|name| is_column(name)).collect();
    (!idle.is_empty()).then(|| {
        format!(
            "scenario {}: the value that variables or --set give {} is not used: a column of its data files has that name, and each round has its row's",
            group.name,
            idle.join(", ")
        )
    })
}

impl PreparedLoad {
    /// Prepares a load, or reports everything that is wrong with it.
    pub(crate) fn new(spec: &LoadSpec, resolver: Resolver) -> Result<Self, LoadError> {
        let mut labels = LabelTable::default();
        let mut all_routes: Vec<Arc<Routes>> = Vec::new();
        let mut faults = Vec::new();
        let mut groups = Vec::new();
        let mut transactions = Vec::new();
        for (at, group) in spec.plan.groups.iter().enumerate() {
            let names = VariableNames::of(group, spec.inputs.columns(at)).on(spec.lot);
            let routes = shared(&mut all_routes, Routes::new(&group.routing, &spec.proxies));
            match prepare_group(group, (names, routes, &spec.inputs), &mut labels) {
                Ok(mut prepared) => {
                    prepared.transactions = numbered(&group.flow, &mut transactions);
                    if spec.keep_exchanges {
                        keep_answers(&mut prepared);
                    }
                    groups.push(prepared);
                }
                Err(more) => faults.extend(more),
            }
        }
        if groups.is_empty() && faults.is_empty() {
            faults.push("the plan has no execution".to_owned());
        }
        faults.extend(spec.plan.groups.iter().flat_map(sources::foreign));
        let memory = Memory::new(spec.memory_bytes);
        faults.extend(memory.fault(&spec.plan, |group| users_of_runner(&group.load, spec.lot)));
        if !faults.is_empty() {
            return Err(LoadError(faults.join("; ")));
        }
        let hosts = resolve_hosts(host_uses(&spec.plan, &groups), &resolver);
        let faults: Vec<String> = sources::without_family(&spec.plan.groups, &hosts).collect();
        if !faults.is_empty() {
            return Err(LoadError(faults.join("; ")));
        }
        let mut warnings = Vec::new();
        if labels.other.is_some() {
            warnings.push(too_many_labels_warning());
        }
        for (at, group) in spec.plan.groups.iter().enumerate() {
            warnings.extend(idle_variables(group, spec.inputs.columns(at)));
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
            inputs: spec.inputs.clone(),
            lot: spec.lot,
            threads: spec.threads.max(1) as u64,
            labels: labels.names,
            transactions,
            groups,
            hosts,
            resolver,
            memory,
            seed: spec.seed,
            keep_exchanges: spec.keep_exchanges,
            warnings,
        })
    }

    /// Which users of a group belong to a thread: of the runner's own users, or of
    /// the run's.
    pub(crate) fn users_of(&self, load: &Load, thread: u64) -> Lot {
        let runner = if load.per_task { Lot::WHOLE } else { self.lot };
        runner.split(thread, self.threads)
    }

    /// How many requests a thread's users of a group may begin: their part of
    /// `total-requests`. It is dealt to users in turn, so that nobody has to ask under load.
    pub(crate) fn requests_of(&self, load: &Load, thread: u64) -> Option<u64> {
        let (total, users) = requests_of_runner(load, self.lot)?;
        Some(self.users_of(load, thread).dealt(total, users))
    }

    /// Which arrivals of a group belong to a thread; None if it takes no part.
    pub(crate) fn arrivals_of(&self, load: &Load, thread: u64) -> Option<Lot> {
        // With fewer connections than threads some threads would drop all their
        // arrivals, so only as many threads take part.
        let most = self.lot.count(load.connections);
        let threads = self.threads.min(most).max(1);
        (thread < threads).then(|| self.lot.split(thread, threads))
    }

    /// Whether any group is open load: then lag shows whether threads keep up.
    pub(crate) fn is_open(&self) -> bool {
        self.plan
            .groups
            .iter()
            .any(|group| group.load.model.is_open())
    }
}

/// The most users of a group that a runner has at a time; 0 in open load, where nobody
/// knows how many requests will be in flight.
fn users_of_runner(load: &Load, lot: Lot) -> u64 {
    let most = load.model.curve().peak().ceil() as u64;
    let users = match (load.model.is_open(), load.per_task) {
        (true, _) => 0,
        (false, true) => most,
        (false, false) => lot.count(most),
    };
    match requests_of_runner(load, lot) {
        // Who has no request to make does not begin.
        Some((total, owners)) if load.per_task => users.min(Lot::WHOLE.dealt(total, owners)),
        Some((total, owners)) => users.min(lot.dealt(total, owners)),
        None => users,
    }
}

/// The requests of closed load to be dealt, and to how many users: those of the run, or, where
/// each runner has users of its own, this runner's. None where nobody counts them.
fn requests_of_runner(load: &Load, lot: Lot) -> Option<(u64, u64)> {
    let total = load.total_requests.filter(|_| !load.model.is_open())?;
    let users = load.model.curve().users();
    Some(match load.per_task {
        true => (lot.count(total), users),
        false => (total, users),
    })
}

/// The same routes for all groups that have them, so that these share their connections'
/// hosts.
fn shared(known: &mut Vec<Arc<Routes>>, routes: Routes) -> Arc<Routes> {
    let same = known.iter().find(|other| ***other == routes).cloned();
    same.unwrap_or_else(|| {
        known.push(Arc::new(routes));
        known[known.len() - 1].clone()
    })
}

/// The hosts whose names are looked up for the steps.
fn host_uses(plan: &Plan, groups: &[PreparedGroup]) -> impl Iterator<Item = HostUse> {
    groups
        .iter()
        .enumerate()
        .flat_map(move |(group, prepared)| {
            let endpoints = prepared.steps.iter();
            let endpoints = endpoints.filter_map(|step| step.request.endpoint());
            endpoints.flat_map(move |endpoint| {
                let route = &prepared.routes;
                let route = route.route(endpoint.https, &endpoint.host, endpoint.port);
                let hosts = RouteHosts::of(endpoint, plan.groups[group].dns, &route);
                hosts.looked_up().map(move |key| HostUse { group, key })
            })
        })
}

/// The labels in the order of their first appearance, with a limit.
#[derive(Default)]
struct LabelTable {
    names: Vec<String>,
    known: HashMap<String, usize>,
    other: Option<usize>,
}

impl LabelTable {
    fn of(&mut self, label: &str, names: &VariableNames) -> Result<Label, String> {
        let template = Template::compile(label, names)?;
        Ok(match template.fixed() {
            Some(label) => Label::Fixed(self.index(&cut_label(label))),
            None => Label::Varying(template),
        })
    }

    fn index(&mut self, label: &str) -> usize {
        if let Some(&index) = self.known.get(label) {
            return index;
        }
        if self.known.len() >= MOST_LABELS - 1 {
            // The last place is reserved for all others.
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

/// Reads certificates and keys, where some are or may be needed: load threads must not do that
/// while they make load.
fn warm_up(tls: &TlsConfig, group: &Group, steps: &[PreparedStep]) -> Result<(), String> {
    let names_files = group.tls.ca_file.is_some()
        || group.tls.cert_file.is_some()
        || group.tls.key_file.is_some();
    let mut endpoints = steps.iter().map(|step| step.request.endpoint());
    if names_files || endpoints.any(|known| known.is_some_and(|endpoint| endpoint.https)) {
        return tls.warm_up();
    }
    if group.steps.iter().any(may_turn_to_https) {
        // An error here fails only the requests that need TLS.
        let _ = tls.warm_up();
    }
    Ok(())
}

fn prepare_group(
    group: &Group,
    (names, routes, inputs): (VariableNames, Arc<Routes>, &Inputs),
    labels: &mut LabelTable,
) -> Result<PreparedGroup, Vec<String>> {
    let mut faults = Vec::new();
    let mut steps = Vec::new();
    let mut bytes = 0;
    let mut secrets = names.secrets();
    for (name, password) in routes.users() {
        secrets.add_text(password);
        // As it stands in a header that a proxy or a target shows again.
        secrets.add_text(basic(name, password).trim_start_matches("Basic "));
    }
    for step in &group.steps {
        let mut prepare = || -> Result<_, String> {
            let label = labels.of(&step.label, &names)?;
            let (request, bytes) =
                StepRequest::of((group, &routes), step, &names, &inputs.files, &mut secrets)?;
            let checks = CheckSpec::of(step, &names, group.store_cookies);
            let close_label = close_label(step, labels, &names)?;
            let prepared = PreparedStep {
                label,
                close_label,
                request,
                checks,
            };
            Ok((prepared, bytes))
        };
        match prepare() {
            Ok((step, more)) => {
                bytes += more;
                if bytes > MOST_PREPARED_BYTES {
                    faults.push(format!(
                        "the requests of scenario {} come to more than {} MiB with the values of its variables; put what is large into files (body-file)",
                        group.name,
                        MOST_PREPARED_BYTES / 1024 / 1024
                    ));
                    break;
                }
                steps.push(step);
            }
            Err(why) => faults.push(format!("request {:?}: {why}", step.label)),
        }
    }
    let conditions = compiled_conditions(&group.flow, &names, &mut faults);
    if group.steps.is_empty() {
        faults.push(format!("scenario {:?} has no requests", group.name));
    }
    if let Some((endpoint, why)) = forwarded(group, &steps, &routes) {
        faults.push(format!(
            "scenario {:?}: requests to {}: {why}",
            group.name,
            endpoint.authority()
        ));
    }
    let stream_tls = stream_tls(group, inputs);
    let tls = inputs.tls.get(&group.tls, group.http, &inputs.files);
    if let Err(why) = warm_up(&tls, group, &steps) {
        faults.push(format!("scenario {:?}: {why}", group.name));
    }
    if !faults.is_empty() {
        return Err(faults);
    }
    Ok(PreparedGroup {
        steps,
        tls,
        stream_tls,
        routes,
        names,
        secrets,
        conditions,
        transactions: Vec::new(),
    })
}

/// The label of the end of the WebSocket that a step opens.
fn close_label(
    step: &Step,
    labels: &mut LabelTable,
    names: &VariableNames,
) -> Result<Option<Label>, String> {
    let closes = step.kind == StepKind::Opening(StreamKind::WebSocket);
    let label = closes.then(|| labels.of(&format!("{} close", step.label), names));
    label.transpose()
}

/// The TLS of a group's streams of messages, which are spoken over HTTP/1.1; None without any.
fn stream_tls(group: &Group, inputs: &Inputs) -> Option<Arc<TlsConfig>> {
    let opens = |step: &Step| matches!(step.kind, StepKind::Opening(_));
    let has_streams = group.steps.iter().any(opens);
    let tls = &inputs.tls;
    has_streams.then(|| tls.get(&group.tls, HttpChoice::Http1, &inputs.files))
}

/// An endpoint that a proxy would forward requests to that cannot be forwarded, and why.
fn forwarded<'a>(
    group: &Group,
    steps: &'a [PreparedStep],
    routes: &Routes,
) -> Option<(&'a Endpoint, &'static str)> {
    group.steps.iter().zip(steps).find_map(|(step, prepared)| {
        let why = match step.kind {
            StepKind::Opening(StreamKind::WebSocket) => {
                "a WebSocket over http cannot go through a proxy that forwards requests: use https (wss)"
            }
            _ if group.http == HttpChoice::Http2 => NOT_FORWARDED,
            _ => return None,
        };
        let endpoint = prepared.request.endpoint()?;
        let route = routes.route(endpoint.https, &endpoint.host, endpoint.port);
        (route.proxy.is_some() && route.is_forwarded).then_some((endpoint, why))
    })
}

/// The texts of a flow's conditions.
fn compiled_conditions(
    flow: &Flow,
    names: &VariableNames,
    faults: &mut Vec<String>,
) -> Vec<Vec<Template>> {
    let mut conditions = Vec::new();
    for condition in &flow.conditions {
        let texts = condition.texts.iter();
        let texts = texts.map(|text| Template::compile(text, names));
        match texts.collect::<Result<Vec<_>, _>>() {
            Ok(texts) => conditions.push(texts),
            Err(why) => faults.push(format!("the condition {:?}: {why}", condition.text)),
        }
    }
    conditions
}

/// The numbers of a flow's transactions among those of the plan, which are added to; those of
/// one name are one.
fn numbered(flow: &Flow, all: &mut Vec<String>) -> Vec<usize> {
    let names = flow.transactions.iter().map(|it| &it.name);
    names
        .map(|name| {
            let known = all.iter().position(|other| other == name);
            known.unwrap_or_else(|| {
                all.push(name.clone());
                all.len() - 1
            })
        })
        .collect()
}

/// Has every step keep the whole answer, whatever is checked of it.
fn keep_answers(group: &mut PreparedGroup) {
    for step in &mut group.steps {
        step.checks.keep.head = true;
        step.checks.keep.body = true;
    }
}

/// Whether a step may need TLS: by a redirect, or by a variable.
fn may_turn_to_https(step: &Step) -> bool {
    step.follow_redirects || !step.host_is_fixed()
}
