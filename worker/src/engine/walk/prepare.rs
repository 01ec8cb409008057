//! Everything that takes time and can be done before the clock starts: request
//! bytes, body files, labels, hosts, TLS. Faults are said here, all at once,
//! and not in the middle of a run.

use crate::engine::check::checks::Reads;
use crate::engine::files::Files;
use crate::engine::http::hosts::{Host, Wanted, hosts};
use crate::engine::http::resolver::Resolver;
use crate::engine::http::tls::{Choices, TlsChoice};
use crate::engine::make::inputs::Inputs;
use crate::engine::make::recipe::Shape;
use crate::engine::make::session::{Names, Secrets};
use crate::engine::make::template::Template;
use crate::engine::remember::recorder::too_many_labels;
use crate::engine::{LoadError, LoadSpec};
use dlt_core::load::share::Lot;
use dlt_core::measure::tally::{MOST_LABELS, OTHER_LABEL};
use dlt_core::scenario::cut_label;
use dlt_core::scenario::plan::{Group, Load, Plan, Step};
use std::collections::HashMap;
use std::sync::Arc;

/// A load, ready: what all threads share, read only.
#[derive(Debug)]
pub(crate) struct Prepared {
    pub(crate) plan: Arc<Plan>,
    pub(crate) inputs: Arc<Inputs>,
    pub(crate) lot: Lot,
    pub(crate) threads: u64,
    /// Labels in the plan's order; samples name them by index.
    pub(crate) labels: Vec<String>,
    pub(crate) groups: Vec<PreparedGroup>,
    pub(crate) hosts: Vec<Host>,
    pub(crate) resolver: Resolver,
    pub(crate) warnings: Vec<String>,
}

/// A group, ready; the rest of it stands in the plan.
#[derive(Debug)]
pub(crate) struct PreparedGroup {
    pub(crate) steps: Vec<PreparedStep>,
    pub(crate) tls: Arc<TlsChoice>,
    pub(crate) names: Names,
    pub(crate) secrets: Secrets,
}

/// A step, ready.
#[derive(Debug)]
pub(crate) struct PreparedStep {
    pub(crate) label: Label,
    pub(crate) shape: Shape,
    pub(crate) reads: Reads,
}

/// The label of a step's samples.
#[derive(Debug)]
pub(crate) enum Label {
    /// By its index.
    Fixed(usize),
    /// Made for each sample.
    Varying(Template),
}

impl Prepared {
    /// Prepares a load, or says everything that is wrong with it.
    pub(crate) fn new(spec: &LoadSpec, resolver: Resolver) -> Result<Self, LoadError> {
        let mut labels = Labels::default();
        let files = &spec.inputs.files;
        let mut choices = Choices::new(files.clone());
        let mut faults = Vec::new();
        let mut groups = Vec::new();
        for (at, group) in spec.plan.groups.iter().enumerate() {
            let names = Names::of(group, spec.inputs.columns(at));
            match prepare_group(group, names, files, &mut labels, &mut choices) {
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
        let hosts = hosts(wanted_hosts(&spec.plan, &groups), &resolver);
        let mut warnings = Vec::new();
        if labels.other.is_some() {
            warnings.push(too_many_labels());
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
            inputs: spec.inputs.clone(),
            lot: spec.lot,
            threads: spec.threads.max(1) as u64,
            labels: labels.names,
            groups,
            hosts,
            resolver,
            warnings,
        })
    }

    /// Which users of a group are a thread's: of the runner's own, or of the
    /// run's.
    pub(crate) fn users_of(&self, load: &Load, thread: u64) -> Lot {
        let runner = if load.per_task { Lot::WHOLE } else { self.lot };
        runner.split(thread, self.threads)
    }

    /// Which arrivals of a group are a thread's; None if it takes no part.
    pub(crate) fn arrivals_of(&self, load: &Load, thread: u64) -> Option<Lot> {
        // With fewer connections than threads some threads would drop all they
        // have: so only as many take part.
        let most = self.lot.count(load.connections);
        let threads = self.threads.min(most).max(1);
        (thread < threads).then(|| self.lot.split(thread, threads))
    }

    /// Whether any group is open load: then lag tells whether threads keep up.
    pub(crate) fn is_open(&self) -> bool {
        self.plan
            .groups
            .iter()
            .any(|group| group.load.model.is_open())
    }
}

/// The hosts that the steps name.
fn wanted_hosts<'a>(
    plan: &'a Plan,
    groups: &'a [PreparedGroup],
) -> impl Iterator<Item = Wanted<'a>> {
    groups.iter().enumerate().flat_map(move |(group, prepared)| {
        let endpoints = prepared.steps.iter();
        let endpoints = endpoints.filter_map(|step| step.shape.endpoint());
        endpoints.map(move |endpoint| Wanted {
            group,
            endpoint,
            dns: plan.groups[group].dns,
        })
    })
}

/// Labels by first appearance, bounded.
#[derive(Default)]
struct Labels {
    names: Vec<String>,
    known: HashMap<String, usize>,
    other: Option<usize>,
}

impl Labels {
    fn of(&mut self, label: &str, names: &Names) -> Result<Label, String> {
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
    names: Names,
    files: &Files,
    labels: &mut Labels,
    choices: &mut Choices,
) -> Result<PreparedGroup, Vec<String>> {
    let mut faults = Vec::new();
    let mut steps = Vec::new();
    let mut secrets = names.secrets();
    for step in &group.steps {
        let mut prepare = || {
            Ok(PreparedStep {
                label: labels.of(&step.label, &names)?,
                shape: Shape::of(group, step, &names, files, &mut secrets)?,
                reads: Reads::of(step, &names, group.store_cookies),
            })
        };
        match prepare() {
            Ok(step) => steps.push(step),
            Err(why) => {
                let why: String = why;
                faults.push(format!("request {:?}: {why}", step.label));
            }
        }
    }
    if group.steps.is_empty() {
        faults.push(format!("scenario {:?} has no requests", group.name));
    }
    let tls = choices.of(&group.tls);
    let names_files = group.tls.ca_file.is_some()
        || group.tls.cert_file.is_some()
        || group.tls.key_file.is_some();
    let mut endpoints = steps.iter().map(|step| step.shape.endpoint());
    if names_files || endpoints.any(|known| known.is_some_and(|endpoint| endpoint.https)) {
        if let Err(why) = tls.warm_up() {
            faults.push(format!("scenario {:?}: {why}", group.name));
        }
    } else if group.steps.iter().any(may_turn_to_https) {
        // Load threads must not make keys then. What is wrong is the fault of
        // those requests only, which say it: a plan of plain http needs no
        // certificates.
        let _ = tls.warm_up();
    }
    if !faults.is_empty() {
        return Err(faults);
    }
    Ok(PreparedGroup {
        steps,
        tls,
        names,
        secrets,
    })
}

/// By a redirect, or by a variable.
fn may_turn_to_https(step: &Step) -> bool {
    step.follow_redirects || !step.host_is_fixed()
}
