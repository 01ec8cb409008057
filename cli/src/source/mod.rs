//! From arguments to a scenario: its source (a URL with flags, a file, stdin), the regions
//! it runs in, and all of its faults at once. Nothing is stored here.

mod files;

pub use files::{Files, Upload};

use crate::args::{DEFAULT_CAPACITY, DEFAULT_REGION, RunArgs};
use dlt_core::ids::Region;
use dlt_core::refusal::{Fault, Faults};
use dlt_core::scenario::requests::targets::without_user;
use dlt_core::scenario::{Defaults, Format, Outside, Purpose, Quick, Scenario, quick};
use dlt_core::target_policy::TargetPolicy;
use serde_json::{Value, json};
use std::io::Read;
use std::path::{Path, PathBuf};

/// Longest scenario that is read, bytes. It only limits memory; the API's own limit is
/// checked by the parser.
const LONGEST_SCENARIO_BYTES: u64 = 32 * 1024 * 1024;

/// What judges the files and the targets that a scenario names; without a policy of targets
/// a server does that.
pub type Judges<'a> = (&'a Files, Option<&'a TargetPolicy>);

/// The regions that a scenario may run in, each with its capacity.
#[derive(Debug, Clone)]
pub struct RegionChoice {
    /// The chosen regions: a URL's runners are spread over these; a file's are in the
    /// first, unless it names regions.
    pub chosen: Vec<(Region, u64)>,
    /// Further regions that a file may name.
    pub others: Vec<(Region, u64)>,
}

impl RegionChoice {
    /// Regions of this process, as in `--region`.
    pub fn local(given: &[String]) -> Result<Self, Faults> {
        Ok(Self {
            chosen: regions(given)?,
            others: Vec::new(),
        })
    }

    /// Regions of a server: those in `--region`, or else its first. Capacities are the
    /// server's.
    pub fn of_server(known: Vec<(Region, u64)>, given: &[String]) -> Result<Self, Faults> {
        if given.is_empty() {
            let mut known = known;
            let others = known.split_off(known.len().min(1));
            return Ok(Self {
                chosen: known,
                others,
            });
        }
        let named = regions(given)?;
        let names: Vec<&str> = known.iter().map(|row| row.0.as_str()).collect();
        let faults: Vec<Fault> = named
            .iter()
            .filter(|row| !names.contains(&row.0.as_str()))
            .map(|row| Fault {
                path: "--region".to_owned(),
                reason: format!(
                    "{} is not a region of this server; known: {}",
                    row.0,
                    names.join(", ")
                ),
            })
            .collect();
        if !faults.is_empty() {
            return Err(Faults(faults));
        }
        let (chosen, others) = known
            .into_iter()
            .partition(|row| named.iter().any(|named| named.0 == row.0));
        Ok(Self { chosen, others })
    }

    fn all(&self) -> Vec<(Region, u64)> {
        [self.chosen.clone(), self.others.clone()].concat()
    }
}

/// The scenario of `dlt run`'s arguments.
pub fn read(
    args: &RunArgs,
    regions: &RegionChoice,
    judges: Judges<'_>,
) -> Result<Scenario, Faults> {
    let target = args.target.as_str();
    if target.contains("://") {
        return from_url(args, regions, judges);
    }
    let faults = flags_for_urls(args);
    // If there is no such file, it may be a URL without a scheme: tell that first.
    let exists = target == "-" || Path::new(target).exists();
    if exists && !faults.is_empty() {
        return Err(Faults(faults));
    }
    from_file(target, &defaults(args, regions), judges, Purpose::Run)
}

/// Reads a scenario file; without a name in the defaults, it is named after the file.
pub fn from_file(
    target: &str,
    defaults: &Defaults,
    judges: Judges<'_>,
    purpose: Purpose,
) -> Result<Scenario, Faults> {
    let (text, format, folder) = read_file(target).map_err(|reason| one(target, reason))?;
    let mut defaults = defaults.clone();
    if defaults.name.is_empty() {
        defaults.name = match target {
            "-" => "stdin".to_owned(),
            path => Path::new(path).file_stem().map_or_else(
                || path.to_owned(),
                |stem| stem.to_string_lossy().into_owned(),
            ),
        };
    }
    parse(&text, format, &defaults, (&folder, judges), purpose)
}

/// The scenario of a URL with flags. Faults name the flag that they come from.
fn from_url(
    args: &RunArgs,
    regions: &RegionChoice,
    judges: Judges<'_>,
) -> Result<Scenario, Faults> {
    let mut faults: Vec<Fault> = args
        .header
        .iter()
        .filter(|header| !header.contains(':'))
        .map(|header| Fault {
            path: "-H".to_owned(),
            reason: format!("{header:?} has no colon; write it like 'Accept: text/html'"),
        })
        .collect();
    let text = quick_body(args, &regions.chosen).to_string();
    let mut defaults = defaults(args, regions);
    if defaults.name.is_empty() {
        defaults.name = name_of(&args.target);
    }
    let folder = Path::new("");
    match parse(
        text.as_bytes(),
        Format::Json,
        &defaults,
        (folder, judges),
        Purpose::Run,
    ) {
        Ok(scenario) if faults.is_empty() => Ok(scenario),
        Ok(_) => Err(Faults(faults)),
        Err(Faults(of_body)) => {
            faults.extend(of_body.into_iter().map(with_flag));
            Err(Faults(faults))
        }
    }
}

/// Adds the flag that a fault of the scenario's body comes from.
fn with_flag(mut fault: Fault) -> Fault {
    const FLAGS: [(&str, &str); 20] = [
        ("].url", "URL"),
        ("].users", "-c"),
        ("].arrivals", "--arrivals"),
        ("].hold-for", "-d"),
        ("].ramp-up", "--ramp-up"),
        ("].iterations", "--iterations"),
        ("].stages", "--stages"),
        ("].connections", "--connections"),
        ("].throughput", "--throughput"),
        ("].think-time", "--think-time"),
        ("].taskCount", "--tasks"),
        ("].method", "-m"),
        ("].headers", "-H"),
        ("].body", "-b"),
        ("].timeout", "--timeout"),
        (".tls.ca-file", "--ca-file"),
        (".tls.cert-file", "--cert-file"),
        (".tls.key-file", "--key-file"),
        ("thresholds[", "--threshold"),
        ("testName", "--name"),
    ];
    if let Some((_, flag)) = FLAGS.iter().find(|(part, _)| fault.path.contains(part)) {
        fault.reason.push_str(&format!(" ({flag})"));
    }
    fault
}

/// Parses a scenario whose files are relative to `folder`.
pub fn parse(
    text: &[u8],
    format: Format,
    defaults: &Defaults,
    (folder, (files, targets)): (&Path, Judges<'_>),
    purpose: Purpose,
) -> Result<Scenario, Faults> {
    let check = |name: &str| files.check(folder, name);
    let outside = Outside::files(&check);
    let outside = match targets {
        Some(targets) => outside.with_targets(targets),
        None => outside,
    };
    let scenario = Scenario::from_text(text, format, defaults, outside, purpose)?;
    // What runners would find in the files is said before anything starts, or is kept: nobody
    // else reads them before.
    let faults = files.judge(&scenario.plan);
    if faults.is_empty() {
        Ok(scenario)
    } else {
        Err(Faults(faults))
    }
}

fn one(path: impl Into<String>, reason: impl Into<String>) -> Faults {
    Faults(vec![Fault {
        path: path.into(),
        reason: reason.into(),
    }])
}

fn defaults(args: &RunArgs, regions: &RegionChoice) -> Defaults {
    Defaults {
        regions: regions.all(),
        tasks: args.tasks.unwrap_or(regions.chosen.len() as u64),
        name: args.name.clone().unwrap_or_default(),
        show_live: true,
    }
}

/// Parses `NAME` and `NAME=CAPACITY`, each once; all faults at once.
pub fn regions(given: &[String]) -> Result<Vec<(Region, u64)>, Faults> {
    let mut regions: Vec<(Region, u64)> = Vec::new();
    let mut faults = Vec::new();
    let default = [DEFAULT_REGION.to_owned()];
    let given = if given.is_empty() { &default } else { given };
    for text in given {
        let (name, capacity) = match text.split_once('=') {
            Some((name, capacity)) => (name, capacity.parse::<u64>().ok().filter(|&n| n > 0)),
            None => (text.as_str(), Some(DEFAULT_CAPACITY)),
        };
        let reason = match (Region::parse(name), capacity) {
            (Err(error), _) => error.to_string(),
            (Ok(_), None) => format!("{text:?} needs a capacity of 1 or more, like {name}=8"),
            (Ok(region), Some(_)) if regions.iter().any(|known| known.0 == region) => {
                format!("{name} is given twice")
            }
            (Ok(region), Some(capacity)) => {
                regions.push((region, capacity));
                continue;
            }
        };
        faults.push(Fault {
            path: "--region".to_owned(),
            reason,
        });
    }
    if faults.is_empty() {
        Ok(regions)
    } else {
        Err(Faults(faults))
    }
}

/// Spreads `tasks` evenly over the regions, with the remainder in the first ones; regions
/// without tasks are left out.
fn spread(tasks: u64, regions: &[(Region, u64)]) -> Vec<(String, u64)> {
    let of = regions.len().max(1) as u64;
    regions
        .iter()
        .zip(0u64..)
        .map(|((region, _), at)| (region.to_string(), tasks / of + u64::from(at < tasks % of)))
        .filter(|row| row.1 > 0)
        .collect()
}

/// The scenario's body for a URL with flags.
fn quick_body(args: &RunArgs, regions: &[(Region, u64)]) -> Value {
    let tasks = args.tasks.unwrap_or(regions.len() as u64);
    let mut tasks_by_region = spread(tasks, regions);
    if tasks_by_region.is_empty() {
        // Zero runners: the scenario's parser refuses them, with the path.
        let first = regions.first().map(|row| row.0.to_string());
        tasks_by_region = vec![(first.unwrap_or_default(), tasks)];
    }
    let (body, body_file) = match args.body.as_deref() {
        Some(text) => match text.strip_prefix('@') {
            Some(file) => (None, Some(file)),
            None => (Some(text.to_owned()), None),
        },
        None => (None, None),
    };
    let (stages, open) = stages(&args.stages);
    let mut value = quick(&Quick {
        url: args.target.clone(),
        method: args.method.clone(),
        headers: args
            .header
            .iter()
            .filter(|header| header.contains(':'))
            .cloned()
            .collect(),
        body,
        users: args.users,
        arrivals: open.then_some(0.0).or(args.arrivals),
        duration: args.duration.clone(),
        ramp_up: args.ramp_up.clone(),
        iterations: args.iterations,
        stages,
        tasks: tasks_by_region,
        thresholds: args.threshold.clone(),
        timeout: args.timeout.clone(),
        ca_file: args.ca_file.clone(),
        cert_file: args.cert_file.clone(),
        key_file: args.key_file.clone(),
        insecure: args.insecure,
        connections: args.connections,
        think_time: args.think_time.clone(),
        name: Some(args.name.clone().unwrap_or_else(|| name_of(&args.target))),
        no_follow: args.no_follow,
        throughput: args.throughput,
    });
    if let Some(file) = body_file {
        // Not read here: it may be binary, and large.
        if let Some(request) = first_request(&mut value) {
            request.insert("body-file".to_owned(), json!(file));
        }
    }
    value
}

/// The name of a URL's run: the URL without its query, user and password, cut to what lists show.
fn name_of(url: &str) -> String {
    const LONGEST_NAME_CHARS: usize = 100;
    let plain = without_user(url).0;
    let plain = plain.split(['?', '#']).next().unwrap_or_default();
    plain.chars().take(LONGEST_NAME_CHARS).collect()
}

/// Stages, and whether they are arrivals (`500/s:30s`, not `50:30s`). If only some are, all
/// stay unchanged, and the scenario's parser refuses them.
fn stages(given: &[String]) -> (Vec<String>, bool) {
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

/// Faults for flags whose settings belong into the scenario file.
fn flags_for_urls(args: &RunArgs) -> Vec<Fault> {
    let given = [
        ("-c", args.users.is_some(), "users"),
        ("--arrivals", args.arrivals.is_some(), "arrivals"),
        ("-d", args.duration.is_some(), "hold-for"),
        ("--ramp-up", args.ramp_up.is_some(), "ramp-up"),
        ("--iterations", args.iterations.is_some(), "iterations"),
        ("--stages", !args.stages.is_empty(), "stages"),
        ("--connections", args.connections.is_some(), "connections"),
        ("--throughput", args.throughput.is_some(), "throughput"),
        ("--think-time", args.think_time.is_some(), "think-time"),
        ("-m", args.method.is_some(), "method"),
        ("-H", !args.header.is_empty(), "headers"),
        ("-b", args.body.is_some(), "body"),
        ("--timeout", args.timeout.is_some(), "timeout"),
        ("--no-follow", args.no_follow, "follow-redirects: false"),
        ("--ca-file", args.ca_file.is_some(), "tls.ca-file"),
        ("--cert-file", args.cert_file.is_some(), "tls.cert-file"),
        ("--key-file", args.key_file.is_some(), "tls.key-file"),
        ("--insecure", args.insecure, "tls.insecure"),
        ("--threshold", !args.threshold.is_empty(), "thresholds"),
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

/// A scenario file's bytes and format, and the folder that its files are relative to.
fn read_file(target: &str) -> Result<(Vec<u8>, Format, PathBuf), String> {
    if target == "-" {
        let text = bounded(std::io::stdin().lock()).map_err(|error| error.to_string())?;
        let json = text.iter().find(|byte| !byte.is_ascii_whitespace()) == Some(&b'{');
        let format = if json { Format::Json } else { Format::Yaml };
        return Ok((text, format, PathBuf::new()));
    }
    let path = Path::new(target);
    let ending = path
        .extension()
        .map(|ending| ending.to_string_lossy().to_lowercase());
    let format = match ending.as_deref() {
        Some("json") => Format::Json,
        Some("yaml" | "yml") => Format::Yaml,
        _ if path.exists() => {
            return Err(
                "is not a scenario file: its name must end in .yaml, .yml or .json".to_owned(),
            );
        }
        _ => {
            return Err(format!(
                "is neither a URL nor a scenario file; a URL begins with http:// or https://, as in http://{}",
                target.trim_start_matches('/')
            ));
        }
    };
    let text = std::fs::File::open(path)
        .and_then(bounded)
        .map_err(|error| format!("cannot be read: {error}"))?;
    let folder = path.parent().map(Path::to_owned).unwrap_or_default();
    Ok((text, format, folder))
}

fn bounded(reader: impl Read) -> std::io::Result<Vec<u8>> {
    let mut text = Vec::new();
    reader
        .take(LONGEST_SCENARIO_BYTES + 1)
        .read_to_end(&mut text)?;
    if text.len() as u64 > LONGEST_SCENARIO_BYTES {
        return Err(std::io::Error::other(format!(
            "it is longer than {} MB",
            LONGEST_SCENARIO_BYTES / 1024 / 1024
        )));
    }
    Ok(text)
}

#[cfg(test)]
mod tests;
