//! `execution[n]`: users or arrivals, how long, in which stages. What is requested
//! is left to `requests`.

pub(crate) mod dns;
pub(crate) mod durations;
mod numbers;
mod scripts;
pub(crate) mod tasks;
mod total;

use crate::load::{Curve, Model};
use crate::random::LARGEST_SEED;
use crate::scenario::document::notes::{Node, Notes, Object, yaml_number};
use crate::scenario::document::shown::shown_value;
use crate::scenario::execution::dns::dns;
use crate::scenario::execution::durations::parse_duration;
use crate::scenario::execution::numbers::{positive, up_to};
use crate::scenario::limits::{
    DEFAULT_CONNECTIONS, DEFAULT_GIVE_UP_AFTER_US, DEFAULT_GRACEFUL_STOP_US, ITERATIONS_END_US,
    LONGEST_GRACEFUL_STOP_US, LONGEST_US, MOST_ARRIVALS, MOST_CONCURRENCY, MOST_CONNECTIONS,
    MOST_ITERATIONS, MOST_STAGES, MOST_USERS, SHORTEST_GIVE_UP_AFTER_US, SHORTEST_HOLD_US,
};
use crate::scenario::plan::{Dns, Load, Pacing, Retry, Tool};
use crate::scenario::show_duration;
use crate::value::Value;

pub(crate) const KEYS: [&str; 21] = [
    "concurrency",
    "users",
    "arrivals",
    "connections",
    "ramp-up",
    "hold-for",
    "iterations",
    "total-requests",
    "stages",
    "throughput",
    "graceful-stop",
    "pacing",
    "spot",
    "retry",
    "give-up-after",
    "end-after",
    "dns",
    "seed",
    "scenario",
    "executor",
    "taskCount",
];
/// Keys of Taurus that would change what is measured.
const NOT_SUPPORTED: [&str; 8] = [
    "delay",
    "distributed",
    "env",
    "files",
    "modules",
    "script",
    "start-at",
    "steps",
];

/// An `execution` item, read.
#[derive(Debug, Clone)]
pub(crate) struct Execution {
    /// Where it stands.
    pub path: String,
    /// `scenario`, empty when absent.
    pub scenario: String,
    /// Users or arrivals; None when the item has a fault there.
    pub amount: Option<Amount>,
    /// `concurrency` of the item itself.
    pub concurrency: Option<u64>,
    /// How names become addresses.
    pub dns: Dns,
    /// `spot`, percent of a region's workers.
    pub spot: Option<u8>,
    /// `seed` of the run's random numbers.
    pub seed: Option<u64>,
    /// `executor`: whose script is run.
    pub tool: Option<Tool>,
    staged: bool,
    iterations: Option<u64>,
    /// `total-requests`, over the whole run.
    pub total_requests: Option<u64>,
    throughput: Option<f64>,
    connections: u64,
    graceful_stop_us: u64,
    pacing: Pacing,
    retry: Retry,
    give_up_after_us: Option<u64>,
}

/// How much load, and over whom it is counted.
#[derive(Debug, Clone)]
pub(crate) enum Amount {
    /// Users of each task, known once `testTaskConfigs` is.
    PerTask { ramp_us: u64, hold_us: u64 },
    /// Users or arrivals of the whole run.
    WholeRun(Model),
    /// What a script says, in each task; it is ended after this time at the latest.
    Own { end_us: u64 },
}

impl Execution {
    /// Whether the load is counted per task.
    pub fn is_per_task(&self) -> bool {
        matches!(self.amount, Some(Amount::PerTask { .. }))
    }

    /// Whether a script says how hard and how long.
    pub fn is_own(&self) -> bool {
        matches!(self.amount, Some(Amount::Own { .. }))
    }

    /// Whether it counts the rounds of its users.
    pub fn has_iterations(&self) -> bool {
        self.iterations.is_some()
    }

    /// Whether its users rise and fall in stages.
    pub fn is_staged(&self) -> bool {
        self.staged
    }

    /// Whether it rises and stays for whole seconds.
    pub fn is_in_seconds(&self) -> bool {
        let is_whole = |us: u64| us.is_multiple_of(1_000_000);
        match &self.amount {
            Some(Amount::PerTask { ramp_us, hold_us }) => is_whole(*ramp_us) && is_whole(*hold_us),
            Some(Amount::WholeRun(model)) => {
                let mut points = model.curve().points().iter();
                points.all(|point| is_whole(point.0))
            }
            Some(Amount::Own { .. }) | None => true,
        }
    }

    /// Whether its load is arrivals.
    pub fn is_open(&self) -> bool {
        matches!(&self.amount, Some(Amount::WholeRun(model)) if model.is_open())
    }

    /// The load, `concurrency` being the users of a task.
    pub fn load(&self, concurrency: u64) -> Option<Load> {
        let (model, per_task) = match self.amount.as_ref()? {
            Amount::PerTask { ramp_us, hold_us } => {
                let curve = Curve::ramp_hold(concurrency as f64, *ramp_us, *hold_us);
                (Model::Users(curve), true)
            }
            Amount::WholeRun(model) => (model.clone(), false),
            Amount::Own { end_us } => (Model::Users(Curve::ramp_hold(1.0, 0, *end_us)), false),
        };
        Some(Load {
            own_shape: self.is_own(),
            model,
            per_task,
            iterations: self.iterations,
            total_requests: self.total_requests,
            throughput: self.throughput,
            connections: self.connections,
            graceful_stop_us: self.graceful_stop_us,
            seed: self.seed,
            pacing: self.pacing,
            retry: self.retry,
            give_up_after_us: self.give_up_after_us,
        })
    }
}

/// Reads an `execution` item; `scripted`: its scenario is a script.
pub(crate) fn execution(node: &Node<'_>, scripted: bool, notes: &mut Notes) -> Option<Execution> {
    let object = node.object(notes)?;
    object.allow_only(&KEYS, &NOT_SUPPORTED, notes);
    let tool = scripts::tool(&object, scripted, notes);
    if let Some(node) = object.get("taskCount") {
        node.whole(1..=MOST_USERS, notes);
    }
    let concurrency = object
        .get("concurrency")
        // A wrong number is a fault already, and is no missing one.
        .map(|node| node.whole(1..=MOST_CONCURRENCY, notes).unwrap_or(1));
    let iterations = object
        .get("iterations")
        .and_then(|node| node.whole(1..=MOST_ITERATIONS, notes));
    let throughput = object
        .get("throughput")
        .and_then(|node| positive(&node, MOST_ARRIVALS, "requests per second", notes));
    let connections = object
        .get("connections")
        .and_then(|node| node.whole(1..=MOST_CONNECTIONS, notes));
    let pacing = object
        .get("pacing")
        .and_then(|node| node.choice(&["default", "precise", "spin"], notes));
    let retry = object
        .get("retry")
        .and_then(|node| node.choice(&["safe", "never"], notes));
    let amount = match scripted && scripts::says_no_load(&object) {
        true => scripts::end_after(&object, notes).map(|end_us| Amount::Own { end_us }),
        false if scripted && !scripts::says_length(&object, notes) => None,
        false => amount(&object, notes),
    };
    let (total_requests, amount) = total::total_requests(&object, amount, notes);
    fitting(&object, scripted, notes);
    Some(Execution {
        path: node.path.clone(),
        scenario: object
            .get("scenario")
            .and_then(|node| node.text(notes))
            .unwrap_or_default()
            .to_owned(),
        amount,
        concurrency,
        dns: object
            .get("dns")
            .map(|node| dns(&node, notes))
            .unwrap_or_default(),
        spot: object
            .get("spot")
            .and_then(|node| node.whole(0..=100, notes))
            .and_then(|percent| u8::try_from(percent).ok()),
        seed: seed(&object, notes),
        tool,
        staged: object.has("stages"),
        iterations,
        total_requests,
        throughput,
        connections: connections.unwrap_or(DEFAULT_CONNECTIONS),
        graceful_stop_us: object
            .get("graceful-stop")
            .and_then(|node| node.duration(0..=LONGEST_GRACEFUL_STOP_US, notes))
            .unwrap_or(DEFAULT_GRACEFUL_STOP_US),
        pacing: match pacing {
            Some("precise") => Pacing::Precise,
            Some("spin") => Pacing::Spin,
            _ => Pacing::Default,
        },
        retry: match retry {
            Some("never") => Retry::Never,
            _ => Retry::Safe,
        },
        give_up_after_us: give_up_after(&object, notes),
    })
}

/// Keys that another makes idle, and those that are for scripts alone.
fn idle(object: &Object<'_>, scripted: bool, notes: &mut Notes) {
    if !scripted && object.has("end-after") {
        notes.fault(
            object.path_of("end-after"),
            "ends a script that makes its own load; here hold-for, stages or iterations say how long",
        );
    }
    if object.has("users") && object.has("concurrency") {
        notes.warn(
            &object.path_of("concurrency"),
            "has no effect: users says how many there are in all",
        );
    }
}

/// `seed` of the run's random numbers.
fn seed(object: &Object<'_>, notes: &mut Notes) -> Option<u64> {
    object.get("seed")?.whole(0..=LARGEST_SEED, notes)
}

/// `give-up-after`: a duration, or `never`, which is None.
fn give_up_after(object: &Object<'_>, notes: &mut Notes) -> Option<u64> {
    let Some(node) = object.get("give-up-after") else {
        return Some(DEFAULT_GIVE_UP_AFTER_US);
    };
    match node.value {
        Value::String(text) if text == "never" => None,
        Value::String(text) if parse_duration(text).is_none() && yaml_number(text).is_none() => {
            let given = shown_value(node.value);
            node.fault(
                notes,
                format!("must be never, or a duration like 5s or 1m, not {given}"),
            );
            None
        }
        _ => node.duration(SHORTEST_GIVE_UP_AFTER_US..=LONGEST_US, notes),
    }
}

/// Keys that do not go together, each named where it stands.
fn fitting(object: &Object<'_>, scripted: bool, notes: &mut Notes) {
    idle(object, scripted, notes);
    let mut clash = |key: &str, with: &str, reason: &str| {
        if object.has(key) && object.has(with) {
            notes.fault(object.path_of(key), reason);
        }
    };
    clash(
        "users",
        "arrivals",
        "does not go with arrivals: a load is either users who wait or arrivals that do not; keep one",
    );
    clash(
        "concurrency",
        "arrivals",
        "does not go with arrivals: a load is either users who wait or arrivals that do not; keep one",
    );
    clash(
        "iterations",
        "arrivals",
        "counts rounds of a user and does not go with arrivals; use hold-for",
    );
    clash(
        "iterations",
        "total-requests",
        "counts rounds of each user, and total-requests the requests of all; keep one",
    );
    clash(
        "throughput",
        "arrivals",
        "caps what users send and does not go with arrivals; remove it",
    );
    clash(
        "ramp-up",
        "stages",
        "does not go with stages, which replace it; keep one",
    );
    clash(
        "hold-for",
        "stages",
        "does not go with stages, which replace it; keep one",
    );
    for key in ["connections", "pacing"] {
        if object.has(key) && !object.has("arrivals") {
            notes.warn(
                &object.path_of(key),
                "is not used, since it belongs to arrivals",
            );
        }
    }
    if object.has("concurrency") && object.has("stages") {
        notes.warn(
            &object.path_of("concurrency"),
            "is not used, since stages say how many users the whole run has",
        );
    }
}

/// Users or arrivals over time. With `stages` the key `arrivals`, whatever its
/// value, means that targets are arrivals per second; else they are users.
fn amount(object: &Object<'_>, notes: &mut Notes) -> Option<Amount> {
    let open = object.has("arrivals");
    if let Some(node) = object.get("stages") {
        let curve = stages(&node, open, notes)?;
        for key in ["users", "arrivals"] {
            let given = object.get(key).map(|node| node.value.clone());
            if given.is_some_and(|given| {
                given.as_f64() != Some(0.0) && given.as_f64() != Some(curve.peak())
            }) {
                notes.warn(
                    &object.path_of(key),
                    "its number is not used, since stages say how many",
                );
            }
        }
        return non_zero_load(curve, open, &node, notes);
    }
    let ramp_us = match object.get("ramp-up") {
        Some(node) => node.duration(0..=LONGEST_US, notes),
        None => Some(0),
    };
    let hold_us = hold(object, ramp_us.unwrap_or(0), notes);
    let node = object.get("arrivals").or_else(|| object.get("users"));
    let value = match &node {
        Some(node) if open => positive(node, MOST_ARRIVALS, "arrivals per second", notes)?,
        Some(node) => node.whole(1..=MOST_USERS, notes)? as f64,
        None => 0.0,
    };
    let (ramp_us, hold_us) = (ramp_us?, hold_us?);
    if ramp_us + hold_us < SHORTEST_HOLD_US {
        let reason = format!(
            "lasts {} together with ramp-up; at least {}",
            show_duration(ramp_us + hold_us),
            show_duration(SHORTEST_HOLD_US)
        );
        notes.fault(object.path_of("hold-for"), reason);
        return None;
    }
    if ramp_us + hold_us > LONGEST_US {
        notes.fault(
            object.path_of("hold-for"),
            format!(
                "is too long: together with ramp-up it is {}; at most {}",
                show_duration(ramp_us + hold_us),
                show_duration(LONGEST_US)
            ),
        );
        return None;
    }
    match &node {
        None => Some(Amount::PerTask { ramp_us, hold_us }),
        Some(node) => non_zero_load(Curve::ramp_hold(value, ramp_us, hold_us), open, node, notes),
    }
}

fn hold(object: &Object<'_>, ramp_us: u64, notes: &mut Notes) -> Option<u64> {
    match object.get("hold-for") {
        // A rise may be all.
        Some(node) if object.has("ramp-up") && is_none(node.value) => Some(0),
        Some(node) => node.duration(SHORTEST_HOLD_US..=LONGEST_US, notes),
        // So many arrivals have their own time.
        None if object.has(total::KEY) && object.has("arrivals") => {
            Some(LONGEST_US.saturating_sub(ramp_us))
        }
        // Rounds and requests end by themselves, at the latest after an hour.
        None if object.has("iterations") || object.has(total::KEY) => Some(ITERATIONS_END_US),
        None => {
            notes.fault(
                object.path_of("hold-for"),
                "is missing: say how long the load is held, like hold-for: 30s (or give iterations, total-requests, or stages)",
            );
            None
        }
    }
}

/// Whether a duration is `0`, in whichever unit.
fn is_none(value: &Value) -> bool {
    match value {
        Value::String(text) => parse_duration(text) == Some(0),
        value => value.as_f64() == Some(0.0),
    }
}

/// A curve with at least one arrival or user.
fn non_zero_load(curve: Curve, open: bool, node: &Node<'_>, notes: &mut Notes) -> Option<Amount> {
    if open && curve.total_arrivals() == 0 {
        node.fault(
            notes,
            "plans not one arrival until the end; raise it or hold it longer",
        );
        return None;
    }
    if open {
        return Some(Amount::WholeRun(Model::Arrivals(curve)));
    }
    if curve.user_spans(0).is_empty() {
        node.fault(notes, "plans not one user until the end; raise a target");
        return None;
    }
    Some(Amount::WholeRun(Model::Users(curve)))
}

/// `stages`: linear between targets, from 0; a stage of no duration is a step.
fn stages(node: &Node<'_>, open: bool, notes: &mut Notes) -> Option<Curve> {
    let items = node.list(1..=MOST_STAGES, notes)?;
    let read: Vec<_> = items.iter().map(|item| stage(item, open, notes)).collect();
    let stages = read.into_iter().collect::<Option<Vec<_>>>()?;
    let total: u64 = stages.iter().map(|(_, us)| us).sum();
    if !(SHORTEST_HOLD_US..=LONGEST_US).contains(&total) {
        node.fault(
            notes,
            format!(
                "last {} together; {} to {} are allowed",
                show_duration(total),
                show_duration(SHORTEST_HOLD_US),
                show_duration(LONGEST_US)
            ),
        );
        return None;
    }
    (!stages.is_empty()).then(|| Curve::stages(0.0, &stages))
}

fn stage(node: &Node<'_>, open: bool, notes: &mut Notes) -> Option<(f64, u64)> {
    if !node.value.is_object() {
        node.fault(notes, "must be a stage like { target: 500, duration: 30s }");
        return None;
    }
    let object = node.object(notes)?;
    object.allow_only(&["target", "duration"], &[], notes);
    let mut need = |key: &str| {
        let node = object.get(key);
        if node.is_none() {
            notes.fault(
                object.path_of(key),
                "is missing: a stage has a target and a duration",
            );
        }
        node
    };
    let (target, duration) = (need("target"), need("duration"));
    let target = target.and_then(|node| {
        if open {
            up_to(&node, MOST_ARRIVALS, "arrivals per second", notes)
        } else {
            node.whole(0..=MOST_USERS, notes).map(|users| users as f64)
        }
    });
    let duration = duration.and_then(|node| node.duration(0..=LONGEST_US, notes));
    Some((target?, duration?))
}
