//! From arguments to a scenario: its source (a URL with flags, a file, stdin), the regions
//! it runs in, and all of its faults at once. Nothing is stored here.

mod files;
mod flags;
mod scripts;

pub use files::{Files, Upload};

use crate::args::{DEFAULT_CAPACITY, DEFAULT_REGION, RunArgs};
use crate::proxies;
use crate::targets;
use dlt_core::ids::Region;
use dlt_core::refusal::{Fault, Faults};
use dlt_core::routing::EnvironmentProxies;
use dlt_core::scenario::{Defaults, Format, Outside, Overrides, Purpose, Scenario, secrets};
use dlt_core::target_policy::TargetPolicy;
use std::io::Read;
use std::path::{Path, PathBuf};

/// Longest scenario that is read, bytes. It only limits memory; the API's own limit is
/// checked by the parser.
const LONGEST_SCENARIO_BYTES: u64 = 32 * 1024 * 1024;

/// What judges the files and the targets that a scenario names; without a policy of targets
/// a server does that.
pub type Judges<'a> = (&'a Files, Option<&'a TargetPolicy>);

/// Where runners of this process are, and where and by which way they may send load.
#[derive(Debug)]
pub struct Place {
    /// Regions, with the capacity of each.
    pub regions: Vec<(Region, u64)>,
    /// Where load may be sent.
    pub targets: TargetPolicy,
    /// The proxies of the environment.
    pub proxies: EnvironmentProxies,
}

impl Place {
    /// These regions, from where the usual targets are reached without a proxy: those on
    /// this machine.
    pub fn direct(regions: Vec<(Region, u64)>) -> Self {
        Self {
            regions,
            targets: TargetPolicy::default(),
            proxies: EnvironmentProxies::default(),
        }
    }
}

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
    let faults = flags::for_urls(args);
    // If there is no such file, it may be a URL without a scheme: tell that first.
    let exists = target == "-" || Path::new(target).exists();
    if exists && !faults.is_empty() {
        return Err(Faults(faults));
    }
    let overrides = flags::overrides(args, regions).map_err(Faults)?;
    let defaults = defaults(args, regions);
    from_file(target, (&defaults, &overrides), judges, Purpose::Run)
}

/// The same for runners of this process, with their place.
pub fn read_here(args: &RunArgs) -> Result<(Scenario, Place), Faults> {
    let regions = RegionChoice::local(&args.region)?;
    let targets = targets::policy(&args.targets)?;
    let proxies = proxies::of_run(&args.way)?;
    let scenario = read(args, &regions, (&Files::InPlace, Some(&targets)))?;
    // A file that was made of an answer: here no stored scenario has its secrets.
    let faults = secrets::faults(&scenario.body);
    match faults.is_empty() {
        true => {
            let regions = regions.chosen;
            let place = Place {
                regions,
                targets,
                proxies,
            };
            Ok((scenario, place))
        }
        false => Err(Faults(faults)),
    }
}

/// Reads a scenario file; without a name in the defaults, it is named after the file.
pub fn from_file(
    target: &str,
    (defaults, overrides): (&Defaults, &Overrides),
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
    let text = (&text[..], format);
    parse(text, overrides, &defaults, (&folder, judges), purpose)
}

/// The scenario of a URL with flags. Faults name the flag that they come from.
fn from_url(
    args: &RunArgs,
    regions: &RegionChoice,
    judges: Judges<'_>,
) -> Result<Scenario, Faults> {
    let mut faults = flags::contradictions(args);
    let body = match flags::body(args) {
        Ok(body) => body,
        Err(fault) => {
            faults.push(fault);
            flags::Body::None
        }
    };
    let text = flags::quick_body(args, body, &regions.chosen).to_string();
    let mut defaults = defaults(args, regions);
    if defaults.name.is_empty() {
        defaults.name = flags::name_of(&args.target);
    }
    let overrides = Overrides {
        environment: args.env.clone(),
        ..Overrides::default()
    };
    let folder = Path::new("");
    match parse(
        (text.as_bytes(), Format::Json),
        &overrides,
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
    const FLAGS: [(&str, &str); 28] = [
        ("].url", "URL"),
        ("].users", "-c"),
        ("].arrivals", "--arrivals"),
        ("].hold-for", "-d"),
        ("].ramp-up", "--ramp-up"),
        ("].iterations", "--iterations"),
        ("].total-requests", "-n"),
        ("].stages", "--stages"),
        ("].connections", "--connections"),
        ("].pacing", "--pacing"),
        ("].throughput", "--throughput"),
        ("].seed", "--seed"),
        ("].think-time", "--think-time"),
        ("].taskCount", "--tasks"),
        ("].method", "-m"),
        ("].headers", "-H"),
        ("].body", "-b"),
        ("].auth", "-u"),
        ("].timeout", "--timeout"),
        (".tls.ca-file", "--ca-file"),
        (".tls.cert-file", "--cert-file"),
        (".tls.key-file", "--key-file"),
        (".resolve", "--resolve"),
        (".connect-to", "--connect-to"),
        (".proxy", "--proxy"),
        (".no-proxy", "--noproxy"),
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
    (text, format): (&[u8], Format),
    overrides: &Overrides,
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
    let given = (defaults, outside);
    let scenario = Scenario::from_file(text, format, overrides, given, purpose)?;
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
        _ if path.exists() => return scripts::as_file(path),
        _ if target.starts_with("unix:") => {
            return Err(format!(
                "is a Unix socket, which stands beside a URL: http://localhost/ --connect-to ::{target} --allow-target {target}"
            ));
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
